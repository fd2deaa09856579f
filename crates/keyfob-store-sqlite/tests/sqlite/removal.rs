//! Edges of what was deleted or emptied are removed some at a time, by whichever process has the database.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use keyfob_store::{Change, Commit, Committed, Maintenance, Outcome, RelationDelta};
use keyfob_store_sqlite::{Hook, SqliteStore};
use pollster::block_on;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{New, acme, add, commit, create, create_user, group_type, id, relate};

const MEMBERS: usize = 6_000;

/// A database with users, and a group `big` of all of them.
fn database() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    let names: Vec<String> = (0..MEMBERS).map(|number| format!("u{number:04}")).collect();
    let users = names.iter().map(|name| New::user(name).change());
    commit(&store, users.collect()).unwrap();
    let big = New::group("big", names.iter().map(String::as_str));
    create(&store, &[big]).unwrap();
    (folder, path, store)
}

/// The number of edges in the database, and of rows that nobody serves.
fn left(path: &Path) -> (i64, i64) {
    let connection = Connection::open(path).unwrap();
    let left = connection.query_row(
        "SELECT (SELECT count(*) FROM edges),
            (SELECT count(*) FROM resources JOIN kinds USING (kind) WHERE kinds.name = 'removed')",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    left.unwrap()
}

fn wait_until(path: &Path, expected: (i64, i64)) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while left(path) != expected {
        assert!(Instant::now() < deadline, "left: {:?}", left(path));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Tells how many edges there are before a commit is durable.
struct Counting(Mutex<mpsc::Sender<i64>>);

impl Hook for Counting {
    fn before_commit(&self, connection: &Connection, _: &Commit, _: &Committed) -> rusqlite::Result<()> {
        let edges = connection.query_row("SELECT count(*) FROM edges", [], |row| row.get(0))?;
        self.0.lock().unwrap().send(edges).unwrap();
        Ok(())
    }
}

fn empty(store: &SqliteStore) -> usize {
    let mut delta = RelationDelta::new("members".into());
    delta.clear = true;
    let committed = relate(store, "big", delta).unwrap();
    match committed.outcomes.first() {
        Some(Outcome::Changed { left, .. }) => left.count,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_edges_of_a_deleted_group_are_removed_after_the_commit() {
    let (_folder, path, store) = database();
    assert_eq!(left(&path).1, 0);
    let (sender, receiver) = mpsc::channel();
    let store = store.with_hook(Counting(Mutex::new(sender)));
    commit(&store, vec![Change::delete(group_type(), id("big"), None)]).unwrap();
    // The commit itself removes none of them.
    assert_eq!(receiver.recv().unwrap(), i64::try_from(MEMBERS).unwrap());
    // Nobody takes what is left for a tenant of its own.
    assert_eq!(block_on(store.tenants(None, 9)).unwrap(), [acme()]);
    wait_until(&path, (0, 0));
}

#[test]
fn the_edges_of_an_emptied_group_are_removed_after_the_commit() {
    let (_folder, path, store) = database();
    assert_eq!(empty(&store), MEMBERS);
    // Again before the first ones are gone.
    let names: Vec<String> = (0..2_000).map(|number| format!("u{number:04}")).collect();
    relate(&store, "big", add(names.iter().map(String::as_str))).unwrap();
    assert_eq!(empty(&store), names.len());
    wait_until(&path, (0, 0));
}

#[test]
fn what_a_process_leaves_is_removed_by_the_next_one() {
    let (_folder, path, store) = database();
    commit(&store, vec![Change::delete(group_type(), id("big"), None)]).unwrap();
    // It doesn't stay for the rest.
    drop(store);
    let _next = SqliteStore::open(&path).unwrap();
    wait_until(&path, (0, 0));
}

#[test]
fn what_another_process_leaves_is_removed_by_the_one_that_goes_on() {
    let (_folder, path, store) = database();
    let other = SqliteStore::open(&path).unwrap();
    commit(&other, vec![Change::delete(group_type(), id("big"), None)]).unwrap();
    drop(other);
    create_user(&store, "another").unwrap();
    wait_until(&path, (0, 0));
}

#[test]
fn the_edges_of_an_erased_tenant_go_with_it() {
    let (_folder, path, store) = database();
    commit(&store, vec![Change::delete(group_type(), id("big"), None)]).unwrap();
    assert!(block_on(store.erase(&acme())).unwrap());
    assert_eq!(left(&path).0, 0);
    wait_until(&path, (0, 0));
}
