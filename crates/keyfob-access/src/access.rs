//! What administrators do, and who may pass which door.

use std::collections::HashMap;

use keyfob_core::{DateTime, MemberSet, ResourceId, schema::Relation};
use keyfob_engine::{Context, Selection, State, Store, Stored};
use keyfob_provisioning::{Provisioner, UserState};

use crate::{
    door::Door,
    error::AccessError,
    group::AccessGroup,
    keep::select,
    level::AccessLevel,
    registry::{NotRegistered, Types},
    schedule::{LocalTime, Schedule},
};

/// The administrators' side of access: access groups, levels, doors, units and roles.
///
/// Everything is done for one organization. What changes something demands a [`Context`] that is
/// [acting as](Context::acting_as) an [`Administrator`](keyfob_engine::Actor::Administrator): whoever administers
/// no more than one directory has no say in what is provisioned, which belongs to [`Directory::Global`].
#[derive(Debug)]
pub struct Access<'e, S> {
    pub(crate) provisioner: &'e Provisioner<S>,
    pub(crate) types: Types,
}

/// The part of an organization to which something belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directory {
    /// The whole of it: where everything is that a provider provisions.
    Global,
}

impl Directory {
    /// The directory's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "Global",
        }
    }
}

/// A user as far as access is concerned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserAccess {
    /// The user.
    pub user: ResourceId,
    /// Where the user stands in its life. No door opens to one that is not [`UserState::Active`].
    pub state: UserState,
    /// Where the user belongs.
    pub directory: Directory,
    /// The access groups that the user is in, with or without doors.
    pub access_groups: Vec<AccessGroup>,
}

impl<'e, S: Store> Access<'e, S> {
    /// The administrators' side of a provisioner whose registry has the resource types of [`register`](crate::register).
    ///
    /// # Errors
    /// [`NotRegistered`] where it has not.
    pub fn new(provisioner: &'e Provisioner<S>) -> Result<Self, NotRegistered> {
        Ok(Self {
            provisioner,
            types: Types::of(provisioner.registry())?,
        })
    }

    /// The user with this id or `userName`, and the access groups that it is in.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    ///
    /// # Complexity
    /// At most five look-ups by an index, whatever the number of users and groups.
    pub async fn user(&self, cx: &Context, user: &str) -> Result<UserAccess, AccessError> {
        let Found { id, stored, groups } = self.found_user(cx, user).await?;
        let types = &self.types;
        let selection = Selection::document();
        // One query for those made from the user's groups, one for those with members of their own.
        let mut found = self
            .with_any(cx, &types.access_group, "source", &groups, &selection)
            .await?;
        let own = [id.clone()];
        found.extend(
            self.with_any(cx, &types.access_group, "members.value", &own, &selection)
                .await?,
        );
        Ok(UserAccess {
            user: id,
            state: UserState::of(&stored.resource, &State::of(&stored)),
            directory: Directory::Global,
            access_groups: self.existing_groups(cx, &found).await?,
        })
    }

    /// The doors that open to a user at an instant: those of every level that is assigned to an access group of the user
    /// and that grants access then, by the clock of the door.
    ///
    /// None open to a user that is not [`UserState::Active`]: one that has not accepted its invitation, is deactivated or
    /// deleted.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    ///
    /// # Complexity
    /// At most seven look-ups by an index; linear in the levels of the user's access groups and their doors.
    pub async fn effective_doors(
        &self,
        cx: &Context,
        user: &str,
        at: DateTime,
    ) -> Result<Vec<Door>, AccessError> {
        let user = self.user(cx, user).await?;
        if user.state != UserState::Active {
            return Ok(Vec::new());
        }
        let types = &self.types;
        let groups: Vec<ResourceId> = user.access_groups.into_iter().map(|group| group.id).collect();
        let selection = select(&types.access_level, &["doors"]);
        let levels = self
            .with_any(cx, &types.access_level, "accessGroups.value", &groups, &selection)
            .await?;
        let levels: Vec<AccessLevel> = levels.iter().filter_map(AccessLevel::from_stored).collect();
        let mut schedules: HashMap<&ResourceId, Vec<&Schedule>> = HashMap::new();
        for level in &levels {
            for door in &level.doors {
                schedules.entry(door).or_default().push(&level.schedule);
            }
        }
        let doors: Vec<&ResourceId> = schedules.keys().copied().collect();
        let doors = self
            .with_any(cx, &types.door, "id", &doors, &Selection::document())
            .await?;
        let opens = |door: &Door| {
            let schedules = schedules.get(&door.id).map(Vec::as_slice).unwrap_or_default();
            let local = door.time_zone.and_then(|time_zone| LocalTime::of(at, time_zone));
            local.is_some_and(|local| schedules.iter().any(|schedule| schedule.grants(local)))
        };
        Ok(doors.iter().filter_map(Door::from_stored).filter(opens).collect())
    }

    pub(crate) async fn found_user(&self, cx: &Context, user: &str) -> Result<Found, AccessError> {
        let types = &self.types;
        let selection = select(&types.user, &["groups"]);
        let stored = self
            .get(cx, &types.user, &ResourceId::new(user), &selection)
            .await?;
        let stored = match stored {
            Some(stored) => Some(stored),
            None => self.first(cx, &types.user, "userName", user, &selection).await?,
        };
        let missing = || AccessError::not_found(types.user.name(), user);
        let stored = stored.ok_or_else(missing)?;
        let id = stored.resource.id().ok_or_else(missing)?;
        // Access follows the members that a group names itself, as the members of its access group are those.
        let groups = stored
            .resource
            .relation("groups")
            .into_iter()
            .flat_map(MemberSet::iter);
        let groups = groups.filter(|(_, group)| group.kind.as_deref() == Some(Relation::DIRECT));
        let groups = groups.map(|(id, _)| id.clone()).collect();
        Ok(Found { id, stored, groups })
    }
}

/// A user and the groups that it is in.
pub(crate) struct Found {
    pub(crate) id: ResourceId,
    pub(crate) stored: Stored,
    pub(crate) groups: Vec<ResourceId>,
}
