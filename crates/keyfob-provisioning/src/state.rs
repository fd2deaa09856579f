//! The state that the product keeps beside users and groups: who manages them and where users stand in their life.

use std::fmt;

use keyfob_core::{DateTime, Resource};
use keyfob_engine::{Actor, State};
use smol_str::{SmolStr, ToSmolStr};

use crate::life::Standing;

const MANAGED_BY: &str = "managedBy";
const INVITATION: &str = "invitation";
const DEACTIVATED_BY: &str = "deactivatedBy";
const DELETED_BY: &str = "deletedBy";
const DELETED_AT: &str = "deletedAt";
const DEFAULT_UNIT: &str = "unit";

/// The product's part of a [`State`].
pub trait ProvisionedState {
    /// Returns the link over which a provider manages the resource. It manages it as long as that link exists.
    fn managed_by(&self) -> Option<&str>;

    /// Returns true if the user was invited and has not accepted yet. A user that is deactivated or deleted meanwhile still has
    /// to accept.
    fn is_invited(&self) -> bool;

    /// Returns from which side the user was deactivated.
    fn deactivated_by(&self) -> Option<Origin>;

    /// Returns the unit that the user joined when it was created.
    fn default_unit(&self) -> Option<&str>;
}

impl ProvisionedState for State {
    fn managed_by(&self) -> Option<&str> {
        text(self, MANAGED_BY)
    }

    fn is_invited(&self) -> bool {
        self.invitation() == Some(Invitation::Sent)
    }

    fn deactivated_by(&self) -> Option<Origin> {
        text(self, DEACTIVATED_BY).and_then(Origin::parse)
    }

    fn default_unit(&self) -> Option<&str> {
        text(self, DEFAULT_UNIT)
    }
}

/// The part of the state that this crate alone reads and writes.
pub(crate) trait OwnState {
    /// Returns from which side the user was deleted. What is hidden and doesn't say so was deleted by the provider.
    fn deleted_by(&self) -> Origin;

    /// Returns when the user was deleted.
    fn deleted_at(&self) -> Option<DateTime>;

    /// Notes that the user is deleted, or that it is not any longer.
    fn set_deleted(&mut self, deleted: Option<(Origin, DateTime)>);

    /// Returns where the user's invitation stands; none where it has accepted, or was never to be invited.
    fn invitation(&self) -> Option<Invitation>;

    fn set_invitation(&mut self, invitation: Option<Invitation>);

    fn set_default_unit(&mut self, unit: SmolStr);

    fn set_managed_by(&mut self, link: &str);

    fn set_deactivated_by(&mut self, origin: Option<Origin>);
}

impl OwnState for State {
    fn deleted_by(&self) -> Origin {
        let deleted_by = text(self, DELETED_BY).and_then(Origin::parse);
        deleted_by.unwrap_or(Origin::Provider)
    }

    fn deleted_at(&self) -> Option<DateTime> {
        text(self, DELETED_AT)?.parse().ok()
    }

    fn set_deleted(&mut self, deleted: Option<(Origin, DateTime)>) {
        if let Some((origin, at)) = deleted {
            self.set(DELETED_BY, origin.as_str());
            self.set(DELETED_AT, at.to_smolstr());
        } else {
            self.remove(DELETED_BY);
            self.remove(DELETED_AT);
        }
    }

    fn invitation(&self) -> Option<Invitation> {
        text(self, INVITATION).and_then(Invitation::parse)
    }

    fn set_invitation(&mut self, invitation: Option<Invitation>) {
        match invitation {
            Some(invitation) => self.set(INVITATION, invitation.as_str()),
            None => self.remove(INVITATION),
        }
    }

    fn set_default_unit(&mut self, unit: SmolStr) {
        self.set(DEFAULT_UNIT, unit);
    }

    fn set_managed_by(&mut self, link: &str) {
        self.set(MANAGED_BY, link);
    }

    fn set_deactivated_by(&mut self, origin: Option<Origin>) {
        match origin {
            Some(origin) => self.set(DEACTIVATED_BY, origin.as_str()),
            None => self.remove(DEACTIVATED_BY),
        }
    }
}

fn text<'s>(state: &'s State, name: &str) -> Option<&'s str> {
    state.get(name)?.as_str()
}

/// The stage of an invitation that was not accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invitation {
    /// The user was created while it wasn't active, and is invited as soon as it is.
    Due,
    /// The user was invited.
    Sent,
    /// The invitation was withdrawn before the user accepted it.
    Withdrawn,
}

impl Invitation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Due, Self::Sent, Self::Withdrawn]
            .into_iter()
            .find(|invitation| invitation.as_str() == text)
    }
}

/// From which side a user was deactivated or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// From the provider's, over SCIM.
    Provider,
    /// From the organization's, by one of its administrators.
    Administrator,
}

impl Origin {
    pub(crate) fn of(actor: Actor) -> Self {
        match actor {
            Actor::Provider => Self::Provider,
            _ => Self::Administrator,
        }
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Administrator => "administrator",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Provider, Self::Administrator]
            .into_iter()
            .find(|origin| origin.as_str() == text)
    }
}

/// The stage of a user's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserState {
    /// Created, and invited to the application; SCIM sees it as active.
    Invited,
    /// Created, and not invited any more: the invitation was withdrawn before it was accepted. SCIM sees it as active, and no
    /// door opens to it.
    Uninvited,
    /// In use.
    Active,
    /// Not allowed to do anything, with everything that it had still there.
    Deactivated,
    /// Among the deleted users, from where it can be brought back.
    Deleted,
}

impl UserState {
    /// The state of a user that is not deleted.
    #[must_use]
    pub fn of(document: &Resource, state: &State) -> Self {
        match Standing::of(document, state) {
            Standing::Invited => Self::Invited,
            Standing::Uninvited => Self::Uninvited,
            Standing::Active => Self::Active,
            Standing::Deactivated(_) => Self::Deactivated,
            Standing::Deleted(_) => Self::Deleted,
        }
    }

    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Uninvited => "uninvited",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for UserState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
