//! A commit that owns all it needs, encoded before it goes to the writer's thread.

use std::collections::BTreeSet;

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType, Version, json, schema::RelationKind};
use keyfob_store::{Change, NewEvent, RelationDelta, UniqueKey};
use smol_str::SmolStr;

use crate::index::{self, Entry};

/// The changes of one commit.
pub(crate) struct Commit {
    pub(super) tenant: SmolStr,
    pub(super) changes: Vec<OwnedChange>,
}

impl Commit {
    pub(crate) fn new(tenant: &str, changes: &[Change<'_>]) -> Self {
        Self {
            tenant: tenant.into(),
            changes: changes.iter().map(OwnedChange::new).collect(),
        }
    }

    /// Returns true if the commit deletes a resource.
    pub(crate) fn deletes(&self) -> bool {
        let is_deletion = |change: &OwnedChange| matches!(change, OwnedChange::Delete { .. });
        self.changes.iter().any(is_deletion)
    }
}

/// A [`Change`] that owns what it refers to.
pub(super) enum OwnedChange {
    Create(Create),
    Update(Update),
    Delete {
        kind: SmolStr,
        id: ResourceId,
        precondition: Option<Version>,
        at: DateTime,
    },
    Publish {
        event: NewEvent,
        data: Vec<u8>,
        of: Option<usize>,
    },
}

pub(super) struct Create {
    pub(super) resource_type: ResourceType,
    pub(super) id: ResourceId,
    pub(super) content: Content,
    pub(super) relations: Vec<RelationDelta>,
    pub(super) version: Version,
    pub(super) created: DateTime,
    pub(super) at: DateTime,
}

pub(super) struct Update {
    pub(super) resource_type: ResourceType,
    pub(super) id: ResourceId,
    pub(super) content: Option<Content>,
    pub(super) relations: Vec<RelationDelta>,
    pub(super) precondition: Option<Version>,
    pub(super) at: DateTime,
}

/// What follows from a document.
pub(super) struct Content {
    pub(super) json: Vec<u8>,
    /// Of resources that own a relation.
    pub(super) display_name: Option<SmolStr>,
    pub(super) unique: BTreeSet<Entry>,
    pub(super) indexed: BTreeSet<Entry>,
}

impl Content {
    fn new(resource_type: &ResourceType, document: &Resource, unique: &[UniqueKey]) -> Self {
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let display_name = document.core().get_str("displayName").filter(|_| owns);
        Self {
            json: encode(document),
            display_name: display_name.map(SmolStr::new),
            unique: unique
                .iter()
                .map(|key| (key.attribute.clone(), key.value.clone().into()))
                .collect(),
            indexed: index::entries(resource_type, document),
        }
    }
}

/// The document without what is kept elsewhere.
fn encode(document: &Resource) -> Vec<u8> {
    let mut bare = Resource::new(document.schemas().iter().cloned());
    bare.core_mut().clone_from(document.core());
    bare.core_mut()
        .retain(|name, _| !name.is("id") && !name.is("meta"));
    bare.extensions_mut().extend_from_slice(document.extensions());
    bare.to_json()
}

impl OwnedChange {
    fn new(change: &Change<'_>) -> Self {
        match *change {
            Change::Create {
                resource_type,
                id,
                document,
                relations,
                unique,
                version,
                created,
                at,
            } => Self::Create(Create {
                resource_type: resource_type.clone(),
                id: id.clone(),
                content: Content::new(resource_type, document, unique),
                relations: relations.to_vec(),
                version,
                created,
                at,
            }),
            Change::Update {
                resource_type,
                id,
                document,
                relations,
                unique,
                precondition,
                at,
            } => Self::Update(Update {
                resource_type: resource_type.clone(),
                id: id.clone(),
                content: document.map(|document| Content::new(resource_type, document, unique)),
                relations: relations.to_vec(),
                precondition,
                at,
            }),
            Change::Delete {
                resource_type,
                id,
                precondition,
                at,
            } => Self::Delete {
                kind: resource_type.name().clone(),
                id: id.clone(),
                precondition,
                at,
            },
            Change::Publish { event, of } => Self::Publish {
                event: event.clone(),
                data: json::object_to_vec(&event.data),
                of,
            },
        }
    }
}
