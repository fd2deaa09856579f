//! Everything that is read: threads with connections that can't write, each read from one snapshot.

pub(crate) mod decode;
mod events;
mod lookup;
mod query;
mod relation;
mod resource;

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::mpsc;

pub(crate) use self::{
    events::events,
    query::{Query, query},
    relation::path,
    resource::get,
};

/// A read that waits for a connection.
pub(crate) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Reads what is asked for, until nobody is left who could ask. Readers share one queue, so that a long read holds up
/// nobody else while another reader is free.
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

/// A snapshot of the database in which one call reads.
pub(crate) struct Snapshot<'c> {
    connection: &'c Connection,
    tenant: &'c str,
    /// Whether nobody waits for the answer any more.
    abandoned: &'c dyn Fn() -> bool,
}

impl<'c> Snapshot<'c> {
    pub(crate) fn new(connection: &'c Connection, tenant: &'c str, abandoned: &'c dyn Fn() -> bool) -> Self {
        Self {
            connection,
            tenant,
            abandoned,
        }
    }

    /// What is known of a resource type, if the tenant ever had a resource of it.
    fn kind(&self, name: &str) -> rusqlite::Result<Option<Kind>> {
        self.connection
            .prepare_cached(
                "SELECT tenants.tenant, kind, resources, indexed FROM tenants JOIN kinds USING (tenant)
                 WHERE tenants.name = ?1 AND kinds.name = ?2",
            )?
            .query_row(params![self.tenant, name], |row| {
                Ok(Kind {
                    tenant: row.get(0)?,
                    number: row.get(1)?,
                    resources: decode::count(row, 2)?,
                    indexed: row.get(3)?,
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
        let connection: Connection = open::writer(&directory.path().join("keyfob.db")).unwrap();
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
