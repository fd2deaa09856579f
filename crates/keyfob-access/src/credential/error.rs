//! Why the texts of a credential are refused.

use keyfob_card::CardError;
use keyfob_core::{ErrorBody, ScimType, ToErrorBody, render::with_suggestion};
use keyfob_engine::Explanation;
use smol_str::SmolStr;
use thiserror::Error;

/// Why what a provider sent for a user's card can't be taken; all of it maps to 400 `invalidValue`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is no such card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A credential is `active`, `deactivated` or `deleted`.
    #[error("a credential is `active`, `deactivated` or `deleted`, not `{status}`")]
    Status {
        /// What was sent.
        status: SmolStr,
        /// What it may have been meant to be.
        near: Option<SmolStr>,
    },
}

impl CredentialError {
    /// Why such requests are refused and what to change, as logs of requests name and administrators read it.
    pub const EXPLANATION: Explanation = Explanation::new(
        "credential",
        "there is no card such as the request describes",
        "correct the five attributes of the card in the provider; its log names the one that is wrong",
    );

    /// The error in words, and what may have been meant.
    pub(super) fn sentence(&self) -> SmolStr {
        let near = match self {
            Self::Card(CardError::UnknownFormat { near, .. }) if !near.is_empty() => {
                Some(near.join("` or `"))
            }
            Self::Status { near: Some(near), .. } => Some(near.to_string()),
            _ => None,
        };
        with_suggestion(self.to_string(), near.as_deref()).into()
    }
}

impl ToErrorBody for CredentialError {
    fn to_error_body(&self) -> ErrorBody {
        ErrorBody::bad_request(ScimType::InvalidValue, self.sentence())
    }
}
