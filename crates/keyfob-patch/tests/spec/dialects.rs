//! The named rules by which a PATCH may depart from the RFC: what each understands, and what is refused without it.

use keyfob_core::{Dialect, MemberSet, Quirk, Resource, ScimType, validate::IgnoreRule};
use keyfob_patch::Applied;

use crate::{check_users, group, patch, plan, resource, user};

/// Checks that the rule alone makes the difference between an error and a change.
fn check(quirk: Quirk, table: &[(&str, &str, &str, &str)]) {
    for (before, operations, refused, expected) in table {
        check_users(Dialect::strict(), &[(before, operations, refused)]);
        check_users(
            Dialect::interop().without(quirk),
            &[(before, operations, refused)],
        );
        check_users(Dialect::strict().with(quirk), &[(before, operations, expected)]);
        check_users(Dialect::interop(), &[(before, operations, expected)]);
    }
}

#[test]
fn a_key_of_a_value_is_a_path_with_path_keys() {
    check(
        Quirk::PathKeys,
        &[
            (
                r#"{"name": {"familyName": "J"}}"#,
                r#"[{"op": "replace", "value": {"name.givenName": "B"}}]"#,
                "invalidPath",
                r#"{"name": {"familyName": "J", "givenName": "B"}}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}]}"#,
                r#"[{"op": "replace", "value": {"title": "Guide", "emails[type eq \"work\"].value": "b@x"}}]"#,
                "invalidPath",
                r#"{"emails": [{"value": "b@x", "type": "work"}], "title": "Guide"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:title": "Guide"}}]"#,
                "invalidPath",
                r#"{"title": "Guide"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "value": {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                      {"manager.value": "26118915"}}}]"#,
                "invalidPath",
                r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26118915"}}}"#,
            ),
        ],
    );
    // A key that is a path is one, and what it names may be unknown as in any path.
    check_users(
        Dialect::interop(),
        &[
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "add", "value": {"name.firstName": "B"}}]"#,
                r#"{"title": "T"}"#,
            ),
            ("{}", r#"[{"op": "add", "value": {"name.": "B"}}]"#, "invalidPath"),
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "add", "value": {"urn:example:1.0:User:badge": "B"}}]"#,
                r#"{"title": "T"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "value": {"urn:example:1.0:User": {"badge": "B"}, "title": "T"}}]"#,
                r#"{"title": "T"}"#,
            ),
        ],
    );
}

#[test]
fn an_element_is_created_for_a_filter_that_matches_none_with_create_on_no_match() {
    check(
        Quirk::CreateOnNoMatch,
        &[
            (
                r#"{"emails": [{"value": "a@x", "primary": true}]}"#,
                r#"[{"op": "add", "path": "emails[type eq \"work\" and primary eq true].value", "value": "b@x"}]"#,
                "noTarget",
                r#"{"emails": [{"value": "a@x", "primary": false}, {"type": "work", "primary": true, "value": "b@x"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "b@x"}}]"#,
                "noTarget",
                r#"{"emails": [{"type": "work", "value": "b@x"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "addresses[type eq \"work\"]", "value": {"region": "CA"}},
                    {"op": "add", "path": "addresses[type eq \"work\"].locality", "value": "L"}]"#,
                "noTarget",
                r#"{"addresses": [{"type": "work", "region": "CA", "locality": "L"}]}"#,
            ),
            // To take out what is not there changes nothing.
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "remove", "path": "emails[type eq \"work\"]"}]"#,
                "noTarget",
                r#"{"title": "T"}"#,
            ),
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "remove", "path": "emails[type eq \"work\"].value"}]"#,
                "noTarget",
                r#"{"title": "T"}"#,
            ),
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "replace", "path": "emails[type eq \"work\"].value", "value": null}]"#,
                "noTarget",
                r#"{"title": "T"}"#,
            ),
        ],
    );
    // A value that takes the place of one that matches still matches, so that the next request finds it.
    let work = r#"{"emails": [{"value": "a@x", "type": "work", "display": "A"}]}"#;
    let replace = r#"[{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "b@x"}}]"#;
    check_users(
        Dialect::strict(),
        &[(work, replace, r#"{"emails": [{"value": "b@x"}]}"#)],
    );
    check_users(
        Dialect::interop(),
        &[(work, replace, r#"{"emails": [{"value": "b@x", "type": "work"}]}"#)],
    );
    for nothing in [
        "{}",
        "null",
        "[]",
        r#"{"address": "b@x"}"#,
        r#"{"display": null}"#,
    ] {
        for op in ["add", "replace"] {
            let nothing =
                format!(r#"[{{"op": "{op}", "path": "emails[type eq \"work\"]", "value": {nothing}}}]"#);
            check_users(
                Dialect::interop(),
                &[(work, &nothing, "invalidValue"), ("{}", &nothing, "invalidValue")],
            );
        }
    }
    // A filter that doesn't say what an element holds creates none.
    check_users(
        Dialect::interop(),
        &[
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type ne \"work\"].value", "value": "b@x"}]"#,
                "noTarget",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type eq \"a\" or type eq \"b\"].value", "value": "b@x"}]"#,
                "noTarget",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type eq \"a\" and type eq \"b\"].value", "value": "b@x"}]"#,
                "noTarget",
            ),
        ],
    );
}

#[test]
fn remove_takes_out_the_values_that_are_sent_with_remove_by_value() {
    let three = r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "a@x", "type": "home"}, {"value": "b@x"}]}"#;
    check(
        Quirk::RemoveByValue,
        &[
            (
                three,
                r#"[{"op": "remove", "path": "emails", "value": [{"value": "A@X", "type": "work"}]}]"#,
                "invalidSyntax",
                r#"{"emails": [{"value": "a@x", "type": "home"}, {"value": "b@x"}]}"#,
            ),
            // Without a `type`, whatever it is.
            (
                three,
                r#"[{"op": "remove", "path": "emails", "value": [{"value": "a@x"}, {"value": "c@x"}]}]"#,
                "invalidSyntax",
                r#"{"emails": [{"value": "b@x"}]}"#,
            ),
            (
                three,
                r#"[{"op": "remove", "path": "emails", "value": [{"value": "c@x"}]}]"#,
                "invalidSyntax",
                three,
            ),
        ],
    );
    // A filter or a single value leaves no doubt about what is removed, whatever value comes with it.
    check_users(
        Dialect::strict(),
        &[
            (
                three,
                r#"[{"op": "remove", "path": "emails[value eq \"a@x\"]", "value": []}]"#,
                r#"{"emails": [{"value": "b@x"}]}"#,
            ),
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "remove", "path": "title", "value": "U"}]"#,
                "{}",
            ),
            (
                three,
                r#"[{"op": "remove", "path": "emails", "value": null}]"#,
                "invalidSyntax",
            ),
        ],
    );
}

#[test]
fn remove_takes_out_the_values_that_the_sub_attributes_name_with_remove_by_sub_attributes() {
    let three = r#"{"emails": [{"value": "a@x", "type": "Work"}, {"value": "b@x", "type": "home", "primary": true}, {"value": "c@x"}]}"#;
    let addresses = r#"{"title": "T", "addresses": [{"type": "work", "region": "CA"}, {"type": "work"}, {"region": "CA"}]}"#;
    let check_with_values = |table: &[(&str, &str, &str)]| {
        for (before, operations, expected) in table {
            check_users(Dialect::strict(), &[(before, operations, "invalidSyntax")]);
            let without = Dialect::interop().without(Quirk::RemoveBySubAttributes);
            check_users(without, &[(before, operations, "invalidSyntax")]);
            let with = Dialect::strict()
                .with(Quirk::RemoveByValue)
                .with(Quirk::RemoveBySubAttributes);
            check_users(with, &[(before, operations, expected)]);
            check_users(Dialect::interop(), &[(before, operations, expected)]);
        }
    };
    check_with_values(&[
        (
            three,
            r#"[{"op": "remove", "path": "emails", "value": [{"type": "WORK"}]}]"#,
            r#"{"emails": [{"value": "b@x", "type": "home", "primary": true}, {"value": "c@x"}]}"#,
        ),
        (
            three,
            r#"[{"op": "remove", "path": "emails", "value": [{"type": "work"}, {"primary": true, "type": "home"}]}]"#,
            r#"{"emails": [{"value": "c@x"}]}"#,
        ),
        // An absent `primary` is false (RFC 7643 section 2.4).
        (
            three,
            r#"[{"op": "remove", "path": "emails", "value": [{"primary": false}]}]"#,
            r#"{"emails": [{"value": "b@x", "type": "home", "primary": true}]}"#,
        ),
        (
            three,
            r#"[{"op": "remove", "path": "emails", "value": [{"type": "other"}]}]"#,
            three,
        ),
        (
            addresses,
            r#"[{"op": "remove", "path": "addresses", "value": [{"type": "work"}]}]"#,
            r#"{"title": "T", "addresses": [{"region": "CA"}]}"#,
        ),
    ]);
    // What is unknown is ignored beside what is known.
    check_users(
        Dialect::interop(),
        &[(
            addresses,
            r#"[{"op": "remove", "path": "addresses", "value": [{"type": "work", "street": "x"}]}]"#,
            r#"{"title": "T", "addresses": [{"region": "CA"}]}"#,
        )],
    );
}

#[test]
fn a_remove_whose_value_names_nothing_is_refused_g_9() {
    let user = r#"{"emails": [{"value": "a@x", "type": "work"}], "addresses": [{"region": "CA"}]}"#;
    for value in [
        r#""""#,
        "[]",
        "{}",
        "null",
        "[null]",
        "[{}]",
        r#"[""]"#,
        r#"[{"address": "a@x"}]"#,
        r#"{"foo": "bar"}"#,
        r#"[{"value": null}]"#,
        r#"[{"value": "a@x"}, {}]"#,
        "[[]]",
        "1",
        "[true]",
    ] {
        for path in ["emails", "addresses"] {
            let operations = format!(r#"[{{"op": "remove", "path": "{path}", "value": {value}}}]"#);
            for dialect in [Dialect::interop(), Dialect::entra()] {
                check_users(dialect, &[(user, &operations, "invalidValue")]);
            }
            check_users(Dialect::strict(), &[(user, &operations, "invalidSyntax")]);
        }
        let mut patched = resource(group(), r#"{"displayName": "G", "members": [{"value": "u1"}]}"#);
        let before = patched.clone();
        let operations = format!(r#"[{{"op": "remove", "path": "members", "value": {value}}}]"#);
        let error = patch(&mut patched, group(), Dialect::interop(), &operations).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{value}");
        assert_eq!(patched, before);
    }
    let mut patched = resource(group(), r#"{"displayName": "G", "members": [{"value": "u1"}]}"#);
    let somebody_else = r#"[{"op": "remove", "path": "members", "value": [{"value": "u9"}]}]"#;
    let applied = patch(&mut patched, group(), Dialect::interop(), somebody_else);
    assert_eq!(applied, Ok(Applied::Unchanged));
}

#[test]
fn a_value_may_name_the_attribute_of_its_path_once_more_with_repeated_path() {
    check(
        Quirk::RepeatedPath,
        &[
            (
                r#"{"emails": [{"value": "a@x"}]}"#,
                r#"[{"op": "add", "path": "emails", "value": {"Emails": [{"value": "b@x"}]}}]"#,
                "invalidValue",
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x"}]}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x"}]}"#,
                r#"[{"op": "replace", "path": "emails", "value": {"emails": [{"value": "b@x"}]}}]"#,
                "invalidValue",
                r#"{"emails": [{"value": "b@x"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "title", "value": {"title": "T"}}]"#,
                "invalidValue",
                r#"{"title": "T"}"#,
            ),
        ],
    );
    for (op, value, expected) in [
        ("add", r#"{"members": [{"value": "b"}]}"#, Ok(vec!["a", "b"])),
        ("replace", r#"{"MEMBERS": [{"value": "b"}]}"#, Ok(vec!["b"])),
        (
            "remove",
            r#"{"members": [{"$ref": null, "value": "a"}]}"#,
            Ok(vec![]),
        ),
        ("remove", r#"{"members": [{"value": "b"}]}"#, Ok(vec!["a"])),
        ("remove", r#"{"members": []}"#, Err(ScimType::InvalidValue)),
        (
            "add",
            r#"{"members": [{"id": "b"}]}"#,
            Err(ScimType::InvalidValue),
        ),
        (
            "replace",
            r#"{"members": [{"value": "b"}], "other": 1}"#,
            Err(ScimType::InvalidValue),
        ),
    ] {
        let mut patched = resource(group(), r#"{"displayName": "G", "members": [{"value": "a"}]}"#);
        let operations = format!(r#"[{{"op": "{op}", "path": "members", "value": {value}}}]"#);
        let applied = patch(&mut patched, group(), Dialect::interop(), &operations);
        let found = applied.map(|_| {
            let mut ids: Vec<String> = patched
                .relation("members")
                .into_iter()
                .flat_map(MemberSet::iter)
                .map(|(id, _)| id.to_string())
                .collect();
            ids.sort();
            ids
        });
        let expected = expected.map(|ids| ids.into_iter().map(String::from).collect());
        assert_eq!(
            found.map_err(|error| error.scim_type.unwrap()),
            expected,
            "{operations}"
        );
        assert!(
            patch(&mut patched, group(), Dialect::strict(), &operations).is_err(),
            "{operations}"
        );
    }
}

#[test]
fn a_bare_string_is_an_element_with_bare_elements() {
    check(
        Quirk::BareElements,
        &[
            (
                r#"{"roles": [{"value": "Guide"}]}"#,
                r#"[{"op": "add", "path": "roles", "value": "Admin"}]"#,
                "invalidValue",
                r#"{"roles": [{"value": "Guide"}, {"value": "Admin"}]}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x", "type": "work", "primary": true}]}"#,
                r#"[{"op": "replace", "path": "emails", "value": "b@x"}]"#,
                "invalidValue",
                r#"{"emails": [{"value": "b@x"}]}"#,
            ),
        ],
    );
    check_users(
        Dialect::interop(),
        &[
            (
                r#"{"emails": [{"value": "a@x", "type": "work", "primary": true}]}"#,
                r#"[{"op": "Replace", "path": "emails[type eq \"work\"]", "value": "b@x"}]"#,
                r#"{"emails": [{"value": "b@x", "type": "work"}]}"#,
            ),
            (
                r#"{"roles": [{"value": "Guide"}, {"value": "Admin"}]}"#,
                r#"[{"op": "remove", "path": "roles", "value": "Guide"}]"#,
                r#"{"roles": [{"value": "Admin"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "roles", "value": ""}]"#,
                "invalidValue",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "addresses", "value": "x"}]"#,
                "invalidValue",
            ),
        ],
    );
}

#[test]
fn a_role_may_be_an_object_written_as_text_with_encoded_elements() {
    let text = r#""{\"id\": \"06b07648\", \"value\": \"25\", \"displayName\": \"Guide\"}""#;
    for (operation, expected) in [
        (
            format!(r#"{{"op": "Add", "path": "roles", "value": [{{"value": {text}}}]}}"#),
            r#"{"roles": [{"value": "25", "display": "Guide"}]}"#,
        ),
        (
            format!(r#"{{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": {text}}}"#),
            r#"{"roles": [{"value": "25", "primary": true}]}"#,
        ),
    ] {
        let operations = format!("[{operation}]");
        check_users(Dialect::interop(), &[("{}", &operations, expected)]);
        let mut patched = resource(user(), r#"{"userName": "b"}"#);
        let plain = Dialect::interop().without(Quirk::EncodedElements);
        patch(&mut patched, user(), plain, &operations).unwrap();
        assert!(crate::attributes(&patched).contains("06b07648"));
    }
}

#[test]
fn a_simple_value_may_come_in_an_object_with_wrapped_values() {
    check_users(
        Dialect::interop(),
        &[(
            r#"{"title": "T"}"#,
            r#"[{"op": "replace", "path": "displayName", "value": [{"$ref": null, "value": "B"}]}]"#,
            r#"{"title": "T", "displayName": "B"}"#,
        )],
    );
    check_users(
        Dialect::interop().without(Quirk::WrappedValues),
        &[(
            r#"{"title": "T"}"#,
            r#"[{"op": "replace", "path": "displayName", "value": [{"$ref": null, "value": "B"}]}]"#,
            "invalidValue",
        )],
    );
}

#[test]
fn numbers_and_booleans_are_texts_with_string_numbers() {
    check(
        Quirk::StringNumbers,
        &[(
            "{}",
            r#"[{"op": "replace", "path": "title", "value": 5}, {"op": "add", "path": "nickName", "value": true}]"#,
            "invalidValue",
            r#"{"title": "5", "nickName": "true"}"#,
        )],
    );
}

#[test]
fn one_value_may_be_added_without_an_array_3_5_2_1() {
    let add = r#"[{"op": "add", "path": "emails", "value": {"value": "a@x"}}]"#;
    let replace = r#"[{"op": "replace", "path": "emails", "value": {"value": "a@x"}}]"#;
    check_users(
        Dialect::strict(),
        &[
            ("{}", add, r#"{"emails": [{"value": "a@x"}]}"#),
            ("{}", replace, "invalidValue"),
            (
                "{}",
                r#"[{"op": "add", "path": "emails", "value": "a@x"}]"#,
                "invalidValue",
            ),
        ],
    );
    let mut patched = resource(group(), r#"{"displayName": "G", "members": [{"value": "a"}]}"#);
    let operations = r#"[{"op": "add", "path": "members", "value": {"value": "b"}}]"#;
    patch(&mut patched, group(), Dialect::strict(), operations).unwrap();
    assert_eq!(patched.relation("members").unwrap().len(), 2);
}

/// A name that no schema has, in every place where one can stand.
const UNKNOWN: [&str; 9] = [
    r#"{"op": "OP", "path": "employeeType", "value": "x"}"#,
    r#"{"op": "OP", "path": "employeeType[type eq \"a\"].value", "value": "x"}"#,
    r#"{"op": "OP", "path": "name.firstName", "value": "x"}"#,
    r#"{"op": "OP", "path": "emails.address", "value": "x"}"#,
    r#"{"op": "OP", "path": "emails[type eq \"work\"].address", "value": "x"}"#,
    r#"{"op": "OP", "path": "urn:ietf:params:scim:schemas:core:2.0:User:shoeSize", "value": "x"}"#,
    r#"{"op": "OP", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:shoeSize", "value": "x"}"#,
    r#"{"op": "OP", "path": "urn:example:badge:1.0:User:colour", "value": "x"}"#,
    r#"{"op": "OP", "path": "urn:example:badge:1.0:User", "value": {"colour": "x"}}"#,
];

#[test]
fn what_no_schema_has_is_ignored_with_a_path_or_refused() {
    let before = r#"{"active": true, "emails": [{"value": "a@x", "type": "work"}]}"#;
    let after = r#"{"active": false, "emails": [{"value": "a@x", "type": "work"}]}"#;
    for unknown in UNKNOWN {
        for op in ["add", "replace", "remove"] {
            let unknown = unknown.replace("OP", op);
            let operations = format!(r#"[{unknown}, {{"op": "replace", "path": "active", "value": false}}]"#);
            check_users(Dialect::interop(), &[(before, &operations, after)]);
            check_users(Dialect::strict(), &[(before, &operations, "invalidPath")]);
            let plan = plan(user(), Dialect::interop(), &operations);
            let [(0, ignored)] = plan.ignored() else {
                panic!("{unknown}: {:?}", plan.ignored());
            };
            assert!(!ignored.attribute.contains('"'), "{ignored:?}");
            let is_registered = !unknown.contains("urn:example");
            assert_eq!(ignored.rule == IgnoreRule::UnknownAttribute, is_registered);
        }
    }
}

#[test]
fn what_is_unknown_in_a_value_without_path_is_ignored_in_every_dialect_and_an_unregistered_extension_not() {
    let before = r#"{"title": "T"}"#;
    let after = r#"{"title": "U", "name": {"givenName": "B"}}"#;
    let unknown = r#"[{"op": "replace", "value": {"employeeType": "x", "title": "U",
        "name": {"firstName": "x", "givenName": "B"}}}]"#;
    let extension =
        r#"[{"op": "replace", "value": {"title": "U", "urn:example:badge:1.0:User": {"colour": "x"}}}]"#;
    for dialect in [
        Dialect::strict(),
        Dialect::interop(),
        Dialect::okta(),
        Dialect::entra(),
    ] {
        check_users(dialect, &[(before, unknown, after)]);
    }
    check_users(Dialect::strict(), &[(before, extension, "invalidSyntax")]);
    check_users(Dialect::interop(), &[(before, extension, r#"{"title": "U"}"#)]);
}

#[test]
fn a_known_schema_on_the_wrong_type_a_third_level_and_a_malformed_path_are_refused_in_every_dialect() {
    for dialect in [
        Dialect::strict(),
        Dialect::interop(),
        Dialect::okta(),
        Dialect::entra(),
    ] {
        for path in [
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "urn:ietf:params:scim:schemas:core:2.0:Group.members",
            "name.givenName.first",
            "employeeType.a.b",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value.x",
            "emails[type eq \\\"work\\\"].value.x",
            "emails[",
            "title.",
            "",
            "a b",
        ] {
            for op in ["add", "replace", "remove"] {
                let operations = format!(r#"[{{"op": "{op}", "path": "{path}", "value": "x"}}]"#);
                check_users(dialect, &[(r#"{"title": "T"}"#, &operations, "invalidPath")]);
            }
        }
        let other = r#"[{"op": "add", "value": {"urn:ietf:params:scim:schemas:core:2.0:Group": {"displayName": "x"}}}]"#;
        check_users(dialect, &[(r#"{"title": "T"}"#, other, "invalidPath")]);
    }
}

#[test]
fn a_refusal_names_the_sub_attribute_that_is_meant() {
    let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName";
    let operations = format!(r#"[{{"op": "replace", "path": "{path}", "value": "x"}}]"#);
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let mut patched = resource(user(), r#"{"userName": "b"}"#);
        let error = patch(&mut patched, user(), dialect, &operations).unwrap_err();
        assert!(error.detail.contains(path), "{}", error.detail);
    }
}

#[test]
fn a_whole_extension_is_never_removed_by_value() {
    let extension = r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D", "division": "V"}}"#;
    let operations = r#"[{"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                          "value": {"department": "D"}}]"#;
    check_users(Dialect::interop(), &[(extension, operations, "invalidSyntax")]);
}

#[test]
fn what_is_read_only_can_be_repeated() {
    let stored = r#"{"id": "1", "meta": {"resourceType": "User", "version": "W/\"1\""}}"#;
    let kept = stored;
    // In a value always, since it modifies nothing.
    for dialect in [Dialect::strict(), Dialect::interop()] {
        check_users(
            dialect,
            &[
                (
                    stored,
                    r#"[{"op": "replace", "value": {"id": "1", "groups": []}}]"#,
                    kept,
                ),
                (
                    stored,
                    r#"[{"op": "replace", "value": {"meta": {"resourceType": "User", "location": "https://example.com/Users/1"}}}]"#,
                    kept,
                ),
                (
                    stored,
                    r#"[{"op": "replace", "value": {"id": "2"}}]"#,
                    "mutability",
                ),
                (
                    stored,
                    r#"[{"op": "replace", "value": {"id": null}}]"#,
                    "mutability",
                ),
                (
                    stored,
                    r#"[{"op": "replace", "value": {"meta": {"resourceType": "Group"}}}]"#,
                    "mutability",
                ),
                (
                    stored,
                    r#"[{"op": "replace", "value": {"groups": [{"value": "g"}]}}]"#,
                    "mutability",
                ),
            ],
        );
    }
    check(
        Quirk::RepeatedReadOnly,
        &[
            (
                stored,
                r#"[{"op": "replace", "path": "id", "value": "1"}]"#,
                "mutability",
                kept,
            ),
            (
                stored,
                r#"[{"op": "replace", "path": "meta.version", "value": "W/\"1\""}]"#,
                "mutability",
                kept,
            ),
            (
                stored,
                r#"[{"op": "replace", "path": "id", "value": "2"}]"#,
                "mutability",
                "mutability",
            ),
        ],
    );
}

#[test]
fn the_groups_of_a_user_can_be_repeated_and_not_changed() {
    let mut stored = resource(
        user(),
        r#"{"userName": "b", "groups": [{"value": "g"}, {"value": "h"}]}"#,
    );
    for (groups, is_fine) in [
        (r#"[{"value": "h", "display": "H"}, {"value": "g"}]"#, true),
        (r#"[{"value": "h"}]"#, false),
        (r#"[{"value": "h"}, {"value": "i"}]"#, false),
        ("[]", false),
        (r#"["h", "g"]"#, false),
    ] {
        let operations = format!(r#"[{{"op": "replace", "value": {{"groups": {groups}}}}}]"#);
        let applied = patch(&mut stored, user(), Dialect::interop(), &operations);
        assert_eq!(applied.is_ok(), is_fine, "{groups}: {applied:?}");
    }
    assert_eq!(stored.relation("groups").unwrap().len(), 2);
}

#[test]
fn a_string_may_hold_an_object_with_encoded_value() {
    check(
        Quirk::EncodedValue,
        &[
            (
                "{}",
                r#"[{"op": "add", "value": "{\"title\": \"Guide\", \"active\": true}"}]"#,
                "invalidValue",
                r#"{"title": "Guide", "active": true}"#,
            ),
            (
                r#"{"name": {"familyName": "J"}}"#,
                r#"[{"op": "add", "path": "name", "value": "{\"givenName\": \"B\"}"}]"#,
                "invalidValue",
                r#"{"name": {"familyName": "J", "givenName": "B"}}"#,
            ),
        ],
    );
    check_users(
        Dialect::interop(),
        &[
            (
                "{}",
                r#"[{"op": "add", "value": "{\"title\": \"Guide\""}]"#,
                "invalidValue",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "title", "value": "{\"a\": 1}"}]"#,
                r#"{"title": "{\"a\": 1}"}"#,
            ),
        ],
    );
}

#[test]
fn unknown_names_in_the_value_of_a_path_are_passed_over_with_unknown_attributes() {
    check(
        Quirk::UnknownAttributes,
        &[(
            "{}",
            r#"[{"op": "replace", "path": "name", "value": {"firstName": "x", "givenName": "B"}}]"#,
            "invalidValue",
            r#"{"name": {"givenName": "B"}}"#,
        )],
    );
}

#[test]
fn the_core_schema_may_hold_attributes_with_nested_core() {
    check(
        Quirk::NestedCore,
        &[(
            "{}",
            r#"[{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User", "value": {"title": "T"}}]"#,
            "invalidPath",
            r#"{"title": "T"}"#,
        )],
    );
    check_users(
        Dialect::interop(),
        &[(
            "{}",
            r#"[{"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User": {"title": "T"}, "nickName": "N"}}]"#,
            r#"{"title": "T", "nickName": "N"}"#,
        )],
    );
}

#[test]
fn extensions_are_named_as_entra_id_names_them() {
    let manager =
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26"}}}"#;
    check(
        Quirk::DottedUrn,
        &[(
            "{}",
            r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", "value": {"value": "26"}}]"#,
            "invalidPath",
            manager,
        )],
    );
    let operations = r#"[{"op": "add", "path": "manager.value", "value": "26"}]"#;
    check_users(Dialect::strict(), &[("{}", operations, "invalidPath")]);
    check_users(Dialect::interop(), &[("{}", operations, manager)]);
    // Without the rule nobody has the name.
    let without = Dialect::interop().without(Quirk::UnqualifiedExtensions);
    check_users(without, &[(r#"{"title": "T"}"#, operations, r#"{"title": "T"}"#)]);
}

#[test]
fn an_empty_id_takes_the_manager_away_however_entra_id_sends_it() {
    let before = r#"{"title": "T", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"manager": {"value": "26", "displayName": "M"}, "department": "D"}}"#;
    let after = r#"{"title": "T", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}}"#;
    let uri = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for operation in [
        format!(r#""path": "{uri}:manager", "value": """#),
        format!(r#""path": "{uri}:manager", "value": {{"value": ""}}"#),
        format!(r#""path": "{uri}:manager.value", "value": """#),
        format!(r#""value": {{"{uri}:manager.value": ""}}"#),
        format!(r#""value": {{"{uri}": {{"manager": {{"value": ""}}}}}}"#),
    ] {
        for op in ["Add", "Replace"] {
            let operations = format!(r#"[{{"op": "{op}", {operation}}}]"#);
            for dialect in [Dialect::interop(), Dialect::entra()] {
                check_users(dialect, &[(before, &operations, after)]);
            }
        }
    }
    // By the RFC alone it is a text like any other.
    let operations = format!(r#"[{{"op": "replace", "path": "{uri}:manager.value", "value": ""}}]"#);
    let kept = before.replace("\"26\"", "\"\"");
    check_users(Dialect::strict(), &[(before, &operations, &kept)]);
}

#[test]
fn values_are_read_as_in_bodies() {
    check(
        Quirk::SingleValues,
        &[
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}]}"#,
                r#"[{"op": "replace", "path": "emails[type eq \"work\"]", "value": [{"value": "b@x", "type": "home"}]}]"#,
                "invalidValue",
                r#"{"emails": [{"value": "b@x", "type": "home"}]}"#,
            ),
            (
                r#"{"name": {"familyName": "J"}}"#,
                r#"[{"op": "add", "path": "name", "value": [{"givenName": "B"}]}]"#,
                "invalidValue",
                r#"{"name": {"familyName": "J", "givenName": "B"}}"#,
            ),
        ],
    );
    check(
        Quirk::BooleanStrings,
        &[(
            r#"{"emails": [{"value": "a@x"}]}"#,
            r#"[{"op": "add", "path": "emails[value eq \"a@x\"].primary", "value": "True"}]"#,
            "invalidValue",
            r#"{"emails": [{"value": "a@x", "primary": true}]}"#,
        )],
    );
}

#[test]
fn a_group_in_the_dialects_of_okta_and_entra_id_is_never_emptied_by_a_value() {
    for dialect in [
        Dialect::strict(),
        Dialect::okta(),
        Dialect::entra(),
        Dialect::interop(),
    ] {
        for value in [
            r#"[{"value": "u9"}]"#,
            "[]",
            r#"{"value": "u9"}"#,
            r#""u9""#,
            "{}",
            r#"["u9"]"#,
        ] {
            let mut patched = resource(group(), r#"{"displayName": "G", "members": [{"value": "u1"}]}"#);
            let operations = format!(r#"[{{"op": "remove", "path": "members", "value": {value}}}]"#);
            let applied = patch(&mut patched, group(), dialect, &operations);
            assert!(!matches!(applied, Ok(Applied::Changed)), "{value}");
            let names_nobody = ["[]", "{}"].contains(&value);
            assert!(!names_nobody || applied.is_err(), "{value}");
            assert_eq!(
                patched.relation("members").unwrap().len(),
                1,
                "{dialect:?} {value}"
            );
        }
    }
}

/// A value that can't name a member is refused whatever its form: taken for the id of somebody who isn't in, it would be
/// answered as already so.
#[test]
fn a_value_that_can_not_be_the_id_of_a_member_is_refused_in_every_form() {
    let dialect = Dialect::interop();
    for text in [
        "a,b",
        "a b",
        "a;b",
        "https://example.com/scim/v2/Users/a",
        r#"[\"a\"]"#,
        r#"{\"value\": \"a\"}"#,
        r#"\"a\""#,
    ] {
        for form in [
            format!(r#""{text}""#),
            format!(r#"["{text}"]"#),
            format!(r#"["a", "{text}"]"#),
            format!(r#"{{"value": "{text}"}}"#),
            format!(r#"[{{"value": "{text}"}}]"#),
            format!(r#"{{"members": [{{"value": "{text}"}}]}}"#),
        ] {
            for op in ["add", "remove", "replace"] {
                let operations = format!(r#"[{{"op": "{op}", "path": "members", "value": {form}}}]"#);
                let before = resource(group(), r#"{"displayName": "G", "members": [{"value": "a"}]}"#);
                let mut patched = before.clone();
                let refused =
                    patch(&mut patched, group(), dialect, &operations).map_err(|error| error.scim_type);
                assert_eq!(refused, Err(Some(ScimType::InvalidValue)), "{operations}");
                assert_eq!(patched, before);
            }
        }
    }
}

#[test]
fn a_list_that_is_written_as_text_becomes_no_element() {
    for op in ["add", "replace", "remove"] {
        for (path, text) in [
            ("emails", r#"[{\"value\": \"a@x\"}]"#),
            ("emails", r#"[\"a@x\"]"#),
            ("roles", "[Admin"),
        ] {
            let operations = format!(r#"[{{"op": "{op}", "path": "{path}", "value": "{text}"}}]"#);
            let before = r#"{"emails": [{"value": "b@x"}], "roles": [{"value": "R"}]}"#;
            check_users(Dialect::interop(), &[(before, &operations, "invalidValue")]);
        }
    }
}

/// RFC 7644 section 3.3 lets bodies hold what no schema has; a value without a path is a body in part.
#[test]
fn a_key_that_can_not_be_a_name_is_unknown_in_a_value_without_path_as_it_is_in_a_body() {
    for dialect in [Dialect::strict(), Dialect::interop(), Dialect::entra()] {
        for key in [
            "a@b",
            "a b",
            "",
            "1",
            "a[",
            "nick.title.x",
            "<script>",
            "a[b eq 1].c",
        ] {
            let operations = format!(r#"[{{"op": "replace", "value": {{"{key}": "x", "title": "T"}}}}]"#);
            check_users(dialect, &[("{}", &operations, r#"{"title": "T"}"#)]);
            let body = format!(
                r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "b", "{key}": "x"}}"#
            );
            let body = Resource::from_json(body.as_bytes(), user()).unwrap();
            assert!(
                keyfob_core::validate::create(body, user(), dialect).is_ok(),
                "{key}"
            );
        }
        // What is meant as a path to something that there is isn't passed over.
        for key in [r#"emails[type eq \"work\""#, "name.givenName.x", "emails[].value"] {
            let operations = format!(r#"[{{"op": "replace", "value": {{"{key}": "x", "title": "T"}}}}]"#);
            let mut patched = resource(user(), r#"{"userName": "b"}"#);
            assert!(
                patch(&mut patched, user(), dialect, &operations).is_err(),
                "{key}"
            );
        }
    }
}

#[test]
fn a_patch_of_schemas_takes_uris_that_the_resource_may_have_and_does_nothing() {
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    for op in ["add", "replace"] {
        for (value, strict, interop) in [
            (format!(r#"["{USER}"]"#), "", ""),
            (r#"["urn:example:Badge"]"#.to_owned(), "invalidSyntax", ""),
            (r#"["junk"]"#.to_owned(), "invalidValue", "invalidValue"),
            (
                format!(r#"["{USER}", "<script>"]"#),
                "invalidValue",
                "invalidValue",
            ),
            (r#"[""]"#.to_owned(), "invalidValue", "invalidValue"),
            ("[1]".to_owned(), "invalidValue", "invalidValue"),
            (r#"[{"a": 1}]"#.to_owned(), "invalidValue", "invalidValue"),
            (
                r#"["urn:ietf:params:scim:schemas:core:2.0:Group"]"#.to_owned(),
                "invalidPath",
                "invalidPath",
            ),
            ("[]".to_owned(), "mutability", "mutability"),
            ("null".to_owned(), "mutability", "mutability"),
        ] {
            for (dialect, expected) in [(Dialect::strict(), strict), (Dialect::interop(), interop)] {
                for operations in [
                    format!(r#"[{{"op": "{op}", "path": "schemas", "value": {value}}}]"#),
                    format!(r#"[{{"op": "{op}", "value": {{"schemas": {value}}}}}]"#),
                ] {
                    let expected = if expected.is_empty() { "{}" } else { expected };
                    check_users(dialect, &[("{}", &operations, expected)]);
                }
            }
        }
    }
}
