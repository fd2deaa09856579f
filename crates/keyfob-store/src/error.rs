//! How a store fails.

use std::error::Error as StdError;

use keyfob_core::{ErrorBody, ResourceId, ToErrorBody, Version};
use smol_str::SmolStr;
use thiserror::Error;

/// A failure of the store itself, through no fault of the request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It may work again in a moment: the database is locked, full or out of reach. Maps to 503.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It won't: what is stored is not what it should be, or there is a bug. Maps to 500.
    #[error("the store failed")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// A failure that may pass.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// A failure that won't pass.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl ToErrorBody for StoreError {
    /// A fixed text: what went wrong inside is for the log, not for the client.
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Unavailable(_) => ErrorBody::new(503, "the service is unavailable, try again later"),
            Self::Internal(_) => ErrorBody::new(500, "the service failed"),
        }
    }
}

/// Why a commit changed nothing. `change` is the place of the change that could not be applied.
#[derive(Debug, Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller must handle every reason for a refusal"
)]
pub enum CommitError {
    /// There is no such resource.
    #[error("change {change}: there is no such resource")]
    NotFound {
        /// The change.
        change: usize,
    },
    /// The tenant has a resource of that id already.
    #[error("change {change}: the id is taken")]
    IdTaken {
        /// The change.
        change: usize,
    },
    /// The resource does not have the version that the change demands.
    #[error("change {change}: the resource has version {current}")]
    VersionMismatch {
        /// The change.
        change: usize,
        /// The version it has.
        current: Version,
    },
    /// Another resource has a value that has to be unique.
    #[error("change {change}: the value of `{attribute}` is taken")]
    UniquenessViolated {
        /// The change.
        change: usize,
        /// The attribute.
        attribute: SmolStr,
    },
    /// The change puts in members that don't exist or are of a type that the relation doesn't
    /// [take](keyfob_core::schema::Relation::takes).
    #[error("change {change}: {} of its members do not exist or are of a type that cannot be a member", members.len())]
    UnknownMembers {
        /// The change.
        change: usize,
        /// All of them, each once.
        members: Vec<ResourceId>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
