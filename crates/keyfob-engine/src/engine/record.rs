//! Resources as they are stored, taken apart into what clients see and what the service knows.

use keyfob_core::{DateTime, Resource, Version};
use keyfob_store::Stored;

use crate::state::State;

/// A document with its state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// What of the resource is its document: everything but `id`, `meta` and relations.
    pub(crate) document: Resource,
    pub(crate) state: State,
}

/// A stored resource with its state apart.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The resource with `id`, `meta` and those of its relations that were selected.
    pub(crate) resource: Resource,
    pub(crate) state: State,
    pub(crate) version: Version,
}

impl Loaded {
    pub(crate) fn new(stored: Stored) -> Self {
        let mut resource = stored.resource;
        let state = State::take_from(&mut resource);
        Self {
            resource,
            state,
            version: stored.version,
        }
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            document: document_of(self.resource.clone()),
            state: self.state.clone(),
        }
    }

    /// When the resource was created.
    pub(crate) fn created(&self) -> Option<DateTime> {
        self.resource.meta()?.created
    }
}

/// What of a resource is its document.
pub(crate) fn document_of(mut resource: Resource) -> Resource {
    resource.core_mut().remove("id");
    resource.core_mut().remove("meta");
    resource.relations_mut().clear();
    resource
}
