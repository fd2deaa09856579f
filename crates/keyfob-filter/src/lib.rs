#![doc = include_str!("../README.md")]

mod ast;
pub mod compile;
pub mod condition;
mod evaluate;
mod fold;
mod limits;
mod lookup;
pub mod parse;
mod path;
mod predicate;
mod print;
mod shown;
pub mod sql;
mod translate;

pub use self::{
    ast::{CompareOp, Filter, Literal},
    compile::{CompileError, CompileErrorKind},
    condition::{Alternatives, Comparand, Comparison, Condition, Place, Text},
    limits::Limits,
    lookup::Lookup,
    parse::{ParseError, ParseErrorKind},
    path::{PatchPath, PatchPathRef},
    predicate::{ElementPredicate, Predicate},
    translate::{Translate, Translation},
};
