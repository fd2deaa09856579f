//! Why a scoping filter can't be used or can't decide.

use smol_str::SmolStr;
use thiserror::Error;

use super::Operator;

/// A fault of a clause of a scoping filter, and its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("clause {} of group {}: {kind}", .clause + 1, .group + 1)]
#[non_exhaustive]
pub struct ScopeError {
    /// The group, counted from 0.
    pub group: usize,
    /// The clause in it, counted from 0.
    pub clause: usize,
    /// The fault.
    pub kind: ScopeErrorKind,
}

/// A fault of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeErrorKind {
    /// A group without clauses, which would hold of everything.
    #[error("the group has no clause")]
    NoClause,
    /// Too many texts to compare with, or none.
    #[error("`{operator}` takes {}, not {found}", if .operator.is_unary() { "no value" } else { "one value" })]
    Values {
        /// The operator.
        operator: Operator,
        /// The number that there is.
        found: usize,
    },
    /// An attribute that scoping filters can't ask.
    #[error("scoping filters do not support `{attribute}`")]
    Attribute {
        /// The attribute.
        attribute: SmolStr,
    },
    /// An operator of numbers with something else.
    #[error("`{operator}` compares whole numbers, which `{text}` is not")]
    NotInteger {
        /// The operator.
        operator: Operator,
        /// The text in place of one.
        text: SmolStr,
    },
    /// An operator of booleans with something else.
    #[error("`{operator}` asks for a boolean, which the value of `{attribute}` is not")]
    NotBoolean {
        /// The operator.
        operator: Operator,
        /// The attribute.
        attribute: SmolStr,
    },
    /// A value that scoping filters can't ask: several, or a date.
    #[error("scoping filters do not support {found}, which is what `{attribute}` has")]
    Unsupported {
        /// The attribute.
        attribute: SmolStr,
        /// The description of its value.
        found: &'static str,
    },
    /// An operator of patterns in a program that is built without the feature `regex`.
    #[error("`{operator}` needs the feature `regex` of keyfob-mapping")]
    NoRegex {
        /// The operator.
        operator: Operator,
    },
    /// A pattern that is none, or that took too long.
    #[error("{message}")]
    Pattern {
        /// The fault in it.
        message: SmolStr,
    },
}
