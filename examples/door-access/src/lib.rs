#![doc = include_str!("../README.md")]

pub mod controller;
pub mod site;

pub use self::{
    controller::{Controller, Decision, Denial, Failure},
    site::Site,
};
