#![doc = include_str!("../README.md")]

mod directory;
mod tables;

pub use self::{
    directory::{Directory, Employee},
    tables::OwnTables,
};
