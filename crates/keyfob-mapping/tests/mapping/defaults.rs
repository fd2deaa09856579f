//! The mappings that Entra ID starts with.

use keyfob_core::{Dialect, Quirk, validate};
use keyfob_expression::Options;
use keyfob_mapping::{Mapper, ObjectMapping, graph};

use super::support::{attributes, environment, group, user};

#[test]
fn the_default_user_mapping_makes_a_user() {
    let mapper = Mapper::compile(&ObjectMapping::entra_user(), user(), &Options::default()).unwrap();
    let source = graph::source_from_json(
        br#"{
            "id": "d05e47b1-3909-445a-ba5e-ca60cbc0e4b4", "accountEnabled": true,
            "userPrincipalName": "bjensen@example.com", "displayName": "Barbara Jensen", "jobTitle": "Tour Guide",
            "mail": "babs@example.com", "preferredLanguage": "en-US", "givenName": "Barbara", "surname": "Jensen",
            "officeLocation": "18/2111", "streetAddress": "100 Universal City Plaza", "city": "Hollywood", "state": "CA",
            "postalCode": "91608", "country": "USA", "businessPhones": ["555-555-8377"], "mobilePhone": "555-555-4444",
            "faxNumber": "555-555-1234", "mailNickname": "babs", "employeeId": "701984", "department": "Tour Operations",
            "manager": {"id": "26118915"}
        }"#,
    )
    .unwrap();
    let created = mapper.create(&source, &environment()).unwrap();
    let expected = serde_json::json!({
        "userName": "bjensen@example.com",
        "active": true,
        "displayName": "Barbara Jensen",
        "title": "Tour Guide",
        "emails": [{"type": "work", "value": "babs@example.com"}],
        "preferredLanguage": "en-US",
        "name": {"givenName": "Barbara", "familyName": "Jensen", "formatted": "Barbara Jensen"},
        "addresses": [{
            "type": "work", "formatted": "18/2111", "streetAddress": "100 Universal City Plaza",
            "locality": "Hollywood", "region": "CA", "postalCode": "91608", "country": "USA"
        }],
        "phoneNumbers": [
            {"type": "work", "value": "555-555-8377"},
            {"type": "mobile", "value": "555-555-4444"},
            {"type": "fax", "value": "555-555-1234"}
        ],
        "externalId": "babs",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "department": "Tour Operations", "manager": {"value": "26118915"}
        }
    });
    assert_eq!(attributes(&created), expected);
    // The directory says `USA`, which RFC 7643 section 4.1.2 would have as `US`.
    let dialect = Dialect::strict().with(Quirk::LooseFormats);
    let accepted = validate::create(created.clone(), user(), dialect).unwrap();
    assert_eq!(accepted, created, "it is canonical");
    let filters = mapper.matching(&source, &environment()).unwrap();
    assert_eq!(filters.len(), 1);
    assert_eq!(filters[0].to_string(), r#"userName eq "bjensen@example.com""#);
}

#[test]
fn the_default_group_mapping_makes_a_group() {
    let mapper = Mapper::compile(&ObjectMapping::entra_group(), group(), &Options::default()).unwrap();
    let source = graph::source_from_json(
        br#"{"id": "7", "displayName": "Tour Guides", "members": [{"id": "26118915"}, {"id": "2819c223"}]}"#,
    )
    .unwrap();
    let created = mapper.create(&source, &environment()).unwrap();
    let expected = serde_json::json!({
        "displayName": "Tour Guides", "externalId": "7",
        "members": [{"value": "26118915"}, {"value": "2819c223"}]
    });
    assert_eq!(attributes(&created), expected);
    let filters = mapper.matching(&source, &environment()).unwrap();
    assert_eq!(filters[0].to_string(), r#"displayName eq "Tour Guides""#);
}
