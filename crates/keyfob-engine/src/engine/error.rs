//! Why a request was refused.

use keyfob_core::{
    ErrorBody, ResourceId, ResourceType, ScimType, ToErrorBody, compare::UserNameError,
    message::MessageError, validate::ValidationError,
};
use keyfob_filter::{CompileError, ParseError};
use keyfob_patch::PatchError;
use keyfob_store::StoreError;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::{CursorError, SortError};
use crate::{feature::Feature, limits::LimitError, rule::Rejection};

/// Why an operation of the [`Engine`](super::Engine) did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The tenant has no such resource; maps to 404.
    #[error("there is no {resource_type} `{}`", shortened(id))]
    NotFound {
        /// The name of the resource type.
        resource_type: SmolStr,
        /// The id that was asked for.
        id: ResourceId,
    },
    /// The caller's credential may read and not write; maps to 403.
    #[error("the credential may read and not write")]
    ReadOnly,
    /// The resource doesn't have a version that the client named; maps to 412.
    #[error("the resource has been changed since the version that the request names")]
    PreconditionFailed,
    /// The request doesn't name the version that it is about, and the profile demands it; maps to 428.
    #[error(
        "the request has to name the version that it changes, in `If-Match` or as the `version` of its operation: read the resource first"
    )]
    PreconditionRequired,
    /// Another resource has a value that has to be unique; maps to 409 `uniqueness`.
    #[error("another {resource_type} has this `{attribute}`")]
    Uniqueness {
        /// The name of the resource type.
        resource_type: SmolStr,
        /// The attribute.
        attribute: SmolStr,
    },
    /// A resource is to be created under an id that another one has, live or hidden, of whatever type; maps to 409
    /// `uniqueness`.
    #[error("another resource has the id `{}`", shortened(id))]
    IdTaken {
        /// The id.
        id: ResourceId,
    },
    /// A text can't be the id of a resource that is created; maps to 400 `invalidValue`.
    #[error(
        "`{}` can't be the id of a resource, which is a segment of its address and has at most {limit} bytes",
        shortened(id)
    )]
    InvalidId {
        /// The text.
        id: ResourceId,
        /// The number of bytes that an id may have.
        limit: usize,
    },
    /// A hidden user comes back, and another has its `userName` by now; maps to 409 `uniqueness`.
    #[error(
        "`{id}` can't come back: another user has its `userName` by now. Rename or delete that one first, or bring this one \
         back with another `userName`"
    )]
    NameTaken {
        /// The hidden user.
        id: ResourceId,
    },
    /// Members that don't exist or are of a type that the relation doesn't take; maps to 400 `invalidValue`.
    #[error("{} of the members do not exist or are of a type that cannot be a member{}", members.len(), among(members))]
    UnknownMembers {
        /// All of them.
        members: Vec<ResourceId>,
    },
    /// The lifecycle, the profile or a rule of the application's refuses the change.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The body doesn't fit its schema.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// A text can't be a user name; maps to 400 `invalidValue`.
    #[error(transparent)]
    UserName(#[from] UserNameError),
    /// The PATCH request can't be applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// The message is malformed.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The filter is malformed; maps to `invalidFilter`.
    #[error(transparent)]
    FilterSyntax(#[from] ParseError),
    /// The filter names an attribute or an operator that doesn't fit.
    #[error(transparent)]
    Filter(#[from] CompileError),
    /// The query can't be sorted as it asks.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// The page can't be read by its cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The request needs a feature that isn't [offered](super::Engine::offers); maps to what the [`Feature`] says.
    #[error("{}", .0.refusal())]
    Unsupported(Feature),
    /// A PATCH of a writeOnly attribute, such as `password`, that the service doesn't keep; maps to 400 `mutability`.
    #[error("`{attribute}` can't be changed: this service keeps no such value")]
    NotKept {
        /// The attribute.
        attribute: SmolStr,
    },
    /// An [import](super::Engine::import) of a resource with many members failed on its way: the resource is there with those of
    /// them that were written before; maps to what the error does.
    #[error("{error}; {written} of its members were written before")]
    Partly {
        /// The number of members that were written.
        written: usize,
        /// Why the others were not.
        error: Box<Self>,
    },
    /// The resource is too large to be kept, or the page to be answered.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Other processes change the resource faster than this one; maps to 503.
    #[error("too many requests change this resource at the same time, try again later")]
    Contention,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    /// Creates the error of a resource that isn't there for the caller.
    #[must_use]
    pub fn not_found(resource_type: &ResourceType, id: &ResourceId) -> Self {
        Self::NotFound {
            resource_type: resource_type.name().clone(),
            id: id.clone(),
        }
    }

    /// Returns one word for the kind of the refusal, for logs: nothing of the request stands in it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "notFound",
            Self::ReadOnly => "readOnly",
            Self::PreconditionFailed => "preconditionFailed",
            Self::PreconditionRequired => "preconditionRequired",
            Self::Uniqueness { .. } => "uniqueness",
            Self::IdTaken { .. } => "idTaken",
            Self::InvalidId { .. } => "invalidId",
            Self::NameTaken { .. } => "nameTaken",
            Self::UnknownMembers { .. } => "unknownMembers",
            Self::Rejected(rejection) => rejection.kind(),
            Self::Validation(_) => "validation",
            Self::UserName(_) => "userName",
            Self::Patch(_) => "patch",
            Self::Message(_) => "message",
            Self::FilterSyntax(_) => "filterSyntax",
            Self::Filter(_) => "filter",
            Self::Sort(_) => "sort",
            Self::Cursor(_) => "cursor",
            Self::Unsupported(_) => "notImplemented",
            Self::NotKept { .. } => "notKept",
            Self::Partly { error, .. } => error.kind(),
            Self::Limit(_) => "limit",
            Self::Contention => "contention",
            Self::Store(StoreError::Exhausted(_)) => "exhausted",
            Self::Store(StoreError::Refused(_)) => "storeRefused",
            Self::Store(_) => "store",
        }
    }
}

impl ToErrorBody for EngineError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = || format_smolstr!("{self}");
        match self {
            Self::NotFound { .. } => ErrorBody::new(404, detail()),
            Self::ReadOnly => ErrorBody::new(403, detail()),
            Self::PreconditionFailed => ErrorBody::new(412, detail()),
            Self::PreconditionRequired => ErrorBody::new(428, detail()),
            Self::Uniqueness { .. } | Self::IdTaken { .. } | Self::NameTaken { .. } => {
                ErrorBody::new(409, detail()).with_scim_type(ScimType::Uniqueness)
            }
            Self::InvalidId { .. } | Self::UnknownMembers { .. } => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail())
            }
            Self::Rejected(rejection) => rejection.to_error_body(),
            Self::Validation(error) => error.to_error_body(),
            Self::UserName(error) => error.to_error_body(),
            Self::Patch(error) => error.to_error_body(),
            Self::Message(error) => error.to_error_body(),
            Self::FilterSyntax(error) => error.to_error_body(),
            Self::Filter(error) => error.to_error_body(),
            Self::Sort(error) => error.to_error_body(),
            Self::Cursor(error) => error.to_error_body(),
            Self::Unsupported(feature) => feature.to_error_body(),
            Self::NotKept { .. } => ErrorBody::bad_request(ScimType::Mutability, detail()),
            Self::Partly { error, .. } => {
                let mut body = error.to_error_body();
                body.detail = detail();
                body
            }
            Self::Limit(error) => error.to_error_body(),
            Self::Contention => ErrorBody::new(503, detail()),
            Self::Store(error) => error.to_error_body(),
        }
    }
}

/// Returns an id as far as it can be one that was given out: a path may be of any length.
fn shortened(id: &ResourceId) -> SmolStr {
    let mut characters = id.as_str().chars();
    let shown: SmolStr = characters.by_ref().take(64).collect();
    if characters.next().is_none() {
        shown
    } else {
        format_smolstr!("{shown}…")
    }
}

/// Names the first of the members, which are many where a provider starts anew.
fn among(members: &[ResourceId]) -> SmolStr {
    members
        .first()
        .map(|first| format_smolstr!(", `{first}` among them"))
        .unwrap_or_default()
}
