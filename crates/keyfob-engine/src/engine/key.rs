//! What no other resource may have.

use keyfob_core::{Attribute, Resource, ResourceType, SchemaUri, Value, fold, schema::Uniqueness};
use smol_str::{SmolStr, format_smolstr};
use unicode_normalization::UnicodeNormalization;

use crate::{profile::Profile, store::UniqueKey};

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
        for text in value
            .as_elements()
            .iter()
            .filter_map(|value| text_of(attribute, value))
        {
            keys.push(UniqueKey::new(path.clone(), text));
        }
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
    let demanded = attribute.uniqueness != Uniqueness::None && !attribute.name.is("id");
    let group_name = profile.unique_group_names
        && uri.is_none()
        && resource_type.schema().id == SchemaUri::GROUP
        && attribute.name.is("displayName");
    (demanded || group_name) && !attribute.is_complex()
}

fn text_of(attribute: &Attribute, value: &Value) -> Option<SmolStr> {
    match value {
        Value::String(text) if attribute.case_exact => Some(text.clone()),
        // One name may be typed with composed and with combining letters.
        Value::String(text) if text.is_ascii() => Some(fold(text)),
        Value::String(text) => Some(fold(&text.nfc().collect::<String>())),
        Value::Bool(flag) => Some(format_smolstr!("{flag}")),
        Value::Integer(number) => Some(format_smolstr!("{number}")),
        Value::Decimal(number) => Some(format_smolstr!("{number}")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
