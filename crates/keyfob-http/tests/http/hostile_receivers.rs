//! Receivers and clients that mean no good, or have gone wrong: a stream of security events (RFC 8936, RFC 9967) costs a bounded part of
//! the service, and only its own tenant.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::request::Parts;
use keyfob_core::Registry;
use keyfob_engine::{Actor, Caller, Context, DynStore, Feature, RequestRecord, RequestRecorder, TenantId};
use keyfob_http::{Admission, Busy, Permit};
use keyfob_provisioning::{Confirmed, Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::{
    events::{
        COMPLETION, Held, Tokio, acknowledge, bulk, poll, position, post, received, server, user, waiting,
    },
    support::{BASE_URL, Backend, Server, builder, organization},
};

/// Two organizations behind one service.
async fn two(held: &Held) -> [Server; 2] {
    let engine = Provisioner::builder(DynStore::new(MemoryStore::new()), Registry::verkada().clone())
        .with_profile(Profile::rfc())
        .build();
    let tokens = [
        organization(&engine, "acme").await,
        organization(&engine, "globex").await,
    ];
    let service = builder(&engine)
        .base_path("/scim/v2")
        .public_url(BASE_URL.parse().unwrap())
        .security_events(held.clone())
        .build();
    tokens.map(|token| Server {
        service: service.clone(),
        engine: engine.clone(),
        token,
        _directory: None,
    })
}

async fn accept(server: &Server, operations: &[Value]) -> u16 {
    let (prefer, request) = ([("prefer", "respond-async")], bulk(operations));
    let answer = server.send_with("POST", "/Bulk", &prefer, Some(&request));
    answer.await.status
}

/// Bodies of requests that are done later are kept until then, so that a tenant has few of them: one more is done first and
/// answered as usual, and another tenant has places of its own.
#[tokio::test]
async fn a_request_beyond_those_that_are_done_later_is_answered_when_it_is_done() {
    let held = Held::default();
    let [acme, globex] = two(&held).await;
    let nothing = [json!({"method": "DELETE", "path": "/Users/none"})];
    for number in 0..8 {
        assert_eq!(accept(&acme, &nothing).await, 202, "{number}");
    }
    for _ in 0..100 {
        assert_eq!(accept(&acme, &nothing).await, 200);
    }
    assert_eq!(held.0.lock().unwrap().len(), 8);
    assert_eq!(accept(&globex, &nothing).await, 202);
    held.run().await;
    assert_eq!(accept(&acme, &nothing).await, 202);
}

/// One turn at a time.
#[derive(Clone, Default)]
struct OneTurn(Arc<AtomicUsize>);

struct Turn(Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission for OneTurn {
    async fn admit(&self, _: &Caller, _: &Parts) -> Result<Permit, Busy> {
        let turn = Turn(Arc::clone(&self.0));
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(Permit::new(turn)),
            _ => Err(Busy::Tenant {
                retry_after: Duration::from_secs(1),
            }),
        }
    }
}

/// A receiver that waits takes no turn from the provider whose changes it waits for, and of many polls that wait most are answered
/// at once (RFC 8936 section 2.4 lets the transmitter choose how long it waits).
#[tokio::test(start_paused = true)]
async fn polls_that_pile_up_hold_up_nobody() {
    let turns = OneTurn::default();
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(Tokio).admission(turns.clone())
    });
    let server = Arc::new(server.await);
    let mut polls = Vec::new();
    for _ in 0..100 {
        let server = Arc::clone(&server);
        polls.push(tokio::spawn(async move { poll(&server, &json!({})).await }));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = polls.iter().filter(|poll| !poll.is_finished()).count();
    assert_eq!(waiting, 4);
    assert_eq!(turns.0.load(Ordering::Relaxed), 0, "no turn is taken");
    server.create("/Users", &user("a")).await;
    let mut told = 0;
    for poll in polls {
        let answer = poll.await.unwrap();
        assert_eq!(answer.status, 200, "{answer}");
        told += answer.json()["sets"].as_object().unwrap().len();
    }
    assert_eq!(told, 4, "each that waited, and no other");
}

/// A client that goes away while its poll waits leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn a_poll_whose_client_has_gone_gives_its_place_back() {
    let server = Arc::new(server(Backend::Memory, Profile::rfc()).await);
    for _ in 0..10 {
        let waits = {
            let server = Arc::clone(&server);
            tokio::spawn(async move { poll(&server, &json!({})).await })
        };
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!waits.is_finished());
        waits.abort();
        assert!(waits.await.is_err());
    }
}

#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<RequestRecord>>>);

impl RequestRecorder for Records {
    fn record(&self, _: &TenantId, record: RequestRecord) {
        self.0.lock().unwrap().push(record);
    }
}

/// A poll every few seconds pushes no write out of the log that people look at.
#[tokio::test]
async fn polls_are_not_kept_among_the_writes_unless_they_are_refused() {
    let records = Records::default();
    let recorder = Arc::new(records.clone());
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(Tokio).recorder(recorder)
    })
    .await;
    server.create("/Users", &user("a")).await;
    let sets = waiting(&server).await;
    let ids: Vec<&str> = sets.keys().map(String::as_str).collect();
    assert_eq!(acknowledge(&server, &ids).await.status, 200);
    acknowledge(&server, &["forged"])
        .await
        .assert_error(400, Some("invalidValue"));
    let records = records.0.lock().unwrap();
    let kept: Vec<(&str, u16)> = records
        .iter()
        .map(|record| (record.path.as_str(), record.status))
        .collect();
    assert_eq!(kept, [("/Users", 201), ("/Events", 400)]);
}

/// RFC 8936 section 2.4: a receiver has to say of each event that it has it, or that it can't use it. One of which it says neither
/// comes in every answer, and takes no more than its room from those behind it.
#[tokio::test]
async fn an_event_that_is_never_acknowledged_comes_in_every_answer_and_stops_no_other() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        for name in ["a", "b", "c", "d"] {
            server.create("/Users", &user(name)).await;
        }
        let ids_of = |answer: &Value| {
            let mut ids: Vec<String> = answer["sets"].as_object().unwrap().keys().cloned().collect();
            ids.sort_by_key(|id| position(id));
            ids
        };
        let first = poll(&server, &json!({"maxEvents": 2, "returnImmediately": true}))
            .await
            .json();
        let [missed, other] = <[String; 2]>::try_from(ids_of(&first)).unwrap();
        let mut seen = HashSet::from([other.clone()]);
        let mut last = other;
        for rest in [2, 1, 0] {
            let request = json!({"ack": [last], "maxEvents": 2, "returnImmediately": true});
            let again = poll(&server, &request).await.json();
            let ids = ids_of(&again);
            assert_eq!(ids[0], missed, "{backend:?}");
            assert_eq!(again["sets"][&missed], first["sets"][&missed], "the same token");
            assert_eq!(again["moreAvailable"], rest > 1, "{backend:?}");
            assert_eq!(ids.len(), 1 + rest.min(1));
            let Some(next) = ids.get(1) else { break };
            assert!(seen.insert(next.clone()), "{backend:?}: {next} was acknowledged");
            last = next.clone();
        }
        assert_eq!(seen.len(), 3);
        // An error is a word too.
        let errors = json!({&missed: {"err": "invalid_request", "description": "not understood"}});
        let rest = poll(&server, &json!({"setErrs": errors, "returnImmediately": true}))
            .await
            .json();
        assert_eq!(rest, json!({"sets": {}, "moreAvailable": false}), "{backend:?}");
    }
}

/// An acknowledgement that is sent again, by whom and whenever, takes nothing from the stream, and neither does one of what comes
/// next.
#[tokio::test]
async fn acknowledgements_that_are_replayed_do_nothing() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        server.create("/Users", &user("a")).await;
        let sets = waiting(&server).await;
        let old = sets.keys().next().unwrap();
        assert_eq!(acknowledge(&server, &[old]).await.status, 200);
        server.create("/Users", &user("b")).await;
        let next = waiting(&server).await;
        assert_eq!(next.len(), 1);
        for _ in 0..3 {
            assert_eq!(acknowledge(&server, &[old]).await.status, 200);
            assert_eq!(waiting(&server).await, next, "{backend:?}");
        }
        // A service that starts anew over the store goes on where the old one was.
        let again = builder(&server.engine)
            .base_path("/scim/v2")
            .public_url(BASE_URL.parse().unwrap())
            .security_events(Tokio)
            .build();
        let again = Server {
            service: again,
            engine: server.engine.clone(),
            token: server.token.clone(),
            _directory: None,
        };
        assert_eq!(acknowledge(&again, &[old]).await.status, 200);
        assert_eq!(waiting(&again).await, next, "{backend:?}: word for word");
    }
}

async fn erase(server: &Server, name: &str) -> TenantId {
    let admin = server.engine.admin();
    let tenant = admin.organization(name).await.unwrap().tenant;
    let cx = Context::new(TenantId::SYSTEM).acting_as(Actor::Administrator);
    admin
        .delete_organization(&cx, &tenant, Some(Confirmed))
        .await
        .unwrap();
    tenant
}

/// An accepted request of an organization that is deleted before it is done does nothing, tells nothing and brings nothing back.
#[tokio::test]
async fn an_organization_that_is_deleted_takes_its_accepted_requests_with_it() {
    let held = Held::default();
    let [acme, globex] = two(&held).await;
    assert_eq!(accept(&acme, &[post("a"), post("b")]).await, 202);
    assert_eq!(accept(&globex, &[post("a")]).await, 202);
    let tenant = erase(&acme, "acme").await;
    held.run().await;
    let feed =
        keyfob_engine::Feeds::read_feed(acme.engine.store(), &tenant, keyfob_engine::Position::START, 10);
    assert_eq!(feed.await.unwrap(), [], "nothing is left of it");
    poll(&acme, &json!({"returnImmediately": true}))
        .await
        .assert_error(401, None);
    let outcomes = received(&globex).await;
    let done = outcomes
        .iter()
        .find_map(|claims| claims["events"].get(COMPLETION))
        .unwrap();
    assert_eq!(done["status"], "201");
}

/// A feature that is left out is left out, whoever offers it.
#[tokio::test]
async fn rfc_9967_4_events_that_are_left_out_are_no_endpoint_and_not_described() {
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(Tokio).without(Feature::SecurityEvents)
    })
    .await;
    for (method, path) in [
        ("POST", "/Events"),
        ("GET", "/Events/keys"),
        ("OPTIONS", "/Events"),
    ] {
        server
            .send(method, path, Some(&json!({})))
            .await
            .assert_error(404, None);
    }
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    assert!(config.get("securityEvents").is_none(), "{config}");
    let description = server.send("GET", "/openapi.json", None).await.json();
    assert!(!description.to_string().contains("/Events"));
    assert!(!description.to_string().contains("Prefer"));
    assert_eq!(
        accept(&server, &[post("a")]).await,
        200,
        "done before it is answered"
    );
}
