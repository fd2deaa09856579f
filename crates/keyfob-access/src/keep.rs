//! Reading and writing what this crate keeps.

use std::sync::Arc;

use keyfob_core::{
    AttrPath, AttrSet, Collation, CompareKey, Dialect, Member, Resource, ResourceId, ResourceType, SchemaUri,
    Version,
};
use keyfob_engine::{
    Actor, Change, CommitError, Context, MemberPolicy, NewEvent, OnRefusal, Query, RelationDelta, Selection,
    Store, StoreError, StoreExt, Stored, UniqueKey, event,
};
use keyfob_filter::{CompareOp, Filter, Literal};
use smol_str::SmolStr;

use crate::{access::Access, error::AccessError};

impl<S: Store> Access<'_, S> {
    /// Reads a resource that is not hidden.
    pub(crate) async fn get(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        let stored = self
            .provisioner
            .store()
            .get_one(&cx.reading(), resource_type, id, selection)
            .await?;
        Ok(stored.filter(|stored| !stored.is_hidden()))
    }

    /// What has this id, or else this name.
    pub(crate) async fn named(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id_or_name: &str,
        selection: &Selection,
    ) -> Result<Stored, AccessError> {
        let id = ResourceId::new(id_or_name);
        let stored = match self.get(cx, resource_type, &id, selection).await? {
            Some(stored) => Some(stored),
            None => {
                self.first(cx, resource_type, "name", id_or_name, selection)
                    .await?
            }
        };
        stored.ok_or_else(|| AccessError::not_found(resource_type.name(), id_or_name))
    }

    /// All resources of a type, in the order in which they were created.
    pub(crate) async fn all(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        selection: &Selection,
    ) -> Result<Vec<Stored>, StoreError> {
        let query = Query::all().with_selection(selection.clone());
        let page = self
            .provisioner
            .store()
            .query(&cx.reading(), resource_type, &query)
            .await?;
        Ok(page.resources)
    }

    /// The one resource of which an attribute has this value.
    pub(crate) async fn first(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        path: &str,
        value: &str,
        selection: &Selection,
    ) -> Result<Option<Stored>, AccessError> {
        let found = self
            .with_any(cx, resource_type, path, &[value], selection)
            .await?;
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            _ => Err(AccessError::Ambiguous {
                resource_type: resource_type.name().clone(),
                name: value.into(),
            }),
        }
    }

    /// The resources of which an attribute has one of these values, in the order in which they were created: one query,
    /// which an index answers.
    pub(crate) async fn with_any(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        path: &str,
        values: &[impl AsRef<str>],
        selection: &Selection,
    ) -> Result<Vec<Stored>, StoreError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let path = AttrPath::parse(path).map_err(StoreError::internal)?;
        let equal = |value: &str| Filter::Compare(path.clone(), CompareOp::Eq, Literal::String(value.into()));
        let filter = match values {
            [value] => equal(value.as_ref()),
            values => Filter::Or(values.iter().map(|value| equal(value.as_ref())).collect()),
        };
        let filter = filter
            .compile(resource_type, Dialect::strict())
            .map_err(StoreError::internal)?;
        let query = Query::all().with_filter(filter).with_selection(selection.clone());
        let page = self
            .provisioner
            .store()
            .query(&cx.reading(), resource_type, &query)
            .await?;
        Ok(page.resources)
    }

    /// Creates a resource without relations.
    pub(crate) async fn create(
        &self,
        cx: &Context,
        verb: &'static str,
        resource_type: &ResourceType,
        document: Resource,
        unique: Vec<UniqueKey>,
    ) -> Result<ResourceId, AccessError> {
        let id = self.provisioner.next_id();
        let event = event_of(event::CREATED, resource_type, &id);
        let create = creation(resource_type, id.clone(), document, Vec::new(), unique);
        let outcome = self.commit(cx, verb, vec![create], vec![event]).await;
        outcome.map_err(Refused::into_error)?;
        Ok(id)
    }

    /// Changes a relation, and publishes an event if it changes.
    pub(crate) async fn relate(
        &self,
        cx: &Context,
        verb: &'static str,
        resource_type: &ResourceType,
        id: &ResourceId,
        delta: RelationDelta,
        event: NewEvent,
    ) -> Result<(), AccessError> {
        let update = Change::relate(resource_type, id.clone(), vec![delta]);
        let outcome = self.commit(cx, verb, vec![update], vec![event]).await;
        outcome.map_err(Refused::into_error)
    }

    /// Stores another document of a resource that has no relations to change, and with it the name that it reserves.
    pub(crate) fn renaming(
        resource_type: &ResourceType,
        id: ResourceId,
        document: Resource,
        name: &str,
        version: Version,
    ) -> Change {
        Change::Update {
            resource_type: resource_type.clone(),
            id,
            document: Some(document.into()),
            state: None,
            visibility: None,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Some(vec![name_key(name)]),
            precondition: Some(version),
            on_refusal: OnRefusal::Fail,
        }
    }

    /// Deletes a resource, and every edge to it.
    pub(crate) async fn delete(
        &self,
        cx: &Context,
        verb: &'static str,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<(), AccessError> {
        let delete = Change::delete(resource_type, id.clone(), None);
        let event = event_of(event::DELETED, resource_type, id);
        let outcome = self.commit(cx, verb, vec![delete], vec![event]).await;
        outcome.map_err(Refused::into_error)
    }

    /// Commits the changes and the event that is about the first of them. Returns false if somebody else was faster: a decision
    /// that read several resources then reads and decides again. A decision on one resource is [`Engine::transact`]'s.
    ///
    /// [`Engine::transact`]: keyfob_engine::Engine::transact
    pub(crate) async fn settle(
        &self,
        attempts: &mut Attempts,
        cx: &Context,
        verb: &'static str,
        changes: Vec<Change>,
        event: NewEvent,
    ) -> Result<bool, AccessError> {
        match self.commit(cx, verb, changes, vec![event]).await {
            Ok(()) => Ok(true),
            Err(Refused::Changed) if attempts.0 < keyfob_engine::Engine::<S>::MAX_ATTEMPTS => {
                attempts.0 += 1;
                Ok(false)
            }
            Err(refused) => Err(refused.into_error()),
        }
    }

    /// Commits changes and the events that are about the first of them.
    pub(crate) async fn commit(
        &self,
        cx: &Context,
        verb: &'static str,
        changes: Vec<Change>,
        events: Vec<NewEvent>,
    ) -> Result<(), Refused> {
        let mut changes = changes;
        changes.extend(events.into_iter().map(|event| Change::publish(event, 0)));
        let commit = Arc::new(self.provisioner.commit_of(cx, verb, changes, None));
        let Err(error) = self.provisioner.commit(cx, Arc::clone(&commit)).await else {
            return Ok(());
        };
        let change = |number: usize| commit.changes.get(number);
        let subject = |number: usize| change(number).map(subject_of).unwrap_or_default();
        Err(match error {
            CommitError::VersionMismatch { .. } | CommitError::IdTaken { .. } => Refused::Changed,
            CommitError::NotFound { change } => {
                let (resource_type, id) = subject(change);
                Refused::Error(AccessError::not_found(&resource_type, &id))
            }
            CommitError::UniquenessViolated { change, .. } => {
                let (resource_type, name) = subject(change);
                Refused::Error(AccessError::NameTaken { resource_type, name })
            }
            CommitError::UnknownMembers {
                change: number,
                members,
            } => {
                let target = change(number).and_then(target_of).unwrap_or_default();
                let first = members.first().map_or("", ResourceId::as_str);
                Refused::Error(AccessError::not_found(&target, first))
            }
            CommitError::Store(error) => Refused::Error(error.into()),
        })
    }
}

/// Returns an event that is about a resource.
pub(crate) fn event_of(name: &str, resource_type: &ResourceType, id: &ResourceId) -> NewEvent {
    NewEvent::new(name, resource_type.name().clone(), id.clone())
}

/// Returns a change that creates a resource.
pub(crate) fn creation(
    resource_type: &ResourceType,
    id: ResourceId,
    document: Resource,
    relations: Vec<RelationDelta>,
    unique: Vec<UniqueKey>,
) -> Change {
    Change::Create {
        resource_type: resource_type.clone(),
        id,
        document: document.into(),
        state: Arc::default(),
        relations: relations.into(),
        members: MemberPolicy::default(),
        unique,
        on_refusal: OnRefusal::Fail,
    }
}

/// The attempts of a decision so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts(usize);

/// Why a commit was not made.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody else changed something first; it can be tried again.
    Changed,
    /// Whatever else.
    Error(AccessError),
}

impl Refused {
    /// Where it is not tried again.
    pub(crate) fn into_error(self) -> AccessError {
        match self {
            Self::Changed => AccessError::Contention,
            Self::Error(error) => error,
        }
    }
}

pub(crate) fn demand_admin(cx: &Context) -> Result<(), AccessError> {
    match cx.actor() {
        Actor::Administrator => Ok(()),
        _ => Err(AccessError::Forbidden),
    }
}

/// A name as it is stored.
pub(crate) fn name_of(name: &str) -> Result<SmolStr, AccessError> {
    match name.trim() {
        "" => Err(AccessError::NameMissing),
        name => Ok(name.into()),
    }
}

/// A document of one of the crate's types with its name.
pub(crate) fn document(schema: SchemaUri, name: &str) -> Resource {
    let mut document = Resource::new([schema]);
    document.core_mut().insert("name", name);
    document
}

/// The document of a stored resource, as it is stored again.
pub(crate) fn without_meta(resource: &Resource) -> Resource {
    let mut document = Resource::new(resource.schemas().iter().cloned());
    *document.core_mut() = resource.core().clone();
    for name in ["id", "meta"] {
        document.core_mut().remove(name);
    }
    document
}

/// What a name reserves.
pub(crate) fn name_key(name: &str) -> UniqueKey {
    UniqueKey::new("name", CompareKey::new(Collation::Caseless, name))
}

/// The document and these relations.
pub(crate) fn select(resource_type: &ResourceType, relations: &[&str]) -> Selection {
    let mut attributes = AttrSet::new();
    for relation in relations.iter().filter_map(|name| resource_type.relation(name)) {
        attributes.insert(relation.attribute.id);
    }
    Selection::of(attributes)
}

/// The ids in a relation that was selected.
pub(crate) fn related(stored: &Stored, relation: &str) -> Vec<ResourceId> {
    let members = stored.resource.relation(relation);
    let members = members.map(|members| members.iter().map(|(id, _)| id.clone()).collect());
    members.unwrap_or_default()
}

/// The name of a change's type, and the name that its document has or else the id.
fn subject_of(change: &Change) -> (SmolStr, SmolStr) {
    let Some((resource_type, id)) = change.subject() else {
        return Default::default();
    };
    let document = match change {
        Change::Create { document, .. } => Some(document),
        Change::Update { document, .. } => document.as_ref(),
        _ => None,
    };
    let name = document.and_then(|document| document.core().get_str("name"));
    (resource_type.name().clone(), name.unwrap_or(id.as_str()).into())
}

/// The name of the type of what a change puts in.
fn target_of(change: &Change) -> Option<SmolStr> {
    let (Change::Create {
        resource_type,
        relations,
        ..
    }
    | Change::Update {
        resource_type,
        relations,
        ..
    }) = change
    else {
        return None;
    };
    let relation = resource_type.relation(relations.first()?.attribute.as_str())?;
    let reference = relation.attribute.sub_attribute("$ref")?;
    reference.reference_types.first().cloned()
}

/// Puts some into a relation and takes others out. Who is named twice is put in once.
pub(crate) fn delta(relation: &'static str, add: &[ResourceId], remove: &[ResourceId]) -> RelationDelta {
    let unique = |ids: &[ResourceId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut delta = RelationDelta::new(relation.into());
    delta.remove = unique(remove);
    delta.remove.retain(|id| !add.contains(id));
    delta.add = unique(add).into_iter().map(|id| (id, Member::new())).collect();
    delta
}
