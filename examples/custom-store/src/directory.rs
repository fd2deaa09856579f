//! The application: a directory of who works where. All that it does for SCIM is to call [`adopt`] and [`touch`].

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_core::{Collation, CompareKey, SchemaUri};
use keyfob_store::Capabilities;
use rusqlite::{Connection, Result, TransactionBehavior, params};

/// What the application had before it met SCIM.
const BEFORE: &str = "
    CREATE TABLE IF NOT EXISTS employees (
        number INTEGER PRIMARY KEY, company TEXT NOT NULL, login TEXT,
        given_name TEXT, family_name TEXT, mail TEXT, active INTEGER DEFAULT 1);
    CREATE TABLE IF NOT EXISTS teams (
        number INTEGER PRIMARY KEY, company TEXT NOT NULL, name TEXT);";

/// What SCIM adds, once. Every resource has a row in `resources`; where it is an employee or a team, their row points
/// at that one and goes with it.
const SCIM: &str = "
    CREATE TABLE resources (
        place INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
        version INTEGER NOT NULL DEFAULT 1, created INTEGER NOT NULL, modified INTEGER NOT NULL,
        document TEXT NOT NULL, state TEXT NOT NULL DEFAULT '{}', UNIQUE (company, id));
    CREATE INDEX resources_by_type ON resources (company, type, created, id);
    CREATE TABLE last_versions (
        company TEXT, id TEXT, version INTEGER NOT NULL, PRIMARY KEY (company, id)) WITHOUT ROWID;
    CREATE TABLE unique_values (
        company TEXT, type TEXT, attribute TEXT, value TEXT,
        resource INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
        PRIMARY KEY (company, type, attribute, value)) WITHOUT ROWID;
    CREATE INDEX unique_values_by_resource ON unique_values (resource);
    CREATE TABLE team_members (
        team INTEGER REFERENCES resources ON DELETE CASCADE, attribute TEXT,
        member INTEGER REFERENCES resources ON DELETE CASCADE, display TEXT,
        PRIMARY KEY (team, attribute, member)) WITHOUT ROWID;
    CREATE INDEX team_members_by_member ON team_members (member);
    CREATE TABLE commits (
        company TEXT, id TEXT, at INTEGER, role TEXT, identity TEXT, credential TEXT, request TEXT, verb TEXT,
        PRIMARY KEY (company, id)) WITHOUT ROWID;
    CREATE TABLE events (
        company TEXT, position INTEGER, commit_id TEXT, number INTEGER, name TEXT, type TEXT, resource TEXT,
        attributes TEXT, data TEXT, label TEXT, external_id TEXT, version INTEGER,
        joined TEXT, joined_count INTEGER, departed TEXT, departed_count INTEGER,
        PRIMARY KEY (company, position));
    CREATE TABLE feeds (
        company TEXT PRIMARY KEY, last INTEGER NOT NULL DEFAULT 0, trimmed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE consumers (
        company TEXT, name TEXT, position INTEGER NOT NULL, PRIMARY KEY (company, name)) WITHOUT ROWID;
    ALTER TABLE employees ADD COLUMN login_key TEXT;
    ALTER TABLE employees ADD COLUMN resource INTEGER REFERENCES resources ON DELETE CASCADE;
    ALTER TABLE teams ADD COLUMN resource INTEGER REFERENCES resources ON DELETE CASCADE;
    CREATE INDEX employees_by_login ON employees (company, login_key);
    CREATE UNIQUE INDEX employees_by_resource ON employees (resource);
    CREATE UNIQUE INDEX teams_by_resource ON teams (resource);
    PRAGMA user_version = 1;";

/// The database of the application.
///
/// One connection behind a lock is enough for a small company; what matters for SCIM is that each commit is one
/// transaction.
#[derive(Debug)]
pub struct Directory {
    connection: Mutex<Connection>,
    pub(crate) capabilities: Capabilities,
}

/// A row of `employees`, as the application sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Employee {
    /// The name to log in with.
    pub login: String,
    /// First name, then family name.
    pub name: String,
    /// The address to write to.
    pub mail: Option<String>,
    /// Whether they may log in.
    pub active: bool,
}

impl Directory {
    /// Opens the database, makes it ready for SCIM if it isn't yet, and adopts those who are in it.
    ///
    /// # Errors
    /// Whatever SQLite has to say.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        // Every transaction writes, so none begins as a reader that may find the database changed when it does.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        let transaction = connection.transaction()?;
        transaction.execute_batch(BEFORE)?;
        if transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? == 0 {
            transaction.execute_batch(SCIM)?;
        }
        adopt(&transaction)?;
        transaction.commit()?;
        Ok(Self {
            connection: Mutex::new(connection),
            // An employee who is deleted is gone, so nobody can be hidden and come back.
            capabilities: Capabilities {
                hiding: false,
                ..Capabilities::full().durable()
            },
        })
    }

    /// Adds an employee and returns their number.
    ///
    /// # Errors
    /// Whatever SQLite has to say, for instance that the login is taken.
    pub fn hire(&self, company: &str, login: &str, given_name: &str, family_name: &str) -> Result<i64> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT INTO employees (company, login, given_name, family_name) VALUES (?1, ?2, ?3, ?4)",
            params![company, login, given_name, family_name],
        )?;
        let number = transaction.last_insert_rowid();
        adopt(&transaction)?;
        transaction.commit()?;
        Ok(number)
    }

    /// Gives an employee an address.
    ///
    /// # Errors
    /// Whatever SQLite has to say.
    pub fn set_mail(&self, number: i64, mail: &str) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE employees SET mail = ?2 WHERE number = ?1",
            params![number, mail],
        )?;
        touch(&transaction, number)?;
        transaction.commit()
    }

    /// Everybody who works for a company.
    ///
    /// # Errors
    /// Whatever SQLite has to say.
    pub fn employees(&self, company: &str) -> Result<Vec<Employee>> {
        self.connection()
            .prepare(
                "SELECT login, trim(coalesce(given_name, '') || ' ' || coalesce(family_name, '')), mail,
                    active IS NOT 0
                 FROM employees WHERE company = ?1 ORDER BY number",
            )?
            .query_map([company], |row| {
                Ok(Employee {
                    login: row.get(0)?,
                    name: row.get(1)?,
                    mail: row.get(2)?,
                    active: row.get(3)?,
                })
            })?
            .collect()
    }

    /// Whoever panicked while they held the lock has left no transaction open behind them.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes resources of the employees and teams that are none yet: each gets an id, and its name is reserved.
fn adopt(transaction: &Connection) -> Result<()> {
    let (login, name) = (Collation::UserName, Collation::Caseless);
    for (table, name, resource_type, attribute, schema, collation) in [
        ("employees", "login", "User", "userName", SchemaUri::USER, login),
        ("teams", "name", "Group", "displayName", SchemaUri::GROUP, name),
    ] {
        let newcomers: Vec<(i64, String, String)> = transaction
            .prepare(&format!(
                "SELECT number, company, {name} FROM {table} WHERE resource IS NULL AND {name} IS NOT NULL"
            ))?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_>>()?;
        for (number, company, name) in newcomers {
            transaction.execute(
                "INSERT INTO resources (company, id, type, created, modified, document)
                 SELECT ?1, lower(hex(randomblob(16))), ?2, now, now, json_object('schemas', json_array(?3))
                 FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now)",
                params![company, resource_type, schema.as_str()],
            )?;
            let place = transaction.last_insert_rowid();
            transaction.execute(
                &format!("UPDATE {table} SET resource = ?2 WHERE number = ?1"),
                [number, place],
            )?;
            let key = CompareKey::new(collation, &name);
            transaction.execute(
                "INSERT INTO unique_values VALUES (?1, ?2, ?3, ?4, ?5)",
                params![company, resource_type, attribute, key.as_str(), place],
            )?;
            transaction.execute(
                "UPDATE employees SET login_key = ?2 WHERE resource = ?1",
                params![place, key.as_str()],
            )?;
        }
    }
    Ok(())
}

/// Says that the application changed an employee: whoever read the resource before has an outdated version.
fn touch(transaction: &Connection, number: i64) -> Result<()> {
    transaction.execute(
        "UPDATE resources SET version = version + 1, modified = CAST(unixepoch('subsec') * 1000 AS INTEGER)
         WHERE place = (SELECT resource FROM employees WHERE number = ?1)",
        [number],
    )?;
    Ok(())
}
