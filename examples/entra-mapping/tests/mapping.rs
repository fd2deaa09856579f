//! What a change of the mapping must not break.
#![cfg(test)]

use entra_mapping::{SCHEMA, USER, VECTORS, import, provision, test, user_type};
use keyfob_core::{Dialect, Resource, SchemaUri};
use keyfob_expression::{Environment, SeededEntropy};
use keyfob_mapping::{Change, graph::SynchronizationSchema};
use keyfob_patch::Plan;

fn with_environment<T>(run: impl FnOnce(&Environment<'_>) -> T) -> T {
    let entropy = SeededEntropy::new(0);
    run(&Environment::new(
        "2026-01-01T12:00:00Z".parse().unwrap(),
        &entropy,
    ))
}

#[test]
fn the_vectors_hold() {
    assert_eq!(
        with_environment(|environment| test(VECTORS, environment).unwrap()),
        5
    );
}

#[test]
fn a_reviewer_has_nothing_to_read() {
    let (users, lints) = import(SCHEMA).unwrap();
    assert_eq!(users.mapping.attributes.len(), 13);
    assert_eq!(lints, [""; 0]);
}

#[test]
fn every_expression_of_the_mapping_that_computes_has_a_vector() {
    let (users, _) = import(SCHEMA).unwrap();
    let vectors = String::from_utf8(VECTORS.to_vec()).unwrap();
    for attribute in &users.mapping.attributes {
        let expression = attribute.expression.as_deref().unwrap();
        let quoted = expression.replace('\\', "\\\\").replace('"', "\\\"");
        assert!(
            expression.starts_with('[') || vectors.contains(&quoted),
            "{expression}"
        );
    }
}

#[test]
fn a_user_is_created_and_then_up_to_date() {
    let (users, _) = import(SCHEMA).unwrap();
    with_environment(|environment| {
        let Change::Create(resource) = provision(&users, USER, None, environment).unwrap() else {
            panic!()
        };
        let access = resource.extension(&SchemaUri::VERKADA_ACCESS_USER).unwrap();
        assert_eq!(access.get_str("cardNumber"), Some("7777"));
        assert!(access.get("cardNumberHex").is_none(), "null does not flow");
        assert_eq!(resource.core().get_str("title"), Some("Tour Guide"));
        let again = provision(&users, USER, Some(&resource), environment).unwrap();
        assert_eq!(again, Change::UpToDate);
    });
}

#[test]
fn a_user_who_is_disabled_is_deactivated_and_keeps_the_card() {
    let (users, _) = import(SCHEMA).unwrap();
    let user = user_type().unwrap();
    with_environment(|environment| {
        let Change::Create(mut resource) = provision(&users, USER, None, environment).unwrap() else {
            panic!()
        };
        let gone = String::from_utf8(USER.to_vec())
            .unwrap()
            .replace("\"accountEnabled\": true", "\"accountEnabled\": false");
        let Change::Disable(request) =
            provision(&users, gone.as_bytes(), Some(&resource), environment).unwrap()
        else {
            panic!()
        };
        let plan = Plan::compile(request, user, Dialect::strict()).unwrap();
        plan.apply(&mut resource).unwrap();
        assert_eq!(resource.core().get("active").unwrap().as_bool(), Some(false));
        assert!(resource.extension(&SchemaUri::VERKADA_ACCESS_USER).is_some());
    });
}

#[test]
fn a_user_without_a_mailbox_is_not_provisioned() {
    let (users, _) = import(SCHEMA).unwrap();
    let external = br#"{"userPrincipalName": "x@example.com", "accountEnabled": true}"#;
    with_environment(|environment| {
        let change = provision(&users, external, None, environment).unwrap();
        assert_eq!(change, Change::OutOfScope);
        let existing = Resource::from_json(
            br#"{"userName": "x@example.com", "active": true}"#,
            user_type().unwrap(),
        )
        .unwrap();
        let change = provision(&users, external, Some(&existing), environment).unwrap();
        assert!(matches!(change, Change::Disable(_)));
    });
}

#[test]
fn the_schema_goes_back_to_the_tenant_as_it_came() {
    let schema = SynchronizationSchema::from_json(SCHEMA).unwrap();
    let written = schema.to_json();
    assert_eq!(SynchronizationSchema::from_json(&written).unwrap(), schema);
}
