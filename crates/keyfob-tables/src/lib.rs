#![doc = include_str!("../README.md")]

mod error;
mod escape;
mod event;
mod feeds;
mod layout;
mod maintenance;
#[cfg(feature = "tokio-postgres")]
pub mod postgres;
mod query;
mod relation;
mod row;
mod schema;
mod session;
mod shape;
#[cfg(feature = "rusqlite")]
pub mod sqlite;
mod store;
mod tables;
mod touched;
mod transaction;
mod write;

pub use self::{
    error::{OpenError, ShapeError, TableError},
    row::{Cell, Key, Row},
    shape::{Hiding, Kind, Shape, Table},
    store::TableStore,
    tables::{Members, Membership, Scope, Tables, Which},
    transaction::{Access, Dialect, SqlRow, SqlValue, Transaction},
};
