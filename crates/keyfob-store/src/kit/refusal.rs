//! The rules by which changes are refused, and the refusals that a commit goes on without.

use keyfob_core::Version;

use crate::{Cause, Change, CommitError, Expected};

/// Checks that a resource that was found, or wasn't, has the demanded version.
///
/// # Errors
/// [`CommitError::NotFound`], [`CommitError::VersionMismatch`].
pub fn check_version(
    change: usize,
    found: Option<Version>,
    precondition: Option<Version>,
) -> Result<Version, CommitError> {
    let current = found.ok_or(CommitError::NotFound { change })?;
    match precondition {
        Some(demanded) if demanded != current => Err(CommitError::VersionMismatch { change, current }),
        _ => Ok(current),
    }
}

/// Checks what a [`Change::Expect`] expects of a resource that was found or wasn't.
///
/// # Errors
/// [`CommitError::NotFound`], [`CommitError::VersionMismatch`], and [`CommitError::IdTaken`] for a resource that should
/// not be there.
pub fn check_expected(change: usize, found: Option<Version>, expected: Expected) -> Result<(), CommitError> {
    match expected {
        Expected::Version(version) => check_version(change, found, Some(version)).map(|_| ()),
        Expected::Present => check_version(change, found, None).map(|_| ()),
        Expected::Absent => match found {
            None => Ok(()),
            Some(_) => Err(CommitError::IdTaken { change }),
        },
    }
}

/// Returns the cause for which a commit goes on without a change that was refused; none where the commit fails.
#[must_use]
pub fn skips(change: &Change, error: &CommitError) -> Option<Cause> {
    let (_, cause) = error.refusal()?;
    change.on_refusal().skips(cause).then_some(cause)
}
