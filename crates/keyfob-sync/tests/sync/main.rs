//! Provisioning of a keyfob server in process.
#![cfg(test)]

mod convergence;
mod cycle;
mod delta;
mod guards;
mod parallel;
mod plan;
mod reports;
mod sources;
mod world;
