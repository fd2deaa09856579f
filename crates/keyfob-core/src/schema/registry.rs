//! The registry: every schema and resource type of a service, frozen.

use std::sync::{Arc, LazyLock};

use smol_str::SmolStr;

use super::{
    AttrId, Attribute, Extension, Mutability, RegistryError, Relation, RelationKind, ResourceType,
    ResourceTypeBuilder, Schema, data,
};
use crate::{
    name::{AttrName, AttrPath, SchemaUri},
    resource::Addresses,
};

/// Every schema and resource type of a service. Made once, then only read.
///
/// ```
/// use keyfob_core::Registry;
///
/// let registry = Registry::rfc();
/// let user = registry.resource_type("User").unwrap();
/// assert_eq!(user.endpoint(), "/Users");
/// assert!(user.attribute("USERNAME").unwrap().required);
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    schemas: Vec<Arc<Schema>>,
    resource_types: Vec<ResourceType>,
    /// The name and the endpoint of each resource type, shared by the addresses that are made of them.
    endpoints: Arc<[(SmolStr, SmolStr)]>,
}

impl Registry {
    /// The registry of RFC 7643: User with the enterprise extension, and Group.
    #[must_use]
    pub fn rfc() -> &'static Self {
        static RFC: LazyLock<Registry> = LazyLock::new(|| embedded(RegistryBuilder::rfc()));
        &RFC
    }

    /// The registry of RFC 7643 with the two Verkada extensions of User.
    #[must_use]
    pub fn verkada() -> &'static Self {
        static VERKADA: LazyLock<Registry> = LazyLock::new(|| embedded(RegistryBuilder::verkada()));
        &VERKADA
    }

    /// A builder that holds the schemas of the crate and no resource type.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
    }

    /// The schemas that resource types of this registry use and clients may see, and the three of the protocol.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.schemas
            .iter()
            .map(|schema| &**schema)
            .filter(|schema| self.is_served(schema))
    }

    /// The schema with this URI, if clients may see it.
    #[must_use]
    pub fn schema(&self, uri: &str) -> Option<&Schema> {
        self.schemas().find(|schema| schema.id.is(uri))
    }

    /// The resource types, the internal ones included.
    #[must_use]
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// The resource type with this name.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types
            .iter()
            .find(|resource_type| resource_type.name().eq_ignore_ascii_case(name))
    }

    /// The addresses of the resources below a base URL, which has no slash at its end.
    #[must_use]
    pub fn addresses(&self, base_url: impl Into<SmolStr>) -> Addresses {
        Addresses::new(base_url.into(), Arc::clone(&self.endpoints))
    }

    /// The resource type that a resource's `schemas` name.
    #[must_use]
    pub fn resource_type_of(&self, schemas: &[SchemaUri]) -> Option<&ResourceType> {
        self.resource_types
            .iter()
            .find(|resource_type| schemas.contains(&resource_type.schema().id))
    }

    fn is_served(&self, schema: &Schema) -> bool {
        [
            SchemaUri::SERVICE_PROVIDER_CONFIG,
            SchemaUri::RESOURCE_TYPE,
            SchemaUri::SCHEMA,
        ]
        .contains(&schema.id)
            || self.resource_types.iter().any(|resource_type| {
                resource_type.is_exposed()
                    && (resource_type.schema.id == schema.id || resource_type.extension(&schema.id).is_some())
            })
    }
}

#[expect(
    clippy::panic,
    reason = "the definitions are part of the crate and tests build each"
)]
fn embedded(builder: RegistryBuilder) -> Registry {
    match builder.build() {
        Ok(registry) => registry,
        Err(error) => panic!("an embedded registry is malformed: {error}"),
    }
}

/// The endpoints of a service's own (RFC 7644 section 3.2), and its description for machines.
const RESERVED: [&str; 8] = [
    "Me",
    "Bulk",
    "Events",
    "ServiceProviderConfig",
    "ResourceTypes",
    "Schemas",
    ".search",
    "openapi.json",
];

/// Collects schemas and resource types for a [`Registry`].
///
/// ```
/// use keyfob_core::{Schema, SchemaUri, schema::RegistryBuilder};
///
/// let badge = Schema::from_json(br#"{
///     "id": "urn:example:params:scim:schemas:badge:1.0:User",
///     "attributes": [{"name": "colour", "type": "string", "caseExact": false}]
/// }"#)?;
/// let registry = RegistryBuilder::rfc().extend("User", badge, false).build()?;
/// let user = registry.resource_type("User").unwrap();
/// assert!(user.extension(&SchemaUri::new("urn:example:params:scim:schemas:badge:1.0:User")).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    schemas: Vec<Arc<Schema>>,
    resource_types: Vec<ResourceTypeBuilder>,
    /// The resource type, the schema that extends it and whether it is required.
    extensions: Vec<(SmolStr, SchemaUri, bool)>,
}

impl RegistryBuilder {
    /// A builder that holds the schemas of the crate and no resource type.
    #[must_use]
    pub fn new() -> Self {
        let schemas = [
            &data::USER,
            &data::ENTERPRISE_USER,
            &data::GROUP,
            &data::SERVICE_PROVIDER_CONFIG,
            &data::RESOURCE_TYPE,
            &data::SCHEMA,
            &data::VERKADA_ACCESS_USER,
            &data::VERKADA_CORE_USER,
        ];
        Self {
            schemas: schemas.map(|schema| Arc::clone(schema)).into(),
            resource_types: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// A builder with the resource types of RFC 7643: User with the enterprise extension, and Group.
    #[must_use]
    pub fn rfc() -> Self {
        let user = ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER)
            .description("User accounts")
            .extension(SchemaUri::ENTERPRISE_USER, false)
            .inverse_relation("groups", "Group", "members")
            .indexed(AttrPath::attribute("externalId"))
            .indexed(AttrPath::attribute("displayName"))
            .indexed(AttrPath::new(
                None,
                AttrName::new("emails"),
                Some(AttrName::new("value")),
            ));
        let group = ResourceTypeBuilder::new("Group", "/Groups", SchemaUri::GROUP)
            .description("Groups of users")
            .relation("members")
            .indexed(AttrPath::attribute("externalId"))
            .indexed(AttrPath::attribute("displayName"));
        Self::new().resource_type(user).resource_type(group)
    }

    /// The builder of [`rfc`](Self::rfc) with the two Verkada extensions of User.
    #[must_use]
    pub fn verkada() -> Self {
        let mut builder = Self::rfc();
        for uri in [SchemaUri::VERKADA_ACCESS_USER, SchemaUri::VERKADA_CORE_USER] {
            builder.extensions.push(("User".into(), uri, false));
        }
        builder
    }

    /// Adds a schema.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schemas.push(Arc::new(schema));
        self
    }

    /// Adds a schema, in place of the one with the same URI if there is one: what a server says of its schemas counts
    /// more than what the crate knows of them.
    ///
    /// ```
    /// use keyfob_core::{Schema, schema::RegistryBuilder};
    ///
    /// let small = Schema::from_json(br#"{
    ///     "id": "urn:ietf:params:scim:schemas:core:2.0:User",
    ///     "attributes": [{"name": "userName", "type": "string", "required": true},
    ///                    {"name": "displayName", "type": "string"},
    ///                    {"name": "groups", "type": "complex", "multiValued": true, "mutability": "readOnly",
    ///                     "subAttributes": [{"name": "value", "type": "string"}]},
    ///                    {"name": "emails", "type": "complex", "multiValued": true,
    ///                     "subAttributes": [{"name": "value", "type": "string"}]}]
    /// }"#)?;
    /// let registry = RegistryBuilder::rfc().replace_schema(small).build()?;
    /// let user = registry.resource_type("User").ok_or("no such type")?;
    /// assert!(user.attribute("title").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn replace_schema(mut self, schema: Schema) -> Self {
        self.schemas.retain(|present| present.id != schema.id);
        self.schema(schema)
    }

    /// Removes what does not pass the test from the schema with this URI: attributes that are not complex, and
    /// sub-attributes, which are given with their attribute. What a service doesn't keep is then not served either.
    ///
    /// A complex attribute of which nothing is left goes too; so does the index of what goes, in the resource types that
    /// were added before. A schema of which nothing is left extends nothing any more.
    ///
    /// ```
    /// use keyfob_core::{SchemaUri, schema::RegistryBuilder};
    ///
    /// let kept = ["userName", "name", "active", "groups"];
    /// let registry = RegistryBuilder::rfc()
    ///     .retain_attributes(&SchemaUri::USER, |attribute, _| kept.iter().any(|name| attribute.name.is(name)))
    ///     .retain_attributes(&SchemaUri::ENTERPRISE_USER, |_, _| false)
    ///     .build()?;
    /// let user = registry.resource_type("User").ok_or("no such type")?;
    /// assert!(user.attribute("name").is_some());
    /// assert!(user.attribute("nickName").is_none());
    /// assert!(user.extensions().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn retain_attributes(
        mut self,
        uri: &SchemaUri,
        mut keep: impl FnMut(&Attribute, Option<&Attribute>) -> bool,
    ) -> Self {
        let mut left = None;
        for schema in self.schemas.iter_mut().filter(|schema| schema.id == *uri) {
            let schema = Arc::make_mut(schema);
            schema.attributes.retain_mut(|attribute| {
                if !attribute.is_complex() {
                    return keep(attribute, None);
                }
                let whole = attribute.clone();
                attribute.sub_attributes.retain(|sub| keep(&whole, Some(sub)));
                !attribute.sub_attributes.is_empty()
            });
            left = Some(schema.clone());
        }
        let Some(left) = left else { return self };
        for definition in &mut self.resource_types {
            let is_core = definition.schema == *uri;
            definition.indexed.retain(|path| {
                // A common attribute is in no schema of the type's own.
                let is_common = data::COMMON.attribute(path.name().as_str()).is_some();
                let is_of = path
                    .schema()
                    .map_or(is_core && !is_common, |schema| schema == uri);
                let attribute = left.attribute(path.name().as_str());
                let is_left = attribute.is_some_and(|attribute| {
                    path.sub()
                        .is_none_or(|sub| attribute.sub_attribute(sub.as_str()).is_some())
                });
                !is_of || is_left
            });
            if left.attributes.is_empty() {
                definition.extensions.retain(|(extension, _)| extension != uri);
            }
        }
        if left.attributes.is_empty() {
            self.extensions.retain(|(_, extension, _)| extension != uri);
        }
        self
    }

    /// Adds a resource type.
    #[must_use]
    pub fn resource_type(mut self, definition: ResourceTypeBuilder) -> Self {
        self.resource_types.push(definition);
        self
    }

    /// Adds a resource type, or only the extensions, relations and indexes of the definition where there is a resource type
    /// of its name.
    ///
    /// [`build`](Self::build) refuses a definition whose schema or endpoint is another one than that of the type of its
    /// name.
    #[must_use]
    pub fn define(mut self, definition: ResourceTypeBuilder) -> Self {
        let mut present = self.resource_types.iter_mut();
        match present.find(|present| present.is_of_name(&definition)) {
            Some(present) if present.is_same(&definition) => present.take(definition),
            // Two of one name are refused when the registry is built.
            _ => self.resource_types.push(definition),
        }
        self
    }

    /// Adds a schema as an extension of the resource type with this name.
    #[must_use]
    pub fn extend(mut self, resource_type: &str, schema: Schema, required: bool) -> Self {
        self.extensions
            .push((resource_type.into(), schema.id.clone(), required));
        self.schema(schema)
    }

    /// Lets groups have users alone as members, for a service that refuses groups within groups: `Group.members`
    /// [takes](Relation::takes) nothing else, `User.groups` shows direct membership alone, and `/Schemas` says so.
    ///
    /// ```
    /// use keyfob_core::schema::RegistryBuilder;
    ///
    /// let registry = RegistryBuilder::rfc().flat_groups().build()?;
    /// let members = registry.resource_type("Group").unwrap().relation("members").unwrap();
    /// assert!(members.takes("User"));
    /// assert!(!members.takes("Group"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn flat_groups(mut self) -> Self {
        for schema in &mut self.schemas {
            if schema.id == SchemaUri::USER {
                let attributes = &mut Arc::make_mut(schema).attributes;
                for groups in attributes
                    .iter_mut()
                    .filter(|attribute| attribute.name.is("groups"))
                {
                    let subs = groups.sub_attributes.iter_mut();
                    for sub in subs.filter(|sub| sub.name.is("type")) {
                        sub.description = "How the user belongs to the group.".into();
                        sub.canonical_values = vec![Relation::DIRECT.into()];
                    }
                }
            }
            if schema.id != SchemaUri::GROUP {
                continue;
            }
            let schema = Arc::make_mut(schema);
            schema.description = "A set of users.".into();
            let attributes = schema.attributes.iter_mut();
            for members in attributes.filter(|attribute| attribute.name.is("members")) {
                members.description = "Users that belong to the group.".into();
                for sub in &mut members.sub_attributes {
                    if sub.name.is("$ref") {
                        sub.reference_types = vec!["User".into()];
                    } else if sub.name.is("type") {
                        sub.canonical_values = vec!["User".into()];
                    }
                }
            }
        }
        self
    }

    /// Numbers the attributes and checks that everything fits.
    ///
    /// # Errors
    /// [`RegistryError`] names what is registered twice, missing or unfit.
    pub fn build(self) -> Result<Registry, RegistryError> {
        let mut definitions = self.resource_types;
        for (resource_type, schema, required) in self.extensions {
            let Some(definition) = definitions
                .iter_mut()
                .find(|definition| definition.name.eq_ignore_ascii_case(&resource_type))
            else {
                return Err(RegistryError::UnknownResourceType {
                    resource_type,
                    schema,
                });
            };
            definition.extensions.push((schema, required));
        }
        let mut next = 0;
        let mut schemas: Vec<Arc<Schema>> = Vec::new();
        let common = number(&data::COMMON, &mut next)?;
        for schema in &self.schemas {
            if schemas.iter().any(|present| present.id == schema.id) {
                return Err(RegistryError::DuplicateSchema(schema.id.clone()));
            }
            schemas.push(number(schema, &mut next)?);
        }
        let mut resource_types: Vec<ResourceType> = Vec::new();
        for definition in definitions {
            let taken = resource_types.iter().any(|present| {
                present.name().eq_ignore_ascii_case(&definition.name)
                    || present.endpoint().eq_ignore_ascii_case(&definition.endpoint)
            });
            if taken {
                return Err(RegistryError::DuplicateResourceType(definition.name));
            }
            let segment = definition.endpoint.trim_start_matches('/');
            if RESERVED
                .iter()
                .any(|reserved| reserved.eq_ignore_ascii_case(segment))
            {
                return Err(RegistryError::ReservedEndpoint {
                    resource_type: definition.name,
                    endpoint: definition.endpoint,
                });
            }
            resource_types.push(assemble(definition, &common, &schemas)?);
        }
        check_inverses(&resource_types)?;
        set_levels(&mut resource_types);
        let endpoints = resource_types
            .iter()
            .map(|resource_type| (resource_type.name().clone(), resource_type.endpoint().into()));
        let mut registry = Registry {
            schemas,
            endpoints: endpoints.collect(),
            resource_types,
        };
        let registered: Arc<[SchemaUri]> = registry.schemas().map(|schema| schema.id.clone()).collect();
        for resource_type in &mut registry.resource_types {
            resource_type.registered = Arc::clone(&registered);
        }
        Ok(registry)
    }
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Checks that every relation that follows from another has that other.
fn check_inverses(resource_types: &[ResourceType]) -> Result<(), RegistryError> {
    for inverse in resource_types {
        for relation in inverse.relations() {
            let RelationKind::InverseOf {
                resource_type,
                attribute,
                levels: _,
            } = &relation.kind
            else {
                continue;
            };
            let owned = resource_types
                .iter()
                .filter(|owner| owner.name() == resource_type)
                .filter_map(|owner| owner.relation(attribute.as_str()))
                .any(|owned| owned.kind == RelationKind::Owned);
            if !owned {
                return Err(RegistryError::UnfitAttribute {
                    resource_type: inverse.name().clone(),
                    attribute: relation.attribute.name.as_str().into(),
                    purpose: "an inverse relation",
                });
            }
        }
    }
    Ok(())
}

/// Lets inverse relations show owners of owners, where owners can have owners and the schema has a word for those.
fn set_levels(resource_types: &mut [ResourceType]) {
    let nesting: Vec<(SmolStr, AttrName)> = resource_types
        .iter()
        .flat_map(|owner| {
            owner
                .relations()
                .iter()
                .map(move |relation| (owner.name(), relation))
        })
        .filter(|(owner, relation)| relation.kind == RelationKind::Owned && relation.takes(owner))
        .map(|(owner, relation)| (owner.clone(), relation.attribute.name.clone()))
        .collect();
    for resource_type in resource_types {
        let relations = resource_type.relations.iter().cloned().map(|mut relation| {
            let tells_indirect = relation.attribute.sub_attribute("type").is_some_and(|sub| {
                let values = &sub.canonical_values;
                values
                    .iter()
                    .any(|value| value.eq_ignore_ascii_case(Relation::INDIRECT))
            });
            if let RelationKind::InverseOf {
                resource_type,
                attribute,
                levels,
            } = &mut relation.kind
                && tells_indirect
                && nesting
                    .iter()
                    .any(|(owner, owned)| owner == resource_type && owned == attribute)
            {
                *levels = Relation::MAX_LEVELS;
            }
            relation
        });
        resource_type.relations = relations.collect();
    }
}

fn assemble(
    definition: ResourceTypeBuilder,
    common: &Arc<Schema>,
    schemas: &[Arc<Schema>],
) -> Result<ResourceType, RegistryError> {
    let find = |uri: &SchemaUri| {
        schemas
            .iter()
            .find(|schema| schema.id == *uri)
            .cloned()
            .ok_or_else(|| RegistryError::UnknownSchema {
                resource_type: definition.name.clone(),
                schema: uri.clone(),
            })
    };
    let segment = definition.endpoint.strip_prefix('/');
    if segment.is_none_or(|segment| segment.is_empty() || segment.contains('/')) {
        return Err(RegistryError::Endpoint {
            resource_type: definition.name.clone(),
            endpoint: definition.endpoint.clone(),
        });
    }
    let schema = find(&definition.schema)?;
    let mut extensions: Vec<Extension> = Vec::new();
    for (uri, required) in &definition.extensions {
        if *uri == schema.id || extensions.iter().any(|present| present.schema.id == *uri) {
            return Err(RegistryError::DuplicateSchema(uri.clone()));
        }
        extensions.push(Extension {
            schema: find(uri)?,
            required: *required,
        });
    }
    let unfit = |attribute: SmolStr, purpose| RegistryError::UnfitAttribute {
        resource_type: definition.name.clone(),
        attribute,
        purpose,
    };
    let relations = definition
        .relations
        .iter()
        .map(|(name, kind)| {
            let attribute = schema
                .attribute(name.as_str())
                .filter(|attribute| attribute.multi_valued && attribute.default_sub_attribute().is_some())
                .filter(|attribute| attribute.mutability != Mutability::Immutable)
                .ok_or_else(|| unfit(name.as_str().into(), "a relation"))?;
            Ok(Relation {
                attribute: attribute.clone(),
                kind: kind.clone(),
            })
        })
        .collect::<Result<Vec<_>, RegistryError>>()?;
    let resource_type = ResourceType {
        common: Arc::clone(common),
        schema: Arc::clone(&schema),
        extensions: extensions.into(),
        relations: relations.into(),
        registered: Arc::default(),
        index: Arc::default(),
        definition: Arc::new(definition),
    };
    for path in resource_type.indexed() {
        let indexable = resource_type
            .resolve_attribute(path)
            .is_ok_and(|resolved| !resolved.leaf().is_complex());
        if !indexable {
            return Err(RegistryError::UnfitAttribute {
                resource_type: resource_type.name().clone(),
                attribute: path.to_string().into(),
                purpose: "indexed",
            });
        }
    }
    Ok(resource_type)
}

fn number(schema: &Arc<Schema>, next: &mut u16) -> Result<Arc<Schema>, RegistryError> {
    fn walk(attributes: &mut [Attribute], next: &mut u16) -> Result<(), RegistryError> {
        for attribute in attributes {
            attribute.id = AttrId::new(*next);
            *next = next
                .checked_add(1)
                .filter(|next| *next < 65_000)
                .ok_or(RegistryError::TooManyAttributes)?;
            walk(&mut attribute.sub_attributes, next)?;
        }
        Ok(())
    }
    let mut numbered = Schema::clone(schema);
    walk(&mut numbered.attributes, next)?;
    Ok(Arc::new(numbered))
}
