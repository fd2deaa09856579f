//! Makes bodies canonical for their resource type, by direction: create, replace, response.

mod body;
mod error;
mod members;
mod value;

pub use self::{
    body::{complete, create, replace, response, state_schemas},
    error::ValidationError,
    members::{members, sent_members},
    value::{changes, element, is_primary, points_at_nothing, value},
};
