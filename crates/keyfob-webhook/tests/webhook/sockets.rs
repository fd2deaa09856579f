//! Deliveries over real connections, to an HTTP server that behaves well or badly.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::post,
};
use keyfob_client::{Reqwest, is_public};
use keyfob_core::{Projection, Registry, Resource, SystemClock};
use keyfob_engine::{Context, Engine};
use keyfob_store::{Feeds, Maintenance};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use keyfob_webhook::{Deliverer, Policy, Secret, Webhooks};
use tokio::net::TcpListener;

use crate::fixture::{administrator, tenant};

/// The paths at which something arrived, each with the types of the messages.
type Log = Arc<Mutex<Vec<(&'static str, String)>>>;

fn kind(body: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    json["type"].as_str().unwrap().to_owned()
}

/// A server with a path for each way to behave.
async fn server(log: &Log, secret: &Arc<Mutex<Option<Secret>>>) -> String {
    let note = |path: &'static str| {
        let log = Arc::clone(log);
        move |body: &[u8]| log.lock().unwrap().push((path, kind(body)))
    };
    let (fine, moved, large, slow) = (note("fine"), note("moved"), note("large"), note("slow"));
    let secret = Arc::clone(secret);
    let router = Router::new()
        .route(
            "/fine",
            post(async move |headers: HeaderMap, body: Bytes| {
                let clock = SystemClock::new();
                let secret = secret.lock().unwrap();
                let verified = secret.as_ref().map(|secret| {
                    let now = keyfob_core::Clock::now(&clock);
                    secret.verify(&headers, &body, now).is_ok()
                });
                if verified == Some(false) {
                    return StatusCode::UNAUTHORIZED;
                }
                fine(&body);
                StatusCode::NO_CONTENT
            }),
        )
        .route(
            "/moved",
            post(async move |body: Bytes| {
                moved(&body);
                Redirect::temporary("/fine")
            }),
        )
        .route(
            "/large",
            post(async move |body: Bytes| {
                large(&body);
                ([(header::CONTENT_TYPE, "text/plain")], "x".repeat(1_000_000)).into_response()
            }),
        )
        .route(
            "/slow",
            post(async move |body: Bytes| {
                slow(&body);
                tokio::time::sleep(Duration::from_secs(3_600)).await;
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn create<S: Feeds>(engine: &Engine<S>, name: &str) {
    let users = engine.registry().resource_type("User").unwrap();
    let body = format!(r#"{{"userName": "{name}"}}"#);
    let body = Resource::from_json(body.as_bytes(), users).unwrap();
    engine
        .create(&Context::new(tenant("acme")), users, body, &Projection::all())
        .await
        .unwrap();
}

fn of(log: &Log, path: &str) -> usize {
    log.lock().unwrap().iter().filter(|(at, _)| *at == path).count()
}

/// Plays one delivery to each path, then runs for real beside a receiver that never answers.
async fn play<S: Feeds + Maintenance>(store: S) {
    let (log, secret) = (Log::default(), Arc::default());
    let url = server(&log, &secret).await;
    let engine = Arc::new(Engine::new(store, Registry::rfc().clone()));
    let admin = administrator("acme");
    let webhooks = Webhooks::new(&engine).allowing_loopback();
    let mut ids = Vec::new();
    for path in ["fine", "moved", "large", "slow"] {
        let created = webhooks
            .create(&admin, &format!("{url}/{path}"), &["User.*"])
            .await;
        let (webhook, shared) = created.unwrap();
        if path == "fine" {
            *secret.lock().unwrap() = Some(shared);
        }
        ids.push(webhook.id);
    }
    create(&engine, "ann").await;

    // A transport that reaches the public internet alone connects to none of them.
    let guarded = Deliverer::new(Arc::clone(&engine), Reqwest::reaching(is_public).unwrap());
    assert_eq!(guarded.deliver_due().await.unwrap(), 0);
    assert!(log.lock().unwrap().is_empty());
    let status = webhooks.get(&admin, &ids[0]).await.unwrap().status;
    assert!(
        status
            .reason
            .unwrap()
            .contains("no address that may be connected to")
    );

    // Whoever asks for an attempt doesn't wait for the next one.
    for id in &ids {
        webhooks.test(&admin, id).await.unwrap();
    }
    let policy = Policy {
        // Long enough for whoever answers, on a busy machine, too.
        timeout: Duration::from_secs(5),
        ..Policy::default()
    };
    let deliverer = Deliverer::new(
        Arc::clone(&engine),
        Reqwest::reaching(|address| address.is_loopback()).unwrap(),
    )
    .with_policy(policy);
    assert_eq!(deliverer.deliver_due().await.unwrap(), 2);
    let fine: Vec<String> = log
        .lock()
        .unwrap()
        .iter()
        .filter(|(at, _)| *at == "fine")
        .map(|(_, kind)| kind.clone())
        .collect();
    assert_eq!(
        fine,
        ["User.created", "webhook.test"],
        "redirects are not followed"
    );
    for (id, reason) in [(1, "307"), (2, "too large"), (3, "in time")] {
        let status = webhooks.get(&admin, &ids[id]).await.unwrap().status;
        let found = status.reason.unwrap_or_default();
        assert!(found.contains(reason), "{found}");
        assert!(status.succeeded.is_none());
    }

    // It goes on by itself, and a receiver that never answers holds up nobody.
    let deliverer = deliverer.with_policy(Policy {
        timeout: Duration::from_secs(60),
        ..policy
    });
    webhooks.test(&admin, &ids[3]).await.unwrap();
    let running = tokio::spawn(async move { deliverer.run().await });
    for (number, name) in ["bob", "cleo"].iter().enumerate() {
        create(&engine, name).await;
        for _ in 0..100 {
            if of(&log, "fine") >= 3 + number {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(of(&log, "fine"), 3 + number);
    }
    running.abort();
}

#[tokio::test]
async fn messages_arrive_over_http_and_bad_receivers_get_no_further_in_memory() {
    play(MemoryStore::new()).await;
}

#[tokio::test]
async fn messages_arrive_over_http_and_bad_receivers_get_no_further_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    play(SqliteStore::open(folder.path().join("keyfob.db")).unwrap()).await;
}
