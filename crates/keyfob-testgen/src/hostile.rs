//! Values of which much is unknown, null, empty, nested or of a wrong type, and requests that hold them.

use serde_json::{Map, Value, json};

use crate::{Choices, ENTERPRISE, Kind};

/// How deep a value nests.
const LEVELS: usize = 3;

/// Names, known to some attribute or to none.
const NAMES: [&str; 16] = [
    "value",
    "VALUE",
    "type",
    "display",
    "primary",
    "locality",
    "givenName",
    "$ref",
    "id",
    "address",
    "foo",
    "members",
    "emails",
    "roles",
    "name",
    "title",
];

/// A PATCH request of one operation whose value may be anything.
#[must_use]
pub fn hostile_patch(choices: &mut Choices<'_>, kind: Kind) -> Value {
    let op = choices.pick(&["add", "replace", "remove", "Add"]);
    let mut operation = Map::new();
    operation.insert("op".into(), op.into());
    if !choices.one_in(4) {
        operation.insert("path".into(), path(choices, kind).into());
    }
    let takes_value = op != "remove" || choices.one_in(2);
    if takes_value {
        let value = if operation.contains_key("path") {
            hostile(choices, LEVELS)
        } else {
            hostile_attributes(choices, kind)
        };
        operation.insert("value".into(), value);
    }
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

/// A body for a POST or a PUT with what it must hold and attributes whose values may be anything.
#[must_use]
pub fn hostile_body(choices: &mut Choices<'_>, kind: Kind) -> Value {
    let mut body = hostile_attributes(choices, kind);
    let (schema, name) = match kind {
        Kind::User => ("urn:ietf:params:scim:schemas:core:2.0:User", "userName"),
        Kind::Group => ("urn:ietf:params:scim:schemas:core:2.0:Group", "displayName"),
    };
    if let Some(body) = body.as_object_mut() {
        let mut schemas = vec![schema];
        if body.contains_key(ENTERPRISE) {
            schemas.push(ENTERPRISE);
        }
        body.insert("schemas".into(), json!(schemas));
        body.insert(name.into(), "bjensen".into());
    }
    body
}

/// Attributes, most of them known, whose values may be anything.
fn hostile_attributes(choices: &mut Choices<'_>, kind: Kind) -> Value {
    let mut attributes = Map::new();
    for _ in 0..=choices.below(3) {
        let name = match kind {
            Kind::User => choices.pick(&["emails", "Roles", "addresses", "name", "title", "foo", ENTERPRISE]),
            Kind::Group => choices.pick(&["members", "MEMBERS", "externalId", "foo"]),
        };
        let is_there = attributes
            .keys()
            .any(|key: &String| key.eq_ignore_ascii_case(name));
        if !is_there {
            attributes.insert(name.into(), hostile(choices, LEVELS));
        }
    }
    attributes.into()
}

fn path(choices: &mut Choices<'_>, kind: Kind) -> &'static str {
    match kind {
        Kind::Group => choices.pick(&[
            "members",
            "Members",
            r#"members[value eq "a"]"#,
            r#"members[display eq "Ann"]"#,
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "foo",
        ]),
        Kind::User => choices.pick(&[
            "emails",
            "roles",
            "addresses",
            "urn:ietf:params:scim:schemas:core:2.0:User:emails",
            r#"emails[type eq "work"]"#,
            r#"roles[value eq "a@x"]"#,
            r#"addresses[type eq "home"]"#,
            r#"emails[type eq "work"].value"#,
            "emails.display",
            "addresses.locality",
            "name",
            "name.givenName",
            "title",
            "foo",
            ENTERPRISE,
        ]),
    }
}

fn hostile(choices: &mut Choices<'_>, levels: usize) -> Value {
    let texts = ["a@x", "B@x", "a", "b", "work", "home", "Oslo", "d@x"];
    match choices.below(if levels == 0 { 8 } else { 20 }) {
        0 => Value::Null,
        1 => json!(""),
        2 => choices.pick(&[json!(true), json!(false), json!("True")]),
        3 => json!(7),
        4 => json!([]),
        5 => json!({}),
        6 | 7 => choices.pick(&texts).into(),
        8..=12 => {
            let count = choices.below(3) + 1;
            (0..count).map(|_| hostile(choices, levels - 1)).collect()
        }
        _ => {
            let mut object = Map::new();
            for _ in 0..=choices.below(3) {
                let name = choices.pick(&NAMES);
                let is_there = object.keys().any(|key: &String| key.eq_ignore_ascii_case(name));
                if !is_there {
                    let value = match choices.below(3) {
                        0 => hostile(choices, levels - 1),
                        _ => choices.pick(&texts).into(),
                    };
                    object.insert(name.into(), value);
                }
            }
            object.into()
        }
    }
}
