//! Card credentials: what the texts come to that a provider submits for a user's card.

mod error;
mod kept;
mod rule;

use keyfob_card::{Card, Warning};
use keyfob_engine::State;
use keyfob_provisioning::UserState;
use smol_str::SmolStr;

pub(crate) use self::kept::Kept;
pub use self::{
    error::CredentialError,
    rule::{CredentialErrors, Credentials},
};

/// The credential of a user, as administrators see it. A user has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// The provider has sent something, and there is no card yet.
    Staged {
        /// The attributes that have to be sent for one; `credentialStatus` where it has to be `active` first.
        missing: Vec<SmolStr>,
        /// What is wrong with what was sent, where it was taken all the same.
        problem: Option<SmolStr>,
    },
    /// There is a card.
    Live {
        /// The card.
        card: CredentialCard,
        /// Whether it is in use.
        status: CardStatus,
        /// What was sent and had no part in the card.
        warnings: Vec<Warning>,
    },
    /// There was a card. Its number is free.
    Deleted,
}

/// Whether a user's card is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardStatus {
    /// It is.
    Active,
    /// It opens nothing until it is active again.
    Deactivated,
}

/// A user's card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialCard {
    /// The credential's id. It stays as long as the card; a card that was deleted comes back under another one.
    pub id: SmolStr,
    /// The name of the card's format, as the table of formats spells it.
    pub format: SmolStr,
    /// The facility code, where the format has one.
    pub facility: Option<u64>,
    /// The card number.
    pub number: u64,
    /// What readers send for the card, in hex digits; unknown where the format's layout is.
    pub word: Option<SmolStr>,
    /// What no other card of the organization has.
    key: SmolStr,
}

impl CredentialCard {
    /// Whether it is this card.
    fn is(&self, card: &Card<'_>) -> bool {
        self.number == card.number()
            && self.facility == card.facility()
            // Another table may spell the format's name in another way.
            && (self.format == card.format().name() || self.key == card.key())
    }
}

impl Credential {
    /// The credential in the state of a user, such as [`UserView::internal`](keyfob_provisioning::UserView::internal). There
    /// is none as long as the provider has sent nothing of it, and none where [`Credentials`] is not among the engine's
    /// rules.
    #[must_use]
    pub fn of(state: &State) -> Option<Self> {
        Kept::of(state).credential
    }

    /// The state's name: `staged`, `active`, `deactivated` or `deleted`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Staged { .. } => "staged",
            Self::Live {
                status: CardStatus::Active,
                ..
            } => "active",
            Self::Live {
                status: CardStatus::Deactivated,
                ..
            } => "deactivated",
            Self::Deleted => "deleted",
        }
    }

    /// The card, where there is one.
    #[must_use]
    pub fn card(&self) -> Option<&CredentialCard> {
        match self {
            Self::Live { card, .. } => Some(card),
            Self::Staged { .. } | Self::Deleted => None,
        }
    }

    /// Whether the card opens doors for a user who stands there in its life: while both are active. The credential of
    /// a user that is not stays as it is.
    #[must_use]
    pub fn is_effective(&self, user: UserState) -> bool {
        let active = matches!(
            self,
            Self::Live {
                status: CardStatus::Active,
                ..
            }
        );
        active && user == UserState::Active
    }
}
