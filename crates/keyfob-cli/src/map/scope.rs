//! `keyfob map scope`: whether an object is provisioned.

use std::path::PathBuf;

use keyfob_mapping::{Source, scope::ScopingFilter};

use super::apply::unreadable;
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map scope`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The scoping filter as JSON: the `scope` of a Graph object mapping, or an object with `groups`, each an array of
    /// clauses; `-` is standard input
    #[arg(long, value_name = "FILE")]
    filter: PathBuf,
    /// The attributes of an object as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    attrs: PathBuf,
}

/// Prints `true` or `false`.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--filter", "--attrs"],
        [Some(&arguments.filter), Some(&arguments.attrs)],
    )?;
    let within = |error: Unusable| error.within(&arguments.filter);
    let filter = ScopingFilter::from_json(&input::read(&arguments.filter)?)
        .map_err(|error| within(unreadable(&error)))?;
    let scope = filter.compile().map_err(|error| within(error.into()))?;
    let source = Source::from_json(&input::read(&arguments.attrs)?)
        .map_err(|error| Unusable::from(error).within(&arguments.attrs))?;
    match scope.contains(&source) {
        Ok(true) => {
            output::line("true")?;
            Ok(Answer::Done)
        }
        Ok(false) => {
            output::line("false")?;
            Ok(Answer::Negative)
        }
        Err(error) => {
            output::report(&error.to_string());
            Ok(Answer::Negative)
        }
    }
}
