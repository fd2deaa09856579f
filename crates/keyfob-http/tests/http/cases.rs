//! Requests, changes and filters that were collected from providers, issue trackers and test suites:
//! `testdata/cases.json`, `field-2.json` and `peers-2.json`, each case under the interop profile and, with its strict
//! expectation, under the RFC profile.

use std::collections::{BTreeMap, HashSet};

use keyfob_provisioning::Profile;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::{Value, json as value};

use crate::support::{Answer, Backend, Server, json, testdata_json};

/// Cases that are not run, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("bulk-too-many-413", "a scenario: bulk.rs"),
    (
        "fb-http-414-has-scim-body",
        "a service embedded in a server doesn't see a target that the server refuses",
    ),
    ("concurrent-member-adds", SCENARIO),
    ("large-group-over-100", SCENARIO),
    ("pagination-no-silent-100-cap", SCENARIO),
    ("pagination-stable-order", SCENARIO),
    (
        "fb-scenario-okta-header-auth-raw-token",
        "a scenario: authentication.rs",
    ),
    ("fb-scenario-entra-lookup-create-agree", "a scenario: compare.rs"),
    (
        "list-groups-no-n-plus-1",
        "a property of the store contract: one call of `query` answers a page",
    ),
    ("root-query", "a scenario: sorting.rs"),
    (
        "accessiq-no-default-unit",
        "units belong to keyfob-access, whose tests hold it",
    ),
    ("duplicate-values-on-create", "a scenario: formats.rs"),
];
const SCENARIO: &str = "a scenario: scenarios.rs";

#[tokio::test]
async fn every_case_holds_in_the_interop_profile_on_the_memory_store() {
    run_all(Backend::Memory, INTEROP).await;
}

#[tokio::test]
async fn every_case_holds_in_the_interop_profile_on_sqlite() {
    run_all(Backend::Sqlite, INTEROP).await;
}

#[tokio::test]
async fn every_case_holds_in_the_rfc_profile_on_the_memory_store() {
    run_all(Backend::Memory, RFC).await;
}

#[tokio::test]
async fn every_case_holds_in_the_rfc_profile_on_sqlite() {
    run_all(Backend::Sqlite, RFC).await;
}

/// A profile, and the member of `expected` that replaces what it names under it.
#[derive(Clone, Copy)]
struct Under {
    name: &'static str,
    profile: fn() -> Profile,
    dialect: &'static str,
    expected: &'static str,
}

const INTEROP: Under = Under {
    name: "interop",
    profile: Profile::interop,
    dialect: "interop",
    expected: "compat",
};
const RFC: Under = Under {
    name: "rfc",
    profile: Profile::rfc,
    dialect: "strict",
    expected: "strict",
};

async fn run_all(backend: Backend, under: Under) {
    let mut cases: Vec<Value> = Vec::new();
    for file in ["cases.json", "field-2.json"] {
        cases.extend(testdata_json(file).as_array().unwrap().clone());
    }
    cases.extend(
        testdata_json("peers-2.json")
            .as_array()
            .unwrap()
            .iter()
            .map(of_peer),
    );
    let known = |id: &str| cases.iter().any(|case| case["id"] == id);
    for (id, _) in SKIPPED {
        assert!(known(id), "the skipped case `{id}` does not exist");
    }
    let skipped: HashSet<&str> = SKIPPED.iter().map(|(id, _)| *id).collect();
    let (mut run, mut failures) = (0, Vec::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        if skipped.contains(id) || !applies(case, under) {
            continue;
        }
        let server = Server::start(backend, (under.profile)()).await;
        run += 1;
        if let Err(fault) = Case::new(&server, case, under).await.run().await {
            failures.push(format!("{id} ({}): {fault}", case["mode"]));
        }
    }
    assert!(
        failures.is_empty(),
        "{backend:?}, {}: {} of {run} cases fail\n{}",
        under.name,
        failures.len(),
        failures.join("\n")
    );
}

/// Returns true if a case says something of a profile: one that names a dialect is for that dialect alone, and what a
/// provider sends beyond the RFC says something of the RFC profile only where it names what is expected there.
fn applies(case: &Value, under: Under) -> bool {
    let dialect = &case["dialect"];
    if dialect.is_string() {
        return dialect == under.dialect;
    }
    let reported = case["id"].as_str().unwrap().starts_with("fb-");
    let compatible = case["mode"] == "compat";
    !(reported && compatible && under.name == "rfc") || case["expected"].get("strict").is_some()
}

/// Brings a case of `peers-2.json` into the form of the other files. Its members are the users `@u1` and `@u2`.
fn of_peer(case: &Value) -> Value {
    let input = &case["input"];
    if let Some(steps) = input["steps"].as_array() {
        return of_steps(case, steps);
    }
    let text = value!({"resource": input["resource"], "patch": input["patch"], "filter": input["filter"],
        "expected": case["expected"]});
    let text = text
        .to_string()
        .replace(r#""m1""#, r#""@u1""#)
        .replace(r#""m2""#, r#""@u2""#);
    let data: Value = serde_json::from_str(&text).unwrap();
    let expected = match data["expected"].as_str() {
        Some("matches") => value!({"valid": true, "match": true}),
        Some("400 invalidValue") => value!({"status": 400, "scimType": "invalidValue", "unchanged": true}),
        Some(text) if text.starts_with("detail names") => {
            value!({"status": 400, "detail": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName"})
        }
        _ => value!({"status": [200, 204], "result": data["expected"]}),
    };
    let is_filter = case["kind"] == "filter-eval";
    value!({
        "id": case["id"],
        "mode": "peer",
        "kind": if is_filter { value!("filter") } else { case["kind"].clone() },
        "dialect": input["dialect"],
        "resource": data["resource"],
        "input": if is_filter { &data["filter"] } else { &data["patch"] },
        "expected": expected,
    })
}

/// Brings a case that is written as steps into the form of the other files: users and groups are created in order, each named by
/// a letter that is its `displayName` too, and the last step is the request.
fn of_steps(case: &Value, steps: &[Value]) -> Value {
    let (request, setup) = steps.split_last().unwrap();
    let step = |step: &Value| {
        let words: Vec<&str> = step.as_str().unwrap().split(' ').collect();
        match words.as_slice() {
            ["user", name] => value!({"post": "/Users", "as": format!("@{name}"), "body": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{name}@example.com"),
                "displayName": name, "emails": [{"value": format!("{name}@example.com")}]}}),
            ["group", name, "with", member] => value!({"post": "/Groups", "as": format!("@{name}"), "body": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name,
                "members": [{"value": format!("@{member}")}]}}),
            words => panic!("a step of {words:?}"),
        }
    };
    let (method, path) = request.as_str().unwrap().split_once(' ').unwrap();
    let (endpoint, name) = path.rsplit_once('/').unwrap();
    value!({
        "id": case["id"],
        "mode": "peer",
        "kind": "request",
        "input": {
            "setup": setup.iter().map(step).collect::<Vec<_>>(),
            "method": method,
            "path": format!("{endpoint}/@{name}"),
        },
        "expected": {"status": 200, "body": case["expected"]},
    })
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
    async fn new(server: &'c Server, case: &'c Value, under: Under) -> Self {
        let mut variables = BTreeMap::from([("{{rand}}".to_owned(), "4711".to_owned())]);
        for number in 1..=5 {
            let id = server.create_user(&format!("fixture{number}@example.com")).await;
            variables.insert(format!("@u{number}"), id);
        }
        let mut expected = case["expected"].clone();
        if let Some(Value::Object(instead)) = expected.get(under.expected).cloned() {
            let refused = instead
                .get("status")
                .is_some_and(|status| !json::is_one_of(status, &200.into()));
            let expected = expected.as_object_mut().unwrap();
            if refused {
                expected.retain(|name, _| name == "unchanged");
            }
            expected.extend(instead);
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
        self.learn_tags().await;
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

    /// Lets `{{etag:@x}}` stand for the tag of each resource that the setup made.
    async fn learn_tags(&mut self) {
        if !self.data["input"]["headers"].to_string().contains("etag:") {
            return;
        }
        for (name, id) in self.variables.clone() {
            let answer = self.server.send("GET", &format!("/Users/{id}"), None).await;
            if let Some(tag) = answer.header("etag") {
                // It stands within a JSON text.
                let tag = tag.replace('"', r#"\""#);
                self.variables.insert(
                    format!("{{{{strong-etag:{name}}}}}"),
                    tag.trim_start_matches("W/").to_owned(),
                );
                self.variables.insert(format!("{{{{etag:{name}}}}}"), tag);
            }
        }
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
    if let Some(detail) = expected["detail"].as_str()
        && !answer.json()["detail"].as_str().unwrap().contains(detail)
    {
        return Err(format!("`detail` does not name `{detail}`: {answer}"));
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
    if wanted == value!({}) && body.is_null() {
        return Ok(());
    }
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
