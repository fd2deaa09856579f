#![doc = include_str!("../README.md")]

mod error;
mod feeds;
mod maintenance;
mod migration;
mod open;
mod read;
mod store;
mod write;

pub use self::{
    error::OpenError,
    store::{Options, SqliteStore},
    write::Collision,
};
