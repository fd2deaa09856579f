//! Resource types: which schemas make up a resource, where it is served, and which attributes are relations.

use std::sync::{Arc, OnceLock};

use smol_str::{SmolStr, format_smolstr};

use super::{Attribute, Index, Schema, SchemaError};
use crate::{
    message::{Deviations, Reader},
    name::{AttrName, AttrPath, SchemaUri},
    resource::{Resource, address},
    value::{Object, Value},
};

/// A type of resources (RFC 7643 section 6).
///
/// Made by a [`RegistryBuilder`](super::RegistryBuilder) from a [`ResourceTypeBuilder`]. Clones share everything, so
/// that a store may take one to another thread.
#[derive(Clone, Debug)]
pub struct ResourceType {
    pub(super) definition: Arc<ResourceTypeBuilder>,
    pub(super) common: Arc<Schema>,
    pub(super) schema: Arc<Schema>,
    pub(super) extensions: Arc<[Extension]>,
    pub(super) relations: Arc<[Relation]>,
    /// The URIs of all schemas that clients of the registry may see.
    pub(super) registered: Arc<[SchemaUri]>,
    /// Worked out when it is first asked for.
    pub(super) index: Arc<OnceLock<Index>>,
}

/// An extension of a resource type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Extension {
    /// The schema it adds.
    pub schema: Arc<Schema>,
    /// Whether every resource must have it.
    pub required: bool,
}

/// An attribute whose values point at other resources and that is kept apart from the document, keyed by them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Relation {
    /// The attribute.
    pub attribute: Attribute,
    /// Which end of the relation it is.
    pub kind: RelationKind,
}

impl Relation {
    /// The number of owners in a row through which an inverse relation reaches at most. A resource that stands deeper in
    /// groups doesn't show those that are further up.
    pub const MAX_LEVELS: usize = 32;

    /// The `type` of an owner that names the resource itself (RFC 7643 section 4.1.2).
    pub const DIRECT: &'static str = "direct";

    /// The `type` of an owner that is reached through other owners (RFC 7643 section 4.1.2).
    pub const INDIRECT: &'static str = "indirect";

    /// Whether resources of the type with this name can be its members: those that `referenceTypes` of the
    /// sub-attribute `$ref` names (RFC 7643 section 7), and any where it names no resource type.
    ///
    /// ```
    /// use keyfob_core::Registry;
    ///
    /// let group = Registry::rfc().resource_type("Group").unwrap();
    /// let members = group.relation("members").unwrap();
    /// assert!(members.takes("User") && members.takes("Group"));
    /// assert!(!members.takes("Device"));
    /// ```
    #[must_use]
    pub fn takes(&self, resource_type_name: &str) -> bool {
        self.attribute.takes_members_of(resource_type_name)
    }

    /// The name of the resource type of all its members, where that is not for each of them to say.
    #[must_use]
    pub fn target(&self) -> Option<&SmolStr> {
        match &self.kind {
            RelationKind::InverseOf { resource_type, .. } => Some(resource_type),
            RelationKind::Owned => None,
        }
    }
}

/// Which end of a relation an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelationKind {
    /// The end that is written, such as `Group.members`.
    Owned,
    /// The end that follows from the other, such as `User.groups`.
    InverseOf {
        /// The name of the resource type that owns the relation.
        resource_type: SmolStr,
        /// Its attribute there.
        attribute: AttrName,
        /// The number of owners in a row through which it reaches: 1 where it shows the owners of the resource alone, and
        /// [`MAX_LEVELS`](Relation::MAX_LEVELS) where it shows the owners of those owners too.
        levels: usize,
    },
}

impl ResourceType {
    /// Its name, such as `User`.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.definition.name
    }

    /// Its endpoint below the base URL, such as `/Users`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.definition.endpoint
    }

    /// The address of the resource with this id below a base URL (RFC 7643 section 3.1, `meta.location`).
    #[must_use]
    pub fn address(&self, base_url: &str, id: &str) -> SmolStr {
        address(base_url, self.endpoint(), id)
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.definition.description
    }

    /// Its core schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The attributes that every resource has: `schemas`, `id`, `externalId`, `meta`.
    #[must_use]
    pub fn common(&self) -> &Schema {
        &self.common
    }

    /// Its extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The extension with this URI.
    #[must_use]
    pub fn extension(&self, uri: &SchemaUri) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|extension| extension.schema.id == *uri)
    }

    /// Returns true if the registry has a schema with this URI, for this type or for others. One that is not of this type is a
    /// mistake, where a URI that the registry doesn't know may be a client's own.
    ///
    /// ```
    /// use keyfob_core::{Registry, SchemaUri};
    ///
    /// let group = Registry::rfc().resource_type("Group").unwrap();
    /// assert!(group.is_registered(SchemaUri::ENTERPRISE_USER.as_str()));
    /// assert!(!group.is_registered("urn:example:badge:1.0:Group"));
    /// ```
    #[must_use]
    pub fn is_registered(&self, uri: &str) -> bool {
        self.registered.iter().any(|registered| registered.is(uri))
    }

    /// Its relations, both those it owns and those that follow from others.
    #[must_use]
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// The relation `name`.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations
            .iter()
            .find(|relation| relation.attribute.name.is(name))
    }

    /// Whether it is served to clients. Types that are not hold the service's own data.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.definition.exposed
    }

    /// The attributes by which a store should find resources without reading all of them.
    #[must_use]
    pub fn indexed(&self) -> &[AttrPath] {
        &self.definition.indexed
    }

    /// Returns the attributes by whose values stores find resources.
    ///
    /// # Complexity
    /// Linear in the attributes the first time, constant from then on.
    #[must_use]
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self))
    }

    /// The common or core attribute `name`. What the RFC says of a common attribute takes precedence over a core schema
    /// that lists it (RFC 7643 section 3.1).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.common
            .attribute(name)
            .or_else(|| self.schema.attribute(name))
    }

    /// Every attribute: common and core ones with `None`, an extension's with its URI.
    pub fn attributes(&self) -> impl Iterator<Item = (Option<&SchemaUri>, &Attribute)> {
        let core = self
            .schema
            .attributes
            .iter()
            .filter(|attribute| self.common.attribute(attribute.name.as_str()).is_none());
        let core = self
            .common
            .attributes
            .iter()
            .chain(core)
            .map(|attribute| (None, attribute));
        let extended = self.extensions.iter().flat_map(|extension| {
            extension
                .schema
                .attributes
                .iter()
                .map(|attribute| (Some(&extension.schema.id), attribute))
        });
        core.chain(extended)
    }

    /// The resource type as `/ResourceTypes` serves it, without `meta`.
    #[must_use]
    pub fn to_resource(&self) -> Resource {
        let mut resource = Resource::new([SchemaUri::RESOURCE_TYPE]);
        let core = resource.core_mut();
        core.insert("id", self.name().clone());
        core.insert("name", self.name().clone());
        core.insert("endpoint", self.endpoint());
        core.insert("description", self.description());
        core.insert("schema", self.schema.id.as_str());
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|extension| {
                let mut object = Object::new();
                object.insert("schema", extension.schema.id.as_str());
                object.insert("required", extension.required);
                object.into()
            })
            .collect();
        if !extensions.is_empty() {
            core.insert("schemaExtensions", extensions);
        }
        resource
    }
}

/// What a resource type is made of, for a [`RegistryBuilder`](super::RegistryBuilder).
#[derive(Clone, Debug)]
pub struct ResourceTypeBuilder {
    pub(super) name: SmolStr,
    pub(super) endpoint: SmolStr,
    pub(super) description: SmolStr,
    pub(super) schema: SchemaUri,
    pub(super) extensions: Vec<(SchemaUri, bool)>,
    pub(super) relations: Vec<(AttrName, RelationKind)>,
    pub(super) indexed: Vec<AttrPath>,
    pub(super) exposed: bool,
}

impl ResourceTypeBuilder {
    /// A type with this name, endpoint (with its leading slash) and core schema.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, endpoint: impl Into<SmolStr>, schema: SchemaUri) -> Self {
        Self {
            name: name.into(),
            endpoint: endpoint.into(),
            description: SmolStr::default(),
            schema,
            extensions: Vec::new(),
            relations: Vec::new(),
            indexed: Vec::new(),
            exposed: true,
        }
    }

    /// Reads a resource type that a server answered with (RFC 7643 section 6); what departs from the RFC is noted.
    ///
    /// Nothing there says which attributes are relations; [`relation`](Self::relation) does.
    ///
    /// # Errors
    /// [`SchemaError`] when `schema` or both `name` and `endpoint` are missing: then there is nothing to be served.
    ///
    /// ```
    /// use keyfob_core::{json, message::Deviations, schema::ResourceTypeBuilder};
    ///
    /// let answer = json::object_from_slice(br#"{
    ///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    ///     "name": "User", "endpoint": "https://example.com/scim/v2/Users",
    ///     "schema": "urn:ietf:params:scim:schemas:core:2.0:User"
    /// }"#)?;
    /// let mut deviations = Deviations::new();
    /// ResourceTypeBuilder::from_answer(answer, &mut deviations)?;
    /// let noted: Vec<String> = deviations.iter().map(|deviation| deviation.to_string()).collect();
    /// assert_eq!(noted, ["`endpoint` is not relative to the base URL (RFC 7643 section 6)"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_answer(mut object: Object, deviations: &mut Deviations) -> Result<Self, SchemaError> {
        let missing = |path: &str| SchemaError::Missing { path: path.into() };
        let mut reader = Reader::new(&mut object, "RFC 7643 section 6", deviations);
        reader.schema(&SchemaUri::RESOURCE_TYPE);
        let (name, endpoint) = (reader.text("name"), reader.text("endpoint"));
        let schema = reader.text("schema").ok_or_else(|| missing("schema"))?;
        let segment = endpoint.as_deref().map(|endpoint| {
            // Some servers give the whole address.
            let endpoint = endpoint.trim_end_matches('/');
            endpoint.rsplit('/').next().unwrap_or(endpoint)
        });
        if let (Some(endpoint), Some(segment)) = (&endpoint, segment) {
            if endpoint.strip_prefix('/') != Some(segment) {
                reader.note("endpoint", "is not relative to the base URL");
            }
        } else {
            reader.note("endpoint", "is missing");
        }
        if name.is_none() {
            reader.note("name", "is missing");
        }
        let (name, segment) = match (name, segment) {
            (Some(name), Some(segment)) => (name, SmolStr::new(segment)),
            (Some(name), None) => (name.clone(), format_smolstr!("{name}s")),
            (None, Some(segment)) => (
                segment.strip_suffix('s').unwrap_or(segment).into(),
                segment.into(),
            ),
            (None, None) => return Err(missing("name")),
        };
        let mut builder = Self::new(name, format_smolstr!("/{segment}"), SchemaUri::new(schema));
        builder.description = reader.text("description").unwrap_or_default();
        for (index, extension) in reader.elements("schemaExtensions").into_iter().enumerate() {
            let path = format_smolstr!("schemaExtensions[{index}]");
            let Value::Object(mut extension) = extension else {
                reader.note(&path, "is not an object");
                continue;
            };
            let mut extension = reader.below(path, &mut extension);
            match extension.text("schema") {
                None => extension.note("schema", "is missing"),
                Some(uri) => {
                    let required = extension.flag("required").unwrap_or_default();
                    builder.extensions.push((SchemaUri::new(uri), required));
                }
            }
        }
        Ok(builder)
    }

    /// Returns the name of the resource type.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns the URI of the core schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaUri {
        &self.schema
    }

    /// Returns the URIs of the extensions.
    pub fn extensions(&self) -> impl Iterator<Item = &SchemaUri> {
        self.extensions.iter().map(|(uri, _)| uri)
    }

    /// Removes the extensions whose URI does not pass the test.
    #[must_use]
    pub fn retain_extensions(mut self, mut keep: impl FnMut(&SchemaUri) -> bool) -> Self {
        self.extensions.retain(|(uri, _)| keep(uri));
        self
    }

    /// Returns true if both definitions have one name.
    pub(super) fn is_of_name(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
    }

    /// Returns true if both definitions are of one schema and endpoint.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.schema == other.schema && self.endpoint == other.endpoint
    }

    /// Adds what another definition of the same type has beyond this one.
    pub(super) fn take(&mut self, other: Self) {
        for extension in other.extensions {
            if !self.extensions.iter().any(|(uri, _)| *uri == extension.0) {
                self.extensions.push(extension);
            }
        }
        for relation in other.relations {
            if !self.relations.iter().any(|(name, _)| *name == relation.0) {
                self.relations.push(relation);
            }
        }
        for path in other.indexed {
            if !self.indexed.contains(&path) {
                self.indexed.push(path);
            }
        }
    }

    /// Says what it is for.
    #[must_use]
    pub fn description(mut self, text: impl Into<SmolStr>) -> Self {
        self.description = text.into();
        self
    }

    /// Adds an extension.
    #[must_use]
    pub fn extension(mut self, schema: SchemaUri, required: bool) -> Self {
        self.extensions.push((schema, required));
        self
    }

    /// Declares a core attribute, multi-valued and complex with a `value`, to be a relation. It can't be immutable: who
    /// is in a relation changes without a look at who was, and that alone would tell whether it was set before.
    #[must_use]
    pub fn relation(mut self, attribute: impl Into<AttrName>) -> Self {
        self.relations.push((attribute.into(), RelationKind::Owned));
        self
    }

    /// Declares a core attribute to follow from the relation `of_attribute` of the resource type `of_type`.
    ///
    /// It shows owners of owners too, as `User.groups` shows the groups of groups (RFC 7643 section 4.1.2), where
    /// `of_attribute` takes resources of `of_type` and the sub-attribute `type` lists `indirect` among its
    /// `canonicalValues`.
    #[must_use]
    pub fn inverse_relation(
        mut self,
        attribute: impl Into<AttrName>,
        of_type: impl Into<SmolStr>,
        of_attribute: impl Into<AttrName>,
    ) -> Self {
        let kind = RelationKind::InverseOf {
            resource_type: of_type.into(),
            attribute: of_attribute.into(),
            // The registry knows whether owners have owners.
            levels: 1,
        };
        self.relations.push((attribute.into(), kind));
        self
    }

    /// Asks stores to find resources by this attribute without reading all of them.
    #[must_use]
    pub fn indexed(mut self, path: AttrPath) -> Self {
        self.indexed.push(path);
        self
    }

    /// Keeps the type from clients.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.exposed = false;
        self
    }
}
