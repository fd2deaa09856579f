//! The cases, by what they are about.

pub(crate) mod atomicity;
pub(crate) mod concurrency;
pub(crate) mod deletion;
pub(crate) mod documents;
pub(crate) mod durability;
pub(crate) mod events;
pub(crate) mod filters;
pub(crate) mod inverse;
pub(crate) mod queries;
pub(crate) mod random;
pub(crate) mod relations;
pub(crate) mod selection;
pub(crate) mod uniqueness;
pub(crate) mod versions;
