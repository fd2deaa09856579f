//! The events of one tenant.

use std::collections::{HashMap, VecDeque};

use keyfob_core::ResourceId;
use keyfob_store::{
    CommitId, Event, FeedError, Labels, LookBack, Position, Retention,
    kit::{OldCommit, Trimmed},
};
use smol_str::SmolStr;

/// How many commits without events are remembered.
const SILENT_COMMITS: usize = 1024;

#[derive(Default)]
pub(crate) struct Feed {
    /// In the order of their positions, which are neighbours.
    events: VecDeque<Event>,
    /// The position of the last event that was published.
    last: u64,
    consumers: HashMap<SmolStr, Position>,
    silent: VecDeque<CommitId>,
}

impl Feed {
    /// Returns true if nothing was ever published.
    pub(crate) fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// Returns the position of the last event.
    pub(crate) fn last(&self) -> Position {
        Position::new(self.last)
    }

    /// Appends an event at the position after the last.
    pub(crate) fn push(&mut self, event: Event) {
        self.last += 1;
        self.events.push_back(event);
    }

    /// Takes the last event back.
    pub(crate) fn pop(&mut self) {
        if self.events.pop_back().is_some() {
            self.last -= 1;
        }
    }

    /// Replaces the labels of an event of this number among those that are left, and returns the former ones.
    pub(crate) fn label(&mut self, index: usize, labels: Labels) -> Labels {
        let event = self.events.get_mut(index);
        event
            .map(|event| std::mem::replace(&mut event.labels, labels))
            .unwrap_or_default()
    }

    /// Returns the numbers of the events of a resource among those that are left.
    pub(crate) fn of(&self, resource_type: &str, id: &ResourceId) -> Vec<usize> {
        let is_of = |event: &Event| event.event.resource == *id && event.event.resource_type == resource_type;
        let events = self.events.iter().enumerate();
        events
            .filter(|(_, event)| is_of(event))
            .map(|(index, _)| index)
            .collect()
    }

    /// Remembers a commit that published nothing.
    pub(crate) fn remember(&mut self, commit: &CommitId) {
        if self.silent.len() == SILENT_COMMITS {
            self.silent.pop_front();
        }
        self.silent.push_back(commit.clone());
    }

    /// Returns true if a commit happened.
    pub(crate) fn remembers(&self, commit: &CommitId) -> bool {
        self.silent.contains(commit) || self.events.iter().rev().any(|event| event.id.commit == *commit)
    }

    pub(crate) fn read(&self, after: Position, limit: usize) -> Result<Vec<Event>, FeedError> {
        let oldest = self
            .events
            .front()
            .map_or(Position::new(self.last + 1), |event| event.position);
        if after.number().saturating_add(1) < oldest.number() {
            return Err(FeedError::Gone { oldest });
        }
        let start = self.events.partition_point(|event| event.position <= after);
        Ok(self.events.iter().skip(start).take(limit).cloned().collect())
    }

    pub(crate) fn look_back(&self, query: &LookBack) -> Vec<Event> {
        let LookBack {
            resource,
            identity,
            since,
            until,
            before,
            limit,
        } = query;
        let is_wanted = |event: &&Event| {
            resource.as_ref().is_none_or(|id| event.event.resource == *id)
                && identity.as_ref().is_none_or(|id| event.actor.identity == *id)
                && since.is_none_or(|since| event.at >= since)
                && until.is_none_or(|until| event.at < until)
                && before.is_none_or(|before| event.position < before)
        };
        self.events
            .iter()
            .rev()
            .filter(is_wanted)
            .take(*limit)
            .cloned()
            .collect()
    }

    pub(crate) fn acknowledge(&mut self, consumer: &str, position: Position) {
        let acknowledged = self.consumers.entry(consumer.into()).or_default();
        *acknowledged = (*acknowledged).max(position);
    }

    pub(crate) fn acknowledged(&self, consumer: &str) -> Position {
        self.consumers.get(consumer).copied().unwrap_or_default()
    }

    pub(crate) fn trim(&mut self, retention: &Retention, limit: usize) -> usize {
        let handled = self.consumers.values().min().copied();
        let commits = self
            .events
            .make_contiguous()
            .chunk_by(|event, next| event.id.commit == next.id.commit);
        let commits = commits.take(limit).filter_map(|events| {
            events.last().map(|last| OldCommit {
                at: last.at,
                last: last.position,
                events: events.len(),
            })
        });
        let handled = handled.unwrap_or(Position::new(self.last));
        let Some(Trimmed { events, .. }) = Trimmed::of(commits, retention, handled, limit) else {
            return 0;
        };
        self.events.drain(..events);
        events
    }
}
