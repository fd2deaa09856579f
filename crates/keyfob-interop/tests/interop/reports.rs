//! Reports hold what a server said, and let none of it act.

use keyfob_interop::simulate::Report;

use crate::server::{Tamper, run_with, simulation};

/// What a hostile server puts into an error.
const HOSTILE: &str = "<script>alert(1)</script>]]>\u{1b}[2J&amp;\"'\u{202e}\nok  fake";

fn hostile() -> Report {
    let detail = keyfob_core::json::value_to_vec(&keyfob_core::Value::from(HOSTILE));
    let body = format!(r#"{{"detail": {}}}"#, String::from_utf8(detail).unwrap());
    run_with(simulation("okta", Some("catalogue")), |request| {
        if request.method() == http::Method::PATCH {
            Tamper::Answer(500, "application/scim+json", body.clone())
        } else {
            Tamper::Pass
        }
    })
    .0
}

#[test]
fn nothing_that_a_server_says_acts_on_a_terminal_or_a_page() {
    let report = hostile();
    let text = report.text();
    assert!(text.contains(r"alert(1)</script>]]>\u{1b}[2J"), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("ok  fake")), "{text}");
    let json = String::from_utf8(report.json()).unwrap();
    assert!(json.contains(r"\u001b[2J"), "{json}");
    for markup in [report.junit(), report.html()] {
        assert!(
            markup.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{markup}"
        );
        assert!(markup.contains("&amp;amp;&quot;&#39;"), "{markup}");
        assert!(!markup.contains("<script"), "{markup}");
        assert!(!markup.contains("]]>"), "{markup}");
    }
    for shown in [&text, &report.junit(), &report.html()] {
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{shown}"
        );
    }
}

#[test]
fn junit_counts_what_stops_as_failures_and_skipped_steps_as_skipped() {
    let report = hostile();
    let junit = report.junit();
    let failures = report.count(keyfob_interop::simulate::Verdict::Stops)
        + report.count(keyfob_interop::simulate::Verdict::Damage);
    assert!(failures > 0);
    assert_eq!(junit.matches("<failure ").count(), failures);
    assert_eq!(junit.matches("<testcase ").count(), report.steps.len());
    assert_eq!(junit.matches("</testcase>").count(), report.steps.len());
    assert!(
        junit.contains(&format!(
            "tests=\"{}\" failures=\"{failures}\"",
            report.steps.len()
        )),
        "{junit}"
    );
}

#[test]
fn no_report_and_no_transcript_holds_the_token() {
    let (report, _, token) = run_with(simulation("entra", None), |_| Tamper::Pass);
    let har = String::from_utf8(report.har()).unwrap();
    let json = String::from_utf8(report.json()).unwrap();
    for text in [
        &har,
        &json,
        &report.text(),
        &report.html(),
        &report.junit(),
        &format!("{report:?}"),
    ] {
        assert!(!text.contains(&token));
    }
    assert!(har.contains(r#"{"name":"Authorization","value":"Bearer [redacted]"}"#));
    assert!(har.starts_with(r#"{"log":{"version":"1.2","creator":{"name":"keyfob","#));
    assert_eq!(
        har.matches("\"startedDateTime\"").count(),
        report.transcript.len()
    );
}
