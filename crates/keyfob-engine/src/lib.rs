#![doc = include_str!("../README.md")]

pub mod admin;
pub mod context;
pub mod discovery;
pub mod engine;
pub mod profile;
pub mod store;

mod system;
pub mod token;

pub use keyfob_patch::RelationDelta;

pub use self::{
    admin::{Admin, AdminError},
    context::{Context, TenantId},
    engine::{Engine, EngineError, Found, Precondition, Written},
    profile::{PatchAnswer, Profile, UnknownMembers},
    store::{
        Capabilities, Change, CommitError, Committed, DynStore, Event, EventId, NewEvent, Outcome, Page,
        Query, Selection, Store, StoreError, Stored, UniqueKey,
    },
    token::{AuthenticationError, Token},
};
