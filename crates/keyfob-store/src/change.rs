//! What is written.

use keyfob_core::{CompareKey, DateTime, Resource, ResourceId, ResourceType, Version};
use keyfob_patch::RelationDelta;
use smol_str::SmolStr;

use crate::{EventId, NewEvent};

/// One change of a commit.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every kind of change")]
pub enum Change<'c> {
    /// Stores a new resource, last modified `at`. Fails with [`CommitError::IdTaken`](crate::CommitError::IdTaken) where
    /// the tenant has a resource of that id; an id is free as soon as its resource is deleted, be it earlier in the
    /// same commit.
    Create {
        /// Its type.
        resource_type: &'c ResourceType,
        /// Its id.
        id: &'c ResourceId,
        /// Its document.
        document: &'c Resource,
        /// Its relations.
        relations: &'c [RelationDelta],
        /// What no other resource of its type may have.
        unique: &'c [UniqueKey],
        /// The version it starts at: [`Version::FIRST`] unless it is brought back under the id that it had.
        version: Version,
        /// When it was first created: `at` unless it is brought back.
        created: DateTime,
        /// The present instant.
        at: DateTime,
    },
    /// Changes a resource. Where it changes, its version grows by one and it is last modified `at`; an update without
    /// a document whose deltas change nothing leaves both.
    Update {
        /// Its type.
        resource_type: &'c ResourceType,
        /// Its id.
        id: &'c ResourceId,
        /// The new document, if the document changes.
        document: Option<&'c Resource>,
        /// Changes of its relations.
        relations: &'c [RelationDelta],
        /// With a document: what no other resource of its type may have, instead of what it reserved before.
        unique: &'c [UniqueKey],
        /// The version it must have. Checked before anything else but its existence.
        precondition: Option<Version>,
        /// The present instant.
        at: DateTime,
    },
    /// Takes a resource out, with what it reserved and with every edge from it and to it. A resource that loses a
    /// member in this way changes: its version grows by one and it is last modified `at`.
    Delete {
        /// Its type.
        resource_type: &'c ResourceType,
        /// Its id.
        id: &'c ResourceId,
        /// The version it must have.
        precondition: Option<Version>,
        /// The present instant.
        at: DateTime,
    },
    /// Appends an event to the tenant's events.
    Publish {
        /// The event.
        event: &'c NewEvent,
        /// The place of an earlier change in the commit: the event is published only if that change changed
        /// something.
        of: Option<usize>,
    },
}

/// A value that no two resources of one type and tenant may have.
///
/// The engine derives it from the schema; the store enforces it inside the commit, as it alone sees what other
/// commits do at the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct UniqueKey {
    /// The attribute's path in the schema's spelling.
    pub attribute: SmolStr,
    /// What stands for the value wherever it is compared. Stores compare it by its bytes.
    pub value: CompareKey,
}

impl UniqueKey {
    /// The key of a value.
    #[must_use]
    pub fn new(attribute: impl Into<SmolStr>, value: CompareKey) -> Self {
        Self {
            attribute: attribute.into(),
            value,
        }
    }
}

/// What a commit did: one outcome for each change, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
}

impl Committed {
    /// A commit with these outcomes.
    #[must_use]
    pub fn new(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes }
    }

    /// Returns the version that the commit left the resource of a change with: `None` where the resource is gone.
    #[must_use]
    pub fn version(&self, change: usize) -> Option<Version> {
        match self.outcomes.get(change)? {
            Outcome::Changed(version) | Outcome::Unchanged(version) => Some(*version),
            Outcome::Deleted | Outcome::Published(_) | Outcome::Suppressed => None,
        }
    }
}

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The resource was created or changed and has this version now.
    Changed(Version),
    /// The resource was as wanted already and still has this version.
    Unchanged(Version),
    /// The resource is gone.
    Deleted,
    /// The event was published under this id.
    Published(EventId),
    /// The event was not published, since the change it tells of changed nothing.
    Suppressed,
}

impl Outcome {
    /// Whether the change changed something.
    #[must_use]
    pub fn is_change(self) -> bool {
        matches!(self, Self::Changed(_) | Self::Deleted)
    }
}
