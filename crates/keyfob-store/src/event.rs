//! Events: what happened, published in the commit in which it happened.

use std::fmt;

use keyfob_core::{DateTime, Object, ResourceId, Version};
use smol_str::SmolStr;

use crate::{Actor, CommitId, Listed, RequestId};

/// The identity of an event, known when its commit is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an identity has no further parts")]
pub struct EventId {
    /// The commit.
    pub commit: CommitId,
    /// The number of the event in the commit, from 0.
    pub number: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.commit, self.number)
    }
}

/// The place of an event in the feed of its tenant.
///
/// Positions are given after the commit, without a gap, from 1 on; the events of one commit are neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The position before the first event.
    pub const START: Self = Self(0);

    /// Creates the position of this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller's half of an event. The store adds what only the transaction knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NewEvent {
    /// The name of what happens, such as `created`. The store gives it no meaning.
    pub name: SmolStr,
    /// The name of the resource's type.
    pub resource_type: SmolStr,
    /// The resource.
    pub resource: ResourceId,
    /// The paths of the attributes whose values change.
    pub attributes: Vec<SmolStr>,
    /// Whatever else there is to say. It holds nothing personal.
    pub data: Object,
}

impl NewEvent {
    /// Creates an event without further data.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, resource_type: impl Into<SmolStr>, resource: ResourceId) -> Self {
        Self {
            name: name.into(),
            resource_type: resource_type.into(),
            resource,
            attributes: Vec::new(),
            data: Object::new(),
        }
    }
}

/// A published event.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must give every field, so a new one has to break it"
)]
pub struct Event {
    /// The identity.
    pub id: EventId,
    /// The place in the tenant's feed.
    pub position: Position,
    /// The instant of the commit.
    pub at: DateTime,
    /// On whose behalf it happened.
    pub actor: Actor,
    /// The request that asked for it.
    pub request: RequestId,
    /// The operation of the request.
    pub verb: SmolStr,
    /// What happened.
    pub event: NewEvent,
    /// The names of the resource, after the commit or, where it is gone, before.
    pub labels: Labels,
    /// The version of the resource after the change that the event is about; none where it is gone, and where the event is
    /// about no change.
    pub version: Option<Version>,
    /// The members that joined by the change that the event is about.
    pub joined: Listed,
    /// The members that left by it.
    pub left: Listed,
}

/// The names by which people know a resource. They are personal, and [`Change::Forget`](crate::Change::Forget) blanks
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Labels {
    /// The `userName` or, without one, the `displayName`.
    pub name: Option<SmolStr>,
    /// The `externalId`.
    pub external_id: Option<SmolStr>,
}
