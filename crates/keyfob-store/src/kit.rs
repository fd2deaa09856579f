//! What every store needs and none should write again: what a commit writes, the entries of its index and the plan by which a filter is answered,
//! owners of owners, orders, pages and cursors, the store's half of events and their removal, the locks of writers, the rules by which
//! changes are refused and skipped, and the check of what is stored.

mod content;
mod entry;
mod event;
mod inspection;
mod lock;
mod nesting;
mod page;
mod plan;
mod refusal;
mod sort;
mod trim;

pub use self::{
    content::{Content, Document, Prepared},
    entry::{IndexEntry, keyless},
    event::{complete, is_met, labels},
    inspection::Inspection,
    lock::{LockStrength, Locks},
    nesting::add_indirect,
    page::{Cut, Cutter, Window},
    plan::{
        Indexes, KeyRange, Keys, Lookup, Plan, Search, TimeSpan, filter_in_words, key_in_words,
        lookup_in_words,
    },
    refusal::{check_expected, check_version, skips},
    sort::{Place, SortAttribute, SortValue},
    trim::{OldCommit, Trimmed},
};
