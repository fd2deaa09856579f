//! Why a rule refuses a change.

use std::{error::Error as StdError, sync::Arc};

use keyfob_core::{ErrorBody, ScimType, ToErrorBody};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// Why a change was refused by the lifecycle, the profile or a rule.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// A user lacks what the profile demands of everybody; maps to 400 `invalidValue`.
    #[error("`{path}` is required")]
    RequiredAttribute {
        /// The attribute.
        path: SmolStr,
    },
    /// A value has more characters than there is room for; maps to 400 `invalidValue`.
    #[error("`{path}` has at most {limit} characters")]
    TooLong {
        /// The attribute.
        path: SmolStr,
        /// How many characters it may have.
        limit: usize,
    },
    /// A group is put into itself; maps to 400 `invalidValue`.
    #[error("`members`: a group can't be a member of itself")]
    SelfMember,
    /// A refusal of the lifecycle's or of a rule's own.
    #[error("{error}")]
    Other {
        /// What is wrong, for those who know the rule.
        error: Arc<dyn StdError + Send + Sync>,
        /// What a client is told.
        body: ErrorBody,
        /// One word for the kind of the refusal, for logs.
        kind: &'static str,
    },
}

impl Rejection {
    /// Creates a refusal of the application's, with the answer to the client.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>, body: ErrorBody) -> Self {
        Self::Other {
            error: Arc::from(error.into()),
            body,
            kind: "rule",
        }
    }

    /// Returns the same refusal as one of a kind of the application's own, of which logs name the kind. A refusal that the
    /// engine knows keeps its kind.
    ///
    /// ```
    /// use keyfob_core::ErrorBody;
    /// use keyfob_engine::Rejection;
    ///
    /// let refused = Rejection::other("the plan has 10 seats", ErrorBody::new(403, "all seats are taken"));
    /// assert_eq!(refused.of_kind("seats").kind(), "seats");
    /// ```
    #[must_use]
    pub fn of_kind(self, kind: &'static str) -> Self {
        match self {
            Self::Other { error, body, .. } => Self::Other { error, body, kind },
            known => known,
        }
    }

    /// Returns one word for the kind of the refusal, for logs: nothing of the request stands in it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RequiredAttribute { .. } => "required",
            Self::TooLong { .. } => "tooLong",
            Self::SelfMember => "selfMember",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl ToErrorBody for Rejection {
    fn to_error_body(&self) -> ErrorBody {
        let detail = || format_smolstr!("{self}");
        match self {
            Self::RequiredAttribute { .. } | Self::TooLong { .. } | Self::SelfMember => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail())
            }
            Self::Other { body, .. } => body.clone(),
        }
    }
}
