//! Which units somebody belongs to and as what, and on whose account.

use keyfob_core::{Resource, ResourceId};
use keyfob_engine::{Change, Context, Selection, State, Store, Stored};
use keyfob_provisioning::{ProvisionedState as _, UserState};
use smol_str::format_smolstr;

use super::{GroupMapping, is_named, touch, unit_id};
use crate::{
    access::Access,
    error::AccessError,
    event::{GRANTED, REVOKED},
    keep::{Attempts, creation, delta, demand_admin, event_of, related, select},
    registry::{GRANT, schema_of},
};

/// That somebody belongs to a unit, or has a role in it. The same may be granted on several accounts, and is so as long as
/// one of them is left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The unit.
    pub unit: ResourceId,
    /// The role; none for membership alone.
    pub role: Option<ResourceId>,
    /// On whose account.
    pub provenance: Provenance,
}

/// On whose account something is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// It was the default unit when the user was created.
    Default,
    /// The user is in a group that is mapped to it.
    Group(ResourceId),
    /// An administrator granted it.
    Administrator,
}

const USERS: &str = "users";

impl<S: Store> Access<'_, S> {
    /// Everything that the user with this id or `userName` is granted, each with its account.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    ///
    /// # Complexity
    /// Five look-ups by an index, whatever the number of users and groups.
    pub async fn grants(&self, cx: &Context, user: &str) -> Result<Vec<Grant>, AccessError> {
        let (_, grants) = self.found_grants(cx, user).await?;
        Ok(grants)
    }

    /// The roles that a user has in a unit now: those granted there and in the units above it. One that is not
    /// [`UserState::Active`] has none.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    pub async fn roles_in(&self, cx: &Context, user: &str, unit: &str) -> Result<Vec<Grant>, AccessError> {
        let unit = self.unit(cx, unit).await?;
        let line = self.line(cx, &unit).await?;
        let (state, grants) = self.found_grants(cx, user).await?;
        let holds = |grant: &Grant| grant.role.is_some() && line.contains(&grant.unit);
        let grants = grants.into_iter().filter(holds);
        Ok(grants.filter(|_| state == UserState::Active).collect())
    }

    /// Puts a user into a unit, or gives it a role there. To do so again changes nothing.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn grant(
        &self,
        cx: &Context,
        user: &str,
        unit: &str,
        role: Option<&str>,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let grants = &self.types.grant;
        let mut attempts = Attempts::default();
        loop {
            let wanted = self.wanted(cx, user, unit, role).await?;
            let (version, unit) = self.found_unit(cx, wanted.unit.as_str()).await?;
            let selection = select(grants, &[USERS]);
            let present = self.get(cx, grants, &wanted.id, &selection).await?;
            let users = present.as_ref().map(|stored| related(stored, USERS));
            if users.is_some_and(|users| users.contains(&wanted.user)) {
                return Ok(());
            }
            let id = wanted.id.clone();
            let relations = vec![delta(USERS, std::slice::from_ref(&wanted.user), &[])];
            let change = match present {
                Some(_) => Change::relate(grants, id, relations),
                None => creation(grants, id, wanted.document(), relations, Vec::new()),
            };
            let changes = vec![change, touch(&self.types.unit, &unit, version)];
            let event = wanted.event(self, GRANTED);
            if self.settle(&mut attempts, cx, "grant", changes, event).await? {
                return Ok(());
            }
        }
    }

    /// Takes back what an administrator granted. What the user has on another account it keeps; to take back what was not
    /// granted changes nothing.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn revoke(
        &self,
        cx: &Context,
        user: &str,
        unit: &str,
        role: Option<&str>,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let wanted = self.wanted(cx, user, unit, role).await?;
        let grants = &self.types.grant;
        if self
            .get(cx, grants, &wanted.id, &Selection::document())
            .await?
            .is_none()
        {
            return Ok(());
        }
        let delta = delta(USERS, &[], std::slice::from_ref(&wanted.user));
        self.relate(
            cx,
            "revoke",
            grants,
            &wanted.id,
            delta,
            wanted.event(self, REVOKED),
        )
        .await
    }

    async fn found_grants(&self, cx: &Context, user: &str) -> Result<(UserState, Vec<Grant>), AccessError> {
        let (types, document) = (&self.types, Selection::document());
        let user = self.found_user(cx, user).await?;
        let state = State::of(&user.stored);
        let groups = self
            .with_any(cx, &types.group, "id", &user.groups, &document)
            .await?;
        let own = [user.id];
        let own = self
            .with_any(cx, &types.grant, "users.value", &own, &document)
            .await?;
        let by_group = groups.iter().filter_map(|group| {
            let mapping = GroupMapping::of(&State::of(group))?;
            Some(Grant {
                unit: mapping.unit,
                role: mapping.role,
                provenance: Provenance::Group(group.resource.id()?),
            })
        });
        let granted: Vec<Grant> = by_group.chain(own.iter().filter_map(granted)).collect();
        // The default unit may have been given by its name.
        let mut units: Vec<ResourceId> = granted.iter().map(|grant| grant.unit.clone()).collect();
        units.extend(
            state
                .default_unit()
                .into_iter()
                .flat_map(|unit| [ResourceId::new(unit), unit_id(unit)]),
        );
        units.sort_unstable();
        units.dedup();
        let units = self.with_any(cx, &types.unit, "id", &units, &document).await?;
        let units: Vec<super::Unit> = units.iter().filter_map(super::Unit::from_stored).collect();
        let default = units.iter().find(|unit| {
            state
                .default_unit()
                .is_some_and(|default| is_named(unit, default))
        });
        let default = default.map(|unit| Grant {
            unit: unit.id.clone(),
            role: None,
            provenance: Provenance::Default,
        });
        let is_there = |grant: &Grant| units.iter().any(|unit| unit.id == grant.unit);
        let grants = default.into_iter().chain(granted.into_iter().filter(is_there));
        Ok((UserState::of(&user.stored.resource, &state), grants.collect()))
    }

    async fn wanted(
        &self,
        cx: &Context,
        user: &str,
        unit: &str,
        role: Option<&str>,
    ) -> Result<Wanted, AccessError> {
        let user = self.found_user(cx, user).await?.id;
        let unit = self.unit(cx, unit).await?.id;
        let role = match role {
            Some(role) => Some(self.role(cx, role).await?.id),
            None => None,
        };
        let of_role = role.as_ref().map_or("", ResourceId::as_str);
        Ok(Wanted {
            id: ResourceId::new(format_smolstr!("grant:{of_role}:{unit}")),
            user,
            unit,
            role,
        })
    }
}

/// What administrators granted: one resource for each unit and role, whose id follows from them.
struct Wanted {
    id: ResourceId,
    user: ResourceId,
    unit: ResourceId,
    role: Option<ResourceId>,
}

impl Wanted {
    fn document(&self) -> Resource {
        let mut document = Resource::new([schema_of(GRANT)]);
        document.core_mut().insert("unit", self.unit.as_str());
        if let Some(role) = &self.role {
            document.core_mut().insert("role", role.as_str());
        }
        document
    }

    fn event<S: Store>(&self, access: &Access<'_, S>, name: &str) -> keyfob_engine::NewEvent {
        let mut event = event_of(name, &access.types.grant, &self.id);
        event.data.insert("user", self.user.as_str());
        event.data.insert("unit", self.unit.as_str());
        if let Some(role) = &self.role {
            event.data.insert("role", role.as_str());
        }
        event
    }
}

fn granted(stored: &Stored) -> Option<Grant> {
    let core = stored.resource.core();
    Some(Grant {
        unit: ResourceId::new(core.get_str("unit")?),
        role: core.get_str("role").map(ResourceId::new),
        provenance: Provenance::Administrator,
    })
}
