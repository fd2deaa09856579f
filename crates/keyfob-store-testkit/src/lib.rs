#![doc = include_str!("../README.md")]

#[macro_use]
mod failure;

mod cases;
mod effect;
mod fixture;
mod harness;
mod model;
mod random;
mod step;
mod store_only;
mod suite;
mod tenancy;
mod upkeep;
mod work;

pub use self::{
    failure::Failure,
    fixture::{registry, registry_builder},
    harness::Harness,
    store_only::StoreOnly,
    suite::{Case, Conclusion, Report, cases, check_applicable, run},
    work::{check_explanations, check_push_down},
};
