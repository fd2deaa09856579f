//! What goes wrong when a database is opened, and how the failures of SQLite are told.

use std::{error::Error as StdError, io, path::PathBuf, sync::Arc};

use keyfob_store::{CommitError, StoreError};
use rusqlite::ErrorCode;
use thiserror::Error;

/// Why a database can't be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file can't be created, as when its directory is missing.
    #[error("`{}` can't be created", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no database, and none was to be created.
    #[error("there is no database `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is no database, but there is a file that one has left. None was created.
    #[error(
        "there is no database `{}`, but its `{}` is there: put the database back, or restore a backup after moving that file away",
        path.display(), left.display()
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// What is left of a database.
        left: PathBuf,
    },
    /// A type is indexed by an attribute that the registry doesn't have. The index was left as it is.
    #[error("`{}` has a {resource_type} that is found by `{attribute}`, which is unknown here", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// The name of the resource type.
        resource_type: String,
        /// The path of the attribute, in lower case.
        attribute: String,
    },
    /// There is a file, but no keyfob database in it. It was left as it is.
    #[error("`{}` is not a database of keyfob", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer release of keyfob wrote the database. It was left as it is.
    #[error("`{}` has schema version {found}, and this release reads up to version {supported}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// A newer release of keyfob compares values otherwise and made the database's keys.
    #[error("`{}` has keys of comparison {found}, and this release compares up to version {supported}", path.display())]
    NewerKeys {
        /// The file.
        path: PathBuf,
        /// The version of the comparison.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// The file system can't hold a write-ahead log, as is so with most network file systems.
    #[error("the file system of `{}` does not support a write-ahead log", path.display())]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the database and didn't let go of it in time. It was left as it is.
    #[error("`{}` is held by another process: stop that process, or try again when it is done", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// SQLite can't open the file, read it or bring its schema up to date.
    #[error("`{}` can't be opened as a database", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The connections are too few, or not all to one file.
    #[error("a store needs a connection that writes and two that read, all to one file")]
    Connections,
    /// The threads of the store can't be started.
    #[error("a thread of the store can't be started")]
    Thread(#[source] io::Error),
}

/// A stored document or event that can't be decoded. Says no more, as whatever it holds may be personal.
#[derive(Debug, Error)]
#[error("what is stored can't be decoded")]
pub(crate) struct Undecodable;

impl From<Undecodable> for rusqlite::Error {
    fn from(error: Undecodable) -> Self {
        Self::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    }
}

/// A commit was handed over that happened before. What came of it was told then.
#[derive(Debug, Error)]
#[error("a commit of this id was handed over before")]
pub(crate) struct HandedOverBefore;

/// The store's threads are gone, which only a bug brings about.
#[derive(Debug, Error)]
#[error("the store's threads have stopped")]
pub(crate) struct Stopped;

/// Carries a failure of the store through what fails only as SQLite does.
pub(crate) fn carried(error: impl Into<StoreError>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error.into()))
}

/// Tells a failure of SQLite by whether it may pass.
pub(crate) fn store_error(failure: rusqlite::Error) -> StoreError {
    match failure {
        rusqlite::Error::ToSqlConversionFailure(source) => match source.downcast::<StoreError>() {
            Ok(error) => *error,
            Err(source) => StoreError::internal(source),
        },
        failure => shared_error(&Arc::new(failure)),
    }
}

/// Tells a failure of SQLite that several calls share.
pub(crate) fn shared_error(failure: &Arc<rusqlite::Error>) -> StoreError {
    if is_passing(failure) {
        StoreError::unavailable(Arc::clone(failure))
    } else {
        StoreError::internal(Arc::clone(failure))
    }
}

fn is_passing(failure: &rusqlite::Error) -> bool {
    matches!(
        failure.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::OperationInterrupted
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// Why a commit was not applied.
pub(crate) enum Failure {
    /// It does not fit what is stored.
    Refused(CommitError),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
