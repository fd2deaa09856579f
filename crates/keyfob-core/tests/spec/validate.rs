//! Bodies made canonical, by direction (RFC 7643 section 2, RFC 7644 sections 3.3 and 3.5.1).

use keyfob_core::{
    Dialect, Quirk, Resource, SchemaUri, ScimType, ToErrorBody,
    validate::{self, IgnoreRule, Reader, ValidationError},
};

use crate::support::{ENTERPRISE, USER, group, group_type, json, user, user_type, without_schemas};

const SCHEMAS: &str = r#""schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "b""#;

fn create(attributes: &str, dialect: Dialect) -> Result<Resource, ValidationError> {
    validate::create(user(attributes), user_type(), dialect)
}

/// Creates a user with `attributes` beside what every user has, and gives what it holds of them.
fn created(attributes: &str, dialect: Dialect) -> Result<serde_json::Value, String> {
    let separator = if attributes.is_empty() { "" } else { ", " };
    let user =
        create(&format!("{SCHEMAS}{separator}{attributes}"), dialect).map_err(|error| error.to_string())?;
    let mut held = without_schemas(&user);
    held.as_object_mut().unwrap().remove("userName");
    Ok(held)
}

fn refused(attributes: &str, dialect: Dialect) -> String {
    match created(attributes, dialect) {
        Ok(taken) => panic!("{attributes} was taken as {taken}"),
        Err(message) => message,
    }
}

#[test]
fn names_take_the_schemas_spelling_at_every_level() {
    let body = format!(
        r#"{SCHEMAS}, "NICKNAME": "Babs", "Name": {{"GIVENNAME": "Barbara"}}, "EMAILS": [{{"VALUE": "a", "Type": "work"}}],
           "URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user": {{"costcenter": "4130"}}"#
    );
    let user = create(&body, Dialect::interop()).unwrap();
    assert_eq!(
        String::from_utf8(user.to_json()).unwrap(),
        format!(
            r#"{{"schemas":["{USER}","{ENTERPRISE}"],"userName":"b","nickName":"Babs","name":{{"givenName":"Barbara"}},"emails":[{{"value":"a","type":"work"}}],"{ENTERPRISE}":{{"costCenter":"4130"}}}}"#
        )
    );
    // URIs in `schemas` are compared without regard to case as well.
    let stated = format!(
        r#""schemas": ["{}", "{}"], "userName": "b", "{ENTERPRISE}": {{"costCenter": "4130"}}"#,
        USER.to_ascii_lowercase(),
        ENTERPRISE.to_ascii_lowercase()
    );
    let user = create(&stated, Dialect::strict()).unwrap();
    assert_eq!(user.schemas(), [SchemaUri::USER, SchemaUri::ENTERPRISE_USER]);
    assert_eq!(user.schemas()[0].as_str(), USER);
}

#[test]
fn the_unknown_is_ignored_at_every_level_in_every_dialect() {
    for dialect in [Dialect::strict(), Dialect::interop()] {
        assert_eq!(
            created(
                r#""shoeSize": 38, "name": {"nick": "x", "givenName": "Barbara"},
                   "emails": [{"value": "a", "verified": true}], "urn:example:unknown:1.0": null"#,
                dialect
            ),
            Ok(json(
                r#"{"name": {"givenName": "Barbara"}, "emails": [{"value": "a"}]}"#
            ))
        );
    }
}

#[test]
fn an_element_of_which_nothing_known_is_left_is_refused_in_every_dialect() {
    for (attributes, message) in [
        (
            r#""emails": [{}]"#,
            "a value of `emails` says nothing that is known",
        ),
        (
            r#""emails": [{"value": "a"}, {"value": null}]"#,
            "a value of `emails` says nothing that is known",
        ),
        (
            r#""emails": [{"address": "a"}]"#,
            "a value of `emails` says nothing that is known",
        ),
        (
            r#""emails": [{"address": {"value": "a"}, "type": null}]"#,
            "a value of `emails` says nothing that is known",
        ),
        (
            r#""addresses": [{"kind": "work"}]"#,
            "a value of `addresses` says nothing that is known",
        ),
        (
            r#""roles": [{"value": []}]"#,
            "a value of `roles` says nothing that is known",
        ),
    ] {
        for dialect in [
            Dialect::strict(),
            Dialect::interop(),
            Dialect::entra(),
            Dialect::okta(),
        ] {
            let refused = refused(attributes, dialect);
            assert!(
                refused == message || refused.ends_with("takes a string, not an array"),
                "{attributes}: {refused}"
            );
        }
    }
    let error = create(&format!("{SCHEMAS}, \"emails\": [{{}}]"), Dialect::interop()).unwrap_err();
    assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidValue));
    // Nothing is no value of a multi-valued attribute, and doesn't say that there are none.
    for attribute in ["emails", "roles", "addresses"] {
        refused(&format!(r#""{attribute}": """#), Dialect::interop());
        refused(&format!(r#""{attribute}": [""]"#), Dialect::interop());
    }
}

#[test]
fn a_schema_that_the_registry_lacks_is_ignored_or_refused_and_one_of_another_type_refused() {
    let unregistered = r#""displayName": "G", "urn:example:badge:1.0:Group": {"colour": "red"}"#;
    let other = format!(r#""displayName": "G", "{ENTERPRISE}": {{"department": "D"}}"#);
    let create = |attributes: &str, dialect| validate::create(group(attributes), group_type(), dialect);
    let strict = Dialect::strict().with(Quirk::UnlistedSchemas);
    let error = create(unregistered, strict).unwrap_err();
    assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidSyntax));
    assert!(create(unregistered, Dialect::interop()).is_ok());
    for dialect in [strict, Dialect::interop(), Dialect::okta(), Dialect::entra()] {
        let error = create(&other, dialect).unwrap_err();
        assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidPath));
        assert!(create(&other.replace(r#"{"department": "D"}"#, "null"), dialect).is_ok());
    }
}

#[test]
fn what_is_passed_over_in_a_body_is_named() {
    let body = user(&format!(
        r#"{SCHEMAS}, "id": "1", "shoeSize": 38, "name": {{"nick": "x", "givenName": "B"}}, "groups": [],
           "emails": [{{"value": "a@example.com", "verified": true}}], "urn:example:unknown:1.0": {{"a": 1}},
           "{ENTERPRISE}": {{"badge": 1, "manager": {{"displayName": "M", "value": "2"}}}}"#
    ));
    let mut reader = Reader::new(Dialect::interop());
    reader.create(body, user_type()).unwrap();
    let ignored = reader.ignored().iter();
    let ignored: Vec<(&str, IgnoreRule)> = ignored
        .map(|ignored| (ignored.attribute.as_str(), ignored.rule))
        .collect();
    let (badge, manager) = (
        format!("{ENTERPRISE}:badge"),
        format!("{ENTERPRISE}:manager.displayName"),
    );
    assert_eq!(
        ignored,
        [
            ("id", IgnoreRule::ReadOnly),
            ("shoeSize", IgnoreRule::UnknownAttribute),
            ("name.nick", IgnoreRule::UnknownAttribute),
            ("emails.verified", IgnoreRule::UnknownAttribute),
            ("groups", IgnoreRule::ReadOnly),
            ("urn:example:unknown:1.0", IgnoreRule::UnregisteredExtension),
            (&badge, IgnoreRule::UnknownAttribute),
            (&manager, IgnoreRule::ReadOnly),
        ]
    );
}

#[test]
fn a_role_may_be_an_object_written_as_text() {
    let text = r#""{\"id\": \"06b07648\", \"value\": \"25\", \"displayName\": \"Guide\"}""#;
    let role = r#"{"roles": [{"value": "25", "display": "Guide"}]}"#;
    let primary = r#"{"roles": [{"value": "25", "display": "Guide", "primary": true}]}"#;
    for (roles, expected) in [
        (format!(r#""roles": [{{"value": {text}}}]"#), role),
        (
            format!(r#""roles": [{{"value": {text}, "primary": "True"}}]"#),
            primary,
        ),
        (format!(r#""roles": [{text}]"#), role),
        (format!(r#""roles": {text}"#), role),
    ] {
        assert_eq!(created(&roles, Dialect::interop()), Ok(json(expected)), "{roles}");
        let plain = Dialect::interop().without(Quirk::EncodedElements);
        assert_ne!(created(&roles, plain), Ok(json(expected)), "{roles}");
    }
    // A text that is no such object is what it is.
    let other = r#"{"roles": [{"value": "{\"id\": 1}"}]}"#;
    let inner = other.trim_start_matches('{').trim_end_matches('}');
    assert_eq!(created(inner, Dialect::interop()), Ok(json(other)));
}

#[test]
fn read_only_attributes_are_ignored_at_every_level() {
    let extended = format!(
        r#""schemas": ["{USER}", "{ENTERPRISE}"], "userName": "b", "id": 5, "meta": {{"version": "x"}},
           "groups": [{{"value": "g"}}], "{ENTERPRISE}": {{"manager": {{"value": "1", "displayName": 5}}}}"#
    );
    for dialect in [Dialect::strict(), Dialect::interop()] {
        for groups in [
            r#""groups": "all""#,
            r#""groups": [5]"#,
            r#""groups": [{"value": "g"}]"#,
        ] {
            assert_eq!(created(groups, dialect), Ok(json("{}")));
        }
        let user = create(&extended, dialect).unwrap();
        assert!(user.relations().is_empty());
        assert_eq!(
            without_schemas(&user),
            json(format!(
                r#"{{"userName": "b", "{ENTERPRISE}": {{"manager": {{"value": "1"}}}}}}"#
            ))
        );
    }
}

#[test]
fn null_and_empty_leave_an_attribute_unassigned() {
    for attributes in [
        r#""title": null"#,
        r#""emails": null"#,
        r#""emails": []"#,
        r#""name": {}"#,
        r#""name": {"givenName": null, "familyName": null}"#,
        r#""active": null, "addresses": []"#,
        r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": null"#,
    ] {
        assert_eq!(
            created(attributes, Dialect::strict()),
            Ok(json("{}")),
            "{attributes}"
        );
    }
    for extension in ["{}", r#"{"department": null, "manager": {}}"#] {
        let body =
            format!(r#""schemas": ["{USER}", "{ENTERPRISE}"], "userName": "b", "{ENTERPRISE}": {extension}"#);
        let user = create(&body, Dialect::strict()).unwrap();
        assert!(user.extensions().is_empty());
        assert_eq!(user.schemas(), [SchemaUri::USER], "{extension}");
    }
    // An empty string is a value.
    assert_eq!(
        created(r#""title": """#, Dialect::strict()),
        Ok(json(r#"{"title": ""}"#))
    );
}

#[test]
fn a_value_of_a_wrong_type_is_refused_with_its_path_and_without_its_content() {
    for (attributes, message) in [
        (r#""title": 5"#, "`title` takes a string, not an integer"),
        (r#""title": true"#, "`title` takes a string, not a boolean"),
        (r#""title": {"a": 1}"#, "`title` takes a string, not an object"),
        (r#""title": ["a", "b"]"#, "`title` takes a string, not an array"),
        (
            r#""active": "maybe""#,
            "`active` takes a boolean, not this string",
        ),
        (r#""active": 1"#, "`active` takes a boolean, not an integer"),
        (r#""name": "Barbara""#, "`name` takes an object, not a string"),
        (
            r#""name": {"givenName": 1.5}"#,
            "`name.givenName` takes a string, not a decimal number",
        ),
        (
            r#""emails": "a@example.com""#,
            "`emails` takes an object, not a string",
        ),
        (
            r#""emails": ["a@example.com"]"#,
            "`emails` takes an object, not a string",
        ),
        (r#""emails": [null]"#, "`emails` takes an object, not null"),
        (
            r#""emails": [{"value": ["a", "b"]}]"#,
            "`emails.value` takes a string, not an array",
        ),
        (
            r#""emails": [{"primary": "perhaps"}]"#,
            "`emails.primary` takes a boolean, not this string",
        ),
        (
            r#""profileUrl": 5"#,
            "`profileUrl` takes a URI as a string, not an integer",
        ),
        (
            r#""x509Certificates": [{"value": "a b%"}]"#,
            "`x509Certificates.value` takes a base64 string, not this string",
        ),
        (
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": "Tours""#,
            "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User` takes an object, not a string",
        ),
        (
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": 5}"#,
            "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department` takes a string, not an integer",
        ),
    ] {
        let numbers_are_no_strings = Dialect::interop()
            .without(Quirk::StringNumbers)
            .without(Quirk::BareElements);
        assert_eq!(refused(attributes, numbers_are_no_strings), message);
        let strict = refused(attributes, Dialect::strict().with(Quirk::UnlistedSchemas));
        let path = message.split('`').nth(1).unwrap();
        assert!(strict.starts_with(&format!("`{path}` takes ")), "{strict}");
        assert!(
            !strict.contains("maybe") && !strict.contains("example"),
            "{strict}"
        );
    }
    let error = create(&format!("{SCHEMAS}, \"active\": 1"), Dialect::strict()).unwrap_err();
    assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn base64_is_taken_in_both_alphabets_with_or_without_padding_and_in_lines() {
    for (text, taken) in [
        ("", true),
        ("TWE=", true),
        ("TWE", true),
        ("TQ==", true),
        ("TWFu", true),
        ("-_-_", true),
        ("TW\\nFu", true),
        ("T", false),
        ("TWFuT", false),
        ("TQ=", false),
        ("TWFu====", false),
        ("TW=E", false),
        ("T*==", false),
        ("größe", false),
    ] {
        let attributes = format!(r#""x509Certificates": [{{"value": "{text}"}}]"#);
        assert_eq!(created(&attributes, Dialect::strict()).is_ok(), taken, "{text}");
    }
}

#[test]
fn a_required_attribute_is_there_and_not_empty() {
    let schemas = format!(r#""schemas": ["{USER}"]"#);
    for (attributes, path) in [
        (schemas.clone(), "userName"),
        (format!(r#"{schemas}, "userName": null"#), "userName"),
        (format!(r#"{schemas}, "userName": """#), "userName"),
    ] {
        for dialect in [Dialect::strict(), Dialect::interop()] {
            assert_eq!(
                create(&attributes, dialect),
                Err(ValidationError::Missing { path: path.into() })
            );
        }
    }
    let nameless = validate::create(group(""), group_type(), Dialect::interop()).unwrap_err();
    assert_eq!(nameless.to_string(), "`displayName` is required");
    assert_eq!(nameless.to_error_body().scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn only_one_value_is_primary() {
    for (attributes, path) in [
        (
            r#""emails": [{"value": "a", "primary": true}, {"value": "b", "PRIMARY": true}]"#,
            "emails",
        ),
        (
            r#""addresses": [{"primary": true}, {"country": "US"}, {"primary": true}]"#,
            "addresses",
        ),
    ] {
        assert_eq!(
            refused(attributes, Dialect::strict()),
            format!("only one value of `{path}` can be primary")
        );
    }
    let mixed = r#""emails": [{"value": "a", "primary": "true"}, {"value": "b", "primary": "True"}]"#;
    assert_eq!(
        refused(mixed, Dialect::interop()),
        "only one value of `emails` can be primary"
    );
    let one = r#""emails": [{"value": "a", "primary": true}, {"value": "b", "primary": false}]"#;
    assert_eq!(created(one, Dialect::strict()), Ok(json(format!("{{{one}}}"))));
}

#[test]
fn schemas_name_what_the_body_holds() {
    let user_name = r#""userName": "b""#;
    let extension = format!(r#""{ENTERPRISE}": {{"department": "Tours"}}"#);
    let stated = |uris: &[&str]| format!(r#""schemas": {}"#, serde_json::to_string(uris).unwrap());
    let (unlisted, unknown) = (Quirk::UnlistedSchemas, Quirk::UnknownSchemas);
    for (body, quirk, message) in [
        (
            user_name.to_owned(),
            unlisted,
            format!("`schemas` does not name `{USER}`"),
        ),
        (
            format!("{}, {user_name}", stated(&[])),
            unlisted,
            format!("`schemas` does not name `{USER}`"),
        ),
        (
            format!("{}, {user_name}, {extension}", stated(&[USER])),
            unlisted,
            format!("`schemas` does not name `{ENTERPRISE}`"),
        ),
        (
            format!("{}, {user_name}", stated(&[USER, "urn:example:unknown:1.0"])),
            unknown,
            "`urn:example:unknown:1.0` is not a schema that `User` takes here".to_owned(),
        ),
    ] {
        let error = create(&body, Dialect::strict()).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
        assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidSyntax));
        assert!(create(&body, Dialect::interop().without(quirk)).is_err());
        let taken = create(&body, Dialect::strict().with(quirk)).unwrap();
        let mut expected = vec![SchemaUri::USER];
        if body.contains("Tours") {
            expected.push(SchemaUri::ENTERPRISE_USER);
        }
        assert_eq!(taken.schemas(), expected, "{body}");
    }
    // An extension may be stated and hold nothing, and the order is anybody's.
    let body = format!("{user_name}, {}", stated(&[ENTERPRISE, USER]));
    assert_eq!(
        create(&body, Dialect::strict()).unwrap().schemas(),
        [SchemaUri::USER]
    );
}

#[test]
fn a_quirk_each_admits_what_providers_send_otherwise() {
    let enterprise = |inner: &str| format!(r#""{ENTERPRISE}": {{{inner}}}"#);
    let manager = enterprise(r#""manager": {"value": "26118915"}"#);
    for (quirk, sent, expected) in [
        (
            Quirk::BooleanStrings,
            r#""active": "True""#.to_owned(),
            r#""active": true"#.to_owned(),
        ),
        (
            Quirk::BooleanStrings,
            r#""active": "fAlSe""#.to_owned(),
            r#""active": false"#.to_owned(),
        ),
        (
            Quirk::BareValues,
            enterprise(r#""manager": "26118915""#),
            manager.clone(),
        ),
        (
            Quirk::BareValues,
            enterprise(r#""manager": "", "division": "x""#),
            enterprise(r#""division": "x""#),
        ),
        (
            Quirk::SingleValues,
            r#""emails": {"value": "a"}"#.to_owned(),
            r#""emails": [{"value": "a"}]"#.to_owned(),
        ),
        (
            Quirk::SingleValues,
            r#""title": ["Guide"]"#.to_owned(),
            r#""title": "Guide""#.to_owned(),
        ),
        (Quirk::SingleValues, r#""title": []"#.to_owned(), String::new()),
        (
            Quirk::SingleValues,
            r#""name": [{"givenName": ["Barbara"]}]"#.to_owned(),
            r#""name": {"givenName": "Barbara"}"#.to_owned(),
        ),
        (
            Quirk::SingleValues,
            enterprise(r#""manager": [{"value": "26118915"}]"#),
            manager.clone(),
        ),
        (
            Quirk::StringNumbers,
            r#""title": 5, "nickName": true"#.to_owned(),
            r#""title": "5", "nickName": "true""#.to_owned(),
        ),
        (
            Quirk::WrappedValues,
            r#""title": [{"$ref": null, "value": "Guide"}]"#.to_owned(),
            r#""title": "Guide""#.to_owned(),
        ),
        (
            Quirk::BareElements,
            r#""roles": ["Admin", {"value": "Guide"}]"#.to_owned(),
            r#""roles": [{"value": "Admin"}, {"value": "Guide"}]"#.to_owned(),
        ),
        (
            Quirk::BareElements,
            r#""roles": "Admin""#.to_owned(),
            r#""roles": [{"value": "Admin"}]"#.to_owned(),
        ),
        (
            Quirk::UnknownSchemas,
            r#""urn:example:badge:1.0:User": {"colour": "red"}, "title": "Guide""#.to_owned(),
            r#""title": "Guide""#.to_owned(),
        ),
        (
            Quirk::NestedCore,
            format!(r#""{USER}": {{"TITLE": "Guide", "unknown": 1, "id": "1", "schemas": []}}"#),
            r#""title": "Guide""#.to_owned(),
        ),
    ] {
        // The array around a wrapped value is the other rule's.
        let strict = match quirk {
            Quirk::WrappedValues => Dialect::strict().with(Quirk::SingleValues),
            _ => Dialect::strict(),
        }
        .with(Quirk::UnlistedSchemas);
        refused(&sent, strict);
        let expected = Ok(json(format!("{{{expected}}}")));
        assert_eq!(created(&sent, strict.with(quirk)), expected, "{sent}");
        assert_eq!(created(&sent, Dialect::interop().with(quirk)), expected, "{sent}");
        refused(&sent, Dialect::interop().without(quirk));
    }
}

#[test]
fn an_attribute_of_an_extension_may_stand_at_the_top_where_it_is_nobody_elses() {
    let sent = r#""department": "Tours", "title": "Guide""#;
    let expected = format!(r#"{{"title": "Guide", "{ENTERPRISE}": {{"department": "Tours"}}}}"#);
    assert_eq!(created(sent, Dialect::interop()), Ok(json(expected)));
    let without = Dialect::interop().without(Quirk::UnqualifiedExtensions);
    assert_eq!(created(sent, without), Ok(json(r#"{"title": "Guide"}"#)));
    let twice = format!(r#"{sent}, "{ENTERPRISE}": {{"DEPARTMENT": "x"}}"#);
    assert_eq!(
        refused(&twice, Dialect::interop()),
        "the attribute `department` stands there twice"
    );
}

#[test]
fn a_manager_with_an_empty_id_is_none() {
    for value in [
        r#"{"value": ""}"#,
        r#"[{"value": "", "displayName": "x"}]"#,
        r#""""#,
    ] {
        let sent = format!(r#""{ENTERPRISE}": {{"manager": {value}, "division": "x"}}"#);
        let expected = json(format!(r#"{{"{ENTERPRISE}": {{"division": "x"}}}}"#));
        assert_eq!(created(&sent, Dialect::interop()), Ok(expected), "{sent}");
    }
}

#[test]
fn a_core_attribute_stands_at_the_top_or_under_the_core_uri_and_not_in_both_places() {
    for (attributes, path) in [
        (format!(r#""title": "a", "{USER}": {{"TITLE": "b"}}"#), "TITLE"),
        (
            format!(r#""groups": [{{"value": "1"}}], "{USER}": {{"groups": []}}"#),
            "groups",
        ),
    ] {
        assert_eq!(
            create(&attributes, Dialect::interop()),
            Err(ValidationError::Duplicate { path: path.into() })
        );
    }
    let members = r#""urn:ietf:params:scim:schemas:core:2.0:Group":
        {"displayName": "G", "members": [{"value": "1", "$ref": "x"}]}"#;
    let lifted = validate::create(group(members), group_type(), Dialect::interop()).unwrap();
    assert_eq!(
        without_schemas(&lifted),
        json(r#"{"displayName": "G", "members": [{"value": "1"}]}"#)
    );
    let both = format!(r#""members": [{{"value": "2"}}], {members}"#);
    let error = validate::create(group(&both), group_type(), Dialect::interop()).unwrap_err();
    assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidSyntax));
}

/// A group with these members, given as JSON.
fn named(members: &str) -> String {
    format!(r#""displayName": "G", "members": {members}"#)
}

/// Creates a group with these members, decoded for its type and not, between which there is no difference.
fn both(dialect: Dialect, members: &str) -> Result<serde_json::Value, String> {
    let typed = validate::create(group(&named(members)), group_type(), dialect);
    let untyped: Resource = serde_json::from_str(&format!("{{{}}}", named(members))).unwrap();
    assert_eq!(
        typed,
        validate::create(untyped, group_type(), dialect),
        "{members}"
    );
    typed
        .map(|group| without_schemas(&group))
        .map_err(|error| error.to_string())
}

#[test]
fn members_are_keyed_whatever_form_they_were_sent_in() {
    let strict = Dialect::strict().with(Quirk::UnlistedSchemas);
    for (sent, quirk, expected) in [
        ("[]", None, "[]"),
        (
            r#"[{"value": "1"}, {"value": "2"}]"#,
            None,
            r#"[{"value": "1"}, {"value": "2"}]"#,
        ),
        (
            r#"[{"VALUE": "1", "Display": "a", "TYPE": "User", "$ref": "x", "since": 5}]"#,
            None,
            r#"[{"value": "1", "display": "a", "type": "User"}]"#,
        ),
        (
            r#"[{"value": "1", "display": null, "$ref": null}]"#,
            None,
            r#"[{"value": "1"}]"#,
        ),
        (
            r#"[{"value": "1", "display": "a"}, {"value": "1"}]"#,
            None,
            r#"[{"value": "1"}]"#,
        ),
        (
            r#"["1", "2"]"#,
            Some(Quirk::BareValues),
            r#"[{"value": "1"}, {"value": "2"}]"#,
        ),
        (
            r#"[{"value": "1"}, "2"]"#,
            Some(Quirk::BareValues),
            r#"[{"value": "1"}, {"value": "2"}]"#,
        ),
        (
            r#"{"value": "1"}"#,
            Some(Quirk::SingleValues),
            r#"[{"value": "1"}]"#,
        ),
        (
            r#"[{"value": ["1"]}]"#,
            Some(Quirk::SingleValues),
            r#"[{"value": "1"}]"#,
        ),
        (
            r#"[{"value": "1", "display": ["a"]}]"#,
            Some(Quirk::SingleValues),
            r#"[{"value": "1", "display": "a"}]"#,
        ),
        (
            r#"[{"value": 1}]"#,
            Some(Quirk::StringNumbers),
            r#"[{"value": "1"}]"#,
        ),
        (
            r#"[{"value": "1", "display": 5}]"#,
            Some(Quirk::StringNumbers),
            r#"[{"value": "1", "display": "5"}]"#,
        ),
    ] {
        let expected = match expected {
            "[]" => json(r#"{"displayName": "G"}"#),
            members => json(format!("{{{}}}", named(members))),
        };
        if let Some(quirk) = quirk {
            assert!(both(strict, sent).is_err(), "{sent}");
            assert_eq!(both(strict.with(quirk), sent), Ok(expected), "{sent}");
        } else {
            assert_eq!(both(strict, sent), Ok(expected), "{sent}");
        }
    }
}

#[test]
fn what_cannot_be_a_member_is_refused_whatever_form_it_was_sent_in() {
    for (sent, message) in [
        (r#"[{"display": "a"}]"#, "`members.value` is required"),
        (
            r#"[{"value": null, "display": "a"}]"#,
            "`members.value` is required",
        ),
        (r#"[{"value": ""}]"#, "`members.value` is required"),
        (r#"[{"id": "1"}]"#, "`members.value` is required"),
        (r#"[{"value": null}]"#, "`members.value` is required"),
        ("[{}]", "`members.value` is required"),
        (r#"{"members": [{"value": "1"}]}"#, "`members.value` is required"),
        (r#"[""]"#, "`members.value` is required"),
        (r#""""#, "`members` takes an array, not a string"),
        (
            r#"[{"value": 5}]"#,
            "`members.value` takes a string, not an integer",
        ),
        (
            r#"[{"value": "1", "display": 5}]"#,
            "`members.display` takes a string, not an integer",
        ),
        (
            r#"[{"value": "1"}, 5]"#,
            "`members` takes an object, not an integer",
        ),
        ("[null]", "`members` takes an object, not null"),
        ("5", "`members` takes an object, not an integer"),
    ] {
        let dialect = Dialect::interop().without(Quirk::StringNumbers);
        assert_eq!(both(dialect, sent), Err(message.to_owned()), "{sent}");
    }
    let strict = Dialect::strict().with(Quirk::UnlistedSchemas);
    let group = validate::create(group(&named("null")), group_type(), strict).unwrap();
    assert!(group.relation("members").unwrap().is_empty());
}

#[test]
fn a_manager_is_known_by_the_name_that_scim_1_1_has_for_its_id() {
    let taken = |dialect: Dialect, manager: &str| {
        let dialect = dialect.with(Quirk::UnlistedSchemas);
        created(&format!(r#""{ENTERPRISE}": {{"manager": {manager}}}"#), dialect)
    };
    let interop = Dialect::interop();
    for (sent, expected) in [
        (r#"{"managerId": "x"}"#, Some("x")),
        (r#"{"MANAGERID": "x", "displayName": "y"}"#, Some("x")),
        // The name of this edition comes first.
        (r#"{"managerId": "x", "value": "z"}"#, Some("z")),
        (r#"{"managerId": ""}"#, None),
        (r#"{"managerId": null}"#, None),
    ] {
        let expected = expected.map_or_else(
            || json("{}"),
            |value| {
                json(format!(
                    r#"{{"{ENTERPRISE}": {{"manager": {{"value": "{value}"}}}}}}"#
                ))
            },
        );
        assert_eq!(taken(interop, sent), Ok(expected), "{sent}");
    }
    // Nothing else is taken for it, and strictly nothing is.
    assert!(taken(interop, r#"{"managersId": "x"}"#).is_err());
    for dialect in [
        Dialect::strict(),
        Dialect::entra(),
        interop.without(Quirk::FormerNames),
    ] {
        assert!(taken(dialect, r#"{"managerId": "x"}"#).is_err(), "{dialect:?}");
    }
}

#[test]
fn a_number_that_is_taken_for_a_text_stays_as_it_is_written() {
    for written in ["0", "-0", "-1", "7", "1.5", "-0.5", "9223372036854775807"] {
        let expected = json(format!(r#"{{"title": "{written}"}}"#));
        assert_eq!(
            created(&format!(r#""title": {written}"#), Dialect::interop()),
            Ok(expected)
        );
    }
}

#[test]
fn a_managers_name_stays_as_long_as_the_manager_does() {
    let body = |manager: &str| {
        user(&format!(
            r#""userName": "b", "{ENTERPRISE}": {{"manager": {manager}}}"#
        ))
    };
    let stored = body(r#"{"value": "1", "displayName": "John"}"#);
    for (sent, expected) in [
        (r#"{"value": "1"}"#, r#"{"value": "1", "displayName": "John"}"#),
        (
            r#"{"value": "1", "displayName": "Jack"}"#,
            r#"{"value": "1", "displayName": "John"}"#,
        ),
        (r#"{"value": "2"}"#, r#"{"value": "2"}"#),
    ] {
        let replaced = validate::replace(body(sent), &stored, user_type(), Dialect::interop()).unwrap();
        assert_eq!(
            without_schemas(&replaced),
            without_schemas(&body(expected)),
            "{sent}"
        );
    }
}

#[test]
fn a_put_clears_what_it_leaves_out_and_states_its_schemas() {
    let stored = user(&format!(
        r#""schemas": ["{USER}", "{ENTERPRISE}"], "id": "1", "userName": "a", "title": "Guide",
           "groups": [{{"value": "g"}}], "{ENTERPRISE}": {{"department": "Tours"}}"#
    ));
    let replaced = validate::replace(user(SCHEMAS), &stored, user_type(), Dialect::strict()).unwrap();
    assert_eq!(replaced.schemas(), [SchemaUri::USER]);
    assert_eq!(
        without_schemas(&replaced),
        json(r#"{"userName": "b", "id": "1"}"#)
    );
}

#[test]
fn provider_bodies_create_the_users_they_mean() {
    let onelogin = r#""schemas": [], "userName": "b", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "Tours", "manager": {"displayName": null, "managerId": "x"}}"#;
    let entra = r#""schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "b", "active": "True", "displayName": null, "emails": [{"primary": "True", "type": "work", "value": "a"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": null, "manager": "26118915"}"#;
    let entra_group = r#""schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "displayName": "G", "members": [], "meta": {"resourceType": "Group"}"#;
    for (body, dialect, expected) in [
        (
            onelogin,
            Dialect::interop(),
            format!(
                r#"{{"userName": "b", "{ENTERPRISE}": {{"department": "Tours", "manager": {{"value": "x"}}}}}}"#
            ),
        ),
        (
            entra,
            Dialect::entra(),
            format!(
                r#"{{"userName": "b", "active": true, "emails": [{{"primary": true, "type": "work", "value": "a"}}],
                    "{ENTERPRISE}": {{"manager": {{"value": "26118915"}}}}}}"#
            ),
        ),
    ] {
        assert_eq!(without_schemas(&create(body, dialect).unwrap()), json(expected));
    }
    let group = validate::create(group(entra_group), group_type(), Dialect::entra()).unwrap();
    assert_eq!(group.schemas(), [SchemaUri::GROUP]);
    assert_eq!(without_schemas(&group), json(r#"{"displayName": "G"}"#));
}

#[test]
fn what_is_created_is_canonical_already() {
    let body = format!(
        r#"{SCHEMAS}, "active": "True", "emails": {{"value": "a"}}, "{ENTERPRISE}": {{"manager": "1"}}"#
    );
    let once = create(&body, Dialect::interop()).unwrap();
    let twice = validate::create(once.clone(), user_type(), Dialect::strict()).unwrap();
    assert_eq!(once.to_json(), twice.to_json());
    assert_eq!(validate::complete(&once, user_type()), Ok(()));
}

/// A single complex value of which nothing is known would unassign the attribute in a PUT.
#[test]
fn a_single_complex_value_of_unknown_parts_is_refused_as_an_element_is() {
    for dialect in [Dialect::strict(), Dialect::interop(), Dialect::entra()] {
        for (attributes, message) in [
            (
                r#""name": {"nick": "B"}"#,
                "a value of `name` says nothing that is known",
            ),
            (
                r#""emails": [{"nick": "B"}]"#,
                "a value of `emails` says nothing that is known",
            ),
        ] {
            assert_eq!(refused(attributes, dialect), message, "{attributes}");
        }
        let manager = format!(r#""{ENTERPRISE}": {{"manager": {{"nick": "B"}}}}"#);
        let refused = create(
            &format!(r#""schemas": ["{USER}", "{ENTERPRISE}"], "userName": "b", {manager}"#),
            dialect,
        );
        let message = refused.unwrap_err().to_string();
        assert_eq!(message, format!("`{ENTERPRISE}:manager.value` is required"));
        // What says nothing at all unassigns (RFC 7643 section 2.5).
        for unassigned in [
            r#""name": {}"#,
            r#""name": null"#,
            r#""name": {"givenName": null, "nick": "B"}"#,
        ] {
            assert_eq!(
                created(unassigned, dialect),
                Ok(serde_json::json!({})),
                "{unassigned}"
            );
        }
    }
}

#[test]
fn a_key_of_an_extension_that_is_a_path_is_refused_as_one_at_the_top_is() {
    let body = format!(
        r#""schemas": ["{USER}", "{ENTERPRISE}"], "userName": "b", "{ENTERPRISE}": {{"manager.value": "26"}}"#
    );
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let refused = create(&body, dialect).unwrap_err();
        assert!(matches!(refused, ValidationError::PathAsKey { .. }), "{refused}");
    }
}

#[test]
fn the_names_that_a_body_holds_and_no_schema_has_are_limited() {
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!(r#""k{number}": 1"#)).collect();
        names.join(", ")
    };
    let keys = |count: usize| format!("{SCHEMAS}, {}", names(count));
    let parts = |count: usize| format!(r#"{SCHEMAS}, "name": {{"givenName": "B", {}}}"#, names(count));
    for body in [&keys, &parts] as [&dyn Fn(usize) -> String; 2] {
        assert!(create(&body(Reader::MAX_IGNORED), Dialect::interop()).is_ok());
        let refused = create(&body(Reader::MAX_IGNORED + 1), Dialect::interop()).unwrap_err();
        assert_eq!(
            refused.to_error_body().scim_type,
            Some(ScimType::TooMany),
            "{refused}"
        );
    }
    // One name counts once, in however many elements it stands.
    let elements: Vec<String> = (0..5_000)
        .map(|number| format!(r#"{{"value": "a{number}@example.com", "nick": "B"}}"#))
        .collect();
    let body = format!(r#"{SCHEMAS}, "emails": [{}]"#, elements.join(", "));
    assert!(create(&body, Dialect::interop()).is_ok());
}

/// What can't be the id of one resource names no member, and no unknown one either.
#[test]
fn a_member_is_named_by_what_can_be_an_id() {
    for id in [
        "a,b",
        "a b",
        "https://example.com/scim/v2/Users/a",
        "[\\\"a\\\"]",
        "../a",
    ] {
        let body = format!(r#""displayName": "G", "members": [{{"value": "{id}"}}]"#);
        let refused = validate::create(group(&body), group_type(), Dialect::interop()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`members.value` takes the id of one resource, not this string"
        );
        assert_eq!(refused.to_error_body().scim_type, Some(ScimType::InvalidValue));
    }
}

#[test]
fn a_list_or_an_object_that_is_written_as_text_is_no_element() {
    for dialect in [Dialect::interop(), Dialect::entra()] {
        for text in [r#"[\"a@x\"]"#, " [1]", r#"{\"work\": \"a@x\"}"#, "["] {
            for attributes in [
                format!(r#""emails": "{text}""#),
                format!(r#""emails": ["{text}"]"#),
            ] {
                let message = refused(&attributes, dialect);
                assert_eq!(
                    message, "`emails` takes an object, not a list or an object that is written as text",
                    "{attributes}"
                );
            }
        }
    }
}
