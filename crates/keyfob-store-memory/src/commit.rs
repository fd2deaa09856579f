//! Commits: changes one after the other, each undone if a later one can't be applied.

use std::collections::HashSet;

use keyfob_core::{
    DateTime, Member, Resource, ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{
    Change, CommitError, Committed, Event, EventId, NewEvent, Outcome, RelationDelta, StoreError, UniqueKey,
};
use smol_str::format_smolstr;

use crate::{
    edges::Holder,
    tenant::{Record, Tenant, stored},
};

/// A commit under way. What it did is undone when it is dropped before it has come to its end.
pub(crate) struct Transaction<'t> {
    tenant: &'t mut Tenant,
    last_event: &'t mut u64,
    undo: Vec<Undo>,
}

/// What stood in a place before the transaction wrote there.
enum Undo {
    Record(ResourceId, Option<Record>),
    Edge(Holder, ResourceId, Option<Member>),
    Event,
}

impl<'t> Transaction<'t> {
    pub(crate) fn new(tenant: &'t mut Tenant, last_event: &'t mut u64) -> Self {
        Self {
            tenant,
            last_event,
            undo: Vec::new(),
        }
    }

    /// Applies all changes, or none.
    pub(crate) fn run(mut self, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let outcome = self.apply(change, &outcomes)?;
            outcomes.push(outcome);
        }
        self.undo.clear();
        Ok(Committed::new(outcomes))
    }

    /// Applies one change, given what became of those before it.
    fn apply(&mut self, change: &Change<'_>, outcomes: &[Outcome]) -> Result<Outcome, CommitError> {
        let place = outcomes.len();
        match *change {
            Change::Create {
                resource_type,
                id,
                document,
                relations,
                unique,
                version,
                created,
                at,
            } => {
                if self.tenant.record(id).is_some() {
                    return Err(CommitError::IdTaken { change: place });
                }
                self.check_unique(place, resource_type, id, unique)?;
                let record = Record {
                    resource_type: resource_type.name().clone(),
                    place: self.tenant.new_place(resource_type),
                    created,
                    unique: unique.to_vec(),
                    stored: stored(resource_type, id, document, version, created, at),
                };
                self.set_record(id, Some(record));
                self.relate(place, resource_type, id, relations)?;
                Ok(Outcome::Changed(version))
            }
            Change::Update {
                resource_type,
                id,
                document,
                relations,
                unique,
                precondition,
                at,
            } => {
                self.check_version(place, resource_type, id, precondition)?;
                if document.is_some() {
                    self.check_unique(place, resource_type, id, unique)?;
                }
                let related = self.relate(place, resource_type, id, relations)?;
                let document = document.map(|document| (document, unique));
                if related || document.is_some() {
                    self.modify(id, document, at);
                }
                self.outcome(place, id, related || document.is_some())
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                at,
            } => {
                self.check_version(place, resource_type, id, precondition)?;
                self.delete(id, at);
                Ok(Outcome::Deleted)
            }
            Change::Publish { event, of } => self.publish(event, of, outcomes),
        }
    }

    /// Checks that the resource exists and has the demanded version.
    fn check_version(
        &self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<(), CommitError> {
        let record = self
            .tenant
            .record_of(resource_type, id)
            .ok_or(CommitError::NotFound { change })?;
        let current = record.stored.version;
        if precondition.is_some_and(|demanded| demanded != current) {
            return Err(CommitError::VersionMismatch { change, current });
        }
        Ok(())
    }

    /// Checks that nobody else of the type has reserved any of the keys.
    fn check_unique(
        &self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        unique: &[UniqueKey],
    ) -> Result<(), CommitError> {
        let Some(table) = self.tenant.table(resource_type.name()) else {
            return Ok(());
        };
        match unique
            .iter()
            .find(|key| table.reserved_by(key).is_some_and(|owner| owner != id))
        {
            None => Ok(()),
            Some(key) => Err(CommitError::UniquenessViolated {
                change,
                attribute: key.attribute.clone(),
            }),
        }
    }

    /// Checks that all whom the deltas put in can be members, applies them and says whether they changed anything.
    fn relate(
        &mut self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        deltas: &[RelationDelta],
    ) -> Result<bool, CommitError> {
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for delta in deltas {
            let relation = owned(resource_type, delta)?;
            let taken = |member| {
                let record = self.tenant.record(member);
                record.is_some_and(|record| relation.takes(&record.resource_type))
            };
            let refused = delta.add.iter().map(|(member, _)| member);
            let refused = refused.filter(|member| !taken(member) && seen.insert(*member));
            members.extend(refused.cloned());
        }
        if !members.is_empty() {
            return Err(CommitError::UnknownMembers { change, members });
        }
        let mut changed = false;
        for delta in deltas {
            let holder = Holder {
                owner: id.clone(),
                attribute: owned(resource_type, delta)?.attribute.name.as_str().into(),
            };
            changed |= self.apply_delta(&holder, delta);
        }
        Ok(changed)
    }

    /// As [`RelationDelta::apply`], but edge by edge, so that it can be undone without a copy of the whole relation.
    fn apply_delta(&mut self, holder: &Holder, delta: &RelationDelta) -> bool {
        let mut changed = false;
        let removed: Vec<ResourceId> = if delta.clear {
            let kept: HashSet<&ResourceId> = delta.add.iter().map(|(id, _)| id).collect();
            let members = self
                .tenant
                .edges
                .members(&holder.owner, &holder.attribute)
                .into_iter();
            let ids = members.flat_map(|members| members.iter().map(|(id, _)| id));
            ids.filter(|id| !kept.contains(id)).cloned().collect()
        } else {
            delta.remove.clone()
        };
        for id in &removed {
            changed |= self.has_member(holder, id);
            self.set_edge(holder, id, None);
        }
        for (id, member) in &delta.add {
            if !self.has_member(holder, id) {
                changed = true;
                self.set_edge(holder, id, Some(self.edge_to(id, member)));
            }
        }
        changed
    }

    fn has_member(&self, holder: &Holder, id: &ResourceId) -> bool {
        let members = self.tenant.edges.members(&holder.owner, &holder.attribute);
        members.is_some_and(|members| members.contains(id))
    }

    /// What is kept of a member: the type of what it points at, and the name with which it was put in.
    fn edge_to(&self, id: &ResourceId, given: &Member) -> Member {
        let mut member = Member::new();
        member.kind = self.tenant.record(id).map(|record| record.resource_type.clone());
        member.display.clone_from(&given.display);
        member
    }

    /// Takes a resource out with every edge from it and to it.
    fn delete(&mut self, id: &ResourceId, at: DateTime) {
        let owned: Vec<(Holder, ResourceId)> = self
            .tenant
            .edges
            .of(id)
            .map(|(holder, member)| (holder, member.clone()))
            .collect();
        for (holder, member) in owned {
            self.set_edge(&holder, &member, None);
        }
        let holders: Vec<Holder> = self.tenant.edges.holders(id).cloned().collect();
        for holder in &holders {
            self.set_edge(holder, id, None);
        }
        // In this order, because the holders are sorted by owner: one that had it in two relations changes once.
        let mut owners: Vec<&ResourceId> = holders.iter().map(|holder| &holder.owner).collect();
        owners.dedup();
        for owner in owners {
            self.modify(owner, None, at);
        }
        self.set_record(id, None);
    }

    /// Gives a resource its next version, and another document if there is one.
    fn modify(&mut self, id: &ResourceId, document: Option<(&Resource, &[UniqueKey])>, at: DateTime) {
        let Some(record) = self.tenant.record(id) else {
            return;
        };
        let Some(table) = self.tenant.table(&record.resource_type) else {
            return;
        };
        let record = record.changed(table.resource_type(), id, document, at);
        self.set_record(id, Some(record));
    }

    fn outcome(&self, change: usize, id: &ResourceId, changed: bool) -> Result<Outcome, CommitError> {
        let record = self.tenant.record(id).ok_or(CommitError::NotFound { change })?;
        let version = record.stored.version;
        Ok(if changed {
            Outcome::Changed(version)
        } else {
            Outcome::Unchanged(version)
        })
    }

    fn publish(
        &mut self,
        event: &NewEvent,
        of: Option<usize>,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
        if let Some(of) = of {
            let outcome = outcomes.get(of).ok_or_else(|| {
                StoreError::internal("an event tells of a change that does not come before it")
            })?;
            if !outcome.is_change() {
                return Ok(Outcome::Suppressed);
            }
        }
        *self.last_event += 1;
        let id = EventId::new(*self.last_event);
        self.tenant.events.push(Event::new(id, event.clone()));
        self.undo.push(Undo::Event);
        Ok(Outcome::Published(id))
    }

    fn set_record(&mut self, id: &ResourceId, record: Option<Record>) {
        let before = self.tenant.set_record(id, record);
        self.undo.push(Undo::Record(id.clone(), before));
    }

    fn set_edge(&mut self, holder: &Holder, id: &ResourceId, member: Option<Member>) {
        let before = self.tenant.edges.set(holder, id, member);
        self.undo.push(Undo::Edge(holder.clone(), id.clone(), before));
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Record(id, before) => {
                    self.tenant.set_record(&id, before);
                }
                Undo::Edge(holder, id, before) => {
                    self.tenant.edges.set(&holder, &id, before);
                }
                Undo::Event => {
                    self.tenant.events.pop();
                }
            }
        }
    }
}

/// The relation that the delta changes.
fn owned<'t>(resource_type: &'t ResourceType, delta: &RelationDelta) -> Result<&'t Relation, StoreError> {
    resource_type
        .relation(delta.attribute.as_str())
        .filter(|relation| relation.kind == RelationKind::Owned)
        .ok_or_else(|| {
            let message = format_smolstr!("{} owns no relation `{}`", resource_type.name(), delta.attribute);
            StoreError::internal(message.as_str())
        })
}
