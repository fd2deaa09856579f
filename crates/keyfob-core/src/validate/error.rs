//! What can be wrong with a body.

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{
    error::{ErrorBody, ScimType, ToErrorBody},
    name::SchemaUri,
};

/// Why a body or a value doesn't fit its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// A value is not of its attribute's type; maps to `invalidValue`.
    #[error("`{path}` takes {expected}, not {found}")]
    WrongType {
        /// The attribute.
        path: SmolStr,
        /// What it takes.
        expected: SmolStr,
        /// What was sent.
        found: SmolStr,
    },
    /// A required attribute is missing; maps to `invalidValue`.
    #[error("`{path}` is required")]
    Missing {
        /// The attribute.
        path: SmolStr,
    },
    /// More than one value of an attribute is the primary one (RFC 7643 section 2.4); maps to `invalidValue`.
    #[error("only one value of `{path}` can be primary")]
    TwoPrimaries {
        /// The attribute.
        path: SmolStr,
    },
    /// A complex value has a sub-attribute that its attribute doesn't have; maps to `invalidValue`.
    #[error("`{path}` has no sub-attribute `{name}`")]
    UnknownSubAttribute {
        /// The attribute.
        path: SmolStr,
        /// The name.
        name: SmolStr,
    },
    /// Nothing is left of a complex value once what is unknown is gone, or of an element of several once what is null is
    /// gone too; maps to `invalidValue`.
    #[error("a value of `{path}` says nothing that is known")]
    NothingKnown {
        /// The attribute.
        path: SmolStr,
    },
    /// A request names more attributes that are passed over than
    /// [`Reader::MAX_IGNORED`](super::Reader::MAX_IGNORED); maps to `tooMany`.
    #[error("a request holds at most {limit} different attributes that are not known or not taken")]
    TooManyIgnored {
        /// The limit.
        limit: usize,
    },
    /// A member is said to be of a type that the relation doesn't take; maps to `invalidValue`.
    #[error("`{path}` takes no `{found}`")]
    MemberType {
        /// The relation.
        path: SmolStr,
        /// The type that the member is said to be of.
        found: SmolStr,
    },
    /// An attribute stands both at the top and under the core schema's URI; maps to `invalidSyntax`.
    #[error("the attribute `{path}` stands there twice")]
    Duplicate {
        /// The attribute.
        path: SmolStr,
    },
    /// An immutable attribute would change; maps to `mutability`.
    #[error("`{path}` can't be changed once it is set")]
    Immutable {
        /// The attribute.
        path: SmolStr,
    },
    /// `schemas` doesn't name the resource type's schema; maps to `invalidSyntax`.
    #[error("`schemas` does not name `{uri}`")]
    SchemaMissing {
        /// The schema.
        uri: SchemaUri,
    },
    /// `schemas` or a key names a schema that the resource type doesn't have there; maps to `invalidSyntax`.
    #[error("`{uri}` is not a schema that `{resource_type}` takes here")]
    UnknownSchema {
        /// The URI.
        uri: SchemaUri,
        /// The resource type's name.
        resource_type: SmolStr,
    },
    /// A key names a schema of other resource types; maps to `invalidPath`.
    #[error("`{uri}` is not a schema of `{resource_type}`")]
    OtherSchema {
        /// The URI.
        uri: SchemaUri,
        /// The resource type's name.
        resource_type: SmolStr,
    },
    /// A key is a path to an attribute, which only a PATCH has; maps to `invalidPath`.
    #[error("`{key}` is a path; a resource has that attribute inside of the object that holds it")]
    PathAsKey {
        /// The key, as it was sent.
        key: SmolStr,
    },
    /// An answer holds an attribute that is never returned; maps to `invalidValue`.
    #[error("`{path}` is never returned")]
    NeverReturned {
        /// The attribute.
        path: SmolStr,
    },
}

impl ToErrorBody for ValidationError {
    fn to_error_body(&self) -> ErrorBody {
        let scim_type = match self {
            Self::WrongType { .. }
            | Self::Missing { .. }
            | Self::TwoPrimaries { .. }
            | Self::UnknownSubAttribute { .. }
            | Self::NothingKnown { .. }
            | Self::MemberType { .. }
            | Self::NeverReturned { .. } => ScimType::InvalidValue,
            Self::TooManyIgnored { .. } => ScimType::TooMany,
            Self::Immutable { .. } => ScimType::Mutability,
            Self::OtherSchema { .. } | Self::PathAsKey { .. } => ScimType::InvalidPath,
            Self::Duplicate { .. } | Self::SchemaMissing { .. } | Self::UnknownSchema { .. } => {
                ScimType::InvalidSyntax
            }
        };
        ErrorBody::bad_request(scim_type, format_smolstr!("{self}"))
    }
}
