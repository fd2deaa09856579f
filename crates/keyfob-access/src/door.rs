//! Doors.

use keyfob_core::{Resource, ResourceId, Value};
use keyfob_engine::{Change, Context, Engine, Selection, Store, Stored, store::event};
use smol_str::SmolStr;

use crate::{
    access::Access,
    error::AccessError,
    keep::{Refused, demand_admin, document, name_key, name_of},
    registry::{DOOR, schema_of},
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
    /// By how many minutes the clock there is ahead of UTC. It is the same in summer and winter; who wants the hour of
    /// summer time changes it.
    pub utc_offset: i32,
}

impl Door {
    pub(crate) fn from_stored(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        let utc_offset = core
            .get("utcOffset")
            .and_then(Value::as_integer)
            .unwrap_or_default();
        Some(Self {
            id: stored.resource.id()?,
            name: core.get_str("name")?.into(),
            site: core.get_str("site").unwrap_or_default().into(),
            utc_offset: i32::try_from(utc_offset).ok()?,
        })
    }
}

/// How far clocks are behind UTC and ahead of it.
const UTC_OFFSETS: std::ops::RangeInclusive<i32> = -12 * 60..=14 * 60;

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

    /// Makes a door at a site where clocks are so many minutes ahead of UTC.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::UtcOffset`], [`AccessError::Forbidden`],
    /// [`AccessError::Store`].
    pub async fn create_door(
        &self,
        cx: &Context,
        name: &str,
        site: &str,
        utc_offset: i32,
    ) -> Result<Door, AccessError> {
        demand_admin(cx)?;
        let name = name_of(name)?;
        let document = door_document(&name, site, utc_offset)?;
        let id = self
            .create(cx, &self.types.door, &document, &[name_key(&name)])
            .await?;
        Ok(Door {
            id,
            name,
            site: site.into(),
            utc_offset,
        })
    }

    /// Sets the clock of a door.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::UtcOffset`], [`AccessError::Forbidden`], [`AccessError::Contention`],
    /// [`AccessError::Store`].
    pub async fn set_utc_offset(&self, cx: &Context, door: &str, utc_offset: i32) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let doors = &self.types.door;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let stored = self.named(cx, doors, door, &Selection::document()).await?;
            let found = Door::from_stored(&stored);
            let found = found.ok_or_else(|| AccessError::not_found(doors.name(), door))?;
            let document = door_document(&found.name, &found.site, utc_offset)?;
            let update = Change::Update {
                resource_type: doors,
                id: &found.id,
                document: Some(&document),
                relations: &[],
                unique: &[name_key(&found.name)],
                precondition: Some(stored.version),
                at: self.engine.now(),
            };
            let event = self.event(event::CHANGED, doors, &found.id);
            match self.commit(cx, vec![update], &[event]).await {
                Ok(()) => return Ok(()),
                Err(Refused::Changed) => {}
                Err(Refused::Error(error)) => return Err(error),
            }
        }
        Err(AccessError::Contention)
    }

    /// Takes a door away, and with it out of every level.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn delete_door(&self, cx: &Context, door: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let door = self.door(cx, door).await?;
        self.delete(cx, &self.types.door, &door.id).await
    }
}

fn door_document(name: &str, site: &str, utc_offset: i32) -> Result<Resource, AccessError> {
    if !UTC_OFFSETS.contains(&utc_offset) {
        return Err(AccessError::UtcOffset(utc_offset));
    }
    let mut door = document(schema_of(DOOR), name);
    door.core_mut().insert("site", site);
    door.core_mut().insert("utcOffset", utc_offset);
    Ok(door)
}
