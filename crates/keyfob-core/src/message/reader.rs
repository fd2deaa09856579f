//! Reads the members of a message that a server sent, and notes what departs from the RFC.

use smol_str::{SmolStr, format_smolstr};

use super::{Deviation, Deviations};
use crate::{
    name::SchemaUri,
    value::{Object, Value},
};

/// Takes members out of a message, each as the type that the RFC gives it. A value of another type that says the same,
/// such as `"100"` for 100, is taken and noted; one that says nothing is noted and passed over.
pub(crate) struct Reader<'r> {
    object: &'r mut Object,
    /// What stands before the names of members in the paths of deviations.
    path: SmolStr,
    rfc: &'static str,
    deviations: &'r mut Deviations,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(object: &'r mut Object, rfc: &'static str, deviations: &'r mut Deviations) -> Self {
        Self {
            object,
            path: SmolStr::default(),
            rfc,
            deviations,
        }
    }

    /// Returns the reader of a complex value below this message.
    pub(crate) fn below<'n>(&'n mut self, path: SmolStr, object: &'n mut Object) -> Reader<'n> {
        Reader {
            object,
            path,
            rfc: self.rfc,
            deviations: self.deviations,
        }
    }

    /// Returns the path of a member.
    pub(crate) fn at(&self, member: &str) -> SmolStr {
        if self.path.is_empty() {
            member.into()
        } else {
            format_smolstr!("{}.{member}", self.path)
        }
    }

    pub(crate) fn note(&mut self, member: &str, rule: &str) {
        let path = self.at(member);
        self.deviations.note(Deviation::new(path, rule, self.rfc));
    }

    /// Notes that `schemas` doesn't name the message.
    pub(crate) fn schema(&mut self, expected: &SchemaUri) {
        let stated = self
            .object
            .get("schemas")
            .map(Value::as_elements)
            .unwrap_or_default();
        let mut stated = stated.iter().filter_map(Value::as_str);
        if !stated.any(|uri| expected.is(uri)) {
            self.note("schemas", &format_smolstr!("does not name `{expected}`"));
        }
    }

    /// Takes a member out; `null` is none.
    pub(crate) fn take(&mut self, member: &str) -> Option<Value> {
        self.object.remove(member).filter(|value| *value != Value::Null)
    }

    pub(crate) fn text(&mut self, member: &str) -> Option<SmolStr> {
        match self.take(member)? {
            Value::String(text) => Some(text),
            Value::Integer(number) => {
                self.note(member, "is not a string");
                Some(format_smolstr!("{number}"))
            }
            _ => {
                self.note(member, "is not a string");
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, member: &str) -> Option<bool> {
        match self.take(member)? {
            Value::Bool(flag) => Some(flag),
            Value::String(text) => {
                self.note(member, "is not a boolean");
                [true, false]
                    .into_iter()
                    .find(|flag| text.eq_ignore_ascii_case(if *flag { "true" } else { "false" }))
            }
            _ => {
                self.note(member, "is not a boolean");
                None
            }
        }
    }

    /// Takes a count out: an integer that is not negative.
    pub(crate) fn count(&mut self, member: &str) -> Option<u64> {
        let count = match self.take(member)? {
            Value::Integer(number) => {
                if let Ok(count) = u64::try_from(number) {
                    return Some(count);
                }
                None
            }
            Value::String(text) => text.parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the number is whole, not negative, and exact below 2^53"
            )]
            Value::Decimal(number) if number.fract() == 0.0 && (0.0..9e15).contains(&number) => {
                Some(number as u64)
            }
            _ => None,
        };
        self.note(member, "is not an integer of 0 or more");
        count
    }

    /// Takes out the values of an array; a single value counts as an array of one.
    pub(crate) fn elements(&mut self, member: &str) -> Vec<Value> {
        match self.take(member) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(single) => {
                self.note(member, "is not an array");
                vec![single]
            }
        }
    }

    /// Takes a complex value out.
    pub(crate) fn object(&mut self, member: &str) -> Option<Object> {
        if let Value::Object(object) = self.take(member)? {
            Some(object)
        } else {
            self.note(member, "is not an object");
            None
        }
    }
}
