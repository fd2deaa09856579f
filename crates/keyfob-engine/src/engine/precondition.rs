//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use keyfob_core::{AttrSet, EntityTag, ResourceType};
use keyfob_store::Selection;

use super::{EngineError, view::select_shown};

/// A condition on the state of the resource that a request finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9110 section 13.1 has no other header that SCIM uses"
)]
pub enum Precondition {
    /// The request takes any state.
    #[default]
    None,
    /// The request has one or both of the headers.
    Tags {
        /// The states that the request takes (`If-Match`).
        if_match: Option<EntityTags>,
        /// The states that the client has, or with which it refuses to write (`If-None-Match`).
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
    /// `*`: any state.
    Any,
    /// These tags. A tag that no resource here ever had makes the list shorter, possibly empty.
    Listed(Vec<EntityTag>),
}

impl EntityTags {
    fn contain(&self, fits: impl Fn(EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| fits(*tag)),
        }
    }
}

impl Precondition {
    /// Returns the condition that the resource's state has one of these tags (`If-Match`).
    #[must_use]
    pub fn if_match(tags: Vec<EntityTag>) -> Self {
        Self::Tags {
            if_match: Some(EntityTags::Listed(tags)),
            if_none_match: None,
        }
    }

    /// Adds what the condition looks at to what is read of a resource.
    pub(super) fn select(&self, attributes: &mut AttrSet, resource_type: &ResourceType) {
        if self.names_known() {
            select_shown(attributes, resource_type);
        }
    }

    /// Returns the document with what the condition looks at.
    pub(super) fn selection(&self, resource_type: &ResourceType) -> Selection {
        let mut attributes = AttrSet::default();
        self.select(&mut attributes, resource_type);
        Selection::of(attributes)
    }

    /// Checks the condition of a PUT, PATCH or DELETE: `If-Match` has to name the state, `If-None-Match` must not.
    pub(super) fn check_write(&self, tag: EntityTag) -> Result<(), EngineError> {
        self.check_match(tag)?;
        if self.is_known(tag) {
            return Err(EngineError::PreconditionFailed);
        }
        Ok(())
    }

    /// Checks `If-Match` alone, as a GET does. Only the version counts: what the resource shows of an inverse relation
    /// is not part of the state that a client replaces.
    pub(super) fn check_match(&self, tag: EntityTag) -> Result<(), EngineError> {
        match self {
            Self::Tags {
                if_match: Some(tags), ..
            } if !tags.contain(|listed| listed.version() == tag.version()) => {
                Err(EngineError::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    /// Returns true if `If-None-Match` is there.
    pub(super) fn names_known(&self) -> bool {
        matches!(
            self,
            Self::Tags {
                if_none_match: Some(_),
                ..
            }
        )
    }

    /// Returns true if `If-None-Match` names the tag.
    pub(super) fn is_known(&self, tag: EntityTag) -> bool {
        matches!(self, Self::Tags { if_none_match: Some(tags), .. } if tags.contain(|listed| listed == tag))
    }
}
