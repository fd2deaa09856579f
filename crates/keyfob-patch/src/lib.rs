#![doc = include_str!("../README.md")]

mod compile;
mod delta;
mod diff;
mod edit;
mod element;
mod error;
mod members;
mod outcome;
mod place;
mod plan;

pub use self::{
    delta::RelationDelta,
    diff::diff,
    error::{PatchError, PatchErrorKind},
    outcome::{Explained, OperationOutcome, explain},
    plan::{Applied, Patched, Plan},
};
