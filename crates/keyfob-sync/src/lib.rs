#![doc = include_str!("../README.md")]

mod cycle;
mod error;
mod event;
mod gateway;
mod job;
mod rule;
pub mod source;
mod state;

pub use self::{
    error::SyncError,
    event::{Action, Changed, Counts, Event, Guard, Held, Outcome, Report, Sent, Step},
    job::{Job, Quarantine},
    rule::{Kind, Rule, RuleError},
    state::{Allowed, Escrow, Link, LogEntry, Owned, State, StateError, Status},
};
