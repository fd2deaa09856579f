//! `keyfob map diff`: what differs between two mapping sets.

use std::path::{Path, PathBuf};

use keyfob_core::render::Printable;
use keyfob_mapping::{Difference, ObjectMapping, graph::SynchronizationSchema};
use serde_json::json;

use super::mapping::unreadable;
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The earlier mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; `-` is standard input
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The later mapping
    #[arg(value_name = "B")]
    after: PathBuf,
    /// Prints one JSON object for each difference
    #[arg(long)]
    json: bool,
}

/// Prints what differs. The exit code is 1 where anything does.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(["A", "B"], [Some(&arguments.before), Some(&arguments.after)])?;
    let before = mappings(&arguments.before)?;
    let mut after = mappings(&arguments.after)?;
    let mut answer = Answer::Done;
    for mapping in &before {
        let same = after.iter().position(|other| is_of(other, mapping));
        let name = format!("{} to {}", mapping.source, mapping.target);
        match same {
            None => {
                tell(arguments.json, &name, "removed", None)?;
                answer = Answer::Negative;
            }
            Some(index) => {
                for difference in mapping.differences(&after.swap_remove(index)) {
                    tell(arguments.json, &name, &difference.to_string(), Some(&difference))?;
                    answer = Answer::Negative;
                }
            }
        }
    }
    for mapping in &after {
        tell(
            arguments.json,
            &format!("{} to {}", mapping.source, mapping.target),
            "added",
            None,
        )?;
        answer = Answer::Negative;
    }
    Ok(answer)
}

fn is_of(other: &ObjectMapping, mapping: &ObjectMapping) -> bool {
    other.source == mapping.source && other.target == mapping.target
}

fn tell(json: bool, mapping: &str, sentence: &str, difference: Option<&Difference>) -> Result<(), Unusable> {
    if json {
        let line = json!({
            "mapping": mapping,
            "target": difference.and_then(|difference| difference.target.as_deref()),
            "member": difference.map_or("mapping", |difference| difference.member),
            "before": difference.and_then(|difference| difference.before.as_deref()),
            "after": difference.and_then(|difference| difference.after.as_deref()),
            "sentence": sentence,
        });
        output::json(line.to_string())?;
    } else {
        output::line(&format!("{}: {sentence}", Printable(mapping)))?;
    }
    Ok(())
}

fn mappings(file: &Path) -> Result<Vec<ObjectMapping>, Unusable> {
    let text = input::read(file)?;
    let within = |error| unreadable(&error).within(file);
    if !SynchronizationSchema::is_one(&text) {
        return Ok(vec![ObjectMapping::from_json(&text).map_err(within)?]);
    }
    let schema = SynchronizationSchema::from_json(&text).map_err(within)?;
    let rules = schema.mappings().map_err(within)?;
    Ok(rules.into_iter().map(|rule| rule.mapping).collect())
}
