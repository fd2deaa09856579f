//! A change as a rule sees it, and the additions that a rule may make.

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType};
use keyfob_patch::RelationDelta;
use keyfob_store::{NewEvent, UniqueKey};
use smol_str::SmolStr;

use crate::{engine::Record, facts::Facts, profile::Profile, state::State};

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// It is created.
    Create,
    /// It changes.
    Update,
    /// It was hidden and is brought back.
    Reveal,
    /// It is hidden and can be brought back.
    Hide,
    /// It goes for good.
    Delete,
}

/// A change that is about to be committed.
#[derive(Clone, Debug)]
pub struct Review<'r> {
    pub(crate) operation: Operation,
    pub(crate) resource_type: &'r ResourceType,
    pub(crate) id: &'r ResourceId,
    pub(crate) at: DateTime,
    pub(crate) profile: &'r Profile,
    pub(crate) facts: &'r Facts,
    pub(crate) before: Option<&'r Record>,
    pub(crate) document: Option<Resource>,
    pub(crate) state: State,
    pub(crate) relations: &'r [RelationDelta],
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) taken: Vec<SmolStr>,
    pub(crate) further: Vec<Further>,
    pub(crate) events: Vec<NewEvent>,
}

impl<'r> Review<'r> {
    /// What happens.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The resource's type.
    #[must_use]
    pub fn resource_type(&self) -> &'r ResourceType {
        self.resource_type
    }

    /// The resource's id.
    #[must_use]
    pub fn id(&self) -> &'r ResourceId {
        self.id
    }

    /// The present instant.
    #[must_use]
    pub fn at(&self) -> DateTime {
        self.at
    }

    /// The profile of the service.
    #[must_use]
    pub fn profile(&self) -> &'r Profile {
        self.profile
    }

    /// The facts that were read before.
    #[must_use]
    pub fn facts(&self) -> &'r Facts {
        self.facts
    }

    /// The document as it is stored, without relations. There is none where the resource is created, and there may be
    /// none where only its relations change.
    #[must_use]
    pub fn before(&self) -> Option<&'r Resource> {
        self.before.map(|record| &record.document)
    }

    /// The state as it is stored.
    #[must_use]
    pub fn state_before(&self) -> Option<&'r State> {
        self.before.map(|record| &record.state)
    }

    /// The document as it is going to be stored; none where it goes and where only its relations change.
    #[must_use]
    pub fn document(&self) -> Option<&Resource> {
        self.document.as_ref()
    }

    /// The document as it is going to be stored, for a rule that puts something right.
    pub fn document_mut(&mut self) -> Option<&mut Resource> {
        self.document.as_mut()
    }

    /// The state as it is going to be stored with the document.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state as it is going to be stored, for what a rule has to know next time.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Who joins and leaves the resource's relations.
    #[must_use]
    pub fn relations(&self) -> &'r [RelationDelta] {
        self.relations
    }

    /// Adds a value that no other resource of the type may have. The document's unique keys are those of every review:
    /// a rule names its key each time that there is a [`document`](Self::document).
    pub fn reserve(&mut self, key: UniqueKey) {
        self.unique.push(key);
    }

    /// Returns true if a hidden resource comes back and somebody else has by now its value of this attribute of a
    /// [reserved](Self::reserve) key. A rule that reserved it lets the resource come back without.
    #[must_use]
    pub fn is_taken(&self, attribute: &str) -> bool {
        self.taken.iter().any(|taken| taken == attribute)
    }

    /// Adds a change to the commit; the request fails if it can't be made.
    pub fn add(&mut self, change: FurtherChange) {
        self.further.push(Further {
            change,
            optional: false,
            instead: None,
        });
    }

    /// Adds a change to the commit that is left out if it can't be made because an id or a value is taken or the
    /// resource is not there. `otherwise` is then published.
    pub fn attempt(&mut self, change: FurtherChange, otherwise: Option<NewEvent>) {
        self.further.push(Further {
            change,
            optional: true,
            instead: otherwise,
        });
    }

    /// Adds an event that tells of the resource. It is published if the change changes something.
    pub fn publish(&mut self, name: impl Into<SmolStr>) {
        let event = self.event(name);
        self.events.push(event);
    }

    /// Adds an event. It is published if the change changes something.
    pub fn publish_event(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// An event that tells of the resource.
    #[must_use]
    pub fn event(&self, name: impl Into<SmolStr>) -> NewEvent {
        NewEvent::new(name, self.resource_type.name().clone(), self.id.clone())
    }
}

/// A change of another resource of the tenant, made in the same commit and told of by an event
/// ([`CREATED`](crate::event::CREATED), [`CHANGED`](crate::event::CHANGED) or
/// [`DELETED`](crate::event::DELETED)), if it changes something.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FurtherChange {
    /// Creates it.
    Create {
        /// Its type.
        resource_type: ResourceType,
        /// Its id.
        id: ResourceId,
        /// Its document.
        document: Resource,
        /// What no other resource of its type may have.
        unique: Vec<UniqueKey>,
    },
    /// Replaces its document.
    Replace {
        /// Its type.
        resource_type: ResourceType,
        /// Its id.
        id: ResourceId,
        /// Its document.
        document: Resource,
        /// What no other resource of its type may have.
        unique: Vec<UniqueKey>,
    },
    /// Puts members into its relations and takes them out, without a look at its document.
    Relate {
        /// Its type.
        resource_type: ResourceType,
        /// Its id.
        id: ResourceId,
        /// Who joins and who leaves.
        relations: Vec<RelationDelta>,
    },
    /// Deletes it.
    Delete {
        /// Its type.
        resource_type: ResourceType,
        /// Its id.
        id: ResourceId,
    },
}

/// A further change and what becomes of the request if it can't be made.
#[derive(Clone, Debug)]
pub(crate) struct Further {
    pub(crate) change: FurtherChange,
    /// Whether it may be left out.
    pub(crate) optional: bool,
    /// What is published where it is left out.
    pub(crate) instead: Option<NewEvent>,
}
