//! Reading of what clients send, and what is passed over in it.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use crate::dialect::Dialect;

/// Reads bodies and values of clients by the rules of a dialect and notes what it passes over.
///
/// ```
/// use keyfob_core::{Dialect, Registry, Resource, validate::{IgnoreRule, Reader}};
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let body = Resource::from_json(br#"{
///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
///     "userName": "bjensen", "employeeType": "Contractor"
/// }"#, user)?;
/// let mut reader = Reader::new(Dialect::interop());
/// reader.create(body, user)?;
/// let [ignored] = reader.ignored() else { panic!() };
/// assert_eq!((ignored.attribute.as_str(), ignored.rule), ("employeeType", IgnoreRule::UnknownAttribute));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) dialect: Dialect,
    ignored: Vec<Ignored>,
}

impl Reader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            ignored: Vec::new(),
        }
    }

    /// What it passed over so far, in the order in which it was sent.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// What it passed over.
    #[must_use]
    pub fn into_ignored(self) -> Vec<Ignored> {
        self.ignored
    }

    pub(super) fn ignore(&mut self, rule: IgnoreRule, path: &str, name: &str) {
        let attribute = match path {
            "" => name.into(),
            path => format_smolstr!("{path}.{name}"),
        };
        self.ignored.push(Ignored::new(attribute, rule));
    }
}

/// A part of a request that is passed over, and the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// The attribute as it was sent, without what a value filter holds: it may stand in a log.
    pub attribute: SmolStr,
    /// The rule.
    pub rule: IgnoreRule,
}

impl Ignored {
    /// An attribute, named by its path, that a rule passes over.
    #[must_use]
    pub fn new(path: impl Into<SmolStr>, rule: IgnoreRule) -> Self {
        let path = path.into();
        let attribute = match (path.split_once('['), path.rsplit_once(']')) {
            (Some((before, _)), Some((_, after))) => format_smolstr!("{before}[]{after}"),
            // A filter without its end is a value as well.
            (Some((before, _)), None) => before.into(),
            _ => path,
        };
        Self { attribute, rule }
    }
}

/// A rule by which a part of a request is passed over and the rest of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IgnoreRule {
    /// No schema has an attribute of the name ([`Quirk::UnknownAttributes`](crate::Quirk::UnknownAttributes)).
    UnknownAttribute,
    /// The registry doesn't have the schema ([`Quirk::UnknownSchemas`](crate::Quirk::UnknownSchemas)).
    UnregisteredExtension,
    /// The service provider sets the attribute, which a POST or a PUT may name (RFC 7644 sections 3.3 and 3.5.1).
    ReadOnly,
    /// The value of a readOnly attribute, such as `id`, equals what is stored.
    RepeatedReadOnly,
    /// The attribute follows from what else the resource holds, as `schemas` does.
    Derived,
    /// The organization doesn't take the attribute from its provider.
    Unsynchronized,
    /// The profile doesn't store the `externalId` of a group.
    GroupExternalId,
    /// The attribute is writeOnly and the service keeps no such value.
    WriteOnly,
}

impl IgnoreRule {
    /// The rule in words for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAttribute => "unknown attribute",
            Self::UnregisteredExtension => "unregistered extension",
            Self::ReadOnly => "readOnly attribute",
            Self::RepeatedReadOnly => "readOnly attribute repeated",
            Self::Derived => "derived attribute",
            Self::Unsynchronized => "attribute that is not synchronized",
            Self::GroupExternalId => "externalId of a group",
            Self::WriteOnly => "writeOnly attribute",
        }
    }
}

impl fmt::Display for IgnoreRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_filter_holds_is_not_told() {
        for (path, expected) in [
            ("employeeType", "employeeType"),
            (r#"emails[value eq "a@example.com"].nick"#, "emails[].nick"),
            (r#"emails[value eq "]"].nick"#, "emails[].nick"),
            (r#"emails[value eq "a@example.com"#, "emails"),
        ] {
            let ignored = Ignored::new(path, IgnoreRule::UnknownAttribute);
            assert_eq!(ignored.attribute, expected, "{path}");
        }
    }
}
