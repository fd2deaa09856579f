//! A store of which the type is not known.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};

use crate::{
    Capabilities, Change, CommitError, Committed, Event, EventId, Page, Query, Selection, Store, StoreError,
    Stored, TenantId,
};

/// Any store behind one type, itself a store: for programs that choose the store when they start.
///
/// Each call costs one allocation more than a call of the store itself.
#[derive(Clone)]
pub struct DynStore(Arc<dyn Erased>);

impl DynStore {
    /// Hides the type of a store.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynStore").finish_non_exhaustive()
    }
}

impl Store for DynStore {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        self.0.get(tenant, resource_type, id, selection).await
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        self.0.query(tenant, resource_type, query).await
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        self.0.commit(tenant, changes).await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.0.events(tenant, after, limit).await
    }
}

type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// The store's methods with their futures boxed.
trait Erased: Send + Sync {
    fn capabilities(&self) -> Capabilities;

    fn get<'f>(
        &'f self,
        tenant: &'f TenantId,
        resource_type: &'f ResourceType,
        id: &'f ResourceId,
        selection: &'f Selection,
    ) -> BoxFuture<'f, Result<Option<Stored>, StoreError>>;

    fn query<'f>(
        &'f self,
        tenant: &'f TenantId,
        resource_type: &'f ResourceType,
        query: &'f Query<'_>,
    ) -> BoxFuture<'f, Result<Page, StoreError>>;

    fn commit<'f>(
        &'f self,
        tenant: &'f TenantId,
        changes: &'f [Change<'_>],
    ) -> BoxFuture<'f, Result<Committed, CommitError>>;

    fn events<'f>(
        &'f self,
        tenant: &'f TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> BoxFuture<'f, Result<Vec<Event>, StoreError>>;
}

impl<S: Store> Erased for S {
    fn capabilities(&self) -> Capabilities {
        Store::capabilities(self)
    }

    fn get<'f>(
        &'f self,
        tenant: &'f TenantId,
        resource_type: &'f ResourceType,
        id: &'f ResourceId,
        selection: &'f Selection,
    ) -> BoxFuture<'f, Result<Option<Stored>, StoreError>> {
        Box::pin(Store::get(self, tenant, resource_type, id, selection))
    }

    fn query<'f>(
        &'f self,
        tenant: &'f TenantId,
        resource_type: &'f ResourceType,
        query: &'f Query<'_>,
    ) -> BoxFuture<'f, Result<Page, StoreError>> {
        Box::pin(Store::query(self, tenant, resource_type, query))
    }

    fn commit<'f>(
        &'f self,
        tenant: &'f TenantId,
        changes: &'f [Change<'_>],
    ) -> BoxFuture<'f, Result<Committed, CommitError>> {
        Box::pin(Store::commit(self, tenant, changes))
    }

    fn events<'f>(
        &'f self,
        tenant: &'f TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> BoxFuture<'f, Result<Vec<Event>, StoreError>> {
        Box::pin(Store::events(self, tenant, after, limit))
    }
}
