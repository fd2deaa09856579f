//! The log of an organization's requests: writes and refusals, for the administrators who look for the reason of one.

mod index;
mod piece;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Context, Engine, Loaded, RequestRecord, RequestRecorder};
use keyfob_store::{Change, Committed, Selection, Store, StoreError, StoreExt, TenantId};
use smol_str::SmolStr;

use self::{
    index::{CREDENTIALS, Index, index_id},
    piece::{PIECE, PIECES, Piece, SIZE, id_of},
};
use crate::system;

/// Keeps the writes and the refusals of each organization: the last 10,000 and at most 30 days.
///
/// Requests hand their records over and wait for nothing; [`flush`](Self::flush) writes what has come together, outside the
/// commits of the requests. What comes faster than it is written is lost, and counted. Of requests that only read, the time of
/// the last one is known, to the minute.
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
    /// The indexes as this process has written them last. Another one may have written since.
    indexes: Mutex<HashMap<TenantId, Index>>,
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
    /// When each credential has read last.
    reads: HashMap<SmolStr, DateTime>,
    lost: u64,
}

/// The part of a log that is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestQuery {
    /// If set, only requests with smaller numbers: the [`next`](RequestPage::next) of the page before.
    pub before: Option<u64>,
    /// The number of requests at most.
    pub limit: usize,
    /// If set, refusals alone, or what was done alone.
    pub refused: Option<bool>,
    /// If set, requests of this method alone, such as `PATCH`.
    pub method: Option<SmolStr>,
    /// If set, requests that were answered with this HTTP status alone.
    pub status: Option<u16>,
    /// If set, requests about this resource alone.
    pub resource: Option<ResourceId>,
    /// If set, requests with the token of this name alone.
    pub credential: Option<SmolStr>,
    /// If set, requests since this instant alone.
    pub since: Option<DateTime>,
}

impl RequestQuery {
    /// Asks for the newest requests.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    fn asks_for(&self, record: &RequestRecord) -> bool {
        self.refused.is_none_or(|refused| refused == record.is_refused())
            && self.method.as_ref().is_none_or(|method| *method == record.method)
            && self.status.is_none_or(|status| status == record.status)
            && (self.resource.is_none() || self.resource == record.resource)
            && (self.credential.as_ref()).is_none_or(|credential| *credential == record.credential)
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
    /// What to ask for before, to go on; none on the last page. A page may have fewer requests than were asked for, or none, and
    /// go on all the same.
    pub next: Option<u64>,
    /// The number of requests that were lost, as far back as the log goes.
    pub lost: u64,
}

/// When requests of an organization came last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestFacts {
    /// The last request with a valid token, to the minute where it only read.
    pub last_request: Option<DateTime>,
    /// The last request that was done, to the minute where it only read.
    pub last_success: Option<DateTime>,
    /// The last request that was refused, for as long as the log keeps it.
    pub last_refusal: Option<LoggedRequest>,
    /// The last request with each token, by the token's name.
    pub used: BTreeMap<SmolStr, DateTime>,
    /// The number of requests that were lost, as far back as the log goes.
    pub lost: u64,
}

/// The number of pieces that are read at a time.
const READ: usize = 4;

/// The number of pieces that are read for a page at most. Where few requests match, the page is shorter and says where to go on.
const READ_AT_MOST: usize = 32;

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
            indexes: Mutex::default(),
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
    /// A page may be shorter than the query's limit although there are more requests: then it has a
    /// [`next`](RequestPage::next).
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Complexity
    /// Reads the index of the log and some of its pieces of 100 requests: one or two for a page of 50, and at most 32 where few
    /// requests match. A page of refusals reads no piece without one. The length of the log doesn't matter.
    pub async fn read(&self, tenant: &TenantId, query: &RequestQuery) -> Result<RequestPage, StoreError> {
        let index = self.read_index(tenant).await?;
        let oldest = Some(self.oldest()).max(query.since);
        let before = query.before.unwrap_or(u64::MAX);
        let mut page = RequestPage {
            requests: Vec::new(),
            next: None,
            lost: index.lost(),
        };
        let mut runs = index.runs(before, query.refused == Some(true)).peekable();
        let mut read = 0;
        while runs.peek().is_some() {
            let batch: Vec<u64> = runs.by_ref().take(READ).collect();
            let ids: Vec<ResourceId> = batch.iter().map(|run| id_of(run * SIZE)).collect();
            let pieces = self.pieces(tenant, &ids).await?;
            for (run, piece) in batch.iter().zip(pieces) {
                let Some(piece) = piece else { continue };
                // What has come since may have taken the place of the piece.
                let requests = piece.into_requests().rev();
                let mut requests = requests
                    .filter(|logged| logged.number / SIZE == *run && logged.number < before)
                    .peekable();
                let is_past = |logged: &LoggedRequest| Some(logged.record.at) < oldest;
                let ends = requests.peek().is_some_and(is_past);
                let found = requests.filter(|logged| !is_past(logged) && query.asks_for(&logged.record));
                page.requests.extend(found);
                if page.requests.len() > query.limit {
                    page.requests.truncate(query.limit);
                    page.next = page.requests.last().map(|logged| logged.number);
                    return Ok(page);
                }
                if ends {
                    return Ok(page);
                }
            }
            read += batch.len();
            if read >= READ_AT_MOST && runs.peek().is_some() {
                page.next = batch.last().map(|run| run * SIZE);
                break;
            }
        }
        Ok(page)
    }

    /// Reads one request of an organization's log.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Complexity
    /// Reads one piece.
    pub async fn request(&self, tenant: &TenantId, number: u64) -> Result<Option<LoggedRequest>, StoreError> {
        let pieces = self.pieces(tenant, &[id_of(number)]).await?;
        let mut requests = pieces.into_iter().flatten().flat_map(Piece::into_requests);
        let oldest = self.oldest();
        Ok(requests.find(|logged| logged.number == number && logged.record.at >= oldest))
    }

    /// Says when requests of an organization came last.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Complexity
    /// Reads the index of the log and at most one piece.
    pub async fn facts(&self, tenant: &TenantId) -> Result<RequestFacts, StoreError> {
        let index = self.read_index(tenant).await?;
        let last_refusal = match index.last_refusal {
            Some(number) => self.request(tenant, number).await?,
            None => None,
        };
        Ok(RequestFacts {
            last_request: index.last_request(),
            last_success: index.last_success,
            last_refusal,
            lost: index.lost(),
            used: index.used,
        })
    }

    /// Removes from an organization's log what is older than [`RETENTION`](Self::RETENTION). Whoever runs a service calls it for
    /// each organization every day or so; older requests are not read in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let oldest = self.oldest();
        for piece in self.all_pieces(tenant).await? {
            if let Some(kept) = piece.since(oldest) {
                // Whoever writes to it at the same time leaves less for the next time.
                self.write(tenant, vec![kept.to_change()]).await?;
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

    /// Adds requests to the log of an organization, piece by piece, each in one commit with the index. What could not be added
    /// stays in the batch.
    async fn append(&self, tenant: &TenantId, batch: &mut Batch) -> Result<(), StoreError> {
        let mut attempts = 0;
        loop {
            let mut index = self.index(tenant).await?;
            let has_records = !batch.records.is_empty() || batch.lost > 0;
            if !has_records
                && !batch
                    .reads
                    .iter()
                    .any(|(credential, at)| index.is_news(credential, *at))
            {
                return Ok(());
            }
            for (credential, at) in &batch.reads {
                index.note_read(credential, *at);
            }
            let (mut changes, mut count, mut is_behind) = (Vec::new(), 0, false);
            if has_records {
                match self.piece_for(tenant, index.next).await? {
                    None => is_behind = true,
                    Some(mut piece) => {
                        count = piece.room().min(batch.records.len());
                        piece.lost += batch.lost;
                        for record in batch.records.iter().take(count) {
                            index.note(piece.end(), record);
                            piece.records.push(record.clone());
                        }
                        index.note_piece(&piece);
                        changes.push(piece.to_change());
                    }
                }
            }
            changes.insert(0, index.to_change());
            let written = if is_behind {
                None
            } else {
                self.write(tenant, changes).await?
            };
            if let Some(written) = written {
                let version = written.revision(0).map(|revision| revision.version);
                self.remember(tenant, Some(index.written_as(version)));
                batch.records.drain(..count);
                batch.reads.clear();
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
    }

    /// Returns the index as this process knows it.
    async fn index(&self, tenant: &TenantId) -> Result<Index, StoreError> {
        let known = self
            .indexes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .cloned();
        match known {
            Some(known) => Ok(known),
            None => self.read_index(tenant).await,
        }
    }

    /// Reads the index as it is stored.
    async fn read_index(&self, tenant: &TenantId) -> Result<Index, StoreError> {
        let stored = self.load(tenant, &[index_id()]).await?;
        match stored.into_iter().flatten().next() {
            Some(loaded) => Index::of(&loaded),
            // A log that an earlier release has written.
            None => Ok(Index::of_pieces(self.all_pieces(tenant).await?)),
        }
    }

    fn remember(&self, tenant: &TenantId, index: Option<Index>) {
        let mut known = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        match index {
            Some(index) => known.insert(tenant.clone(), index),
            None => known.remove(tenant),
        };
    }

    /// Returns the piece in which a number stands: the one that begins with it, or the one that there is.
    async fn piece_for(&self, tenant: &TenantId, number: u64) -> Result<Option<Piece>, StoreError> {
        let there = self.pieces(tenant, &[id_of(number)]).await?;
        Ok(Piece::for_number(number, there.into_iter().flatten().next()))
    }

    async fn all_pieces(&self, tenant: &TenantId) -> Result<Vec<Piece>, StoreError> {
        let ids: Vec<ResourceId> = piece::ids().collect();
        let pieces = self.pieces(tenant, &ids).await?;
        Ok(pieces.into_iter().flatten().collect())
    }

    /// Reads the pieces with these ids, none where there is none.
    async fn pieces(&self, tenant: &TenantId, ids: &[ResourceId]) -> Result<Vec<Option<Piece>>, StoreError> {
        let found = self.load(tenant, ids).await?.into_iter();
        let pieces = found.map(|loaded| loaded.as_ref().map(Piece::of).transpose());
        pieces.collect()
    }

    async fn load(&self, tenant: &TenantId, ids: &[ResourceId]) -> Result<Vec<Option<Loaded>>, StoreError> {
        let (cx, selection) = (Context::new(tenant.clone()), Selection::document());
        let store = self.engine.store();
        let found = store
            .get(&cx.reading(), system::requests(), ids, &selection)
            .await?;
        Ok(found.into_iter().map(|stored| stored.map(Loaded::new)).collect())
    }

    /// Commits changes. Returns none where another process has written one of the resources since it was read.
    async fn write(&self, tenant: &TenantId, changes: Vec<Change>) -> Result<Option<Committed>, StoreError> {
        let cx = Context::new(tenant.clone());
        let commit = self.engine.commit_of(&cx, "logRequests", changes, None);
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

    fn note_read(&self, tenant: &TenantId, credential: &str, at: DateTime) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = match queue.tenants.get_mut(tenant) {
            Some(batch) => batch,
            None => queue.tenants.entry(tenant.clone()).or_default(),
        };
        // Most read more than once between two flushes: nothing is allocated for them.
        if let Some(read) = batch.reads.get_mut(credential) {
            *read = at;
        } else if batch.reads.len() < CREDENTIALS {
            batch.reads.insert(credential.into(), at);
        }
    }
}

impl<S> fmt::Debug for RequestLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLog").finish_non_exhaustive()
    }
}
