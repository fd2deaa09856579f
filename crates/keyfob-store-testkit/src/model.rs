//! The contract in the plainest way there is: lists that are searched from end to end, and a copy of everything for each
//! commit. It knows no index and shares no code with `keyfob_store::kit`. Random commits hold stores to it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use keyfob_core::{
    DateTime, Member, MemberSet, Object, Registry, Resource, ResourceId, Version,
    message::SortOrder,
    schema::{Relation, RelationKind},
};
use keyfob_store::{
    Commit, CommitId, Event, Expected, Labels, Listed, NewEvent, Outcome, Position, RelationDelta, Revision,
    Stored, UniqueKey, Visibility, When,
};
use smol_str::SmolStr;

use crate::{
    effect::Refusal,
    failure::{Failure, Verdict},
    fixture::Kind,
    step::{Action, Step},
    tenancy::normal,
};

/// What one tenant has, by the model.
#[derive(Clone, Debug)]
pub(crate) struct Model<'r> {
    registry: &'r Registry,
    resources: Vec<Modelled>,
    events: Vec<ModelledEvent>,
    /// The last versions of resources that are gone.
    gone: BTreeMap<ResourceId, u64>,
    /// The labels of what the commit under way has deleted.
    deleted: BTreeMap<ResourceId, Labels>,
}

#[derive(Clone, Debug)]
struct Modelled {
    kind: Kind,
    id: ResourceId,
    document: Resource,
    state: Object,
    is_hidden: bool,
    unique: Vec<UniqueKey>,
    version: u64,
    created: DateTime,
    last_modified: DateTime,
    /// By relation and id: with what display a member was put in. Edges to hidden members are among them.
    members: BTreeMap<(String, ResourceId), Option<SmolStr>>,
}

#[derive(Clone, Debug)]
struct ModelledEvent {
    commit: CommitId,
    at: DateTime,
    event: NewEvent,
    version: Option<Version>,
    joined: Listed,
    left: Listed,
    /// The labels that are right. Where a commit renames what the event is about, before or after it, the contract leaves
    /// it to the store which of the names it takes.
    labels: Vec<Labels>,
    is_forgotten: bool,
}

/// The effective changes of the members of one resource.
#[derive(Default)]
struct Related {
    joined: Vec<ResourceId>,
    left: Vec<ResourceId>,
    unknown: Vec<ResourceId>,
}

impl<'r> Model<'r> {
    pub(crate) fn new(registry: &'r Registry) -> Self {
        Self {
            registry,
            resources: Vec::new(),
            events: Vec::new(),
            gone: BTreeMap::new(),
            deleted: BTreeMap::new(),
        }
    }

    /// Applies all changes, or none.
    pub(crate) fn commit(&mut self, steps: &[Step], commit: &Commit) -> Result<Vec<Outcome>, Refusal> {
        let mut draft = self.clone();
        draft.deleted.clear();
        let mut outcomes = Vec::new();
        for step in steps {
            let before = draft.clone();
            let outcome = match draft.apply(step, commit, &outcomes) {
                Ok(outcome) => outcome,
                Err(refusal) if step.on_refusal.skips(refusal.cause()) => {
                    draft = before;
                    Outcome::Skipped(refusal.cause())
                }
                Err(refusal) => return Err(refusal),
            };
            outcomes.push(outcome);
        }
        draft.complete_labels(&commit.id, self);
        *self = draft;
        Ok(outcomes)
    }

    /// Everything as a store gives it back: of each type the live resources and then the hidden ones, each in their order.
    pub(crate) fn resources(&self, kinds: &[Kind]) -> Vec<(Kind, Stored)> {
        let mut all = Vec::new();
        for kind in kinds {
            for visibility in [Visibility::Live, Visibility::Hidden] {
                let found = self.list(*kind, visibility, None, Visibility::Live);
                all.extend(found.into_iter().map(|stored| (*kind, stored)));
            }
        }
        all
    }

    /// The resources of a type in the order of their creation or of an attribute, with their live or their hidden members.
    pub(crate) fn list(
        &self,
        kind: Kind,
        visibility: Visibility,
        sort: Option<(&str, SortOrder)>,
        members: Visibility,
    ) -> Vec<Stored> {
        let is_hidden = visibility == Visibility::Hidden;
        let mut found: Vec<&Modelled> = self
            .resources
            .iter()
            .filter(|resource| resource.kind == kind && resource.is_hidden == is_hidden)
            .collect();
        found.sort_by(|left, right| {
            let by_value = match sort {
                None => Ordering::Equal,
                Some((path, order)) => {
                    let by_value = {
                        let (left, right) = (self.sort_value(left, path), self.sort_value(right, path));
                        absent_last(left.as_deref(), right.as_deref())
                    };
                    if order == SortOrder::Descending {
                        by_value.reverse()
                    } else {
                        by_value
                    }
                }
            };
            by_value
                .then(left.created.cmp(&right.created))
                .then(left.id.as_str().as_bytes().cmp(right.id.as_str().as_bytes()))
        });
        found
            .into_iter()
            .map(|resource| self.compose(resource, members))
            .collect()
    }

    /// A resource as it is read by its id.
    pub(crate) fn get(&self, kind: Kind, id: &ResourceId) -> Option<Stored> {
        let found = self.find(id).filter(|resource| resource.kind == kind)?;
        Some(self.compose(found, Visibility::Live))
    }

    /// The resource that reserves a key.
    pub(crate) fn reserving(&self, kind: Kind, key: &UniqueKey) -> Option<&ResourceId> {
        let mut found = self.resources.iter();
        found
            .find(|resource| resource.kind == kind && resource.unique.contains(key))
            .map(|resource| &resource.id)
    }

    /// Every key that is reserved.
    pub(crate) fn reserved(&self) -> Vec<(Kind, UniqueKey)> {
        let keys = self.resources.iter().flat_map(|resource| {
            let keys = resource.unique.iter().cloned();
            keys.map(|key| (resource.kind, key))
        });
        keys.collect()
    }

    /// The version of a resource of whatever type.
    pub(crate) fn version(&self, id: &ResourceId) -> Option<u64> {
        self.find(id).map(|resource| resource.version)
    }

    pub(crate) fn is_hidden(&self, id: &ResourceId) -> bool {
        self.find(id).is_some_and(|resource| resource.is_hidden)
    }

    /// Whether nothing ever had the id.
    pub(crate) fn is_fresh(&self, id: &ResourceId) -> bool {
        self.find(id).is_none() && !self.gone.contains_key(id)
    }

    /// Fails with the first event that is not as it should be.
    pub(crate) fn check_events(&self, events: &[Event]) -> Verdict {
        ensure_eq!(events.len(), self.events.len(), "how many events there are");
        let mut number = 0;
        let mut before: Option<&CommitId> = None;
        for ((place, found), expected) in (1..).zip(events).zip(&self.events) {
            number = if before == Some(&expected.commit) {
                number + 1
            } else {
                0
            };
            before = Some(&expected.commit);
            let what = format!("of the event `{}` at position {place}", expected.event.name);
            ensure_eq!(found.position, Position::new(place), "the position {what}");
            ensure_eq!(found.id.commit, expected.commit, "the commit {what}");
            ensure_eq!(found.id.number, number, "the number {what}");
            ensure_eq!(found.at, expected.at, "the time {what}");
            ensure_eq!(found.event, expected.event, "the caller's half {what}");
            ensure_eq!(found.version, expected.version, "the version {what}");
            check_listed(&found.joined, &expected.joined, &format!("who joined, {what}"))?;
            check_listed(&found.left, &expected.left, &format!("who left, {what}"))?;
            ensure!(
                expected.labels.contains(&found.labels),
                "the labels {what} are {:?} instead of {:?}",
                found.labels,
                expected.labels
            );
        }
        Ok(())
    }

    fn apply(&mut self, step: &Step, commit: &Commit, outcomes: &[Outcome]) -> Result<Outcome, Refusal> {
        let change = outcomes.len();
        match step.action {
            Action::Create => self.create(step, commit, change),
            Action::Update => self.update(step, commit, change),
            Action::Delete => {
                self.check_version(step, change)?;
                let gone = self.find_mut(step, change)?;
                let (version, was_hidden) = (gone.version, gone.is_hidden);
                self.gone.insert(step.id.clone(), version);
                let labels = self.labels(step.kind.name(), &step.id).unwrap_or_default();
                self.deleted.insert(step.id.clone(), labels);
                self.resources.retain(|resource| resource.id != step.id);
                for resource in &mut self.resources {
                    let before = resource.members.len();
                    resource.members.retain(|(_, member), _| *member != step.id);
                    if resource.members.len() < before && !was_hidden && !resource.is_hidden {
                        resource.modify(commit.at);
                    }
                }
                Ok(Outcome::Deleted)
            }
            Action::Expect => {
                let found = self.find_mut(step, change).map(|resource| resource.version);
                match (step.expected, found) {
                    (Expected::Absent, Ok(_)) => Err(Refusal::IdTaken { change }),
                    (Expected::Version(demanded), Ok(current)) if demanded.number() != current => {
                        Err(Refusal::VersionMismatch { change, current })
                    }
                    (Expected::Present | Expected::Version(_), Err(refusal)) => Err(refusal),
                    _ => Ok(Outcome::Expected),
                }
            }
            Action::Publish => {
                let about = match step.when {
                    When::Always => None,
                    When::Changed(change) | When::Skipped(change) => outcomes.get(change),
                };
                let is_published = match step.when {
                    When::Always => true,
                    When::Changed(_) => {
                        matches!(about, Some(Outcome::Changed { .. } | Outcome::Deleted))
                    }
                    When::Skipped(_) => matches!(about, Some(Outcome::Skipped(_))),
                };
                if !is_published {
                    return Ok(Outcome::Suppressed);
                }
                self.publish(step, commit, about);
                Ok(Outcome::Published)
            }
            Action::Forget => {
                for event in &mut self.events {
                    if event.event.resource == step.id && event.event.resource_type == step.kind.name() {
                        event.labels = vec![Labels::default()];
                        event.is_forgotten = true;
                    }
                }
                Ok(Outcome::Forgotten)
            }
        }
    }

    fn create(&mut self, step: &Step, commit: &Commit, change: usize) -> Result<Outcome, Refusal> {
        if self.find(&step.id).is_some() {
            return Err(Refusal::IdTaken { change });
        }
        let unique = step.unique.clone().unwrap_or_default();
        self.check_unique(step, &unique, change)?;
        self.resources.push(Modelled {
            kind: step.kind,
            id: step.id.clone(),
            document: step.document.clone().unwrap_or_default(),
            state: step.state.clone().unwrap_or_default(),
            is_hidden: false,
            unique,
            version: self.gone.get(&step.id).map_or(1, |last| last + 1),
            created: commit.at,
            last_modified: commit.at,
            members: BTreeMap::new(),
        });
        let related = self.relate(step, change)?;
        let resource = self.find_mut(step, change)?;
        Ok(resource.changed(related))
    }

    fn update(&mut self, step: &Step, commit: &Commit, change: usize) -> Result<Outcome, Refusal> {
        self.check_version(step, change)?;
        let before = self.find_mut(step, change)?;
        let was_hidden = before.is_hidden;
        let is_hidden = step
            .visibility
            .map_or(was_hidden, |seen| seen == Visibility::Hidden);
        let unique = match (is_hidden, &step.unique) {
            (true, _) => Vec::new(),
            (false, Some(unique)) => unique.clone(),
            (false, None) => before.unique.clone(),
        };
        self.check_unique(step, &unique, change)?;
        let related = self.relate(step, change)?;
        let is_changed = step.document.is_some()
            || step.state.is_some()
            || is_hidden != was_hidden
            || !related.joined.is_empty()
            || !related.left.is_empty();
        let resource = self.find_mut(step, change)?;
        resource.unique = unique;
        if !is_changed {
            return Ok(Outcome::Unchanged {
                revision: resource.revision(),
                unknown: related.unknown,
            });
        }
        if let Some(document) = &step.document {
            resource.document = document.clone();
        }
        if let Some(state) = &step.state {
            resource.state = state.clone();
        }
        resource.is_hidden = is_hidden;
        resource.modify(commit.at);
        let outcome = resource.changed(related);
        if is_hidden != was_hidden {
            for owner in &mut self.resources {
                let holds = owner.members.keys().any(|(_, member)| *member == step.id);
                if holds && !owner.is_hidden && owner.id != step.id {
                    owner.modify(commit.at);
                }
            }
        }
        Ok(outcome)
    }

    fn publish(&mut self, step: &Step, commit: &Commit, about: Option<&Outcome>) {
        let about = about.filter(|_| matches!(step.when, When::Changed(_)));
        let (joined, left) = match about {
            Some(Outcome::Changed { joined, left, .. }) => (joined.clone(), left.clone()),
            _ => (Listed::new(), Listed::new()),
        };
        let labels = self.labels(step.kind.name(), &step.id);
        let labels = labels
            .or_else(|| self.deleted.get(&step.id).cloned())
            .unwrap_or_default();
        self.events.push(ModelledEvent {
            commit: commit.id.clone(),
            at: commit.at,
            event: step.event.clone(),
            version: about.and_then(Outcome::revision).map(|revision| revision.version),
            joined,
            left,
            labels: vec![labels],
            is_forgotten: false,
        });
    }

    /// Adds to the events of a commit the labels of what the commit leaves or, where the resource is gone, of what was
    /// there before.
    fn complete_labels(&mut self, commit: &CommitId, before: &Self) {
        let mut events = std::mem::take(&mut self.events);
        let published = events.iter_mut().filter(|event| event.commit == *commit);
        for event in published.filter(|event| !event.is_forgotten) {
            let NewEvent {
                resource_type,
                resource,
                ..
            } = &event.event;
            let last = self.labels(resource_type, resource);
            let last = last.or_else(|| before.labels(resource_type, resource));
            event.labels.extend(last);
        }
        self.events = events;
    }

    fn labels(&self, kind: &str, id: &ResourceId) -> Option<Labels> {
        let resource = self.find(id).filter(|resource| resource.kind.name() == kind)?;
        let core = resource.document.core();
        let mut labels = Labels::default();
        labels.name = core
            .get_str("userName")
            .or(core.get_str("displayName"))
            .map(Into::into);
        labels.external_id = core.get_str("externalId").map(Into::into);
        Some(labels)
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

    fn check_unique(&self, step: &Step, unique: &[UniqueKey], change: usize) -> Result<(), Refusal> {
        let others = || {
            self.resources
                .iter()
                .filter(|other| other.kind == step.kind && other.id != step.id)
        };
        match unique
            .iter()
            .find(|key| others().any(|other| other.unique.contains(key)))
        {
            None => Ok(()),
            Some(key) => Err(Refusal::taken(change, &key.attribute)),
        }
    }

    fn may_join(&self, step: &Step, delta: &RelationDelta, id: &ResourceId) -> bool {
        let resource_type = self.registry.resource_type(step.kind.name());
        let relation = resource_type.and_then(|owner| owner.relation(delta.attribute.as_str()));
        self.find(id).is_some_and(|member| {
            relation.is_some_and(|relation| relation.takes(member.kind.name()))
                && (step.members.accept_hidden || !member.is_hidden)
        })
    }

    fn relate(&mut self, step: &Step, change: usize) -> Result<Related, Refusal> {
        let mut related = Related::default();
        let mut unknown = BTreeSet::new();
        for delta in &step.relations {
            let ids = delta.add.iter().map(|(id, _)| id);
            unknown.extend(ids.filter(|id| !self.may_join(step, delta, id)).cloned());
        }
        if !unknown.is_empty() && !step.members.skip_unknown {
            return Err(Refusal::UnknownMembers {
                change,
                members: unknown.iter().map(ToString::to_string).collect(),
            });
        }
        related.unknown = unknown.into_iter().collect();
        for delta in &step.relations {
            let hidden: Vec<ResourceId> = self
                .resources
                .iter()
                .filter(|resource| resource.is_hidden)
                .map(|resource| resource.id.clone())
                .collect();
            let mut accepted = delta.clone();
            accepted.add.retain(|(id, _)| self.may_join(step, delta, id));
            let resource = self.find_mut(step, change)?;
            let before = resource.live_members(&delta.attribute, &hidden);
            relate_one(&mut resource.members, &accepted, &hidden);
            let after = resource.live_members(&delta.attribute, &hidden);
            let named = delta.remove.iter().filter(|id| before.contains(id));
            let mut left: Vec<ResourceId> = named.cloned().collect();
            left.extend(before.iter().filter(|id| !delta.remove.contains(id)).cloned());
            left.retain(|id| !after.contains(id));
            related.left.extend(left);
            let joined = accepted.add.iter().map(|(id, _)| id);
            let joined = joined.filter(|id| after.contains(id) && !before.contains(id));
            related.joined.extend(joined.cloned());
        }
        Ok(related)
    }

    fn sort_value(&self, resource: &Modelled, path: &str) -> Option<String> {
        // Times of the suite are of one length when they are written.
        match path {
            "id" => Some(resource.id.to_string()),
            "meta.created" => Some(resource.created.to_string()),
            "meta.lastModified" => Some(resource.last_modified.to_string()),
            name => {
                let resource_type = self.registry.resource_type(resource.kind.name())?;
                let text = resource.document.core().get_str(name)?;
                let key = resource_type.attribute(name)?.compare_key(text);
                Some(key.as_str().to_owned())
            }
        }
    }

    fn compose(&self, resource: &Modelled, members: Visibility) -> Stored {
        let resource_type = self
            .registry
            .resource_type(resource.kind.name())
            .unwrap_or_else(|| resource.kind.definition());
        let seen = if resource.is_hidden {
            Visibility::Hidden
        } else {
            Visibility::Live
        };
        let mut stored = Stored::new(
            resource_type,
            &resource.id,
            resource.document.clone(),
            Version::new(resource.version),
            resource.created,
            resource.last_modified,
        )
        .with_state(resource.state.clone().into())
        .with_visibility(seen);
        for relation in resource_type.relations() {
            stored.resource.set_relation(
                &relation.attribute.name,
                self.members(resource, relation, members),
            );
        }
        normal(stored)
    }

    fn members(&self, resource: &Modelled, relation: &Relation, members: Visibility) -> MemberSet {
        if let RelationKind::InverseOf {
            resource_type,
            attribute,
            levels,
        } = &relation.kind
        {
            let owners = || {
                let owners = self.resources.iter();
                owners.filter(|owner| owner.kind.name() == resource_type.as_str() && !owner.is_hidden)
            };
            let owns = |owner: &Modelled, id: &ResourceId| {
                let key = (attribute.as_str().to_owned(), id.clone());
                owner.members.contains_key(&key)
            };
            // Each round looks at everybody who was reached so far, however they were.
            let mut reached: MemberSet = MemberSet::new();
            for _ in 0..*levels {
                let before = reached.clone();
                for owner in owners() {
                    let is_direct = owns(owner, &resource.id);
                    let is_reached = is_direct || before.iter().any(|(id, _)| owns(owner, id));
                    if is_reached && !reached.contains(&owner.id) {
                        let mut member =
                            Member::new().with_kind(if is_direct { "direct" } else { "indirect" });
                        member.display = owner.document.core().get_str("displayName").map(Into::into);
                        reached.insert(owner.id.clone(), member);
                    }
                }
                if reached.len() == before.len() {
                    break;
                }
            }
            return reached;
        }
        let are_hidden = members == Visibility::Hidden;
        let owned = resource.members.iter();
        let owned = owned
            .filter(|((name, id), _)| relation.attribute.name.is(name) && self.is_hidden(id) == are_hidden);
        let member = |((_, id), display): (&(String, ResourceId), &Option<SmolStr>)| {
            let mut member = Member::new();
            member.kind = self.find(id).map(|target| target.kind.name().into());
            member.display.clone_from(display);
            (id.clone(), member)
        };
        owned.map(member).collect()
    }
}

impl Modelled {
    fn modify(&mut self, at: DateTime) {
        self.version += 1;
        self.last_modified = self.last_modified.max(at);
    }

    fn revision(&self) -> Revision {
        Revision {
            id: self.id.clone(),
            version: Version::new(self.version),
            created: self.created,
            last_modified: self.last_modified,
        }
    }

    fn changed(&self, related: Related) -> Outcome {
        let listed = |ids: Vec<ResourceId>| {
            let count = ids.len();
            Listed::of(ids, count)
        };
        Outcome::Changed {
            revision: self.revision(),
            joined: listed(related.joined),
            left: listed(related.left),
            unknown: related.unknown,
        }
    }

    fn live_members(&self, relation: &keyfob_core::AttrName, hidden: &[ResourceId]) -> Vec<ResourceId> {
        let members = self.members.keys();
        let live = members.filter(|(name, id)| relation.is(name) && !hidden.contains(id));
        live.map(|(_, id)| id.clone()).collect()
    }
}

fn absent_last(left: Option<&str>, right: Option<&str>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn relate_one(
    members: &mut BTreeMap<(String, ResourceId), Option<SmolStr>>,
    delta: &RelationDelta,
    hidden: &[ResourceId],
) {
    let key = |id: &ResourceId| (delta.attribute.as_str().to_owned(), id.clone());
    let before = members.clone();
    if delta.clear {
        members.retain(|(name, id), _| !delta.attribute.is(name) || hidden.contains(id));
    }
    for id in &delta.remove {
        members.remove(&key(id));
    }
    for (id, member) in &delta.add {
        let kept = before.get(&key(id)).unwrap_or(&member.display);
        members.insert(key(id), kept.clone());
    }
}

/// Checks what is listed, in whatever order.
fn check_listed(found: &Listed, expected: &Listed, what: &str) -> Verdict {
    let sorted = |listed: &Listed| {
        let mut ids = listed.ids.clone();
        ids.sort();
        ids
    };
    ensure_eq!(found.count, expected.count, "the number of {what}");
    ensure_eq!(sorted(found), sorted(expected), "{what}");
    Ok(())
}

/// Checks an outcome against what the model says, lists in whatever order.
pub(crate) fn check_outcome(found: &Outcome, expected: &Outcome) -> Verdict {
    let fits = match (found, expected) {
        (
            Outcome::Changed {
                revision,
                joined,
                left,
                unknown,
            },
            Outcome::Changed {
                revision: expected_revision,
                joined: expected_joined,
                left: expected_left,
                unknown: expected_unknown,
            },
        ) => {
            check_listed(joined, expected_joined, "who joined")?;
            check_listed(left, expected_left, "who left")?;
            revision == expected_revision && sorted(unknown) == sorted(expected_unknown)
        }
        (
            Outcome::Unchanged { revision, unknown },
            Outcome::Unchanged {
                revision: expected_revision,
                unknown: expected_unknown,
            },
        ) => revision == expected_revision && sorted(unknown) == sorted(expected_unknown),
        (found, expected) => found == expected,
    };
    if fits {
        Ok(())
    } else {
        Err(Failure::different("the outcome of a change", found, expected))
    }
}

fn sorted(ids: &[ResourceId]) -> Vec<ResourceId> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}
