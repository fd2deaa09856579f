#![doc = include_str!("../README.md")]

mod commit;
mod edges;
mod feed;
mod query;
mod table;
mod tenant;

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Capabilities, Commit, CommitError, CommitId, Committed, Event, Explanation, FeedError, Feeds, Finding,
    Keys, LookBack, Maintenance, Page, Position, Query, ReadContext, Retention, Selection, Store, StoreError,
    Stored, TenantId,
};

use self::{commit::Transaction, tenant::Tenant};

/// A store that keeps everything in the process and nothing beyond it.
///
/// One lock guards all of it: reads run side by side, a commit runs alone and within the first poll of its future,
/// so that a future that is dropped has done all of its work or none. A commit that fails, or panics, is undone
/// before the lock is free.
///
/// # Complexity
/// - `get`, and a commit per change, take time that does not grow with what is stored. A change of a relation is
///   linear in its delta, however many members there are; one that clears it, in those it takes out. Hiding, revealing and
///   deleting a resource are linear in its edges.
/// - `query` is linear in the resources of the type, unless it asks for a reserved key, or its filter demands a value of
///   `id`, of a unique attribute or of an [indexed](ResourceType::indexed) one: then it is linear in those that have that
///   value. One that is sorted sorts all that match.
pub struct MemoryStore {
    capabilities: Capabilities,
    tenants: RwLock<Tenants>,
}

type Tenants = BTreeMap<TenantId, Tenant>;

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities::full(),
            tenants: RwLock::default(),
        }
    }

    // A panic with the lock held leaves a consistent state behind: a transaction undoes itself when it is dropped. So
    // poison means nothing here.
    fn read(&self) -> RwLockReadGuard<'_, Tenants> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tenants> {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// The tenants after one, or all.
fn tenants_after<'t>(
    tenants: &'t Tenants,
    after: Option<&TenantId>,
) -> impl Iterator<Item = (&'t TenantId, &'t Tenant)> {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    tenants.range::<TenantId, _>((start, Bound::Unbounded))
}

impl Store for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let meter = cx.budget.meter();
        let tenants = self.read();
        let tenant = tenants.get(&cx.tenant);
        let read = |id| {
            meter.step()?;
            Ok(tenant.and_then(|tenant| tenant.get(resource_type, id, selection)))
        };
        ids.iter().map(read).collect()
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        let tenants = self.read();
        match tenants.get(&cx.tenant) {
            Some(tenant) => tenant.query(cx, resource_type, query),
            None => Tenant::default().query(cx, resource_type, query),
        }
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let mut tenants = self.write();
        let mut outcomes = Vec::with_capacity(commits.len());
        for commit in commits {
            let tenant = tenants.entry(commit.tenant.clone()).or_default();
            outcomes.push(Transaction::new(tenant, commit).run());
        }
        outcomes
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        let tenants = self.read();
        Ok(tenants
            .get(tenant)
            .is_some_and(|tenant| tenant.feed.remembers(commit)))
    }
}

impl Feeds for MemoryStore {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        match self.read().get(tenant) {
            Some(tenant) => tenant.feed.read(after, limit),
            None => Ok(Vec::new()),
        }
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        let tenants = self.read();
        let feed = tenants.get(tenant).map(|tenant| &tenant.feed);
        Ok(feed.map(|feed| feed.look_back(query)).unwrap_or_default())
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        let mut tenants = self.write();
        let tenant = tenants.entry(tenant.clone()).or_default();
        tenant.feed.acknowledge(consumer, position);
        Ok(())
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        let tenants = self.read();
        let feed = tenants.get(tenant).map(|tenant| &tenant.feed);
        Ok(feed.map_or(Position::START, |feed| feed.acknowledged(consumer)))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        let tenants = self.read();
        let with_news = tenants_after(&tenants, after)
            .filter(|(_, tenant)| tenant.feed.last() > tenant.feed.acknowledged(consumer));
        Ok(with_news.take(limit).map(|(id, _)| id.clone()).collect())
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut tenants = self.write();
        Ok(tenants
            .get_mut(tenant)
            .map_or(0, |tenant| tenant.feed.trim(retention, limit)))
    }
}

impl Maintenance for MemoryStore {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        let tenants = self.read();
        let listed = tenants_after(&tenants, after).filter(|(_, tenant)| !tenant.is_empty());
        Ok(listed.take(limit).map(|(id, _)| id.clone()).collect())
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        let erased = self.write().remove(tenant);
        Ok(erased.is_some_and(|tenant| !tenant.is_empty()))
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        let tenants = self.read();
        let tenant = tenants.get(tenant);
        Ok(tenant
            .map(|tenant| tenant.check(resource_type, keys))
            .unwrap_or_default())
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        let nothing = Tenant::default();
        let tenants = self.read();
        let tenant = tenants.get(&cx.tenant).unwrap_or(&nothing);
        tenant.explain(resource_type, query)
    }
}
