//! Commits: changes one after the other, each undone if a later one can't be made.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use keyfob_core::{
    DateTime, Member, Object, Resource, ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{
    Answer, Change, Commit, CommitError, Committed, Labels, Listed, MemberPolicy, NewEvent, Outcome,
    Position, RelationDelta, Revision, StoreError, Stored, UniqueKey, Visibility, When, kit,
};
use smol_str::format_smolstr;

use crate::{
    edges::Holder,
    tenant::{Record, Tenant},
};

/// A commit under way. What it did is undone when it is dropped before it has come to its end.
pub(crate) struct Transaction<'t> {
    tenant: &'t mut Tenant,
    commit: &'t Commit,
    undo: Vec<Undo>,
    events: u32,
    /// The labels of what the commit has deleted.
    deleted: HashMap<ResourceId, Labels>,
}

/// What stood in a place before the transaction wrote there.
enum Undo {
    Record(ResourceId, Option<Record>),
    Edge(Visibility, Holder, ResourceId, Option<Member>),
    Departed(ResourceId, Option<Version>),
    Event,
    Labels(usize, Labels),
}

/// Who joined and left a relation, and who was left out.
#[derive(Default)]
struct Related {
    joined: Listed,
    left: Listed,
    unknown: Vec<ResourceId>,
}

impl<'t> Transaction<'t> {
    pub(crate) fn new(tenant: &'t mut Tenant, commit: &'t Commit) -> Self {
        Self {
            tenant,
            commit,
            undo: Vec::new(),
            events: 0,
            deleted: HashMap::new(),
        }
    }

    /// Applies all changes, or none.
    pub(crate) fn run(mut self) -> Result<Committed, CommitError> {
        let commit = self.commit;
        let mut outcomes = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            let before = self.undo.len();
            let outcome = match self.apply(change, &outcomes) {
                Ok(outcome) => outcome,
                Err(error) => {
                    let cause = kit::skips(change, &error).ok_or(error)?;
                    self.undo_from(before);
                    Outcome::Skipped(cause)
                }
            };
            outcomes.push(outcome);
        }
        let answer = commit
            .answer
            .as_ref()
            .and_then(|answer| self.answer(answer, &outcomes));
        if self.events == 0 && !commit.changes.is_empty() {
            self.tenant.feed.remember(&commit.id);
        }
        self.undo.clear();
        Ok(Committed::new(outcomes).with_answer(answer))
    }

    /// Applies one change, given the outcomes of those before it.
    fn apply(&mut self, change: &Change, outcomes: &[Outcome]) -> Result<Outcome, CommitError> {
        let number = outcomes.len();
        match change {
            Change::Create {
                resource_type,
                id,
                document,
                state,
                relations,
                members,
                unique,
                on_refusal: _,
            } => {
                if self.tenant.record(id).is_some() {
                    return Err(CommitError::IdTaken { change: number });
                }
                self.check_unique(number, resource_type, id, unique)?;
                self.insert(resource_type, id, (document, state), unique);
                let related = self.relate(number, resource_type, id, relations, *members)?;
                self.changed(number, id, related)
            }
            Change::Update {
                resource_type,
                id,
                document,
                state,
                visibility,
                relations,
                members,
                unique,
                precondition,
                on_refusal: _,
            } => {
                self.check_version(number, resource_type, id, *precondition)?;
                let (was, unique_before) = match self.tenant.record(id) {
                    Some(record) => (record.stored.visibility, record.unique.clone()),
                    None => return Err(CommitError::NotFound { change: number }),
                };
                let is = visibility.unwrap_or(was);
                let unique = match (is, unique) {
                    (Visibility::Hidden, _) => Vec::new(),
                    (Visibility::Live, Some(unique)) => unique.clone(),
                    (Visibility::Live, None) => unique_before,
                };
                self.check_unique(number, resource_type, id, &unique)?;
                let related = self.relate(number, resource_type, id, relations, *members)?;
                let is_changed = document.is_some()
                    || state.is_some()
                    || was != is
                    || !related.joined.is_empty()
                    || !related.left.is_empty();
                if !is_changed {
                    self.reserve(id, unique);
                    return Ok(Outcome::Unchanged {
                        revision: self.revision(number, id)?,
                        unknown: related.unknown,
                    });
                }
                if was != is {
                    self.move_edges(id, was, is);
                }
                self.modify(id, document.as_deref(), state.as_ref(), Some((is, unique)));
                self.changed(number, id, related)
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                on_refusal: _,
            } => {
                self.check_version(number, resource_type, id, *precondition)?;
                self.delete(id);
                Ok(Outcome::Deleted)
            }
            Change::Expect {
                resource_type,
                id,
                expected,
            } => {
                kit::check_expected(number, self.version(resource_type, id), *expected)?;
                Ok(Outcome::Expected)
            }
            Change::Publish { event, when } => self.publish(event, *when, outcomes),
            Change::Forget { resource_type, id } => {
                for index in self.tenant.feed.of(resource_type.name(), id) {
                    let labels = self.tenant.feed.label(index, Labels::default());
                    self.undo.push(Undo::Labels(index, labels));
                }
                Ok(Outcome::Forgotten)
            }
        }
    }

    /// Stores a new resource without relations.
    fn insert(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
        (document, state): (&Resource, &Arc<Object>),
        unique: &[UniqueKey],
    ) {
        let at = self.commit.at;
        let last = self.tenant.departed.get(id);
        let version = last.map_or(Version::FIRST, |last| last.next());
        self.tenant.open_table(resource_type);
        let stored = stored(resource_type, id, document, version, at, at);
        let record = Record {
            resource_type: resource_type.name().clone(),
            created: at,
            last_modified: at,
            unique: unique.to_vec(),
            stored: stored.with_state(Arc::clone(state)),
        };
        self.set_record(id, Some(record));
    }

    fn version(&self, resource_type: &ResourceType, id: &ResourceId) -> Option<Version> {
        let record = self.tenant.record_of(resource_type, id)?;
        Some(record.stored.version)
    }

    fn check_version(
        &self,
        number: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<(), CommitError> {
        kit::check_version(number, self.version(resource_type, id), precondition).map(|_| ())
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
        let is_taken = |key: &&UniqueKey| table.reserved_by(key).is_some_and(|owner| owner != id);
        match unique.iter().find(is_taken) {
            None => Ok(()),
            Some(key) => Err(CommitError::UniquenessViolated {
                change,
                attribute: key.attribute.clone(),
            }),
        }
    }

    /// Checks that all members that the deltas put in can be members, and applies the deltas.
    fn relate(
        &mut self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        deltas: &[RelationDelta],
        policy: MemberPolicy,
    ) -> Result<Related, CommitError> {
        let mut seen = HashSet::new();
        let mut unknown = Vec::new();
        for delta in deltas {
            let relation = owned(resource_type, delta)?;
            for (member, _) in &delta.add {
                if !self.may_join(relation, member, policy) && seen.insert(member) {
                    unknown.push(member.clone());
                }
            }
        }
        if !unknown.is_empty() && !policy.skip_unknown {
            return Err(CommitError::UnknownMembers {
                change,
                members: unknown,
            });
        }
        let mut related = Related {
            unknown,
            ..Related::default()
        };
        for delta in deltas {
            let relation = owned(resource_type, delta)?;
            let holder = Holder {
                owner: id.clone(),
                attribute: relation.attribute.name.as_str().into(),
            };
            self.apply_delta(&holder, relation, delta, policy, &mut related);
        }
        Ok(related)
    }

    fn may_join(&self, relation: &Relation, member: &ResourceId, policy: MemberPolicy) -> bool {
        self.tenant.record(member).is_some_and(|record| {
            relation.takes(&record.resource_type) && (policy.accept_hidden || !record.stored.is_hidden())
        })
    }

    /// As [`RelationDelta::apply`], but edge by edge, so that it can be undone without a copy of the whole relation.
    fn apply_delta(
        &mut self,
        holder: &Holder,
        relation: &Relation,
        delta: &RelationDelta,
        policy: MemberPolicy,
        related: &mut Related,
    ) {
        let removed: Vec<ResourceId> = if delta.clear {
            let kept: HashSet<&ResourceId> = delta.add.iter().map(|(id, _)| id).collect();
            let members = self
                .tenant
                .edges
                .members(&holder.owner, &holder.attribute)
                .into_iter();
            let ids = members.flat_map(|members| members.iter().map(|(id, _)| id));
            let ids = ids.filter(|id| !kept.contains(id));
            // Those that are named, too: clearing leaves hidden members, removing by id takes them.
            ids.chain(&delta.remove).cloned().collect()
        } else {
            delta.remove.clone()
        };
        for id in &removed {
            if self.has_member(Visibility::Live, holder, id) {
                related.left.push(id);
                self.set_edge(Visibility::Live, holder, id, None);
            } else if self.has_member(Visibility::Hidden, holder, id) {
                self.set_edge(Visibility::Hidden, holder, id, None);
            }
        }
        for (id, member) in &delta.add {
            if !self.may_join(relation, id, policy) {
                continue;
            }
            let Some(record) = self.tenant.record(id) else {
                continue;
            };
            let visibility = record.stored.visibility;
            if self.has_member(visibility, holder, id) {
                continue;
            }
            if visibility == Visibility::Live {
                related.joined.push(id);
            }
            self.set_edge(visibility, holder, id, Some(self.edge_to(id, member)));
        }
    }

    fn has_member(&self, visibility: Visibility, holder: &Holder, id: &ResourceId) -> bool {
        let edges = self.tenant.edges_to(visibility);
        let members = edges.members(&holder.owner, &holder.attribute);
        members.is_some_and(|members| members.contains(id))
    }

    /// Returns what is kept of a member: the type of the resource, and the name with which it was put in.
    fn edge_to(&self, id: &ResourceId, given: &Member) -> Member {
        let mut member = Member::new();
        member.kind = self.tenant.record(id).map(|record| record.resource_type.clone());
        member.display.clone_from(&given.display);
        member
    }

    /// Moves the edges to a resource from one visibility to the other, and changes its live owners.
    fn move_edges(&mut self, id: &ResourceId, from: Visibility, to: Visibility) {
        let holders: Vec<Holder> = self.tenant.edges_to(from).holders(id).cloned().collect();
        for holder in &holders {
            let members = self.tenant.edges_to(from);
            let members = members.members(&holder.owner, &holder.attribute);
            let member = members.and_then(|members| members.get(id)).cloned();
            self.set_edge(from, holder, id, None);
            self.set_edge(to, holder, id, member);
        }
        self.modify_owners(&holders, id);
    }

    /// Takes a resource out with every edge from it and to it.
    fn delete(&mut self, id: &ResourceId) {
        for visibility in [Visibility::Live, Visibility::Hidden] {
            let owned: Vec<(Holder, ResourceId)> = self
                .tenant
                .edges_to(visibility)
                .of(id)
                .map(|(holder, member)| (holder, member.clone()))
                .collect();
            for (holder, member) in owned {
                self.set_edge(visibility, &holder, &member, None);
            }
            let holders: Vec<Holder> = self.tenant.edges_to(visibility).holders(id).cloned().collect();
            for holder in &holders {
                self.set_edge(visibility, holder, id, None);
            }
            if visibility == Visibility::Live {
                self.modify_owners(&holders, id);
            }
        }
        if let Some(record) = self.tenant.record(id) {
            let version = record.stored.version;
            self.deleted
                .insert(id.clone(), kit::labels(&record.stored.resource));
            let before = self.tenant.departed.insert(id.clone(), version);
            self.undo.push(Undo::Departed(id.clone(), before));
        }
        self.set_record(id, None);
    }

    /// Changes the live owners of a member, each once and without the member itself.
    fn modify_owners(&mut self, holders: &[Holder], member: &ResourceId) {
        // They are sorted by owner.
        let mut owners: Vec<&ResourceId> = holders.iter().map(|holder| &holder.owner).collect();
        owners.dedup();
        for owner in owners {
            let is_live = self
                .tenant
                .record(owner)
                .is_some_and(|record| !record.stored.is_hidden());
            if is_live && owner != member {
                self.modify(owner, None, None, None);
            }
        }
    }

    /// Gives a resource its next version, with what is new of it.
    fn modify(
        &mut self,
        id: &ResourceId,
        document: Option<&Resource>,
        state: Option<&Arc<Object>>,
        seen: Option<(Visibility, Vec<UniqueKey>)>,
    ) {
        let Some(record) = self.tenant.record(id) else {
            return;
        };
        let Some(table) = self.tenant.table(&record.resource_type) else {
            return;
        };
        // Another clock may have been ahead.
        let at = self.commit.at.max(record.last_modified);
        let (visibility, unique) = seen.unwrap_or_else(|| (record.stored.visibility, record.unique.clone()));
        let document = document.unwrap_or(&record.stored.resource);
        let version = record.stored.version.next();
        let state = Arc::clone(state.unwrap_or(&record.stored.state));
        let stored = stored(table.resource_type(), id, document, version, record.created, at);
        let record = Record {
            resource_type: record.resource_type.clone(),
            created: record.created,
            last_modified: at,
            unique,
            stored: stored.with_state(state).with_visibility(visibility),
        };
        self.set_record(id, Some(record));
    }

    /// Replaces the keys of a resource that doesn't change otherwise.
    fn reserve(&mut self, id: &ResourceId, unique: Vec<UniqueKey>) {
        if let Some(record) = self.tenant.record(id)
            && record.unique != unique
        {
            let record = Record {
                unique,
                ..record.clone()
            };
            self.set_record(id, Some(record));
        }
    }

    fn changed(&self, number: usize, id: &ResourceId, related: Related) -> Result<Outcome, CommitError> {
        Ok(Outcome::Changed {
            revision: self.revision(number, id)?,
            joined: related.joined,
            left: related.left,
            unknown: related.unknown,
        })
    }

    fn revision(&self, change: usize, id: &ResourceId) -> Result<Revision, CommitError> {
        let record = self.tenant.record(id).ok_or(CommitError::NotFound { change })?;
        Ok(Revision {
            id: id.clone(),
            version: record.stored.version,
            created: record.created,
            last_modified: record.last_modified,
        })
    }

    fn publish(
        &mut self,
        event: &NewEvent,
        when: When,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
        if !kit::is_met(when, outcomes)? {
            return Ok(Outcome::Suppressed);
        }
        let id = &event.resource;
        let record = self
            .tenant
            .record(id)
            .filter(|record| record.resource_type == event.resource_type);
        let labels = match record {
            Some(record) => kit::labels(&record.stored.resource),
            None => self.deleted.get(id).cloned().unwrap_or_default(),
        };
        let position = Position::new(self.tenant.feed.last().number() + 1);
        let event = kit::complete(
            self.commit,
            self.events,
            position,
            (event, when),
            outcomes,
            labels,
        );
        self.tenant.feed.push(event);
        self.undo.push(Undo::Event);
        self.events += 1;
        Ok(Outcome::Published)
    }

    fn answer(&self, answer: &Answer, outcomes: &[Outcome]) -> Option<Stored> {
        let Answer { change, selection } = answer;
        outcomes.get(*change)?.revision()?;
        let (resource_type, id) = self.commit.changes.get(*change)?.subject()?;
        self.tenant.get(resource_type, id, selection)
    }

    fn set_record(&mut self, id: &ResourceId, record: Option<Record>) {
        let before = self.tenant.set_record(id, record);
        self.undo.push(Undo::Record(id.clone(), before));
    }

    fn set_edge(&mut self, visibility: Visibility, holder: &Holder, id: &ResourceId, member: Option<Member>) {
        let before = edges_mut(self.tenant, visibility).set(holder, id, member);
        self.undo
            .push(Undo::Edge(visibility, holder.clone(), id.clone(), before));
    }

    /// Undoes everything but the first steps.
    fn undo_from(&mut self, first: usize) {
        while self.undo.len() > first {
            match self.undo.pop() {
                Some(Undo::Record(id, before)) => {
                    self.tenant.set_record(&id, before);
                }
                Some(Undo::Edge(visibility, holder, id, before)) => {
                    edges_mut(self.tenant, visibility).set(&holder, &id, before);
                }
                Some(Undo::Departed(id, Some(version))) => {
                    self.tenant.departed.insert(id, version);
                }
                Some(Undo::Departed(id, None)) => {
                    self.tenant.departed.remove(&id);
                }
                Some(Undo::Event) => self.tenant.feed.pop(),
                Some(Undo::Labels(index, labels)) => {
                    self.tenant.feed.label(index, labels);
                }
                None => return,
            }
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.undo_from(0);
    }
}

fn edges_mut(tenant: &mut Tenant, visibility: Visibility) -> &mut crate::edges::Edges {
    match visibility {
        Visibility::Live => &mut tenant.edges,
        Visibility::Hidden => &mut tenant.hidden_edges,
    }
}

/// Returns a document without its relations, as it is given back.
fn stored(
    resource_type: &ResourceType,
    id: &ResourceId,
    document: &Resource,
    version: Version,
    created: DateTime,
    last_modified: DateTime,
) -> Stored {
    let mut document = document.clone();
    document.relations_mut().clear();
    Stored::new(resource_type, id, document, version, created, last_modified)
}

/// Returns the relation that the delta changes.
fn owned<'t>(resource_type: &'t ResourceType, delta: &RelationDelta) -> Result<&'t Relation, StoreError> {
    resource_type
        .relation(delta.attribute.as_str())
        .filter(|relation| relation.kind == RelationKind::Owned)
        .ok_or_else(|| {
            let message = format_smolstr!("{} owns no relation `{}`", resource_type.name(), delta.attribute);
            StoreError::internal(message.as_str())
        })
}
