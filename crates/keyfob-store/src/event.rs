//! Events: what happened, published in the commit in which it happened.

use keyfob_core::{DateTime, Object, ResourceId};
use smol_str::SmolStr;

/// The place of an event among all of a store; grows from event to event, not necessarily by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// The event at this place.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its place.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Something that happens to a resource, for those who read events.
///
/// It names the resource and holds nothing personal of it; who wants to know more reads the resource.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NewEvent {
    /// The name of what happens, such as `created`. The store gives it no meaning.
    pub name: SmolStr,
    /// The name of the resource's type.
    pub resource_type: SmolStr,
    /// The resource.
    pub resource: ResourceId,
    /// When it happens.
    pub at: DateTime,
    /// Whatever else there is to say.
    pub data: Object,
}

impl NewEvent {
    /// An event without further data.
    #[must_use]
    pub fn new(
        name: impl Into<SmolStr>,
        resource_type: impl Into<SmolStr>,
        resource: ResourceId,
        at: DateTime,
    ) -> Self {
        Self {
            name: name.into(),
            resource_type: resource_type.into(),
            resource,
            at,
            data: Object::new(),
        }
    }
}

/// A published event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its place.
    pub id: EventId,
    /// What happened.
    pub event: NewEvent,
}

impl Event {
    /// An event that was published under this id.
    #[must_use]
    pub fn new(id: EventId, event: NewEvent) -> Self {
        Self { id, event }
    }
}
