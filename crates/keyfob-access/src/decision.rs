//! Why a door opens to a user, or stays closed.

use std::fmt;

use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Context, Store};
use keyfob_provisioning::UserState;
use smol_str::SmolStr;

use crate::{
    access::Access, door::Door, error::AccessError, keep::select, level::AccessLevel, schedule::LocalTime,
};

/// Why a door opens to a user at an instant, or stays closed. The message goes on from the user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoorReason {
    /// It opens by these access levels.
    Granted(Vec<SmolStr>),
    /// It stays closed: the user is in this state, and no door opens to a user that is not active.
    NotActive(UserState),
    /// It stays closed: the user is in no access group.
    NoAccessGroup,
    /// It stays closed: no access level of the user's access groups has the door.
    NoLevel,
    /// It stays closed: these access levels have the door, and grant access at other hours.
    OutsideHours(Vec<SmolStr>),
    /// It stays closed: these access levels have the door, and other hours hold on this day than on its weekday.
    Exception(Vec<SmolStr>),
    /// It stays closed: this build doesn't know the door's time zone.
    NoTimeZone,
}

impl DoorReason {
    /// Returns true if the door opens.
    #[must_use]
    pub fn opens(&self) -> bool {
        matches!(self, Self::Granted(_))
    }

    /// Returns the reason's name.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Granted(_) => "granted",
            Self::NotActive(UserState::Invited) => "invited",
            Self::NotActive(UserState::Uninvited) => "uninvited",
            Self::NotActive(_) => "deactivated",
            Self::NoAccessGroup => "noAccessGroup",
            Self::NoLevel => "noLevel",
            Self::OutsideHours(_) => "outsideHours",
            Self::Exception(_) => "exception",
            Self::NoTimeZone => "noTimeZone",
        }
    }
}

impl fmt::Display for DoorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(levels) => write!(f, "is let in by {}", levels.join(", ")),
            Self::NotActive(UserState::Invited) => {
                f.write_str("is invited and has not accepted the invitation")
            }
            Self::NotActive(UserState::Uninvited) => {
                f.write_str("has no invitation to accept, which was withdrawn")
            }
            Self::NotActive(state) => write!(f, "is {state}"),
            Self::NoAccessGroup => f.write_str("is in no access group"),
            Self::NoLevel => f.write_str("has no access level with this door"),
            Self::OutsideHours(levels) => write!(f, "is outside the hours of {}", levels.join(", ")),
            Self::Exception(levels) => {
                write!(f, "is kept out by what {} says of this day", levels.join(", "))
            }
            Self::NoTimeZone => f.write_str("can't be let in: the time zone of the door is unknown"),
        }
    }
}

impl<S: Store> Access<'_, S> {
    /// Says why a door opens to a user at an instant, or stays closed. It agrees with
    /// [`effective_doors`](Self::effective_doors).
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for the user, also a deleted one, and for the door; [`AccessError::Store`].
    ///
    /// # Complexity
    /// At most eight look-ups by an index; linear in the levels of the user's access groups.
    pub async fn explain_door(
        &self,
        cx: &Context,
        user: &str,
        door: &str,
        at: DateTime,
    ) -> Result<(Door, DoorReason), AccessError> {
        let user = self.user(cx, user).await?;
        let door = self.door(cx, door).await?;
        if user.state != UserState::Active {
            return Ok((door, DoorReason::NotActive(user.state)));
        }
        let groups: Vec<ResourceId> = user.access_groups.into_iter().map(|group| group.id).collect();
        if groups.is_empty() {
            return Ok((door, DoorReason::NoAccessGroup));
        }
        let types = &self.types;
        let selection = select(&types.access_level, &["doors"]);
        let levels = self
            .with_any(cx, &types.access_level, "accessGroups.value", &groups, &selection)
            .await?;
        let levels = levels.iter().filter_map(AccessLevel::from_stored);
        let levels: Vec<AccessLevel> = levels.filter(|level| level.doors.contains(&door.id)).collect();
        if levels.is_empty() {
            return Ok((door, DoorReason::NoLevel));
        }
        let Some(local) = door.time_zone.and_then(|zone| LocalTime::of(at, zone)) else {
            return Ok((door, DoorReason::NoTimeZone));
        };
        let names = |which: &dyn Fn(&AccessLevel) -> bool| -> Vec<SmolStr> {
            let levels = levels.iter().filter(|level| which(level));
            levels.map(|level| level.name.clone()).collect()
        };
        let granting = names(&|level| level.schedule.grants(local));
        let exceptional = names(&|level| level.schedule.has_exception(local));
        let reason = if !granting.is_empty() {
            DoorReason::Granted(granting)
        } else if exceptional.is_empty() {
            DoorReason::OutsideHours(names(&|_| true))
        } else {
            DoorReason::Exception(exceptional)
        };
        Ok((door, reason))
    }
}
