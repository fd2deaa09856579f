#![doc = include_str!("../README.md")]

pub mod context;
pub mod profile;
pub mod store;

pub use keyfob_patch::RelationDelta;

pub use self::{
    context::{Context, TenantId},
    profile::{PatchAnswer, Profile, UnknownMembers},
    store::{
        Capabilities, Change, CommitError, Committed, DynStore, Event, EventId, NewEvent, Outcome, Page,
        Query, Selection, Store, StoreError, Stored, UniqueKey,
    },
};
