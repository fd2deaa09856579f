//! The changes that a commit is made of.

use std::sync::Arc;

use keyfob_core::{CompareKey, Object, Resource, ResourceId, ResourceType, Version};
use keyfob_patch::RelationDelta;
use smol_str::SmolStr;

use crate::{NewEvent, Visibility};

/// One change of a commit.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every kind of change")]
pub enum Change {
    /// Stores a new live resource.
    ///
    /// Its version is [`Version::FIRST`], or the one after the last version of an earlier resource of that id. An id is
    /// free as soon as its resource is deleted, also by an earlier change of the commit.
    Create {
        /// The type.
        resource_type: ResourceType,
        /// The id, or what stands for it within the commit where the store [assigns](crate::Ids::Assigned) ids.
        id: ResourceId,
        /// The document.
        document: Arc<Resource>,
        /// The state beside the document.
        state: Arc<Object>,
        /// The relations.
        relations: Arc<[RelationDelta]>,
        /// What becomes of members that are not live resources.
        members: MemberPolicy,
        /// The keys that no other live resource of the type may have.
        unique: Vec<UniqueKey>,
        /// What becomes of the commit if this change can't be made.
        on_refusal: OnRefusal,
    },
    /// Changes a resource, live or hidden.
    ///
    /// With a document, a state or another visibility the resource changes, and so it does where the deltas change who is
    /// a live member. Then its version is the next one. An update that changes nothing leaves version and time; so does one
    /// of the reserved keys alone.
    Update {
        /// The type.
        resource_type: ResourceType,
        /// The id.
        id: ResourceId,
        /// The new document.
        document: Option<Arc<Resource>>,
        /// The new state.
        state: Option<Arc<Object>>,
        /// Whether the resource can be seen from now on. Each live owner of the resource, other than itself, changes once
        /// where this differs from what was.
        visibility: Option<Visibility>,
        /// Changes of its relations. A delta that clears leaves edges to hidden members; one that removes by id takes
        /// them too.
        relations: Arc<[RelationDelta]>,
        /// What becomes of members that are not live resources.
        members: MemberPolicy,
        /// The keys that it reserves instead of those before; without a list it reserves what it did. A hidden resource
        /// reserves nothing.
        unique: Option<Vec<UniqueKey>>,
        /// The version it must have. Checked before anything else but its existence.
        precondition: Option<Version>,
        /// What becomes of the commit if this change can't be made.
        on_refusal: OnRefusal,
    },
    /// Removes a resource, live or hidden, with the keys that it reserves and every edge from it and to it. Each live
    /// owner of a live resource changes once.
    Delete {
        /// The type.
        resource_type: ResourceType,
        /// The id.
        id: ResourceId,
        /// The version it must have.
        precondition: Option<Version>,
        /// What becomes of the commit if this change can't be made.
        on_refusal: OnRefusal,
    },
    /// Checks a resource, live or hidden, and writes nothing. The commit fails where it isn't as expected.
    Expect {
        /// The type.
        resource_type: ResourceType,
        /// The id.
        id: ResourceId,
        /// What is expected.
        expected: Expected,
    },
    /// Appends an event to the tenant's events.
    Publish {
        /// The caller's half of the event.
        event: Arc<NewEvent>,
        /// The condition under which it is published.
        when: When,
    },
    /// Blanks the [labels](crate::Labels) in all events of a resource, as of a person who is removed for good.
    Forget {
        /// The resource's type.
        resource_type: ResourceType,
        /// The resource.
        id: ResourceId,
    },
}

impl Change {
    /// Creates a change that stores a new resource without relations, state and keys.
    #[must_use]
    pub fn create(resource_type: &ResourceType, id: ResourceId, document: impl Into<Arc<Resource>>) -> Self {
        Self::Create {
            resource_type: resource_type.clone(),
            id,
            document: document.into(),
            state: Arc::default(),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Vec::new(),
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Creates a change that replaces the document of a resource and leaves everything else.
    #[must_use]
    pub fn replace(
        resource_type: &ResourceType,
        id: ResourceId,
        document: impl Into<Arc<Resource>>,
        precondition: Option<Version>,
    ) -> Self {
        Self::Update {
            resource_type: resource_type.clone(),
            id,
            document: Some(document.into()),
            state: None,
            visibility: None,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: None,
            precondition,
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Creates a change of the relations of a resource.
    #[must_use]
    pub fn relate(
        resource_type: &ResourceType,
        id: ResourceId,
        relations: impl Into<Arc<[RelationDelta]>>,
    ) -> Self {
        Self::Update {
            resource_type: resource_type.clone(),
            id,
            document: None,
            state: None,
            visibility: None,
            relations: relations.into(),
            members: MemberPolicy::default(),
            unique: None,
            precondition: None,
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Creates a change that removes a resource.
    #[must_use]
    pub fn delete(resource_type: &ResourceType, id: ResourceId, precondition: Option<Version>) -> Self {
        Self::Delete {
            resource_type: resource_type.clone(),
            id,
            precondition,
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Creates a check that a resource has a version.
    #[must_use]
    pub fn expect(resource_type: &ResourceType, id: ResourceId, expected: Expected) -> Self {
        Self::Expect {
            resource_type: resource_type.clone(),
            id,
            expected,
        }
    }

    /// Creates a change that publishes an event if an earlier change of the commit changed something.
    #[must_use]
    pub fn publish(event: impl Into<Arc<NewEvent>>, of: usize) -> Self {
        Self::Publish {
            event: event.into(),
            when: When::Changed(of),
        }
    }

    /// Returns the type and the id of the resource that the change is about, unless it publishes an event.
    #[must_use]
    pub fn subject(&self) -> Option<(&ResourceType, &ResourceId)> {
        match self {
            Self::Create {
                resource_type, id, ..
            }
            | Self::Update {
                resource_type, id, ..
            }
            | Self::Delete {
                resource_type, id, ..
            }
            | Self::Expect {
                resource_type, id, ..
            }
            | Self::Forget { resource_type, id } => Some((resource_type, id)),
            Self::Publish { .. } => None,
        }
    }

    /// Returns what becomes of the commit if the change can't be made.
    #[must_use]
    pub fn on_refusal(&self) -> OnRefusal {
        match self {
            Self::Create { on_refusal, .. }
            | Self::Update { on_refusal, .. }
            | Self::Delete { on_refusal, .. } => *on_refusal,
            Self::Expect { .. } | Self::Publish { .. } | Self::Forget { .. } => OnRefusal::Fail,
        }
    }
}

/// A value that no two live resources of one type and tenant may have.
///
/// The engine derives it from the schema and from rules; the store enforces it inside the commit, as it alone sees what
/// other commits do at the same time. [`Query::reserved`](crate::Query::reserved) finds who has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct UniqueKey {
    /// The attribute's path in the schema's spelling.
    pub attribute: SmolStr,
    /// What stands for the value wherever it is compared. Stores compare it by its bytes.
    pub value: CompareKey,
}

impl UniqueKey {
    /// Creates the key of a value.
    #[must_use]
    pub fn new(attribute: impl Into<SmolStr>, value: CompareKey) -> Self {
        Self {
            attribute: attribute.into(),
            value,
        }
    }
}

/// What becomes of members in a [`RelationDelta::add`] that are not live resources.
///
/// A resource of a type that the relation doesn't [take](keyfob_core::schema::Relation::takes) is an unknown member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must respect every field, so a new one has to break it"
)]
pub struct MemberPolicy {
    /// If true, unknown members are left out and reported; otherwise the change is refused.
    pub skip_unknown: bool,
    /// If true, hidden members join and are seen as soon as they are revealed; otherwise they are unknown.
    pub accept_hidden: bool,
}

/// What becomes of a commit if one of its changes can't be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle both")]
pub enum OnRefusal {
    /// The commit fails and nothing is changed.
    #[default]
    Fail,
    /// For these causes the commit goes on as if the change were not in it; for others it fails.
    Skip(&'static [Cause]),
}

impl OnRefusal {
    /// Returns true if a change that is refused for this cause is skipped.
    #[must_use]
    pub fn skips(self, cause: Cause) -> bool {
        match self {
            Self::Fail => false,
            Self::Skip(causes) => causes.contains(&cause),
        }
    }
}

/// Why a change can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// There is no such resource.
    Missing,
    /// A resource of that id exists.
    IdTaken,
    /// Another live resource has a value that has to be unique.
    ValueTaken,
    /// The resource has another version.
    Version,
    /// Members don't exist.
    UnknownMembers,
}

/// What an [`Expect`](Change::Expect) demands of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every kind")]
pub enum Expected {
    /// It exists and has this version.
    Version(Version),
    /// It exists.
    Present,
    /// It doesn't exist, live or hidden.
    Absent,
}

/// The condition under which an event is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must handle every kind")]
pub enum When {
    /// In any case.
    Always,
    /// If the change of this number, an earlier one, changed something.
    Changed(usize),
    /// If the change of this number, an earlier one, was skipped.
    Skipped(usize),
}
