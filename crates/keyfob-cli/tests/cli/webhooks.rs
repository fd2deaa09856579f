//! A server that delivers events to webhooks, and is killed while it does.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use keyfob_core::Registry;
use keyfob_engine::{Actor, Context};
use keyfob_provisioning::Provisioner;
use keyfob_store_sqlite::SqliteStore;
use keyfob_webhook::{Secret, Webhooks};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Server;

/// The time for a message: a server that follows one that was killed waits for fifteen seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Message {
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn kind(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        json["type"].as_str().unwrap().to_owned()
    }
}

/// A receiver, which leaves messages without an answer while it is told to.
pub(crate) fn receiver() -> (String, Arc<AtomicBool>, mpsc::Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let is_silent = Arc::new(AtomicBool::new(false));
    let (sender, messages) = mpsc::channel();
    let silent = Arc::clone(&is_silent);
    thread::spawn(move || {
        let mut unanswered = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut headers = http::HeaderMap::new();
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else {
                    break;
                };
                let name: http::HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            if sender.send(Message { headers, body }).is_err() {
                return;
            }
            if silent.load(Ordering::SeqCst) {
                unanswered.push(stream);
            } else {
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).ok();
            }
        }
    });
    (url, is_silent, messages)
}

#[test]
fn a_server_delivers_events_and_one_that_is_killed_in_between_loses_none() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keyfob.db");
    let store = format!("sqlite:{}", path.display());
    let (url, is_silent, messages) = receiver();
    let (server, client) = Server::start_fresh(&["--store", &store]);
    client.create_user("ada");

    // An application creates a webhook beside the server.
    let provisioner = Provisioner::new(SqliteStore::open(&path).unwrap(), Registry::rfc().clone());
    let webhooks = Webhooks::new(provisioner.engine()).allowing_loopback();
    let organizations = runtime.block_on(provisioner.admin().organizations()).unwrap();
    let cx = Context::new(organizations[0].tenant.clone()).acting_as(Actor::Administrator);
    let (webhook, secret): (_, Secret) = runtime.block_on(webhooks.create(&cx, &url, &["User.*"])).unwrap();
    let seen = || runtime.block_on(webhooks.get(&cx, &webhook.id)).unwrap().status;

    // A server connects to public addresses alone, unless it is told otherwise.
    client.create_user("bob");
    let mut waited = Duration::ZERO;
    while seen().reason.is_none() && waited < PATIENCE {
        thread::sleep(Duration::from_millis(100));
        waited += Duration::from_millis(100);
    }
    let reason = seen().reason.unwrap();
    assert!(reason.contains("no address that may be connected to"), "{reason}");
    assert!(messages.try_recv().is_err());
    server.kill();

    is_silent.store(true, Ordering::SeqCst);
    let server = Server::start(&["--store", &store, "--loopback-webhooks"]);
    runtime.block_on(webhooks.test(&cx, &webhook.id)).unwrap();
    let first = messages.recv_timeout(PATIENCE).unwrap();
    server.kill();

    is_silent.store(false, Ordering::SeqCst);
    let server = Server::start(&["--store", &store, "--loopback-webhooks"]);
    let second = messages.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (second.kind().as_str(), &second.body),
        ("User.created", &first.body)
    );
    assert_eq!(second.headers["webhook-id"], first.headers["webhook-id"]);
    let now = provisioner.now();
    assert!(secret.verify(&second.headers, &second.body, now).is_ok());
    let third = messages.recv_timeout(PATIENCE).unwrap();
    assert_eq!(third.kind(), "webhook.test");
    server.stop();
}
