//! Opening a state file: creating it, telling whose it is, reading its version.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

/// The `PRAGMA application_id` of a state file: "kfsy".
const APPLICATION_ID: i32 = 0x6b66_7379;

/// The version of the format. A file of another version is not touched.
const VERSION: i32 = 3;

/// The time that opening waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a state can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file can't be created, as when its directory is missing.
    #[error("`{}` can't be created", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such file.
    #[error("there is no state file `{}`; the first run makes it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a file that is something else. It was left as it is.
    #[error("`{}` is not a state file of keyfob", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another release wrote the file. It was left as it is.
    #[error("`{}` has format version {found}, and this release reads version {supported}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        found: i32,
        /// The version that is understood.
        supported: i32,
    },
    /// Another process has the file open.
    #[error("`{}` is in use by another run; try again when it is done", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The state belongs to another target, whose ids mean nothing to this one.
    #[error("the state is of the target `{known}`, not of `{given}`; give another state file")]
    OtherTarget {
        /// The base URL in the state.
        known: String,
        /// The base URL that was given.
        given: String,
    },
    /// A stored resource can't be decoded.
    #[error("what the state holds for `{source_id}` can't be read")]
    Undecodable {
        /// The id of the object in the source.
        source_id: String,
    },
    /// The database failed.
    #[error("the state file can't be read or written")]
    Database(#[from] rusqlite::Error),
}

/// Opens a file, which is made where there is none and `may_create` is true.
pub(super) fn open(path: &Path, may_create: bool) -> Result<Connection, StateError> {
    if may_create {
        create(path).map_err(|source| StateError::Create {
            path: path.into(),
            source,
        })?;
    } else if !fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Err(StateError::Missing { path: path.into() });
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    connection
        .and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        })
        .map_err(|error| failed(path, error))
        .and_then(|connection| prepare(path, connection, may_create))
}

/// Makes a state in memory.
pub(super) fn in_memory() -> Result<Connection, StateError> {
    let connection = Connection::open_in_memory()?;
    configure(&connection)?;
    write_schema(&connection)?;
    Ok(connection)
}

fn prepare(path: &Path, connection: Connection, is_exclusive: bool) -> Result<Connection, StateError> {
    let said: rusqlite::Result<(i32, i32, i64)> = connection.query_row(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    // Before anything is written: a file that is not ours stays as it is.
    let (application_id, version, tables) = said.map_err(|error| failed(path, error))?;
    let is_empty = (application_id, version, tables) == (0, 0, 0);
    if !is_empty && application_id != APPLICATION_ID {
        return Err(StateError::Foreign { path: path.into() });
    }
    if !is_empty && version != VERSION {
        return Err(StateError::Version {
            path: path.into(),
            found: version,
            supported: VERSION,
        });
    }
    let prepared = (|| {
        if is_exclusive {
            // Two cycles at once would each create what the other one creates.
            let _: String =
                connection.pragma_update_and_check(None, "locking_mode", "exclusive", |row| row.get(0))?;
        }
        let _: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "fullfsync", true)?;
        // What is deleted is personal data, and is overwritten.
        let _: i64 = connection.pragma_update_and_check(None, "secure_delete", true, |row| row.get(0))?;
        configure(&connection)?;
        if is_empty {
            write_schema(&connection)?;
        }
        if is_exclusive {
            // Takes the lock now, not in the middle of a cycle.
            connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        }
        Ok(())
    })();
    prepared.map_err(|error| failed(path, error))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(include_str!("stage.sql"))
}

fn write_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;\n{}\nPRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;",
        include_str!("schema.sql")
    ))
}

/// Creates the file where there is none, for its owner alone: it holds personal data. SQLite gives the files beside it
/// the same permissions.
fn create(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: rusqlite::Error) -> StateError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StateError::Foreign { path: path.into() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateError::Held { path: path.into() },
        _ => error.into(),
    }
}
