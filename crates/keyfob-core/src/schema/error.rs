//! What can be wrong with a schema or a registry.

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{json::JsonError, name::SchemaUri};

/// Why a JSON text is not a schema.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The text is not a JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member that has to be there is missing.
    #[error("`{path}` is missing")]
    Missing {
        /// Where it belongs, as `attributes.emails.type`.
        path: SmolStr,
    },
    /// A member is not what it should be.
    #[error("`{path}` is not {expected}")]
    Invalid {
        /// Where it stands.
        path: SmolStr,
        /// What it should be.
        expected: &'static str,
    },
    /// A member is none that a schema or a resource type has.
    #[error("`{path}` means nothing here; {}", remedy(meant.as_ref(), known))]
    Unknown {
        /// Where it stands.
        path: SmolStr,
        /// The member that was perhaps meant.
        meant: Option<SmolStr>,
        /// The members that mean something here.
        known: &'static [&'static str],
    },
    /// Two attributes of one level have names that are equal up to case.
    #[error("`{path}` is defined twice")]
    Duplicate {
        /// The second one.
        path: SmolStr,
    },
    /// The attributes nest deeper than SCIM allows (RFC 7643 section 2.3.8).
    #[error("`{path}` nests too deep")]
    TooDeep {
        /// The attribute that is too deep.
        path: SmolStr,
    },
}

/// The way out of a member that means nothing.
fn remedy(meant: Option<&SmolStr>, known: &[&str]) -> SmolStr {
    meant.map_or_else(
        || format_smolstr!("known are `{}`", known.join("`, `")),
        |meant| format_smolstr!("did you mean `{meant}`?"),
    )
}

/// Why schemas and resource types don't make a registry.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two schemas have one URI.
    #[error("the schema `{0}` is registered twice")]
    DuplicateSchema(SchemaUri),
    /// Two resource types have one name or one endpoint.
    #[error("the resource type `{0}` has the name or endpoint of another")]
    DuplicateResourceType(SmolStr),
    /// A resource type refers to a schema that isn't registered.
    #[error("the resource type `{resource_type}` refers to the unknown schema `{schema}`")]
    UnknownSchema {
        /// The resource type.
        resource_type: SmolStr,
        /// The schema it refers to.
        schema: SchemaUri,
    },
    /// A schema extends a resource type that isn't registered.
    #[error("the schema `{schema}` extends the unknown resource type `{resource_type}`")]
    UnknownResourceType {
        /// The resource type.
        resource_type: SmolStr,
        /// The schema that extends it.
        schema: SchemaUri,
    },
    /// A resource type's endpoint is not one segment of a path behind a slash.
    #[error("the endpoint `{endpoint}` of the resource type `{resource_type}` is not like `/Users`")]
    Endpoint {
        /// The resource type.
        resource_type: SmolStr,
        /// The endpoint.
        endpoint: SmolStr,
    },
    /// A resource type's endpoint is one of the service's own (RFC 7644 section 3.2).
    #[error("the endpoint `{endpoint}` of the resource type `{resource_type}` is one of the service's own")]
    ReservedEndpoint {
        /// The resource type.
        resource_type: SmolStr,
        /// The endpoint.
        endpoint: SmolStr,
    },
    /// A resource type declares something of an attribute that it doesn't have or that doesn't fit.
    #[error("the resource type `{resource_type}` has no attribute `{attribute}` that can be {purpose}")]
    UnfitAttribute {
        /// The resource type.
        resource_type: SmolStr,
        /// The attribute.
        attribute: SmolStr,
        /// What it was to be.
        purpose: &'static str,
    },
    /// There are more attributes than a registry can number.
    #[error("a registry holds at most 65,000 attributes")]
    TooManyAttributes,
}
