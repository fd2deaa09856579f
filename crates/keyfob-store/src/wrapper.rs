//! Stores around stores: one that writes a trace, and one that lets a test or a drill interfere.

use std::{future::Future, sync::Arc, time::Instant};

use keyfob_core::{ResourceId, ResourceType};

use crate::{
    Capabilities, Commit, CommitError, CommitId, Committed, Event, Explanation, FeedError, Feeds, Finding,
    Keys, LookBack, Maintenance, Page, Position, Query, ReadContext, Retention, Selection, Store, StoreError,
    Stored, TenantId,
};

/// Implements the feeds and the maintenance of a wrapper by those of the store within.
macro_rules! delegate {
    ([$($generics:tt)*] $wrapper:ty, $inner:path) => {
        impl<$($generics)*> Feeds for $wrapper where S: Feeds {
            fn read_feed(
                &self,
                tenant: &TenantId,
                after: Position,
                limit: usize,
            ) -> impl Future<Output = Result<Vec<Event>, FeedError>> + Send {
                $inner(self).read_feed(tenant, after, limit)
            }

            fn look_back(
                &self,
                tenant: &TenantId,
                query: &LookBack,
            ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send {
                $inner(self).look_back(tenant, query)
            }

            fn acknowledge(
                &self,
                tenant: &TenantId,
                consumer: &str,
                position: Position,
            ) -> impl Future<Output = Result<(), StoreError>> + Send {
                $inner(self).acknowledge(tenant, consumer, position)
            }

            fn acknowledged(
                &self,
                tenant: &TenantId,
                consumer: &str,
            ) -> impl Future<Output = Result<Position, StoreError>> + Send {
                $inner(self).acknowledged(tenant, consumer)
            }

            fn with_news(
                &self,
                consumer: &str,
                after: Option<&TenantId>,
                limit: usize,
            ) -> impl Future<Output = Result<Vec<TenantId>, StoreError>> + Send {
                $inner(self).with_news(consumer, after, limit)
            }

            fn trim(
                &self,
                tenant: &TenantId,
                retention: &Retention,
                limit: usize,
            ) -> impl Future<Output = Result<usize, StoreError>> + Send {
                $inner(self).trim(tenant, retention, limit)
            }
        }

        impl<$($generics)*> Maintenance for $wrapper where S: Maintenance {
            fn tenants(
                &self,
                after: Option<&TenantId>,
                limit: usize,
            ) -> impl Future<Output = Result<Vec<TenantId>, StoreError>> + Send {
                $inner(self).tenants(after, limit)
            }

            fn erase(&self, tenant: &TenantId) -> impl Future<Output = Result<bool, StoreError>> + Send {
                $inner(self).erase(tenant)
            }

            fn check(
                &self,
                tenant: &TenantId,
                resource_type: &ResourceType,
                keys: &Keys,
            ) -> impl Future<Output = Result<Vec<Finding>, StoreError>> + Send {
                $inner(self).check(tenant, resource_type, keys)
            }

            fn explain(
                &self,
                cx: &ReadContext,
                resource_type: &ResourceType,
                query: &Query,
            ) -> impl Future<Output = Result<Explanation, StoreError>> + Send {
                $inner(self).explain(cx, resource_type, query)
            }
        }
    };
}

fn shared<S>(store: &Arc<S>) -> &S {
    store
}

delegate!([S: Store] Arc<S>, shared);

/// A store that writes every call and how long it took to the log, at the level of traces. It names tenants and types, and
/// nothing of what is stored.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    store: S,
}

impl<S> Traced<S> {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store }
    }

    fn inner(&self) -> &S {
        &self.store
    }
}

delegate!([S: Store] Traced<S>, Traced::inner);

impl<S: Store> Store for Traced<S> {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let start = Instant::now();
        let found = self.store.get(cx, resource_type, ids, selection).await;
        tracing::trace!(
            tenant = %cx.tenant,
            resource_type = %resource_type.name(),
            ids = ids.len(),
            is_ok = found.is_ok(),
            elapsed = ?start.elapsed(),
            "get"
        );
        found
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        let start = Instant::now();
        let page = self.store.query(cx, resource_type, query).await;
        tracing::trace!(
            tenant = %cx.tenant,
            resource_type = %resource_type.name(),
            is_filtered = query.filter.is_some(),
            is_sorted = query.sort.is_some(),
            resources = page.as_ref().map_or(0, |page| page.resources.len()),
            is_ok = page.is_ok(),
            elapsed = ?start.elapsed(),
            "query"
        );
        page
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let start = Instant::now();
        let outcomes = self.store.commit(commits).await;
        for (commit, outcome) in commits.iter().zip(&outcomes) {
            let refusal = outcome.as_ref().err().map(tracing::field::display);
            tracing::trace!(
                tenant = %commit.tenant,
                commit = %commit.id,
                verb = %commit.verb,
                changes = commit.changes.len(),
                refusal,
                elapsed = ?start.elapsed(),
                "commit"
            );
        }
        outcomes
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.store.committed(tenant, commit).await
    }
}

/// Interferes with the calls of a store, for tests of what is built on it and for drills.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed}};
///
/// use keyfob_store::{Commit, Hooked, Hooks, StoreError};
///
/// /// Counts commits, and fails them while the disk is full.
/// #[derive(Default)]
/// struct Disk {
///     is_full: AtomicBool,
///     commits: AtomicUsize,
/// }
///
/// impl Hooks for Disk {
///     fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
///         self.commits.fetch_add(1, Relaxed);
///         match self.is_full.load(Relaxed) {
///             true => Err(StoreError::unavailable("the disk is full")),
///             false => Ok(()),
///         }
///     }
/// }
///
/// # fn wrap<S: keyfob_store::Store>(store: S) -> Hooked<S, Disk> {
/// Hooked::new(store, Disk::default())
/// # }
/// ```
pub trait Hooks: Send + Sync + 'static {
    /// Comes before every read; an error fails it.
    ///
    /// # Errors
    /// Whatever the read is to fail with.
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        Ok(())
    }

    /// Comes before commits; an error fails all of them, and nothing is changed.
    ///
    /// # Errors
    /// Whatever the commits are to fail with.
    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Comes after commits, and may replace what their caller is told.
    fn after_commit(&self, _: &[Arc<Commit>], _: &mut Vec<Result<Committed, CommitError>>) {}
}

/// A store with [`Hooks`].
#[derive(Clone, Debug)]
pub struct Hooked<S, H> {
    store: S,
    hooks: H,
}

impl<S, H> Hooked<S, H> {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: S, hooks: H) -> Self {
        Self { store, hooks }
    }

    /// Returns the store within.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// Returns the hooks.
    #[must_use]
    pub fn hooks(&self) -> &H {
        &self.hooks
    }
}

delegate!([S: Store, H: Hooks] Hooked<S, H>, Hooked::inner);

impl<S: Store, H: Hooks> Store for Hooked<S, H> {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.hooks.before_read(cx, resource_type)?;
        self.store.get(cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        self.hooks.before_read(cx, resource_type)?;
        self.store.query(cx, resource_type, query).await
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        let mut outcomes = Vec::with_capacity(commits.len());
        if let Err(error) = self.hooks.before_commit(commits) {
            // The first commit gets the error itself, the others its text, as it can't be copied.
            let text = error.to_string();
            outcomes.push(Err(error.into()));
            outcomes.extend(
                commits
                    .iter()
                    .skip(1)
                    .map(|_| Err(StoreError::unavailable(text.as_str()).into())),
            );
            return outcomes;
        }
        outcomes.extend(self.store.commit(commits).await);
        self.hooks.after_commit(commits, &mut outcomes);
        outcomes
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.store.committed(tenant, commit).await
    }
}
