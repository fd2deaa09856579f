//! From what a request makes of a resource to the changes that a commit carries.

use std::sync::Arc;

use keyfob_core::{Resource, ResourceId, ResourceType, Version};
use keyfob_patch::RelationDelta;
use keyfob_store::{
    Cause, Change, MemberPolicy, NewEvent, OnRefusal, Store, StoreError, UniqueKey, Visibility, When,
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Engine, EngineError, Record, check_user_names,
    transact::{Decision, Prepared, Seen},
    unique_keys,
};
use crate::{
    context::Context,
    event, policy,
    provisioning::Provisioning,
    rule::{Further, FurtherChange, Operation, Rejection, Review},
    system,
};

/// What a request makes of a resource, before anybody has reviewed it.
pub(crate) struct Draft<'d> {
    pub(crate) operation: Operation,
    pub(crate) resource_type: &'d ResourceType,
    pub(crate) id: &'d ResourceId,
    pub(crate) before: Option<&'d Record>,
    /// The document, where it may change.
    pub(crate) document: Option<Resource>,
    pub(crate) relations: Arc<[RelationDelta]>,
    /// The version that the resource must have.
    pub(crate) version: Option<Version>,
}

/// What a deletion does to a resource.
pub(crate) enum DeleteAction {
    /// It removes it.
    Erase,
    /// It hides it, with this document and state.
    Hide(Record),
    /// It removes it for good and leaves its id, so that nobody gets it again.
    Purge,
}

/// The causes for which a commit goes on without a change that a rule only attempts.
const UNLESS: &[Cause] = &[Cause::Missing, Cause::IdTaken, Cause::ValueTaken];

impl<'d> Draft<'d> {
    /// Creates the draft of a deletion.
    pub(crate) fn deletion(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: &'d Record,
        version: Option<Version>,
    ) -> Self {
        Self {
            operation: Operation::Delete,
            resource_type,
            id,
            before: Some(before),
            document: None,
            relations: Arc::default(),
            version,
        }
    }

    /// Creates the draft of a change of a resource that was read.
    pub(crate) fn update(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: &'d Record,
        document: Resource,
        version: Version,
    ) -> Self {
        Self {
            operation: Operation::Update,
            resource_type,
            id,
            before: Some(before),
            document: Some(document),
            relations: Arc::default(),
            version: Some(version),
        }
    }
}

impl<S: Store> Engine<S> {
    /// Reads how the organization is provisioned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn provisioning(&self, cx: &Context) -> Result<Provisioning, StoreError> {
        Provisioning::load(self.store(), cx).await
    }

    /// Returns how the organization is provisioned: as authentication read it, or else read now.
    pub(crate) async fn provisioning_of(&self, cx: &Context) -> Result<Arc<Provisioning>, StoreError> {
        match cx.provisioning() {
            Some(provisioning) => Ok(Arc::clone(provisioning)),
            None => Ok(Arc::new(self.provisioning(cx).await?)),
        }
    }

    /// Lets the profile, the organization and the rules review a draft, and prepares the commit.
    pub(crate) fn decide(
        &self,
        cx: &Context,
        seen: &Seen,
        draft: &Draft<'_>,
    ) -> Result<Decision, EngineError> {
        let review = self.review(cx, seen, draft, |review| policy::review(cx, review))?;
        Ok(prepare(draft, review, seen.members()))
    }

    /// Lets the profile, the organization and the rules review a deletion, and prepares the commit.
    pub(crate) fn decide_deletion(
        &self,
        cx: &Context,
        seen: &Seen,
        draft: &Draft<'_>,
        action: DeleteAction,
    ) -> Result<Decision, EngineError> {
        let mut review = match action {
            // Its caller knows whether the state of the user allows it, as the policies look at users that are not deleted.
            DeleteAction::Purge => self.review(cx, seen, draft, |_| Ok(()))?,
            _ => self.review(cx, seen, draft, |review| policy::review(cx, review))?,
        };
        let was_active = |record: &Record| crate::state::is_active(&record.document);
        if matches!(action, DeleteAction::Hide(_)) && draft.before.is_some_and(was_active) {
            review.publish(event::DEACTIVATED);
        }
        Ok(prepare_deletion(draft, review, action))
    }

    /// Lets `first` review a draft, and then the rules.
    pub(super) fn review<'d>(
        &'d self,
        cx: &Context,
        seen: &'d Seen,
        draft: &'d Draft<'d>,
        first: impl FnOnce(&mut Review<'d>) -> Result<(), Rejection>,
    ) -> Result<Review<'d>, EngineError> {
        let mut state = draft
            .before
            .map(|before| before.state.clone())
            .unwrap_or_default();
        if draft.operation == Operation::Restore {
            state.set_deleted(None);
        }
        let mut review = Review {
            operation: draft.operation,
            resource_type: draft.resource_type,
            id: draft.id,
            at: self.now(),
            profile: self.profile(),
            provisioning: &seen.provisioning,
            before: draft.before,
            document: draft.document.clone(),
            state,
            relations: &draft.relations,
            unique: Vec::new(),
            taken: seen.taken.clone(),
            further: Vec::new(),
            events: Vec::new(),
        };
        first(&mut review)?;
        for rule in self.rules() {
            rule.review(cx, &mut review)?;
        }
        if let Some(document) = &review.document {
            let before = draft.before.map(|before| &before.document);
            check_user_names(draft.resource_type, before, document, self.profile().dialect)?;
            let mut unique = unique_keys(draft.resource_type, document, self.profile());
            unique.append(&mut review.unique);
            review.unique = unique;
        }
        Ok(review)
    }
}

/// Prepares the commit of what a draft came to in its review.
pub(super) fn prepare(draft: &Draft<'_>, review: Review<'_>, members: MemberPolicy) -> Decision {
    let (resource_type, id) = (draft.resource_type.clone(), draft.id.clone());
    let relations = Arc::clone(&draft.relations);
    let attributes = changed_attributes(draft.before, review.document.as_ref(), &relations);
    let mut event = NewEvent::new(
        match draft.operation {
            Operation::Create => event::CREATED,
            Operation::Restore => event::RESTORED,
            Operation::Update | Operation::Delete => event::CHANGED,
        },
        resource_type.name().clone(),
        id.clone(),
    );
    event.attributes = attributes;
    let on_refusal = OnRefusal::Fail;
    let main = match (draft.operation, review.document) {
        (Operation::Create, None) => return Decision::Nothing,
        (Operation::Create, Some(document)) => Change::Create {
            resource_type,
            id,
            document: document.into(),
            state: review.state.into_object(),
            relations,
            members,
            unique: review.unique,
            on_refusal,
        },
        (operation, document) => {
            let is_restored = operation == Operation::Restore;
            let is_new = |document: &Resource| {
                is_restored || draft.before.is_none_or(|before| before.document != *document)
            };
            let unique = document.is_some().then_some(review.unique);
            let document = document.filter(is_new);
            let state = match draft.before {
                Some(before) => before.state != review.state,
                None => review.state != crate::state::State::new(),
            };
            let is_same = document.is_none() && !state && !is_restored;
            if is_same && relations.iter().all(RelationDelta::is_empty) {
                return Decision::Nothing;
            }
            Change::Update {
                resource_type,
                id,
                document: document.map(Arc::new),
                state: state.then(|| review.state.into_object()),
                visibility: is_restored.then_some(Visibility::Live),
                relations,
                members,
                unique: unique.filter(|_| !is_same),
                precondition: draft.version,
                on_refusal,
            }
        }
    };
    let prepared = Prepared {
        gives_way: draft.operation == Operation::Restore,
        ..prepared(vec![main], event, review.events, review.further)
    };
    Decision::Commit(Box::new(prepared))
}

/// Prepares the commit of a deletion.
fn prepare_deletion(draft: &Draft<'_>, review: Review<'_>, action: DeleteAction) -> Decision {
    let (resource_type, id) = (draft.resource_type, draft.id.clone());
    let name = match action {
        DeleteAction::Hide(_) => event::SOFT_DELETED,
        DeleteAction::Erase | DeleteAction::Purge => event::DELETED,
    };
    let event = NewEvent::new(name, resource_type.name().clone(), id.clone());
    let is_purge = matches!(action, DeleteAction::Purge);
    let changes = match action {
        DeleteAction::Hide(record) => vec![Change::Update {
            resource_type: resource_type.clone(),
            id: id.clone(),
            document: Some(record.document.into()),
            state: Some(record.state.into_object()),
            visibility: Some(Visibility::Hidden),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Some(Vec::new()),
            precondition: draft.version,
            on_refusal: OnRefusal::Fail,
        }],
        DeleteAction::Erase => vec![Change::delete(resource_type, id.clone(), draft.version)],
        DeleteAction::Purge => {
            let tombstone = Resource::new([system::tombstone().schema().id.clone()]);
            vec![
                Change::delete(resource_type, id.clone(), draft.version),
                Change::create(system::tombstone(), id.clone(), tombstone),
            ]
        }
    };
    let mut prepared = prepared(changes, event, review.events, review.further);
    if is_purge {
        // Last, so that the event of the purge itself is forgotten too.
        prepared.changes.push(Change::Forget {
            resource_type: resource_type.clone(),
            id,
        });
    }
    Decision::Commit(Box::new(prepared))
}

/// Puts together the changes of a commit: those that the operation is about, of which the first is the main one, those that
/// rules add, and the events.
fn prepared(changes: Vec<Change>, event: NewEvent, events: Vec<NewEvent>, further: Vec<Further>) -> Prepared {
    let mut changes = changes;
    let main = 0;
    let mut published = Vec::new();
    for event in std::iter::once(event).chain(events) {
        published.push(Change::publish(event, main));
    }
    for Further {
        change,
        optional,
        instead,
    } in further
    {
        let number = changes.len();
        published.push(Change::publish(event_of(&change), number));
        if let Some(instead) = instead {
            published.push(Change::Publish {
                event: instead.into(),
                when: When::Skipped(number),
            });
        }
        let on_refusal = if optional {
            OnRefusal::Skip(UNLESS)
        } else {
            OnRefusal::Fail
        };
        changes.push(change_of(change, on_refusal));
    }
    changes.append(&mut published);
    Prepared {
        changes,
        main,
        gives_way: false,
    }
}

/// Returns the paths of the attributes that a change gives other values.
fn changed_attributes(
    before: Option<&Record>,
    document: Option<&Resource>,
    relations: &[RelationDelta],
) -> Vec<SmolStr> {
    let mut changed: Vec<SmolStr> = Vec::new();
    if let (Some(before), Some(after)) = (before, document) {
        let before = &before.document;
        let names = |left: &keyfob_core::Object, right: &keyfob_core::Object| {
            let differ = left
                .iter()
                .filter(|(name, value)| right.get(name.as_str()) != Some(*value));
            differ
                .map(|(name, _)| SmolStr::from(name.as_str()))
                .collect::<Vec<_>>()
        };
        changed.extend(names(after.core(), before.core()));
        changed.extend(names(before.core(), after.core()));
        let uris = before.extensions().iter().chain(after.extensions());
        let empty = keyfob_core::Object::new();
        for (uri, _) in uris {
            let left = before.extension(uri).unwrap_or(&empty);
            let right = after.extension(uri).unwrap_or(&empty);
            let of_extension = names(left, right).into_iter().chain(names(right, left));
            changed.extend(of_extension.map(|name| format_smolstr!("{uri}:{name}")));
        }
    }
    if before.is_some() || document.is_none() {
        let deltas = relations.iter().filter(|delta| !delta.is_empty());
        changed.extend(deltas.map(|delta| SmolStr::from(delta.attribute.as_str())));
    }
    changed.sort_unstable();
    changed.dedup();
    changed
}

pub(crate) fn change_of(further: FurtherChange, on_refusal: OnRefusal) -> Change {
    let update = |resource_type, id, document: Option<Resource>, relations: Vec<RelationDelta>, unique| {
        Change::Update {
            resource_type,
            id,
            document: document.map(Arc::new),
            state: None,
            visibility: None,
            relations: relations.into(),
            members: MemberPolicy::default(),
            unique,
            precondition: None,
            on_refusal,
        }
    };
    match further {
        FurtherChange::Create {
            resource_type,
            id,
            document,
            unique,
        } => Change::Create {
            resource_type,
            id,
            document: document.into(),
            state: Arc::default(),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique,
            on_refusal,
        },
        FurtherChange::Replace {
            resource_type,
            id,
            document,
            unique,
        } => update(resource_type, id, Some(document), Vec::new(), Some(unique)),
        FurtherChange::Relate {
            resource_type,
            id,
            relations,
        } => update(resource_type, id, None, relations, None::<Vec<UniqueKey>>),
        FurtherChange::Delete { resource_type, id } => Change::Delete {
            resource_type,
            id,
            precondition: None,
            on_refusal,
        },
    }
}

pub(crate) fn event_of(further: &FurtherChange) -> NewEvent {
    let (name, resource_type, id) = match further {
        FurtherChange::Create {
            resource_type, id, ..
        } => (event::CREATED, resource_type, id),
        FurtherChange::Replace {
            resource_type, id, ..
        }
        | FurtherChange::Relate {
            resource_type, id, ..
        } => (event::CHANGED, resource_type, id),
        FurtherChange::Delete { resource_type, id } => (event::DELETED, resource_type, id),
    };
    NewEvent::new(name, resource_type.name().clone(), id.clone())
}
