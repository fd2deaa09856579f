//! Changing parts of a resource.

use std::sync::Arc;

use keyfob_core::{
    Projection, ResourceId, ResourceType,
    message::PatchRequest,
    schema::{Mutability, RelationKind},
    validate::Ignored,
};
use keyfob_patch::{Plan, RelationDelta};
use keyfob_store::{Selection, Store};

use super::{
    Engine, EngineError, Loaded, Precondition,
    commit::Draft,
    record::document_of,
    transact::{Decision, Reads, Seen, Settled, Subject},
    view::AnswerPlan,
    write::{Written, drop_secrets, write_only},
};
use crate::{
    context::Context,
    feature::Feature,
    ignored, policy,
    profile::{PatchAnswer, WriteOnlyPatch},
};

impl<S: Store> Engine<S> {
    /// Changes parts of a resource (RFC 7644 section 3.5.2): all operations apply, or none.
    ///
    /// A request that does nothing but add and remove members doesn't load the members. The answer has a body where the
    /// projection names attributes, and follows the profile's
    /// [`patch_relation_answer`](crate::Profile::patch_relation_answer) otherwise.
    ///
    /// # Errors
    /// [`EngineError::Patch`] for what can't be applied, [`EngineError::Validation`] for what it would make of the
    /// resource, and [`EngineError::NotFound`], [`EngineError::PreconditionFailed`], [`EngineError::PreconditionRequired`],
    /// [`EngineError::Uniqueness`], [`EngineError::UnknownMembers`], [`EngineError::Contention`]; [`EngineError::Unsupported`]
    /// where PATCH isn't [offered](Self::offers).
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
        if !self.offers(cx, Feature::Patch) {
            return Err(EngineError::Unsupported(Feature::Patch));
        }
        let precondition = &*self.condition(cx, precondition);
        self.check_conditional(cx, resource_type, id, precondition)
            .await?;
        let cx = &self.begin(cx);
        let compiled = Plan::compile(request, resource_type, self.profile().dialect);
        let read = compiled.map_err(EngineError::from).and_then(|plan| {
            let secrets = self.secrets(&plan, resource_type)?;
            let plan = plan
                .with_addresses(&cx.addresses(self.registry()))
                .with_work(self.limits_of(cx).patch_steps);
            Ok((policy::without_silence(plan, resource_type), secrets))
        });
        let (plan, secrets) = match read {
            Ok(read) => read,
            Err(error) => {
                self.check_exists(cx, resource_type, id).await?;
                return Err(error);
            }
        };
        let owns = resource_type
            .relations()
            .iter()
            .any(|relation| relation.kind == RelationKind::Owned);
        let answer = match projection.attributes() {
            // RFC 7644 section 3.5.2: who names attributes gets them, whatever they cost.
            Some(_) => PatchAnswer::Body,
            None if owns => self.profile().patch_relation_answer,
            None => self.profile().patch_answer,
        };
        let answer = AnswerPlan::new(resource_type, projection, answer);
        let in_transaction = answer.in_transaction();
        let in_transaction = in_transaction.as_ref();
        // A request of which nothing is left is reviewed as any other of the same resource.
        let settled = if plan.is_relation_only() && !plan.deltas().is_empty() {
            let deltas: Arc<[RelationDelta]> = plan.deltas().into();
            self.settle_relations(cx, resource_type, id, &deltas, precondition, in_transaction)
                .await?
        } else {
            self.patch_document(cx, resource_type, id, &plan, precondition, in_transaction)
                .await?
        };
        let passed_over = plan.ignored().iter().map(|(_, ignored)| ignored);
        ignored::tell(resource_type, passed_over.chain(&secrets));
        self.written(cx, &answer, settled).await
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

    /// Changes relations of a resource and nothing else of it, up to what is answered.
    pub(super) async fn settle_relations(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        deltas: &Arc<[RelationDelta]>,
        precondition: &Precondition,
        answer: Option<&Selection>,
    ) -> Result<Settled, EngineError> {
        let reads = Reads {
            resource_type,
            subject: match precondition {
                Precondition::None => Subject::Relations(id),
                Precondition::Tags { .. } => Subject::Existing(id),
            },
            selection: precondition.selection(resource_type),
        };
        let decide = |seen: &Seen| {
            // A lifecycle that doesn't look at the owner has not read it.
            let is_unread = seen.subject.is_none()
                && *precondition == Precondition::None
                && !self.lifecycle().reads_owner(cx, &seen.facts);
            let loaded = if is_unread {
                None
            } else {
                Some(self.subject(cx, seen, resource_type, id)?)
            };
            if let Some(loaded) = &loaded {
                precondition.check_write(loaded.tag(resource_type))?;
                if loaded.is_hidden() {
                    // It is in no relation as long as it is hidden.
                    return if deltas.iter().all(RelationDelta::is_empty) {
                        Ok(Decision::Nothing)
                    } else {
                        Err(EngineError::not_found(resource_type, id))
                    };
                }
            }
            let before = loaded.as_ref().map(Loaded::record);
            let document = before
                .as_ref()
                .filter(|before| self.lifecycle().writes_owner(cx, &seen.facts, &before.state))
                .map(|before| before.document.clone());
            let must_be_as_read = document.is_some() || *precondition != Precondition::None;
            let version = loaded.as_ref().map(|loaded| loaded.version);
            let draft = Draft::relation(
                resource_type,
                id,
                before.as_ref(),
                document,
                seen.without_unknown(deltas),
                version.filter(|_| must_be_as_read),
            );
            self.decide(cx, seen, &draft)
        };
        self.transact(cx, "patch", &reads, answer, decide).await
    }

    async fn patch_document(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        plan: &Plan<'_>,
        precondition: &Precondition,
        answer: Option<&Selection>,
    ) -> Result<Settled, EngineError> {
        let mut selected = plan.reads().clone();
        precondition.select(&mut selected, resource_type);
        let reads = Reads {
            resource_type,
            subject: Subject::Existing(id),
            selection: Selection::of(selected),
        };
        let decide = |seen: &Seen| {
            let loaded = self.subject(cx, seen, resource_type, id)?;
            precondition.check_write(loaded.tag(resource_type))?;
            let mut resource = loaded.resource.clone();
            policy::leave_open(&mut resource, resource_type);
            let patched = plan.apply_to_document(&mut resource)?;
            let mut document = document_of(resource);
            drop_secrets(&mut document, resource_type);
            self.decide_change(cx, seen, resource_type, &loaded, document, &patched.deltas.into())
        };
        self.transact(cx, "patch", &reads, answer, decide).await
    }
}
