#![doc = include_str!("../README.md")]

pub mod authentication;
mod characteristics;
pub mod context;
pub mod discovery;
pub mod engine;
pub mod event;
pub mod facts;
pub mod feature;
pub mod ignored;
pub mod lifecycle;
pub mod limits;
pub mod policy;
pub mod profile;
pub mod rehearsal;
pub mod request;
pub mod rule;
pub mod security_event;
pub mod state;

pub use keyfob_store::{
    Capabilities, Change, Commit, CommitError, CommitId, Committed, DynStore, Event, EventId, Expected,
    FeedError, Feeds, Hooked, Hooks, Listed, Maintenance, MemberPolicy, NewEvent, OnRefusal, Outcome, Page,
    Paging, Position, Query, ReadContext, RelationDelta, RequestId, Retention, Selection, Store, StoreError,
    StoreExt, Stored, TenantId, UniqueKey, Visibility, When,
};

pub use self::{
    authentication::{AuthenticationError, Authenticator, Caller, Renewal},
    context::{Actor, Context},
    discovery::{AuthenticationScheme, SecurityEvents, Transport},
    engine::{
        AcceptedBulk, AcknowledgementError, BulkOutcomes, CursorError, Decision, DeleteAction, Delivery,
        Draft, Engine, EngineError, EntityTags, Found, FoundInPages, ImportEffect, ImportTarget, Imported,
        Incoming, Loaded, MemberPages, PageError, Precondition, Prepared, QueryExplanation, Reads, Record,
        Seen, Settled, SortError, Subject, Written,
    },
    facts::{FactSource, Facts},
    feature::{Feature, UnknownFeature},
    lifecycle::Lifecycle,
    limits::{LimitError, Limits},
    policy::{ACTIVE, is_active, is_group, is_user, said_active},
    profile::{PatchAnswer, Profile, UnknownMembers, WriteOnlyPatch},
    rehearsal::Rehearsal,
    request::{Explanation, RequestRecord, RequestRecorder},
    rule::{FurtherChange, Operation, Rejection, Review, Rule},
    security_event::{EVENT_URIS, SecurityEvent},
    state::State,
};
