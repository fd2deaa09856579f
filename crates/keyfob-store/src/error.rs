//! How a store fails.

use std::error::Error as StdError;

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody, Version};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{Cause, Exhausted};

/// A failure of the store itself, through no fault of the request but its size.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It may work again in a moment: the database is locked, full or out of reach. Maps to 503.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It won't: what is stored is not what it should be, or there is a bug. Maps to 500.
    #[error("the store failed")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
    /// The call would cost more than its [`Budget`](crate::Budget). Maps to 400 `tooMany`, or to 503 where the time was
    /// over.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The store can't do what its [`Capabilities`](crate::Capabilities) don't claim. Maps to 501.
    #[error("the store can't {0}")]
    Unsupported(&'static str),
    /// What stands behind the store refuses the change, such as a constraint of the application's own tables: the text says
    /// why. Maps to 400 `invalidValue`.
    #[error("the change is refused: {0}")]
    Refused(SmolStr),
    /// The cursor is not one that this store gave for such a query. Maps to 400 `invalidCursor` (RFC 9865 section 2.1).
    #[error("the cursor is not one of this query's")]
    InvalidCursor,
    /// The connection broke while a commit was made durable: it happened or it didn't, which
    /// [`Store::committed`](crate::Store::committed) says later. Maps to 503.
    #[error("it is not known whether the commit happened")]
    OutcomeUnknown(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Creates a failure that may pass.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// Creates a failure that won't pass.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl ToErrorBody for StoreError {
    /// Returns a fixed text: what went wrong inside is for the log, not for the client.
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) | Self::Exhausted(Exhausted::Time) => {
                ErrorBody::new(503, "the service is unavailable, try again later")
            }
            Self::Internal(_) => ErrorBody::new(500, "the service failed"),
            Self::Exhausted(exhausted) => {
                ErrorBody::bad_request(ScimType::TooMany, format_smolstr!("{exhausted}"))
            }
            Self::InvalidCursor => {
                ErrorBody::bad_request(ScimType::InvalidCursor, "the cursor is not one of this query's")
            }
            Self::Refused(reason) => ErrorBody::bad_request(
                ScimType::InvalidValue,
                format_smolstr!("the service refuses it: {reason}"),
            ),
            Self::Unsupported(_) => ErrorBody::new(501, "the service can't do that"),
        }
    }
}

/// Why a commit changed nothing. `change` is the number of the change that could not be made.
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
    /// Another live resource has a value that has to be unique.
    #[error("change {change}: the value of `{attribute}` is taken")]
    UniquenessViolated {
        /// The change.
        change: usize,
        /// The attribute.
        attribute: SmolStr,
    },
    /// The change puts in members that don't exist, are hidden, or are of a type that the relation doesn't
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

impl CommitError {
    /// Returns the number of the change that could not be made, and why; none where the store failed.
    #[must_use]
    pub fn refusal(&self) -> Option<(usize, Cause)> {
        match self {
            Self::NotFound { change } => Some((*change, Cause::Missing)),
            Self::IdTaken { change } => Some((*change, Cause::IdTaken)),
            Self::VersionMismatch { change, .. } => Some((*change, Cause::Version)),
            Self::UniquenessViolated { change, .. } => Some((*change, Cause::ValueTaken)),
            Self::UnknownMembers { change, .. } => Some((*change, Cause::UnknownMembers)),
            Self::Store(_) => None,
        }
    }
}
