//! Functions of application roles.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::{Definition, Kind, Role, required};
use crate::{
    evaluate::{Call, Evaluated, NULL},
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
    )
    .meaning(Role::Adds),
    Definition::new(
        "AssertiveAppRoleAssignmentsComplex",
        &[required("source", Kind::Any)],
        Kind::List,
        complex,
    )
    .meaning(Role::Replaces),
];

/// The `type` of every role that the service sends.
const TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// The names by which people know a role: vendors compare it with names that have blanks, which the `value` of a role can't hold.
const DISPLAYED: [&str; 2] = ["displayName", "value"];

/// The name of the first role: of several there is no saying which the service takes.
fn single<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    match roles(&value).first().and_then(|role| name(role, &DISPLAYED)) {
        None => Ok(NULL),
        Some(name) => call.made(name),
    }
}

fn all<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    let names = roles(&value).iter().filter_map(|role| name(role, &DISPLAYED));
    Ok(list_of(names.map(Value::Text).collect()))
}

/// Each role as an element of SCIM's `roles`, none of them primary. A role without a name of its own goes by its id.
fn complex<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?;
    let roles = roles(&value).iter().filter_map(|role| {
        let display = name(role, &["displayName", "value", "id"])?;
        let value = name(role, &["value", "displayName", "id"])?;
        let members = [
            ("value", value.into()),
            ("display", display.into()),
            ("type", TYPE.into()),
            ("primary", false.into()),
        ];
        let members = members.map(|(key, value)| (SmolStr::new_static(key), value));
        Some(Value::Complex(members.into()))
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

/// Returns what a role has under the first of these names that it has anything under; a role may be its name alone.
fn name(role: &Value, keys: &[&str]) -> Option<SmolStr> {
    let name = match role {
        Value::Complex(_) => keys
            .iter()
            .filter_map(|key| role.member(key))
            .find(|name| !name.is_empty())?,
        single => single,
    };
    Some(name.to_text()).filter(|name| !name.is_empty())
}
