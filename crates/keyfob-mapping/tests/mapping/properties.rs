//! What holds of every mapping.

use keyfob_core::{Dialect, Resource};
use keyfob_expression::{Options, Source};
use keyfob_mapping::{Apply, AttributeMapping, Mapper, ObjectMapping, graph::SynchronizationSchema};
use keyfob_patch::Plan;
use keyfob_testgen::{Choices, Kind, resource};
use proptest::prelude::*;

use super::support::environment;

const TARGETS: [&str; 14] = [
    "userName",
    "title",
    "active",
    "name.givenName",
    "name.familyName",
    "addresses[type eq \"work\"].locality",
    "addresses[type eq \"work\"].region",
    "addresses[type eq \"home\"].region",
    "phoneNumbers[type eq \"work\"].value",
    "phoneNumbers[type eq \"work\"].display",
    "emails",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "roles[primary eq true].value",
];

const EXPRESSIONS: [&str; 7] = [
    "[a]",
    "[b]",
    "[none]",
    "\"constant\"",
    "Append([a], \"!\")",
    "Coalesce([none], [b])",
    "Switch([flag], , \"False\", \"True\", \"True\", \"False\")",
];

fn mapping(choices: &mut Choices<'_>) -> ObjectMapping {
    let mut mapping = ObjectMapping::new("User", "User");
    for target in TARGETS {
        if choices.one_in(2) {
            continue;
        }
        let expression = if target == "active" {
            EXPRESSIONS[6]
        } else {
            choices.pick(&EXPRESSIONS)
        };
        let mut attribute = AttributeMapping::new(target, expression)
            .apply(choices.pick(&[Apply::Always, Apply::Always, Apply::OnCreate, Apply::AddValues]))
            .matching(u32::from(choices.one_in(4)));
        if choices.one_in(3) {
            attribute = attribute.or_default("True");
        }
        if choices.one_in(8) {
            attribute.expression = None;
        }
        mapping.attributes.push(attribute);
    }
    mapping
}

fn source(choices: &mut Choices<'_>) -> Source {
    let mut source = Source::new();
    for name in ["a", "b"] {
        if choices.one_in(4) {
            continue;
        }
        source.insert(name, choices.pick(&["x", "X", "Guide", "7", "w@example.com"]));
    }
    source.insert("flag", choices.one_in(2));
    source
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_updated_resource_needs_no_update_and_keeps_what_is_not_mapped(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let choices = &mut Choices::new(&bytes);
        let mapping = mapping(choices);
        let user = Kind::User.resource_type();
        let mapper = Mapper::compile(&mapping, user, &Options::default()).unwrap();
        let source = source(choices);
        let before = resource(choices, Kind::User).to_string();
        let before = Resource::from_json(before.as_bytes(), user).unwrap();
        let mut after = before.clone();
        let request = mapper.update(&source, &before, &environment()).unwrap();
        let told = request.to_object();
        let plan = Plan::compile(request, user, Dialect::strict()).unwrap();
        prop_assert!(plan.apply(&mut after).is_ok(), "{told:?}");
        let again = mapper.update(&source, &after, &environment()).unwrap();
        prop_assert_eq!(again.operations, [], "after {:?}", told);
        for (name, value) in before.core().iter() {
            let is_mapped = mapping.attributes.iter().any(|attribute| attribute.target.starts_with(name.as_str()));
            if !is_mapped {
                prop_assert_eq!(after.core().get(name.as_str()), Some(value));
            }
        }
    }

    #[test]
    fn a_created_resource_needs_no_update(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let choices = &mut Choices::new(&bytes);
        let mapper = Mapper::compile(&mapping(choices), Kind::User.resource_type(), &Options::default()).unwrap();
        let source = source(choices);
        let created = mapper.create(&source, &environment()).unwrap();
        let request = mapper.update(&source, &created, &environment()).unwrap();
        prop_assert_eq!(request.operations, []);
    }

    #[test]
    fn a_mapping_survives_both_of_its_forms(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mapping = mapping(&mut Choices::new(&bytes));
        prop_assert_eq!(&ObjectMapping::from_json(&mapping.to_json()).unwrap(), &mapping);
        let schema = SynchronizationSchema::new(std::slice::from_ref(&mapping));
        let read = SynchronizationSchema::from_json(&schema.to_json()).unwrap();
        prop_assert_eq!(&read.mappings().unwrap()[0].mapping, &mapping);
    }
}
