//! The PATCH cases of testdata/cases.json: what providers are known to send, and what has to come of it.

use std::fs;

use keyfob_core::{
    Dialect, ErrorBody, Object, Registry, Resource, ResourceId, ResourceType, ToErrorBody, Value, json,
    message::PatchRequest, validate,
};
use keyfob_patch::Plan;

/// The case is about members that don't exist, which this crate doesn't know.
const NEEDS_A_STORE: &str = "group-replace-unknown-member-must-not-wipe";

#[test]
fn every_provider_case_comes_out_as_expected_in_the_interoperable_dialect() {
    let cases = cases();
    assert!(cases.len() >= 63, "{}", cases.len());
    let failures: Vec<String> = cases
        .iter()
        .filter(|case| id(case) != NEEDS_A_STORE)
        .filter_map(|case| {
            let mut expected = case.get("expected").unwrap().as_object().unwrap().clone();
            if let Some(Value::Object(compat)) = expected.remove("compat") {
                for (name, value) in compat {
                    expected.insert(name, value);
                }
            }
            let fault = run(case, &expected, Dialect::interop())?;
            Some(format!("{}: {fault}", id(case)))
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_provider_case_comes_out_as_expected_in_the_strict_dialect() {
    let mut count = 0;
    let mut failures = Vec::new();
    for case in cases() {
        let expected = case.get("expected").unwrap().as_object().unwrap();
        let mut strict = match expected.get("strict") {
            Some(strict) => strict.as_object().unwrap().clone(),
            None if case.get_str("mode") == Some("rfc") => expected.clone(),
            None => continue,
        };
        if strict.get("result").is_none()
            && let Some(result) = expected.get("result")
        {
            strict.insert("result", result.clone());
        }
        count += 1;
        if let Some(fault) = run(&case, &strict, Dialect::strict()) {
            failures.push(format!("{}: {fault}", id(&case)));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(count >= 50, "{count}");
}

fn cases() -> Vec<Object> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cases.json");
    // Some cases are about names that differ in nothing but case, which the decoder of keyfob-core refuses.
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    cases
        .iter()
        .filter(|case| case["kind"] == "patch")
        .map(|case| json::object_from_slice(case.to_string().as_bytes()).unwrap())
        .collect()
}

fn id(case: &Object) -> &str {
    case.get_str("id").unwrap()
}

/// What is wrong with the outcome of a case. The placeholders `@u1` and `@self` serve as ids.
fn run(case: &Object, expected: &Object, dialect: Dialect) -> Option<String> {
    let sent = case.get("resource").unwrap().as_object().unwrap();
    let stated = Resource::from_json(&json::object_to_vec(sent), group_or_user(sent)).unwrap();
    let resource_type = Registry::rfc().resource_type_of(stated.schemas()).unwrap();
    let mut before = validate::create(stated, resource_type, Dialect::interop()).unwrap();
    before.set_id(&ResourceId::new("@self"));
    let mut after = before.clone();

    let request = case.get("input").unwrap().as_object().unwrap().clone();
    let outcome = patch(&mut after, resource_type, request, dialect);
    let status = outcome.as_ref().err().map_or(200, |error| error.status);
    let allowed = expected.get("status").unwrap().as_elements();
    if !allowed.contains(&Value::Integer(status.into())) {
        return Some(format!("status {status}: {outcome:?}"));
    }
    if expected.get("unchanged").is_some() && after != before {
        return Some("the resource changed".into());
    }
    if let Err(error) = outcome {
        if after != before {
            return Some("the resource changed".into());
        }
        let scim_type = error.scim_type.map_or("", |scim_type| scim_type.as_str());
        let allowed = expected.get("scimType")?.as_elements();
        return (!allowed.contains(&scim_type.into()))
            .then(|| format!("scimType {scim_type}: {}", error.detail));
    }
    let found = json::object_from_slice(&after.to_json()).unwrap();
    let absent = expected.get("absent").map(Value::as_elements).unwrap_or_default();
    let present = absent
        .iter()
        .filter_map(Value::as_str)
        .find(|path| at(&found, path).is_some_and(|value| !value.is_unassigned()));
    if let Some(path) = present {
        return Some(format!("{path} is there"));
    }
    differs(expected.get("result")?, &found.into(), "")
}

fn patch(
    resource: &mut Resource,
    resource_type: &ResourceType,
    request: Object,
    dialect: Dialect,
) -> Result<(), ErrorBody> {
    let request = PatchRequest::from_object(request, dialect).map_err(|error| error.to_error_body())?;
    let plan = Plan::compile(request, resource_type, dialect).map_err(|error| error.to_error_body())?;
    plan.apply(resource).map_err(|error| error.to_error_body())?;
    Ok(())
}

fn group_or_user(resource: &Object) -> &'static ResourceType {
    let is_group = resource.get("displayName").is_some() && resource.get("userName").is_none();
    Registry::rfc()
        .resource_type(if is_group { "Group" } else { "User" })
        .unwrap()
}

fn at<'o>(object: &'o Object, path: &str) -> Option<&'o Value> {
    if let Some((uri, attribute)) = path.split_once(":User.") {
        return object.get(&format!("{uri}:User"))?.as_object()?.get(attribute);
    }
    match path.split_once('.') {
        None => object.get(path),
        Some((name, sub)) => object.get(name)?.as_object()?.get(sub),
    }
}

/// Where `found` doesn't hold what is expected: sub-attributes at least these, values exactly these in any order,
/// and false where there is nothing.
fn differs(expected: &Value, found: &Value, path: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, value)| {
            differs(
                value,
                found.get(name.as_str()).unwrap_or(&Value::Null),
                &format!("{path}.{name}"),
            )
        }),
        (Value::Array(expected), Value::Array(found)) => {
            let mut left: Vec<&Value> = found.iter().collect();
            let missing = expected.iter().find(|value| {
                let place = left
                    .iter()
                    .position(|found| differs(value, found, path).is_none());
                place.map(|place| left.remove(place)).is_none()
            });
            match missing {
                Some(value) => Some(format!("{path}: nothing like {value:?} in {found:?}")),
                None => (!left.is_empty()).then(|| format!("{path}: {left:?} too many")),
            }
        }
        (Value::Bool(false), Value::Null) => None,
        (expected, found) if expected == found => None,
        _ => Some(format!("{path}: {found:?} instead of {expected:?}")),
    }
}
