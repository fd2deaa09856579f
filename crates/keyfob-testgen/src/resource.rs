//! Canonical resources as JSON.

use serde_json::{Map, Value, json};

use crate::{Choices, ENTERPRISE, Kind};

/// A canonical resource: everything is of its type, in the schema's spelling and assigned.
#[must_use]
pub fn resource(choices: &mut Choices<'_>, kind: Kind) -> Value {
    match kind {
        Kind::User => user(choices),
        Kind::Group => group(choices),
    }
}

fn group(choices: &mut Choices<'_>) -> Value {
    let mut group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "g1",
        "displayName": choices.pick(&["Tour Guides", "Guides"]),
    });
    optional(choices, &mut group, "externalId", |choices| {
        choices.pick(&["x", "X"]).into()
    });
    let members = members(choices);
    if !members.is_empty() {
        put(&mut group, "members", members.into());
    }
    group
}

/// Members, what is known of one following from its id: one that is taken out and put in again by one request keeps
/// what is stored.
pub(crate) fn members(choices: &mut Choices<'_>) -> Vec<Value> {
    let ids = ["a", "b", "c", "d", "A"];
    let mut members = Vec::new();
    for id in ids {
        if choices.one_in(2) {
            members.push(member(id));
        }
    }
    members
}

pub(crate) fn member(id: &str) -> Value {
    match id {
        "a" | "A" => json!({"value": id, "display": "Ann", "type": "User"}),
        "b" => json!({"value": id, "type": "Group"}),
        _ => json!({"value": id, "display": "Bob"}),
    }
}

fn user(choices: &mut Choices<'_>) -> Value {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "u1",
        "userName": choices.pick(&["bjensen", "BJensen"]),
    });
    optional(choices, &mut user, "title", text);
    optional(choices, &mut user, "nickName", text);
    optional(choices, &mut user, "externalId", text);
    optional(choices, &mut user, "active", |choices| choices.one_in(2).into());
    optional(choices, &mut user, "name", name);
    for attribute in ["emails", "roles"] {
        optional(choices, &mut user, attribute, |choices| values(choices).into());
    }
    optional(choices, &mut user, "addresses", |choices| {
        addresses(choices).into()
    });
    let mut extension = json!({});
    optional(choices, &mut extension, "department", text);
    optional(choices, &mut extension, "costCenter", text);
    optional(
        choices,
        &mut extension,
        "manager",
        |choices| json!({"value": choices.pick(&["26", "27"])}),
    );
    if extension != json!({}) {
        put(&mut user, ENTERPRISE, extension);
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]);
        put(&mut user, "schemas", schemas);
    }
    user
}

pub(crate) fn text(choices: &mut Choices<'_>) -> Value {
    choices.pick(&["Guide", "guide", "Tours"]).into()
}

/// A name with something in it.
pub(crate) fn name(choices: &mut Choices<'_>) -> Value {
    let mut name = json!({});
    optional(choices, &mut name, "givenName", text);
    optional(choices, &mut name, "familyName", text);
    optional(choices, &mut name, "middleName", text);
    if name == json!({}) {
        put(&mut name, "familyName", "Jensen".into());
    }
    name
}

/// Values with `value` and perhaps `type`, no two the same in both, at most one primary.
pub(crate) fn values(choices: &mut Choices<'_>) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    let mut has_primary = false;
    for _ in 0..=choices.below(4) {
        let mut value = json!({"value": choices.pick(&["a@x", "B@x", "c@x", "d@x"])});
        optional(choices, &mut value, "type", |choices| {
            choices.pick(&["work", "home", "other"]).into()
        });
        let same = |other: &Value| {
            other.get("value") == value.get("value") && other.get("type") == value.get("type")
        };
        if values.iter().any(same) {
            continue;
        }
        optional(choices, &mut value, "display", text);
        if choices.one_in(3) {
            put(&mut value, "primary", (!has_primary).into());
            has_primary = true;
        }
        values.push(value);
    }
    values
}

/// Addresses, no two the same: they have no `value`.
pub(crate) fn addresses(choices: &mut Choices<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    for _ in 0..=choices.below(3) {
        let mut value = json!({"type": choices.pick(&["work", "home"])});
        optional(choices, &mut value, "locality", |choices| {
            choices.pick(&["Oslo", "Bergen"]).into()
        });
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Puts the attribute there in one of two cases.
fn optional(
    choices: &mut Choices<'_>,
    object: &mut Value,
    name: &str,
    value: impl FnOnce(&mut Choices<'_>) -> Value,
) {
    if choices.one_in(2) {
        put(object, name, value(choices));
    }
}

pub(crate) fn put(object: &mut Value, name: &str, value: Value) {
    object
        .as_object_mut()
        .unwrap_or(&mut Map::new())
        .insert(name.into(), value);
}
