//! `keyfob admin`: what administrators do, on a store or over HTTP. The commands are those of the table of operations.

mod command;
mod explain;
mod local;
mod print;
mod remote;

use std::{io, time::Duration};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use keyfob_admin::{Answer as Outcome, Call, Page, Problem};
use keyfob_core::{Object, Value};

use self::{
    command::{Arguments as OperationArguments, Globals},
    local::Local,
    remote::Remote,
};
use crate::{Answer, Unusable, output};

/// The arguments of `keyfob admin`.
#[derive(Debug)]
pub(crate) struct Arguments(Chosen);

#[derive(Debug)]
enum Chosen {
    /// One of the table of operations.
    Operation(OperationArguments),
    /// The cost of a query, of which the store alone can tell.
    Explain(Globals, explain::Arguments),
}

/// The name of the command that is in no table.
const EXPLAIN: &str = "explain";

impl Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let explain = explain::Arguments::augment_args(Command::new(EXPLAIN));
        OperationArguments::augment_args(command).subcommand(explain)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((EXPLAIN, given)) => Ok(Self(Chosen::Explain(
                Globals::from_arg_matches(matches)?,
                explain::Arguments::from_arg_matches(given)?,
            ))),
            _ => OperationArguments::from_arg_matches(matches)
                .map(|arguments| Self(Chosen::Operation(arguments))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// How long those who follow wait for more.
const PAUSE: Duration = Duration::from_millis(250);

/// How many items are read at a time, where all are asked for.
const PAGE: i64 = 200;

/// Where the operations are done.
enum Target {
    /// On a store, beside the server that may run on it.
    Local(Box<Local>),
    /// By a server.
    Remote(Remote),
}

/// Why a command printed nothing more: because it was refused, or because it couldn't be tried.
enum Failure {
    Refused(Problem),
    Unusable(Unusable),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Unusable> for Failure {
    fn from(error: Unusable) -> Self {
        Self::Unusable(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unusable(error.into())
    }
}

impl Target {
    async fn perform(&self, call: &Call) -> Result<Outcome, Failure> {
        match self {
            Self::Local(local) => local.perform(call).await,
            Self::Remote(remote) => remote.perform(call),
        }
    }
}

/// Runs one of the commands.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let arguments = match &arguments.0 {
        Chosen::Operation(arguments) => arguments,
        Chosen::Explain(globals, query) => return runtime.block_on(explain::run(globals, query)),
    };
    match runtime.block_on(perform(arguments)) {
        Ok(()) => Ok(Answer::Done),
        Err(Failure::Unusable(error)) => Err(error),
        Err(Failure::Refused(problem)) if problem.is_malformed() || problem.status >= 500 => {
            Err(Unusable::new(problem))
        }
        Err(Failure::Refused(problem)) => {
            if let Some(preview) = &problem.preview {
                print::preview(preview, output::report);
            }
            output::report(&format!("refused: {problem}"));
            Ok(Answer::Negative)
        }
    }
}

async fn perform(arguments: &OperationArguments) -> Result<(), Failure> {
    let target = match &arguments.globals.server {
        Some(server) => Target::Remote(Remote::new(server)?),
        None => Target::Local(Box::new(Local::open(arguments).await?)),
    };
    let mut call = Call::new(arguments.operation, arguments.input.clone());
    if let Some(reason) = &arguments.globals.reason {
        call = call.with_reason(reason.as_str());
    }
    if arguments.globals.dry_run {
        call = call.dry();
    }
    if let Some(digest) = arguments
        .globals
        .yes
        .as_deref()
        .filter(|digest| !digest.is_empty())
    {
        call = call.confirmed(digest);
    }
    if arguments.reads_all() {
        return read_all(arguments, &target, call).await;
    }
    let outcome = match target.perform(&call).await {
        Err(Failure::Refused(problem)) if problem.code == "confirmationRequired" => {
            let digest = confirmation(arguments, problem)?;
            target.perform(&call.confirmed(digest)).await?
        }
        outcome => outcome?,
    };
    Ok(print::outcome(arguments, outcome)?)
}

/// Returns the digest of a preview that an administrator confirms: beforehand by `--yes`, or asked at the terminal.
fn confirmation(arguments: &OperationArguments, problem: Problem) -> Result<String, Failure> {
    let Some(preview) = &problem.preview else {
        return Err(problem.into());
    };
    let mut confirmed = arguments.globals.yes.is_some();
    if !confirmed {
        print::preview(preview, output::report);
        confirmed = output::ask("This can't be undone. Go on?") == Some(true);
    }
    if confirmed {
        return Ok(preview.confirmation.to_string());
    }
    let mut problem = problem;
    problem.preview = None;
    Err(problem
        .with_fix("add `--yes`, or `--yes=` with the confirmation that is shown")
        .into())
}

/// Prints every page of a list, and goes on as more happens where that is asked for.
async fn read_all(arguments: &OperationArguments, target: &Target, mut call: Call) -> Result<(), Failure> {
    if call.input.get("limit").is_none() {
        call.input.insert("limit", PAGE);
    }
    loop {
        let Outcome::Page(Page { items, next, .. }) = target.perform(&call).await? else {
            return Ok(());
        };
        let last = items.last().and_then(position_of);
        for item in &items {
            print::item(arguments, item)?;
        }
        match (next, last) {
            (Some(next), _) => {
                call.input.insert("after", next);
            }
            (None, _) if !arguments.follow => return Ok(()),
            (None, last) => {
                if let Some(last) = last {
                    call.input.insert("after", last.as_str());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Returns the position of an event, after which one who follows goes on.
fn position_of(item: &Object) -> Option<String> {
    item.get("position")
        .and_then(Value::as_integer)
        .map(|position| position.to_string())
}
