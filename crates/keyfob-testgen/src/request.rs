//! PATCH requests, most of them such as providers send, some of them wrong.

use serde_json::{Value, json};

use crate::{
    Choices, ENTERPRISE, Kind,
    resource::{addresses, member, members, name, put, text, values},
};

/// A PATCH request with one to four operations.
#[must_use]
pub fn patch_request(choices: &mut Choices<'_>, kind: Kind) -> Value {
    let count = choices.below(4) + 1;
    let operations: Vec<Value> = (0..count).map(|_| operation(choices, kind)).collect();
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn operation(choices: &mut Choices<'_>, kind: Kind) -> Value {
    let op = choices.pick(&["add", "replace", "remove", "Replace"]);
    let mut operation = json!({"op": op});
    if choices.one_in(6) {
        put(&mut operation, "value", attributes(choices, kind, op));
        return operation;
    }
    let (path, leaf) = path(choices, kind);
    put(&mut operation, "path", path.into());
    let takes_value = if op == "remove" {
        choices.one_in(6)
    } else {
        !choices.one_in(30)
    };
    if takes_value {
        put(&mut operation, "value", value(choices, leaf, op));
    }
    operation
}

/// The value of an operation without a path: attributes by name or, as Entra ID sends them, by path.
fn attributes(choices: &mut Choices<'_>, kind: Kind, op: &str) -> Value {
    if choices.one_in(20) {
        return choices.pick(&[
            json!("x"),
            json!(null),
            json!([]),
            json!(r#"{"displayName": "D"}"#),
        ]);
    }
    let mut attributes = json!({});
    for _ in 0..=choices.below(3) {
        let (path, leaf) = path(choices, kind);
        let value = value(choices, leaf, op);
        // Names are the same in any case, and a body that has one twice is no request.
        let is_there = attributes
            .as_object()
            .is_some_and(|attributes| attributes.keys().any(|key| key.eq_ignore_ascii_case(&path)));
        if !is_there {
            put(&mut attributes, &path, value);
        }
    }
    attributes
}

/// What a value has to be like to fit a path.
#[derive(Clone, Copy, PartialEq)]
enum Leaf {
    Text,
    Type,
    Flag,
    Name,
    Values,
    Value,
    Addresses,
    Address,
    Manager,
    ManagerId,
    Extension,
    Members,
    Member,
    Id,
}

fn path(choices: &mut Choices<'_>, kind: Kind) -> (String, Leaf) {
    match kind {
        Kind::Group => group_path(choices),
        Kind::User => user_path(choices),
    }
}

fn group_path(choices: &mut Choices<'_>) -> (String, Leaf) {
    let id = choices.pick(&["a", "b", "c", "d", "A"]);
    let other = choices.pick(&["a", "e"]);
    match choices.below(12) {
        0..=2 => ("members".into(), Leaf::Members),
        3..=5 => (format!(r#"members[value eq "{id}"]"#), Leaf::Member),
        6 => (
            format!(r#"members[value eq "{id}" or value eq "{other}"]"#),
            Leaf::Member,
        ),
        7 => (choices.pick(&["displayName", "DISPLAYNAME"]).into(), Leaf::Text),
        8 => (choices.pick(&["externalId", "id", "titel"]).into(), Leaf::Id),
        9 => (
            choices
                .pick(&[r#"members[display eq "ann"]"#, "members[type pr]"])
                .into(),
            Leaf::Member,
        ),
        10 => (
            choices
                .pick(&["members.display", r#"members[value eq "a"].display"#])
                .into(),
            Leaf::Text,
        ),
        _ => (
            choices
                .pick(&["members[", r#"members[titel eq "a"]"#, "members.titel"])
                .into(),
            Leaf::Text,
        ),
    }
}

fn user_path(choices: &mut Choices<'_>) -> (String, Leaf) {
    let attribute = choices.pick(&["emails", "Emails", "roles"]);
    match choices.below(20) {
        0 => (
            choices
                .pick(&["title", "nickname", "userName", "externalId"])
                .into(),
            Leaf::Text,
        ),
        1 => ("active".into(), Leaf::Flag),
        2 => ("name".into(), Leaf::Name),
        3 => (
            choices.pick(&["name.givenName", "name.FAMILYNAME"]).into(),
            Leaf::Text,
        ),
        4..=5 => (attribute.into(), Leaf::Values),
        6..=8 => (format!("{attribute}[{}]", filter(choices)), Leaf::Value),
        9 => (format!("{attribute}[{}].type", filter(choices)), Leaf::Type),
        10 => (format!("{attribute}[{}].primary", filter(choices)), Leaf::Flag),
        11 => {
            let sub = choices.pick(&["value", "display"]);
            (format!("{attribute}[{}].{sub}", filter(choices)), Leaf::Text)
        }
        12 => (
            choices.pick(&["emails.display", "emails.type"]).into(),
            Leaf::Type,
        ),
        13 => (
            choices.pick(&["emails.primary", "roles.primary"]).into(),
            Leaf::Flag,
        ),
        14 => match choices.below(3) {
            0 => ("addresses".into(), Leaf::Addresses),
            1 => (r#"addresses[type eq "work"]"#.into(), Leaf::Address),
            _ => (r#"addresses[type eq "work"].locality"#.into(), Leaf::Text),
        },
        15 => (
            choices
                .pick(&["department", &format!("{ENTERPRISE}:department")])
                .into(),
            Leaf::Text,
        ),
        16 => {
            let separator = choices.pick(&[":", ":", "."]);
            (format!("{ENTERPRISE}{separator}manager"), Leaf::Manager)
        }
        17 => (ENTERPRISE.into(), Leaf::Extension),
        18 => match choices.below(2) {
            0 => (
                "urn:ietf:params:scim:schemas:core:2.0:User:title".into(),
                Leaf::Text,
            ),
            _ => (format!("{ENTERPRISE}:manager.value"), Leaf::ManagerId),
        },
        _ => {
            let wrong = [
                "id",
                "titel",
                "name.firstName",
                "emails[",
                r#"emails[titel eq "x"]"#,
                r#"title[value eq "x"]"#,
            ];
            (choices.pick(&wrong).into(), Leaf::Id)
        }
    }
}

fn filter(choices: &mut Choices<'_>) -> &'static str {
    choices.pick(&[
        r#"type eq "work""#,
        r#"type eq "home""#,
        r#"value eq "a@x""#,
        r#"value eq "b@X""#,
        "primary eq true",
        r#"type eq "work" and primary eq true"#,
        "primary eq false",
        r#"type eq "home" and primary eq false"#,
        "primary ne true",
        "not (primary eq true)",
        r#"type ne "work""#,
        r#"value eq "A@x" and type eq "work""#,
        r#"value co "@x""#,
        r#"type eq "work" or type eq "home""#,
        "not (type pr)",
        r#"primary eq "True""#,
        r#"display sw "gui""#,
    ])
}

/// Mostly a value that fits, and sometimes one that only a dialect understands or none.
fn value(choices: &mut Choices<'_>, leaf: Leaf, op: &str) -> Value {
    if choices.one_in(12) {
        return choices.pick(&[
            json!(1),
            json!("x"),
            json!(true),
            json!([1]),
            json!({"titel": "x"}),
            json!([null]),
            json!(""),
            json!({}),
            json!([{}]),
            json!([{"titel": "x"}]),
            json!([{"value": null}]),
            json!({"type": "home"}),
            json!([{"type": "home"}, {"primary": false}]),
        ]);
    }
    if op == "remove" && choices.one_in(6) {
        return choices.pick(&[json!(null), json!([])]);
    }
    // Whether an addition of nothing changes anything is nobody's to say.
    if op.eq_ignore_ascii_case("replace") && choices.one_in(12) {
        return choices.pick(&[json!(null), json!([])]);
    }
    match leaf {
        Leaf::Text => text(choices),
        Leaf::Type => choices.pick(&["work", "home", "other"]).into(),
        Leaf::Flag => choices.pick(&[json!(true), json!(false), json!("True"), json!("false")]),
        Leaf::Name => name(choices),
        Leaf::Values => single(choices, values),
        Leaf::Value => first(values(choices)),
        Leaf::Addresses => single(choices, addresses),
        Leaf::Address => first(addresses(choices)),
        Leaf::Manager => choices.pick(&[
            json!({"value": "26"}),
            json!("27"),
            json!({"value": "28"}),
            json!({"value": ""}),
            json!(""),
        ]),
        Leaf::ManagerId => choices.pick(&["26", "27", ""]).into(),
        Leaf::Extension => choices.pick(&[
            json!({"department": "Tours"}),
            json!({"department": null, "costCenter": "Guide"}),
            json!({"manager": {"value": "26"}}),
        ]),
        Leaf::Members => {
            let members = members(choices);
            match choices.below(8) {
                7 => members
                    .iter()
                    .filter_map(|member| member.get("value").cloned())
                    .collect(),
                6 => json!([{"display": "X"}]),
                _ if members.is_empty() => json!([member("a")]),
                _ => members.into(),
            }
        }
        Leaf::Member => member(choices.pick(&["a", "b", "e"])),
        Leaf::Id => choices.pick(&["u1", "g1", "x"]).into(),
    }
}

/// The values, or sometimes one of them without an array around it.
fn single(choices: &mut Choices<'_>, make: fn(&mut Choices<'_>) -> Vec<Value>) -> Value {
    let values = make(choices);
    if choices.one_in(8) {
        first(values)
    } else {
        values.into()
    }
}

fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or_default()
}
