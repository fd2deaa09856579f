#![doc = include_str!("../README.md")]

pub mod calendar;
pub mod dotnet;
mod environment;
mod error;
mod evaluate;
pub mod explain;
mod expression;
pub mod function;
pub mod lint;
mod options;
mod program;
mod source;
mod value;

#[cfg(feature = "randomness")]
pub use self::environment::SystemEntropy;
pub use self::{
    environment::{Entropy, EntropyError, Environment, SeededEntropy},
    error::ExpressionError,
    evaluate::{EvaluateError, EvaluateErrorKind},
    expression::{Comparison, ErrorClass, Expression, Operator, ParseError, ParseErrorKind, Word},
    function::{ArityError, Document, Function, Parameter},
    lint::Lint,
    options::{FunctionSet, Functions, Limits, NullCondition, Options},
    program::{Candidates, CompileError, CompileErrorKind, FlowScope, Outcome, Program},
    source::{RawObject, Source, SourceError, SourcePath},
    value::{Decimal, Value},
};
