#![doc = include_str!("../README.md")]

mod admin;
mod card;
mod client;
mod definitions;
mod filter;
mod input;
mod maintain;
mod map;
mod output;
mod patch;
mod probe;
mod profile;
mod provision;
mod serve;
mod service;
mod settings;
mod simulate;
mod store;
mod time;
mod transfer;
mod unusable;

use std::{ffi::OsString, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use keyfob_core::render::Printable;

use self::{settings::SettingsError, unusable::Unusable};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// SCIM 2.0: a server, and tools to try filters, PATCH requests and card formats with.
#[derive(Debug, Parser)]
#[command(name = "keyfob", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves SCIM 2.0 over HTTP
    Serve(serve::Arguments),
    /// Copies a store into a file while servers write to it
    Backup(maintain::BackupArguments),
    /// Puts a backup where there is no store
    Restore(maintain::RestoreArguments),
    /// Checks that a store is whole, and prints what isn't
    Check(maintain::CheckArguments),
    /// Writes the users and groups of an organization as NDJSON, a SCIM resource a line
    Export(transfer::ExportArguments),
    /// Reads SCIM resources as NDJSON and writes them to an organization
    Import(transfer::ImportArguments),
    /// Prints the settings of a server, each with where it comes from
    Config(serve::Arguments),
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page, as roff
    Man,
    /// Reads filters and tries them on resources
    #[command(subcommand)]
    Filter(filter::Command),
    /// Applies a PATCH request to a resource
    Patch(patch::Arguments),
    /// Evaluates the expressions by which providers map attributes
    #[command(subcommand)]
    Map(map::Command),
    /// Talks to any SCIM server: finds out what it supports, reads and writes its resources
    Client(client::Arguments),
    /// Provisions a SCIM server from files: plans, runs, and tells what the target has
    #[command(subcommand)]
    Provision(provision::Command),
    /// Plays an identity provider against a SCIM server, and says what goes wrong for it
    Simulate(simulate::Arguments),
    /// Tries a SCIM server: what departs from the RFCs, and which identity providers it hits
    Probe(probe::Arguments),
    /// Encodes, decodes and identifies the words of access control cards
    #[command(subcommand)]
    Card(card::Command),
    /// Administers organizations: links, tokens, users and what they may open
    Admin(admin::Arguments),
}

/// How a command ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Done: exit code 0.
    Done,
    /// A negative answer: nothing matched, or what was asked about was refused. Exit code 1.
    Negative,
    /// A guard holds something back. Exit code 3.
    Guarded,
}

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let matches = match settings::matches(settings::without_empty(Arguments::command()), given.clone()) {
        Ok(matches) => matches,
        Err(SettingsError::Arguments(error)) => return unparsed(error),
        Err(SettingsError::File(error)) => return unusable(&error),
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return unparsed(error),
    };
    let serves = matches!(arguments.command, Command::Serve(_));
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Backup(arguments) => maintain::backup(&arguments),
        Command::Restore(arguments) => maintain::restore(&arguments),
        Command::Check(arguments) => maintain::check(&arguments),
        Command::Export(arguments) => transfer::export(&arguments),
        Command::Import(arguments) => transfer::import(&arguments),
        // Those that don't go together are shown too, as they say where each comes from.
        Command::Config(arguments) => {
            config(&matches, &given).and_then(|answer| arguments.check().map(|()| answer))
        }
        Command::Completions { shell } => completions(shell),
        Command::Man => man(),
        Command::Filter(command) => filter::run(&command),
        Command::Patch(arguments) => patch::run(&arguments),
        Command::Map(command) => map::run(&command),
        Command::Client(arguments) => client::run(&arguments),
        Command::Provision(command) => provision::run(&command),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Card(command) => card::run(&command),
        Command::Admin(arguments) => admin::run(&arguments),
    };
    match outcome {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::Negative) => ExitCode::from(1),
        Ok(Answer::Guarded) => ExitCode::from(3),
        // A server prints before it serves: it didn't start.
        Err(error) if error.is_for_nobody() && !serves => ExitCode::SUCCESS,
        Err(error) => unusable(&error),
    }
}

fn unusable(error: &Unusable) -> ExitCode {
    output::report_lines(&format!("keyfob: {}", error.message()));
    ExitCode::from(2)
}

/// Prints the settings of a server.
fn config(matches: &clap::ArgMatches, given: &[OsString]) -> Result<Answer, Unusable> {
    let mut command = settings::without_empty(Arguments::command());
    command.build();
    match (
        command.find_subcommand("config"),
        matches.subcommand_matches("config"),
    ) {
        (Some(command), Some(matches)) => settings::print(command, matches, given),
        _ => Err(Unusable::new("there are no settings")),
    }
}

/// Prints the completions of a shell.
fn completions(shell: clap_complete::Shell) -> Result<Answer, Unusable> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "keyfob", &mut text);
    output::document(&text)?;
    Ok(Answer::Done)
}

/// Prints the manual page.
fn man() -> Result<Answer, Unusable> {
    let mut text = Vec::new();
    let mut command = Arguments::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    // The commands of a server have sections of their own, as their options are what a manual is read for.
    for name in ["serve", "admin"] {
        if let Some(subcommand) = command.find_subcommand(name) {
            let man = clap_mangen::Man::new(subcommand.clone());
            man.render_description_section(&mut text)?;
            man.render_options_section(&mut text)?;
        }
    }
    output::document(&text)?;
    Ok(Answer::Done)
}

/// Prints the help that was asked for, or why the arguments can't be read: what they repeat is escaped.
fn unparsed(mut error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help that nobody reads any more is no error.
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let escaped: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(Printable(text).to_string()))),
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(|text| Printable(text).to_string());
                Some((kind, ContextValue::Strings(texts.collect())))
            }
            _ => None,
        })
        .collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
    output::report_lines(error.render().to_string().trim_end());
    ExitCode::from(2)
}
