//! A run of a scenario: its settings.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use http::HeaderValue;
use keyfob_client::{Client, Transport};
use keyfob_core::{Clock, Object, SmolStr, SystemClock};

use crate::simulate::{
    error::SetupError,
    report::{Report, StepReport},
    run::Runner,
    scenario::Scenario,
    world::Population,
};

/// A run of a scenario against a server: plays the provider, reads back what the server has after each step, and removes
/// what it created.
///
/// ```
/// use keyfob_interop::simulate::{Scenario, Simulation};
///
/// let scenario = Scenario::built_in("onelogin").ok_or("there is no such scenario")?;
/// let error = Simulation::new(scenario).variant("2021").err().ok_or("there is no such variant")?;
/// assert_eq!(error.to_string(), "there is no variant `2021`; there are 2020, patch; did you mean `2020`?");
/// # Ok::<(), &str>(())
/// ```
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    pub(crate) scenario: Scenario,
    pub(crate) variant: Option<SmolStr>,
    pub(crate) token: Option<SmolStr>,
    pub(crate) run: SmolStr,
    pub(crate) seed: u64,
    pub(crate) population: Population,
    pub(crate) cycles: u32,
    pub(crate) parallel: Option<usize>,
    pub(crate) pace: f64,
    pub(crate) keep: bool,
    /// The steps that are done; all of them if there are none.
    pub(crate) only: Vec<SmolStr>,
    pub(crate) timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a run is watched by.
pub trait Watch {
    /// Returns true if the run has to end: what it created is still removed.
    fn is_stopped(&self) -> bool {
        false
    }

    /// Is told of each step when it is done.
    fn step(&mut self, _: &StepReport) {}
}

/// Watches nothing.
impl Watch for () {}

impl Simulation {
    /// The numbers of cycles that a run may have.
    pub const CYCLES: RangeInclusive<u32> = 1..=1_000;
    /// The numbers of requests that may be under way at the same time.
    pub const PARALLEL: RangeInclusive<usize> = 1..=64;

    /// Sets up a run of the scenario's first variant with five users and three groups, of which each has three members.
    pub fn new(scenario: Scenario) -> Self {
        let variant = scenario.variants.first().map(|(name, _)| name.clone());
        Self {
            scenario,
            variant,
            token: None,
            run: "sim".into(),
            seed: 0,
            population: made_up(5, 3, 3),
            cycles: 1,
            parallel: None,
            pace: 0.0,
            keep: false,
            only: Vec::new(),
            timeout: Duration::from_secs(30),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Takes another variant.
    ///
    /// # Errors
    /// [`SetupError::Variant`] if the scenario has no such variant.
    pub fn variant(mut self, name: &str) -> Result<Self, SetupError> {
        let known = || self.scenario.variants.iter().map(|(name, _)| name);
        if !known().any(|known| known == name) {
            return Err(SetupError::Variant {
                name: name.into(),
                known: known().cloned().collect(),
            });
        }
        self.variant = Some(name.into());
        Ok(self)
    }

    /// Sends this bearer token where the scenario has `{{token}}`. Without it, those headers are left out.
    ///
    /// # Errors
    /// [`SetupError::Token`] if no header takes it.
    pub fn token(mut self, token: &str) -> Result<Self, SetupError> {
        HeaderValue::try_from(token).map_err(|_| SetupError::Token)?;
        self.token = Some(token.into());
        Ok(self)
    }

    /// Names the run: the names of its objects start with it and `-`. It should be one that no other run at the server has.
    ///
    /// # Errors
    /// [`SetupError::Run`] if the name is empty, longer than 40 characters, or has others than letters, digits and `-` of ASCII.
    pub fn run_name(mut self, name: &str) -> Result<Self, SetupError> {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
            return Err(SetupError::Run(name.into()));
        }
        self.run = name.into();
        Ok(self)
    }

    /// Takes another seed for what is made up: the same seed gives the same requests.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Makes up so many users and groups, of which each has so many of the users.
    pub fn sizes(self, users: usize, groups: usize, members: usize) -> Self {
        Self {
            population: made_up(users, groups, members),
            ..self
        }
    }

    /// Takes these users and groups in place of made-up ones.
    pub fn population(self, population: Population) -> Self {
        Self { population, ..self }
    }

    /// Runs the phases that repeat so many times: from 1 to 1,000, the nearest of them beyond.
    pub fn cycles(self, cycles: u32) -> Self {
        Self {
            cycles: cycles.clamp(*Self::CYCLES.start(), *Self::CYCLES.end()),
            ..self
        }
    }

    /// Has so many requests under way at the same time in the steps in which the provider has several: from 1 to 64, the
    /// nearest of them beyond.
    pub fn parallel(self, requests: usize) -> Self {
        Self {
            parallel: Some(requests.clamp(*Self::PARALLEL.start(), *Self::PARALLEL.end())),
            ..self
        }
    }

    /// Waits as long as the provider does, times this factor. Without it no time passes between steps.
    pub fn pace(self, factor: f64) -> Self {
        let factor = if factor.is_finite() { factor.max(0.0) } else { 0.0 };
        Self { pace: factor, ..self }
    }

    /// Leaves at the server what the run created.
    pub fn keep(self) -> Self {
        Self { keep: true, ..self }
    }

    /// Does this step alone, and those that it depends on.
    ///
    /// # Errors
    /// [`SetupError::Step`] if the variant has no such step.
    pub fn step(mut self, name: &str) -> Result<Self, SetupError> {
        let variant = self.variant.as_deref();
        let steps: Vec<_> = self
            .scenario
            .phases
            .iter()
            .flat_map(|phase| &phase.steps)
            .filter(|step| step.is_of(variant))
            .collect();
        if !steps.iter().any(|step| step.name == name) {
            return Err(SetupError::Step {
                name: name.into(),
                known: steps.iter().map(|step| step.name.clone()).collect(),
            });
        }
        let mut only = vec![SmolStr::new(name)];
        // Steps depend on steps before them alone, so that one pass from the end finds all.
        for step in steps.iter().rev() {
            if only.contains(&step.name) {
                only.extend(step.needs.iter().cloned());
            }
        }
        self.only = only;
        Ok(self)
    }

    /// Gives up on a request after that long. The default is 30 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Takes another clock for the times of the transcript.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Returns the name of the run.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.run
    }

    /// Runs it against the server of the client: its base URL and its transport. Requests are the provider's own, so that
    /// the client's token, headers and repetitions have no part in them.
    ///
    /// Nothing that the server does ends a run with an error: what it does is what the report is about.
    pub async fn run<X: Transport>(&self, client: &Client<X>, watch: &mut impl Watch) -> Report {
        Runner::new(self, client).run(watch).await
    }
}

/// Returns so many users and groups without attributes, which are made up. Members are spread evenly over the groups.
fn made_up(users: usize, groups: usize, members: usize) -> Population {
    let of_group = |group: usize| {
        let first = group * members.max(1);
        let members = (0..members.min(users)).map(move |member| (first + member) % users.max(1));
        (Object::new(), members.collect())
    };
    Population {
        users: vec![Object::new(); users],
        groups: (0..groups).map(of_group).collect(),
    }
}
