#![doc = include_str!("../README.md")]

mod act;
pub mod administration;
pub mod administrator;
pub mod answer;
mod input;
pub mod operation;
pub mod problem;
mod session;
mod table;
pub mod token;
pub mod view;

pub use self::{
    administration::Administration,
    administrator::{Administrator, Grant, Permission, Role, Scope},
    answer::{Answer, Call, Effect, Page, Preview},
    operation::{Argument, Kind, Method, Operation, Parameter, Place, Returns, Risk},
    problem::Problem,
    table::{OPERATIONS, operation},
    token::{AdminSecret, SecretError},
};
