//! What a client is told when a PATCH is refused.

use std::fmt::Write;

use keyfob_core::{Dialect, ToErrorBody};
use keyfob_patch::Plan;

use crate::{group, request, resource, user};

#[test]
fn a_refusal_says_which_operation_it_is_about_and_what_to_do() {
    let mut told = String::new();
    let stored = r#"{"id": "1", "userName": "bjensen", "displayName": "B", "emails": [{"value": "a@x", "type": "work"}]}"#;
    for (resource_type, operations) in [
        (
            user(),
            r#"[{"op": "add", "path": "title", "value": "T"}, {"op": "replace", "path": "usrName", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "add", "path": "name.firstname", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:dept", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.1:User:department", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "add", "path": "emails[type eg \"work\"].value", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "add", "path": "emails[typ eq \"work\"].value", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "remove", "path": "emails[primary eq \"true\"]"}]"#,
        ),
        (user(), r#"[{"op": "remove", "path": "title[value eq \"T\"]"}]"#),
        (
            user(),
            r#"[{"op": "replace", "value": {"title": "T", "name.givenName": "B"}}]"#,
        ),
        (user(), r#"[{"op": "replace", "value": "T"}]"#),
        (user(), r#"[{"op": "remove"}]"#),
        (user(), r#"[{"op": "replace", "path": "title"}]"#),
        (
            user(),
            r#"[{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "B"}]"#,
        ),
        (
            user(),
            r#"[{"op": "replace", "path": "active", "value": "False"}]"#,
        ),
        (
            user(),
            r#"[{"op": "replace", "path": "name", "value": {"firstName": "B"}}]"#,
        ),
        (user(), r#"[{"op": "replace", "path": "userName", "value": ""}]"#),
        (user(), r#"[{"op": "remove", "path": "userName"}]"#),
        (user(), r#"[{"op": "replace", "path": "id", "value": "1"}]"#),
        (user(), r#"[{"op": "replace", "value": {"id": "2"}}]"#),
        (
            user(),
            r#"[{"op": "add", "path": "emails[type eq \"work\"].primary", "value": true},
                     {"op": "add", "path": "emails", "value": [{"value": "b", "primary": true}, {"value": "c", "primary": true}]}]"#,
        ),
        (
            group(),
            r#"[{"op": "remove", "path": "members", "value": [{"value": "1"}]}]"#,
        ),
        (
            group(),
            r#"[{"op": "replace", "path": "members[value eq \"1\"].display", "value": "B"}]"#,
        ),
        (
            group(),
            r#"[{"op": "add", "path": "members", "value": [{"display": "B"}]}]"#,
        ),
    ] {
        let mut resource = resource(resource_type, stored);
        let error = Plan::compile(request(operations), resource_type, Dialect::strict())
            .and_then(|plan| plan.apply(&mut resource))
            .expect_err(operations);
        let body = error.to_error_body();
        let scim_type = body.scim_type.map_or("-", |scim_type| scim_type.as_str());
        writeln!(told, "{} {scim_type}: {}", body.status, body.detail).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_password_is_not_told_by_a_filter_7_5_2() {
    let schema = keyfob_core::Schema::from_json(
        br#"{"id": "urn:example:params:scim:schemas:door:1.0:User", "attributes": [
            {"name": "pins", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "returned": "never", "mutability": "writeOnly"},
                {"name": "type", "type": "string"}]}]}"#,
    );
    let registry = keyfob_core::schema::RegistryBuilder::rfc()
        .extend("User", schema.unwrap(), false)
        .build()
        .unwrap();
    let user = registry.resource_type("User").unwrap();
    let operations =
        r#"[{"op": "remove", "path": "urn:example:params:scim:schemas:door:1.0:User:pins[value sw \"1\"]"}]"#;
    let body = Plan::compile(request(operations), user, Dialect::interop())
        .unwrap_err()
        .to_error_body();
    assert_eq!(
        (body.status, body.scim_type.unwrap().as_str()),
        (403, "sensitive")
    );
}
