//! Everything that is read, each call from one snapshot.

mod check;
pub(crate) mod decode;
mod event;
mod lookup;
mod order;
mod query;
mod relation;
mod resource;

use std::time::{Duration, Instant};

use keyfob_core::{CompareKey, ResourceId, ResourceType};
use keyfob_store::{
    Budget, Exhausted, Explanation, Meter, Page, Query, ReadContext, Selection, StoreError, Stored,
};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;

pub(crate) use self::{
    check::{Checked, holders, page_to_check},
    event::{EVENT, event},
    relation::{Limits, path, selected},
    resource::{found, statements},
};
use crate::{
    error::Failure,
    session::{Database, Session, Statement},
};

/// The cost of a read to its caller's budget.
pub(crate) struct Cost {
    meter: Meter,
    steps: u64,
}

impl Cost {
    pub(crate) fn within(budget: Budget) -> Self {
        Self {
            meter: budget.meter(),
            steps: budget.steps,
        }
    }

    /// Counts a resource or an index entry.
    fn step(&mut self) -> Result<(), Failure> {
        Ok(self.meter.step()?)
    }

    /// Whether any number of resources is too many.
    fn is_limited(&self) -> bool {
        self.steps < u64::MAX
    }

    /// Counts entries that the database passes over by itself.
    fn pass(&mut self, entries: usize) -> Result<(), Failure> {
        (0..entries).try_for_each(|_| self.step())
    }

    /// Counts the comparisons that a filter makes of resources.
    fn compare(&mut self, comparisons: usize) -> Result<(), Failure> {
        Ok(self.meter.spend(comparisons as u64)?)
    }

    /// Counts a document before it is decoded.
    fn decode(&mut self, bytes: usize) -> Result<(), Failure> {
        Ok(self.meter.bytes(bytes)?)
    }

    /// The number of rows to ask for where so many are wanted: one more than the budget covers at most, by which a call
    /// that needs more is told from one that doesn't.
    fn affordable(&self, rows: usize) -> usize {
        let left = self.steps.saturating_sub(self.meter.steps()).saturating_add(1);
        rows.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}

/// A snapshot of the database in which one call reads.
///
/// Its transaction begins with the first statements, in the same round trip.
pub(crate) struct Snapshot<'c> {
    session: Session,
    tenant: &'c str,
    cost: Cost,
    deadline: Option<Instant>,
    has_begun: bool,
}

impl<'c> Snapshot<'c> {
    pub(crate) async fn open(database: &Database, cx: &'c ReadContext) -> Result<Self, Failure> {
        let ReadContext { tenant, budget } = cx;
        let cost = Cost::within(*budget);
        cost.meter.check_time()?;
        Ok(Self {
            session: database.session(budget.deadline).await?,
            tenant: tenant.as_str(),
            cost,
            deadline: budget.deadline,
            has_begun: false,
        })
    }

    pub(crate) fn tenant(&self) -> &'c str {
        self.tenant
    }

    /// Runs statements in the snapshot and returns the rows of each.
    pub(crate) async fn ask(&mut self, statements: Vec<Statement<'_>>) -> Result<Vec<Vec<Row>>, Failure> {
        if self.has_begun {
            return self.session.run(statements).await;
        }
        let mut all = Vec::with_capacity(statements.len() + 1);
        all.push(Statement::begin_reading(self.deadline));
        all.extend(statements);
        self.has_begun = true;
        let rows = self.session.run(all).await?;
        Ok(rows.into_iter().skip(1).collect())
    }

    /// Runs a single statement that is all there is to read, which needs no transaction.
    async fn ask_alone(&mut self, statements: Vec<Statement<'_>>) -> Result<Vec<Vec<Row>>, Failure> {
        self.session.run(statements).await
    }

    /// Gives the connection back.
    pub(crate) async fn close(self) {
        self.session.end().await;
    }
}

/// The attempts of a read, which is tried again where its connection turns out to be broken: after a failover all that the
/// pool holds are.
pub(crate) struct Attempts {
    deadline: Option<Instant>,
    left: u32,
}

impl Attempts {
    pub(crate) fn until(deadline: Option<Instant>) -> Self {
        Self { deadline, left: 5 }
    }

    /// The result, unless the read is to be tried again.
    pub(crate) async fn judge<T>(&mut self, result: Result<T, Failure>) -> Option<Result<T, StoreError>> {
        match result {
            Ok(read) => Some(Ok(read)),
            Err(failure) if self.left > 0 && (failure.is_connection() || failure.is_conflict()) => {
                self.left -= 1;
                let pause = Duration::from_millis(100);
                if self
                    .deadline
                    .is_some_and(|deadline| Instant::now() + pause >= deadline)
                {
                    return Some(Err(failure.into_store_error(self.deadline)));
                }
                // The first time at once, since the pool's other connections may do.
                if self.left < 4 {
                    tokio::time::sleep(pause).await;
                }
                None
            }
            Err(failure) => Some(Err(failure.into_store_error(self.deadline))),
        }
    }
}

/// Ends a read at its deadline. Its connection is closed then.
async fn in_time<T>(
    deadline: Option<Instant>,
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(deadline) = deadline else {
        return read.await;
    };
    match tokio::time::timeout_at(deadline.into(), read).await {
        Ok(result) => result,
        Err(_) => Err(Exhausted::Time.into()),
    }
}

/// Reads resources by their ids, in their order.
pub(crate) async fn get(
    database: &Database,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Result<Vec<Option<Stored>>, StoreError> {
    let deadline = cx.budget.deadline;
    let mut attempts = Attempts::until(deadline);
    loop {
        let read = in_time(deadline, async {
            let mut snapshot = Snapshot::open(database, cx).await?;
            let found = resource::get(&mut snapshot, resource_type, ids, selection).await;
            snapshot.close().await;
            found
        });
        if let Some(result) = attempts.judge(read.await).await {
            return result;
        }
    }
}

/// Reads a page.
pub(crate) async fn query(
    database: &Database,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result<Page, StoreError> {
    let deadline = cx.budget.deadline;
    let mut attempts = Attempts::until(deadline);
    loop {
        let read = in_time(deadline, async {
            let mut snapshot = Snapshot::open(database, cx).await?;
            let page = query::query(&mut snapshot, resource_type, query).await;
            snapshot.close().await;
            page
        });
        if let Some(result) = attempts.judge(read.await).await {
            return result;
        }
    }
}

/// Explains how a page would be read.
pub(crate) async fn explain(
    database: &Database,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result<Explanation, StoreError> {
    let deadline = cx.budget.deadline;
    let mut attempts = Attempts::until(deadline);
    loop {
        let read = in_time(deadline, async {
            let mut snapshot = Snapshot::open(database, cx).await?;
            let explanation = query::explain(&mut snapshot, resource_type, query).await;
            snapshot.close().await;
            explanation
        });
        if let Some(result) = attempts.judge(read.await).await {
            return result;
        }
    }
}

/// The attributes and the comparison by which resources of a type stand in the index.
///
/// Resources that another release wrote, which indexes its types otherwise, are of another generation. While there are any,
/// nothing is looked up.
pub(crate) fn generation(resource_type: &ResourceType) -> i64 {
    let signature = format!("{}\n{}", CompareKey::VERSION, resource_type.index().signature());
    let digest = Sha256::digest(signature.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | i64::from(*byte))
}
