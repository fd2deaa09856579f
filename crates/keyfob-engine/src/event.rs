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
/// An operation of a bulk request is over that was accepted before it was done. The data is the result of the operation as a
/// bulk response has it, with the [`SUBJECT`] in place of the location.
pub const COMPLETED: &str = "requestCompleted";

/// The member of the data of an event that names the operation of a bulk request in which it happened: the name of the request,
/// a colon, and the number of the operation (RFC 9967 section 2.5.1.2).
pub const TRANSACTION: &str = "transaction";
/// The member of the data of [`COMPLETED`] that has the address of the resource below the base URL.
pub const SUBJECT: &str = "subject";

/// The verb of a request that replaces a resource.
pub(crate) const PUT: &str = "put";
