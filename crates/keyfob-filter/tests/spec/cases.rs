//! The filters that providers are known to send, under the dialect that is meant for them and under the RFC alone.

use keyfob_core::{Dialect, Registry, Resource, ToErrorBody};
use keyfob_filter::{Filter, Limits};
use serde_json::Value;

const CASES: &str = include_str!("../../../../testdata/cases.json");

/// Where the answer is a choice, and ours is another than the file's: an attribute that the schema doesn't have is a
/// mistake in a filter, not an attribute without a value.
const DECIDED_OTHERWISE: &[&str] = &["filter-underscore-unknown-attr"];
/// What the RFC's grammar or schema doesn't have, and the file expects of no strict service provider in so many words.
const NOT_IN_THE_RFC: &[&str] = &[
    "entra-filter-email-valuepath-subattr",
    "entra-filter-id-and-manager",
    "filter-primary-true",
];

#[test]
fn every_provider_s_filter_is_answered_as_expected() {
    let cases: Vec<Value> = serde_json::from_str(&placeholders(CASES)).unwrap();
    let mut count = 0;
    for case in cases.iter().filter(|case| case["kind"] == "filter") {
        count += 1;
        let id = case["id"].as_str().unwrap();
        let expected = &case["expected"];
        if DECIDED_OTHERWISE.contains(&id) {
            assert_eq!(
                answer(case, Dialect::interop()).unwrap_err(),
                (400, "invalidFilter".into()),
                "{id}"
            );
            continue;
        }
        check(id, expected, answer(case, Dialect::interop()));
        let strict = answer(case, Dialect::strict());
        if NOT_IN_THE_RFC.contains(&id) {
            assert_eq!(strict.unwrap_err(), (400, "invalidFilter".into()), "{id}");
        } else {
            check(id, expected.get("strict").unwrap_or(expected), strict);
        }
    }
    assert!(count > 30, "{count}");
}

/// Whether the case's resource matches its filter, or the status and `scimType` of the refusal.
fn answer(case: &Value, dialect: Dialect) -> Result<bool, (u64, String)> {
    let schemas = case["resource"]["schemas"].to_string();
    let name = if schemas.contains("core:2.0:Group") {
        "Group"
    } else {
        "User"
    };
    let kind = Registry::rfc().resource_type(name).unwrap();
    let mut resource = Resource::from_json(case["resource"].to_string().as_bytes(), kind).unwrap();
    // What the server adds when it creates the resource.
    resource.core_mut().insert("id", "id-of-self");
    let meta = serde_json::json!({"resourceType": name, "created": "2026-01-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z"});
    let meta = keyfob_core::json::object_from_slice(meta.to_string().as_bytes()).unwrap();
    resource.core_mut().insert("meta", meta);

    let refusal = |error: &dyn ToErrorBody| {
        let body = error.to_error_body();
        (u64::from(body.status), body.scim_type.unwrap().to_string())
    };
    let text = case["input"].as_str().unwrap();
    let filter = Filter::parse_with(text, &Limits::default(), dialect).map_err(|error| refusal(&error))?;
    let predicate = filter.compile(kind, dialect).map_err(|error| refusal(&error))?;
    Ok(predicate.matches(&resource))
}

fn check(id: &str, expected: &Value, answer: Result<bool, (u64, String)>) {
    match answer {
        Ok(matches) => {
            assert_eq!(expected["valid"], true, "{id}");
            assert_eq!(expected["match"], matches, "{id}");
        }
        Err((status, scim_type)) => {
            assert_eq!(expected["valid"], false, "{id}: {status} {scim_type}");
            assert!(one_of(&expected["status"], &status.into()), "{id}: {status}");
            assert!(
                one_of(&expected["scimType"], &scim_type.as_str().into()),
                "{id}: {scim_type}"
            );
        }
    }
}

fn one_of(expected: &Value, actual: &Value) -> bool {
    expected == actual
        || expected
            .as_array()
            .is_some_and(|expected| expected.contains(actual))
}

fn placeholders(text: &str) -> String {
    (1..=9)
        .fold(text.to_owned(), |text, number| {
            text.replace(&format!("@u{number}"), &format!("id-of-user-{number}"))
        })
        .replace("@self", "id-of-self")
        .replace("{{rand}}", "4711")
}
