//! Plays identity providers against a SCIM server.

mod compare;
mod error;
mod report;
mod run;
mod scenario;
mod simulation;
mod template;
mod world;

pub use self::{
    error::{ScenarioError, SetupError},
    report::{Answered, Exchanged, Finding, Report, Sender, StepReport, Verdict},
    scenario::{Class, Evidence, Scenario},
    simulation::{Simulation, Watch},
    world::Population,
};
