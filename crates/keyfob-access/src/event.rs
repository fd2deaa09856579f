//! The names of what is published beyond the engine's own events.
//!
//! That an access group, a level, a door, a unit, a role or a grant was created, changed or deleted is told by the engine's
//! [`CREATED`], [`CHANGED`] and [`DELETED`], with the name of the resource type.
//!
//! [`CREATED`]: keyfob_engine::event::CREATED
//! [`CHANGED`]: keyfob_engine::event::CHANGED
//! [`DELETED`]: keyfob_engine::event::DELETED

/// A group was renamed, and its access group keeps its name because another has the new one. Tells of the group; the data
/// has the `accessGroup` and the `name` that is taken.
pub const NAME_CONFLICT: &str = "accessGroupNameConflict";
/// An access level was assigned to an access group. Tells of the level; the data has the `accessGroup`.
pub const LEVEL_ASSIGNED: &str = "accessLevelAssigned";
/// An access level was taken from an access group. Tells of the level; the data has the `accessGroup`.
pub const LEVEL_UNASSIGNED: &str = "accessLevelUnassigned";
/// A group was mapped to a unit. Tells of the group; the data has the `unit` and, where there is one, the `role`.
pub const GROUP_MAPPED: &str = "groupMapped";
/// The mapping of a group to a unit was taken away. Tells of the group.
pub const GROUP_UNMAPPED: &str = "groupUnmapped";
/// A user was put into a unit or given a role in it. Tells of the grant; the data has the `user`, the `unit` and, where
/// there is one, the `role`.
pub const GRANTED: &str = "granted";
/// A grant was taken from a user. Tells of the grant; the data as for [`GRANTED`].
pub const REVOKED: &str = "revoked";
/// A user got a card. Tells of the user; the data has the id of the `credential`.
pub const CREDENTIAL_CREATED: &str = "credentialCreated";
/// A user's card is in use again. Tells of the user; the data as for [`CREDENTIAL_CREATED`].
pub const CREDENTIAL_ACTIVATED: &str = "credentialActivated";
/// A user's card is not in use for the time being. Tells of the user; the data as for [`CREDENTIAL_CREATED`].
pub const CREDENTIAL_DEACTIVATED: &str = "credentialDeactivated";
/// A user's card is gone and its number is free. Tells of the user; the data as for [`CREDENTIAL_CREATED`].
pub const CREDENTIAL_DELETED: &str = "credentialDeleted";
