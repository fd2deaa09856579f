//! Groups that are mapped to units: who is in the group belongs to the unit.

use keyfob_core::{Object, Registry, ResourceId, ResourceType, SchemaUri, Value};
use keyfob_engine::{
    Context, EngineError, FurtherChange, Operation, Rejection, Review, Rule, Selection, State, Store,
};
use keyfob_provisioning::{Founding, Module, Provisioning};

use super::{GROUPS, unit_document, unit_id};
use crate::{
    access::Access,
    error::AccessError,
    event::{GROUP_MAPPED, GROUP_UNMAPPED},
    keep::{delta, demand_admin, name_key},
    registry::{NotRegistered, Types},
};

/// What a group is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMapping {
    /// The unit to which its members belong.
    pub unit: ResourceId,
    /// What they are there, if anything in particular.
    pub role: Option<ResourceId>,
}

/// Maps every group that is created to the unit of its name, and makes that unit, at the top, where there is none.
///
/// An organization that is created has a unit `Default` from the start, where the profile has every created user join the
/// default unit.
///
/// The mapping goes with the group; the unit stays. A group that is renamed stays mapped to where it was.
#[derive(Debug)]
pub struct Units {
    unit: ResourceType,
}

impl Units {
    /// The rule for an engine with this registry.
    ///
    /// # Errors
    /// [`NotRegistered`] where it was made without [`register`](crate::register).
    pub fn new(registry: &Registry) -> Result<Self, NotRegistered> {
        let types = Types::of(registry)?;
        Ok(Self { unit: types.unit })
    }
}

impl Rule for Units {
    fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        let is_group = review.resource_type().schema().id == SchemaUri::GROUP;
        if !is_group || review.operation() != Operation::Create {
            return Ok(());
        }
        let name = review
            .document()
            .and_then(|group| group.core().get_str("displayName"));
        let name = name.unwrap_or_default().to_owned();
        let key = name_key(&name);
        let renamed = &Provisioning::among(review.facts()).unit_names;
        let id = if let Some(id) = renamed.get(key.value.as_str()) {
            id.clone()
        } else {
            let id = unit_id(&name);
            let unit = FurtherChange::Create {
                resource_type: self.unit.clone(),
                id: id.clone(),
                document: unit_document(&name, None),
                unique: vec![key],
            };
            review.attempt(unit, None);
            id
        };
        let mapping = GroupMapping { unit: id, role: None };
        mapping.put_into(&self.unit, review);
        Ok(())
    }
}

impl Module for Units {
    fn founded(&self, founding: &mut Founding<'_>) {
        if founding.profile().default_unit {
            let id = unit_id(DEFAULT);
            founding.set_default_unit(id.as_str());
            founding.add(FurtherChange::Create {
                resource_type: self.unit.clone(),
                id,
                document: unit_document(DEFAULT, None),
                unique: vec![name_key(DEFAULT)],
            });
        }
    }
}

/// The unit that the users of a new organization join.
const DEFAULT: &str = "Default";

impl GroupMapping {
    pub(super) fn of(state: &State) -> Option<Self> {
        let noted = state.get(STATE)?.as_object()?;
        Some(Self {
            unit: ResourceId::new(noted.get_str("unit")?),
            role: noted.get_str("role").map(ResourceId::new),
        })
    }

    /// Maps the group under review. The unit's edge to the group makes that nobody deletes the unit.
    fn put_into(&self, units: &ResourceType, review: &mut Review<'_>) {
        let mut noted = Object::new();
        noted.insert("unit", self.unit.as_str());
        if let Some(role) = &self.role {
            noted.insert("role", role.as_str());
        }
        let before = Self::of(review.state());
        let group = [review.id().clone()];
        let relate = |unit: &ResourceId, add: &[_], remove: &[_]| FurtherChange::Relate {
            resource_type: units.clone(),
            id: unit.clone(),
            relations: vec![delta(GROUPS, add, remove)],
        };
        if before.as_ref().is_none_or(|before| before.unit != self.unit) {
            review.add(relate(&self.unit, &group, &[]));
            if let Some(before) = before {
                review.attempt(relate(&before.unit, &[], &group), None);
            }
        }
        let mut event = review.event(GROUP_MAPPED);
        event.data = noted.clone();
        review.publish_event(event);
        review.state_mut().set(STATE, Value::from(noted));
    }
}

/// Under which name a group's state holds its mapping.
const STATE: &str = "mapping";

impl<S: Store> Access<'_, S> {
    /// What the group with this id or `displayName` is mapped to. One that was there before the rule [`Units`] is mapped to
    /// nothing.
    ///
    /// # Errors
    /// [`AccessError::NotProvisioned`], [`AccessError::Ambiguous`], [`AccessError::Store`].
    pub async fn mapping(&self, cx: &Context, group: &str) -> Result<Option<GroupMapping>, AccessError> {
        let id = self.provisioned_group(cx, group).await?;
        let stored = self
            .get(cx, &self.types.group, &id, &Selection::document())
            .await?;
        let stored = stored.ok_or_else(|| AccessError::NotProvisioned(group.into()))?;
        Ok(GroupMapping::of(&State::of(&stored)))
    }

    /// Takes the mapping of a group away: its members belong nowhere on the group's account. A group without a mapping
    /// stays as it is.
    ///
    /// # Errors
    /// [`AccessError::NotProvisioned`], [`AccessError::Ambiguous`], [`AccessError::Forbidden`], [`AccessError::Engine`],
    /// [`AccessError::Store`].
    pub async fn unmap_group(&self, cx: &Context, group: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let id = self.provisioned_group(cx, group).await?;
        let outcome = self
            .provisioner
            .amend(cx, &self.types.group, &id, "unmapGroup", |review| {
                let Some(before) = GroupMapping::of(review.state()) else {
                    return Ok(());
                };
                let left = FurtherChange::Relate {
                    resource_type: self.types.unit.clone(),
                    id: before.unit,
                    relations: vec![delta(GROUPS, &[], &[review.id().clone()])],
                };
                review.attempt(left, None);
                let event = review.event(GROUP_UNMAPPED);
                review.publish_event(event);
                review.state_mut().remove(STATE);
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) => Ok(()),
            Err(EngineError::NotFound { .. }) => Err(AccessError::NotProvisioned(group.into())),
            Err(error) => Err(error.into()),
        }
    }

    /// Maps a group to another unit, or to a role in it. Its members belong there from then on, and nowhere else on the
    /// group's account.
    ///
    /// # Errors
    /// [`AccessError::NotProvisioned`], [`AccessError::NotFound`], [`AccessError::Ambiguous`], [`AccessError::Forbidden`],
    /// [`AccessError::Engine`], [`AccessError::Store`].
    pub async fn map_group(
        &self,
        cx: &Context,
        group: &str,
        unit: &str,
        role: Option<&str>,
    ) -> Result<GroupMapping, AccessError> {
        demand_admin(cx)?;
        let id = self.provisioned_group(cx, group).await?;
        let mapping = GroupMapping {
            unit: self.unit(cx, unit).await?.id,
            role: match role {
                Some(role) => Some(self.role(cx, role).await?.id),
                None => None,
            },
        };
        let outcome = self
            .provisioner
            .amend(cx, &self.types.group, &id, "mapGroup", |review| {
                if GroupMapping::of(review.state()).as_ref() != Some(&mapping) {
                    mapping.put_into(&self.types.unit, review);
                }
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) => Ok(mapping),
            Err(EngineError::NotFound { resource_type, .. }) if resource_type == *self.types.unit.name() => {
                Err(AccessError::not_found(&resource_type, unit))
            }
            Err(EngineError::NotFound { .. }) => Err(AccessError::NotProvisioned(group.into())),
            Err(error) => Err(error.into()),
        }
    }
}
