//! Verkada's example of card credentials in the extension attributes of a user, from Graph's answer to the PATCH (M-8).

use keyfob_core::{Dialect, SchemaUri, message::PatchRequest};
use keyfob_expression::Options;
use keyfob_mapping::{AttributeMapping, Change, Mapper, ObjectMapping, graph};
use keyfob_patch::{Applied, Plan};

use super::support::{environment, existing, user};

const NAMES: [&str; 5] = [
    "cardFormat",
    "cardNumber",
    "cardNumberHex",
    "credentialStatus",
    "facilityCode",
];

fn credentials() -> Mapper {
    let mut mapping = ObjectMapping::new("User", "User");
    let attribute = |(index, name): (usize, &str)| {
        AttributeMapping::new(
            format!("{}:{name}", SchemaUri::VERKADA_ACCESS_USER),
            format!("[extensionAttribute{}]", index + 1),
        )
    };
    mapping.attributes = NAMES.into_iter().enumerate().map(attribute).collect();
    Mapper::compile(&mapping, user(), &Options::default()).unwrap()
}

#[test]
fn m_8_extension_attributes_become_the_patch_of_a_card_credential() {
    let source = graph::source_from_json(
        br#"{"onPremisesExtensionAttributes": {
            "extensionAttribute1": "Standard 26-bit Wiegand", "extensionAttribute2": "7777",
            "extensionAttribute3": "7", "extensionAttribute4": "active", "extensionAttribute5": "111"
        }}"#,
    )
    .unwrap();
    let expected = PatchRequest::from_json(
        br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
            {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardFormat","value":"Standard 26-bit Wiegand"},
            {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardNumber","value":"7777"},
            {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardNumberHex","value":"7"},
            {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:credentialStatus","value":"active"},
            {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:facilityCode","value":"111"}]}"#,
    )
    .unwrap();
    let mapper = credentials();
    let mut babs = existing(r#"{"userName": "babs"}"#);
    let change = mapper.apply(&source, Some(&babs), &environment()).unwrap();
    assert_eq!(change, Change::Update(expected.clone()));

    let plan = Plan::compile(expected, user(), Dialect::strict()).unwrap();
    assert_eq!(plan.apply(&mut babs).unwrap(), Applied::Changed);
    let extension = babs.extension(&SchemaUri::VERKADA_ACCESS_USER).unwrap();
    let held = NAMES.map(|name| extension.get_str(name).unwrap());
    assert_eq!(held, ["Standard 26-bit Wiegand", "7777", "7", "active", "111"]);
    assert!(babs.schemas().contains(&SchemaUri::VERKADA_ACCESS_USER));
    assert_eq!(
        mapper.apply(&source, Some(&babs), &environment()).unwrap(),
        Change::UpToDate
    );
}

#[test]
fn one_that_is_deactivated_is_one_operation() {
    let mut babs = existing(
        r#"{"userName": "babs", "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User":
            {"cardFormat": "Standard 26-bit Wiegand", "cardNumber": "7777", "credentialStatus": "active"}}"#,
    );
    let source = graph::source_from_json(
        br#"{"onPremisesExtensionAttributes": {"extensionAttribute2": "7777", "extensionAttribute4": "deactivated"}}"#,
    )
    .unwrap();
    let request = credentials().update(&source, &babs, &environment()).unwrap();
    assert_eq!(request.operations.len(), 1);
    Plan::compile(request, user(), Dialect::strict())
        .unwrap()
        .apply(&mut babs)
        .unwrap();
    let extension = babs.extension(&SchemaUri::VERKADA_ACCESS_USER).unwrap();
    assert_eq!(extension.get_str("credentialStatus"), Some("deactivated"));
    assert_eq!(extension.get_str("cardFormat"), Some("Standard 26-bit Wiegand"));
}
