#![doc = include_str!("../README.md")]

mod error;
mod feeds;
mod hook;
mod maintenance;
mod migration;
mod options;
mod read;
mod reindex;
mod session;
mod sql;
mod store;
mod write;

pub use self::{
    error::OpenError,
    hook::{Hook, HookFuture, Transaction},
    migration::migrations,
    options::{DatabaseUrl, Options},
    store::PostgresStore,
};
pub use deadpool_postgres;
pub use rustls;
