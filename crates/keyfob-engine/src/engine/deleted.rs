//! Users that were deleted and can be brought back.
//!
//! A deleted user is a resource of another type under the same id, so that no list, filter, group and unique value knows
//! it any longer. With it is kept to which relations it comes back.

mod membership;
mod restore;

use keyfob_core::{
    AttrPath, DateTime, Dialect, EntityTag, Resource, ResourceId, ResourceType, Value, Version,
};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Change, NewEvent, Query, Selection, Store, StoreError, Stored};
use smol_str::ToSmolStr;

use self::membership::Membership;
use super::{
    Engine, EngineError, Record,
    commit::{Draft, Step},
    error::Refusal,
    record::Loaded,
};
use crate::{
    context::{Actor, Context},
    event, policy,
    profile::{Adopt, Deletion, Reprovision},
    rule::Operation,
    state::{ACTIVE, Act, Origin, Outcome, Party, Standing, State, is_active, outcome, said},
    system,
};

/// A user among the deleted ones.
#[derive(Clone, Debug)]
pub(crate) struct DeletedUser {
    /// From which side it was deleted. One that the provider has not deleted is deactivated in its eyes.
    pub(crate) origin: Origin,
    pub(crate) record: Record,
    pub(crate) created: DateTime,
    pub(crate) deleted: DateTime,
    /// The version that the user has, which goes on from where it was.
    pub(crate) version: Version,
    memberships: Vec<Membership>,
    /// The version of the resource in which this is kept.
    stored: Version,
}

/// What a request finds under an id.
pub(super) enum Existing {
    /// A resource.
    Live(Loaded),
    /// A user whom an administrator deleted, which for the provider means deactivated.
    Deleted(Box<DeletedUser>),
}

impl Existing {
    /// Returns the entity tag. What was read of the resource includes what the [precondition](Precondition::select) looks
    /// at.
    pub(super) fn tag(&self, resource_type: &ResourceType) -> EntityTag {
        match self {
            Self::Live(loaded) => EntityTag::of(loaded.version, &loaded.resource, resource_type),
            Self::Deleted(deleted) => EntityTag::from(deleted.version),
        }
    }

    pub(super) fn record(&self) -> Record {
        match self {
            Self::Live(loaded) => loaded.record(),
            Self::Deleted(deleted) => deleted.record.clone(),
        }
    }

    /// The resource with those relations that were selected. A deleted user is in none.
    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::Live(loaded) => loaded.resource.clone(),
            Self::Deleted(deleted) => deleted.record.document.clone(),
        }
    }
}

/// Who had the `userName` of a user that is to be created.
pub(super) enum Predecessor {
    /// A deleted user.
    Deleted(ResourceId),
    /// A user that no provider manages.
    Unmanaged(ResourceId),
}

impl DeletedUser {
    fn from_stored(stored: &Stored, user: &ResourceType) -> Option<Self> {
        let core = stored.resource.core();
        let mut document = Resource::from_json(core.get_str("document")?.as_bytes(), user).ok()?;
        let state = State::take_from(&mut document);
        let memberships = core
            .get("memberships")
            .map(Value::as_elements)
            .unwrap_or_default();
        Some(Self {
            origin: Origin::parse(core.get_str("origin")?)?,
            record: Record { document, state },
            created: core.get_str("created")?.parse().ok()?,
            deleted: stored.resource.meta()?.created?,
            version: Version::new(u64::try_from(core.get("version")?.as_integer()?).ok()?),
            memberships: memberships.iter().filter_map(Membership::from_value).collect(),
            stored: stored.version,
        })
    }

    pub(crate) fn stored_version(&self) -> Version {
        self.stored
    }

    /// What an act comes to for the user.
    pub(crate) fn outcome(&self, party: Party, act: Act) -> Outcome {
        outcome(Standing::Deleted(self.origin), party, act)
    }

    fn to_document(&self) -> Resource {
        let mut stored = Resource::new([system::deleted_user().schema().id.clone()]);
        let mut document = self.record.document.clone();
        self.record.state.put_into(&mut document);
        let core = stored.core_mut();
        let user_name = self
            .record
            .document
            .core()
            .get_str("userName")
            .unwrap_or_default();
        core.insert("userName", user_name);
        core.insert("origin", self.origin.as_str());
        core.insert(
            "document",
            String::from_utf8_lossy(&document.to_json()).to_smolstr(),
        );
        core.insert("created", self.created.to_smolstr());
        core.insert(
            "version",
            i64::try_from(self.version.number()).unwrap_or(i64::MAX),
        );
        let memberships = self.memberships.iter().map(Membership::to_value);
        core.insert("memberships", memberships.collect::<Vec<_>>());
        stored
    }

    /// As it looks to a provider that has not deleted it.
    pub(super) fn to_stored(&self, resource_type: &ResourceType, id: &ResourceId) -> Stored {
        let document = self.record.document.clone();
        Stored::new(
            resource_type,
            id,
            document,
            self.version,
            self.created,
            self.deleted,
        )
    }
}

impl<S: Store> Engine<S> {
    /// Whether DELETE sends resources of the type to the deleted users.
    pub(super) fn deletes_softly(&self, resource_type: &ResourceType) -> bool {
        self.profile().deletion == Deletion::Soft && policy::is_user(resource_type)
    }

    /// Finds what a request is about.
    pub(super) async fn existing(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Existing, EngineError> {
        if let Some(stored) = self
            .store()
            .get(cx.tenant(), resource_type, id, selection)
            .await?
        {
            return Ok(Existing::Live(Loaded::new(stored)));
        }
        match self.known_deleted(cx, resource_type, id).await? {
            Some(deleted) => Ok(Existing::Deleted(Box::new(deleted))),
            None => Err(EngineError::not_found(resource_type, id)),
        }
    }

    /// The deleted user with this id, if the provider asks and has not deleted it.
    async fn known_deleted(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<DeletedUser>, StoreError> {
        if cx.actor() != Actor::Provider {
            return Ok(None);
        }
        let deleted = self.deleted_user(cx, resource_type, id).await?;
        Ok(deleted.filter(|deleted| deleted.outcome(Party::Provider, Act::Change) != Outcome::Unknown))
    }

    /// The deleted user with this id.
    pub(crate) async fn deleted_user(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Option<DeletedUser>, StoreError> {
        if !policy::is_user(resource_type) {
            return Ok(None);
        }
        let found = self
            .store()
            .get(cx.tenant(), system::deleted_user(), id, &Selection::document())
            .await?;
        Ok(found.and_then(|stored| DeletedUser::from_stored(&stored, resource_type)))
    }

    /// All deleted users.
    pub(crate) async fn deleted_users(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
    ) -> Result<Vec<(ResourceId, DeletedUser)>, StoreError> {
        let selection = Selection::document();
        let query = Query::new(&selection, usize::MAX);
        let page = self
            .store()
            .query(cx.tenant(), system::deleted_user(), &query)
            .await?;
        let users = page.resources.iter().filter_map(|stored| {
            Some((
                stored.resource.id()?,
                DeletedUser::from_stored(stored, resource_type)?,
            ))
        });
        Ok(users.collect())
    }

    /// Whom a user that is to be created goes on from, if the profile wants it so.
    pub(super) async fn predecessor(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        document: &Resource,
    ) -> Result<Option<Predecessor>, EngineError> {
        let user_name = document.core().get_str("userName");
        let Some(user_name) = user_name.filter(|_| policy::is_user(resource_type)) else {
            return Ok(None);
        };
        if cx.actor() != Actor::Provider {
            return Ok(None);
        }
        if self.profile().adopt == Adopt::ByUserName {
            let selection = Selection::document();
            let filter = equals(resource_type, "userName", user_name)?;
            let query = Query::new(&selection, 1).with_filter(&filter);
            let page = self.store().query(cx.tenant(), resource_type, &query).await?;
            if let Some(found) = page.resources.into_iter().next() {
                let provisioning = self.provisioning(cx).await?;
                let id = found.resource.id();
                let managed = provisioning.manages(&Loaded::new(found).state);
                return Ok(id.filter(|_| !managed).map(Predecessor::Unmanaged));
            }
        }
        if self.profile().reprovision == Reprovision::New {
            return Ok(None);
        }
        // Of several, the one that was deleted last.
        let mut named = self.deleted_users_named(cx, resource_type, user_name).await?;
        Ok(named.pop().map(|(id, _)| Predecessor::Deleted(id)))
    }

    /// The deleted users of this name, in the order in which they were deleted.
    pub(crate) async fn deleted_users_named(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        user_name: &str,
    ) -> Result<Vec<(ResourceId, DeletedUser)>, EngineError> {
        let selection = Selection::document();
        let filter = equals(system::deleted_user(), "userName", user_name)?;
        let query = Query::new(&selection, usize::MAX).with_filter(&filter);
        let page = self
            .store()
            .query(cx.tenant(), system::deleted_user(), &query)
            .await?;
        let deleted = page.resources.iter().filter_map(|stored| {
            let id = stored.resource.id()?;
            Some((id, DeletedUser::from_stored(stored, resource_type)?))
        });
        Ok(deleted.collect())
    }

    /// Sends a user to the deleted users.
    pub(crate) async fn soft_delete(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        loaded: &Loaded,
        origin: Origin,
    ) -> Result<(), Refusal> {
        let before = loaded.record();
        let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
        let draft = Draft::deletion(resource_type, id, &before, Some(loaded.version));
        let mut review = self.review(cx, &provisioning, &draft).map_err(Refusal::Error)?;
        if is_active(&before.document) {
            review.publish(event::DEACTIVATED);
        }
        let mut record = before.clone();
        deactivate_deleted(&mut record, origin);
        let deleted = DeletedUser {
            origin,
            record,
            created: loaded.created().unwrap_or(review.at),
            deleted: review.at,
            version: loaded.version.next(),
            memberships: self
                .memberships(cx, resource_type, id)
                .await
                .map_err(Refusal::Error)?,
            stored: Version::FIRST,
        };
        let at = review.at;
        let document = deleted.to_document();
        let steps = vec![
            Step::new(Change::Delete {
                resource_type,
                id,
                precondition: Some(loaded.version),
                at,
            }),
            Step::new(create(system::deleted_user(), id, &document, at)),
        ];
        let event = NewEvent::new(event::SOFT_DELETED, resource_type.name().clone(), id.clone(), at);
        self.commit_steps(cx, steps, 0, &event, &review).await?;
        Ok(())
    }

    /// Changes a deleted user as a provider does that knows it as deactivated: one that becomes active is back.
    pub(super) async fn change_deleted(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deleted: &DeletedUser,
        document: Resource,
    ) -> Result<Option<Version>, Refusal> {
        let act = match said(&document) {
            Some(true) => Act::Activate,
            Some(false) => Act::Deactivate,
            None => Act::Change,
        };
        if deleted.outcome(Party::Provider, act) == Outcome::InUse {
            return self.bring_back(cx, resource_type, id, deleted, document).await;
        }
        let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
        let draft = Draft {
            operation: Operation::Update,
            resource_type,
            id,
            before: Some(&deleted.record),
            document: Some(document),
            relations: &[],
            joining_later: &[],
            version: None,
        };
        let review = self.review(cx, &provisioning, &draft).map_err(Refusal::Error)?;
        let Some(document) = review.document.clone() else {
            return Ok(None);
        };
        let record = Record {
            document,
            state: review.state.clone(),
        };
        if record == deleted.record {
            return Ok(Some(deleted.version));
        }
        let changed = DeletedUser {
            record,
            version: deleted.version.next(),
            ..deleted.clone()
        };
        self.keep(cx, resource_type, id, &changed, event::CHANGED, &review)
            .await?;
        Ok(Some(changed.version))
    }

    /// Hides a deleted user from the provider too.
    pub(super) async fn hide(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deleted: &DeletedUser,
    ) -> Result<(), Refusal> {
        let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
        let draft = Draft::deletion(resource_type, id, &deleted.record, None);
        let review = self.review(cx, &provisioning, &draft).map_err(Refusal::Error)?;
        let mut hidden = DeletedUser {
            origin: Origin::Provider,
            ..deleted.clone()
        };
        deactivate_deleted(&mut hidden.record, Origin::Provider);
        self.keep(cx, resource_type, id, &hidden, event::SOFT_DELETED, &review)
            .await
    }

    async fn keep(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deleted: &DeletedUser,
        name: &'static str,
        review: &crate::rule::Review<'_>,
    ) -> Result<(), Refusal> {
        let document = deleted.to_document();
        let change = Change::Update {
            resource_type: system::deleted_user(),
            id,
            document: Some(&document),
            relations: &[],
            unique: &[],
            precondition: Some(deleted.stored),
            at: review.at,
        };
        let event = NewEvent::new(name, resource_type.name().clone(), id.clone(), review.at);
        self.commit_steps(cx, vec![Step::new(change)], 0, &event, review)
            .await?;
        Ok(())
    }

    /// Removes a user for good; what is left is the id, which nobody gets again.
    pub(crate) async fn purge(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        (kept_as, version): (&ResourceType, Version),
        before: &Record,
    ) -> Result<(), Refusal> {
        let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
        let draft = Draft::deletion(resource_type, id, before, None);
        // Whether the state of the user allows it its caller knows, as the policies look at users that are not deleted.
        let review = self
            .reviewed(cx, &provisioning, &draft, |_| Ok(()))
            .map_err(Refusal::Error)?;
        let at = review.at;
        let tombstone = Resource::new([system::tombstone().schema().id.clone()]);
        let steps = vec![
            Step::new(Change::Delete {
                resource_type: kept_as,
                id,
                precondition: Some(version),
                at,
            }),
            Step::new(create(system::tombstone(), id, &tombstone, at)),
        ];
        let event = NewEvent::new(event::DELETED, resource_type.name().clone(), id.clone(), at);
        self.commit_steps(cx, steps, 0, &event, &review).await?;
        Ok(())
    }
}

/// What a deletion makes of a user: it is deactivated, by the provider if it says so, whoever did it before.
fn deactivate_deleted(record: &mut Record, origin: Origin) {
    if is_active(&record.document) || origin == Origin::Provider {
        record.state.set_deactivated_by(Some(origin));
    }
    record.document.core_mut().insert(ACTIVE, false);
}

/// The condition that an attribute has this value.
pub(crate) fn equals(
    resource_type: &ResourceType,
    path: &str,
    value: &str,
) -> Result<Predicate, EngineError> {
    let path = AttrPath::parse(path).map_err(StoreError::internal)?;
    let filter = Filter::Compare(path, CompareOp::Eq, Literal::String(value.into()));
    Ok(filter.compile(resource_type, Dialect::strict())?)
}

fn create<'c>(
    resource_type: &'c ResourceType,
    id: &'c ResourceId,
    document: &'c Resource,
    at: DateTime,
) -> Change<'c> {
    Change::Create {
        resource_type,
        id,
        document,
        relations: &[],
        unique: &[],
        version: Version::FIRST,
        created: at,
        at,
    }
}
