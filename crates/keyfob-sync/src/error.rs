//! Why a cycle can't be run.

use keyfob_core::SmolStr;
use thiserror::Error;

use crate::{rule::Kind, source::SourceError, state::StateError};

/// The error when a cycle can't be run, or can't go on.
///
/// A refusal of the target is no error but an [`Outcome`](crate::Outcome) of a step, and a guard that holds something back is a
/// [`Guard`](crate::Guard) in the report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The source can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state can't be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no mapping.
    #[error("there is no mapping of users or groups")]
    NoRule,
    /// Two mappings make resources of one kind.
    #[error("two mappings make {kind}s; only one can")]
    TwoRules {
        /// The kind.
        kind: Kind,
    },
    /// The target can't be provisioned.
    #[error("the target does not support {what}, without which it can't be provisioned")]
    Unsupported {
        /// The feature that is missing.
        what: &'static str,
    },
    /// The source has no object of this id.
    #[error("the source has no object with the id `{id}`")]
    NoObject {
        /// The id.
        id: SmolStr,
    },
    /// There is no randomness to be had.
    #[error("the system has no randomness, which the test look-up needs")]
    Randomness,
}
