//! `keyfob map`: evaluates the expressions by which providers map attributes.

mod apply;
mod diff;
mod eval;
mod evaluating;
mod explain;
mod functions;
mod lint;
mod mapping;
mod objects;
mod okta;
mod scope;
mod test;

pub(crate) use self::mapping::unreadable;
use clap::Subcommand;
use keyfob_core::render::Rendered;
use keyfob_expression::Lint;

use crate::{Answer, Unusable};

/// The commands of `keyfob map`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the value of an expression
    Eval(eval::Arguments),
    /// Prints the value of every part of an expression, or what a mapping makes of an object and why
    Explain(explain::Arguments),
    /// Prints the functions of every language, or one with an example
    Functions(functions::Arguments),
    /// Runs files of expressions and of whole mappings with what they have to give
    Test(test::Arguments),
    /// Prints what can't work and what is probably a mistake in an expression or a mapping
    Lint(lint::Arguments),
    /// Prints the resources that a mapping makes of objects, or the PATCH that brings them up to date
    Apply(apply::Arguments),
    /// Prints whether objects are in the scope of a filter
    Scope(scope::Arguments),
    /// Prints what differs between two mapping sets
    Diff(diff::Arguments),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> Result<Answer, Unusable> {
    match command {
        Command::Eval(arguments) => eval::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Functions(arguments) => functions::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Scope(arguments) => scope::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
    }
}

/// A lint for people, with the text that it is about.
pub(crate) fn rendered(lint: &Lint, text: &str) -> String {
    let message = format!("{}: {}", lint.id, lint.sentence);
    let rendered = Rendered::new(message, text, lint.span.clone());
    format!("{rendered}\n{}", lint.fix)
}
