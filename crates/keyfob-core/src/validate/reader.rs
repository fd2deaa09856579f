//! Reading of what clients send, and what is passed over in it.

use std::{collections::HashSet, fmt};

use smol_str::{SmolStr, format_smolstr};

use super::ValidationError;
use crate::{dialect::Dialect, render::is_active};

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
    /// The same, to note each once.
    seen: HashSet<Ignored>,
}

impl Reader {
    /// How many different attributes a request may name that are passed over. Each is noted for the log.
    pub const MAX_IGNORED: usize = 1_000;

    /// A reader that has read nothing.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            ignored: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// What it passed over so far, each once, in the order in which it was sent.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// What it passed over.
    #[must_use]
    pub fn into_ignored(self) -> Vec<Ignored> {
        self.ignored
    }

    pub(super) fn ignore(&mut self, rule: IgnoreRule, path: &str, name: &str) -> Result<(), ValidationError> {
        let attribute = match path {
            "" => name.into(),
            path => format_smolstr!("{path}.{name}"),
        };
        let ignored = Ignored::new(attribute, rule);
        if self.seen.contains(&ignored) {
            return Ok(());
        }
        if self.ignored.len() >= Self::MAX_IGNORED {
            return Err(ValidationError::TooManyIgnored {
                limit: Self::MAX_IGNORED,
            });
        }
        self.seen.insert(ignored.clone());
        self.ignored.push(ignored);
        Ok(())
    }
}

/// Returns true if a text can be the id of a resource, whoever gives out ids: a segment of the resource's address
/// (RFC 3986 section 3.3). A list of ids, an address and an object as text are none, and neither is a name with blanks.
///
/// ```
/// use keyfob_core::validate::can_be_id;
///
/// assert!(can_be_id("2819c223-7f76-453a-919d-413861904646"));
/// assert!(!can_be_id("/Users/2819c223"));
/// ```
#[must_use]
pub fn can_be_id(text: &str) -> bool {
    let delimits = |character: char| r#"/\?#,;<>"[]{}|^`"#.contains(character);
    let illegal = |character: char| character.is_whitespace() || is_active(character) || delimits(character);
    !text.is_empty() && !text.contains(illegal)
}

/// Returns true for a list or an object that is written as a text. Where a text may stand for an element it stands for
/// none of these: they name several elements, or parts of one.
pub(super) fn is_written_json(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

/// A part of a request that is passed over, and the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    fn an_id_is_a_segment_of_an_address() {
        for id in [
            "2819c223-7f76-453a-919d-413861904646",
            "17",
            "urn:uuid:2819c223",
            "ann@example.com",
            "Zoë",
            "a.b_c~d!",
        ] {
            assert!(can_be_id(id), "{id}");
        }
        for text in [
            "",
            " ",
            "a b",
            "a,b",
            "a;b",
            "a\n",
            "a\u{202e}",
            "https://h/Users/a",
            "/Users/a",
            "../a",
            "a?b",
            "a#b",
            "[]",
            "[\"a\"]",
            "{\"value\":\"a\"}",
            "\"a\"",
            "<a>",
        ] {
            assert!(!can_be_id(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_passed_over_is_noted_once_and_its_names_are_limited() {
        let mut reader = Reader::new(Dialect::interop());
        for number in 0..Reader::MAX_IGNORED {
            for _ in 0..2 {
                reader
                    .ignore(IgnoreRule::UnknownAttribute, "emails", &number.to_string())
                    .unwrap();
            }
        }
        assert_eq!(reader.ignored().len(), Reader::MAX_IGNORED);
        assert!(reader.ignore(IgnoreRule::UnknownAttribute, "", "nick").is_err());
        assert!(reader.ignore(IgnoreRule::UnknownAttribute, "emails", "0").is_ok());
    }

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
