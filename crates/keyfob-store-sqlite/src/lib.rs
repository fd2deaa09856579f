#![doc = include_str!("../README.md")]

mod error;
mod index;
mod open;
mod read;
mod store;
mod write;

pub use self::{
    error::OpenError,
    store::{Options, SqliteStore},
    write::Collision,
};
