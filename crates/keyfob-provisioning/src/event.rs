//! The names of the events that the product publishes beside those of the [engine](keyfob_engine::event).

/// A created user is to be invited.
pub const INVITE_REQUESTED: &str = "inviteRequested";
/// A user accepted the invitation.
pub const INVITE_ACCEPTED: &str = "inviteAccepted";
/// The invitation of a user was withdrawn before it was accepted.
pub const INVITE_WITHDRAWN: &str = "inviteWithdrawn";
/// A user isn't active any longer.
pub const DEACTIVATED: &str = "deactivated";
/// A user is active again.
pub const REACTIVATED: &str = "reactivated";
/// The organization was linked to a provider.
pub const LINKED: &str = "linked";
/// The organization's link to its provider was cut.
pub const UNLINKED: &str = "unlinked";
/// A token was made.
pub const TOKEN_ISSUED: &str = "tokenIssued";
/// A token ends soon.
pub const TOKEN_EXPIRING: &str = "tokenExpiring";
/// Tokens were shown that open nothing.
pub const TOKEN_REFUSED: &str = "tokenRefused";
/// A token opens nothing any more.
pub const TOKEN_REVOKED: &str = "tokenRevoked";
/// The organization's provisioning was changed.
pub const PROVISIONING_CHANGED: &str = "provisioningChanged";
