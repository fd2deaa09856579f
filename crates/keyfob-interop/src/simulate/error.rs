//! Errors of scenarios and of the settings of a run.

use std::fmt;

use keyfob_core::{
    SmolStr,
    json::JsonError,
    name::closest,
    render::{Printable, with_suggestion},
};
use thiserror::Error;

/// The error when a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The text is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Something in it is not understood.
    #[error("`{}`: {}", Printable(path), Printable(message))]
    At {
        /// Where, such as `phases[0].steps[2].send[0].method`.
        path: String,
        /// What is wrong there, and what would be right.
        message: String,
    },
}

impl ScenarioError {
    pub(crate) fn at(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::At {
            path: path.into(),
            message: message.to_string(),
        }
    }
}

/// The error when a run can't be set up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The scenario has no such variant.
    #[error("{}", unknown("variant", name, known))]
    Variant {
        /// The name that was given.
        name: SmolStr,
        /// The variants that there are.
        known: Vec<SmolStr>,
    },
    /// The variant has no such step.
    #[error("{}", unknown("step", name, known))]
    Step {
        /// The name that was given.
        name: SmolStr,
        /// The steps that there are.
        known: Vec<SmolStr>,
    },
    /// The bearer token holds a character that no header takes.
    #[error("the token can't be sent: it holds characters that no header takes")]
    Token,
    /// The name of a run holds a character that a name of a resource should not start with.
    #[error("`{}` is no name of a run: letters, digits and `-` of ASCII make one, 40 at most", Printable(.0))]
    Run(SmolStr),
}

fn unknown(what: &str, name: &str, known: &[SmolStr]) -> String {
    let name = Printable(name);
    if known.is_empty() {
        return format!("there is no {what} `{name}`: the scenario has none");
    }
    let near = closest(&name.to_string(), known.iter().map(SmolStr::as_str));
    let text = format!("there is no {what} `{name}`; there are {}", known.join(", "));
    with_suggestion(text, near.as_deref())
}
