//! Users as administrators see and treat them.

use std::sync::Arc;

use keyfob_core::{
    Collation, CompareKey, DateTime, ExternalId, Resource, ResourceId, ResourceType, SchemaUri, Value,
    schema::RelationKind,
};
use keyfob_engine::{
    ACTIVE, Context, Decision, DeleteAction, Draft, EngineError, Loaded, Prepared, Reads, Seen, State,
    Subject,
};
use keyfob_store::{Change, MemberPolicy, NewEvent, OnRefusal, Selection, Store, StoreExt, Visibility, When};
use smol_str::SmolStr;

use super::{Admin, AdminError, Confirmed, demand_admin, demand_confirmation};
use crate::{
    event,
    life::{Act, Outcome, Party, Standing, outcome},
    lifecycle::soft_deletion,
    provisioning::Provisioning,
    refusal::Refusal,
    state::{Invitation, Origin, OwnState as _, UserState},
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
    /// From which side a deleted user was deleted, and when as far as that is known.
    pub deleted: Option<(Origin, Option<DateTime>)>,
    /// What rules keep with the user.
    pub internal: State,
}

impl UserView {
    pub(super) fn new(loaded: Loaded, provisioning: &Provisioning) -> Self {
        let core = loaded.resource.core();
        Self {
            user_name: core.get_str("userName").unwrap_or_default().into(),
            display_name: core.get_str("displayName").map(Into::into),
            phone_number: phone_number(core.get("phoneNumbers")),
            state: if loaded.is_hidden() {
                UserState::Deleted
            } else {
                UserState::of(&loaded.resource, &loaded.state)
            },
            is_managed: provisioning.manages(&loaded.state),
            deleted: loaded
                .is_hidden()
                .then(|| (loaded.state.deleted_by(), loaded.state.deleted_at())),
            internal: loaded.state,
            id: loaded.id,
        }
    }
}

impl<S: Store> Admin<'_, S> {
    /// All users that are not deleted, in the order in which they were created.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn users(&self, cx: &Context) -> Result<Vec<UserView>, AdminError> {
        self.views(cx, Visibility::Live).await
    }

    /// All deleted users that can be brought back.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn deleted_users(&self, cx: &Context) -> Result<Vec<UserView>, AdminError> {
        let mut users = self.views(cx, Visibility::Hidden).await?;
        users.sort_by_key(|user| user.internal.deleted_at());
        Ok(users)
    }

    async fn views(&self, cx: &Context, visibility: Visibility) -> Result<Vec<UserView>, AdminError> {
        let provisioning = self.provisioner.provisioning_of(cx).await?;
        let users = self
            .provisioner
            .read_all(cx, self.user_type()?, visibility)
            .await?;
        let views = users.into_iter();
        Ok(views.map(|loaded| UserView::new(loaded, &provisioning)).collect())
    }

    /// The deleted users who come back to a relation of a resource when they are brought back.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    ///
    /// # Complexity
    /// One look-up by the resource's id, whatever the number of deleted users.
    pub async fn deleted_members(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
    ) -> Result<Vec<ResourceId>, AdminError> {
        let relations = resource_type.relations().iter();
        let relations = relations.filter(|relation| relation.kind == RelationKind::Owned);
        let selection = Selection::of(relations.map(|relation| relation.attribute.id).collect());
        let owner = self
            .provisioner
            .store()
            .get_one(&cx.reading(), resource_type, id, &selection.with_hidden_members())
            .await?;
        let members = owner.as_ref().map(|owner| owner.resource.relations().iter());
        let ids = members.into_iter().flatten();
        Ok(ids
            .flat_map(|(_, members)| members.iter().map(|(id, _)| id.clone()))
            .collect())
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
    /// At most three look-ups by an index, whatever the number of users.
    pub async fn user(&self, cx: &Context, id_or_name: &str) -> Result<UserView, AdminError> {
        let users = self.user_type()?;
        let id = ResourceId::new(id_or_name);
        let by_id = self
            .provisioner
            .load(cx, users, &id, &Selection::document())
            .await?;
        let found = match by_id {
            Some(loaded) => Some(loaded),
            None => {
                self.provisioner
                    .first_where(cx, users, "userName", id_or_name)
                    .await?
            }
        };
        let found = if let Some(loaded) = found {
            loaded
        } else {
            let mut named = self
                .provisioner
                .deleted_users_named(cx, users, id_or_name)
                .await?;
            if named.len() > 1 {
                return Err(AdminError::SeveralUsers {
                    name: id_or_name.into(),
                    ids: named.into_iter().map(|loaded| loaded.id).collect(),
                });
            }
            named
                .pop()
                .ok_or_else(|| AdminError::NoSuchUser(id_or_name.into()))?
        };
        let provisioning = self.provisioner.provisioning_of(cx).await?;
        Ok(UserView::new(found, &provisioning))
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
        let found = self
            .provisioner
            .first_where(cx, users, &path, external_id.as_str())
            .await?;
        Ok(found.map(|loaded| loaded.id))
    }

    /// Notes that a user has accepted its invitation. Whoever has accepted already may do so again.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is deactivated or deleted, or whose invitation was withdrawn, [`AdminError::NoSuchUser`],
    /// [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn accept_invite(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        let users = self.user_type()?;
        self.act(cx, "acceptInvite", id, Act::Accept, |_, loaded, outcome| {
            if outcome != Outcome::InUse {
                return Ok(Decision::Nothing);
            }
            Ok(invited(users, loaded, None, event::INVITE_ACCEPTED).into())
        })
        .await
    }

    /// Invites a user, or once more where it has not accepted. A user that had accepted, or was never to be invited, is
    /// invited from now on: no door opens to it until it [accepts](Self::accept_invite).
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is deactivated or deleted, [`AdminError::NoSuchUser`],
    /// [`AdminError::Forbidden`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn invite(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        self.act(cx, "invite", id, Act::Invite, |_, loaded, outcome| {
            if outcome != Outcome::InUse {
                return Ok(Decision::Nothing);
            }
            let invitation = Some(Invitation::Sent);
            Ok(invited(users, loaded, invitation, event::INVITE_REQUESTED).into())
        })
        .await
    }

    /// Withdraws the invitation of a user who has not accepted it: the user can't accept any more until it is
    /// [invited](Self::invite) again, and no door opens to it, whatever its provider says. To withdraw again changes nothing.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that has accepted or was never to be invited, and for one that is deactivated or deleted;
    /// [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], [`AdminError::Contention`], [`AdminError::Store`].
    pub async fn withdraw_invite(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        self.act(cx, "withdrawInvite", id, Act::Withdraw, |_, loaded, outcome| {
            if outcome != Outcome::Uninvited {
                return Ok(Decision::Nothing);
            }
            let invitation = Some(Invitation::Withdrawn);
            Ok(invited(users, loaded, invitation, event::INVITE_WITHDRAWN).into())
        })
        .await
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
        self.act(
            cx,
            "deleteUser",
            id,
            Act::Delete,
            |seen, loaded, outcome| match outcome {
                Outcome::Deleted(origin) if !loaded.is_hidden() => {
                    let action = soft_deletion(loaded, origin, self.provisioner.now());
                    let before = loaded.record();
                    let draft = Draft::deletion(users, id, &before, loaded.version, action);
                    self.provisioner.decide(cx, seen, &draft)
                }
                _ => Ok(Decision::Nothing),
            },
        )
        .await
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
        let mut unconfirmed = Ok(());
        self.act(cx, "purgeUser", id, Act::Purge, |seen, loaded, _| {
            // Whether it can be removed at all is said before a confirmation is asked for.
            unconfirmed = demand_confirmation(confirmation);
            if unconfirmed.is_err() {
                return Ok(Decision::Nothing);
            }
            let before = loaded.record();
            let draft = Draft::deletion(users, id, &before, loaded.version, DeleteAction::Erase);
            // The state of the user allows it, and the policies look at users that are not deleted.
            let mut decision = self.provisioner.decide_with(cx, seen, &draft, |_| Ok(()))?;
            if let Decision::Commit(prepared) = &mut decision {
                leave_tombstone(prepared, users, id);
            }
            Ok(decision)
        })
        .await?;
        unconfirmed
    }

    /// Brings a deleted user back to where it stood, which is always deactivated: a deletion deactivates.
    ///
    /// It comes back without the card or the external id that another user has by now, which
    /// [`RESTORED_WITHOUT`](keyfob_engine::event::RESTORED_WITHOUT) tells.
    ///
    /// # Errors
    /// [`AdminError::State`] for a user that is not deleted, [`AdminError::NoSuchUser`], [`AdminError::Forbidden`], and
    /// [`EngineError::NameTaken`] where another user has its `userName` by now.
    pub async fn restore_user(&self, cx: &Context, id: &ResourceId) -> Result<(), AdminError> {
        demand_admin(cx)?;
        let users = self.user_type()?;
        self.act(cx, "restoreUser", id, Act::Restore, |seen, loaded, _| {
            let document = loaded.record().document;
            self.provisioner
                .decide_revelation(cx, seen, users, loaded, document)
        })
        .await
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
        let (act, verb) = if active {
            (Act::Activate, "activateUser")
        } else {
            (Act::Deactivate, "deactivateUser")
        };
        self.act(cx, verb, id, act, |seen, loaded, outcome| {
            if !matches!(outcome, Outcome::InUse | Outcome::Deactivated(_)) {
                return Ok(Decision::Nothing);
            }
            let before = loaded.record();
            let mut document = before.document.clone();
            document.core_mut().insert(ACTIVE, active);
            let draft = Draft::update(users, id, &before, document, loaded.version);
            self.provisioner.decide(cx, seen, &draft)
        })
        .await
    }

    /// Looks what an act comes to for a user, deleted or not, and lets `decide` decide if the user's state allows the act.
    async fn act(
        &self,
        cx: &Context,
        verb: &'static str,
        id: &ResourceId,
        act: Act,
        mut decide: impl FnMut(&Seen, &Loaded, Outcome) -> Result<Decision, EngineError> + Send,
    ) -> Result<(), AdminError> {
        let users = self.user_type()?;
        let reads = Reads {
            resource_type: users,
            subject: Subject::Existing(id),
            selection: Selection::document(),
        };
        let settled = self.provisioner.transact(cx, verb, &reads, None, |seen| {
            let loaded = seen.subject.as_ref();
            let loaded = loaded.ok_or_else(|| EngineError::not_found(users, id))?;
            let party = match act {
                Act::Accept | Act::Invite | Act::Withdraw => Party::Application,
                _ => Party::of(
                    cx.actor(),
                    Provisioning::among(&seen.facts).manages(&loaded.state),
                ),
            };
            match outcome(Standing::of_loaded(loaded), party, act) {
                Outcome::Refused(reason) => {
                    let user = id.clone();
                    Err(EngineError::Rejected(Refusal::State { user, reason }.into()))
                }
                outcome => decide(seen, loaded, outcome),
            }
        });
        match settled.await {
            Ok(_) => Ok(()),
            Err(EngineError::NotFound { id: missing, .. }) if missing == *id => {
                Err(AdminError::NoSuchUser(id.as_str().into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Prepares the commit that notes where a user's invitation stands.
fn invited(
    users: &ResourceType,
    loaded: &Loaded,
    invitation: Option<Invitation>,
    event: &'static str,
) -> Prepared {
    let mut state = loaded.state.clone();
    state.set_invitation(invitation);
    let event = NewEvent::new(event, users.name().clone(), loaded.id.clone());
    let update = Change::Update {
        resource_type: users.clone(),
        id: loaded.id.clone(),
        document: None,
        state: Some(state.into_object()),
        visibility: None,
        relations: Arc::default(),
        members: MemberPolicy::default(),
        unique: None,
        precondition: Some(loaded.version),
        on_refusal: OnRefusal::Fail,
    };
    // An invitation that is sent again changes nothing of the user.
    let publish = Change::Publish {
        event: event.into(),
        when: When::Always,
    };
    Prepared::new(vec![update, publish])
}

/// Leaves the id of a user that is removed for good, so that nobody gets it again, and forgets the labels of its events.
fn leave_tombstone(prepared: &mut Prepared, users: &ResourceType, id: &ResourceId) {
    let tombstone = Resource::new([system::tombstone().schema().id.clone()]);
    prepared
        .changes
        .push(Change::create(system::tombstone(), id.clone(), tombstone));
    // Last, so that the event of the purge itself is forgotten too.
    prepared.changes.push(Change::Forget {
        resource_type: users.clone(),
        id: id.clone(),
    });
}

/// Returns the one of a user's phone numbers to show.
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
