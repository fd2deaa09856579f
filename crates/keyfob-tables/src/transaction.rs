//! The application's transaction, as far as the side tables need it.

use std::{future::Future, time::Instant};

use keyfob_core::{DateTime, ResourceId, SmolStr};

use crate::error::TableError;

/// A transaction of the application's database.
///
/// The store runs the statements of its side tables in it, between those of the application, so that both are committed
/// together. A transaction that is dropped is rolled back. The modules `sqlite` and `postgres` implement it for
/// rusqlite and tokio-postgres; an implementation for another driver has some sixty lines.
///
/// Statements name parameters `?1`, `?2`, … and hold no other question mark.
pub trait Transaction: Send + 'static {
    /// The dialect of SQL.
    const DIALECT: Dialect;

    /// Runs a statement and returns the number of rows that it changed.
    fn write(
        &mut self,
        statement: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<u64, TableError>> + Send;

    /// Runs a statement and returns the rows that it gives.
    fn read(
        &mut self,
        statement: &str,
        values: &[SqlValue],
    ) -> impl Future<Output = Result<Vec<SqlRow>, TableError>> + Send;

    /// Runs statements without parameters, separated by semicolons.
    fn run(&mut self, statements: &str) -> impl Future<Output = Result<(), TableError>> + Send;

    /// Has the database end whatever runs in the transaction at an instant, and let it wait for no lock for longer. Without
    /// an own method it goes on until it is done.
    fn end_by(&mut self, _deadline: Instant) -> impl Future<Output = Result<(), TableError>> + Send {
        async { Ok(()) }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`TableError::OutcomeUnknown`] where the connection breaks meanwhile. A transaction that a failure has ended, which
    /// somebody passed over, is an error too: nothing of it was kept.
    fn commit(self) -> impl Future<Output = Result<(), TableError>> + Send;
}

/// A dialect of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// That of SQLite.
    Sqlite,
    /// That of `PostgreSQL`.
    Postgres,
}

/// Whether a transaction writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an application handles both")]
pub enum Access {
    /// It reads, all of it from one snapshot.
    Read,
    /// It writes.
    Write,
}

/// A value of a side table.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a driver handles all of them")]
pub enum SqlValue {
    /// No value.
    Null,
    /// A number: `BIGINT`.
    Integer(i64),
    /// A text.
    Text(SmolStr),
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<usize> for SqlValue {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u64> for SqlValue {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<DateTime> for SqlValue {
    fn from(value: DateTime) -> Self {
        Self::Integer(value.unix_millis())
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<&SmolStr> for SqlValue {
    fn from(value: &SmolStr) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&ResourceId> for SqlValue {
    fn from(value: &ResourceId) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a side table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlRow(Vec<SqlValue>);

impl SqlRow {
    /// Creates a row of these values.
    #[must_use]
    pub fn new(values: Vec<SqlValue>) -> Self {
        Self(values)
    }

    pub(crate) fn map_texts(self, mut map: impl FnMut(SmolStr) -> SmolStr) -> Self {
        let values = self.0.into_iter().map(|value| match value {
            SqlValue::Text(text) => SqlValue::Text(map(text)),
            other => other,
        });
        Self(values.collect())
    }

    pub(crate) fn integer(&self, column: usize) -> Result<i64, TableError> {
        match self.0.get(column) {
            Some(SqlValue::Integer(value)) => Ok(*value),
            other => Err(unexpected(column, other)),
        }
    }

    pub(crate) fn count(&self, column: usize) -> Result<usize, TableError> {
        Ok(usize::try_from(self.integer(column)?).unwrap_or_default())
    }

    pub(crate) fn time(&self, column: usize) -> Result<DateTime, TableError> {
        self.integer(column).map(DateTime::from_unix_millis)
    }

    pub(crate) fn optional_integer(&self, column: usize) -> Result<Option<i64>, TableError> {
        match self.0.get(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<SmolStr, TableError> {
        match self.0.get(column) {
            Some(SqlValue::Text(value)) => Ok(value.clone()),
            other => Err(unexpected(column, other)),
        }
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<SmolStr>, TableError> {
        match self.0.get(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    pub(crate) fn id(&self, column: usize) -> Result<ResourceId, TableError> {
        self.text(column).map(ResourceId::new)
    }
}

/// What stands in the column may be personal, so that it isn't said.
fn unexpected(column: usize, found: Option<&SqlValue>) -> TableError {
    let found = match found {
        None => "is missing",
        Some(SqlValue::Null) => "is null",
        Some(SqlValue::Integer(_)) => "is a number",
        Some(SqlValue::Text(_)) => "is a text",
    };
    TableError::failed(format!("column {column} of a side table {found}"))
}
