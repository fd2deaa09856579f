//! The life of users as the engine asks for it.

use std::sync::Arc;

use keyfob_core::{DateTime, Resource, ResourceType};
use keyfob_engine::{
    ACTIVE, Actor, Context, DeleteAction, EngineError, Facts, Lifecycle, Loaded, Rejection, Review, State,
    is_active, is_user, said_active,
};
use keyfob_store::{Query, Total, Visibility};

use crate::{
    deleted::{USER_NAME, equals},
    life::{Act, Outcome, Party, Standing, outcome},
    policy,
    profile::{Adopt, Deletion, Profile, Reprovision},
    provisioning::Provisioning,
    state::{Origin, OwnState as _},
};

/// The lifecycle of a profile's users.
pub(crate) struct Life {
    profile: Arc<Profile>,
}

impl Life {
    pub(crate) fn new(profile: Arc<Profile>) -> Self {
        Self { profile }
    }
}

impl Lifecycle for Life {
    /// A user whom an administrator deleted is deactivated in the eyes of the provider, and in no group.
    fn shows(&self, cx: &Context, hidden: &Loaded) -> bool {
        cx.actor() == Actor::Provider
            && outcome(Standing::of_loaded(hidden), Party::Provider, Act::Change) != Outcome::Unknown
    }

    fn candidates(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        document: &Resource,
    ) -> Result<Vec<Query>, EngineError> {
        let user_name = document.core().get_str(USER_NAME);
        let Some(user_name) = user_name.filter(|_| is_user(resource_type) && cx.actor() == Actor::Provider)
        else {
            return Ok(Vec::new());
        };
        let mut queries = Vec::new();
        if self.profile.adopt == Adopt::ByUserName {
            let named = equals(resource_type, USER_NAME, user_name)?;
            queries.push(Query::first(1).with_filter(named).with_total(Total::Unknown));
        }
        if self.profile.reprovision != Reprovision::New {
            let named = equals(resource_type, USER_NAME, user_name)?;
            queries.push(
                Query::all()
                    .with_filter(named)
                    .with_visibility(Visibility::Hidden),
            );
        }
        Ok(queries)
    }

    /// A live user of the name goes before a deleted one, and the one that was deleted last before the others.
    fn predecessor(&self, _: &Context, facts: &Facts, candidates: Vec<Loaded>) -> Option<Loaded> {
        let (deleted, live): (Vec<Loaded>, Vec<Loaded>) = candidates.into_iter().partition(Loaded::is_hidden);
        match live.into_iter().next() {
            Some(live) => (!Provisioning::among(facts).manages(&live.state)).then_some(live),
            None => deleted.into_iter().max_by_key(|loaded| loaded.state.deleted_at()),
        }
    }

    fn reveals(&self, _: &Context, hidden: &Loaded, document: &Resource) -> bool {
        let act = match said_active(document) {
            Some(true) => Act::Activate,
            Some(false) => Act::Deactivate,
            None => Act::Change,
        };
        outcome(Standing::of_loaded(hidden), Party::Provider, act) == Outcome::InUse
    }

    /// A user that is deleted already is deleted for the provider too.
    fn delete_action(
        &self,
        cx: &Context,
        _: &Facts,
        resource_type: &ResourceType,
        loaded: &Loaded,
        now: DateTime,
    ) -> DeleteAction {
        let is_soft = self.profile.deletion == Deletion::Soft && is_user(resource_type);
        if is_soft || loaded.is_hidden() {
            soft_deletion(loaded, Origin::of(cx.actor()), now)
        } else {
            DeleteAction::Erase
        }
    }

    fn reads_owner(&self, cx: &Context, facts: &Facts) -> bool {
        // Without a link nobody manages anything, and there is nothing to look at.
        cx.actor() != Actor::Provider || Provisioning::among(facts).is_linked()
    }

    /// The provider manages whatever it changes, which the state says.
    fn writes_owner(&self, cx: &Context, facts: &Facts, state: &State) -> bool {
        let provisioning = Provisioning::among(facts);
        cx.actor() == Actor::Provider && provisioning.is_linked() && !provisioning.manages(state)
    }

    fn review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        policy::review(&self.profile, cx, review)
    }
}

/// Returns the deletion that sends a user to the deleted ones.
pub(crate) fn soft_deletion(loaded: &Loaded, origin: Origin, now: DateTime) -> DeleteAction {
    let mut record = loaded.record();
    // A deletion deactivates, by the provider if it says so, whoever did it before.
    if is_active(&record.document) || origin == Origin::Provider {
        record.state.set_deactivated_by(Some(origin));
    }
    record.document.core_mut().insert(ACTIVE, false);
    record.state.set_deleted(Some((origin, now)));
    DeleteAction::Hide(record)
}
