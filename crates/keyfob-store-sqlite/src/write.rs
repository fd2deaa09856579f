//! The one way in which anything is written: a thread with the only connection that writes.

mod apply;
mod change;
mod relation;

use std::sync::{Arc, Mutex, PoisonError};

use keyfob_store::{CommitError, Committed};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::change::Commit;
use crate::error::{Failure, store_error};

/// At most so many commits share one transaction.
pub(crate) const BATCH: usize = 64;

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
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        let results = commit_together(&mut connection, &batch);
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
