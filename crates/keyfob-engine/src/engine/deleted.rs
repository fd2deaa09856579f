//! Users that were deleted and can be brought back: hidden resources.

use keyfob_core::{AttrPath, Dialect, Resource, ResourceType, validate};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Query, Store, StoreError, Visibility};
use smol_str::SmolStr;

use super::{
    Engine, EngineError, Record,
    commit::{DeleteAction, Draft, prepare},
    record::Loaded,
    transact::{Decision, Seen},
    unique_keys,
};
use crate::{
    context::{Actor, Context},
    event, policy,
    profile::{Adopt, Deletion, Reprovision},
    provisioning::Provisioning,
    rule::Operation,
    state::{ACTIVE, Act, Origin, Outcome, Party, is_active, outcome, said},
};

/// The attribute without whose value no user comes back.
pub(super) const USER_NAME: &str = "userName";

/// The user from whom a user that is to be created goes on.
pub(crate) enum Predecessor {
    /// A deleted user of that name.
    Deleted(Loaded),
    /// A user of that name that no provider manages.
    Unmanaged(Loaded),
}

impl<S: Store> Engine<S> {
    /// Returns true if DELETE sends resources of the type to the deleted users.
    pub(super) fn deletes_softly(&self, resource_type: &ResourceType) -> bool {
        self.profile().deletion == Deletion::Soft && policy::is_user(resource_type)
    }

    /// Returns the name by which a user that is to be created may go on from another, if the profile wants it so.
    pub(super) fn name_to_go_on<'d>(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        document: &'d Resource,
    ) -> Option<&'d str> {
        let goes_on = policy::is_user(resource_type)
            && cx.actor() == Actor::Provider
            && (self.profile().adopt == Adopt::ByUserName || self.profile().reprovision != Reprovision::New);
        document.core().get_str(USER_NAME).filter(|_| goes_on)
    }

    /// Finds the user from whom one of this name goes on.
    pub(super) async fn predecessor(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        user_name: Option<&str>,
        provisioning: &Provisioning,
    ) -> Result<Option<Predecessor>, EngineError> {
        let Some(user_name) = user_name else {
            return Ok(None);
        };
        if self.profile().adopt == Adopt::ByUserName
            && let Some(found) = self.first_where(cx, resource_type, USER_NAME, user_name).await?
        {
            let managed = provisioning.manages(&found.state);
            return Ok((!managed).then_some(Predecessor::Unmanaged(found)));
        }
        if self.profile().reprovision == Reprovision::New {
            return Ok(None);
        }
        let mut named = self.deleted_users_named(cx, resource_type, user_name).await?;
        Ok(named.pop().map(Predecessor::Deleted))
    }

    /// Reads the deleted users of a name, in the order in which they were deleted.
    pub(crate) async fn deleted_users_named(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        user_name: &str,
    ) -> Result<Vec<Loaded>, EngineError> {
        let filter = equals(resource_type, USER_NAME, user_name)?;
        let query = Query::all()
            .with_filter(filter)
            .with_visibility(Visibility::Hidden);
        let page = self.store().query(&cx.reading(), resource_type, &query).await?;
        let mut named: Vec<Loaded> = page.resources.into_iter().map(Loaded::new).collect();
        named.sort_by_key(|loaded| loaded.state.deleted_at());
        Ok(named)
    }

    /// Decides on the deletion of a resource that an actor knows: a user that is deleted already is deleted for the
    /// provider too.
    pub(crate) fn decide_soft_deletion(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        origin: Origin,
    ) -> Result<Decision, EngineError> {
        let before = loaded.record();
        let mut record = before.clone();
        // A deletion deactivates, by the provider if it says so, whoever did it before.
        if is_active(&record.document) || origin == Origin::Provider {
            record.state.set_deactivated_by(Some(origin));
        }
        record.document.core_mut().insert(ACTIVE, false);
        record.state.set_deleted(Some((origin, self.now())));
        let draft = Draft::deletion(resource_type, &loaded.id, &before, Some(loaded.version));
        self.decide_deletion(cx, seen, &draft, DeleteAction::Hide(record))
    }

    /// Decides on a change of a deleted user by the provider, who knows it as deactivated: one that becomes active is back.
    pub(super) fn decide_change_of_deleted(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        document: Resource,
    ) -> Result<Decision, EngineError> {
        let act = match said(&document) {
            Some(true) => Act::Activate,
            Some(false) => Act::Deactivate,
            None => Act::Change,
        };
        if outcome(loaded.standing(), Party::Provider, act) == Outcome::InUse {
            return self.decide_restoration(cx, seen, resource_type, loaded, document);
        }
        let before = loaded.record();
        let draft = Draft::update(resource_type, &loaded.id, &before, document, loaded.version);
        self.decide(cx, seen, &draft)
    }

    /// Decides on bringing a deleted user back, without what it had and somebody else has by now (C-11, X-3), as a deleted
    /// user reserves nothing. What the request itself says anew is refused as it is of everybody.
    pub(crate) fn decide_restoration(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        document: Resource,
    ) -> Result<Decision, EngineError> {
        let before = loaded.record();
        let document = self.without(document, &seen.taken, &before, resource_type);
        let draft = Draft {
            operation: Operation::Restore,
            ..Draft::update(resource_type, &loaded.id, &before, document, loaded.version)
        };
        let mut review = self.review(cx, seen, &draft, |review| policy::review(cx, review))?;
        for attribute in &seen.taken {
            let mut event = review.event(event::RESTORED_WITHOUT);
            event.data.insert("attribute", attribute.clone());
            event.data.insert("reason", "taken");
            review.publish_event(event);
        }
        Ok(prepare(&draft, review, seen.members()))
    }

    /// Returns the document without those unique values of the deleted user that somebody else has by now.
    fn without(
        &self,
        mut document: Resource,
        taken: &[SmolStr],
        before: &Record,
        resource_type: &ResourceType,
    ) -> Resource {
        let had = unique_keys(resource_type, &before.document, self.profile());
        let has = unique_keys(resource_type, &document, self.profile());
        let mut lost = has
            .iter()
            .filter(|key| taken.contains(&key.attribute) && had.contains(key))
            .filter_map(|key| AttrPath::parse(&key.attribute).ok())
            .peekable();
        if lost.peek().is_none() {
            return document;
        }
        for path in lost {
            let object = match path.schema() {
                None => document.core_mut(),
                Some(uri) => document.extension_mut(uri),
            };
            object.remove(path.name().as_str());
        }
        document.extensions_mut().retain(|(_, object)| !object.is_empty());
        validate::state_schemas(&mut document, resource_type);
        document
    }
}

/// Returns the condition that an attribute has a value.
pub(crate) fn equals(
    resource_type: &ResourceType,
    path: &str,
    value: &str,
) -> Result<Predicate, EngineError> {
    let path = AttrPath::parse(path).map_err(StoreError::internal)?;
    let filter = Filter::Compare(path, CompareOp::Eq, Literal::String(value.into()));
    Ok(filter.compile(resource_type, Dialect::strict())?)
}
