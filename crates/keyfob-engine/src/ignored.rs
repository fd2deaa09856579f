//! Attributes that a request names and the service passes over, for the log.

use keyfob_core::{
    AttrPath, ResourceType, SchemaUri,
    validate::{IgnoreRule, Ignored},
};
use smol_str::{SmolStr, format_smolstr};

/// How many attributes a line names, and how much of each name, whatever a client sends.
const NAMES: usize = 8;
const LENGTH: usize = 128;

/// Writes a line to the log that names the attributes that a request asks for and doesn't get, with the rules. It never
/// holds a value. Attributes that clients repeat as a matter of course are told to those who look closer.
pub fn tell<'i>(resource_type: &ResourceType, ignored: impl IntoIterator<Item = &'i Ignored>) {
    let (expected, lost): (Vec<&Ignored>, Vec<&Ignored>) = ignored.into_iter().partition(|ignored| {
        matches!(
            ignored.rule,
            IgnoreRule::ReadOnly | IgnoreRule::RepeatedReadOnly | IgnoreRule::Derived
        )
    });
    if !lost.is_empty() {
        let (attributes, more) = names(&lost);
        tracing::info!(resource_type = %resource_type.name(), ?attributes, more, "attributes of a request are ignored");
    }
    if !expected.is_empty() {
        let (attributes, more) = names(&expected);
        tracing::debug!(resource_type = %resource_type.name(), ?attributes, more, "attributes of a request change nothing");
    }
}

/// The first of the names with their rules, and how many there are beyond them.
fn names(ignored: &[&Ignored]) -> (Vec<SmolStr>, usize) {
    let names = ignored.iter().take(NAMES).map(|ignored| {
        let name: String = if is_name(&ignored.attribute) {
            ignored.attribute.chars().take(LENGTH).collect()
        } else {
            "(no name of an attribute)".to_owned()
        };
        format_smolstr!("{name}: {}", ignored.rule)
    });
    (names.collect(), ignored.len().saturating_sub(NAMES))
}

/// Returns true for the name or the path of an attribute, and for the URN of a schema. Any other key may be anything,
/// somebody's address or telephone number included.
fn is_name(text: &str) -> bool {
    let path = text.replacen("[]", "", 1);
    let in_urn = |character: char| character.is_ascii_alphanumeric() || "-_.:".contains(character);
    let may_hold_anything = path.contains(':') && !(path.starts_with("urn:") && path.chars().all(in_urn));
    !may_hold_anything && (AttrPath::parse(&path).is_ok() || SchemaUri::new(path).is_legal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_limit() {
        let ignored: Vec<Ignored> = (0..20)
            .map(|number| {
                Ignored::new(
                    format!("a{number}{}", "b".repeat(500)),
                    IgnoreRule::UnknownAttribute,
                )
            })
            .collect();
        let (names, more) = names(&ignored.iter().collect::<Vec<_>>());
        assert_eq!((names.len(), more), (8, 12));
        assert!(names.iter().all(|name| name.len() < 300), "{names:?}");
        assert!(names[3].starts_with("a3b"));
        assert!(names[3].ends_with(": unknown attribute"));
    }

    #[test]
    fn only_what_can_be_a_name_is_told() {
        for name in [
            "employeeType",
            "emails[].nick",
            "name.nick",
            "$nick",
            "urn:example:Badge",
            "urn:ietf:params:scim:schemas:extension:example:2.0:User:nick",
            "urn:ietf:params:scim:schemas:extension:example:2.0:User:emails[].nick",
        ] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "ann@example.com",
            "Ann Lee",
            "493012345678",
            "ann's",
            "emails[",
            "https://example.com/ann@example.com",
            "https://example.com/schemas/1.0:ann",
            "urn:example:ann@example.com",
            "urn:example:Ann Lee",
            "",
        ] {
            assert!(!is_name(text), "{text}");
        }
    }
}
