//! The side tables.

use keyfob_core::DateTime;

use crate::{
    error::{OpenError, TableError},
    transaction::{Dialect, SqlValue, Transaction},
};

/// The format of the side tables that this release reads and writes.
const FORMAT: i64 = 1;

/// The statements that make them and say of which format they are; `@` stands for the prefix. All names, keys and documents are texts that compare by
/// their bytes, all times are milliseconds.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS @about (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
    INSERT INTO @about VALUES ('format', 1) ON CONFLICT (name) DO NOTHING;
    CREATE TABLE IF NOT EXISTS @tenants (
        tenant TEXT NOT NULL PRIMARY KEY, last BIGINT NOT NULL, trimmed BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS @resources (
        tenant TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, row_key TEXT, version BIGINT NOT NULL,
        print BIGINT NOT NULL, created BIGINT NOT NULL, modified BIGINT NOT NULL, hidden BIGINT NOT NULL,
        document TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (tenant, id));
    CREATE UNIQUE INDEX IF NOT EXISTS @resources_by_row ON @resources (tenant, type, row_key);
    CREATE TABLE IF NOT EXISTS @last_versions (
        tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant, id));
    CREATE TABLE IF NOT EXISTS @unique_keys (
        tenant TEXT NOT NULL, type TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
        PRIMARY KEY (tenant, type, attribute, value));
    CREATE INDEX IF NOT EXISTS @unique_keys_by_resource ON @unique_keys (tenant, id);
    CREATE TABLE IF NOT EXISTS @entries (
        tenant TEXT NOT NULL, type TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
        PRIMARY KEY (tenant, type, attribute, value, id));
    CREATE INDEX IF NOT EXISTS @entries_by_resource ON @entries (tenant, id);
    CREATE TABLE IF NOT EXISTS @edges (
        tenant TEXT NOT NULL, owner TEXT NOT NULL, attribute TEXT NOT NULL, member TEXT NOT NULL, display TEXT,
        PRIMARY KEY (tenant, owner, attribute, member));
    CREATE INDEX IF NOT EXISTS @edges_by_member ON @edges (tenant, member);
    CREATE TABLE IF NOT EXISTS @displays (
        tenant TEXT NOT NULL, owner TEXT NOT NULL, member TEXT NOT NULL, display TEXT NOT NULL,
        PRIMARY KEY (tenant, owner, member));
    CREATE INDEX IF NOT EXISTS @displays_by_member ON @displays (tenant, member);
    CREATE TABLE IF NOT EXISTS @commits (
        tenant TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, role TEXT NOT NULL, identity TEXT NOT NULL,
        credential TEXT NOT NULL, request TEXT NOT NULL, verb TEXT NOT NULL, PRIMARY KEY (tenant, id));
    CREATE INDEX IF NOT EXISTS @commits_by_time ON @commits (tenant, at);
    CREATE TABLE IF NOT EXISTS @events (
        tenant TEXT NOT NULL, position BIGINT NOT NULL, commit_id TEXT NOT NULL, number BIGINT NOT NULL,
        name TEXT NOT NULL, type TEXT NOT NULL, resource TEXT NOT NULL, attributes TEXT NOT NULL, data TEXT NOT NULL,
        label TEXT, external_id TEXT, version TEXT, joined TEXT NOT NULL, joined_count BIGINT NOT NULL,
        departed TEXT NOT NULL, departed_count BIGINT NOT NULL, PRIMARY KEY (tenant, position));
    CREATE INDEX IF NOT EXISTS @events_by_resource ON @events (tenant, resource);
    CREATE INDEX IF NOT EXISTS @events_by_commit ON @events (tenant, commit_id);
    CREATE TABLE IF NOT EXISTS @consumers (
        tenant TEXT NOT NULL, name TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (tenant, name));
";

/// The tables in which rows of a tenant stand, without that of the tenant itself.
pub(crate) const OF_TENANT: [&str; 9] = [
    "resources",
    "last_versions",
    "unique_keys",
    "entries",
    "edges",
    "displays",
    "commits",
    "events",
    "consumers",
];

/// The statements that make the side tables, for a database of this dialect.
pub(crate) fn statements(dialect: Dialect, prefix: &str) -> String {
    let text = match dialect {
        Dialect::Sqlite => " TEXT",
        // So that keys are compared and sorted by their bytes, whatever the collation of the database is.
        Dialect::Postgres => " TEXT COLLATE \"C\"",
    };
    // An index stands in the schema of its table and is named without it.
    let bare = prefix.rsplit_once('.').map_or(prefix, |(_, bare)| bare);
    let statements = TABLES
        .replace(" TEXT", text)
        .replace("INDEX IF NOT EXISTS @", &format!("INDEX IF NOT EXISTS {bare}"));
    statements.replace('@', prefix)
}

/// Returns true if the side tables are there. They were made together.
async fn are_there<T: Transaction>(tx: &mut T, prefix: &str) -> Result<bool, TableError> {
    let (statement, name) = match T::DIALECT {
        Dialect::Postgres => (
            "SELECT to_regclass(?1)::text".to_owned(),
            format!("{prefix}about"),
        ),
        Dialect::Sqlite => {
            let (database, bare) = prefix.rsplit_once('.').unwrap_or(("main", prefix));
            let statement =
                format!("SELECT name FROM {database}.sqlite_master WHERE type = 'table' AND name = ?1");
            (statement, format!("{bare}about"))
        }
    };
    let rows = tx.read(&statement, &[name.into()]).await?;
    let found = rows.first().map_or(Ok(None), |row| row.optional_text(0))?;
    Ok(found.is_some())
}

/// Makes the side tables where they are missing, and returns the instant at which they were first used.
///
/// Where they are there it runs no statement that makes any, which would need rights that the service may not have and
/// would wait for all who write.
pub(crate) async fn migrate<T: Transaction>(
    tx: &mut T,
    prefix: &str,
    now: DateTime,
) -> Result<DateTime, OpenError> {
    if !are_there(tx, prefix).await? {
        tx.run(&statements(T::DIALECT, prefix)).await?;
    }
    let about = |statement: &str| statement.replace('@', prefix);
    let insert = about("INSERT INTO @about VALUES ('installed', ?1) ON CONFLICT (name) DO NOTHING");
    tx.write(&insert, &[now.unix_millis().into()]).await?;
    let mut values = [FORMAT, 0];
    for (value, name) in values.iter_mut().zip(["format", "installed"]) {
        let select = about("SELECT value FROM @about WHERE name = ?1");
        let rows = tx.read(&select, &[SqlValue::from(name)]).await?;
        let row = rows
            .first()
            .ok_or_else(|| TableError::failed("a side table forgot a row"));
        *value = row?.integer(0)?;
    }
    let [format, installed] = values;
    if format > FORMAT {
        return Err(OpenError::Format {
            found: format,
            known: FORMAT,
        });
    }
    Ok(DateTime::from_unix_millis(installed))
}
