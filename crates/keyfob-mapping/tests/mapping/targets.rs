//! Target paths, and how values become those of the target's type (M-6, M-7).

use keyfob_core::{
    Registry, ResourceType, Schema, SchemaUri,
    schema::{RegistryBuilder, ResourceTypeBuilder},
};
use keyfob_expression::Options;
use keyfob_mapping::{AttributeMapping, Mapper, MappingError, ObjectMapping, graph::SynchronizationSchema};

use serde_json::json;

use super::support::{attributes, environment, mapper, operations, source, user};

fn compile(attributes: Vec<AttributeMapping>) -> Result<Mapper, MappingError> {
    let mut mapping = ObjectMapping::new("User", "User");
    mapping.attributes = attributes;
    Mapper::compile(&mapping, user(), &Options::default())
}

#[test]
fn every_form_of_a_target_path_takes_its_value() {
    let source = source(r#"{"a": "x", "on": "True", "list": ["x", "y"]}"#);
    for (target, expression, expected) in [
        ("title", "[a]", json!({"title": "x"})),
        ("TITLE", "[a]", json!({"title": "x"})),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:title",
            "[a]",
            json!({"title": "x"}),
        ),
        ("name.givenName", "[a]", json!({"name": {"givenName": "x"}})),
        (
            r#"emails[type eq "work"].value"#,
            "[a]",
            json!({"emails": [{"type": "work", "value": "x"}]}),
        ),
        (
            r#"emails[type eq "work"]"#,
            "[a]",
            json!({"emails": [{"type": "work", "value": "x"}]}),
        ),
        (
            r#"emails[type eq "work" and primary eq true].value"#,
            "[a]",
            json!({"emails": [{"type": "work", "primary": true, "value": "x"}]}),
        ),
        (
            r#"roles[primary eq "True"].display"#,
            "[a]",
            json!({"roles": [{"primary": true, "display": "x"}]}),
        ),
        (
            r#"emails[type eq "work"].primary"#,
            "[on]",
            json!({"emails": [{"type": "work", "primary": true}]}),
        ),
        (
            "emails",
            "[list]",
            json!({"emails": [{"value": "x"}, {"value": "y"}]}),
        ),
        ("emails.value", "[a]", json!({"emails": [{"value": "x"}]})),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "[a]",
            json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "x"}}),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "[a]",
            json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "x"}}}),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
            "[a]",
            json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "x"}}}),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId",
            "[a]",
            json!({"urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User": {"externalId": "x"}}),
        ),
        ("externalId", "[a]", json!({"externalId": "x"})),
    ] {
        let mapper = compile(vec![AttributeMapping::new(target, expression)]).unwrap();
        let created = mapper.create(&source, &environment()).unwrap();
        assert_eq!(attributes(&created), expected, "{target}");
    }
}

#[test]
fn m_7_a_target_that_can_not_be_mapped_says_why() {
    for (target, message, suggestion) in [
        ("titel", "`titel`: `User` has no attribute `titel`", Some("title")),
        (
            "name.givenNam",
            "`name.givenNam`: `name` has no sub-attribute `givenNam`",
            Some("givenName"),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:verkada:acces:2.0:User:cardFormat",
            "`urn:ietf:params:scim:schemas:extension:verkada:acces:2.0:User:cardFormat`: \
             `urn:ietf:params:scim:schemas:extension:verkada:acces:2.0:User` is not a schema of `User`",
            Some("urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User"),
        ),
        (
            r#"emails[typ eq "work"].value"#,
            r#"`emails[typ eq "work"].value`: `emails` has no sub-attribute `typ`"#,
            Some("type"),
        ),
        (
            "id",
            "`id`: the attribute is readOnly: only the service provider sets it",
            None,
        ),
        (
            "groups",
            "`groups`: the attribute is readOnly: only the service provider sets it",
            None,
        ),
        (
            "meta.created",
            "`meta.created`: the attribute is readOnly: only the service provider sets it",
            None,
        ),
        (
            "schemas",
            "`schemas`: the attribute is readOnly: only the service provider sets it",
            None,
        ),
        (
            "emails.type",
            "`emails.type`: this is a sub-attribute of every value; a filter such as `[type eq \"work\"]` has to say \
             of which",
            None,
        ),
        (
            r#"emails[type ne "work"].value"#,
            r#"`emails[type ne "work"].value`: only a filter of `eq` joined by `and` says what a new value has to hold"#,
            None,
        ),
        (
            r#"emails[type eq "work"].type"#,
            r#"`emails[type eq "work"].type`: the filter says already what `type` is"#,
            None,
        ),
        (
            r#"addresses[type eq "work"]"#,
            r#"`addresses[type eq "work"]`: the attribute has no sub-attribute `value`"#,
            None,
        ),
        (
            r#"name[givenName eq "x"].familyName"#,
            r#"`name[givenName eq "x"].familyName`: the attribute has no complex values that a filter could select"#,
            None,
        ),
        (
            "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User",
            "`urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User`: \
             `urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User` is a whole extension; an attribute of it \
             is needed",
            None,
        ),
    ] {
        let error = compile(vec![AttributeMapping::new(target, "[a]")]).unwrap_err();
        let [fault] = error.faults.as_slice() else {
            panic!("{error}")
        };
        assert_eq!(fault.to_string(), message);
        assert_eq!(fault.suggestion(), suggestion, "{target}");
        let is_unknown = suggestion.is_some() && !target.contains('[');
        assert_eq!(fault.help().is_some(), is_unknown, "{target}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let error = compile(vec![
        AttributeMapping::new("titel", "[a]"),
        AttributeMapping::new("title", "Frobnicate([a])"),
        AttributeMapping::new("displayName", "[a]"),
        AttributeMapping::new("DisplayName", "[b]"),
        AttributeMapping::new("active", "[on]").or_default("maybe"),
        AttributeMapping::new("emails", "[a]"),
        AttributeMapping::new(r#"emails[type eq "work"].value"#, "[a]"),
    ])
    .unwrap_err();
    let targets: Vec<_> = error
        .faults
        .iter()
        .map(|fault| fault.target.as_deref().unwrap())
        .collect();
    assert_eq!(
        targets,
        [
            "titel",
            "title",
            "DisplayName",
            "active",
            r#"emails[type eq "work"].value"#
        ]
    );
    assert_eq!(error.to_string().lines().count(), 5);
}

/// A resource type with an attribute of every type.
fn thing() -> ResourceType {
    let attribute = |kind: &str| format!(r#"{{"name": "a{kind}", "type": "{kind}"}}"#);
    let attributes = [
        "binary",
        "boolean",
        "dateTime",
        "decimal",
        "integer",
        "reference",
        "string",
    ]
    .map(attribute);
    let schema = format!(
        r#"{{"id": "urn:example:Thing", "name": "Thing", "attributes": [{},
            {{"name": "numbers", "type": "integer", "multiValued": true}}]}}"#,
        attributes.join(", ")
    );
    let schema = Schema::from_json(schema.as_bytes()).unwrap();
    let uri = schema.id.clone();
    let registry = RegistryBuilder::new()
        .schema(schema)
        .resource_type(ResourceTypeBuilder::new("Thing", "/Things", uri))
        .build()
        .unwrap();
    registry.resource_type("Thing").unwrap().clone()
}

#[test]
fn a_value_becomes_one_of_the_attributes_type_or_is_an_error() {
    let thing = thing();
    for (target, value, expected) in [
        ("aboolean", r#""True""#, Ok("true")),
        ("aboolean", r#""false""#, Ok("false")),
        ("aboolean", "true", Ok("true")),
        ("aboolean", r#""yes""#, Err("`aboolean`: ")),
        ("ainteger", r#""7""#, Ok("7")),
        ("ainteger", "7", Ok("7")),
        (
            "ainteger",
            r#""7.5""#,
            Err("`ainteger`: an integer is needed, which text is not"),
        ),
        ("adecimal", r#""7.5""#, Ok("7.5")),
        ("adecimal", "7", Ok("7.0")),
        (
            "adecimal",
            r#""inf""#,
            Err("`adecimal`: a number is needed, which text is not"),
        ),
        ("astring", "7", Ok(r#""7""#)),
        ("astring", "true", Ok(r#""True""#)),
        ("astring", r#"["x"]"#, Ok(r#""x""#)),
        (
            "astring",
            r#"["x", "y"]"#,
            Err("`astring`: the attribute takes one value, not 2"),
        ),
        ("astring", "[]", Ok("null")),
        (
            "adateTime",
            r#""2026-01-01T00:00:00Z""#,
            Ok(r#""2026-01-01T00:00:00Z""#),
        ),
        ("adateTime", r#""yesterday""#, Err("`adateTime`: ")),
        ("abinary", r#""AAEC""#, Ok(r#""AAEC""#)),
        ("abinary", r#""*""#, Err("`abinary`: ")),
        (
            "areference",
            r#""https://example.com""#,
            Ok(r#""https://example.com""#),
        ),
        ("numbers", r#"["1", 2]"#, Ok("[1,2]")),
        ("numbers", r#""1""#, Ok("[1]")),
    ] {
        let mut mapping = ObjectMapping::new("User", "Thing");
        mapping.attributes = vec![AttributeMapping::new(target, "[a]")];
        let mapper = Mapper::compile(&mapping, &thing, &Options::default()).unwrap();
        let created = mapper.create(&source(&format!("{{\"a\": {value}}}")), &environment());
        match (created, expected) {
            (Ok(created), Ok(expected)) => {
                let held = attributes(&created)[target].to_string();
                assert_eq!(held, expected, "{target} of {value}");
            }
            (Err(error), Err(message)) => {
                assert!(error.to_string().starts_with(message), "{error}");
            }
            (created, expected) => panic!("{target} of {value}: {created:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_date_becomes_a_date_of_scim() {
    let mut mapping = ObjectMapping::new("User", "Thing");
    mapping.attributes = vec![
        AttributeMapping::new("adateTime", "CDate([a])"),
        AttributeMapping::new("astring", "CDate([a])"),
    ];
    let mapper = Mapper::compile(&mapping, &thing(), &Options::default()).unwrap();
    let created = mapper
        .create(&source(r#"{"a": "2021-07-02 15:33:38"}"#), &environment())
        .unwrap();
    assert_eq!(
        attributes(&created),
        json!({"adateTime": "2021-07-02T15:33:38.000Z", "astring": "7/2/2021 3:33:38 PM"})
    );
}

#[test]
fn an_empty_id_points_at_nobody() {
    let mapper = mapper(
        r#"[{"target": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "expression": "[m]"}]"#,
    );
    let created = mapper.create(&source(r#"{"m": ""}"#), &environment()).unwrap();
    assert!(created.extensions().is_empty());
}

/// An export of an application with an extension of its own: attribute definitions as the portal adds them.
const FINT: &[u8] = br#"{"synchronizationRules": [{
    "name": "USER_OUTBOUND_USER", "sourceDirectoryName": "Azure Active Directory", "targetDirectoryName": "customappsso",
    "objectMappings": [{
        "sourceObjectName": "User", "targetObjectName": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "attributeMappings": [
            {"targetAttributeName": "userName", "matchingPriority": 1, "source": {"expression": "[userPrincipalName]"}},
            {"targetAttributeName": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:employeeId", "source": {"expression": "[employeeId]"}},
            {"targetAttributeName": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:isStudent", "source": {"expression": "[isStudent]"}},
            {"targetAttributeName": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:badges[type eq \"day\"].value", "source": {"expression": "[badge]"}},
            {"targetAttributeName": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:home.school", "source": {"expression": "[school]"}}
        ]
    }]
}], "directories": [{"name": "customappsso", "objects": [{
    "name": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "attributes": [
        {"name": "userName", "type": "String", "required": true},
        {"name": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:employeeId", "type": "Integer"},
        {"name": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:isStudent", "type": "Boolean"},
        {"name": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:badges[type eq \"day\"].value", "type": "String"},
        {"name": "urn:ietf:params:scim:schemas:extension:fint:2.0:User:home.school", "type": "String"},
        {"name": "not a path", "type": "String"}
    ]
}]}]}"#;

#[test]
fn an_export_says_itself_which_attributes_the_target_has() {
    let schema = SynchronizationSchema::from_json(FINT).unwrap();
    let rule = schema.mappings().unwrap().swap_remove(0);
    let target = schema.target_type(&rule, Registry::rfc()).unwrap().unwrap();
    assert!(target.is_scim);
    let mapper = Mapper::compile(&rule.mapping, &target.resource_type, &Options::default()).unwrap();
    let source = source(
        r#"{"userPrincipalName": "babs", "employeeId": "7", "isStudent": "False", "badge": "b", "school": "s"}"#,
    );
    let mut babs = mapper.create(&source, &environment()).unwrap();
    let fint = "urn:ietf:params:scim:schemas:extension:fint:2.0:User";
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&babs.to_json()).unwrap(),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", fint],
            "userName": "babs",
            fint: {
                "employeeId": 7, "isStudent": false, "badges": [{"type": "day", "value": "b"}], "home": {"school": "s"}
            }
        })
    );
    babs.extension_mut(&SchemaUri::new(fint)).insert("employeeId", 8);
    let request = mapper.update(&source, &babs, &environment()).unwrap();
    assert_eq!(
        operations(&request),
        json!([{"op": "replace", "path": format!("{fint}:employeeId"), "value": 7}])
    );
}

#[test]
fn an_application_with_attributes_of_its_own_has_those_alone() {
    let schema = SynchronizationSchema::from_json(
        br#"{"synchronizationRules": [{"targetDirectoryName": "Salesforce", "objectMappings": [{
            "sourceObjectName": "User", "targetObjectName": "User", "attributeMappings": [
                {"targetAttributeName": "Username", "matchingPriority": 1, "source": {"expression": "[userPrincipalName]"}},
                {"targetAttributeName": "IsActive", "source": {"expression": "Not([IsSoftDeleted])"}},
                {"targetAttributeName": "Alias", "source": {"expression": "Mid([userPrincipalName], 1, 8)"}},
                {"targetAttributeName": "Roles", "source": {"expression": "Split([roles], \",\")"}}
            ]}]}],
        "directories": [{"name": "Salesforce", "objects": [{"name": "User", "attributes": [
            {"name": "Username", "type": "String", "required": true}, {"name": "IsActive", "type": "Boolean"},
            {"name": "Alias", "type": "String"}, {"name": "Roles", "type": "String", "multivalued": true},
            {"name": "Id", "type": "String", "mutability": "ReadOnly"}
        ]}]}]}"#,
    )
    .unwrap();
    let rule = schema.mappings().unwrap().swap_remove(0);
    let target = schema.target_type(&rule, Registry::rfc()).unwrap().unwrap();
    assert!(!target.is_scim);
    let mapper = Mapper::compile(&rule.mapping, &target.resource_type, &Options::default()).unwrap();
    let made = mapper
        .create(
            &source(r#"{"userPrincipalName": "babs@example.com", "IsSoftDeleted": false, "roles": "a,b"}"#),
            &environment(),
        )
        .unwrap();
    assert_eq!(
        attributes(&made),
        json!({"Username": "babs@example.com", "IsActive": true, "Alias": "babs@exa", "Roles": ["a", "b"]})
    );
    let mut wrong = rule.mapping.clone();
    wrong.attributes[0].target = "title".into();
    wrong.attributes[1].target = "Id".into();
    let error = Mapper::compile(&wrong, &target.resource_type, &Options::default()).unwrap_err();
    assert_eq!(error.faults.len(), 2, "{error}");
}
