#![doc = include_str!("../README.md")]

mod commit;
mod edges;
mod query;
mod table;
mod tenant;

use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Capabilities, Change, CommitError, Committed, Event, EventId, Page, Query, Selection, Store, StoreError,
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
///   linear in its delta, however many members there are; one that clears it, in those it takes out.
/// - `query` is linear in the resources of the type, unless its filter demands a value of `id`, of a unique attribute
///   or of an [indexed](ResourceType::indexed) one: then it is linear in those that have that value.
#[derive(Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    tenants: HashMap<TenantId, Tenant>,
    last_event: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // Whoever panicked with the lock held has left a consistent state behind: a transaction undoes itself when it is
    // dropped. So poison means nothing here.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        let state = self.read();
        let tenant = state.tenants.get(tenant);
        Ok(tenant.and_then(|tenant| tenant.get(resource_type, id, selection)))
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        let state = self.read();
        let tenant = state.tenants.get(tenant);
        Ok(tenant
            .map(|tenant| tenant.query(resource_type, query))
            .unwrap_or_default())
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        let mut state = self.write();
        let State { tenants, last_event } = &mut *state;
        let tenant = tenants.entry(tenant.clone()).or_default();
        Transaction::new(tenant, last_event).run(changes)
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let state = self.read();
        let tenant = state.tenants.get(tenant);
        Ok(tenant
            .map(|tenant| tenant.events(after, limit))
            .unwrap_or_default())
    }
}
