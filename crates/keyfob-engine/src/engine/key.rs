//! What no other resource may have.

use keyfob_core::{Attribute, Resource, ResourceType, SchemaUri, Value, schema::Uniqueness};
use keyfob_store::UniqueKey;
use smol_str::{SmolStr, format_smolstr};

use crate::profile::Profile;

/// The keys that a document reserves: the values of its unique attributes, folded unless they are caseExact.
pub(crate) fn unique_keys(
    resource_type: &ResourceType,
    document: &Resource,
    profile: &Profile,
) -> Vec<UniqueKey> {
    let mut keys = Vec::new();
    for (uri, attribute) in resource_type.attributes() {
        if !is_unique(resource_type, uri, attribute, profile) {
            continue;
        }
        let object = match uri {
            None => Some(document.core()),
            Some(uri) => document.extension(uri),
        };
        let Some(value) = object.and_then(|object| object.get(attribute.name.as_str())) else {
            continue;
        };
        let path = match uri {
            None => SmolStr::from(attribute.name.as_str()),
            Some(uri) => format_smolstr!("{uri}:{}", attribute.name),
        };
        let values = value.as_elements().iter();
        keys.extend(values.filter_map(|value| key_of(&path, attribute, value)));
    }
    keys
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
    let exact = |text: SmolStr| Some(UniqueKey::new(path.clone(), text));
    match value {
        Value::String(text) if attribute.case_exact => exact(text.clone()),
        Value::String(text) => Some(UniqueKey::folded(path.clone(), text)),
        Value::Bool(flag) => exact(format_smolstr!("{flag}")),
        Value::Integer(number) => exact(format_smolstr!("{number}")),
        Value::Decimal(number) => exact(format_smolstr!("{number}")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
