//! `keyfob map eval --dialect okta`.

use std::path::Path;

use keyfob_core::{DateTime, SmolStr};
use keyfob_expression::{Source, Value};
use keyfob_expression_okta::{Context, Directory, EvaluateError, Expression};
use serde_json::{Value as Json, json};

use crate::{Answer, Unusable, input, output};

/// Prints the value of an expression of Okta.
pub(super) fn evaluate(
    text: &str,
    source: &Source,
    directory: Option<&Path>,
    now: DateTime,
    as_json: bool,
) -> Result<Answer, Unusable> {
    let directory = match directory {
        None => None,
        Some(file) => {
            let directory = Directory::from_json(&input::read(file)?);
            Some(directory.map_err(|error| Unusable::from(error).within(file))?)
        }
    };
    let refuse = |kind: &str, message: String, shown: String, span: Option<[usize; 2]>| {
        if as_json {
            let error = match span {
                Some(span) => json!({"kind": kind, "message": message, "span": span}),
                None => json!({"kind": kind, "message": message}),
            };
            output::json(json!({"error": error}).to_string())?;
        } else {
            output::report_lines(&shown);
        }
        Ok(Answer::Negative)
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            let span = [error.span().start, error.span().end];
            let shown = error.display_with(text).to_string();
            return refuse(error.class().as_str(), error.to_string(), shown, Some(span));
        }
    };
    let cx = Context::new(source, now);
    let cx = directory
        .as_ref()
        .map_or(cx, |directory| cx.with_directory(directory));
    match expression.evaluate(&cx) {
        Ok(value) if as_json => output::json(json!({"value": to_json(&value)}).to_string())?,
        Ok(value) => match value.reveal() {
            Value::Null => output::report("no value"),
            Value::List(values) => {
                for value in values {
                    output::line(&to_text(value))?;
                }
            }
            single => output::line(&to_text(single))?,
        },
        Err(error) => {
            let shown = match &error {
                EvaluateError::NoDirectory { .. } => {
                    format!("{error}; give other users and groups by --directory")
                }
                error => error.to_string(),
            };
            return refuse(error.class().as_str(), error.to_string(), shown, None);
        }
    }
    Ok(Answer::Done)
}

/// A value as Okta writes it.
fn to_text(value: &Value) -> SmolStr {
    match value.reveal() {
        Value::Boolean(true) => SmolStr::new_static("true"),
        Value::Boolean(false) => SmolStr::new_static("false"),
        Value::Null => SmolStr::new_static("null"),
        single @ (Value::Text(_) | Value::Integer(_) | Value::Decimal(_)) => single.to_text(),
        other => to_json(other).to_string().into(),
    }
}

/// A value with its type.
fn to_json(value: &Value) -> Json {
    match value.reveal() {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(number) => json!(number),
        Value::Decimal(number) => serde_json::from_str(number.as_str()).unwrap_or_default(),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::Complex(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.to_string(), to_json(value)));
            Json::Object(members.collect())
        }
        other => other.to_text().as_str().into(),
    }
}
