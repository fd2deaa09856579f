//! Resources as the engine reads them: the document that clients see and the state beside it.

use keyfob_core::{EntityTag, Resource, ResourceId, ResourceType, Version};
use keyfob_store::{Stored, Visibility};

use crate::state::State;

/// A document with its state.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a resource has no third part")]
pub struct Record {
    /// The document: everything of the resource but `id`, `meta` and relations.
    pub document: Resource,
    /// The state beside it.
    pub state: State,
}

/// A resource that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The id.
    pub id: ResourceId,
    /// The resource with `id`, `meta` and those of its relations that were selected.
    pub resource: Resource,
    /// The state beside it.
    pub state: State,
    /// The version, on which a decision that depends on the resource is committed.
    pub version: Version,
    /// Its visibility.
    pub visibility: Visibility,
}

impl Loaded {
    /// Takes what a store has read.
    #[must_use]
    pub fn new(stored: Stored) -> Self {
        let state = State::of(&stored);
        Self {
            id: stored.resource.id().unwrap_or_else(|| ResourceId::new("")),
            resource: stored.resource,
            state,
            version: stored.version,
            visibility: stored.visibility,
        }
    }

    /// Returns the document and the state.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            document: document_of(self.resource.clone()),
            state: self.state.clone(),
        }
    }

    /// Returns true if the resource is hidden and can be brought back.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.visibility == Visibility::Hidden
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
