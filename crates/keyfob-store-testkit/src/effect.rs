//! What became of changes and commits, to be compared.

use keyfob_core::Version;
use keyfob_store::{Cause, CommitError, Outcome};

use crate::failure::Failure;

/// An outcome with the version alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed(u64),
    Unchanged(u64),
    Deleted,
    Skipped(Cause),
    Expected,
    Published,
    Suppressed,
    Forgotten,
}

impl From<&Outcome> for Effect {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Changed { revision, .. } => Self::Changed(revision.version.number()),
            Outcome::Unchanged { revision, .. } => Self::Unchanged(revision.version.number()),
            Outcome::Deleted => Self::Deleted,
            Outcome::Skipped(cause) => Self::Skipped(*cause),
            Outcome::Expected => Self::Expected,
            Outcome::Published => Self::Published,
            Outcome::Suppressed => Self::Suppressed,
            Outcome::Forgotten => Self::Forgotten,
        }
    }
}

/// The reason why a commit was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    NotFound { change: usize },
    IdTaken { change: usize },
    VersionMismatch { change: usize, current: u64 },
    Uniqueness { change: usize, attribute: String },
    UnknownMembers { change: usize, members: Vec<String> },
}

impl Refusal {
    /// All of these members are unknown, in the first change.
    pub(crate) fn unknown(members: &[&str]) -> Self {
        Self::UnknownMembers {
            change: 0,
            members: members.iter().map(ToString::to_string).collect(),
        }
    }

    /// A value of the attribute is taken.
    pub(crate) fn taken(change: usize, attribute: &str) -> Self {
        Self::Uniqueness {
            change,
            attribute: attribute.to_owned(),
        }
    }

    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::NotFound { .. } => Cause::Missing,
            Self::IdTaken { .. } => Cause::IdTaken,
            Self::VersionMismatch { .. } => Cause::Version,
            Self::Uniqueness { .. } => Cause::ValueTaken,
            Self::UnknownMembers { .. } => Cause::UnknownMembers,
        }
    }
}

impl TryFrom<CommitError> for Refusal {
    type Error = Failure;

    fn try_from(error: CommitError) -> Result<Self, Failure> {
        Ok(match error {
            CommitError::NotFound { change } => Self::NotFound { change },
            CommitError::IdTaken { change } => Self::IdTaken { change },
            CommitError::VersionMismatch { change, current } => Self::VersionMismatch {
                change,
                current: Version::number(current),
            },
            CommitError::UniquenessViolated { change, attribute } => Self::Uniqueness {
                change,
                attribute: attribute.into(),
            },
            CommitError::UnknownMembers { change, members } => {
                let mut members: Vec<String> = members.iter().map(ToString::to_string).collect();
                members.sort();
                Self::UnknownMembers { change, members }
            }
            CommitError::Store(error) => return Err(error.into()),
        })
    }
}
