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
        body: body(request),
    }
}

fn body(request: &Value) -> Option<Vec<u8>> {
    if let Some(body) = request.get("body") {
        return Some(body.to_string().into_bytes());
    }
    if let Some(raw) = request["rawBody"].as_str() {
        return Some(raw.into());
    }
    if let Some(hex) = request["rawBodyHex"].as_str() {
        let digits = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        return Some(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect());
    }
    let repeat = request.get("repeatBody")?;
    let part = |name: &str| repeat[name].as_str().unwrap();
    let count = usize::try_from(repeat["count"].as_u64().unwrap()).unwrap();
    Some(
        [part("prefix"), &part("unit").repeat(count), part("suffix")]
            .concat()
            .into_bytes(),
    )
}

/// What of the answer is not as expected.
fn fault(expect: &Value, answer: &Answer) -> Option<String> {
    let body = answer.json();
    if !json::is_one_of(&expect["status"], &answer.status.into()) {
        return Some(format!("the status is not {}", expect["status"]));
    }
    if expect
        .get("scimType")
        .is_some_and(|expected| !json::is_one_of(expected, &body["scimType"]))
    {
        return Some(format!("`scimType` is not {}", expect["scimType"]));
    }
    let headers = expect["headers"].as_object();
    if let Some((name, _)) = headers
        .into_iter()
        .flatten()
        .find(|(name, _)| !answer.headers.contains_key(*name))
    {
        return Some(format!("there is no `{name}`"));
    }
    if answer.status == 204 && expect["status"].is_array() {
        return None;
    }
    if let Some(difference) = expect
        .get("body")
        .and_then(|expected| json::difference(expected, &body, ""))
    {
        return Some(difference);
    }
    let paths = |name: &str| expect[name].as_array().cloned().unwrap_or_default();
    let absent = paths("absent")
        .into_iter()
        .find(|path| json::is_present(&body, path.as_str().unwrap()));
    let present = paths("present")
        .into_iter()
        .find(|path| !json::is_present(&body, path.as_str().unwrap()));
    absent
        .map(|path| format!("{path} has a value"))
        .or_else(|| present.map(|path| format!("{path} has no value")))
}
