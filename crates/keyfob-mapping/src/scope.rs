//! Scoping filters: which objects of the source are provisioned.

mod decision;
mod error;
mod evaluate;
mod filter;
mod json;
mod operator;

pub(crate) use self::json::{read, read_groups, to_graph_groups, to_groups};
pub use self::{
    decision::{ClauseDecision, Decision, GroupDecision},
    error::{ScopeError, ScopeErrorKind},
    evaluate::Scope,
    filter::{Clause, ClauseGroup, ScopingFilter},
    operator::Operator,
};
