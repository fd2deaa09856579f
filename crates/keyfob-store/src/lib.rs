#![doc = include_str!("../README.md")]

mod budget;
mod capabilities;
mod change;
mod commit;
mod dynamic;
mod error;
mod event;
mod explanation;
mod feeds;
pub mod kit;
mod maintenance;
mod outcome;
mod query;
mod store;
mod tenant;
mod wrapper;

pub use keyfob_patch::RelationDelta;

pub use self::{
    budget::{Budget, Exhausted, Meter},
    capabilities::{Capabilities, Ids, KeptType, Types},
    change::{Cause, Change, Expected, MemberPolicy, OnRefusal, UniqueKey, When},
    commit::{Actor, Answer, Commit, CommitId, RequestId},
    dynamic::DynStore,
    error::{CommitError, StoreError},
    event::{Event, EventId, Labels, NewEvent, Position},
    explanation::{Counted, Explanation, PageOrder, Reads},
    feeds::{FeedError, Feeds, LookBack, Retention},
    maintenance::{Finding, Keys, Maintenance},
    outcome::{Committed, Listed, Outcome, Revision},
    query::{
        Cursor, MemberPage, Page, Paging, Query, ReadContext, Selection, SortKey, Stored, Total, Visibility,
    },
    store::{Store, StoreExt},
    tenant::TenantId,
    wrapper::{Hooked, Hooks, Traced},
};
