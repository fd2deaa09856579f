//! The synchronization schema of Microsoft Graph, as a tenant exports it.

mod definition;
mod read;
mod schema;
mod tree;
mod user;
mod write;

pub use self::{
    definition::{AttributeDefinition, Directory, ObjectDefinition},
    schema::{RuleMapping, SynchronizationSchema},
    tree::expression_to_json,
    user::source_from_json,
};
