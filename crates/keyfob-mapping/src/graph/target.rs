//! The type of a target's resources, built from what a synchronization schema says of the target's attributes.

use keyfob_core::{
    Attribute, Object, Registry, ResourceType, Schema, SchemaUri, SmolStr, Value,
    schema::{RelationKind, ResourceTypeBuilder},
};
use keyfob_filter::{CompareOp, Filter, Limits, Literal, PatchPath};
use smol_str::format_smolstr;

use super::definition::{AttributeDefinition, ObjectDefinition};
use crate::{
    document::{ImportError, ImportErrorKind},
    mapping,
};

/// The type of the resources that a mapping makes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetType {
    /// The type.
    pub resource_type: ResourceType,
    /// True where the target speaks SCIM; false for an application with attributes of its own, whose resources have no
    /// `schemas`.
    pub is_scim: bool,
}

impl TargetType {
    /// Takes the type of a target that speaks SCIM.
    #[must_use]
    pub fn scim(resource_type: ResourceType) -> Self {
        Self {
            resource_type,
            is_scim: true,
        }
    }
}

impl ObjectDefinition {
    /// Builds the type of the target's resources from its attribute definitions.
    ///
    /// A definition is named as mappings name their target: `userName`, `name.givenName`,
    /// `emails[type eq "work"].value`, `urn:…:User:department`. An object that has `userName`, or a group's
    /// `displayName`, extends the type of `known` with that name; any other has the defined attributes alone. What
    /// `known` says of an attribute stands, and `required` is added to it.
    ///
    /// # Errors
    /// [`ImportError`] where the definitions make no schema.
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_mapping::graph::SynchronizationSchema;
    ///
    /// let schema = SynchronizationSchema::from_json(br#"{"synchronizationRules": [], "directories": [{
    ///     "name": "customappsso",
    ///     "objects": [{"name": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
    ///         {"name": "userName", "type": "String"},
    ///         {"name": "urn:ietf:params:scim:schemas:extension:badge:2.0:User:colour", "type": "String"},
    ///         {"name": "urn:ietf:params:scim:schemas:extension:badge:2.0:User:floor", "type": "Integer"}
    ///     ]}]
    /// }]}"#)?;
    /// let user = schema.directories()?[0].objects[0].target_type(Registry::rfc())?;
    /// let names: Vec<_> = user.resource_type.extensions().iter().map(|extension| extension.schema.id.as_str()).collect();
    /// assert!(names.contains(&"urn:ietf:params:scim:schemas:extension:badge:2.0:User"));
    /// assert!(user.is_scim);
    /// # Ok::<(), keyfob_mapping::ImportError>(())
    /// ```
    ///
    /// # Complexity
    /// Quadratic in the definitions of one schema.
    pub fn target_type(&self, known: &Registry) -> Result<TargetType, ImportError> {
        let name = type_name(&self.name);
        let base = known.resource_type(name).filter(|base| self.is_like(base));
        let is_scim = base.is_some() || self.name.contains(':');
        let mut draft = match base {
            Some(base) => Draft::of(base),
            None => Draft::empty(&self.name, is_scim),
        };
        for definition in &self.attributes {
            draft.add(definition, is_scim);
        }
        let refuse = |message: String| {
            let message = format_smolstr!("`{}` makes no schema: {message}", self.name);
            ImportError::new("directories", ImportErrorKind::Target { message })
        };
        let registry = draft.build(name, base, known).map_err(refuse)?;
        let built = registry.resource_type(name);
        let resource_type = built.cloned().ok_or_else(|| refuse("it has no name".into()))?;
        Ok(TargetType {
            resource_type,
            is_scim,
        })
    }

    /// Returns true if the object is one of this type: it defines what resources of the type are known by, or nothing
    /// at all. Applications with attributes of their own spell theirs otherwise (`Username`).
    fn is_like(&self, base: &ResourceType) -> bool {
        let required = || {
            base.schema()
                .attributes
                .iter()
                .filter(|attribute| attribute.required)
        };
        let is_defined = |attribute: &Attribute| self.attribute(attribute.name.as_str()).is_some();
        self.attributes.is_empty() || self.name.contains(':') || required().any(is_defined)
    }
}

/// The name of a type of objects, of which a URI holds it as its last part.
pub(super) fn type_name(object: &str) -> &str {
    object.rsplit(':').next().unwrap_or(object)
}

/// Schemas that are being made.
struct Draft {
    core: SchemaUri,
    schemas: Vec<(SchemaUri, Vec<Drafted>)>,
}

/// An attribute that is being made: its characteristics, and its sub-attributes apart from them.
struct Drafted {
    characteristics: Object,
    subs: Vec<Drafted>,
}

/// Where the attribute of a definition belongs.
struct Place {
    schema: SchemaUri,
    name: SmolStr,
    /// The sub-attribute that takes the value.
    sub: Option<SmolStr>,
    /// The values that a filter demands of other sub-attributes.
    conditions: Vec<(SmolStr, SmolStr)>,
}

impl Draft {
    fn of(base: &ResourceType) -> Self {
        let extensions = base.extensions().iter().map(|extension| &*extension.schema);
        let schemas = [base.schema()].into_iter().chain(extensions);
        let drafted = |schema: &Schema| {
            let document = schema.to_resource();
            let attributes = document.core().get("attributes").map(Value::as_elements);
            let attributes = attributes.unwrap_or_default().iter().filter_map(Drafted::read);
            (schema.id.clone(), attributes.collect())
        };
        Self {
            core: base.schema().id.clone(),
            schemas: schemas.map(drafted).collect(),
        }
    }

    fn empty(object: &str, is_scim: bool) -> Self {
        let core = if is_scim {
            SchemaUri::new(object)
        } else {
            let letters: String = object.chars().filter(char::is_ascii_alphanumeric).collect();
            SchemaUri::new(format_smolstr!("urn:keyfob:target:{letters}"))
        };
        Self {
            schemas: vec![(core.clone(), Vec::new())],
            core,
        }
    }

    /// Adds what a definition says. One whose name is no path is left out: no mapping can name it either.
    fn add(&mut self, definition: &AttributeDefinition, is_scim: bool) {
        let Some(place) = self.place(&definition.name) else {
            return;
        };
        let is_part = place.sub.is_some() || !place.conditions.is_empty();
        let is_complex = is_part || (is_scim && definition.kind.eq_ignore_ascii_case("Reference"));
        let attribute = || {
            let mut attribute = Drafted::of(&place.name, definition);
            if is_complex {
                let is_many = !place.conditions.is_empty() || (definition.multi_valued && !is_part);
                attribute.characteristics.insert("type", "complex");
                attribute.characteristics.insert("multiValued", is_many);
            }
            if is_complex && !is_part {
                attribute.subs = ["value", "$ref", "type", "display"].map(Drafted::text).into();
            }
            attribute
        };
        let Some(attribute) = entry(self.attributes(&place.schema), &place.name, attribute) else {
            return;
        };
        if definition.required && !is_part {
            attribute.characteristics.insert("required", true);
        }
        if !is_part || attribute.characteristics.get_str("type") != Some("complex") {
            return;
        }
        for (name, value) in place.conditions {
            if let Some(sub) = entry(&mut attribute.subs, &name, || Drafted::text(&name)) {
                sub.suggest(value);
            }
        }
        let name = place.sub.unwrap_or_else(|| "value".into());
        entry(&mut attribute.subs, &name, || Drafted::of(&name, definition));
    }

    fn attributes(&mut self, schema: &SchemaUri) -> &mut Vec<Drafted> {
        let present = self.schemas.iter().position(|(uri, _)| uri == schema);
        let index = present.unwrap_or_else(|| {
            self.schemas.push((schema.clone(), Vec::new()));
            self.schemas.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the index was found or made on the lines above"
        )]
        &mut self.schemas[index].1
    }

    fn place(&self, name: &str) -> Option<Place> {
        let path = PatchPath::parse_with(name, &Limits::default(), mapping::dialect()).ok()?;
        let mut conditions = Vec::new();
        if let Some(filter) = &path.filter {
            equalities(filter, &mut conditions);
        }
        let sub = path.sub.as_ref().or_else(|| path.attr.sub());
        Some(Place {
            schema: path.attr.schema().unwrap_or(&self.core).clone(),
            name: path.attr.name().as_str().into(),
            sub: sub.map(|sub| sub.as_str().into()),
            conditions,
        })
    }

    fn build(self, name: &str, base: Option<&ResourceType>, known: &Registry) -> Result<Registry, String> {
        let mut builder = Registry::builder();
        let mut extensions = Vec::new();
        for (uri, attributes) in self.schemas {
            let mut document = Object::new();
            document.insert("id", uri.as_str());
            let attributes: Vec<Value> = attributes.into_iter().map(Drafted::into_value).collect();
            document.insert("attributes", attributes);
            let schema = Schema::from_object(&document).map_err(|error| error.to_string())?;
            builder = builder.replace_schema(schema);
            if uri != self.core {
                extensions.push(uri);
            }
        }
        let extended = |definition: ResourceTypeBuilder| {
            let present: Vec<SchemaUri> = definition.extensions().cloned().collect();
            let new = extensions.iter().filter(|uri| !present.contains(uri));
            new.fold(definition, |definition, uri| {
                definition.extension(uri.clone(), false)
            })
        };
        if base.is_none() {
            let endpoint = format_smolstr!("/{name}s");
            builder = builder.resource_type(extended(ResourceTypeBuilder::new(name, endpoint, self.core)));
            return builder.build().map_err(|error| error.to_string());
        }
        for resource_type in known.resource_types() {
            let definition = definition_of(resource_type);
            let is_target = resource_type.name().eq_ignore_ascii_case(name);
            builder = builder.resource_type(if is_target {
                extended(definition)
            } else {
                definition
            });
        }
        builder.build().map_err(|error| error.to_string())
    }
}

impl Drafted {
    fn read(value: &Value) -> Option<Self> {
        let mut characteristics = value.as_object()?.clone();
        let subs = characteristics.remove("subAttributes");
        let subs = subs.as_ref().map(Value::as_elements).unwrap_or_default();
        Some(Self {
            subs: subs.iter().filter_map(Self::read).collect(),
            characteristics,
        })
    }

    fn text(name: &str) -> Self {
        let characteristics = [("name", name), ("type", "string")];
        Self {
            characteristics: characteristics.into_iter().collect(),
            subs: Vec::new(),
        }
    }

    fn of(name: &str, definition: &AttributeDefinition) -> Self {
        let kind = definition.kind.to_ascii_lowercase();
        let kind = match kind.as_str() {
            known @ ("boolean" | "integer" | "binary") => known,
            "datetime" => "dateTime",
            _ => "string",
        };
        let mutability = definition.mutability.to_ascii_lowercase();
        let mutability = match mutability.as_str() {
            "readonly" => "readOnly",
            "immutable" => "immutable",
            "writeonly" => "writeOnly",
            _ => "readWrite",
        };
        let mut draft = Self::text(name);
        draft.characteristics.insert("type", kind);
        draft
            .characteristics
            .insert("multiValued", definition.multi_valued);
        draft.characteristics.insert("caseExact", definition.case_exact);
        draft.characteristics.insert("mutability", mutability);
        draft
    }

    fn name(&self) -> &str {
        self.characteristics.get_str("name").unwrap_or_default()
    }

    /// Adds a canonical value.
    fn suggest(&mut self, value: SmolStr) {
        let mut values = match self.characteristics.remove("canonicalValues") {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        let value = Value::from(value);
        if !values.contains(&value) {
            values.push(value);
        }
        self.characteristics.insert("canonicalValues", values);
    }

    fn into_value(mut self) -> Value {
        if !self.subs.is_empty() {
            let subs: Vec<Value> = self.subs.into_iter().map(Self::into_value).collect();
            self.characteristics.insert("subAttributes", subs);
        }
        self.characteristics.into()
    }
}

/// The same type again.
fn definition_of(resource_type: &ResourceType) -> ResourceTypeBuilder {
    let mut definition = ResourceTypeBuilder::new(
        resource_type.name().clone(),
        resource_type.endpoint(),
        resource_type.schema().id.clone(),
    );
    for extension in resource_type.extensions() {
        definition = definition.extension(extension.schema.id.clone(), extension.required);
    }
    for relation in resource_type.relations() {
        let name = relation.attribute.name.clone();
        definition = match &relation.kind {
            RelationKind::InverseOf {
                resource_type,
                attribute,
                ..
            } => definition.inverse_relation(name, resource_type.clone(), attribute.clone()),
            _ => definition.relation(name),
        };
    }
    definition
}

/// The attribute with this name, in any case, which is added where there is none.
fn entry<'d>(
    attributes: &'d mut Vec<Drafted>,
    name: &str,
    add: impl FnOnce() -> Drafted,
) -> Option<&'d mut Drafted> {
    let mut names = attributes.iter().map(Drafted::name);
    let present = names.position(|present| present.eq_ignore_ascii_case(name));
    let index = present.unwrap_or_else(|| {
        attributes.push(add());
        attributes.len() - 1
    });
    attributes.get_mut(index)
}

/// Returns what the sub-attributes of a selected value are equal to.
fn equalities(filter: &Filter, found: &mut Vec<(SmolStr, SmolStr)>) {
    match filter {
        Filter::Compare(path, CompareOp::Eq, Literal::String(value)) => {
            found.push((path.name().as_str().into(), value.clone()));
        }
        Filter::And(filters) => filters.iter().for_each(|filter| equalities(filter, found)),
        _ => {}
    }
}
