//! Transactions of tokio-postgres.

use std::{
    error::Error as StdError,
    future::Future,
    ops::Deref,
    pin::pin,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use keyfob_core::SmolStr;
use smol_str::format_smolstr;
use tokio::sync::OwnedMutexGuard;
use tokio_postgres::{
    Client, Error, Statement,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::{
    error::TableError,
    row::{Cell, Key, Row},
    tables::Membership,
    transaction::{Access, Dialect, SqlRow, SqlValue, Transaction},
};

type Source = Box<dyn StdError + Sync + Send>;

/// The time for which a transaction that writes waits for a lock where nobody sets a deadline.
const PATIENCE: Duration = Duration::from_secs(30);

/// The owner of a connection for the time of a transaction.
///
/// It is implemented for a locked [`Client`] and, with the feature `deadpool-postgres`, for what a deadpool pool gives. It is
/// the only one who has the client: two transactions on one connection would be one.
pub trait PostgresConnection: Send + Sync + 'static {
    /// Returns the client of the connection.
    fn client(&self) -> &Client;

    /// Prepares a statement; a pool may know it already.
    fn prepare(&self, statement: &str) -> impl Future<Output = Result<Statement, Error>> + Send;

    /// Forgets a statement that was prepared, since the table that it is about has changed. Whoever keeps none has nothing
    /// to do.
    fn forget(&self, _statement: &str) {}
}

impl PostgresConnection for OwnedMutexGuard<Client> {
    fn client(&self) -> &Client {
        self
    }

    async fn prepare(&self, statement: &str) -> Result<Statement, Error> {
        Client::prepare(self, statement).await
    }
}

#[cfg(feature = "deadpool-postgres")]
impl PostgresConnection for deadpool_postgres::Object {
    fn client(&self) -> &Client {
        self
    }

    async fn prepare(&self, statement: &str) -> Result<Statement, Error> {
        self.prepare_cached(statement).await
    }

    fn forget(&self, statement: &str) {
        self.statement_cache.remove(statement, &[]);
    }
}

/// A transaction on a connection that it holds until it ends.
///
/// It is the client for those who have it. One that is dropped is rolled back before the connection does anything else.
#[derive(Debug)]
pub struct PostgresTransaction<C: PostgresConnection> {
    connection: C,
    access: Access,
    is_open: bool,
}

impl<C: PostgresConnection> PostgresTransaction<C> {
    /// Begins a transaction. One that reads sees one snapshot; one that writes waits for locks, for up to 30 seconds, and
    /// then sees what others committed.
    ///
    /// # Errors
    /// [`TableError::Unavailable`] where the connection is closed.
    pub async fn begin(connection: C, access: Access) -> Result<Self, TableError> {
        let transaction = Self {
            connection,
            access,
            is_open: true,
        };
        let begin = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            Access::Write => format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {}",
                PATIENCE.as_millis()
            ),
        };
        transaction.client().batch_execute(&begin).await?;
        Ok(transaction)
    }

    fn client(&self) -> &Client {
        self.connection.client()
    }

    /// Returns the clause that locks the rows that are read until the end of a transaction that writes, and nothing in one
    /// that reads. Rows that refer to them may still be inserted.
    #[must_use]
    pub fn for_update(&self) -> &'static str {
        match self.access {
            Access::Read => "",
            Access::Write => "FOR NO KEY UPDATE",
        }
    }

    /// Reads rows: the first column is the key, one called `hidden` says if the row is deleted softly, one called `created`
    /// when it was created (milliseconds since 1970), and the others are those that the table declares, in its order.
    ///
    /// # Errors
    /// [`TableError`] by what the database says.
    pub async fn rows(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, TableError> {
        let rows = self.select(statement, values).await?;
        let read = |row: &tokio_postgres::Row| {
            let names = row.columns().iter().map(tokio_postgres::Column::name);
            Row::of_columns(row.try_get(0)?, names, |column| row.try_get(column))
        };
        Ok(rows.iter().map(read).collect::<Result<_, Error>>()?)
    }

    /// Runs a statement that returns the row that it writes, with the values of columns behind its other values.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn row(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
        cells: &[Cell],
    ) -> Result<Option<Row>, TableError> {
        let mut all = values.to_vec();
        all.extend(cells.iter().map(|cell| cell as &(dyn ToSql + Sync)));
        Ok(self.rows(statement, &all).await?.pop())
    }

    /// Reads memberships: the first column is the key of the group, the second that of the user.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn memberships(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Membership>, TableError> {
        let read = |row: &tokio_postgres::Row| {
            Ok(Membership {
                group: row.try_get(0)?,
                user: row.try_get(1)?,
            })
        };
        let rows = self.select(statement, values).await?;
        Ok(rows.iter().map(read).collect::<Result<_, Error>>()?)
    }

    /// Runs a statement and returns the number of rows that it changed.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn change(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, TableError> {
        let prepared = self.connection.prepare(statement).await?;
        let changed = self.client().execute(&prepared, values).await;
        changed.map_err(|error| self.failed(statement, error))
    }

    async fn select(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, TableError> {
        let prepared = self.connection.prepare(statement).await?;
        let rows = self.client().query(&prepared, values).await;
        rows.map_err(|error| self.failed(statement, error))
    }

    fn failed(&self, statement: &str, error: Error) -> TableError {
        // "cached plan must not change result type": the application has altered a column since the statement was prepared.
        if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) {
            self.connection.forget(statement);
            return TableError::Conflict(error.into());
        }
        error.into()
    }
}

impl<C: PostgresConnection> Deref for PostgresTransaction<C> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client()
    }
}

impl<C: PostgresConnection> Drop for PostgresTransaction<C> {
    fn drop(&mut self) {
        if self.is_open {
            // Polled once, it is sent, in order behind whatever was sent before; nobody waits for the answer.
            let rollback = pin!(self.client().batch_execute("ROLLBACK"));
            drop(rollback.poll(&mut Context::from_waker(Waker::noop())));
        }
    }
}

fn parameters(values: &[SqlValue]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl<C: PostgresConnection> Transaction for PostgresTransaction<C> {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn write(&mut self, statement: &str, values: &[SqlValue]) -> Result<u64, TableError> {
        let statement = statement.replace('?', "$");
        if values.is_empty() {
            // Savepoints aren't prepared.
            self.client().batch_execute(&statement).await?;
            return Ok(0);
        }
        self.change(&statement, &parameters(values)).await
    }

    async fn read(&mut self, statement: &str, values: &[SqlValue]) -> Result<Vec<SqlRow>, TableError> {
        let rows = self
            .select(&statement.replace('?', "$"), &parameters(values))
            .await?;
        let read = |row: &tokio_postgres::Row| {
            let values = (0..row.len()).map(|column| row.try_get(column));
            Ok(SqlRow::new(values.collect::<Result<_, Error>>()?))
        };
        rows.iter().map(read).collect()
    }

    async fn run(&mut self, statements: &str) -> Result<(), TableError> {
        Ok(self.client().batch_execute(statements).await?)
    }

    async fn end_by(&mut self, deadline: Instant) -> Result<(), TableError> {
        // At least one, as none would be no limit.
        let left = deadline
            .saturating_duration_since(Instant::now())
            .as_millis()
            .max(1);
        let mut limits = format!("SET LOCAL statement_timeout = {left}");
        if self.access == Access::Write {
            let most = left.min(PATIENCE.as_millis());
            limits = format!("{limits}; SET LOCAL lock_timeout = {most}");
        }
        Ok(self.client().batch_execute(&limits).await?)
    }

    async fn commit(mut self) -> Result<(), TableError> {
        // In a transaction that a failure has ended COMMIT rolls back and is answered like any other. The first statement
        // fails there, and then nothing is sent of the second.
        self.client()
            .batch_execute("SELECT 1; COMMIT")
            .await
            .map_err(uncommitted)?;
        self.is_open = false;
        Ok(())
    }
}

/// The failure of the end of a transaction.
fn uncommitted(error: Error) -> TableError {
    match error.code() {
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => TableError::failed(
            "a statement of the transaction failed and somebody passed over that, so that it was taken back",
        ),
        // A server that shuts down or a connection that fails may have kept it already.
        Some(code) if !code.code().starts_with("08") && !code.code().starts_with("57P") => error.into(),
        _ => TableError::OutcomeUnknown(error.into()),
    }
}

impl From<Error> for TableError {
    /// A constraint that refuses is told in the database's words, which name the constraint and no value.
    fn from(error: Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            let is_lost =
                error.is_closed() || error.source().is_some_and(<dyn StdError>::is::<std::io::Error>);
            return if is_lost {
                Self::unavailable(error)
            } else {
                Self::failed(error)
            };
        };
        let message = || refusal.message().to_owned();
        match refusal.code() {
            &SqlState::UNIQUE_VIOLATION => Self::Taken(message()),
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => {
                Self::Conflict(error.into())
            }
            // Whoever has it has had it for as long as anybody waits.
            &SqlState::LOCK_NOT_AVAILABLE => Self::unavailable(error),
            &SqlState::RAISE_EXCEPTION => Self::Refused(message()),
            // Classes of SQLSTATE: data exceptions and constraints; connections, resources and an operator's intervention.
            code => match code.code().get(..2) {
                Some("22" | "23") => Self::Refused(message()),
                Some("08" | "53" | "57") => Self::unavailable(error),
                _ => Self::failed(error),
            },
        }
    }
}

/// Says that a value can't be bound to a column or read of it.
fn unfit(what: &str, column: &Type) -> Source {
    format!("{what} doesn't fit a column of the type {column}").into()
}

/// Reads a UUID, with dashes or without.
fn uuid(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

fn write_text(text: &str, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
    if *column == Type::UUID {
        let number = uuid(text).ok_or_else(|| unfit("a text that is no UUID", column))?;
        out.extend_from_slice(&number.to_be_bytes());
        return Ok(IsNull::No);
    }
    if !<&str as ToSql>::accepts(column) {
        return Err(unfit("a text", column));
    }
    text.to_sql(column, out)
}

fn write_integer(number: i64, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
    match *column {
        Type::INT8 => number.to_sql(column, out),
        Type::INT4 => i32::try_from(number)?.to_sql(column, out),
        Type::INT2 => i16::try_from(number)?.to_sql(column, out),
        _ => Err(unfit("a whole number", column)),
    }
}

fn read_integer(column: &Type, raw: &[u8]) -> Result<i64, Source> {
    match *column {
        Type::INT8 => i64::from_sql(column, raw),
        Type::INT4 => Ok(i32::from_sql(column, raw)?.into()),
        _ => Ok(i16::from_sql(column, raw)?.into()),
    }
}

fn read_text(column: &Type, raw: &[u8]) -> Result<SmolStr, Source> {
    if *column == Type::UUID {
        let number = u128::from_be_bytes(raw.try_into()?);
        let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
        return Ok(format_smolstr!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        ));
    }
    <&str>::from_sql(column, raw).map(SmolStr::from)
}

fn is_integer(column: &Type) -> bool {
    [Type::INT8, Type::INT4, Type::INT2].contains(column)
}

fn is_text(column: &Type) -> bool {
    *column == Type::UUID || <&str as FromSql>::accepts(column)
}

impl ToSql for SqlValue {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for SqlValue {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        if is_integer(column) {
            return read_integer(column, raw).map(Self::Integer);
        }
        read_text(column, raw).map(Self::Text)
    }

    fn from_sql_null(_: &Type) -> Result<Self, Source> {
        Ok(Self::Null)
    }

    fn accepts(column: &Type) -> bool {
        is_integer(column) || is_text(column)
    }
}

impl ToSql for Cell {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) if *column == Type::BOOL => value.to_sql(column, out),
            Self::Bool(_) => Err(unfit("a boolean", column)),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Real(number) if *column == Type::FLOAT8 => number.to_sql(column, out),
            Self::Real(_) => Err(unfit("a number with a fraction", column)),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        match *column {
            Type::BOOL => bool::from_sql(column, raw).map(Self::Bool),
            Type::FLOAT8 => f64::from_sql(column, raw).map(Self::Real),
            _ if is_integer(column) => read_integer(column, raw).map(Self::Integer),
            _ => read_text(column, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Source> {
        Ok(Self::Null)
    }

    fn accepts(column: &Type) -> bool {
        [Type::BOOL, Type::FLOAT8].contains(column) || is_integer(column) || is_text(column)
    }
}

/// Returns true if a column of this type has room for a key. A client may name any key, such as by an id.
fn has_room(column: &Type, key: &Key) -> bool {
    match key {
        Key::Integer(number) if *column == Type::INT4 => i32::try_from(*number).is_ok(),
        Key::Integer(number) if *column == Type::INT2 => i16::try_from(*number).is_ok(),
        Key::Integer(_) => true,
        Key::Text(text) if *column == Type::UUID => uuid(text).is_some(),
        Key::Text(text) => !text.contains('\0'),
    }
}

impl ToSql for Key {
    /// A key for which the column has no room is bound as NULL, which is no row's.
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        match self {
            key if !has_room(column, key) => Ok(IsNull::Yes),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Key {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        if is_integer(column) {
            return read_integer(column, raw).map(Self::Integer);
        }
        read_text(column, raw).map(Self::Text)
    }

    fn accepts(column: &Type) -> bool {
        is_integer(column) || is_text(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_for_which_its_column_has_no_room_is_bound_as_none() {
        let uuid = "6f0e1c3a-0000-4000-8000-00000000000f";
        for (key, column, is_bound) in [
            (Key::from(uuid.to_owned()), Type::UUID, true),
            (Key::from("x".to_owned()), Type::UUID, false),
            (Key::from("+".repeat(32)), Type::UUID, false),
            (Key::from("x".to_owned()), Type::TEXT, true),
            (Key::from("x\0".to_owned()), Type::TEXT, false),
            (Key::from(i64::MAX), Type::INT8, true),
            (Key::from(i64::MAX), Type::INT4, false),
            (Key::from(7), Type::INT4, true),
            (Key::from(70_000), Type::INT2, false),
        ] {
            let mut out = BytesMut::new();
            let bound = key.to_sql(&column, &mut out).unwrap();
            assert_eq!(matches!(bound, IsNull::No), is_bound, "{key:?} as {column}");
        }
    }
}
