#![doc = include_str!("../README.md")]

mod ast;
mod limits;
pub mod parse;
mod path;
mod print;
mod render;

pub use self::{
    ast::{CompareOp, Filter, Literal},
    limits::Limits,
    parse::{ParseError, ParseErrorKind},
    path::PatchPath,
};
