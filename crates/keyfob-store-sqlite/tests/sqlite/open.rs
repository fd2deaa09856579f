//! Opening databases: new ones, old ones, and what is none.

use std::{fs, path::Path, thread};

use keyfob_core::Registry;
use keyfob_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;

use crate::support::{all, create_user, has_user, user_type};

fn pragma(path: &Path, name: &str) -> i64 {
    Connection::open(path)
        .unwrap()
        .pragma_query_value(None, name, |row| row.get(0))
        .unwrap()
}

#[test]
fn what_was_written_is_there_when_the_database_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    for (round, name) in ["a", "b", "c"].into_iter().enumerate() {
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(all(&store, user_type()).total, Some(round));
        create_user(&store, name).unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    assert!(["a", "b", "c"].iter().all(|name| has_user(&store, name)));
}

#[test]
fn a_database_says_whose_it_is_and_of_which_version() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    SqliteStore::open(&path).unwrap();
    assert_eq!(
        pragma(&path, "application_id"),
        i64::from(u32::from_be_bytes(*b"kfob"))
    );
    assert_eq!(pragma(&path, "user_version"), 6);
}

#[test]
fn a_closed_store_leaves_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    create_user(&store, "a").unwrap();
    drop(store);
    let files: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(files, ["keyfob.db"]);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    SqliteStore::open(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 7)
        .unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 7,
                supported: 6,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .ends_with("keyfob.db` has schema version 7, and this release reads up to version 6")
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_not_a_database_of_keyfob_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("table.db");
    Connection::open(&table)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (a)")
        .unwrap();
    let other = directory.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .pragma_update(None, "application_id", 1)
        .unwrap();
    let version = directory.path().join("version.db");
    Connection::open(&version)
        .unwrap()
        .pragma_update(None, "user_version", 1)
        .unwrap();
    let negative = directory.path().join("negative.db");
    SqliteStore::open(&negative).unwrap();
    Connection::open(&negative)
        .unwrap()
        .pragma_update(None, "user_version", -1)
        .unwrap();
    let text = directory.path().join("text.db");
    fs::write(
        &text,
        "a text that is long enough to be taken for the header of a database".repeat(40),
    )
    .unwrap();
    for path in [table, other, version, negative, text] {
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), before, "{}", path.display());
    }
}

#[test]
fn a_path_without_a_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = SqliteStore::open(directory.path().join("missing/keyfob.db")).unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }), "{error:?}");
    let error = SqliteStore::open("").unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }), "{error:?}");
    let error = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
}

#[test]
fn a_database_that_has_to_be_there_is_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("typo.db");
    let open = || SqliteStore::open_with(&path, Registry::rfc(), Options::new().without_creation());
    let error = open().unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert!(error.to_string().ends_with("typo.db`"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    fs::write(&path, "").unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), b"", "an empty file stays empty");
    SqliteStore::open(&path).unwrap();
    create_user(&open().unwrap(), "a").unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_database_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    create_user(&store, "a").unwrap();
    let mut files = 0;
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.file_name()
        );
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the log's index");
}

#[test]
fn many_may_open_a_new_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let path = &path;
            scope.spawn(move || {
                let store = SqliteStore::open_with(
                    path,
                    Registry::rfc(),
                    Options::new().with_short_reads(std::num::NonZeroUsize::MIN),
                );
                create_user(&store.unwrap(), name).unwrap();
            });
        }
    });
    assert_eq!(
        all(&SqliteStore::open(&path).unwrap(), user_type()).total,
        Some(4)
    );
}

#[test]
fn a_database_that_another_process_holds_is_refused_in_time_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let held = |name: &str, version: i64, lock: &str| {
        let path = directory.path().join(name);
        create_user(&SqliteStore::open(&path).unwrap(), "a").unwrap();
        let holder = Connection::open(&path).unwrap();
        holder.pragma_update(None, "user_version", version).unwrap();
        holder.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        holder.execute_batch(lock).unwrap();
        (path, holder)
    };
    // Another connection of this process holds it as another process would.
    let all_of_it = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE tenants SET last = last";
    let cases = [
        held("writing.db", 6, "BEGIN IMMEDIATE"),
        held("migrating.db", 4, "BEGIN IMMEDIATE"),
        held("exclusive.db", 6, all_of_it),
    ];
    // Each waits as long as a process gives another one, so they wait together.
    thread::scope(|scope| {
        for (path, _) in &cases {
            scope.spawn(move || {
                let before = fs::read(path).unwrap();
                let error = SqliteStore::open(path).unwrap_err();
                assert!(matches!(error, OpenError::Held { .. }), "{error:?}");
                assert_eq!(
                    error.to_string(),
                    format!(
                        "`{}` is held by another process: stop that process, or try again when it is done",
                        path.display()
                    )
                );
                assert!(fs::read(path).unwrap() == before, "{}", path.display());
            });
        }
    });
    let [(path, holder), ..] = cases;
    drop(holder);
    assert!(has_user(&SqliteStore::open(&path).unwrap(), "a"));
}
