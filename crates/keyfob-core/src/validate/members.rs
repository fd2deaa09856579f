//! Makes the values of relations canonical.

use smol_str::format_smolstr;

use super::{IgnoreRule, Reader, ValidationError, reader::can_be_id};
use crate::{
    name::AttrName,
    resource::{Member, MemberSet, ResourceId},
    schema::{Attribute, AttributeType, Mutability},
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
        check_id(&id, path)?;
        member.reference = None;
        members.insert(id, member);
    }
    Ok(members)
}

impl Reader {
    /// Makes what a client sends as the values of a relation canonical, each with its id, in the order in which they
    /// were sent: what [`value`](Self::value) and [`members`] make of them, one that is sent twice apart.
    ///
    /// # Errors
    /// As [`value`](Self::value) and [`members`], and [`ValidationError::MemberType`].
    ///
    /// # Complexity
    /// Linear in the values; those that say no more than `value`, `$ref`, `display` and `type` are taken over as they
    /// are.
    pub fn members(
        &mut self,
        attribute: &Attribute,
        sent: Value,
        path: &str,
    ) -> Result<Vec<(ResourceId, Member)>, ValidationError> {
        let plain = Plain::new(attribute);
        match sent {
            Value::Array(values) if values.iter().all(|value| plain.fits(value)) => {
                let members = values.into_iter().filter_map(|value| match value {
                    Value::Object(object) => plain.member(object),
                    _ => None,
                });
                Ok(members.collect())
            }
            other => {
                let members = members(self.value(attribute, other, path)?, path)?;
                check_types(&members, attribute, path)?;
                Ok(members.into_iter().collect())
            }
        }
    }

    /// Makes members that were decoded in keyed form canonical, as [`value`](Self::value) and [`members`] do for those
    /// that weren't.
    pub(super) fn keyed_members(
        &mut self,
        mut sent: MemberSet,
        attribute: &Attribute,
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
            check_id(id, attribute.name.as_str())?;
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
                self.accept_other(member, *other, attribute)?;
            }
            check_type(member, attribute, attribute.name.as_str())?;
        }
        Ok(sent)
    }

    /// Makes what didn't fit a member's fields canonical, and puts it where it belongs.
    fn accept_other(
        &mut self,
        member: &mut Member,
        other: Object,
        attribute: &Attribute,
    ) -> Result<(), ValidationError> {
        let mut canonical = Object::new();
        for (name, sent) in other {
            let Some(sub) = attribute.sub_attribute(name.as_str()) else {
                self.ignore(
                    IgnoreRule::UnknownAttribute,
                    attribute.name.as_str(),
                    name.as_str(),
                )?;
                continue;
            };
            if sub.mutability == Mutability::ReadOnly {
                continue;
            }
            let path = format_smolstr!("{}.{}", attribute.name, sub.name);
            match self.value(sub, sent, &path)? {
                Value::String(text) if sub.name.is("type") => member.kind = Some(text),
                Value::String(text) if sub.name.is("display") => member.display = Some(text),
                accepted if accepted.is_unassigned() || sub.name.is("$ref") => {}
                accepted => canonical.push_new(sub.name.clone(), accepted),
            }
        }
        member.other = (!canonical.is_empty()).then(|| Box::new(canonical));
        Ok(())
    }
}

/// Refuses a member by a text that can't be anybody's id: taken for the id of somebody who isn't in, its removal would be
/// lost.
fn check_id(id: &ResourceId, path: &str) -> Result<(), ValidationError> {
    let path = || format_smolstr!("{path}.value");
    match id.as_str() {
        "" => Err(ValidationError::Missing { path: path() }),
        id if can_be_id(id) => Ok(()),
        _ => Err(ValidationError::WrongType {
            path: path(),
            expected: "the id of one resource".into(),
            found: "this string".into(),
        }),
    }
}

/// Checks that the relation takes what its members are said to be. What they are is the store's to say.
pub(super) fn check_types(
    members: &MemberSet,
    attribute: &Attribute,
    path: &str,
) -> Result<(), ValidationError> {
    members
        .iter()
        .try_for_each(|(_, member)| check_type(member, attribute, path))
}

/// Refuses a member that is said to be of a type that can't be one. Only the types of RFC 7643 are known by their names
/// here; whatever else is said, `direct` for one, counts for nothing, and a store looks at what the member is.
fn check_type(member: &Member, attribute: &Attribute, path: &str) -> Result<(), ValidationError> {
    let is_known = |kind: &str| {
        ["User", "Group"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(kind))
    };
    match &member.kind {
        Some(kind) if is_known(kind) && !attribute.takes_members_of(kind) => {
            Err(ValidationError::MemberType {
                path: path.into(),
                found: kind.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// The sub-attributes of a relation that a member has fields for, where they are strings and none is required but the
/// id.
struct Plain<'a> {
    attribute: &'a Attribute,
    /// Whether a client may say each; none where it is no such string.
    fields: [(&'static str, Option<bool>); 4],
    is_possible: bool,
}

impl<'a> Plain<'a> {
    fn new(attribute: &'a Attribute) -> Self {
        let takes = |name: &'static str| {
            let sub = attribute.sub_attribute(name).filter(|sub| {
                !sub.multi_valued && matches!(sub.kind, AttributeType::String | AttributeType::Reference)
            });
            (name, sub.map(|sub| sub.mutability != Mutability::ReadOnly))
        };
        let mut required = attribute.sub_attributes.iter().filter(|sub| sub.required);
        Self {
            attribute,
            fields: ["value", "type", "display", "$ref"].map(takes),
            is_possible: required.all(|sub| sub.name.is("value")),
        }
    }

    fn field(&self, name: &AttrName) -> Option<&'static str> {
        let mut fields = self.fields.iter().filter(|(_, takes)| takes.is_some());
        fields.find(|(field, _)| name.is(field)).map(|(field, _)| *field)
    }

    /// Whether the value is an id, and nothing beside it but text for the other fields, of which `type` needs no look.
    fn fits(&self, value: &Value) -> bool {
        let Value::Object(object) = value else {
            return false;
        };
        let mut has_id = false;
        let fit = object.iter().all(|(name, value)| {
            let field = self.field(name);
            has_id |= field == Some("value") && value.as_str().is_some_and(can_be_id);
            match (field, value) {
                (Some("type"), Value::String(text)) => self.attribute.takes_members_of(text),
                (field, value) => field.is_some() && matches!(value, Value::String(_)),
            }
        });
        self.is_possible && fit && has_id
    }

    fn member(&self, object: Object) -> Option<(ResourceId, Member)> {
        let mut id = None;
        let mut member = Member::new();
        for (name, value) in object {
            let Value::String(text) = value else { continue };
            match self.field(&name) {
                Some("value") => id = Some(ResourceId::new(text)),
                Some("type") => member.kind = Some(text),
                Some("display") => member.display = Some(text),
                _ => {}
            }
        }
        let takes = |name: &'static str| self.fields.contains(&(name, Some(true)));
        member.kind = member.kind.filter(|_| takes("type"));
        member.display = member.display.filter(|_| takes("display"));
        Some((id?, member))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect::Dialect, json, schema::Registry, validate::value};

    #[test]
    fn members_that_say_no_more_than_strings_are_what_they_are_read_as_otherwise() {
        let group = Registry::rfc().resource_type("Group").unwrap();
        let attribute = group.attribute("members").unwrap();
        for text in [
            r#"[{"value": "a", "$ref": "../Users/a", "display": "Ann", "TYPE": "User"}, {"Value": "b"}]"#,
            r#"["a", {"value": "b"}]"#,
            r#"[{"value": "a", "unknown": 1}]"#,
            r#"[{"value": "a", "display": null}]"#,
            r#"[{"value": "a", "display": 1}]"#,
            r#"[{"value": ""}]"#,
            r#"[{"value": "a", "type": "user"}, {"value": "b", "type": ""}]"#,
            r#"[{"display": "Ann"}]"#,
            r#"{"value": "a"}"#,
            "[]",
            "null",
            "[1]",
        ] {
            let sent = json::value_from_slice(text.as_bytes()).unwrap();
            for dialect in [Dialect::strict(), Dialect::interop()] {
                let expected = value(attribute, sent.clone(), dialect, "members")
                    .and_then(|values| members(values, "members"));
                let found = Reader::new(dialect).members(attribute, sent.clone(), "members");
                assert_eq!(found.map(MemberSet::from_iter), expected, "{text}");
            }
        }
    }
}
