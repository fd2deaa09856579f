#![doc = include_str!("../README.md")]

pub mod admin;
mod characteristics;
pub mod context;
pub mod discovery;
pub mod engine;
pub mod event;
pub mod feature;
mod ignored;
pub mod profile;
pub mod provisioning;
pub mod rule;
pub mod state;
pub mod token;

mod policy;
mod system;

pub use keyfob_store::{
    Capabilities, Change, Commit, CommitError, CommitId, Committed, DynStore, Event, EventId, Expected,
    FeedError, Feeds, Hooked, Hooks, Listed, Maintenance, MemberPolicy, NewEvent, OnRefusal, Outcome, Page,
    Position, Query, ReadContext, RelationDelta, RequestId, Selection, Store, StoreError, StoreExt, Stored,
    TenantId, UniqueKey, Visibility, When,
};

pub use self::{
    admin::{Admin, AdminError, Confirmed, Organization, UserView},
    context::{Actor, Context},
    discovery::{AuthenticationScheme, Transport},
    engine::{Authenticated, Engine, EngineError, EntityTags, Found, Precondition, Written},
    feature::Feature,
    profile::{
        Adopt, Deletion, GroupExternalId, PatchAnswer, Profile, Reprovision, TokenPolicy, UnknownMembers,
        WriteOnlyPatch,
    },
    provisioning::{EmailDomain, FirstLink, Provisioning, Synchronization, TokenInfo},
    rule::{Founding, FurtherChange, Operation, Rejection, Review, Rule},
    state::{Origin, State, StateError, UserState},
    token::{AuthenticationError, Token},
};
