//! The reads and the locks that a group of commits needs.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::ResourceId;
use keyfob_store::{Change, RelationDelta};
use smol_str::SmolStr;

use super::{
    content::{Content, Prepared},
    world::{Edge, Key},
};
use crate::read::path;

/// Everything that is read before changes are made.
#[derive(Default)]
pub(super) struct Needs {
    /// The locks, in the order in which they are taken: true for those of resources that are written.
    pub(super) locks: BTreeMap<ResourceId, bool>,
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
    pub(super) fn of<'p>(group: impl IntoIterator<Item = &'p Prepared>) -> Self {
        let mut needs = Self::default();
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
                self.write(id);
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
                self.write(id);
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
                self.write(id);
                self.turning.insert(id.clone());
                self.reserving.insert(id.clone());
            }
            Change::Expect { id, .. } => self.look_at(id),
            Change::Publish { event, .. } => {
                self.named.insert(event.resource.clone());
            }
            Change::Forget { .. } => {}
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
            for (member, _) in &delta.add {
                // Held, lest it goes or hides before the edge can be seen.
                self.look_at(member);
                self.edges.insert(edge(member));
            }
            self.edges.extend(delta.remove.iter().map(edge));
            if delta.clear {
                self.cleared.insert((owner.clone(), attribute));
            }
        }
    }

    /// Locks a resource that is written.
    pub(super) fn write(&mut self, id: &ResourceId) {
        self.locks.insert(id.clone(), true);
    }

    /// Locks a resource so that nobody else writes it.
    fn look_at(&mut self, id: &ResourceId) {
        self.locks.entry(id.clone()).or_insert(false);
    }

    /// The locks as runs of the same strength. Taken in this order by everybody, they never close a circle.
    pub(super) fn runs(&self) -> Vec<(bool, Vec<&ResourceId>)> {
        let mut runs: Vec<(bool, Vec<&ResourceId>)> = Vec::new();
        for (id, is_written) in &self.locks {
            match runs.last_mut() {
                Some((of, run)) if of == is_written => run.push(id),
                _ => runs.push((*is_written, vec![id])),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_the_order_of_ids_each_in_its_strength() {
        let id = |text: &str| ResourceId::new(text);
        let mut needs = Needs::default();
        for (text, is_written) in [
            ("d", true),
            ("a", false),
            ("c", false),
            ("b", true),
            ("c", true),
            ("e", false),
        ] {
            if is_written {
                needs.write(&id(text));
            } else {
                needs.look_at(&id(text));
            }
        }
        // Who looks at what it writes has the stronger lock.
        needs.look_at(&id("d"));
        let runs: Vec<_> = needs
            .runs()
            .into_iter()
            .map(|(is_written, run)| {
                (
                    is_written,
                    run.into_iter().map(ResourceId::as_str).collect::<Vec<_>>(),
                )
            })
            .collect();
        let expected = [
            (false, vec!["a"]),
            (true, vec!["b", "c", "d"]),
            (false, vec!["e"]),
        ];
        assert_eq!(runs, expected);
    }
}
