//! Changing what is kept with a resource, as administrators of a sibling crate do.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{Change, Selection, Store};

use super::{
    Engine, EngineError,
    commit::{Draft, Step},
    error::Refusal,
    record::Loaded,
    write::Refused,
};
use crate::{
    context::Context,
    rule::{Operation, Rejection, Review},
    system,
};

impl<S: Store> Engine<S> {
    /// Changes the [`State`](crate::State) of a resource and whatever else belongs to the same commit.
    ///
    /// `amend` stands where the profile's and the organization's policies stand when a request changes the resource, and
    /// before the rules. It is called again when another request comes between. Nothing is committed where it leaves the
    /// resource and its state as they are.
    ///
    /// What is committed is committed under the [`provisioning`](Review::provisioning) that `amend` saw: an unlinking
    /// comes before and is seen, or after and finds what was added.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], [`EngineError::Rejected`] with what `amend` or a rule refuses,
    /// [`EngineError::Uniqueness`], [`EngineError::Contention`], [`EngineError::Store`].
    pub async fn amend(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        mut amend: impl FnMut(&mut Review<'_>) -> Result<(), Rejection>,
    ) -> Result<(), EngineError> {
        let (guarded, guarded_id) = (system::provisioning(), system::provisioning_id());
        for _ in 0..Self::MAX_ATTEMPTS {
            let provisioning = self.provisioning(cx).await?;
            let selection = Selection::document();
            let stored = self
                .store()
                .get(cx.tenant(), resource_type, id, &selection)
                .await?;
            let loaded = Loaded::new(stored.ok_or_else(|| EngineError::not_found(resource_type, id))?);
            let before = loaded.record();
            let draft = Draft {
                operation: Operation::Update,
                resource_type,
                id,
                before: Some(&before),
                document: Some(before.document.clone()),
                relations: &[],
                joining_later: &[],
                version: Some(loaded.version),
            };
            let review = self.reviewed(cx, &provisioning, &draft, &mut amend)?;
            // Stored again as it is, so that its version tells whoever read it before that something was added.
            let document = provisioning.to_document();
            let guard = provisioning.version.map(|version| {
                Step::new(Change::Update {
                    resource_type: guarded,
                    id: &guarded_id,
                    document: Some(&document),
                    relations: &[],
                    unique: &[],
                    precondition: Some(version),
                    at: review.at,
                })
            });
            match self.commit_review(cx, &draft, &review, guard).await {
                Ok(_) => return Ok(()),
                Err(Refusal::Error(error)) => return Err(error),
                Err(refusal) => self.retry(cx, refusal, &mut Refused::default()).await?,
            }
        }
        Err(EngineError::Contention)
    }
}
