//! The attributes of one schema of a resource, for change.

use std::ops::{Deref, DerefMut};

use super::Resource;
use crate::{name::SchemaUri, value::Object};

/// The attributes of a resource's core schema or of an extension, borrowed for change by
/// [`Resource::attributes_mut`] and [`Resource::extension_mut`].
///
/// When it is dropped, `schemas` follows (RFC 7643 section 3): an extension that holds something is named there, and one that
/// held something and holds nothing any more is gone from there and from the resource. An extension that nothing was put
/// into leaves the resource as it was.
#[derive(Debug)]
#[must_use = "it is what is changed"]
pub struct AttributesMut<'r>(Borrowed<'r>);

#[derive(Debug)]
enum Borrowed<'r> {
    Core(&'r mut Object),
    Extension {
        resource: &'r mut Resource,
        uri: SchemaUri,
        /// The attributes, taken out of the resource until the end.
        object: Object,
    },
}

impl<'r> AttributesMut<'r> {
    pub(super) fn core(resource: &'r mut Resource) -> Self {
        Self(Borrowed::Core(&mut resource.core))
    }

    pub(super) fn extension(resource: &'r mut Resource, uri: &SchemaUri) -> Self {
        let object = resource
            .extension_place(uri)
            .map(std::mem::take)
            .unwrap_or_default();
        Self(Borrowed::Extension {
            resource,
            uri: uri.clone(),
            object,
        })
    }
}

impl Deref for AttributesMut<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        match &self.0 {
            Borrowed::Core(object) => object,
            Borrowed::Extension { object, .. } => object,
        }
    }
}

impl DerefMut for AttributesMut<'_> {
    fn deref_mut(&mut self) -> &mut Object {
        match &mut self.0 {
            Borrowed::Core(object) => object,
            Borrowed::Extension { object, .. } => object,
        }
    }
}

impl Drop for AttributesMut<'_> {
    fn drop(&mut self) {
        if let Borrowed::Extension {
            resource,
            uri,
            object,
        } = &mut self.0
        {
            resource.put_extension(uri, std::mem::take(object));
        }
    }
}
