//! Everything that can be wrong with an expression, from its text to its value.

use std::{fmt, ops::Range};

use thiserror::Error;

use crate::{
    evaluate::EvaluateError,
    expression::{ErrorClass, Expression, ParseError},
    options::Options,
    program::{CompileError, Program},
};

/// Why a text has no value as an expression: one type for whoever reads, checks and evaluates at once.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It is no expression.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It can't be evaluated for any source.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It has no value for a source.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

impl ExpressionError {
    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Parse(error) => error.class(),
            Self::Compile(error) => error.class(),
            Self::Evaluate(error) => error.class(),
        }
    }

    /// The bytes of the text, which has to be the one that was read, that are wrong.
    #[must_use]
    pub fn span_in(&self, text: &str) -> Option<Range<usize>> {
        match self {
            Self::Parse(error) => Some(error.span()),
            Self::Compile(error) => error.span_in(text),
            Self::Evaluate(error) => error.span_in(text),
        }
    }

    /// The message with the text, which has to be the one that was read, and a caret under the fault.
    #[must_use]
    pub fn display_with(&self, text: &str) -> String {
        let rendered: &dyn fmt::Display = match self {
            Self::Parse(error) => &error.display_with(text),
            Self::Compile(error) => &error.display_with(text),
            Self::Evaluate(error) => &error.display_with(text),
        };
        rendered.to_string()
    }
}

impl Program {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// [`ExpressionError`], where the text is no expression or can't be evaluated for any source.
    pub fn read(text: &str, options: &Options) -> Result<Self, ExpressionError> {
        Ok(Self::compile(&Expression::parse_with(text, options)?, options)?)
    }
}
