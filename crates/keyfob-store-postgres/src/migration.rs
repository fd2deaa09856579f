//! Telling whose a database is, and bringing its tables up to date.

use std::{collections::BTreeSet, time::Duration};

use keyfob_core::CompareKey;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use crate::{
    error::{Failure, OpenError},
    options::Options,
    read::decode,
    session::{Database, Session, Statement},
    sql::{Names, Param},
};

/// A step from one version of the tables to the next.
struct Migration {
    /// The statements. A script that was released is never changed.
    script: &'static str,
    /// The oldest version whose servers run over the tables as they are then. A step that expands them leaves it as it was; one
    /// that contracts them, or that relies on what older servers don't write, raises it.
    serves: u32,
}

/// All migrations, from the empty schema on.
const MIGRATIONS: [Migration; 3] = [
    Migration {
        script: include_str!("../migrations/0001-resources.sql"),
        serves: 1,
    },
    Migration {
        script: include_str!("../migrations/0002-modification.sql"),
        serves: 2,
    },
    Migration {
        script: include_str!("../migrations/0003-nesting.sql"),
        serves: 3,
    },
];

/// The table that says whose the tables are, of which version, and who is migrating them.
const META: &str = "CREATE TABLE IF NOT EXISTS @meta (
    name text COLLATE \"C\" NOT NULL PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO @meta (name, value) VALUES ('application', 'keyfob'), ('schema', '0'), ('comparison', 'COMPARISON'),
    ('lease', '0') ON CONFLICT (name) DO NOTHING;";

const VALUES: &str =
    "SELECT name, value FROM @meta WHERE name IN ('application', 'schema', 'serves', 'comparison')";

// A row with an end, since locks of a session are unknown to some databases and lost to poolers.
const TAKE_LEASE: &str = "UPDATE @meta
    SET value = (extract(epoch FROM clock_timestamp() + interval '60 seconds') * 1000)::bigint::text
    WHERE name = 'lease' AND value::bigint < extract(epoch FROM clock_timestamp()) * 1000 RETURNING name";

const GIVE_LEASE_BACK: &str = "UPDATE @meta SET value = '0' WHERE name = 'lease'";

// Held to the end of the transaction, so that a lease that ran out does no harm.
const LOCK_VERSION: &str = "SELECT value FROM @meta WHERE name = 'schema' FOR UPDATE";

const TABLES: &str = "SELECT c.relname::text FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname::text = ANY($2::text[])";

const SCHEMA: &str = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1::text";

// What is compared or sorted in a statement.
const COLLATIONS: &str = "SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema::text = $1::text AND table_name::text = ANY($2::text[]) AND column_name::text = ANY($3::text[])
        AND data_type::text = 'text' AND collation_name::text IS DISTINCT FROM 'C'
    ORDER BY table_name, column_name";

/// The tables with keys, and the columns that are in them.
const KEYED: [&str; 9] = [
    "resources",
    "unique_keys",
    "entries",
    "edges",
    "last_versions",
    "commits",
    "pending",
    "events",
    "consumers",
];
const KEY_COLUMNS: [&str; 11] = [
    "tenant",
    "id",
    "kind",
    "attribute",
    "key",
    "owner",
    "member",
    "commit_id",
    "identity",
    "resource",
    "name",
];

/// Columns of these names that are in no key.
const UNKEYED: [(&str, &str); 3] = [("resources", "name"), ("pending", "name"), ("events", "name")];

/// Returns the statements that make the tables, or bring those of an older version up to date: for databases that are
/// migrated by other means. From 0 they begin with an empty schema.
///
/// ```
/// use keyfob_store_postgres::{Options, migrations};
///
/// let sql = migrations(&Options::new().with_schema("scim"), 0)?;
/// assert!(sql.contains("CREATE TABLE \"scim\".resources"));
/// # Ok::<(), keyfob_store_postgres::OpenError>(())
/// ```
///
/// # Errors
/// [`OpenError::Name`].
pub fn migrations(options: &Options, from: u32) -> Result<String, OpenError> {
    options.check()?;
    let names = Names::new(&options.schema, &options.prefix);
    let mut parts = Vec::new();
    if from == 0 {
        parts.push(format!("CREATE SCHEMA IF NOT EXISTS \"{}\";", options.schema));
        parts.push(names.put_into(&meta()));
    }
    let rest = MIGRATIONS
        .iter()
        .zip(1_u32..)
        .filter(|(_, version)| *version > from);
    for (migration, version) in rest {
        parts.push("BEGIN;".to_owned());
        parts.push(names.put_into(migration.script));
        parts.push(names.put_into(&set_version(version, migration)));
        parts.push("COMMIT;\n".to_owned());
    }
    Ok(parts.join("\n\n"))
}

fn meta() -> String {
    META.replace("COMPARISON", &CompareKey::VERSION.to_string())
}

fn set_version(version: u32, Migration { serves, .. }: &Migration) -> String {
    format!(
        "UPDATE @meta SET value = '{version}' WHERE name = 'schema';
INSERT INTO @meta (name, value) VALUES ('serves', '{serves}') ON CONFLICT (name) DO UPDATE SET value = '{serves}';"
    )
}

fn supported() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Checks that the tables are keyfob's and up to date, or makes them so. A database that is refused is left as it is.
pub(crate) async fn prepare(database: &Database, options: &Options) -> Result<(), OpenError> {
    let mut session = database.session(None).await.map_err(OpenError::database)?;
    check_encoding(&mut session).await?;
    let deadline = Instant::now() + options.patience;
    loop {
        let version = version(&mut session, options).await?;
        if version >= supported() {
            break;
        }
        if !options.migrate {
            return Err(match version {
                0 => OpenError::Missing(options.schema.clone()),
                found => OpenError::Older {
                    schema: options.schema.clone(),
                    found,
                    needed: supported(),
                },
            });
        }
        // Another process may be at it; then it is looked at again what it has made.
        if !migrate(&mut session, options, version).await? {
            if Instant::now() >= deadline {
                return Err(OpenError::Locked(options.schema.clone()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    check_collations(&mut session, options).await
}

async fn check_encoding(session: &mut Session) -> Result<(), OpenError> {
    let rows = session
        .query("SELECT current_setting('server_encoding')", Vec::new())
        .await
        .map_err(OpenError::database)?;
    let encoding = rows.first().map_or(Ok("UTF8"), |row| decode::raw(row, 0));
    match encoding.map_err(OpenError::database)? {
        "UTF8" => Ok(()),
        other => Err(OpenError::Encoding(other.to_owned())),
    }
}

/// The version of the tables; 0 where there are none. It is newer than this release only where the tables serve it all the same.
async fn version(session: &mut Session, options: &Options) -> Result<u32, OpenError> {
    let own: Vec<String> = KEYED
        .iter()
        .copied()
        .chain(["meta", "feed_heads"])
        .map(|table| format!("{}{table}", options.prefix))
        .collect();
    let params = vec![
        Param::text(&options.schema),
        Param::texts(own.iter().map(String::as_str)),
    ];
    let rows = session.query(TABLES, params).await.map_err(OpenError::database)?;
    let found: Result<BTreeSet<String>, Failure> = rows
        .iter()
        .map(|row| decode::raw(row, 0).map(str::to_owned))
        .collect();
    let found = found.map_err(OpenError::database)?;
    let foreign = |table: String| OpenError::Foreign {
        schema: options.schema.clone(),
        table,
    };
    let meta = format!("{}meta", options.prefix);
    if !found.contains(&meta) {
        return found
            .into_iter()
            .next()
            .map_or(Ok(0), |table| Err(foreign(table)));
    }
    let rows = match session.query(VALUES, Vec::new()).await {
        Ok(rows) => rows,
        Err(Failure::Database(error)) if error.has_code(&SqlState::UNDEFINED_COLUMN) => {
            return Err(foreign(meta));
        }
        Err(failure) => return Err(OpenError::database(failure)),
    };
    let value = |name: &str| {
        let mut rows = rows.iter();
        let row = rows.find(|row| decode::raw(row, 0).is_ok_and(|found| found == name))?;
        decode::raw(row, 1).ok()
    };
    if value("application") != Some("keyfob") {
        // Somebody else may have just made it, and not yet filled it; nobody fills a table of somebody else's.
        return if rows.is_empty() && found.len() == 1 {
            Ok(0)
        } else {
            Err(foreign(meta))
        };
    }
    let number = |name: &str| value(name).and_then(|value| value.parse::<u32>().ok());
    let version = number("schema").unwrap_or(u32::MAX);
    // Without a word of it no other version is served.
    let serves = number("serves").unwrap_or(version);
    if version > supported() && serves > supported() {
        return Err(OpenError::Newer {
            schema: options.schema.clone(),
            found: version,
            supported: supported(),
        });
    }
    let comparison = number("comparison").unwrap_or(u32::MAX);
    if comparison != CompareKey::VERSION {
        return Err(OpenError::OtherKeys {
            schema: options.schema.clone(),
            found: comparison,
            supported: CompareKey::VERSION,
        });
    }
    Ok(version)
}

/// Runs what the tables lack. Returns false if another process is at it.
async fn migrate(session: &mut Session, options: &Options, from: u32) -> Result<bool, OpenError> {
    match try_migrate(session, options, from).await {
        Ok(migrated) => Ok(migrated),
        // Two processes that create the same thing at once meet in the catalog.
        Err(Failure::Database(error))
            if error.is_conflict()
                || [
                    SqlState::DUPLICATE_TABLE,
                    SqlState::DUPLICATE_SCHEMA,
                    SqlState::DUPLICATE_OBJECT,
                    SqlState::INTERNAL_ERROR,
                ]
                .iter()
                .any(|code| error.has_code(code)) =>
        {
            session.roll_back().await.map_err(OpenError::database)?;
            Ok(false)
        }
        Err(failure) => Err(OpenError::database(failure)),
    }
}

async fn try_migrate(session: &mut Session, options: &Options, from: u32) -> Result<bool, Failure> {
    if from == 0 {
        // An application may give a schema and no right to make one.
        let schema = session.query(SCHEMA, vec![Param::text(&options.schema)]).await?;
        if schema.is_empty() {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", options.schema);
            session.run(vec![Statement::Batch(sql)]).await?;
        }
        let sql = session.names().put_into(&meta());
        session.run(vec![Statement::Batch(sql)]).await?;
    }
    if session.query(TAKE_LEASE, Vec::new()).await?.is_empty() {
        return Ok(false);
    }
    let result = run(session, from).await;
    if result.is_err() {
        session.roll_back().await?;
    }
    session.query(GIVE_LEASE_BACK, Vec::new()).await?;
    result.map(|()| true)
}

/// Runs migrations, each in a transaction of its own.
async fn run(session: &mut Session, from: u32) -> Result<(), Failure> {
    for (migration, version) in MIGRATIONS.iter().zip(1_u32..) {
        if version <= from {
            continue;
        }
        let begin = Statement::Begin("BEGIN".to_owned());
        let answers = session
            .run(vec![begin, Statement::Query(LOCK_VERSION, Vec::new())])
            .await?;
        let found = answers.last().and_then(|rows| rows.first());
        let found = found.map_or(Ok("0"), |row| decode::raw(row, 0))?;
        if found.parse::<u32>().ok() != Some(version - 1) {
            // Another process was faster.
            session.roll_back().await?;
            continue;
        }
        tracing::info!(from = version - 1, to = version, "migrating the tables");
        let script = session.names().put_into(migration.script);
        let done = session.names().put_into(&set_version(version, migration));
        session
            .run(vec![
                Statement::Batch(script),
                Statement::Batch(done),
                Statement::Commit,
            ])
            .await?;
    }
    Ok(())
}

async fn check_collations(session: &mut Session, options: &Options) -> Result<(), OpenError> {
    let tables: Vec<String> = KEYED
        .iter()
        .map(|table| format!("{}{table}", options.prefix))
        .collect();
    let params = vec![
        Param::text(&options.schema),
        Param::texts(tables.iter().map(String::as_str)),
        Param::texts(KEY_COLUMNS),
    ];
    let rows = session
        .query(COLLATIONS, params)
        .await
        .map_err(OpenError::database)?;
    for row in rows {
        let table = decode::raw(&row, 0).map_err(OpenError::database)?;
        let column = decode::raw(&row, 1).map_err(OpenError::database)?;
        let is_keyed = !UNKEYED
            .iter()
            .any(|(of, name)| table == format!("{}{of}", options.prefix) && column == *name);
        if is_keyed {
            return Err(OpenError::Collation {
                table: table.to_owned(),
                column: column.to_owned(),
            });
        }
    }
    Ok(())
}
