//! Doors.

use keyfob_core::{Resource, ResourceId};
use keyfob_engine::{Change, Context, Selection, Store, Stored, event};
use smol_str::SmolStr;

use crate::{
    access::Access,
    error::AccessError,
    keep::{Attempts, demand_admin, document, event_of, name_key, name_of, without_meta},
    registry::{DOOR, schema_of},
    time_zone::TimeZone,
};

/// A door.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Door {
    /// The id.
    pub id: ResourceId,
    /// Its name, which no other door of the organization has.
    pub name: SmolStr,
    /// Where it is.
    pub site: SmolStr,
    /// Whose clocks decide when an access level grants access. `None` where this build doesn't know the name that is
    /// stored; the door then opens to nobody until it is [given another](Access::set_time_zone).
    pub time_zone: Option<TimeZone>,
}

impl Door {
    pub(crate) fn from_stored(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        Some(Self {
            id: stored.resource.id()?,
            name: core.get_str("name")?.into(),
            site: core.get_str("site").unwrap_or_default().into(),
            time_zone: core.get_str("timeZone").and_then(TimeZone::named),
        })
    }
}

impl<S: Store> Access<'_, S> {
    /// All doors, in the order in which they were made.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn doors(&self, cx: &Context) -> Result<Vec<Door>, AccessError> {
        let doors = self.all(cx, &self.types.door, &Selection::document()).await?;
        Ok(doors.iter().filter_map(Door::from_stored).collect())
    }

    /// The door with this id or name.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn door(&self, cx: &Context, id_or_name: &str) -> Result<Door, AccessError> {
        let stored = self
            .named(cx, &self.types.door, id_or_name, &Selection::document())
            .await?;
        Door::from_stored(&stored).ok_or_else(|| AccessError::not_found(self.types.door.name(), id_or_name))
    }

    /// Makes a door at a site in a time zone.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn create_door(
        &self,
        cx: &Context,
        name: &str,
        site: &str,
        time_zone: TimeZone,
    ) -> Result<Door, AccessError> {
        demand_admin(cx)?;
        let name = name_of(name)?;
        let document = door_document(&name, site, time_zone);
        let id = self
            .create(
                cx,
                "createDoor",
                &self.types.door,
                document,
                vec![name_key(&name)],
            )
            .await?;
        Ok(Door {
            id,
            name,
            site: site.into(),
            time_zone: Some(time_zone),
        })
    }

    /// Sets the time zone of a door.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn set_time_zone(
        &self,
        cx: &Context,
        door: &str,
        time_zone: TimeZone,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let doors = &self.types.door;
        let mut attempts = Attempts::default();
        loop {
            let stored = self.named(cx, doors, door, &Selection::document()).await?;
            let found = Door::from_stored(&stored);
            let found = found.ok_or_else(|| AccessError::not_found(doors.name(), door))?;
            let document = door_document(&found.name, &found.site, time_zone);
            let update = Change::replace(doors, found.id.clone(), document, Some(stored.version));
            let event = event_of(event::CHANGED, doors, &found.id);
            if self
                .settle(&mut attempts, cx, "setTimeZone", vec![update], event)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Gives a door another name. The levels that open it go on doing so.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`],
    /// [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn rename_door(&self, cx: &Context, door: &str, name: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let (doors, name) = (&self.types.door, name_of(name)?);
        let mut attempts = Attempts::default();
        loop {
            let stored = self.named(cx, doors, door, &Selection::document()).await?;
            let mut document = without_meta(&stored.resource);
            document.core_mut().insert("name", name.clone());
            let id = stored
                .resource
                .id()
                .ok_or_else(|| AccessError::not_found(doors.name(), door))?;
            let event = event_of(event::CHANGED, doors, &id);
            let update = Self::renaming(doors, id, document, &name, stored.version);
            if self
                .settle(&mut attempts, cx, "renameDoor", vec![update], event)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Takes a door away, and with it out of every level.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn delete_door(&self, cx: &Context, door: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let door = self.door(cx, door).await?;
        self.delete(cx, "deleteDoor", &self.types.door, &door.id).await
    }
}

fn door_document(name: &str, site: &str, time_zone: TimeZone) -> Resource {
    let mut door = document(schema_of(DOOR), name);
    door.core_mut().insert("site", site);
    door.core_mut().insert("timeZone", time_zone.as_str());
    door
}
