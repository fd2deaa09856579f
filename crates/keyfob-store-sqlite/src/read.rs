//! Everything that is read: threads with connections that can't write, each read from one snapshot.

pub(crate) mod decode;
mod events;
mod lookup;
mod query;
mod relation;
mod resource;

use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi, params};
use tokio::sync::mpsc;

pub(crate) use self::{
    events::events,
    query::{Query, query},
    relation::path,
    resource::get,
};

/// A read that waits for a connection.
pub(crate) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs the reads of one lane, until nobody is left who could ask. The readers of a lane share one queue, so that a
/// read waits only while all of them are busy.
pub(crate) fn run(connection: Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    let mut connection = connection;
    loop {
        let job = jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        match job {
            Some(job) => job(&mut connection),
            None => return,
        }
    }
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
    /// The steps that the read has done.
    spent: Cell<usize>,
    /// Returns true once nobody waits for the answer any more.
    abandoned: &'c dyn Fn() -> bool,
}

impl<'c> Snapshot<'c> {
    pub(crate) fn new(
        connection: &'c Connection,
        tenant: &'c str,
        lane: Lane,
        abandoned: &'c dyn Fn() -> bool,
    ) -> Self {
        Self {
            connection,
            tenant,
            lane,
            spent: Cell::new(0),
            abandoned,
        }
    }

    /// Counts work before it is done. An interruption ends a read that is too long for its lane, or abandoned.
    pub(crate) fn spend(&self, steps: usize) -> rusqlite::Result<()> {
        let spent = self.spent.get().saturating_add(steps);
        self.spent.set(spent);
        match self.lane {
            Lane::Short { steps } if spent > steps => Err(interruption()),
            _ if (self.abandoned)() => Err(interruption()),
            _ => Ok(()),
        }
    }

    /// Counts the reading of a document.
    fn spend_document(&self, bytes: usize) -> rusqlite::Result<()> {
        self.spend(1 + bytes / DOCUMENT_STEP)
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
                "SELECT tenants.tenant, kind, resources, indexed, compared FROM tenants JOIN kinds USING (tenant)
                 WHERE tenants.name = ?1 AND kinds.name = ?2",
            )?
            .query_row(params![self.tenant, name], |row| {
                Ok(Kind {
                    tenant: row.get(0)?,
                    number: row.get(1)?,
                    resources: decode::count(row, 2)?,
                    indexed: row.get(3)?,
                    compared: row.get(4)?,
                })
            })
            .optional()
    }
}

/// A resource type of a tenant.
struct Kind {
    tenant: i64,
    number: i64,
    /// How many resources there are.
    resources: usize,
    /// By which attributes they are indexed.
    indexed: String,
    /// Of which version of the comparison their keys are.
    compared: u32,
}

fn interruption() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)
}

/// Returns true if a read was ended before it was done.
pub(crate) fn is_interruption(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// As a number of rows. No database has more than the largest.
fn rows(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::open;

    /// How SQLite carries out a statement: one line for each table that it reads.
    pub(super) fn plan(sql: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let connection: Connection = open::writer(&directory.path().join("keyfob.db"), true).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
        let lines = statement
            .query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3))
            .unwrap();
        lines
            .map(Result::unwrap)
            .filter(|line| line.starts_with("SEARCH") || line.starts_with("SCAN"))
            .collect()
    }
}
