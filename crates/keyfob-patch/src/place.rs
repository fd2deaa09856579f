//! Where an attribute stands in a resource.

use keyfob_core::{Attribute, Object, Resource, Value, schema::Container};
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
    /// The elements of a multi-valued attribute.
    pub(crate) fn elements_mut<'r>(&self, resource: &'r mut Resource) -> Option<&'r mut Vec<Value>> {
        let object = match self.container {
            Container::Core => resource.core_mut(),
            Container::Extension(uri) => {
                let mut extensions = resource.extensions_mut().iter_mut();
                &mut extensions.find(|(present, _)| present == uri)?.1
            }
        };
        match object.get_mut(self.attribute.name.as_str())? {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

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
    pub(crate) fn object<'r>(&self, resource: &'r mut Resource) -> &'r mut Object {
        match self.container {
            Container::Core => resource.core_mut(),
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
