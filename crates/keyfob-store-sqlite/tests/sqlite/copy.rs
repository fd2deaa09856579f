//! Copies of a database, and what is no whole copy.

use std::{fs, path::Path};

use keyfob_store_sqlite::{CopyError, SqliteStore, backup, restore};

use crate::support::{New, all, create, ids, user_type};

fn users(database: &Path) -> Vec<String> {
    ids(&all(&SqliteStore::open(database).unwrap(), user_type()))
}

#[test]
fn a_database_in_use_is_copied_with_what_is_only_in_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let store = SqliteStore::open(path("keyfob.db")).unwrap();
    create(&store, &[New::user("ada")]).unwrap();
    // Nothing was moved from the log to the file of the database yet.
    assert!(fs::metadata(path("keyfob.db-wal")).unwrap().len() > 0);
    restore(&path("keyfob.db"), &path("restored.db")).unwrap();
    backup(&path("keyfob.db"), &path("copy.db")).unwrap();
    restore(&path("copy.db"), &path("again.db")).unwrap();
    drop(store);
    for name in ["restored.db", "copy.db", "again.db"] {
        assert_eq!(users(&path(name)), ["ada"], "{name}");
    }
}

#[test]
fn a_copy_that_was_cut_off_is_not_restored_wherever_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let store = SqliteStore::open(path("keyfob.db")).unwrap();
    create(&store, &[New::user("ada")]).unwrap();
    backup(&path("keyfob.db"), &path("copy.db")).unwrap();
    let whole = fs::read(path("copy.db")).unwrap();
    for missing in [
        1,
        100,
        4_095,
        4_096,
        4_097,
        whole.len() / 2,
        whole.len() - 1,
        whole.len(),
    ] {
        fs::write(path("cut.db"), &whole[..whole.len() - missing]).unwrap();
        let refused = restore(&path("cut.db"), &path("restored.db"));
        assert!(refused.is_err(), "{missing} bytes are missing");
        assert!(!path("restored.db").exists() && !path("restored.db.part").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_sqlite_cannot_be_told_gets_no_copy_and_no_other_path_does() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("keyfob.db");
    drop(SqliteStore::open(&database).unwrap());
    let refused = backup(
        &database,
        &directory.path().join(OsStr::from_bytes(b"copy-\xff.db")),
    );
    assert!(matches!(refused, Err(CopyError::Write { .. })), "{refused:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
