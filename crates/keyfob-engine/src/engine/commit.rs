//! From a change that a request asks for to the commit that makes it.

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType, Version};
use keyfob_patch::RelationDelta;
use keyfob_store::{Change, CommitError, NewEvent, Store, StoreError};

use super::{Engine, EngineError, Record, check_user_names, error::Refusal, unique_keys};
use crate::{
    context::Context,
    event, policy,
    provisioning::Provisioning,
    rule::{FurtherChange, Operation, Rejection, Review},
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
    pub(crate) relations: &'d [RelationDelta],
    /// Deleted users who join as soon as they are brought back.
    pub(crate) joining_later: &'d [RelationDelta],
    /// The version that the resource must have.
    pub(crate) version: Option<Version>,
}

impl<'d> Draft<'d> {
    /// A resource goes.
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
            relations: &[],
            joining_later: &[],
            version,
        }
    }
}

/// One change of a commit, and whether the commit may do without it.
pub(crate) struct Step<'s> {
    pub(crate) change: Change<'s>,
    /// What tells of it, where it is not what the commit is about.
    pub(crate) event: Option<&'s NewEvent>,
    /// Whether the commit may do without it.
    pub(crate) optional: bool,
    /// What is published where it does.
    pub(crate) instead: Option<&'s NewEvent>,
}

impl<'s> Step<'s> {
    pub(crate) fn new(change: Change<'s>) -> Self {
        Self {
            change,
            event: None,
            optional: false,
            instead: None,
        }
    }

    /// A change without which the commit goes on where what it changes is not there.
    pub(crate) fn if_possible(change: Change<'s>) -> Self {
        Self {
            change,
            event: None,
            optional: true,
            instead: None,
        }
    }
}

impl<S: Store> Engine<S> {
    /// How the organization is provisioned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn provisioning(&self, cx: &Context) -> Result<Provisioning, StoreError> {
        Provisioning::load(self.store(), cx).await
    }

    /// Lets the profile, the organization and the rules look at a draft.
    pub(crate) fn review<'d>(
        &'d self,
        cx: &Context,
        provisioning: &'d Provisioning,
        draft: &'d Draft<'d>,
    ) -> Result<Review<'d>, EngineError> {
        self.reviewed(cx, provisioning, draft, |review| policy::review(cx, review))
    }

    /// Lets `first` look at a draft, and then the rules.
    pub(super) fn reviewed<'d>(
        &'d self,
        cx: &Context,
        provisioning: &'d Provisioning,
        draft: &'d Draft<'d>,
        first: impl FnOnce(&mut Review<'d>) -> Result<(), Rejection>,
    ) -> Result<Review<'d>, EngineError> {
        let mut review = Review {
            operation: draft.operation,
            resource_type: draft.resource_type,
            id: draft.id,
            at: self.now(),
            profile: self.profile(),
            provisioning,
            before: draft.before,
            document: draft.document.clone(),
            state: draft
                .before
                .map(|before| before.state.clone())
                .unwrap_or_default(),
            relations: draft.relations,
            unique: Vec::new(),
            taken: Vec::new(),
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

    /// Commits a draft that creates, changes or deletes a resource, with everything that its review adds. A draft that
    /// changes nothing is not committed.
    ///
    /// Returns the version that the commit left the resource with: `None` where the resource is gone, and where a
    /// draft that names no version changed nothing.
    pub(crate) async fn commit_draft(
        &self,
        cx: &Context,
        provisioning: &Provisioning,
        draft: &Draft<'_>,
    ) -> Result<Option<Version>, Refusal> {
        let review = self.review(cx, provisioning, draft).map_err(Refusal::Error)?;
        self.commit_review(cx, draft, &review, None).await
    }

    /// Commits what a draft came to in its review, `also` with a further step.
    pub(super) async fn commit_review(
        &self,
        cx: &Context,
        draft: &Draft<'_>,
        review: &Review<'_>,
        also: Option<Step<'_>>,
    ) -> Result<Option<Version>, Refusal> {
        let (resource_type, id, at) = (draft.resource_type, draft.id, review.at);
        let same = |before: &Record| {
            review.state == before.state
                && review
                    .document
                    .as_ref()
                    .is_none_or(|document| *document == before.document)
        };
        let unchanged = draft.before.is_some_and(same);
        let document = review.document.clone().map(|mut document| {
            review.state.put_into(&mut document);
            document
        });
        let (name, change) = match draft.operation {
            Operation::Delete => (
                event::DELETED,
                Change::Delete {
                    resource_type,
                    id,
                    precondition: draft.version,
                    at,
                },
            ),
            Operation::Create | Operation::Restore => {
                let Some(document) = &document else {
                    return Ok(None);
                };
                let change = Change::Create {
                    resource_type,
                    id,
                    document,
                    relations: draft.relations,
                    unique: &review.unique,
                    version: Version::FIRST,
                    created: at,
                    at,
                };
                (event::CREATED, change)
            }
            Operation::Update => {
                let document = document.as_ref().filter(|_| !unchanged);
                let mut joining = draft.relations.iter().chain(draft.joining_later);
                if document.is_none() && joining.all(RelationDelta::is_empty) {
                    return Ok(draft.version);
                }
                let change = Change::Update {
                    resource_type,
                    id,
                    document,
                    relations: draft.relations,
                    unique: if document.is_some() { &review.unique } else { &[] },
                    precondition: draft.version,
                    at,
                };
                (event::CHANGED, change)
            }
        };
        let event = NewEvent::new(name, resource_type.name().clone(), id.clone(), at);
        let deleted = self.deleted_members_changed_by(cx, draft, at).await?;
        let deleted = deleted.iter().map(|member| Step {
            event: Some(&member.event),
            ..Step::new(Change::Update {
                resource_type: system::deleted_user(),
                id: &member.event.resource,
                document: Some(&member.document),
                relations: &[],
                unique: &[],
                precondition: Some(member.version),
                at,
            })
        });
        let steps = [Step::new(change)]
            .into_iter()
            .chain(also)
            .chain(deleted)
            .collect();
        self.commit_steps(cx, steps, 0, &event, review).await
    }

    /// Commits changes together with what a review adds and the events that tell of the change at `main`, and of each
    /// change that the review adds.
    ///
    /// Returns the version that this very commit left the resource of the change at `main` with. A version that is read
    /// later may be the work of another request, whose change the client of this one doesn't know.
    pub(crate) async fn commit_steps(
        &self,
        cx: &Context,
        mut steps: Vec<Step<'_>>,
        main: usize,
        event: &NewEvent,
        review: &Review<'_>,
    ) -> Result<Option<Version>, Refusal> {
        let told: Vec<NewEvent> = review
            .further
            .iter()
            .map(|further| event_of(&further.change, review.at))
            .collect();
        steps.extend(review.further.iter().zip(&told).map(|(further, event)| Step {
            change: change_of(&further.change, review.at),
            event: Some(event),
            optional: further.optional,
            instead: further.instead.as_ref(),
        }));
        let mut events: Vec<&NewEvent> = [event].into_iter().chain(&review.events).collect();
        loop {
            let publish = |event, of| Change::Publish { event, of: Some(of) };
            let of_main = events.iter().map(|event| publish(event, main));
            let of_others = steps.iter().enumerate();
            let of_others = of_others.filter_map(|(place, step)| Some(publish(step.event?, place)));
            let changes = steps.iter().map(|step| step.change);
            let changes: Vec<Change<'_>> = changes.chain(of_main).chain(of_others).collect();
            let error = match self.store().commit(cx.tenant(), &changes).await {
                Ok(committed) => return Ok(committed.version(main)),
                Err(error) => error,
            };
            let failed = place_of(&error);
            let place = failed.filter(|place| steps.get(*place).is_some_and(|step| step.optional));
            if let Some(place) = place {
                events.extend(steps.remove(place).instead);
                continue;
            }
            let failed = failed.and_then(|place| Some(&steps.get(place)?.change));
            // It was there when it was read, and is gone by now.
            if matches!(error, CommitError::NotFound { .. }) && failed.is_some_and(has_precondition) {
                return Err(Refusal::Changed);
            }
            let (resource_type, id) = failed
                .and_then(subject_of)
                .unwrap_or((review.resource_type, review.id));
            return Err(Refusal::of(error, resource_type.name(), id));
        }
    }
}

/// Which change could not be made because of what it is about, not because the store failed.
fn place_of(error: &CommitError) -> Option<usize> {
    match error {
        CommitError::NotFound { change }
        | CommitError::IdTaken { change }
        | CommitError::VersionMismatch { change, .. }
        | CommitError::UniquenessViolated { change, .. }
        | CommitError::UnknownMembers { change, .. } => Some(*change),
        CommitError::Store(_) => None,
    }
}

fn has_precondition(change: &Change<'_>) -> bool {
    matches!(
        change,
        Change::Update {
            precondition: Some(_),
            ..
        } | Change::Delete {
            precondition: Some(_),
            ..
        }
    )
}

fn subject_of<'c>(change: &Change<'c>) -> Option<(&'c ResourceType, &'c ResourceId)> {
    match *change {
        Change::Create {
            resource_type, id, ..
        }
        | Change::Update {
            resource_type, id, ..
        }
        | Change::Delete {
            resource_type, id, ..
        } => Some((resource_type, id)),
        Change::Publish { .. } => None,
    }
}

pub(crate) fn change_of(further: &FurtherChange, at: DateTime) -> Change<'_> {
    match further {
        FurtherChange::Create {
            resource_type,
            id,
            document,
            unique,
        } => Change::Create {
            resource_type,
            id,
            document,
            relations: &[],
            unique,
            version: Version::FIRST,
            created: at,
            at,
        },
        FurtherChange::Replace {
            resource_type,
            id,
            document,
            unique,
        } => Change::Update {
            resource_type,
            id,
            document: Some(document),
            relations: &[],
            unique,
            precondition: None,
            at,
        },
        FurtherChange::Relate {
            resource_type,
            id,
            relations,
        } => Change::Update {
            resource_type,
            id,
            document: None,
            relations,
            unique: &[],
            precondition: None,
            at,
        },
        FurtherChange::Delete { resource_type, id } => Change::Delete {
            resource_type,
            id,
            precondition: None,
            at,
        },
    }
}

pub(crate) fn event_of(further: &FurtherChange, at: DateTime) -> NewEvent {
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
    NewEvent::new(name, resource_type.name().clone(), id.clone(), at)
}
