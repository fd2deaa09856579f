//! Files of expressions with what they have to give, for users to keep beside their mappings.

use std::collections::BTreeMap;

use keyfob_core::DateTime;
use keyfob_expression::{
    Decimal, Environment, ErrorClass, ExpressionError, FlowScope, FunctionSet, Options, Outcome, Program,
    Source, Value,
};
#[cfg(feature = "regex")]
use keyfob_expression::{Limits, dotnet::regex::Regex};
#[cfg(feature = "okta")]
use keyfob_expression_okta::{self as okta, Directory};
use serde_json::{Value as Json, value::RawValue};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// An expression, a source, and what the one has to give for the other.
///
/// A file is a JSON array of objects:
///
/// | member | what it is |
/// |---|---|
/// | `id` | a name, for reports |
/// | `expr` | the expression |
/// | `attrs` | the source object |
/// | `expected` | the value: a string, null, or an array of strings; of Okta's dialect also booleans and numbers |
/// | `match` | or: a regular expression that the value matches (with the feature `regex`) |
/// | `error` | or: the class of the error, such as `parse`, `arity` or `eval` |
/// | `flow` | or: `"ignore"`, where the attribute or the object is left out of the flow |
/// | `scope` | perhaps, with `flow`: which of the two, `"attribute"` or `"object"` |
/// | `log` | perhaps: what logs show of the value |
/// | `now` | perhaps: the time of the evaluation |
/// | `taken` | perhaps: the values that `SelectUniqueValue` finds taken, in any case |
/// | `functions` | perhaps: `"cloudsync"` where the expression calls functions of cloud sync |
/// | `parameters` | perhaps: an object with the values of `%name%` |
/// | `dialect` | perhaps: `"okta"` for the Okta Expression Language (with the feature `okta`); else it is that of Entra ID |
/// | `directory` | perhaps, for Okta's dialect: other users and groups, as `Directory` of keyfob-expression-okta reads them |
///
/// Other members are for people.
///
/// ```
/// use keyfob_expression::{Environment, Options, SeededEntropy};
/// use keyfob_mapping::vectors;
///
/// let file = br#"[{"id": "title", "expr": "PCase([title])", "attrs": {"title": "ENGINEER"}, "expected": "Engineer"}]"#;
/// let entropy = SeededEntropy::new(0);
/// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
/// for vector in vectors::read(file)? {
///     vector.check(&Options::default(), &environment)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Vector {
    id: SmolStr,
    expression: String,
    source: Source,
    expected: Expected,
    log: Option<String>,
    now: Option<DateTime>,
    taken: Vec<String>,
    functions: Option<FunctionSet>,
    parameters: Source,
    dialect: Dialect,
}

#[derive(Debug)]
enum Dialect {
    Entra,
    #[cfg(feature = "okta")]
    Okta(Option<Directory>),
}

#[derive(Debug)]
enum Expected {
    Value(Json),
    #[cfg(feature = "regex")]
    Match(Box<Regex>),
    Error(String),
    Ignored(Option<FlowScope>),
}

/// A file is none of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("vector {vector}: {reason}")]
#[non_exhaustive]
pub struct VectorError {
    /// The `id` of the vector, or its number.
    pub vector: SmolStr,
    /// The fault.
    pub reason: String,
}

/// A vector gives something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {expected}, got {actual}")]
#[non_exhaustive]
pub struct Mismatch {
    /// The value that it has to give.
    pub expected: String,
    /// The value that it gives.
    pub actual: String,
}

/// Reads a file of vectors.
///
/// # Errors
/// [`VectorError`] of the first that is none.
pub fn read(bytes: &[u8]) -> Result<Vec<Vector>, VectorError> {
    let vectors: Vec<BTreeMap<String, &RawValue>> =
        serde_json::from_slice(bytes).map_err(|error| VectorError {
            vector: SmolStr::new_static("file"),
            reason: error.to_string(),
        })?;
    let vectors = vectors.into_iter().zip(1_usize..).map(|(members, number)| {
        let id = members
            .get("id")
            .and_then(|id| serde_json::from_str::<String>(id.get()).ok());
        let id = id.map_or_else(|| format_smolstr!("{number}"), SmolStr::from);
        Vector::read(id.clone(), &members).map_err(|reason| VectorError { vector: id, reason })
    });
    vectors.collect()
}

impl Vector {
    fn read(id: SmolStr, members: &BTreeMap<String, &RawValue>) -> Result<Self, String> {
        let text = |name: &str| -> Result<Option<String>, String> {
            let Some(raw) = members.get(name) else {
                return Ok(None);
            };
            serde_json::from_str(raw.get()).map_err(|_| format!("`{name}` is not a string"))
        };
        let object = |name: &str| match members.get(name) {
            None => Ok(Source::new()),
            Some(raw) => {
                Source::from_json(raw.get().as_bytes()).map_err(|error| format!("`{name}`: {error}"))
            }
        };
        let expected = match (text("match")?, text("error")?, text("flow")?) {
            #[cfg(feature = "regex")]
            (Some(pattern), None, None) => {
                Expected::Match(Box::new(Regex::new(&pattern).map_err(|error| error.to_string())?))
            }
            #[cfg(not(feature = "regex"))]
            (Some(_), None, None) => return Err("`match` needs the feature `regex` of keyfob-mapping".into()),
            (None, Some(class), None) => Expected::Error(class),
            (None, None, Some(flow)) if flow == "ignore" => Expected::Ignored(scope(text("scope")?)?),
            (None, None, None) => match members.get("expected") {
                Some(raw) => {
                    Expected::Value(serde_json::from_str(raw.get()).map_err(|error| error.to_string())?)
                }
                None => return Err("it says nothing of what is expected".into()),
            },
            _ => {
                return Err(
                    "it has to have one of `expected`, `match`, `error` and `\"flow\": \"ignore\"`".into(),
                );
            }
        };
        let dialect = match text("dialect")?.as_deref() {
            None | Some("entra") => Dialect::Entra,
            #[cfg(feature = "okta")]
            Some("okta") => {
                let directory = members.get("directory");
                let directory = directory.map(|raw| Directory::from_json(raw.get().as_bytes()));
                Dialect::Okta(directory.transpose().map_err(|error| error.to_string())?)
            }
            #[cfg(not(feature = "okta"))]
            Some("okta") => return Err("`okta` is a dialect of the feature `okta`, which is off".into()),
            Some(other) => return Err(format!("`{other}` is not a dialect")),
        };
        let taken = members
            .get("taken")
            .map_or(Ok(Vec::new()), |raw| serde_json::from_str(raw.get()));
        Ok(Self {
            id,
            expression: text("expr")?.ok_or("`expr` is missing")?,
            source: object("attrs")?,
            expected,
            log: text("log")?,
            now: match text("now")? {
                None => None,
                Some(now) => Some(
                    now.parse()
                        .map_err(|_| format!("`{now}` is not a date and time"))?,
                ),
            },
            taken: taken.map_err(|_| "`taken` is not an array of strings")?,
            functions: match text("functions")?.as_deref() {
                None => None,
                Some("entra") => Some(FunctionSet::Entra),
                Some("cloudsync") => Some(FunctionSet::CloudSync),
                Some(other) => return Err(format!("`{other}` is no set of functions")),
            },
            parameters: object("parameters")?,
            dialect,
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its expression.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Evaluates the expression, and says what is other than it has to be. The vector's own time counts before that
    /// of the environment.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn check(&self, options: &Options, environment: &Environment<'_>) -> Result<(), Mismatch> {
        let now = self.now.unwrap_or(environment.now);
        let mut options = options.clone();
        if let Some(functions) = self.functions {
            options.functions = functions.into();
        }
        let environment = Environment::new(now, environment.entropy).with_parameters(&self.parameters);
        let result = self.result(&options, &environment);
        let mismatch = |expected: String| {
            Err(Mismatch {
                expected,
                actual: shown(&result),
            })
        };
        match (&self.expected, &result) {
            (Expected::Error(class), Err(error)) if class == error.class.as_str() => Ok(()),
            (Expected::Error(class), _) => mismatch(format!("the error {class}")),
            (Expected::Ignored(None), Ok(Outcome::Ignored(_))) => Ok(()),
            (Expected::Ignored(Some(scope)), Ok(Outcome::Ignored(ends))) if scope == ends => Ok(()),
            (Expected::Ignored(scope), _) => {
                let scope = scope.unwrap_or(FlowScope::Attribute);
                mismatch(format!("the {scope} left out of the flow"))
            }
            #[cfg(feature = "regex")]
            (Expected::Match(pattern), Ok(Outcome::Value(value))) => {
                match pattern.is_match(&value.to_text(), &mut Limits::default().work) {
                    Ok(true) => Ok(()),
                    _ => mismatch("a match".into()),
                }
            }
            #[cfg(feature = "regex")]
            (Expected::Match(_), _) => mismatch("a match".into()),
            (Expected::Value(expected), Ok(Outcome::Value(value))) if is_equal(value, expected) => {
                match &self.log {
                    Some(log) if *log != value.to_log() => mismatch(format!("{log} in logs")),
                    _ => Ok(()),
                }
            }
            (Expected::Value(expected), _) => mismatch(expected.to_string()),
        }
    }

    /// The value, or what is left out of the flow.
    fn result(&self, options: &Options, environment: &Environment<'_>) -> Result<Outcome, Fault> {
        match &self.dialect {
            Dialect::Entra => self.entra(options, environment).map_err(|error| Fault {
                class: error.class(),
                message: error.to_string(),
            }),
            #[cfg(feature = "okta")]
            Dialect::Okta(directory) => self.okta(directory.as_ref(), environment.now).map(Outcome::Value),
        }
    }

    #[cfg(feature = "okta")]
    fn okta(&self, directory: Option<&Directory>, now: DateTime) -> Result<Value, Fault> {
        let expression = okta::Expression::parse(&self.expression).map_err(|error| Fault {
            class: error.class(),
            message: error.to_string(),
        })?;
        let cx = okta::Context::new(&self.source, now);
        let cx = directory.map_or(cx, |directory| cx.with_directory(directory));
        expression.evaluate(&cx).map_err(|error| Fault {
            class: error.class(),
            message: error.to_string(),
        })
    }

    fn entra(&self, options: &Options, environment: &Environment<'_>) -> Result<Outcome, ExpressionError> {
        let program = Program::read(&self.expression, options)?;
        let outcome = program.evaluate(&self.source, environment)?;
        Ok(outcome.settle(&self.taken)?)
    }
}

/// Why there is no value, in whatever dialect.
struct Fault {
    class: ErrorClass,
    message: String,
}

fn is_equal(value: &Value, expected: &Json) -> bool {
    match (value.reveal(), expected) {
        (Value::Boolean(value), Json::Bool(expected)) => value == expected,
        (number @ (Value::Integer(_) | Value::Decimal(_)), Json::Number(expected)) => {
            Decimal::of_json(&expected.to_string()).is_some_and(|expected| *number == expected.into())
        }
        (Value::Null, Json::Null) => true,
        (Value::Null, _) | (_, Json::Null) => false,
        (Value::List(values), Json::Array(expected)) => {
            values.len() == expected.len()
                && values
                    .iter()
                    .zip(expected)
                    .all(|(value, expected)| is_equal(value, expected))
        }
        (single, Json::String(expected)) => {
            !matches!(single, Value::List(_)) && single.to_text() == *expected
        }
        _ => false,
    }
}

fn scope(word: Option<String>) -> Result<Option<FlowScope>, String> {
    let scopes = [FlowScope::Attribute, FlowScope::Object];
    word.map(|word| {
        let known = scopes.into_iter().find(|scope| scope.as_str() == word);
        known.ok_or_else(|| format!("`{word}` is neither `attribute` nor `object`"))
    })
    .transpose()
}

fn shown(result: &Result<Outcome, Fault>) -> String {
    match result {
        Ok(Outcome::Value(value)) => value.to_json(),
        Ok(Outcome::Ignored(scope)) => format!("the {scope} left out of the flow"),
        Ok(Outcome::Candidates(_)) => "candidates".into(),
        Err(Fault { class, message }) => format!("the error {class}: {message}"),
    }
}
