//! Changing parts of a resource.

use keyfob_core::{
    Projection, ResourceId, ResourceType, Version,
    message::PatchRequest,
    schema::{Mutability, RelationKind},
    validate::Ignored,
};
use keyfob_patch::{Plan, RelationDelta};
use keyfob_store::{Selection, Store};

use super::{
    Engine, EngineError, Precondition,
    commit::Draft,
    deleted::Existing,
    record::{Loaded, document_of},
    write::{Refused, Written, drop_secrets, write_only},
};
use crate::{
    context::{Actor, Context},
    feature::Feature,
    ignored, policy,
    profile::{PatchAnswer, WriteOnlyPatch},
    rule::Operation,
};

impl<S: Store> Engine<S> {
    /// Changes parts of a resource (RFC 7644 section 3.5.2): all operations apply, or none.
    ///
    /// A request that does nothing but add and remove members doesn't load the members; what it answers follows the profile's [`patch_relation_answer`](crate::Profile::patch_relation_answer).
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
        let compiled = Plan::compile(request, resource_type, self.profile().dialect);
        let read = compiled.map_err(EngineError::from).and_then(|plan| {
            let secrets = self.secrets(&plan, resource_type)?;
            let plan = plan.with_addresses(&cx.addresses(self.registry()));
            Ok((policy::without_silence(plan, resource_type), secrets))
        });
        let (plan, secrets) = match read {
            Ok(read) => read,
            Err(error) => {
                self.check_exists(cx, resource_type, id).await?;
                return Err(error);
            }
        };
        let version = if plan.is_relation_only() {
            self.patch_relations(cx, resource_type, id, &plan, precondition)
                .await?
        } else {
            self.patch_document(cx, resource_type, id, &plan, precondition)
                .await?
        };
        let passed_over = plan.ignored().iter().map(|(_, ignored)| ignored);
        ignored::tell(resource_type, passed_over.chain(&secrets));
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let answer: PatchAnswer = if owns {
            self.profile().patch_relation_answer
        } else {
            self.profile().patch_answer
        };
        self.written(cx, resource_type, id, version, projection, answer)
            .await
    }

    /// The writeOnly attributes that the plan would change, none of which the service keeps.
    fn secrets(&self, plan: &Plan<'_>, resource_type: &ResourceType) -> Result<Vec<Ignored>, EngineError> {
        let attributes = resource_type.attributes();
        let changed = attributes.filter(|(_, attribute)| {
            attribute.mutability == Mutability::WriteOnly && plan.writes().contains(attribute.id)
        });
        let secrets: Vec<Ignored> = changed
            .map(|(uri, attribute)| write_only(uri, attribute))
            .collect();
        match (self.profile().write_only, secrets.first()) {
            (WriteOnlyPatch::Refuse, Some(secret)) if !Feature::ChangePassword.is_supported() => {
                Err(EngineError::NotKept {
                    attribute: secret.attribute.clone(),
                })
            }
            _ => Ok(secrets),
        }
    }

    async fn patch_relations(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        plan: &Plan<'_>,
        precondition: &Precondition,
    ) -> Result<Option<Version>, EngineError> {
        let selection = precondition.selection(resource_type);
        let mut refused = Refused::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let joining = refused.part(plan.deltas());
            let provisioning = self.provisioning(cx).await?;
            let is_provider = cx.actor() == Actor::Provider;
            // Without a link nobody manages anything, and there is nothing to look at.
            let loaded = if is_provider && !provisioning.is_linked() && *precondition == Precondition::None {
                None
            } else {
                let existing = self.existing(cx, resource_type, id, &selection).await?;
                precondition.check_write(existing.tag(resource_type))?;
                match existing {
                    Existing::Live(loaded) => Some(loaded),
                    Existing::Deleted(_) if plan.deltas().iter().all(RelationDelta::is_empty) => {
                        return Ok(None);
                    }
                    // Its relations went when it was deleted.
                    Existing::Deleted(_) => return Err(EngineError::not_found(resource_type, id)),
                }
            };
            let version = loaded.as_ref().map(|loaded| loaded.version);
            let before = loaded.as_ref().map(Loaded::record);
            // What the provider changes it manages, which the document says.
            let document = before
                .as_ref()
                .filter(|before| {
                    is_provider && provisioning.is_linked() && !provisioning.manages(&before.state)
                })
                .map(|before| before.document.clone());
            let must_be_as_read = document.is_some() || *precondition != Precondition::None;
            let draft = Draft {
                operation: Operation::Update,
                resource_type,
                id,
                before: before.as_ref(),
                document,
                relations: &joining.now,
                joining_later: &joining.later,
                version: version.filter(|_| must_be_as_read),
            };
            match self.commit_draft(cx, &provisioning, &draft).await {
                Ok(version) => return Ok(version),
                Err(refusal) => self.retry(cx, refusal, &mut refused).await?,
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
    ) -> Result<Option<Version>, EngineError> {
        let mut reads = plan.reads().clone();
        precondition.select(&mut reads, resource_type);
        let selection = Selection::of(reads);
        let mut refused = Refused::default();
        for _ in 0..Self::MAX_ATTEMPTS {
            let existing = self.existing(cx, resource_type, id, &selection).await?;
            precondition.check_write(existing.tag(resource_type))?;
            let mut resource = existing.resource();
            policy::leave_open(&mut resource, resource_type);
            let patched = plan.apply_to_document(&mut resource)?;
            let joining = refused.part(&patched.deltas);
            let mut document = document_of(resource);
            drop_secrets(&mut document, resource_type);
            let before = existing.record();
            match self
                .change(cx, resource_type, id, &existing, &before, document, &joining)
                .await
            {
                Ok(version) => return Ok(version),
                Err(refusal) => self.retry(cx, refusal, &mut refused).await?,
            }
        }
        Err(EngineError::Contention)
    }
}
