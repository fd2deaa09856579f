//! Errors of evaluations.

use std::{fmt, ops::Range};

use keyfob_core::render::Rendered;
use smol_str::SmolStr;
use thiserror::Error;

#[cfg(feature = "regex")]
use crate::dotnet::regex::RegexError;
use crate::{
    dotnet::{casing::CultureError, date_time::DateTimeError, text::StartError},
    environment::EntropyError,
    expression::{ErrorClass, locate},
    program::FlowScope,
};

/// Why an expression has no value for a source.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{}", .inner.kind)]
pub struct EvaluateError {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    kind: EvaluateErrorKind,
    origin: usize,
}

/// The fault.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum EvaluateErrorKind {
    /// A value is not of the type that a parameter takes.
    #[error("the argument `{parameter}` of `{function}` takes {expected}, and is {found}")]
    Type {
        /// The function.
        function: SmolStr,
        /// The parameter.
        parameter: SmolStr,
        /// The description of what it takes.
        expected: &'static str,
        /// The description of the value that it got.
        found: SmolStr,
    },
    /// A list is compared.
    #[error("a list of values can't be compared")]
    ListCompared,
    /// A condition is neither true nor false.
    #[error("{found} is neither true nor false")]
    NotBoolean {
        /// The value.
        found: SmolStr,
    },
    /// A date, its format or its arithmetic.
    #[error(transparent)]
    Date(#[from] DateTimeError),
    /// A regular expression.
    #[cfg(feature = "regex")]
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// A regular expression in a program that is built without the feature `regex`.
    #[error("the argument `{parameter}` of `{function}` needs the feature `regex` of keyfob-expression")]
    NoRegex {
        /// The function.
        function: SmolStr,
        /// The parameter.
        parameter: SmolStr,
    },
    /// The name of a culture.
    #[error(transparent)]
    Culture(#[from] CultureError),
    /// The position from which `InStr` searches.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A text that has to hold something is empty.
    #[error("the argument `{parameter}` of `{function}` can't be empty text")]
    EmptyText {
        /// The function.
        function: SmolStr,
        /// The parameter.
        parameter: SmolStr,
    },
    /// There is no such value in a list.
    #[error("there is no value {index}; the first of {count} is value 1")]
    Index {
        /// The index that was asked for.
        index: i64,
        /// The number that there is.
        count: usize,
    },
    /// The demands on a random string can't be met.
    #[error("a random string of {length} characters can't be made: {reason}")]
    Random {
        /// Its length.
        length: i64,
        /// Why not.
        reason: &'static str,
    },
    /// Text that is not the base64 of what it should be.
    #[error("the text is not the base64 of {of}")]
    Base64 {
        /// The encoding, or what the bytes should be.
        of: &'static str,
    },
    /// There is no randomness to be had.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The function `Error` was evaluated.
    #[error("{message}")]
    Raised {
        /// Its argument.
        message: SmolStr,
    },
    /// The evaluation does more work than the limit.
    #[error("the expression does more work than the limit of {limit} allows")]
    TooMuchWork {
        /// The limit.
        limit: usize,
    },
    /// Every candidate of `SelectUniqueValue` is taken, or none has a value.
    #[error("every candidate is taken")]
    NotUnique,
    /// A parameter that the caller gave no value.
    #[error("the parameter `%{name}%` has no value; it has to be given")]
    NoParameter {
        /// Its name.
        name: SmolStr,
    },
    /// The flow ends. [`Program::evaluate`](crate::Program::evaluate) makes
    /// [`Outcome::Ignored`](crate::Outcome::Ignored) of it, so that no caller sees it.
    #[error("the {scope} is left out of the flow")]
    FlowEnds {
        /// The part that is left out.
        scope: FlowScope,
    },
}

impl EvaluateErrorKind {
    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Type { .. } | Self::ListCompared | Self::NotBoolean { .. } => ErrorClass::Type,
            Self::NotUnique => ErrorClass::NotUnique,
            _ => ErrorClass::Eval,
        }
    }
}

impl EvaluateError {
    #[cold]
    pub(crate) fn new(kind: impl Into<EvaluateErrorKind>, origin: usize) -> Self {
        Self {
            inner: Box::new(Inner {
                kind: kind.into(),
                origin,
            }),
        }
    }

    /// Returns the fault.
    #[must_use]
    pub fn kind(&self) -> &EvaluateErrorKind {
        &self.inner.kind
    }

    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.inner.kind.class()
    }

    /// Where in the text that the expression was read from the fault is; nothing when it was made otherwise.
    #[must_use]
    pub fn span_in(&self, text: &str) -> Option<Range<usize>> {
        locate(text, self.inner.origin)
    }

    /// The message with the text that the expression was read from and a caret under the fault.
    #[must_use]
    pub fn display_with<'e>(&'e self, text: &'e str) -> impl fmt::Display + 'e {
        Rendered::new(self, text, self.span_in(text))
    }
}
