#![doc = include_str!("../README.md")]

mod admin;
mod card;
mod filter;
mod input;
mod map;
mod output;
mod patch;
mod profile;
mod serve;
mod service;
mod store;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};
use keyfob_core::render::Printable;

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

/// Unusable arguments or input: a message for stderr and exit code 2.
#[derive(Debug)]
struct Unusable(String);

impl Unusable {
    /// The same, said of what is in a file.
    fn within(self, file: &Path) -> Self {
        Self(format!("`{}`: {}", file.display(), self.0))
    }
}

impl<E: std::error::Error> From<E> for Unusable {
    fn from(error: E) -> Self {
        // On one line: what an error repeats may be anybody's.
        let mut message = Printable(&error).to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&Printable(cause).to_string());
            source = cause.source();
        }
        Self(message)
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Filter(command) => filter::run(&command),
        Command::Patch(arguments) => patch::run(&arguments),
        Command::Map(command) => map::run(&command),
        Command::Card(command) => card::run(&command),
        Command::Admin(arguments) => admin::run(&arguments),
    };
    match outcome {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::Negative) => ExitCode::from(1),
        Err(Unusable(message)) => {
            output::report_lines(&format!("keyfob: {message}"));
            ExitCode::from(2)
        }
    }
}
