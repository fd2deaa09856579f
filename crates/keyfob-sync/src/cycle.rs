//! One cycle, phase by phase.

mod change;
mod failure;
mod flight;
mod member;
mod object;
mod removal;
mod settle;
mod stage;

use std::collections::{BTreeMap, HashSet};

use keyfob_client::{BlockingTransport, Found};
use keyfob_core::{DateTime, ResourceId, SmolStr};
use keyfob_expression::Environment;

use crate::{
    error::SyncError,
    event::{Action, Event, Guard, Held, Outcome, Report, Step},
    gateway::{Gateway, Line},
    job::Job,
    rule::{Kind, Rule},
    source::ObjectSource,
    state::{Digest, LogEntry, State},
};

/// The number of objects whose results are written together. A plan has the same pages as the run, whatever goes out at the same
/// time: a reference within a page waits until its end.
const PAGE: usize = 500;

/// The mode of a cycle: a plan sends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    Plan,
}

/// Runs or plans a cycle, of all objects or of one.
pub(crate) fn run<X: BlockingTransport + Send + Sync>(
    job: &Job<'_, X>,
    state: &mut State,
    source: &dyn ObjectSource,
    mode: Mode,
    only: Option<&str>,
    observe: &mut dyn FnMut(&Event),
) -> Result<Report, SyncError> {
    let state: &State = state;
    let line = Line::new(job.client, &*job.clock, mode == Mode::Plan, job.parallel.get());
    let cycle = Cycle {
        job,
        state,
        source,
        line: &line,
        gateway: Gateway::new(&line),
        observe,
        only,
        now: job.clock.now(),
        report: Report::default(),
        fresh: HashSet::new(),
        deleted: HashSet::new(),
        several: BTreeMap::new(),
        tried: 0,
        in_a_row: 0,
        number: 0,
        logged: Vec::new(),
    };
    match mode {
        Mode::Run => cycle.run(),
        // The same engine plans: its writes to the target are made up, and its writes to the state undone. So a plan is
        // what a run does.
        Mode::Plan => state.rehearsed(|| cycle.run()),
    }
}

struct Cycle<'c, X> {
    job: &'c Job<'c, X>,
    state: &'c State,
    source: &'c dyn ObjectSource,
    line: &'c Line<'c, X>,
    /// The requests that go out one after the other.
    gateway: Gateway<'c, X>,
    observe: &'c mut dyn FnMut(&Event),
    only: Option<&'c str>,
    now: DateTime,
    report: Report,
    /// The filters that find the resources that this cycle created. A plan's resources are at no target, where a run would
    /// find them.
    fresh: HashSet<Digest>,
    /// The objects that the source says are gone for good.
    deleted: HashSet<SmolStr>,
    /// The resources of which one may be that of a creation whose result is unknown, by the id of the object.
    several: BTreeMap<SmolStr, (Kind, Vec<ResourceId>)>,
    /// The number of objects and groups for which something was sent.
    tried: u64,
    /// The number of failures of the target since it last did something.
    in_a_row: u32,
    /// The number of the cycle.
    number: u64,
    /// The entries that go into the log with the results of the page.
    logged: Vec<LogEntry>,
}

/// Why a cycle ends before its end.
enum Stop {
    Error(SyncError),
    Quarantine(String),
}

impl<E: Into<SyncError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl<'c, X: BlockingTransport + Send + Sync> Cycle<'c, X> {
    fn run(mut self) -> Result<Report, SyncError> {
        self.state.begin(self.job.client.base_url())?;
        self.number = self.state.cycle()?;
        match self.phases() {
            Ok(()) => {}
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Quarantine(reason)) => {
                self.state.quarantine(&reason, self.now)?;
                self.report.guards.push(Guard::Quarantine { reason });
            }
        }
        self.report.counts.waiting = self.state.waiting()?;
        self.report.requests = self.line.count();
        Ok(self.report)
    }

    fn phases(&mut self) -> Result<(), Stop> {
        self.test()?;
        self.settle()?;
        let size = self.stage()?;
        self.tell_of_several();
        let guarded = self.guard(size)?;
        // Whoever lost access loses it first.
        self.disable(guarded.removals)?;
        if self.state.has_work()? {
            self.objects(&|_, staged| staged.work)?;
        }
        self.add_members()?;
        let arrived = self.state.arrived()?;
        if !arrived.is_empty() {
            self.objects(&|id, _| arrived.contains(id))?;
        }
        self.remove_members(guarded.is_shrunk)?;
        self.delete(guarded.removals)?;
        if self.only.is_none() {
            let state = self.state;
            state.atomically(|| state.finish(self.now, (!guarded.is_shrunk).then_some(size)))?;
        }
        Ok(())
    }

    /// Looks for nobody: a target that finds somebody passes over filters, and every object would adopt the first
    /// resource.
    fn test(&mut self) -> Result<(), Stop> {
        let mut random = [0; 16];
        let filled = self.job.entropy.fill(&mut random);
        filled.map_err(|_| SyncError::Randomness)?;
        let Some(rule) = self.job.rules.first() else {
            return Err(SyncError::NoRule.into());
        };
        let number = u128::from_be_bytes(random);
        // As a GUID, which is what providers look for.
        let (high, low) = (number >> 64, number & u128::from(u64::MAX));
        let nobody = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        let filter = format!("{} eq \"{nobody}\"", rule.matched_by);
        let found = self.gateway.find(rule.kind, &filter);
        let requests = self.gateway.take_sent();
        match found {
            Ok(Found::None) => {
                (self.observe)(&Event::Tested { requests });
                Ok(())
            }
            Ok(Found::One(_) | Found::Many(_)) => Err(Stop::Quarantine(
                "it finds a resource where nobody is looked for, so that its filters can't be relied on"
                    .into(),
            )),
            Err(error) => Err(Stop::Quarantine(format!("the test look-up failed: {error}"))),
        }
    }

    fn rule(&self, kind: Kind) -> Option<&'c Rule> {
        self.job.rules.iter().find(|rule| rule.kind == kind)
    }

    fn environment(&self) -> Environment<'_> {
        Environment::new(self.now, &*self.job.entropy)
    }

    /// Does a page of work, whose results are written together.
    fn page(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let state = self.state;
        let stopped = state.atomically(|| {
            let stopped = match work(self) {
                Ok(()) => None,
                // What was done before stays written.
                Err(Stop::Quarantine(reason)) => Some(reason),
                Err(Stop::Error(error)) => return Err(error),
            };
            for entry in self.logged.drain(..) {
                state.put_logged(&entry)?;
            }
            Ok(stopped)
        })?;
        stopped.map_or(Ok(()), |reason| Err(Stop::Quarantine(reason)))
    }

    /// Tells of a step and counts it.
    fn tell(&mut self, mut step: Step, outcome: Outcome) {
        let counts = &mut self.report.counts;
        let count = match (&outcome, step.action) {
            (Outcome::Held(_), _) => &mut counts.held,
            (Outcome::Failed { .. }, _) => &mut counts.failed,
            (Outcome::Done, Action::Create) => &mut counts.created,
            (Outcome::Done, Action::Adopt | Action::Match) => &mut counts.adopted,
            (Outcome::Done, Action::Update) => &mut counts.updated,
            (Outcome::Done, Action::Disable) => &mut counts.disabled,
            (Outcome::Done, Action::Delete) => &mut counts.deleted,
            (Outcome::Done, Action::Release) => &mut counts.released,
            (Outcome::Done, Action::AddMembers | Action::RemoveMembers) => &mut counts.members,
        };
        let by = match step.action {
            Action::AddMembers | Action::RemoveMembers => step.members.len() as u64,
            _ => 1,
        };
        *count = count.saturating_add(by);
        step.outcome = outcome;
        step.requests.extend(self.gateway.take_sent());
        tracing::debug!(kind = %step.kind, action = step.action.as_str(), done = (step.outcome == Outcome::Done), "step");
        self.logged.extend(LogEntry::of(
            &step,
            self.number,
            self.job.clock.now(),
            self.job.log_values,
        ));
        (self.observe)(&Event::Step(step));
    }

    fn hold(&mut self, step: Step, held: Held) {
        self.tell(step, Outcome::Held(held));
    }
}
