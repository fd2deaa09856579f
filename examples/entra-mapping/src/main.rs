//! Imports a mapping, tests it, and shows what it does to one user.

use std::error::Error;

use entra_mapping::{SCHEMA, USER, VECTORS, import, provision, test, user_type};
use keyfob_core::{Clock, Resource, SystemClock, json};
use keyfob_expression::{Environment, SystemEntropy};
use keyfob_mapping::Change;

#[expect(clippy::print_stdout, reason = "a program to look at")]
fn main() -> Result<(), Box<dyn Error>> {
    let entropy = SystemEntropy::new();
    let environment = Environment::new(SystemClock::new().now(), &entropy);

    let (users, lints) = import(SCHEMA)?;
    println!(
        "{}: {} attributes",
        users.mapping.name,
        users.mapping.attributes.len()
    );
    for lint in lints {
        println!("  {lint}");
    }
    println!("{} vectors hold", test(VECTORS, &environment)?);

    if let Change::Create(resource) = provision(&users, USER, None, &environment)? {
        println!("create {}", String::from_utf8(resource.to_json())?);
    }
    // The provider knows the user already, with another number and no card.
    let existing = br#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2819c223",
        "userName": "bjensen@example.com", "active": true, "displayName": "Barbara Jensen", "title": "Tour Guide",
        "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "emails": [{"type": "work", "value": "babs@example.com"}], "phoneNumbers": [{"type": "work", "value": "1"}]}"#;
    let existing = Resource::from_json(existing, user_type()?)?;
    if let Change::Update(request) = provision(&users, USER, Some(&existing), &environment)? {
        println!(
            "update {}",
            String::from_utf8(json::object_to_vec(&request.to_object()))?
        );
    }
    Ok(())
}
