//! Mapping sets: which values of the source flow into which attributes of a SCIM resource.

mod apply;
mod coerce;
mod data;
mod defaults;
mod diff;
mod error;
mod explain;
mod json;
mod lint;
mod mapper;
mod target;
mod threshold;
mod update;

pub use self::{
    apply::{Change, Lookup},
    data::{Actions, Apply, AttributeMapping, MappingKind, ObjectMapping},
    diff::Difference,
    error::{ApplyError, ApplyErrorKind, MappingError, MappingFault, MappingFaultKind},
    explain::{AttributeExplanation, Flow, MappingExplanation, NoFlow},
    lint::MappingLint,
    mapper::Mapper,
    threshold::DeletionThreshold,
};
pub(crate) use self::{mapper::REMOVED, target::dialect};
