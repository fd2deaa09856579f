#![doc = include_str!("../README.md")]

pub mod identity;
mod message;
pub mod openapi;
mod route;

pub use self::{
    identity::{AdminTokens, Administrators, IdentifyError},
    openapi::openapi,
    route::router,
};
