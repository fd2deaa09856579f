//! `keyfob map eval`.

use std::path::PathBuf;

use clap::ValueEnum;
use keyfob_expression::{
    Environment, EvaluateErrorKind, Expression, ExpressionError, Lint, Options, Outcome, Program, Source,
    Value, lint,
};
use keyfob_mapping::graph;
use serde_json::{Value as Json, json};

use super::{
    evaluating::{Attributes, Evaluating},
    objects, okta, rendered,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The expression
    #[arg(value_name = "EXPR")]
    expression: String,
    #[command(flatten)]
    attributes: Attributes,
    /// Prints the value or the error as JSON
    #[arg(long, conflicts_with = "graph")]
    json: bool,
    /// Prints what Microsoft Graph's parseExpression answers
    #[arg(long)]
    graph: bool,
    /// The language of the expression
    #[arg(long, value_enum, default_value_t = Dialect::Entra)]
    dialect: Dialect,
    /// Other users and groups, for expressions of Okta that ask for them
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// The languages of expressions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// That of Entra ID
    Entra,
    /// The Okta Expression Language
    Okta,
}

/// Prints the value of an expression.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--attrs", "--taken", "--directory"],
        [
            arguments.attributes.attrs.as_ref(),
            arguments.evaluating.taken(),
            arguments.directory.as_ref(),
        ],
    )?;
    if arguments.dialect == Dialect::Okta {
        return of_okta(arguments);
    }
    let options = arguments.evaluating.options();
    let surroundings = arguments.evaluating.surroundings()?;
    let environment = surroundings.environment();
    let text = &arguments.expression;
    let lints = lint::expression(text, &options).unwrap_or_default();
    if !arguments.json && !arguments.graph {
        for lint in &lints {
            output::report_lines(&rendered(lint, text));
        }
    }
    let mut answer = Answer::Done;
    for object in objects::read(&arguments.attributes)? {
        let outcome = evaluate(text, &options, &object.source, &environment, &surroundings.taken);
        if arguments.json {
            output::json(to_json(text, &outcome, &lints).to_string())?;
        } else if arguments.graph {
            output::json(to_graph(text, &options, &outcome)?.to_string())?;
        } else {
            for_people(text, &outcome)?;
        }
        if outcome.is_err() {
            answer = Answer::Negative;
        }
    }
    Ok(answer)
}

fn of_okta(arguments: &Arguments) -> Result<Answer, Unusable> {
    let mut source = match &arguments.attributes.attrs {
        None => Source::new(),
        Some(file) => {
            Source::from_json(&input::read(file)?).map_err(|error| Unusable::from(error).within(file))?
        }
    };
    for (name, value) in arguments.attributes.given()? {
        source.insert(name, value);
    }
    let now = arguments.evaluating.time()?;
    let directory = arguments.directory.as_deref();
    okta::evaluate(&arguments.expression, &source, directory, now, arguments.json)
}

fn evaluate(
    text: &str,
    options: &Options,
    source: &Source,
    environment: &Environment<'_>,
    taken: &[String],
) -> Result<Outcome, ExpressionError> {
    let program = Program::read(text, options)?;
    let outcome = program.evaluate(source, environment)?;
    Ok(outcome.settle(taken)?)
}

/// The value of which nobody wants to see JSON: each of a list on its line, and none for null.
fn for_people(text: &str, outcome: &Result<Outcome, ExpressionError>) -> Result<(), Unusable> {
    match outcome {
        Ok(Outcome::Ignored(scope)) => output::report(&format!("the {scope} is left out of the flow")),
        Ok(Outcome::Value(value)) => match value.reveal() {
            Value::Null => output::report("no value"),
            Value::List(values) => {
                for value in values {
                    output::line(&value.to_text())?;
                }
            }
            single => output::line(&single.to_text())?,
        },
        Ok(_) => output::report("no value"),
        Err(error) => {
            output::report_lines(&error.display_with(text));
            if let ExpressionError::Evaluate(error) = error
                && let EvaluateErrorKind::NoParameter { name } = error.kind()
            {
                output::report(&format!("give it by --parameter {name}=VALUE"));
            }
        }
    }
    Ok(())
}

fn to_json(text: &str, outcome: &Result<Outcome, ExpressionError>, lints: &[Lint]) -> Json {
    let mut answer = match outcome {
        Ok(Outcome::Ignored(scope)) => json!({"ignored": true, "scope": scope.as_str()}),
        Ok(Outcome::Value(value)) => json!({"value": value_to_json(value)}),
        Ok(_) => json!({"value": null}),
        Err(error) => {
            let mut json = json!({"kind": error.class().as_str(), "message": error.to_string()});
            if let Some(span) = error.span_in(text) {
                insert(&mut json, "span", json!([span.start, span.end]));
            }
            json!({"error": json})
        }
    };
    if !lints.is_empty() {
        insert(&mut answer, "lints", lints.iter().map(lint_to_json).collect());
    }
    answer
}

/// The answer of parseExpression of Microsoft Graph: every result is a collection of texts.
fn to_graph(
    text: &str,
    options: &Options,
    outcome: &Result<Outcome, ExpressionError>,
) -> Result<Json, Unusable> {
    let parsed = match Expression::parse_with(text, options) {
        Ok(expression) => serde_json::from_slice(&graph::expression_to_json(&expression))?,
        Err(_) => Json::Null,
    };
    let result = match outcome {
        Ok(Outcome::Value(value)) => match value_to_json(value) {
            Json::Null => json!([]),
            Json::Array(values) => Json::Array(values),
            single => json!([single]),
        },
        Ok(_) => json!([]),
        Err(_) => Json::Null,
    };
    let error = outcome
        .as_ref()
        .err()
        .map(|error| json!({"code": error.class().as_str(), "message": error.to_string()}));
    Ok(json!({
        "error": error,
        "evaluationSucceeded": outcome.is_ok(),
        "evaluationResult": result,
        "parsingSucceeded": !parsed.is_null(),
        "parsedExpression": parsed,
    }))
}

/// A lint as programs read it.
pub(super) fn lint_to_json(lint: &Lint) -> Json {
    let mut json = json!({"id": lint.id, "level": lint.level.as_str(), "sentence": lint.sentence.as_str(), "fix": lint.fix.as_str()});
    if let Some(span) = &lint.span {
        insert(&mut json, "span", json!([span.start, span.end]));
    }
    json
}

fn insert(object: &mut Json, name: &str, value: Json) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.into(), value);
    }
}

/// Texts, as the service gives them out.
pub(super) fn value_to_json(value: &Value) -> Json {
    match value.reveal() {
        Value::Null => Json::Null,
        Value::List(values) => values.iter().map(value_to_json).collect(),
        single => single.to_text().as_str().into(),
    }
}
