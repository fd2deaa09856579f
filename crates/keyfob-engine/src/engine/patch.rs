//! Changing parts of a resource.

use keyfob_core::{Projection, ResourceId, ResourceType, message::PatchRequest, schema::RelationKind};
use keyfob_patch::{Applied, Plan, RelationDelta};

use super::{
    Engine, EngineError,
    write::{Precondition, Skipped, Update, Written, document_of, drop_secrets},
};
use crate::{
    context::Context,
    profile::PatchAnswer,
    store::{Selection, Store},
};

impl<S: Store> Engine<S> {
    /// Changes parts of a resource (RFC 7644 section 3.5.2): all operations apply, or none.
    ///
    /// A request that does nothing but add and remove members neither loads the resource nor its members; what it
    /// answers follows the profile's [`patch_relation_answer`](crate::Profile::patch_relation_answer).
    ///
    /// # Errors
    /// [`EngineError::Patch`] for what can't be applied, [`EngineError::Validation`] for what it would make of the
    /// resource, and [`EngineError::NotFound`], [`EngineError::PreconditionFailed`], [`EngineError::Uniqueness`],
    /// [`EngineError::UnknownMembers`], [`EngineError::Contention`].
    ///
    /// # Complexity
    /// Linear in the request and the document, whatever the number of members, unless a value filter asks for more
    /// of them than their ids.
    pub async fn patch(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        request: PatchRequest,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Written, EngineError> {
        let plan = Plan::compile(request, resource_type, self.profile().dialect)?;
        if plan.is_relation_only() {
            self.patch_relations(cx, resource_type, id, &plan, precondition)
                .await?;
        } else {
            self.patch_document(cx, resource_type, id, &plan, precondition)
                .await?;
        }
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let answer: PatchAnswer = if owns {
            self.profile().patch_relation_answer
        } else {
            self.profile().patch_answer
        };
        self.written(cx, resource_type, id, projection, answer).await
    }

    async fn patch_relations(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        plan: &Plan<'_>,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        let mut relations = plan.deltas().to_vec();
        let mut skipped = Skipped::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let version = self.demanded(cx, resource_type, id, precondition).await?;
            skipped.leave_out_of(&mut relations);
            let update = Update {
                document: None,
                relations: &relations,
                version,
            };
            match self.update(cx, resource_type, id, &update).await {
                Ok(()) => return Ok(()),
                Err(refusal) => self.retry(refusal, &mut skipped)?,
            }
        }
        Err(EngineError::Contention)
    }

    async fn patch_document(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        plan: &Plan<'_>,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        let selection = Selection::of(plan.reads().clone());
        let mut skipped = Skipped::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let stored = self.load(cx, resource_type, id, &selection).await?;
            if !precondition.accepts(stored.version) {
                return Err(EngineError::PreconditionFailed);
            }
            let mut resource = stored.resource.clone();
            let patched = plan.apply_to_document(&mut resource)?;
            let mut relations = patched.deltas.into_owned();
            skipped.leave_out_of(&mut relations);
            let mut document = document_of(resource);
            let mut changed = patched.document == Applied::Changed;
            if drop_secrets(&mut document, resource_type) {
                changed = document != document_of(stored.resource);
            }
            let document = changed.then_some(&document);
            if document.is_none() && relations.iter().all(RelationDelta::is_empty) {
                return Ok(());
            }
            let update = Update {
                document,
                relations: &relations,
                version: Some(stored.version),
            };
            match self.update(cx, resource_type, id, &update).await {
                Ok(()) => return Ok(()),
                Err(refusal) => self.retry(refusal, &mut skipped)?,
            }
        }
        Err(EngineError::Contention)
    }
}
