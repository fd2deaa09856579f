//! Reading and writing what this crate keeps.

use keyfob_core::{
    AttrPath, AttrSet, Collation, CompareKey, Dialect, Member, Resource, ResourceId, ResourceType, SchemaUri,
    Version,
};
use keyfob_engine::{
    Actor, Change, CommitError, Context, NewEvent, Query, RelationDelta, Selection, Store, StoreError,
    Stored, UniqueKey, event,
};
use keyfob_filter::{CompareOp, Filter, Literal};
use smol_str::SmolStr;

use crate::{access::Access, error::AccessError};

impl<S: Store> Access<'_, S> {
    pub(crate) async fn get(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        self.engine
            .store()
            .get(cx.tenant(), resource_type, id, selection)
            .await
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
        let query = Query::new(selection, usize::MAX);
        let page = self
            .engine
            .store()
            .query(cx.tenant(), resource_type, &query)
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
        let query = Query::new(selection, usize::MAX).with_filter(&filter);
        let page = self
            .engine
            .store()
            .query(cx.tenant(), resource_type, &query)
            .await?;
        Ok(page.resources)
    }

    /// Creates a resource without relations.
    pub(crate) async fn create(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        document: &Resource,
        unique: &[UniqueKey],
    ) -> Result<ResourceId, AccessError> {
        let id = self.engine.next_id();
        let at = self.engine.now();
        let create = Change::Create {
            resource_type,
            id: &id,
            document,
            relations: &[],
            unique,
            version: Version::FIRST,
            created: at,
            at,
        };
        let event = self.event(event::CREATED, resource_type, &id);
        let outcome = self.commit(cx, vec![create], &[event]).await;
        outcome.map_err(Refused::into_error)?;
        Ok(id)
    }

    /// Changes a relation, and tells of it if it changes.
    pub(crate) async fn relate(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        delta: RelationDelta,
        event: NewEvent,
    ) -> Result<(), AccessError> {
        let update = Change::Update {
            resource_type,
            id,
            document: None,
            relations: &[delta],
            unique: &[],
            precondition: None,
            at: self.engine.now(),
        };
        let outcome = self.commit(cx, vec![update], &[event]).await;
        outcome.map_err(Refused::into_error)
    }

    /// Deletes a resource, and every edge to it.
    pub(crate) async fn delete(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<(), AccessError> {
        let delete = Change::Delete {
            resource_type,
            id,
            precondition: None,
            at: self.engine.now(),
        };
        let event = self.event(event::DELETED, resource_type, id);
        let outcome = self.commit(cx, vec![delete], &[event]).await;
        outcome.map_err(Refused::into_error)
    }

    /// Commits changes and the events that tell of the first of them.
    pub(crate) async fn commit(
        &self,
        cx: &Context,
        changes: Vec<Change<'_>>,
        events: &[NewEvent],
    ) -> Result<(), Refused> {
        let mut changes = changes;
        let subjects: Vec<_> = changes.iter().map(subject_of).collect();
        changes.extend(events.iter().map(|event| Change::Publish { event, of: Some(0) }));
        let Err(error) = self.engine.store().commit(cx.tenant(), &changes).await else {
            return Ok(());
        };
        let subject = |change: usize| subjects.get(change).cloned().unwrap_or_default();
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
            CommitError::UnknownMembers { change, members } => {
                let target = changes.get(change).and_then(target_of).unwrap_or_default();
                let first = members.first().map_or("", ResourceId::as_str);
                Refused::Error(AccessError::not_found(&target, first))
            }
            CommitError::Store(error) => Refused::Error(error.into()),
        })
    }

    /// An event that tells of a resource, now.
    pub(crate) fn event(&self, name: &str, resource_type: &ResourceType, id: &ResourceId) -> NewEvent {
        NewEvent::new(name, resource_type.name().clone(), id.clone(), self.engine.now())
    }
}

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
        Actor::OrganizationAdmin => Ok(()),
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
fn subject_of(change: &Change<'_>) -> (SmolStr, SmolStr) {
    let of = |resource_type: &ResourceType, id: &ResourceId, document: Option<&Resource>| {
        let name = document.and_then(|document| document.core().get_str("name"));
        (resource_type.name().clone(), name.unwrap_or(id.as_str()).into())
    };
    match *change {
        Change::Create {
            resource_type,
            id,
            document,
            ..
        } => of(resource_type, id, Some(document)),
        Change::Update {
            resource_type,
            id,
            document,
            ..
        } => of(resource_type, id, document),
        Change::Delete {
            resource_type, id, ..
        } => of(resource_type, id, None),
        Change::Publish { .. } => Default::default(),
    }
}

/// The name of the type of what a change puts in.
fn target_of(change: &Change<'_>) -> Option<SmolStr> {
    let (Change::Create {
        resource_type,
        relations,
        ..
    }
    | Change::Update {
        resource_type,
        relations,
        ..
    }) = *change
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
