//! JSON Schemas of resources and messages.

use keyfob_core::{
    Attribute, ResourceType, SchemaUri,
    schema::{AttributeType, Mutability, Returned},
};
use keyfob_engine::Profile;
use serde_json::{Map, Value, json};

/// What the name of the schema of a body ends with. Names of resource types have no dots, so that no type takes the place of a
/// message.
pub(super) const BODY: &str = ".body";

/// A reference to a schema of the description.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The side from which a resource is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A body that a client sends: what is readOnly is passed over.
    Sent,
    /// An answer, which may hold any part of what is returned.
    Shown,
}

/// The schemas by name: of each resource type as it is shown and as it is sent, and of the messages.
pub(super) fn schemas(profile: &Profile, exposed: &[&ResourceType]) -> Map<String, Value> {
    let mut schemas = messages();
    schemas.extend(discovery());
    for resource_type in exposed {
        let name = resource_type.name().as_str();
        schemas.insert(name.into(), resource(profile, resource_type, Side::Shown));
        schemas.insert(
            format!("{name}{BODY}"),
            resource(profile, resource_type, Side::Sent),
        );
        schemas.insert(format!("{name}.list"), list(&reference(name)));
    }
    let any: Vec<Value> = exposed
        .iter()
        .map(|resource_type| reference(resource_type.name()))
        .collect();
    schemas.insert("message.ListResponse".into(), list(&json!({"anyOf": any})));
    schemas
}

/// A resource with its extensions.
fn resource(profile: &Profile, resource_type: &ResourceType, side: Side) -> Value {
    let core = profile.schema(resource_type.schema());
    let mut object = of_attributes(
        [resource_type.common(), &core]
            .into_iter()
            .flat_map(|schema| &schema.attributes),
        side,
    );
    let mut uris = vec![core.id.as_str().to_owned()];
    for extension in resource_type.extensions() {
        let schema = profile.schema(&extension.schema);
        let described = of_attributes(&schema.attributes, side).into_value();
        object.properties.insert(schema.id.as_str().into(), described);
        if extension.required && side == Side::Sent {
            object.required.push(schema.id.as_str().into());
        }
        uris.push(schema.id.as_str().into());
    }
    // Clients may name further schemas, which are passed over or refused as the profile has it.
    let names = match side {
        Side::Sent => json!({"type": "string"}),
        Side::Shown => json!({"enum": uris}),
    };
    let schemas = json!({"type": "array", "items": names, "minItems": 1, "uniqueItems": side == Side::Shown});
    object.properties.insert("schemas".into(), schemas);
    if side == Side::Shown {
        object.required = vec!["schemas".into(), "id".into()];
    } else {
        object.required.retain(|name| name != "schemas");
        object.required.push("schemas".into());
    }
    object.description = resource_type.description().into();
    object.into_value()
}

/// An object in the making.
#[derive(Default)]
struct Described {
    properties: Map<String, Value>,
    required: Vec<String>,
    description: String,
    is_closed: bool,
}

impl Described {
    fn into_value(self) -> Value {
        let mut object = Map::from_iter([
            ("type".into(), json!("object")),
            ("properties".into(), self.properties.into()),
        ]);
        if !self.required.is_empty() {
            object.insert("required".into(), self.required.into());
        }
        if !self.description.is_empty() {
            object.insert("description".into(), self.description.into());
        }
        if self.is_closed {
            object.insert("additionalProperties".into(), false.into());
        }
        object.into()
    }
}

/// An object of attributes. Bodies may hold more, as what is unknown is passed over; answers don't.
fn of_attributes<'a>(attributes: impl IntoIterator<Item = &'a Attribute>, side: Side) -> Described {
    let mut object = Described {
        is_closed: side == Side::Shown,
        ..Described::default()
    };
    for attribute in attributes {
        let is_hidden = match side {
            Side::Sent => attribute.mutability == Mutability::ReadOnly,
            Side::Shown => attribute.returned == Returned::Never,
        };
        if is_hidden {
            continue;
        }
        if attribute.required && side == Side::Sent {
            object.required.push(attribute.name.as_str().into());
        }
        object
            .properties
            .insert(attribute.name.as_str().into(), value(attribute, side));
    }
    object
}

/// The values of an attribute.
fn value(attribute: &Attribute, side: Side) -> Value {
    let mut value = match attribute.kind {
        AttributeType::Complex => of_attributes(&attribute.sub_attributes, side).into_value(),
        AttributeType::Boolean => json!({"type": "boolean"}),
        AttributeType::Integer => json!({"type": "integer"}),
        AttributeType::Decimal => json!({"type": "number"}),
        AttributeType::DateTime => json!({"type": "string", "format": "date-time"}),
        AttributeType::Binary => json!({"type": "string", "contentEncoding": "base64"}),
        AttributeType::Reference | AttributeType::String => json!({"type": "string"}),
    };
    if let Some(object) = value.as_object_mut() {
        // Suggestions (RFC 7643 section 7): other values are taken too.
        if !attribute.canonical_values.is_empty() {
            let suggested = attribute
                .canonical_values
                .iter()
                .map(|value| json!(value.as_str()));
            object.insert("examples".into(), suggested.collect());
        }
        if !attribute.description.is_empty() {
            object.insert("description".into(), json!(attribute.description.as_str()));
        }
    }
    if attribute.multi_valued {
        json!({"type": "array", "items": value})
    } else {
        value
    }
}

/// A page of a list (RFC 7644 section 3.4.2, RFC 9865 section 2).
fn list(of: &Value) -> Value {
    let integer = || json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "properties": {
            "schemas": {"const": [SchemaUri::LIST_RESPONSE.as_str()]},
            "totalResults": integer(),
            "startIndex": integer(),
            "itemsPerPage": integer(),
            "nextCursor": {"type": "string"},
            "Resources": {"type": "array", "items": of},
        },
        "required": ["schemas", "totalResults", "itemsPerPage", "Resources"],
        "additionalProperties": false,
    })
}

/// The schemas of messages.
fn messages() -> Map<String, Value> {
    let names = || json!({"type": "array", "items": {"type": "string"}});
    let text = || json!({"type": "string"});
    let method = json!({"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"]});
    let object = json!({"type": "object"});
    let schemas = [
        (
            "Error",
            message(
                &SchemaUri::ERROR,
                &json!({"status": {"type": "string", "pattern": "^[45][0-9]{2}$"}, "scimType": text(), "detail": text()}),
                &["status", "detail"],
                true,
            ),
        ),
        (
            "SearchRequest",
            message(
                &SchemaUri::SEARCH_REQUEST,
                &json!({
                    "attributes": names(), "excludedAttributes": names(), "filter": text(), "sortBy": text(),
                    "sortOrder": {"type": "string", "enum": ["ascending", "descending"]},
                    "startIndex": {"type": "integer"}, "count": {"type": "integer"}, "cursor": text(),
                }),
                &[],
                false,
            ),
        ),
        (
            "PatchOp",
            message(
                &SchemaUri::PATCH_OP,
                &json!({"Operations": {"type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "properties": {
                        "op": {"type": "string", "enum": ["add", "remove", "replace"]}, "path": text(), "value": {},
                    },
                    "required": ["op"],
                }}}),
                &["Operations"],
                false,
            ),
        ),
        (
            "BulkRequest",
            message(
                &SchemaUri::BULK_REQUEST,
                &json!({
                    "failOnErrors": {"type": "integer"},
                    "Operations": {"type": "array", "items": {
                        "type": "object",
                        "properties": {
                            "method": method, "path": text(), "bulkId": text(), "version": text(), "data": object,
                        },
                        "required": ["method", "path"],
                    }},
                }),
                &["Operations"],
                false,
            ),
        ),
        (
            "BulkResponse",
            message(
                &SchemaUri::BULK_RESPONSE,
                &json!({"Operations": {"type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "method": method, "bulkId": text(), "version": text(), "location": text(),
                        "status": {"type": "string", "pattern": "^[2-5][0-9]{2}$"}, "response": reference("message.Error"),
                    },
                    "required": ["status"],
                    "additionalProperties": false,
                }}}),
                &["Operations"],
                true,
            ),
        ),
    ];
    let described = schemas.into_iter();
    described
        .map(|(name, schema)| (format!("message.{name}"), schema))
        .collect()
}

/// The schemas of the resources of section 4, whose attributes are described by schemas of their own.
fn discovery() -> Map<String, Value> {
    let mut described = Map::new();
    for (name, uri, list_name) in [
        ("ServiceProviderConfig", SchemaUri::SERVICE_PROVIDER_CONFIG, None),
        ("ResourceType", SchemaUri::RESOURCE_TYPE, Some("ResourceTypeList")),
        ("Schema", SchemaUri::SCHEMA, Some("SchemaList")),
    ] {
        let schema = message(&uri, &json!({"meta": {"type": "object"}}), &["meta"], false);
        described.insert(format!("message.{name}"), schema);
        if let Some(list_name) = list_name {
            described.insert(
                format!("message.{list_name}"),
                list(&reference(&format!("message.{name}"))),
            );
        }
    }
    described
}

/// An object with `schemas`, which has the URI among others.
fn message(uri: &SchemaUri, properties: &Value, required: &[&str], is_closed: bool) -> Value {
    let mut members = properties.as_object().cloned().unwrap_or_default();
    let schemas = json!({"type": "array", "items": {"type": "string"}, "contains": {"const": uri.as_str()}});
    members.insert("schemas".into(), schemas);
    let required = required.iter().copied().chain(["schemas"]);
    Described {
        properties: members,
        required: required.map(str::to_owned).collect(),
        description: String::new(),
        is_closed,
    }
    .into_value()
}
