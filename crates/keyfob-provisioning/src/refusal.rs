//! Why the product refuses a change.

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody};
use keyfob_engine::{EngineError, Rejection};
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use crate::{
    life::StateError,
    provisioning::{DomainError, EmailDomain},
};

/// Why a change was refused by what the organization or its profile lays down.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An address is not in one of the organization's domains; maps to 400 `invalidValue`.
    #[error("`{domain}` of `{path}` is not one of the organization's e-mail domains")]
    DomainNotAllowed {
        /// The attribute that holds the address.
        path: SmolStr,
        /// The domain.
        domain: EmailDomain,
    },
    /// An address has no domain, and the organization has rules for domains; maps to 400 `invalidValue`.
    #[error("`{path}` has no e-mail domain: {error}")]
    DomainMissing {
        /// The attribute that holds the address.
        path: SmolStr,
        /// The fault.
        error: DomainError,
    },
    /// The phone numbers of a user whom the provider manages are changed by somebody else; maps to 403.
    #[error("the phone number of a user whom the identity provider manages can only be changed there")]
    PhoneLocked,
    /// Somebody else changes a resource that the provider manages; maps to 403.
    #[error("{what} can only be changed in the identity provider")]
    ManagedByProvider {
        /// The thing, as in `the members of this group`.
        what: &'static str,
    },
    /// The state of a user doesn't allow it; maps to 409, or to 403 where it is the provider's alone to do.
    #[error("user `{user}` {reason}")]
    State {
        /// The user.
        user: ResourceId,
        /// Why.
        reason: StateError,
    },
    /// Somebody changes what is beyond his directory; maps to 403.
    #[error("what is provisioned belongs to the whole organization; only its administrators may change it")]
    Forbidden,
    /// The organization doesn't take groups from its provider; maps to 403.
    #[error("group sync disabled: the organization takes no groups from its identity provider")]
    GroupsDisabled,
    /// Users join a default unit, and the organization has named none; maps to 403.
    #[error("the organization has no default unit for new users")]
    NoDefaultUnit,
}

impl Refusal {
    /// Returns the product's refusal with which an operation ended, if it is one.
    #[must_use]
    pub fn of(error: &EngineError) -> Option<&Self> {
        match error {
            EngineError::Rejected(Rejection::Other { error, .. }) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl ToErrorBody for Refusal {
    fn to_error_body(&self) -> ErrorBody {
        let detail = self.to_smolstr();
        match self {
            Self::DomainNotAllowed { .. } | Self::DomainMissing { .. } => {
                ErrorBody::bad_request(ScimType::InvalidValue, detail)
            }
            Self::State { reason, .. } => ErrorBody::new(reason.status(), detail),
            Self::PhoneLocked
            | Self::ManagedByProvider { .. }
            | Self::Forbidden
            | Self::GroupsDisabled
            | Self::NoDefaultUnit => ErrorBody::new(403, detail),
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let body = refusal.to_error_body();
        Self::other(refusal, body)
    }
}
