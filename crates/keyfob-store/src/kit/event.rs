//! The store's half of an event.

use keyfob_core::Resource;

use crate::{Commit, Event, EventId, Labels, Listed, NewEvent, Outcome, Position, StoreError, When};

/// Returns true if an event is published, given the outcomes of the changes before it.
///
/// # Errors
/// [`StoreError::Internal`] for a condition on a change that doesn't come before the event.
pub fn is_met(when: When, outcomes: &[Outcome]) -> Result<bool, StoreError> {
    let outcome = |change: usize| {
        outcomes
            .get(change)
            .ok_or_else(|| StoreError::internal("an event is about a change that does not come before it"))
    };
    Ok(match when {
        When::Always => true,
        When::Changed(change) => outcome(change)?.is_change(),
        When::Skipped(change) => matches!(outcome(change)?, Outcome::Skipped(_)),
    })
}

/// Completes an event with what the transaction knows.
#[must_use]
pub fn complete(
    commit: &Commit,
    number: u32,
    position: Position,
    (event, when): (&NewEvent, When),
    outcomes: &[Outcome],
    labels: Labels,
) -> Event {
    let about = match when {
        When::Changed(change) => outcomes.get(change),
        When::Always | When::Skipped(_) => None,
    };
    let (joined, left) = match about {
        Some(Outcome::Changed { joined, left, .. }) => (joined.clone(), left.clone()),
        _ => (Listed::new(), Listed::new()),
    };
    let id = EventId {
        commit: commit.id.clone(),
        number,
    };
    Event {
        id,
        position,
        at: commit.at,
        actor: commit.actor.clone(),
        request: commit.request.clone(),
        verb: commit.verb.clone(),
        event: event.clone(),
        labels,
        version: about.and_then(Outcome::revision).map(|revision| revision.version),
        joined,
        left,
    }
}

/// Returns the names by which people know a resource.
#[must_use]
pub fn labels(document: &Resource) -> Labels {
    let core = document.core();
    let name = core.get_str("userName").or_else(|| core.get_str("displayName"));
    Labels {
        name: name.map(Into::into),
        external_id: core.get_str("externalId").map(Into::into),
    }
}
