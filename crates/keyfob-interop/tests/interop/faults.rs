//! What servers do wrong, and what becomes of it at the provider.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use http::Method;
use keyfob_interop::simulate::{Report, StepReport, Verdict};

use crate::server::{Tamper, left, run_with, simulation};

const HTML: &str = "<!DOCTYPE html><h1>error code: 502</h1>";

fn step<'r>(report: &'r Report, name: &str) -> &'r StepReport {
    report
        .steps
        .iter()
        .find(|step| step.name == name)
        .unwrap_or_else(|| panic!("{name}"))
}

fn body(request: &http::Request<bytes::Bytes>) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

#[test]
fn o9_a_501_to_patch_stops_okta_and_no_put_is_sent_instead() {
    let (report, service, token) = run_with(simulation("okta", Some("catalogue")), |request| {
        if request.method() == Method::PATCH && request.uri().path().starts_with("/scim/v2/Users") {
            Tamper::Answer(
                501,
                "application/scim+json",
                r#"{"detail": "no PATCH here"}"#.into(),
            )
        } else {
            Tamper::Pass
        }
    });
    let step = step(&report, "deactivate-user");
    assert_eq!(step.verdict, Verdict::Stops);
    assert_eq!(step.requests, 1);
    let says = step.findings[0].to_string();
    assert!(
        says.contains("-> 501: expected 200 or 204; the answer says `no PATCH here`"),
        "{says}"
    );
    assert!(
        says.ends_with("nothing is sent instead, and an administrator gets a task (O9)"),
        "{says}"
    );
    assert!(!report.is_clean());
    // What depends on it is not tried, and the rest goes on.
    let dependent = report
        .steps
        .iter()
        .find(|step| step.name == "reactivate-user")
        .unwrap();
    assert_eq!(dependent.findings[0].says, "it depends on `deactivate-user`");
    assert_eq!(report.steps.last().unwrap().verdict, Verdict::Ok);
    assert_eq!(left(&service, &token), 0);
}

#[test]
fn o9_an_answer_that_is_no_json_fails_the_operation() {
    let (report, ..) = run_with(simulation("okta", Some("wizard")), |request| {
        if request.method() == Method::PUT {
            Tamper::Answer(502, "text/html", HTML.into())
        } else {
            Tamper::Pass
        }
    });
    let says = step(&report, "update-user").findings[0].to_string();
    assert!(
        says.contains("error code: 502") && says.contains("repeats the whole sequence (O9)"),
        "{says}"
    );
}

#[test]
fn a_server_of_something_else_answers_with_html_and_the_connection_test_says_so() {
    let (report, ..) = run_with(simulation("entra", None), |_| {
        Tamper::Answer(200, "text/html", HTML.into())
    });
    let step = step(&report, "test-connection");
    assert_eq!(step.verdict, Verdict::Stops);
    assert!(
        step.findings[0]
            .says
            .starts_with("the answer is no JSON object (text/html, "),
        "{step:?}"
    );
}

#[test]
fn e20_a_token_that_is_refused_puts_entra_into_quarantine_and_nothing_else_is_sent() {
    let (report, ..) = run_with(simulation("entra", None), |_| {
        Tamper::Answer(401, "application/scim+json", r#"{"status": "401"}"#.into())
    });
    assert_eq!(report.verdict(), Verdict::Stops);
    assert_eq!(
        report.ended.as_deref(),
        Some("the job goes into quarantine at once")
    );
    assert_eq!(report.transcript.len(), 1);
    assert!(
        report
            .steps
            .iter()
            .skip(1)
            .all(|step| step.verdict == Verdict::Skipped)
    );
}

#[test]
fn e1_a_test_look_up_that_finds_somebody_fails() {
    let (report, ..) = run_with(simulation("entra", None), |request| {
        // A server that doesn't understand the filter and shows everybody.
        let is_look_up = request.method() == Method::GET && request.uri().path().ends_with("/Users");
        if is_look_up {
            let all =
                r#"{"totalResults": 1, "Resources": [{"id": "1", "userName": "somebody@else.example"}]}"#;
            Tamper::Answer(200, "application/scim+json", all.into())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(
        step(&report, "test-connection").findings[0].says,
        "somebody is found where nobody is"
    );
    // The provider would take that user for each of its own: nothing of it is changed or deleted.
    let create = step(&report, "create-users");
    assert_eq!(create.verdict, Verdict::Damage);
    assert!(
        create.findings[0]
            .says
            .contains("`somebody@else.example` with the id `1`"),
        "{create:?}"
    );
    assert!(
        report.transcript.iter().all(|sent| !sent.url.contains("/Users/")),
        "{report:?}"
    );
}

#[test]
fn an_attribute_that_the_server_forgets_is_damage_where_it_happens_and_is_said_once() {
    let (report, ..) = run_with(simulation("entra", None), |request| {
        let text = body(request);
        if request.method() == Method::PATCH && text.contains(r#""path":"active","value":false"#) {
            // It says that it was done.
            Tamper::Answer(204, "application/scim+json", String::new())
        } else {
            Tamper::Pass
        }
    });
    let disable = step(&report, "disable-user");
    assert_eq!(disable.verdict, Verdict::Damage);
    assert_eq!(disable.findings[0].says, "`active` is true and should be false");
    assert_eq!(disable.findings[0].status, Some(200));
    assert_eq!(step(&report, "restore-user").verdict, Verdict::Ok);
    // Where a user is disabled: by a change, by a removal that was allowed, and at the end.
    assert_eq!(report.count(Verdict::Damage), 3, "{}", report.text());
}

#[test]
fn e20_a_server_that_takes_any_token_does_damage() {
    const NOBODY: &str =
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}"#;
    let (report, ..) = run_with(simulation("entra", None), |request| {
        let token = request.headers()["authorization"].to_str().unwrap();
        if token.contains("nobody-gave") {
            Tamper::Answer(200, "application/scim+json", NOBODY.to_owned())
        } else {
            Tamper::Pass
        }
    });
    let step = step(&report, "quarantine-token");
    assert_eq!(step.verdict, Verdict::Damage, "{}", report.text());
    assert!(
        step.findings[0]
            .says
            .contains("a token that nobody gave is taken")
    );
    assert_eq!(report.count(Verdict::Damage), 1, "{}", report.text());
}

#[test]
fn e5_a_cycle_that_finds_another_value_than_was_sent_writes_it_again_and_says_so() {
    let (report, ..) = run_with(simulation("entra", None), |request| {
        // The look-up of a user who is renamed before shows another title than the server has.
        let is_look_up = request.method() == Method::GET
            && request
                .uri()
                .query()
                .is_some_and(|query| query.contains("renamed1"));
        if is_look_up {
            Tamper::Edit(|body| body.replace(r#""title":""#, r#""title":"The honourable "#))
        } else {
            Tamper::Pass
        }
    });
    let step = step(&report, "full-cycle");
    assert_eq!(step.verdict, Verdict::Tolerated, "{}", report.text());
    assert!(
        step.findings[0].says.contains("adopt `title`"),
        "{}",
        report.text()
    );
    assert_eq!(report.verdict(), Verdict::Tolerated, "{}", report.text());
}

#[test]
fn t1_members_that_a_server_never_shows_are_asked_for_and_are_no_damage() {
    let hide = |body: String| {
        let mut group: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if let Some(members) = group.get_mut("members") {
            *members = serde_json::json!([]);
        }
        group.to_string()
    };
    let is_group = |request: &http::Request<bytes::Bytes>| {
        let path = request.uri().path();
        request.method() == Method::GET && path.starts_with("/scim/v2/Groups/")
    };
    let (report, ..) = run_with(simulation("entra", None), |request| {
        if is_group(request) {
            Tamper::Edit(hide)
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(report.verdict(), Verdict::Tolerated, "{}", report.text());
    assert!(
        report.text().contains("they are asked for by a filter"),
        "{}",
        report.text()
    );

    // Without a filter nobody knows.
    let (report, ..) = run_with(simulation("entra", None), |request| {
        let query = request.uri().query().unwrap_or_default();
        if is_group(request) {
            Tamper::Edit(hide)
        } else if query.contains("members.value") {
            Tamper::Answer(400, "application/scim+json", "{}".to_owned())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(report.verdict(), Verdict::Tolerated, "{}", report.text());
    assert!(
        report.text().contains("nothing is known of them"),
        "{}",
        report.text()
    );

    // One that loses them has damage.
    let (report, ..) = run_with(simulation("entra", None), |request| {
        if is_group(request) {
            Tamper::Edit(hide)
        } else if request.method() == Method::PATCH
            && body(request).contains(r#""op":"Add","path":"members""#)
        {
            Tamper::Answer(204, "application/scim+json", String::new())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(
        step(&report, "add-members").verdict,
        Verdict::Damage,
        "{}",
        report.text()
    );
}

#[test]
fn e12_a_server_that_takes_a_removal_by_value_for_one_of_all_members_does_damage() {
    let (report, ..) = run_with(simulation("entra", Some("docs")), |request| {
        let text = body(request);
        if request.method() == Method::PATCH && text.contains(r#""op":"Remove","path":"members""#) {
            let all = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members"}]}"#;
            let (parts, _) = request.clone().into_parts();
            Tamper::Send(Box::new(http::Request::from_parts(parts, all.into())))
        } else {
            Tamper::Pass
        }
    });
    let leave = step(&report, "leave-group");
    assert_eq!(leave.verdict, Verdict::Damage);
    let lost = leave
        .findings
        .iter()
        .filter(|finding| finding.says.ends_with("should be a member and is none"));
    // Two other users and the nested group.
    assert_eq!(lost.count(), 3, "{leave:?}");
}

#[test]
fn a_refused_change_that_was_carried_out_all_the_same_is_damage() {
    let (report, ..) = run_with(simulation("okta", Some("wizard")), |request| {
        if request.method() == Method::PUT && body(request).contains("Changed 1") {
            Tamper::LoseAnswer
        } else {
            Tamper::Pass
        }
    });
    let update = step(&report, "update-user");
    assert_eq!(update.verdict, Verdict::Damage, "{}", report.text());
    assert!(
        update
            .findings
            .iter()
            .any(|finding| finding.says.contains("the connection broke"))
    );
}

#[test]
fn e19_an_object_that_fails_once_is_tried_again_after_six_hours() {
    let failures = AtomicUsize::new(0);
    let (report, ..) = run_with(simulation("entra", None), |request| {
        if request.method() == Method::POST
            && request.uri().path().ends_with("/Users")
            && failures.fetch_add(1, Ordering::Relaxed) == 2
        {
            Tamper::Answer(503, "application/scim+json", r#"{"detail": "busy"}"#.into())
        } else {
            Tamper::Pass
        }
    });
    let create = step(&report, "create-users");
    assert_eq!(create.verdict, Verdict::Retries);
    assert_eq!(
        create.findings[0].says,
        "it came through 6h after the first failure"
    );
    assert_eq!(create.findings[0].evidence[0].id, "E19");
    assert!(report.is_clean(), "{}", report.text());
    let after = step(&report, "create-groups");
    assert_eq!(after.at.as_secs(), (6 * 60 + 40) * 60);
}

#[test]
fn e19_an_object_that_fails_each_time_is_tried_three_times_more_within_a_day() {
    let sent = Mutex::new(0);
    let (report, ..) = run_with(simulation("entra", None), |request| {
        if request.method() == Method::POST && request.uri().path().ends_with("/Groups") {
            *sent.lock().unwrap() += 1;
            Tamper::Answer(400, "application/scim+json", r#"{"detail": "no groups"}"#.into())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(*sent.lock().unwrap(), 3 * 4);
    let create = step(&report, "create-groups");
    assert_eq!(create.verdict, Verdict::Retries);
    assert!(
        create.findings[0].to_string().ends_with("for 28 days (E19)"),
        "{create:?}"
    );
    assert_eq!(step(&report, "add-members").verdict, Verdict::Skipped);
}

#[test]
fn j1_where_a_test_user_cant_be_deleted_it_is_deactivated() {
    let (report, ..) = run_with(simulation("jumpcloud", None), |request| {
        let is_test_user = request.headers().get("accept").is_none();
        if request.method() == Method::DELETE && is_test_user && request.uri().path().contains("/Users/") {
            Tamper::Answer(405, "application/scim+json", r#"{"detail": "no"}"#.into())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(step(&report, "delete-test-user").verdict, Verdict::Retries);
    assert_eq!(
        step(&report, "deactivate-test-user").verdict,
        Verdict::Ok,
        "{}",
        report.text()
    );
}

#[test]
fn what_a_provider_puts_up_with_is_noted() {
    let (report, ..) = run_with(simulation("okta", None), |request| {
        if request.method() == Method::GET {
            Tamper::Edit(|body| body)
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(report.verdict(), Verdict::Ok);
    let (report, ..) = run_with(simulation("okta", None), |request| {
        if request.uri().query() == Some("startIndex=1&count=2") {
            Tamper::Answer(200, "text/plain", r#"{"totalResults": 0}"#.into())
        } else {
            Tamper::Pass
        }
    });
    let test = step(&report, "test-connector");
    assert_eq!(test.verdict, Verdict::Tolerated);
    assert_eq!(
        test.findings[0].says,
        "the media type is `text/plain` and not `application/scim+json`"
    );
}

#[test]
fn a_creation_whose_answer_is_lost_is_found_and_removed_at_the_end() {
    let (report, service, token) = run_with(simulation("google", None), |request| {
        if request.method() == Method::POST && body(request).contains("user2@") {
            Tamper::LoseAnswer
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(step(&report, "create-users").verdict, Verdict::Stops);
    assert_eq!(left(&service, &token), 0);
    assert!(report.left.is_empty());
}

#[test]
fn what_cant_be_deleted_is_named() {
    let (report, service, token) = run_with(simulation("google", None), |request| {
        if request.method() == Method::DELETE {
            Tamper::Answer(403, "application/scim+json", "{}".into())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(report.left.len(), 5);
    assert_eq!(left(&service, &token), 5);
    assert!(
        report.text().contains("left at the server: /Users/00000000-"),
        "{}",
        report.text()
    );
}

#[test]
fn a_server_that_is_not_there_ends_the_run() {
    let (report, ..) = run_with(simulation("entra", None), |_| Tamper::Lose);
    assert_eq!(
        report.ended.as_deref(),
        Some("the job goes into quarantine at once")
    );
    assert!(
        report.steps[0].findings[0]
            .says
            .starts_with("the server can't be reached")
    );
}
