//! Schemas, resource types and the registry that holds them (RFC 7643 sections 6 and 7).

mod attribute;
mod data;
mod definition;
mod document;
mod error;
mod format;
mod index;
mod registry;
mod resolve;
mod resource_type;
mod set;

pub use self::{
    attribute::{Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness},
    error::{RegistryError, SchemaError},
    format::Format,
    index::{Index, IndexedAttribute, KeyOrder},
    registry::{Registry, RegistryBuilder},
    resolve::{Container, ResolveError, ResolvedAttribute, Target},
    resource_type::{Extension, Relation, RelationKind, ResourceType, ResourceTypeBuilder},
    set::{AttrId, AttrSet},
};
