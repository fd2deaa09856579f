#![doc = include_str!("../README.md")]

mod markup;
pub mod probe;
pub mod simulate;

pub use self::{
    probe::Probe,
    simulate::{Scenario, Simulation},
};
