#![doc = include_str!("../README.md")]

pub mod dotnet;
pub mod expression;
pub mod function;
pub mod okta;
pub mod options;
pub mod source;
pub mod value;

pub use self::{
    expression::{Comparison, ErrorClass, Expression, Operator, ParseError, ParseErrorKind, Word},
    function::{ArityError, Function, Parameter},
    options::{FunctionSet, Limits, NullCondition, Options},
    source::{Source, SourceError},
    value::{Decimal, Value},
};
