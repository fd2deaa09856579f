//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use keyfob_core::Version;

use super::EngineError;

/// A condition on the version of the resource that a request finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9110 section 13.1 has no other header that SCIM uses"
)]
pub enum Precondition {
    /// The request takes whatever version there is.
    #[default]
    None,
    /// The request has one or both of the headers.
    Tags {
        /// The versions that the request takes (`If-Match`).
        if_match: Option<EntityTags>,
        /// The versions that the client has, or with which it refuses to write (`If-None-Match`).
        if_none_match: Option<EntityTags>,
    },
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9110 section 13.1.1 has no other form"
)]
pub enum EntityTags {
    /// `*`: any version.
    Any,
    /// These versions. An entity tag that names no version makes the list shorter, possibly empty.
    Versions(Vec<Version>),
}

impl EntityTags {
    /// Whether the version is among them.
    #[must_use]
    pub fn contain(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

impl Precondition {
    /// The condition that the resource has one of these versions (`If-Match`).
    #[must_use]
    pub fn if_match(versions: Vec<Version>) -> Self {
        Self::Tags {
            if_match: Some(EntityTags::Versions(versions)),
            if_none_match: None,
        }
    }

    /// Checks the condition of a PUT, PATCH or DELETE: `If-Match` has to name the version, `If-None-Match` must not.
    pub(super) fn check_write(&self, version: Version) -> Result<(), EngineError> {
        self.check_match(version)?;
        if self.is_known(version) {
            return Err(EngineError::PreconditionFailed);
        }
        Ok(())
    }

    /// Checks `If-Match` alone, as a GET does.
    pub(super) fn check_match(&self, version: Version) -> Result<(), EngineError> {
        match self {
            Self::Tags {
                if_match: Some(tags), ..
            } if !tags.contain(version) => Err(EngineError::PreconditionFailed),
            _ => Ok(()),
        }
    }

    /// Whether `If-None-Match` is there.
    pub(super) fn names_known(&self) -> bool {
        matches!(
            self,
            Self::Tags {
                if_none_match: Some(_),
                ..
            }
        )
    }

    /// Whether `If-None-Match` names the version.
    pub(super) fn is_known(&self, version: Version) -> bool {
        matches!(self, Self::Tags { if_none_match: Some(tags), .. } if tags.contain(version))
    }
}
