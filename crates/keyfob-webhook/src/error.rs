//! Why an administrator's action came to nothing.

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody};
use keyfob_engine::{CommitError, EngineError, StoreError};
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

/// The error when an action on webhooks fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Only an administrator of the organization or an application may do it; maps to 403.
    #[error("only an administrator or an application may change webhooks")]
    Forbidden,
    /// The address is none to which messages are sent; maps to 400 `invalidValue`.
    #[error("`{url}` can't be the address of a webhook: {reason}")]
    Url {
        /// The address, without its query.
        url: SmolStr,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text is no type of events; maps to 400 `invalidValue`.
    #[error("`{0}` is no type of events such as `User.created` or `User.*`")]
    Event(SmolStr),
    /// There are as many as there may be; maps to 400 `tooMany`.
    #[error("at most {limit} {what}")]
    TooMany {
        /// The number that there may be.
        limit: usize,
        /// What there may be so many of.
        what: &'static str,
    },
    /// There is no such webhook; maps to 404.
    #[error("there is no webhook `{0}`")]
    NotFound(ResourceId),
    /// The webhook has no such dead letter; maps to 404.
    #[error("the webhook has no dead letter `{0}`")]
    NoLetter(ResourceId),
    /// The webhook is paused, so that nothing is sent; maps to 409.
    #[error("the webhook is paused; resume it first")]
    Paused,
    /// The store doesn't keep what webhooks need; maps to 501.
    #[error("the store doesn't keep webhooks")]
    NotKept,
    /// The engine or the store failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for WebhookError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl WebhookError {
    /// Returns what a refused commit of several webhooks' resources is.
    pub(crate) fn of_commit(error: CommitError, id: &ResourceId) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::NotFound { .. } => Self::NotFound(id.clone()),
            CommitError::VersionMismatch { .. } | CommitError::IdTaken { .. } => {
                EngineError::Contention.into()
            }
            error => StoreError::internal(error).into(),
        }
    }
}

impl ToErrorBody for WebhookError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = self.to_smolstr();
        match self {
            Self::Forbidden => ErrorBody::new(403, detail),
            Self::Url { .. } | Self::Event(_) => ErrorBody::bad_request(ScimType::InvalidValue, detail),
            Self::TooMany { .. } => ErrorBody::bad_request(ScimType::TooMany, detail),
            Self::NotFound(_) | Self::NoLetter(_) => ErrorBody::new(404, detail),
            Self::Paused => ErrorBody::new(409, detail),
            Self::NotKept => ErrorBody::new(501, detail),
            Self::Engine(error) => error.to_error_body(),
        }
    }
}
