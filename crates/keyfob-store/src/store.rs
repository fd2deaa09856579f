//! The trait that stores implement.

use std::{future::Future, sync::Arc};

use keyfob_core::{ResourceId, ResourceType};

use crate::{
    Capabilities, Change, CommitError, Committed, Event, EventId, Page, Query, Selection, StoreError, Stored,
    TenantId,
};

/// Keeps the resources of every tenant.
///
/// A downstream application that implements these five methods has a whole provisioning service;
/// `keyfob_store_testkit::store_conformance!` proves that it keeps the contract. Every method is required: a default
/// would sooner or later disagree with what an implementation overrides.
///
/// # The contract
/// - A resource is known by tenant and id; ids are unique over all types of a tenant. A method that is given another
///   tenant's id behaves as if there were no such resource, and so does one that is given the id of a resource of
///   another type.
/// - A store persists a document as it is given and gives it back equal: schemas, core attributes and extensions.
///   `id`, `meta` and relations are not part of the document; [`Stored::new`] puts the first two in.
/// - Owned relations ([`RelationKind::Owned`](keyfob_core::schema::RelationKind::Owned)) are edges between resources
///   of one tenant. A member is given back with the name of its resource type as `type` and with the `display` with
///   which it was put in. Who is put in must be of a type that the relation
///   [takes](keyfob_core::schema::Relation::takes); who was put in before stays, whatever the relation takes now.
/// - Inverse relations (`User.groups`) follow from the owned ones and are never written: for every edge that points
///   at the resource there is a member under the owner's id, with `type` `direct` and the owner's `displayName` as
///   `display`.
/// - A change of an edge changes its owner and not its member: the version of a user stays when a group takes the user
///   in. An owner that loses a member because the member is deleted changes once, through however many relations.
/// - A filter passes over a value that is not of its attribute's type; documents are stored as they are all the same.
/// - Whoever reads events after the last one that he read, again and again, sees every event once.
/// - Methods may be called from many tasks at once. A caller may drop a future at any time: a commit whose future is
///   dropped has happened whole or not at all.
pub trait Store: Send + Sync + 'static {
    /// What the store is able to do beyond the contract.
    fn capabilities(&self) -> Capabilities;

    /// Reads one resource, with those of its relations that are selected.
    ///
    /// Sees every commit that had returned when the call was made.
    fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// Reads one page of the resources of a type that the query's filter matches, and counts all that it matches.
    ///
    /// The order is total and stable: the order in which the resources were put in by [`Change::Create`], whatever they
    /// say of their creation. The filter is evaluated over the resource as `get` would give it with everything that
    /// the filter [reads](keyfob_filter::Predicate::reads) selected; a store is free to answer it in its own way as
    /// long as the result equals [`Predicate::matches`](keyfob_filter::Predicate::matches).
    fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Applies all changes in order, or none: the only way in which anything is written.
    ///
    /// Durable when it returns, where the store is [durable](Capabilities::durable). Each change sees what the
    /// changes before it did.
    ///
    /// # Errors
    /// [`CommitError`] names the change that could not be applied; nothing is then changed.
    fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change<'_>],
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// Reads at most `limit` of the tenant's events after the one with this id, or from the first, in the order in
    /// which they were published.
    fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;
}

impl<S: Store> Store for Arc<S> {
    fn capabilities(&self) -> Capabilities {
        S::capabilities(self)
    }

    fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send {
        S::get(self, tenant, resource_type, id, selection)
    }

    fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        S::query(self, tenant, resource_type, query)
    }

    fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change<'_>],
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send {
        S::commit(self, tenant, changes)
    }

    fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send {
        S::events(self, tenant, after, limit)
    }
}
