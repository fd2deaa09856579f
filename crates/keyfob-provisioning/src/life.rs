//! The life of users as data: what each act comes to in each state, by whose hand.

use keyfob_core::Resource;
use keyfob_engine::{Actor, Loaded, State, is_active};
use thiserror::Error;

use crate::state::{Invitation, Origin, OwnState as _, ProvisionedState as _};

/// Where a user stands in its life, and who put it there. Of a user that was removed for good nothing is left, and
/// every act finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Invited,
    Uninvited,
    Active,
    Deactivated(Origin),
    Deleted(Origin),
}

impl Standing {
    /// Returns the standing of a user, deleted or not.
    pub(crate) fn of_loaded(loaded: &Loaded) -> Self {
        if loaded.is_hidden() {
            Self::Deleted(loaded.state.deleted_by())
        } else {
            Self::of(&loaded.resource, &loaded.state)
        }
    }

    /// The standing of a user that is not deleted.
    pub(crate) fn of(document: &Resource, state: &State) -> Self {
        if !is_active(document) {
            return Self::Deactivated(state.deactivated_by().unwrap_or(Origin::Provider));
        }
        match state.invitation() {
            Some(Invitation::Sent) => Self::Invited,
            Some(Invitation::Withdrawn) => Self::Uninvited,
            Some(Invitation::Due) | None => Self::Active,
        }
    }
}

/// What is done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is said not to be active.
    Deactivate,
    /// It is said to be active.
    Activate,
    /// It is changed, and nothing is said of whether it is active.
    Change,
    /// It is sent to the deleted users.
    Delete,
    /// It is removed for good.
    Purge,
    /// A user of its name is created.
    Create,
    /// It is brought back from among the deleted users.
    Restore,
    /// It is invited, for the first time or again.
    Invite,
    /// Its invitation is withdrawn.
    Withdraw,
    /// It accepts its invitation.
    Accept,
}

/// By whose hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// The identity provider, over SCIM.
    Provider,
    /// Anybody else, where a provider manages the user.
    Administrator,
    /// Anybody else, where no provider does.
    Owner,
    /// The application that invites users.
    Application,
}

impl Party {
    pub(crate) fn of(actor: Actor, is_managed: bool) -> Self {
        match actor {
            Actor::Provider => Self::Provider,
            _ if is_managed => Self::Administrator,
            _ => Self::Owner,
        }
    }
}

/// What an act comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The user stays where it stands.
    Same,
    /// The user is in use: active, or invited where it has an invitation to accept.
    InUse,
    /// The user has no invitation any more, and has to be invited anew before it can accept one.
    Uninvited,
    /// The user is deactivated. One that is deleted stays so and remembers it.
    Deactivated(Origin),
    /// The user is among the deleted ones, and deactivated if it comes back.
    Deleted(Origin),
    /// The user is no longer deleted, and stands where it stood.
    Restored,
    /// Nothing is left of the user.
    Purged,
    /// There is no such user for whoever asks.
    Unknown,
    /// It is refused.
    Refused(StateError),
}

/// Why the state of a user doesn't allow what is asked for. The message goes on from the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// What is deactivated is not deactivated again.
    #[error("is deactivated already")]
    AlreadyDeactivated,
    /// Whoever is in use is not activated.
    #[error("is not deactivated")]
    NotDeactivated,
    /// A provider's deactivation is the provider's to lift.
    #[error("was deactivated by the identity provider and can only be activated there")]
    DeactivatedByProvider,
    /// A deactivated user is changed, or accepts an invitation.
    #[error("is deactivated and has to be activated first")]
    Deactivated,
    /// A user whom the provider holds for active is deleted by somebody else.
    #[error("has to be deactivated in the identity provider first")]
    ActiveInProvider,
    /// An active user is deleted.
    #[error("has to be deactivated first")]
    Active,
    /// Of a deleted user no more can be done than to bring it back or to remove it for good.
    #[error("is deleted and has to be restored first")]
    Deleted,
    /// Whoever is not deleted is not brought back.
    #[error("is not deleted")]
    NotDeleted,
    /// Nobody accepts an invitation that was withdrawn, and none is withdrawn that was accepted or never sent.
    #[error("has no invitation")]
    NotInvited,
}

impl StateError {
    /// Returns one word for the reason, by which programs and logs know it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AlreadyDeactivated => "alreadyDeactivated",
            Self::NotDeactivated => "notDeactivated",
            Self::DeactivatedByProvider => "deactivatedByProvider",
            Self::Deactivated => "deactivated",
            Self::ActiveInProvider => "mustDeactivateInIdp",
            Self::Active => "active",
            Self::Deleted => "deleted",
            Self::NotDeleted => "notDeleted",
            Self::NotInvited => "notInvited",
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::DeactivatedByProvider | Self::ActiveInProvider => 403,
            _ => 409,
        }
    }
}

/// The standings in the order of the table's columns.
const STANDINGS: [Standing; 7] = [
    Standing::Invited,
    Standing::Uninvited,
    Standing::Active,
    Standing::Deactivated(Origin::Provider),
    Standing::Deactivated(Origin::Administrator),
    Standing::Deleted(Origin::Provider),
    Standing::Deleted(Origin::Administrator),
];

/// Who does what, and what it comes to in each standing.
#[rustfmt::skip]
const TABLE: [(Party, Act, [Outcome; STANDINGS.len()]); 20] = {
    use Outcome::{InUse, Purged, Refused, Restored, Same, Uninvited, Unknown};
    use Party::{Administrator, Application, Owner, Provider};
    use StateError::{
        Active, ActiveInProvider, AlreadyDeactivated, Deactivated, DeactivatedByProvider, Deleted, NotDeactivated, NotDeleted,
        NotInvited,
    };
    const BY_PROVIDER: Outcome = Outcome::Deactivated(Origin::Provider);
    const BY_ADMINISTRATOR: Outcome = Outcome::Deactivated(Origin::Administrator);
    const GONE: Outcome = Outcome::Deleted(Origin::Provider);
    const AWAY: Outcome = Outcome::Deleted(Origin::Administrator);
    [
        // An administrator's deletion means to the provider that the user is deactivated (D-10), its own that there is none (D-9).
        (Provider, Act::Deactivate, [BY_PROVIDER, BY_PROVIDER, BY_PROVIDER, Same, BY_PROVIDER, Unknown, BY_PROVIDER]),
        (Provider, Act::Activate, [Same, Same, Same, InUse, InUse, Unknown, InUse]),
        (Provider, Act::Change, [Same, Same, Same, Same, Same, Unknown, Same]),
        (Provider, Act::Delete, [GONE, GONE, GONE, GONE, GONE, Unknown, GONE]),
        (Provider, Act::Create, [Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), InUse, InUse]),
        // U-7, U-8, D-2: what the provider has said of a user that it manages stands.
        (Administrator, Act::Deactivate, [BY_ADMINISTRATOR, BY_ADMINISTRATOR, BY_ADMINISTRATOR, Refused(AlreadyDeactivated), Same, Refused(Deleted), Refused(Deleted)]),
        (Administrator, Act::Activate, [Refused(NotDeactivated), Refused(NotDeactivated), Refused(NotDeactivated), Refused(DeactivatedByProvider), InUse, Refused(Deleted), Refused(Deleted)]),
        (Administrator, Act::Change, [Same, Same, Same, Refused(Deactivated), Refused(Deactivated), Refused(Deleted), Refused(Deleted)]),
        (Administrator, Act::Delete, [Refused(ActiveInProvider), Refused(ActiveInProvider), Refused(ActiveInProvider), AWAY, Refused(ActiveInProvider), Same, Same]),
        (Administrator, Act::Purge, [Refused(ActiveInProvider), Refused(ActiveInProvider), Refused(ActiveInProvider), Purged, Refused(ActiveInProvider), Purged, Purged]),
        (Administrator, Act::Restore, [Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Restored, Restored]),
        // No provider has a say.
        (Owner, Act::Deactivate, [BY_ADMINISTRATOR, BY_ADMINISTRATOR, BY_ADMINISTRATOR, Same, Same, Refused(Deleted), Refused(Deleted)]),
        (Owner, Act::Activate, [Refused(NotDeactivated), Refused(NotDeactivated), Refused(NotDeactivated), InUse, InUse, Refused(Deleted), Refused(Deleted)]),
        (Owner, Act::Change, [Same, Same, Same, Refused(Deactivated), Refused(Deactivated), Refused(Deleted), Refused(Deleted)]),
        (Owner, Act::Delete, [Refused(Active), Refused(Active), Refused(Active), AWAY, AWAY, Same, Same]),
        (Owner, Act::Purge, [Refused(Active), Refused(Active), Refused(Active), Purged, Purged, Purged, Purged]),
        (Owner, Act::Restore, [Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Refused(NotDeleted), Restored, Restored]),
        (Application, Act::Invite, [InUse, InUse, InUse, Refused(Deactivated), Refused(Deactivated), Refused(Deleted), Refused(Deleted)]),
        (Application, Act::Withdraw, [Uninvited, Same, Refused(NotInvited), Refused(Deactivated), Refused(Deactivated), Refused(Deleted), Refused(Deleted)]),
        // U-12: whoever has accepted may say so again, and an invitation that was withdrawn is none.
        (Application, Act::Accept, [InUse, Refused(NotInvited), Same, Refused(Deactivated), Refused(Deactivated), Refused(Deleted), Refused(Deleted)]),
    ]
};

/// What an act comes to. What nobody has provided for is nobody's to do.
pub(crate) fn outcome(standing: Standing, party: Party, act: Act) -> Outcome {
    let row = TABLE.iter().find(|(by, what, _)| (*by, *what) == (party, act));
    let column = STANDINGS.iter().position(|column| *column == standing);
    row.zip(column)
        .and_then(|((_, _, outcomes), column)| outcomes.get(column).copied())
        .unwrap_or(Outcome::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_in_use_again_by_a_deletion_or_a_change_and_nothing_but_a_purge_leaves_nothing() {
        for (party, act, outcomes) in TABLE {
            for (standing, outcome) in STANDINGS.into_iter().zip(outcomes) {
                let brings_back = matches!(act, Act::Activate | Act::Create | Act::Invite | Act::Accept);
                assert!(
                    outcome != Outcome::InUse || brings_back,
                    "{party:?} {act:?} {standing:?}"
                );
                assert_eq!(
                    outcome == Outcome::Purged,
                    act == Act::Purge && !matches!(outcome, Outcome::Refused(_))
                );
                assert_eq!(
                    super::outcome(standing, party, act),
                    outcome,
                    "no row hides another"
                );
            }
        }
    }
}
