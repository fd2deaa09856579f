//! An application of the tests: users and teams in SQLite.

use std::{
    ops::Deref,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use keyfob_store::TenantId;
use keyfob_tables::{
    Access, Cell, Dialect, Hiding, Key, Kind, Members, Membership, Row, Scope, Shape, SqlRow, SqlValue,
    Table, TableError, Tables, Transaction, Which,
    sqlite::{Keys, SqliteTransaction},
};
use rusqlite::{Connection, params};
use tokio::sync::{Mutex, OwnedMutexGuard};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, login TEXT, given_name TEXT, family_name TEXT,
        mail TEXT, active INTEGER, deleted_at TEXT);
    CREATE TABLE IF NOT EXISTS teams (
        id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, name TEXT, deleted_at TEXT);
    CREATE TABLE IF NOT EXISTS team_users (
        team INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
        user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, PRIMARY KEY (team, user));";

/// The application's database.
pub(crate) struct App {
    connection: Arc<Mutex<Connection>>,
    shape: Shape,
    /// The number of times that rows or memberships were read so far.
    pub(crate) reads: AtomicUsize,
    /// The number of statements in the side tables so far.
    pub(crate) statements: Arc<AtomicUsize>,
    /// If true, it reads all rows from the first on, whatever is asked for.
    pub(crate) forgets_where: AtomicBool,
}

/// The columns of the application.
pub(crate) fn shape() -> Shape {
    let users = Table::numbered()
        .unique("login", "userName")
        .column("given_name", "name.givenName")
        .column("family_name", "name.familyName")
        .indexed("mail", "emails[primary].value")
        .column("active", "active");
    let teams = Table::numbered().indexed("name", "displayName");
    Shape::new(users.hiding(Hiding::Row), teams.hiding(Hiding::Row))
}

/// A transaction that counts the statements that the store runs in the side tables.
pub(crate) struct Tx {
    inner: SqliteTransaction<OwnedMutexGuard<Connection>>,
    statements: Arc<AtomicUsize>,
}

impl Deref for Tx {
    type Target = SqliteTransaction<OwnedMutexGuard<Connection>>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Transaction for Tx {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn write(&mut self, statement: &str, values: &[SqlValue]) -> Result<u64> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.inner.write(statement, values).await
    }

    async fn read(&mut self, statement: &str, values: &[SqlValue]) -> Result<Vec<SqlRow>> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.inner.read(statement, values).await
    }

    async fn run(&mut self, statements: &str) -> Result<()> {
        self.inner.run(statements).await
    }

    async fn commit(self) -> Result<()> {
        self.inner.commit().await
    }
}

type Result<T> = std::result::Result<T, TableError>;

impl App {
    pub(crate) fn open(path: impl AsRef<Path>, shape: Shape) -> Self {
        let connection = Connection::open(path).unwrap();
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;";
        connection.execute_batch(pragmas).unwrap();
        connection.execute_batch(TABLES).unwrap();
        Self {
            connection: Arc::new(Mutex::new(connection)),
            shape,
            reads: AtomicUsize::new(0),
            statements: Arc::default(),
            forgets_where: AtomicBool::new(false),
        }
    }

    fn columns(&self, kind: Kind) -> String {
        let columns: Vec<&str> = self.shape.table(kind).columns().collect();
        columns.join(", ")
    }

    fn places(&self, kind: Kind) -> String {
        let columns = self.shape.table(kind).columns().zip(3..);
        let places: Vec<String> = columns.map(|(_, place)| format!("?{place}")).collect();
        places.join(", ")
    }
}

fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "users",
        Kind::Group => "teams",
    }
}

const NULL: Option<i64> = None;

impl Tables for App {
    type Transaction = Tx;

    fn shape(&self) -> &Shape {
        &self.shape
    }

    async fn begin(&self, access: Access) -> Result<Tx> {
        let connection = Arc::clone(&self.connection).lock_owned().await;
        Ok(Tx {
            inner: SqliteTransaction::begin(connection, access)?,
            statements: Arc::clone(&self.statements),
        })
    }

    async fn rows(&self, tx: &mut Tx, of: Scope<'_>, which: Which<'_>) -> Result<Vec<Row>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (table, columns, tenant) = (table(of.kind), self.columns(of.kind), of.tenant.as_str());
        let select =
            format!("SELECT id, deleted_at IS NOT NULL AS hidden, {columns} FROM {table} WHERE tenant = ?1");
        match which {
            Which::Keys(keys) | Which::Locked(keys) => {
                let select = format!("{select} AND id IN (SELECT value FROM json_each(?2))");
                tx.rows(&select, params![tenant, Keys(keys)])
            }
            Which::Equal { column, text } => {
                let select = format!("{select} AND lower({column}) = lower(?2)");
                tx.rows(&select, params![tenant, text])
            }
            Which::All { after, limit } => {
                let after = after.filter(|_| !self.forgets_where.load(Ordering::Relaxed));
                let select = format!("{select} AND id > coalesce(?2, 0) ORDER BY id LIMIT ?3");
                tx.rows(&select, params![tenant, after, limit])
            }
        }
    }

    async fn insert(&self, tx: &mut Tx, of: Scope<'_>, cells: &[Cell]) -> Result<Option<Row>> {
        let (table, columns, places) = (table(of.kind), self.columns(of.kind), self.places(of.kind));
        let insert = format!(
            "INSERT INTO {table} (tenant, id, {columns}) VALUES (?1, ?2, {places}) RETURNING id, {columns}"
        );
        let row = tx.row(&insert, params![of.tenant.as_str(), NULL], cells)?;
        let Some(row) = row else { return Ok(None) };
        // Triggers come after RETURNING.
        let rows = self.rows(tx, of, Which::Keys(&[row.key])).await?;
        Ok(rows.into_iter().next())
    }

    async fn update(&self, tx: &mut Tx, of: Scope<'_>, key: &Key, cells: &[Cell]) -> Result<Option<Row>> {
        let (table, columns, places) = (table(of.kind), self.columns(of.kind), self.places(of.kind));
        let update = format!(
            "UPDATE {table} SET ({columns}) = ({places}) WHERE tenant = ?1 AND id = ?2
             RETURNING id, deleted_at IS NOT NULL AS hidden, {columns}"
        );
        tx.row(&update, params![of.tenant.as_str(), key], cells)
    }

    async fn delete(&self, tx: &mut Tx, of: Scope<'_>, key: &Key) -> Result<()> {
        let delete = format!("DELETE FROM {} WHERE tenant = ?1 AND id = ?2", table(of.kind));
        tx.change(&delete, params![of.tenant.as_str(), key])?;
        Ok(())
    }

    async fn hide(&self, tx: &mut Tx, of: Scope<'_>, key: &Key, hidden: bool) -> Result<()> {
        let update = format!(
            "UPDATE {} SET deleted_at = iif(?3, datetime(), NULL) WHERE tenant = ?1 AND id = ?2",
            table(of.kind)
        );
        tx.change(&update, params![of.tenant.as_str(), key, hidden])?;
        Ok(())
    }

    async fn members(
        &self,
        tx: &mut Tx,
        _: &TenantId,
        of: Members<'_>,
        limit: i64,
    ) -> Result<Vec<Membership>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (end, keys) = match of {
            Members::OfGroups(keys) => ("team", keys),
            Members::OfUsers(keys) => ("user", keys),
        };
        let keys_of = "SELECT value FROM json_each(?1)";
        let select = format!("SELECT team, user FROM team_users WHERE {end} IN ({keys_of}) LIMIT ?2");
        tx.memberships(&select, params![Keys(keys), limit])
    }

    async fn set_member(
        &self,
        tx: &mut Tx,
        _: &TenantId,
        edge: &Membership,
        is_member: bool,
    ) -> Result<bool> {
        let statement = if is_member {
            "INSERT INTO team_users (team, user) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM team_users WHERE team = ?1 AND user = ?2"
        };
        Ok(tx.change(statement, params![edge.group, edge.user])? > 0)
    }
}
