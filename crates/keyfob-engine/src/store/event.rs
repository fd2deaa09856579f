//! Events: what happened, published in the commit in which it happened.

use keyfob_core::{DateTime, Object, ResourceId};
use smol_str::SmolStr;

/// A resource was created.
pub const CREATED: &str = "created";
/// A resource changed.
pub const CHANGED: &str = "changed";
/// A resource was deleted and nothing is left of it, or, of a user, the id alone.
pub const DELETED: &str = "deleted";
/// A created user is to be invited.
pub const INVITE_REQUESTED: &str = "inviteRequested";
/// A user accepted the invitation.
pub const INVITE_ACCEPTED: &str = "inviteAccepted";
/// A user isn't active any longer.
pub const DEACTIVATED: &str = "deactivated";
/// A user is active again.
pub const REACTIVATED: &str = "reactivated";
/// A user is among the deleted ones now and can be brought back.
pub const SOFT_DELETED: &str = "softDeleted";
/// A deleted user is back.
pub const RESTORED: &str = "restored";
/// The organization was linked to a provider.
pub const LINKED: &str = "linked";
/// The organization's link to its provider was cut.
pub const UNLINKED: &str = "unlinked";
/// A token was made.
pub const TOKEN_ISSUED: &str = "tokenIssued";
/// A token opens nothing any more.
pub const TOKEN_REVOKED: &str = "tokenRevoked";
/// How the organization is provisioned was changed.
pub const PROVISIONING_CHANGED: &str = "provisioningChanged";

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
    /// What happens: one of this module's names, such as [`CREATED`], or one of the application's.
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
