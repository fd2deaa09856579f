//! `keyfob map lint`.

use keyfob_mapping::{Program, lint};

use super::{Understanding, eval::lint_to_json, rendered};
use crate::{Answer, Unusable, print, report};

/// The arguments of `keyfob map lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The expression
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    understanding: Understanding,
}

/// Prints what is probably a mistake. An expression that can't be evaluated is refused.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let (text, options) = (&arguments.expression, arguments.understanding.options());
    if let Err(error) = Program::read(text, &options) {
        report(&error.display_with(text));
        return Ok(Answer::Negative);
    }
    let lints = lint::expression(text, &options)?;
    for lint in &lints {
        if arguments.json {
            print(lint_to_json(lint).to_string().as_bytes())?;
        } else {
            print(rendered(lint, text).as_bytes())?;
        }
    }
    Ok(Answer::Done)
}
