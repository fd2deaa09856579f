//! Functions of application roles.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::{Definition, Kind, required};
use crate::{
    evaluate::{Call, Evaluated, NULL},
    source::member,
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "SingleAppRoleAssignment",
        &[required("source", Kind::Any)],
        Kind::Text,
        single,
    ),
    Definition::new(
        "AppRoleAssignments",
        &[required("source", Kind::Any)],
        Kind::List,
        all,
    ),
    Definition::new(
        "AppRoleAssignmentsComplex",
        &[required("source", Kind::Any)],
        Kind::List,
        complex,
    ),
    Definition::new(
        "AssertiveAppRoleAssignmentsComplex",
        &[required("source", Kind::Any)],
        Kind::List,
        complex,
    ),
];

/// The name of the first role: of several there is no saying which the service takes.
fn single<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match roles(&*call.value(0)?).first().and_then(name) {
        None => Ok(NULL),
        Some(name) => call.made(name),
    }
}

fn all<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    let names = roles(&value).iter().filter_map(name).map(Value::Text);
    Ok(list_of(names.collect()))
}

/// Each role with `id`, `value` and `displayName`, as far as the source tells; its text is the JSON that the service
/// sends.
fn complex<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    let roles = roles(&value).iter().map(|role| {
        let members = ["id", "value", "displayName"].into_iter();
        Value::Complex(match role {
            Value::Complex(_) => members
                .filter_map(|key| Some((SmolStr::new_static(key), member(role, key)?.clone())))
                .collect(),
            single => members
                .skip(1)
                .map(|key| (SmolStr::new_static(key), single.to_text().into()))
                .collect(),
        })
    });
    Ok(list_of(roles.collect()))
}

fn list_of<'v>(values: Vec<Value>) -> Cow<'v, Value> {
    if values.is_empty() {
        return NULL;
    }
    Cow::Owned(Value::List(values))
}

fn roles(value: &Value) -> &[Value] {
    match value.reveal() {
        Value::Null => &[],
        Value::List(roles) => roles,
        single => std::slice::from_ref(single),
    }
}

/// The `value` of a role, or its `displayName` where it has none; a role may be its name alone.
fn name(role: &Value) -> Option<SmolStr> {
    let name = match role {
        Value::Complex(_) => ["value", "displayName"]
            .into_iter()
            .filter_map(|key| member(role, key))
            .find(|name| !name.is_empty())?,
        single => single,
    };
    Some(name.to_text()).filter(|name| !name.is_empty())
}
