#![doc = include_str!("../README.md")]

use std::path::Path;

use keyfob::{
    prelude::*,
    store::{Change, Commit, Committed, Visibility},
    store_sqlite::{
        Hook,
        rusqlite::{self, Connection, params},
    },
};

/// The application's table. It stands in the file of the store, because one transaction can't span two files for sure.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS people (
        company TEXT, id TEXT, login TEXT NOT NULL, first_name TEXT, may_log_in INTEGER NOT NULL,
        is_deleted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (company, id));";

/// A row of `people`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table")]
pub struct Person {
    /// The id of the resource.
    pub id: String,
    /// The name to log in with.
    pub login: String,
    /// The first name.
    pub first_name: Option<String>,
    /// If true, they may log in.
    pub may_log_in: bool,
}

/// Opens the database: the store, whose commits write `people` too.
///
/// # Errors
/// The database can't be opened.
pub fn open(path: &Path) -> Result<SqliteStore, Box<dyn std::error::Error>> {
    let store = SqliteStore::open(path)?.with_hook(Mirror);
    Connection::open(path)?.execute_batch(TABLE)?;
    Ok(store)
}

/// Returns everybody who is not deleted, in the order of their ids.
///
/// # Errors
/// Those of SQLite.
pub fn people(path: &Path) -> rusqlite::Result<Vec<Person>> {
    let connection = Connection::open(path)?;
    let select = "SELECT id, login, first_name, may_log_in FROM people WHERE NOT is_deleted ORDER BY id";
    let mut statement = connection.prepare(select)?;
    let rows = statement.query_map([], |row| {
        Ok(Person {
            id: row.get(0)?,
            login: row.get(1)?,
            first_name: row.get(2)?,
            may_log_in: row.get(3)?,
        })
    })?;
    rows.collect()
}

// ANCHOR: hook
/// Writes what a commit did to users into `people`.
struct Mirror;

impl Hook for Mirror {
    fn before_commit(
        &self,
        connection: &Connection,
        commit: &Commit,
        committed: &Committed,
    ) -> rusqlite::Result<()> {
        let company = commit.tenant.as_str();
        for (change, outcome) in commit.changes.iter().zip(&committed.outcomes) {
            // What was left out or changes nothing is not in the table either.
            let Some((resource_type, id)) = change.subject().filter(|_| outcome.is_change()) else {
                continue;
            };
            if resource_type.name() != "User" {
                continue;
            }
            let run = |statement: &str, value: Option<bool>| {
                let mut statement = connection.prepare_cached(statement)?;
                match value {
                    Some(value) => statement.execute(params![company, id.as_str(), value]),
                    None => statement.execute([company, id.as_str()]),
                }
            };
            match change {
                Change::Create { document, .. } => save(connection, company, id, document)?,
                Change::Update {
                    document, visibility, ..
                } => {
                    if let Some(document) = document {
                        save(connection, company, id, document)?;
                    }
                    if let Some(visibility) = visibility {
                        let update = "UPDATE people SET is_deleted = ?3 WHERE company = ?1 AND id = ?2";
                        run(update, Some(*visibility == Visibility::Hidden))?;
                    }
                }
                Change::Delete { .. } => {
                    run("DELETE FROM people WHERE company = ?1 AND id = ?2", None)?;
                }
                _ => (),
            }
        }
        Ok(())
    }
}

fn save(connection: &Connection, company: &str, id: &ResourceId, user: &Resource) -> rusqlite::Result<()> {
    let user = user.core();
    let name = user.get("name").and_then(Value::as_object);
    let upsert = "
        INSERT INTO people (company, id, login, first_name, may_log_in) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (company, id) DO UPDATE SET
            login = excluded.login, first_name = excluded.first_name, may_log_in = excluded.may_log_in";
    connection.prepare_cached(upsert)?.execute(params![
        company,
        id.as_str(),
        user.get_str("userName").unwrap_or_default(),
        name.and_then(|name| name.get_str("givenName")),
        // RFC 7643 leaves open what an absent `active` means; here it doesn't keep anybody out.
        user.get("active").and_then(Value::as_bool).unwrap_or(true),
    ])?;
    Ok(())
}
// ANCHOR_END: hook
