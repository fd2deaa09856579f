//! Runs a scenario: step by step, object by object.

mod bridge;
mod clean;
mod cycle;
mod read_back;
mod send;

use std::{collections::BTreeSet, time::Duration};

use keyfob_client::{Client, Transport};
use keyfob_core::{Object, SmolStr};
use keyfob_sync::State;

use self::send::Failed;
use crate::simulate::{
    report::{Exchanged, Finding, Report, Sender, StepReport, Verdict},
    scenario::{Each, Failure, Kind, ObjectState, Phase, Step},
    simulation::{Simulation, Watch},
    world::{Item, Member, Scope, Unit, World},
};

/// A run under way.
pub(crate) struct Runner<'r, X> {
    simulation: &'r Simulation,
    client: &'r Client<X>,
    world: World,
    /// The time on the provider's clock.
    now: Duration,
    /// The step under way, for the transcript.
    place: SmolStr,
    /// What was created, in order.
    created: Vec<(Kind, SmolStr)>,
    /// The steps of which no object came through.
    failed: BTreeSet<SmolStr>,
    ended: Option<SmolStr>,
    transcript: Vec<Exchanged>,
    steps: Vec<StepReport>,
    /// If true, a group has shown members.
    shows_members: bool,
    /// The engine's own memory, from the first cycle on.
    state: Option<State>,
}

/// The work of a step with one unit of objects.
struct Work {
    unit: Unit,
    /// What was saved from answers.
    saved: Object,
    /// What the provider puts up with.
    notes: Vec<Finding>,
    failed: Option<Failed>,
    /// The attributes and assignments before the step, which count again if it fails.
    before: Before,
    /// What the provider does of the failure.
    rule: Option<Failure>,
    /// The time of the attempt that succeeded, if it was not the first.
    done_after: Option<Duration>,
}

/// What a step changes in the provider's own objects.
#[derive(Default)]
struct Before {
    user: Option<Object>,
    group: Option<(Object, Vec<usize>)>,
}

impl<'r, X: Transport> Runner<'r, X> {
    pub(crate) fn new(simulation: &'r Simulation, client: &'r Client<X>) -> Self {
        let world = World::new(
            &simulation.scenario,
            simulation.run.clone(),
            simulation.token.clone(),
            simulation.seed,
            &simulation.population,
        );
        let (world, ended) = match world {
            Ok(world) => (world, None),
            Err(name) => (
                World::empty(simulation.run.clone()),
                Some(format!("the objects can't be made: nothing is known as `{name}`").into()),
            ),
        };
        Self {
            simulation,
            client,
            world,
            now: Duration::ZERO,
            place: SmolStr::default(),
            created: Vec::new(),
            failed: BTreeSet::new(),
            ended,
            transcript: Vec::new(),
            steps: Vec::new(),
            shows_members: false,
            state: None,
        }
    }

    pub(crate) async fn run(mut self, watch: &mut impl Watch) -> Report {
        let scenario = &self.simulation.scenario;
        for phase in &scenario.phases {
            let times = if phase.repeats { self.simulation.cycles } else { 1 };
            for cycle in 1..=times {
                if phase.repeats {
                    self.world.cycle = cycle;
                }
                for step in &phase.steps {
                    self.step(phase, step, watch).await;
                }
            }
        }
        self.at_the_end(watch).await;
        let left = if self.simulation.keep {
            Vec::new()
        } else {
            self.clean_up().await
        };
        Report {
            provider: scenario.provider.clone(),
            title: scenario.title.clone(),
            variant: self.simulation.variant.clone(),
            url: self.client.base_url().into(),
            run: self.world.run.clone(),
            seed: self.simulation.seed,
            steps: self.steps,
            left,
            ended: self.ended,
            transcript: self.transcript,
        }
    }

    /// Does a step, if it is one of this run, and reports it.
    async fn step(&mut self, phase: &Phase, step: &Step, watch: &mut impl Watch) {
        let simulation = self.simulation;
        let is_done = step.is_of(simulation.variant.as_deref())
            && (simulation.only.is_empty() || simulation.only.contains(&step.name));
        if !is_done {
            return;
        }
        if self.ended.is_none() && watch.is_stopped() {
            self.ended = Some("it was interrupted".into());
        }
        let phase_name = if phase.repeats && simulation.cycles > 1 {
            format!("{} {}", phase.name, self.world.cycle).into()
        } else {
            phase.name.clone()
        };
        self.place = format!("{phase_name}/{}", step.name).into();
        let mut report = StepReport {
            phase: phase_name,
            name: step.name.clone(),
            title: step.title.clone(),
            evidence: simulation.scenario.facts(&step.evidence),
            verdict: Verdict::Ok,
            objects: 0,
            requests: 0,
            at: self.now,
            findings: Vec::new(),
        };
        let units = match self.units(step) {
            Ok(units) => units,
            Err(_) if step.optional && self.ended.is_none() => return,
            Err(why) => {
                self.failed.insert(step.name.clone());
                report.verdict = Verdict::Skipped;
                report.findings.push(Finding::plain(Verdict::Skipped, "", why));
                self.tell(report, watch);
                return;
            }
        };
        self.wait(step.after).await;
        report.at = self.now;
        report.objects = if step.each == Each::Once { 0 } else { units.len() };
        let sent = self.transcript.len();
        let works = self.work(step, &units, watch).await;
        let by_provider = |exchanged: &&Exchanged| exchanged.sender == Sender::Provider;
        report.requests = self.transcript.iter().skip(sent).filter(by_provider).count();
        let is_any_done = works.iter().any(|work| work.failed.is_none());
        if is_any_done {
            self.failed.remove(&step.name);
        } else {
            self.failed.insert(step.name.clone());
        }
        let mut touched = BTreeSet::new();
        for work in works {
            self.conclude(step, work, &mut report.findings, &mut touched);
        }
        if step.cycle.is_some() {
            // A cycle is about all users.
            touched.extend((0..self.world.users.len()).map(|user| (Kind::User, user)));
        }
        for (kind, index) in touched {
            self.read_back(kind, index, &mut report.findings).await;
        }
        report
            .findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        report.verdict = report
            .findings
            .first()
            .map_or(Verdict::Ok, |finding| finding.verdict);
        self.tell(report, watch);
    }

    fn tell(&mut self, report: StepReport, watch: &mut impl Watch) {
        watch.step(&report);
        self.steps.push(report);
    }

    /// Returns the objects with which a step is done, or why there are none.
    fn units(&self, step: &Step) -> Result<Vec<Unit>, String> {
        if let Some(ended) = &self.ended {
            return Err(ended.to_string());
        }
        if let Some(needed) = step.needs.iter().find(|needed| self.failed.contains(*needed)) {
            return Err(format!("it depends on `{needed}`"));
        }
        let fits = |item: &Item| item.state == step.state;
        let of = |items: &[Item]| -> Vec<usize> {
            let indices = items.iter().enumerate().filter(|(_, item)| fits(item));
            indices.map(|(index, _)| index).collect()
        };
        let (what, mut units): (&str, Vec<Unit>) = match step.each {
            Each::Once => return Ok(vec![Unit::default()]),
            Each::Users => (
                "user",
                of(&self.world.users).into_iter().map(Unit::user).collect(),
            ),
            Each::Groups => (
                "group",
                of(&self.world.groups).into_iter().map(Unit::group).collect(),
            ),
            Each::Members => {
                let groups = self.world.groups.iter().enumerate();
                let groups = groups.filter(|(_, group)| group.state == ObjectState::Present);
                let pairs = groups.flat_map(|(index, group)| {
                    let is_wanted = |user: &&usize| {
                        let is_member = group.members.contains(&Member::User(**user));
                        self.world.is_there(**user)
                            && is_member == (step.state == ObjectState::Present)
                            && step.user.is_none_or(|number| number == **user + 1)
                    };
                    let users = group.assigned.iter().filter(is_wanted);
                    let unit = move |user: &usize| Unit {
                        user: Some(*user),
                        ..Unit::group(index)
                    };
                    users.map(unit).collect::<Vec<_>>()
                });
                ("member", pairs.collect())
            }
        };
        if let Some(pick) = step.pick {
            // Objects keep their number, whatever became of those before them.
            units.retain(|unit| unit.group.or(unit.user) == Some(pick - 1));
            if units.is_empty() {
                let of = if step.each == Each::Members {
                    "of group "
                } else {
                    ""
                };
                return Err(format!("there is no {what} {of}{pick} for it"));
            }
        }
        if units.is_empty() {
            return Err(format!("there is no {what} for it"));
        }
        Ok(units)
    }

    /// Sends what a step sends for each of its units, and again what the provider tries again.
    async fn work(&mut self, step: &Step, units: &[Unit], watch: &mut impl Watch) -> Vec<Work> {
        let parallel = if step.parallel > 1 {
            self.simulation.parallel.unwrap_or(step.parallel)
        } else {
            1
        };
        let mut works = Vec::new();
        for units in units.chunks(parallel) {
            if self.ended.is_none() && watch.is_stopped() {
                self.ended = Some("it was interrupted".into());
            }
            if self.ended.is_some() {
                break;
            }
            let mut some = Vec::new();
            for unit in units {
                some.extend(self.begin(step, *unit));
            }
            match &step.cycle {
                Some(cycle) => {
                    for work in &mut some {
                        self.cycle(cycle, work).await;
                    }
                }
                None => self.attempt(step, &mut some).await,
            }
            for work in &mut some {
                self.judge(step, work);
            }
            works.append(&mut some);
        }
        if step.cycle.is_some() {
            // The engine tries again in its own later cycles.
            return works;
        }
        self.try_again(step, &mut works).await;
        works
    }

    /// Tries again what failed, at the times at which the provider does.
    async fn try_again(&mut self, step: &Step, works: &mut Vec<Work>) {
        let first = self.now;
        let mut number = 0;
        loop {
            let (mut again, rest): (Vec<Work>, Vec<Work>) =
                std::mem::take(works).into_iter().partition(|work| {
                    let rule = work.rule.as_ref();
                    work.failed.is_some() && rule.is_some_and(|rule| rule.after.len() > number)
                });
            *works = rest;
            let times = again
                .iter()
                .filter_map(|work| work.rule.as_ref()?.after.get(number));
            let Some(time) = times.min().copied() else {
                works.append(&mut again);
                return;
            };
            if self.ended.is_some() {
                works.append(&mut again);
                return;
            }
            let until = (first + time).saturating_sub(self.now);
            self.wait(until).await;
            for work in &mut again {
                work.failed = None;
                work.saved = Object::new();
                work.notes.clear();
            }
            self.attempt(step, &mut again).await;
            for work in &mut again {
                match &work.failed {
                    None => work.done_after = Some(time),
                    Some(_) => self.judge(step, work),
                }
            }
            works.append(&mut again);
            number += 1;
        }
    }

    /// Waits on the provider's clock, and in real time where the run has a pace.
    async fn wait(&mut self, time: Duration) {
        self.now += time;
        if self.simulation.pace > 0.0 && !time.is_zero() {
            // Not longer than a year, whatever the factor.
            let seconds = (time.as_secs_f64() * self.simulation.pace).min(31_536_000.0);
            self.client
                .transport()
                .wait(Duration::from_secs_f64(seconds))
                .await;
        }
    }

    /// Changes the provider's own objects as a step does. Nothing has to be sent where no assignment changes.
    fn begin(&mut self, step: &Step, unit: Unit) -> Option<Work> {
        let user = unit.user.and_then(|user| self.world.users.get(user));
        let group = unit.group.and_then(|group| self.world.groups.get(group));
        let before = Before {
            user: user.map(|user| user.attributes.clone()),
            group: group.map(|group| (group.attributes.clone(), group.assigned.clone())),
        };
        let mut unit = unit;
        if let Some(assign) = step.assign {
            unit = self.world.assign(unit, assign)?;
        }
        let mut failed = None;
        for (kind, attribute, tree) in &step.change {
            let saved = Object::new();
            let mut scope = Scope {
                world: &mut self.world,
                unit,
                saved: &saved,
                member: None,
            };
            let value = match tree.fill(&mut scope) {
                Ok(value) => value,
                Err(name) => {
                    failed = Some(Failed::unknown(&name));
                    continue;
                }
            };
            let index = match kind {
                Kind::User => unit.user,
                Kind::Group => unit.group,
            };
            if let Some(item) = index.and_then(|index| self.world.item_mut(*kind, index)) {
                match value {
                    Some(value) => item.attributes.insert(attribute.as_str(), value),
                    None => item.attributes.remove(attribute),
                };
            }
        }
        Some(Work {
            unit,
            saved: Object::new(),
            notes: Vec::new(),
            failed,
            before,
            rule: None,
            done_after: None,
        })
    }

    /// Finds out what the provider does of a failure.
    fn judge(&mut self, step: &Step, work: &mut Work) {
        let Some(failed) = &work.failed else { return };
        if failed.is_damage {
            return;
        }
        let mut rules = step.failures.iter().chain(&self.simulation.scenario.failures);
        let rule = rules.find(|rule| rule.on.iter().any(|on| failed.is(*on)));
        if let Some(rule) = rule {
            if rule.ends {
                self.ended = Some(rule.says.clone());
            }
            work.rule = Some(rule.clone());
        }
    }

    /// Notes what the provider believes after a step, and what there is to say of it.
    fn conclude(
        &mut self,
        step: &Step,
        work: Work,
        findings: &mut Vec<Finding>,
        touched: &mut BTreeSet<(Kind, usize)>,
    ) {
        let Work {
            unit,
            notes,
            failed,
            before,
            rule,
            done_after,
            ..
        } = work;
        touched.extend(match step.each {
            Each::Once => None,
            Each::Users => unit.user.map(|user| (Kind::User, user)),
            Each::Groups | Each::Members => unit.group.map(|group| (Kind::Group, group)),
        });
        findings.extend(notes);
        let object = self.name_of(unit);
        if let Some(failed) = failed {
            // What was changed is not at the server, as far as the provider knows.
            if let (Some(user), Some(attributes)) = (
                unit.user.and_then(|user| self.world.users.get_mut(user)),
                before.user,
            ) {
                user.attributes = attributes;
            }
            if let (Some(group), Some((attributes, assigned))) = (
                unit.group.and_then(|group| self.world.groups.get_mut(group)),
                before.group,
            ) {
                group.attributes = attributes;
                group.assigned = assigned;
            }
            let (verdict, consequence, evidence) = match (&rule, failed.is_damage) {
                (_, true) => (Verdict::Damage, None, Vec::new()),
                (Some(rule), _) => (
                    rule.verdict,
                    Some(rule.says.clone()),
                    self.simulation.scenario.facts(&rule.evidence),
                ),
                (None, _) => (Verdict::Stops, Some("the operation fails".into()), Vec::new()),
            };
            findings.push(Finding {
                verdict,
                object,
                request: failed.request,
                status: failed.status,
                says: failed.says,
                consequence,
                evidence,
            });
            return;
        }
        if let Some(time) = done_after {
            let says = format!(
                "it came through {} after the first failure",
                crate::simulate::report::clock(time)
            );
            let evidence = rule.map(|rule| self.simulation.scenario.facts(&rule.evidence));
            findings.push(Finding {
                evidence: evidence.unwrap_or_default(),
                ..Finding::plain(Verdict::Retries, &object, says)
            });
        }
        if let Some(joined) = step.then.members {
            self.world.join(unit, joined);
            if joined == crate::simulate::scenario::Membership::LeftAll {
                touched.extend((0..self.world.groups.len()).map(|group| (Kind::Group, group)));
            }
        }
        for (kind, index, then) in [
            (Kind::User, unit.user, step.then.user),
            (Kind::Group, unit.group, step.then.group),
        ] {
            let Some(index) = index else { continue };
            let is_new = self
                .world
                .item(kind, index)
                .is_some_and(|item| item.state == ObjectState::Absent && item.id.is_some());
            let state = then.or(is_new.then_some(ObjectState::Present));
            if let (Some(state), Some(item)) = (state, self.world.item_mut(kind, index)) {
                item.state = state;
            }
            self.believe(kind, index, unit);
        }
    }

    /// Notes that the server has the attributes that the provider's own object has.
    fn believe(&mut self, kind: Kind, index: usize, unit: Unit) {
        let tree = match kind {
            Kind::User => &self.simulation.scenario.believes.user,
            Kind::Group => &self.simulation.scenario.believes.group,
        };
        let saved = Object::new();
        let mut scope = Scope {
            world: &mut self.world,
            unit,
            saved: &saved,
            member: None,
        };
        let believed = tree.fill(&mut scope);
        if let (Ok(believed), Some(item)) = (believed, self.world.item_mut(kind, index)) {
            item.believed = believed.and_then(|value| match value {
                keyfob_core::Value::Object(object) => Some(object),
                _ => None,
            });
        }
    }

    /// Returns the name of the objects of a unit for people.
    fn name_of(&self, unit: Unit) -> SmolStr {
        let name =
            |kind, index: Option<usize>| self.world.item(kind, index?).map(|item| item.name().to_owned());
        match (name(Kind::User, unit.user), name(Kind::Group, unit.group)) {
            (Some(user), Some(group)) => format!("{user} in {group}").into(),
            (Some(one), None) | (None, Some(one)) => one.into(),
            (None, None) => SmolStr::default(),
        }
    }
}

impl Unit {
    fn user(user: usize) -> Self {
        Self {
            user: Some(user),
            ..Self::default()
        }
    }

    fn group(group: usize) -> Self {
        Self {
            group: Some(group),
            ..Self::default()
        }
    }
}

impl Finding {
    fn plain(verdict: Verdict, object: &str, says: impl Into<String>) -> Self {
        Self {
            verdict,
            object: object.into(),
            request: None,
            status: None,
            says: says.into(),
            consequence: None,
            evidence: Vec::new(),
        }
    }
}
