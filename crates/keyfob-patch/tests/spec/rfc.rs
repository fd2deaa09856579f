//! RFC 7644 section 3.5.2, sentence by sentence, in the strict dialect.

use std::{fs, path::Path};

use keyfob_core::{Dialect, ResourceId, message::PatchRequest};
use keyfob_patch::{Applied, Plan};

use crate::{attributes, check_users, group, patch, resource, user};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[test]
fn add_puts_values_where_the_target_says_3_5_2_1() {
    check_users(
        Dialect::strict(),
        &[
            // A target that does not exist is added, one that exists is replaced.
            (
                "{}",
                r#"[{"op": "add", "path": "title", "value": "Guide"}]"#,
                r#"{"title": "Guide"}"#,
            ),
            (
                r#"{"title": "Old"}"#,
                r#"[{"op": "add", "path": "TITLE", "value": "New"}]"#,
                r#"{"title": "New"}"#,
            ),
            // Without a path the value holds attributes.
            (
                r#"{"emails": [{"value": "a@x"}]}"#,
                r#"[{"op": "add", "value": {"emails": [{"value": "b@x", "type": "home"}], "nickname": "Babs"}}]"#,
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x", "type": "home"}], "nickName": "Babs"}"#,
            ),
            // A complex target takes sub-attributes beside those it has.
            (
                r#"{"name": {"familyName": "Jensen"}}"#,
                r#"[{"op": "add", "path": "name", "value": {"givenName": "Barbara"}}]"#,
                r#"{"name": {"familyName": "Jensen", "givenName": "Barbara"}}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "name.familyName", "value": "Jensen"}]"#,
                r#"{"name": {"familyName": "Jensen"}}"#,
            ),
            // A multi-valued target takes new values, but none that it has already.
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}]}"#,
                r#"[{"op": "add", "path": "emails", "value": [{"value": "A@X", "type": "work"}, {"value": "a@x", "type": "home"}]}]"#,
                r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "a@x", "type": "home"}]}"#,
            ),
            (
                r#"{"addresses": [{"type": "work", "locality": "Oslo"}]}"#,
                r#"[{"op": "add", "path": "addresses", "value": [{"locality": "Oslo", "type": "work"}, {"type": "work", "locality": "Bergen"}]}]"#,
                r#"{"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "work", "locality": "Bergen"}]}"#,
            ),
            // What an equal value says beyond the one that is there is kept.
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}]}"#,
                r#"[{"op": "add", "path": "emails", "value": [{"value": "a@x", "type": "work", "display": "A"}]}]"#,
                r#"{"emails": [{"value": "a@x", "type": "work", "display": "A"}]}"#,
            ),
            ("{}", r#"[{"op": "add", "path": "emails", "value": []}]"#, "{}"),
            // A value filter selects what is changed.
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x", "type": "home"}]}"#,
                r#"[{"op": "add", "path": "emails[type eq \"home\"]", "value": {"display": "B"}}]"#,
                r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x", "type": "home", "display": "B"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type eq \"home\"].value", "value": "b@x"}]"#,
                "noTarget",
            ),
            // Every value when no filter selects.
            (
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x"}]}"#,
                r#"[{"op": "add", "path": "emails.type", "value": "work"}]"#,
                r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x", "type": "work"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails.value", "value": "a@x"}]"#,
                r#"{"emails": [{"value": "a@x"}]}"#,
            ),
            // A value is required and has to fit.
            ("{}", r#"[{"op": "add", "path": "title"}]"#, "invalidSyntax"),
            (
                "{}",
                r#"[{"op": "add", "path": "title", "value": 1}]"#,
                "invalidValue",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails", "value": [null]}]"#,
                "invalidValue",
            ),
            ("{}", r#"[{"op": "add", "value": "title"}]"#, "invalidValue"),
        ],
    );
}

#[test]
fn remove_unassigns_what_the_target_says_3_5_2_2() {
    check_users(
        Dialect::strict(),
        &[
            ("{}", r#"[{"op": "remove"}]"#, "noTarget"),
            (
                r#"{"title": "Guide"}"#,
                r#"[{"op": "remove", "value": {"title": "Guide"}}]"#,
                "noTarget",
            ),
            (
                r#"{"title": "Guide"}"#,
                r#"[{"op": "remove", "path": "title"}]"#,
                "{}",
            ),
            ("{}", r#"[{"op": "remove", "path": "title"}]"#, "{}"),
            (
                r#"{"emails": [{"value": "a@x"}]}"#,
                r#"[{"op": "remove", "path": "emails"}]"#,
                "{}",
            ),
            (
                r#"{"name": {"familyName": "Jensen", "givenName": "Barbara"}}"#,
                r#"[{"op": "remove", "path": "name.givenName"}]"#,
                r#"{"name": {"familyName": "Jensen"}}"#,
            ),
            (
                r#"{"name": {"givenName": "Barbara"}}"#,
                r#"[{"op": "remove", "path": "name.givenName"}]"#,
                "{}",
            ),
            // A filter selects the values; when none is left the attribute is unassigned.
            (
                r#"{"emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@x", "type": "work"}]}"#,
                r#"[{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]"#,
                r#"{"emails": [{"value": "b@x", "type": "work"}]}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x"}]}"#,
                r#"[{"op": "remove", "path": "emails[value ew \"@x\"]"}]"#,
                "{}",
            ),
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x", "type": "home"}]}"#,
                r#"[{"op": "remove", "path": "emails[type eq \"work\"].type"}]"#,
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x", "type": "home"}]}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x", "type": "home"}]}"#,
                r#"[{"op": "remove", "path": "emails[value eq \"a@x\"].value"}]"#,
                r#"{"emails": [{"value": "b@x", "type": "home"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "remove", "path": "emails[type eq \"work\"]"}]"#,
                "noTarget",
            ),
            // A sub-attribute of values that are not there has no value already.
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "remove", "path": "emails.display"}]"#,
                r#"{"title": "T"}"#,
            ),
            // What is required or readOnly can't be removed.
            ("{}", r#"[{"op": "remove", "path": "userName"}]"#, "mutability"),
            ("{}", r#"[{"op": "remove", "path": "id"}]"#, "mutability"),
            (
                "{}",
                r#"[{"op": "remove", "path": "meta.created"}]"#,
                "mutability",
            ),
            ("{}", r#"[{"op": "remove", "path": "groups"}]"#, "mutability"),
            (
                "{}",
                r#"[{"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName"}]"#,
                "mutability",
            ),
            ("{}", r#"[{"op": "remove", "path": "schemas"}]"#, "mutability"),
            // A value would say something that the RFC doesn't know.
            (
                r#"{"emails": [{"value": "a@x"}, {"value": "b@x"}]}"#,
                r#"[{"op": "remove", "path": "emails", "value": [{"value": "a@x"}]}]"#,
                "invalidSyntax",
            ),
        ],
    );
}

#[test]
fn replace_replaces_what_the_target_says_3_5_2_3() {
    check_users(
        Dialect::strict(),
        &[
            (
                r#"{"title": "Old"}"#,
                r#"[{"op": "replace", "path": "title", "value": "New"}]"#,
                r#"{"title": "New"}"#,
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "title", "value": "New"}]"#,
                r#"{"title": "New"}"#,
            ),
            (
                r#"{"emails": [{"value": "a@x"}], "title": "Old"}"#,
                r#"[{"op": "replace", "value": {"emails": [{"value": "b@x"}], "nickName": "Babs"}}]"#,
                r#"{"emails": [{"value": "b@x"}], "title": "Old", "nickName": "Babs"}"#,
            ),
            // Sub-attributes that are not named are left unchanged.
            (
                r#"{"name": {"familyName": "Old", "givenName": "Barbara"}}"#,
                r#"[{"op": "replace", "path": "name", "value": {"familyName": "Jensen"}}]"#,
                r#"{"name": {"familyName": "Jensen", "givenName": "Barbara"}}"#,
            ),
            (
                r#"{"name": {"familyName": "Old", "givenName": "Barbara"}}"#,
                r#"[{"op": "replace", "value": {"name": {"familyName": null, "middleName": "Jane"}}}]"#,
                r#"{"name": {"givenName": "Barbara", "middleName": "Jane"}}"#,
            ),
            // All values that a filter selects are replaced, whole or in a sub-attribute.
            (
                r#"{"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "home", "locality": "Bergen"}]}"#,
                r#"[{"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"type": "work", "region": "CA"}}]"#,
                r#"{"addresses": [{"type": "work", "region": "CA"}, {"type": "home", "locality": "Bergen"}]}"#,
            ),
            (
                r#"{"addresses": [{"type": "work", "locality": "Oslo"}, {"type": "work", "locality": "Bergen"}]}"#,
                r#"[{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway"}]"#,
                r#"{"addresses": [{"type": "work", "locality": "Oslo", "streetAddress": "1010 Broadway"},
                                  {"type": "work", "locality": "Bergen", "streetAddress": "1010 Broadway"}]}"#,
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"region": "CA"}}]"#,
                "noTarget",
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "addresses[type eq \"work\"].region", "value": "CA"}]"#,
                "noTarget",
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "name", "value": "Jensen"}]"#,
                "invalidValue",
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "name", "value": {"firstName": "B"}}]"#,
                "invalidValue",
            ),
        ],
    );
}

#[test]
fn null_and_an_empty_array_unassign_all_but_what_is_required_7643_2_5() {
    check_users(
        Dialect::strict(),
        &[
            (
                r#"{"title": "Old"}"#,
                r#"[{"op": "replace", "path": "title", "value": null}]"#,
                "{}",
            ),
            (
                r#"{"emails": [{"value": "a@x"}]}"#,
                r#"[{"op": "replace", "path": "emails", "value": []}]"#,
                "{}",
            ),
            (
                r#"{"name": {"familyName": "J"}}"#,
                r#"[{"op": "replace", "path": "name", "value": null}]"#,
                "{}",
            ),
            (
                r#"{"name": {"familyName": "J"}}"#,
                r#"[{"op": "replace", "path": "name.familyName", "value": null}]"#,
                "{}",
            ),
            (
                r#"{"emails": [{"value": "a@x", "type": "work"}]}"#,
                r#"[{"op": "replace", "path": "emails[type eq \"work\"]", "value": null}]"#,
                "invalidValue",
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "userName", "value": null}]"#,
                "mutability",
            ),
            (
                "{}",
                r#"[{"op": "replace", "value": {"userName": null}}]"#,
                "mutability",
            ),
            (
                "{}",
                r#"[{"op": "replace", "path": "userName", "value": ""}]"#,
                "invalidValue",
            ),
        ],
    );
}

#[test]
fn setting_primary_takes_it_from_every_other_value_3_5_2() {
    let two = r#"{"emails": [{"value": "a@x", "primary": true}, {"value": "b@x", "type": "home"}]}"#;
    let moved = r#"{"emails": [{"value": "a@x", "primary": false}, {"value": "b@x", "type": "home", "primary": true}]}"#;
    check_users(
        Dialect::strict(),
        &[
            (
                two,
                r#"[{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]"#,
                moved,
            ),
            (
                two,
                r#"[{"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": true}}]"#,
                moved,
            ),
            (
                two,
                r#"[{"op": "add", "path": "emails", "value": [{"value": "b@x", "type": "home", "primary": true}]}]"#,
                moved,
            ),
            (
                two,
                r#"[{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "b@x", "type": "home", "primary": true}}]"#,
                moved,
            ),
            (
                two,
                r#"[{"op": "add", "path": "emails", "value": [{"value": "c@x", "primary": true}]}]"#,
                r#"{"emails": [{"value": "a@x", "primary": false}, {"value": "b@x", "type": "home"}, {"value": "c@x", "primary": true}]}"#,
            ),
            // One that is not set stays.
            (
                two,
                r#"[{"op": "add", "path": "emails", "value": [{"value": "c@x"}]}]"#,
                r#"{"emails": [{"value": "a@x", "primary": true}, {"value": "b@x", "type": "home"}, {"value": "c@x"}]}"#,
            ),
            (
                two,
                r#"[{"op": "remove", "path": "emails[primary eq true]"}]"#,
                r#"{"emails": [{"value": "b@x", "type": "home"}]}"#,
            ),
            // Two at once can't be.
            (
                two,
                r#"[{"op": "replace", "path": "emails[value co \"x\"].primary", "value": true}]"#,
                "invalidValue",
            ),
            (
                two,
                r#"[{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]"#,
                "invalidValue",
            ),
        ],
    );
}

#[test]
fn operations_see_what_those_before_them_did_3_5_2() {
    check_users(
        Dialect::strict(),
        &[
            (
                "{}",
                r#"[{"op": "add", "path": "emails", "value": [{"value": "a@x", "type": "work"}]},
                    {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x"},
                    {"op": "add", "path": "emails[value eq \"b@x\"].display", "value": "B"}]"#,
                r#"{"emails": [{"value": "b@x", "type": "work", "display": "B"}]}"#,
            ),
            (
                r#"{"title": "Old"}"#,
                r#"[{"op": "remove", "path": "title"}, {"op": "add", "path": "title", "value": "New"}]"#,
                r#"{"title": "New"}"#,
            ),
            // The last one fails, so nothing of it is applied.
            (
                r#"{"title": "Old"}"#,
                r#"[{"op": "remove", "path": "title"},
                    {"op": "add", "path": "emails", "value": [{"value": "a@x"}]},
                    {"op": "remove", "path": "emails[type eq \"work\"]"}]"#,
                "noTarget",
            ),
        ],
    );
}

#[test]
fn paths_name_attributes_as_section_3_10_says() {
    check_users(
        Dialect::strict(),
        &[
            (
                "{}",
                r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "Guide"}]"#,
                r#"{"title": "Guide"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", "value": "B"}]"#,
                r#"{"name": {"givenName": "B"}}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "titel", "value": "Guide"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "name.firstName", "value": "B"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type eq \"work\"].mail", "value": "B"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "name.", "value": "B"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "", "value": "B"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[type eq work]", "value": {}}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[mail eq \"work\"]", "value": {}}]"#,
                "invalidFilter",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "emails[primary gt true]", "value": {}}]"#,
                "invalidFilter",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "title[value eq \"x\"]", "value": "B"}]"#,
                "invalidPath",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "name[givenName eq \"x\"]", "value": {}}]"#,
                "invalidPath",
            ),
            (
                r#"{"title": "T"}"#,
                r#"[{"op": "add", "value": {"titel": "Guide"}}]"#,
                r#"{"title": "T"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "value": {"name.givenName": "B"}}]"#,
                "invalidPath",
            ),
        ],
    );
}

#[test]
fn schemas_name_the_extensions_that_hold_something_3_5_2() {
    let path = |path: &str, rest: &str| format!(r#"[{{"path": "{ENTERPRISE}{path}", {rest}}}]"#);
    let body = |attributes: &str| format!(r#"{{"{ENTERPRISE}": {attributes}}}"#);
    let badge = body(r#"{"employeeNumber": "7"}"#);
    let both = body(r#"{"employeeNumber": "7", "department": "D"}"#);
    let table = [
        (
            "{}",
            path(":employeeNumber", r#""op": "add", "value": "7""#),
            Some(&*badge),
        ),
        (
            "{}",
            path("", r#""op": "add", "value": {"employeeNumber": "7"}"#),
            Some(&badge),
        ),
        (
            "{}",
            format!(r#"[{{"op": "add", "value": {badge}}}]"#),
            Some(&badge),
        ),
        // A whole extension is merged as any complex value.
        (
            &badge,
            path("", r#""op": "replace", "value": {"department": "D"}"#),
            Some(&both),
        ),
        (&both, path(":department", r#""op": "remove""#), Some(&badge)),
        // When nothing is left the extension goes.
        (&badge, path(":employeeNumber", r#""op": "remove""#), None),
        (&both, path("", r#""op": "remove""#), None),
        (&both, path("", r#""op": "replace", "value": null"#), None),
        (
            &both,
            format!(r#"[{{"op": "replace", "value": {{"{ENTERPRISE}": null}}}}]"#),
            None,
        ),
        (
            &both,
            path(":employeeNumber", r#""op": "replace", "value": null"#).replace(
                "}]",
                &format!(r#"}}, {{"op": "remove", "path": "{ENTERPRISE}:department"}}]"#),
            ),
            None,
        ),
    ];
    for (before, operations, expected) in table {
        let before = before
            .replacen('{', r#"{"userName": "bjensen", "#, 1)
            .replace(", }", "}");
        let mut patched = resource(user(), &before);
        assert_eq!(
            patch(&mut patched, user(), Dialect::strict(), &operations).unwrap(),
            Applied::Changed,
            "{operations}"
        );
        let expected = expected
            .unwrap_or("{}")
            .replacen('{', r#"{"userName": "bjensen", "#, 1)
            .replace(", }", "}");
        assert_eq!(patched, resource(user(), &expected), "{operations} on {before}");
    }
}

#[test]
fn schemas_can_be_repeated_and_follow_from_the_rest() {
    check_users(
        Dialect::strict(),
        &[
            (
                "{}",
                r#"[{"op": "replace", "value": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "title": "Guide"}}]"#,
                r#"{"title": "Guide"}"#,
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "schemas", "value": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]}]"#,
                "{}",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "schemas", "value": ["urn:example:unknown"]}]"#,
                "invalidSyntax",
            ),
            (
                "{}",
                r#"[{"op": "add", "path": "schemas", "value": "urn:example:unknown"}]"#,
                "invalidValue",
            ),
        ],
    );
}

#[test]
fn a_change_to_what_is_stored_already_changes_nothing_3_5_2_1() {
    let stored = r#"{
        "userName": "bjensen", "title": "Guide", "name": {"familyName": "Jensen", "givenName": "Barbara"},
        "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x"}]}"#;
    for operations in [
        r#"[{"op": "add", "path": "title", "value": "Guide"}]"#,
        r#"[{"op": "replace", "path": "name", "value": {"familyName": "Jensen"}}]"#,
        r#"[{"op": "replace", "path": "name.givenName", "value": "Barbara"}]"#,
        r#"[{"op": "add", "path": "emails", "value": [{"value": "b@x"}, {"type": "work", "value": "a@x"}]}]"#,
        r#"[{"op": "replace", "path": "emails[type eq \"work\"].primary", "value": true}]"#,
        r#"[{"op": "remove", "path": "nickName"}]"#,
        r#"[{"op": "remove", "path": "title"}, {"op": "add", "path": "title", "value": "Guide"}]"#,
        r#"[{"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"}]"#,
        r#"[{"op": "replace", "value": {}}]"#,
    ] {
        let mut patched = resource(user(), stored);
        let applied = patch(&mut patched, user(), Dialect::strict(), operations).unwrap();
        assert_eq!(applied, Applied::Unchanged, "{operations}");
        assert_eq!(
            patched.to_json(),
            resource(user(), stored).to_json(),
            "{operations}"
        );
    }
}

#[test]
fn the_examples_of_section_3_5_2_do_what_the_text_says() {
    let babs = "2819c223-7f76-453a-919d-413861904646";
    for (file, members, expected) in [
        ("3.5.2.1-add-member", "[]", vec![babs]),
        (
            "3.5.2.2-remove-member",
            r#"[{"value": "2819c223-7f76-...413861904646"}, {"value": "x"}]"#,
            vec!["x"],
        ),
        (
            "3.5.2.2-remove-all-members",
            r#"[{"value": "x"}, {"value": "y"}]"#,
            vec![],
        ),
        (
            "3.5.2.2-remove-and-add-member",
            r#"[{"value": "2819c223...919d-413861904646"}, {"value": "x"}]"#,
            vec!["08e1d05d...473d93df9210", "x"],
        ),
        (
            "3.5.2.2-remove-then-add-all-members",
            r#"[{"value": "x"}]"#,
            vec!["08e1d05d-121c-4561-8b96-473d93df9210", babs],
        ),
        (
            "3.5.2.3-replace-all-members",
            r#"[{"value": "x"}]"#,
            vec!["08e1d05d...473d93df9210", "2819c223...413861904646"],
        ),
    ] {
        let mut patched = resource(
            group(),
            &format!(r#"{{"displayName": "Guides", "members": {members}}}"#),
        );
        let plan = Plan::compile(example(file), group(), Dialect::strict()).unwrap();
        assert!(plan.is_relation_only(), "{file}");
        plan.apply(&mut patched).unwrap();
        let mut found: Vec<&ResourceId> = patched
            .relation("members")
            .unwrap()
            .iter()
            .map(|(id, _)| id)
            .collect();
        found.sort();
        let expected: Vec<ResourceId> = expected.into_iter().map(ResourceId::new).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{file}");
    }

    let stored = r#"{
        "userName": "bjensen",
        "emails": [{"value": "b@example.com", "type": "work"}],
        "addresses": [{"type": "work", "locality": "Oslo"}, {"type": "home", "primary": true}]}"#;
    for (file, expected) in [
        (
            "3.5.2.1-add-attributes",
            r#"{"emails":[{"value":"b@example.com","type":"work"},{"value":"babs@jensen.org","type":"home"}],"addresses":[{"type":"work","locality":"Oslo"},{"type":"home","primary":true}],"nickName":"Babs"}"#,
        ),
        (
            "3.5.2.2-remove-email-by-filter",
            r#"{"addresses":[{"type":"work","locality":"Oslo"},{"type":"home","primary":true}]}"#,
        ),
        (
            "3.5.2.3-replace-street-address",
            r#"{"emails":[{"value":"b@example.com","type":"work"}],"addresses":[{"type":"work","locality":"Oslo","streetAddress":"1010 Broadway Ave"},{"type":"home","primary":true}]}"#,
        ),
        (
            "3.5.2.3-replace-work-address",
            r#"{"emails":[{"value":"b@example.com","type":"work"}],"addresses":[{"type":"work","streetAddress":"911 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","formatted":"911 Universal City Plaza\nHollywood, CA 91608 US","primary":true},{"type":"home","primary":false}]}"#,
        ),
    ] {
        let mut patched = resource(user(), stored);
        let plan = Plan::compile(example(file), user(), Dialect::strict()).unwrap();
        assert_eq!(plan.apply(&mut patched).unwrap(), Applied::Changed, "{file}");
        assert_eq!(attributes(&patched), expected, "{file}");
    }
}

fn example(name: &str) -> PatchRequest {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rfc7644/patch");
    PatchRequest::from_json(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}
