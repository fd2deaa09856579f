//! Requests, changes and filters that were collected from providers, issue trackers and test suites:
//! `testdata/cases.json`, each under the interop profile and, with its strict expectation, under the RFC profile.

use std::collections::{BTreeMap, HashSet};

use keyfob_engine::Profile;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::{Value, json as value};

use crate::support::{Answer, Backend, Server, json, testdata_json};

/// Cases that are not run, and why.
const SKIPPED: &[(&str, &str)] = &[
    (
        "bulk-patch-path-bulkid",
        "bulk operations are not supported, and the service says so",
    ),
    (
        "bulk-post-without-bulkid",
        "bulk operations are not supported, and the service says so",
    ),
    (
        "bulk-user-then-group",
        "bulk operations are not supported, and the service says so",
    ),
    (
        "bulk-too-many-413",
        "bulk operations are not supported, and the service says so",
    ),
    (
        "cursor-invalid",
        "pages are found by index, and the service says so",
    ),
    ("concurrent-member-adds", "a scenario: scenarios.rs"),
    ("large-group-over-100", "a scenario: scenarios.rs"),
    ("pagination-no-silent-100-cap", "a scenario: scenarios.rs"),
    ("pagination-stable-order", "a scenario: scenarios.rs"),
    (
        "list-groups-no-n-plus-1",
        "a property of the store contract: one call of `query` answers a page",
    ),
];

#[tokio::test]
async fn every_case_holds_in_the_interop_profile_on_the_memory_store() {
    run_all(Backend::Memory, Profile::interop, false).await;
}

#[tokio::test]
async fn every_case_holds_in_the_interop_profile_on_sqlite() {
    run_all(Backend::Sqlite, Profile::interop, false).await;
}

#[tokio::test]
async fn every_case_holds_in_the_rfc_profile_on_the_memory_store() {
    run_all(Backend::Memory, Profile::rfc, true).await;
}

#[tokio::test]
async fn every_case_holds_in_the_rfc_profile_on_sqlite() {
    run_all(Backend::Sqlite, Profile::rfc, true).await;
}

async fn run_all(backend: Backend, profile: fn() -> Profile, strict: bool) {
    let cases = testdata_json("cases.json");
    let cases = cases.as_array().unwrap();
    let skipped: HashSet<&str> = SKIPPED.iter().map(|(id, _)| *id).collect();
    let known = |id: &str| cases.iter().any(|case| case["id"] == id);
    assert!(
        skipped.iter().all(|id| known(id)),
        "a skipped case does not exist"
    );
    let (mut run, mut failures) = (0, Vec::new());
    for case in cases
        .iter()
        .filter(|case| !skipped.contains(case["id"].as_str().unwrap()))
    {
        let server = Server::start(backend, profile()).await;
        run += 1;
        if let Err(fault) = Case::new(&server, case, strict).await.run().await {
            failures.push(format!("{} ({}): {fault}", case["id"], case["mode"]));
        }
    }
    assert_eq!(run + skipped.len(), cases.len());
    assert!(
        failures.is_empty(),
        "{backend:?}: {} of {run} cases fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A case on a store of its own.
struct Case<'c> {
    server: &'c Server,
    data: &'c Value,
    /// What is expected of the profile.
    expected: Value,
    /// What stands for what: `@u1` to `@u5` are users, `@self` is the case's own resource.
    variables: BTreeMap<String, String>,
}

type Outcome = Result<(), String>;

impl<'c> Case<'c> {
    async fn new(server: &'c Server, case: &'c Value, strict: bool) -> Self {
        let mut variables = BTreeMap::from([("{{rand}}".to_owned(), "4711".to_owned())]);
        for number in 1..=5 {
            let id = server.create_user(&format!("fixture{number}@example.com")).await;
            variables.insert(format!("@u{number}"), id);
        }
        let mut expected = case["expected"].clone();
        if strict && let Some(Value::Object(strict)) = expected.get("strict").cloned() {
            let result = expected["result"].take();
            expected = Value::Object(strict);
            if expected.get("result").is_none() && result.is_object() {
                expected["result"] = result;
            }
        }
        Self {
            server,
            data: case,
            expected,
            variables,
        }
    }

    async fn run(mut self) -> Outcome {
        match self.data["kind"].as_str().unwrap() {
            "request" => self.run_request().await,
            "patch" => self.run_patch().await,
            "filter" => self.run_filter().await,
            other => Err(format!("a case of kind `{other}`")),
        }
    }

    async fn run_request(&mut self) -> Outcome {
        let input = &self.data["input"];
        for step in input["setup"].as_array().into_iter().flatten() {
            let step = self.substitute(step);
            if let Some(endpoint) = step["post"].as_str() {
                let id = self.create(endpoint, &step["body"]).await?;
                self.variables.insert(step["as"].as_str().unwrap().to_owned(), id);
            } else if let Some(path) = step["patch"].as_str() {
                self.server.send("PATCH", path, Some(&step["body"])).await;
            } else {
                self.server
                    .send("DELETE", step["delete"].as_str().unwrap(), None)
                    .await;
            }
        }
        let input = self.substitute(input);
        let (method, path) = (input["method"].as_str().unwrap(), input["path"].as_str().unwrap());
        let headers = input["headers"].as_object().into_iter().flatten();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let answer = match input["raw_body"].as_str() {
            Some(raw) => self.send_raw(method, path, raw).await,
            None => {
                self.server
                    .send_with(method, path, &headers, input.get("body"))
                    .await
            }
        };
        self.check_answer(&answer)
    }

    async fn run_patch(&mut self) -> Outcome {
        let path = self.create_own().await?;
        let before = self.server.send("GET", &path, None).await.json();
        let request = self.substitute(&self.data["input"]);
        let answer = self.server.send("PATCH", &path, Some(&request)).await;
        let after = self.server.send("GET", &path, None).await.json();
        check_status(&self.expected, &answer)?;
        if answer.status < 400 {
            check_body(&self.substitute(&self.expected), "result", &after)?;
        } else if before != after {
            return Err(format!("refused and changed: {before} and then {after}"));
        }
        if self.expected["unchanged"] == true && before != after {
            return Err(format!("changed: {before} and then {after}"));
        }
        Ok(())
    }

    async fn run_filter(&mut self) -> Outcome {
        let path = self.create_own().await?;
        let (endpoint, id) = path.rsplit_once('/').unwrap();
        let filter = self.substitute(&self.data["input"]);
        let filter = utf8_percent_encode(filter.as_str().unwrap(), NON_ALPHANUMERIC);
        let answer = self
            .server
            .send("GET", &format!("{endpoint}?count=1000&filter={filter}"), None)
            .await;
        if self.expected["valid"] == false {
            return check_status(&self.expected, &answer);
        }
        if answer.status != 200 {
            return Err(format!("the status is not 200: {answer}"));
        }
        let found = answer.json();
        let found = found["Resources"].as_array().unwrap();
        let matches = found.iter().any(|resource| resource["id"] == id);
        match self.expected["match"].as_bool() {
            Some(expected) if expected != matches => Err(format!("the match is {matches}: {answer}")),
            _ => Ok(()),
        }
    }

    /// Creates the case's own resource and returns its path.
    async fn create_own(&mut self) -> Result<String, String> {
        let resource = self.substitute(&self.data["resource"]);
        let is_group = |uri: &Value| uri.as_str().is_some_and(|uri| uri.ends_with(":Group"));
        let group = resource["schemas"].as_array().unwrap().iter().any(is_group);
        let endpoint = if group { "/Groups" } else { "/Users" };
        let id = self.create(endpoint, &resource).await?;
        self.variables.insert("@self".to_owned(), id.clone());
        Ok(format!("{endpoint}/{id}"))
    }

    async fn create(&self, endpoint: &str, body: &Value) -> Result<String, String> {
        let answer = self.server.send("POST", endpoint, Some(body)).await;
        if answer.status != 201 {
            return Err(format!("the setup fails: {answer}"));
        }
        Ok(answer.json()["id"].as_str().unwrap().to_owned())
    }

    async fn send_raw(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/scim/v2{path}"))
            .header("authorization", format!("Bearer {}", self.server.token))
            .header("content-type", "application/scim+json")
            .body(body.to_owned().into());
        self.server.send_raw(request.unwrap()).await
    }

    fn check_answer(&self, answer: &Answer) -> Outcome {
        let expected = self.substitute(&self.expected);
        check_status(&expected, answer)?;
        check_body(&expected, "body", &answer.json())?;
        for (name, pattern) in expected["headers"].as_object().into_iter().flatten() {
            let pattern = Regex::new(pattern.as_str().unwrap()).unwrap();
            if !answer
                .header(&name.to_ascii_lowercase())
                .is_some_and(|value| pattern.is_match(value))
            {
                return Err(format!("`{name}` does not match `{pattern}`: {answer}"));
            }
        }
        for (path, kind) in expected["types"].as_object().into_iter().flatten() {
            let body = answer.json();
            let found = json::lookup(&body, path).unwrap_or(&Value::Null);
            let fits = if kind == "str" {
                found.is_string()
            } else {
                kind == "int" && found.is_u64()
            };
            if !fits {
                return Err(format!("{path} is not of the type {kind}: {answer}"));
            }
        }
        Ok(())
    }

    /// Puts the variables into a value, the longest name first.
    fn substitute(&self, value: &Value) -> Value {
        let mut text = value.to_string();
        let mut variables: Vec<_> = self.variables.iter().collect();
        variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in variables {
            text = text.replace(name, value);
        }
        serde_json::from_str(&text).unwrap()
    }
}

fn check_status(expected: &Value, answer: &Answer) -> Outcome {
    if !json::is_one_of(&expected["status"], &answer.status.into()) {
        return Err(format!("the status is not {}: {answer}", expected["status"]));
    }
    if answer.status < 400 {
        return Ok(());
    }
    if let Some(fault) = answer.error_fault() {
        return Err(format!("{fault}: {answer}"));
    }
    match expected.get("scimType") {
        Some(scim_type) if !json::is_one_of(scim_type, &answer.json()["scimType"]) => {
            Err(format!("`scimType` is not {scim_type}: {answer}"))
        }
        _ => Ok(()),
    }
}

/// Compares a body. Where the case expects `false`, no value will do, and `schemas` may name more.
fn check_body(expected: &Value, member: &str, body: &Value) -> Outcome {
    let mut wanted = expected.get(member).cloned().unwrap_or_else(|| value!({}));
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.retain(|name, value| *value != Value::Bool(false) || json::is_present(body, name));
        let stated = body["schemas"].as_array().cloned().unwrap_or_default();
        if wanted
            .get("schemas")
            .and_then(Value::as_array)
            .is_some_and(|uris| uris.iter().all(|uri| stated.contains(uri)))
        {
            wanted.remove("schemas");
        }
    }
    if let Some(difference) = json::difference(&wanted, body, "") {
        return Err(difference);
    }
    let paths = |name: &str| expected[name].as_array().cloned().unwrap_or_default();
    for path in paths("absent") {
        if json::is_present(body, path.as_str().unwrap()) {
            return Err(format!("{path} has a value: {body}"));
        }
    }
    for path in paths("present") {
        if !json::is_present(body, path.as_str().unwrap()) {
            return Err(format!("{path} has no value: {body}"));
        }
    }
    Ok(())
}
