//! Messages of the protocol (RFC 7644 section 8.1).

mod bulk;
mod config;
mod deviation;
mod job;
mod list;
mod page;
mod patch;
mod reader;
mod search;

use smol_str::SmolStr;
use thiserror::Error;

pub use self::{
    bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult},
    config::{BulkLimits, ServiceProviderConfig},
    deviation::{Deviation, Deviations},
    job::{BulkJob, BulkJobOperation},
    list::ListResponse,
    page::ListPage,
    patch::{PatchOperation, PatchOperationKind, PatchRequest},
    search::{SearchRequest, SortOrder},
};
pub(crate) use self::{
    patch::{SentOperation, SentPatch},
    reader::Reader,
};
use crate::{
    error::{ErrorBody, ScimType, ToErrorBody},
    json::JsonError,
    name::SchemaUri,
    projection::ProjectionError,
    value::Value,
};

/// Why a body is not the message it should be; maps to `invalidSyntax`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The text is not a JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `schemas` doesn't name the message.
    #[error("`schemas` does not name `{expected}`")]
    Schema {
        /// The message's URI.
        expected: SchemaUri,
    },
    /// A member of the message is missing or not of its type.
    #[error("`{member}` is not {expected}")]
    Member {
        /// The member.
        member: SmolStr,
        /// What it should be.
        expected: &'static str,
    },
    /// A bulk request has more operations than the server takes; maps to 413 (RFC 7644 section 3.7.4).
    #[error("the request has {count} operations, and maxOperations is {limit}")]
    TooManyOperations {
        /// The number of operations.
        count: usize,
        /// The number that is taken at most.
        limit: usize,
    },
    /// `sortOrder` is neither `ascending` nor `descending`; maps to `invalidValue`.
    #[error("`sortOrder` is neither `ascending` nor `descending`")]
    SortOrder,
    /// The names in `attributes` or `excludedAttributes` can't be taken.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl ToErrorBody for MessageError {
    fn to_error_body(&self) -> ErrorBody {
        match self {
            Self::Json(error) => error.to_error_body(),
            Self::Projection(error) => error.to_error_body(),
            Self::TooManyOperations { .. } => ErrorBody::new(413, smol_str::format_smolstr!("{self}")),
            Self::SortOrder => {
                ErrorBody::bad_request(ScimType::InvalidValue, smol_str::format_smolstr!("{self}"))
            }
            other => ErrorBody::bad_request(ScimType::InvalidSyntax, smol_str::format_smolstr!("{other}")),
        }
    }
}

/// Checks that a message, whose `schemas` these are, states its own schema.
fn check_schema(schemas: Option<&Value>, expected: &SchemaUri) -> Result<(), MessageError> {
    let stated = schemas.map(Value::as_elements).unwrap_or_default();
    if stated
        .iter()
        .filter_map(Value::as_str)
        .any(|uri| expected.is(uri))
    {
        Ok(())
    } else {
        Err(MessageError::Schema {
            expected: expected.clone(),
        })
    }
}
