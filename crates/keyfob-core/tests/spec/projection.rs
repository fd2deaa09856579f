//! Which attributes an answer holds (RFC 7644 section 3.9).

use keyfob_core::{
    AttrPath, Dialect, Projection, Registry, Resource, ResourceType, Schema, SchemaUri, ScimType,
    ToErrorBody,
    schema::{ResourceTypeBuilder, Target},
};

use crate::support::{ENTERPRISE, group, group_type, json, user, user_type, without_schemas};

const BODY: &str = r#"
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "1",
    "userName": "bjensen",
    "password": "t1meMa$heen",
    "unknown": true,
    "name": {"familyName": "Jensen", "givenName": "Barbara"},
    "emails": [{"value": "a", "type": "work"}, {"value": "b"}, {"type": "home"}],
    "groups": [{"value": "g", "display": "G", "$ref": "../Groups/g"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "Tours", "manager": {"value": "2", "displayName": "M"}},
    "urn:example:unregistered:1.0": {"a": 1}"#;

const ALWAYS: &str = r#""id": "1""#;
const NAME: &str = r#""name": {"familyName": "Jensen", "givenName": "Barbara"}"#;
const EMAILS: &str = r#""emails": [{"value": "a", "type": "work"}, {"value": "b"}, {"type": "home"}]"#;
const GROUPS: &str = r#""groups": [{"value": "g", "display": "G", "$ref": "../Groups/g"}]"#;
const EXTENSION: &str = r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "Tours", "manager": {"value": "2", "displayName": "M"}}"#;

fn check(projection: &Projection, expected: &[&str]) {
    let mut resource = user(BODY);
    projection.resolve(user_type()).apply(&mut resource);
    assert_eq!(resource.schemas(), [SchemaUri::USER]);
    assert_eq!(
        without_schemas(&resource),
        json(format!("{{{}}}", expected.join(", "))),
        "{projection:?}"
    );
}

#[test]
fn by_default_everything_is_returned_that_is_returned_by_default() {
    let all = [
        ALWAYS,
        r#""userName": "bjensen""#,
        NAME,
        EMAILS,
        GROUPS,
        EXTENSION,
    ];
    check(&Projection::all(), &all);
    check(&Projection::parse(None, None, Dialect::interop()).unwrap(), &all);
    check(
        &Projection::parse(Some(" "), Some(","), Dialect::interop()).unwrap(),
        &all,
    );
}

#[test]
fn attributes_names_what_is_returned_beside_what_always_is() {
    let department = format!(r#""{ENTERPRISE}": {{"department": "Tours"}}"#);
    let display = format!(r#""{ENTERPRISE}": {{"manager": {{"displayName": "M"}}}}"#);
    for (attributes, expected) in [
        ("userName", vec![r#""userName": "bjensen""#]),
        ("USERNAME", vec![r#""userName": "bjensen""#]),
        (
            " userName , name.familyName ",
            vec![r#""userName": "bjensen""#, r#""name": {"familyName": "Jensen"}"#],
        ),
        ("name,name.familyName", vec![NAME]),
        ("emails", vec![EMAILS]),
        (
            "emails.value",
            vec![r#""emails": [{"value": "a"}, {"value": "b"}]"#],
        ),
        ("emails.primary", vec![]),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
            vec![r#""name": {"givenName": "Barbara"}"#],
        ),
        ("groups", vec![GROUPS]),
        (
            "groups.display",
            vec![r#""groups": [{"value": "g", "display": "G"}]"#],
        ),
        (ENTERPRISE, vec![EXTENSION]),
        ("department", vec![&department]),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
            vec![&display],
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName,\
             urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            vec![EXTENSION],
        ),
        ("password", vec![]),
        ("unknown", vec![]),
        ("nickName", vec![]),
        ("id", vec![]),
        ("meta", vec![]),
    ] {
        let mut expected = expected;
        expected.insert(0, ALWAYS);
        check(
            &Projection::parse(Some(attributes), None, Dialect::interop()).unwrap(),
            &expected,
        );
        // What is needed counts where both are given.
        check(
            &Projection::parse(Some(attributes), Some("id,name,emails"), Dialect::interop()).unwrap(),
            &expected,
        );
    }
}

#[test]
fn excluded_attributes_are_left_out_unless_they_are_always_returned() {
    let without_display =
        format!(r#""{ENTERPRISE}": {{"department": "Tours", "manager": {{"value": "2"}}}}"#);
    let user_name = r#""userName": "bjensen""#;
    for (excluded, expected) in [
        ("id", vec![user_name, NAME, EMAILS, GROUPS, EXTENSION]),
        ("NAME,emails", vec![user_name, GROUPS, EXTENSION]),
        ("groups", vec![user_name, NAME, EMAILS, EXTENSION]),
        (
            "groups.$ref",
            vec![
                user_name,
                NAME,
                EMAILS,
                r#""groups": [{"value": "g", "display": "G"}]"#,
                EXTENSION,
            ],
        ),
        (
            "emails.type",
            vec![
                user_name,
                NAME,
                r#""emails": [{"value": "a"}, {"value": "b"}]"#,
                GROUPS,
                EXTENSION,
            ],
        ),
        (
            "name.familyName,name.givenName",
            vec![user_name, EMAILS, GROUPS, EXTENSION],
        ),
        (ENTERPRISE, vec![user_name, NAME, EMAILS, GROUPS]),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
            vec![user_name, NAME, EMAILS, GROUPS, &without_display],
        ),
        (
            "unknown,nobody.knows",
            vec![user_name, NAME, EMAILS, GROUPS, EXTENSION],
        ),
    ] {
        let mut expected = expected;
        expected.insert(0, ALWAYS);
        check(
            &Projection::parse(None, Some(excluded), Dialect::interop()).unwrap(),
            &expected,
        );
    }
}

/// The status, `scimType` and sentence with which two lists are refused.
fn refusal(attributes: &str, excluded: &str, dialect: Dialect) -> Option<(Option<ScimType>, String)> {
    let error = Projection::parse(Some(attributes), Some(excluded), dialect).err()?;
    let body = error.to_error_body();
    assert_eq!(body.status, 400);
    Some((body.scim_type, body.detail.into()))
}

#[test]
fn a_name_that_is_none_is_an_error() {
    for (attributes, excluded, sentence) in [
        (
            "userName,1",
            "",
            "`1` is not an attribute: `1` can't stand in an attribute name",
        ),
        (
            "",
            "name..x",
            "`name..x` is not an attribute: an attribute name is missing",
        ),
    ] {
        let expected = Some((Some(ScimType::InvalidValue), sentence.to_owned()));
        assert_eq!(refusal(attributes, excluded, Dialect::interop()), expected);
    }
}

#[test]
fn rfc_7644_3_9_both_lists_are_refused_by_a_strict_dialect() {
    let both = "`attributes` and `excludedAttributes` can't be given together";
    let expected = Some((Some(ScimType::InvalidValue), both.to_owned()));
    assert_eq!(refusal("userName", "emails", Dialect::strict()), expected);
    for (attributes, excluded) in [("userName", ""), (" , ", "emails"), ("", "")] {
        assert_eq!(refusal(attributes, excluded, Dialect::strict()), None);
    }
    assert_eq!(refusal("userName", "emails", Dialect::interop()), None);
}

#[test]
fn the_number_of_different_names_is_limited() {
    let names = |count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("a{number}")).collect();
        names.join(",")
    };
    assert_eq!(
        refusal(&names(Projection::MAX_NAMES), "", Dialect::strict()),
        None
    );
    for (attributes, excluded) in [(names(501), String::new()), (String::new(), names(200_000))] {
        let (scim_type, sentence) = refusal(&attributes, &excluded, Dialect::strict()).unwrap();
        assert_eq!(scim_type, Some(ScimType::TooMany));
        assert_eq!(
            sentence,
            "`attributes` and `excludedAttributes` take at most 500 different names"
        );
    }
    // One name in any case is one name.
    let repeated = "userName,USERNAME,".repeat(100_000);
    assert_eq!(
        Projection::parse(Some(&repeated), None, Dialect::strict()),
        Ok(Projection::only(vec![AttrPath::attribute("userName")]))
    );
}

/// A type with every kind of `returned`, at both levels.
fn gadgets() -> Registry {
    let schema = Schema::from_json(
        br#"{"id": "urn:example:gadget:1.0:Gadget", "attributes": [
            {"name": "always", "returned": "always"},
            {"name": "default", "returned": "default"},
            {"name": "request", "returned": "request"},
            {"name": "never", "returned": "never"},
            {"name": "parts", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "always", "returned": "always"},
                {"name": "default"},
                {"name": "request", "returned": "request"},
                {"name": "never", "returned": "never"}
            ]}
        ]}"#,
    )
    .unwrap();
    let uri = schema.id.clone();
    Registry::builder()
        .schema(schema)
        .resource_type(ResourceTypeBuilder::new("Gadget", "/Gadgets", uri))
        .build()
        .unwrap()
}

fn projected(projection: &Projection, resource_type: &ResourceType) -> String {
    let values = r#"{"always": "a", "default": "d", "request": "r", "never": "n"}"#;
    let text = values.strip_suffix('}').unwrap().to_owned() + r#", "parts": ["# + values + "]}";
    let mut resource = Resource::from_json(text.as_bytes(), resource_type).unwrap();
    projection.resolve(resource_type).apply(&mut resource);
    String::from_utf8(resource.to_json()).unwrap()
}

#[test]
fn returned_decides_at_both_levels() {
    let registry = gadgets();
    let gadget = registry.resource_type("Gadget").unwrap();
    for (attributes, excluded, expected) in [
        (
            None,
            None,
            r#"{"always":"a","default":"d","parts":[{"always":"a","default":"d"}]}"#,
        ),
        (Some("request"), None, r#"{"always":"a","request":"r"}"#),
        (Some("never"), None, r#"{"always":"a"}"#),
        (
            Some("parts"),
            None,
            r#"{"always":"a","parts":[{"always":"a","default":"d"}]}"#,
        ),
        (
            Some("parts.request"),
            None,
            r#"{"always":"a","parts":[{"always":"a","request":"r"}]}"#,
        ),
        (
            Some("parts.never"),
            None,
            r#"{"always":"a","parts":[{"always":"a"}]}"#,
        ),
        (
            None,
            Some("always,default,request,never"),
            r#"{"always":"a","parts":[{"always":"a","default":"d"}]}"#,
        ),
        (
            None,
            Some("parts.always,parts.default,parts.request"),
            r#"{"always":"a","default":"d","parts":[{"always":"a"}]}"#,
        ),
        (
            None,
            Some("request"),
            r#"{"always":"a","default":"d","parts":[{"always":"a","default":"d"}]}"#,
        ),
    ] {
        let projection = Projection::parse(attributes, excluded, Dialect::interop()).unwrap();
        assert_eq!(projected(&projection, gadget), expected, "{projection:?}");
    }
}

#[test]
fn a_store_is_told_what_an_answer_may_hold() {
    let id = |path: &str| match group_type().resolve(&AttrPath::parse(path).unwrap(), Dialect::strict()) {
        Ok(Target::Attribute(resolved)) => resolved.attribute.id,
        other => panic!("{other:?}"),
    };
    let wants = Projection::parse(None, Some("members"), Dialect::interop())
        .unwrap()
        .resolve(group_type())
        .wants();
    assert!(wants.contains(id("displayName")) && wants.contains(id("id")));
    assert!(!wants.contains(id("members")));
    let wants = Projection::parse(Some("members.value"), None, Dialect::interop())
        .unwrap()
        .resolve(group_type())
        .wants();
    assert!(wants.contains(id("members")) && wants.contains(id("id")));
    assert!(!wants.contains(id("displayName")));
    // Part of the members is still returned.
    let wants = Projection::parse(None, Some("members.display"), Dialect::interop())
        .unwrap()
        .resolve(group_type())
        .wants();
    assert!(wants.contains(id("members")));
}

#[test]
fn members_of_a_group_go_as_a_whole_or_lose_sub_attributes() {
    let body = r#""id": "1", "members": [{"value": "u", "type": "User", "display": "U"}, {"value": "v"}]"#;
    for (excluded, expected) in [
        ("members", r#"{"id": "1"}"#),
        (
            "members.display",
            r#"{"id": "1", "members": [{"value": "u", "type": "User"}, {"value": "v"}]}"#,
        ),
        (
            "members.value",
            r#"{"id": "1", "members": [{"value": "u", "type": "User", "display": "U"}, {"value": "v"}]}"#,
        ),
    ] {
        let mut resource = group(body);
        Projection::parse(None, Some(excluded), Dialect::interop())
            .unwrap()
            .resolve(group_type())
            .apply(&mut resource);
        assert_eq!(json(resource.to_json()), json(expected), "{excluded}");
    }
}
