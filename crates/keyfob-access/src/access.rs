//! What administrators do, and who may pass which door.

use keyfob_core::{AttrPath, AttrSet, Dialect, Resource, ResourceId, ResourceType};
use keyfob_engine::{
    Actor, Change, CommitError, Context, Engine, NewEvent, Query, Selection, State, Store, StoreError,
    Stored, UniqueKey, UserState,
};
use keyfob_filter::{CompareOp, Filter, Literal};
use smol_str::SmolStr;

use crate::{
    door::Door,
    error::AccessError,
    group::AccessGroup,
    level::AccessLevel,
    registry::{NotRegistered, Types},
};

/// The administrators' side of access: access groups, levels, doors, units and roles.
///
/// Everything is done for one organization. What changes something demands a [`Context`] that is
/// [acting as](Context::acting_as) [`Actor::OrganizationAdmin`]: whoever administers no more than one directory has no say
/// in what is provisioned, which belongs to the directory [`Directory::Global`].
#[derive(Debug)]
pub struct Access<'e, S> {
    pub(crate) engine: &'e Engine<S>,
    pub(crate) types: Types,
}

/// The part of an organization to which something belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directory {
    /// The whole of it: where everything is that a provider provisions.
    Global,
}

impl Directory {
    /// The directory's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "Global",
        }
    }
}

/// A user as far as access is concerned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserAccess {
    /// The user.
    pub user: ResourceId,
    /// Where the user stands in its life. No door opens to one that is not [`UserState::Active`].
    pub state: UserState,
    /// Where the user belongs.
    pub directory: Directory,
    /// The access groups that the user is in, with or without doors.
    pub access_groups: Vec<AccessGroup>,
}

impl<'e, S: Store> Access<'e, S> {
    /// The administrators' side of an engine whose registry has the resource types of [`register`](crate::register).
    ///
    /// # Errors
    /// [`NotRegistered`] where it has not.
    pub fn new(engine: &'e Engine<S>) -> Result<Self, NotRegistered> {
        Ok(Self {
            engine,
            types: Types::of(engine.registry())?,
        })
    }

    /// The user with this id or `userName`, and the access groups that it is in.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    ///
    /// # Complexity
    /// At most four look-ups by an index, whatever the number of users and groups.
    pub async fn user(&self, cx: &Context, user: &str) -> Result<UserAccess, AccessError> {
        let Found { id, stored, groups } = self.found_user(cx, user).await?;
        let types = &self.types;
        let selection = Selection::document();
        // One query for those made from the user's groups, one for those with members of their own.
        let mut found = self
            .with_any(cx, &types.access_group, "source", &groups, &selection)
            .await?;
        let own = [id.clone()];
        found.extend(
            self.with_any(cx, &types.access_group, "members.value", &own, &selection)
                .await?,
        );
        Ok(UserAccess {
            user: id,
            state: UserState::of(&stored.resource, &State::of(&stored.resource)),
            directory: Directory::Global,
            access_groups: found.iter().filter_map(AccessGroup::from_stored).collect(),
        })
    }

    /// The doors that open to a user at an instant: those of every level that is assigned to an access group of the user
    /// and that grants access then, by the clock of the door.
    ///
    /// None open to a user that is not [`UserState::Active`]: one that has not accepted its invitation, is deactivated or
    /// deleted.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], also for a deleted user; [`AccessError::Store`].
    ///
    /// # Complexity
    /// At most six look-ups by an index; linear in the levels of the user's access groups and their doors.
    pub async fn effective_doors(
        &self,
        cx: &Context,
        user: &str,
        at: keyfob_core::DateTime,
    ) -> Result<Vec<Door>, AccessError> {
        let user = self.user(cx, user).await?;
        if user.state != UserState::Active {
            return Ok(Vec::new());
        }
        let types = &self.types;
        let groups: Vec<ResourceId> = user.access_groups.into_iter().map(|group| group.id).collect();
        let selection = select(&types.access_level, &["doors"]);
        let levels = self
            .with_any(cx, &types.access_level, "accessGroups.value", &groups, &selection)
            .await?;
        let levels: Vec<AccessLevel> = levels.iter().filter_map(AccessLevel::from_stored).collect();
        let mut doors: Vec<ResourceId> = levels.iter().flat_map(|level| level.doors.clone()).collect();
        doors.sort_unstable();
        doors.dedup();
        let doors = self
            .with_any(cx, &types.door, "id", &doors, &Selection::document())
            .await?;
        let opens = |door: &Door| {
            let mut levels = levels.iter().filter(|level| level.doors.contains(&door.id));
            levels.any(|level| level.schedule.grants_at(at, door.utc_offset))
        };
        Ok(doors.iter().filter_map(Door::from_stored).filter(opens).collect())
    }

    pub(crate) async fn found_user(&self, cx: &Context, user: &str) -> Result<Found, AccessError> {
        let types = &self.types;
        let selection = select(&types.user, &["groups"]);
        let stored = self
            .get(cx, &types.user, &ResourceId::new(user), &selection)
            .await?;
        let stored = match stored {
            Some(stored) => Some(stored),
            None => self.first(cx, &types.user, "userName", user, &selection).await?,
        };
        let missing = || AccessError::not_found(types.user.name(), user);
        let stored = stored.ok_or_else(missing)?;
        let id = stored.resource.id().ok_or_else(missing)?;
        let groups = related(&stored, "groups");
        Ok(Found { id, stored, groups })
    }

    pub(crate) async fn get(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        self.engine.store().get(cx, resource_type, id, selection).await
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
        let page = self.engine.store().query(cx, resource_type, &query).await?;
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
        let page = self.engine.store().query(cx, resource_type, &query).await?;
        Ok(page.resources)
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
        let Err(error) = self.engine.store().commit(cx, &changes).await else {
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
            other => Refused::Error(StoreError::internal(other).into()),
        })
    }

    /// An event that tells of a resource, now.
    pub(crate) fn event(&self, name: &str, resource_type: &ResourceType, id: &ResourceId) -> NewEvent {
        NewEvent::new(name, resource_type.name().clone(), id.clone(), self.engine.now())
    }
}

/// A user and the groups that it is in.
pub(crate) struct Found {
    pub(crate) id: ResourceId,
    pub(crate) stored: Stored,
    pub(crate) groups: Vec<ResourceId>,
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
pub(crate) fn document(schema: keyfob_core::SchemaUri, name: &str) -> Resource {
    let mut document = Resource::new([schema]);
    document.core_mut().insert("name", name);
    document
}

/// What a name reserves.
pub(crate) fn name_key(name: &str) -> UniqueKey {
    UniqueKey::folded("name", name)
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
        _ => Default::default(),
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
