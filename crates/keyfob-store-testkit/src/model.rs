//! The contract in the plainest way there is: lists that are searched from end to end, and a copy of everything for each
//! commit. Random commits hold stores to it.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::{
    DateTime, Member, MemberSet, Resource, ResourceId, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{NewEvent, RelationDelta, Stored, UniqueKey};
use smol_str::SmolStr;

use crate::{
    fixture::Kind,
    step::{Action, Step},
    tenancy::{Refusal, normal},
};

/// What one tenant has, by the model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// In the order of creation.
    resources: Vec<Modelled>,
    pub(crate) events: Vec<NewEvent>,
}

#[derive(Clone, Debug)]
struct Modelled {
    kind: Kind,
    id: ResourceId,
    document: Resource,
    unique: Vec<UniqueKey>,
    version: u64,
    created: DateTime,
    last_modified: DateTime,
    /// By relation and id: with what display a member was put in.
    members: BTreeMap<(String, ResourceId), Option<SmolStr>>,
}

/// What becomes of a change; the id of an event is the store's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed(u64),
    Unchanged(u64),
    Deleted,
    Published,
    Suppressed,
}

impl Model {
    /// Applies all changes, or none.
    pub(crate) fn commit(&mut self, steps: &[Step]) -> Result<Vec<Effect>, Refusal> {
        let mut draft = self.clone();
        let mut effects = Vec::new();
        for step in steps {
            let effect = draft.apply(step, &effects)?;
            effects.push(effect);
        }
        *self = draft;
        Ok(effects)
    }

    /// Everything as a store gives it back: the types one after the other, each in the order of creation.
    pub(crate) fn resources(&self) -> Vec<(Kind, Stored)> {
        let of = |kind| {
            self.resources
                .iter()
                .filter(move |resource| resource.kind == kind)
        };
        Kind::ALL
            .into_iter()
            .flat_map(of)
            .map(|resource| (resource.kind, self.compose(resource)))
            .collect()
    }

    /// The version of a resource of whatever type.
    pub(crate) fn version(&self, id: &ResourceId) -> Option<u64> {
        self.find(id).map(|resource| resource.version)
    }

    fn apply(&mut self, step: &Step, effects: &[Effect]) -> Result<Effect, Refusal> {
        let change = effects.len();
        match step.action {
            Action::Create => {
                if self.find(&step.id).is_some() {
                    return Err(Refusal::IdTaken { change });
                }
                self.check_unique(step, change)?;
                self.resources.push(Modelled {
                    kind: step.kind,
                    id: step.id.clone(),
                    document: step.document.clone().unwrap_or_default(),
                    unique: step.unique.clone(),
                    version: step.version.number(),
                    created: step.created.unwrap_or(step.at),
                    last_modified: step.at,
                    members: BTreeMap::new(),
                });
                self.relate(step, change)?;
                Ok(Effect::Changed(step.version.number()))
            }
            Action::Update => {
                self.check_version(step, change)?;
                if step.document.is_some() {
                    self.check_unique(step, change)?;
                }
                let mut changed = self.relate(step, change)?;
                let resource = self.find_mut(step, change)?;
                if let Some(document) = &step.document {
                    resource.document = document.clone();
                    resource.unique.clone_from(&step.unique);
                    changed = true;
                }
                if !changed {
                    return Ok(Effect::Unchanged(resource.version));
                }
                resource.version += 1;
                resource.last_modified = step.at;
                Ok(Effect::Changed(resource.version))
            }
            Action::Delete => {
                self.check_version(step, change)?;
                self.resources.retain(|resource| resource.id != step.id);
                for resource in &mut self.resources {
                    let before = resource.members.len();
                    resource.members.retain(|(_, member), _| *member != step.id);
                    if resource.members.len() < before {
                        resource.version += 1;
                        resource.last_modified = step.at;
                    }
                }
                Ok(Effect::Deleted)
            }
            Action::Publish => {
                let told = step
                    .of
                    .is_none_or(|of| matches!(effects.get(of), Some(Effect::Changed(_) | Effect::Deleted)));
                if !told {
                    return Ok(Effect::Suppressed);
                }
                self.events.push(step.event.clone());
                Ok(Effect::Published)
            }
        }
    }

    fn find(&self, id: &ResourceId) -> Option<&Modelled> {
        self.resources.iter().find(|resource| resource.id == *id)
    }

    fn find_mut(&mut self, step: &Step, change: usize) -> Result<&mut Modelled, Refusal> {
        let found = self
            .resources
            .iter_mut()
            .find(|resource| resource.id == step.id && resource.kind == step.kind);
        found.ok_or(Refusal::NotFound { change })
    }

    fn check_version(&mut self, step: &Step, change: usize) -> Result<(), Refusal> {
        let current = self.find_mut(step, change)?.version;
        match step.precondition {
            Some(demanded) if demanded.number() != current => {
                Err(Refusal::VersionMismatch { change, current })
            }
            _ => Ok(()),
        }
    }

    fn check_unique(&self, step: &Step, change: usize) -> Result<(), Refusal> {
        let others = || {
            self.resources
                .iter()
                .filter(|other| other.kind == step.kind && other.id != step.id)
        };
        match step
            .unique
            .iter()
            .find(|key| others().any(|other| other.unique.contains(key)))
        {
            None => Ok(()),
            Some(key) => Err(Refusal::Uniqueness {
                change,
                attribute: key.attribute.to_string(),
            }),
        }
    }

    fn relate(&mut self, step: &Step, change: usize) -> Result<bool, Refusal> {
        let mut unknown = BTreeSet::new();
        for delta in &step.relations {
            let takes = |kind| step.kind.takes(delta.attribute.as_str(), kind);
            let ids = delta.add.iter().map(|(id, _)| id);
            let refused = ids.filter(|id| !self.find(id).is_some_and(|member| takes(member.kind)));
            unknown.extend(refused.map(ToString::to_string));
        }
        if !unknown.is_empty() {
            return Err(Refusal::UnknownMembers {
                change,
                members: unknown.into_iter().collect(),
            });
        }
        let resource = self.find_mut(step, change)?;
        let mut changed = false;
        for delta in &step.relations {
            changed |= relate_one(&mut resource.members, delta);
        }
        Ok(changed)
    }

    fn compose(&self, resource: &Modelled) -> Stored {
        let resource_type = resource.kind.resource_type();
        let mut stored = Stored::new(
            resource_type,
            &resource.id,
            resource.document.clone(),
            Version::new(resource.version),
            resource.created,
            resource.last_modified,
        );
        for relation in resource_type.relations() {
            stored
                .resource
                .set_relation(&relation.attribute.name, self.members(resource, relation));
        }
        normal(stored)
    }

    fn members(&self, resource: &Modelled, relation: &Relation) -> MemberSet {
        if let RelationKind::InverseOf {
            resource_type,
            attribute,
        } = &relation.kind
        {
            let key = (attribute.as_str().to_owned(), resource.id.clone());
            let owners = self.resources.iter().filter(|owner| {
                owner.kind.name() == resource_type.as_str() && owner.members.contains_key(&key)
            });
            let member = |owner: &Modelled| {
                let mut member = Member::new().with_kind("direct");
                member.display = owner.document.core().get_str("displayName").map(Into::into);
                (owner.id.clone(), member)
            };
            return owners.map(member).collect();
        }
        let owned = resource.members.iter();
        let owned = owned.filter(|((name, _), _)| relation.attribute.name.is(name));
        let member = |((_, id), display): (&(String, ResourceId), &Option<SmolStr>)| {
            let mut member = Member::new();
            member.kind = self.find(id).map(|target| target.kind.name().into());
            member.display.clone_from(display);
            (id.clone(), member)
        };
        owned.map(member).collect()
    }
}

fn relate_one(members: &mut BTreeMap<(String, ResourceId), Option<SmolStr>>, delta: &RelationDelta) -> bool {
    let key = |id: &ResourceId| (delta.attribute.as_str().to_owned(), id.clone());
    let before = members.clone();
    if delta.clear {
        members.retain(|(name, _), _| !delta.attribute.is(name));
    }
    for id in &delta.remove {
        members.remove(&key(id));
    }
    for (id, member) in &delta.add {
        let kept = before.get(&key(id)).unwrap_or(&member.display);
        members.insert(key(id), kept.clone());
    }
    *members != before
}
