//! Replays what providers send against a real server on SQLite; `testdata/http/README.md` says what a transcript is
//! made of. Patterns of headers are checked where the service itself is tested, in `keyfob-http`.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::{Answer, Client, Draft},
    json,
    process::Server,
};

#[test]
fn the_transcript_of_entra_id_passes() {
    replay("entra.json");
}

#[test]
fn the_transcript_of_entra_id_with_the_compliance_flag_passes() {
    replay("entra-optscim.json");
}

#[test]
fn the_transcript_of_okta_passes() {
    replay("okta.json");
}

#[test]
fn the_transcript_of_bad_input_passes() {
    replay("bad-input.json");
}

fn replay(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/http")
        .join(name);
    let transcript: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let (server, client) = Server::start_fresh(&["--store", &store]);
    let mut saved = BTreeMap::new();
    let mut failures = Vec::new();
    let steps = transcript["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    for step in steps {
        let step = substitute(step, &saved);
        let client = match step["request"]["auth"].as_str() {
            None => client.clone(),
            Some("none") => Client::new(&server.base, None),
            Some("wrong") => server.client("kf_0000000000000000000000000000000000000000000"),
            Some(other) => panic!("`auth` is `{other}`"),
        };
        match client.try_send_draft(draft(&step["request"])) {
            Ok(answer) => {
                if let Some(fault) = fault(&step["expect"], &answer) {
                    failures.push(format!("{}: {fault}; answered {answer}", step["name"]));
                }
                save(&step, &answer, &mut saved);
            }
            Err(error) => failures.push(format!("{}: {error}", step["name"])),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} steps fail\n{}",
        failures.len(),
        steps.len(),
        failures.join("\n")
    );
    assert_eq!(server.stop().code, Some(0));
}

/// Puts the saved variables in the place of `{{name}}`, wherever it stands.
fn substitute(step: &Value, saved: &BTreeMap<String, String>) -> Value {
    let mut text = step.to_string();
    for (variable, value) in saved {
        let quoted = Value::String(value.clone()).to_string();
        let value = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap();
        text = text.replace(&format!("{{{{{variable}}}}}"), value);
    }
    serde_json::from_str(&text).unwrap()
}

fn save(step: &Value, answer: &Answer, saved: &mut BTreeMap<String, String>) {
    for (variable, source) in step["save"].as_object().into_iter().flatten() {
        let source = source.as_str().unwrap();
        let value = match source.strip_prefix("header:") {
            Some(header) => answer.headers.get(header).cloned(),
            None => json::lookup(&answer.json(), source)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned),
        };
        saved.insert(
            variable.clone(),
            value.unwrap_or_else(|| panic!("{}: no `{source}`", step["name"])),
        );
    }
}

fn draft(request: &Value) -> Draft<'_> {
    let query = request["query"]
        .as_str()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let headers = request["headers"].as_object().into_iter().flatten();
    Draft {
        method: request["method"].as_str().unwrap(),
        path: format!("{}{query}", request["path"].as_str().unwrap()),
        headers: headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
        body: json::request_body(request),
    }
}

/// What of the answer is not as expected.
fn fault(expect: &Value, answer: &Answer) -> Option<String> {
    if let Some(fault) = json::fault(expect, answer.status, &answer.json()) {
        return Some(fault);
    }
    let mut headers = expect["headers"].as_object().into_iter().flatten();
    headers
        .find(|(name, _)| !answer.headers.contains_key(*name))
        .map(|(name, _)| format!("there is no `{name}`"))
}
