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
    state::{ACTIVE, Act, Outcome, Party, Standing, State, UserState, outcome},
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

    /// The user with this id, or with this `userName`, deleted or not.
    ///
    /// An id is looked for first, among the deleted users too: a provider chooses names, and one that looks like
    /// somebody's id must not stand for that person.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::SeveralUsers`] for a name that several deleted users have and nobody else,
    /// [`AdminError::Store`].
    ///
    /// # Complexity
    /// At most four look-ups by an index, whatever the number of users.
    pub async fn user(&self, cx: &Context, id_or_name: &str) -> Result<UserView, AdminError> {
        let users = self.user_type()?;
        let id = ResourceId::new(id_or_name);
        let selection = Selection::document();
        let by_id = self
            .engine
            .store()
            .get(cx.tenant(), users, &id, &selection)
            .await?;
        if by_id.is_none()
            && let Some(deleted) = self.engine.deleted_user(cx, users, &id).await?
        {
            let provisioning = self.engine.provisioning(cx).await?;
            return Ok(deleted_view(id, &deleted, &provisioning));
        }
        let live = match by_id {
            Some(stored) => Some(stored),
            None => {
                self.first(cx, users, &equals(users, "userName", id_or_name)?)
                    .await?
            }
        };
        if let Some(stored) = live {
            let provisioning = self.engine.provisioning(cx).await?;
            let id = stored.resource.id().unwrap_or(id);
            let loaded = Loaded::new(stored);
            return Ok(UserView::new(id, &loaded.resource, &loaded.state, &provisioning));
        }
        let mut named = self.engine.deleted_users_named(cx, users, id_or_name).await?;
        if named.len() > 1 {
            return Err(AdminError::SeveralUsers {
                name: id_or_name.into(),
                ids: named.into_iter().map(|(id, _)| id).collect(),
            });
        }
        let (id, deleted) = named
            .pop()
            .ok_or_else(|| AdminError::NoSuchUser(id_or_name.into()))?;
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

    /// Notes that a user has accepted its invitation. Whoever has accepted already may do so again.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is deactivated or deleted, [`AdminError::NoSuchUser`],
    /// [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn accept_invite(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let (Found::Live(loaded), Outcome::InUse) = self.attempt(cx, id, Act::Accept).await? else {
                return Ok(());
            };
            let mut record = loaded.record();
            record.state.set_invitation(None);
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

    /// Sends a user to the deleted users, from where it can be brought back with everything it had. To delete a deleted
    /// user changes nothing.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is not deactivated, in the provider where one manages it;
    /// [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn delete_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let (Found::Live(loaded), Outcome::Deleted(origin)) = self.attempt(cx, id, Act::Delete).await?
            else {
                return Ok(());
            };
            match self.engine.soft_delete(cx, users, id, &loaded, origin).await {
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
    /// [`AdminError::State`] for a user that is neither deleted nor deactivated, in the provider where one manages it;
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
            let (found, _) = self.attempt(cx, id, Act::Purge).await?;
            let (kept_as, version, before) = match found {
                Found::Deleted(deleted) => (system::deleted_user(), deleted.stored_version(), deleted.record),
                Found::Live(loaded) => (users, loaded.version, loaded.record()),
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

    /// Brings a deleted user back to where it stood, which is always deactivated: a deletion deactivates.
    ///
    /// It comes back without the card or the external id that another user has by now, which
    /// [`RESTORED_WITHOUT`](crate::event::RESTORED_WITHOUT) tells.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is not deleted, [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], and
    /// [`EngineError::NameTaken`] where another user has its `userName` by now.
    pub async fn restore_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        self.attempt(cx, id, Act::Restore).await?;
        self.engine.restore(cx, self.user_type()?, id, None).await?;
        Ok(())
    }

    /// Lifts a deactivation: the user is active where it has accepted its invitation or had none, and otherwise invited.
    ///
    /// What the provider deactivates and manages is its own to activate.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is not deactivated, is deleted, or was deactivated by the provider that
    /// manages it; [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], [`AdminError::Contention`],
    /// [`AdminError::Store`].
    pub async fn activate_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        self.say_active(cx, id, true).await
    }

    /// Shuts a user out. It keeps everything that it has, and what is pending of its invitation.
    ///
    /// The provider that manages it lifts the deactivation when it says again that the user is active. To deactivate
    /// again what an administrator has deactivated changes nothing.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is deleted, or was deactivated by the provider that manages it;
    /// [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn deactivate_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        self.say_active(cx, id, false).await
    }

    async fn say_active(&self, cx: &Context, id: &ResourceId, active: bool) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        let act = if active { Act::Activate } else { Act::Deactivate };
        for _ in 0..Engine::<S>::MAX_ATTEMPTS {
            let (Found::Live(loaded), Outcome::InUse | Outcome::Deactivated(_)) =
                self.attempt(cx, id, act).await?
            else {
                return Ok(());
            };
            let before = loaded.record();
            let mut document = before.document.clone();
            document.core_mut().insert(ACTIVE, active);
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

    /// The user with this id, deleted or not, and what an act comes to for it, if its state allows the act.
    async fn attempt(&self, cx: &Context, id: &ResourceId, act: Act) -> Result<(Found, Outcome), AdminError> {
        let users = self.user_type()?;
        let provisioning = self.engine.provisioning(cx).await?;
        let selection = Selection::document();
        let stored = self
            .engine
            .store()
            .get(cx.tenant(), users, id, &selection)
            .await?;
        let found = if let Some(stored) = stored {
            Found::Live(Loaded::new(stored))
        } else {
            let deleted = self.engine.deleted_user(cx, users, id).await?;
            Found::Deleted(deleted.ok_or_else(|| AdminError::NoSuchUser(id.as_str().into()))?)
        };
        let party = |state| match act {
            Act::Accept => Party::Application,
            _ => Party::of(cx.actor(), provisioning.manages(state)),
        };
        let outcome = match &found {
            Found::Live(loaded) => {
                let standing = Standing::of(&loaded.resource, &loaded.state);
                outcome(standing, party(&loaded.state), act)
            }
            Found::Deleted(deleted) => deleted.outcome(party(&deleted.record.state), act),
        };
        match outcome {
            Outcome::Refused(reason) => Err(AdminError::State {
                user: id.clone(),
                reason,
            }),
            outcome => Ok((found, outcome)),
        }
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

/// What an administrator finds under the id of a user.
enum Found {
    Live(Loaded),
    Deleted(DeletedUser),
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
