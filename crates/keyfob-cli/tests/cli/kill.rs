//! `kill -9` under a write load: what was acknowledged is there afterwards, and the server starts on the same file.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Client, patch, user},
    process::Server,
};

/// How often the server is killed unless `KEYFOB_KILLS` says so.
const ROUNDS: usize = 8;
const WRITERS: usize = 4;

/// What a writer was told is done.
#[derive(Default)]
struct Acknowledged {
    /// The names of those who were created, by id.
    users: BTreeMap<String, String>,
    /// Who was deleted.
    deleted: BTreeSet<String>,
    /// Who was put into the group and not taken out again.
    members: BTreeSet<String>,
    /// Who was taken out.
    removed: BTreeSet<String>,
}

impl Acknowledged {
    fn extend(&mut self, other: Self) {
        self.users.extend(other.users);
        self.deleted.extend(other.deleted);
        self.members.extend(other.members);
        self.removed.extend(other.removed);
    }

    /// Checks what the server has.
    fn check(&self, client: &Client, group: &str) {
        let users = all_users(client);
        for (id, name) in &self.users {
            assert_eq!(users.get(id), Some(name), "an acknowledged user is lost");
        }
        let back = self.deleted.iter().find(|id| users.contains_key(*id));
        assert_eq!(back, None, "an acknowledged deletion is undone");
        let found = client.get(&format!("/Groups/{group}")).json();
        let values = found["members"].as_array().into_iter().flatten();
        let members: BTreeSet<String> = values.map(|member| text(&member["value"])).collect();
        assert_eq!(
            self.members.difference(&members).next(),
            None,
            "an acknowledged membership is lost"
        );
        let back = self.removed.intersection(&members).next();
        assert_eq!(back, None, "an acknowledged removal is undone");
        let stranger = members.iter().find(|id| !users.contains_key(*id));
        assert_eq!(stranger, None, "a member does not exist");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The names of all users by id.
fn all_users(client: &Client) -> BTreeMap<String, String> {
    let mut users = BTreeMap::new();
    loop {
        let path = format!(
            "/Users?attributes=userName&count=1000&startIndex={}",
            users.len() + 1
        );
        let page = client.get(&path).json();
        let resources = page["Resources"].as_array().unwrap();
        users.extend(
            resources
                .iter()
                .map(|user| (text(&user["id"]), text(&user["userName"]))),
        );
        if resources.is_empty() {
            assert_eq!(page["totalResults"], users.len());
            return users;
        }
    }
}

/// Writes until the server is gone. `begun` is told of the first user.
fn write(client: &Client, group: &str, name: &str, begun: &mpsc::Sender<()>) -> Acknowledged {
    let mut done = Acknowledged::default();
    let group = format!("/Groups/{group}");
    for number in 0.. {
        let name = format!("{name}-{number}@example.com");
        let Ok(answer) = client.try_send("POST", "/Users", Some(&user(&name))) else {
            break;
        };
        let id = answer.created();
        begun.send(()).ok();
        done.users.insert(id.clone(), name);

        let add = patch(&json!([{"op": "add", "path": "members", "value": [{"value": id}]}]));
        let Ok(answer) = client.try_send("PATCH", &group, Some(&add)) else {
            break;
        };
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        done.members.insert(id.clone());

        if number % 3 == 1 {
            // From here on nobody knows, until the answer says it.
            done.members.remove(&id);
            let path = format!("members[value eq \"{id}\"]");
            let remove = patch(&json!([{"op": "remove", "path": path}]));
            let Ok(answer) = client.try_send("PATCH", &group, Some(&remove)) else {
                break;
            };
            assert!(matches!(answer.status, 200 | 204), "{answer}");
            done.removed.insert(id.clone());
        }
        if number % 3 == 2 {
            done.members.remove(&id);
            done.users.remove(&id);
            let Ok(answer) = client.try_send("DELETE", &format!("/Users/{id}"), None) else {
                break;
            };
            assert_eq!(answer.status, 204, "{answer}");
            done.deleted.insert(id);
        }
    }
    done
}

#[test]
fn kill_9_under_a_write_load_loses_no_acknowledged_write() {
    let rounds = std::env::var("KEYFOB_KILLS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let (mut server, client) = Server::start_fresh(&["--store", &store]);
    let body =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Everybody"});
    let group = client.send("POST", "/Groups", Some(&body)).created();
    let token = client.token().to_owned();
    let mut done = Acknowledged::default();
    for round in 0..rounds {
        let (begun, first) = mpsc::channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, group, begun) = (server.client(&token), group.clone(), begun.clone());
                thread::spawn(move || write(&client, &group, &format!("user{round}-{writer}"), &begun))
            })
            .collect();
        drop(begun);
        first.recv().unwrap();
        thread::sleep(Duration::from_millis(
            RandomState::new().build_hasher().finish() % 500,
        ));
        server.kill();
        for writer in writers {
            done.extend(writer.join().unwrap());
        }
        server = Server::start(&["--store", &store]);
        done.check(&server.client(&token), &group);
    }
    assert!(
        done.users.len() > rounds * WRITERS,
        "the load is too small: {}",
        done.users.len()
    );
    assert_eq!(server.stop().lines, Vec::<String>::new());
}
