//! Creates beside plain prepared statements: the same rows, into the same tables with the same indexes, in a copy of the store.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::{BufMut as _, BytesMut};
use futures_util::future::try_join_all;
use keyfob_benches::Failed;
use keyfob_core::Registry;
use keyfob_store_postgres::{
    DatabaseUrl, PostgresStore,
    deadpool_postgres::{
        Client, Manager, Pool,
        tokio_postgres::{
            Config, NoTls,
            types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
        },
    },
};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};
use tokio::runtime::Runtime;

use crate::{
    client::Served,
    measure::{Measured, Meter, Table, on_threads},
    work::CLIENTS,
};

/// The number of times that the sides take turns.
const ROUNDS: usize = 3;

/// The number of users that are created in a round at most.
const BODIES: usize = 10_000;

/// The connections of the pool, as many as those of a store.
const CONNECTIONS: usize = 16;

/// The times of one side in all rounds.
#[derive(Default)]
struct Side {
    times: Vec<Duration>,
    took: Duration,
}

impl Side {
    fn measured(self) -> Measured {
        Measured::of(self.times, self.took, Duration::ZERO)
    }
}

/// Creates users for a while by so many clients. What is sent is made before.
fn create(
    runtime: &Runtime,
    served: &Served,
    clients: usize,
    (next, time): (&mut usize, Duration),
    side: &mut Side,
) -> Result<(), Failed> {
    let numbers = *next..*next + BODIES;
    *next = numbers.end;
    let bodies: Vec<String> = numbers
        .map(|number| served.organization.user(number).to_string())
        .collect();
    let taken = AtomicUsize::new(0);
    let start = Instant::now();
    let times = on_threads(runtime, clients, || async {
        let mut times = Vec::new();
        while start.elapsed() < time
            && let Some(body) = bodies.get(taken.fetch_add(1, Ordering::Relaxed))
        {
            let start = Instant::now();
            served.create(body.clone()).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    })?;
    side.took += start.elapsed();
    side.times.extend(times);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no digit more")]
fn report(users: usize, [one, many, plain_one, plain_many]: [Side; 4], table: &mut Table) {
    let rate = |side: &Side| side.times.len() as f64 / side.took.as_secs_f64();
    table.note(format!(
        "{users} users: create does {:.2} of the plain statements at 1 client, {:.2} at 32",
        rate(&one) / rate(&plain_one),
        rate(&many) / rate(&plain_many)
    ));
    table.add(users, "create", one.measured());
    table.add(
        users,
        "plain statements, a transaction each",
        plain_one.measured(),
    );
    table.add(users, "create, 32 clients", many.measured());
    table.add(users, "plain statements for 32 clients", plain_many.measured());
}

/// The rows that SQLite keeps of a user, by table.
type Rows = Vec<(&'static str, Vec<Value>)>;

pub(crate) fn on_sqlite(
    runtime: &Runtime,
    meter: &Meter,
    served: &Served,
    path: &Path,
    table: &mut Table,
) -> Result<(), Failed> {
    let copy = path.with_file_name("plain.db");
    keyfob_store_sqlite::backup(path, &copy)?;
    let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut plain = Connection::open(&copy)?;
    plain.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA foreign_keys = on; PRAGMA cache_size = -16384;
         PRAGMA secure_delete = on",
    )?;
    let mut next = served.users();
    let mut sides: [Side; 4] = Default::default();
    let newest = || {
        source.query_row("SELECT max(resource) FROM resources", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    for _ in 0..ROUNDS {
        let [one, many, plain_one, plain_many] = &mut sides;
        for (clients, side, plain_side) in [(1, one, plain_one), (CLIENTS, many, plain_many)] {
            let before = newest()?;
            create(runtime, served, clients, (&mut next, meter.time()), side)?;
            let users = sqlite_rows(&source, before)?;
            insert_into_sqlite(&mut plain, &users, clients, plain_side)?;
        }
    }
    report(served.users(), sides, table);
    drop(plain);
    fs::remove_file(copy)?;
    Ok(())
}

/// Reads the rows of the users that are newer than a resource.
fn sqlite_rows(source: &Connection, after: i64) -> Result<Vec<Rows>, Failed> {
    let select = |table: &str, condition: &str, values: &[Value]| -> Result<Vec<Vec<Value>>, Failed> {
        let mut statement = source.prepare_cached(&format!("SELECT * FROM {table} WHERE {condition}"))?;
        let columns = statement.column_count();
        let rows = statement.query_map(params_from_iter(values), |row| {
            (0..columns).map(|column| row.get(column)).collect()
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let mut users = Vec::new();
    let mut statement =
        source.prepare_cached("SELECT resource, tenant, id FROM resources WHERE resource > ?1")?;
    let mut found = statement.query([after])?;
    while let Some(row) = found.next()? {
        let (resource, tenant, id): (Value, Value, Value) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut rows = Vec::new();
        for table in ["resources", "documents", "unique_keys", "indexed"] {
            let of_table = select(table, "resource = ?1", std::slice::from_ref(&resource))?;
            rows.extend(of_table.into_iter().map(|row| (table, row)));
        }
        let events = select("events", "tenant = ?1 AND resource = ?2", &[tenant.clone(), id])?;
        let mut written = Vec::new();
        for event in events {
            let entry = event.get(2).cloned().ok_or("an event has no entry")?;
            // A commit may have several events of a user.
            if !written.contains(&entry) {
                let commits = select(
                    "commits",
                    "tenant = ?1 AND entry = ?2",
                    &[tenant.clone(), entry.clone()],
                )?;
                rows.extend(commits.into_iter().map(|row| ("commits", row)));
                written.push(entry);
            }
            rows.push(("events", event));
        }
        users.push(rows);
    }
    Ok(users)
}

fn insert_into_sqlite(
    plain: &mut Connection,
    users: &[Rows],
    a_transaction: usize,
    side: &mut Side,
) -> Result<(), Failed> {
    let kind: i64 = plain.query_row(
        "SELECT kind FROM kinds ORDER BY resources DESC LIMIT 1",
        [],
        |row| row.get(0),
    )?;
    for users in users.chunks(a_transaction) {
        let start = Instant::now();
        let transaction = plain.transaction()?;
        for rows in users {
            for (table, row) in rows {
                let places = vec!["?"; row.len()].join(",");
                let mut insert =
                    transaction.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?;
                insert.execute(params_from_iter(row))?;
            }
        }
        // The numbers that are kept of all resources and events.
        let count = i64::try_from(users.len())?;
        transaction
            .prepare_cached("UPDATE kinds SET resources = resources + ?1 WHERE kind = ?2")?
            .execute([count, kind])?;
        transaction
            .prepare_cached("UPDATE tenants SET last = last + ?1 WHERE tenant = (SELECT tenant FROM kinds WHERE kind = ?2)")?
            .execute([count, kind])?;
        transaction.commit()?;
        let took = start.elapsed();
        side.took += took;
        let each = took / u32::try_from(users.len())?;
        side.times.extend(users.iter().map(|_| each));
    }
    Ok(())
}

/// The tables of PostgreSQL in which a user stands, with the column that names it.
const TABLES: [(&str, &str); 5] = [
    ("commits", "id"),
    ("resources", "id"),
    ("unique_keys", "id"),
    ("entries", "id"),
    ("pending", "resource"),
];

/// A value in the form in which PostgreSQL sends it, for a column of its type.
#[derive(Debug)]
struct Raw(Option<Vec<u8>>);

impl<'r> FromSql<'r> for Raw {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Failed> {
        Ok(Self(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failed> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        Ok(match &self.0 {
            Some(raw) => {
                out.put_slice(raw);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(crate) fn on_postgres(
    runtime: &Runtime,
    meter: &Meter,
    served: &Served,
    url: &str,
    schema: &str,
    table: &mut Table,
) -> Result<(), Failed> {
    let plain = format!("{schema}_plain");
    let options = DatabaseUrl::parse(url)?.with_options(|options| {
        options
            .with_schema(plain.as_str())
            .with_registry(Registry::verkada().clone())
    });
    let pool = pool(url)?;
    runtime.block_on(async {
        // The tables and indexes of a store, and nothing that it would do with them.
        drop(PostgresStore::connect(&options).await?);
        let client = pool.get().await?;
        for (name, _) in TABLES {
            let copy = format!("INSERT INTO {plain}.{name} SELECT * FROM {schema}.{name}");
            client.batch_execute(&copy).await?;
        }
        client.batch_execute("ANALYZE").await?;
        Ok::<_, Failed>(())
    })?;
    let mut next = served.users();
    let mut sides: [Side; 4] = Default::default();
    for _ in 0..ROUNDS {
        let [one, many, plain_one, plain_many] = &mut sides;
        for (clients, side, plain_side) in [(1, one, plain_one), (CLIENTS, many, plain_many)] {
            create(runtime, served, clients, (&mut next, meter.time()), side)?;
            let users = runtime.block_on(async {
                let client = pool.get().await?;
                postgres_rows(&client, schema, &plain).await
            })?;
            insert_into_postgres(runtime, &pool, &plain, &users, (clients, plain_side))?;
        }
    }
    report(served.users(), sides, table);
    Ok(())
}

fn pool(url: &str) -> Result<Pool, Failed> {
    let config: Config = url.parse()?;
    let manager = Manager::new(config, NoTls);
    Ok(Pool::builder(manager).max_size(CONNECTIONS).build()?)
}

/// Reads the rows of the users that the copy doesn't have yet.
async fn postgres_rows(client: &Client, schema: &str, plain: &str) -> Result<Vec<PostgresRows>, Failed> {
    let new = format!(
        "SELECT p.resource, p.commit_id FROM {schema}.pending p WHERE NOT EXISTS \
         (SELECT 1 FROM {plain}.resources r WHERE r.tenant = p.tenant AND r.id = p.resource) AND p.name = 'created'"
    );
    let mut users = Vec::new();
    for row in client.query(&new, &[]).await? {
        let (id, commit): (String, String) = (row.get(0), row.get(1));
        let mut rows = Vec::new();
        for (number, (name, column)) in TABLES.iter().enumerate() {
            let of = if *name == "commits" { &commit } else { &id };
            let select = client
                .prepare_cached(&format!("SELECT * FROM {schema}.{name} WHERE {column} = $1"))
                .await?;
            for row in client.query(&select, &[of]).await? {
                let values = (0..row.len()).map(|column| row.get(column));
                rows.push((number, values.collect()));
            }
        }
        users.push(rows);
    }
    Ok(users)
}

/// The rows that PostgreSQL keeps of a user, by the number of the table.
type PostgresRows = Vec<(usize, Vec<Raw>)>;

fn insert_into_postgres(
    runtime: &Runtime,
    pool: &Pool,
    plain: &str,
    users: &[PostgresRows],
    (clients, side): (usize, &mut Side),
) -> Result<(), Failed> {
    let taken = AtomicUsize::new(0);
    let start = Instant::now();
    let times = on_threads(runtime, clients, || async {
        let mut times = Vec::new();
        while let Some(rows) = users.get(taken.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            insert_one(&mut pool.get().await?, plain, rows).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    })?;
    side.took += start.elapsed();
    side.times.extend(times);
    Ok(())
}

/// Inserts the rows of a user in one transaction, all statements in one go.
async fn insert_one(client: &mut Client, plain: &str, rows: &PostgresRows) -> Result<(), Failed> {
    let mut statements = Vec::with_capacity(rows.len());
    for (number, row) in rows {
        let (name, _) = TABLES.get(*number).ok_or("no such table")?;
        let places: Vec<String> = (1..=row.len()).map(|place| format!("${place}")).collect();
        let insert = format!("INSERT INTO {plain}.{name} VALUES ({})", places.join(","));
        statements.push(client.prepare_cached(&insert).await?);
    }
    let transaction = client.transaction().await?;
    let inserts = statements.iter().zip(rows).map(|(statement, (_, row))| {
        let transaction = &transaction;
        async move {
            let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(|value| value as _).collect();
            transaction.execute(statement, &values).await
        }
    });
    try_join_all(inserts).await?;
    Ok(transaction.commit().await?)
}

/// Removes the tables of a store and of its copy.
pub(crate) async fn drop_schemas(url: &str, schema: &str) -> Result<(), Failed> {
    let client = pool(url)?.get().await?;
    let drop =
        format!("DROP SCHEMA IF EXISTS {schema} CASCADE; DROP SCHEMA IF EXISTS {schema}_plain CASCADE");
    Ok(client.batch_execute(&drop).await?)
}
