//! What a write says it did, it did: of a value that is not refused every known part is found afterwards, and nothing is
//! emptied by a value that doesn't say so, whatever a client sends.
#![cfg(test)]

use keyfob_core::{
    Attribute, Collation, CompareKey, Dialect, Quirk, Resource, message::PatchRequest, schema::Mutability,
    validate,
};
use keyfob_patch::{Applied, OperationOutcome, Plan, explain};
use keyfob_testgen::{Choices, Kind, hostile_body, hostile_patch, resource};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn dialects() -> [Dialect; 4] {
    [
        Dialect::strict(),
        Dialect::interop(),
        Dialect::entra(),
        Dialect::okta(),
    ]
}

/// The attributes of a type that hold several values.
fn multi_valued(kind: Kind) -> Vec<&'static Attribute> {
    let resource_type = kind.resource_type();
    let names: &[&str] = match kind {
        Kind::User => &["emails", "roles", "addresses"],
        Kind::Group => &["members"],
    };
    names
        .iter()
        .map(|name| resource_type.attribute(name).unwrap())
        .collect()
}

fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let members = object.as_object()?;
    let mut found = members.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value)
}

/// Every known part of a value that says something, as text without regard to case. What is unknown or readOnly is passed
/// over; where the dialect has it so the attribute may be named once more. `primary` and what else moves between values is left out. Of a member its id is told alone, since who is stored
/// keeps what is known.
fn parts(attribute: &Attribute, value: &Value, repeats: bool) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values
            .iter()
            // Only the whole value may name the attribute once more.
            .flat_map(|value| parts(attribute, value, false))
            .collect(),
        Value::Object(object) if attribute.is_complex() => {
            if let (1, Some(inner)) = (object.len(), member(value, attribute.name.as_str()))
                && repeats
                && attribute.sub_attribute(attribute.name.as_str()).is_none()
            {
                return parts(attribute, inner, repeats);
            }
            let moves: &[&str] = match attribute.name.as_str() {
                "members" => &["type", "display", "primary", "$ref"],
                _ => &["display", "primary", "$ref"],
            };
            let known = object.iter().filter_map(|(name, value)| {
                let sub = attribute.sub_attribute(name)?;
                let is_told = sub.mutability != Mutability::ReadOnly && !moves.contains(&sub.name.as_str());
                is_told.then(|| parts(sub, value, repeats))
            });
            known.flatten().collect()
        }
        Value::Object(_) => member(value, attribute.name.as_str())
            .filter(|_| repeats)
            .or(member(value, "value"))
            .map(|inner| parts(attribute, inner, repeats))
            .unwrap_or_default(),
        Value::String(text) => vec![CompareKey::new(Collation::Caseless, text).as_str().to_owned()],
        simple => vec![simple.to_string()],
    }
}

fn assert_found(attribute: &Attribute, sent: &Value, held: Option<&Value>, repeats: bool, case: &str) {
    let held = held.map(|held| parts(attribute, held, false)).unwrap_or_default();
    for part in parts(attribute, sent, repeats) {
        // A single pointer with an empty id points nowhere.
        assert!(
            held.contains(&part) || part.is_empty(),
            "`{part}` is lost\n{case}"
        );
    }
}

/// Returns true if a value says of a whole attribute that it has no values.
fn says_none(attribute: &Attribute, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(object) if object.len() == 1 => {
            member(value, attribute.name.as_str()).is_some_and(|inner| says_none(attribute, inner))
        }
        _ => false,
    }
}

/// Returns true if an operation may leave the attribute without values: one that removes, and one that says of the whole
/// attribute that it has none.
fn may_empty(operation: &Value, attribute: &Attribute) -> bool {
    if operation["op"] == "remove" {
        return true;
    }
    let value = &operation["value"];
    let name = attribute.name.as_str();
    match operation["path"].as_str() {
        None => member(value, name).is_some_and(|value| says_none(attribute, value)),
        Some(path) => {
            let is_whole = path
                .rsplit(':')
                .next()
                .is_some_and(|path| path.eq_ignore_ascii_case(name));
            is_whole && says_none(attribute, value)
        }
    }
}

fn count(resource: &Value, attribute: &Attribute) -> usize {
    let held = resource.get(attribute.name.as_str()).and_then(Value::as_array);
    held.map_or(0, Vec::len)
}

fn decode(value: &Value, kind: Kind) -> Resource {
    Resource::from_json(value.to_string().as_bytes(), kind.resource_type()).unwrap()
}

fn encode(resource: &Resource) -> Value {
    serde_json::from_slice(&resource.to_json()).unwrap()
}

/// The attribute that a path is about, and the sub-attribute of it.
fn target(path: &str, kind: Kind) -> Option<(&'static Attribute, &'static Attribute)> {
    let path = path.rsplit(':').next()?;
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let attribute = kind.resource_type().attribute(name)?;
    let sub = rest.rsplit(['.', ']']).next().filter(|sub| !sub.is_empty());
    match sub {
        None => Some((attribute, attribute)),
        Some(sub) => Some((attribute, attribute.sub_attribute(sub)?)),
    }
}

fn check_patch(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[Kind::User, Kind::Group]);
    let before = resource(&mut choices, kind);
    let request = hostile_patch(&mut choices, kind);
    let operation = &request["Operations"][0];
    for dialect in dialects() {
        let stored = decode(&before, kind);
        let mut patched = stored.clone();
        let sent = PatchRequest::from_json(request.to_string().as_bytes()).unwrap();
        let applied = Plan::compile(sent.clone(), kind.resource_type(), dialect)
            .and_then(|plan| plan.apply(&mut patched));
        let case = format!("{dialect:?}\n{before}\n{request}\n{applied:?}");
        let repeats = dialect.allows(Quirk::RepeatedPath);
        let explained = explain(&sent, kind.resource_type(), dialect, &stored);
        let Ok(applied) = applied else {
            assert_eq!(patched, stored, "{case}");
            assert!(explained.is_err(), "{case}");
            continue;
        };
        // An operation was applied, was so before or is passed over by a rule.
        let explained = explained.unwrap();
        let changes = explained
            .iter()
            .any(|part| part.outcome == OperationOutcome::Applied);
        assert!(!explained.is_empty(), "{case}");
        assert_eq!(changes, applied == Applied::Changed, "{case}\n{explained:?}");
        let after = encode(&patched);
        for attribute in multi_valued(kind) {
            if count(&before, attribute) > 0 && count(&after, attribute) == 0 {
                assert!(
                    may_empty(operation, attribute),
                    "{} is emptied\n{case}",
                    attribute.name
                );
            }
        }
        if operation["op"] == "remove" {
            check_removed(operation, &before, &after, kind, repeats, &case);
            continue;
        }
        match operation["path"].as_str() {
            Some(ENTERPRISE) => {}
            Some(path) => {
                if let Some((attribute, leaf)) = target(path, kind) {
                    let sent = parts(leaf, &operation["value"], repeats);
                    let held = after.get(attribute.name.as_str());
                    let held = held.map(|held| parts(attribute, held, false)).unwrap_or_default();
                    let is_display = leaf.name.is("display");
                    let lost = sent.iter().find(|part| !held.contains(part));
                    assert!(
                        is_display || lost.is_none_or(String::is_empty),
                        "{lost:?} is lost\n{case}"
                    );
                }
            }
            None => {
                for (name, value) in operation["value"].as_object().unwrap() {
                    if let Some(attribute) = kind.resource_type().attribute(name) {
                        assert_found(
                            attribute,
                            value,
                            after.get(attribute.name.as_str()),
                            repeats,
                            &case,
                        );
                    }
                }
            }
        }
    }
}

/// A removal by value takes out who is named and nobody else: each value that is gone shares a part with what was sent.
fn check_removed(operation: &Value, before: &Value, after: &Value, kind: Kind, repeats: bool, case: &str) {
    let (Some(path), Some(value)) = (operation["path"].as_str(), operation.get("value")) else {
        return;
    };
    let Some((attribute, leaf)) = target(path, kind) else {
        return;
    };
    if path.contains('[') || !leaf.multi_valued {
        return;
    }
    let sent = parts(attribute, value, repeats);
    let said_primary = value.to_string().to_ascii_lowercase().contains("primary");
    let said_display = value.to_string().to_ascii_lowercase().contains("display");
    let values = |resource: &Value| {
        resource
            .get(attribute.name.as_str())
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let left = values(after);
    for gone in values(before).iter().filter(|value| !left.contains(value)) {
        let is_named = parts(attribute, gone, false)
            .iter()
            .any(|part| sent.contains(part));
        assert!(
            is_named || said_primary || said_display,
            "{gone} is removed\n{case}"
        );
    }
}

fn check_bodies(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[Kind::User, Kind::Group]);
    let before = resource(&mut choices, kind);
    let body = hostile_body(&mut choices, kind);
    let stored = decode(&before, kind);
    for dialect in dialects() {
        let sent = decode(&body, kind);
        let created = validate::create(sent.clone(), kind.resource_type(), dialect);
        let replaced = validate::replace(sent, &stored, kind.resource_type(), dialect);
        for after in [created, replaced].into_iter().flatten() {
            let after = encode(&after);
            let case = format!("{dialect:?}\n{body}\n{after}");
            for (name, value) in body.as_object().unwrap() {
                if let Some(attribute) = kind.resource_type().attribute(name)
                    && !attribute.name.is("schemas")
                {
                    assert_found(attribute, value, after.get(attribute.name.as_str()), false, &case);
                    let is_left_out = says_none(attribute, value)
                        || !multi_valued(kind)
                            .iter()
                            .any(|other| other.name == attribute.name);
                    assert!(
                        is_left_out || count(&after, attribute) > 0,
                        "{name} is empty\n{case}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_patch_does_what_it_says_or_is_refused_whatever_is_sent(bytes in vec(any::<u8>(), 0..160)) {
        check_patch(&bytes);
    }

    #[test]
    fn a_post_or_put_keeps_every_known_part_or_is_refused_whatever_is_sent(bytes in vec(any::<u8>(), 0..160)) {
        check_bodies(&bytes);
    }
}
