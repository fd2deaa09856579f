//! The part of a store's events that a receiver gets.
#![cfg(test)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use keyfob::{
    prelude::*,
    store::{Feeds as _, Retention},
};
use pollster::block_on;
use serde_json::Value as Json;
use webhook_consumer::{Webhook, signature};

const SECRET: &[u8] = b"both sides know it";

/// The deliveries that a receiver has taken, and the number that it refuses before it takes more.
#[derive(Default)]
struct Inbox {
    taken: Vec<Json>,
    refusals: usize,
}

/// A server of HTTP that answers 204, or 503 while it refuses.
fn receiver() -> (String, Arc<Mutex<Inbox>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let inbox = Arc::new(Mutex::new(Inbox::default()));
    let shared = Arc::clone(&inbox);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut signed) = (0, String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(':') else {
                    if line.trim_end().is_empty() {
                        break;
                    }
                    continue;
                };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "x-signature" => value.trim().clone_into(&mut signed),
                    _ => (),
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            assert_eq!(signed, signature(SECRET, &body));
            let mut inbox = shared.lock().unwrap();
            let answer = if inbox.refusals > 0 {
                inbox.refusals -= 1;
                "503 Service Unavailable"
            } else {
                inbox.taken.push(serde_json::from_slice(&body).unwrap());
                "204 No Content"
            };
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, inbox)
}

fn create(engine: &Engine<SqliteStore>, tenant: &str, name: &str) {
    let users = engine.registry().resource_type("User").unwrap();
    let body = format!(r#"{{"userName": "{name}"}}"#);
    let body = Resource::from_json(body.as_bytes(), users).unwrap();
    let cx = Context::new(TenantId::new(tenant)).with_identity("entra", "token");
    block_on(engine.create(&cx, users, body, &Projection::all())).unwrap();
}

/// The positions that were taken of each tenant, in the order in which they came.
fn positions(inbox: &Mutex<Inbox>) -> BTreeMap<String, Vec<u64>> {
    let mut positions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in &inbox.lock().unwrap().taken {
        let tenant = event["tenant"].as_str().unwrap().to_owned();
        positions
            .entry(tenant)
            .or_default()
            .push(event["position"].as_u64().unwrap());
    }
    positions
}

#[test]
fn every_event_of_every_tenant_is_delivered_once_and_in_order_across_restarts_and_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyfob.db");
    let (url, inbox) = receiver();
    let open = || Engine::new(SqliteStore::open(&path).unwrap(), Registry::rfc().clone());
    let engine = open();
    for number in 0..3 {
        create(&engine, "acme", &format!("user{number}"));
        create(&engine, "globex", &format!("user{number}"));
    }
    let webhook = Webhook::new(url.as_str(), SECRET);
    // The receiver is away: nothing is lost, and the other tenant is tried.
    inbox.lock().unwrap().refusals = 2;
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 0);
    assert_eq!(inbox.lock().unwrap().refusals, 0);
    // One more refusal: the first tenant waits, the second is served.
    inbox.lock().unwrap().refusals = 1;
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 3);
    drop(engine);

    // Another process goes on where this one was.
    let engine = open();
    create(&engine, "globex", "user3");
    let webhook = Webhook::new(url.as_str(), SECRET);
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 4);
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 0);
    let expected = [
        ("acme".to_owned(), vec![1, 2, 3]),
        ("globex".to_owned(), vec![1, 2, 3, 4]),
    ];
    assert_eq!(positions(&inbox), BTreeMap::from(expected));
    let taken = &inbox.lock().unwrap().taken;
    assert!(
        taken
            .iter()
            .all(|event| event["event"] == "created" && event["actor"] == "entra")
    );
    let text = serde_json::to_string(taken).unwrap();
    assert!(!text.contains("user1"), "no name is told: {text}");
}

#[test]
fn what_was_trimmed_before_it_was_delivered_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
    let engine = Engine::new(store, Registry::rfc().clone());
    create(&engine, "acme", "ada");
    create(&engine, "acme", "bea");
    let (url, inbox) = receiver();
    let webhook = Webhook::new(url, SECRET);
    inbox.lock().unwrap().refusals = 1;
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 0);
    let acme = TenantId::new("acme");
    let late = keyfob::core::DateTime::from_unix_millis(i64::MAX);
    // Events that the consumer has not seen are spared, until the operator's patience ends.
    let patient = Retention {
        read_before: late,
        unread_before: keyfob::core::DateTime::from_unix_millis(0),
    };
    assert_eq!(block_on(engine.store().trim(&acme, &patient, 100)).unwrap(), 0);
    let strict = Retention {
        read_before: late,
        unread_before: late,
    };
    assert_eq!(block_on(engine.store().trim(&acme, &strict, 100)).unwrap(), 2);
    create(&engine, "acme", "cleo");
    assert_eq!(block_on(webhook.deliver(engine.store())).unwrap(), 1);
    let taken = &inbox.lock().unwrap().taken;
    assert_eq!(
        taken[0],
        serde_json::json!({"tenant": "acme", "event": "eventsLost", "before": 3})
    );
    assert_eq!((taken.len(), &taken[1]["position"]), (2, &Json::from(3)));
}
