//! The locks that commits need in a store with several writers.

use std::collections::BTreeMap;

use keyfob_core::ResourceId;

use crate::{Change, Commit, RelationDelta};

/// The strength of a lock on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a store must take every lock")]
pub enum LockStrength {
    /// Nobody else may write the resource, and others may share the lock.
    Shared,
    /// Nobody else has a lock on the resource, which is written.
    Exclusive,
}

/// The locks of one transaction.
///
/// A commit locks what it writes, and shares a lock on what its outcome depends on: members that join, lest they go before the
/// edge can be seen, and resources that it expects. Everybody takes the locks in the order of ids, so that two transactions
/// never wait for each other.
///
/// ```
/// use keyfob_core::ResourceId;
/// use keyfob_store::kit::{LockStrength, Locks};
///
/// let mut locks = Locks::default();
/// let [ada, grace, guides] = ["ada", "grace", "guides"].map(ResourceId::new);
/// locks.write(&guides);
/// locks.share(&grace);
/// locks.share(&ada);
/// locks.share(&guides);
/// let expected = [
///     (LockStrength::Shared, vec![&ada, &grace]),
///     (LockStrength::Exclusive, vec![&guides]),
/// ];
/// assert_eq!(locks.runs(), expected);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Locks(BTreeMap<ResourceId, LockStrength>);

impl Locks {
    /// Returns the locks that follow from the changes of commits. Owners of relations whose members go, hide or come back are
    /// known to the store alone, which [adds](Self::write) them.
    #[must_use]
    pub fn of<'c>(commits: impl IntoIterator<Item = &'c Commit>) -> Self {
        let mut locks = Self::default();
        for change in commits.into_iter().flat_map(|commit| &commit.changes) {
            match change {
                Change::Create { id, relations, .. } | Change::Update { id, relations, .. } => {
                    locks.write(id);
                    locks.share_members(relations);
                }
                Change::Delete { id, .. } => locks.write(id),
                Change::Expect { id, .. } => locks.share(id),
                Change::Publish { .. } | Change::Forget { .. } => {}
            }
        }
        locks
    }

    /// Adds the lock on a resource that is written.
    pub fn write(&mut self, id: &ResourceId) {
        self.0.insert(id.clone(), LockStrength::Exclusive);
    }

    /// Adds a shared lock, unless the resource is written anyway.
    pub fn share(&mut self, id: &ResourceId) {
        self.0.entry(id.clone()).or_insert(LockStrength::Shared);
    }

    fn share_members(&mut self, deltas: &[RelationDelta]) {
        for (member, _) in deltas.iter().flat_map(|delta| &delta.add) {
            self.share(member);
        }
    }

    /// Returns the strength of the lock on a resource; none where there is no lock.
    #[must_use]
    pub fn strength(&self, id: &ResourceId) -> Option<LockStrength> {
        self.0.get(id).copied()
    }

    /// Returns the resources that are written.
    pub fn written(&self) -> impl Iterator<Item = &ResourceId> {
        let is_written = |(_, strength): &(_, &LockStrength)| **strength == LockStrength::Exclusive;
        self.0.iter().filter(is_written).map(|(id, _)| id)
    }

    /// Returns the locks in the order in which they are taken, as runs of the same strength.
    #[must_use]
    pub fn runs(&self) -> Vec<(LockStrength, Vec<&ResourceId>)> {
        let mut runs: Vec<(LockStrength, Vec<&ResourceId>)> = Vec::new();
        for (id, strength) in &self.0 {
            match runs.last_mut() {
                Some((of, run)) if of == strength => run.push(id),
                _ => runs.push((*strength, vec![id])),
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
        let mut locks = Locks::default();
        for (text, is_written) in [
            ("d", true),
            ("a", false),
            ("c", false),
            ("b", true),
            ("c", true),
            ("e", false),
        ] {
            if is_written {
                locks.write(&id(text));
            } else {
                locks.share(&id(text));
            }
        }
        // Who looks at what it writes has the stronger lock.
        locks.share(&id("d"));
        let runs: Vec<_> = locks
            .runs()
            .into_iter()
            .map(|(strength, run)| {
                (
                    strength,
                    run.into_iter().map(ResourceId::as_str).collect::<Vec<_>>(),
                )
            })
            .collect();
        let expected = [
            (LockStrength::Shared, vec!["a"]),
            (LockStrength::Exclusive, vec!["b", "c", "d"]),
            (LockStrength::Shared, vec!["e"]),
        ];
        assert_eq!(runs, expected);
        assert_eq!(
            locks.written().collect::<Vec<_>>(),
            ["b", "c", "d"].map(id).iter().collect::<Vec<_>>()
        );
    }
}
