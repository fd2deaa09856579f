//! Replays what providers send, step by step; `testdata/http/README.md` says what a transcript is made of.

use std::{collections::BTreeMap, fs};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use keyfob_provisioning::Profile;
use regex::Regex;
use serde_json::Value;

use crate::support::{Answer, Backend, Server, json, testdata};

const WRONG_TOKEN: &str = "kf_0000000000000000000000000000000000000000000";

#[tokio::test]
async fn every_transcript_passes_on_the_memory_store() {
    replay_all(Backend::Memory).await;
}

#[tokio::test]
async fn every_transcript_passes_on_sqlite() {
    replay_all(Backend::Sqlite).await;
}

async fn replay_all(backend: Backend) {
    let mut failures = Vec::new();
    let mut files: Vec<_> = fs::read_dir(testdata("http"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(files.len() >= 8, "transcripts are missing: {files:?}");
    for file in files {
        let transcript: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let found = replay(backend, &transcript).await;
        failures.extend(found.into_iter().map(|failure| format!("{name}: {failure}")));
    }
    assert!(
        failures.is_empty(),
        "{backend:?}: {} steps fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Replays one transcript on a fresh store and returns the steps that fail.
async fn replay(backend: Backend, transcript: &Value) -> Vec<String> {
    let server = Server::start(backend, Profile::interop()).await;
    let mut saved = BTreeMap::new();
    let mut failures = Vec::new();
    let steps = transcript["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    for step in steps {
        let step = substitute(step, &saved);
        let name = step["name"].as_str().unwrap();
        let answer = server.send_raw(request(&server, &step["request"])).await;
        if let Some(fault) = fault(&step["expect"], &answer) {
            failures.push(format!("`{name}`: {fault}; answered {answer}"));
        }
        for (variable, source) in step["save"].as_object().into_iter().flatten() {
            let source = source.as_str().unwrap();
            let value = match source.strip_prefix("header:") {
                Some(header) => answer.header(header).map(ToOwned::to_owned),
                None => json::lookup(&answer.json(), source).map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                }),
            };
            match value {
                Some(value) => {
                    saved.insert(variable.clone(), value);
                }
                None => failures.push(format!("`{name}`: there is no `{source}` to save")),
            }
        }
    }
    failures
}

/// Puts the saved variables in the place of `{{name}}`, wherever it stands.
fn substitute(step: &Value, saved: &BTreeMap<String, String>) -> Value {
    let mut text = step.to_string();
    for (variable, value) in saved {
        let quoted = Value::String(value.clone()).to_string();
        let escaped = quoted
            .strip_prefix('"')
            .and_then(|quoted| quoted.strip_suffix('"'))
            .unwrap();
        text = text.replace(&format!("{{{{{variable}}}}}"), escaped);
    }
    serde_json::from_str(&text).unwrap()
}

fn request(server: &Server, step: &Value) -> Request<Full<Bytes>> {
    let text = |name: &str| step[name].as_str().map(ToOwned::to_owned);
    let query = text("query").map(|query| format!("?{query}")).unwrap_or_default();
    let body = json::request_body(step);
    let mut request = Request::builder()
        .method(Method::from_bytes(text("method").unwrap().as_bytes()).unwrap())
        .uri(format!("/scim/v2{}{query}", text("path").unwrap()))
        .header(header::ACCEPT, "application/scim+json");
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/scim+json");
    }
    let authorization = match step["auth"].as_str() {
        None => Some(format!("Bearer {}", server.token)),
        Some("none") => None,
        Some("wrong") => Some(format!("Bearer {WRONG_TOKEN}")),
        Some("bare") => Some(server.token.clone()),
        Some(other) => panic!("`auth` is `{other}`"),
    };
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let mut request = request.body(Full::from(body.unwrap_or_default())).unwrap();
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        let name: header::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .insert(name, value.as_str().unwrap().parse().unwrap());
    }
    request
}

/// What of the answer is not as expected.
fn fault(expect: &Value, answer: &Answer) -> Option<String> {
    for member in expect.as_object().unwrap().keys() {
        let known = ["status", "scimType", "headers", "body", "absent", "present"];
        assert!(
            known.contains(&member.as_str()),
            "the runner knows no expectation `{member}`"
        );
    }
    if let Some(fault) = json::fault(expect, answer.status, &answer.json()) {
        return Some(fault);
    }
    if answer.status >= 400
        && let Some(fault) = answer.error_fault()
    {
        return Some(fault.into());
    }
    for (name, pattern) in expect["headers"].as_object().into_iter().flatten() {
        let pattern = Regex::new(pattern.as_str().unwrap()).unwrap();
        if !answer.header(name).is_some_and(|value| pattern.is_match(value)) {
            return Some(format!("`{name}` does not match `{pattern}`"));
        }
    }
    None
}
