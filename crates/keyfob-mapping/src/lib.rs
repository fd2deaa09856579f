#![doc = include_str!("../README.md")]

pub mod dotnet;
pub mod environment;
pub mod error;
pub mod evaluate;
pub mod expression;
pub mod function;
pub mod lint;
pub mod okta;
pub mod options;
pub mod program;
pub mod source;
pub mod value;
pub mod vectors;

pub use self::{
    environment::{Entropy, EntropyError, Environment, SeededEntropy, SystemEntropy},
    error::ExpressionError,
    evaluate::{EvaluateError, EvaluateErrorKind},
    expression::{Comparison, ErrorClass, Expression, Operator, ParseError, ParseErrorKind, Word},
    function::{ArityError, Function, Parameter},
    lint::Lint,
    options::{FunctionSet, Limits, NullCondition, Options},
    program::{Candidates, CompileError, CompileErrorKind, Outcome, Program},
    source::{Source, SourceError},
    value::{Decimal, Value},
};
