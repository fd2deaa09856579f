//! From a request's wish for a resource to the changes that a commit carries.

use std::sync::Arc;

use keyfob_core::{AttrPath, Resource, ResourceId, ResourceType, Version, validate};
use keyfob_patch::RelationDelta;
use keyfob_store::{Cause, Change, MemberPolicy, NewEvent, OnRefusal, Store, UniqueKey, Visibility, When};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Engine, EngineError, Loaded, Record,
    key::{check_user_names, unique_keys},
    transact::{Decision, Prepared, Seen},
};
use crate::{
    context::Context,
    event, policy,
    rule::{Further, FurtherChange, Operation, Rejection, Review},
    state::State,
};

/// A request's wish for a resource, before anybody has reviewed it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Draft<'d> {
    /// The operation.
    pub operation: Operation,
    /// The type of the resource.
    pub resource_type: &'d ResourceType,
    /// The id of the resource.
    pub id: &'d ResourceId,
    /// The resource as it is stored.
    pub before: Option<&'d Record>,
    /// The document, where it may change.
    pub document: Option<Resource>,
    /// The members who come and go.
    pub relations: Arc<[RelationDelta]>,
    /// The version that the resource must have.
    pub version: Option<Version>,
    /// The document and the state of a resource that is hidden from then on.
    hidden: Option<Record>,
}

/// The form of a deletion.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DeleteAction {
    /// The resource is removed.
    Erase,
    /// The resource is hidden, with this document and state, and can be brought back.
    Hide(Record),
}

/// The causes for which a commit goes on without a change that a rule only attempts.
const UNLESS: &[Cause] = &[Cause::Missing, Cause::IdTaken, Cause::ValueTaken];

impl<'d> Draft<'d> {
    /// Creates the draft of a new resource.
    #[must_use]
    pub fn creation(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        document: Resource,
        relations: Arc<[RelationDelta]>,
    ) -> Self {
        Self {
            operation: Operation::Create,
            resource_type,
            id,
            before: None,
            document: Some(document),
            relations,
            version: None,
            hidden: None,
        }
    }

    /// Creates the draft of a change of a resource that was read.
    #[must_use]
    pub fn update(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: &'d Record,
        document: Resource,
        version: Version,
    ) -> Self {
        Self {
            operation: Operation::Update,
            before: Some(before),
            version: Some(version),
            ..Self::creation(resource_type, id, document, Arc::default())
        }
    }

    /// Creates the draft of a change of members alone. `before` is the resource that owns them, where it was read, and
    /// `document` its document, where the change may concern it.
    #[must_use]
    pub fn relation(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: Option<&'d Record>,
        document: Option<Resource>,
        relations: Arc<[RelationDelta]>,
        version: Option<Version>,
    ) -> Self {
        Self {
            operation: Operation::Update,
            resource_type,
            id,
            before,
            document,
            relations,
            version,
            hidden: None,
        }
    }

    /// Creates the draft that brings a hidden resource back.
    #[must_use]
    pub fn revelation(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: &'d Record,
        document: Resource,
        version: Version,
    ) -> Self {
        Self {
            operation: Operation::Reveal,
            ..Self::update(resource_type, id, before, document, version)
        }
    }

    /// Creates the draft of a deletion.
    #[must_use]
    pub fn deletion(
        resource_type: &'d ResourceType,
        id: &'d ResourceId,
        before: &'d Record,
        version: Version,
        action: DeleteAction,
    ) -> Self {
        let (operation, hidden) = match action {
            DeleteAction::Erase => (Operation::Delete, None),
            DeleteAction::Hide(record) => (Operation::Hide, Some(record)),
        };
        Self {
            operation,
            hidden,
            ..Self::relation(
                resource_type,
                id,
                Some(before),
                None,
                Arc::default(),
                Some(version),
            )
        }
    }
}

impl<S: Store> Engine<S> {
    /// Lets the lifecycle, the profile and the rules review a draft, and prepares the commit.
    ///
    /// # Errors
    /// [`EngineError::Rejected`] where one of them refuses it, [`EngineError::UserName`].
    pub fn decide(&self, cx: &Context, seen: &Seen, draft: &Draft<'_>) -> Result<Decision, EngineError> {
        self.decide_with(cx, seen, draft, |review| self.first_review(cx, review))
    }

    /// Lets `first` review a draft in place of the lifecycle and the profile, and then the rules, and prepares the commit: for
    /// changes that are no client's.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn decide_with(
        &self,
        cx: &Context,
        seen: &Seen,
        draft: &Draft<'_>,
        first: impl FnOnce(&mut Review<'_>) -> Result<(), Rejection>,
    ) -> Result<Decision, EngineError> {
        let review = self.review(cx, seen, draft, first)?;
        Ok(prepare(draft, review, seen.members()))
    }

    /// Lets the lifecycle and the profile review a change.
    fn first_review(&self, cx: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
        self.lifecycle().review(cx, review)?;
        policy::review(cx, review)
    }

    /// Lets `first` review a draft, and then the rules.
    fn review<'d>(
        &'d self,
        cx: &Context,
        seen: &'d Seen,
        draft: &'d Draft<'d>,
        first: impl FnOnce(&mut Review<'_>) -> Result<(), Rejection>,
    ) -> Result<Review<'d>, EngineError> {
        let mut review = Review {
            operation: draft.operation,
            resource_type: draft.resource_type,
            id: draft.id,
            at: self.now(),
            profile: self.profile(),
            facts: &seen.facts,
            before: draft.before,
            document: draft.document.clone(),
            state: draft
                .before
                .map(|before| before.state.clone())
                .unwrap_or_default(),
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
            if draft.before.is_none_or(|before| before.document != *document) {
                self.limits_of(cx).check(document, &unique)?;
            }
            review.unique = unique;
        }
        Ok(review)
    }

    /// Decides on bringing a hidden resource back, without the unique values that it had and that somebody else has by now,
    /// as a hidden resource reserves nothing. A value that the request itself says anew is refused as it is of everybody.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn decide_revelation(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        document: Resource,
    ) -> Result<Decision, EngineError> {
        let before = loaded.record();
        let document = self.without(document, &seen.taken, &before, resource_type);
        let draft = Draft::revelation(resource_type, &loaded.id, &before, document, loaded.version);
        let mut review = self.review(cx, seen, &draft, |review| self.first_review(cx, review))?;
        for attribute in &seen.taken {
            let mut event = review.event(event::RESTORED_WITHOUT);
            event.data.insert("attribute", attribute.clone());
            event.data.insert("reason", "taken");
            review.publish_event(event);
        }
        Ok(prepare(&draft, review, seen.members()))
    }

    /// Returns the document without those unique values of the hidden resource that somebody else has by now.
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
            document
                .attributes_mut(path.schema())
                .remove(path.name().as_str());
        }
        validate::state_schemas(&mut document, resource_type);
        document
    }
}

/// Prepares the commit of a draft that was reviewed.
fn prepare(draft: &Draft<'_>, review: Review<'_>, members: MemberPolicy) -> Decision {
    match draft.operation {
        Operation::Hide | Operation::Delete => prepare_deletion(draft, review),
        Operation::Create | Operation::Update | Operation::Reveal => prepare_change(draft, review, members),
    }
}

fn prepare_change(draft: &Draft<'_>, review: Review<'_>, members: MemberPolicy) -> Decision {
    let (resource_type, id) = (draft.resource_type.clone(), draft.id.clone());
    let relations = Arc::clone(&draft.relations);
    let before = draft.before.map(|before| &before.document);
    let attributes = match draft.operation {
        // To a client a resource that comes back is a new one.
        Operation::Reveal => changed_attributes(None, review.document.as_ref().or(before), &relations),
        _ => changed_attributes(before, review.document.as_ref(), &relations),
    };
    let mut event = NewEvent::new(
        match draft.operation {
            Operation::Create => event::CREATED,
            Operation::Reveal => event::RESTORED,
            _ => event::CHANGED,
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
            let is_revealed = operation == Operation::Reveal;
            let is_new = |document: &Resource| {
                is_revealed || draft.before.is_none_or(|before| before.document != *document)
            };
            let unique = document.is_some().then_some(review.unique);
            let document = document.filter(is_new);
            let state = match draft.before {
                Some(before) => before.state != review.state,
                None => review.state != State::new(),
            };
            let is_same = document.is_none() && !state && !is_revealed;
            if is_same && relations.iter().all(RelationDelta::is_empty) {
                return Decision::Nothing;
            }
            Change::Update {
                resource_type,
                id,
                document: document.map(Arc::new),
                state: state.then(|| review.state.into_object()),
                visibility: is_revealed.then_some(Visibility::Live),
                relations,
                members,
                unique: unique.filter(|_| !is_same),
                precondition: draft.version,
                on_refusal,
            }
        }
    };
    let prepared = Prepared {
        gives_way: draft.operation == Operation::Reveal,
        ..prepared(main, event, review.events, review.further)
    };
    prepared.into()
}

/// Prepares the commit of a deletion.
fn prepare_deletion(draft: &Draft<'_>, review: Review<'_>) -> Decision {
    let (resource_type, id) = (draft.resource_type, draft.id.clone());
    let (name, main) = match &draft.hidden {
        None => (
            event::DELETED,
            Change::delete(resource_type, id.clone(), draft.version),
        ),
        Some(record) => {
            let update = Change::Update {
                resource_type: resource_type.clone(),
                id: id.clone(),
                document: Some(record.document.clone().into()),
                state: Some(record.state.clone().into_object()),
                visibility: Some(Visibility::Hidden),
                relations: Arc::default(),
                members: MemberPolicy::default(),
                unique: Some(Vec::new()),
                precondition: draft.version,
                on_refusal: OnRefusal::Fail,
            };
            (event::SOFT_DELETED, update)
        }
    };
    let event = NewEvent::new(name, resource_type.name().clone(), id);
    prepared(main, event, review.events, review.further).into()
}

/// Puts together the changes of a commit: the one that the operation is about, those that rules add, and the events.
fn prepared(main: Change, event: NewEvent, events: Vec<NewEvent>, further: Vec<Further>) -> Prepared {
    let mut published = Vec::new();
    for event in std::iter::once(event).chain(events) {
        published.push(Change::publish(event, 0));
    }
    let mut changes = vec![main];
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
    Prepared::new(changes)
}
/// Returns the paths of the attributes that differ between two documents, and of the relations that change.
fn changed_attributes(
    before: Option<&Resource>,
    after: Option<&Resource>,
    relations: &[RelationDelta],
) -> Vec<SmolStr> {
    let nothing = Resource::default();
    let mut changed: Vec<SmolStr> = Vec::new();
    if let Some(after) = after {
        let before = before.unwrap_or(&nothing);
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
    let deltas = relations.iter().filter(|delta| !delta.is_empty());
    changed.extend(deltas.map(|delta| SmolStr::from(delta.attribute.as_str())));
    changed.sort_unstable();
    changed.dedup();
    changed
}

/// Returns the change of a store that makes a further change.
#[must_use]
pub fn change_of(further: FurtherChange, on_refusal: OnRefusal) -> Change {
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

/// Returns the event that tells of a further change.
///
/// Of a document that replaces another one it names every attribute.
#[must_use]
pub fn event_of(further: &FurtherChange) -> NewEvent {
    let none: &[RelationDelta] = &[];
    let (name, resource_type, id, document, relations) = match further {
        FurtherChange::Create {
            resource_type,
            id,
            document,
            ..
        } => (event::CREATED, resource_type, id, Some(document), none),
        FurtherChange::Replace {
            resource_type,
            id,
            document,
            ..
        } => (event::CHANGED, resource_type, id, Some(document), none),
        FurtherChange::Relate {
            resource_type,
            id,
            relations,
        } => (event::CHANGED, resource_type, id, None, &relations[..]),
        FurtherChange::Delete { resource_type, id } => (event::DELETED, resource_type, id, None, none),
    };
    let mut event = NewEvent::new(name, resource_type.name().clone(), id.clone());
    event.attributes = changed_attributes(None, document, relations);
    event
}
