//! Where an attribute stands in a resource.

use keyfob_core::{Attribute, Resource, Value, resource::AttributesMut, schema::Container};
use smol_str::{SmolStr, format_smolstr};

/// An attribute and the part of a resource that keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'t> {
    pub(crate) container: Container<'t>,
    pub(crate) attribute: &'t Attribute,
}

impl<'t> Place<'t> {
    pub(crate) fn new(container: Container<'t>, attribute: &'t Attribute) -> Self {
        Self { container, attribute }
    }

    /// The attribute's value, if it has one.
    pub(crate) fn get<'r>(&self, resource: &'r Resource) -> Option<&'r Value> {
        let object = match self.container {
            Container::Core => resource.core(),
            Container::Extension(uri) => resource.extension(uri)?,
        };
        object
            .get(self.attribute.name.as_str())
            .filter(|value| !value.is_unassigned())
    }

    /// The object that holds the attribute or may hold it.
    pub(crate) fn object<'r>(&self, resource: &'r mut Resource) -> AttributesMut<'r> {
        match self.container {
            Container::Core => resource.attributes_mut(None),
            Container::Extension(uri) => resource.extension_mut(uri),
        }
    }

    /// The attribute's path, for messages.
    pub(crate) fn path(&self) -> SmolStr {
        match self.container {
            Container::Core => self.attribute.name.as_str().into(),
            Container::Extension(uri) => format_smolstr!("{uri}:{}", self.attribute.name),
        }
    }
}
