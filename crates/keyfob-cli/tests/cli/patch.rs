//! `keyfob patch`: the patched resource, or the error body of what is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::patch,
    json,
    process::{Finished, run},
};

/// Two files in a folder of their own.
struct Files {
    _folder: TempDir,
    resource: PathBuf,
    patch: PathBuf,
}

impl Files {
    fn new(resource: &Value, patch: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        let files = Self {
            resource: folder.path().join("resource.json"),
            patch: folder.path().join("patch.json"),
            _folder: folder,
        };
        fs::write(&files.resource, resource.to_string()).unwrap();
        fs::write(&files.patch, patch.to_string()).unwrap();
        files
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let (resource, patch) = (self.resource.to_str().unwrap(), self.patch.to_str().unwrap());
        run(
            &[&["patch", "--resource", resource, "--patch", patch], arguments].concat(),
            "",
        )
    }
}

fn barbara() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "bjensen",
        "title": "Tour Guide",
        "active": true,
        "emails": [{"value": "bjensen@example.com", "type": "work"}],
    })
}

#[test]
fn the_patched_resource_is_printed_on_one_line() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "Driver"},
        {"op": "remove", "path": "emails[type eq \"work\"]"},
    ]);
    let patched = Files::new(&barbara(), &patch(&operations)).run(&[]);
    assert_eq!(
        (patched.code, patched.stderr.as_str()),
        (Some(0), ""),
        "{patched:?}"
    );
    assert_eq!(patched.stdout.lines().count(), 1);
    let body: Value = serde_json::from_str(&patched.stdout).unwrap();
    assert_eq!((&body["title"], body.get("emails")), (&json!("Driver"), None));
    assert_eq!(body["userName"], "bjensen");
}

#[test]
fn a_patch_that_is_refused_prints_the_error_body_and_exits_1() {
    for (operations, scim_type) in [
        (json!([{"op": "remove"}]), "noTarget"),
        (
            json!([{"op": "replace", "path": "name.givenName.x", "value": 1}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "title", "value": {"a": 1}}]),
            "invalidValue",
        ),
        (
            json!([{"op": "replace", "path": "id", "value": "2"}]),
            "mutability",
        ),
        (json!([{"op": "shuffle", "path": "title"}]), "invalidSyntax"),
    ] {
        let refused = Files::new(&barbara(), &patch(&operations)).run(&[]);
        assert_eq!(
            (refused.code, refused.stderr.as_str()),
            (Some(1), ""),
            "{operations}: {refused:?}"
        );
        let body: Value = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(
            body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(
            (&body["status"], &body["scimType"]),
            (&json!("400"), &json!(scim_type)),
            "{body}"
        );
    }
}

#[test]
fn the_dialect_says_which_departures_from_the_rfc_are_understood() {
    let request = patch(&json!([{"op": "Replace", "path": "active", "value": "False"}]));
    let files = Files::new(&barbara(), &request);
    for (arguments, code) in [
        (&[][..], 0),
        (&["--dialect", "interop"], 0),
        (&["--dialect", "entra"], 0),
        (&["--dialect", "strict"], 1),
    ] {
        let answer = files.run(arguments);
        assert_eq!(answer.code, Some(code), "{arguments:?}: {answer:?}");
        assert_eq!(
            answer.stdout.contains(r#""active":false"#),
            code == 0,
            "{answer:?}"
        );
    }
    files.run(&["--dialect", "nonsense"]).assert_unusable("nonsense");
}

#[test]
fn one_of_the_two_may_come_from_standard_input() {
    let request = patch(&json!([{"op": "replace", "path": "title", "value": "Driver"}]));
    let files = Files::new(&barbara(), &request);
    let (resource, change) = (files.resource.to_str().unwrap(), files.patch.to_str().unwrap());
    let expected = files.run(&[]).stdout;
    let by_resource = run(
        &["patch", "--resource", "-", "--patch", change],
        &barbara().to_string(),
    );
    let by_patch = run(
        &["patch", "--resource", resource, "--patch", "-"],
        &request.to_string(),
    );
    assert_eq!(
        (by_resource.stdout, by_patch.stdout),
        (expected.clone(), expected)
    );
    run(&["patch", "--resource", "-", "--patch", "-"], "").assert_unusable("standard input");
}

#[test]
fn the_type_is_the_one_that_schemas_name_unless_the_arguments_name_one() {
    let group = json!({"displayName": "Guides", "members": [{"value": "1"}]});
    let request = patch(&json!([{"op": "add", "path": "members", "value": [{"value": "2"}]}]));
    let files = Files::new(&group, &request);
    files.run(&[]).assert_unusable("--type");
    let patched = files.run(&["--type", "Group"]);
    let body: Value = serde_json::from_str(&patched.stdout).unwrap();
    assert_eq!(body["members"].as_array().unwrap().len(), 2, "{patched:?}");
    files
        .run(&["--type", "Door"])
        .assert_unusable("there is no resource type `Door`");
}

#[test]
fn input_that_is_no_resource_exits_2_and_names_the_file() {
    let files = Files::new(&json!([1]), &patch(&json!([])));
    files.run(&[]).assert_unusable("resource.json");
    fs::remove_file(&files.resource).unwrap();
    files.run(&[]).assert_unusable("resource.json");
    run(&["patch", "--patch", "-"], "").assert_unusable("--resource");
}

/// Cases whose expectation is a store's, and why.
const SKIPPED: &[(&str, &str)] = &[(
    "group-replace-unknown-member-must-not-wipe",
    "whether members exist is for the store to say",
)];

#[test]
fn every_patch_case_holds_in_the_interop_dialect() {
    run_cases("interop");
}

#[test]
fn every_patch_case_holds_in_the_strict_dialect() {
    run_cases("strict");
}

fn run_cases(dialect: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases.json");
    let cases: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let skipped = |id: &Value| SKIPPED.iter().any(|(skipped, _)| id == skipped);
    let cases: Vec<&Value> = cases
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["kind"] == "patch")
        .collect();
    assert!(cases.len() >= 60);
    assert!(
        SKIPPED
            .iter()
            .all(|(id, _)| cases.iter().any(|case| case["id"] == *id))
    );
    let mut failures = Vec::new();
    for case in cases.into_iter().filter(|case| !skipped(&case["id"])) {
        let expected = &case["expected"];
        let instead = if dialect == "strict" { "strict" } else { "compat" };
        let expected = expected.get(instead).unwrap_or(expected);
        let mut resource = case["resource"].clone();
        // What a case calls its own resource.
        resource["id"] = json!("@self");
        let answer = Files::new(&resource, &case["input"]).run(&["--dialect", dialect]);
        if let Some(fault) = fault(expected, &answer) {
            failures.push(format!("{}: {fault}: {answer:?}", case["id"]));
        }
    }
    assert!(
        failures.is_empty(),
        "{} cases fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// What of the answer is not as expected. Where the case expects `false`, no value will do.
fn fault(expected: &Value, answer: &Finished) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    let status = match answer.code {
        Some(0) => json!(200),
        _ => json!(
            body["status"]
                .as_str()
                .and_then(|status| status.parse::<u16>().ok())
        ),
    };
    if !json::is_one_of(&expected["status"], &status) {
        return Some(format!("the status is not {}", expected["status"]));
    }
    if answer.code != Some(0) {
        let wrong = expected
            .get("scimType")
            .is_some_and(|wanted| !json::is_one_of(wanted, &body["scimType"]));
        return wrong.then(|| format!("`scimType` is not {}", expected["scimType"]));
    }
    let mut result = expected.get("result").cloned().unwrap_or_else(|| json!({}));
    if let Some(result) = result.as_object_mut() {
        result.retain(|name, value| *value != Value::Bool(false) || json::is_present(&body, name));
    }
    let absent = expected["absent"].as_array().cloned().unwrap_or_default();
    json::difference(&result, &body, "").or_else(|| {
        let present = absent
            .iter()
            .find(|path| json::is_present(&body, path.as_str().unwrap()))?;
        Some(format!("{present} has a value"))
    })
}
