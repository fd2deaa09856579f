//! The removal of old events.

use keyfob_core::DateTime;

use crate::{Position, Retention};

/// One of the oldest commits of which a tenant still has events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a commit has to be judged by all of it")]
pub struct OldCommit {
    /// The instant of the commit.
    pub at: DateTime,
    /// The position of its last event.
    pub last: Position,
    /// The number of its events.
    pub events: usize,
}

/// The events that a [retention](Retention) lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a store must remove exactly these")]
pub struct Trimmed {
    /// The number of events.
    pub events: usize,
    /// The position of the last of them.
    pub last: Position,
}

impl Trimmed {
    /// Returns the events that are removed next; none where nothing may go. The commits come from the oldest on, and their
    /// events go together: those of the first even if they are more than `limit`.
    ///
    /// `acknowledged` is the position up to which every consumer has handled the events, and that of the last event where
    /// there is no consumer.
    ///
    /// ```
    /// use keyfob_core::DateTime;
    /// use keyfob_store::{Position, Retention, kit::{OldCommit, Trimmed}};
    ///
    /// let at = DateTime::from_unix_millis;
    /// let commit = |at, last, events| OldCommit { at, last: Position::new(last), events };
    /// let commits = [commit(at(10), 2, 2), commit(at(20), 3, 1), commit(at(30), 4, 1)];
    /// let retention = Retention { read_before: at(30), unread_before: at(15) };
    /// let trim = |acknowledged, limit| {
    ///     let trimmed = Trimmed::of(commits, &retention, Position::new(acknowledged), limit);
    ///     trimmed.map(|trimmed| (trimmed.events, trimmed.last.number()))
    /// };
    /// assert_eq!(trim(0, 9), Some((2, 2)));
    /// assert_eq!(trim(4, 9), Some((3, 3)));
    /// assert_eq!(trim(4, 1), Some((2, 2)));
    /// ```
    pub fn of(
        commits: impl IntoIterator<Item = OldCommit>,
        retention: &Retention,
        acknowledged: Position,
        limit: usize,
    ) -> Option<Self> {
        let Retention {
            read_before,
            unread_before,
        } = *retention;
        let mut trimmed: Option<Self> = None;
        for OldCommit { at, last, events } in commits {
            let may_go = at < unread_before || (at < read_before && last <= acknowledged);
            let events = trimmed.map_or(0, |trimmed| trimmed.events).saturating_add(events);
            if !may_go || (trimmed.is_some() && events > limit) {
                break;
            }
            trimmed = Some(Self { events, last });
        }
        trimmed
    }
}
