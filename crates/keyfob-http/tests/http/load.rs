//! Metrics and admission of a service.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Version, request::Parts};
use http_body_util::Full;
use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Caller, Explanation, RequestRecord, RequestRecorder, TenantId};
use keyfob_http::{Admission, Busy, Permit, ScimServiceBuilder, metrics::Metrics};
use keyfob_provisioning::Profile;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Backend, Server};

#[tokio::test]
async fn requests_are_counted_by_method_path_and_status_and_by_nothing_that_a_client_writes() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let server = Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.metrics(metrics)
    })
    .await;
    let user = server.create_user("secret@example.com").await;
    server.send("GET", &format!("/Users/{user}"), None).await;
    server.send("GET", "/Users/secret", None).await;
    server.send("SECRET", "/secret", None).await;
    let abandoned = server.service.clone().oneshot(Request::new(Full::default()));
    drop(abandoned);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "scim_requests_total{method=\"POST\",path=\"/Users\",status=\"201\"} 1",
        "scim_requests_total{method=\"GET\",path=\"/Users/{id}\",status=\"200\"} 1",
        "scim_requests_total{method=\"GET\",path=\"/Users/{id}\",status=\"404\"} 1",
        "scim_requests_total{method=\"other\",path=\"-\",status=\"404\"} 1",
        "scim_request_duration_seconds_count{method=\"GET\",path=\"/Users/{id}\"} 2",
        "scim_requests_in_flight 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(!text.contains("secret") && !text.contains(&user), "{text}");
}

/// Lets one tenant's request in and notes for whom it was asked.
#[derive(Clone, Default)]
struct One {
    running: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission for One {
    async fn admit(&self, caller: &Caller, request: &Parts) -> Result<Permit, Busy> {
        self.asked
            .lock()
            .unwrap()
            .push(caller.tenant().as_str().to_owned());
        if request.headers.contains_key("x-server-is-busy") {
            return Err(Busy::Server {
                retry_after: Duration::from_secs(7),
            });
        }
        let running = Running(Arc::clone(&self.running));
        match self.running.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(Permit::new(running)),
            _ => Err(Busy::Tenant {
                retry_after: Duration::from_secs(2),
            }),
        }
    }
}

#[tokio::test]
async fn a_request_that_is_not_let_in_is_told_when_to_come_again_and_changes_nothing() {
    let one = One::default();
    let rule = one.clone();
    let server = Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.admission(rule)
    })
    .await;
    let organizations = server.engine.admin().organizations().await.unwrap();
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"});
    let busy = server
        .send_with("POST", "/Users", &[("x-server-is-busy", "1")], Some(&body))
        .await;
    busy.assert_error(503, None);
    assert_eq!(busy.header("retry-after"), Some("7"));

    let request = Request::get("/scim/v2/Users")
        .header("authorization", format!("Bearer {}", server.token))
        .body(Full::default())
        .unwrap();
    // The answer holds the permit as long as it is there.
    let held = server.service.clone().oneshot(request).await.unwrap();
    let refused = server.send("POST", "/Users", Some(&body)).await;
    refused.assert_error(429, None);
    assert_eq!(refused.header("retry-after"), Some("2"));
    drop(held);
    let users = server.send("GET", "/Users", None).await.json();
    assert_eq!(users["totalResults"], 0, "{users}");

    let asked = one.asked.lock().unwrap().clone();
    assert_eq!(asked, vec![organizations[0].tenant.as_str(); 4]);
    let unknown = Request::get("/scim/v2/Users").body(Full::default()).unwrap();
    assert_eq!(server.send_raw(unknown).await.status, 401);
    assert_eq!(
        one.asked.lock().unwrap().len(),
        4,
        "nobody is asked for a stranger"
    );
}

#[tokio::test]
async fn rfc_9112_3_2_a_service_that_faces_clients_checks_the_host_before_the_token() {
    let server = Server::start_with(
        Backend::Memory,
        Profile::interop(),
        ScimServiceBuilder::facing_clients,
    )
    .await;
    let ask = async |hosts: &[&'static str], version| {
        let mut request = Request::get("/scim/v2/Users")
            .version(version)
            .body(Full::default())
            .unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append("host", HeaderValue::from_static(host));
        }
        server.send_raw(request).await
    };
    ask(&[], Version::HTTP_11).await.assert_error(400, None);
    ask(&["a.example", "a.example"], Version::HTTP_11)
        .await
        .assert_error(400, None);
    ask(&["a.example"], Version::HTTP_11)
        .await
        .assert_error(401, None);
    ask(&[], Version::HTTP_10).await.assert_error(401, None);
}

#[tokio::test]
async fn a_service_that_faces_clients_serves_nothing_outside_its_base_path() {
    let server = Server::start_with(
        Backend::Memory,
        Profile::interop(),
        ScimServiceBuilder::facing_clients,
    )
    .await;
    let ask = async |path: &str| {
        let request = Request::get(path)
            .header("host", "a.example")
            .header("authorization", format!("Bearer {}", server.token));
        server
            .send_raw(request.body(Full::default()).unwrap())
            .await
            .status
    };
    for (path, status) in [
        ("/scim/v2/Users", 200),
        ("/scim/v2//Users/", 200),
        ("/Users", 404),
        ("/scim/v2Users", 404),
        ("//scim/v2/Users", 404),
    ] {
        assert_eq!(ask(path).await, status, "{path}");
    }
}

#[tokio::test]
async fn rfc_6750_5_3_no_answer_is_kept_by_a_cache() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    for (method, path) in [
        ("GET", "/Users"),
        ("GET", "/Users/1"),
        ("GET", "/Schemas"),
        ("PUT", "/"),
    ] {
        let answer = server.send(method, path, None).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{answer}"
        );
        assert!(answer.header("x-request-id").is_some(), "{answer}");
    }
}

#[derive(Clone, Default)]
struct Records(
    Arc<Mutex<Vec<(TenantId, RequestRecord)>>>,
    Arc<Mutex<Vec<String>>>,
);

impl RequestRecorder for Records {
    fn record(&self, tenant: &TenantId, record: RequestRecord) {
        self.0.lock().unwrap().push((tenant.clone(), record));
    }

    fn note_read(&self, tenant: &TenantId, credential: &str, _: DateTime) {
        self.1
            .lock()
            .unwrap()
            .push(format!("{} {credential}", tenant.as_str()));
    }
}

#[tokio::test]
async fn writes_and_refusals_are_recorded_without_a_value() {
    let records = Records::default();
    let recorder = Arc::new(records.clone());
    let server = Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.recorder(recorder)
    })
    .await;
    let organizations = server.engine.admin().organizations().await.unwrap();
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "secret@example.com",
        "title": "secret",
        "secret": "secret",
    });
    let id = server.create("/Users", &user).await;
    let one = format!("/Users/{id}");
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "emails[value eq \"secret\"].value", "value": "secret"},
            {"op": "replace", "path": "title", "value": "secret"}],
    });
    let unknown = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "secret",
        "members": [{"value": "secret"}],
    });
    for (method, path, body) in [
        ("POST", "/Users", Some(&user)),
        ("GET", one.as_str(), None),
        ("GET", "/Users?filter=title+eq+%22secret%22", None),
        ("GET", "/Users?filter=secret+eq", None),
        ("GET", "/Users/secret", None),
        ("PATCH", &one, Some(&patch)),
        ("POST", "/Groups", Some(&unknown)),
        ("DELETE", &one, None),
    ] {
        server.send(method, path, body).await;
    }
    let kept = records.0.lock().unwrap().clone();
    let summary: Vec<_> = kept
        .iter()
        .map(|(_, record)| {
            let refusal = record.refusal.as_deref().unwrap_or_default();
            let attributes = record.attributes.join(" ");
            format!(
                "{} {} {} {refusal} [{attributes}]",
                record.method, record.path, record.status
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            "POST /Users 201  [title userName]",
            "POST /Users 409 uniqueness [title userName]",
            "GET /Users 400 filterSyntax []",
            "GET /Users/{id} 404 notFound []",
            "PATCH /Users/{id} 200  [emails.value title]",
            "POST /Groups 400 unknownMembers [displayName members]",
            "DELETE /Users/{id} 204  []",
        ]
    );
    for (tenant, record) in &kept {
        assert_eq!(*tenant, organizations[0].tenant);
        assert_eq!(record.credential, "default");
        let is_about = record.status < 300;
        assert_eq!(
            record.resource.as_ref().map(ResourceId::as_str),
            is_about.then_some(id.as_str())
        );
        assert!(!format!("{record:?}").contains("secret"), "{record:?}");
        let kind = record.refusal.as_deref();
        assert_eq!(kind.is_some(), record.explanation().is_some(), "{record:?}");
    }
    // Of what was done and only read it is known that it came, and with which token.
    let read = format!("{} default", organizations[0].tenant.as_str());
    assert_eq!(*records.1.lock().unwrap(), [read.clone(), read]);
    let stranger = Request::get("/scim/v2/Users").body(Full::default()).unwrap();
    server.send_raw(stranger).await;
    assert_eq!(records.0.lock().unwrap().len(), kept.len());
    assert!(Explanation::all().count() > 40);
}
