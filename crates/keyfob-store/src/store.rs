//! The trait that stores implement.

use std::{future::Future, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};

use crate::{
    Capabilities, Commit, CommitError, CommitId, Committed, Page, Query, ReadContext, Selection, StoreError,
    Stored, TenantId,
};

/// Keeps the resources of every tenant.
///
/// A downstream application that implements these five methods has a whole provisioning service;
/// `keyfob_store_testkit::store_conformance!` proves that it keeps the contract. Every method is required: a default
/// would sooner or later disagree with what an implementation overrides.
///
/// # The contract
/// - A resource is known by tenant and id; ids are unique over all types of a tenant, live and hidden. A method that is
///   given another tenant's id behaves as if there were no such resource, and so does one that is given the id of a
///   resource of another type.
/// - A store persists a document as it is given and gives it back equal: schemas, core attributes and extensions. So it
///   does with the state beside it. `id`, `meta` and relations are not part of the document; [`Stored::new`] puts the
///   first two in.
/// - The version of a resource stands for its document, its state, its visibility and its owned relations. No two states
///   of resources of one id share a version, also where the id is used again. `meta.lastModified` never goes back.
/// - Owned relations ([`RelationKind::Owned`](keyfob_core::schema::RelationKind::Owned)) are edges between resources
///   of one tenant. A member is given back with the name of its resource type as `type` and with the `display` with
///   which it was put in. Members that are put in are of a type that the relation
///   [takes](keyfob_core::schema::Relation::takes); members that were put in before stay, whatever the relation takes now.
/// - Inverse relations (`User.groups`) follow from the owned ones and are never written: for every edge that points
///   at the resource from a live owner there is a member under the owner's id, with `type` `direct` and the owner's
///   `displayName` as `display`.
/// - A change of an edge changes its owner and not its member: the version of a user stays when a group takes the user
///   in. A live owner that loses or gets back a live member, because the member is deleted, hidden or revealed, changes
///   once, through however many relations.
/// - A hidden resource reserves no key, is no member in any owned relation that is read or filtered by, and is found only
///   by queries for hidden ones and by its id. Its edges stay. What it reads of an inverse relation are the owners to
///   which it comes back.
/// - A filter passes over a value that is not of its attribute's type; documents are stored as they are all the same.
/// - Methods may be called from many tasks at once. A caller may drop a future at any time: a commit whose future is
///   dropped has happened whole or not at all, and one that the store has accepted happens.
pub trait Store: Send + Sync + 'static {
    /// Returns what the store keeps and can do.
    fn capabilities(&self) -> &Capabilities;

    /// Reads resources of one type by their ids, live and hidden ones, with those of their relations that are selected.
    /// The answer has one element for each id, in order.
    ///
    /// Sees every commit that had returned when the call was made. All resources come from one snapshot.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> impl Future<Output = Result<Vec<Option<Stored>>, StoreError>> + Send;

    /// Reads one page of the resources of a type that the query matches.
    ///
    /// The filter is evaluated over the resource as `get` would give it with everything that the filter
    /// [reads](keyfob_filter::Predicate::reads) selected; a store is free to answer it in its own way as long as the
    /// result equals [`Predicate::matches`](keyfob_filter::Predicate::matches).
    ///
    /// # Errors
    /// [`StoreError`].
    fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Applies commits in order, each as a whole or not at all: the only way in which anything is written.
    ///
    /// Durable when it returns, where the store is [durable](Capabilities::durable). The answer has one element for each
    /// commit. A commit that is refused doesn't stop those after it.
    fn commit(
        &self,
        commits: &[Arc<Commit>],
    ) -> impl Future<Output = Vec<Result<Committed, CommitError>>> + Send;

    /// Returns true if a commit happened, for a caller that was told [`StoreError::OutcomeUnknown`]. A commit is
    /// remembered at least as long as its events.
    ///
    /// # Errors
    /// [`StoreError`].
    fn committed(
        &self,
        tenant: &TenantId,
        commit: &CommitId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl<S: Store> Store for Arc<S> {
    fn capabilities(&self) -> &Capabilities {
        S::capabilities(self)
    }

    fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> impl Future<Output = Result<Vec<Option<Stored>>, StoreError>> + Send {
        S::get(self, cx, resource_type, ids, selection)
    }

    fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        S::query(self, cx, resource_type, query)
    }

    fn commit(
        &self,
        commits: &[Arc<Commit>],
    ) -> impl Future<Output = Vec<Result<Committed, CommitError>>> + Send {
        S::commit(self, commits)
    }

    fn committed(
        &self,
        tenant: &TenantId,
        commit: &CommitId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::committed(self, tenant, commit)
    }
}

/// Shorter calls of any store.
pub trait StoreExt: Store {
    /// Reads one resource, live or hidden.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get_one(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send {
        async move {
            let found = self
                .get(cx, resource_type, std::slice::from_ref(id), selection)
                .await?;
            Ok(found.into_iter().next().flatten())
        }
    }

    /// Applies one commit.
    ///
    /// # Errors
    /// [`CommitError`].
    fn commit_one(
        &self,
        commit: impl Into<Arc<Commit>>,
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send {
        let commit = commit.into();
        async move {
            let outcomes = self.commit(std::slice::from_ref(&commit)).await;
            let outcome = outcomes.into_iter().next();
            outcome
                .unwrap_or_else(|| Err(StoreError::internal("the store gave no outcome of a commit").into()))
        }
    }
}

impl<S: Store> StoreExt for S {}
