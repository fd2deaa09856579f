//! The log of an organization's requests: writes and refusals, for the administrators who look for the reason of one.

mod piece;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Context, Engine, Loaded, RequestRecord, RequestRecorder};
use keyfob_store::{Selection, Store, StoreError, StoreExt, TenantId};

use self::piece::{PIECE, PIECES, Piece, id_of};
use crate::system;

/// Keeps the writes and the refusals of each organization: the last 10,000 and at most 30 days.
///
/// Requests hand their records over and wait for nothing; [`flush`](Self::flush) writes what has come together, outside the
/// commits of the requests. What comes faster than it is written is lost, and counted.
///
/// A record holds no value of a resource. It names people by the ids of their resources, so that it says nothing any more of
/// somebody who was removed for good.
///
/// ```
/// use std::sync::Arc;
/// use keyfob_core::{DateTime, Registry};
/// use keyfob_engine::{RequestId, RequestRecord, RequestRecorder, TenantId};
/// use keyfob_provisioning::{Provisioner, RequestLog, RequestQuery};
/// use keyfob_store_memory::MemoryStore;
///
/// # pollster::block_on(async {
/// let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
/// let log = RequestLog::new(Arc::clone(provisioner.engine()));
/// let (acme, now) = (TenantId::new("acme"), provisioner.now());
/// log.record(&acme, RequestRecord::new(now, RequestId::new("r-1"), "POST", "/Users", 201));
/// log.flush().await?;
/// let page = log.read(&acme, &RequestQuery::newest(10)).await?;
/// assert_eq!(page.requests[0].record.path, "/Users");
/// # Ok::<(), keyfob_engine::StoreError>(())
/// # }).unwrap();
/// ```
pub struct RequestLog<S> {
    engine: Arc<Engine<S>>,
    queue: Mutex<Queue>,
    /// The numbers of the next requests, as far as this process knows. Another one may have written since.
    next: Mutex<HashMap<TenantId, u64>>,
}

#[derive(Debug, Default)]
struct Queue {
    length: usize,
    tenants: HashMap<TenantId, Batch>,
}

/// What has come of a tenant since the last flush.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<RequestRecord>,
    lost: u64,
}

/// The part of a log that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestQuery {
    /// If set, only requests with smaller numbers: the [`next`](RequestPage::next) of the page before.
    pub before: Option<u64>,
    /// The number of requests at most.
    pub limit: usize,
    /// If true, refusals alone.
    pub refused: bool,
    /// If set, requests about this resource alone.
    pub resource: Option<ResourceId>,
    /// If set, requests since this instant alone.
    pub since: Option<DateTime>,
}

impl RequestQuery {
    /// Asks for the newest requests.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self {
            before: None,
            limit,
            refused: false,
            resource: None,
            since: None,
        }
    }

    fn asks_for(&self, logged: &LoggedRequest) -> bool {
        let record = &logged.record;
        self.before.is_none_or(|before| logged.number < before)
            && (!self.refused || record.is_refused())
            && (self.resource.is_none() || self.resource == record.resource)
            && self.since.is_none_or(|since| record.at >= since)
    }
}

/// A request of a log, with its number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The number, which grows with time and is given once in an organization.
    pub number: u64,
    /// The request.
    pub record: RequestRecord,
}

/// A page of a log, newest requests first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<LoggedRequest>,
    /// What to ask for before, to go on; none on the last page.
    pub next: Option<u64>,
    /// The number of requests that were lost, as far back as the log goes.
    pub lost: u64,
}

impl<S: Store> RequestLog<S> {
    /// The number of requests of an organization that are kept.
    pub const KEPT: usize = PIECE * PIECES;

    /// For how long a request is kept.
    pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// The number of requests of all organizations that wait to be written; more are lost.
    pub const QUEUE: usize = 10_000;

    /// The number of requests of one organization that wait to be written; more are lost.
    pub const TENANT_QUEUE: usize = 1_000;

    /// Creates a log in the store of an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine<S>>) -> Self {
        Self {
            engine,
            queue: Mutex::default(),
            next: Mutex::default(),
        }
    }

    /// Writes what has come together. Whoever runs a service calls it every second or so, and once when it stops.
    ///
    /// # Errors
    /// [`StoreError`] of the first organization whose requests could not be written. They are counted as lost, and those of
    /// the others are written all the same.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let queue = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcome = Ok(());
        for (tenant, mut batch) in queue.tenants {
            if let Err(error) = self.append(&tenant, &mut batch).await {
                self.lose(&tenant, batch.records.len() as u64 + batch.lost);
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    /// Reads a page of an organization's log.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Complexity
    /// Reads the whole log of the organization, which has a bound.
    pub async fn read(&self, tenant: &TenantId, query: &RequestQuery) -> Result<RequestPage, StoreError> {
        let pieces = self.pieces(tenant).await?;
        let oldest = self.oldest();
        let lost = pieces.iter().map(|piece| piece.lost).sum();
        let mut found: Vec<LoggedRequest> = pieces
            .into_iter()
            .flat_map(Piece::into_requests)
            .filter(|logged| logged.record.at >= oldest && query.asks_for(logged))
            .collect();
        found.sort_unstable_by_key(|logged| std::cmp::Reverse(logged.number));
        let goes_on = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().map(|logged| logged.number).filter(|_| goes_on);
        Ok(RequestPage {
            requests: found,
            next,
            lost,
        })
    }

    /// Removes from an organization's log what is older than [`RETENTION`](Self::RETENTION). Whoever runs a service calls it for
    /// each organization every day or so; older requests are not read in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let oldest = self.oldest();
        for piece in self.pieces(tenant).await? {
            if let Some(kept) = piece.since(oldest) {
                // Whoever writes to it at the same time leaves less for the next time.
                self.write(tenant, &kept).await?;
            }
        }
        Ok(())
    }

    fn oldest(&self) -> DateTime {
        let age = i64::try_from(Self::RETENTION.as_millis()).unwrap_or(i64::MAX);
        DateTime::from_unix_millis(self.engine.now().unix_millis().saturating_sub(age))
    }

    /// Counts requests that are not kept.
    fn lose(&self, tenant: &TenantId, count: u64) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.tenants.entry(tenant.clone()).or_default().lost += count;
    }

    /// Adds requests to the log of an organization, piece by piece. What could not be added stays in the batch.
    async fn append(&self, tenant: &TenantId, batch: &mut Batch) -> Result<(), StoreError> {
        let mut attempts = 0;
        while !batch.records.is_empty() || batch.lost > 0 {
            let next = self.next_number(tenant).await?;
            let mut piece = self.piece_for(tenant, next).await?;
            let count = piece.as_ref().map_or(0, Piece::room).min(batch.records.len());
            if let Some(piece) = &mut piece {
                piece.lost += batch.lost;
                piece.records.extend(batch.records.iter().take(count).cloned());
            }
            if let Some(piece) = &piece
                && self.write(tenant, piece).await?
            {
                self.remember(tenant, Some(piece.end()));
                batch.records.drain(..count);
                batch.lost = 0;
                continue;
            }
            // Another process has written; what it wrote is looked at.
            self.remember(tenant, None);
            attempts += 1;
            if attempts == Engine::<S>::MAX_ATTEMPTS {
                return Err(StoreError::unavailable(
                    "other servers write the log of requests faster",
                ));
            }
        }
        Ok(())
    }

    async fn next_number(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let known = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let pieces = self.pieces(tenant).await?;
        Ok(pieces.iter().map(Piece::end).max().unwrap_or_default())
    }

    fn remember(&self, tenant: &TenantId, next: Option<u64>) {
        let mut known = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match next {
            Some(next) => known.insert(tenant.clone(), next),
            None => known.remove(tenant),
        };
    }

    /// Returns the piece in which a number stands: the one that begins with it, or the one that there is.
    async fn piece_for(&self, tenant: &TenantId, number: u64) -> Result<Option<Piece>, StoreError> {
        let (cx, id, selection) = (Context::new(tenant.clone()), id_of(number), Selection::document());
        let stored = self.engine.load(&cx, system::requests(), &id, &selection).await?;
        let there = stored.as_ref().map(Piece::of).transpose()?;
        Ok(Piece::for_number(number, there))
    }

    /// Reads all pieces of an organization's log.
    async fn pieces(&self, tenant: &TenantId) -> Result<Vec<Piece>, StoreError> {
        let cx = Context::new(tenant.clone());
        let ids: Vec<ResourceId> = piece::ids().collect();
        let selection = Selection::document();
        let kind = system::requests();
        let found = self
            .engine
            .store()
            .get(&cx.reading(), kind, &ids, &selection)
            .await?;
        let found = found.into_iter().flatten().map(Loaded::new);
        found.map(|loaded| Piece::of(&loaded)).collect()
    }

    /// Writes a piece. Returns false where another process has written it since it was read.
    async fn write(&self, tenant: &TenantId, piece: &Piece) -> Result<bool, StoreError> {
        let cx = Context::new(tenant.clone());
        let commit = self
            .engine
            .commit_of(&cx, "logRequests", vec![piece.to_change()], None);
        piece::outcome(self.engine.store().commit_one(commit).await)
    }
}

impl<S: Store> RequestRecorder for RequestLog<S> {
    fn record(&self, tenant: &TenantId, record: RequestRecord) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = queue.length >= Self::QUEUE;
        let batch = queue.tenants.entry(tenant.clone()).or_default();
        if is_full || batch.records.len() >= Self::TENANT_QUEUE {
            batch.lost += 1;
            return;
        }
        batch.records.push(record);
        queue.length += 1;
    }
}

impl<S> fmt::Debug for RequestLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLog").finish_non_exhaustive()
    }
}
