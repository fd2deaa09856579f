//! `keyfob map explain`: why an expression or a mapping gives what it gives.

use std::path::{Path, PathBuf};

use keyfob_core::render::Printable;
use keyfob_expression::explain::{self, Explanation, Step, StepResult};
use keyfob_mapping::{Change, Flow, Lookup, Mapper, MappingExplanation, graph::GraphObject};
use serde_json::{Value as Json, json};

use super::{
    apply::{apply_error, change_to_json, told},
    eval::value_to_json,
    evaluating::{Attributes, Evaluating},
    mapping::TargetOptions,
    objects, scope,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map explain`.
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
    #[command(flatten)]
    target: TargetOptions,
    #[command(flatten)]
    attributes: Attributes,
    /// The resource that the object has already, as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "mapping")]
    existing: Option<PathBuf>,
    /// Prints one JSON object for each object of the source
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// Prints the value of every part of an expression, or what a mapping makes of an object and why.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--mapping", "--attrs", "--existing", "--taken"],
        [
            arguments.mapping.as_ref(),
            arguments.attributes.attrs.as_ref(),
            arguments.existing.as_ref(),
            arguments.evaluating.taken(),
        ],
    )?;
    let objects = objects::read(&arguments.attributes)?;
    match &arguments.mapping {
        None => of_expression(arguments, &objects),
        Some(file) => of_mapping(arguments, file, &objects),
    }
}

fn of_expression(arguments: &Arguments, objects: &[GraphObject]) -> Result<Answer, Unusable> {
    let text = arguments.expression.as_deref().unwrap_or_default();
    let options = arguments.evaluating.options();
    let surroundings = arguments.evaluating.surroundings()?;
    let mut answer = Answer::Done;
    for object in objects {
        let explained = explain::expression(text, &options, &object.source, &surroundings.environment());
        let explanation = match explained {
            Ok(explanation) => explanation,
            Err(error) => {
                output::report_lines(&error.display_with(text));
                return Ok(Answer::Negative);
            }
        };
        if arguments.json {
            output::json(explanation_to_json(&explanation).to_string())?;
        } else {
            output::lines(&explanation.to_string())?;
        }
        if explanation.outcome.is_err() {
            answer = Answer::Negative;
        }
    }
    Ok(answer)
}

fn of_mapping(arguments: &Arguments, file: &Path, objects: &[GraphObject]) -> Result<Answer, Unusable> {
    let held = match &arguments.existing {
        None => None,
        Some(file) => Some((file, input::read(file)?)),
    };
    let named = held.as_ref().and_then(|(_, text)| objects::type_name(text));
    let select = arguments.target.select(&input::read(file)?, named.as_deref());
    let (loaded, target) = select.map_err(|error| error.within(file))?;
    let mapper = Mapper::compile(
        &loaded.mapping,
        &target.resource_type,
        &arguments.evaluating.options(),
    )
    .map_err(|error| Unusable::rendered(told(&error, &loaded.mapping)).within(file))?;
    let existing = match &held {
        None => Vec::new(),
        Some((file, text)) => {
            objects::resources(text, &target.resource_type).map_err(|error| error.within(file))?
        }
    };
    let surroundings = arguments.evaluating.surroundings()?;
    let mut answer = Answer::Done;
    for object in objects {
        let environment = surroundings.environment();
        let lookup = Lookup::new();
        let explained = mapper.explain(&object.source, existing.first(), &environment, &lookup);
        if explained.change.is_err() {
            answer = Answer::Negative;
        }
        if arguments.json {
            output::json(mapping_to_json(&explained).to_string())?;
            continue;
        }
        if objects.len() > 1 {
            output::line(&format!("line {}: {}", object.line, object.name()))?;
        }
        for_people(&explained)?;
        match &explained.change {
            Ok(change) => output::line(&format!("change: {}", word(change)))?,
            Err(error) => output::lines(&format!("change: error: {}", apply_error(error, &loaded.mapping)))?,
        }
    }
    Ok(answer)
}

fn for_people(explained: &MappingExplanation) -> Result<(), Unusable> {
    match &explained.scope {
        Ok(decision) => output::line(&format!("in scope: {}: {decision}", decision.in_scope))?,
        Err(error) => output::line(&format!("in scope: error: {error}"))?,
    }
    for attribute in &explained.attributes {
        let flow = match &attribute.flow {
            Ok(Flow::Value(value)) => json_of(value),
            Ok(Flow::Default(value)) => format!("{}, the default", json_of(value)),
            Ok(Flow::Nothing(why)) => format!("nothing flows: {why}"),
            Ok(_) => "nothing flows".into(),
            Err(error) => format!("error: {error}"),
        };
        let target = Printable(&attribute.target);
        output::line(&format!("`{target}`: {flow}"))?;
        if let Some(explanation) = &attribute.expression {
            for line in explanation.to_string().split('\n') {
                output::line(&format!("  {line}"))?;
            }
        }
    }
    Ok(())
}

fn json_of(value: &keyfob_core::Value) -> String {
    String::from_utf8_lossy(&keyfob_core::json::value_to_vec(value)).into_owned()
}

fn word(change: &Change) -> &'static str {
    match change {
        Change::Create(_) => "the resource is created",
        Change::Update(_) => "the resource is updated",
        Change::Disable(_) => "the resource is disabled",
        Change::Delete => "the resource is deleted",
        Change::UpToDate => "none: the resource is up to date",
        Change::OutOfScope => "none: the object is out of scope",
        Change::Skipped { .. } => "none: an expression leaves the object out of the flow",
        _ => "none: the mapping doesn't allow what would have to be done",
    }
}

fn explanation_to_json(explanation: &Explanation) -> Json {
    step_to_json(&explanation.step)
}

fn step_to_json(step: &Step) -> Json {
    let results = step.results.iter().map(|result| match result {
        StepResult::Value(value) if value.is_redacted() => json!({"value": value.to_log().as_str()}),
        StepResult::Value(value) => json!({"value": value_to_json(value)}),
        StepResult::Ignored(scope) => json!({"ignored": true, "scope": scope.as_str()}),
        StepResult::Error(kind) => {
            json!({"error": {"kind": kind.class().as_str(), "message": kind.to_string()}})
        }
        _ => Json::Null,
    });
    json!({
        "expression": step.text.as_str(),
        "evaluated": step.is_evaluated(),
        "results": results.collect::<Vec<_>>(),
        "more": step.more,
        "reason": step.reason.as_deref(),
        "parts": step.parts.iter().map(step_to_json).collect::<Vec<_>>(),
    })
}

fn mapping_to_json(explained: &MappingExplanation) -> Json {
    let attributes = explained.attributes.iter().map(|attribute| {
        let flow = match &attribute.flow {
            Ok(Flow::Value(value)) => json!({"flows": true, "value": raw(value)}),
            Ok(Flow::Default(value)) => json!({"flows": true, "value": raw(value), "isDefault": true}),
            Ok(Flow::Nothing(why)) => json!({"flows": false, "reason": why.as_str()}),
            Ok(_) => json!({"flows": false}),
            Err(error) => json!({"flows": false, "error": error.to_string()}),
        };
        json!({
            "target": attribute.target.as_str(),
            "flow": flow,
            "expression": attribute.expression.as_ref().map(explanation_to_json),
        })
    });
    let change = match &explained.change {
        Ok(change) => change_to_json(change),
        Err(error) => json!({"outcome": "error", "message": error.to_string()}),
    };
    let decision = match &explained.scope {
        Ok(decision) => scope::to_json(decision),
        Err(error) => json!({"error": error.to_string()}),
    };
    json!({"scope": decision, "attributes": attributes.collect::<Vec<_>>(), "change": change})
}

fn raw(value: &keyfob_core::Value) -> Json {
    serde_json::from_slice(&keyfob_core::json::value_to_vec(value)).unwrap_or_default()
}
