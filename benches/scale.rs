//! Measures each operation in an organization of a thousand users, a hundred thousand or a million, on SQLite and PostgreSQL.
//!
//! `KEYFOB_BENCH_USERS` lists the sizes (`1000,100000`); `KEYFOB_TEST_POSTGRES_URL` names a database, without which SQLite alone is
//! measured, and `KEYFOB_BENCH_STORES` one of the two (`sqlite`, `postgres`). `KEYFOB_BENCH_SECONDS` is the time for each row.
//! Requests go through the HTTP service in process, with a token, so that both sides of each are measured and no socket.

#[path = "scale/client.rs"]
mod client;
#[path = "scale/measure.rs"]
mod measure;
#[path = "scale/plain.rs"]
mod plain;
#[path = "scale/work.rs"]
mod work;

use std::{env, path::PathBuf, time::Duration};

use keyfob_benches::Failed;
use keyfob_core::Registry;
use keyfob_engine::DynStore;
use keyfob_store_memory::MemoryStore;
use keyfob_store_postgres::{DatabaseUrl, PostgresStore};
use keyfob_store_sqlite::SqliteStore;
use keyfob_testgen::Organization;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::{
    client::Served,
    measure::{Meter, Table, memory},
};

/// The sizes where none are named.
const SIZES: &str = "1000,100000";

/// The users of the store in memory, beside whose CPU the reads of others stand.
const IN_MEMORY: usize = 10_000;

/// The seed of every organization.
const SEED: u64 = 7;

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn main() -> Result<(), Failed> {
    let sizes = env::var("KEYFOB_BENCH_USERS").unwrap_or_else(|_| SIZES.to_owned());
    let sizes = sizes.split(',').map(|size| size.trim().parse());
    let sizes: Vec<usize> = sizes.collect::<Result<_, _>>()?;
    if sizes.iter().any(|size| *size < 100) {
        return Err("an organization has at least 100 users here".into());
    }
    let seconds = env::var("KEYFOB_BENCH_SECONDS").ok();
    let seconds = seconds.map_or(Ok(2.0), |seconds| seconds.parse())?;
    let meter = Meter::new(Duration::from_secs_f64(seconds));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let floor = in_memory(&runtime, &meter)?;
    for place in places()? {
        let mut table = Table::new(place.name(), &sizes);
        for users in &sizes {
            let organization = Organization::new(SEED, *users);
            let opened = place.open(&runtime, *users)?;
            let served = runtime.block_on(Served::new(opened.store.clone(), organization))?;
            let before = memory()?;
            work::fill(&runtime, &served, &mut table)?;
            table.note(format!(
                "{users} users: the process has {} MiB after filling, {} MiB before",
                memory()?.resident,
                before.resident
            ));
            work::measure(&runtime, &meter, &served, floor, &mut table)?;
            opened.compare_creates(&runtime, &meter, &served, &mut table)?;
            let after = memory()?;
            table.note(format!(
                "{users} users: the process has {} MiB at the end, {} MiB at most since it began",
                after.resident, after.peak
            ));
            println!("{users} users on {} measured", place.name());
            drop(served);
            opened.close(&runtime)?;
        }
        println!("{table}");
    }
    Ok(())
}

/// The CPU time of a request for a user by its id in memory, at 32 clients.
fn in_memory(runtime: &Runtime, meter: &Meter) -> Result<Duration, Failed> {
    let organization = Organization::new(SEED, IN_MEMORY);
    let store = DynStore::new(MemoryStore::new());
    let served = runtime.block_on(Served::new(store, organization))?;
    runtime.block_on(served.fill_users())?;
    let measured = meter.at_once(runtime, work::CLIENTS, |number| served.get_user(number))?;
    Ok(measured.cpu)
}

/// A place for stores.
enum Place {
    Sqlite,
    Postgres(String),
}

/// A store that is removed when it is closed.
struct Opened {
    store: DynStore,
    kept: Kept,
}

enum Kept {
    File { folder: TempDir, path: PathBuf },
    Schema { url: String, name: String },
}

fn places() -> Result<Vec<Place>, Failed> {
    let wanted = env::var("KEYFOB_BENCH_STORES").unwrap_or_else(|_| "sqlite,postgres".to_owned());
    let is_wanted = |name: &str| wanted.split(',').any(|wanted| wanted.trim() == name);
    let mut places = Vec::new();
    if is_wanted("sqlite") {
        places.push(Place::Sqlite);
    }
    if is_wanted("postgres")
        && let Ok(url) = env::var("KEYFOB_TEST_POSTGRES_URL")
    {
        places.push(Place::Postgres(url));
    }
    if places.is_empty() {
        return Err("no store is named that there is".into());
    }
    Ok(places)
}

impl Place {
    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    fn open(&self, runtime: &Runtime, users: usize) -> Result<Opened, Failed> {
        match self {
            Self::Sqlite => {
                let folder = tempfile::tempdir()?;
                let path = folder.path().join("scale.db");
                let store = SqliteStore::open(&path)?;
                Ok(Opened {
                    store: DynStore::new(store),
                    kept: Kept::File { folder, path },
                })
            }
            Self::Postgres(url) => {
                let name = format!("scale_{}_{users}", std::process::id());
                let parsed = DatabaseUrl::parse(url)?.with_options(|options| {
                    options
                        .with_schema(name.as_str())
                        .with_registry(Registry::verkada().clone())
                });
                let store = runtime.block_on(PostgresStore::connect(&parsed))?;
                Ok(Opened {
                    store: DynStore::new(store),
                    kept: Kept::Schema {
                        url: url.clone(),
                        name,
                    },
                })
            }
        }
    }
}

impl Opened {
    /// Measures creates, and the same rows by prepared statements.
    fn compare_creates(
        &self,
        runtime: &Runtime,
        meter: &Meter,
        served: &Served,
        table: &mut Table,
    ) -> Result<(), Failed> {
        match &self.kept {
            Kept::File { path, .. } => plain::on_sqlite(runtime, meter, served, path, table),
            Kept::Schema { url, name } => plain::on_postgres(runtime, meter, served, url, name, table),
        }
    }

    fn close(self, runtime: &Runtime) -> Result<(), Failed> {
        drop(self.store);
        match self.kept {
            Kept::File { folder, .. } => Ok(folder.close()?),
            Kept::Schema { url, name } => runtime.block_on(plain::drop_schemas(&url, &name)),
        }
    }
}
