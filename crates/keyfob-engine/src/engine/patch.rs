//! Changing parts of a resource.

use keyfob_core::{Projection, ResourceId, ResourceType, message::PatchRequest, schema::RelationKind};
use keyfob_patch::Plan;

use super::{
    Engine, EngineError,
    commit::Draft,
    record::document_of,
    write::{Precondition, Skipped, Written, drop_secrets},
};
use crate::{
    context::{Actor, Context},
    profile::PatchAnswer,
    rule::Operation,
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
            let provisioning = self.provisioning(cx).await?;
            // Whoever is not the provider may have no say in what the provider manages.
            let before = match cx.actor() {
                Actor::Provider => None,
                _ => Some(
                    self.existing(cx, resource_type, id, &Selection::document())
                        .await?
                        .record(),
                ),
            };
            let draft = Draft {
                operation: Operation::Update,
                resource_type,
                id,
                before: before.as_ref(),
                document: None,
                relations: &relations,
                version,
            };
            match self.commit_draft(cx, &provisioning, &draft).await {
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
            let existing = self.existing(cx, resource_type, id, &selection).await?;
            if !precondition.accepts(existing.version()) {
                return Err(EngineError::PreconditionFailed);
            }
            let mut resource = existing.resource();
            let patched = plan.apply_to_document(&mut resource)?;
            let mut relations = patched.deltas.into_owned();
            skipped.leave_out_of(&mut relations);
            let mut document = document_of(resource);
            drop_secrets(&mut document, resource_type);
            let before = existing.record();
            match self
                .change(cx, resource_type, id, &existing, &before, document, &relations)
                .await
            {
                Ok(()) => return Ok(()),
                Err(refusal) => self.retry(refusal, &mut skipped)?,
            }
        }
        Err(EngineError::Contention)
    }
}
