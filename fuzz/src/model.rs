//! PATCH beside its model, and the differences of resources.

use std::collections::BTreeMap;

use keyfob_core::{
    Dialect, Resource, ToErrorBody,
    message::{PatchOperation, PatchRequest},
};
use keyfob_patch::{Applied, Plan, diff};
use keyfob_testgen::{Choices, Kind, apply_patch, patch_request, resource};
use serde_json::Value;

/// A request does what the model says, or is refused for a reason that the model has too.
///
/// Three things are left open: the order of values, which is not significant (RFC 7643 section 2.4), which of several
/// faults is told, and what is known of a member that is put in twice.
pub fn patch_vs_model(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[Kind::User, Kind::Group]);
    let before = resource(&mut choices, kind);
    let request = patch_request(&mut choices, kind);
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let expected = apply_patch(&before, &request, kind, dialect);
        let mut found = decode(&before, kind);
        let applied = Plan::compile(decode_request(&request), kind.resource_type(), dialect)
            .and_then(|plan| plan.apply(&mut found));
        let case = || format!("{dialect:?}\n{before}\n{request}\n{applied:?}\n{expected:?}");
        match (&applied, &expected) {
            (Ok(applied), Ok(expected)) => {
                assert_eq!(
                    comparable(&encode(&found), &before),
                    comparable(expected, &before),
                    "{}",
                    case()
                );
                let changed = comparable(&encode(&found), &before) != comparable(&before, &before);
                assert!(*applied == Applied::Changed || !changed, "{}", case());
                assert!(
                    *applied == Applied::Unchanged || found != decode(&before, kind),
                    "{}",
                    case()
                );
            }
            (Err(error), Err(expected)) => {
                let scim_type = error.to_error_body().scim_type.unwrap();
                assert!(expected.contains(scim_type.as_str()), "{error}\n{}", case());
                assert_eq!(found, decode(&before, kind));
            }
            _ => panic!("{}", case()),
        }
    }
}

/// The difference of two resources makes the one into the other, by the RFC alone and in every dialect; a resource
/// differs in nothing from itself.
pub fn diff_applies(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[Kind::User, Kind::Group]);
    let before = decode(&resource(&mut choices, kind), kind);
    let after = decode(&resource(&mut choices, kind), kind);
    let resource_type = kind.resource_type();
    assert_eq!(diff(&before, &before, resource_type).operations, []);
    let request = diff(&before, &after, resource_type);
    assert_eq!(request.operations.is_empty(), same(&before, &after));
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let mut patched = before.clone();
        let applied = Plan::compile(request.clone(), resource_type, dialect)
            .and_then(|plan| plan.apply(&mut patched))
            .unwrap_or_else(|error| panic!("{error}: {request:?}"));
        assert!(
            same(&patched, &after),
            "{request:?}\n{before:?}\n{patched:?}\n{after:?}"
        );
        assert_eq!(applied == Applied::Changed, !same(&before, &after), "{request:?}");
    }
}

/// An operation that doesn't select by what it changes does nothing when it is done again, and two operations on
/// different attributes do the same in either order.
pub fn operations_are_independent(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[Kind::User, Kind::Group]);
    let before = decode(&resource(&mut choices, kind), kind);
    let request = decode_request(&patch_request(&mut choices, kind));
    let dialect = choices.pick(&[Dialect::strict(), Dialect::interop()]);
    let apply = |operations: Vec<PatchOperation>, resource: &mut Resource| {
        Plan::compile(PatchRequest::new(operations), kind.resource_type(), dialect)
            .and_then(|plan| plan.apply(resource))
    };
    for operation in &request.operations {
        let mut once = before.clone();
        let selects = operation.path.as_ref().is_none_or(|path| path.contains('['));
        if !selects && apply(vec![operation.clone()], &mut once).is_ok() {
            assert_eq!(
                apply(vec![operation.clone()], &mut once),
                Ok(Applied::Unchanged),
                "{operation:?}"
            );
        }
    }
    for pair in request.operations.windows(2) {
        let (Some(first), Some(second)) = (attribute(&pair[0]), attribute(&pair[1])) else {
            continue;
        };
        if first == second {
            continue;
        }
        let (mut forth, mut back) = (before.clone(), before.clone());
        let one = apply(pair.to_vec(), &mut forth).is_ok();
        let other = apply(vec![pair[1].clone(), pair[0].clone()], &mut back).is_ok();
        assert_eq!(one, other, "{pair:?}");
        assert_eq!(forth, back, "{pair:?}");
    }
}

/// The attribute that an operation is about, without regard to case; none where that takes more than a look.
fn attribute(operation: &PatchOperation) -> Option<String> {
    let path = operation.path.as_deref().filter(|path| !path.contains(':'))?;
    path.split(['.', '[']).next().map(str::to_ascii_lowercase)
}

fn decode_request(request: &Value) -> PatchRequest {
    PatchRequest::from_json(request.to_string().as_bytes()).unwrap()
}

/// Equal, a relation without members being none.
fn same(a: &Resource, b: &Resource) -> bool {
    let without_empty = |resource: &Resource| {
        let mut resource = resource.clone();
        resource
            .relations_mut()
            .retain(|(_, members)| !members.is_empty());
        resource
    };
    without_empty(a) == without_empty(b)
}

fn decode(resource: &Value, kind: Kind) -> Resource {
    Resource::from_json(resource.to_string().as_bytes(), kind.resource_type()).unwrap()
}

fn encode(resource: &Resource) -> Value {
    serde_json::from_slice(&resource.to_json()).unwrap()
}

/// The attributes by name, arrays as sets, and new members as their ids.
fn comparable(resource: &Value, before: &Value) -> BTreeMap<String, Vec<String>> {
    let attributes = resource.as_object().into_iter().flatten();
    let is_stored = |member: &Value| {
        before["members"]
            .as_array()
            .is_some_and(|stored| stored.contains(member))
    };
    attributes
        .map(|(name, value)| {
            let mut values: Vec<String> = match value {
                Value::Array(members) if name == "members" => {
                    let shown = members.iter().map(|member| {
                        if is_stored(member) {
                            member
                        } else {
                            &member["value"]
                        }
                    });
                    shown.map(sorted).collect()
                }
                Value::Array(values) => values.iter().map(sorted).collect(),
                single => vec![sorted(single)],
            };
            values.sort();
            (name.clone(), values)
        })
        .collect()
}

/// The text of a value, names in order whatever `serde_json` keeps.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members: BTreeMap<&String, String> =
                object.iter().map(|(name, value)| (name, sorted(value))).collect();
            format!("{members:?}")
        }
        other => other.to_string(),
    }
}
