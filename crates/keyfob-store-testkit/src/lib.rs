#![doc = include_str!("../README.md")]

#[macro_use]
mod failure;

mod cases;
mod fixture;
mod harness;
mod model;
mod random;
mod step;
mod suite;
mod tenancy;

pub use self::{
    failure::Failure,
    fixture::registry,
    harness::Harness,
    suite::{Case, cases, run},
};
