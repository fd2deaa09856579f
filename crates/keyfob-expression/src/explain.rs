//! Evaluations step by step: the value of every part of an expression, and which branch was taken.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use smol_str::{SmolStr, format_smolstr};

use crate::{
    environment::Environment,
    error::ExpressionError,
    evaluate::{EvaluateError, EvaluateErrorKind},
    expression::Expression,
    options::Options,
    program::{FlowScope, Outcome, Program},
    source::Source,
    value::Value,
};

/// An evaluation and its steps.
///
/// [`Display`](fmt::Display) writes them as a tree, in which constants stand only in the expressions that they belong to.
///
/// ```
/// use keyfob_expression::{Environment, Options, SeededEntropy, Source, explain};
///
/// let source = Source::from_iter([("country", "FR")]);
/// let entropy = SeededEntropy::new(0);
/// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
/// let text = r#"IIF([country] = "US", "USD", ToUpper("eur"))"#;
/// let explanation = explain::expression(text, &Options::default(), &source, &environment)?;
/// assert_eq!(
///     explanation.to_string(),
///     r#"IIF([country] = "US", "USD", ToUpper("eur")) -> "EUR"
///   because the condition is False: `valueIfFalse` is taken
///   [country] = "US" -> False
///     [country] -> "FR"
///   ToUpper("eur") -> "EUR""#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The outcome; an error where there is none.
    pub outcome: Result<Outcome, EvaluateError>,
    /// The whole expression.
    pub step: Step,
}

/// One part of an expression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The part, as Microsoft Graph writes it.
    pub text: SmolStr,
    /// True for a text, a number or a word.
    pub is_constant: bool,
    /// The results of its evaluation: nothing where no value of it was asked for, and several where a list was gone through, of
    /// which the first eight are kept.
    pub results: Vec<StepResult>,
    /// The number of results that are left out.
    pub more: usize,
    /// Why the value is what it is, where that is for the part to decide.
    pub reason: Option<SmolStr>,
    /// The parts within it.
    pub parts: Vec<Step>,
}

/// The result of evaluating a part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepResult {
    /// A value.
    Value(Value),
    /// The flow ended.
    Ignored(FlowScope),
    /// An error.
    Error(EvaluateErrorKind),
}

/// Evaluates an expression and remembers every step.
///
/// # Errors
/// [`ExpressionError`] where the text is no expression, or can't be evaluated for any source. An error of this source is
/// part of the explanation.
///
/// # Complexity
/// As [`Program::evaluate`], and a copy of every value.
pub fn expression(
    text: &str,
    options: &Options,
    source: &Source,
    environment: &Environment<'_>,
) -> Result<Explanation, ExpressionError> {
    let expression = Expression::parse_with(text, options)?;
    let program = Program::compile(&expression, options)?;
    Ok(self::program(&expression, &program, source, environment))
}

/// Evaluates a program and remembers every step; the expression is the one that it was made of.
///
/// # Complexity
/// As [`Program::evaluate`], and a copy of every value.
#[must_use]
pub fn program(
    expression: &Expression,
    program: &Program,
    source: &Source,
    environment: &Environment<'_>,
) -> Explanation {
    let trace = Trace::default();
    let outcome = program.evaluate_traced(source, environment, Some(&trace));
    let mut results = trace.0.into_inner();
    let mut begun = 0;
    Explanation {
        step: step(expression, &mut results, &mut begun, source),
        outcome,
    }
}

/// The results of a program's nodes, by the number of their expression.
#[derive(Debug, Default)]
pub(crate) struct Trace(RefCell<BTreeMap<u32, Noted>>);

/// The results of one part.
#[derive(Debug, Default)]
struct Noted {
    results: Vec<StepResult>,
    more: usize,
}

/// The number of results of one part that are kept: a list of any length may be gone through.
const MAX_RESULTS: usize = 8;

impl Trace {
    pub(crate) fn note(&self, origin: u32, result: &Result<std::borrow::Cow<'_, Value>, EvaluateError>) {
        let mut noted = self.0.borrow_mut();
        let noted = noted.entry(origin).or_default();
        if noted.results.len() >= MAX_RESULTS {
            noted.more += 1;
            return;
        }
        noted.results.push(match result {
            Ok(value) => StepResult::Value(value.clone().into_owned()),
            Err(error) => match error.kind() {
                EvaluateErrorKind::FlowEnds { scope } => StepResult::Ignored(*scope),
                kind => StepResult::Error(kind.clone()),
            },
        });
    }
}

fn step(
    expression: &Expression,
    results: &mut BTreeMap<u32, Noted>,
    begun: &mut u32,
    source: &Source,
) -> Step {
    let origin = *begun;
    *begun += 1;
    let parts: Vec<Option<Step>> = match expression {
        Expression::Call { arguments, .. } => arguments
            .iter()
            .map(|argument| argument.as_ref().map(|part| step(part, results, begun, source)))
            .collect(),
        _ => expression
            .parts()
            .map(|part| Some(step(part, results, begun, source)))
            .collect(),
    };
    let own = results.remove(&origin).unwrap_or_default();
    Step {
        text: format_smolstr!("{expression}"),
        is_constant: matches!(
            expression,
            Expression::Text(_) | Expression::Number(_) | Expression::Word(_)
        ),
        reason: if own.results.is_empty() {
            None
        } else {
            reason(expression, &parts, source)
        },
        results: own.results,
        more: own.more,
        parts: parts.into_iter().flatten().collect(),
    }
}

/// Why a part has the value that it has.
fn reason(expression: &Expression, parts: &[Option<Step>], source: &Source) -> Option<SmolStr> {
    let part = |place: usize| parts.get(place).and_then(Option::as_ref);
    let value = |place: usize| part(place).and_then(Step::value);
    // Constants are compared without being evaluated.
    let text = |place: usize| match expression {
        Expression::Call { arguments, .. } => match arguments.get(place) {
            Some(Some(Expression::Text(text))) => Some(text.as_str().into()),
            _ => value(place).map(Value::as_text),
        },
        _ => None,
    };
    match expression {
        Expression::Attribute(name) if source.get(name).is_none() => {
            Some("the object has no such attribute".into())
        }
        Expression::Call { function, .. } => match function.name() {
            "IIF" => {
                let taken = match (
                    part(1).is_some_and(Step::is_evaluated),
                    part(2).is_some_and(Step::is_evaluated),
                ) {
                    (true, _) => "valueIfTrue",
                    (_, true) => "valueIfFalse",
                    _ => return None,
                };
                let condition = value(0)?.to_log();
                let condition = if condition.is_empty() {
                    "empty".into()
                } else {
                    condition
                };
                Some(format_smolstr!(
                    "the condition is {condition}: `{taken}` is taken"
                ))
            }
            "Switch" => {
                let sought = value(0).map(Value::as_text)?;
                let keys = (2..parts.len()).step_by(2);
                let found = keys
                    .zip(1..)
                    .find(|(place, _)| text(*place).as_ref() == Some(&sought));
                Some(match found {
                    Some((_, number)) => format_smolstr!("key {number} is \"{sought}\": its value is taken"),
                    None if part(1).is_some() => {
                        format_smolstr!("no key is \"{sought}\": the default is taken")
                    }
                    None => format_smolstr!("no key is \"{sought}\", and there is no default"),
                })
            }
            "Coalesce" => {
                let places = 0..parts.len();
                let found = places
                    .zip(1..)
                    .find(|(place, _)| value(*place).is_some_and(|value| *value.reveal() != Value::Null));
                Some(match found {
                    Some((_, number)) => format_smolstr!("argument {number} is the first that is not null"),
                    None => "every argument is null".into(),
                })
            }
            "IgnoreFlowIfNullOrEmpty" if value(0).is_none_or(Value::is_empty) => {
                Some("the value is null or empty: the attribute is left out of the flow".into())
            }
            _ => None,
        },
        _ => None,
    }
}

impl Step {
    /// Returns true if a value of the part was asked for.
    #[must_use]
    pub fn is_evaluated(&self) -> bool {
        !self.results.is_empty()
    }

    /// Returns the last value of the part.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        self.results.iter().rev().find_map(|result| match result {
            StepResult::Value(value) => Some(value),
            _ => None,
        })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        write!(f, "{indent}{}", self.text)?;
        if self.results.is_empty() {
            f.write_str(" (not evaluated)")?;
        }
        for (index, result) in self.results.iter().enumerate() {
            f.write_str(if index == 0 { " -> " } else { " | " })?;
            write!(f, "{result}")?;
        }
        if self.more > 0 {
            write!(f, " | and {} more", self.more)?;
        }
        if let Some(reason) = &self.reason {
            write!(f, "\n{indent}  because {reason}")?;
        }
        for part in self.parts.iter().filter(|part| !part.is_constant) {
            f.write_str("\n")?;
            part.write(f, depth + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.write(f, 0)
    }
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => match value {
                Value::Null => f.write_str("null"),
                Value::Text(_) => f.write_str(&value.to_json()),
                Value::Redacted(_) => f.write_str(&value.to_log()),
                other => f.write_str(&other.to_text()),
            },
            Self::Ignored(scope) => write!(f, "the {scope} is left out of the flow"),
            Self::Error(kind) => write!(f, "error: {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::SeededEntropy;

    #[test]
    fn of_a_long_list_the_first_results_are_kept_and_the_others_counted() {
        let values: Vec<Value> = (0..100).map(Value::from).collect();
        let source = Source::from_iter([("list", Value::List(values))]);
        let entropy = SeededEntropy::new(0);
        let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
        let text = r#"Append([list], Left("x", 1))"#;
        let explanation = expression(text, &Options::default(), &source, &environment).unwrap();
        let suffix = &explanation.step.parts[1];
        assert_eq!((suffix.results.len(), suffix.more), (8, 92));
        assert!(
            explanation.to_string().ends_with("| and 92 more"),
            "{explanation}"
        );
    }
}
