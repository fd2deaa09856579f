//! Changing what is kept with a resource, as administrators of a sibling crate do.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_engine::{Context, Decision, Draft, EngineError, Reads, Rejection, Review, Seen, Subject};
use keyfob_store::{Change, Expected, Selection, Store};

use crate::{provisioner::Provisioner, provisioning::Provisioning, system};

impl<S: Store> Provisioner<S> {
    /// Changes the [`State`](keyfob_engine::State) of a resource and whatever else belongs to the same commit, under a verb that
    /// events show.
    ///
    /// `amend` stands where the profile's and the organization's policies stand when a request changes the resource, and
    /// before the rules. It is called again when another request comes between. Nothing is committed where it leaves the
    /// resource and its state as they are.
    ///
    /// The commit is made under the [`Provisioning`] that `amend` saw: an unlinking
    /// comes before and is seen, or after.
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
            let loaded = seen.subject.as_ref().filter(|loaded| !loaded.is_hidden());
            let loaded = loaded.ok_or_else(|| EngineError::not_found(resource_type, id))?;
            let before = loaded.record();
            let document = before.document.clone();
            let draft = Draft::update(resource_type, id, &before, document, loaded.version);
            let mut decision = self.decide_with(cx, seen, &draft, &mut amend)?;
            if let Decision::Commit(prepared) = &mut decision
                && let Some(version) = Provisioning::among(&seen.facts).version
            {
                // An unlinking comes before, and is seen, or after.
                let guard = Change::expect(
                    system::provisioning(),
                    system::provisioning_id(),
                    Expected::Version(version),
                );
                prepared.changes.push(guard);
            }
            Ok(decision)
        };
        // What authentication read may be older than the link.
        let cx = &cx.clone().without_facts();
        self.transact(cx, verb, &reads, None, decide).await?;
        Ok(())
    }
}
