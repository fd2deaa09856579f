//! The JSON of transcripts and cases: what a step sends, and what of an answer it talks about.

use serde_json::{Value, json};

/// The value at a path in attribute notation, with indices where it goes through arrays; names in any case.
///
/// ```text
/// name.givenName    Resources.0.id    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value
/// ```
pub(crate) fn lookup<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Object(object) => {
            let below = |key: &str| {
                let (head, rest) = path.split_at_checked(key.len())?;
                if !head.eq_ignore_ascii_case(key) {
                    return None;
                }
                // A URI's attributes follow a colon; providers also write a dot.
                let below = || {
                    rest.strip_prefix('.')
                        .or_else(|| rest.strip_prefix(':').filter(|_| key.contains(':')))
                };
                if rest.is_empty() { Some(rest) } else { below() }
            };
            let found = object
                .iter()
                .filter_map(|(key, value)| Some((key, value, below(key)?)));
            let (_, value, rest) = found.max_by_key(|(key, ..)| key.len())?;
            lookup(value, rest)
        }
        Value::Array(values) => {
            let (index, rest) = path.split_once('.').unwrap_or((path, ""));
            lookup(values.get(index.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

/// Whether the path has a value; `null`, `[]` and `{}` are none.
pub(crate) fn is_present(value: &Value, path: &str) -> bool {
    match lookup(value, path) {
        None | Some(Value::Null) => false,
        Some(Value::Array(values)) => !values.is_empty(),
        Some(Value::Object(object)) => !object.is_empty(),
        Some(_) => true,
    }
}

/// Where the answer isn't what was expected: of an object every member named must match, an array must have the same
/// length and every element expected must be matched by another element, everything else must be equal.
pub(crate) fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected.iter().find_map(|(key, expected)| {
            let found = actual
                .iter()
                .find(|(present, _)| present.eq_ignore_ascii_case(key));
            let path = format!("{path}.{key}");
            difference(expected, found.map_or(&Value::Null, |(_, value)| value), &path)
        }),
        (Value::Array(expected), Value::Array(actual)) => {
            if expected.len() != actual.len() {
                return Some(format!(
                    "{path}: {} elements and not {}",
                    actual.len(),
                    expected.len()
                ));
            }
            let mut left: Vec<&Value> = actual.iter().collect();
            expected.iter().find_map(|expected| {
                match left
                    .iter()
                    .position(|actual| difference(expected, actual, "").is_none())
                {
                    Some(index) => {
                        left.remove(index);
                        None
                    }
                    None => Some(format!("{path}: no element like {expected} among {actual:?}")),
                }
            })
        }
        _ if expected == actual => None,
        _ => Some(format!("{path}: {actual} and not {expected}")),
    }
}

/// Whether one of those allowed was answered: an expectation is a value or an array of values of which any will do.
pub(crate) fn is_one_of(expected: &Value, actual: &Value) -> bool {
    match expected {
        Value::Array(any) => any.contains(actual),
        only => only == actual,
    }
}

#[test]
fn paths_lead_through_names_uris_and_arrays() {
    let value = json!({
        "name": {"givenName": "A"},
        "Resources": [{"id": "1", "emails": []}],
        "urn:x:2.0:User": {"manager": {"value": "m"}},
    });
    for (path, expected) in [
        ("name.givenname", Some("A")),
        ("resources.0.id", Some("1")),
        ("urn:x:2.0:User:manager.value", Some("m")),
        ("urn:x:2.0:User.manager.value", Some("m")),
        ("urn:x:2.0:Use:manager", None),
        ("resources.1.id", None),
        ("name.familyName", None),
    ] {
        assert_eq!(lookup(&value, path).and_then(Value::as_str), expected, "{path}");
    }
    assert!(!is_present(&value, "Resources.0.emails"));
}

#[test]
fn differences_are_found_in_elements_members_and_values() {
    let difference = |expected: Value, actual: Value| difference(&expected, &actual, "").is_some();
    assert!(!difference(json!({"A": 1}), json!({"a": 1, "b": 2})));
    assert!(difference(json!({"a": 1}), json!({"b": 1})));
    assert!(!difference(
        json!([{"a": 1}, {"b": 2}]),
        json!([{"b": 2}, {"a": 1, "c": 3}])
    ));
    assert!(difference(
        json!([{"a": 1}, {"a": 1}]),
        json!([{"a": 1}, {"a": 2}])
    ));
    assert!(difference(json!([1]), json!([1, 2])));
    assert!(difference(json!("a"), json!("A")));
}

/// The body that a step of a transcript sends.
pub(crate) fn request_body(step: &Value) -> Option<Vec<u8>> {
    if let Some(body) = step.get("body") {
        return Some(body.to_string().into_bytes());
    }
    if let Some(raw) = step["rawBody"].as_str() {
        return Some(raw.into());
    }
    if let Some(hex) = step["rawBodyHex"].as_str() {
        let digits = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        return Some(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect());
    }
    let repeat = step.get("repeatBody")?;
    let part = |name: &str| repeat[name].as_str().unwrap();
    let count = usize::try_from(repeat["count"].as_u64().unwrap()).unwrap();
    Some(
        [part("prefix"), &part("unit").repeat(count), part("suffix")]
            .concat()
            .into_bytes(),
    )
}

/// What of an answer's status and body is not as a step of a transcript expects it.
pub(crate) fn fault(expect: &Value, status: u16, body: &Value) -> Option<String> {
    if !is_one_of(&expect["status"], &status.into()) {
        return Some(format!("the status is not {}", expect["status"]));
    }
    let scim_type = expect.get("scimType");
    if scim_type.is_some_and(|expected| !is_one_of(expected, &body["scimType"])) {
        return Some(format!("`scimType` is not {}", expect["scimType"]));
    }
    // Where an empty answer is as good as one with a body, there is nothing to look at.
    if status == 204 && expect["status"].is_array() {
        return None;
    }
    let different = expect
        .get("body")
        .and_then(|expected| difference(expected, body, ""));
    let paths = |name: &str| expect[name].as_array().cloned().unwrap_or_default();
    let absent = paths("absent")
        .into_iter()
        .find(|path| is_present(body, path.as_str().unwrap()))
        .map(|path| format!("{path} has a value"));
    let present = paths("present")
        .into_iter()
        .find(|path| !is_present(body, path.as_str().unwrap()))
        .map(|path| format!("{path} has no value"));
    different.or(absent).or(present)
}
