#![doc = include_str!("../README.md")]

pub mod access;
pub mod credential;
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
    door::Door,
    error::AccessError,
    group::{AccessGroup, AccessGroups},
    level::AccessLevel,
    registry::{NotRegistered, register},
    schedule::{Schedule, Weekday},
    time_zone::{TimeZone, TimeZoneError},
    unit::{Grant, GroupMapping, Provenance, Role, Unit, Units},
};
