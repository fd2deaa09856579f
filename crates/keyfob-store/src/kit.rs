//! What every store needs and none should write again: orders and cursors, the store's half of events, the rules by which
//! changes are refused and skipped.

mod event;
mod refusal;
mod sort;

pub use self::{
    event::{complete, is_met, labels},
    refusal::{check_expected, check_version, skips},
    sort::{Place, SortAttribute, SortValue},
};
