//! Transactions of rusqlite.
//!
//! All that an application with tables of people and teams writes, here with a connection for each transaction, where
//! one of a pool does better:
//!
//! ```
//! use std::path::PathBuf;
//!
//! use keyfob_engine::{Context, Engine, TenantId};
//! use keyfob_tables::{
//!     Access, Cell, Key, Kind, Members, Membership, Row, Scope, Shape, Table, TableError, TableStore, Tables, Which,
//!     sqlite::{Keys, SqliteTransaction},
//! };
//! use rusqlite::{Connection, params};
//!
//! /// What the application has.
//! const TABLES: &str = "
//!     CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT, login TEXT, active INTEGER);
//!     CREATE UNIQUE INDEX people_login ON people (company, lower(login));
//!     CREATE TABLE teams (id INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT, name TEXT);
//!     CREATE TABLE in_teams (
//!         team INTEGER REFERENCES teams ON DELETE CASCADE, person INTEGER REFERENCES people ON DELETE CASCADE,
//!         PRIMARY KEY (team, person));
//!     INSERT INTO people (company, login, active) VALUES ('acme', 'ada@example.com', 1);";
//!
//! struct Own {
//!     path: PathBuf,
//!     shape: Shape,
//! }
//!
//! impl Own {
//!     fn new(path: PathBuf) -> Self {
//!         let people = Table::numbered().unique("login", "userName").column("active", "active");
//!         let shape = Shape::new(people, Table::numbered().indexed("name", "displayName"));
//!         Self { path, shape }
//!     }
//! }
//!
//! /// The table, its columns in the order of the shape, and the places of their values.
//! fn of(kind: Kind) -> (&'static str, &'static str, &'static str) {
//!     match kind {
//!         Kind::User => ("people", "login, active", "?3, ?4"),
//!         Kind::Group => ("teams", "name", "?3"),
//!     }
//! }
//!
//! type Tx = SqliteTransaction<Box<Connection>>;
//!
//! impl Tables for Own {
//!     type Transaction = Tx;
//!
//!     fn shape(&self) -> &Shape {
//!         &self.shape
//!     }
//!
//!     async fn begin(&self, access: Access) -> Result<Tx, TableError> {
//!         let connection = Connection::open(&self.path)?;
//!         connection.execute_batch("PRAGMA foreign_keys = ON")?;
//!         SqliteTransaction::begin(Box::new(connection), access)
//!     }
//!
//!     async fn rows(&self, tx: &mut Tx, scope: Scope<'_>, which: Which<'_>) -> Result<Vec<Row>, TableError> {
//!         let (table, columns, _) = of(scope.kind);
//!         let select = format!("SELECT id, {columns} FROM {table} WHERE company = ?1 AND");
//!         let company = scope.tenant.as_str();
//!         match which {
//!             Which::Keys(keys) | Which::Locked(keys) => {
//!                 let select = format!("{select} id IN (SELECT value FROM json_each(?2))");
//!                 tx.rows(&select, params![company, Keys(keys)])
//!             }
//!             Which::Equal { column, text } => {
//!                 tx.rows(&format!("{select} lower({column}) = lower(?2)"), params![company, text])
//!             }
//!             Which::All { after, limit } => {
//!                 let page = "id > coalesce(?2, 0) ORDER BY id LIMIT ?3";
//!                 tx.rows(&format!("{select} {page}"), params![company, after, limit])
//!             }
//!         }
//!     }
//!
//!     async fn insert(&self, tx: &mut Tx, scope: Scope<'_>, cells: &[Cell]) -> Result<Option<Row>, TableError> {
//!         let (table, columns, places) = of(scope.kind);
//!         let insert = format!(
//!             "INSERT INTO {table} (company, id, {columns}) VALUES (?1, ?2, {places}) RETURNING id, {columns}"
//!         );
//!         tx.row(&insert, params![scope.tenant.as_str(), None::<i64>], cells)
//!     }
//!
//!     async fn update(
//!         &self,
//!         tx: &mut Tx,
//!         scope: Scope<'_>,
//!         key: &Key,
//!         cells: &[Cell],
//!     ) -> Result<Option<Row>, TableError> {
//!         let (table, columns, places) = of(scope.kind);
//!         let update = format!(
//!             "UPDATE {table} SET ({columns}) = ({places}) WHERE company = ?1 AND id = ?2 RETURNING id, {columns}"
//!         );
//!         tx.row(&update, params![scope.tenant.as_str(), key], cells)
//!     }
//!
//!     async fn delete(&self, tx: &mut Tx, scope: Scope<'_>, key: &Key) -> Result<(), TableError> {
//!         let (table, ..) = of(scope.kind);
//!         let delete = format!("DELETE FROM {table} WHERE company = ?1 AND id = ?2");
//!         tx.change(&delete, params![scope.tenant.as_str(), key]).map(drop)
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
//!         let keys_of = "SELECT value FROM json_each(?1)";
//!         let select = format!("SELECT team, person FROM in_teams WHERE {end} IN ({keys_of}) LIMIT ?2");
//!         tx.memberships(&select, params![Keys(keys), limit])
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
//!             "INSERT INTO in_teams (team, person) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
//!         } else {
//!             "DELETE FROM in_teams WHERE team = ?1 AND person = ?2"
//!         };
//!         Ok(tx.change(statement, params![membership.group, membership.user])? > 0)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let own = Own::new(folder.path().join("own.db"));
//! Connection::open(&own.path)?.execute_batch(TABLES)?;
//!
//! let registry = own.shape().registry()?;
//! let engine = Engine::new(TableStore::open(own, &registry).await?, registry);
//! let user = engine.registry().resource_type("User").ok_or("no User")?;
//! let cx = Context::new(TenantId::new("acme"));
//! let people = engine.list(&cx, user, &Default::default()).await?;
//! assert_eq!(people.resources[0].core().get_str("userName"), Some("ada@example.com"));
//! # Ok(())
//! # }
//! ```

use std::ops::{Deref, DerefMut};

use keyfob_core::{SmolStr, Value as Json, json};
use rusqlite::{
    Connection, Error, ErrorCode, params_from_iter,
    types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef},
};

use crate::{
    error::TableError,
    row::{Cell, Key, Row},
    tables::Membership,
    transaction::{Access, Dialect, SqlRow, SqlValue, Transaction},
};

/// A transaction on a connection that it holds until it ends: whatever leads to a [`Connection`], such as one taken out of a
/// pool or a locked one.
///
/// It is the connection for those who have it. Statements are run on the thread that asks.
#[derive(Debug)]
pub struct SqliteTransaction<C: DerefMut<Target = Connection>> {
    connection: C,
    is_open: bool,
}

impl<C: DerefMut<Target = Connection>> SqliteTransaction<C> {
    /// Begins a transaction. One that writes takes the lock of the database at once.
    ///
    /// # Errors
    /// [`TableError::Unavailable`] where the database is locked for longer than the connection waits.
    pub fn begin(connection: C, access: Access) -> Result<Self, TableError> {
        connection.execute_batch(match access {
            Access::Read => "BEGIN",
            Access::Write => "BEGIN IMMEDIATE",
        })?;
        Ok(Self {
            connection,
            is_open: true,
        })
    }

    /// Reads rows: the first column is the key, one called `hidden` says if the row is deleted softly, one called `created`
    /// when it was created (milliseconds since 1970), and the others are those that the table declares, in its order.
    ///
    /// # Errors
    /// [`TableError`] by what SQLite says.
    pub fn rows(&self, statement: &str, values: &[&dyn ToSql]) -> Result<Vec<Row>, TableError> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns = 0..statement.column_count();
        let names = columns.map(|column| statement.column_name(column).map(String::from));
        let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
        let read = |row: &rusqlite::Row<'_>| {
            let names = names.iter().map(String::as_str);
            Row::of_columns(row.get(0)?, names, |column| row.get(column))
        };
        let rows = statement.query_map(values, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Runs a statement that returns the row that it writes, with the values of columns behind its other values.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn row(
        &self,
        statement: &str,
        values: &[&dyn ToSql],
        cells: &[Cell],
    ) -> Result<Option<Row>, TableError> {
        let mut all = values.to_vec();
        all.extend(cells.iter().map(|cell| cell as &dyn ToSql));
        Ok(self.rows(statement, &all)?.pop())
    }

    /// Reads memberships: the first column is the key of the group, the second that of the user.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn memberships(&self, statement: &str, values: &[&dyn ToSql]) -> Result<Vec<Membership>, TableError> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Membership {
                group: row.get(0)?,
                user: row.get(1)?,
            })
        };
        let edges = statement.query_map(values, read)?;
        Ok(edges.collect::<rusqlite::Result<_>>()?)
    }

    /// Runs a statement and returns the number of rows that it changed.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn change(&self, statement: &str, values: &[&dyn ToSql]) -> Result<usize, TableError> {
        Ok(self.connection.prepare_cached(statement)?.execute(values)?)
    }
}

impl<C: DerefMut<Target = Connection>> Deref for SqliteTransaction<C> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl<C: DerefMut<Target = Connection>> Drop for SqliteTransaction<C> {
    fn drop(&mut self) {
        if self.is_open
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a transaction was not rolled back");
        }
    }
}

impl<C: DerefMut<Target = Connection> + Send + 'static> Transaction for SqliteTransaction<C> {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn write(&mut self, statement: &str, values: &[SqlValue]) -> Result<u64, TableError> {
        let changed = self
            .connection
            .prepare_cached(statement)?
            .execute(params_from_iter(values))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    async fn read(&mut self, statement: &str, values: &[SqlValue]) -> Result<Vec<SqlRow>, TableError> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get(column));
            read.push(SqlRow::new(values.collect::<Result<_, _>>()?));
        }
        Ok(read)
    }

    async fn run(&mut self, statements: &str) -> Result<(), TableError> {
        Ok(self.connection.execute_batch(statements)?)
    }

    async fn commit(mut self) -> Result<(), TableError> {
        self.connection.execute_batch("COMMIT")?;
        self.is_open = false;
        Ok(())
    }
}

/// Extended codes of SQLite's constraints, which rusqlite gives as numbers.
const CHECK: i32 = 275;
const FOREIGN_KEY: i32 = 787;
const NOT_NULL: i32 = 1299;
const PRIMARY_KEY: i32 = 1555;
const TRIGGER: i32 = 1811;
const UNIQUE: i32 = 2067;

impl From<Error> for TableError {
    /// A check that refuses is told by its name or expression, and what a trigger raises in its words; nothing else of what
    /// SQLite says reaches a client.
    fn from(error: Error) -> Self {
        let Error::SqliteFailure(failure, message) = &error else {
            return Self::failed(error);
        };
        let message = || message.clone().unwrap_or_else(|| failure.to_string());
        let named = || message().split_once("failed: ").map(|(_, name)| name.to_owned());
        match (failure.code, failure.extended_code) {
            (ErrorCode::ConstraintViolation, PRIMARY_KEY | UNIQUE) => {
                Self::Taken(named().unwrap_or_default())
            }
            (ErrorCode::ConstraintViolation, TRIGGER) => Self::Refused(message()),
            (ErrorCode::ConstraintViolation, NOT_NULL) => {
                // `table.column`
                let named = named().unwrap_or_default();
                Self::Required(named.rsplit('.').next().unwrap_or_default().to_owned())
            }
            (ErrorCode::ConstraintViolation, CHECK) => Self::Refused(format!(
                "the constraint `{}` of the application doesn't hold",
                named().unwrap_or_default()
            )),
            (ErrorCode::ConstraintViolation, FOREIGN_KEY) => {
                Self::Refused("something refers to the row, or the row to something that is not there".into())
            }
            (ErrorCode::ConstraintViolation, _) => Self::failed(error),
            (code, _) => match code {
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen => Self::unavailable(error),
                _ => Self::failed(error),
            },
        }
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl FromSql for SqlValue {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(value) => Ok(Self::Integer(value)),
            ValueRef::Text(_) => value.as_str().map(|text| Self::Text(text.into())),
            ValueRef::Real(_) | ValueRef::Blob(_) => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Bool(value) => ToSqlOutput::Owned(Value::Integer((*value).into())),
            Self::Integer(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Real(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl FromSql for Cell {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(value) => Ok(Self::Integer(value)),
            ValueRef::Real(value) => Ok(Self::Real(value)),
            ValueRef::Text(_) => value.as_str().map(Self::from),
            ValueRef::Blob(_) => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// Keys as one value of a statement: a JSON array, whose values `json_each` gives with the type that each key has. A key with
/// U+0000 in it is left out.
///
/// ```
/// use keyfob_tables::{Key, sqlite::Keys};
/// use rusqlite::Connection;
///
/// let sum = "SELECT sum(value) FROM json_each(?1)";
/// let keys = [Key::from(3), Key::from(4)];
/// let sum: i64 = Connection::open_in_memory()?.query_row(sum, [Keys(&keys)], |row| row.get(0))?;
/// assert_eq!(sum, 7);
/// # Ok::<(), rusqlite::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a list of keys is all that it is")]
pub struct Keys<'k>(pub &'k [Key]);

impl ToSql for Keys<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let keys = self.0.iter().filter_map(|key| match key {
            Key::Integer(number) => Some(Json::from(*number)),
            // SQLite ends a text of JSON there, and the rest may be another key.
            Key::Text(text) if text.contains('\0') => None,
            Key::Text(text) => Some(Json::from(text.clone())),
        });
        let list = json::value_to_vec(&Json::Array(keys.collect()));
        let list = String::from_utf8(list).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        Ok(ToSqlOutput::Owned(Value::Text(list)))
    }
}

impl FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => Ok(Self::Integer(number)),
            ValueRef::Text(_) => value.as_str().map(|text| Self::Text(SmolStr::new(text))),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Err(FromSqlError::InvalidType),
        }
    }
}
