//! Units and roles: which part of the organization somebody belongs to, and as what.

mod grant;
mod mapping;

use keyfob_core::{Resource, ResourceId, ResourceType, Version};
use keyfob_engine::{Change, Context, Expected, Selection, State, Store, Stored, event};
use keyfob_provisioning::{ProvisionedState as _, Provisioning};
use smol_str::{SmolStr, format_smolstr};

pub use self::{
    grant::{Grant, Provenance},
    mapping::{GroupMapping, Units},
};
use crate::{
    access::Access,
    error::AccessError,
    keep::{Attempts, creation, demand_admin, document, event_of, name_key, name_of, related, select},
    registry::{ROLE, UNIT, schema_of},
};

/// A part of the organization, in a tree of at most five levels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unit {
    /// The id, which follows from the name that the unit was made with. It stays when the unit is renamed.
    pub id: ResourceId,
    /// Its name, which no other unit of the organization has.
    pub name: SmolStr,
    /// The unit of which it is part.
    pub parent: Option<ResourceId>,
}

impl Unit {
    fn from_stored(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        Some(Self {
            id: stored.resource.id()?,
            name: core.get_str("name")?.into(),
            parent: core.get_str("parent").map(ResourceId::new),
        })
    }

    fn to_document(&self) -> Resource {
        unit_document(&self.name, self.parent.as_ref())
    }
}

/// What somebody is in a unit and in those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// The id.
    pub id: ResourceId,
    /// Its name, which no other role of the organization has.
    pub name: SmolStr,
}

impl Role {
    fn from_stored(stored: &Stored) -> Option<Self> {
        Some(Self {
            id: stored.resource.id()?,
            name: stored.resource.core().get_str("name")?.into(),
        })
    }
}

/// How many levels the tree of units has at most.
const LEVELS: usize = 5;

/// The relation of a unit to the groups that are mapped to it.
const GROUPS: &str = "groups";

impl<S: Store> Access<'_, S> {
    /// All units, in the order in which they were made.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn units(&self, cx: &Context) -> Result<Vec<Unit>, AccessError> {
        let units = self.all(cx, &self.types.unit, &Selection::document()).await?;
        Ok(units.iter().filter_map(Unit::from_stored).collect())
    }

    /// The unit with this id or name.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn unit(&self, cx: &Context, id_or_name: &str) -> Result<Unit, AccessError> {
        let (_, unit) = self.found_unit(cx, id_or_name).await?;
        Ok(unit)
    }

    /// Makes a unit, below another or at the top.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::TooDeep`], [`AccessError::NotFound`],
    /// [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn create_unit(
        &self,
        cx: &Context,
        name: &str,
        parent: Option<&str>,
    ) -> Result<Unit, AccessError> {
        demand_admin(cx)?;
        let (units, name) = (&self.types.unit, name_of(name)?);
        let mut attempts = Attempts::default();
        loop {
            let (id, noted) = self.free_id(cx, &name).await?;
            let above = match parent {
                Some(parent) => Some(self.found_unit(cx, parent).await?),
                None => None,
            };
            if let Some((_, above)) = &above
                && self.line(cx, above).await?.len() >= LEVELS
            {
                return Err(AccessError::TooDeep { limit: LEVELS });
            }
            let unit = Unit {
                id: id.clone(),
                name: name.clone(),
                parent: above.as_ref().map(|(_, above)| above.id.clone()),
            };
            let unique = vec![name_key(&name)];
            let mut changes = vec![creation(
                units,
                id.clone(),
                unit.to_document(),
                Vec::new(),
                unique,
            )];
            changes.extend(
                above
                    .as_ref()
                    .map(|(version, above)| touch(units, above, *version)),
            );
            changes.extend(noted);
            let event = event_of(event::CREATED, units, &id);
            if self
                .settle(&mut attempts, cx, "createUnit", changes, event)
                .await?
            {
                return Ok(unit);
            }
        }
    }

    /// Gives a unit another name. It stays the same unit with everything that it has, and stays the default unit if it is. A
    /// group that its provider creates later is mapped to it under the new name, and under the one that it was made with as
    /// long as no other unit has that.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::NotFound`], [`AccessError::Forbidden`],
    /// [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn rename_unit(&self, cx: &Context, unit: &str, name: &str) -> Result<Unit, AccessError> {
        demand_admin(cx)?;
        let (units, name) = (&self.types.unit, name_of(name)?);
        let mut attempts = Attempts::default();
        loop {
            let (version, found) = self.found_unit(cx, unit).await?;
            if found.name == name {
                return Ok(found);
            }
            let renamed = Unit {
                name: name.clone(),
                ..found
            };
            let before = self.provisioner.provisioning(cx).await?;
            let mut provisioning = before.clone();
            forget_name(&mut provisioning, &renamed.id);
            if renamed.id != unit_id(&name) {
                let key = name_key(&name).value.as_str().into();
                provisioning.unit_names.insert(key, renamed.id.clone());
            }
            let id = renamed.id.clone();
            let mut changes = vec![Self::renaming(units, id, renamed.to_document(), &name, version)];
            changes.extend((provisioning != before).then(|| provisioning.to_change()));
            let event = event_of(event::CHANGED, units, &renamed.id);
            if self
                .settle(&mut attempts, cx, "renameUnit", changes, event)
                .await?
            {
                return Ok(renamed);
            }
        }
    }

    /// Moves a unit with everything below it below another one, or to the top.
    ///
    /// # Errors
    /// [`AccessError::BelowItself`] where the other one is the unit or below it, [`AccessError::TooDeep`],
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    ///
    /// # Complexity
    /// Linear in the units below it, and reads them level by level.
    pub async fn move_unit(
        &self,
        cx: &Context,
        unit: &str,
        parent: Option<&str>,
    ) -> Result<Unit, AccessError> {
        demand_admin(cx)?;
        let units = &self.types.unit;
        let mut attempts = Attempts::default();
        loop {
            let (version, found) = self.found_unit(cx, unit).await?;
            // Those above it are stored again, so that of two moves at the same time, which would close a circle together, one
            // finds that they have changed.
            let (mut changes, mut above) = (Vec::new(), Vec::new());
            let mut next = parent.map(SmolStr::new);
            while let Some(name) = next
                && above.len() < LEVELS
            {
                let (version, unit) = self.found_unit(cx, &name).await?;
                if unit.id == found.id {
                    return Err(AccessError::BelowItself { unit: found.name });
                }
                next = unit.parent.as_ref().map(|parent| parent.as_str().into());
                changes.push(touch(units, &unit, version));
                above.push(unit.id);
            }
            if above.first() == found.parent.as_ref() {
                return Ok(found);
            }
            let mut levels = 1;
            let mut lowest = vec![found.id.clone()];
            let mut checks = Vec::new();
            while above.len() + levels <= LEVELS {
                let selection = Selection::document();
                let below = self.with_any(cx, units, "parent", &lowest, &selection).await?;
                if below.is_empty() {
                    break;
                }
                levels += 1;
                // Nobody adds a level below those that are the lowest now.
                let expected = |stored: &Stored| {
                    let id = stored.resource.id()?;
                    Some(Change::expect(units, id, Expected::Version(stored.version)))
                };
                checks = below.iter().filter_map(expected).collect();
                lowest = below.iter().filter_map(|stored| stored.resource.id()).collect();
            }
            if above.len() + levels > LEVELS {
                return Err(AccessError::TooDeep { limit: LEVELS });
            }
            let moved = Unit {
                parent: above.into_iter().next(),
                ..found
            };
            let replace = Change::replace(units, moved.id.clone(), moved.to_document(), Some(version));
            changes.insert(0, replace);
            changes.extend(checks);
            let event = event_of(event::CHANGED, units, &moved.id);
            if self.settle(&mut attempts, cx, "moveUnit", changes, event).await? {
                return Ok(moved);
            }
        }
    }

    /// Returns an id for a new unit, with the change that notes the name where the id doesn't follow from it: where a unit
    /// that was made with the name has another one by now.
    async fn free_id(
        &self,
        cx: &Context,
        name: &SmolStr,
    ) -> Result<(ResourceId, Option<Change>), AccessError> {
        let (units, id) = (&self.types.unit, unit_id(name));
        let Some(there) = self.get(cx, units, &id, &Selection::document()).await? else {
            return Ok((id, None));
        };
        let key = name_key(name);
        let has_name = Unit::from_stored(&there).is_none_or(|there| name_key(&there.name) == key);
        if has_name {
            return Err(AccessError::NameTaken {
                resource_type: units.name().clone(),
                name: name.clone(),
            });
        }
        let id = self.provisioner.next_id();
        let mut provisioning = self.provisioner.provisioning(cx).await?;
        provisioning
            .unit_names
            .insert(key.value.as_str().into(), id.clone());
        Ok((id, Some(provisioning.to_change())))
    }

    /// Takes away a unit that has nothing: no units below it, no users and no groups that are mapped to it. A deleted user
    /// who can be brought back still belongs to its units.
    ///
    /// # Errors
    /// [`AccessError::NotEmpty`], [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`],
    /// [`AccessError::Store`].
    ///
    /// # Complexity
    /// Linear in the users of the organization, deleted ones included, each of whom may have joined the unit when it was
    /// created.
    pub async fn delete_unit(&self, cx: &Context, unit: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let (units, grants) = (&self.types.unit, &self.types.grant);
        let mut attempts = Attempts::default();
        loop {
            let (version, found) = self.found_unit(cx, unit).await?;
            let of_unit = [found.id.clone()];
            let of_unit = self
                .with_any(cx, grants, "unit", &of_unit, &select(grants, &["users"]))
                .await?;
            if let Some(what) = self.content(cx, &found, &of_unit).await? {
                return Err(AccessError::NotEmpty {
                    unit: found.name,
                    what,
                });
            }
            let mut changes = vec![Change::delete(units, found.id.clone(), Some(version))];
            changes.extend(of_unit.iter().filter_map(|stored| {
                let id = stored.resource.id()?;
                Some(Change::delete(grants, id, Some(stored.version)))
            }));
            let before = self.provisioner.provisioning(cx).await?;
            let mut provisioning = before.clone();
            forget_name(&mut provisioning, &found.id);
            changes.extend((provisioning != before).then(|| provisioning.to_change()));
            let event = event_of(event::DELETED, units, &found.id);
            if self
                .settle(&mut attempts, cx, "deleteUnit", changes, event)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Names the unit that created users join, or none.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Admin`], [`AccessError::Store`].
    pub async fn set_default_unit(&self, cx: &Context, unit: Option<&str>) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let unit = match unit {
            Some(unit) => Some(self.unit(cx, unit).await?.id),
            None => None,
        };
        let unit = unit.as_ref().map(ResourceId::as_str);
        Ok(self.provisioner.admin().set_default_unit(cx, unit).await?)
    }

    /// All roles, in the order in which they were made.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn roles(&self, cx: &Context) -> Result<Vec<Role>, AccessError> {
        let roles = self.all(cx, &self.types.role, &Selection::document()).await?;
        Ok(roles.iter().filter_map(Role::from_stored).collect())
    }

    /// The role with this id or name.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn role(&self, cx: &Context, id_or_name: &str) -> Result<Role, AccessError> {
        let stored = self
            .named(cx, &self.types.role, id_or_name, &Selection::document())
            .await?;
        Role::from_stored(&stored).ok_or_else(|| AccessError::not_found(self.types.role.name(), id_or_name))
    }

    /// Makes a role.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn create_role(&self, cx: &Context, name: &str) -> Result<Role, AccessError> {
        demand_admin(cx)?;
        let name = name_of(name)?;
        let document = document(schema_of(ROLE), &name);
        let id = self
            .create(
                cx,
                "createRole",
                &self.types.role,
                document,
                vec![name_key(&name)],
            )
            .await?;
        Ok(Role { id, name })
    }

    /// Takes a role away that nobody has and no group is mapped to.
    ///
    /// # Errors
    /// [`AccessError::NotEmpty`], [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    ///
    /// # Complexity
    /// Linear in the groups of the organization, each of which may be mapped to the role, and in what administrators granted.
    pub async fn delete_role(&self, cx: &Context, role: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let (roles, grants) = (&self.types.role, &self.types.grant);
        let role = self.role(cx, role).await?;
        let is_this = |id: &str| id == role.id.as_str();
        let in_use = |what| {
            Err(AccessError::NotEmpty {
                unit: role.name.clone(),
                what,
            })
        };
        let mut granted = self.all(cx, grants, &select(grants, &["users"])).await?;
        granted.retain(|grant| grant.resource.core().get_str("role").is_some_and(is_this));
        if granted.iter().any(|grant| !related(grant, "users").is_empty()) {
            return in_use("users");
        }
        let groups = self.all(cx, &self.types.group, &Selection::document()).await?;
        let mapped = groups
            .iter()
            .filter_map(|group| GroupMapping::of(&State::of(group)));
        if mapped
            .filter_map(|mapping| mapping.role)
            .any(|id| is_this(id.as_str()))
        {
            return in_use("groups that are mapped to it");
        }
        // What nobody has is removed with the role, unless somebody was granted it meanwhile.
        let mut changes = vec![Change::delete(roles, role.id.clone(), None)];
        changes.extend(granted.iter().filter_map(|stored| {
            let id = stored.resource.id()?;
            Some(Change::delete(grants, id, Some(stored.version)))
        }));
        let event = event_of(event::DELETED, roles, &role.id);
        let outcome = self.commit(cx, "deleteRole", changes, vec![event]).await;
        outcome.map_err(crate::keep::Refused::into_error)
    }

    async fn found_unit(&self, cx: &Context, unit: &str) -> Result<(Version, Unit), AccessError> {
        let units = &self.types.unit;
        let stored = self.named(cx, units, unit, &Selection::document()).await?;
        let found = Unit::from_stored(&stored);
        let found = found.ok_or_else(|| AccessError::not_found(units.name(), unit))?;
        Ok((stored.version, found))
    }

    /// A unit and those above it.
    async fn line(&self, cx: &Context, unit: &Unit) -> Result<Vec<ResourceId>, AccessError> {
        let mut line = vec![unit.id.clone()];
        let mut parent = unit.parent.clone();
        while let Some(id) = parent
            && line.len() < LEVELS
        {
            let above = self.unit(cx, id.as_str()).await?;
            line.push(id);
            parent = above.parent;
        }
        Ok(line)
    }

    /// What a unit has, if it has anything.
    async fn content(
        &self,
        cx: &Context,
        unit: &Unit,
        grants: &[Stored],
    ) -> Result<Option<&'static str>, AccessError> {
        let (units, document) = (&self.types.unit, Selection::document());
        let id = [unit.id.clone()];
        if !self
            .with_any(cx, units, "parent", &id, &document)
            .await?
            .is_empty()
        {
            return Ok(Some("units below it"));
        }
        let stored = self.get(cx, units, &unit.id, &select(units, &[GROUPS])).await?;
        if stored.is_some_and(|stored| !related(&stored, GROUPS).is_empty()) {
            return Ok(Some("groups that are mapped to it"));
        }
        if grants.iter().any(|grant| !related(grant, "users").is_empty()) {
            return Ok(Some("users"));
        }
        let is_this = |default: Option<&str>| default.is_some_and(|default| is_named(unit, default));
        if is_this(self.provisioner.provisioning(cx).await?.default_unit.as_deref()) {
            return Ok(Some("the users who are created from now on"));
        }
        let users = self.all(cx, &self.types.user, &document).await?;
        let joined = |state: &State| is_this(state.default_unit());
        if users.iter().any(|user| joined(&State::of(user))) {
            return Ok(Some("users"));
        }
        let (admin, coming_back) = (self.provisioner.admin(), "deleted users who can be brought back");
        for id in grants.iter().filter_map(|grant| grant.resource.id()) {
            if !admin
                .deleted_members(cx, &self.types.grant, &id)
                .await?
                .is_empty()
            {
                return Ok(Some(coming_back));
            }
        }
        let deleted = admin.deleted_users(cx).await?;
        let come_back = deleted.iter().any(|user| joined(&user.internal));
        Ok(come_back.then_some(coming_back))
    }
}

/// Returns a change that stores a unit again as it is, so that its version tells whoever is about to delete it that it is
/// not empty any longer.
fn touch(units: &ResourceType, unit: &Unit, version: Version) -> Change {
    Change::replace(units, unit.id.clone(), unit.to_document(), Some(version))
}

/// Forgets that a unit has another name than the one that it was made with.
fn forget_name(provisioning: &mut Provisioning, unit: &ResourceId) {
    provisioning.unit_names.retain(|_, id| id != unit);
}

/// The id of a unit that is made with a name, so that a rule, which reads nothing, knows it.
fn unit_id(name: &str) -> ResourceId {
    ResourceId::new(format_smolstr!("unit:{}", name_key(name).value.as_str()))
}

fn unit_document(name: &str, parent: Option<&ResourceId>) -> Resource {
    let mut unit = document(schema_of(UNIT), name);
    if let Some(parent) = parent {
        unit.core_mut().insert("parent", parent.as_str());
    }
    unit
}

/// Whether a unit has this id or name.
fn is_named(unit: &Unit, id_or_name: &str) -> bool {
    unit.id.as_str() == id_or_name || unit.id == unit_id(id_or_name)
}
