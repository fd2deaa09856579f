#![doc = include_str!("../README.md")]

mod columns;
mod commit;
mod directory;
mod store;

pub use self::directory::{Directory, Employee};
