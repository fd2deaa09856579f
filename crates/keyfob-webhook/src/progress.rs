//! The progress of a webhook: which events were delivered, and which wait.

use std::{collections::HashSet, sync::Arc, time::Duration};

use keyfob_client::{Random, full_jitter};
use keyfob_core::{DateTime, Object, Resource, ResourceId, Value, Version};
use keyfob_store::{Change, MemberPolicy, OnRefusal, Position, StoreError, Stored};
use smol_str::SmolStr;

use crate::{message::number, policy::Policy, system, webhook::Status};

/// The number of events that wait at most. Beyond it the feed is not read on, so that what one webhook costs has a bound.
pub(crate) const MAX_WAITING: usize = 64;

/// The shortest wait, so that time passes between two attempts.
const SHORTEST: Duration = Duration::from_millis(1);

/// Where a webhook stands in its tenant's feed.
///
/// An event up to the cursor was delivered, is nothing to the webhook, is a dead letter, or waits. Events of one resource
/// wait for the first of them, so that a receiver gets them in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) cursor: u64,
    /// Events that wait, in the order of their positions.
    pub(crate) waiting: Vec<Waiting>,
    /// If set, events were removed, which the receiver is still to be told.
    pub(crate) lost: Option<Lost>,
    /// The attempts since the last success at which the receiver could not be reached.
    pub(crate) failures: u32,
    /// The instant until which nothing is sent.
    held: Option<i64>,
    succeeded: Option<i64>,
    failed: Option<i64>,
    reason: Option<SmolStr>,
    lease: Option<Lease>,
}

/// An event that was not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) position: u64,
    /// The resource that the event is about, with its type.
    pub(crate) key: SmolStr,
    pub(crate) attempts: u32,
    /// The instant of the first attempt.
    since: i64,
    /// The instant of the next one.
    next: i64,
}

/// Events that were removed before they were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The position before which they were.
    pub(crate) before: u64,
    /// The instant at which that was found out.
    at: i64,
}

impl Lost {
    pub(crate) fn at(self) -> DateTime {
        DateTime::from_unix_millis(self.at)
    }
}

/// The process that sends a webhook's messages, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lease {
    by: SmolStr,
    until: i64,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: SmolStr,
    /// If true, it is the receiver and not the message: it can't be reached, or has too much to do.
    pub(crate) is_receivers: bool,
    /// If true, the receiver wants no more messages.
    pub(crate) is_gone: bool,
    pub(crate) retry_after: Option<Duration>,
}

impl Waiting {
    /// Creates the event that waits for an earlier one of its resource.
    pub(crate) fn behind(position: u64, key: SmolStr) -> Self {
        Self {
            position,
            key,
            attempts: 0,
            since: 0,
            next: 0,
        }
    }
}

impl Progress {
    /// Creates the progress of a webhook that gets the events after a position.
    pub(crate) fn from(position: Position) -> Self {
        Self {
            cursor: position.number(),
            ..Self::default()
        }
    }

    /// Returns the events that come next: of each resource the first, if it is due.
    pub(crate) fn due(&self, now: DateTime) -> impl Iterator<Item = &Waiting> {
        self.heads()
            .filter(move |waiting| waiting.next <= now.unix_millis())
    }

    fn heads(&self) -> impl Iterator<Item = &Waiting> {
        let mut seen = HashSet::new();
        self.waiting
            .iter()
            .filter(move |waiting| seen.insert(&waiting.key))
    }

    /// Returns the instant at which the next event is due.
    pub(crate) fn next_due(&self) -> Option<DateTime> {
        let next = self.heads().map(|waiting| waiting.next).min();
        next.map(DateTime::from_unix_millis)
    }

    pub(crate) fn waits_for(&self, key: &str) -> bool {
        self.waiting.iter().any(|waiting| waiting.key == key)
    }

    /// Returns the position up to which no event is needed any more.
    pub(crate) fn done(&self) -> Position {
        let waiting = self
            .waiting
            .first()
            .map(|waiting| waiting.position.saturating_sub(1));
        Position::new(waiting.map_or(self.cursor, |before| before.min(self.cursor)))
    }

    /// Notes that a message was delivered. When the receiver can be reached again, all that waits is tried at once.
    pub(crate) fn succeed(&mut self, position: Option<u64>, now: DateTime) {
        let now = now.unix_millis();
        if let Some(position) = position {
            self.forget(position);
        }
        if self.failures > 0 {
            self.failures = 0;
            for waiting in &mut self.waiting {
                waiting.next = waiting.next.min(now);
            }
        }
        self.held = None;
        self.succeeded = Some(now);
    }

    /// Notes that a message was not delivered, and returns the event that is too old to be tried again.
    pub(crate) fn fail(
        &mut self,
        event: Option<(u64, &SmolStr)>,
        failure: &Failure,
        now: DateTime,
        policy: &Policy,
        random: &dyn Random,
    ) -> Option<Waiting> {
        let at = now.unix_millis();
        self.failed = Some(at);
        self.reason = Some(failure.reason.clone());
        let asked = failure.retry_after.map(|wait| wait.min(Policy::LONGEST_ASKED));
        let (position, key) = event?;
        let mut waiting = match self.forget(position) {
            Some(waiting) => waiting,
            None => Waiting::behind(position, key.clone()),
        };
        if waiting.attempts == 0 {
            waiting.since = at;
        }
        waiting.attempts = waiting.attempts.saturating_add(1);
        if failure.is_gone {
            // Nothing is sent before somebody resumes the webhook.
            waiting.next = at;
        } else if at.saturating_sub(waiting.since) >= millis(policy.age) {
            return Some(waiting);
        } else {
            let wait = full_jitter(policy.first, policy.longest, waiting.attempts, random).max(SHORTEST);
            waiting.next = at.saturating_add(millis(wait.max(asked.unwrap_or_default())));
        }
        let place = self.waiting.partition_point(|other| other.position < position);
        self.waiting.insert(place, waiting);
        None
    }

    /// Sends nothing for a while after attempts of which none succeeded, or where the receiver asked for it.
    pub(crate) fn hold(&mut self, failure: &Failure, now: DateTime, policy: &Policy, random: &dyn Random) {
        let asked = failure.retry_after.map(|wait| wait.min(Policy::LONGEST_ASKED));
        let mut wait = asked.unwrap_or_default();
        if failure.is_receivers {
            self.failures = self.failures.saturating_add(1);
            wait = wait
                .max(full_jitter(policy.first, policy.longest, self.failures, random))
                .max(SHORTEST);
        }
        let until = now.unix_millis().saturating_add(millis(wait));
        self.held = Some(self.held.unwrap_or(until).max(until));
    }

    /// Returns until when nothing is sent. Whoever has changed the webhook since the last failure, or asked for an attempt,
    /// has ended the wait.
    pub(crate) fn held_until(&self, now: DateTime, changed: Option<DateTime>) -> Option<DateTime> {
        let held = self.held.filter(|held| *held > now.unix_millis())?;
        let is_void =
            changed.is_some_and(|changed| self.failed.is_some_and(|failed| changed.unix_millis() > failed));
        (!is_void).then(|| DateTime::from_unix_millis(held))
    }

    /// Makes events that wait due, if somebody has changed the webhook since the last failure.
    pub(crate) fn hurry(&mut self, now: DateTime, changed: Option<DateTime>) {
        let is_asked =
            changed.is_some_and(|changed| self.failed.is_some_and(|failed| changed.unix_millis() > failed));
        if is_asked {
            for waiting in &mut self.waiting {
                waiting.next = waiting.next.min(now.unix_millis());
            }
        }
    }

    /// Returns until when another process sends the webhook's messages.
    pub(crate) fn lease_of_other(&self, process: &str, now: DateTime) -> Option<DateTime> {
        let lease = self.lease.as_ref()?;
        let is_others = lease.by != process && lease.until > now.unix_millis();
        is_others.then(|| DateTime::from_unix_millis(lease.until))
    }

    /// Returns true if a process has the webhook to itself for long enough.
    pub(crate) fn is_leased_to(&self, process: &str, now: DateTime, policy: &Policy) -> bool {
        let enough = now.unix_millis().saturating_add(millis(policy.timeout));
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.by == process && lease.until > enough)
    }

    /// Gives the webhook to a process for a while, or to whoever comes.
    pub(crate) fn lease(&mut self, to: Option<&SmolStr>, now: DateTime, policy: &Policy) {
        self.lease = to.map(|process| Lease {
            by: process.clone(),
            until: now.unix_millis().saturating_add(millis(policy.lease())),
        });
    }

    /// Notes that the events before a position were removed.
    pub(crate) fn lose(&mut self, before: u64, now: DateTime) {
        let before = self.lost.map_or(before, |lost| lost.before.max(before));
        let at = now.unix_millis();
        self.lost = Some(Lost { before, at });
    }

    /// Takes an event out of those that wait.
    pub(crate) fn forget(&mut self, position: u64) -> Option<Waiting> {
        let place = self
            .waiting
            .iter()
            .position(|waiting| waiting.position == position)?;
        Some(self.waiting.remove(place))
    }

    pub(crate) fn status(&self, now: DateTime, changed: Option<DateTime>) -> Status {
        Status {
            position: self.cursor,
            waiting: self.waiting.len(),
            failures: self.failures,
            held_until: self.held_until(now, changed),
            succeeded: self.succeeded.map(DateTime::from_unix_millis),
            failed: self.failed.map(DateTime::from_unix_millis),
            reason: self.reason.clone(),
        }
    }

    /// Reads the progress of a webhook.
    pub(crate) fn of(stored: &Stored) -> Result<Self, StoreError> {
        Self::read(&stored.state)
            .ok_or_else(|| StoreError::internal("the progress of a webhook is malformed"))
    }

    fn read(state: &Object) -> Option<Self> {
        let integer = |name: &str| state.get(name).and_then(Value::as_integer);
        let natural = |name: &str| integer(name).and_then(|number| u64::try_from(number).ok());
        let waiting = state.get("waiting").map(Value::as_elements).unwrap_or_default();
        let waiting = waiting.iter().map(|value| {
            let object = value.as_object()?;
            let integer = |name: &str| object.get(name).and_then(Value::as_integer);
            Some(Waiting {
                position: u64::try_from(integer("position")?).ok()?,
                key: object.get_str("key")?.into(),
                attempts: u32::try_from(integer("attempts")?).ok()?,
                since: integer("since")?,
                next: integer("next")?,
            })
        });
        let lost = state.get("lost").and_then(Value::as_object);
        let lease = state.get("lease").and_then(Value::as_object);
        Some(Self {
            cursor: natural("cursor")?,
            waiting: waiting.collect::<Option<_>>()?,
            lost: lost.and_then(|lost| {
                Some(Lost {
                    before: u64::try_from(lost.get("before")?.as_integer()?).ok()?,
                    at: lost.get("at")?.as_integer()?,
                })
            }),
            failures: natural("failures").map_or(Some(0), |number| u32::try_from(number).ok())?,
            held: integer("held"),
            succeeded: integer("succeeded"),
            failed: integer("failed"),
            reason: state.get_str("reason").map(SmolStr::new),
            lease: lease.and_then(|lease| {
                Some(Lease {
                    by: lease.get_str("by")?.into(),
                    until: lease.get("until")?.as_integer()?,
                })
            }),
        })
    }

    fn to_state(&self) -> Arc<Object> {
        let mut state = Object::new();
        state.insert("cursor", number(self.cursor));
        let waiting = self.waiting.iter().map(|waiting| {
            let mut object = Object::new();
            object.insert("position", number(waiting.position));
            object.insert("key", waiting.key.clone());
            object.insert("attempts", i64::from(waiting.attempts));
            object.insert("since", waiting.since);
            object.insert("next", waiting.next);
            Value::from(object)
        });
        state.insert("waiting", waiting.collect::<Vec<_>>());
        state.insert("failures", i64::from(self.failures));
        if let Some(lost) = self.lost {
            let mut object = Object::new();
            object.insert("before", number(lost.before));
            object.insert("at", lost.at);
            state.insert("lost", object);
        }
        for (name, value) in [
            ("held", self.held),
            ("succeeded", self.succeeded),
            ("failed", self.failed),
        ] {
            if let Some(value) = value {
                state.insert(name, value);
            }
        }
        if let Some(reason) = &self.reason {
            state.insert("reason", reason.clone());
        }
        if let Some(lease) = &self.lease {
            let mut object = Object::new();
            object.insert("by", lease.by.clone());
            object.insert("until", lease.until);
            state.insert("lease", object);
        }
        Arc::new(state)
    }

    /// Returns the change that stores the progress of a new webhook.
    pub(crate) fn creation(&self, webhook: &ResourceId) -> Change {
        let kind = system::progress();
        Change::Create {
            resource_type: kind.clone(),
            id: system::progress_id(webhook),
            document: Resource::new([kind.schema().id.clone()]).into(),
            state: self.to_state(),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Vec::new(),
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Returns the change that stores the progress, if nobody else has since it was read.
    pub(crate) fn update(&self, webhook: &ResourceId, version: Version) -> Change {
        Change::Update {
            resource_type: system::progress().clone(),
            id: system::progress_id(webhook),
            document: None,
            state: Some(self.to_state()),
            visibility: None,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: None,
            precondition: Some(version),
            on_refusal: OnRefusal::Fail,
        }
    }
}

pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest waits.
    struct Longest;

    impl Random for Longest {
        fn next(&self) -> u64 {
            // One less than a multiple of every bound plus one that occurs here would be long; the bound itself is tested
            // in the client, so that any wait within it will do.
            4_999
        }
    }

    fn at(millis: i64) -> DateTime {
        DateTime::from_unix_millis(millis)
    }

    fn failure(is_receivers: bool, retry_after: Option<u64>) -> Failure {
        Failure {
            reason: "503".into(),
            is_receivers,
            is_gone: false,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn progress_is_read_as_it_was_written() {
        let mut full = Progress::from(Position::new(7));
        full.waiting = vec![Waiting::behind(3, "User/a".into())];
        full.lose(2, at(5));
        full.hold(&failure(true, None), at(5), &Policy::default(), &Longest);
        full.fail(
            Some((4, &"User/b".into())),
            &failure(true, None),
            at(5),
            &Policy::default(),
            &Longest,
        );
        full.succeed(None, at(6));
        full.lease(Some(&"p".into()), at(6), &Policy::default());
        for progress in [full, Progress::default()] {
            assert_eq!(Progress::read(&progress.to_state()), Some(progress));
        }
        assert_eq!(Progress::read(&Object::new()), None);
    }

    #[test]
    fn events_of_a_resource_wait_for_the_first_of_them() {
        let policy = Policy::default();
        let mut progress = Progress::from(Position::new(9));
        let (a, b) = (SmolStr::new("User/a"), SmolStr::new("User/b"));
        assert_eq!(
            progress.fail(Some((5, &a)), &failure(false, None), at(0), &policy, &Longest),
            None
        );
        progress.waiting.push(Waiting::behind(6, a.clone()));
        progress.waiting.push(Waiting::behind(7, b));
        let due = |progress: &Progress, now| -> Vec<u64> {
            progress.due(at(now)).map(|waiting| waiting.position).collect()
        };
        assert_eq!(due(&progress, 4_998), [7]);
        assert_eq!(due(&progress, 4_999), [5, 7]);
        assert_eq!(progress.done(), Position::new(4));
        progress.succeed(Some(5), at(5_000));
        assert_eq!(due(&progress, 5_000), [6, 7]);
        assert!(progress.waits_for(&a));
        assert_eq!(progress.next_due(), Some(at(0)));
    }

    #[test]
    fn an_event_that_fails_for_longer_than_the_age_is_not_tried_again() {
        let policy = Policy::default();
        let mut progress = Progress::from(Position::new(9));
        let key = SmolStr::new("User/a");
        let age = millis(policy.age);
        assert_eq!(
            progress.fail(Some((5, &key)), &failure(false, None), at(10), &policy, &Longest),
            None
        );
        assert_eq!(
            progress.fail(
                Some((5, &key)),
                &failure(false, None),
                at(age + 9),
                &policy,
                &Longest
            ),
            None
        );
        let dead = progress.fail(
            Some((5, &key)),
            &failure(false, None),
            at(age + 10),
            &policy,
            &Longest,
        );
        assert_eq!(dead.map(|dead| (dead.position, dead.attempts)), Some((5, 3)));
        assert!(progress.waiting.is_empty());
    }

    #[test]
    fn a_receiver_is_left_alone_for_as_long_as_it_asks_within_a_day() {
        let policy = Policy::default();
        for (asked, expected) in [(Some(120), 120_000), (Some(u64::MAX), 86_400_000), (None, 4_999)] {
            let mut progress = Progress::default();
            let failure = failure(true, asked);
            progress.fail(Some((1, &"User/a".into())), &failure, at(0), &policy, &Longest);
            progress.hold(&failure, at(0), &policy, &Longest);
            assert_eq!(progress.held_until(at(1), None), Some(at(expected)), "{asked:?}");
            // Whoever changes the webhook doesn't wait.
            assert_eq!(progress.held_until(at(1), Some(at(1))), None);
            assert_eq!(progress.held_until(at(expected), None), None);
        }
    }

    #[test]
    fn a_lease_keeps_others_away_until_it_is_over_or_given_back() {
        let policy = Policy::default();
        let mut progress = Progress::default();
        progress.lease(Some(&"p".into()), at(0), &policy);
        assert_eq!(progress.lease_of_other("q", at(1)), Some(at(15_000)));
        assert_eq!(progress.lease_of_other("q", at(15_000)), None);
        assert_eq!(progress.lease_of_other("p", at(1)), None);
        assert!(progress.is_leased_to("p", at(1), &policy));
        assert!(!progress.is_leased_to("p", at(6_000), &policy));
        progress.lease(None, at(1), &policy);
        assert_eq!(progress.lease_of_other("q", at(1)), None);
    }
}
