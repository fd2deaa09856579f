#![doc = include_str!("../README.md")]

mod admin;
mod card;
mod client;
mod definitions;
mod filter;
mod input;
mod map;
mod output;
mod patch;
mod profile;
mod serve;
mod service;
mod store;
mod unusable;

use std::process::ExitCode;

use clap::{
    Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use keyfob_core::render::Printable;

use self::unusable::Unusable;

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
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return unparsed(error),
    };
    let serves = matches!(arguments.command, Command::Serve(_));
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Filter(command) => filter::run(&command),
        Command::Patch(arguments) => patch::run(&arguments),
        Command::Map(command) => map::run(&command),
        Command::Client(arguments) => client::run(&arguments),
        Command::Card(command) => card::run(&command),
        Command::Admin(arguments) => admin::run(&arguments),
    };
    match outcome {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::Negative) => ExitCode::from(1),
        // A server prints before it serves: it didn't start.
        Err(error) if error.is_for_nobody() && !serves => ExitCode::SUCCESS,
        Err(error) => {
            output::report_lines(&format!("keyfob: {}", error.message()));
            ExitCode::from(2)
        }
    }
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
