//! Relations to which deleted users come back.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::{
    DateTime, Object, Resource, ResourceId, ResourceType, Value, Version, schema::RelationKind,
};
use keyfob_patch::RelationDelta;
use keyfob_store::{NewEvent, Query, Selection, Store, StoreError, Stored};
use smol_str::SmolStr;

use super::{DeletedUser, equals};
use crate::{
    context::Context,
    engine::{Engine, EngineError, commit::Draft, error::Refusal},
    event, policy,
    rule::Operation,
    system,
};

/// A relation to which a deleted user comes back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Membership {
    pub(super) resource_type: SmolStr,
    pub(super) attribute: SmolStr,
    pub(super) owner: ResourceId,
}

impl Membership {
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        let membership = value.as_object()?;
        Some(Self {
            resource_type: membership.get_str("resourceType")?.into(),
            attribute: membership.get_str("attribute")?.into(),
            owner: ResourceId::new(membership.get_str("value")?),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut object = Object::new();
        object.insert("resourceType", self.resource_type.clone());
        object.insert("attribute", self.attribute.clone());
        object.insert("value", self.owner.as_str());
        object.into()
    }
}

/// A deleted user who comes back to other relations than before.
pub(in crate::engine) struct DeletedMember {
    /// What tells of it.
    pub(in crate::engine) event: NewEvent,
    /// What is stored of the user from now on.
    pub(in crate::engine) document: Resource,
    /// The version that the stored resource must have.
    pub(in crate::engine) version: Version,
}

impl DeletedUser {
    /// Adds a membership and says whether it is new.
    fn join(&mut self, membership: &Membership) -> bool {
        let is_new = !self.memberships.contains(membership);
        if is_new {
            self.memberships.push(membership.clone());
        }
        is_new
    }

    /// Takes a membership away and says whether it was there.
    fn leave(&mut self, membership: &Membership) -> bool {
        let before = self.memberships.len();
        self.memberships.retain(|other| other != membership);
        self.memberships.len() < before
    }
}

impl<S: Store> Engine<S> {
    /// The deleted users who come back to a relation of the resource with this id, as they are stored.
    ///
    /// # Complexity
    /// One look-up by an index.
    pub(crate) async fn deleted_members(
        &self,
        cx: &Context,
        owner: &ResourceId,
    ) -> Result<Vec<Stored>, EngineError> {
        let selection = Selection::document();
        let filter = equals(system::deleted_user(), "memberships.value", owner.as_str())?;
        let query = Query::new(&selection, usize::MAX).with_filter(&filter);
        let page = self
            .store()
            .query(cx.tenant(), system::deleted_user(), &query)
            .await?;
        Ok(page.resources)
    }

    /// Which of the members that a store doesn't know are deleted users that the provider still knows.
    ///
    /// # Complexity
    /// A look-up by id for each.
    pub(in crate::engine) async fn part_deleted(
        &self,
        cx: &Context,
        members: Vec<ResourceId>,
    ) -> Result<(Vec<ResourceId>, Vec<ResourceId>), StoreError> {
        let (mut deleted, mut unknown) = (Vec::new(), Vec::new());
        for id in members {
            match self.user_type() {
                Some(user) if self.known_deleted(cx, user, &id).await?.is_some() => deleted.push(id),
                _ => unknown.push(id),
            }
        }
        Ok((deleted, unknown))
    }

    /// What becomes of deleted users because of a draft that changes relations.
    ///
    /// They are no members as long as they are deleted. Whom a draft takes out by its id is meant to stay out and doesn't
    /// come back to the relation; who replaces all members doesn't see the deleted ones and has nothing to say of them.
    /// Whom a draft puts in comes back to the relation.
    ///
    /// # Errors
    /// [`Refusal::Changed`] where somebody who was deleted is no longer.
    ///
    /// # Complexity
    /// One look-up by an index where somebody is taken out, one by id for each deleted user that is put in, and none
    /// otherwise.
    pub(in crate::engine) async fn deleted_members_changed_by(
        &self,
        cx: &Context,
        draft: &Draft<'_>,
        at: DateTime,
    ) -> Result<Vec<DeletedMember>, Refusal> {
        let mut members = BTreeMap::new();
        let Some(user) = self.user_type().filter(|_| draft.operation != Operation::Delete) else {
            return Ok(Vec::new());
        };
        if draft.relations.iter().any(|delta| !delta.remove.is_empty()) {
            let stored = self.deleted_members(cx, draft.id).await.map_err(Refusal::Error)?;
            let deleted = |stored| DeletedUser::from_stored(stored, user);
            members.extend(
                stored
                    .iter()
                    .filter_map(|stored| Some((stored.resource.id()?, deleted(stored)?))),
            );
        }
        let membership = |delta: &RelationDelta| Membership {
            resource_type: draft.resource_type.name().clone(),
            attribute: delta.attribute.as_str().into(),
            owner: draft.id.clone(),
        };
        let mut changed = BTreeSet::new();
        for delta in draft.relations {
            let left = membership(delta);
            let leave = |id: &&ResourceId| members.get_mut(*id).is_some_and(|deleted| deleted.leave(&left));
            changed.extend(delta.remove.iter().filter(leave));
        }
        for delta in draft.joining_later {
            let joined = membership(delta);
            let relation = draft.resource_type.relation(delta.attribute.as_str());
            for (id, _) in &delta.add {
                if relation.is_none_or(|relation| !relation.takes(user.name())) {
                    return Err(Refusal::Error(EngineError::UnknownMembers {
                        members: vec![id.clone()],
                    }));
                }
                if !members.contains_key(id) {
                    let found = self.known_deleted(cx, user, id).await.map_err(Refusal::store)?;
                    members.insert(id.clone(), found.ok_or(Refusal::Changed)?);
                }
                if members.get_mut(id).is_some_and(|deleted| deleted.join(&joined)) {
                    changed.insert(id);
                }
            }
        }
        let changed = members.into_iter().filter(|(id, _)| changed.contains(id));
        let told = changed.map(|(id, deleted)| DeletedMember {
            event: NewEvent::new(event::CHANGED, user.name().clone(), id, at),
            document: deleted.to_document(),
            version: deleted.stored,
        });
        Ok(told.collect())
    }

    /// In which relations of whatever types a resource is.
    ///
    /// A relation that it joins between this look and the commit that deletes it is not among them: joining leaves the
    /// member's own version as it is, so that the commit can't notice.
    pub(super) async fn memberships(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Vec<Membership>, EngineError> {
        let mut memberships = Vec::new();
        for owner_type in self.registry().resource_types() {
            for relation in owner_type.relations() {
                if relation.kind != RelationKind::Owned || !relation.takes(resource_type.name()) {
                    continue;
                }
                let attribute = &relation.attribute.name;
                let filter = equals(owner_type, &format!("{attribute}.value"), id.as_str())?;
                let selection = Selection::document();
                let query = Query::new(&selection, usize::MAX).with_filter(&filter);
                let page = self.store().query(cx.tenant(), owner_type, &query).await?;
                let owners = page.resources.iter().filter_map(|stored| stored.resource.id());
                memberships.extend(owners.map(|owner| Membership {
                    resource_type: owner_type.name().clone(),
                    attribute: attribute.as_str().into(),
                    owner,
                }));
            }
        }
        Ok(memberships)
    }

    fn user_type(&self) -> Option<&ResourceType> {
        let mut types = self.registry().resource_types().iter();
        types.find(|resource_type| policy::is_user(resource_type))
    }
}
