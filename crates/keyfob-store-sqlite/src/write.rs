//! The one way in which anything is written: a thread with the only connection that writes.

mod apply;
mod change;
mod relation;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use keyfob_store::{CommitError, Committed};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::change::Commit;
use crate::{
    error::{Failure, store_error},
    open::BUSY_TIMEOUT,
};

/// At most so many commits share one transaction.
pub(crate) const BATCH: usize = 64;

/// How long the writer pauses before it tries again to empty the log.
const PAUSE: Duration = Duration::from_millis(20);

/// A commit that waits, and where its outcome goes.
pub(crate) struct Job {
    pub(crate) commit: Commit,
    pub(crate) reply: oneshot::Sender<Result<Committed, CommitError>>,
}

/// Commits what waits, until nobody is left who could send anything.
pub(crate) fn run(connection: Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    let mut connection = connection;
    // This is the only thread that takes jobs.
    let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch = Vec::with_capacity(BATCH);
    let mut is_erasure_due = false;
    loop {
        // A read of an older snapshot kept the log in use.
        while is_erasure_due && jobs.is_empty() && !jobs.is_closed() {
            thread::sleep(PAUSE);
            is_erasure_due = !empty_log(&connection, Duration::ZERO);
        }
        if jobs.blocking_recv_many(&mut batch, BATCH) == 0 {
            break;
        }
        let results = commit_together(&mut connection, &batch);
        // Before the answer, so that what was erased is gone when its deletion is acknowledged.
        if results.is_ok() && batch.iter().any(|job| job.commit.deletes()) {
            is_erasure_due = !empty_log(&connection, Duration::ZERO);
        }
        let mut results = results.map_err(Arc::new).map(Vec::into_iter);
        for job in batch.drain(..) {
            let result = match &mut results {
                Ok(results) => results.next(),
                Err(failure) => Some(Err(store_error(Arc::clone(failure)).into())),
            };
            // Whoever waited may have gone; the commit stands all the same.
            if let Some(result) = result {
                job.reply.send(result).ok();
            }
        }
    }
    if is_erasure_due && !empty_log(&connection, BUSY_TIMEOUT) {
        tracing::warn!("another process reads the database, whose log still holds what was deleted");
    }
}

/// Moves the write-ahead log into the database and cuts it to nothing. The log holds the pages as they were before a
/// deletion. Returns false if a read of an older snapshot needs the log for longer than `patience`.
///
/// In the database itself `PRAGMA secure_delete` overwrites what is deleted.
fn empty_log(connection: &Connection, patience: Duration) -> bool {
    let checkpoint = || {
        connection.busy_timeout(patience)?;
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(busy == 0)
    };
    let emptied = checkpoint().unwrap_or_default();
    // The one thing that can fail here is a closed connection.
    connection.busy_timeout(BUSY_TIMEOUT).ok();
    emptied
}

/// Commits a batch in one transaction, so that its commits share the wait for the disk. A commit that can't be applied
/// is taken back alone; on an error nothing of the batch is kept.
fn commit_together(
    connection: &mut Connection,
    batch: &[Job],
) -> rusqlite::Result<Vec<Result<Committed, CommitError>>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(batch.len());
    for job in batch {
        let savepoint = transaction.savepoint()?;
        results.push(match apply::apply(&savepoint, &job.commit) {
            Ok(committed) => {
                savepoint.commit()?;
                Ok(committed)
            }
            Err(failure) => {
                let failure = match failure {
                    // SQLite gave up the whole transaction.
                    Failure::Sqlite(error) if savepoint.is_autocommit() => return Err(error),
                    Failure::Sqlite(error) => store_error(error).into(),
                    Failure::Refused(error) => error,
                };
                savepoint.finish()?;
                Err(failure)
            }
        });
    }
    transaction.commit()?;
    Ok(results)
}
