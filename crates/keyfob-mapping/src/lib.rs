#![doc = include_str!("../README.md")]

mod calendar;
mod document;
pub mod dotnet;
pub mod environment;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod expression;
pub mod function;
pub mod graph;
pub mod lint;
pub mod mapping;
pub mod okta;
pub mod options;
pub mod program;
pub mod scope;
pub mod source;
pub mod value;
pub mod vectors;

pub use self::{
    document::{ImportError, ImportErrorKind},
    environment::{Entropy, EntropyError, Environment, SeededEntropy, SystemEntropy},
    error::ExpressionError,
    evaluate::{EvaluateError, EvaluateErrorKind},
    expression::{Comparison, ErrorClass, Expression, Operator, ParseError, ParseErrorKind, Word},
    function::{ArityError, Document, Function, Parameter},
    lint::Lint,
    options::{FunctionSet, Functions, Limits, NullCondition, Options},
    program::{Candidates, CompileError, CompileErrorKind, FlowScope, Outcome, Program},
    source::{Source, SourceError},
    value::{Decimal, Value},
};
