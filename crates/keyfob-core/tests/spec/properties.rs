//! Properties of all values, resources, texts and member sets, against slow and obvious oracles.

use keyfob_core::{
    AttrName, AttrPath, Dialect, Member, MemberSet, Object, Resource, ResourceId, SchemaUri, Value,
    json::{object_from_slice, object_to_vec, value_from_slice, value_to_vec},
    message::{MessageError, PatchRequest},
    view::{Group, User},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{group_type, user_type};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 @.-]{0,40}",
        any::<String>(),
        "[\\x00-\\x1f\"\\\\\u{7f}é\u{1f600}]{0,12}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        (-9.2e18..9.2e18).prop_map(Value::Decimal),
        prop::num::f64::SUBNORMAL.prop_map(Value::Decimal),
        text().prop_map(|text| Value::String(text.into())),
    ]
}

fn object_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Object> {
    vec((text(), value), 0..6).prop_map(|members| {
        let members = members.into_iter();
        members
            .map(|(name, value)| (AttrName::new(name), value))
            .collect()
    })
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn member() -> impl Strategy<Value = (ResourceId, Member)> {
    let optional = || prop::option::of(text());
    (
        text(),
        optional(),
        optional(),
        optional(),
        prop::option::of(("[a-c]", value())),
    )
        .prop_map(|(id, kind, display, reference, other)| {
            let mut member = Member::new();
            member.kind = kind.map(Into::into);
            member.display = display.map(Into::into);
            member.reference = reference.map(Into::into);
            member.other = other.map(|(name, value)| {
                let mut object = Object::new();
                object.insert(name.as_str(), value);
                Box::new(object)
            });
            (ResourceId::new(id), member)
        })
}

/// The text of a member that is mostly there, under one of these names and with one of these values or with any.
fn member_text(
    names: &'static [&'static str],
    values: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = Option<String>> {
    let any_value = value().prop_map(|value| String::from_utf8(value_to_vec(&value)).unwrap());
    let faulty = prop::sample::select(vec![r#"{"a": 1, "A": 2}"#, "1e400", "[", "tru", "5", "null"]);
    let values = prop_oneof![30 => values, 1 => any_value, 1 => faulty.prop_map(String::from)];
    let member =
        (prop::sample::select(names), values).prop_map(|(name, value)| format!("\"{name}\": {value}"));
    prop::option::weighted(0.9, member)
}

fn object_text(members: Vec<Option<String>>) -> String {
    let members: Vec<String> = members.into_iter().flatten().collect();
    format!("{{{}}}", members.join(", "))
}

/// A text that is a PATCH request or nearly one: names in any case, members that are missing or there twice, values of
/// any type, faults in the JSON.
fn patch_request() -> impl Strategy<Value = String> {
    let one_of = |texts: &'static [&'static str]| prop::sample::select(texts).prop_map(String::from);
    let others = || {
        let others = member_text(
            &["op", "PATH", "Value", "schemas", "OPERATIONS", "a", "A"],
            Just("1".into()),
        );
        prop_oneof![9 => Just(Vec::new()).boxed(), 1 => vec(others, 0..3).boxed()]
    };
    let operation = (
        member_text(
            &["op", "OP"],
            one_of(&[r#""add""#, r#""Replace""#, r#""re\u006dove""#]),
        ),
        member_text(
            &["path", "Path"],
            one_of(&[r#""title""#, r#""em\u0061ils""#, "null"]),
        ),
        member_text(
            &["value", "VALUE"],
            one_of(&[r#""T""#, r#"{"value": 1}"#, "null"]),
        ),
        others(),
    )
        .prop_map(|(op, path, value, others)| object_text([others, vec![value, op, path]].concat()));
    let operations = vec(operation, 1..4).prop_map(|operations| format!("[{}]", operations.join(", ")));
    let schemas = one_of(&[
        r#"["urn:ietf:params:scim:api:messages:2.0:PatchOp"]"#,
        r#""URN:IETF:params:scim:api:messages:2.0:PatchOp""#,
    ]);
    (
        member_text(&["schemas", "Schemas"], schemas),
        member_text(&["Operations", "operations"], operations),
        others(),
    )
        .prop_map(|(schemas, operations, others)| {
            object_text([vec![operations], others, vec![schemas]].concat())
        })
}

/// A group as decoding makes it: distinct names, relations that hold something, URIs apart from names.
fn resource() -> impl Strategy<Value = Resource> {
    let names = "[a-l][a-zA-Z0-9]{0,10}";
    (
        vec(text(), 0..3),
        vec((names, value()), 0..8),
        vec(member(), 0..5),
        vec(("urn:[a-z:]{1,30}", object_of(value())), 0..3),
    )
        .prop_map(|(schemas, core, members, extensions)| {
            let mut resource = Resource::new(schemas.into_iter().map(SchemaUri::new));
            for (name, value) in core {
                resource.core_mut().insert(name.as_str(), value);
            }
            let members: MemberSet = members.into_iter().collect();
            if !members.is_empty() {
                resource.set_relation(&AttrName::new("members"), members);
            }
            // As a body may have it: what it states is its own affair.
            for (uri, object) in extensions {
                let uri = SchemaUri::new(uri);
                if resource.extension(&uri).is_none() {
                    resource.extensions_mut().push((uri, object));
                }
            }
            resource
        })
}

/// A change of an extension: which of three, by a loan or as a whole, and what it leaves there.
fn change_of_extension() -> impl Strategy<Value = (usize, bool, Object)> {
    let object = vec(("[a-c]", any::<i64>()), 0..3).prop_map(|members| {
        let members = members.into_iter();
        members
            .map(|(name, value)| (AttrName::new(name), Value::Integer(value)))
            .collect()
    });
    (0..3_usize, any::<bool>(), object)
}

proptest! {
    #[test]
    fn rfc_7643_3_schemas_name_the_extensions_that_hold_something_whatever_is_done_to_them(
        changes in vec(change_of_extension(), 0..12)
    ) {
        let uris = ["urn:example:a", "urn:example:b", "urn:example:c"].map(SchemaUri::new);
        let mut resource = Resource::new([SchemaUri::USER]);
        let mut expected: Vec<(SchemaUri, Object)> = Vec::new();
        for (number, is_loan, object) in changes {
            let uri = &uris[number];
            match expected.iter().position(|(present, _)| present == uri) {
                Some(place) if object.is_empty() => drop(expected.remove(place)),
                Some(place) => expected[place].1 = object.clone(),
                None if object.is_empty() => {}
                None => expected.push((uri.clone(), object.clone())),
            }
            if is_loan {
                let mut extension = resource.extension_mut(uri);
                extension.retain(|_, _| false);
                for (name, value) in object {
                    extension.insert(name, value);
                }
            } else {
                resource.set_extension(uri, object);
            }
            prop_assert_eq!(resource.extensions(), &*expected);
            let stated: Vec<SchemaUri> = [SchemaUri::USER]
                .into_iter()
                .chain(expected.iter().map(|(uri, _)| uri.clone()))
                .collect();
            prop_assert_eq!(resource.schemas(), stated);
        }
    }

    #[test]
    fn values_decode_to_what_was_encoded(value in value()) {
        let text = value_to_vec(&value);
        prop_assert_eq!(value_from_slice(&text).unwrap(), value);
    }

    #[test]
    fn encoding_is_that_of_serde_json(value in value(), resource in resource()) {
        prop_assert_eq!(
            String::from_utf8(value_to_vec(&value)).unwrap(),
            serde_json::to_string(&value).unwrap()
        );
        prop_assert_eq!(
            String::from_utf8(resource.to_json()).unwrap(),
            serde_json::to_string(&resource).unwrap()
        );
        prop_assert_eq!(
            String::from_utf8(object_to_vec(resource.core())).unwrap(),
            serde_json::to_string(resource.core()).unwrap()
        );
    }

    #[test]
    fn decoding_agrees_with_serde_json(value in value()) {
        // `serde_json` takes the last of two keys that are equal; ours are distinct.
        let text = value_to_vec(&value);
        let theirs: serde_json::Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(serde_json::to_value(value_from_slice(&text).unwrap()).unwrap(), theirs);
    }

    #[test]
    fn resources_decode_to_what_was_encoded(resource in resource()) {
        let text = resource.to_json();
        prop_assert_eq!(&Resource::from_json(&text, group_type()).unwrap(), &resource);
        let untyped: Resource = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(untyped.to_json().len(), text.len());
    }

    #[test]
    fn what_serde_describes_is_the_resource_of_its_text(value in value(), resource in resource()) {
        // The value is mostly no object, which both refuse.
        let text = value_to_vec(&value);
        prop_assert_eq!(Resource::from_serde(&value, group_type()).ok(), Resource::from_json(&text, group_type()).ok());
        prop_assert_eq!(&Resource::from_serde(&resource, group_type()).unwrap(), &resource);
        prop_assert_eq!(
            resource.to_serde::<serde_json::Value>().unwrap(),
            serde_json::from_slice::<serde_json::Value>(&resource.to_json()).unwrap()
        );
    }

    #[test]
    fn views_lose_nothing(resource in resource()) {
        prop_assert_eq!(&Resource::from(User::from(resource.clone())), &resource);
        prop_assert_eq!(&Resource::from(Group::from(resource.clone())), &resource);
    }

    #[test]
    fn decoding_any_bytes_answers(text in vec(any::<u8>(), 0..200)) {
        // Neither panics, and both agree on what is a JSON object.
        let typed = Resource::from_json(&text, user_type()).is_ok();
        prop_assert_eq!(typed, serde_json::from_slice::<Resource>(&text).is_ok());
    }

    #[test]
    fn a_patch_request_is_what_its_body_decodes_to(text in patch_request()) {
        let slow = object_from_slice(text.as_bytes()).map_err(MessageError::from);
        for dialect in [Dialect::strict(), Dialect::interop()] {
            let slow = slow.clone().and_then(|object| PatchRequest::from_object(object, dialect));
            prop_assert_eq!(PatchRequest::from_json_with(text.as_bytes(), dialect), slow);
        }
    }

    #[test]
    fn names_equal_up_to_case_hash_alike(left in "[a-cA-C]{0,3}", right in "[a-cA-C]{0,3}") {
        let equal = left.eq_ignore_ascii_case(&right);
        prop_assert_eq!(AttrName::from(left.as_str()) == AttrName::from(right.as_str()), equal);
        let names: std::collections::HashSet<AttrName> =
            [left.as_str(), right.as_str()].map(AttrName::from).into_iter().collect();
        prop_assert_eq!(names.len(), if equal { 1 } else { 2 });
    }

    #[test]
    fn a_path_prints_as_it_was_written(text in "([a-z]{1,5}:){0,3}[a-zA-Z0-9$.:_-]{1,12}") {
        if let Ok(path) = AttrPath::parse(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn a_fault_in_a_path_is_at_a_character_of_it(text in any::<String>()) {
        if let Err(error) = AttrPath::parse(&text) {
            prop_assert!(text.is_char_boundary(error.offset()));
        }
    }

    #[test]
    fn a_member_set_is_a_list_searched_from_end_to_end(
        steps in vec((0..3u8, 0..12u8, any::<u8>()), 0..60)
    ) {
        let mut set = MemberSet::new();
        let mut model: Vec<(ResourceId, Member)> = Vec::new();
        for (step, id, display) in steps {
            let id = ResourceId::new(id.to_string());
            let member = Member::new().with_display(display.to_string());
            let place = model.iter().position(|(present, _)| *present == id);
            match step {
                0 => {
                    let before = set.insert(id.clone(), member.clone());
                    if let Some(place) = place {
                        prop_assert_eq!(before, Some(std::mem::replace(&mut model[place].1, member)));
                    } else {
                        prop_assert_eq!(before, None);
                        model.push((id, member));
                    }
                }
                1 => {
                    let before = place.map(|place| model.remove(place).1);
                    prop_assert_eq!(set.remove(&id), before);
                }
                _ => {
                    prop_assert_eq!(set.get(&id), place.map(|place| &model[place].1));
                    prop_assert_eq!(set.contains(&id), place.is_some());
                }
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.is_empty(), model.is_empty());
        }
        prop_assert_eq!(&set, &model.iter().rev().cloned().collect::<MemberSet>());
        let mut listed: Vec<_> = set.iter().map(|(id, _)| id.clone()).collect();
        let mut expected: Vec<_> = model.iter().map(|(id, _)| id.clone()).collect();
        listed.sort();
        expected.sort();
        prop_assert_eq!(listed, expected);
    }
}
