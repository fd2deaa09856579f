//! The log of requests, as administrators read it.

use std::sync::Arc;

use keyfob_core::{Clock as _, DateTime, Object, ResourceId, Value};
use keyfob_engine::{DynStore, RequestId, RequestRecord, RequestRecorder as _};
use keyfob_provisioning::RequestLog;
use pollster::block_on;

use crate::fixture::Fixture;

/// The log as a server writes it.
struct Log {
    log: RequestLog<DynStore>,
    fixture: Fixture,
}

impl Log {
    fn new() -> Self {
        let fixture = Fixture::new();
        Self {
            log: RequestLog::new(Arc::clone(fixture.verkada.engine())),
            fixture,
        }
    }

    fn send(&self, method: &str, path: &str, status: u16, more: impl FnOnce(&mut RequestRecord)) {
        let id = RequestId::new(format!("{method} {status}"));
        let mut record = RequestRecord::new(self.fixture.clock.now(), id, method, path, status);
        record.credential = "default".into();
        more(&mut record);
        self.log.record(&self.fixture.tenant("Acme"), record);
        block_on(self.log.flush()).unwrap();
    }

    fn listed(&self, input: &[(&str, &str)]) -> Vec<String> {
        self.fixture
            .names("listRequests", "request", &[&[("org", "Acme")], input].concat())
    }

    fn overview(&self) -> Object {
        self.fixture.done("showOverview", &[("org", "Acme")])
    }
}

/// Sends what a provider sends on its first day.
fn first_day() -> (Log, ResourceId) {
    let log = Log::new();
    let ann = log.fixture.provisioned("ann@example.com");
    let about = Some(ann.clone());
    log.send("POST", "/Users", 201, |record| {
        record.resource = about.clone();
        record.attributes = vec!["userName".into()];
    });
    log.send("POST", "/Users", 400, |record| {
        record.refusal = Some("domainNotAllowed".into());
        record.credential = "second".into();
    });
    log.send("PATCH", "/Users/{id}", 200, |record| record.resource = about);
    log.send("POST", "/Groups", 403, |record| {
        record.refusal = Some("groupsDisabled".into());
    });
    (log, ann)
}

#[test]
fn a_refusal_stands_in_the_log_with_its_reason_and_what_to_change_in_the_provider() {
    let (log, ann) = first_day();
    assert_eq!(log.listed(&[]), ["POST 403", "PATCH 200", "POST 400", "POST 201"]);
    let page = log
        .fixture
        .page("listRequests", &[("org", "Acme"), ("outcome", "refused")]);
    let texts: Vec<_> = page
        .items
        .iter()
        .map(|view| (view.get_str("code").unwrap(), view.get_str("why").unwrap()))
        .collect();
    assert_eq!(
        texts,
        [
            (
                "groupsDisabled",
                "the organization takes no groups from its identity provider"
            ),
            (
                "domainNotAllowed",
                "an address is not in one of the organization's e-mail domains"
            ),
        ]
    );
    let id = page.items[1].get_str("id").unwrap();
    let one = log
        .fixture
        .done("showRequest", &[("org", "Acme"), ("request", id)]);
    assert_eq!(one, page.items[1]);
    assert!(
        one.get_str("fix")
            .unwrap()
            .contains("add the domain to the organization")
    );
    for missing in ["4", "99999999999999999999", "-1", "first", "\u{1b}[2J"] {
        let problem = log
            .fixture
            .refused("showRequest", &[("org", "Acme"), ("request", missing)]);
        assert_eq!(problem.status, 404, "{missing}: {problem}");
    }
    // People are known by their ids and named when the log is read.
    let done = log
        .fixture
        .page("listRequests", &[("org", "Acme"), ("outcome", "done")]);
    let names: Vec<_> = done
        .items
        .iter()
        .map(|view| view.get_str("resourceName"))
        .collect();
    assert_eq!(names, [Some("ann@example.com"); 2]);
    log.fixture.done("unlink", &[("org", "Acme")]);
    let user = [("org", "Acme"), ("user", ann.as_str())];
    log.fixture.done("deactivateUser", &user);
    log.fixture.done("purgeUser", &user);
    let done = log
        .fixture
        .page("listRequests", &[("org", "Acme"), ("outcome", "done")]);
    assert!(
        !format!("{done:?}").contains("ann@example.com"),
        "nobody names who was erased"
    );
    assert_eq!(done.items.len(), 2);
}

#[test]
fn the_log_is_narrowed_by_outcome_method_status_resource_token_and_time() {
    let (log, ann) = first_day();
    log.fixture.clock.advance(1);
    let next_day = log.fixture.clock.now().to_string();
    log.send("DELETE", "/Users/{id}", 204, |_| {});
    for (filter, found) in [
        ([("outcome", "refused")], &["POST 403", "POST 400"][..]),
        ([("outcome", "done")], &["DELETE 204", "PATCH 200", "POST 201"]),
        ([("method", "PATCH")], &["PATCH 200"]),
        ([("status", "403")], &["POST 403"]),
        ([("resource", ann.as_str())], &["PATCH 200", "POST 201"]),
        ([("token", "second")], &["POST 400"]),
        ([("since", &next_day)], &["DELETE 204"]),
        ([("after", "1")], &["POST 201"]),
    ] {
        assert_eq!(log.listed(&filter), found, "{filter:?}");
    }
    assert_eq!(
        log.listed(&[("outcome", "refused"), ("token", "default")]),
        ["POST 403"]
    );
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut input = vec![("org", "Acme"), ("limit", "2")];
        if let Some(after) = &after {
            input.push(("after", after));
        }
        let page = log.fixture.page("listRequests", &input);
        seen.extend(
            page.items
                .iter()
                .map(|view| view.get_str("request").unwrap().to_owned()),
        );
        after = page.next.map(|next| next.to_string());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, log.listed(&[]));
    for (filter, field) in [
        ([("status", "70000")], "status"),
        ([("status", "12")], "status"),
        ([("method", "post")], "method"),
        ([("outcome", "failed")], "outcome"),
        ([("since", "yesterday")], "since"),
        ([("after", "last")], "after"),
    ] {
        let problem = log
            .fixture
            .refused("listRequests", &[&[("org", "Acme")], &filter[..]].concat());
        assert_eq!(
            (problem.status, problem.field.as_deref()),
            (400, Some(field)),
            "{problem}"
        );
    }
    // Another organization has a log of its own.
    assert_eq!(log.fixture.page("listRequests", &[("org", "Umbrella")]).items, []);
}

/// Three facts, and no status that says that all is well while requests are refused.
#[test]
fn the_overview_says_when_the_provider_came_was_served_and_was_refused_last() {
    let log = Log::new();
    log.fixture.done("enableProvisioning", &[("org", "Acme")]);
    let at = |name: &str| log.overview().get_str(name).map(ToOwned::to_owned);
    assert_eq!((at("lastRequest"), at("lastSuccess")), (None, None));
    assert_eq!(log.overview().get("lastRefusal"), Some(&Value::Null));
    // A test of the connection reads, and the log has no line of it.
    let first = log.fixture.clock.now();
    log.log.note_read(&log.fixture.tenant("Acme"), "default", first);
    block_on(log.log.flush()).unwrap();
    assert_eq!(
        (at("lastRequest"), at("lastSuccess")),
        (Some(first.to_string()), Some(first.to_string()))
    );
    assert_eq!(log.listed(&[]), Vec::<String>::new());
    let token = log.fixture.page("listTokens", &[("org", "Acme")]).items.remove(0);
    assert_eq!(token.get_str("lastUsed"), Some(first.to_string().as_str()));
    log.fixture.clock.advance(1);
    let second = log.fixture.clock.now();
    log.send("POST", "/Users", 409, |record| {
        record.refusal = Some("uniqueness".into());
    });
    assert_eq!(
        (at("lastRequest"), at("lastSuccess")),
        (Some(second.to_string()), Some(first.to_string()))
    );
    let overview = log.overview();
    let refusal = overview.get("lastRefusal").and_then(Value::as_object).unwrap();
    assert_eq!(refusal.get_str("at"), Some(second.to_string().as_str()));
    assert_eq!(
        refusal.get_str("why"),
        Some("another resource has a value that has to be unique")
    );
    let warned = |overview: &Object| format!("{:?}", overview.get("warnings")).contains("was refused");
    assert!(warned(&overview), "{overview:?}");
    // Refreshing makes a token that nobody has used, though it has the name of the one before.
    log.fixture.clock.advance(1);
    log.fixture.done("refreshToken", &[("org", "Acme")]);
    let token = log.fixture.page("listTokens", &[("org", "Acme")]).items.remove(0);
    assert_eq!(token.get("lastUsed"), Some(&Value::Null));
    log.send("POST", "/Users", 201, |_| {});
    assert!(!warned(&log.overview()), "the provider was served since");
    let token = log.fixture.page("listTokens", &[("org", "Acme")]).items.remove(0);
    assert!(
        token
            .get_str("lastUsed")
            .is_some_and(|used| used.parse::<DateTime>().is_ok())
    );
}
