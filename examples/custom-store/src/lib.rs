#![doc = include_str!("../README.md")]

mod columns;
mod commit;
mod directory;
mod feeds;
mod maintenance;
mod store;

pub use self::directory::{Directory, Employee};
