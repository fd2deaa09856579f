#![doc = include_str!("../README.md")]

pub mod compare;
pub mod context;
pub mod dialect;
pub mod error;
pub mod json;
pub mod message;
pub mod name;
pub mod projection;
pub mod render;
pub mod resource;
pub mod schema;
pub mod time;
pub mod validate;
pub mod value;
pub mod view;

pub use smol_str::SmolStr;

#[cfg(feature = "clock")]
pub use self::context::SystemClock;
#[cfg(feature = "uuid")]
pub use self::context::UuidGenerator;
pub use self::{
    compare::{Collation, CompareKey},
    context::{Clock, IdGenerator},
    dialect::{Dialect, Quirk},
    error::{ErrorBody, ScimType, ToErrorBody},
    name::{AttrName, AttrPath, AttrPathRef, PathError, SchemaUri},
    projection::{Projection, ProjectionError, ResolvedProjection},
    resource::{Addresses, EntityTag, ExternalId, Member, MemberSet, Meta, Resource, ResourceId, Version},
    schema::{AttrId, AttrSet, Attribute, Registry, ResourceType, Schema},
    time::DateTime,
    value::{Object, Value},
};
