//! The one way in which anything is written: a thread with the only connection that writes.

mod apply;
mod entry;
mod event;
mod keys;
mod known;
mod relation;
mod removal;
mod tend;

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError},
    task::{self, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use keyfob_store::{CommitError, Committed, Exhausted, StoreError, kit::Prepared};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

pub use self::keys::Collision;
pub(crate) use self::{
    entry::{indexed, of_document, of_keys, reserved},
    keys::{newer, rekey, unknown_index},
    known::Known,
    removal::{Counts, count_before, may_empty},
    tend::{acknowledge, erase, trim},
};
use crate::{
    error::{Failure, carried, shared_error, store_error},
    hook::Hook,
    open::BUSY_TIMEOUT,
};

/// At most so many jobs share one transaction.
pub(crate) const BATCH: usize = 64;

/// So many jobs share one transaction if they are there.
const SMALL_BATCH: usize = 16;

/// A larger batch is made durable once it was written for so many times as long as the last one took for that. To wait for
/// the disk more seldom would save little then; and whoever waits for the batch, to go on with the next request, leaves the
/// other processors idle; two batches overlap. BENCHMARKS.md has the figures.
const WORTH: u32 = 2;

/// How long no commit comes before the log is emptied of what was deleted.
const PAUSE: Duration = Duration::from_millis(50);

/// How long commits that follow one another put the emptying of the log off.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// A larger database isn't rewritten, in pages: writing would stand still for too long (32 MiB take about a second).
const REWRITTEN: i64 = 8_192;

/// A database is rewritten so seldom that it takes at most this part of the time of the one who writes.
const SHARE: u32 = 100;

/// What waits for the writer.
pub(crate) type Job = Box<dyn Work>;

/// Something to write, together with whatever else waits.
pub(crate) trait Work: Send {
    /// Does it within a transaction, from the start where it was tried before. An error means that SQLite gave up the whole
    /// transaction.
    fn run(&mut self, writing: &mut Writing<'_, '_>) -> rusqlite::Result<()>;

    /// Returns true if it removes what may be personal.
    fn erases(&self) -> bool;

    /// Tells whoever waits what came of it, once the transaction is durable or lost.
    fn answer(self: Box<Self>, outcome: Result<(), &Arc<rusqlite::Error>>);
}

/// Commits that are handed over together, and where their outcomes go.
pub(crate) struct Commits {
    prepared: Vec<Prepared>,
    counts: Counts,
    hook: Option<Arc<dyn Hook>>,
    results: Vec<Result<Committed, CommitError>>,
    reply: oneshot::Sender<Vec<Result<Committed, CommitError>>>,
}

impl Commits {
    pub(crate) fn new(
        prepared: Vec<Prepared>,
        counts: Counts,
        hook: Option<Arc<dyn Hook>>,
        reply: oneshot::Sender<Vec<Result<Committed, CommitError>>>,
    ) -> Self {
        Self {
            results: Vec::with_capacity(prepared.len()),
            prepared,
            counts,
            hook,
            reply,
        }
    }
}

impl Work for Commits {
    fn run(&mut self, writing: &mut Writing<'_, '_>) -> rusqlite::Result<()> {
        self.results.clear();
        for prepared in &self.prepared {
            self.results.push(if prepared.commit.is_late() {
                Err(StoreError::from(Exhausted::Time).into())
            } else {
                writing.whole(|connection, known| {
                    let committed = apply::apply(connection, known, prepared, &self.counts)?;
                    if let Some(hook) = &self.hook {
                        hook.before_commit(connection, &prepared.commit, &committed)?;
                        // Nothing may be answered as committed that the hook has taken back or let go of.
                        if connection.is_autocommit() {
                            return Err(
                                carried(StoreError::internal("the hook ended the transaction")).into()
                            );
                        }
                    }
                    Ok(committed)
                })?
            });
        }
        Ok(())
    }

    fn erases(&self) -> bool {
        self.prepared.iter().any(Prepared::erases)
    }

    fn answer(self: Box<Self>, outcome: Result<(), &Arc<rusqlite::Error>>) {
        let results = match outcome {
            Ok(()) => self.results,
            Err(failure) => {
                let lost = |_| Err(shared_error(failure).into());
                self.prepared.iter().map(lost).collect()
            }
        };
        // Whoever waited may have gone; the commits stand all the same.
        self.reply.send(results).ok();
    }
}

/// Anything else that is written, and where its result goes.
pub(crate) struct Task<T, F> {
    run: F,
    erases: bool,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Task<T, F> {
    pub(crate) fn new(run: F, erases: bool, reply: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self {
            run,
            erases,
            result: None,
            reply,
        }
    }
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, writing: &mut Writing<'_, '_>) -> rusqlite::Result<()> {
        let result = writing.whole(|connection, known| {
            // It may remove what the numbers are of.
            known.borrow_mut().forget();
            Ok((self.run)(connection)?)
        })?;
        self.result = Some(result.map_err(|error| match error {
            CommitError::Store(error) => error,
            refusal => StoreError::internal(refusal),
        }));
        Ok(())
    }

    fn erases(&self) -> bool {
        self.erases
    }

    fn answer(self: Box<Self>, outcome: Result<(), &Arc<rusqlite::Error>>) {
        let result = match outcome {
            Ok(()) => self.result,
            Err(failure) => Some(Err(shared_error(failure))),
        };
        if let Some(result) = result {
            self.reply.send(result).ok();
        }
    }
}

/// Does what waits, until nobody is left who could send anything.
pub(crate) fn run(connection: Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    let mut connection = connection;
    // This is the only thread that takes jobs.
    let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch = Vec::with_capacity(BATCH);
    let mut erasure = Erasure::default();
    let mut pace = Pace::default();
    let known = RefCell::default();
    let mut removal = Removal::default();
    loop {
        if removal.is_due() {
            let outcome = remove_slice(&mut connection, &known, &mut removal);
            if outcome.is_ok_and(|removed| removed) {
                erasure.demand();
            }
        }
        if batch.is_empty() {
            let until = erasure.next_try.into_iter().chain(removal.next).min();
            let Some(received) = receive(&mut jobs, &mut batch, until) else {
                if erasure
                    .next_try
                    .is_some_and(|next_try| next_try <= Instant::now())
                {
                    erasure.attempt(&connection);
                }
                continue;
            };
            if received == 0 {
                break;
            }
        } else {
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
        }
        let (written, outcome) = write_together(&mut connection, &known, &mut batch, &mut pace);
        let outcome = outcome.map_err(Arc::new);
        let mut written = batch.drain(..written);
        if outcome.is_ok() && written.as_slice().iter().any(|job| job.erases()) {
            erasure.demand();
        }
        for job in written.by_ref() {
            job.answer(outcome.as_ref().copied());
        }
        if known.borrow().leftovers && removal.next.is_none() {
            removal.next = Some(Instant::now());
        }
    }
    erasure.finish(&connection);
}

/// Waits for jobs, at most until an instant: then it returns `None`. 0 means that nobody is left who could send any.
fn receive(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, until: Option<Instant>) -> Option<usize> {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let Some(until) = until else {
        return Some(jobs.blocking_recv_many(batch, BATCH));
    };
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = task::Context::from_waker(&waker);
    loop {
        // First, lest commits that never cease put it off for ever.
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        if let Poll::Ready(received) = jobs.poll_recv_many(&mut cx, batch, BATCH) {
            return Some(received);
        }
        thread::park_timeout(left);
    }
}

/// The removal of edges that commits have left.
struct Removal {
    next: Option<Instant>,
}

impl Default for Removal {
    fn default() -> Self {
        // The process before may have left some.
        Self {
            next: Some(Instant::now()),
        }
    }
}

impl Removal {
    fn is_due(&self) -> bool {
        self.next.is_some_and(|next| next <= Instant::now())
    }
}

/// Removes some edges that commits have left, and returns false if there are none. Then as much time is left for commits as it took,
/// lest those that follow one another wait for it each time.
fn remove_slice(
    connection: &mut Connection,
    known: &RefCell<Known>,
    removal: &mut Removal,
) -> rusqlite::Result<bool> {
    let start = Instant::now();
    let mut remove = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = removal::remove_slice(&transaction)?;
        transaction.commit()?;
        Ok(removed)
    };
    let outcome = remove();
    let now = Instant::now();
    removal.next = match &outcome {
        Ok(true) => Some(now + now.duration_since(start)),
        Ok(false) => {
            known.borrow_mut().leftovers = false;
            None
        }
        // Another process writes, or the disk is full.
        Err(_) => Some(now + MAX_DELAY),
    };
    outcome
}

/// The erasure of what was deleted: the emptying of the log, and the rewriting of a small database.
///
/// Emptying the log costs some 15 ms, twenty times what a deletion costs. So it waits for a pause between commits; but
/// not for ever, since a server that is never idle erases too.
///
/// `PRAGMA secure_delete` overwrites what is deleted, but not the copies of entries that the splitting of a page leaves in
/// the unused part of it. `VACUUM` alone removes these. It costs 20 to 40 ms for each MiB.
#[derive(Default)]
struct Erasure {
    /// The instant of the first deletion that the log still holds.
    since: Option<Instant>,
    /// True if pages may hold copies of what was deleted.
    leaves_copies: bool,
    /// The instant before which the database isn't rewritten again.
    next_rewriting: Option<Instant>,
    next_try: Option<Instant>,
}

impl Erasure {
    /// Notes that the log holds something deleted.
    fn demand(&mut self) {
        let now = Instant::now();
        let latest = *self.since.get_or_insert(now) + MAX_DELAY;
        self.next_try = Some((now + PAUSE).min(latest));
        self.leaves_copies = true;
    }

    /// Does what is due, and notes when to do the rest or to try it again.
    fn attempt(&mut self, connection: &Connection) {
        let start = Instant::now();
        if self.since.is_none() && self.leaves_copies {
            self.leaves_copies = rewrite(connection, Duration::ZERO).is_err();
            self.next_rewriting = Some(start + SHARE * start.elapsed());
            // The log holds the pages as they were.
            self.since = Some(start);
        }
        if empty_log(connection, Duration::ZERO) {
            self.since = None;
            let next = self.next_rewriting.unwrap_or(start).max(start + PAUSE);
            self.next_try = self.leaves_copies.then_some(next);
        } else {
            self.next_try = Some(Instant::now() + PAUSE);
        }
    }

    /// Erases before the connection is closed.
    fn finish(&self, connection: &Connection) {
        if self.leaves_copies && rewrite(connection, BUSY_TIMEOUT).is_err() {
            tracing::warn!(
                "another process writes to the database, whose pages may hold copies of what was deleted"
            );
        }
        let holds_deleted = self.since.is_some() || self.leaves_copies;
        if holds_deleted && !empty_log(connection, BUSY_TIMEOUT) {
            tracing::warn!("another process reads the database, whose log still holds what was deleted");
        }
    }
}

/// Writes all pages of a small database anew, so that they hold what it stores and nothing else. Fails if another process
/// writes to it for longer than `patience`.
fn rewrite(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages > REWRITTEN {
        return Ok(());
    }
    connection.busy_timeout(patience)?;
    let rewritten = connection.execute_batch("VACUUM");
    connection.busy_timeout(BUSY_TIMEOUT)?;
    rewritten
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

/// How long batches are written before they are made durable.
#[derive(Default)]
struct Pace {
    /// How long the last one took to become durable.
    durable: Option<Duration>,
}

impl Pace {
    /// Returns true if a batch of so many jobs, written since an instant, is to be made durable though more wait.
    fn is_enough(&self, jobs: usize, since: Instant) -> bool {
        jobs >= SMALL_BATCH
            && self
                .durable
                .is_some_and(|durable| since.elapsed() >= WORTH * durable)
    }
}

/// Writes the first jobs of a batch in one transaction, so that all of them share the wait for the disk, and returns how many
/// they are. On an error nothing of them is kept.
///
/// Most batches hold nothing that is refused. So a batch is first written without savepoints, each of which copies every page
/// that is changed after it; one with a refusal is taken back and written again with them.
fn write_together(
    connection: &mut Connection,
    known: &RefCell<Known>,
    batch: &mut [Job],
    pace: &mut Pace,
) -> (usize, rusqlite::Result<()>) {
    for guarded in [false, true] {
        match write(connection, known, batch, guarded, pace) {
            Ok(Some(written)) => return (written, Ok(())),
            // It takes savepoints.
            Ok(None) => {}
            Err(error) => {
                known.borrow_mut().forget();
                return (batch.len(), Err(error));
            }
        }
    }
    (batch.len(), Ok(()))
}

/// Writes the first jobs of a batch and returns their number; none if one was refused that had no savepoint, so that all are
/// taken back.
fn write(
    connection: &mut Connection,
    known: &RefCell<Known>,
    batch: &mut [Job],
    guarded: bool,
    pace: &mut Pace,
) -> rusqlite::Result<Option<usize>> {
    let start = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    known.borrow_mut().refresh(&transaction)?;
    let mut writing = Writing {
        transaction,
        known,
        guarded,
        refused: false,
    };
    let mut written = 0;
    for job in batch {
        written += 1;
        job.run(&mut writing)?;
        if writing.is_lost() {
            writing.transaction.rollback()?;
            return Ok(None);
        }
        if pace.is_enough(written, start) {
            break;
        }
    }
    let end = Instant::now();
    writing.transaction.commit()?;
    pace.durable = Some(end.elapsed());
    Ok(Some(written))
}

/// A transaction in which a batch is written.
pub(crate) struct Writing<'c, 'k> {
    transaction: Transaction<'c>,
    known: &'k RefCell<Known>,
    /// Whether each part has a savepoint of its own.
    guarded: bool,
    /// Whether something was refused.
    refused: bool,
}

impl Writing<'_, '_> {
    /// Returns true if a part was refused that had no savepoint, so that the transaction can't be committed.
    fn is_lost(&self) -> bool {
        self.refused && !self.guarded
    }

    /// Does something as a whole or not at all. The outer error means that the transaction is lost.
    fn whole<T>(
        &mut self,
        act: impl FnOnce(&Connection, &RefCell<Known>) -> Result<T, Failure>,
    ) -> rusqlite::Result<Result<T, CommitError>> {
        if self.is_lost() {
            return Ok(Err(StoreError::internal("a part of a lost transaction").into()));
        }
        let outcome = if self.guarded {
            let savepoint = self.transaction.savepoint()?;
            match act(&savepoint, self.known) {
                Ok(done) => {
                    savepoint.commit()?;
                    Ok(done)
                }
                Err(Failure::Sqlite(error)) if savepoint.is_autocommit() => return Err(error),
                Err(failure) => {
                    savepoint.finish()?;
                    Err(failure)
                }
            }
        } else {
            match act(&self.transaction, self.known) {
                Err(Failure::Sqlite(error)) if self.transaction.is_autocommit() => return Err(error),
                outcome => outcome,
            }
        };
        Ok(outcome.map_err(|failure| {
            self.refused = true;
            // What was numbered for it is taken back.
            self.known.borrow_mut().forget();
            match failure {
                Failure::Sqlite(error) => store_error(error).into(),
                Failure::Refused(error) => error,
            }
        }))
    }
}
