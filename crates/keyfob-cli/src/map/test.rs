//! `keyfob map test`.

use std::path::PathBuf;

use keyfob_mapping::vectors;

use super::evaluating::Evaluating;
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files of vectors; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// Prints each vector that fails, and how many there were.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let options = arguments.evaluating.options();
    let surroundings = arguments.evaluating.surroundings()?;
    let environment = surroundings.environment();
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for file in &arguments.files {
        let vectors =
            vectors::read(&input::read(file)?).map_err(|error| Unusable::from(error).within(file))?;
        for vector in vectors {
            match vector.check(&options, &environment) {
                Ok(()) => passed += 1,
                Err(mismatch) => {
                    failed += 1;
                    let (id, expression) = (vector.id(), vector.expression());
                    output::line(&format!("{id}: {mismatch}"))?;
                    output::line(&format!("  {expression}"))?;
                }
            }
        }
    }
    output::line(&format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 {
        Answer::Done
    } else {
        Answer::Negative
    })
}
