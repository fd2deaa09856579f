//! Errors of opening a database, and the failures of PostgreSQL as they are told.

use std::{error::Error as StdError, fmt, time::Instant};

use keyfob_store::{Exhausted, StoreError};
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// Why a database can't be opened. No message holds a password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is not the URL of a PostgreSQL database.
    #[error("a PostgreSQL store is `postgres://USER@HOST:PORT/DATABASE?schema=NAME`: {0}")]
    Url(String),
    /// A schema or a prefix has a name that would have to be quoted.
    #[error(
        "`{0}` is no name of a schema or prefix: take up to 40 of the letters a to z, digits and `_`, and begin with a letter"
    )]
    Name(String),
    /// The certificates that the operating system trusts can't be read.
    #[error("no TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// The database can't be reached, or refuses the connection.
    #[error("the database can't be reached: {0}")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// The database keeps texts in another encoding.
    #[error("the database has the encoding {0}; keyfob needs UTF8")]
    Encoding(String),
    /// The schema is there without keyfob's tables, and none were to be created.
    #[error("there is no store in the schema `{0}`")]
    Missing(String),
    /// There are tables of these names that are not keyfob's. They were left as they are.
    #[error("`{table}` in the schema `{schema}` is not a table of keyfob; take another schema or prefix")]
    Foreign {
        /// The schema.
        schema: String,
        /// The table.
        table: String,
    },
    /// The schema is of an older release, and was not to be brought up to date.
    #[error(
        "the schema `{schema}` has version {found}, and this release needs version {needed}: run its migrations first"
    )]
    Older {
        /// The schema.
        schema: String,
        /// The version of the tables.
        found: u32,
        /// The version that is needed.
        needed: u32,
    },
    /// A newer release of keyfob made the tables. They were left as they are.
    #[error("the schema `{schema}` has version {found}, and this release reads up to version {supported}")]
    Newer {
        /// The schema.
        schema: String,
        /// The version of the tables.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// A type stands in the index by an attribute that the registry doesn't have. The index was left as it is.
    #[error(
        "the schema `{schema}` has a {resource_type} that is found by `{attribute}`, which is unknown here"
    )]
    Index {
        /// The schema.
        schema: String,
        /// The name of the resource type.
        resource_type: String,
        /// The path of the attribute, in lower case.
        attribute: String,
    },
    /// Another release of keyfob compares values otherwise and made the database's keys.
    #[error(
        "the schema `{schema}` has keys of comparison {found}, and this release compares by version {supported}"
    )]
    OtherKeys {
        /// The schema.
        schema: String,
        /// The version of the comparison.
        found: u32,
        /// The version of this release.
        supported: u32,
    },
    /// A key is ordered by the rules of a language, which would lose resources between pages.
    #[error("the column `{column}` of `{table}` is not COLLATE \"C\"; its order has to be that of bytes")]
    Collation {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Another process has been migrating the tables for too long.
    #[error("another process is migrating the schema `{0}` and doesn't come to an end")]
    Locked(String),
    /// The database fails.
    #[error("the database fails: {0}")]
    Database(#[source] Box<dyn StdError + Send + Sync>),
}

impl OpenError {
    pub(crate) fn database(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) if error.is_connection() => Self::Unreachable(Box::new(error)),
            Failure::Database(error) => Self::Database(Box::new(error)),
            Failure::Store(error) => Self::Unreachable(Box::new(error)),
        }
    }
}

/// A failure of PostgreSQL or of the connection to it.
///
/// Its text has no more than the server's primary message: details quote values, which may be personal.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseError {
    code: Option<SqlState>,
    text: String,
    is_closed: bool,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.code {
            Some(code) => write!(f, " (SQLSTATE {})", code.code()),
            None => Ok(()),
        }
    }
}

impl StdError for DatabaseError {}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        let code = error.code().cloned();
        let text = match error.as_db_error() {
            Some(reported) => reported.message().to_owned(),
            // The cause is one of the system's, such as a connection that is refused.
            None => match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        };
        let is_of_system = error.source().is_some_and(<dyn StdError>::is::<std::io::Error>);
        Self {
            is_closed: error.is_closed() || is_of_system,
            code,
            text,
        }
    }
}

impl DatabaseError {
    /// A failure that the store itself finds.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            code: None,
            text: text.into(),
            is_closed: false,
        }
    }

    /// The failure of a server that doesn't answer in time.
    pub(crate) fn silent() -> Self {
        Self {
            is_closed: true,
            ..Self::new("the database doesn't answer in time")
        }
    }

    /// Returns true if the connection is of no use any more.
    pub(crate) fn is_connection(&self) -> bool {
        self.is_closed || self.code.as_ref().is_some_and(|code| is_ending(code.code()))
    }

    /// Returns true if the transaction met another one and is to be tried again.
    pub(crate) fn is_conflict(&self) -> bool {
        let conflicts = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            // Somebody was faster with an id or a key: by now it can be seen.
            SqlState::UNIQUE_VIOLATION,
        ];
        self.code.as_ref().is_some_and(|code| conflicts.contains(code))
    }

    /// Returns true if a statement took too long or waited for too long.
    pub(crate) fn is_timeout(&self) -> bool {
        let timeouts = [
            SqlState::QUERY_CANCELED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ];
        self.code.as_ref().is_some_and(|code| timeouts.contains(code))
    }

    pub(crate) fn has_code(&self, code: &SqlState) -> bool {
        self.code.as_ref() == Some(code)
    }

    /// Returns true if it may pass.
    fn is_passing(&self) -> bool {
        let code = self.code.as_ref().map_or("", SqlState::code);
        self.is_connection()
            || self.is_conflict()
            || self.is_timeout()
            // Too few resources, and failures of the system below, such as a full disk.
            || code.starts_with("53")
            || code.starts_with("58")
            // A standby, which a failover has not yet made the primary.
            || self.has_code(&SqlState::READ_ONLY_SQL_TRANSACTION)
    }
}

/// Returns true if the server ends the connection with this code: it shuts down, starts up, or the connection failed.
fn is_ending(code: &str) -> bool {
    code.starts_with("08") || ["57P01", "57P02", "57P03", "57P04", "57P05"].contains(&code)
}

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database failed.
    Database(DatabaseError),
    /// The store refuses, or has no connection.
    Store(StoreError),
}

impl Failure {
    /// The failure as a caller is told, who may have run out of time.
    pub(crate) fn into_store_error(self, deadline: Option<Instant>) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Database(error) => {
                let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                if is_late && (error.is_timeout() || error.is_conflict() || error.is_connection()) {
                    Exhausted::Time.into()
                } else if error.is_passing() {
                    StoreError::unavailable(error)
                } else {
                    StoreError::internal(error)
                }
            }
        }
    }

    /// The failure of what an application did in a transaction, which is tried again where that met another one.
    pub(crate) fn of_hook(error: StoreError) -> Self {
        if let StoreError::Unavailable(source) = &error
            && let Some(failure) = source.downcast_ref::<DatabaseError>()
        {
            return Self::Database(failure.clone());
        }
        Self::Store(error)
    }

    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_connection())
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_conflict())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Exhausted> for Failure {
    fn from(error: Exhausted) -> Self {
        Self::Store(error.into())
    }
}

impl From<Undecodable> for Failure {
    fn from(error: Undecodable) -> Self {
        Self::Store(StoreError::internal(error))
    }
}

/// A stored document or event that can't be decoded. Says no more, as whatever it holds may be personal.
#[derive(Debug, Error)]
#[error("what is stored can't be decoded")]
pub(crate) struct Undecodable;

/// A commit was handed over that happened before. What came of it was told then.
#[derive(Debug, Error)]
#[error("a commit of this id was handed over before")]
pub(crate) struct HandedOverBefore;

/// No connection was free in time.
#[derive(Debug, Error)]
#[error("all connections to the database are in use")]
pub(crate) struct PoolExhausted;
