//! Bringing deleted users back.

use keyfob_core::{AttrPath, Member, Resource, ResourceId, ResourceType, Version, validate};
use keyfob_patch::RelationDelta;
use keyfob_store::{Change, NewEvent, Store};
use smol_str::SmolStr;

use super::DeletedUser;
use crate::{
    context::Context,
    engine::{
        Engine, EngineError,
        commit::{Draft, Step},
        error::Refusal,
        unique_keys,
        write::Refused,
    },
    event, policy,
    rule::Operation,
    state::{ACTIVE, is_active},
    system,
};

/// The attribute without whose value no user comes back.
const USER_NAME: &str = "userName";

impl<S: Store> Engine<S> {
    /// Brings a deleted user back: with the document of a user that is created under its name, or as it was.
    pub(crate) async fn restore(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        created: Option<Resource>,
    ) -> Result<Option<Version>, EngineError> {
        for _ in 0..Self::MAX_ATTEMPTS {
            let deleted = self.deleted_user(cx, resource_type, id).await?;
            let deleted = deleted.ok_or_else(|| EngineError::not_found(resource_type, id))?;
            let document = match &created {
                None => deleted.record.document.clone(),
                Some(document) => {
                    let mut document = document.clone();
                    // Whoever creates a user means one that is active, unless it says otherwise.
                    let active = is_active(&document);
                    document.core_mut().insert(ACTIVE, active);
                    document
                }
            };
            match self.bring_back(cx, resource_type, id, &deleted, document).await {
                Ok(version) => return Ok(version),
                // Whoever creates a user needs no more than to know that there is one of the name.
                Err(Refusal::Error(EngineError::NameTaken { .. })) if created.is_some() => {
                    return Err(EngineError::Uniqueness {
                        resource_type: resource_type.name().clone(),
                        attribute: SmolStr::new_static(USER_NAME),
                    });
                }
                Err(refusal) => self.retry(cx, refusal, &mut Refused::default()).await?,
            }
        }
        Err(EngineError::Contention)
    }

    /// Brings a deleted user back without what it had and somebody else has by now (C-11, X-3), as a deleted user
    /// reserves nothing. What the request itself says anew is refused as it is of everybody.
    pub(super) async fn bring_back(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deleted: &DeletedUser,
        document: Resource,
    ) -> Result<Option<Version>, Refusal> {
        let mut taken: Vec<SmolStr> = Vec::new();
        loop {
            let document = self.without(document.clone(), &taken, deleted, resource_type);
            let outcome = self
                .bring_back_without(cx, resource_type, id, deleted, document, &taken)
                .await;
            match outcome {
                Err(Refusal::Error(EngineError::Uniqueness {
                    resource_type: of,
                    attribute,
                })) if of == *resource_type.name() && !taken.contains(&attribute) => {
                    if attribute.eq_ignore_ascii_case(USER_NAME) {
                        return Err(Refusal::Error(EngineError::NameTaken { user: id.clone() }));
                    }
                    taken.push(attribute);
                }
                outcome => return outcome,
            }
        }
    }

    async fn bring_back_without(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deleted: &DeletedUser,
        document: Resource,
        taken: &[SmolStr],
    ) -> Result<Option<Version>, Refusal> {
        let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
        let draft = Draft {
            operation: Operation::Restore,
            resource_type,
            id,
            before: Some(&deleted.record),
            document: Some(document),
            relations: &[],
            joining_later: &[],
            version: None,
        };
        let review = self.reviewed(cx, &provisioning, &draft, |review| {
            review.taken = taken.to_vec();
            policy::review(cx, review)
        });
        let mut review = review.map_err(Refusal::Error)?;
        for attribute in taken {
            let mut event = review.event(event::RESTORED_WITHOUT);
            event.data.insert("attribute", attribute.clone());
            event.data.insert("reason", "taken");
            review.publish_event(event);
        }
        let at = review.at;
        let Some(mut document) = review.document.clone() else {
            return Ok(None);
        };
        review.state.put_into(&mut document);
        let mut steps = vec![
            Step::new(Change::Delete {
                resource_type: system::deleted_user(),
                id,
                precondition: Some(deleted.stored),
                at,
            }),
            Step::new(Change::Create {
                resource_type,
                id,
                document: &document,
                relations: &[],
                unique: &review.unique,
                version: deleted.version.next(),
                created: deleted.created,
                at,
            }),
        ];
        let mut rejoined: Vec<(&ResourceType, &ResourceId, [RelationDelta; 1])> = Vec::new();
        for membership in &deleted.memberships {
            let Some(owner_type) = self.registry().resource_type(&membership.resource_type) else {
                continue;
            };
            let mut delta = RelationDelta::new(membership.attribute.as_str().into());
            delta.add.push((id.clone(), Member::new()));
            rejoined.push((owner_type, &membership.owner, [delta]));
        }
        // A group that is gone by now is not there to come back to.
        steps.extend(rejoined.iter().map(|(owner_type, owner, relations)| {
            Step::if_possible(Change::Update {
                resource_type: owner_type,
                id: owner,
                document: None,
                relations,
                unique: &[],
                precondition: None,
                at,
            })
        }));
        let event = NewEvent::new(event::RESTORED, resource_type.name().clone(), id.clone(), at);
        self.commit_steps(cx, steps, 1, &event, &review).await
    }

    /// The document without those unique values of the deleted user that somebody else has by now.
    fn without(
        &self,
        mut document: Resource,
        taken: &[SmolStr],
        deleted: &DeletedUser,
        resource_type: &ResourceType,
    ) -> Resource {
        let had = unique_keys(resource_type, &deleted.record.document, self.profile());
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
