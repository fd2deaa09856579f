//! Limits: what one request may cost (RFC 7644 section 7.7) and how large a resource may be. Work is counted, not timed.

use std::time::Duration;

use keyfob_core::{
    ScimType, ToErrorBody,
    message::{ListResponse, PatchRequest, SearchRequest},
};
use keyfob_engine::{EngineError, Limits};

use crate::fixture::Fixture;

fn fixture(limits: Limits) -> Fixture {
    Fixture::with(|engine| engine.with_limits(limits))
}

fn list(fixture: &Fixture, filter: &str) -> Result<ListResponse, EngineError> {
    let mut request = SearchRequest::new();
    request.filter = Some(filter.into());
    fixture.search(&["User"], &request)
}

fn answer<T: std::fmt::Debug>(result: Result<T, EngineError>) -> (u16, Option<&'static str>, String) {
    let body = result.unwrap_err().to_error_body();
    (
        body.status,
        body.scim_type.map(ScimType::as_str),
        body.detail.into(),
    )
}

fn user(name: &str, rest: &str) -> String {
    format!(r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "{name}"{rest}}}"#)
}

fn patch(operations: &str) -> PatchRequest {
    let text = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{operations}]}}"#
    );
    PatchRequest::from_json(text.as_bytes()).unwrap()
}

#[test]
fn a_resource_is_kept_up_to_its_limits_and_no_further() {
    let small = Limits {
        document_bytes: 1_000,
        text_bytes: 100,
        unique_bytes: 20,
        values: 3,
        ..Limits::default()
    };
    let emails = |number: usize| {
        let emails = (0..number).map(|number| format!(r#"{{"value": "{number}@x.org"}}"#));
        format!(r#", "emails": [{}]"#, emails.collect::<Vec<_>>().join(","))
    };
    let title = |length: usize| format!(r#", "title": "{}""#, "a".repeat(length));
    let large = [
        "title",
        "nickName",
        "displayName",
        "profileUrl",
        "locale",
        "timezone",
        "userType",
        "preferredLanguage",
    ]
    .map(|name| format!(r#", "{name}": "{}""#, "a".repeat(99)))
    .concat();
    let larger = format!(
        r#"{large}, "name": {{"formatted": "{0}", "familyName": "{0}"}}"#,
        "a".repeat(99)
    );
    let fixture = fixture(small);
    for (name, rest, expected) in [
        ("values", emails(3), None),
        (
            "too-many-values",
            emails(4),
            Some((400, "`emails` has more than 3 values")),
        ),
        ("text", title(100), None),
        (
            "too-long",
            title(101),
            Some((400, "a text of `title` has more than 100 bytes")),
        ),
        ("exactly-20-bytes-now", String::new(), None),
        (
            "more-than-20-bytes-in-all",
            String::new(),
            Some((400, "`userName` has more than 20 bytes")),
        ),
        ("large", large, None),
        (
            "larger",
            larger,
            Some((413, "the resource would have more than 1000 bytes")),
        ),
    ] {
        let created = fixture.create("User", &user(name, &rest));
        match expected {
            None => drop(created.unwrap()),
            Some((status, detail)) => {
                let (answered, scim_type, told) = answer(created);
                assert_eq!((answered, told.as_str()), (status, detail));
                assert_eq!(scim_type, (status == 400).then_some("invalidValue"));
            }
        }
    }
}

/// Twelve PATCH requests of 7 MB once made a user of 83 MB.
#[test]
fn a_patch_makes_no_resource_larger_than_a_resource_may_be_and_changes_nothing_where_it_would() {
    let fixture = fixture(Limits {
        values: 3,
        ..Limits::default()
    });
    let created = fixture.create("User", &user("ann", "")).unwrap();
    let add = |number: usize| {
        patch(&format!(
            r#"{{"op": "add", "path": "emails", "value": [{{"value": "{number}@x.org"}}]}}"#
        ))
    };
    for number in 0..3 {
        fixture.patch("User", &created, &add(number)).unwrap();
    }
    let events = fixture.events().len();
    let (status, scim_type, _) = answer(fixture.patch("User", &created, &add(3)));
    assert_eq!((status, scim_type), (400, Some("invalidValue")));
    assert_eq!(fixture.events().len(), events);
    // What makes it smaller is done.
    fixture
        .patch("User", &created, &patch(r#"{"op": "remove", "path": "emails"}"#))
        .unwrap();
}

#[test]
fn a_filter_costs_a_step_for_each_resource_and_for_each_comparison_of_it() {
    // 20 users, each looked at once and compared three times.
    for (steps, is_enough) in [(80, true), (79, false)] {
        let fixture = fixture(Limits {
            steps,
            ..Limits::default()
        });
        for number in 0..20 {
            fixture
                .create("User", &user(&format!("user-{number}"), ""))
                .unwrap();
        }
        let listed = list(&fixture, r#"title co "a" or title co "b" or nickName co "c""#);
        if is_enough {
            listed.unwrap();
        } else {
            let (status, scim_type, detail) = answer(listed);
            assert_eq!((status, scim_type), (400, Some("tooMany")));
            assert!(
                detail.contains("79 steps") && detail.contains("narrow it"),
                "{detail}"
            );
        }
    }
}

#[test]
fn a_patch_costs_operations_times_values_times_comparisons() {
    let emails = (0..10).map(|number| format!(r#"{{"value": "{number}@x.org"}}"#));
    let rest = format!(r#", "emails": [{}]"#, emails.collect::<Vec<_>>().join(","));
    let operation =
        r#"{"op": "replace", "path": "emails[value co \"z\" or value co \"9@\"].display", "value": "x"}"#;
    // Each operation compares ten values twice, and costs two steps of its own.
    for (patch_steps, is_enough) in [(66, true), (65, false)] {
        let fixture = fixture(Limits {
            patch_steps,
            ..Limits::default()
        });
        let created = fixture.create("User", &user("ann", &rest)).unwrap();
        let request = patch(&[operation; 3].join(","));
        let events = fixture.events().len();
        let patched = fixture.patch("User", &created, &request);
        if is_enough {
            patched.unwrap();
            continue;
        }
        let (status, scim_type, detail) = answer(patched);
        assert_eq!((status, scim_type), (400, Some("tooMany")));
        assert!(
            detail.contains("operation 3") && detail.contains("65 steps"),
            "{detail}"
        );
        assert_eq!(fixture.events().len(), events, "nothing is half done");
    }
}

#[test]
fn a_page_has_a_limit_of_bytes_and_one_resource_always_fits() {
    let fixture = fixture(Limits {
        page_bytes: 5_000,
        ..Limits::default()
    });
    let title = format!(r#", "title": "{}""#, "a".repeat(4_000));
    fixture.create("User", &user("ann", &title)).unwrap();
    assert_eq!(list(&fixture, "title pr").unwrap().resources.len(), 1);
    fixture.create("User", &user("bob", &title)).unwrap();
    let (status, scim_type, detail) = answer(list(&fixture, "title pr"));
    assert_eq!((status, scim_type), (400, Some("tooMany")));
    assert!(detail.contains("smaller `count`"), "{detail}");
}

#[test]
fn a_request_whose_time_is_over_is_told_to_come_again_and_changes_nothing() {
    let fixture = fixture(Limits {
        time: Duration::ZERO,
        ..Limits::default()
    });
    // The store in memory waits for nothing and reads nothing to create.
    let created = fixture.create("User", &user("ann", "")).unwrap();
    let events = fixture.events().len();
    let title = patch(r#"{"op": "add", "path": "title", "value": "Guide"}"#);
    for status in [
        answer(list(&fixture, "title pr")).0,
        answer(fixture.patch("User", &created, &title)).0,
        answer(fixture.try_get("User", &created)).0,
    ] {
        assert_eq!(status, 503);
    }
    assert_eq!(fixture.events().len(), events);
}
