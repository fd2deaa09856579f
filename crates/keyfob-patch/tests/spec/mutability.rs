//! What may be changed and what has to stay, by a schema that has every mutability.

use keyfob_core::{Dialect, Registry, Schema, Value, json, schema::RegistryBuilder};

use crate::{attributes, patch, resource};

/// A schema with every mutability, on attributes and sub-attributes.
fn badges() -> Registry {
    let schema = Schema::from_json(
        br#"{
        "id": "urn:example:params:scim:schemas:badge:1.0:User",
        "attributes": [
            {"name": "serial", "type": "string", "mutability": "immutable"},
            {"name": "printed", "type": "string", "mutability": "readOnly"},
            {"name": "owner", "type": "complex", "subAttributes": [
                {"name": "value", "type": "string", "mutability": "immutable"},
                {"name": "name", "type": "string"},
                {"name": "site", "type": "string", "required": true}]},
            {"name": "doors", "type": "complex", "multiValued": true, "required": true, "subAttributes": [
                {"name": "value", "type": "string"},
                {"name": "zone", "type": "string", "mutability": "immutable"},
                {"name": "state", "type": "string", "mutability": "readOnly"},
                {"name": "label", "type": "string"}]},
            {"name": "codes", "type": "string", "multiValued": true, "caseExact": true}]}"#,
    )
    .unwrap();
    RegistryBuilder::rfc()
        .extend("User", schema, false)
        .build()
        .unwrap()
}

/// The extension's attributes when nothing is set that can be set once.
const FRESH: &str = r#"{"doors": [{"value": "1", "zone": "a"}]}"#;

/// The same with everything set.
const STORED: &str =
    r#"{"serial": "7", "owner": {"value": "o", "site": "s"}, "doors": [{"value": "1", "zone": "a"}]}"#;

/// The extension's attributes, operations on `URI`, and the attributes afterwards or the `scimType` of the refusal.
const TABLE: &[(&str, &str, Result<&str, &str>)] = &[
    // An immutable attribute may be set once, and repeated.
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:serial", "value": "7"}]"#,
        Ok(r#"{"doors":[{"value":"1","zone":"a"}],"serial":"7"}"#),
    ),
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:serial", "value": "7"}, {"op": "replace", "path": "URI:serial", "value": "8"}]"#,
        Ok(r#"{"doors":[{"value":"1","zone":"a"}],"serial":"8"}"#),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:serial", "value": "7"}]"#,
        Ok(STORED),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:serial", "value": "8"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:serial"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:serial"}, {"op": "add", "path": "URI:serial", "value": "8"}]"#,
        Err("mutability"),
    ),
    (STORED, r#"[{"op": "remove", "path": "URI"}]"#, Err("mutability")),
    // So may such a sub-attribute.
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:owner.value", "value": "p"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:owner", "value": {"value": "p"}}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:owner"}, {"op": "add", "path": "URI:owner", "value": {"value": "p", "site": "s"}}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:owner.value", "value": "o"}]"#,
        Ok(STORED),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:doors[value eq \"1\"].zone", "value": "b"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:doors[value eq \"1\"].zone"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "add", "path": "URI:doors", "value": [{"value": "1", "zone": "b"}]}]"#,
        Ok(STORED),
    ),
    // No value can be made to match a filter by what is readOnly.
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:doors[state eq \"open\"].label", "value": "L"}]"#,
        Err("noTarget"),
    ),
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:doors[value eq \"1\"].state", "value": "open"}]"#,
        Err("mutability"),
    ),
    // readOnly attributes and sub-attributes are never set.
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:printed", "value": "x"}]"#,
        Err("mutability"),
    ),
    (
        FRESH,
        r#"[{"op": "add", "path": "URI", "value": {"printed": "x"}}]"#,
        Err("mutability"),
    ),
    // What is required stays.
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:doors"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:doors[value eq \"1\"]"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:doors", "value": [{"value": "1"}]}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "remove", "path": "URI:owner.site"}]"#,
        Err("mutability"),
    ),
    (
        STORED,
        r#"[{"op": "replace", "path": "URI:owner", "value": {"site": null}}]"#,
        Err("mutability"),
    ),
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:owner.name", "value": "n"}]"#,
        Err("invalidValue"),
    ),
    // An extension that comes holds all that it must, and so does one that changes.
    (
        "null",
        r#"[{"op": "add", "path": "URI:serial", "value": "7"}]"#,
        Err("invalidValue"),
    ),
    (
        r#"{"serial": "7"}"#,
        r#"[{"op": "add", "path": "URI:codes", "value": ["a"]}]"#,
        Err("invalidValue"),
    ),
    (
        r#"{"serial": "7"}"#,
        r#"[{"op": "add", "path": "URI:doors", "value": [{"value": "1"}]}]"#,
        Ok(r#"{"serial":"7","doors":[{"value":"1"}]}"#),
    ),
    // An extension as a whole may go, required attributes and all.
    (FRESH, r#"[{"op": "remove", "path": "URI"}]"#, Ok("null")),
    // Values that are not complex.
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:codes", "value": ["a", "A", "a"]}, {"op": "remove", "path": "URI:codes[value eq \"A\"]"}]"#,
        Ok(r#"{"doors":[{"value":"1","zone":"a"}],"codes":["a"]}"#),
    ),
    (
        FRESH,
        r#"[{"op": "add", "path": "URI:codes", "value": [{"value": "a"}]}]"#,
        Ok(r#"{"doors":[{"value":"1","zone":"a"}],"codes":["a"]}"#),
    ),
    (
        FRESH,
        r#"[{"op": "replace", "path": "URI:codes[value eq \"a\"]", "value": "b"}]"#,
        Ok(r#"{"doors":[{"value":"1","zone":"a"}],"codes":["b"]}"#),
    ),
];

#[test]
fn mutability_counts_from_the_state_before_the_request_3_5_2() {
    let registry = badges();
    let user = registry.resource_type("User").unwrap();
    let uri = "urn:example:params:scim:schemas:badge:1.0:User";
    for (before, operations, expected) in TABLE.iter().copied() {
        let mut patched = resource(user, &format!(r#"{{"userName": "bjensen", "{uri}": {before}}}"#));
        let untouched = patched.clone();
        let operations = operations.replace("URI", uri);
        let applied = patch(&mut patched, user, Dialect::interop(), &operations);
        match expected {
            Ok(expected) => {
                assert!(applied.is_ok(), "{operations} on {before}: {applied:?}");
                let attributes = json::object_from_slice(attributes(&patched).as_bytes()).unwrap();
                let found = attributes.get(uri).cloned().unwrap_or(Value::Null);
                assert_eq!(
                    found,
                    json::value_from_slice(expected.as_bytes()).unwrap(),
                    "{operations} on {before}"
                );
            }
            Err(expected) => {
                let error = applied.expect_err(&operations);
                assert_eq!(
                    error.scim_type.unwrap().as_str(),
                    expected,
                    "{operations}: {}",
                    error.detail
                );
                assert_eq!(patched, untouched, "{operations}");
            }
        }
    }
}

#[test]
fn what_is_read_only_in_an_extension_outlives_its_removal() {
    let schema = Schema::from_json(
        br#"{"id": "urn:example:params:scim:schemas:lift:1.0:User", "attributes": [
            {"name": "floor", "type": "integer"},
            {"name": "since", "type": "string", "mutability": "readOnly"}]}"#,
    );
    let registry = RegistryBuilder::rfc()
        .extend("User", schema.unwrap(), false)
        .build()
        .unwrap();
    let user = registry.resource_type("User").unwrap();
    let uri = "urn:example:params:scim:schemas:lift:1.0:User";
    let stored = format!(r#"{{"userName": "bjensen", "{uri}": {{"floor": 7, "since": "2026"}}}}"#);
    let mut patched = resource(user, &stored);
    let operations = format!(r#"[{{"op": "remove", "path": "{uri}"}}]"#);
    patch(&mut patched, user, Dialect::strict(), &operations).unwrap();
    assert_eq!(patched, resource(user, &stored.replace(r#""floor": 7, "#, "")));
}

#[test]
fn an_attribute_that_was_lacking_before_stops_no_request_about_others() {
    let registry = Registry::rfc();
    let user = registry.resource_type("User").unwrap();
    let mut nameless = resource(user, r#"{"title": "Guide"}"#);
    let replace =
        |path: &str, value: &str| format!(r#"[{{"op": "replace", "path": "{path}", "value": "{value}"}}]"#);
    assert!(patch(&mut nameless, user, Dialect::strict(), &replace("title", "Lead")).is_ok());
    assert_eq!(nameless.core().get_str("title"), Some("Lead"));
    assert!(patch(&mut nameless, user, Dialect::strict(), &replace("userName", "")).is_err());
}
