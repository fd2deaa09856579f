#![doc = include_str!("../README.md")]

pub mod simulate;

pub use self::simulate::{Scenario, Simulation};
