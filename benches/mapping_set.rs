//! What does it cost to map a user by the 22 attributes that Entra ID starts with, beside doing it by hand?

use std::{error::Error, hint::black_box};

use keyfob_benches::{compare, criterion};
use keyfob_core::{Object, Registry, Resource, ResourceType, SchemaUri, SmolStr, validate};
use keyfob_expression::{Environment, Options, SeededEntropy, Source, Value};
use keyfob_mapping::{
    Mapper, ObjectMapping,
    graph::{self, Objects},
};

const USER: &[u8] = br#"{
    "id": "d05e47b1-3909-445a-ba5e-ca60cbc0e4b4", "accountEnabled": true,
    "userPrincipalName": "bjensen@example.com", "displayName": "Barbara Jensen", "jobTitle": "Tour Guide",
    "mail": "babs@example.com", "preferredLanguage": "en-US", "givenName": "Barbara", "surname": "Jensen",
    "officeLocation": "18/2111", "streetAddress": "100 Universal City Plaza", "city": "Hollywood", "state": "CA",
    "postalCode": "91608", "country": "USA", "businessPhones": ["555-555-8377"], "mobilePhone": "555-555-4444",
    "faxNumber": "555-555-1234", "mailNickname": "babs", "employeeId": "701984", "department": "Tour Operations",
    "manager": {"id": "26118915-6090-4610-87e4-49d8ca9f808d"}
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let user = Registry::rfc().resource_type("User").ok_or("there is no User")?;
    let mapper = Mapper::compile(&ObjectMapping::entra_user(), user, &Options::default())?;
    let source = graph::source_from_json(USER)?;
    let entropy = SeededEntropy::new(0);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    let created = mapper.create(&source, &environment)?;
    if created != by_hand(&source, user) {
        return Err("the mapping and the code beside it make two users".into());
    }
    let request = mapper.update(&source, &created, &environment)?;
    if !request.operations.is_empty() {
        return Err("a user is not up to date after being made".into());
    }
    let mut criterion = criterion();
    compare(
        &mut criterion,
        "make a user by 22 mapped attributes (keyfob) and by hand (floor)",
        || mapper.create(&source, &environment),
        || by_hand(&source, user),
    );
    compare(
        &mut criterion,
        "find a user up to date by 22 mapped attributes (keyfob) and make it anew by hand (floor)",
        || mapper.update(&source, &created, &environment),
        || by_hand(&source, user) == created,
    );
    let line = [USER, b"\n"].concat();
    compare(
        &mut criterion,
        "read, map and write a user of NDJSON (keyfob) and by hand without reading (floor)",
        || {
            let read = Objects::read(black_box(&line)).ok()?;
            let object = read.objects.first()?;
            mapper
                .create(&object.source, &environment)
                .ok()
                .map(|user| user.to_json())
        },
        || by_hand(black_box(&source), user).to_json(),
    );
    criterion.final_summary();
    Ok(())
}

/// What the mapping says, as code that knows its attributes.
fn by_hand(source: &Source, user: &ResourceType) -> Resource {
    let text = |name: &str| -> SmolStr { source.get(name).map(Value::to_text).unwrap_or_default() };
    let typed = |kind: &str, name: &str| -> keyfob_core::Value {
        let object: Object = [("type", kind.into()), ("value", text(name))]
            .into_iter()
            .collect();
        object.into()
    };
    let mut resource = Resource::default();
    let core = resource.core_mut();
    core.insert("userName", text("userPrincipalName"));
    core.insert("active", text("IsSoftDeleted") == "False");
    core.insert("displayName", text("displayName"));
    core.insert("title", text("jobTitle"));
    core.insert("emails", vec![typed("work", "mail")]);
    core.insert("preferredLanguage", text("preferredLanguage"));
    let mut name = Object::new();
    name.insert("givenName", text("givenName"));
    name.insert("familyName", text("surname"));
    let formatted = format!("{} {}", text("givenName"), text("surname"));
    name.insert("formatted", formatted.as_str());
    core.insert("name", name);
    let mut address = Object::new();
    address.insert("type", "work");
    for (sub, attribute) in [
        ("formatted", "physicalDeliveryOfficeName"),
        ("streetAddress", "streetAddress"),
        ("locality", "city"),
        ("region", "state"),
        ("postalCode", "postalCode"),
        ("country", "country"),
    ] {
        address.insert(sub, text(attribute));
    }
    core.insert("addresses", vec![keyfob_core::Value::from(address)]);
    let phones = [
        ("work", "telephoneNumber"),
        ("mobile", "mobile"),
        ("fax", "facsimileTelephoneNumber"),
    ];
    let phones = phones.map(|(kind, attribute)| typed(kind, attribute));
    core.insert("phoneNumbers", Vec::from(phones));
    core.insert("externalId", text("mailNickname"));
    let mut enterprise = resource.extension_mut(&SchemaUri::ENTERPRISE_USER);
    enterprise.insert("employeeNumber", text("employeeId"));
    enterprise.insert("department", text("department"));
    let manager: Object = [("value", text("manager"))].into_iter().collect();
    enterprise.insert("manager", manager);
    drop(enterprise);
    validate::state_schemas(&mut resource, user);
    resource
}
