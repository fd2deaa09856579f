//! Changes of members: which need no members to be known, and that the deltas say what the operations do one by one.

use std::collections::BTreeMap;

use keyfob_core::{
    AttrName, Dialect, Member, MemberSet, Registry, Resource, ResourceId, Schema, ScimType, ToErrorBody,
    schema::{RegistryBuilder, ResourceTypeBuilder},
    validate::Reader,
};
use keyfob_patch::{Applied, Plan, RelationDelta};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{group, patch, plan, request, resource, user};

const MEMBERS: &str = r#"{"displayName": "G", "members": [{"value": "a", "display": "Ann"}, {"value": "b", "type": "Group"}, {"value": "c"}]}"#;

fn ids(resource: &Resource) -> Vec<&str> {
    let mut ids: Vec<&str> = resource
        .relation("members")
        .into_iter()
        .flat_map(MemberSet::iter)
        .map(|(id, _)| id.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

fn delta_of(operations: &str) -> RelationDelta {
    let plan = plan(group(), Dialect::interop(), operations);
    assert!(plan.is_relation_only(), "{operations}");
    assert!(plan.reads().is_empty(), "{operations}");
    let members = &group().relation("members").unwrap().attribute;
    assert!(plan.writes().contains(members.id), "{operations}");
    let [delta] = plan.deltas() else {
        panic!("{operations}: {:?}", plan.deltas());
    };
    assert_eq!(delta.attribute.as_str(), "members");
    delta.clone()
}

/// Operations, and of the delta that they are: whether it clears, whom it adds, whom it removes.
const DELTAS: &[(&str, bool, &str, &str)] = &[
    (
        r#"[{"op": "add", "path": "members", "value": [{"value": "x"}, {"value": "y"}]}]"#,
        false,
        "x y",
        "",
    ),
    (
        r#"[{"op": "add", "value": {"members": [{"value": "x"}]}}]"#,
        false,
        "x",
        "",
    ),
    (
        r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": "x"}]}]"#,
        false,
        "x",
        "",
    ),
    (
        r#"[{"op": "add", "path": "MEMBERS", "value": "x"}]"#,
        false,
        "x",
        "",
    ),
    (
        r#"[{"op": "replace", "path": "members", "value": [{"value": "x"}]}]"#,
        true,
        "x",
        "",
    ),
    (
        r#"[{"op": "replace", "path": "members", "value": []}]"#,
        true,
        "",
        "",
    ),
    (
        r#"[{"op": "replace", "path": "members", "value": null}]"#,
        true,
        "",
        "",
    ),
    (r#"[{"op": "remove", "path": "members"}]"#, true, "", ""),
    (
        r#"[{"op": "remove", "path": "members[value eq \"x\"]"}]"#,
        false,
        "",
        "x",
    ),
    (
        r#"[{"op": "remove", "path": "members[value eq \"x\" or value eq \"y\"]"}]"#,
        false,
        "",
        "x y",
    ),
    (
        r#"[{"op": "remove", "path": "members", "value": [{"value": "x"}, {"value": "y"}]}]"#,
        false,
        "",
        "x y",
    ),
    // The last operation on an id counts.
    (
        r#"[{"op": "add", "path": "members", "value": [{"value": "x"}, {"value": "y"}]},
                {"op": "remove", "path": "members[value eq \"x\"]"},
                {"op": "remove", "path": "members[value eq \"z\"]"},
                {"op": "add", "path": "members", "value": [{"value": "z"}]}]"#,
        false,
        "y z",
        "x",
    ),
    (
        r#"[{"op": "remove", "path": "members[value eq \"x\"]"}, {"op": "remove", "path": "members"},
                {"op": "add", "path": "members", "value": [{"value": "y"}, {"value": "z"}]},
                {"op": "remove", "path": "members[value eq \"y\"]"}]"#,
        true,
        "z",
        "",
    ),
    (
        r#"[{"op": "replace", "value": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "members": [{"value": "x"}]}}]"#,
        true,
        "x",
        "",
    ),
];

#[test]
fn changes_of_members_by_id_need_neither_the_document_nor_the_members() {
    for (operations, clear, add, remove) in DELTAS.iter().copied() {
        let delta = delta_of(operations);
        let mut added: Vec<&str> = delta.add.iter().map(|(id, _)| id.as_str()).collect();
        let mut removed: Vec<&str> = delta.remove.iter().map(ResourceId::as_str).collect();
        added.sort_unstable();
        removed.sort_unstable();
        assert_eq!(
            (delta.clear, &*added.join(" "), &*removed.join(" ")),
            (clear, add, remove),
            "{operations}"
        );
    }
}

#[test]
fn what_else_a_request_touches_needs_the_document() {
    let members = &group().relation("members").unwrap().attribute;
    for (operations, reads_members, deltas) in [
        (
            r#"[{"op": "replace", "path": "displayName", "value": "H"}]"#,
            false,
            0,
        ),
        (
            r#"[{"op": "replace", "value": {"displayName": "H", "members": [{"value": "x"}]}}]"#,
            false,
            1,
        ),
        (
            r#"[{"op": "add", "value": {"id": "1", "members": [{"value": "x"}]}}]"#,
            false,
            1,
        ),
        (
            r#"[{"op": "remove", "path": "members[display co \"x\"]"}]"#,
            true,
            0,
        ),
        (
            r#"[{"op": "remove", "path": "members[value eq \"x\" and type eq \"User\"]"}]"#,
            true,
            0,
        ),
        (
            r#"[{"op": "replace", "path": "members[value eq \"x\"]", "value": {"value": "y"}}]"#,
            true,
            0,
        ),
        (
            r#"[{"op": "add", "path": "members[value eq \"x\"]", "value": {"display": "X"}}]"#,
            true,
            0,
        ),
    ] {
        let plan = plan(group(), Dialect::interop(), operations);
        assert!(!plan.is_relation_only(), "{operations}");
        assert_eq!(plan.reads().contains(members.id), reads_members, "{operations}");
        assert_eq!(plan.deltas().len(), deltas, "{operations}");
    }
}

#[test]
fn a_read_only_relation_that_is_repeated_has_to_be_looked_at() {
    let groups = &user().relation("groups").unwrap().attribute;
    let plan = plan(
        user(),
        Dialect::strict(),
        r#"[{"op": "replace", "value": {"groups": []}}]"#,
    );
    assert!(!plan.is_relation_only());
    assert!(plan.reads().contains(groups.id) && !plan.writes().contains(groups.id));
}

#[test]
fn a_relation_that_follows_from_another_is_not_written_whatever_its_schema_says() {
    let schema = Schema::from_json(
        br#"{"id": "urn:example:params:scim:schemas:core:1.0:Badge", "attributes": [
            {"name": "teams", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "caseExact": true}]}]}"#,
    )
    .unwrap();
    let badge = ResourceTypeBuilder::new("Badge", "/Badges", schema.id.clone());
    let registry = RegistryBuilder::rfc()
        .schema(schema)
        .resource_type(badge.inverse_relation("teams", "Group", "members"))
        .build()
        .unwrap();
    let badge = registry.resource_type("Badge").unwrap();
    let operations = r#"[{"op": "remove", "path": "teams"}]"#;
    let error = Plan::compile(request(operations), badge, Dialect::interop()).unwrap_err();
    assert_eq!(error.to_string(), "operation 1: `teams` is readOnly");
}

#[test]
fn a_request_that_says_nothing_is_a_plan_that_does_nothing() {
    for operations in [
        r#"[{"op": "add", "value": {}}]"#,
        r#"[{"op": "add", "path": "members", "value": []}]"#,
        r#"[{"op": "replace", "value": {"titel": "x"}}]"#,
        r#"[{"op": "remove", "path": "titel"}]"#,
    ] {
        let plan = plan(group(), Dialect::interop(), operations);
        assert!(
            plan.is_relation_only() && plan.deltas().is_empty(),
            "{operations}"
        );
    }
}

#[test]
fn members_are_the_same_by_id_and_keep_what_is_known_of_them() {
    let mut patched = resource(group(), MEMBERS);
    let operations = r#"[{"op": "add", "path": "members", "value": [{"value": "a", "display": "Other"}]}]"#;
    let applied = patch(&mut patched, group(), Dialect::strict(), operations);
    assert_eq!(applied.unwrap(), Applied::Unchanged);
    assert_eq!(patched, resource(group(), MEMBERS));

    let operations = r#"[{"op": "replace", "path": "members", "value": [{"value": "d"}, {"value": "a"}]}]"#;
    let applied = patch(&mut patched, group(), Dialect::strict(), operations);
    assert_eq!(applied.unwrap(), Applied::Changed);
    assert_eq!(ids(&patched), ["a", "d"]);
    let ann = patched
        .relation("members")
        .unwrap()
        .get(&ResourceId::new("a"))
        .unwrap();
    assert_eq!(ann.display.as_deref(), Some("Ann"));
}

#[test]
fn a_reference_that_a_client_sends_is_not_kept() {
    let delta = delta_of(
        r#"[{"op": "add", "path": "members", "value": [{"value": "x", "$ref": "https://evil.example/x", "type": "User"}]}]"#,
    );
    assert_eq!(
        delta.add,
        [(ResourceId::new("x"), Member::new().with_kind("User"))]
    );
}

/// Operations on [`MEMBERS`], and who is a member afterwards or the `scimType` of the refusal.
const SELECTIONS: &[(&str, Result<&str, &str>)] = &[
    (
        r#"[{"op": "remove", "path": "members[display sw \"A\"]"}]"#,
        Ok("b c"),
    ),
    (
        r#"[{"op": "remove", "path": "members[type eq \"group\"]"}]"#,
        Ok("a c"),
    ),
    (
        r#"[{"op": "remove", "path": "members[not (display pr)]"}]"#,
        Ok("a"),
    ),
    // Who was not a member is none afterwards, which is no error (3.5.2.2).
    (
        r#"[{"op": "remove", "path": "members[display eq \"Nobody\"]"}]"#,
        Ok("a b c"),
    ),
    // Those who were put in or taken out before count.
    (
        r#"[{"op": "add", "path": "members", "value": [{"value": "d", "display": "Amy"}]},
                {"op": "remove", "path": "members[value eq \"a\"]"},
                {"op": "remove", "path": "members[display sw \"A\"]"},
                {"op": "add", "path": "members", "value": [{"value": "e"}, {"value": "a"}]}]"#,
        Ok("a b c e"),
    ),
    (
        r#"[{"op": "replace", "path": "members", "value": [{"value": "d", "display": "Amy"}, {"value": "e"}]},
                {"op": "remove", "path": "members[display sw \"A\"]"}]"#,
        Ok("e"),
    ),
    (
        r#"[{"op": "replace", "path": "members", "value": [{"value": "a"}, {"value": "b"}]},
                {"op": "remove", "path": "members[display sw \"A\"]"}]"#,
        Ok("b"),
    ),
    // A value that names nobody takes nobody out.
    (
        r#"[{"op": "add", "path": "members[value eq \"a\"]", "value": {}}]"#,
        Err("invalidValue"),
    ),
    (
        r#"[{"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "d"}}]"#,
        Ok("b c d"),
    ),
    (
        r#"[{"op": "replace", "path": "members[not (display pr)]", "value": {"value": "d"}}]"#,
        Ok("a d"),
    ),
    (
        r#"[{"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "a", "display": "X"}}]"#,
        Ok("a b c"),
    ),
    (
        r#"[{"op": "replace", "path": "members[value eq \"x\"]", "value": {"value": "d"}}]"#,
        Err("noTarget"),
    ),
    (
        r#"[{"op": "replace", "path": "members[value eq \"a\"]", "value": {"display": "d"}}]"#,
        Err("invalidValue"),
    ),
    (
        r#"[{"op": "replace", "path": "members[value eq \"a\"]", "value": null}]"#,
        Err("invalidValue"),
    ),
    (
        r#"[{"op": "add", "path": "members[value eq \"a\"]", "value": {"display": "X"}}]"#,
        Err("invalidValue"),
    ),
    (
        r#"[{"op": "add", "path": "members[value eq \"a\"]", "value": {"value": "d"}}]"#,
        Err("mutability"),
    ),
    (
        r#"[{"op": "add", "path": "members[value eq \"x\"]", "value": {"display": "X"}}]"#,
        Err("invalidValue"),
    ),
    // Who was taken out is selected no more, and who was a member already is what is known of them.
    (
        r#"[{"op": "remove", "path": "members[value eq \"a\"]"},
                {"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "d"}}]"#,
        Err("noTarget"),
    ),
    (
        r#"[{"op": "add", "path": "members", "value": [{"value": "a", "display": "Bob"}]},
                {"op": "remove", "path": "members[display eq \"Bob\"]"}]"#,
        Ok("a b c"),
    ),
    // A member is never changed in place.
    (
        r#"[{"op": "replace", "path": "members[value eq \"a\"].display", "value": "X"}]"#,
        Err("mutability"),
    ),
    (
        r#"[{"op": "remove", "path": "members.display"}]"#,
        Err("mutability"),
    ),
    (
        r#"[{"op": "remove", "path": "members[value eq \"a\"].displayName"}]"#,
        Err("invalidPath"),
    ),
    (
        r#"[{"op": "add", "path": "members", "value": [{"display": "X"}]}]"#,
        Err("invalidValue"),
    ),
    (
        r#"[{"op": "add", "path": "members", "value": [{"value": ""}]}]"#,
        Err("invalidValue"),
    ),
];

#[test]
fn a_filter_selects_among_members_as_they_are_by_then() {
    for (operations, expected) in SELECTIONS.iter().copied() {
        let mut patched = resource(group(), MEMBERS);
        match patch(&mut patched, group(), Dialect::strict(), operations) {
            Ok(_) => assert_eq!(Ok(&*ids(&patched).join(" ")), expected, "{operations}"),
            Err(error) => {
                assert_eq!(
                    Err(error.scim_type.unwrap().as_str()),
                    expected,
                    "{operations}: {}",
                    error.detail
                );
                assert_eq!(patched, resource(group(), MEMBERS), "{operations}");
            }
        }
    }
}

#[test]
fn a_member_is_created_for_a_filter_that_names_one_where_the_dialect_says_so() {
    for (operations, expected) in [
        (
            r#"[{"op": "add", "path": "members[value eq \"x\"]", "value": {"display": "X"}}]"#,
            Ok("a b c x"),
        ),
        (
            r#"[{"op": "replace", "path": "members[value eq \"x\"]", "value": {"value": "y"}}]"#,
            Ok("a b c y"),
        ),
        (
            r#"[{"op": "replace", "path": "members[value eq \"x\"]", "value": {"display": "X"}}]"#,
            Ok("a b c x"),
        ),
        (
            r#"[{"op": "replace", "path": "members[value eq \"a\"]", "value": {"display": "X"}}]"#,
            Ok("a b c"),
        ),
        (
            r#"[{"op": "add", "path": "members[display eq \"X\"]", "value": {"type": "User"}}]"#,
            Err("invalidValue"),
        ),
        (
            r#"[{"op": "add", "path": "members[display eq \"X\"]", "value": {"value": "x"}}]"#,
            Ok("a b c x"),
        ),
    ] {
        let mut patched = resource(group(), MEMBERS);
        let applied = patch(&mut patched, group(), Dialect::interop(), operations);
        let found = applied
            .map(|_| ids(&patched).join(" "))
            .map_err(|error| error.scim_type.unwrap().as_str());
        assert_eq!(found.as_deref().map_err(|error| *error), expected, "{operations}");
    }
}

#[test]
fn a_member_that_takes_the_place_of_others_is_what_the_filter_says_be_it_sent_as_an_object_or_as_an_id_alone()
{
    for value in [r#"{"value": "x"}"#, r#""x""#] {
        let mut patched = resource(
            group(),
            r#"{"displayName": "G", "members": [{"value": "a", "display": "Ann"}]}"#,
        );
        let replace =
            format!(r#"[{{"op": "replace", "path": "members[display eq \"Ann\"]", "value": {value}}}]"#);
        patch(&mut patched, group(), Dialect::interop(), &replace).unwrap();
        let members = patched.relation("members").unwrap();
        let member = members.get(&ResourceId::new("x")).unwrap();
        assert_eq!(
            (members.len(), member.display.as_deref()),
            (1, Some("Ann")),
            "{value}"
        );
    }
}

#[test]
fn a_resource_that_carries_no_relation_has_no_members() {
    let mut patched = resource(group(), r#"{"displayName": "G"}"#);
    let remove = r#"[{"op": "remove", "path": "members[value eq \"a\"]"}]"#;
    assert_eq!(
        patch(&mut patched, group(), Dialect::strict(), remove).unwrap(),
        Applied::Unchanged
    );
    assert!(patched.relation("members").is_none());
    let add = r#"[{"op": "add", "path": "members", "value": [{"value": "a"}]}]"#;
    assert_eq!(
        patch(&mut patched, group(), Dialect::strict(), add).unwrap(),
        Applied::Changed
    );
    assert_eq!(ids(&patched), ["a"]);
}

#[test]
fn the_document_alone_is_patched_for_a_store_and_the_members_left_to_it() {
    let operations = r#"[{"op": "replace", "path": "displayName", "value": "H"},
                         {"op": "add", "path": "members", "value": [{"value": "x"}]}]"#;
    let plan = plan(group(), Dialect::strict(), operations);
    let mut document = resource(group(), r#"{"displayName": "G"}"#);
    let patched = plan.apply_to_document(&mut document).unwrap();
    assert_eq!(patched.document, Applied::Changed);
    assert_eq!(patched.deltas.len(), 1);
    assert_eq!(document, resource(group(), r#"{"displayName": "H"}"#));
    let patched = plan.apply_to_document(&mut document).unwrap();
    assert_eq!(patched.document, Applied::Unchanged);
    assert_eq!(&*patched.deltas, plan.deltas());
}

#[test]
fn a_thousand_operations_become_one_delta_whatever_their_number() {
    let operations: Vec<String> = (0..5_000)
        .map(|number| {
            format!(
                r#"{{"op": "remove", "path": "members[value eq \"{}\"]"}}"#,
                number % 1_500
            )
        })
        .collect();
    let delta = delta_of(&format!("[{}]", operations.join(",")));
    assert_eq!(delta.remove.len(), 1_500);
}

#[test]
fn changes_that_have_to_look_at_values_are_limited_in_number() {
    let operation = r#"{"op": "add", "path": "emails", "value": [{"value": "a@x"}]}"#;
    let many = |count: usize| format!("[{}]", vec![operation; count].join(","));
    assert!(Plan::compile(request(&many(Plan::MAX_CHANGES)), user(), Dialect::strict()).is_ok());
    let error = Plan::compile(request(&many(Plan::MAX_CHANGES + 1)), user(), Dialect::strict()).unwrap_err();
    assert_eq!(error.operation(), Some(Plan::MAX_CHANGES));

    // Keys of one value count as operations do.
    let keys: Vec<String> = (0..=Plan::MAX_CHANGES)
        .map(|number| format!(r#""emails[value eq \"{number}\"].display": "x""#))
        .collect();
    let operations = format!(r#"[{{"op": "add", "value": {{{}}}}}]"#, keys.join(","));
    assert!(Plan::compile(request(&operations), user(), Dialect::interop()).is_err());
}

#[test]
fn operations_are_limited_in_number_also_those_that_are_passed_over() {
    let many = |count: usize, operation: &str| format!("[{}]", vec![operation; count].join(","));
    let compile = |operations: &str, dialect| {
        let compiled = Plan::compile(request(operations), user(), dialect);
        compiled
            .map(|plan| plan.ignored().len())
            .map_err(|error| error.to_error_body().scim_type)
    };
    let too_many = Err(Some(ScimType::TooMany));
    let unknown = r#"{"op": "add", "path": "nick", "value": "B"}"#;
    let limit = Plan::MAX_OPERATIONS;
    assert_eq!(compile(&many(limit, unknown), Dialect::interop()), Ok(limit));
    assert_eq!(compile(&many(limit + 1, unknown), Dialect::interop()), too_many);
    assert_eq!(
        compile(
            &many(limit + 1, r#"{"op": "remove", "path": "x"}"#),
            Dialect::strict()
        ),
        too_many
    );

    // Different names that are passed over, in paths and in values.
    let names = |count: usize| (0..count).map(|number| format!("k{number}"));
    for (made, joined) in [
        (
            (|name| format!(r#"{{"op": "add", "path": "{name}", "value": "B"}}"#)) as fn(String) -> String,
            (|all| format!("[{all}]")) as fn(String) -> String,
        ),
        (
            |name| format!(r#""{name}": "B""#),
            |all| format!(r#"[{{"op": "add", "value": {{{all}}}}}]"#),
        ),
        (
            |name| format!(r#""{name}": "B""#),
            |all| format!(r#"[{{"op": "add", "path": "name", "value": {{{all}}}}}]"#),
        ),
    ] {
        let of = |count: usize| joined(names(count).map(made).collect::<Vec<_>>().join(","));
        let limit = Reader::MAX_IGNORED;
        assert_eq!(compile(&of(limit), Dialect::interop()), Ok(limit));
        assert_eq!(compile(&of(limit + 1), Dialect::interop()), too_many);
    }

    // Attributes in a value count as operations do.
    let keys: Vec<String> = (0..=limit)
        .map(|number| format!(r#""emails[value eq \"{number}\"].nick": 1"#))
        .collect();
    let operations = format!(r#"[{{"op": "add", "value": {{{}}}}}]"#, keys.join(","));
    assert_eq!(compile(&operations, Dialect::interop()), too_many);
}

/// Who is added by an operation is found by a later one, by all that is known of them.
#[test]
fn a_member_that_the_same_request_adds_is_found_by_type_and_reference() {
    let addresses = Registry::rfc().addresses("https://example.com/v2");
    let reference = r#"$ref eq \"https://example.com/v2/Users/x\""#;
    let only_users = RegistryBuilder::rfc().flat_groups().build().unwrap();
    let only_users = only_users.resource_type("Group").unwrap();
    let group = group();
    for (resource_type, sent, filter, found) in [
        (
            group,
            r#"{"value": "x", "type": "User"}"#,
            r#"type eq \"User\""#,
            Some(true),
        ),
        (
            group,
            r#"{"value": "x", "type": "User"}"#,
            r#"type eq \"Group\""#,
            Some(false),
        ),
        (group, r#"{"value": "x", "type": "User"}"#, reference, Some(true)),
        (only_users, r#"{"value": "x"}"#, r#"type eq \"User\""#, Some(true)),
        (only_users, r#"{"value": "x"}"#, reference, Some(true)),
        // Whatever it is, the filter finds it, or doesn't.
        (
            group,
            r#"{"value": "x"}"#,
            r#"type pr and value eq \"x\""#,
            Some(true),
        ),
        (
            group,
            r#"{"value": "x"}"#,
            r#"type eq \"User\" and value eq \"y\""#,
            Some(false),
        ),
        // What it is only the store knows.
        (group, r#"{"value": "x"}"#, r#"type eq \"User\""#, None),
        (group, r#"{"value": "x"}"#, reference, None),
    ] {
        let operations = format!(
            r#"[{{"op": "add", "path": "members", "value": [{sent}]}},
                {{"op": "remove", "path": "members[{filter}]"}}]"#
        );
        let plan = Plan::compile(request(&operations), resource_type, Dialect::interop()).unwrap();
        let mut patched = resource(
            resource_type,
            r#"{"displayName": "G", "members": [{"value": "z", "type": "Group"}]}"#,
        );
        let applied = plan.with_addresses(&addresses).apply(&mut patched);
        let stays = patched
            .relation("members")
            .unwrap()
            .contains(&ResourceId::new("x"));
        if let Some(found) = found {
            applied.unwrap();
            assert_eq!(stays, !found, "{operations}");
        } else {
            let error = applied.unwrap_err();
            assert_eq!(error.to_error_body().scim_type, Some(ScimType::NoTarget));
            let message =
                "operation 2: what `x` is in `members` is known once it is stored: select it by `value`";
            assert_eq!(error.to_string(), message);
        }
    }
}

/// One operation on members, for the plan and for an obvious model of it: names by id.
#[derive(Clone, Debug)]
enum Operation {
    Add(Vec<(&'static str, &'static str)>),
    Replace(Vec<(&'static str, &'static str)>),
    RemoveAll,
    RemoveFilter(Vec<&'static str>),
    RemoveValue(Vec<&'static str>),
    RemoveDisplay(&'static str),
}

type Names = BTreeMap<&'static str, &'static str>;

impl Operation {
    fn to_json(&self) -> String {
        let members = |members: &[(&str, &str)]| {
            let members: Vec<String> = members
                .iter()
                .map(|(id, display)| format!(r#"{{"value": "{id}", "display": "{display}"}}"#))
                .collect();
            members.join(",")
        };
        match self {
            Self::Add(added) => format!(
                r#"{{"op": "add", "path": "members", "value": [{}]}}"#,
                members(added)
            ),
            Self::Replace(with) => format!(
                r#"{{"op": "replace", "path": "members", "value": [{}]}}"#,
                members(with)
            ),
            Self::RemoveAll => r#"{"op": "remove", "path": "members"}"#.into(),
            Self::RemoveFilter(ids) => {
                let terms: Vec<String> = ids.iter().map(|id| format!(r#"value eq \"{id}\""#)).collect();
                format!(r#"{{"op": "remove", "path": "members[{}]"}}"#, terms.join(" or "))
            }
            Self::RemoveValue(ids) => {
                let values: Vec<String> = ids.iter().map(|id| format!(r#"{{"value": "{id}"}}"#)).collect();
                format!(
                    r#"{{"op": "remove", "path": "members", "value": [{}]}}"#,
                    values.join(",")
                )
            }
            Self::RemoveDisplay(display) => {
                format!(r#"{{"op": "remove", "path": "members[display eq \"{display}\"]"}}"#)
            }
        }
    }

    fn apply(&self, names: &mut Names) {
        let add = |names: &mut Names, added: &[(&'static str, &'static str)]| {
            for (id, display) in added {
                names.entry(id).or_insert(display);
            }
        };
        match self {
            Self::Add(added) => add(names, added),
            Self::Replace(with) => {
                names.retain(|id, _| with.iter().any(|(kept, _)| kept == id));
                add(names, with);
            }
            Self::RemoveAll => names.clear(),
            Self::RemoveFilter(ids) | Self::RemoveValue(ids) => names.retain(|id, _| !ids.contains(id)),
            Self::RemoveDisplay(display) => names.retain(|_, found| found != display),
        }
    }
}

fn id() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c", "d", "e", "f"])
}

fn members() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    // One name for each id, since one who is taken out and put in again in one request keeps the name that is stored.
    vec(
        id().prop_map(|id| (id, if id < "d" { "first" } else { "second" })),
        0..4,
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => members().prop_map(Operation::Add),
        1 => members().prop_map(Operation::Replace),
        1 => Just(Operation::RemoveAll),
        3 => vec(id(), 1..3).prop_map(Operation::RemoveFilter),
        3 => vec(id(), 1..3).prop_map(Operation::RemoveValue),
        1 => select(vec!["first", "second", "third"]).prop_map(Operation::RemoveDisplay),
    ]
}

fn named(names: &Names) -> Resource {
    let mut resource = resource(group(), r#"{"displayName": "G"}"#);
    let members = names
        .iter()
        .map(|(id, display)| (ResourceId::new(*id), Member::new().with_display(*display)))
        .collect();
    resource.set_relation(&AttrName::new("members"), members);
    resource
}

fn names_of(members: &MemberSet) -> BTreeMap<&str, &str> {
    members
        .iter()
        .map(|(id, member)| (id.as_str(), member.display.as_deref().unwrap()))
        .collect()
}

proptest! {
    #[test]
    fn a_plan_of_many_operations_does_what_they_do_one_by_one(stored in members(), operations in vec(operation(), 1..12)) {
        let mut model: Names = stored.into_iter().collect();
        let before = named(&model);
        let json: Vec<String> = operations.iter().map(Operation::to_json).collect();
        let plan = plan(group(), Dialect::interop(), &format!("[{}]", json.join(",")));
        for operation in &operations {
            operation.apply(&mut model);
        }

        let mut whole = before.clone();
        let applied = plan.apply(&mut whole).unwrap();
        prop_assert_eq!(names_of(whole.relation("members").unwrap()), model);
        prop_assert_eq!(applied == Applied::Changed, whole != before);

        // What a store gets says the same.
        let mut document = before.clone();
        let patched = plan.apply_to_document(&mut document).unwrap();
        prop_assert_eq!(&document, &before);
        let mut members = before.relation("members").unwrap().clone();
        let mut changed = false;
        for delta in &*patched.deltas {
            changed |= delta.apply(&mut members);
            prop_assert!(!delta.apply(&mut members), "a delta can be applied again");
            let removed: Vec<&ResourceId> = delta.remove.iter().collect();
            prop_assert!(delta.add.iter().all(|(id, _)| !removed.contains(&id)));
        }
        prop_assert_eq!(&members, whole.relation("members").unwrap());
        prop_assert_eq!(changed, applied == Applied::Changed);

        let selects = operations.iter().any(|operation| matches!(operation, Operation::RemoveDisplay(_)));
        prop_assert_eq!(plan.is_relation_only(), !selects);
    }
}
