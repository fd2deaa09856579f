//! Why a rule refuses a change.

use std::{error::Error as StdError, sync::Arc};

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use crate::{
    provisioning::{DomainError, EmailDomain},
    state::StateError,
};

/// Why a change was refused by what the organization or its profile lays down.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
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
        /// What is wrong with it.
        error: DomainError,
    },
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
    /// The phone numbers of a user whom the provider manages are changed by somebody else; maps to 403.
    #[error("the phone number of a user whom the identity provider manages can only be changed there")]
    PhoneLocked,
    /// What the provider manages is changed by somebody else; maps to 403.
    #[error("{what} can only be changed in the identity provider")]
    ManagedByProvider {
        /// What it is, as in `the members of this group`.
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
    /// A group is put into itself; maps to 400 `invalidValue`.
    #[error("`members`: a group can't be a member of itself")]
    SelfMember,
    /// Somebody changes what is beyond his directory; maps to 403.
    #[error("what is provisioned belongs to the whole organization; only its administrators may change it")]
    Forbidden,
    /// The organization doesn't take groups from its provider; maps to 403.
    #[error("group sync disabled: the organization takes no groups from its identity provider")]
    GroupsDisabled,
    /// Users join a default unit, and the organization has named none; maps to 403.
    #[error("the organization has no default unit for new users")]
    NoDefaultUnit,
    /// Whatever a rule of the application's says.
    #[error("{error}")]
    Other {
        /// What is wrong, for those who know the rule.
        error: Arc<dyn StdError + Send + Sync>,
        /// What a client is told.
        body: ErrorBody,
    },
}

impl Rejection {
    /// A refusal of the application's, and what a client is told of it.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>, body: ErrorBody) -> Self {
        Self::Other {
            error: Arc::from(error.into()),
            body,
        }
    }
}

impl ToErrorBody for Rejection {
    fn to_error_body(&self) -> ErrorBody {
        let detail = || format_smolstr!("{self}");
        match self {
            Self::DomainNotAllowed { .. }
            | Self::DomainMissing { .. }
            | Self::RequiredAttribute { .. }
            | Self::TooLong { .. }
            | Self::SelfMember => ErrorBody::bad_request(ScimType::InvalidValue, detail()),
            Self::State { reason, .. } => ErrorBody::new(reason.status(), detail()),
            Self::PhoneLocked
            | Self::ManagedByProvider { .. }
            | Self::Forbidden
            | Self::GroupsDisabled
            | Self::NoDefaultUnit => ErrorBody::new(403, detail()),
            Self::Other { body, .. } => body.clone(),
        }
    }
}
