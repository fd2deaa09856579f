//! `keyfob map`: evaluates the expressions by which providers map attributes.

mod apply;
mod eval;
mod lint;
mod okta;
mod scope;
mod test;

use clap::{Subcommand, ValueEnum};
use keyfob_core::{Clock as _, DateTime, SystemClock, render::Rendered};
use keyfob_mapping::{FunctionSet, Lint, NullCondition, Options};

use crate::{Answer, Unusable};

/// The commands of `keyfob map`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the value of an expression
    Eval(eval::Arguments),
    /// Runs files of expressions with the values that they have to give
    Test(test::Arguments),
    /// Prints what is probably a mistake in an expression
    Lint(lint::Arguments),
    /// Prints the resource that a mapping makes of an object, or the PATCH that brings one up to date
    Apply(apply::Arguments),
    /// Prints whether an object is in the scope of a filter
    Scope(scope::Arguments),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> Result<Answer, Unusable> {
    match command {
        Command::Eval(arguments) => eval::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Scope(arguments) => scope::run(arguments),
    }
}

/// How expressions are understood.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Understanding {
    /// Which functions there are
    #[arg(long, value_enum, default_value_t = NamedFunctions::Entra)]
    functions: NamedFunctions,
    /// What `IIF` gives where an attribute in its condition is null or empty
    #[arg(long, value_enum, default_value_t = IifNull::Natural)]
    iif_null: IifNull,
    /// Lets `NormalizeDiacritics` strip the marks of letters that the service's table lacks, too
    #[arg(long)]
    extended_diacritics: bool,
}

/// The sets of functions by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum NamedFunctions {
    /// Those of app provisioning
    Entra,
    /// Those of cloud sync, too
    Cloudsync,
}

/// What `IIF` may give by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IifNull {
    /// No value
    Null,
    /// The value for a condition that does not hold
    False,
    /// What the condition says
    Natural,
}

impl Understanding {
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.functions = match self.functions {
            NamedFunctions::Entra => FunctionSet::Entra,
            NamedFunctions::Cloudsync => FunctionSet::CloudSync,
        };
        options.null_condition = match self.iif_null {
            IifNull::Null => NullCondition::Null,
            IifNull::False => NullCondition::False,
            IifNull::Natural => NullCondition::Natural,
        };
        options.extended_diacritics = self.extended_diacritics;
        options
    }
}

/// The time that was named, or that of the machine.
pub(crate) fn time(named: Option<&str>) -> Result<DateTime, Unusable> {
    match named {
        None => Ok(SystemClock::new().now()),
        Some(text) => text
            .parse()
            .map_err(|error| Unusable(format!("--now `{text}`: {error}"))),
    }
}

/// A lint for people, with the text that it is about.
pub(crate) fn rendered(lint: &Lint, text: &str) -> String {
    let message = format!("{}: {}", lint.id, lint.sentence);
    let rendered = Rendered::new(message, text, lint.span.clone());
    format!("{rendered}\n{}", lint.fix)
}
