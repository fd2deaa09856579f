//! Schemas, extensions and resource types that were registered at run time.

use keyfob_core::{
    Dialect, Quirk, Registry, Resource, ResourceType, Schema, ScimType, ToErrorBody,
    schema::{RegistryBuilder, ResourceTypeBuilder},
    validate::{self, ValidationError},
};

use crate::support::{badge, json, without_schemas};

/// A type with attributes of every kind of mutability and type.
fn gadgets() -> Registry {
    let schema = Schema::from_json(
        br#"{"id": "urn:example:gadget:1.0:Gadget", "attributes": [
            {"name": "id", "required": true, "mutability": "readWrite", "returned": "never"},
            {"name": "serial", "mutability": "immutable"},
            {"name": "state", "mutability": "readOnly", "required": true},
            {"name": "secret", "mutability": "writeOnly", "returned": "never"},
            {"name": "size", "type": "integer"},
            {"name": "weight", "type": "decimal"},
            {"name": "made", "type": "dateTime"},
            {"name": "tags", "multiValued": true},
            {"name": "plate", "type": "complex", "subAttributes": [
                {"name": "number", "required": true},
                {"name": "issued", "mutability": "immutable"},
                {"name": "valid", "mutability": "readOnly", "required": true},
                {"name": "pin", "returned": "never"}
            ]},
            {"name": "owners", "type": "complex", "multiValued": true, "required": true, "subAttributes": [
                {"name": "value"}, {"name": "type", "required": true}, {"name": "share", "type": "integer"},
                {"name": "display", "mutability": "readOnly"}, {"name": "$ref", "type": "reference"}
            ]}
        ]}"#,
    )
    .unwrap();
    let badge = Schema::from_json(
        format!(r#"{{"id": "{}", "attributes": [{{"name": "colour", "required": true}}, {{"name": "ink", "mutability": "immutable"}}]}}"#, badge()).as_bytes(),
    )
    .unwrap();
    let uri = schema.id.clone();
    RegistryBuilder::rfc()
        .schema(schema)
        .resource_type(ResourceTypeBuilder::new("Gadget", "/Gadgets", uri).relation("owners"))
        .extend("Gadget", badge, true)
        .build()
        .unwrap()
}

const OWNED: &str = r#""owners": [{"value": "1", "type": "User"}], "urn:example:params:scim:schemas:badge:1.0:User": {"colour": "red"}"#;

fn gadget(attributes: &str, gadget_type: &ResourceType) -> Resource {
    let text = format!(
        "{{{attributes}{}{OWNED}}}",
        if attributes.is_empty() { "" } else { ", " }
    );
    Resource::from_json(text.as_bytes(), gadget_type).unwrap()
}

#[test]
fn custom_schemas_and_extensions_registered_at_run_time_are_held_to() {
    let registry = gadgets();
    let gadget_type = registry.resource_type("gadget").unwrap();
    let create = |attributes: &str, dialect| {
        validate::create(gadget(attributes, gadget_type), gadget_type, dialect)
            .map_err(|error| error.to_string())
    };
    let interop = Dialect::interop().without(Quirk::StringNumbers);
    for (attributes, message) in [
        (r#""size": 1.5"#, "`size` takes an integer, not a decimal number"),
        (r#""size": "1""#, "`size` takes an integer, not a string"),
        (r#""weight": "1""#, "`weight` takes a number, not a string"),
        (
            r#""made": "yesterday""#,
            "`made` takes a date and time such as `2008-01-23T04:56:22Z`, not this string",
        ),
        (r#""tags": ["a", 5]"#, "`tags` takes a string, not an integer"),
        (r#""tags": [["a"]]"#, "`tags` takes a string, not an array"),
        (r#""plate": {"issued": "x"}"#, "`plate.number` is required"),
        (r#""plate": {"number": ""}"#, "`plate.number` is required"),
    ] {
        let error = create(attributes, interop).unwrap_err();
        assert!(
            error == message || error.replace("this string", "a string") == message,
            "{attributes}: {error}"
        );
    }
    for (attributes, dialect, expected) in [
        (r#""weight": 1"#, Dialect::strict(), r#""weight": 1"#),
        (r#""weight": 1.5"#, Dialect::strict(), r#""weight": 1.5"#),
        (
            r#""made": "2011-05-13T04:42:34.000+02:00""#,
            Dialect::strict(),
            r#""made": "2011-05-13T04:42:34.000+02:00""#,
        ),
        (
            r#""tags": ["a", "b", "a"]"#,
            Dialect::strict(),
            r#""tags": ["a", "b", "a"]"#,
        ),
        (
            r#""tags": "a""#,
            Dialect::strict().with(Quirk::SingleValues),
            r#""tags": ["a"]"#,
        ),
        (
            r#""tags": [{"value": "a"}, {"VALUE": "b", "type": "x"}]"#,
            Dialect::strict().with(Quirk::WrappedValues),
            r#""tags": ["a", "b"]"#,
        ),
        (
            r#""state": "new", "id": "mine", "secret": "s""#,
            Dialect::strict(),
            r#""secret": "s""#,
        ),
    ] {
        let dialect = dialect.with(Quirk::UnlistedSchemas);
        let taken = create(attributes, dialect).unwrap();
        assert_eq!(
            without_schemas(&taken),
            json(format!("{{{expected}, {OWNED}}}")),
            "{attributes}"
        );
    }
    assert!(
        create(
            r#""tags": [{"value": "a"}]"#,
            interop.without(Quirk::WrappedValues)
        )
        .is_err()
    );
    assert!(create(r#""tags": [{"value": {"value": "a"}}]"#, interop).is_err());
}

#[test]
fn a_required_extension_and_a_required_relation_are_there() {
    let registry = gadgets();
    let gadget_type = registry.resource_type("Gadget").unwrap();
    let colour = r#""urn:example:params:scim:schemas:badge:1.0:User": {"colour": "red"}"#;
    let owner = r#""owners": [{"value": "1", "type": "User"}]"#;
    for (attributes, message) in [
        (
            owner.to_owned(),
            "`urn:example:params:scim:schemas:badge:1.0:User` is required",
        ),
        (
            format!(r#"{owner}, "urn:example:params:scim:schemas:badge:1.0:User": {{"ink": "x"}}"#),
            "`urn:example:params:scim:schemas:badge:1.0:User:colour` is required",
        ),
        (colour.to_owned(), "`owners` is required"),
        (format!(r#"{colour}, "owners": []"#), "`owners` is required"),
        (
            format!(r#"{colour}, "owners": [{{"value": "1"}}]"#),
            "`owners.type` is required",
        ),
        (
            format!(r#"{colour}, "owners": [{{"value": "1", "type": ""}}]"#),
            "`owners.type` is required",
        ),
    ] {
        let body = Resource::from_json(format!("{{{attributes}}}").as_bytes(), gadget_type).unwrap();
        let error = validate::create(body, gadget_type, Dialect::interop()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let body = format!(
        r#"{{{colour}, "owners": [{{"value": "1", "type": "User", "share": 50, "display": "d", "unknown": 1}}]}}"#
    );
    let body = Resource::from_json(body.as_bytes(), gadget_type).unwrap();
    let shared = validate::create(body, gadget_type, Dialect::interop()).unwrap();
    assert_eq!(
        without_schemas(&shared),
        json(format!(
            r#"{{{colour}, "owners": [{{"value": "1", "type": "User", "share": 50}}]}}"#
        ))
    );
}

#[test]
fn a_put_keeps_what_a_client_cannot_change() {
    let registry = gadgets();
    let gadget_type = registry.resource_type("Gadget").unwrap();
    let stored = gadget(
        r#""id": "7", "meta": {"version": "W/\"1\""}, "serial": "A", "state": "new", "size": 5,
           "plate": {"number": "1", "issued": "2010", "valid": "yes"}"#,
        gadget_type,
    );
    let kept = r#""id": "7", "meta": {"version": "W/\"1\""}, "state": "new""#;
    for (sent, expected) in [
        ("", format!(r#"{kept}, "serial": "A""#)),
        (
            r#""id": "8", "meta": null, "state": "old", "serial": "A", "size": 6"#,
            format!(r#"{kept}, "serial": "A", "size": 6"#),
        ),
        (
            r#""plate": {"number": "2"}"#,
            format!(r#"{kept}, "serial": "A", "plate": {{"number": "2", "issued": "2010", "valid": "yes"}}"#),
        ),
        (
            r#""plate": {"number": "2", "issued": "2010", "valid": "no"}"#,
            format!(r#"{kept}, "serial": "A", "plate": {{"number": "2", "issued": "2010", "valid": "yes"}}"#),
        ),
    ] {
        let replaced = validate::replace(
            gadget(sent, gadget_type),
            &stored,
            gadget_type,
            Dialect::interop(),
        )
        .unwrap();
        assert_eq!(
            without_schemas(&replaced),
            json(format!("{{{expected}, {OWNED}}}")),
            "{sent}"
        );
    }
    for (sent, path) in [
        (r#""serial": "B""#, "serial"),
        (r#""serial": "a""#, "serial"),
        (r#""plate": {"number": "1", "issued": "2011"}"#, "plate.issued"),
    ] {
        let error = validate::replace(
            gadget(sent, gadget_type),
            &stored,
            gadget_type,
            Dialect::interop(),
        );
        assert_eq!(error, Err(ValidationError::Immutable { path: path.into() }));
    }
    let error = ValidationError::Immutable {
        path: "serial".into(),
    };
    assert_eq!(error.to_error_body().scim_type, Some(ScimType::Mutability));
    // What is unassigned may be set once.
    let unset = gadget(r#""id": "7""#, gadget_type);
    let set = gadget(
        r#""serial": "B", "plate": {"number": "1", "issued": "2011"}"#,
        gadget_type,
    );
    assert!(validate::replace(set, &unset, gadget_type, Dialect::interop()).is_ok());
}

#[test]
fn answers_are_held_to_their_schemas() {
    let registry = gadgets();
    let gadget_type = registry.resource_type("Gadget").unwrap();
    let schemas =
        r#""schemas": ["urn:example:gadget:1.0:Gadget", "urn:example:params:scim:schemas:badge:1.0:User"]"#;
    let good = format!(r#"{schemas}, "id": "1", "state": "new""#);
    for (attributes, message) in [
        (good.clone(), None),
        (
            format!(r#"{good}, "unknown": 1, "plate": {{"number": "1", "valid": "x", "unknown": 1}}"#),
            None,
        ),
        (
            r#""id": "1""#.to_owned(),
            Some("`schemas` does not name `urn:example:gadget:1.0:Gadget`"),
        ),
        (
            r#""schemas": ["urn:example:gadget:1.0:Gadget"], "id": "1", "state": "new""#.to_owned(),
            Some("`schemas` does not name `urn:example:params:scim:schemas:badge:1.0:User`"),
        ),
        (
            good.replace(
                "gadget:1.0:Gadget\",",
                "gadget:1.0:Gadget\", \"urn:example:x:1.0\",",
            ),
            Some("`urn:example:x:1.0` is not a schema that `Gadget` takes here"),
        ),
        (format!(r#"{schemas}, "state": "new""#), Some("`id` is required")),
        (
            format!(r#"{schemas}, "id": "", "state": "new""#),
            Some("`id` is required"),
        ),
        (format!(r#"{schemas}, "id": "1""#), Some("`state` is required")),
        (
            format!(r#"{good}, "secret": "s""#),
            Some("`secret` is never returned"),
        ),
        (
            format!(r#"{good}, "plate": {{"number": "1", "valid": "x", "PIN": 5}}"#),
            Some("`plate.pin` is never returned"),
        ),
        (
            format!(r#"{good}, "plate": {{"number": "1"}}"#),
            Some("`plate.valid` is required"),
        ),
        (
            format!(r#"{good}, "plate": {{"number": "1", "valid": 5}}"#),
            Some("`plate.valid` takes a string, not an integer"),
        ),
        (
            format!(r#"{good}, "size": "5""#),
            Some("`size` takes an integer, not a string"),
        ),
        (
            format!(r#"{good}, "tags": "a""#),
            Some("`tags` takes an array, not a string"),
        ),
        (
            format!(r#"{good}, "meta": {{"created": "now"}}"#),
            Some("`meta.created` takes a date and time such as `2008-01-23T04:56:22Z`, not this string"),
        ),
    ] {
        let found = validate::response(&gadget(&attributes, gadget_type), gadget_type);
        let found = found.err().map(|error| {
            error
                .to_string()
                .replace("an integer, not this string", "an integer, not a string")
        });
        assert_eq!(found.as_deref(), message, "{attributes}");
    }
}
