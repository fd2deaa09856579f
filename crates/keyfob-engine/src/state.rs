//! What the service knows of a resource beyond what providers send: who manages it and in which state it is.

mod life;

use std::{fmt, sync::Arc};

use keyfob_core::{DateTime, Object, Resource, Value};
use keyfob_store::Stored;
use smol_str::{SmolStr, ToSmolStr};

pub use self::life::StateError;
pub(crate) use self::life::{Act, Outcome, Party, Standing, outcome};
use crate::context::Actor;

/// What is kept with a resource and never seen over SCIM.
///
/// It stands beside the document: a client can neither read nor write nor filter by it. Rules keep what they need to know
/// next time under names of their own, such as `credential`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(Arc<Object>);

const MANAGED_BY: &str = "managedBy";
const INVITATION: &str = "invitation";
const DEACTIVATED_BY: &str = "deactivatedBy";
const DELETED_BY: &str = "deletedBy";
const DELETED_AT: &str = "deletedAt";
const DEFAULT_UNIT: &str = "unit";

impl State {
    /// Creates an empty state, as of a resource that nobody has changed through an engine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the state of a stored resource.
    #[must_use]
    pub fn of(stored: &Stored) -> Self {
        Self(Arc::clone(&stored.state))
    }

    /// Returns what a rule left under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Leaves something under this name.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        Arc::make_mut(&mut self.0).insert(name, value);
    }

    /// Forgets what stands under this name.
    pub fn remove(&mut self, name: &str) {
        if self.0.get(name).is_some() {
            Arc::make_mut(&mut self.0).remove(name);
        }
    }

    /// Returns the state as a store keeps it.
    pub(crate) fn into_object(self) -> Arc<Object> {
        self.0
    }

    /// Returns from which side the user was deleted. What is hidden and doesn't say so was deleted by the provider.
    pub(crate) fn deleted_by(&self) -> Origin {
        let deleted_by = self.0.get_str(DELETED_BY).and_then(Origin::parse);
        deleted_by.unwrap_or(Origin::Provider)
    }

    /// Returns when the user was deleted.
    pub(crate) fn deleted_at(&self) -> Option<DateTime> {
        self.0.get_str(DELETED_AT)?.parse().ok()
    }

    /// Notes that the user is deleted, or that it is not any longer.
    pub(crate) fn set_deleted(&mut self, deleted: Option<(Origin, DateTime)>) {
        if let Some((origin, at)) = deleted {
            self.set(DELETED_BY, origin.as_str());
            self.set(DELETED_AT, at.to_smolstr());
        } else {
            self.remove(DELETED_BY);
            self.remove(DELETED_AT);
        }
    }

    /// The link over which a provider manages the resource. It manages it as long as that link exists.
    #[must_use]
    pub fn managed_by(&self) -> Option<&str> {
        self.0.get_str(MANAGED_BY)
    }

    /// Returns true if the user was invited and has not accepted yet. A user that is deactivated or deleted meanwhile still has
    /// to accept.
    #[must_use]
    pub fn is_invited(&self) -> bool {
        self.invitation() == Some(Invitation::Sent)
    }

    /// Where the user's invitation stands; none where it has accepted, or was never to be invited.
    pub(crate) fn invitation(&self) -> Option<Invitation> {
        self.0.get_str(INVITATION).and_then(Invitation::parse)
    }

    /// Who deactivated the user.
    #[must_use]
    pub fn deactivated_by(&self) -> Option<Origin> {
        self.0.get_str(DEACTIVATED_BY).and_then(Origin::parse)
    }

    /// The unit that the user joined when it was created.
    #[must_use]
    pub fn default_unit(&self) -> Option<&str> {
        self.0.get_str(DEFAULT_UNIT)
    }

    pub(crate) fn set_default_unit(&mut self, unit: SmolStr) {
        self.set(DEFAULT_UNIT, unit);
    }

    pub(crate) fn set_managed_by(&mut self, link: &str) {
        self.set(MANAGED_BY, link);
    }

    pub(crate) fn set_invitation(&mut self, invitation: Option<Invitation>) {
        match invitation {
            Some(invitation) => self.set(INVITATION, invitation.as_str()),
            None => self.remove(INVITATION),
        }
    }

    pub(crate) fn set_deactivated_by(&mut self, origin: Option<Origin>) {
        match origin {
            Some(origin) => self.set(DEACTIVATED_BY, origin.as_str()),
            None => self.remove(DEACTIVATED_BY),
        }
    }
}

/// Where an invitation stands that was not accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invitation {
    /// The user was created while it wasn't active, and is invited as soon as it is.
    Due,
    /// The user was invited.
    Sent,
}

impl Invitation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Due, Self::Sent]
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

/// Where a user stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserState {
    /// Created, and invited to the application; SCIM sees it as active.
    Invited,
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
        if !is_active(document) {
            Self::Deactivated
        } else if state.is_invited() {
            Self::Invited
        } else {
            Self::Active
        }
    }

    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
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

/// The attribute that says over SCIM whether a user is active (RFC 7643 section 4.1.1).
pub(crate) const ACTIVE: &str = "active";

/// What a document says of whether its user is active, if it says anything.
pub(crate) fn said(document: &Resource) -> Option<bool> {
    document.core().get(ACTIVE).and_then(Value::as_bool)
}

/// Returns true if a user is active: unless its document says that it is not.
pub(crate) fn is_active(document: &Resource) -> bool {
    said(document).unwrap_or(true)
}
