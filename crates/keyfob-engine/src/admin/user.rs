//! Users as administrators see and treat them.

use keyfob_core::{Collation, CompareKey, ExternalId, Resource, ResourceId, ResourceType, SchemaUri, Value};
use keyfob_filter::Predicate;
use keyfob_store::{Change, NewEvent, Query, Selection, Store, Stored};
use smol_str::SmolStr;

use super::{Admin, AdminError, Confirmed, demand_admin, demand_confirmation};
use crate::{
    context::Context,
    engine::{DeletedUser, Draft, Engine, EngineError, Loaded, Refusal, equals},
    event,
    provisioning::Provisioning,
    rule::Operation,
    state::{Origin, State, UserState, is_active},
    system,
};

/// A user as administrators see it.
///
/// The `externalId` of the Verkada extension, by which applications know a user, is not part of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserView {
    /// The id.
    pub id: ResourceId,
    /// The `userName`.
    pub user_name: SmolStr,
    /// The name to show.
    pub display_name: Option<SmolStr>,
    /// The phone number: the primary one, or else the one for work, the mobile one, or the first.
    pub phone_number: Option<SmolStr>,
    /// Where the user stands in its life.
    pub state: UserState,
    /// Whether the provider manages it: the tag `SCIM Managed`.
    pub is_managed: bool,
    /// What rules keep with the user.
    pub internal: State,
}

impl UserView {
    fn new(id: ResourceId, document: &Resource, state: &State, provisioning: &Provisioning) -> Self {
        let core = document.core();
        Self {
            id,
            user_name: core.get_str("userName").unwrap_or_default().into(),
            display_name: core.get_str("displayName").map(Into::into),
            phone_number: phone_number(core.get("phoneNumbers")),
            state: UserState::of(document, state),
            is_managed: provisioning.manages(state),
            internal: state.clone(),
        }
    }
}

impl<S: Store> Admin<'_, S> {
    /// All users that are not deleted, in the order in which they were created.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn users(&self, cx: &Context) -> Result<Vec<UserView>, AdminError> {
        let provisioning = self.engine.provisioning(cx).await?;
        let selection = Selection::document();
        let query = Query::new(&selection, usize::MAX);
        let page = self
            .engine
            .store()
            .query(cx.tenant(), self.user_type()?, &query)
            .await?;
        let users = page.resources.into_iter().filter_map(|stored| {
            let id = stored.resource.id()?;
            let loaded = Loaded::new(stored);
            Some(UserView::new(id, &loaded.resource, &loaded.state, &provisioning))
        });
        Ok(users.collect())
    }

    /// All deleted users that can be brought back.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn deleted_users(&self, cx: &Context) -> Result<Vec<UserView>, AdminError> {
        let provisioning = self.engine.provisioning(cx).await?;
        let deleted = self.engine.deleted_users(cx, self.user_type()?).await?;
        let users = deleted
            .into_iter()
            .map(|(id, user)| deleted_view(id, &user, &provisioning));
        Ok(users.collect())
    }

    /// The deleted users who come back to a relation of the resource with this id when they are brought back.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    ///
    /// # Complexity
    /// One look-up by an index, whatever the number of deleted users.
    pub async fn deleted_members(
        &self,
        cx: &Context,
        id: &ResourceId,
    ) -> Result<Vec<ResourceId>, AdminError> {
        let members = self.engine.deleted_members(cx, id).await?;
        Ok(members.iter().filter_map(|stored| stored.resource.id()).collect())
    }

    /// The user with this id or `userName`, deleted or not; of several deleted users of one name the one that was deleted
    /// last.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Store`].
    ///
    /// # Complexity
    /// At most four look-ups by an index, whatever the number of users.
    pub async fn user(&self, cx: &Context, id_or_name: &str) -> Result<UserView, AdminError> {
        let users = self.user_type()?;
        let id = ResourceId::new(id_or_name);
        let selection = Selection::document();
        let stored = match self
            .engine
            .store()
            .get(cx.tenant(), users, &id, &selection)
            .await?
        {
            Some(stored) => Some(stored),
            None => {
                self.first(cx, users, &equals(users, "userName", id_or_name)?)
                    .await?
            }
        };
        if let Some(stored) = stored {
            let provisioning = self.engine.provisioning(cx).await?;
            let id = stored.resource.id().unwrap_or(id);
            let loaded = Loaded::new(stored);
            return Ok(UserView::new(id, &loaded.resource, &loaded.state, &provisioning));
        }
        let (id, deleted) = match self.engine.deleted_user(cx, users, &id).await? {
            Some(deleted) => (id, deleted),
            None => self
                .engine
                .deleted_user_named(cx, users, id_or_name)
                .await?
                .ok_or_else(|| AdminError::NoSuchUser(id_or_name.into()))?,
        };
        let provisioning = self.engine.provisioning(cx).await?;
        Ok(deleted_view(id, &deleted, &provisioning))
    }

    /// The user whom an application knows by this external id, the one of the Verkada extension.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    ///
    /// # Complexity
    /// One look-up by a unique value.
    pub async fn find_user_by_external_id(
        &self,
        cx: &Context,
        external_id: &ExternalId,
    ) -> Result<Option<ResourceId>, AdminError> {
        let users = self.user_type()?;
        let path = format!("{}:externalId", SchemaUri::VERKADA_CORE_USER);
        let filter = equals(users, &path, external_id.as_str())?;
        let found = self.first(cx, users, &filter).await?;
        Ok(found.and_then(|stored| stored.resource.id()))
    }

    /// Notes that a user has accepted its invitation.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::NotInvited`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn accept_invite(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let loaded = self.live(cx, id).await?;
            if !loaded.state.is_invited() {
                return Err(AdminError::NotInvited(id.clone()));
            }
            let mut record = loaded.record();
            record.state.set_invited(false);
            let at = self.engine.now();
            // Nothing that is unique changes; the keys are those of the document that is there.
            let before = loaded.record();
            let provisioning = self.engine.provisioning(cx).await?;
            let draft = Draft {
                operation: Operation::Update,
                resource_type: users,
                id,
                before: Some(&before),
                document: Some(before.document.clone()),
                relations: &[],
                joining_later: &[],
                version: Some(loaded.version),
            };
            let unique = self.engine.review(cx, &provisioning, &draft)?.unique;
            record.state.put_into(&mut record.document);
            let event = NewEvent::new(event::INVITE_ACCEPTED, users.name().clone(), id.clone(), at);
            let changes = [
                Change::Update {
                    resource_type: users,
                    id,
                    document: Some(&record.document),
                    relations: &[],
                    unique: &unique,
                    precondition: Some(loaded.version),
                    at,
                },
                Change::Publish {
                    event: &event,
                    of: Some(0),
                },
            ];
            match self.engine.store().commit(cx.tenant(), &changes).await {
                Ok(_) => return Ok(()),
                Err(error) => match Refusal::of(error, users.name(), id) {
                    Refusal::Changed => {}
                    refusal => return Err(refused(refusal)),
                },
            }
        }
        Err(AdminError::Contention)
    }

    /// Sends a user to the deleted users, from where it can be brought back with everything it had.
    ///
    /// # Errors
    /// [`AdminError::MustDeactivate`] for an active user whom the provider manages, [`AdminError::NoSuchUser`],
    /// [`AdminError::Forbidden`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn delete_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let loaded = self.deletable(cx, id).await?;
            let outcome = self
                .engine
                .soft_delete(cx, users, id, &loaded, Origin::Administrator)
                .await;
            match outcome {
                Ok(()) => return Ok(()),
                Err(Refusal::Changed) => {}
                Err(refusal) => return Err(refused(refusal)),
            }
        }
        Err(AdminError::Contention)
    }

    /// Removes a user and everything of it for good, be it deleted already or deactivated.
    ///
    /// # Errors
    /// [`AdminError::MustDeactivate`] for an active user whom the provider manages,
    /// [`AdminError::ConfirmationRequired`], [`AdminError::NoSuchUser`], [`AdminError::Forbidden`],
    /// [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn purge_user(
        &self,
        cx: &Context,
        id: &ResourceId,
        confirmation: Option<Confirmed>,
    ) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let deleted = self.engine.deleted_user(cx, users, id).await?;
            let (kept_as, version, before) = if let Some(deleted) = deleted {
                (system::deleted_user(), deleted.stored_version(), deleted.record)
            } else {
                let loaded = self.deletable(cx, id).await?;
                (users, loaded.version, loaded.record())
            };
            demand_confirmation(confirmation)?;
            let outcome = self
                .engine
                .purge(cx, users, id, (kept_as, version), &before)
                .await;
            match outcome {
                Ok(()) => return Ok(()),
                Err(Refusal::Changed) => {}
                Err(refusal) => return Err(refused(refusal)),
            }
        }
        Err(AdminError::Contention)
    }

    /// Brings a deleted user back as it was: deactivated. Whether it is active is up to the provider that manages it.
    ///
    /// # Errors
    /// [`AdminError::NotDeleted`], [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], and
    /// [`EngineError::Uniqueness`] where somebody else has its `userName` by now.
    pub async fn restore_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        match self.engine.restore(cx, users, id, None).await {
            Err(EngineError::NotFound { .. }) => {
                self.live(cx, id).await?;
                Err(AdminError::NotDeleted(id.clone()))
            }
            outcome => Ok(outcome.map(|_| ())?),
        }
    }

    /// Sets whether a user is active.
    ///
    /// # Errors
    /// [`AdminError::Engine`] with [`Rejection::ManagedByProvider`](crate::Rejection::ManagedByProvider) where the
    /// provider deactivated the user, [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], [`AdminError::Contention`].
    pub async fn set_active(&self, cx: &Context, id: &ResourceId, active: bool) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let loaded = self.live(cx, id).await?;
            let before = loaded.record();
            let mut document = before.document.clone();
            document.core_mut().insert("active", active);
            // A user who doesn't say that it is active is.
            if is_active(&before.document) == active {
                return Ok(());
            }
            let provisioning = self.engine.provisioning(cx).await?;
            let draft = Draft {
                operation: Operation::Update,
                resource_type: users,
                id,
                before: Some(&before),
                document: Some(document),
                relations: &[],
                joining_later: &[],
                version: Some(loaded.version),
            };
            match self.engine.commit_draft(cx, &provisioning, &draft).await {
                Ok(_) => return Ok(()),
                Err(Refusal::Changed) => {}
                Err(refusal) => return Err(refused(refusal)),
            }
        }
        Err(AdminError::Contention)
    }

    /// A user that an administrator may delete now.
    async fn deletable(&self, cx: &Context, id: &ResourceId) -> Result<Loaded, AdminError> {
        let loaded = self.live(cx, id).await?;
        let provisioning = self.engine.provisioning(cx).await?;
        if provisioning.manages(&loaded.state) && is_active(&loaded.resource) {
            return Err(AdminError::MustDeactivate(id.clone()));
        }
        Ok(loaded)
    }

    async fn live(&self, cx: &Context, id: &ResourceId) -> Result<Loaded, AdminError> {
        let found = self
            .engine
            .store()
            .get(cx.tenant(), self.user_type()?, id, &Selection::document())
            .await?;
        found
            .map(Loaded::new)
            .ok_or_else(|| AdminError::NoSuchUser(id.as_str().into()))
    }

    async fn first(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        filter: &Predicate,
    ) -> Result<Option<Stored>, AdminError> {
        let selection = Selection::document();
        let query = Query::new(&selection, 1).with_filter(filter);
        let page = self
            .engine
            .store()
            .query(cx.tenant(), resource_type, &query)
            .await?;
        Ok(page.resources.into_iter().next())
    }
}

fn deleted_view(id: ResourceId, user: &DeletedUser, provisioning: &Provisioning) -> UserView {
    let mut view = UserView::new(id, &user.record.document, &user.record.state, provisioning);
    view.state = UserState::Deleted;
    view
}

fn refused(refusal: Refusal) -> AdminError {
    match refusal {
        Refusal::Error(error) => error.into(),
        Refusal::Changed => AdminError::Contention,
        Refusal::Members(members) => EngineError::UnknownMembers { members }.into(),
    }
}

/// Which of a user's phone numbers is the one.
fn phone_number(value: Option<&Value>) -> Option<SmolStr> {
    let numbers: Vec<_> = value?.as_elements().iter().filter_map(Value::as_object).collect();
    let of_type = |kind: &str| {
        let kind = CompareKey::new(Collation::Caseless, kind);
        let mut numbers = numbers.iter();
        numbers.find(|number| {
            let found = number.get_str("type");
            found.is_some_and(|found| kind.is_of(Collation::Caseless, found))
        })
    };
    let primary = numbers
        .iter()
        .find(|number| number.get("primary").and_then(Value::as_bool) == Some(true));
    primary
        .or_else(|| of_type("work"))
        .or_else(|| of_type("mobile"))
        .or_else(|| numbers.first())?
        .get_str("value")
        .map(Into::into)
}
