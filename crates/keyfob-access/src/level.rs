//! Access levels: which access groups may pass which doors, and when.

use keyfob_core::{Resource, ResourceId, Version};
use keyfob_engine::{Change, Context, Store, Stored, event};
use smol_str::SmolStr;

use crate::{
    access::Access,
    error::AccessError,
    event::{LEVEL_ASSIGNED, LEVEL_UNASSIGNED},
    keep::{
        Attempts, Refused, creation, delta, demand_admin, document, event_of, name_key, name_of, related,
        select,
    },
    registry::{ACCESS_LEVEL, schema_of},
    schedule::{Date, Hours, Schedule},
};

/// What an access level says.
///
/// No provider changes one: all that a SCIM operation does to a level is to take out an access group that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLevel {
    /// The id.
    pub id: ResourceId,
    /// Its name, which no other level of the organization has.
    pub name: SmolStr,
    /// When it grants access.
    pub schedule: Schedule,
    /// Whom it grants access.
    pub access_groups: Vec<ResourceId>,
    /// To which doors.
    pub doors: Vec<ResourceId>,
}

impl AccessLevel {
    pub(crate) fn from_stored(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        Some(Self {
            id: stored.resource.id()?,
            name: core.get_str("name")?.into(),
            schedule: Schedule::read_from(core),
            access_groups: related(stored, ACCESS_GROUPS),
            doors: related(stored, DOORS),
        })
    }
}

const ACCESS_GROUPS: &str = "accessGroups";
const DOORS: &str = "doors";

impl<S: Store> Access<'_, S> {
    /// All access levels, in the order in which they were made.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn levels(&self, cx: &Context) -> Result<Vec<AccessLevel>, AccessError> {
        let levels = &self.types.access_level;
        let levels = self
            .all(cx, levels, &select(levels, &[ACCESS_GROUPS, DOORS]))
            .await?;
        Ok(levels.iter().filter_map(AccessLevel::from_stored).collect())
    }

    /// The access level with this id or name.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn level(&self, cx: &Context, id_or_name: &str) -> Result<AccessLevel, AccessError> {
        let (_, level) = self.found_level(cx, id_or_name).await?;
        Ok(level)
    }

    /// Makes an access level over these doors. It grants nothing before it is [assigned](Self::assign_level).
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::NotFound`] for a door that is not there,
    /// [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn create_level(
        &self,
        cx: &Context,
        name: &str,
        schedule: &Schedule,
        doors: &[ResourceId],
    ) -> Result<AccessLevel, AccessError> {
        demand_admin(cx)?;
        let (levels, id) = (&self.types.access_level, self.provisioner.next_id());
        let name = name_of(name)?;
        let document = level_document(&name, schedule);
        let doors = vec![delta(DOORS, doors, &[])];
        let create = creation(levels, id.clone(), document, doors, vec![name_key(&name)]);
        let event = event_of(event::CREATED, levels, &id);
        let outcome = self.commit(cx, "createLevel", vec![create], vec![event]).await;
        outcome.map_err(Refused::into_error)?;
        self.level(cx, id.as_str()).await
    }

    /// Sets when an access level grants access.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn set_schedule(
        &self,
        cx: &Context,
        level: &str,
        schedule: &Schedule,
    ) -> Result<(), AccessError> {
        self.change_schedule(cx, level, "setSchedule", |_| schedule.clone())
            .await
    }

    /// Sets the hours that hold on one day instead of those of its weekday: none of them closes the day. What was said of
    /// the day before is replaced.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn set_exception(
        &self,
        cx: &Context,
        level: &str,
        date: Date,
        hours: &[Hours],
    ) -> Result<(), AccessError> {
        self.change_schedule(cx, level, "setException", |schedule| {
            let schedule = schedule.clone().without_exception(date);
            match hours {
                [] => schedule.with_closed_day(date),
                hours => hours
                    .iter()
                    .fold(schedule, |schedule, hours| schedule.with_exception(date, *hours)),
            }
        })
        .await
    }

    /// Lets the hours of its weekday hold on a day again. A day without an exception stays as it is.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn remove_exception(&self, cx: &Context, level: &str, date: Date) -> Result<(), AccessError> {
        self.change_schedule(cx, level, "removeException", |schedule| {
            schedule.clone().without_exception(date)
        })
        .await
    }

    async fn change_schedule(
        &self,
        cx: &Context,
        level: &str,
        verb: &'static str,
        change: impl Fn(&Schedule) -> Schedule + Send + Sync,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let levels = &self.types.access_level;
        let mut attempts = Attempts::default();
        loop {
            let (version, found) = self.found_level(cx, level).await?;
            let schedule = change(&found.schedule);
            if schedule == found.schedule {
                return Ok(());
            }
            let document = level_document(&found.name, &schedule);
            let update = Change::replace(levels, found.id.clone(), document, Some(version));
            let event = event_of(event::CHANGED, levels, &found.id);
            if self.settle(&mut attempts, cx, verb, vec![update], event).await? {
                return Ok(());
            }
        }
    }

    /// Gives an access level another name. Its assignments stay.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`],
    /// [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn rename_level(&self, cx: &Context, level: &str, name: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let (levels, name) = (&self.types.access_level, name_of(name)?);
        let mut attempts = Attempts::default();
        loop {
            let (version, found) = self.found_level(cx, level).await?;
            let document = level_document(&name, &found.schedule);
            let event = event_of(event::CHANGED, levels, &found.id);
            let update = Self::renaming(levels, found.id, document, &name, version);
            if self
                .settle(&mut attempts, cx, "renameLevel", vec![update], event)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Puts doors into an access level and takes others out.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn change_level_doors(
        &self,
        cx: &Context,
        level: &str,
        add: &[ResourceId],
        remove: &[ResourceId],
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let level = self.level(cx, level).await?;
        let levels = &self.types.access_level;
        let event = event_of(event::CHANGED, levels, &level.id);
        let delta = delta(DOORS, add, remove);
        self.relate(cx, "changeLevelDoors", levels, &level.id, delta, event)
            .await
    }

    /// Grants an access group what an access level says. To do so again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn assign_level(&self, cx: &Context, level: &str, group: &str) -> Result<(), AccessError> {
        self.change_assignment(cx, level, group, LEVEL_ASSIGNED).await
    }

    /// Takes an access level from an access group. To do so again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn unassign_level(&self, cx: &Context, level: &str, group: &str) -> Result<(), AccessError> {
        self.change_assignment(cx, level, group, LEVEL_UNASSIGNED).await
    }

    async fn change_assignment(
        &self,
        cx: &Context,
        level: &str,
        group: &str,
        name: &'static str,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let level = self.level(cx, level).await?;
        let groups = [self.access_group(cx, group).await?.id];
        let delta = if name == LEVEL_ASSIGNED {
            delta(ACCESS_GROUPS, &groups, &[])
        } else {
            delta(ACCESS_GROUPS, &[], &groups)
        };
        let levels = &self.types.access_level;
        let mut event = event_of(name, levels, &level.id);
        for group in &groups {
            event.data.insert("accessGroup", group.as_str());
        }
        let verb = if name == LEVEL_ASSIGNED {
            "assignLevel"
        } else {
            "unassignLevel"
        };
        self.relate(cx, verb, levels, &level.id, delta, event).await
    }

    /// Takes an access level away. The doors and the access groups stay.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn delete_level(&self, cx: &Context, level: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let level = self.level(cx, level).await?;
        self.delete(cx, "deleteLevel", &self.types.access_level, &level.id)
            .await
    }

    async fn found_level(&self, cx: &Context, level: &str) -> Result<(Version, AccessLevel), AccessError> {
        let levels = &self.types.access_level;
        let stored = self
            .named(cx, levels, level, &select(levels, &[ACCESS_GROUPS, DOORS]))
            .await?;
        let found = AccessLevel::from_stored(&stored);
        let found = found.ok_or_else(|| AccessError::not_found(levels.name(), level))?;
        Ok((stored.version, found))
    }
}

fn level_document(name: &str, schedule: &Schedule) -> Resource {
    let mut level = document(schema_of(ACCESS_LEVEL), name);
    schedule.write_to(level.core_mut());
    level
}
