//! Requests made of random operations: they apply whole or not at all, and mean what their operations mean.

use keyfob_core::{Dialect, Resource, validate};
use keyfob_patch::{Applied, Plan};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{request, resource, user};

const PATHS: &[&str] = &[
    "userName",
    "title",
    "active",
    "id",
    "meta",
    "schemas",
    "groups",
    "name",
    "name.givenName",
    "emails",
    "emails.type",
    r#"emails[type eq \"work\"]"#,
    r#"emails[type eq \"work\"].value"#,
    r#"emails[value sw \"b\"].primary"#,
    "emails[primary eq true]",
    "addresses",
    r#"addresses[type eq \"home\"].locality"#,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
    "nothing.here",
    "emails[",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    r#""False""#,
    r#""work""#,
    r#""""#,
    "7",
    "[]",
    "{}",
    r#"{"givenName": "Babs", "familyName": null}"#,
    r#"[{"value": "a@x", "type": "work", "primary": true}]"#,
    r#"[{"value": "b@x"}, {"value": "a@x", "type": "work"}]"#,
    r#"{"value": "b@x", "type": "home"}"#,
    r#"{"type": "work", "locality": "Oslo"}"#,
    r#"{"department": "D", "manager": "26"}"#,
    r#"{"title": "T", "emails": [{"value": "c@x", "primary": true}], "name.givenName": "B"}"#,
    r#"{"userName": null}"#,
    "[null]",
];

const RESOURCES: &[&str] = &[
    r#"{"userName": "bjensen"}"#,
    r#"{"userName": "bjensen", "title": "T", "active": false, "name": {"givenName": "Babs"},
        "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x"}]}"#,
    r#"{"userName": "bjensen", "addresses": [{"type": "work", "locality": "Oslo"}],
        "emails": [{"value": "b@x", "type": "home"}, {"value": "bb@x", "type": "work"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "26"}}}"#,
];

fn operation() -> impl Strategy<Value = String> {
    let kind = select(vec!["add", "replace", "remove"]);
    (
        kind,
        proptest::option::weighted(0.9, select(PATHS)),
        select(VALUES),
    )
        .prop_map(|(kind, path, value)| {
            let path = path.map_or_else(String::new, |path| format!(r#", "path": "{path}""#));
            let value = if kind == "remove" && value.len() % 2 == 0 {
                String::new()
            } else {
                format!(r#", "value": {value}"#)
            };
            format!(r#"{{"op": "{kind}"{path}{value}}}"#)
        })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    select(vec![
        Dialect::strict(),
        Dialect::interop(),
        Dialect::okta(),
        Dialect::entra(),
    ])
}

fn stored() -> impl Strategy<Value = Resource> {
    select(RESOURCES).prop_map(|attributes| resource(user(), attributes))
}

fn run(resource: &mut Resource, dialect: Dialect, operations: &[String]) -> Option<Applied> {
    let plan = Plan::compile(request(&format!("[{}]", operations.join(","))), user(), dialect).ok()?;
    plan.apply(resource).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_request_applies_whole_or_not_at_all_and_leaves_a_valid_resource_3_5_2(
        before in stored(),
        operations in vec(operation(), 1..6),
        dialect in dialect(),
    ) {
        let mut after = before.clone();
        if run(&mut after, dialect, &operations) != Some(Applied::Changed) {
            prop_assert_eq!(after.to_json(), before.to_json());
            return Ok(());
        }
        prop_assert_ne!(&after, &before);
        prop_assert!(validate::complete(&after, user()).is_ok());
        // What a POST would have stored is what is stored: canonical, nothing unassigned, schemas stated.
        let created = validate::create(after.clone(), user(), Dialect::strict()).unwrap();
        prop_assert_eq!(&created, &after);
    }

    #[test]
    fn operations_of_one_request_do_what_requests_of_one_operation_do(
        before in stored(),
        operations in vec(operation(), 1..5),
        dialect in dialect(),
    ) {
        let mut one_by_one = before.clone();
        let all = operations
            .iter()
            .all(|operation| run(&mut one_by_one, dialect, std::slice::from_ref(operation)).is_some());
        if !all {
            return Ok(());
        }
        let mut at_once = before.clone();
        let applied = run(&mut at_once, dialect, &operations);
        prop_assert!(applied.is_some());
        prop_assert_eq!(at_once, one_by_one);
    }

    #[test]
    fn an_operation_repeated_changes_nothing_more(before in stored(), operation in operation(), dialect in dialect()) {
        let operations = [operation];
        let mut once = before.clone();
        if run(&mut once, dialect, &operations).is_none() {
            return Ok(());
        }
        let mut twice = once.clone();
        // Taking away what a filter selects, or changing what it selects by, leaves it nothing to select.
        if let Some(applied) = run(&mut twice, dialect, &operations) {
            prop_assert_eq!(applied, Applied::Unchanged, "{:?} on {:?}", operations, before);
        } else {
            prop_assert!(operations[0].contains('['), "{:?}", operations);
        }
    }
}
