#![doc = include_str!("../README.md")]

mod document;
pub mod graph;
mod mapping;
pub mod scope;
pub mod vectors;

pub use self::{
    document::{ImportError, ImportErrorKind},
    mapping::{
        Actions, Apply, ApplyError, ApplyErrorKind, AttributeExplanation, AttributeMapping, Change,
        DeletionThreshold, Difference, Flow, Lookup, Mapper, MappingError, MappingExplanation, MappingFault,
        MappingFaultKind, MappingKind, MappingLint, NoFlow, ObjectMapping,
    },
};
