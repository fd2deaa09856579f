//! The names of the events that the engine publishes.

/// A resource was created.
pub const CREATED: &str = "created";
/// A resource changed.
pub const CHANGED: &str = "changed";
/// A resource was deleted and nothing is left of it but, at most, its id.
pub const DELETED: &str = "deleted";
/// A resource is hidden now and can be brought back.
pub const SOFT_DELETED: &str = "softDeleted";
/// A hidden resource is back.
pub const RESTORED: &str = "restored";
/// A hidden resource is back without a value that another has by now. The data has the `attribute`, and as the `reason` the
/// word `taken`.
pub const RESTORED_WITHOUT: &str = "restoredWithout";
