//! Resource types from files of an application's own.

use smol_str::format_smolstr;

use super::{ResourceTypeBuilder, SchemaError, document::Reader};
use crate::{
    json,
    name::{AttrName, AttrPath, SchemaUri},
    value::Value,
};

/// The members of a resource type, as `/ResourceTypes` serves it, and those that say how it is stored.
const RESOURCE_TYPE: [&str; 10] = [
    "schemas",
    "id",
    "name",
    "endpoint",
    "description",
    "schema",
    "schemaExtensions",
    "meta",
    "relations",
    "indexed",
];

const EXTENSION: [&str; 2] = ["schema", "required"];

impl ResourceTypeBuilder {
    /// Reads a resource type in the form in which `/ResourceTypes` serves it (RFC 7643 section 6). Two members more say what
    /// a server can't tell: `relations` are the attributes whose values point at other resources
    /// ([`relation`](Self::relation)), and `indexed` those by which resources are found ([`indexed`](Self::indexed)).
    ///
    /// # Errors
    /// [`SchemaError`] names the member that is missing, wrong or unknown.
    ///
    /// ```
    /// use keyfob_core::{Schema, schema::{RegistryBuilder, ResourceTypeBuilder}};
    ///
    /// let badge = Schema::from_json(br#"{
    ///     "id": "urn:example:badge:1.0:Badge",
    ///     "attributes": [{"name": "serial", "uniqueness": "server", "required": true}]
    /// }"#)?;
    /// let badges = ResourceTypeBuilder::from_json(br#"{
    ///     "name": "Badge", "endpoint": "/Badges", "schema": "urn:example:badge:1.0:Badge", "indexed": ["serial"]
    /// }"#)?;
    /// let registry = RegistryBuilder::rfc().schema(badge).define(badges).build()?;
    /// assert_eq!(registry.resource_type("Badge").map(|badge| badge.endpoint()), Some("/Badges"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_json(text: &[u8]) -> Result<Self, SchemaError> {
        let object = json::object_from_slice(text)?;
        let reader = Reader::strict(&object, "");
        reader.check_members(&RESOURCE_TYPE)?;
        let demand = |member: &str| reader.text(member)?.ok_or_else(|| reader.missing(member));
        let name = demand("name")?;
        if !AttrName::new(name.as_str()).is_legal() {
            return Err(reader.invalid("name", "a name of letters and digits, such as `Device`"));
        }
        let schema = SchemaUri::new(demand("schema")?);
        if !schema.is_legal() {
            return Err(reader.invalid("schema", "a URI"));
        }
        let mut builder = Self::new(name, demand("endpoint")?, schema)
            .description(reader.text("description")?.unwrap_or_default());
        for (number, extension) in elements(object.get("schemaExtensions")).iter().enumerate() {
            let path = format_smolstr!("schemaExtensions[{number}]");
            let Some(extension) = extension.as_object() else {
                return Err(SchemaError::Invalid {
                    path,
                    expected: "an object with `schema` and `required`",
                });
            };
            let reader = Reader::strict(extension, &path);
            reader.check_members(&EXTENSION)?;
            let uri = reader.text("schema")?.ok_or_else(|| reader.missing("schema"))?;
            builder = builder.extension(SchemaUri::new(uri), reader.flag("required")?);
        }
        for relation in reader.texts("relations")? {
            builder = builder.relation(relation.as_str());
        }
        for path in reader.texts("indexed")? {
            let path = AttrPath::parse(&path);
            builder = builder.indexed(path.map_err(|_| reader.invalid("indexed", "an array of attributes"))?);
        }
        Ok(builder)
    }
}

fn elements(value: Option<&Value>) -> &[Value] {
    value.map(Value::as_elements).unwrap_or_default()
}
