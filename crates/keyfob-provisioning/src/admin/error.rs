//! Why an administrator's action did nothing.

use keyfob_core::{ErrorBody, ResourceId, ToErrorBody};
use keyfob_engine::EngineError;
use keyfob_store::StoreError;
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use crate::{
    life::StateError,
    provisioning::{DomainError, EmailDomain},
    refusal::Refusal,
    token::TokenError,
};

/// Why an administrator's action did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Another organization has the name.
    #[error("there is an organization `{0}` already")]
    NameTaken(SmolStr),
    /// An organization has no name.
    #[error("an organization needs a name")]
    NameMissing,
    /// No organization has the name.
    #[error("there is no organization `{0}`")]
    NoSuchOrganization(SmolStr),
    /// The token opens an organization already.
    #[error("the token is in use")]
    TokenTaken,
    /// Only an administrator of the organization may do it.
    #[error("only an administrator of the organization may do this")]
    Forbidden,
    /// What can't be undone was asked for without a confirmation.
    #[error("this can't be undone and needs a confirmation")]
    ConfirmationRequired,
    /// The organization is not linked to a provider.
    #[error("the organization is not linked to a provider; adding an e-mail domain links it")]
    NotEnabled,
    /// The profile allows one token.
    #[error("an organization has one token; refresh it to get another")]
    OneToken,
    /// The organization has a token of that name.
    #[error("there is a token `{0}` already")]
    TokenNameTaken(SmolStr),
    /// The organization has no such token.
    #[error("there is no token `{0}`")]
    NoSuchToken(SmolStr),
    /// There are several tokens, and it is not said which.
    #[error("the organization has several tokens; name the one to refresh")]
    AmbiguousToken,
    /// A domain is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The organization doesn't have the domain.
    #[error("the organization doesn't have the e-mail domain `{0}`")]
    NoSuchDomain(EmailDomain),
    /// Users have addresses in the domain.
    #[error("{users} users have addresses in `{domain}`, and the provider could not change them any more")]
    DomainInUse {
        /// The domain.
        domain: EmailDomain,
        /// How many users.
        users: usize,
    },
    /// The attribute can't be left out of what is synchronized.
    #[error("`{0}` is required and always synchronized")]
    RequiredAttribute(SmolStr),
    /// Users have no such attribute.
    #[error("users have no attribute `{0}`")]
    UnknownAttribute(SmolStr),
    /// The registry has no users.
    #[error("the service has no users")]
    NoUsers,
    /// There is no such user.
    #[error("there is no user `{0}`")]
    NoSuchUser(SmolStr),
    /// Several deleted users have the name, and nobody else has it.
    #[error(
        "several deleted users have the name `{name}`, and one has to be named by id: {}",
        listed(ids)
    )]
    SeveralUsers {
        /// The name.
        name: SmolStr,
        /// Their ids, in the order in which they were deleted.
        ids: Vec<ResourceId>,
    },
    /// The state of the user doesn't allow it.
    #[error("user `{user}` {reason}")]
    State {
        /// The user.
        user: ResourceId,
        /// Why.
        reason: StateError,
    },
    /// The change was refused as a provider's would be.
    #[error(transparent)]
    Engine(EngineError),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The organization is being changed by others at the same time, again and again.
    #[error("too many administrators change the organization at the same time")]
    Contention,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EngineError> for AdminError {
    fn from(error: EngineError) -> Self {
        if let Some(Refusal::State { user, reason }) = Refusal::of(&error) {
            return Self::State {
                user: user.clone(),
                reason: *reason,
            };
        }
        match error {
            EngineError::Contention => Self::Contention,
            EngineError::Store(error) => Self::Store(error),
            error => Self::Engine(error),
        }
    }
}

impl ToErrorBody for AdminError {
    /// For applications that offer administrators an interface over HTTP.
    fn to_error_body(&self) -> ErrorBody {
        let status = match self {
            Self::Engine(error) => return error.to_error_body(),
            Self::Store(error) => return error.to_error_body(),
            Self::Forbidden => 403,
            Self::NoSuchOrganization(_)
            | Self::NoSuchToken(_)
            | Self::NoSuchDomain(_)
            | Self::NoSuchUser(_) => 404,
            Self::NameTaken(_)
            | Self::TokenTaken
            | Self::SeveralUsers { .. }
            | Self::TokenNameTaken(_)
            | Self::OneToken
            | Self::NotEnabled
            | Self::DomainInUse { .. } => 409,
            Self::State { reason, .. } => reason.status(),
            Self::Contention => 503,
            Self::Token(_) | Self::NoUsers => 500,
            _ => 400,
        };
        ErrorBody::new(status, self.to_smolstr())
    }
}

/// The first ids of a list that may be long.
fn listed(ids: &[ResourceId]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > SHOWN { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
}
