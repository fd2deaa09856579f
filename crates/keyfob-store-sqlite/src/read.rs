//! Everything that is read: by connections that can't write, each read from one snapshot.

mod check;
pub(crate) mod decode;
mod event;
mod lookup;
mod query;
mod relation;
mod resource;
mod tenant;
mod walk;

use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use keyfob_core::{CompareKey, ResourceType};
use keyfob_store::{Budget, Meter, Visibility};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi, params};
use tokio::sync::mpsc;

pub(crate) use self::{
    check::{counts, holders, page_to_check},
    event::{feed, look_back},
    query::{explain, query},
    relation::path,
    resource::get,
    tenant::{HAS_ANYTHING, tenants, with_news},
};
use crate::{error::carried, open::BUSY_TIMEOUT};

/// A read that waits for a connection.
pub(crate) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs the reads of one lane, until nobody is left who could ask. The readers of a lane share one queue, so that a
/// read waits only while all of them are busy.
pub(crate) fn run(connection: &Mutex<Connection>, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        match job {
            Some(job) => job(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)),
            None => return,
        }
    }
}

/// How many instructions SQLite carries out between two looks at the time: some milliseconds.
const LOOK_AT_TIME: i32 = 100_000;

/// The same of a brief read: some tenths of a millisecond.
const LOOK_AT_BRIEF_TIME: i32 = 5_000;

/// How long a statement of a brief read may go on by itself.
const BRIEF: Duration = Duration::from_micros(200);

/// Reads from one snapshot until a deadline, at which a statement ends that goes on by itself, such as one that sorts.
pub(crate) fn until<T>(
    connection: &mut Connection,
    deadline: Option<Instant>,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    within(connection, LOOK_AT_TIME, deadline, read)
}

/// Reads from one snapshot what takes no time, and waits for nobody: an interruption ends what goes on, and an error says that
/// another process holds the database.
pub(crate) fn briefly<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.busy_timeout(Duration::ZERO)?;
    let result = within(connection, LOOK_AT_BRIEF_TIME, Some(Instant::now() + BRIEF), read);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    result
}

/// Reads within a transaction, whose statements are prepared once, unlike those of [`rusqlite::Transaction`].
fn within<T>(
    connection: &mut Connection,
    look_at_time: i32,
    deadline: Option<Instant>,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    struct Open<'c>(&'c mut Connection);

    impl Drop for Open<'_> {
        fn drop(&mut self) {
            // First, lest it interrupts the end and the transaction stays open. It fails on a closed connection alone.
            self.0.progress_handler(0, None::<fn() -> bool>).ok();
            let end = self.0.prepare_cached("ROLLBACK");
            // A read that failed may have ended the transaction.
            end.and_then(|mut end| end.execute([])).ok();
        }
    }

    connection.prepare_cached("BEGIN")?.execute([])?;
    let open = Open(connection);
    if let Some(deadline) = deadline {
        open.0
            .progress_handler(look_at_time, Some(move || Instant::now() >= deadline))?;
    }
    read(open.0)
}

/// The class of a read: which connections run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Reads of a bounded amount of work: a resource by its id, what an index finds, a page, events.
    Short {
        /// The work that a read may do here, in rows. A document counts as a row and one more for each
        /// [`DOCUMENT_STEP`] bytes.
        steps: usize,
    },
    /// Reads that may go through all resources of a type.
    Scans,
}

impl Lane {
    /// The short lane. A read that spends all of the steps has taken about 30 ms.
    pub(crate) const SHORT: Self = Self::Short { steps: 1 << 15 };

    /// The part of the short lane for which nobody is asked to wait: about 0.1 ms.
    pub(crate) const BRIEF: Self = Self::Short { steps: 1 << 7 };
}

/// The bytes of a document that cost as much as reading one more row.
const DOCUMENT_STEP: usize = 64;

/// The number of resources that a look-up may leave to be asked one by one in the short lane. A filter has up to
/// 1,024 terms, so that more of them would be a scan in all but name.
const MAX_RESIDUE: usize = 100;

/// A snapshot of the database in which one call reads.
pub(crate) struct Snapshot<'c> {
    connection: &'c Connection,
    tenant: &'c str,
    lane: Lane,
    /// The steps that the read has done in its lane.
    spent: Cell<usize>,
    /// What the read has cost of its caller's budget.
    meter: Meter,
    /// Returns true once nobody waits for the answer any more.
    abandoned: &'c dyn Fn() -> bool,
}

impl<'c> Snapshot<'c> {
    pub(crate) fn new(
        connection: &'c Connection,
        tenant: &'c str,
        lane: Lane,
        budget: Budget,
        abandoned: &'c dyn Fn() -> bool,
    ) -> Self {
        Self {
            connection,
            tenant,
            lane,
            spent: Cell::new(0),
            meter: budget.meter(),
            abandoned,
        }
    }

    /// The state within a transaction, for reads that belong to a commit.
    pub(crate) fn within(connection: &'c Connection, tenant: &'c str) -> Self {
        Self::new(connection, tenant, Lane::Scans, Budget::UNLIMITED, &|| false)
    }

    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }

    pub(crate) fn tenant_name(&self) -> &'c str {
        self.tenant
    }

    /// Counts a resource or an index entry before it is looked at.
    pub(crate) fn step(&self) -> rusqlite::Result<()> {
        self.meter.step().map_err(carried)?;
        self.spend(1)
    }

    /// Counts entries that SQLite passes over by itself.
    fn pass(&self, entries: usize) -> rusqlite::Result<()> {
        (0..entries).try_for_each(|_| self.meter.step().map_err(carried))
    }

    /// Counts the comparisons that a filter makes of a resource.
    fn compare(&self, comparisons: usize) -> rusqlite::Result<()> {
        self.meter.spend(comparisons as u64).map_err(carried)
    }

    /// Counts a document before it is decoded.
    fn decode(&self, bytes: usize) -> rusqlite::Result<()> {
        self.meter.bytes(bytes).map_err(carried)?;
        self.spend(bytes / DOCUMENT_STEP)
    }

    /// Counts work in the lane. An interruption ends a read that is too long for it, or abandoned.
    pub(crate) fn spend(&self, steps: usize) -> rusqlite::Result<()> {
        let spent = self.spent.get().saturating_add(steps);
        self.spent.set(spent);
        match self.lane {
            Lane::Short { steps } if spent > steps => Err(interruption()),
            _ if (self.abandoned)() => Err(interruption()),
            _ => Ok(()),
        }
    }

    /// Ends a read that asks each of these resources, unless it is in the lane of scans or they are few.
    fn demand_scans(&self, resources: usize) -> rusqlite::Result<()> {
        match self.lane {
            Lane::Short { .. } if resources > MAX_RESIDUE => Err(interruption()),
            _ => Ok(()),
        }
    }

    /// What is known of a resource type, if the tenant ever had a resource of it.
    fn kind(&self, name: &str) -> rusqlite::Result<Option<Kind>> {
        self.connection
            .prepare_cached(
                "SELECT tenants.tenant, kind, resources, hidden, indexed, compared FROM tenants JOIN kinds USING (tenant)
                 WHERE tenants.name = ?1 AND kinds.name = ?2",
            )?
            .query_row(params![self.tenant, name], |row| {
                Ok(Kind {
                    tenant: row.get(0)?,
                    number: row.get(1)?,
                    live: decode::count(row, 2)?,
                    hidden: decode::count(row, 3)?,
                    indexed: row.get(4)?,
                    compared: row.get(5)?,
                })
            })
            .optional()
    }

    /// Whether any resource of the tenant is hidden.
    fn has_hidden(&self, tenant: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM kinds WHERE tenant = ?1 AND hidden > 0")?
            .exists([tenant])
    }
}

/// A resource type of a tenant.
struct Kind {
    tenant: i64,
    number: i64,
    /// How many resources are live, and how many are hidden.
    live: usize,
    hidden: usize,
    /// By which attributes they are indexed.
    indexed: String,
    /// Of which version of the comparison their keys are.
    compared: u32,
}

impl Kind {
    fn count(&self, visibility: Visibility) -> usize {
        match visibility {
            Visibility::Live => self.live,
            Visibility::Hidden => self.hidden,
        }
    }

    /// Whether the index says what the type wants of it. Until a commit indexes what was written when the type declared
    /// other indexes, nothing is looked up.
    fn is_indexed_as(&self, resource_type: &ResourceType) -> bool {
        self.compared == CompareKey::VERSION && self.indexed == resource_type.index().signature()
    }
}

fn interruption() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)
}

/// Returns true if a read was ended before it was done.
pub(crate) fn is_interruption(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// Returns true if another process holds the database.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// As a number of rows. No database has more than the largest.
pub(crate) fn rows(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::open;

    /// How SQLite carries out a statement: one line for each table that it reads.
    pub(super) fn plan(sql: &str) -> Vec<String> {
        plan_with_sorting(sql).0
    }

    /// The same, and one line for each time that something is sorted.
    pub(super) fn plan_with_sorting(sql: &str) -> (Vec<String>, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let connection: Connection = open::writer(&directory.path().join("keyfob.db"), true).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
        let lines = statement
            .query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3))
            .unwrap();
        lines
            .map(Result::unwrap)
            .filter(|line| {
                ["SEARCH", "SCAN", "USE"]
                    .iter()
                    .any(|start| line.starts_with(start))
            })
            .partition(|line| !line.starts_with("USE"))
    }
}
