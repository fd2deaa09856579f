//! Resources as the engine reads them: the document that clients see and the state beside it.

use keyfob_core::{EntityTag, Resource, ResourceId, ResourceType, Version};
use keyfob_store::{Stored, Visibility};

use crate::{
    context::{Actor, Context},
    state::{Act, Outcome, Party, Standing, State, outcome},
};

/// A document with its state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The document: everything of the resource but `id`, `meta` and relations.
    pub(crate) document: Resource,
    pub(crate) state: State,
}

/// A resource that was read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) id: ResourceId,
    /// The resource with `id`, `meta` and those of its relations that were selected.
    pub(crate) resource: Resource,
    pub(crate) state: State,
    pub(crate) version: Version,
    pub(crate) visibility: Visibility,
}

impl Loaded {
    pub(crate) fn new(stored: Stored) -> Self {
        let state = State::of(&stored);
        Self {
            id: stored.resource.id().unwrap_or_else(|| ResourceId::new("")),
            resource: stored.resource,
            state,
            version: stored.version,
            visibility: stored.visibility,
        }
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            document: document_of(self.resource.clone()),
            state: self.state.clone(),
        }
    }

    /// Returns true if the resource is a deleted user, who can be brought back.
    pub(crate) fn is_deleted(&self) -> bool {
        self.visibility == Visibility::Hidden
    }

    /// Returns where a user stands in its life.
    pub(crate) fn standing(&self) -> Standing {
        if self.is_deleted() {
            Standing::Deleted(self.state.deleted_by())
        } else {
            Standing::of(&self.resource, &self.state)
        }
    }

    /// Returns the resource as an actor knows it; none where it doesn't exist for them.
    ///
    /// A user whom an administrator deleted is deactivated in the eyes of the provider, and in no group.
    pub(crate) fn known_to(mut self, cx: &Context) -> Option<Self> {
        if !self.is_deleted() {
            return Some(self);
        }
        let is_known = cx.actor() == Actor::Provider
            && outcome(self.standing(), Party::Provider, Act::Change) != Outcome::Unknown;
        self.resource.relations_mut().clear();
        is_known.then_some(self)
    }

    /// Returns the entity tag. The inverse relations of the type were selected where the tag is shown or compared as a
    /// whole.
    pub(crate) fn tag(&self, resource_type: &ResourceType) -> EntityTag {
        EntityTag::of(self.version, &self.resource, resource_type)
    }
}

/// Takes out of a resource what is not its document.
pub(crate) fn document_of(mut resource: Resource) -> Resource {
    resource.core_mut().remove("id");
    resource.core_mut().remove("meta");
    resource.relations_mut().clear();
    resource
}
