//! The names of the events that the engine publishes.

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
/// A deleted user is back without a value that somebody else has by now. The data has the `attribute`, and as the
/// `reason` the word `taken`.
pub const RESTORED_WITHOUT: &str = "restoredWithout";
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
