//! The reads and the locks that a group of commits needs.

use std::collections::BTreeSet;

use keyfob_core::ResourceId;
use keyfob_store::{Change, RelationDelta, kit::Locks};
use smol_str::SmolStr;

use super::{
    content::{Content, Prepared},
    world::{Edge, Key},
};
use crate::read::path;

/// Everything that is read before changes are made.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) locks: Locks,
    /// Resources of which the names alone are wanted.
    pub(super) named: BTreeSet<ResourceId>,
    /// Resources that are created, of which an earlier one may have had the id.
    pub(super) created: BTreeSet<ResourceId>,
    pub(super) keys: BTreeSet<Key>,
    /// Resources of which the keys and the entries may change.
    pub(super) reserving: BTreeSet<ResourceId>,
    pub(super) indexed: BTreeSet<ResourceId>,
    /// Edges that are put in or taken out, and relations that are cleared.
    pub(super) edges: BTreeSet<Edge>,
    pub(super) cleared: BTreeSet<(ResourceId, SmolStr)>,
    /// Resources that go, hide or come back, whose owners change with them.
    pub(super) turning: BTreeSet<ResourceId>,
}

impl Needs {
    pub(super) fn of(group: &[&Prepared]) -> Self {
        let mut needs = Self {
            locks: Locks::of(group.iter().map(|prepared| &*prepared.commit)),
            ..Self::default()
        };
        for prepared in group {
            for (change, content) in prepared.commit.changes.iter().zip(&prepared.contents) {
                needs.add(change, content);
            }
        }
        needs
    }

    fn add(&mut self, change: &Change, content: &Content) {
        match change {
            Change::Create {
                resource_type,
                id,
                relations,
                ..
            } => {
                self.created.insert(id.clone());
                self.want_keys(resource_type.name(), content);
                self.relate(id, relations);
            }
            Change::Update {
                resource_type,
                id,
                visibility,
                relations,
                ..
            } => {
                self.want_keys(resource_type.name(), content);
                self.relate(id, relations);
                if visibility.is_some() {
                    self.turning.insert(id.clone());
                }
                if visibility.is_some() || content.unique.is_some() {
                    self.reserving.insert(id.clone());
                }
                if visibility.is_some() || content.document.is_some() {
                    self.indexed.insert(id.clone());
                }
            }
            Change::Delete { id, .. } => {
                self.turning.insert(id.clone());
                self.reserving.insert(id.clone());
            }
            Change::Publish { event, .. } => {
                self.named.insert(event.resource.clone());
            }
            Change::Expect { .. } | Change::Forget { .. } => {}
        }
    }

    fn want_keys(&mut self, kind: &SmolStr, content: &Content) {
        let keys = content.unique.iter().flatten();
        self.keys.extend(keys.map(|key| (kind.clone(), key.clone())));
    }

    fn relate(&mut self, owner: &ResourceId, deltas: &[RelationDelta]) {
        for delta in deltas {
            let attribute = SmolStr::from(path(delta.attribute.as_str()));
            let edge = |member: &ResourceId| (owner.clone(), attribute.clone(), member.clone());
            self.edges
                .extend(delta.add.iter().map(|(member, _)| edge(member)));
            self.edges.extend(delta.remove.iter().map(edge));
            if delta.clear {
                self.cleared.insert((owner.clone(), attribute));
            }
        }
    }
}
