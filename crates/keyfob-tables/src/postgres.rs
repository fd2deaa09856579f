//! Transactions of tokio-postgres.
//!
//! All that an application with tables of people and teams writes, over a deadpool pool (feature `deadpool-postgres`). Without
//! a pool an `OwnedMutexGuard<Client>` is the connection, and anything else implements [`PostgresConnection`].
//!
#![cfg_attr(feature = "deadpool-postgres", doc = "```no_run")]
#![cfg_attr(not(feature = "deadpool-postgres"), doc = "```ignore")]
//! use deadpool_postgres::{Object, Pool};
//! use keyfob_engine::Engine;
//! use keyfob_store::TenantId;
//! use keyfob_tables::{
//!     Access, Cell, Key, Kind, Members, Membership, Row, Scope, Shape, Table, TableError, TableStore, Tables,
//!     Which, postgres::PostgresTransaction,
//! };
//!
//! /// What the application has.
//! const TABLES: &str = "
//!     CREATE TABLE people (
//!         id uuid PRIMARY KEY DEFAULT gen_random_uuid(), company text NOT NULL, login varchar(100) NOT NULL, active boolean);
//!     CREATE UNIQUE INDEX people_login ON people (company, lower(login));
//!     CREATE TABLE teams (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, company text NOT NULL, name text NOT NULL);
//!     CREATE TABLE in_teams (
//!         team bigint REFERENCES teams ON DELETE CASCADE, person uuid REFERENCES people ON DELETE CASCADE,
//!         PRIMARY KEY (team, person));";
//!
//! struct Own {
//!     pool: Pool,
//!     shape: Shape,
//! }
//!
//! impl Own {
//!     fn new(pool: Pool) -> Self {
//!         let people = Table::named().unique("login", "userName").column("active", "active");
//!         let shape = Shape::new(people, Table::numbered().indexed("name", "displayName"));
//!         Self { pool, shape }
//!     }
//! }
//!
//! /// The table, the type of its key, and its columns in the order of the shape.
//! fn of(kind: Kind) -> (&'static str, &'static str, &'static str) {
//!     match kind {
//!         Kind::User => ("people", "uuid", "login, active"),
//!         Kind::Group => ("teams", "bigint", "name"),
//!     }
//! }
//!
//! /// Places for the values of columns: `$2, $3` for two of them from 2 on.
//! fn places(columns: &str, first: usize) -> String {
//!     let places: Vec<String> = columns.split(',').zip(first..).map(|(_, place)| format!("${place}")).collect();
//!     places.join(", ")
//! }
//!
//! type Tx = PostgresTransaction<Object>;
//!
//! impl Tables for Own {
//!     type Transaction = Tx;
//!
//!     fn shape(&self) -> &Shape {
//!         &self.shape
//!     }
//!
//!     async fn begin(&self, access: Access) -> Result<Tx, TableError> {
//!         let connection = self.pool.get().await.map_err(TableError::unavailable)?;
//!         PostgresTransaction::begin(connection, access).await
//!     }
//!
//!     async fn rows(&self, tx: &mut Tx, scope: Scope<'_>, which: Which<'_>) -> Result<Vec<Row>, TableError> {
//!         let (table, key, columns) = of(scope.kind);
//!         let select = format!("SELECT id, {columns} FROM {table} WHERE company = $1 AND");
//!         let company = scope.tenant.as_str();
//!         match which {
//!             Which::Keys(keys) => tx.rows(&format!("{select} id = ANY($2)"), &[&company, &keys]).await,
//!             // In one order, so that transactions wait for one another and none waits for ever.
//!             Which::Locked(keys) => {
//!                 let select = format!("{select} id = ANY($2) ORDER BY id {}", tx.for_update());
//!                 tx.rows(&select, &[&company, &keys]).await
//!             }
//!             Which::Equal { column, text } => {
//!                 tx.rows(&format!("{select} lower({column}) = lower($2)"), &[&company, &text]).await
//!             }
//!             Which::All { after, limit } => {
//!                 let page = format!("($2::{key} IS NULL OR id > $2) ORDER BY id LIMIT $3");
//!                 tx.rows(&format!("{select} {page}"), &[&company, &after, &limit]).await
//!             }
//!         }
//!     }
//!
//!     async fn insert(&self, tx: &mut Tx, scope: Scope<'_>, cells: &[Cell]) -> Result<Option<Row>, TableError> {
//!         let (table, _, columns) = of(scope.kind);
//!         let places = places(columns, 2);
//!         let insert =
//!             format!("INSERT INTO {table} (company, {columns}) VALUES ($1, {places}) RETURNING id, {columns}");
//!         tx.row(&insert, &[&scope.tenant.as_str()], cells).await
//!     }
//!
//!     async fn update(
//!         &self,
//!         tx: &mut Tx,
//!         scope: Scope<'_>,
//!         key: &Key,
//!         cells: &[Cell],
//!     ) -> Result<Option<Row>, TableError> {
//!         let (table, _, columns) = of(scope.kind);
//!         let places = places(columns, 3);
//!         let update = format!(
//!             "UPDATE {table} SET ({columns}) = ROW({places}) WHERE company = $1 AND id = $2 RETURNING id, {columns}"
//!         );
//!         tx.row(&update, &[&scope.tenant.as_str(), key], cells).await
//!     }
//!
//!     async fn delete(&self, tx: &mut Tx, scope: Scope<'_>, key: &Key) -> Result<(), TableError> {
//!         let (table, ..) = of(scope.kind);
//!         let delete = format!("DELETE FROM {table} WHERE company = $1 AND id = $2");
//!         tx.change(&delete, &[&scope.tenant.as_str(), key]).await.map(drop)
//!     }
//!
//!     async fn members(
//!         &self,
//!         tx: &mut Tx,
//!         _: &TenantId,
//!         of: Members<'_>,
//!         limit: i64,
//!     ) -> Result<Vec<Membership>, TableError> {
//!         let (end, keys) = match of {
//!             Members::OfGroups(keys) => ("team", keys),
//!             Members::OfUsers(keys) => ("person", keys),
//!         };
//!         let select = format!("SELECT team, person FROM in_teams WHERE {end} = ANY($1) LIMIT $2");
//!         tx.memberships(&select, &[&keys, &limit]).await
//!     }
//!
//!     async fn set_member(
//!         &self,
//!         tx: &mut Tx,
//!         _: &TenantId,
//!         membership: &Membership,
//!         is_member: bool,
//!     ) -> Result<bool, TableError> {
//!         let statement = if is_member {
//!             "INSERT INTO in_teams (team, person) VALUES ($1, $2) ON CONFLICT DO NOTHING"
//!         } else {
//!             "DELETE FROM in_teams WHERE team = $1 AND person = $2"
//!         };
//!         Ok(tx.change(statement, &[&membership.group, &membership.user]).await? > 0)
//!     }
//! }
//!
//! /// SCIM on the tables of the database to which these connections lead.
//! async fn scim(pool: Pool) -> Result<Engine<TableStore<Own>>, Box<dyn std::error::Error>> {
//!     pool.get().await?.batch_execute(TABLES).await?;
//!     let own = Own::new(pool);
//!     let registry = own.shape().registry()?;
//!     Ok(Engine::new(TableStore::open(own, &registry).await?, registry))
//! }
//! ```
//!
//! A key is bound and read as any column of numbers, of texts or of UUIDs, a [`Cell`] as those, booleans and `double precision`.
//! A column of another type, such as an enumeration, is cast by the statements (`status::text`, `$3::text::status`).

mod value;

use std::{
    error::Error as StdError,
    future::Future,
    iter,
    ops::Deref,
    pin::pin,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use tokio::sync::OwnedMutexGuard;
use tokio_postgres::{Client, Column, Error, Statement, error::SqlState, types::ToSql};

use self::value::{NoRoom, check_length, check_room};
use crate::{
    error::TableError,
    row::{CREATED, Cell, HIDDEN, Row},
    tables::Membership,
    transaction::{Access, Dialect, SqlRow, SqlValue, Transaction},
};

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
        let prepared = self.connection.prepare(statement).await?;
        self.rows_of(statement, &prepared, values).await
    }

    async fn rows_of(
        &self,
        statement: &str,
        prepared: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, TableError> {
        let rows = self.client().query(prepared, values).await;
        let rows = rows.map_err(|error| self.failed(statement, error))?;
        let read = |row: &tokio_postgres::Row| {
            let names = row.columns().iter().map(Column::name);
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
        let prepared = self.connection.prepare(statement).await?;
        // Here, as neither the error of binding nor that of the database says which of them it is.
        let places = prepared.params().iter().skip(values.len());
        let own = prepared.columns().iter().skip(1);
        let columns = own.filter(|column| ![HIDDEN, CREATED].contains(&column.name()));
        let lengths = columns.map(Some).chain(iter::repeat(None));
        for (number, ((cell, place), column)) in cells.iter().zip(places).zip(lengths).enumerate() {
            let fits =
                check_room(cell, place).and_then(|()| column.map_or(Ok(()), |of| check_length(cell, of)));
            if let Err(NoRoom(reason)) = fits {
                let reason = reason.into_owned();
                return Err(TableError::Unfit { cell: number, reason });
            }
        }
        Ok(self.rows_of(statement, &prepared, &all).await?.pop())
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
    /// A constraint that refuses is told by its name, and what a trigger raises in its words; nothing else of what the
    /// database says reaches a client.
    fn from(error: Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            let source = error.source().and_then(|source| source.downcast_ref::<NoRoom>());
            if let Some(NoRoom(reason)) = source {
                return Self::Refused(format!("a value {reason}"));
            }
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
            &SqlState::UNIQUE_VIOLATION => Self::Taken(refusal.constraint().unwrap_or_default().to_owned()),
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => {
                Self::Conflict(error.into())
            }
            // Whoever has it has had it for as long as anybody waits.
            &SqlState::LOCK_NOT_AVAILABLE => Self::unavailable(error),
            &SqlState::RAISE_EXCEPTION => Self::Refused(message()),
            &SqlState::NOT_NULL_VIOLATION => Self::Required(refusal.column().unwrap_or_default().to_owned()),
            &SqlState::FOREIGN_KEY_VIOLATION => {
                Self::Refused("something refers to the row, or the row to something that is not there".into())
            }
            &SqlState::STRING_DATA_RIGHT_TRUNCATION => {
                Self::Refused("a text is longer than its column holds".into())
            }
            &SqlState::NUMERIC_VALUE_OUT_OF_RANGE => {
                Self::Refused("a number is beyond those that its column holds".into())
            }
            // Classes of SQLSTATE: data exceptions and constraints; connections, resources and an operator's intervention.
            code => match code.code().get(..2) {
                Some("22" | "23") => Self::Refused(refusal.constraint().map_or_else(
                    || format!("a value is none that its column holds (SQLSTATE {})", code.code()),
                    |name| format!("the constraint `{name}` of the application doesn't hold"),
                )),
                Some("08" | "53" | "57") => Self::unavailable(error),
                _ => Self::failed(error),
            },
        }
    }
}
