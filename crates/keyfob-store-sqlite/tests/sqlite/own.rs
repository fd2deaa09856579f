//! Connections of the application, and its part of a transaction.

use std::path::Path;

use keyfob_core::Registry;
use keyfob_store::{Change, Commit, CommitError, Committed, StoreError};
use keyfob_store_sqlite::{Connections, Hook, OpenError, SqliteStore};
use rusqlite::Connection;

use crate::support::{New, all, create, group_type, ids, user, user_type};

fn connections(path: &Path) -> Connections {
    let open = || Connection::open(path).unwrap();
    Connections {
        writer: open(),
        short_reads: vec![open(), open()],
        scans: vec![open()],
    }
}

#[test]
fn a_store_works_on_connections_that_the_application_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    {
        let store = SqliteStore::from_connections(connections(&path), Registry::rfc()).unwrap();
        create(&store, &[New::user("ada"), New::group("tours", ["ada"])]).unwrap();
        assert_eq!(ids(&all(&store, user_type())), ["ada"]);
        assert_eq!(ids(&all(&store, group_type())), ["tours"]);
    }
    // It is the same database as one that the store opens itself.
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(ids(&all(&store, user_type())), ["ada"]);
}

#[test]
fn connections_that_are_too_few_or_to_different_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let other = || Connection::open(directory.path().join("other.db")).unwrap();
    let memory = || Connection::open_in_memory().unwrap();
    let cases: [fn(&mut Connections); 2] = [|it| it.short_reads.clear(), |it| it.scans.clear()];
    let mut refused: Vec<Connections> = cases
        .into_iter()
        .map(|change| {
            let mut connections = connections(&path);
            change(&mut connections);
            connections
        })
        .collect();
    let mut strange = connections(&path);
    strange.scans.push(other());
    refused.push(strange);
    let mut strange = connections(&path);
    strange.writer = memory();
    refused.push(strange);
    for connections in refused {
        let error = SqliteStore::from_connections(connections, Registry::rfc()).unwrap_err();
        assert!(matches!(error, OpenError::Connections), "{error:?}");
    }
    let tables: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0, "nothing was made");
}

/// Notes who was created, and refuses one name.
struct Log;

impl Hook for Log {
    fn before_commit(
        &self,
        connection: &Connection,
        commit: &Commit,
        committed: &Committed,
    ) -> rusqlite::Result<()> {
        assert_eq!(commit.changes.len(), committed.outcomes.len());
        for change in &commit.changes {
            if let Change::Create { id, .. } = change {
                let insert = "INSERT INTO log (id) VALUES (?1)";
                connection.prepare_cached(insert)?.execute([id.as_str()])?;
            }
        }
        Ok(())
    }
}

fn logged(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT id FROM log ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_hook_writes_in_the_transaction_of_each_commit_and_only_of_those_that_hold() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap().with_hook(Log);
    let table = "CREATE TABLE log (id TEXT PRIMARY KEY CHECK (id <> 'mallory'))";
    Connection::open(&path).unwrap().execute_batch(table).unwrap();
    create(&store, &[New::user("ada"), New::user("bea")]).unwrap();
    // The application's constraint refuses the commit, and the store's does.
    let refused = create(&store, &[New::user("cleo"), New::user("mallory")]).unwrap_err();
    assert!(
        matches!(refused, CommitError::Store(StoreError::Internal(_))),
        "{refused:?}"
    );
    create(&store, &[New::user("dora"), New::user("ada")]).unwrap_err();
    assert_eq!(ids(&all(&store, user_type())), ["ada", "bea"]);
    assert_eq!(logged(&path), ["ada", "bea"]);
    // Those beside a refused one hold: they share a transaction with it.
    let commits = ["eva", "mallory", "fay"].map(|name| {
        let change = Change::create(user_type(), crate::support::id(name), user(name));
        crate::support::commit_of(vec![change])
    });
    let results = pollster::block_on(keyfob_store::Store::commit(
        &store,
        &commits.map(std::sync::Arc::new),
    ));
    let held: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(held, [true, false, true]);
    assert_eq!(logged(&path), ["ada", "bea", "eva", "fay"]);
    assert_eq!(ids(&all(&store, user_type())).len(), 4);
}
