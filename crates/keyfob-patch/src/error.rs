//! Why a PATCH is refused.

use keyfob_core::{
    ErrorBody, ResourceId, ScimType, ToErrorBody, render::with_suggestion, schema::ResolveError,
    validate::ValidationError,
};
use keyfob_filter::{CompileError, ParseError};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// Why a PATCH request is refused; nothing of it was applied.
///
/// Its message counts operations from one, as people do.
///
/// ```
/// use keyfob_core::{Dialect, Registry, ToErrorBody, message::PatchRequest};
/// use keyfob_patch::Plan;
///
/// let request = PatchRequest::from_json(br#"{
///     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///     "Operations": [{"op": "replace", "path": "nickname", "value": "Babs"},
///                    {"op": "replace", "path": "usrName", "value": "bjensen"}]
/// }"#)?;
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let error = Plan::compile(request, user, Dialect::strict()).unwrap_err();
/// assert_eq!(error.to_string(), "operation 2: `User` has no attribute `usrName`");
/// assert_eq!((error.operation(), error.path()), (Some(1), Some("usrName")));
/// assert_eq!(error.suggestion(), Some("userName"));
/// assert_eq!(error.to_error_body().scim_type.unwrap().as_str(), "invalidPath");
/// # Ok::<(), keyfob_core::message::MessageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{}{}", place(*.operation), inner.kind)]
pub struct PatchError {
    operation: Option<usize>,
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    path: Option<SmolStr>,
    kind: PatchErrorKind,
}

/// What is wrong with a PATCH request.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PatchErrorKind {
    /// There are more changes than [`Plan::MAX_CHANGES`](crate::Plan::MAX_CHANGES); maps to `tooMany`.
    #[error("a request holds at most {limit} changes")]
    TooManyChanges {
        /// The limit.
        limit: usize,
    },
    /// There are more operations than [`Plan::MAX_OPERATIONS`](crate::Plan::MAX_OPERATIONS); maps to `tooMany`.
    #[error("a request holds at most {limit} operations, attributes in their values included")]
    TooManyOperations {
        /// The limit.
        limit: usize,
    },
    /// Applying the request would take more work than [`Plan::MAX_WORK`](crate::Plan::MAX_WORK) or
    /// [`Plan::with_work`](crate::Plan::with_work) allows; maps to `tooMany`.
    #[error(
        "the request would take more than {limit} steps of work on this resource: send fewer operations at once, or select \
         values by `value eq`"
    )]
    TooMuchWork {
        /// The limit.
        limit: usize,
    },
    /// The path is malformed; maps to `invalidPath`.
    #[error(transparent)]
    Path(#[from] ParseError),
    /// The path or a key names nothing that the resource type has; maps to `invalidPath`.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The value filter doesn't fit the attribute; maps to `invalidFilter`.
    #[error(transparent)]
    Filter(#[from] CompileError),
    /// A value filter where there is one value or none to select from; maps to `invalidPath`.
    #[error("`{attribute}` takes no value filter")]
    NotSelectable {
        /// What the filter follows.
        attribute: SmolStr,
    },
    /// `remove` without a path (RFC 7644 section 3.5.2.2); maps to `noTarget`.
    #[error("`remove` takes a path")]
    MissingPath,
    /// The value filter matches nothing (RFC 7644 section 3.5.2.3); maps to `noTarget`.
    #[error("no value of `{attribute}` matches the filter")]
    NoMatch {
        /// The attribute.
        attribute: SmolStr,
    },
    /// `add` or `replace` without a value; maps to `invalidSyntax`.
    #[error("`{operation}` takes a value")]
    MissingValue {
        /// The operation.
        operation: &'static str,
    },
    /// `remove` with a value, which might mean all values or that one; maps to `invalidSyntax`.
    #[error("`remove` of `{attribute}` takes no value: select with a value filter what to remove")]
    ValueOfRemove {
        /// The attribute.
        attribute: SmolStr,
    },
    /// `remove` with a value filter and a value; maps to `invalidSyntax`.
    #[error("`{path}` says what is removed: leave the value out")]
    ValueBesideFilter {
        /// The path.
        path: SmolStr,
    },
    /// `remove` with a value that can't name an element; maps to `invalidValue`.
    #[error("the value with which `{attribute}` is removed from names nothing: leave it out to remove all")]
    NothingNamed {
        /// The attribute.
        attribute: SmolStr,
    },
    /// Something else than an object where attributes belong; maps to `invalidValue`.
    #[error("attributes are an object, not {found}")]
    NotAttributes {
        /// The type of what was sent.
        found: &'static str,
    },
    /// Only the service provider sets the attribute; maps to `mutability`.
    #[error("`{attribute}` is readOnly")]
    ReadOnly {
        /// The attribute.
        attribute: SmolStr,
    },
    /// A required attribute would become unassigned (RFC 7644 section 3.5.2.2); maps to `mutability`.
    #[error("`{attribute}` is required and can't be removed")]
    Required {
        /// The attribute.
        attribute: SmolStr,
    },
    /// A value filter asks of a member that the same request adds what only the store knows, such as its type; maps to
    /// `noTarget`.
    #[error("what `{id}` is in `{attribute}` is known once it is stored: select it by `value`")]
    MemberUnknown {
        /// The relation.
        attribute: SmolStr,
        /// The member.
        id: ResourceId,
    },
    /// A value of a relation would change in place; maps to `mutability`.
    #[error("values of `{attribute}` are added and removed whole")]
    MemberChanged {
        /// The relation.
        attribute: SmolStr,
    },
    /// A value doesn't fit, an immutable attribute would change, or the result lacks something; maps as
    /// [`ValidationError`] does.
    #[error(transparent)]
    Value(#[from] ValidationError),
}

impl PatchError {
    pub(crate) fn new(operation: Option<usize>, path: Option<SmolStr>, kind: PatchErrorKind) -> Self {
        let inner = Box::new(Inner { path, kind });
        Self { operation, inner }
    }

    /// The operation that failed, counted from zero; none when the operations are fine one by one and what they
    /// result in is not.
    #[must_use]
    pub fn operation(&self) -> Option<usize> {
        self.operation
    }

    /// The path or the key that was sent, if there was one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.inner.path.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &PatchErrorKind {
        &self.inner.kind
    }

    /// What was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match self.kind() {
            PatchErrorKind::Path(error) => error.suggestion(),
            PatchErrorKind::Resolve(error) => error.suggestion().map(SmolStr::as_str),
            PatchErrorKind::Filter(error) => error.suggestion(),
            _ => None,
        }
    }
}

impl PatchErrorKind {
    fn scim_type(&self) -> ScimType {
        match self {
            Self::TooManyChanges { .. } | Self::TooManyOperations { .. } | Self::TooMuchWork { .. } => {
                ScimType::TooMany
            }
            Self::Path(_) | Self::Resolve(_) | Self::NotSelectable { .. } => ScimType::InvalidPath,
            Self::Filter(_) => ScimType::InvalidFilter,
            Self::MissingPath | Self::NoMatch { .. } | Self::MemberUnknown { .. } => ScimType::NoTarget,
            Self::MissingValue { .. } | Self::ValueOfRemove { .. } | Self::ValueBesideFilter { .. } => {
                ScimType::InvalidSyntax
            }
            Self::NotAttributes { .. } | Self::NothingNamed { .. } | Self::Value(_) => ScimType::InvalidValue,
            Self::ReadOnly { .. } | Self::Required { .. } | Self::MemberChanged { .. } => {
                ScimType::Mutability
            }
        }
    }
}

impl ToErrorBody for PatchError {
    fn to_error_body(&self) -> ErrorBody {
        let mut body = match self.kind() {
            PatchErrorKind::Filter(error) => error.to_error_body(),
            PatchErrorKind::Value(error) => error.to_error_body(),
            kind => ErrorBody::bad_request(kind.scim_type(), ""),
        };
        body.detail = with_suggestion(self.to_string(), self.suggestion()).into();
        body
    }
}

/// The words before the message that say which operation it is about.
fn place(operation: Option<usize>) -> SmolStr {
    match operation {
        None => SmolStr::default(),
        Some(index) => format_smolstr!("operation {}: ", index + 1),
    }
}
