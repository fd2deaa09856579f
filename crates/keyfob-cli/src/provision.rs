//! `keyfob provision`: provisions a SCIM server from files.

mod approve;
mod demand;
mod every;
mod manage;
mod pace;
mod print;
mod show;
pub(crate) mod source;
pub(crate) mod target;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use keyfob_client::Client;
use keyfob_mapping::DeletionThreshold;
use keyfob_sync::{Event, Guard, Job, Report, Rule, State};

use self::{pace::Paced, target::connect};
use crate::{Answer, Unusable, output};

/// The state file where none is given.
const STATE: &str = "provision.db";

const AFTER_HELP: &str = "\
SOURCE is one of
  csv:USERS[,GROUPS[,MEMBERS]]  CSV files: USERS and GROUPS have the column `id` and any others, MEMBERS has `group` and
                                `member`, which are ids of the others
  ldif:FILE                     entries of a directory, whole, with `entryUUID` or another lasting id
  ndjson:USERS[,GROUPS]         JSON objects one after the other, or arrays of them
  graph:FILE[,FILE...]          pages of lists and of delta queries of Microsoft Graph, in their order, from the first page of the
                                first query on
  scim:URL                      another SCIM server, by its base URL; its token is read from --source-token-file, or from
                                the environment variable KEYFOB_SOURCE_TOKEN
  keyfob:STORE                  an organization of a store of `keyfob serve`, such as keyfob:sqlite:keyfob.db

The token is read from --token-file, or from the environment variable KEYFOB_TARGET_TOKEN.

Exit codes: 0 nothing to do (plan) or done (run), 1 there are changes (plan), or something failed or is held back (run),
2 unusable arguments or input, 3 a guard holds something back, which the last line on standard error names.";

/// The commands of `keyfob provision`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints what a run would do; sends reads alone and leaves the state as it is
    #[command(after_help = AFTER_HELP)]
    Plan {
        /// Writes the plan to a file as well, for `run --plan`; it holds personal data. An earlier plan is replaced when the new
        /// one is whole, and a file of something else is refused
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Brings the target up to date with the source
    #[command(after_help = AFTER_HELP)]
    Run {
        /// Runs nothing unless planning anew gives the plan in this file, which `plan --out` wrote
        #[arg(long, value_name = "FILE", conflicts_with = "every")]
        plan: Option<PathBuf>,
        /// Runs again and again, each time so long after the start of the last run, such as 90s, 40m, 6h or 1d, until a signal ends
        /// the command; what a later run can't read is told, and the next one reads it again
        #[arg(long, value_name = "TIME", value_parser = every::time)]
        every: Option<Duration>,
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Provisions one object now, step by step
    #[command(after_help = AFTER_HELP)]
    OnDemand {
        /// The id of the object in the source
        id: String,
        /// Sends reads alone and leaves the state as it is
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Prints a summary of a state, and what failed
    Status(StateArguments),
    /// Prints which resource stands for which object
    Links(StateArguments),
    /// Allows the removals that a guard held back in the last run: the next one makes those that the source still asks for
    AllowDeletes(StateArguments),
    /// Lets the next run look at everything again, as the first one did
    Restart {
        /// Forgets which resource stands for which object as well: resources are looked for again, and those that are found count as
        /// adopted, which are never deleted
        #[arg(long)]
        break_links: bool,
        #[command(flatten)]
        arguments: StateArguments,
    },
    /// Prints what was done and what failed, a line of JSON for each step, without names and values unless runs have --log-values
    Log {
        /// The number of steps, the last ones; a state keeps 100,000
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        last: usize,
        /// The state file
        #[arg(long, value_name = "FILE", default_value = STATE)]
        state: PathBuf,
    },
}

/// The arguments of the commands that talk to a target.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A file in TOML with these arguments under their names, such as `threshold = 100`; those that are given here count instead.
    /// Paths in it are relative to where the command runs
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// The mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; given twice, one for users
    /// and one for groups
    #[arg(long, value_name = "FILE", required_unless_present = "job")]
    mapping: Vec<PathBuf>,
    /// The source; see below
    #[arg(long, value_name = "SOURCE", required_unless_present = "job")]
    source: Option<String>,
    /// The base URL of the target, to which `/Users` is appended
    #[arg(long, value_name = "URL", required_unless_present = "job")]
    target: Option<String>,
    /// The state file, which the first run makes
    #[arg(long, value_name = "FILE", default_value = STATE)]
    state: PathBuf,
    /// Allows a cycle to disable and delete so many resources; where there would be more, none of them is
    #[arg(long, value_name = "N", default_value_t = 500)]
    threshold: u64,
    /// Holds removals back where the source has less than so many percent of the users, groups or memberships that it had,
    /// or fewer of those that the target has would stay; 0 never does
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(0..=100))]
    shrink_below: u8,
    /// Leaves resources of objects that are out of scope or gone as they are
    #[arg(long)]
    skip_out_of_scope_deletions: bool,
    /// Has requests for at most so many objects under way at the same time, 1 to 64; those of one object follow each other. Half as many
    /// are after the target says that there are too many (429)
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Keeps the values of changes in the log, which are personal data; without it the log names paths alone
    #[arg(long)]
    log_values: bool,
    #[command(flatten)]
    from: source::SourceWay,
    #[command(flatten)]
    way: target::Way,
    /// Prints JSON for programs: a line for each step, and a summary
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Returns the files that the command reads.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let given = self.mapping.iter().chain([&self.state]).chain(&self.job);
        given
            .map(PathBuf::as_path)
            .chain(source::files(self.source.as_deref().unwrap_or_default()))
            .chain(self.from.files())
            .chain(self.way.files())
    }
}

/// The arguments of the commands that read a state.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArguments {
    /// The state file
    #[arg(long, value_name = "FILE", default_value = STATE)]
    state: PathBuf,
    /// Prints JSON for programs
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> Result<Answer, Unusable> {
    match command {
        Command::Plan { out, arguments } => cycle(arguments, &Mode::Plan { out: out.as_deref() }),
        Command::Run {
            every: Some(time),
            arguments,
            ..
        } => every::run(*time, || cycle(arguments, &Mode::Run { plan: None })),
        Command::Run {
            plan,
            every: None,
            arguments,
        } => cycle(
            arguments,
            &Mode::Run {
                plan: plan.as_deref(),
            },
        ),
        Command::OnDemand {
            id,
            dry_run,
            arguments,
        } => demand::run(arguments, id, *dry_run),
        Command::Status(arguments) => show::status(arguments),
        Command::Links(arguments) => show::links(arguments),
        Command::AllowDeletes(arguments) => manage::allow_removals(arguments),
        Command::Restart {
            break_links,
            arguments,
        } => manage::restart(arguments, *break_links),
        Command::Log { last, state } => show::log(state, *last),
    }
}

/// A cycle that is planned, or run.
enum Mode<'a> {
    Plan {
        /// Where the plan is written.
        out: Option<&'a Path>,
    },
    Run {
        /// The plan that has to hold.
        plan: Option<&'a Path>,
    },
}

/// Plans or runs a cycle.
fn cycle(arguments: &Arguments, mode: &Mode<'_>) -> Result<Answer, Unusable> {
    let mut written = match mode {
        Mode::Plan { out: Some(path) } => Some(approve::Writing::create(path, arguments.files())?),
        _ => None,
    };
    let Some(target) = connect(arguments)? else {
        return Ok(Answer::Guarded);
    };
    let is_plan = matches!(mode, Mode::Plan { .. });
    let mut state = open(arguments, is_plan)?;
    let job = job(&target.client, target.rules, arguments)?;
    let source = &*target.source;
    if let Mode::Run { plan: Some(path) } = mode
        && !approve::still_holds(path, &job, &mut state, source)?
    {
        output::report("keyfob: planning anew gives another plan, and nothing was sent: look at a new one");
        return Ok(Answer::Guarded);
    }
    let mut printed = Ok(());
    let mut observe = |event: &Event| {
        if let (Event::Step(step), Ok(())) = (event, &printed) {
            printed = if arguments.json {
                output::json(print::step_json(step))
            } else {
                print::step(step)
            };
            if let (Ok(()), Some(written)) = (&printed, &mut written) {
                printed = written.step(step);
            }
        }
    };
    let report = if is_plan {
        job.plan(&mut state, source, &mut observe)?
    } else {
        job.run(&mut state, source, &mut observe)?
    };
    printed?;
    if let Some(written) = written {
        written.finish(&report)?;
    }
    if arguments.json {
        output::json(print::report_json(&report))?;
    } else {
        print::report(&report, is_plan)?;
    }
    Ok(answer(&report, is_plan))
}

/// Returns the state; for a plan one in memory where there is none yet.
fn open(arguments: &Arguments, is_plan: bool) -> Result<State, Unusable> {
    Ok(if is_plan && !arguments.state.exists() {
        State::in_memory()?
    } else {
        State::open(&arguments.state)?
    })
}

fn job<'j>(
    client: &'j Client<Paced>,
    rules: Vec<Rule>,
    arguments: &Arguments,
) -> Result<Job<'j, Paced>, Unusable> {
    let job = Job::new(client, rules)?
        .threshold(DeletionThreshold::new(arguments.threshold))
        .shrink_below(arguments.shrink_below)
        .parallel(NonZeroUsize::new(usize::from(arguments.parallel)).unwrap_or(NonZeroUsize::MIN));
    let job = if arguments.log_values {
        job.log_values()
    } else {
        job
    };
    Ok(if arguments.skip_out_of_scope_deletions {
        job.skip_out_of_scope_deletions()
    } else {
        job
    })
}

/// Returns how a command ends, and names what a guard holds back on the last line.
fn answer(report: &Report, is_plan: bool) -> Answer {
    for guard in &report.guards {
        output::report(&format!("keyfob: {}", said(guard)));
    }
    let is_whole = report.counts.failed == 0 && report.counts.held == 0;
    if !report.guards.is_empty() {
        Answer::Guarded
    } else if (is_plan && !report.is_quiet()) || !is_whole {
        Answer::Negative
    } else {
        Answer::Done
    }
}

/// Returns a guard's reason with the option that lets through what it holds back.
fn said(guard: &Guard) -> String {
    let option = match guard {
        Guard::Threshold { .. } => " (`keyfob provision allow-deletes`, or --threshold)",
        Guard::Shrunk { .. } | Guard::Remaining { .. } => {
            " (`keyfob provision allow-deletes`, or --shrink-below 0)"
        }
        _ => "",
    };
    format!("{guard}{option}")
}
