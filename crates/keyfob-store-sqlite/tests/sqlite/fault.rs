//! Faults of the disk and of what is on it.

use std::{error::Error, fmt::Write, process::Command};

use keyfob_store::{CommitError, Selection, StoreError, StoreExt};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use rusqlite::Connection;

use crate::support::{all, create_user, cx, has_user, id, user_type};

/// The error and all that led to it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, ": {error}").unwrap();
        source = error.source();
    }
    text
}

#[test]
fn what_cannot_be_decoded_is_an_internal_error_that_tells_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    create_user(&store, "bjensen").unwrap();
    for document in [
        "\"bjensen\"",
        "{\"bjensen",
        "{\"userName\": \"bjensen\", \"username\": \"bjensen\"}",
    ] {
        let connection = Connection::open(&path).unwrap();
        connection
            .execute("UPDATE documents SET document = ?1", [document.as_bytes()])
            .unwrap();
        let error =
            block_on(store.get_one(&cx(), user_type(), &id("bjensen"), &Selection::document())).unwrap_err();
        assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
        assert!(
            chain(&error).ends_with(": what is stored can't be decoded"),
            "{}",
            chain(&error)
        );
        assert!(
            !chain(&error).contains("bjensen") && !format!("{error:?}").contains("bjensen"),
            "{error:?}"
        );
    }
}

#[test]
fn a_table_that_is_gone_is_an_internal_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE unique_keys")
        .unwrap();
    let error = create_user(&store, "bjensen").unwrap_err();
    assert!(
        matches!(error, CommitError::Store(StoreError::Internal(_))),
        "{error:?}"
    );
    assert!(!has_user(&store, "bjensen"), "the commit was taken back");
}

/// The disk refuses to take more than a few hundred kilobytes a file, which shows when a transaction is committed.
#[cfg(target_os = "linux")]
#[test]
fn a_commit_that_the_disk_refuses_is_unavailable_and_leaves_nothing() {
    const DATABASE: &str = "KEYFOB_TEST_SMALL_DATABASE";

    if let Ok(path) = std::env::var(DATABASE) {
        write_until_refused(&path);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 800; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "fault::a_commit_that_the_disk_refuses_is_unavailable_and_leaves_nothing",
        ])
        .env(DATABASE, &path)
        .output()
        .unwrap();
    assert!(
        limited.status.success(),
        "{}",
        String::from_utf8_lossy(&limited.stdout)
    );
    let store = SqliteStore::open(&path).unwrap();
    let written = all(&store, user_type()).total.unwrap();
    assert!(written > 3, "{written} users are left");
    create_user(&store, "another").unwrap();
}

fn write_until_refused(path: &str) {
    let store = SqliteStore::open(path).unwrap();
    let mut written = Vec::new();
    let refused = loop {
        let name = format!("user{}", written.len());
        match create_user(&store, &name) {
            Ok(_) => written.push(name),
            Err(CommitError::Store(StoreError::Unavailable(_))) => break name,
            Err(error) => panic!("{error:?}"),
        }
    };
    let check = |store: &SqliteStore| {
        assert!(!has_user(store, &refused), "what was refused is there");
        assert!(
            written.iter().all(|name| has_user(store, name)),
            "something that was acknowledged is gone"
        );
        assert_eq!(all(store, user_type()).total, Some(written.len()));
    };
    check(&store);
    // The log starts anew when the database is opened again.
    drop(store);
    let store = SqliteStore::open(path).unwrap();
    check(&store);
    create_user(&store, &refused).unwrap();
}
