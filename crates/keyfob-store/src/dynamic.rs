//! A store of which the type is not known.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};

use crate::{
    Capabilities, Commit, CommitError, CommitId, Committed, Event, Explanation, FeedError, Feeds, Finding,
    Keys, LookBack, Maintenance, Page, Position, Query, ReadContext, Retention, Selection, Store, StoreError,
    Stored, TenantId,
};

/// Any store with its events and its maintenance behind one type, itself such a store: for programs that choose the store
/// when they start.
///
/// Each call costs one allocation more than a call of the store itself.
#[derive(Clone)]
pub struct DynStore(Arc<dyn Erased>);

impl DynStore {
    /// Hides the type of a store.
    #[must_use]
    pub fn new(store: impl Feeds + Maintenance) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynStore").finish_non_exhaustive()
    }
}

type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// Writes the methods of a store three times: in the trait of boxed futures, in its implementation by every store, and in
/// the implementation of the store's own traits by [`DynStore`].
macro_rules! erased {
    ($($of:ident { $(fn $method:ident($($name:ident: $type:ty),* $(,)?) -> $output:ty;)* })*) => {
        trait Erased: Send + Sync {
            fn capabilities(&self) -> &Capabilities;
            $($(fn $method<'f>(&'f self, $($name: $type),*) -> BoxFuture<'f, $output>;)*)*
        }

        impl<S: Feeds + Maintenance> Erased for S {
            fn capabilities(&self) -> &Capabilities {
                Store::capabilities(self)
            }

            $($(fn $method<'f>(&'f self, $($name: $type),*) -> BoxFuture<'f, $output> {
                Box::pin($of::$method(self, $($name),*))
            })*)*
        }
    };
}

erased! {
    Store {
        fn get(
            cx: &'f ReadContext,
            resource_type: &'f ResourceType,
            ids: &'f [ResourceId],
            selection: &'f Selection,
        ) -> Result<Vec<Option<Stored>>, StoreError>;
        fn query(
            cx: &'f ReadContext,
            resource_type: &'f ResourceType,
            query: &'f Query,
        ) -> Result<Page, StoreError>;
        fn commit(commits: &'f [Arc<Commit>]) -> Vec<Result<Committed, CommitError>>;
        fn committed(tenant: &'f TenantId, commit: &'f CommitId) -> Result<bool, StoreError>;
    }
    Feeds {
        fn read_feed(
            tenant: &'f TenantId,
            after: Position,
            limit: usize,
        ) -> Result<Vec<Event>, FeedError>;
        fn look_back(tenant: &'f TenantId, query: &'f LookBack) -> Result<Vec<Event>, StoreError>;
        fn acknowledge(
            tenant: &'f TenantId,
            consumer: &'f str,
            position: Position,
        ) -> Result<(), StoreError>;
        fn acknowledged(tenant: &'f TenantId, consumer: &'f str) -> Result<Position, StoreError>;
        fn with_news(
            consumer: &'f str,
            after: Option<&'f TenantId>,
            limit: usize,
        ) -> Result<Vec<TenantId>, StoreError>;
        fn trim(
            tenant: &'f TenantId,
            retention: &'f Retention,
            limit: usize,
        ) -> Result<usize, StoreError>;
    }
    Maintenance {
        fn tenants(after: Option<&'f TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError>;
        fn erase(tenant: &'f TenantId) -> Result<bool, StoreError>;
        fn check(
            tenant: &'f TenantId,
            resource_type: &'f ResourceType,
            keys: &'f Keys,
        ) -> Result<Vec<Finding>, StoreError>;
        fn explain(
            cx: &'f ReadContext,
            resource_type: &'f ResourceType,
            query: &'f Query,
        ) -> Result<Explanation, StoreError>;
    }
}

impl Store for DynStore {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.0.get(cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        self.0.query(cx, resource_type, query).await
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        self.0.commit(commits).await
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.0.committed(tenant, commit).await
    }
}

impl Feeds for DynStore {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        self.0.read_feed(tenant, after, limit).await
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        self.0.look_back(tenant, query).await
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        self.0.acknowledge(tenant, consumer, position).await
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        self.0.acknowledged(tenant, consumer).await
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        self.0.with_news(consumer, after, limit).await
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.0.trim(tenant, retention, limit).await
    }
}

impl Maintenance for DynStore {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        self.0.tenants(after, limit).await
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        self.0.erase(tenant).await
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        self.0.check(tenant, resource_type, keys).await
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        self.0.explain(cx, resource_type, query).await
    }
}
