//! Opening a database: creating the file, telling whose it is, bringing its schema up to date.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{CompareKey, Registry};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::{
    copy::beside,
    error::{Failure, OpenError},
    migration,
    write::{self, Collision},
};

/// What `PRAGMA application_id` says of a database of keyfob: "kfob".
const APPLICATION_ID: i32 = 0x6b66_6f62;

/// What leads from one version of the schema to the next.
struct Migration {
    /// A script that was released is never changed.
    script: &'static str,
    /// What SQL can't do, after the script and in its transaction.
    then: fn(&Connection) -> rusqlite::Result<()>,
}

/// All migrations, from the empty database on.
const MIGRATIONS: [Migration; 6] = [
    Migration {
        script: include_str!("../migrations/0001-resources.sql"),
        then: |_| Ok(()),
    },
    Migration {
        script: include_str!("../migrations/0002-compare.sql"),
        then: |_| Ok(()),
    },
    Migration {
        script: include_str!("../migrations/0003-second-edition.sql"),
        then: migration::from_first_edition,
    },
    Migration {
        script: include_str!("../migrations/0004-modification.sql"),
        then: |_| Ok(()),
    },
    Migration {
        script: include_str!("../migrations/0005-nesting.sql"),
        then: |_| Ok(()),
    },
    Migration {
        script: include_str!("../migrations/0006-fewer-pages.sql"),
        then: |_| Ok(()),
    },
];

/// How long a connection waits for another process that holds the database.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long opening pauses before it tries again.
const PAUSE: Duration = Duration::from_millis(10);

/// More than the store has statements.
const CACHED_STATEMENTS: usize = 128;

/// Opens the connection that writes and brings the database up to date. Where there is none, it is created, or is
/// missing if it may not be.
pub(crate) fn writer(path: &Path, may_create: bool) -> Result<Connection, OpenError> {
    if may_create {
        demand_no_leftovers(path)?;
        create(path).map_err(|source| OpenError::Create {
            path: path.into(),
            source,
        })?;
    } else if fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0)
        || matches!(path.try_exists(), Ok(false))
    {
        return Err(OpenError::Missing { path: path.into() });
    }
    close_to_others(path);
    // SQLite does not wait for another process that switches the database to the write-ahead log or closes it.
    let start = Instant::now();
    loop {
        match try_writer(path) {
            Err(OpenError::Held { .. }) if start.elapsed() < BUSY_TIMEOUT => thread::sleep(PAUSE),
            result => return result,
        }
    }
}

fn try_writer(path: &Path) -> Result<Connection, OpenError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| failed(path, error))?;
    prepare_writer(path, connection)
}

/// Makes the writer of a connection that the application has opened.
pub(crate) fn own_writer(path: &Path, connection: Connection) -> Result<Connection, OpenError> {
    configure(&connection).map_err(|error| failed(path, error))?;
    prepare_writer(path, connection)
}

/// Makes a reader of a connection that the application has opened.
pub(crate) fn own_reader(path: &Path, connection: Connection) -> Result<Connection, OpenError> {
    let prepared = configure(&connection).and_then(|()| connection.pragma_update(None, "query_only", true));
    prepared.map(|()| connection).map_err(|error| failed(path, error))
}

fn prepare_writer(path: &Path, connection: Connection) -> Result<Connection, OpenError> {
    let mut connection = connection;
    // Before anything is written: a file that is not ours stays as it is.
    check_version(path, &connection)?;
    let configured = configure_writer(&connection).map_err(|error| failed(path, error))?;
    if !configured {
        return Err(OpenError::NoWriteAheadLog { path: path.into() });
    }
    migrate(path, &mut connection)?;
    match write::newer(&connection).map_err(|error| failed(path, error))? {
        None => Ok(connection),
        Some(found) => Err(OpenError::NewerKeys {
            path: path.into(),
            found,
            supported: CompareKey::VERSION,
        }),
    }
}

/// Opens the database of somebody who is no store: it has to be there, and isn't brought up to date.
pub(crate) fn existing(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(OpenError::Missing { path: path.into() });
    }
    let connection = connect(path, flags).map_err(|error| failed(path, error))?;
    match check_version(path, &connection)? {
        0 => Err(OpenError::Missing { path: path.into() }),
        _ => Ok(connection),
    }
}

/// Opens a connection that reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| failed(path, error))
}

/// Refuses to create a database beside what another has left: a new one would hide that the other is gone, and SQLite would
/// throw away what its log still holds.
fn demand_no_leftovers(path: &Path) -> Result<(), OpenError> {
    if !matches!(path.try_exists(), Ok(false)) {
        return Ok(());
    }
    let left = ["-wal", "-shm"].map(|suffix| beside(path, suffix));
    match left.into_iter().find(|left| left.exists()) {
        Some(left) => Err(OpenError::Lost {
            path: path.into(),
            left,
        }),
        None => Ok(()),
    }
}

/// Takes from everybody but its owner the right to read a database, which holds personal data, and says so.
#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    for path in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o777;
        let of_others = mode & 0o007;
        if of_others == 0 {
            continue;
        }
        let closed = fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o770));
        match closed {
            Ok(()) => tracing::warn!(
                file = %path.display(),
                mode = format_args!("{mode:o}"),
                "everybody on this machine could read the database; others no longer may"
            ),
            Err(error) => tracing::warn!(
                file = %path.display(),
                mode = format_args!("{mode:o}"),
                %error,
                "everybody on this machine can read the database: `chmod o-rwx` it"
            ),
        }
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

/// Creates the file where there is none, for its owner alone: it holds personal data. SQLite gives the files beside it
/// the same permissions.
///
/// A file that exists is not opened, since closing it would release the locks that this process holds on it.
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

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection stays on its thread.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&connection)?;
    Ok(connection)
}

/// Sets what every connection of the store has.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Else SQLite prepares a cached statement anew whenever a value that could sway its plan is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Kibibytes, as it is negative.
    connection.pragma_update(None, "cache_size", -16_384)
}

/// Makes commits durable and says whether the file system supports the way in which they are.
fn configure_writer(connection: &Connection) -> rusqlite::Result<bool> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Where the system's fsync does not reach the disk.
    connection.pragma_update(None, "fullfsync", true)?;
    // What is deleted is overwritten in the database's pages; `write` empties the log of their earlier states. Without
    // temporary files there is no third place.
    let _: i64 = connection.pragma_update_and_check(None, "secure_delete", true, |row| row.get(0))?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // 16 MiB instead of 4: a page that many commits change is copied into the database for fewer of them. To copy takes one
    // wait for the disk more, in which nobody writes.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    // What a long read let the log grow to is given back.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(mode == "wal")
}

/// Read by one statement, so that another process that migrates is seen before or after and not half-way.
const VERSION: &str = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
    FROM pragma_application_id, pragma_user_version";

/// The version of the schema; 0 for a database that is empty.
fn check_version(path: &Path, connection: &Connection) -> Result<usize, OpenError> {
    let (application_id, version, tables): (i32, i32, i64) = connection
        .query_row(VERSION, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(|error| failed(path, error))?;
    let is_empty = (application_id, version, tables) == (0, 0, 0);
    let found = u32::try_from(version)
        .ok()
        .filter(|_| is_empty || application_id == APPLICATION_ID);
    let Some(found) = found else {
        return Err(OpenError::Foreign { path: path.into() });
    };
    match usize::try_from(found) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(OpenError::Newer {
            path: path.into(),
            found,
            supported: supported(),
        }),
    }
}

fn supported() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Runs what the database lacks, each migration in a transaction of its own.
fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OpenError> {
    loop {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(path, error))?;
        // Another process may have been faster.
        let version = check_version(path, &transaction)?;
        let Some(migration) = MIGRATIONS.get(version) else {
            return Ok(());
        };
        tracing::info!(from = version, to = version + 1, "migrating the database");
        run(&transaction, migration, version + 1)
            .and_then(|()| transaction.commit())
            .map_err(|error| failed(path, error))?;
    }
}

/// Refuses a database with a type that is indexed by attributes that the registry doesn't have.
pub(crate) fn demand_known_indexes(
    path: &Path,
    connection: &Connection,
    registry: &Registry,
) -> Result<(), OpenError> {
    let unknown = write::unknown_index(connection, registry).map_err(|error| failed(path, error))?;
    match unknown {
        None => Ok(()),
        Some((resource_type, attribute)) => Err(OpenError::Index {
            path: path.into(),
            resource_type,
            attribute,
        }),
    }
}

/// Makes keys that are of an older version of the comparison anew, all in one transaction: a process that dies on the
/// way leaves the old ones, and the next begins again.
pub(crate) fn rekey(
    path: &Path,
    connection: &mut Connection,
    registry: &Registry,
) -> Result<Vec<Collision>, OpenError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| failed(path, error))?;
    let collisions = write::rekey(&transaction, registry).map_err(|failure| match failure {
        Failure::Sqlite(error) => failed(path, error),
        Failure::Refused(error) => OpenError::Database {
            path: path.into(),
            source: error.into(),
        },
    })?;
    transaction.commit().map_err(|error| failed(path, error))?;
    Ok(collisions)
}

fn run(connection: &Connection, migration: &Migration, version: usize) -> rusqlite::Result<()> {
    connection.execute_batch(migration.script)?;
    (migration.then)(connection)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(i64::MAX))
}

fn failed(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.into() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Held { path: path.into() },
        _ => OpenError::Database {
            path: path.into(),
            source: error.into(),
        },
    }
}
