//! `keyfob map scope`: whether objects are provisioned.

use std::path::PathBuf;

use keyfob_mapping::scope::{Decision, ScopingFilter};
use serde_json::{Value as Json, json};

use super::{
    evaluating::Attributes,
    mapping::{TargetOptions, unreadable},
    objects,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map scope`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The scoping filter as JSON: the `scope` of a Graph object mapping, or an object with `groups`, each an array of
    /// clauses; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "mapping",
        conflicts_with = "mapping"
    )]
    filter: Option<PathBuf>,
    /// Or the mapping whose scoping filter is asked; `-` is standard input
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    target: TargetOptions,
    #[command(flatten)]
    attributes: Attributes,
    /// Prints which clause of which group decided
    #[arg(long)]
    explain: bool,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Prints `true` or `false` for each object.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--filter", "--mapping", "--attrs"],
        [
            arguments.filter.as_ref(),
            arguments.mapping.as_ref(),
            arguments.attributes.attrs.as_ref(),
        ],
    )?;
    let filter = match (&arguments.filter, &arguments.mapping) {
        (Some(file), _) => (
            file,
            ScopingFilter::from_json(&input::read(file)?).map_err(|error| unreadable(&error).within(file))?,
        ),
        (None, Some(file)) => {
            let select = arguments.target.select(&input::read(file)?, None);
            let (loaded, _) = select.map_err(|error| error.within(file))?;
            (file, loaded.mapping.scope)
        }
        (None, None) => return Err(Unusable::new("give the filter by --filter or --mapping")),
    };
    let (file, filter) = filter;
    let scope = filter
        .compile()
        .map_err(|error| Unusable::from(error).within(file))?;
    let mut answer = Answer::Negative;
    for object in objects::read(&arguments.attributes)? {
        match scope.decide(&object.source) {
            Ok(decision) => {
                if arguments.json {
                    output::json(to_json(&decision).to_string())?;
                } else if arguments.explain {
                    output::line(&format!("{}: {decision}", decision.in_scope))?;
                } else {
                    output::line(if decision.in_scope { "true" } else { "false" })?;
                }
                if decision.in_scope {
                    answer = Answer::Done;
                }
            }
            Err(error) => {
                output::report(&format!("line {}: {error}", object.line));
                return Ok(Answer::Negative);
            }
        }
    }
    Ok(answer)
}

/// A decision as programs read it.
pub(super) fn to_json(decision: &Decision) -> Json {
    let groups = decision.groups.iter().map(|group| {
        let failed = group.failed.as_ref().map(|failed| {
            json!({
                "clause": failed.number,
                "text": failed.clause.to_string(),
                "value": failed.value.as_deref(),
            })
        });
        json!({"group": group.number, "name": group.name.as_str(), "holds": failed.is_none(), "failed": failed})
    });
    json!({"inScope": decision.in_scope, "groups": groups.collect::<Vec<_>>()})
}
