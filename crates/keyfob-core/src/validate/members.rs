//! Makes the values of relations canonical.

use smol_str::format_smolstr;

use super::{ValidationError, value::value};
use crate::{
    dialect::Dialect,
    resource::{Member, MemberSet},
    schema::{Attribute, Mutability},
    value::{Object, Value},
};

/// Turns the canonical values of a relation into a keyed set. `$ref` is left out: where a member is served is the
/// service provider's to say.
///
/// # Errors
/// [`ValidationError`], which maps to `invalidValue`, where a value has no `value`.
pub fn members(values: Value, path: &str) -> Result<MemberSet, ValidationError> {
    let missing = || ValidationError::Missing {
        path: format_smolstr!("{path}.value"),
    };
    let Value::Array(values) = values else {
        return Ok(MemberSet::new());
    };
    let mut members = MemberSet::new();
    for value in values {
        let Value::Object(object) = value else {
            return Err(missing());
        };
        let (id, mut member) = Member::from_object(object).map_err(|_| missing())?;
        if id.as_str().is_empty() {
            return Err(missing());
        }
        member.reference = None;
        members.insert(id, member);
    }
    Ok(members)
}

/// Makes members that were decoded in keyed form canonical, as [`value`] and [`members`] do for those that weren't.
pub(super) fn keyed_members(
    mut sent: MemberSet,
    attribute: &Attribute,
    dialect: Dialect,
) -> Result<MemberSet, ValidationError> {
    let writable = |name: &str| {
        let sub = attribute.sub_attribute(name);
        sub.is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
    };
    let (takes_kind, takes_display) = (writable("type"), writable("display"));
    let required: Vec<&Attribute> = attribute
        .sub_attributes
        .iter()
        .filter(|sub| sub.required && sub.mutability != Mutability::ReadOnly)
        .collect();
    for (id, member) in sent.iter_mut() {
        let missing = |name: &str| ValidationError::Missing {
            path: format_smolstr!("{}.{name}", attribute.name),
        };
        if id.as_str().is_empty() {
            return Err(missing("value"));
        }
        if let Some(sub) = required.iter().find(|sub| !holds(member, sub.name.as_str())) {
            return Err(missing(sub.name.as_str()));
        }
        member.reference = None;
        if !takes_kind {
            member.kind = None;
        }
        if !takes_display {
            member.display = None;
        }
        if let Some(other) = member.other.take() {
            accept_other(member, *other, attribute, dialect)?;
        }
    }
    Ok(sent)
}

/// Makes what didn't fit a member's fields canonical, and puts it where it belongs.
fn accept_other(
    member: &mut Member,
    other: Object,
    attribute: &Attribute,
    dialect: Dialect,
) -> Result<(), ValidationError> {
    let mut canonical = Object::new();
    for (name, sent) in other {
        let Some(sub) = attribute.sub_attribute(name.as_str()) else {
            continue;
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        let path = format_smolstr!("{}.{}", attribute.name, sub.name);
        match value(sub, sent, dialect, &path)? {
            Value::String(text) if sub.name.is("type") => member.kind = Some(text),
            Value::String(text) if sub.name.is("display") => member.display = Some(text),
            accepted if accepted.is_unassigned() || sub.name.is("$ref") => {}
            accepted => canonical.push_new(sub.name.clone(), accepted),
        }
    }
    member.other = (!canonical.is_empty()).then(|| Box::new(canonical));
    Ok(())
}

/// Whether the member that was sent has the sub-attribute.
fn holds(member: &Member, name: &str) -> bool {
    let other = member.other.as_ref().and_then(|other| other.get(name));
    let text = match name.to_ascii_lowercase().as_str() {
        "value" => return true,
        "type" => member.kind.as_deref(),
        "display" => member.display.as_deref(),
        "$ref" => member.reference.as_deref(),
        _ => None,
    };
    text.or(other.and_then(Value::as_str))
        .map_or(other.is_some(), |text| !text.is_empty())
}
