//! What a commit did.

use keyfob_core::{DateTime, ResourceId, Version};

use crate::{Cause, Stored};

/// What a commit did: one outcome for each change, in order.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Committed {
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
    /// The resource that the commit's [`Answer`](crate::Answer) asked for, read in the commit's transaction. There is
    /// none where nobody asked, and where the change was skipped.
    pub answer: Option<Stored>,
}

impl Committed {
    /// Creates what a commit with these outcomes did.
    #[must_use]
    pub fn new(outcomes: Vec<Outcome>) -> Self {
        Self {
            outcomes,
            answer: None,
        }
    }

    /// Returns the same with an answer.
    #[must_use]
    pub fn with_answer(self, answer: Option<Stored>) -> Self {
        Self { answer, ..self }
    }

    /// Returns the revision that a change left its resource in. There is none where the resource is gone, and where the
    /// change is of another kind or was skipped.
    #[must_use]
    pub fn revision(&self, change: usize) -> Option<&Revision> {
        self.outcomes.get(change)?.revision()
    }
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every outcome")]
pub enum Outcome {
    /// The resource was created or changed.
    Changed {
        /// The state that it is in now.
        revision: Revision,
        /// The live members that joined its relations.
        joined: Listed,
        /// The live members that left its relations.
        left: Listed,
        /// The members that were left out because nothing is known of them.
        unknown: Vec<ResourceId>,
    },
    /// The resource is in the wanted state already.
    Unchanged {
        /// The state that it is in.
        revision: Revision,
        /// The members that were left out because nothing is known of them.
        unknown: Vec<ResourceId>,
    },
    /// The resource is gone.
    Deleted,
    /// The change was left out, as it [allows](crate::OnRefusal::Skip).
    Skipped(Cause),
    /// The resource is as [expected](crate::Change::Expect).
    Expected,
    /// The event was published.
    Published,
    /// The event was not published, since its condition is not met.
    Suppressed,
    /// The labels were blanked.
    Forgotten,
}

impl Outcome {
    /// Returns true if the change changed a resource.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Deleted)
    }

    /// Returns the revision that the change left its resource in.
    #[must_use]
    pub fn revision(&self) -> Option<&Revision> {
        match self {
            Self::Changed { revision, .. } | Self::Unchanged { revision, .. } => Some(revision),
            Self::Deleted
            | Self::Skipped(_)
            | Self::Expected
            | Self::Published
            | Self::Suppressed
            | Self::Forgotten => None,
        }
    }
}

/// One state of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must give every field, so a new one has to break it"
)]
pub struct Revision {
    /// The id.
    pub id: ResourceId,
    /// The version.
    pub version: Version,
    /// When the resource was created.
    pub created: DateTime,
    /// When it last changed.
    pub last_modified: DateTime,
}

/// Some ids and the number of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The first of them, in the order in which they were named, at most [`Listed::MAX`].
    pub ids: Vec<ResourceId>,
    /// The number of all.
    pub count: usize,
}

impl Listed {
    /// The number of ids that are listed at most.
    pub const MAX: usize = 100;

    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the list of what was counted elsewhere.
    #[must_use]
    pub fn of(ids: Vec<ResourceId>, count: usize) -> Self {
        let mut ids = ids;
        ids.truncate(Self::MAX);
        Self { ids, count }
    }

    /// Adds an id.
    pub fn push(&mut self, id: &ResourceId) {
        if self.ids.len() < Self::MAX {
            self.ids.push(id.clone());
        }
        self.count += 1;
    }

    /// Returns true if there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
