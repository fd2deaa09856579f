//! What no other resource may have.

use keyfob_core::{
    Attribute, Collation, CompareKey, Dialect, Quirk, Resource, ResourceType, SchemaUri, Value,
    compare::{UserNameError, check_user_name},
    schema::Uniqueness,
};
use keyfob_store::UniqueKey;
use smol_str::{SmolStr, format_smolstr};

use crate::profile::Profile;

/// Returns the keys that a document reserves: the values of its unique attributes.
#[must_use]
pub fn unique_keys(resource_type: &ResourceType, document: &Resource, profile: &Profile) -> Vec<UniqueKey> {
    let mut keys = Vec::new();
    for (uri, attribute) in resource_type.attributes() {
        if !is_unique(resource_type, uri, attribute, profile) {
            continue;
        }
        let Some(value) = value_of(document, uri, attribute) else {
            continue;
        };
        let path = path_of(uri, attribute);
        let values = value.as_elements().iter();
        keys.extend(values.filter_map(|value| key_of(&path, attribute, value)));
    }
    keys
}

/// Checks the user names of a document that differ from those that are stored (RFC 7644 section 5).
///
/// What was stored before a rule was there doesn't stand in the way of other changes.
pub(crate) fn check_user_names(
    resource_type: &ResourceType,
    before: Option<&Resource>,
    document: &Resource,
    dialect: Dialect,
) -> Result<(), UserNameError> {
    let strict = !dialect.allows(Quirk::UnpreparedNames);
    let names = resource_type
        .attributes()
        .filter(|(_, attribute)| attribute.collation() == Collation::UserName);
    for (uri, attribute) in names {
        let stored = before.and_then(|before| value_of(before, uri, attribute));
        let value = value_of(document, uri, attribute).filter(|value| Some(*value) != stored);
        for text in value
            .map_or(&[][..], Value::as_elements)
            .iter()
            .filter_map(Value::as_str)
        {
            check_user_name(text, strict)
                .map_err(|fault| UserNameError::new(path_of(uri, attribute), fault))?;
        }
    }
    Ok(())
}

fn value_of<'d>(document: &'d Resource, uri: Option<&SchemaUri>, attribute: &Attribute) -> Option<&'d Value> {
    let object = match uri {
        None => Some(document.core()),
        Some(uri) => document.extension(uri),
    };
    object?.get(attribute.name.as_str())
}

fn path_of(uri: Option<&SchemaUri>, attribute: &Attribute) -> SmolStr {
    match uri {
        None => SmolStr::from(attribute.name.as_str()),
        Some(uri) => format_smolstr!("{uri}:{}", attribute.name),
    }
}

/// `id` is left to the store, which knows every id of the tenant.
fn is_unique(
    resource_type: &ResourceType,
    uri: Option<&SchemaUri>,
    attribute: &Attribute,
    profile: &Profile,
) -> bool {
    let schema = uri.unwrap_or(&resource_type.schema().id);
    !attribute.name.is("id") && profile.uniqueness_in(schema, attribute) != Uniqueness::None
}

fn key_of(path: &SmolStr, attribute: &Attribute, value: &Value) -> Option<UniqueKey> {
    let key = match value {
        Value::String(text) => attribute.compare_key(text),
        Value::Bool(flag) => CompareKey::verbatim(format_smolstr!("{flag}")),
        Value::Integer(number) => CompareKey::verbatim(format_smolstr!("{number}")),
        Value::Decimal(number) => CompareKey::verbatim(format_smolstr!("{number}")),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(UniqueKey::new(path.clone(), key))
}
