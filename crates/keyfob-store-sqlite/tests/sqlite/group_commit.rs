//! Commits that wait together are made durable together.

use std::{fs, path::Path, thread, time::Duration};

use keyfob_store::CommitError;
use keyfob_store_sqlite::SqliteStore;
use rusqlite::Connection;

use crate::support::{New, add, all, create, create_user, group_type, has_user, id, relate, user_type};

/// How many transactions the write-ahead log holds: of each, the last frame tells the size of the database.
fn transactions(database: &Path) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;

    let log = fs::read(database.with_extension("db-wal")).unwrap();
    log[HEADER..]
        .chunks_exact(FRAME)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}

/// Runs `commits` while the database is held, so that all of them wait, and then lets it go.
fn together(path: &Path, commits: impl FnOnce() + Send) {
    let holder = Connection::open(path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        scope.spawn(commits);
        thread::sleep(Duration::from_millis(300));
        holder.execute_batch("ROLLBACK").unwrap();
    });
}

#[test]
fn commits_that_wait_share_a_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    create_user(&store, "first").unwrap();
    let before = transactions(&path);
    together(&path, || {
        thread::scope(|scope| {
            for number in 0..40 {
                let store = &store;
                scope.spawn(move || create_user(store, &format!("user{number}")).unwrap());
            }
        });
    });
    let shared = transactions(&path) - before;
    assert!((1..=8).contains(&shared), "40 commits took {shared} transactions");
    assert_eq!(all(&store, user_type()).total, Some(41));
}

#[test]
fn a_commit_that_fails_hurts_none_that_waited_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    create(&store, &[New::user("taken"), New::group("group", [])]).unwrap();
    together(&path, || {
        thread::scope(|scope| {
            for number in 0..30 {
                let store = &store;
                scope.spawn(move || {
                    let good = New::user(&format!("user{number}"));
                    match number % 3 {
                        0 => {
                            create(store, &[good]).unwrap();
                        }
                        1 => {
                            let mut bad = New::user(&format!("bad{number}"));
                            bad.unique = New::user("TAKEN").unique;
                            let error = create(store, &[good, bad]).unwrap_err();
                            assert!(
                                matches!(error, CommitError::UniquenessViolated { change: 1, .. }),
                                "{error:?}"
                            );
                        }
                        _ => {
                            let error = relate(store, "group", add(["taken", "nobody"])).unwrap_err();
                            let CommitError::UnknownMembers { change: 0, members } = error else {
                                panic!("{error:?}");
                            };
                            assert_eq!(members, [id("nobody")]);
                        }
                    }
                });
            }
        });
    });
    for number in 0..30 {
        assert_eq!(
            has_user(&store, &format!("user{number}")),
            number % 3 == 0,
            "user{number}"
        );
    }
    let group = &all(&store, group_type()).resources[0];
    assert_eq!(group.version.number(), 1);
    assert!(group.resource.relation("members").unwrap().is_empty());
}
