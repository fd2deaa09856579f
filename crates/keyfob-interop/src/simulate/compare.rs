//! Compares what a server has with what a provider believes that it has.

use keyfob_core::{Object, Value, json::value_to_vec};

/// The longest value that a message shows, in characters.
const SHOWN: usize = 120;

/// Returns how a resource differs from what is believed of it. What the provider says nothing of may be anything.
pub(crate) fn differences(believed: &Object, found: &Object) -> Vec<String> {
    let mut differences = Vec::new();
    of_objects("", believed, found, &mut differences);
    differences
}

fn of_objects(path: &str, believed: &Object, found: &Object, differences: &mut Vec<String>) {
    for (name, expected) in believed.iter() {
        let path = if path.is_empty() {
            name.as_str().to_owned()
        } else {
            format!("{path}.{}", name.as_str())
        };
        let there = found.get(name.as_str()).filter(|value| !value.is_unassigned());
        match (expected, there) {
            (expected, None) if expected.is_unassigned() => {}
            (expected, Some(there)) if expected.is_unassigned() => {
                differences.push(format!("`{path}` should have no value and is {}", shown(there)));
            }
            (expected, None) => {
                differences.push(format!("`{path}` is missing; it should be {}", shown(expected)));
            }
            (Value::Object(expected), Some(Value::Object(there))) => {
                of_objects(&path, expected, there, differences);
            }
            (Value::Array(expected), Some(Value::Array(there))) => {
                of_arrays(&path, expected, there, differences);
            }
            (expected, Some(there)) if !is_same(expected, there) => {
                differences.push(format!(
                    "`{path}` is {} and should be {}",
                    shown(there),
                    shown(expected)
                ));
            }
            _ => {}
        }
    }
}

fn of_arrays(path: &str, expected: &[Value], there: &[Value], differences: &mut Vec<String>) {
    let mut left: Vec<&Value> = there.iter().collect();
    for value in expected {
        match left.iter().position(|candidate| matches(value, candidate)) {
            Some(position) => {
                left.remove(position);
            }
            None => differences.push(format!("no value of `{path}` is {}", shown(value))),
        }
    }
    // A value that is there and not expected is another difference only where all that is expected is there.
    if expected.len() < there.len() {
        for value in left {
            differences.push(format!(
                "a value of `{path}` should not be there: {}",
                shown(value)
            ));
        }
    }
}

fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => differences(expected, found).is_empty(),
        _ => is_same(expected, found),
    }
}

/// Returns true for the same value; some servers show booleans as texts.
fn is_same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Bool(true), Value::String(text)) => matches!(text.as_str(), "true" | "True"),
        (Value::Bool(false), Value::String(text)) => matches!(text.as_str(), "false" | "False"),
        _ => expected == found,
    }
}

/// Returns a value for a message, cut off where it is long.
pub(crate) fn shown(value: &Value) -> String {
    let text = value_to_vec(value);
    start(&String::from_utf8_lossy(&text), SHOWN)
}

/// Returns the first characters of a text.
pub(crate) fn start(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use keyfob_core::json::object_from_slice;

    use super::*;

    fn of(believed: &str, found: &str) -> Vec<String> {
        let read = |text: &str| object_from_slice(text.as_bytes()).unwrap();
        differences(&read(believed), &read(found))
    }

    #[test]
    fn what_the_provider_says_nothing_of_may_be_anything() {
        let found =
            r#"{"id": "1", "active": true, "emails": [{"type": "work", "value": "a", "display": "A"}]}"#;
        assert!(of(r#"{"active": true, "emails": [{"value": "a"}]}"#, found).is_empty());
        assert!(of(r#"{"active": "true"}"#, found).len() == 1);
        assert!(of(r#"{"active": true}"#, r#"{"active": "True"}"#).is_empty());
        assert!(of(r#"{"title": null, "roles": []}"#, found).is_empty());
    }

    #[test]
    fn each_difference_names_its_attribute_and_both_values() {
        for (believed, found, expected) in [
            (
                r#"{"active": false}"#,
                r#"{"active": true}"#,
                "`active` is true and should be false",
            ),
            (
                r#"{"title": "Lead"}"#,
                "{}",
                "`title` is missing; it should be \"Lead\"",
            ),
            (
                r#"{"title": null}"#,
                r#"{"title": "x"}"#,
                "`title` should have no value and is \"x\"",
            ),
            (
                r#"{"name": {"givenName": "A"}}"#,
                r#"{"name": {"givenName": "B"}}"#,
                "`name.givenName` is \"B\" and should be \"A\"",
            ),
            (
                r#"{"emails": [{"value": "a"}]}"#,
                r#"{"emails": [{"value": "b"}]}"#,
                "no value of `emails` is {\"value\":\"a\"}",
            ),
            (
                r#"{"emails": [{"value": "a"}]}"#,
                r#"{"emails": [{"value": "a"}, {"value": "b"}]}"#,
                "a value of `emails` should not be there: {\"value\":\"b\"}",
            ),
            (
                r#"{"emails": [{"value": "a"}]}"#,
                r#"{"emails": "a"}"#,
                "`emails` is \"a\" and should be [{\"value\":\"a\"}]",
            ),
        ] {
            assert_eq!(of(believed, found), [expected]);
        }
    }
}
