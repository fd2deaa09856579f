//! The application: a directory of who works where.

use std::{path::Path, sync::Arc};

use keyfob_core::Registry;
use keyfob_store::{Commit, CommitError, StoreError, TenantId};
use keyfob_tables::{Access, Key, Kind, OpenError, TableError, TableStore, Tables as _, Transaction as _};
use rusqlite::{Connection, params};
use tokio::sync::Mutex;

use crate::tables::OwnTables;

/// What the application has, with or without SCIM.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS employees (
        number INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, login TEXT NOT NULL,
        given_name TEXT, family_name TEXT, mail TEXT, active INTEGER DEFAULT 1, UNIQUE (company, login));
    CREATE TABLE IF NOT EXISTS teams (
        number INTEGER PRIMARY KEY AUTOINCREMENT, company TEXT NOT NULL, name TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS team_members (
        team INTEGER REFERENCES teams ON DELETE CASCADE, employee INTEGER REFERENCES employees ON DELETE CASCADE,
        PRIMARY KEY (team, employee));
    CREATE INDEX IF NOT EXISTS team_members_employee ON team_members (employee);
    CREATE INDEX IF NOT EXISTS employees_login ON employees (company, lower(login));
    CREATE INDEX IF NOT EXISTS employees_mail ON employees (company, lower(mail));
    CREATE INDEX IF NOT EXISTS teams_name ON teams (company, lower(name));";

/// The database of the application.
#[derive(Clone, Debug)]
pub struct Directory {
    connection: Arc<Mutex<Connection>>,
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
    /// If true, they may log in.
    pub active: bool,
}

impl Directory {
    /// Opens the database.
    ///
    /// # Errors
    /// Whatever SQLite has to say.
    pub fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;")?;
        connection.execute_batch(TABLES)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Opens SCIM on the same database: the store and the resource types that it keeps.
    ///
    /// # Errors
    /// [`OpenError`] where the tables are not as they are declared.
    pub async fn scim(&self) -> Result<(TableStore<OwnTables>, Registry), OpenError> {
        let tables = OwnTables::new(Arc::clone(&self.connection));
        let registry = tables.shape().registry()?;
        Ok((TableStore::open(tables, &registry).await?, registry))
    }

    /// Adds an employee and returns their number. SCIM need not be told.
    ///
    /// # Errors
    /// Whatever SQLite has to say, for instance that the login is taken.
    pub async fn hire(
        &self,
        company: &str,
        login: &str,
        given_name: &str,
        family_name: &str,
    ) -> rusqlite::Result<i64> {
        let connection = self.connection.lock().await;
        connection.execute(
            "INSERT INTO employees (company, login, given_name, family_name) VALUES (?1, ?2, ?3, ?4)",
            params![company, login, given_name, family_name],
        )?;
        Ok(connection.last_insert_rowid())
    }

    /// Gives an employee of the commit's company an address, and tells those who follow the events of the store.
    ///
    /// # Errors
    /// [`CommitError`], such as `NotFound` where the company has no such employee; then nothing is changed.
    pub async fn set_mail(
        &self,
        store: &TableStore<OwnTables>,
        number: i64,
        mail: &str,
        commit: &Commit,
    ) -> Result<(), CommitError> {
        let failed = |error: TableError| CommitError::from(StoreError::from(error));
        let mut tx = store.tables().begin(Access::Write).await.map_err(failed)?;
        // First of all, so that SCIM and the application don't wait for one another.
        store.take_turn(&mut tx, &commit.tenant).await?;
        let update = "UPDATE employees SET mail = ?3 WHERE company = ?1 AND number = ?2";
        let changed = tx.change(update, params![commit.tenant.as_str(), number, mail]);
        if changed.map_err(failed)? == 0 {
            return Err(CommitError::NotFound { change: 0 });
        }
        store
            .touched(&mut tx, commit, &[(Kind::User, Key::Integer(number))])
            .await?;
        tx.commit().await.map_err(failed)
    }

    /// Returns everybody who works for a company.
    ///
    /// # Errors
    /// Whatever SQLite has to say.
    pub async fn employees(&self, company: &TenantId) -> rusqlite::Result<Vec<Employee>> {
        self.connection
            .lock()
            .await
            .prepare(
                "SELECT login, trim(coalesce(given_name, '') || ' ' || coalesce(family_name, '')), mail,
                    active IS NOT 0
                 FROM employees WHERE company = ?1 ORDER BY number",
            )?
            .query_map([company.as_str()], |row| {
                Ok(Employee {
                    login: row.get(0)?,
                    name: row.get(1)?,
                    mail: row.get(2)?,
                    active: row.get(3)?,
                })
            })?
            .collect()
    }
}
