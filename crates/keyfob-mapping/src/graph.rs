//! The synchronization schema of Microsoft Graph, as a tenant exports it.

mod csv;
mod definition;
mod objects;
mod read;
mod reader;
mod schema;
mod target;
mod tree;
mod user;
mod write;

pub use self::{
    csv::CsvObjects,
    definition::{AttributeDefinition, Directory, ObjectDefinition},
    objects::{GraphObject, Objects, ObjectsError, ObjectsErrorKind},
    reader::ObjectReader,
    schema::{RuleMapping, SynchronizationSchema},
    target::TargetType,
    tree::expression_to_json,
    user::source_from_json,
};
