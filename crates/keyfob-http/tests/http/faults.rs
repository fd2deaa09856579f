//! A store that fails once, at each call of each operation in turn: nothing is half done, and what the client is told is true.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use keyfob_core::{Registry, ResourceType};
use keyfob_engine::{
    Actor, Commit, CommitError, Committed, Context, DynStore, Feeds as _, Hooked, Hooks, Position,
    ReadContext, StoreError, TenantId,
};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Server, builder, organization};

/// The ways in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing is done, and the caller knows.
    Refused,
    /// Nothing is done, and the caller doesn't know.
    LostBefore,
    /// A commit is done, and the caller doesn't know.
    LostAfter,
}

impl Fault {
    const ALL: [Self; 3] = [Self::Refused, Self::LostBefore, Self::LostAfter];

    fn error(self) -> StoreError {
        match self {
            Self::Refused => StoreError::unavailable("the store is away"),
            Self::LostBefore | Self::LostAfter => {
                StoreError::OutcomeUnknown(io::Error::other("the connection broke").into())
            }
        }
    }
}

/// Counts calls and lets one of them fail.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    count: usize,
    fails: Option<(usize, Fault)>,
    has_failed: bool,
}

impl Faults {
    fn begin(&self, fails: Option<(usize, Fault)>) {
        *self.0.lock().unwrap() = Calls {
            fails,
            ..Calls::default()
        };
    }

    /// Returns the number of calls, and whether one failed.
    fn end(&self) -> (usize, bool) {
        let calls = std::mem::take(&mut *self.0.lock().unwrap());
        (calls.count, calls.has_failed)
    }

    /// Returns how the call that comes now fails before anything is done.
    fn fault(&self, is_commit: bool) -> Option<Fault> {
        let mut calls = self.0.lock().unwrap();
        let number = calls.count;
        calls.count += 1;
        let (at, fault) = calls.fails?;
        let fails = at == number && (!is_commit || fault != Fault::LostAfter);
        calls.has_failed |= fails;
        fails.then_some(fault)
    }
}

impl Hooks for Faults {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        // Nobody asks what became of a read.
        self.fault(false).map_or(Ok(()), |_| Err(Fault::Refused.error()))
    }

    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        self.fault(true).map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn after_commit(&self, _: &[Arc<Commit>], outcomes: &mut Vec<Result<Committed, CommitError>>) {
        let mut calls = self.0.lock().unwrap();
        if calls.fails.is_some_and(|(at, _)| at + 1 == calls.count) {
            calls.has_failed = true;
            for outcome in outcomes {
                *outcome = Err(Fault::LostAfter.error().into());
            }
        }
    }
}

/// A service with two users and a group of one of them.
struct World {
    server: Server,
    store: DynStore,
    faults: Faults,
    tenant: TenantId,
    ids: BTreeMap<&'static str, String>,
}

impl World {
    /// Organizations of some profiles have email domains, and get their token with the first.
    async fn new(profile: &Profile, domain: Option<&str>) -> Self {
        let (store, faults) = (DynStore::new(MemoryStore::new()), Faults::default());
        let hooked = DynStore::new(Hooked::new(store.clone(), faults.clone()));
        let engine = Provisioner::builder(hooked, Registry::verkada().clone())
            .with_profile(profile.clone())
            .build();
        let admin = engine.admin();
        let (tenant, token) = match domain {
            None => {
                let token = organization(&engine, "default").await;
                (admin.organizations().await.unwrap()[0].tenant.clone(), token)
            }
            Some(domain) => {
                let organization = admin.create_unlinked_organization("default").await.unwrap();
                let cx = Context::new(organization.tenant.clone()).acting_as(Actor::Administrator);
                let token = admin.add_domain(&cx, domain).await.unwrap().unwrap();
                (organization.tenant, token.expose().to_owned())
            }
        };
        let server = Server {
            service: builder(&engine).base_path("/scim/v2").build(),
            token,
            engine,
            ..Server::start(Backend::Memory, Profile::interop()).await
        };
        let mut ids = BTreeMap::new();
        for name in ["ada", "bob"] {
            ids.insert(name, server.create("/Users", &user(name)).await);
        }
        let members = json!([{"value": ids["ada"]}]);
        ids.insert(
            "guides",
            server.create("/Groups", &group("Guides", &members)).await,
        );
        Self {
            server,
            store,
            faults,
            tenant,
            ids,
        }
    }

    async fn send(&self, operation: Operation) -> Answer {
        let (method, path, body) = operation(&self.ids);
        self.server.send(method, &path, body.as_ref()).await
    }

    /// Returns what clients and consumers of events see, without what differs from run to run: ids are replaced by names.
    async fn state(&self) -> Value {
        let mut names = BTreeMap::new();
        let mut lists = Vec::new();
        for (endpoint, name) in [("/Users", "userName"), ("/Groups", "displayName")] {
            let list = self.server.send("GET", endpoint, None).await.json();
            let resources = list["Resources"].as_array().cloned().unwrap_or_default();
            for resource in &resources {
                let id = resource["id"].as_str().unwrap().to_owned();
                names.insert(id, resource[name].as_str().unwrap().to_owned());
            }
            lists.push(resources);
        }
        let mut resources: Vec<Value> = lists.concat();
        for resource in &mut resources {
            rename(resource, &names);
        }
        resources.sort_by_key(Value::to_string);
        let events = self
            .store
            .read_feed(&self.tenant, Position::START, 1000)
            .await
            .unwrap();
        let events: Vec<String> = events
            .iter()
            .map(|event| {
                format!(
                    "{} {:?} {}",
                    event.event.name, event.labels.name, event.joined.count
                )
            })
            .collect();
        json!({"resources": resources, "events": events})
    }
}

/// Replaces ids by names and removes times.
fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for member in ["meta", "$ref"] {
                members.remove(member);
            }
            members.values_mut().for_each(|member| rename(member, names));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| rename(element, names)),
        Value::String(text) => {
            if let Some(name) = names.get(text) {
                *text = format!("id of {name}");
            }
        }
        _ => {}
    }
}

fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{name}@example.com"),
        "externalId": name,
        "displayName": name,
        "name": {"givenName": name, "familyName": "Lovelace"},
        "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
    })
}

fn group(name: &str, members: &Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": name,
        "members": members,
    })
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

type Request = (&'static str, String, Option<Value>);
type Operation = fn(&BTreeMap<&'static str, String>) -> Request;

const OPERATIONS: [(&str, Operation); 14] = [
    ("create a user", |_| ("POST", "/Users".into(), Some(user("eve")))),
    ("create a group", |ids| {
        let members = json!([{"value": ids["ada"]}, {"value": ids["bob"]}]);
        ("POST", "/Groups".into(), Some(group("Guards", &members)))
    }),
    ("replace a user", |ids| {
        let mut user = user("ada");
        user["title"] = json!("Engineer");
        ("PUT", format!("/Users/{}", ids["ada"]), Some(user))
    }),
    ("replace a group", |ids| {
        let members = json!([{"value": ids["bob"]}]);
        let body = group("Guides of the city", &members);
        ("PUT", format!("/Groups/{}", ids["guides"]), Some(body))
    }),
    ("change a user", |ids| {
        let operations = json!([
            {"op": "replace", "path": "title", "value": "Engineer"},
            {"op": "add", "path": "nickName", "value": "Countess"},
        ]);
        (
            "PATCH",
            format!("/Users/{}", ids["ada"]),
            Some(patch(&operations)),
        )
    }),
    ("deactivate a user", |ids| {
        let operations = json!([{"op": "replace", "path": "active", "value": false}]);
        (
            "PATCH",
            format!("/Users/{}", ids["ada"]),
            Some(patch(&operations)),
        )
    }),
    ("add a member", |ids| {
        let operations = json!([{"op": "add", "path": "members", "value": [{"value": ids["bob"]}]}]);
        (
            "PATCH",
            format!("/Groups/{}", ids["guides"]),
            Some(patch(&operations)),
        )
    }),
    ("exchange members and rename", |ids| {
        let operations = json!([
            {"op": "remove", "path": format!("members[value eq \"{}\"]", ids["ada"])},
            {"op": "add", "path": "members", "value": [{"value": ids["bob"]}]},
            {"op": "replace", "path": "displayName", "value": "Guards"},
        ]);
        (
            "PATCH",
            format!("/Groups/{}", ids["guides"]),
            Some(patch(&operations)),
        )
    }),
    ("delete a user", |ids| {
        ("DELETE", format!("/Users/{}", ids["ada"]), None)
    }),
    ("delete a group", |ids| {
        ("DELETE", format!("/Groups/{}", ids["guides"]), None)
    }),
    ("read a user", |ids| {
        ("GET", format!("/Users/{}", ids["ada"]), None)
    }),
    ("find a user", |_| {
        let filter = "userName%20eq%20%22ada@example.com%22";
        ("GET", format!("/Users?filter={filter}"), None)
    }),
    ("search everything", |_| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "displayName sw \"a\"",
        });
        ("POST", "/.search".into(), Some(body))
    }),
    ("read the resource types", |_| {
        ("GET", "/ResourceTypes".into(), None)
    }),
];

/// RFC 7644 section 3.5.2: a PATCH is atomic. Section 3.12: errors have a body that says so.
#[tokio::test]
async fn an_operation_whose_store_fails_is_done_whole_or_not_at_all_and_may_be_repeated() {
    for (profile, domain) in [
        (Profile::interop(), None),
        (Profile::rfc(), None),
        (Profile::verkada(), Some("example.com")),
    ] {
        for (name, operation) in OPERATIONS {
            let world = World::new(&profile, domain).await;
            let before = world.state().await;
            world.faults.begin(None);
            let whole = world.send(operation).await;
            let (calls, _) = world.faults.end();
            assert!(whole.status < 300, "{name}: {whole}");
            assert!(calls > 0, "{name}");
            let after = world.state().await;
            let mut failed = 0;
            for (call, fault) in (0..calls).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
                let place = format!("{name}, call {call} of {calls}: {fault:?}");
                let world = World::new(&profile, domain).await;
                assert_eq!(world.state().await, before, "{place}");
                world.faults.begin(Some((call, fault)));
                let answer = world.send(operation).await;
                let (_, has_failed) = world.faults.end();
                assert!(has_failed || answer.status == whole.status, "{place}: {answer}");
                let state = world.state().await;
                if answer.status < 300 {
                    assert_eq!(answer.status, whole.status, "{place}: {answer}");
                    assert_eq!(state, after, "{place}");
                } else {
                    failed += 1;
                    assert!([500, 503].contains(&answer.status), "{place}: {answer}");
                    assert_eq!(answer.error_fault(), None, "{place}: {answer}");
                    // Of a commit whose answer is lost nobody knows what came of it.
                    let expected = if state == after && fault == Fault::LostAfter {
                        &after
                    } else {
                        &before
                    };
                    assert_eq!(state, *expected, "{place}: {answer}");
                }
                // Groups of one name are no contradiction, so that a lost creation makes a second one.
                if name == "create a group" && state == after {
                    continue;
                }
                world.send(operation).await;
                assert_eq!(world.state().await, after, "{place}: once more");
            }
            assert!(failed > 0, "{name}");
        }
    }
}

/// RFC 7644 section 3.7.3: each operation of a bulk request has a status of its own.
#[tokio::test]
async fn a_bulk_request_whose_store_fails_says_of_each_operation_whether_it_was_done() {
    let bulk: Operation = |ids| {
        let operations = json!([
            {"method": "POST", "path": "/Users", "bulkId": "eve", "data": user("eve")},
            {"method": "PATCH", "path": format!("/Users/{}", ids["ada"]),
                "data": patch(&json!([{"op": "replace", "path": "title", "value": "Engineer"}]))},
            {"method": "POST", "path": "/Groups", "bulkId": "guards",
                "data": group("Guards", &json!([{"value": "bulkId:eve"}]))},
            {"method": "DELETE", "path": format!("/Groups/{}", ids["guides"])},
        ]);
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        ("POST", "/Bulk".into(), Some(body))
    };
    let done = |state: &Value| {
        let text = state["resources"].to_string();
        let has = |part: &str| text.contains(part);
        [
            has("\"userName\":\"eve@example.com\""),
            has("\"title\":\"Engineer\""),
            has("\"displayName\":\"Guards\",\"id\""),
            !has("\"displayName\":\"Guides\",\"id\""),
        ]
    };
    let profile = Profile::interop();
    let world = World::new(&profile, None).await;
    world.faults.begin(None);
    let whole = world.send(bulk).await;
    let (calls, _) = world.faults.end();
    assert_eq!(whole.status, 200, "{whole}");
    assert_eq!(done(&world.state().await), [true; 4], "{whole}");
    let mut failed = 0;
    for (call, fault) in (0..calls).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        let world = World::new(&profile, None).await;
        world.faults.begin(Some((call, fault)));
        let answer = world.send(bulk).await;
        world.faults.end();
        let place = format!("call {call} of {calls}: {fault:?}: {answer}");
        let done = done(&world.state().await);
        if answer.status != 200 {
            assert_eq!(answer.error_fault(), None, "{place}");
            assert_eq!(done, [false; 4], "{place}");
            failed += 1;
            continue;
        }
        let operations = answer.json()["Operations"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert_eq!(operations.len(), done.len(), "{place}");
        for (operation, is_done) in operations.iter().zip(done) {
            match operation["status"].as_str().unwrap() {
                "503" if fault == Fault::LostAfter => {}
                status => assert_eq!(status.starts_with('2'), is_done, "{place}"),
            }
        }
        failed += usize::from(operations.iter().any(|operation| operation["status"] == "503"));
    }
    assert!(failed > 0);
}
