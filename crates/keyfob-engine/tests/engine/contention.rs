//! Many requests that change one resource: each succeeds, and none costs more than it would by itself.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use keyfob_core::{Projection, Registry, Resource, ResourceId, ResourceType};
use keyfob_engine::{
    Commit, CommitError, Committed, Context, Engine, Hooked, Hooks, Precondition, ReadContext, Store,
    StoreError, TenantId,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;

use crate::fixture::{group, patch, user};

const CLIENTS: usize = 64;

/// Counts reads, commits, and commits that were refused.
#[derive(Default)]
struct Calls([AtomicUsize; 3]);

impl Calls {
    fn count(&self, what: usize, calls: usize) {
        self.0[what].fetch_add(calls, Ordering::SeqCst);
    }

    /// The counts, which begin anew.
    fn take(&self) -> [usize; 3] {
        self.0.each_ref().map(|count| count.swap(0, Ordering::SeqCst))
    }
}

impl Hooks for Calls {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.count(0, 1);
        Ok(())
    }

    fn after_commit(&self, commits: &[Arc<Commit>], results: &mut Vec<Result<Committed, CommitError>>) {
        self.count(1, commits.len());
        self.count(2, results.iter().filter(|result| result.is_err()).count());
    }
}

fn create<S: Store>(engine: &Engine<S>, cx: &Context, kind: &str, body: &str) -> ResourceId {
    let kind = engine.registry().resource_type(kind).unwrap();
    let body = Resource::from_json(body.as_bytes(), kind).unwrap();
    block_on(engine.create(cx, kind, body, &Projection::all()))
        .unwrap()
        .id
}

/// Lets all clients patch one resource at once, and answers what it is then.
fn race<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
    kind: &str,
    id: &ResourceId,
    operation: impl Fn(usize) -> String + Sync,
) -> Resource {
    let kind = engine.registry().resource_type(kind).unwrap();
    let barrier = Barrier::new(CLIENTS);
    let tags: BTreeSet<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (barrier, operation) = (&barrier, &operation);
                scope.spawn(move || {
                    let request = patch(&operation(client));
                    barrier.wait();
                    let none = Precondition::None;
                    block_on(engine.patch(cx, kind, id, request, &none, &Projection::all()))
                        .map(|written| written.tag.to_string())
                })
            })
            .collect();
        let answers = clients.into_iter().map(|client| client.join().unwrap());
        answers.map(|answer| answer.unwrap()).collect()
    });
    assert_eq!(tags.len(), CLIENTS, "each change has an entity tag of its own");
    block_on(engine.get(cx, kind, id, &Projection::all())).unwrap()
}

fn every_change_is_made_and_none_twice(store: impl Store) {
    let engine = Engine::new(Hooked::new(store, Calls::default()), Registry::rfc().clone());
    let cx = Context::new(TenantId::new("acme"));
    let users: Vec<ResourceId> = (0..CLIENTS)
        .map(|client| create(&engine, &cx, "User", &user(&format!("user{client}"))))
        .collect();
    let tours = create(&engine, &cx, "Group", &group("Tour Guides", &[]));

    engine.store().hooks().take();
    let changed = race(&engine, &cx, "Group", &tours, |client| {
        let id = &users[client];
        format!(r#"{{"op":"add","path":"members","value":[{{"value":"{id}"}}]}}"#)
    });
    let members = changed.relation("members").unwrap();
    assert_eq!(members.len(), CLIENTS);
    let [reads, commits, refused] = engine.store().hooks().take();
    assert_eq!(
        (commits, refused),
        (CLIENTS, 0),
        "members that join take one commit each"
    );
    assert!(reads <= 1 + CLIENTS, "{reads} reads");

    // Each is decided on the document that the one before has left.
    let ada = users.first().unwrap();
    let changed = race(&engine, &cx, "User", ada, |client| {
        format!(r#"{{"op":"add","path":"emails","value":[{{"value":"{client}@example.com"}}]}}"#)
    });
    let emails = changed.core().get("emails").unwrap().as_elements();
    assert_eq!(emails.len(), CLIENTS);
    let [reads, commits, refused] = engine.store().hooks().take();
    assert_eq!(
        (commits, refused),
        (CLIENTS, 0),
        "requests take turns and meet nobody"
    );
    assert!(reads <= 1 + CLIENTS, "{reads} reads");
}

#[test]
fn sixty_four_clients_change_one_resource_in_memory_with_one_commit_each() {
    every_change_is_made_and_none_twice(MemoryStore::new());
}

#[test]
fn sixty_four_clients_change_one_resource_in_sqlite_with_one_commit_each() {
    let directory = tempfile::tempdir().unwrap();
    every_change_is_made_and_none_twice(SqliteStore::open(directory.path().join("keyfob.db")).unwrap());
}
