//! How views of extensions are read from and written into resources.

use crate::{name::SchemaUri, resource::Resource, value::Object};

/// The attributes of the extension, if the resource has it.
pub(super) fn read<V: From<Object>>(resource: &Resource, uri: &SchemaUri) -> Option<V> {
    resource.extension(uri).cloned().map(V::from)
}

/// Puts the attributes in place of the extension's and lets `schemas` follow; an extension that holds nothing goes.
pub(super) fn write(resource: &mut Resource, uri: &SchemaUri, object: Object) {
    resource.set_extension(uri, object);
}
