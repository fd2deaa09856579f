//! From a change that a request asks for to the commit that makes it.

use keyfob_core::{Resource, ResourceId, ResourceType, Version};
use keyfob_patch::RelationDelta;

use super::{Engine, EngineError, Record, error::Refusal, unique_keys};
use crate::{
    context::Context,
    policy,
    provisioning::Provisioning,
    rule::{FurtherChange, Operation, Review},
    store::{Change, CommitError, NewEvent, Store, StoreError, event},
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
    /// The version that the resource must have.
    pub(crate) version: Option<Version>,
}

/// One change of a commit, and whether the commit may do without it.
pub(crate) struct Step<'s> {
    pub(crate) change: Change<'s>,
    /// Whether the commit may do without it.
    pub(crate) optional: bool,
    /// What is published where it does.
    pub(crate) instead: Option<&'s NewEvent>,
}

impl<'s> Step<'s> {
    pub(crate) fn new(change: Change<'s>) -> Self {
        Self {
            change,
            optional: false,
            instead: None,
        }
    }

    /// A change without which the commit goes on where what it changes is not there.
    pub(crate) fn if_possible(change: Change<'s>) -> Self {
        Self {
            change,
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
            further: Vec::new(),
            events: Vec::new(),
        };
        policy::review(cx, &mut review)?;
        for rule in self.rules() {
            rule.review(cx, &mut review)?;
        }
        if let Some(document) = &review.document {
            let mut unique = unique_keys(draft.resource_type, document, self.profile());
            unique.append(&mut review.unique);
            review.unique = unique;
        }
        Ok(review)
    }

    /// Commits a draft that creates, changes or deletes a resource, with everything that its review adds. A draft that
    /// changes nothing is not committed.
    pub(crate) async fn commit_draft(
        &self,
        cx: &Context,
        provisioning: &Provisioning,
        draft: &Draft<'_>,
    ) -> Result<(), Refusal> {
        let review = self.review(cx, provisioning, draft).map_err(Refusal::Error)?;
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
                    return Ok(());
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
                if document.is_none() && draft.relations.iter().all(RelationDelta::is_empty) {
                    return Ok(());
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
        self.commit_steps(cx, vec![Step::new(change)], 0, &event, &review)
            .await
    }

    /// Commits changes together with what a review adds and the events that tell of the change at `main`.
    pub(crate) async fn commit_steps(
        &self,
        cx: &Context,
        mut steps: Vec<Step<'_>>,
        main: usize,
        event: &NewEvent,
        review: &Review<'_>,
    ) -> Result<(), Refusal> {
        steps.extend(review.further.iter().map(|further| Step {
            change: change_of(&further.change, review),
            optional: further.optional,
            instead: further.instead.as_ref(),
        }));
        let mut events: Vec<&NewEvent> = [event].into_iter().chain(&review.events).collect();
        loop {
            let publish = events.iter().map(|event| Change::Publish {
                event,
                of: Some(main),
            });
            let changes: Vec<Change<'_>> = steps.iter().map(|step| step.change).chain(publish).collect();
            let Err(error) = self.store().commit(cx, &changes).await else {
                return Ok(());
            };
            let failed = place_of(&error);
            let place = failed.filter(|place| steps.get(*place).is_some_and(|step| step.optional));
            if let Some(place) = place {
                events.extend(steps.remove(place).instead);
                continue;
            }
            let (resource_type, id) = failed
                .and_then(|place| subject_of(&steps.get(place)?.change))
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

fn change_of<'f>(further: &'f FurtherChange, review: &Review<'_>) -> Change<'f> {
    let at = review.at;
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
        FurtherChange::Delete { resource_type, id } => Change::Delete {
            resource_type,
            id,
            precondition: None,
            at,
        },
    }
}
