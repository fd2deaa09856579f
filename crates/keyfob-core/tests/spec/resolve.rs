//! What paths mean to a resource type (RFC 7644 section 3.10).

use keyfob_core::{
    AttrPath, Dialect, Quirk, Registry, ScimType, SmolStr, ToErrorBody,
    schema::{Container, ResolveError, Schema, Target},
};

use crate::support::{ENTERPRISE, USER, badge, user_type};

fn resolve(path: &str, dialect: Dialect) -> Result<String, ResolveError> {
    Ok(
        match user_type().resolve(&AttrPath::parse(path).unwrap(), dialect)? {
            Target::Extension(schema) => format!("extension {}", schema.id),
            Target::Attribute(resolved) => {
                let place = match resolved.container {
                    Container::Core => "core",
                    Container::Extension(_) => "extension",
                };
                format!("{place} {}", resolved.to_path())
            }
        },
    )
}

#[test]
fn paths_resolve_in_any_case_to_the_schemas_spelling() {
    for (path, expected) in [
        ("userName", "core userName"),
        ("USERNAME", "core userName"),
        ("name.FAMILYNAME", "core name.familyName"),
        ("emails.value", "core emails.value"),
        ("id", "core id"),
        ("meta.lastmodified", "core meta.lastModified"),
        ("schemas", "core schemas"),
        ("groups.$REF", "core groups.$ref"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "core userName",
        ),
        (
            "URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:USERNAME",
            "core userName",
        ),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:externalId",
            "core externalId",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:MANAGER.displayname",
            "extension urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user",
            "extension urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ),
        (
            "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId",
            "extension urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId",
        ),
    ] {
        assert_eq!(
            resolve(path, Dialect::strict()).as_deref(),
            Ok(expected),
            "{path}"
        );
        assert_eq!(
            resolve(path, Dialect::interop()).as_deref(),
            Ok(expected),
            "{path}"
        );
    }
}

#[test]
fn a_quirk_each_admits_what_providers_write_otherwise() {
    for (path, quirk, expected) in [
        (
            format!("{ENTERPRISE}.manager"),
            Quirk::DottedUrn,
            format!("extension {ENTERPRISE}:manager"),
        ),
        (
            format!("{USER}.userName"),
            Quirk::DottedUrn,
            "core userName".to_owned(),
        ),
        (
            "department".to_owned(),
            Quirk::UnqualifiedExtensions,
            format!("extension {ENTERPRISE}:department"),
        ),
        (
            "manager.value".to_owned(),
            Quirk::UnqualifiedExtensions,
            format!("extension {ENTERPRISE}:manager.value"),
        ),
    ] {
        assert!(resolve(&path, Dialect::strict()).is_err(), "{path}");
        assert_eq!(
            resolve(&path, Dialect::strict().with(quirk)),
            Ok(expected),
            "{path}"
        );
        assert!(
            resolve(&path, Dialect::interop().without(quirk)).is_err(),
            "{path}"
        );
    }
}

#[test]
fn an_unqualified_name_that_two_extensions_have_is_neithers() {
    let badge = Schema::from_json(
        format!(
            r#"{{"id": "{}", "attributes": [{{"name": "department"}}, {{"name": "colour"}}]}}"#,
            badge()
        )
        .as_bytes(),
    )
    .unwrap();
    let registry = keyfob_core::schema::RegistryBuilder::rfc()
        .extend("User", badge, false)
        .build()
        .unwrap();
    let user = registry.resource_type("User").unwrap();
    assert!(
        user.resolve(&AttrPath::attribute("colour"), Dialect::interop())
            .is_ok()
    );
    assert!(
        user.resolve(&AttrPath::attribute("department"), Dialect::interop())
            .is_err()
    );
}

#[test]
fn what_resolves_to_nothing_says_so_and_what_was_perhaps_meant() {
    for (path, message, suggestion) in [
        ("usrName", "`User` has no attribute `usrName`", Some("userName")),
        ("colour", "`User` has no attribute `colour`", None),
        (
            "name.familiyName",
            "`name` has no sub-attribute `familiyName`",
            Some("familyName"),
        ),
        ("userName.first", "`userName` has no sub-attribute `first`", None),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:departmnt",
            "`User` has no attribute `departmnt`",
            Some("department"),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:userName",
            "`User` has no attribute `userName`",
            None,
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.1:User:department",
            "`urn:ietf:params:scim:schemas:extension:enterprise:2.1:User` is not a schema of `User`",
            Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
        ),
        ("a:b", "`a` is not a schema of `User`", None),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "`urn:ietf:params:scim:schemas:core:2.0:User` is a schema, not an attribute",
            None,
        ),
    ] {
        let error = resolve(path, Dialect::interop()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.suggestion().map(SmolStr::as_str), suggestion, "{path}");
    }
}

#[test]
fn a_whole_extension_is_no_attribute() {
    let error = user_type()
        .resolve_attribute(&AttrPath::parse(ENTERPRISE).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{ENTERPRISE}` is a schema, not an attribute")
    );
    let path = AttrPath::parse("name.givenName").unwrap();
    let resolved = Registry::rfc()
        .resource_type("User")
        .unwrap()
        .resolve_attribute(&path)
        .unwrap();
    assert_eq!(resolved.leaf().name.as_str(), "givenName");
}

#[test]
fn a_text_that_is_no_path_maps_to_invalid_path() {
    let error = AttrPath::parse("name.").unwrap_err().to_error_body();
    assert_eq!(
        (error.status, error.scim_type),
        (400, Some(ScimType::InvalidPath))
    );
    assert_eq!(error.detail, "an attribute name is missing");
}
