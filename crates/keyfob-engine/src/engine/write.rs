//! Creating, replacing and deleting resources.

use std::{borrow::Cow, collections::HashSet};

use keyfob_core::{
    AttrSet, Attribute, EntityTag, Projection, Resource, ResourceId, ResourceType, SchemaUri, Version,
    schema::{Mutability, RelationKind},
    validate::{self, IgnoreRule, Ignored, Reader},
};
use keyfob_patch::RelationDelta;
use keyfob_store::{Selection, Store};
use smol_str::{SmolStr, format_smolstr};

use super::{
    Engine, EngineError, Precondition, Record,
    commit::Draft,
    deleted::{Existing, Predecessor},
    error::Refusal,
    view::select_shown,
};
use crate::{
    context::Context,
    ignored,
    profile::{PatchAnswer, UnknownMembers},
    rule::Operation,
    state::Origin,
};

/// The result of a write.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The id of the resource.
    pub id: ResourceId,
    /// The entity tag of the state that this very write left the resource in.
    pub tag: EntityTag,
    /// Its address.
    pub location: SmolStr,
    /// The resource as the client asked to see it, unless the profile answers without.
    pub resource: Option<Resource>,
}

impl<S: Store> Engine<S> {
    /// Creates a resource (RFC 7644 section 3.3).
    ///
    /// Where the profile says so, a user whose `userName` belonged to a deleted user is that user, brought back under
    /// its old id.
    ///
    /// # Errors
    /// [`EngineError::Validation`] (`invalidValue`, `invalidSyntax`), [`EngineError::Uniqueness`] (409),
    /// [`EngineError::UnknownMembers`] (`invalidValue`), [`EngineError::Rejected`] where a rule refuses it.
    pub async fn create(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        body: Resource,
        projection: &Projection,
    ) -> Result<Written, EngineError> {
        let mut reader = Reader::new(self.profile().dialect);
        let mut document = reader.create(body, resource_type)?;
        let relations = take_relations(&mut document, resource_type, false);
        let secrets = drop_secrets(&mut document, resource_type);
        ignored::tell(resource_type, reader.ignored().iter().chain(&secrets));
        if let Some(id) = self.predecessor(cx, resource_type, &document).await? {
            return match id {
                Predecessor::Deleted(id) => {
                    let version = self.restore(cx, resource_type, &id, Some(document)).await?;
                    self.written(cx, resource_type, &id, version, projection, PatchAnswer::Body)
                        .await
                }
                Predecessor::Unmanaged(id) => {
                    self.replace(cx, resource_type, &id, document, &Precondition::None, projection)
                        .await
                }
            };
        }
        let id = self.next_id();
        let mut refused = Refused::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let joining = refused.part(&relations);
            let provisioning = self.provisioning(cx).await?;
            let draft = Draft {
                operation: Operation::Create,
                resource_type,
                id: &id,
                before: None,
                document: Some(document.clone()),
                relations: &joining.now,
                joining_later: &joining.later,
                version: None,
            };
            match self.commit_draft(cx, &provisioning, &draft).await {
                Ok(version) => {
                    return self
                        .written(cx, resource_type, &id, version, projection, PatchAnswer::Body)
                        .await;
                }
                Err(refusal) => self.retry(cx, refusal, &mut refused).await?,
            }
        }
        Err(EngineError::Contention)
    }

    /// Replaces a resource (RFC 7644 section 3.5.1). What the body leaves out is unassigned.
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`EngineError::NotFound`], [`EngineError::PreconditionFailed`],
    /// [`EngineError::Contention`], and `mutability` where an immutable attribute would change.
    pub async fn replace(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        body: Resource,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Written, EngineError> {
        let selection = precondition.selection(resource_type);
        let mut refused = Refused::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let existing = self.existing(cx, resource_type, id, &selection).await?;
            precondition.check_write(existing.tag(resource_type))?;
            let before = existing.record();
            let mut reader = Reader::new(self.profile().dialect);
            let mut document = reader.replace(body.clone(), &before.document, resource_type)?;
            let relations = take_relations(&mut document, resource_type, true);
            let joining = refused.part(&relations);
            let secrets = drop_secrets(&mut document, resource_type);
            match self
                .change(cx, resource_type, id, &existing, &before, document, &joining)
                .await
            {
                Ok(version) => {
                    ignored::tell(resource_type, reader.ignored().iter().chain(&secrets));
                    return self
                        .written(cx, resource_type, id, version, projection, PatchAnswer::Body)
                        .await;
                }
                Err(refusal) => self.retry(cx, refusal, &mut refused).await?,
            }
        }
        Err(EngineError::Contention)
    }

    /// Deletes a resource (RFC 7644 section 3.6): it is gone from every list and group, and what it reserved is free.
    ///
    /// A user goes to the deleted users where the profile says so.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], [`EngineError::PreconditionFailed`], [`EngineError::Contention`],
    /// [`EngineError::Rejected`] where a rule refuses it.
    pub async fn delete(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        let selection = precondition.selection(resource_type);
        for _ in 0..Self::MAX_ATTEMPTS {
            let existing = self.existing(cx, resource_type, id, &selection).await?;
            precondition.check_write(existing.tag(resource_type))?;
            let outcome = match &existing {
                Existing::Deleted(deleted) => self.hide(cx, resource_type, id, deleted).await,
                Existing::Live(loaded) if self.deletes_softly(resource_type) => {
                    self.soft_delete(cx, resource_type, id, loaded, Origin::of(cx.actor()))
                        .await
                }
                Existing::Live(loaded) => {
                    let provisioning = self.provisioning(cx).await?;
                    let before = loaded.record();
                    let draft = Draft::deletion(resource_type, id, &before, Some(loaded.version));
                    self.commit_draft(cx, &provisioning, &draft).await.map(|_| ())
                }
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(refusal) => self.retry(cx, refusal, &mut Refused::default()).await?,
            }
        }
        Err(EngineError::Contention)
    }

    /// Commits what a request makes of a resource that was found in this shape.
    #[expect(clippy::too_many_arguments, reason = "all that PUT and PATCH have found out")]
    pub(super) async fn change(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        existing: &Existing,
        before: &Record,
        document: Resource,
        joining: &Joining<'_>,
    ) -> Result<Option<Version>, Refusal> {
        match existing {
            Existing::Deleted(deleted) => {
                self.change_deleted(cx, resource_type, id, deleted, document)
                    .await
            }
            Existing::Live(loaded) => {
                let provisioning = self.provisioning(cx).await.map_err(Refusal::store)?;
                let draft = Draft {
                    operation: Operation::Update,
                    resource_type,
                    id,
                    before: Some(before),
                    document: Some(document),
                    relations: &joining.now,
                    joining_later: &joining.later,
                    version: Some(loaded.version),
                };
                self.commit_draft(cx, &provisioning, &draft).await
            }
        }
    }

    /// Says whether a refused change may be tried again, and without which members.
    pub(super) async fn retry(
        &self,
        cx: &Context,
        refusal: Refusal,
        refused: &mut Refused,
    ) -> Result<(), EngineError> {
        match refusal {
            // Every operation looks at the client's precondition again before its next attempt.
            Refusal::Changed => {
                tracing::debug!("another request changed the resource first");
                *refused = Refused::default();
                Ok(())
            }
            Refusal::Members(refused_now) => {
                let (deleted, unknown) = self.part_deleted(cx, refused_now).await?;
                if !unknown.is_empty() && self.profile().unknown_members != UnknownMembers::Skip {
                    return Err(EngineError::UnknownMembers { members: unknown });
                }
                refused.deleted.extend(deleted);
                refused.unknown.extend(unknown);
                Ok(())
            }
            Refusal::Error(error) => Err(error),
        }
    }

    /// Reads back what was written, as far as the client is to see it.
    ///
    /// `version` is the one that the commit left the resource with. The answer carries it, also where another request
    /// has changed the resource by the time it is read: the client never learns the tag of a state that it didn't
    /// write, and so can't replace that state under `If-Match` (RFC 9110 section 13.1.1).
    pub(super) async fn written(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        version: Option<Version>,
        projection: &Projection,
        answer: PatchAnswer,
    ) -> Result<Written, EngineError> {
        let projection = projection.resolve(resource_type);
        let mut wanted = match answer {
            PatchAnswer::NoContent => AttrSet::default(),
            PatchAnswer::Body | PatchAnswer::BodyUpTo(_) => projection.wants(),
        };
        let relations = resource_type.relations().iter();
        let wanted_relations: Vec<_> = relations
            .filter(|relation| wanted.contains(relation.attribute.id))
            .collect();
        let shown = select_shown(&mut wanted, resource_type);
        let mut selection = Selection::of(wanted);
        if let PatchAnswer::BodyUpTo(members) = answer
            && !shown
        {
            selection = selection.with_relation_limit(members);
        }
        let location = Self::location(cx, resource_type, id.as_str());
        let stored = match (self.load(cx, resource_type, id, &selection).await, version) {
            // It was deleted since. The write happened all the same, and nobody can say any more what it left.
            (Err(EngineError::NotFound { .. }), Some(version)) => {
                return Ok(Written {
                    id: id.clone(),
                    tag: EntityTag::from(version),
                    location,
                    resource: None,
                });
            }
            (stored, _) => stored?,
        };
        let tag = EntityTag::of(version.unwrap_or(stored.version), &stored.resource, resource_type);
        // A relation that is larger than the limit was left out. Without a limit what is missing is nowhere, as are the groups
        // of a deleted user.
        let is_whole = selection.relation_limit.is_none()
            || wanted_relations.iter().all(|relation| {
                let name = relation.attribute.name.as_str();
                stored.resource.relation(name).is_some()
            });
        let resource = (answer != PatchAnswer::NoContent && is_whole)
            .then(|| self.view(cx, stored.resource, tag, &projection));
        Ok(Written {
            id: id.clone(),
            tag,
            location,
            resource,
        })
    }
}

/// Members of a request that the store refused.
#[derive(Default)]
pub(super) struct Refused {
    /// Who doesn't exist, where the profile leaves such members out.
    unknown: HashSet<ResourceId>,
    /// Who is among the deleted users.
    deleted: HashSet<ResourceId>,
}

/// Who joins and leaves relations.
pub(super) struct Joining<'r> {
    /// Now.
    pub(super) now: Cow<'r, [RelationDelta]>,
    /// As soon as they are brought back: deleted users.
    pub(super) later: Vec<RelationDelta>,
}

impl Refused {
    /// What a request asks of relations without whom the store refused.
    pub(super) fn part<'r>(&self, relations: &'r [RelationDelta]) -> Joining<'r> {
        if self.unknown.is_empty() && self.deleted.is_empty() {
            return Joining {
                now: Cow::Borrowed(relations),
                later: Vec::new(),
            };
        }
        let mut now = relations.to_vec();
        let later = now.iter_mut().map(|delta| {
            let mut later = RelationDelta::new(delta.attribute.clone());
            let deleted = delta.add.extract_if(.., |(id, _)| self.deleted.contains(id));
            later.add = deleted.collect();
            delta.add.retain(|(id, _)| !self.unknown.contains(id));
            later
        });
        let later = later.filter(|delta| !delta.is_empty()).collect();
        Joining {
            now: Cow::Owned(now),
            later,
        }
    }
}

/// Takes the owned relations out of a canonical body: those that it has are put in, or, where `replace` is set,
/// become all there is, and those that it doesn't have are then cleared.
fn take_relations(
    document: &mut Resource,
    resource_type: &ResourceType,
    replace: bool,
) -> Vec<RelationDelta> {
    let mut sent = std::mem::take(document.relations_mut());
    let owned = resource_type
        .relations()
        .iter()
        .filter(|relation| relation.kind == RelationKind::Owned);
    owned
        .map(|relation| {
            let name = &relation.attribute.name;
            let found = sent.iter_mut().find(|(sent, _)| sent == name);
            let members = found
                .map(|(_, members)| std::mem::take(members))
                .unwrap_or_default();
            let mut delta = RelationDelta::replace(name.clone(), members);
            delta.clear = replace;
            delta
        })
        .filter(|delta| !delta.is_empty())
        .collect()
}

/// Takes out what is writeOnly: such a value is for whoever checks it, and the
/// document is the wrong place for it. A password is accepted and dropped. Says what was dropped.
pub(super) fn drop_secrets(document: &mut Resource, resource_type: &ResourceType) -> Vec<Ignored> {
    let mut dropped = Vec::new();
    for (uri, attribute) in resource_type.attributes() {
        if attribute.mutability != Mutability::WriteOnly {
            continue;
        }
        let object = match uri {
            None => Some(document.core_mut()),
            Some(uri) => {
                let mut extensions = document.extensions_mut().iter_mut();
                extensions
                    .find(|(present, _)| present == uri)
                    .map(|(_, object)| object)
            }
        };
        if object.is_some_and(|object| object.remove(attribute.name.as_str()).is_some()) {
            dropped.push(write_only(uri, attribute));
        }
    }
    if !dropped.is_empty() {
        document.extensions_mut().retain(|(_, object)| !object.is_empty());
        validate::state_schemas(document, resource_type);
    }
    dropped
}

/// A writeOnly attribute that the service doesn't keep.
pub(super) fn write_only(uri: Option<&SchemaUri>, attribute: &Attribute) -> Ignored {
    let path = match uri {
        None => attribute.name.as_str().into(),
        Some(uri) => format_smolstr!("{uri}:{}", attribute.name),
    };
    Ignored::new(path, IgnoreRule::WriteOnly)
}
