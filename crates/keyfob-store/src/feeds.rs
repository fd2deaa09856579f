//! Reading events: forwards as a consumer does, backwards as an auditor does.

use std::future::Future;

use keyfob_core::{DateTime, ResourceId};
use smol_str::SmolStr;
use thiserror::Error;

use crate::{Event, Position, Store, StoreError, TenantId};

/// The events of a store.
///
/// A consumer reads the feed of one tenant from the position that it acknowledged, handles the events, and acknowledges
/// the last. It sees every event at least once and in order, however many commits happen at the same time.
///
/// ```
/// use keyfob_store::{FeedError, Feeds, Position};
///
/// /// Prints what happened in all tenants since the last time.
/// async fn print_news(store: &impl Feeds) -> Result<(), FeedError> {
///     let mut tenant = None;
///     loop {
///         let tenants = store.with_news("printer", tenant.as_ref(), 100).await?;
///         for tenant in &tenants {
///             let mut after = store.acknowledged(tenant, "printer").await?;
///             loop {
///                 let events = match store.read_feed(tenant, after, 100).await {
///                     Ok(events) => events,
///                     // What was trimmed is lost; the next is at `oldest`.
///                     Err(FeedError::Gone { oldest }) => {
///                         after = Position::new(oldest.number().saturating_sub(1));
///                         continue;
///                     }
///                     Err(error) => return Err(error),
///                 };
///                 let Some(last) = events.last() else { break };
///                 for event in &events {
///                     println!("{} {} {}", event.event.name, event.event.resource_type, event.event.resource);
///                 }
///                 after = last.position;
///                 // Behind the handling: whoever is killed before it sees these events again.
///                 store.acknowledge(tenant, "printer", after).await?;
///             }
///         }
///         match tenants.last() {
///             Some(last) => tenant = Some(last.clone()),
///             None => return Ok(()),
///         }
///     }
/// }
/// ```
pub trait Feeds: Store {
    /// Reads at most `limit` events of a tenant after a position, in the order of their positions.
    ///
    /// # Errors
    /// [`FeedError::Gone`] where the event after that position was trimmed.
    fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, FeedError>> + Send;

    /// Reads events of a tenant backwards from the newest.
    fn look_back(
        &self,
        tenant: &TenantId,
        query: &LookBack,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// Records that a consumer has handled the events up to a position. A position before the recorded one changes
    /// nothing; [`Position::START`] makes a consumer known that has handled none, so that no event is trimmed before it
    /// is.
    fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the position up to which a consumer has handled the events: [`Position::START`] where it never
    /// acknowledged any.
    fn acknowledged(
        &self,
        tenant: &TenantId,
        consumer: &str,
    ) -> impl Future<Output = Result<Position, StoreError>> + Send;

    /// Lists at most `limit` tenants with events that a consumer has not acknowledged, in the order of their ids, from the
    /// one after `after` on.
    fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<TenantId>, StoreError>> + Send;

    /// Removes at most `limit` of the oldest events of a tenant, as far as the retention allows, and returns how many it
    /// removed. No commit is split: the events of one are removed together, even if they are more than the limit.
    fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// Which events are looked back at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct LookBack {
    /// Only events of this resource.
    pub resource: Option<ResourceId>,
    /// Only events on behalf of the actor with this identity.
    pub identity: Option<SmolStr>,
    /// Only events from this instant on.
    pub since: Option<DateTime>,
    /// Only events before this instant.
    pub until: Option<DateTime>,
    /// Only events before this position, to read on.
    pub before: Option<Position>,
    /// The number of events at most.
    pub limit: usize,
}

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct Retention {
    /// Events before this instant are removed if every consumer has acknowledged them, and where there is no consumer.
    pub read_before: DateTime,
    /// Events before this instant are removed even if a consumer has not acknowledged them.
    pub unread_before: DateTime,
}

/// The error when a feed can't be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Events after the position were trimmed.
    #[error("events were removed: the oldest that is left has position {oldest}")]
    Gone {
        /// The position of the oldest event that is left, or the one that the next event gets.
        oldest: Position,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
