#![doc = include_str!("../README.md")]

mod change;
mod dynamic;
mod error;
mod event;
mod query;
mod store;
mod tenant;

pub use keyfob_patch::RelationDelta;

pub use self::{
    change::{Change, Committed, Outcome, UniqueKey},
    dynamic::DynStore,
    error::{CommitError, StoreError},
    event::{Event, EventId, NewEvent},
    query::{Capabilities, Page, Query, Selection, Stored},
    store::Store,
    tenant::TenantId,
};
