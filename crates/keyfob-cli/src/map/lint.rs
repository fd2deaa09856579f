//! `keyfob map lint`.

use std::path::{Path, PathBuf};

use keyfob_core::{Registry, render::Printable};
use keyfob_mapping::{
    Options, Program,
    graph::SynchronizationSchema,
    lint,
    mapping::{MappingLint, ObjectMapping},
};

use super::{Understanding, apply::unreadable, eval::lint_to_json, rendered};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map lint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The expression
    #[arg(
        value_name = "EXPR",
        required_unless_present = "mapping",
        conflicts_with = "mapping"
    )]
    expression: Option<String>,
    /// Or a mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; `-` is standard input
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    understanding: Understanding,
}

/// Prints what is probably a mistake. An expression that can't be evaluated is refused.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let options = arguments.understanding.options();
    if let Some(file) = &arguments.mapping {
        return of_mapping(file, &options, arguments.json).map_err(|error| error.within(file));
    }
    let text = arguments.expression.as_deref().unwrap_or_default();
    if let Err(error) = Program::read(text, &options) {
        output::report_lines(&error.display_with(text));
        return Ok(Answer::Negative);
    }
    let lints = lint::expression(text, &options)?;
    for lint in &lints {
        if arguments.json {
            output::json(lint_to_json(lint).to_string())?;
        } else {
            output::lines(&rendered(lint, text))?;
        }
    }
    Ok(Answer::Done)
}

/// Prints what is probably a mistake in the mappings of a file.
fn of_mapping(file: &Path, options: &Options, json: bool) -> Result<Answer, Unusable> {
    let text = input::read(file)?;
    if !SynchronizationSchema::is_one(&text) {
        let mapping = ObjectMapping::from_json(&text).map_err(|error| unreadable(&error))?;
        tell(&mapping, &lints(&mapping, options), json)?;
        return Ok(Answer::Done);
    }
    let schema = SynchronizationSchema::from_json(&text).map_err(|error| unreadable(&error))?;
    let directories = schema.directories().map_err(|error| unreadable(&error))?;
    for rule in schema.mappings().map_err(|error| unreadable(&error))? {
        let mut lints = lints(&rule.mapping, options);
        let directory = directories
            .iter()
            .find(|directory| directory.name == rule.source_directory);
        if let Some(source) = directory.and_then(|directory| directory.object(&rule.mapping.source)) {
            lints.extend(rule.mapping.unknown_sources(source, options));
        }
        tell(&rule.mapping, &lints, json)?;
    }
    Ok(Answer::Done)
}

/// The lints of a mapping, whose resources may be of a type that nobody here knows.
fn lints(mapping: &ObjectMapping, options: &Options) -> Vec<MappingLint> {
    let types = Registry::verkada().resource_types();
    let known = types.iter().find(|resource_type| mapping.makes(resource_type));
    known
        .map(|resource_type| mapping.lints(resource_type, options))
        .unwrap_or_default()
}

fn tell(mapping: &ObjectMapping, lints: &[MappingLint], json: bool) -> Result<(), Unusable> {
    for MappingLint { target, lint, .. } in lints {
        let mut attributes = mapping.attributes.iter();
        let attribute = attributes.find(|attribute| Some(&attribute.target) == target.as_ref());
        let text = attribute
            .and_then(|attribute| attribute.expression.as_deref())
            .unwrap_or_default();
        if json {
            let mut line = lint_to_json(lint);
            if let (Some(line), Some(target)) = (line.as_object_mut(), target) {
                line.insert("target".into(), target.as_str().into());
            }
            output::json(line.to_string())?;
        } else {
            let target = target.as_deref().unwrap_or("the mapping");
            output::lines(&format!("`{}`: {}", Printable(target), rendered(lint, text)))?;
        }
    }
    Ok(())
}
