#![doc = include_str!("../README.md")]

pub mod access;
pub mod credential;
pub mod decision;
pub mod door;
pub mod error;
pub mod event;
pub mod group;
pub mod level;
pub mod registry;
pub mod schedule;
pub mod time_zone;
pub mod unit;

mod keep;

pub use self::{
    access::{Access, Directory, UserAccess},
    credential::{CardStatus, Credential, CredentialCard, CredentialError, CredentialErrors, Credentials},
    decision::DoorReason,
    door::Door,
    error::AccessError,
    group::{AccessGroup, AccessGroups},
    level::AccessLevel,
    registry::{NotRegistered, register},
    schedule::{Date, Hours, Schedule, Weekday},
    time_zone::{TimeZone, TimeZoneError},
    unit::{Grant, GroupMapping, Provenance, Role, Unit, Units},
};
