//! A store without events and maintenance.

use std::{future::Future, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Capabilities, Commit, CommitError, CommitId, Committed, Event, Explanation, FeedError, Feeds, Finding,
    Keys, LookBack, Maintenance, Page, Position, Query, ReadContext, Retention, Selection, Store, StoreError,
    Stored, TenantId,
};

/// A store that implements [`Store`] and neither [`Feeds`] nor [`Maintenance`], for a [`Harness`](crate::Harness): every
/// method of these two fails with [`StoreError::Unsupported`].
///
/// The suite leaves out the cases that read events or look after the store as a whole.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it wraps one store and nothing else")]
pub struct StoreOnly<S>(pub S);

impl<S: Store> Store for StoreOnly<S> {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> impl Future<Output = Result<Vec<Option<Stored>>, StoreError>> + Send {
        self.0.get(cx, resource_type, ids, selection)
    }

    fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        self.0.query(cx, resource_type, query)
    }

    fn commit(
        &self,
        commits: &[Arc<Commit>],
    ) -> impl Future<Output = Vec<Result<Committed, CommitError>>> + Send {
        self.0.commit(commits)
    }

    fn committed(
        &self,
        tenant: &TenantId,
        commit: &CommitId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.0.committed(tenant, commit)
    }
}

const NO_EVENTS: StoreError = StoreError::Unsupported("give back events");
const NO_MAINTENANCE: StoreError = StoreError::Unsupported("be looked after");

impl<S: Store> Feeds for StoreOnly<S> {
    async fn read_feed(&self, _: &TenantId, _: Position, _: usize) -> Result<Vec<Event>, FeedError> {
        Err(NO_EVENTS.into())
    }

    async fn look_back(&self, _: &TenantId, _: &LookBack) -> Result<Vec<Event>, StoreError> {
        Err(NO_EVENTS)
    }

    async fn acknowledge(&self, _: &TenantId, _: &str, _: Position) -> Result<(), StoreError> {
        Err(NO_EVENTS)
    }

    async fn acknowledged(&self, _: &TenantId, _: &str) -> Result<Position, StoreError> {
        Err(NO_EVENTS)
    }

    async fn with_news(&self, _: &str, _: Option<&TenantId>, _: usize) -> Result<Vec<TenantId>, StoreError> {
        Err(NO_EVENTS)
    }

    async fn trim(&self, _: &TenantId, _: &Retention, _: usize) -> Result<usize, StoreError> {
        Err(NO_EVENTS)
    }
}

impl<S: Store> Maintenance for StoreOnly<S> {
    async fn tenants(&self, _: Option<&TenantId>, _: usize) -> Result<Vec<TenantId>, StoreError> {
        Err(NO_MAINTENANCE)
    }

    async fn erase(&self, _: &TenantId) -> Result<bool, StoreError> {
        Err(NO_MAINTENANCE)
    }

    async fn check(&self, _: &TenantId, _: &ResourceType, _: &Keys) -> Result<Vec<Finding>, StoreError> {
        Err(NO_MAINTENANCE)
    }

    async fn explain(&self, _: &ReadContext, _: &ResourceType, _: &Query) -> Result<Explanation, StoreError> {
        Err(NO_MAINTENANCE)
    }
}
