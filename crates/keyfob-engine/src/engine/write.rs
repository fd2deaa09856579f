//! Creating, replacing and deleting resources.

use std::sync::Arc;

use keyfob_core::{
    AttrName, Attribute, EntityTag, Projection, Resource, ResourceId, ResourceType, SchemaUri,
    schema::{Mutability, RelationKind},
    validate::{self, IgnoreRule, Ignored, Reader},
};
use keyfob_patch::RelationDelta;
use keyfob_store::{Selection, Store};
use smol_str::{SmolStr, format_smolstr};

use super::{
    BatchPlace, Engine, EngineError, Loaded, Precondition,
    commit::Draft,
    transact::{Decision, Reads, Seen, Settled, Subject},
    view::AnswerPlan,
};
use crate::{
    context::Context,
    event, ignored,
    policy::{ACTIVE, is_active, is_user},
    profile::PatchAnswer,
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
    /// Where the [lifecycle](crate::Lifecycle::predecessor) says so, the request goes on from a resource that there is, under its
    /// id.
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
        let cx = &self.begin(cx);
        let plan = AnswerPlan::new(resource_type, projection, PatchAnswer::Body);
        let answer = plan.in_transaction();
        let (settled, _) = self
            .settle_create(cx, resource_type, body, answer.as_ref(), &[])
            .await?;
        self.written(cx, &plan, settled).await
    }

    /// Creates a resource, up to what is answered. The relations in `apart` are written by somebody else. Returns what is
    /// passed over of the body, too.
    pub(super) async fn settle_create(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        body: Resource,
        answer: Option<&Selection>,
        apart: &[AttrName],
    ) -> Result<(Settled, Vec<Ignored>), EngineError> {
        let mut reader = Reader::new(self.profile().dialect);
        let canonical = reader.create(body, resource_type)?;
        let mut document = canonical.clone();
        let relations: Arc<[_]> = take_relations(&mut document, resource_type, false, apart).into();
        let secrets = drop_secrets(&mut document, resource_type);
        let passed_over: Vec<Ignored> = reader.ignored().iter().cloned().chain(secrets).collect();
        ignored::tell(resource_type, &passed_over);
        let planned = cx.batch().and_then(BatchPlace::id).cloned();
        let id = planned.unwrap_or_else(|| self.next_id());
        let reads = Reads {
            resource_type,
            subject: Subject::New(&document),
            selection: Selection::document(),
        };
        let decide = |seen: &Seen| match &seen.predecessor {
            None => {
                let relations = seen.without_unknown(&relations);
                let draft = Draft::creation(resource_type, &id, document.clone(), relations);
                self.decide(cx, seen, &draft)
            }
            Some(hidden) if hidden.is_hidden() => {
                let mut document = document.clone();
                if is_user(resource_type) {
                    // A user that is created is active, unless the request says otherwise.
                    let active = is_active(&document);
                    document.core_mut().insert(ACTIVE, active);
                }
                self.decide_revelation(cx, seen, resource_type, hidden, document)
            }
            Some(live) => {
                let mut reader = Reader::new(self.profile().dialect);
                let body = canonical.clone();
                self.decide_replacement(cx, seen, resource_type, live, (body, apart), &mut reader)
                    .map(|(decision, _)| decision)
            }
        };
        let settled = self.transact(cx, "create", &reads, answer, decide).await;
        let settled = settled.map_err(|error| match error {
            // A client that creates a user needs no more than to know that there is one of the name.
            EngineError::NameTaken { .. } => EngineError::Uniqueness {
                resource_type: resource_type.name().clone(),
                attribute: SmolStr::new_static("userName"),
            },
            error => error,
        })?;
        Ok((settled, passed_over))
    }

    /// Replaces a resource (RFC 7644 section 3.5.1). What the body leaves out is unassigned.
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`EngineError::NotFound`], [`EngineError::PreconditionFailed`],
    /// [`EngineError::PreconditionRequired`], [`EngineError::Contention`], and `mutability` where an immutable attribute would change.
    pub async fn replace(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        body: Resource,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Written, EngineError> {
        let precondition = &*self.condition(cx, precondition);
        self.check_conditional(cx, resource_type, id, precondition)
            .await?;
        let cx = &self.begin(cx);
        let plan = AnswerPlan::new(resource_type, projection, PatchAnswer::Body);
        let answer = plan.in_transaction();
        let (settled, _) = self
            .settle_replace(cx, resource_type, id, (body, &[]), precondition, answer.as_ref())
            .await?;
        self.written(cx, &plan, settled).await
    }

    /// Replaces a resource by a body, up to what is answered, but for the relations that come with the body: somebody else
    /// writes these. Returns what is passed over of the body, too.
    pub(super) async fn settle_replace(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        (body, apart): (Resource, &[AttrName]),
        precondition: &Precondition,
        answer: Option<&Selection>,
    ) -> Result<(Settled, Vec<Ignored>), EngineError> {
        let reads = Reads {
            resource_type,
            subject: Subject::Existing(id),
            selection: precondition.selection(resource_type),
        };
        let mut passed_over = Vec::new();
        let decide = |seen: &Seen| {
            let loaded = self.subject(cx, seen, resource_type, id)?;
            precondition.check_write(loaded.tag(resource_type))?;
            let mut reader = Reader::new(self.profile().dialect);
            let body = (body.clone(), apart);
            let (decision, secrets) =
                self.decide_replacement(cx, seen, resource_type, &loaded, body, &mut reader)?;
            passed_over = reader.ignored().iter().cloned().chain(secrets).collect();
            Ok(decision)
        };
        let settled = self.transact(cx, event::PUT, &reads, answer, decide).await?;
        ignored::tell(resource_type, &passed_over);
        Ok((settled, passed_over))
    }

    /// Deletes a resource (RFC 7644 section 3.6): it is gone from every list and group, and what it reserved is free.
    ///
    /// It is hidden, and can be brought back, where the [lifecycle](crate::Lifecycle::delete_action) says so.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], [`EngineError::PreconditionFailed`], [`EngineError::PreconditionRequired`],
    /// [`EngineError::Contention`], [`EngineError::Rejected`] where a rule refuses it.
    pub async fn delete(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        let precondition = &*self.condition(cx, precondition);
        self.check_conditional(cx, resource_type, id, precondition)
            .await?;
        let cx = &self.begin(cx);
        let reads = Reads {
            resource_type,
            subject: Subject::Existing(id),
            selection: precondition.selection(resource_type),
        };
        let decide = |seen: &Seen| {
            let loaded = self.subject(cx, seen, resource_type, id)?;
            precondition.check_write(loaded.tag(resource_type))?;
            let action = self
                .lifecycle()
                .delete_action(cx, &seen.facts, resource_type, &loaded, self.now());
            let before = loaded.record();
            let draft = Draft::deletion(resource_type, id, &before, loaded.version, action);
            self.decide(cx, seen, &draft)
        };
        self.transact(cx, "delete", &reads, None, decide).await?;
        Ok(())
    }

    /// Decides on a body that replaces a resource. Returns the writeOnly attributes that are dropped, too.
    fn decide_replacement(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        (body, apart): (Resource, &[AttrName]),
        reader: &mut Reader,
    ) -> Result<(Decision, Vec<Ignored>), EngineError> {
        let before = loaded.record();
        let mut document = reader.replace(body, &before.document, resource_type)?;
        let relations = take_relations(&mut document, resource_type, true, apart);
        let secrets = drop_secrets(&mut document, resource_type);
        let decision = self.decide_change(cx, seen, resource_type, loaded, document, &relations.into())?;
        Ok((decision, secrets))
    }

    /// Decides on a request's change of a resource that was read.
    pub(super) fn decide_change(
        &self,
        cx: &Context,
        seen: &Seen,
        resource_type: &ResourceType,
        loaded: &Loaded,
        document: Resource,
        relations: &Arc<[RelationDelta]>,
    ) -> Result<Decision, EngineError> {
        if loaded.is_hidden() && self.lifecycle().reveals(cx, loaded, &document) {
            return self.decide_revelation(cx, seen, resource_type, loaded, document);
        }
        let before = loaded.record();
        let mut draft = Draft::update(resource_type, &loaded.id, &before, document, loaded.version);
        // A hidden resource is in no relation, and owns none that anybody sees.
        if !loaded.is_hidden() {
            draft.relations = seen.without_unknown(relations);
        }
        self.decide(cx, seen, &draft)
    }
}

/// Takes the owned relations out of a canonical body: those that it has are put in, or, where `replace` is set,
/// become all there is, and those that it doesn't have are then cleared. Those in `apart` are left as they are.
fn take_relations(
    document: &mut Resource,
    resource_type: &ResourceType,
    replace: bool,
    apart: &[AttrName],
) -> Vec<RelationDelta> {
    let mut sent = std::mem::take(document.relations_mut());
    let owned = resource_type
        .relations()
        .iter()
        .filter(|relation| relation.kind == RelationKind::Owned && !apart.contains(&relation.attribute.name));
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
        let mut object = document.attributes_mut(uri);
        if object.remove(attribute.name.as_str()).is_some() {
            dropped.push(write_only(uri, attribute));
        }
    }
    if !dropped.is_empty() {
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
