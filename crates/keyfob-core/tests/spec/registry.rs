//! Schemas from JSON, and registries made of them (RFC 7643 sections 6 and 7).

use keyfob_core::{
    AttrPath, Registry, Schema, SchemaUri,
    schema::{
        AttributeType, Mutability, RegistryBuilder, RegistryError, ResourceTypeBuilder, Returned, Uniqueness,
    },
};

use crate::support::{badge, json};

fn schema(attributes: &str) -> Schema {
    let text = format!(r#"{{"id": "{}", "attributes": [{attributes}]}}"#, badge());
    Schema::from_json(text.as_bytes()).unwrap()
}

#[test]
fn characteristics_that_are_left_out_have_the_defaults_of_section_2_2() {
    let schema = schema(r#"{"name": "colour"}"#);
    assert_eq!(schema.name, badge().as_str());
    let colour = schema.attribute("COLOUR").unwrap();
    assert_eq!(colour.kind, AttributeType::String);
    assert!(!colour.multi_valued && !colour.required && !colour.case_exact);
    assert_eq!(colour.mutability, Mutability::ReadWrite);
    assert_eq!(colour.returned, Returned::Default);
    assert_eq!(colour.uniqueness, Uniqueness::None);
}

#[test]
fn references_and_binary_values_are_case_exact_whatever_the_schema_says() {
    let schema = schema(
        r#"{"name": "a", "type": "reference", "caseExact": false}, {"name": "b", "type": "binary", "caseExact": false}"#,
    );
    assert!(schema.attributes.iter().all(|attribute| attribute.case_exact));
}

#[test]
fn a_schema_is_served_as_it_was_read() {
    let text = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "{}", "name": "Badge", "description": "d",
        "attributes": [
            {{"name": "colour", "type": "string", "multiValued": false, "description": "c", "required": true,
              "canonicalValues": ["red"], "caseExact": true, "mutability": "immutable", "returned": "request",
              "uniqueness": "server"}},
            {{"name": "photo", "type": "reference", "multiValued": true, "description": "p", "required": false,
              "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
              "referenceTypes": ["external"]}},
            {{"name": "size", "type": "complex", "multiValued": false, "description": "s", "required": false,
              "mutability": "readWrite", "returned": "always", "subAttributes": [
                {{"name": "width", "type": "integer", "multiValued": false, "description": "w", "required": false,
                  "mutability": "readWrite", "returned": "default", "uniqueness": "none"}},
                {{"name": "round", "type": "boolean", "multiValued": false, "description": "r", "required": false,
                  "mutability": "readWrite", "returned": "default"}}]}}]}}"#,
        badge()
    );
    let schema = Schema::from_json(text.as_bytes()).unwrap();
    assert_eq!(json(schema.to_resource().to_json()), json(text));
}

#[test]
fn what_is_no_schema_says_what_is_wrong_and_where() {
    let attribute = |text: &str| format!(r#"{{"id": "urn:example:a", "attributes": [{text}]}}"#);
    let mut messages = String::new();
    for text in [
        "[]".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        r#"{"id": 5}"#.to_owned(),
        r#"{"id": "badge"}"#.to_owned(),
        r#"{"id": "urn:example:größe"}"#.to_owned(),
        r#"{"id": "urn:example:a", "name": 5}"#.to_owned(),
        attribute("5"),
        attribute("{}"),
        attribute(r#"{"name": 5}"#),
        attribute(r#"{"name": "a.b"}"#),
        attribute(r#"{"name": "1a"}"#),
        attribute(r#"{"name": "a", "type": "text"}"#),
        attribute(r#"{"name": "a", "type": 5}"#),
        attribute(r#"{"name": "a", "multiValued": "true"}"#),
        attribute(r#"{"name": "a", "mutability": "mutable"}"#),
        attribute(r#"{"name": "a", "returned": "sometimes"}"#),
        attribute(r#"{"name": "a", "uniqueness": "unique"}"#),
        attribute(r#"{"name": "a", "canonicalValues": [5]}"#),
        attribute(r#"{"name": "a", "type": "complex"}"#),
        attribute(r#"{"name": "a", "subAttributes": [{"name": "b"}]}"#),
        attribute(r#"{"name": "a"}, {"name": "A"}"#),
        attribute(r#"{"name": "a", "type": "complex", "subAttributes": [{"name": "b"}, {"name": "B"}]}"#),
        attribute(
            r#"{"name": "a", "type": "complex", "subAttributes":
                [{"name": "b", "type": "complex", "subAttributes": [{"name": "c"}]}]}"#,
        ),
    ] {
        let error = Schema::from_json(text.as_bytes()).expect_err(&text);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        messages = messages + &line + "\n  " + &error.to_string() + "\n";
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn a_relation_is_not_immutable() {
    let declared = |mutability: &str| {
        let holders = format!(
            r#"{{"name": "holders", "type": "complex", "multiValued": true, "mutability": "{mutability}",
                "subAttributes": [{{"name": "value", "mutability": "immutable"}}]}}"#
        );
        RegistryBuilder::new()
            .schema(schema(&holders))
            .resource_type(ResourceTypeBuilder::new("Badge", "/Badges", badge()).relation("holders"))
            .build()
    };
    assert!(declared("readWrite").is_ok());
    assert_eq!(
        declared("immutable").unwrap_err(),
        RegistryError::UnfitAttribute {
            resource_type: "Badge".into(),
            attribute: "holders".into(),
            purpose: "a relation",
        }
    );
}

#[test]
fn a_registry_is_made_of_what_fits() {
    let group = || ResourceTypeBuilder::new("Group", "/Groups", SchemaUri::GROUP);
    let builders: Vec<(RegistryBuilder, RegistryError)> = vec![
        (
            RegistryBuilder::rfc().schema(schema("")).schema(schema("")),
            RegistryError::DuplicateSchema(badge()),
        ),
        (
            RegistryBuilder::verkada().resource_type(
                ResourceTypeBuilder::new("Robot", "/Robots", SchemaUri::USER)
                    .extension(SchemaUri::ENTERPRISE_USER, true)
                    .extension(SchemaUri::ENTERPRISE_USER, false),
            ),
            RegistryError::DuplicateSchema(SchemaUri::ENTERPRISE_USER),
        ),
        (
            RegistryBuilder::rfc().resource_type(ResourceTypeBuilder::new(
                "GROUP",
                "/Teams",
                SchemaUri::GROUP,
            )),
            RegistryError::DuplicateResourceType("GROUP".into()),
        ),
        (
            RegistryBuilder::rfc().resource_type(ResourceTypeBuilder::new(
                "Team",
                "/groups",
                SchemaUri::GROUP,
            )),
            RegistryError::DuplicateResourceType("Team".into()),
        ),
        (
            RegistryBuilder::new().resource_type(ResourceTypeBuilder::new("Badge", "/Badges", badge())),
            RegistryError::UnknownSchema {
                resource_type: "Badge".into(),
                schema: badge(),
            },
        ),
        (
            RegistryBuilder::new().resource_type(group().extension(badge(), false)),
            RegistryError::UnknownSchema {
                resource_type: "Group".into(),
                schema: badge(),
            },
        ),
        (
            RegistryBuilder::new().extend("Robot", schema(""), false),
            RegistryError::UnknownResourceType {
                resource_type: "Robot".into(),
                schema: badge(),
            },
        ),
        (
            RegistryBuilder::new().resource_type(group().relation("displayName")),
            RegistryError::UnfitAttribute {
                resource_type: "Group".into(),
                attribute: "displayName".into(),
                purpose: "a relation",
            },
        ),
        (
            RegistryBuilder::new().resource_type(group().inverse_relation("members", "User", "groups")),
            RegistryError::UnfitAttribute {
                resource_type: "Group".into(),
                attribute: "members".into(),
                purpose: "an inverse relation",
            },
        ),
        (
            RegistryBuilder::new().resource_type(group().indexed(AttrPath::attribute("colour"))),
            RegistryError::UnfitAttribute {
                resource_type: "Group".into(),
                attribute: "colour".into(),
                purpose: "indexed",
            },
        ),
        (
            RegistryBuilder::new().resource_type(group().indexed(AttrPath::attribute("members"))),
            RegistryError::UnfitAttribute {
                resource_type: "Group".into(),
                attribute: "members".into(),
                purpose: "indexed",
            },
        ),
    ];
    for (builder, error) in builders {
        assert_eq!(builder.build().unwrap_err(), error);
    }
    for endpoint in ["Groups", "/", "", "/a/b", "/Groups/"] {
        let definition = ResourceTypeBuilder::new("Group", endpoint, SchemaUri::GROUP);
        let error = RegistryBuilder::new()
            .resource_type(definition)
            .build()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the endpoint `{endpoint}` of the resource type `Group` is not like `/Users`")
        );
    }
}

#[test]
fn a_registry_has_room_for_65_000_attributes() {
    let attributes = |count: usize| {
        let texts: Vec<String> = (0..count)
            .map(|number| format!(r#"{{"name": "a{number}"}}"#))
            .collect();
        texts.join(", ")
    };
    assert!(
        RegistryBuilder::new()
            .schema(schema(&attributes(1_000)))
            .build()
            .is_ok()
    );
    let mut builder = RegistryBuilder::new();
    for number in 0..70 {
        let mut part = schema(&attributes(1_000));
        part.id = SchemaUri::new(format!("urn:example:part:{number}"));
        builder = builder.schema(part);
    }
    assert_eq!(builder.build().unwrap_err(), RegistryError::TooManyAttributes);
}

#[test]
fn common_attributes_take_precedence_over_a_schema_that_lists_them() {
    let uri = badge();
    let registry = RegistryBuilder::new()
        .schema(schema(
            r#"{"name": "ID", "required": true, "mutability": "readWrite"}, {"name": "colour"}"#,
        ))
        .resource_type(ResourceTypeBuilder::new("Badge", "/Badges", uri))
        .build()
        .unwrap();
    let badge = registry.resource_type("badge").unwrap();
    assert_eq!(badge.attribute("id").unwrap().mutability, Mutability::ReadOnly);
    let path = AttrPath::parse("urn:example:params:scim:schemas:badge:1.0:User:id").unwrap();
    let resolved = badge.resolve_attribute(&path).unwrap();
    assert_eq!(resolved.attribute.mutability, Mutability::ReadOnly);
    let names = badge
        .attributes()
        .filter(|(_, attribute)| attribute.name.is("id"));
    assert_eq!(names.count(), 1);
}

#[test]
fn what_a_registry_serves_is_what_its_types_use() {
    let ids = |registry: &Registry| -> Vec<String> {
        registry.schemas().map(|schema| schema.id.to_string()).collect()
    };
    assert_eq!(ids(Registry::rfc()).len(), 6);
    assert_eq!(ids(Registry::verkada()).len(), 8);
    assert!(
        Registry::rfc()
            .schema("urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User")
            .is_none()
    );
    assert!(
        Registry::rfc()
            .schema("URN:ietf:params:scim:schemas:core:2.0:USER")
            .is_some()
    );

    let registry = RegistryBuilder::rfc()
        .schema(schema(r#"{"name": "colour"}"#))
        .resource_type(ResourceTypeBuilder::new("Badge", "/Badges", badge()).internal())
        .build()
        .unwrap();
    assert!(registry.schema(badge().as_str()).is_none());
    assert!(!registry.resource_type("Badge").unwrap().is_exposed());
    assert_eq!(registry.resource_type_of(&[badge()]).unwrap().name(), "Badge");
    assert!(registry.resource_type_of(&[SchemaUri::ERROR]).is_none());
}

#[test]
fn resource_types_are_served_in_the_form_of_section_8_6() {
    let user = Registry::rfc().resource_type("User").unwrap().to_resource();
    assert_eq!(
        json(user.to_json()),
        json(
            r#"{
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": "User",
                "name": "User",
                "endpoint": "/Users",
                "description": "User accounts",
                "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
                "schemaExtensions": [
                    {"schema": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "required": false}
                ]
            }"#
        )
    );
    let group = Registry::rfc().resource_type("Group").unwrap().to_resource();
    assert_eq!(group.core().get("schemaExtensions"), None);
}

#[test]
fn a_member_that_means_nothing_is_refused_with_its_place_and_what_was_perhaps_meant() {
    for (schema, message) in [
        (
            r#"{"id": "urn:example:a", "atributes": []}"#,
            "`atributes` means nothing here; did you mean `attributes`?",
        ),
        (
            r#"{"id": "urn:example:a", "colour": 1}"#,
            "`colour` means nothing here; known are `schemas`, `id`, `name`, `description`, `attributes`, `meta`",
        ),
        (
            r#"{"id": "urn:example:a", "attributes": [{"name": "b", "multivalue": true}]}"#,
            "`attributes.b.multivalue` means nothing here; did you mean `multiValued`?",
        ),
        (
            r#"{"id": "urn:example:a", "attributes": [{"name": "b", "x-owner": "hr"}]}"#,
            "`attributes.b.x-owner` means nothing here; known are `name`, `type`, `multiValued`, `description`, `required`, \
             `canonicalValues`, `caseExact`, `mutability`, `returned`, `uniqueness`, `referenceTypes`, `subAttributes`",
        ),
        (
            r#"{"id": "urn:example:a", "attributes": [{"name": "b", "type": "complex",
                "subAttributes": [{"name": "c", "mutabilty": "readOnly"}]}]}"#,
            "`attributes.b.subAttributes.c.mutabilty` means nothing here; did you mean `mutability`?",
        ),
    ] {
        let error = Schema::from_json(schema.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{schema}");
    }
    // What a server adds to its answers is its own.
    let answer = keyfob_core::json::object_from_slice(br#"{"id": "urn:example:a", "colour": 1}"#).unwrap();
    let mut deviations = keyfob_core::message::Deviations::new();
    assert!(Schema::from_answer(&answer, &mut deviations).is_ok());
    for (resource_type, message) in [
        ("[]", None),
        (
            r#"{"endpoint": "/As", "schema": "urn:example:a"}"#,
            Some("`name` is missing"),
        ),
        (
            r#"{"name": "A", "schema": "urn:example:a"}"#,
            Some("`endpoint` is missing"),
        ),
        (r#"{"name": "A", "endpoint": "/As"}"#, Some("`schema` is missing")),
        (
            r#"{"name": "a/b", "endpoint": "/As", "schema": "urn:example:a"}"#,
            Some("`name` is not a name of letters and digits, such as `Device`"),
        ),
        (
            r#"{"name": "A", "endpoint": "/As", "schema": "badge"}"#,
            Some("`schema` is not a URI"),
        ),
        (
            r#"{"name": "A", "endpoint": "/As", "schema": "urn:example:a", "relation": ["b"]}"#,
            Some("`relation` means nothing here; did you mean `relations`?"),
        ),
        (
            r#"{"name": "A", "endpoint": "/As", "schema": "urn:example:a", "schemaExtensions": ["urn:example:b"]}"#,
            Some("`schemaExtensions[0]` is not an object with `schema` and `required`"),
        ),
        (
            r#"{"name": "A", "endpoint": "/As", "schema": "urn:example:a", "schemaExtensions": [{"schema": "urn:example:b",
                "require": true}]}"#,
            Some("`schemaExtensions[0].require` means nothing here; did you mean `required`?"),
        ),
        (
            r#"{"name": "A", "endpoint": "/As", "schema": "urn:example:a", "indexed": ["1"]}"#,
            Some("`indexed` is not an array of attributes"),
        ),
    ] {
        let error = ResourceTypeBuilder::from_json(resource_type.as_bytes()).unwrap_err();
        assert!(
            message.is_none_or(|message| error.to_string() == message),
            "{resource_type}: {error}"
        );
    }
}

#[test]
fn a_definition_of_a_resource_type_that_is_there_adds_what_it_lacks() {
    let badge_schema =
        || Schema::from_json(br#"{"id": "urn:example:badge", "attributes": [{"name": "colour"}]}"#).unwrap();
    let user = |extension: &str| {
        let text = format!(
            r#"{{"name": "user", "endpoint": "/Users", "schema": "{}", "schemaExtensions": [{{"schema": "{extension}"}}],
                "indexed": ["title", "displayName"]}}"#,
            SchemaUri::USER
        );
        ResourceTypeBuilder::from_json(text.as_bytes()).unwrap()
    };
    let registry = RegistryBuilder::rfc()
        .schema(badge_schema())
        .define(user("urn:example:badge"))
        .define(user(SchemaUri::ENTERPRISE_USER.as_str()))
        .build()
        .unwrap();
    let user_type = registry.resource_type("User").unwrap();
    let extensions: Vec<&str> = user_type
        .extensions()
        .iter()
        .map(|extension| extension.schema.id.as_str())
        .collect();
    assert_eq!(
        extensions,
        [SchemaUri::ENTERPRISE_USER.as_str(), "urn:example:badge"]
    );
    assert_eq!(
        user_type
            .indexed()
            .iter()
            .filter(|path| path.to_string() == "displayName")
            .count(),
        1
    );
    assert!(user_type.indexed().iter().any(|path| path.to_string() == "title"));
    assert!(user_type.relation("groups").is_some());
    let reserved = ResourceTypeBuilder::new("Badge", "/schemas", SchemaUri::new("urn:example:badge"));
    assert_eq!(
        RegistryBuilder::rfc()
            .schema(badge_schema())
            .define(reserved)
            .build()
            .unwrap_err()
            .to_string(),
        "the endpoint `/schemas` of the resource type `Badge` is one of the service's own"
    );
}
