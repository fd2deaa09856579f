//! Resources: what SCIM manages, with their ids, metadata and relations.

mod address;
mod id;
mod member;
mod meta;
mod tag;

use crate::{
    name::{AttrName, SchemaUri},
    value::{Object, Value},
};

pub(crate) use self::address::address;
pub use self::{
    address::Addresses,
    id::{ExternalId, ResourceId},
    member::{Member, MemberSet},
    meta::{Meta, Version},
    tag::EntityTag,
};

/// A SCIM resource (RFC 7643 section 3): core and common attributes, extensions, and relations apart.
///
/// - [`schemas`](Self::schemas) are the URIs of its `schemas` attribute.
/// - [`core`](Self::core) holds the attributes of its core schema and the common ones (`id`, `externalId`, `meta`).
/// - [`extensions`](Self::extensions) hold one object for each extension.
/// - [`relations`](Self::relations) hold the attributes that a resource type declares as relations to other
///   resources, such as a group's `members`: keyed, because they may hold a million entries.
///
/// A resource keeps whatever it was decoded from, the unknown included; [`validate`](crate::validate) makes it
/// canonical for its resource type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    schemas: Vec<SchemaUri>,
    core: Object,
    extensions: Vec<(SchemaUri, Object)>,
    relations: Vec<(AttrName, MemberSet)>,
}

impl Resource {
    /// A resource that states these schemas and holds nothing.
    #[must_use]
    pub fn new(schemas: impl IntoIterator<Item = SchemaUri>) -> Self {
        Self {
            schemas: schemas.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The schemas it states.
    #[must_use]
    pub fn schemas(&self) -> &[SchemaUri] {
        &self.schemas
    }

    /// The schemas for change.
    pub fn schemas_mut(&mut self) -> &mut Vec<SchemaUri> {
        &mut self.schemas
    }

    /// The core and common attributes.
    #[must_use]
    pub fn core(&self) -> &Object {
        &self.core
    }

    /// The core and common attributes for change.
    pub fn core_mut(&mut self) -> &mut Object {
        &mut self.core
    }

    /// The extensions in the order in which they were written.
    #[must_use]
    pub fn extensions(&self) -> &[(SchemaUri, Object)] {
        &self.extensions
    }

    /// The extensions for change.
    pub fn extensions_mut(&mut self) -> &mut Vec<(SchemaUri, Object)> {
        &mut self.extensions
    }

    /// The attributes of the extension `uri`.
    #[must_use]
    pub fn extension(&self, uri: &SchemaUri) -> Option<&Object> {
        self.extensions
            .iter()
            .find(|(present, _)| present == uri)
            .map(|(_, object)| object)
    }

    /// Puts the attributes of the extension `uri` in place of those that it has, and lets `schemas` follow (RFC 7643
    /// section 3.3): an extension that holds something is named there, and one that holds nothing goes.
    ///
    /// ```
    /// use keyfob_core::{Object, Resource, SchemaUri};
    ///
    /// let mut user = Resource::new([SchemaUri::USER]);
    /// user.set_extension(&SchemaUri::ENTERPRISE_USER, [("department", "Tours")].into_iter().collect());
    /// assert_eq!(user.schemas(), [SchemaUri::USER, SchemaUri::ENTERPRISE_USER]);
    /// user.set_extension(&SchemaUri::ENTERPRISE_USER, Object::new());
    /// assert_eq!(user, Resource::new([SchemaUri::USER]));
    /// ```
    pub fn set_extension(&mut self, uri: &SchemaUri, object: Object) {
        if object.is_empty() {
            self.extensions.retain(|(present, _)| present != uri);
            self.schemas.retain(|present| present != uri);
            return;
        }
        *self.extension_mut(uri) = object;
        if !self.schemas.contains(uri) {
            self.schemas.push(uri.clone());
        }
    }

    /// The attributes of the extension `uri` for change, an empty object being made where there is none.
    ///
    /// `schemas` stays as it is: this is for what makes a resource canonical afterwards. An application
    /// [sets](Self::set_extension) extensions.
    pub fn extension_mut(&mut self, uri: &SchemaUri) -> &mut Object {
        let index = self
            .extensions
            .iter()
            .position(|(present, _)| present == uri)
            .unwrap_or_else(|| {
                self.extensions.push((uri.clone(), Object::new()));
                self.extensions.len() - 1
            });
        #[expect(
            clippy::indexing_slicing,
            reason = "the index was found or made on the line above"
        )]
        &mut self.extensions[index].1
    }

    /// The relations.
    #[must_use]
    pub fn relations(&self) -> &[(AttrName, MemberSet)] {
        &self.relations
    }

    /// The relations for change.
    pub fn relations_mut(&mut self) -> &mut Vec<(AttrName, MemberSet)> {
        &mut self.relations
    }

    /// The members under the relation `name`.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&MemberSet> {
        self.relations
            .iter()
            .find(|(present, _)| present.is(name))
            .map(|(_, members)| members)
    }

    /// Sets the members under the relation `name`.
    pub fn set_relation(&mut self, name: &AttrName, members: MemberSet) {
        match self.relations.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = members,
            None => self.relations.push((name.clone(), members)),
        }
    }

    /// The server's id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.core.get_str("id").map(ResourceId::new)
    }

    /// The provider's id (`externalId`), if it has one.
    #[must_use]
    pub fn external_id(&self) -> Option<ExternalId> {
        self.core.get_str("externalId").map(ExternalId::new)
    }

    /// The metadata, if it has any.
    #[must_use]
    pub fn meta(&self) -> Option<Meta> {
        self.core
            .get("meta")
            .and_then(Value::as_object)
            .map(Meta::from_object)
    }

    /// Sets the server's id, before the other attributes, where people look for it.
    pub fn set_id(&mut self, id: &ResourceId) {
        self.core.insert_first("id", id.as_str());
    }

    /// Sets the metadata.
    pub fn set_meta(&mut self, meta: &Meta) {
        self.core.insert("meta", meta.to_object());
    }
}
