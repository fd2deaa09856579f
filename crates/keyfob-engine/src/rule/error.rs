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
    },
}

impl Rejection {
    /// Creates a refusal of the application's, with the answer to the client.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>, body: ErrorBody) -> Self {
        Self::Other {
            error: Arc::from(error.into()),
            body,
        }
    }

    /// Returns one word for the kind of the refusal, for logs: nothing of the request stands in it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RequiredAttribute { .. } => "required",
            Self::TooLong { .. } => "tooLong",
            Self::SelfMember => "selfMember",
            Self::Other { .. } => "rule",
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
