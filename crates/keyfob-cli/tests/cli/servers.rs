//! Several server processes over one PostgreSQL. Skipped without `KEYFOB_TEST_POSTGRES_URL`; `KEYFOB_SERVERS_ROUNDS` is the number
//! of rounds of each part, 6 without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    client::{Client, Draft, patch, user},
    process::{Server, run},
};

/// The number of writers at once.
const WRITERS: usize = 6;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Servers over one schema of the database, which is theirs alone.
struct Site {
    store: String,
    /// They run as long as this is there.
    servers: Vec<Server>,
    clients: Clients,
}

/// A client of each server, with the same token.
struct Clients(Vec<Client>);

impl Clients {
    /// The client of one of the servers, by its number or any beyond.
    fn of(&self, number: usize) -> &Client {
        &self.0[number % self.0.len()]
    }
}

impl Site {
    /// Starts so many servers; none where there is no database.
    fn start(servers: usize) -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);

        let Ok(url) = env::var("KEYFOB_TEST_POSTGRES_URL") else {
            let is_demanded = env::var_os("KEYFOB_TEST_POSTGRES_REQUIRED").is_some();
            assert!(!is_demanded, "there is no database, and one is demanded");
            return None;
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let store = format!("{url}{separator}connections=6&schema=servers_{process}_{number}");
        let (first, client) = Server::start_fresh(&["--store", &store]);
        let mut all = vec![first];
        all.extend((1..servers).map(|_| Server::start(&["--store", &store])));
        let clients = all.iter().map(|server| server.client(client.token())).collect();
        Some(Self {
            store,
            servers: all,
            clients: Clients(clients),
        })
    }

    #[track_caller]
    fn admin(&self, arguments: &[&str]) -> String {
        let finished = run(&[&["admin", "--store", &self.store], arguments].concat(), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    }
}

fn rounds() -> usize {
    let rounds = env::var("KEYFOB_SERVERS_ROUNDS").ok();
    rounds.map_or(6, |rounds| {
        rounds.parse().expect("`KEYFOB_SERVERS_ROUNDS` is a number")
    })
}

/// Runs writers at once, each with its number, and returns what they return.
fn at_once<T: Send>(write: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let write = &write;
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| scope.spawn(move || write(number)))
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

#[test]
fn two_servers_serve_one_database_as_one_would() {
    if let Some(site) = Site::start(2) {
        try_all(&site);
    }
}

#[test]
fn three_servers_serve_one_database_as_one_would() {
    if let Some(site) = Site::start(3) {
        try_all(&site);
    }
}

fn try_all(site: &Site) {
    assert_eq!(site.servers.len(), site.clients.0.len());
    no_membership_is_lost(&site.clients);
    no_update_is_lost(&site.clients);
    names_are_unique(&site.clients);
    events_come_once_and_without_gaps(site);
    // The last one, as it takes the token.
    a_revoked_token_opens_nothing_anywhere(site);
}

/// Changes of one group through different servers all stay.
fn no_membership_is_lost(clients: &Clients) {
    let group = json!({"schemas": [GROUP], "displayName": "Guides"});
    let group = clients.of(0).send("POST", "/Groups", Some(&group)).created();
    let group = format!("/Groups/{group}");
    let added = at_once(|writer| {
        let client = clients.of(writer);
        let mut added = Vec::new();
        for round in 0..rounds() {
            let member = client.create_user(&format!("member-{writer}-{round}@example.com"));
            let add = patch(&json!([{"op": "add", "path": "members", "value": [{"value": member}]}]));
            let answer = client.send("PATCH", &group, Some(&add));
            assert!(matches!(answer.status, 200 | 204), "{answer}");
            added.push(member);
        }
        // Half of them leave again.
        for member in added.split_off(rounds() / 2) {
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{member}\"]")}]);
            let answer = client.send("PATCH", &group, Some(&patch(&remove)));
            assert!(matches!(answer.status, 200 | 204), "{answer}");
        }
        added
    });
    let expected: BTreeSet<String> = added.into_iter().flatten().collect();
    for server in 0..clients.0.len() {
        let found = clients.of(server).get(&group).json();
        let members = found["members"].as_array().into_iter().flatten();
        let members: BTreeSet<String> = members.map(|member| text(&member["value"])).collect();
        assert_eq!(members, expected, "the members by server {server}");
    }
}

/// A write with `If-Match` (RFC 7644 section 3.14) through one server knows of those through the others.
fn no_update_is_lost(clients: &Clients) {
    let id = clients.of(0).create_user("counter@example.com");
    let path = format!("/Users/{id}");
    let written = at_once(|writer| {
        let client = clients.of(writer);
        let mut written = 0;
        while written < rounds() {
            let found = client.get(&path);
            let title = found.json()["title"]
                .as_str()
                .map_or(0, |title| title.parse::<usize>().unwrap());
            let tag = found.headers["etag"].clone();
            let next = json!([{"op": "replace", "path": "title", "value": (title + 1).to_string()}]);
            let answer = client
                .try_send_draft(Draft {
                    method: "PATCH",
                    path: path.clone(),
                    headers: BTreeMap::from([("if-match".to_owned(), tag)]),
                    body: Some(patch(&next).to_string().into_bytes()),
                })
                .unwrap();
            match answer.status {
                200 | 204 => written += 1,
                412 => {}
                _ => panic!("{answer}"),
            }
        }
        written
    });
    let written: usize = written.into_iter().sum();
    for server in 0..clients.0.len() {
        let found = clients.of(server).get(&path).json();
        assert_eq!(
            found["title"],
            written.to_string(),
            "the title by server {server}"
        );
    }
}

/// Of users of one name that are created at once, exactly one is.
fn names_are_unique(clients: &Clients) {
    for round in 0..rounds() {
        let statuses = at_once(|writer| {
            let name = if writer % 2 == 0 { "ADA" } else { "ada" };
            let body = user(&format!("{name}-{round}@example.com"));
            clients.of(writer).send("POST", "/Users", Some(&body)).status
        });
        let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(201), count(409)), (1, WRITERS - 1), "{statuses:?}");
    }
}

/// A receiver that asks one server after the other gets each event once (RFC 8936), in the order of the feed, while all servers
/// write.
fn events_come_once_and_without_gaps(site: &Site) {
    let clients = &site.clients;
    let poll = |server: usize, ack: &[String]| {
        let body = json!({"ack": ack, "maxEvents": 7, "returnImmediately": true});
        let answer = clients.of(server).send("POST", "/Events", Some(&body));
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    };
    let receive = |is_over: &(dyn Fn() -> bool + Sync)| {
        let (mut received, mut ack) = (Vec::new(), Vec::new());
        for server in 0.. {
            let was_over = is_over();
            let sets = poll(server, &ack)["sets"].clone();
            let mut ids: Vec<String> = sets.as_object().unwrap().keys().cloned().collect();
            ids.sort_by_key(|id| position(id));
            if ids.is_empty() && was_over {
                return received;
            }
            received.extend(ids.iter().cloned());
            ack = ids;
        }
        received
    };
    // What was written before.
    receive(&|| true);
    let done = Arc::new(AtomicUsize::new(0));
    let is_over = || done.load(Ordering::SeqCst) == WRITERS;
    let (received, written) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&is_over));
        let written = at_once(|writer| {
            let client = clients.of(writer);
            for round in 0..rounds() {
                client.create_user(&format!("event-{writer}-{round}@example.com"));
            }
            done.fetch_add(1, Ordering::SeqCst);
            rounds()
        });
        (receiver.join().unwrap(), written.into_iter().sum::<usize>())
    });
    let positions: Vec<u64> = received.iter().map(|id| position(id)).collect();
    assert_eq!(received.len(), written, "{received:?}");
    let first = positions[0];
    let expected: Vec<u64> = (first..).take(written).collect();
    assert_eq!(positions, expected, "each once, in order");
    // The feed of an administrator, which holds what isn't sent too, has no gap from its start on.
    let feed = site.admin(&["events", "--json", "--all"]);
    assert_gapless(&feed);
}

/// Once the command has ended, no server takes the token any more, whatever it did with it a moment ago.
fn a_revoked_token_opens_nothing_anywhere(site: &Site) {
    let (clients, revoked) = (&site.clients, AtomicBool::new(false));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (client, revoked) = (clients.of(number), &revoked);
                scope.spawn(move || {
                    let mut opened = 0;
                    loop {
                        let was_revoked = revoked.load(Ordering::SeqCst);
                        match client.get("/Users?count=1").status {
                            200 if !was_revoked => opened += 1,
                            401 => return opened,
                            status => panic!("{status} after the token was revoked: {was_revoked}"),
                        }
                    }
                })
            })
            .collect();
        // Each has opened something by then, mostly.
        clients.of(0).get("/Users?count=1");
        site.admin(&["token", "refresh", "--yes"]);
        revoked.store(true, Ordering::SeqCst);
        let opened: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(opened > 0, "the token opened nothing before");
    });
}

/// Checks that a feed, an event a line, has every position from the first on.
#[track_caller]
pub(crate) fn assert_gapless(feed: &str) {
    let position = |line: &str| serde_json::from_str::<Value>(line).unwrap()["position"].as_u64();
    let positions: Vec<u64> = feed.lines().map(|line| position(line).unwrap()).collect();
    let expected: Vec<u64> = (1..).take(positions.len()).collect();
    assert_eq!(positions, expected, "the feed has no gaps");
}

/// The position of an event in the feed.
fn position(id: &str) -> u64 {
    id.split('.').next().unwrap().parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
