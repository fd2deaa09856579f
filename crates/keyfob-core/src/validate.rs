//! Makes bodies canonical for their resource type, by direction: create, replace, response.

mod body;
mod error;
mod members;
mod reader;
mod response;
mod value;

pub use self::{
    body::{complete, create, held, leads_somewhere, replace, state_schemas},
    error::ValidationError,
    members::members,
    reader::{IgnoreRule, Ignored, Reader, can_be_id},
    response::response,
    value::{is_primary, points_at_nothing, unite_repeated, value},
};
