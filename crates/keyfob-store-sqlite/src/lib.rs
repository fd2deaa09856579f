#![doc = include_str!("../README.md")]

mod copy;
mod error;
mod feeds;
mod hook;
mod maintenance;
mod migration;
mod open;
mod read;
mod store;
mod write;

pub use rusqlite;

pub use self::{
    copy::{CopyError, backup, integrity, restore},
    error::OpenError,
    hook::Hook,
    store::{Connections, Options, SqliteStore},
    write::Collision,
};
