//! Changing what is kept with a resource, as administrators of a sibling crate do.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{Change, Selection, Store};

use super::{
    Engine, EngineError,
    commit::{Draft, prepare},
    transact::{Decision, Reads, Seen, Subject},
};
use crate::{
    context::Context,
    rule::{Rejection, Review},
    system,
};

impl<S: Store> Engine<S> {
    /// Changes the [`State`](crate::State) of a resource and whatever else belongs to the same commit, under a verb that
    /// events show.
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
        verb: &'static str,
        mut amend: impl FnMut(&mut Review<'_>) -> Result<(), Rejection> + Send,
    ) -> Result<(), EngineError> {
        let reads = Reads {
            resource_type,
            subject: Subject::Existing(id),
            selection: Selection::document(),
        };
        let decide = |seen: &Seen| {
            let loaded = seen.subject.as_ref().filter(|loaded| !loaded.is_deleted());
            let loaded = loaded.ok_or_else(|| EngineError::not_found(resource_type, id))?;
            let before = loaded.record();
            let document = before.document.clone();
            let draft = Draft::update(resource_type, id, &before, document, loaded.version);
            let review = self.review(cx, seen, &draft, &mut amend)?;
            let mut decision = prepare(&draft, review, seen.members());
            if let Decision::Commit(prepared) = &mut decision
                && let Some(version) = seen.provisioning.version
            {
                // Stored again as it is, so that an unlinking that has read what goes with the link notices.
                let guard = Change::replace(
                    system::provisioning(),
                    system::provisioning_id(),
                    seen.provisioning.to_document(),
                    Some(version),
                );
                prepared.changes.push(guard);
            }
            Ok(decision)
        };
        // What authentication read may be older than the link.
        let cx = &cx.clone().without_provisioning();
        self.transact(cx, verb, &reads, None, decide).await?;
        Ok(())
    }
}
