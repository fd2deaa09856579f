//! A store that counts what it is asked, and lets something happen just before a commit.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_engine::{
    Capabilities, Change, CommitError, Committed, DynStore, Event, EventId, Page, Query, Selection, Store,
    StoreError, Stored, TenantId,
};

pub(crate) type Happening = Box<dyn FnOnce(&DynStore) + Send>;

pub(crate) struct Watched {
    pub(crate) inner: DynStore,
    pub(crate) reads: AtomicUsize,
    pub(crate) before_commit: Mutex<Option<Happening>>,
    /// Whether the next commit fails.
    pub(crate) is_down: AtomicBool,
}

impl Watched {
    pub(crate) fn new(inner: DynStore) -> Self {
        Self {
            inner,
            reads: AtomicUsize::new(0),
            before_commit: Mutex::new(None),
            is_down: AtomicBool::new(false),
        }
    }
}

impl Store for Watched {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get(tenant, resource_type, id, selection).await
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.query(tenant, resource_type, query).await
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        let happening = {
            let mut before = self.before_commit.lock().unwrap_or_else(PoisonError::into_inner);
            before.take()
        };
        if let Some(happening) = happening {
            happening(&self.inner);
        }
        if self.is_down.swap(false, Ordering::Relaxed) {
            return Err(StoreError::unavailable("the disk is full").into());
        }
        self.inner.commit(tenant, changes).await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.inner.events(tenant, after, limit).await
    }
}
