//! `keyfob simulate`: plays an identity provider against a SCIM server.

mod clean;
pub(crate) mod host;
mod list;
mod population;
mod report;
mod transport;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::value_parser;
use keyfob_client::{Client, Ureq};
use keyfob_core::{Clock, IdGenerator, SystemClock, UuidGenerator};
use keyfob_interop::simulate::{Report, Scenario, Simulation, Verdict, Watch};

use self::{report::Destination, transport::Threaded};
use crate::{
    Answer, Unusable, client, input, output,
    provision::{source::SourceWay, target::Reach},
    serve::stop::StopSignals,
};

/// The arguments of `keyfob simulate`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "keyfob simulate PROVIDER URL [OPTIONS]\n       \
                      keyfob simulate --scenario FILE URL [OPTIONS]\n       \
                      keyfob simulate --cleanup RUN URL\n       \
                      keyfob simulate --list [PROVIDER]",
    after_help = "\
PROVIDER is entra, okta, onelogin, jumpcloud or google; --list prints their variants and steps, and how what they do is
known. A run creates users and groups at the server whose names start with the name of the run, changes them as the
provider does, reads back after each step what the server has, and removes them at the end, after Ctrl-C too.

Verdicts of a step: damage (the server's state is not what the provider now believes), stops (the provider gives up),
retries (the provider tries again later), tolerated, skipped (what it depends on is missing), ok.

SOURCE is one of those that `keyfob provision` reads, such as csv:USERS,GROUPS,MEMBERS. What the mapping makes of it for an
empty server are the users and groups; the name of the run is put before their names.

The token is read from --token-file, or from the environment variable KEYFOB_TARGET_TOKEN.

Exit codes: 0 no damage and nothing stops, 1 damage, or the provider gives up, 2 unusable arguments or input."
)]
pub(crate) struct Arguments {
    /// The provider and the base URL of the server, to which `/Users` is appended
    #[arg(value_name = "PROVIDER|URL", num_args = 0..=2)]
    what: Vec<String>,
    /// Prints the providers with their variants, steps and evidence
    #[arg(long, conflicts_with_all = ["scenario", "cleanup"])]
    list: bool,
    /// A scenario of your own, in the form of those that come with keyfob
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The variant of the provider; the first one if there is none
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// The number of users
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(0..=100_000))]
    users: u32,
    /// The number of groups
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(0..=100_000))]
    groups: u32,
    /// The number of members of each group
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(0..=100_000))]
    members: u32,
    /// Takes users, groups and their members from a source, as `keyfob provision` reads it, in place of made-up ones
    #[arg(long, value_name = "SOURCE", requires = "mapping", conflicts_with_all = ["users", "groups", "members"])]
    source: Option<String>,
    /// The mapping by which the source is read; given twice, one for users and one for groups
    #[arg(long, value_name = "FILE", requires = "source")]
    mapping: Vec<PathBuf>,
    #[command(flatten)]
    from: SourceWay,
    /// Does this step alone, and those that it depends on
    #[arg(long, value_name = "NAME")]
    step: Option<String>,
    /// Repeats the provider's cycle of changes so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=1_000))]
    cycles: u32,
    /// Waits as long as the provider does, times this factor: 1 is real time, and 0 doesn't wait
    #[arg(long, value_name = "FACTOR", default_value_t = 0.0, value_parser = pace)]
    pace: f64,
    /// Has so many requests under way at the same time, in the steps in which the provider has several
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=64))]
    parallel: Option<u16>,
    /// The seed of what is made up; the one of an earlier report gives its requests again, apart from the name of the run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Leaves at the server what the run created
    #[arg(long)]
    keep: bool,
    /// Removes what this run left, and does nothing else
    #[arg(long, value_name = "RUN")]
    cleanup: Option<String>,
    /// Reports as text, json, junit or html, on standard output or into a file
    #[arg(long, value_name = "FORM[=FILE]", default_value = "text")]
    report: Vec<Destination>,
    /// Writes every request and answer into an HTTP archive, which holds personal data and no token
    #[arg(long, value_name = "FILE.har")]
    transcript: Option<PathBuf>,
    /// Allows a server that is neither on this machine nor at a private address
    #[arg(long)]
    yes: bool,
    /// A file that holds the bearer token; `-` is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.0..=1_000.0).contains(&factor) => Ok(factor),
        _ => Err("a pace is a number from 0 to 1000".into()),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    if arguments.list {
        return list::run(&arguments.what);
    }
    report::check(&arguments.report, arguments.transcript.as_deref())?;
    let wants_provider = arguments.scenario.is_none() && arguments.cleanup.is_none();
    let (scenario, url) = match (wants_provider, arguments.what.as_slice()) {
        (true, [provider, url]) => (Some(list::built_in(provider)?), url),
        (false, [url]) => (None, url),
        // Whoever cleans up may leave the provider where it stands.
        (false, [provider, url]) if arguments.cleanup.is_some() => (Some(list::built_in(provider)?), url),
        (true, _) => {
            return Err(Unusable::new(
                "give a provider and the base URL of a server, such as `keyfob simulate okta http://localhost:8080/scim/v2`; \
                 --list prints the providers",
            ));
        }
        (false, _) => return Err(Unusable::new("give the base URL of a server and nothing else")),
    };
    let scenario = match (&arguments.scenario, scenario) {
        (Some(file), _) => {
            let text = input::read(file)?;
            Some(Scenario::from_json(&text).map_err(|error| Unusable::from(error).within(file))?)
        }
        (None, scenario) => scenario,
    };
    let token = client::token(arguments.token_file.as_deref())?;
    let builder = arguments.reach.builder(url, token.as_deref())?;
    if !arguments.yes {
        host::check(url)?;
    }
    if let Some(run) = &arguments.cleanup {
        let client = builder.transport(Ureq::new()).build()?;
        return clean::run(&client, run);
    }
    let Some(scenario) = scenario else {
        return Err(Unusable::new("there is no scenario"));
    };
    let stopped = Arc::new(AtomicBool::new(false));
    let client = builder.transport(Threaded::new(Arc::clone(&stopped))).build()?;
    let simulation = simulation(arguments, scenario, token.as_deref())?;
    let report = simulate(&simulation, &client, &stopped)?;
    report::write(&report, &arguments.report, arguments.transcript.as_deref())?;
    Ok(answer(&report))
}

fn simulation(
    arguments: &Arguments,
    scenario: Scenario,
    token: Option<&str>,
) -> Result<Simulation, Unusable> {
    // The end of a UUID of version 7 is random (RFC 9562 section 5.7).
    let id = UuidGenerator::new().next_id(SystemClock::new().now());
    let digits: String = id.as_str().chars().rev().take(12).collect();
    let random = u64::from_str_radix(&digits, 16).unwrap_or_default();
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let mut simulation = Simulation::new(scenario)
        .run_name(&format!("sim-{:08x}", random & 0xffff_ffff))?
        .seed(arguments.seed.unwrap_or(random))
        .sizes(
            size(arguments.users),
            size(arguments.groups),
            size(arguments.members),
        )
        .cycles(arguments.cycles)
        .pace(arguments.pace)
        .timeout(arguments.reach.timeout());
    if let Some(source) = &arguments.source {
        let population = population::read(source, &arguments.mapping, &arguments.from, &arguments.reach)?;
        simulation = simulation.population(population);
    }
    if let Some(variant) = &arguments.variant {
        simulation = simulation.variant(variant)?;
    }
    if let Some(step) = &arguments.step {
        simulation = simulation.step(step)?;
    }
    if let Some(token) = token {
        simulation = simulation.token(token)?;
    }
    if let Some(requests) = arguments.parallel {
        simulation = simulation.parallel(requests.into());
    }
    if arguments.keep {
        simulation = simulation.keep();
    }
    Ok(simulation)
}

/// Ends a run when a signal comes.
struct Signalled<'s>(&'s AtomicBool);

impl Watch for Signalled<'_> {
    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn simulate(
    simulation: &Simulation,
    client: &Client<Threaded>,
    stopped: &Arc<AtomicBool>,
) -> Result<Report, Unusable> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let name = simulation.name().to_owned();
    Ok(runtime.block_on(async {
        let mut signals = StopSignals::catch()?;
        let flag = Arc::clone(stopped);
        tokio::spawn(async move {
            signals.received().await;
            flag.store(true, Ordering::Relaxed);
            output::report(&format!(
                "keyfob: what the run created is being removed; another signal leaves it, and `keyfob simulate --cleanup {name} URL` \
                 removes it later"
            ));
            signals.received().await;
            std::process::exit(130);
        });
        std::io::Result::Ok(simulation.run(client, &mut Signalled(stopped)).await)
    })?)
}

/// Says on standard error what is worst, and returns how the command ends.
fn answer(report: &Report) -> Answer {
    if report.is_clean() && report.ended.is_none() && report.left.is_empty() {
        return Answer::Done;
    }
    let worst = report.verdict();
    if worst >= Verdict::Stops
        && let Some(step) = report.steps.iter().find(|step| step.verdict == worst)
    {
        let finding = step.findings.first().map(ToString::to_string);
        output::report(&format!(
            "keyfob: {worst} in {}/{}: {}",
            step.phase,
            step.name,
            finding.unwrap_or_default()
        ));
    } else if let Some(ended) = &report.ended {
        output::report(&format!("keyfob: the run ended early: {ended}"));
    }
    if !report.left.is_empty() {
        output::report(&format!(
            "keyfob: {} resources could not be removed; `keyfob simulate --cleanup {} URL` tries again",
            report.left.len(),
            report.run
        ));
    }
    Answer::Negative
}
