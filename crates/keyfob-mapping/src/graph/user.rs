//! Users and groups of Microsoft Graph as objects of the source.

use keyfob_expression::{Source, SourceError, Value};
use smol_str::{SmolStr, format_smolstr};

use crate::mapping::REMOVED;

/// The names of Graph, and those of mappings for the same.
const RENAMED: [(&str, &str); 4] = [
    ("id", "objectId"),
    ("mobilePhone", "mobile"),
    ("faxNumber", "facsimileTelephoneNumber"),
    ("officeLocation", "physicalDeliveryOfficeName"),
];

/// The text before the tenant's domain in the user principal name of a guest.
const GUEST: &str = "#EXT#@";

/// Reads a user or a group as Microsoft Graph answers it, and gives its attributes the names that mappings know them by.
///
/// - `onPremisesExtensionAttributes.extensionAttribute1` is `extensionAttribute1`, and so on.
/// - `id` is `objectId`, the first of `businessPhones` is `telephoneNumber`, `mobilePhone` is `mobile`, `faxNumber` is
///   `facsimileTelephoneNumber`, `officeLocation` is `physicalDeliveryOfficeName`.
/// - `manager` and `members` are the ids of the objects that they point at.
/// - `IsSoftDeleted` is computed from `accountEnabled` and `deletedDateTime`, where there is one of them.
/// - `@removed` of a delta query says that the object is gone: `IsSoftDeleted` is true.
/// - `members@delta`, or any other reference's, holds changes: what is added is `members`, and what is taken away is
///   `members@removed`, which [`Mapper::apply`](crate::Mapper::apply) understands.
/// - The `userPrincipalName` of a guest is the address that it was made of; `originalUserPrincipalName` keeps it.
///
/// Names that the object has itself stay as they are, so that an object whose attributes have the mappings' names
/// already is left alone.
///
/// ```
/// use keyfob_expression::Value;
/// use keyfob_mapping::graph;
///
/// let source = graph::source_from_json(br#"{
///     "id": "d05e47b1", "accountEnabled": false,
///     "onPremisesExtensionAttributes": {"extensionAttribute1": "Standard 26-bit Wiegand"}
/// }"#)?;
/// assert_eq!(source.get("objectId"), Some(&Value::from("d05e47b1")));
/// assert_eq!(source.get("extensionAttribute1"), Some(&Value::from("Standard 26-bit Wiegand")));
/// assert_eq!(source.get("IsSoftDeleted"), Some(&Value::from(true)));
/// # Ok::<(), keyfob_expression::SourceError>(())
/// ```
///
/// # Errors
/// As [`Source::from_json`].
pub fn source_from_json(text: &[u8]) -> Result<Source, SourceError> {
    Source::from_json(text).map(named)
}

/// Gives attributes the names that mappings know them by.
pub(super) fn named(mut source: Source) -> Source {
    // One look at every attribute, since millions of objects are read.
    let mut named: Vec<(SmolStr, Value)> = Vec::with_capacity(8);
    let mut replaced: Vec<(&str, Value)> = Vec::new();
    let mut deletion = Deletion::default();
    for (name, value) in source.iter() {
        match (name, value) {
            ("onPremisesExtensionAttributes", Value::Complex(members)) => {
                named.extend(members.iter().cloned());
            }
            ("businessPhones", Value::List(phones)) => {
                let phone = phones.first().cloned();
                named.extend(phone.map(|phone| (SmolStr::new_static("telephoneNumber"), phone)));
            }
            ("manager", _) => replaced.extend(ids(value).map(|ids| ("manager", ids))),
            ("members", _) => replaced.extend(ids(value).map(|ids| ("members", ids))),
            ("userPrincipalName", Value::Text(name)) => {
                if let Some(address) = guest_address(name) {
                    replaced.push(("originalUserPrincipalName", name.clone().into()));
                    replaced.push(("userPrincipalName", address.into()));
                }
            }
            ("accountEnabled", _) => deletion.enabled = flag(value),
            ("deletedDateTime", _) => deletion.is_deleted = Some(*value != Value::Null),
            (REMOVED, _) => deletion.is_removed = true,
            _ => {
                if let Some((_, known)) = RENAMED.iter().find(|(graph, _)| *graph == name) {
                    named.push((SmolStr::new_static(known), value.clone()));
                } else if let (Some(name), Value::List(values)) = (name.strip_suffix("@delta"), value) {
                    let (added, removed) = changes(values);
                    named.push((name.into(), added));
                    named.push((format_smolstr!("{name}{REMOVED}"), removed));
                }
            }
        }
    }
    named.extend(
        deletion
            .says()
            .map(|deleted| (SmolStr::new_static("IsSoftDeleted"), deleted.into())),
    );
    for (name, value) in named {
        source.insert_new(name, value);
    }
    for (name, value) in replaced {
        source.insert(name, value);
    }
    source
}

/// Returns what changes of references say: the ids that are added, and those that are taken away.
fn changes(values: &[Value]) -> (Value, Value) {
    let is_removed = |value: &&Value| value.member(REMOVED).is_some();
    let (removed, added): (Vec<&Value>, Vec<&Value>) = values.iter().partition(is_removed);
    let ids = |values: Vec<&Value>| {
        let ids = values.into_iter().filter_map(|value| value.member("id").cloned());
        Value::List(ids.collect())
    };
    (ids(added), ids(removed))
}

/// The attributes of an object that say whether the service takes it for deleted.
#[derive(Default)]
struct Deletion {
    enabled: Option<bool>,
    is_deleted: Option<bool>,
    is_removed: bool,
}

impl Deletion {
    /// Returns true if the object is deleted, as far as it says itself.
    fn says(&self) -> Option<bool> {
        if self.is_removed {
            return Some(true);
        }
        (self.enabled.is_some() || self.is_deleted.is_some())
            .then(|| self.enabled == Some(false) || self.is_deleted == Some(true))
    }
}

/// A boolean, which in CSV is text.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(flag) => Some(*flag),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The ids in place of the objects that they belong to; none where the value holds no object.
fn ids(value: &Value) -> Option<Value> {
    let id = |value: &Value| value.member("id").cloned();
    match value {
        Value::List(values) => {
            let ids: Vec<Value> = values.iter().filter_map(id).collect();
            (!ids.is_empty() && ids.len() == values.len()).then_some(Value::List(ids))
        }
        single => id(single),
    }
}

/// The address that a guest's user principal name was made of: `babs_example.com#EXT#@contoso.com` comes from
/// `babs@example.com`.
fn guest_address(name: &str) -> Option<String> {
    let (guest, _) = name.split_once(GUEST)?;
    let (local, domain) = guest.rsplit_once('_')?;
    Some(format!("{local}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_get_the_names_that_mappings_know() {
        let source = source_from_json(
            br#"{
                "id": "7", "mobilePhone": "1", "mobile": "2", "businessPhones": ["3", "4"], "officeLocation": "18/2111",
                "userPrincipalName": "babs_jensen_example.com#EXT#@contoso.onmicrosoft.com",
                "manager": {"displayName": "Ann", "id": "8"},
                "members": [{"id": "9"}, {"id": "10"}]
            }"#,
        )
        .unwrap();
        for (name, expected) in [
            ("objectId", "7"),
            ("telephoneNumber", "3"),
            ("physicalDeliveryOfficeName", "18/2111"),
            ("userPrincipalName", "babs_jensen@example.com"),
            (
                "originalUserPrincipalName",
                "babs_jensen_example.com#EXT#@contoso.onmicrosoft.com",
            ),
            ("manager", "8"),
        ] {
            assert_eq!(source.get(name), Some(&expected.into()), "{name}");
        }
        assert_eq!(
            source.get("mobile"),
            Some(&"2".into()),
            "its own name comes first"
        );
        assert_eq!(
            source.get("members"),
            Some(&Value::List(vec!["9".into(), "10".into()]))
        );
        assert_eq!(source.get("IsSoftDeleted"), None);
    }

    #[test]
    fn what_a_delta_query_says_is_added_and_taken_away() {
        let source = source_from_json(
            br#"{"id": "7", "members@delta": [{"id": "1"}, {"id": "2", "@removed": {"reason": "deleted"}}]}"#,
        )
        .unwrap();
        assert_eq!(source.get("members"), Some(&Value::List(vec!["1".into()])));
        assert_eq!(
            source.get("members@removed"),
            Some(&Value::List(vec!["2".into()]))
        );
        let gone = source_from_json(br#"{"id": "7", "@removed": {"reason": "changed"}}"#).unwrap();
        assert_eq!(gone.get("IsSoftDeleted"), Some(&true.into()));
    }

    #[test]
    fn an_object_is_soft_deleted_when_it_is_disabled_or_deleted() {
        for (json, expected) in [
            (r#"{"accountEnabled": true}"#, Some(false)),
            (r#"{"accountEnabled": false}"#, Some(true)),
            (
                r#"{"accountEnabled": true, "deletedDateTime": "2026-01-01T00:00:00Z"}"#,
                Some(true),
            ),
            (r#"{"deletedDateTime": null}"#, Some(false)),
            (
                r#"{"accountEnabled": false, "IsSoftDeleted": false}"#,
                Some(false),
            ),
            (r#"{"accountEnabled": "False"}"#, Some(true)),
            (r"{}", None),
        ] {
            let source = source_from_json(json.as_bytes()).unwrap();
            assert_eq!(
                source.get("IsSoftDeleted"),
                expected.map(Value::from).as_ref(),
                "{json}"
            );
        }
    }
}
