//! Why the product refuses a change.

use keyfob_core::{ErrorBody, ResourceId, ScimType, ToErrorBody};
use keyfob_engine::{EngineError, Explanation, Rejection};
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

    /// Returns one word for the kind of the refusal, by which programs and logs know it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DomainNotAllowed { .. } => "domainNotAllowed",
            Self::DomainMissing { .. } => "domainMissing",
            Self::PhoneLocked => "phoneLocked",
            Self::ManagedByProvider { .. } => "managedByProvider",
            Self::State { reason, .. } => reason.code(),
            Self::Forbidden => "forbidden",
            Self::GroupsDisabled => "groupsDisabled",
            Self::NoDefaultUnit => "noDefaultUnit",
        }
    }

    /// Returns the explanation of a kind of refusal: of the product's own by [`code`](Self::code), or of those that the engine
    /// knows.
    ///
    /// ```
    /// use keyfob_provisioning::Refusal;
    ///
    /// let explanation = Refusal::explanation("groupsDisabled").unwrap();
    /// assert_eq!(explanation.reason, "the organization takes no groups from its identity provider");
    /// assert!(Refusal::explanation("uniqueness").is_some(), "the engine's");
    /// ```
    #[must_use]
    pub fn explanation(code: &str) -> Option<Explanation> {
        let own = EXPLANATIONS.iter().find(|explanation| explanation.code == code);
        own.copied().or_else(|| Explanation::of(code))
    }

    /// Lists the explanations of the product's own refusals.
    pub fn explanations() -> impl Iterator<Item = Explanation> {
        EXPLANATIONS.iter().copied()
    }
}

/// The product's own refusals, as whoever looks after a provider has to know them.
const EXPLANATIONS: &[Explanation] = &[
    Explanation::new(
        "domainNotAllowed",
        "an address is not in one of the organization's e-mail domains",
        "add the domain to the organization, or take the user out of the provider's assignment",
    ),
    Explanation::new(
        "domainMissing",
        "an address has no e-mail domain, and the organization takes addresses of its own domains alone",
        "map an attribute with an e-mail address in the provider, and give the user a value there",
    ),
    Explanation::new(
        "phoneLocked",
        "the identity provider alone changes the phone number of a user whom it manages",
        "change the phone number in the provider",
    ),
    Explanation::new(
        "managedByProvider",
        "the identity provider alone changes what it manages",
        "change it in the provider",
    ),
    Explanation::new(
        "forbidden",
        "what is provisioned belongs to the whole organization",
        "let an administrator of the organization change it",
    ),
    Explanation::new(
        "groupsDisabled",
        "the organization takes no groups from its identity provider",
        "turn groups on in what the organization synchronizes, or the provisioning of groups off in the provider",
    ),
    Explanation::new(
        "noDefaultUnit",
        "the organization has no default unit, which new users join",
        "name the default unit of the organization; the provider repeats the request",
    ),
    Explanation::new(
        "alreadyDeactivated",
        "the user is deactivated already",
        "nothing: the user is as the request wants it",
    ),
    Explanation::new(
        "notDeactivated",
        "the user is not deactivated",
        "nothing: the user is as the request wants it",
    ),
    Explanation::new(
        "deactivatedByProvider",
        "the identity provider has deactivated the user",
        "activate the user in the provider",
    ),
    Explanation::new(
        "deactivated",
        "the user is deactivated",
        "activate the user first, where it was deactivated",
    ),
    Explanation::new(
        "mustDeactivateInIdp",
        "the identity provider holds the user for active",
        "deactivate the user in the provider first",
    ),
    Explanation::new("active", "the user is active", "deactivate the user first"),
    Explanation::new("deleted", "the user is deleted", "restore the user first"),
    Explanation::new(
        "notDeleted",
        "the user is not deleted",
        "look for the user by its user name in the provider, and let it match the user that is there",
    ),
    Explanation::new(
        "notInvited",
        "the user has no invitation",
        "invite the user first",
    ),
];

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
        let (body, code) = (refusal.to_error_body(), refusal.code());
        Self::other(refusal, body).of_kind(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_an_explanation_of_its_own() {
        let reasons = [
            StateError::AlreadyDeactivated,
            StateError::NotDeactivated,
            StateError::DeactivatedByProvider,
            StateError::Deactivated,
            StateError::ActiveInProvider,
            StateError::Active,
            StateError::Deleted,
            StateError::NotDeleted,
            StateError::NotInvited,
        ];
        let user = ResourceId::new("u-1");
        let states = reasons.map(|reason| Refusal::State {
            user: user.clone(),
            reason,
        });
        let others = [
            Refusal::DomainNotAllowed {
                path: "userName".into(),
                domain: "example.com".parse().unwrap(),
            },
            Refusal::DomainMissing {
                path: "userName".into(),
                error: "".parse::<EmailDomain>().unwrap_err(),
            },
            Refusal::PhoneLocked,
            Refusal::ManagedByProvider { what: "the group" },
            Refusal::Forbidden,
            Refusal::GroupsDisabled,
            Refusal::NoDefaultUnit,
        ];
        let codes: Vec<_> = states.iter().chain(&others).map(Refusal::code).collect();
        assert_eq!(codes.len(), EXPLANATIONS.len());
        for code in codes {
            let Explanation { reason, remedy, .. } = Refusal::explanation(code).unwrap();
            assert!(!reason.ends_with('.') && !remedy.ends_with('.'), "{code}");
            assert_eq!(Explanation::of(code), None, "{code} is one of the engine's");
        }
        let rejection = Rejection::from(Refusal::GroupsDisabled);
        assert_eq!(rejection.kind(), "groupsDisabled", "logs name it");
    }
}
