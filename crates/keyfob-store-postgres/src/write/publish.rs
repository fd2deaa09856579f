//! The events of commits.

use std::collections::HashMap;

use keyfob_core::{ResourceId, Value, json};
use keyfob_store::{Change, Commit, Event, Labels, Listed, Outcome, Position, kit};
use smol_str::SmolStr;

use super::{content::text, world::World};

/// The events of one commit. They are made when all its changes are, as they tell the names of resources after it.
pub(super) struct Publishing<'c> {
    commit: &'c Commit,
    has_events: bool,
    /// The names of resources that the commit deletes, from just before.
    before: HashMap<ResourceId, Labels>,
}

impl<'c> Publishing<'c> {
    pub(super) fn new(commit: &'c Commit) -> Self {
        let is_event = |change: &Change| matches!(change, Change::Publish { .. });
        Self {
            commit,
            has_events: commit.changes.iter().any(is_event),
            before: HashMap::new(),
        }
    }

    /// Notes what a change is going to delete.
    pub(super) fn note(&mut self, world: &World, change: &Change) {
        if let Change::Delete {
            resource_type, id, ..
        } = change
            && self.has_events
            && let Some(labels) = labels(world, resource_type.name(), id)
        {
            self.before.insert(id.clone(), labels);
        }
    }

    /// The events of which the conditions were met.
    pub(super) fn finish(self, world: &World, outcomes: &[Outcome]) -> Vec<Event> {
        let changes = self.commit.changes.iter().zip(outcomes);
        let published = changes.filter_map(|(change, outcome)| match (change, outcome) {
            (Change::Publish { event, when }, Outcome::Published) => Some((event, *when)),
            _ => None,
        });
        let events = (0_u32..).zip(published).map(|(number, (event, when))| {
            let labels = labels(world, &event.resource_type, &event.resource)
                .or_else(|| self.before.get(&event.resource).cloned())
                .unwrap_or_default();
            // The position comes later.
            kit::complete(
                self.commit,
                number,
                Position::START,
                (event, when),
                outcomes,
                labels,
            )
        });
        events.collect()
    }
}

/// The resources that a commit wants to be forgotten.
pub(super) fn forgotten(commit: &Commit) -> impl Iterator<Item = (SmolStr, ResourceId)> {
    commit.changes.iter().filter_map(|change| match change {
        Change::Forget { resource_type, id } => Some((resource_type.name().clone(), id.clone())),
        _ => None,
    })
}

/// The names of a resource that is there, live or hidden.
fn labels(world: &World, kind: &SmolStr, id: &ResourceId) -> Option<Labels> {
    let row = world.row(id).filter(|row| row.kind == *kind);
    row.map(|row| row.labels.clone())
}

/// A list of texts as JSON; none if it is empty.
pub(super) fn list(texts: impl ExactSizeIterator<Item = SmolStr>) -> Option<String> {
    let is_empty = texts.len() == 0;
    let list = Value::Array(texts.map(Value::String).collect());
    (!is_empty).then(|| text(json::value_to_vec(&list)))
}

pub(super) fn members(listed: &Listed) -> Option<String> {
    list(listed.ids.iter().map(|id| id.as_str().into()))
}
