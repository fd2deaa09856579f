//! Faults of expressions that are well formed.

use std::{fmt, ops::Range};

use keyfob_core::render::Rendered;
use smol_str::SmolStr;
use thiserror::Error;

use crate::{
    evaluate::EvaluateErrorKind,
    expression::{ErrorClass, locate},
    function::ArityError,
};

/// Why an expression can't be evaluated for any source.
///
/// ```
/// use keyfob_expression::{Expression, Options, Program};
///
/// let text = r#"Left([mail], "three")"#;
/// let error = Program::compile(&Expression::parse(text)?, &Options::default()).unwrap_err();
/// assert_eq!(error.to_string(), "the argument `NumChars` of `Left` takes an integer, and is `three`");
/// assert_eq!(error.span_in(text), Some(13..20));
/// # Ok::<(), keyfob_expression::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{}", .inner.kind)]
pub struct CompileError {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    kind: CompileErrorKind,
    origin: usize,
}

/// The fault.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CompileErrorKind {
    /// Calls nest deeper than the limit; of an expression that was made in code.
    #[error("calls nest deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A comparison of a comparison; of an expression that was made in code.
    #[error("a comparison can't be compared again")]
    ChainedComparison,
    /// A function has other arguments than it takes; of an expression that was made in code.
    #[error(transparent)]
    Arity(#[from] ArityError),
    /// The arguments of a call make no sense together.
    #[error("`{function}` needs {needed}")]
    Combination {
        /// The function.
        function: SmolStr,
        /// The arguments that make sense together.
        needed: &'static str,
    },
    /// A function that has to be the whole expression is a part of it.
    #[error("`{function}` has to be the whole expression")]
    NotWhole {
        /// The function.
        function: SmolStr,
    },
    /// A constant, or what a function always gives, is not what it is used as.
    #[error(transparent)]
    Value(#[from] EvaluateErrorKind),
}

impl CompileError {
    #[cold]
    pub(super) fn new(kind: impl Into<CompileErrorKind>, origin: usize) -> Self {
        Self {
            inner: Box::new(Inner {
                kind: kind.into(),
                origin,
            }),
        }
    }

    /// Returns the fault.
    #[must_use]
    pub fn kind(&self) -> &CompileErrorKind {
        &self.inner.kind
    }

    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match &self.inner.kind {
            CompileErrorKind::TooDeep { .. } | CompileErrorKind::ChainedComparison => ErrorClass::Parse,
            CompileErrorKind::Arity(_) | CompileErrorKind::Combination { .. } => ErrorClass::Arity,
            CompileErrorKind::NotWhole { .. } => ErrorClass::Eval,
            CompileErrorKind::Value(kind) => kind.class(),
        }
    }

    /// Where in the text that the expression was read from the fault is; nothing when it was made otherwise.
    #[must_use]
    pub fn span_in(&self, text: &str) -> Option<Range<usize>> {
        locate(text, self.inner.origin)
    }

    /// The message with the text that the expression was read from and a caret under the fault.
    #[must_use]
    pub fn display_with<'e>(&'e self, text: &'e str) -> impl fmt::Display + 'e {
        let kind = &self.inner.kind;
        Rendered {
            expected: matches!(kind, CompileErrorKind::Value(EvaluateErrorKind::NoRegex { .. }))
                .then_some("`Find`, which replaces a text without a pattern"),
            ..Rendered::new(self, text, self.span_in(text))
        }
    }
}
