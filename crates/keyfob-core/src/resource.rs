//! Resources: what SCIM manages, with their ids, metadata and relations.

mod address;
mod attributes;
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
    attributes::AttributesMut,
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

    /// Returns the extensions for change, as they are kept.
    ///
    /// `schemas` doesn't follow: this is for decoders and stores, which put a whole resource together. Anybody else changes
    /// [one extension](Self::extension_mut), after which `schemas` is right.
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
            self.schemas.retain(|present| present != uri);
        }
        self.put_extension(uri, object);
    }

    /// Borrows the attributes of the extension `uri` for change, none where the resource hasn't the extension. `schemas`
    /// follows when the loan ends, as [`set_extension`](Self::set_extension) lets it.
    ///
    /// ```
    /// use keyfob_core::{Resource, SchemaUri};
    ///
    /// let mut user = Resource::new([SchemaUri::USER]);
    /// user.extension_mut(&SchemaUri::ENTERPRISE_USER).insert("department", "Tours");
    /// assert_eq!(user.schemas(), [SchemaUri::USER, SchemaUri::ENTERPRISE_USER]);
    /// user.extension_mut(&SchemaUri::ENTERPRISE_USER).remove("department");
    /// assert_eq!(user, Resource::new([SchemaUri::USER]));
    /// ```
    pub fn extension_mut(&mut self, uri: &SchemaUri) -> AttributesMut<'_> {
        AttributesMut::extension(self, uri)
    }

    /// Borrows the attributes of an [extension](Self::extension_mut) for change, or without a URI the core attributes: what
    /// the schema of an [`AttrPath`](crate::AttrPath) leads to.
    ///
    /// ```
    /// use keyfob_core::{Resource, SchemaUri};
    ///
    /// let mut user = Resource::new([SchemaUri::USER]);
    /// user.attributes_mut(None).insert("userName", "bjensen");
    /// assert_eq!(user.core().get_str("userName"), Some("bjensen"));
    /// ```
    pub fn attributes_mut(&mut self, schema: Option<&SchemaUri>) -> AttributesMut<'_> {
        match schema {
            None => AttributesMut::core(self),
            Some(uri) => AttributesMut::extension(self, uri),
        }
    }

    fn extension_place(&mut self, uri: &SchemaUri) -> Option<&mut Object> {
        let mut extensions = self.extensions.iter_mut();
        extensions
            .find(|(present, _)| present == uri)
            .map(|(_, object)| object)
    }

    /// Puts an extension in its place and states it; takes one that holds nothing out, and its URI with it.
    fn put_extension(&mut self, uri: &SchemaUri, object: Object) {
        if object.is_empty() {
            let before = self.extensions.len();
            self.extensions.retain(|(present, _)| present != uri);
            if self.extensions.len() < before {
                self.schemas.retain(|present| present != uri);
            }
            return;
        }
        match self.extension_place(uri) {
            Some(place) => *place = object,
            None => self.extensions.push((uri.clone(), object)),
        }
        if !self.schemas.contains(uri) {
            self.schemas.push(uri.clone());
        }
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
