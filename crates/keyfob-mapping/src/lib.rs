#![doc = include_str!("../README.md")]

pub mod source;
pub mod value;

pub use self::{
    source::{Source, SourceError},
    value::{Decimal, Value},
};
