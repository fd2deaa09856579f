#![doc = include_str!("../README.md")]

mod compile;
mod delta;
mod diff;
mod edit;
mod element;
mod error;
mod members;
mod place;
mod plan;

pub use self::{
    delta::RelationDelta,
    diff::diff,
    error::{PatchError, PatchErrorKind},
    plan::{Applied, Patched, Plan},
};
