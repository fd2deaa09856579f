//! Looking after a store as a whole.

use std::future::Future;

use keyfob_core::{ResourceId, ResourceType};

use crate::{Explanation, Query, ReadContext, Store, StoreError, Stored, TenantId, UniqueKey};

/// Derives the keys that a stored resource reserves.
pub type Keys = dyn Fn(&Stored) -> Vec<UniqueKey> + Send + Sync;

/// What operators do with a store.
pub trait Maintenance: Store {
    /// Lists at most `limit` tenants that have anything in the store, in the order of their ids, from the one after
    /// `after` on.
    fn tenants(
        &self,
        after: Option<&TenantId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<TenantId>, StoreError>> + Send;

    /// Removes everything of a tenant: resources, events, consumers. Returns false if there was nothing.
    fn erase(&self, tenant: &TenantId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Checks that what follows from the documents of a type is what is stored: index entries, unique keys that `keys`
    /// derives, counts. Changes nothing.
    ///
    /// # Complexity
    /// Linear in the resources of the type.
    fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> impl Future<Output = Result<Vec<Finding>, StoreError>> + Send;

    /// Explains how [`query`](Store::query) would answer: from the decisions that it would make, with what is stored now.
    ///
    /// # Errors
    /// [`StoreError`], as of the query itself.
    ///
    /// # Complexity
    /// At most that of the query with its total: no document is read, but what the indexes find is counted.
    fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> impl Future<Output = Result<Explanation, StoreError>> + Send;
}

/// Something that is not stored as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A resource doesn't reserve a key, because another has it.
    Collision {
        /// The resource without the key.
        resource: ResourceId,
        /// The key.
        key: UniqueKey,
        /// The resource that has it.
        owner: ResourceId,
    },
    /// A resource doesn't reserve a key that nobody else has.
    Unreserved {
        /// The resource.
        resource: ResourceId,
        /// The key.
        key: UniqueKey,
    },
    /// An index doesn't say what the document says.
    Unindexed {
        /// The resource.
        resource: ResourceId,
    },
    /// A resource can't be read. A list that it belongs to fails too.
    Unreadable {
        /// The resource.
        resource: ResourceId,
        /// The reason, without values.
        reason: String,
    },
    /// The number that the store keeps of the type's resources, live or hidden, isn't the number of those that there are.
    Miscounted {
        /// The number that is kept.
        kept: usize,
        /// The number of resources.
        counted: usize,
    },
}
