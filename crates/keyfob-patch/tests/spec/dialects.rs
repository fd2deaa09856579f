//! The named rules by which a PATCH may depart from the RFC: what each understands, and what is refused without it.

use keyfob_core::{Dialect, Quirk};
use keyfob_patch::Applied;

use crate::{check_users, group, patch, resource, user};

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
    // A key that is a path has to lead somewhere.
    check_users(
        Dialect::interop(),
        &[
            (
                "{}",
                r#"[{"op": "add", "value": {"name.firstName": "B"}}]"#,
                "invalidPath",
            ),
            ("{}", r#"[{"op": "add", "value": {"name.": "B"}}]"#, "invalidPath"),
            (
                "{}",
                r#"[{"op": "add", "value": {"urn:example:1.0:User:badge": "B"}}]"#,
                "invalidPath",
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
    let nothing = r#"[{"op": "replace", "path": "emails[type eq \"work\"]", "value": {}}]"#;
    check_users(
        Dialect::interop(),
        &[(work, nothing, "{}"), ("{}", nothing, "{}")],
    );
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
                r#"[{"op": "remove", "path": "emails", "value": []}]"#,
                "invalidSyntax",
                three,
            ),
            (
                r#"{"addresses": [{"type": "work", "region": "CA"}, {"type": "work"}]}"#,
                r#"[{"op": "remove", "path": "addresses", "value": [{"type": "work"}]}]"#,
                "invalidSyntax",
                r#"{"addresses": [{"type": "work", "region": "CA"}]}"#,
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
                "{}",
            ),
        ],
    );
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
fn unknown_names_in_a_value_are_passed_over_with_unknown_sub_attributes() {
    check(
        Quirk::UnknownSubAttributes,
        &[(
            r#"{"title": "T"}"#,
            r#"[{"op": "replace", "value": {"costCenterCode": "x"}}]"#,
            "invalidPath",
            r#"{"title": "T"}"#,
        )],
    );
    check(
        Quirk::UnknownSubAttributes,
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
    check(
        Quirk::UnqualifiedExtensions,
        &[(
            "{}",
            r#"[{"op": "add", "path": "manager.value", "value": "26"}]"#,
            "invalidPath",
            manager,
        )],
    );
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
            assert_eq!(
                patched.relation("members").unwrap().len(),
                1,
                "{dialect:?} {value}"
            );
        }
    }
}
