//! Which resources a relation takes (RFC 7643 section 7, `referenceTypes`).

use keyfob_core::{
    Dialect, Quirk, Registry, Resource, Schema, ScimType, ToErrorBody,
    schema::{RegistryBuilder, Relation, RelationKind, ResourceTypeBuilder},
    validate::{self, Reader},
};

use crate::support::without_schemas;

/// A type of which the relation `parts` has these sub-attributes beside `value`.
fn machines(sub_attributes: &str) -> Registry {
    let schema = Schema::from_json(
        format!(
            r#"{{"id": "urn:example:machine:1.0:Machine", "attributes": [
                {{"name": "parts", "type": "complex", "multiValued": true,
                  "subAttributes": [{{"name": "value"}}{sub_attributes}]}}]}}"#
        )
        .as_bytes(),
    )
    .unwrap();
    let machine = ResourceTypeBuilder::new("Machine", "/Machines", schema.id.clone()).relation("parts");
    let builder = RegistryBuilder::rfc().schema(schema);
    builder.resource_type(machine).build().unwrap()
}

#[test]
fn section_7_a_relation_takes_the_types_that_its_ref_names_and_any_if_it_names_none() {
    let of =
        |types: &str| format!(r#", {{"name": "$ref", "type": "reference", "referenceTypes": [{types}]}}"#);
    for (sub_attributes, taken, refused) in [
        (String::new(), &["User", "Machine", "Lathe"][..], &[][..]),
        (of(""), &["User", "Machine"], &[]),
        (of(r#""external""#), &["User", "Machine"], &[]),
        (of(r#""uri", "external""#), &["User", "Machine"], &[]),
        (
            of(r#""Machine""#),
            &["Machine", "MACHINE"],
            &["User", "Machines", "Mach", ""],
        ),
        (
            of(r#""User", "uri", "machine""#),
            &["User", "Machine"],
            &["Group", "uri"],
        ),
        (
            r#", {"name": "type", "referenceTypes": ["User"]}"#.to_owned(),
            &["User", "Group"],
            &[],
        ),
    ] {
        let registry = machines(&sub_attributes);
        let machine = registry.resource_type("Machine").unwrap();
        let parts = machine.relation("parts").unwrap();
        for name in taken {
            assert!(parts.takes(name), "{name}: {sub_attributes}");
        }
        for name in refused {
            assert!(!parts.takes(name), "{name}: {sub_attributes}");
        }
    }
}

#[test]
fn a_member_of_a_type_that_the_relation_does_not_take_is_refused_whatever_form_it_was_sent_in() {
    let flat = RegistryBuilder::rfc().flat_groups().build().unwrap();
    let nested = Registry::rfc();
    let dialect = Dialect::interop().with(Quirk::UnlistedSchemas);
    for (registry, members, refused) in [
        (nested, r#"[{"value": "1", "type": "Group"}]"#, None),
        (nested, r#"[{"value": "1", "type": "direct"}]"#, None),
        (&flat, r#"[{"value": "1"}, {"value": "2", "type": "user"}]"#, None),
        (&flat, r#"[{"value": "1", "type": ""}]"#, None),
        (&flat, r#"[{"value": "1", "type": null}]"#, None),
        (&flat, r#"[{"value": "1", "type": "Group"}]"#, Some("Group")),
        (
            &flat,
            r#"[{"value": "1"}, {"value": "2", "TYPE": "group", "since": 5}]"#,
            Some("group"),
        ),
        (&flat, r#"[{"value": "1", "type": ["Group"]}]"#, Some("Group")),
        (&flat, r#"{"value": "1", "type": "Group"}"#, Some("Group")),
    ] {
        let group = registry.resource_type("Group").unwrap();
        let members_attribute = group.attribute("members").unwrap();
        let text = format!(r#"{{"displayName": "G", "members": {members}}}"#);
        let typed = Resource::from_json(text.as_bytes(), group).unwrap();
        let untyped: Resource = serde_json::from_str(&text).unwrap();
        let sent = untyped.core().get("members").unwrap().clone();
        let results = [
            validate::create(typed.clone(), group, dialect).map(drop),
            validate::create(untyped, group, dialect).map(drop),
            validate::replace(typed, &Resource::default(), group, dialect).map(drop),
            Reader::new(dialect)
                .members(members_attribute, sent, "members")
                .map(drop),
        ];
        for result in results {
            match (result, refused) {
                (Ok(()), None) => {}
                (Err(error), Some(found)) => {
                    assert_eq!(error.to_string(), format!("`members` takes no `{found}`"));
                    assert_eq!(error.to_error_body().scim_type, Some(ScimType::InvalidValue));
                }
                (result, _) => panic!("{members}: {result:?}"),
            }
        }
    }
}

/// RFC 7643 section 4.1.2: `groups` shows nested membership where there can be some, and where the schema has a word for it.
#[test]
fn an_inverse_relation_reaches_through_owners_that_owners_may_have() {
    let levels = |registry: &Registry, resource_type: &str, name: &str| {
        let relation = registry
            .resource_type(resource_type)
            .unwrap()
            .relation(name)
            .unwrap();
        match relation.kind {
            RelationKind::InverseOf { levels, .. } => Some(levels),
            _ => None,
        }
    };
    let flat = RegistryBuilder::rfc().flat_groups().build().unwrap();
    assert_eq!(
        levels(Registry::rfc(), "User", "groups"),
        Some(Relation::MAX_LEVELS)
    );
    assert_eq!(levels(Registry::rfc(), "Group", "members"), None);
    assert_eq!(levels(&flat, "User", "groups"), Some(1));
}

#[test]
fn flat_groups_say_in_their_schema_that_they_take_users_alone() {
    let served = |registry: &Registry| {
        let group = registry
            .schema("urn:ietf:params:scim:schemas:core:2.0:Group")
            .unwrap();
        serde_json::to_string(&without_schemas(&group.to_resource())).unwrap()
    };
    let flat = RegistryBuilder::verkada().flat_groups().build().unwrap();
    assert!(served(Registry::verkada()).contains(r#""referenceTypes":["User","Group"]"#));
    let flat_schema = served(&flat);
    assert!(
        flat_schema.contains(r#""referenceTypes":["User"]"#),
        "{flat_schema}"
    );
    assert!(
        flat_schema.contains(r#""canonicalValues":["User"]"#),
        "{flat_schema}"
    );
    let user = flat.schema("urn:ietf:params:scim:schemas:core:2.0:User").unwrap();
    let groups = user.attribute("groups").unwrap();
    assert_eq!(groups.sub_attribute("type").unwrap().canonical_values, ["direct"]);
    // Nobody else's groups changed.
    let members = Registry::rfc()
        .resource_type("Group")
        .unwrap()
        .relation("members")
        .unwrap();
    assert!(members.takes("Group"));
}
