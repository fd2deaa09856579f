//! Disabling and deleting.

use keyfob_client::{BlockingTransport, Error, Patch, SoftDelete};
use keyfob_core::{Resource, message::PatchRequest};

use super::{
    Cycle, PAGE, Stop, change, failure,
    flight::{Answer, Write, Written},
};
use crate::{
    error::SyncError,
    event::{Action, Held, Outcome, Step},
    rule::Kind,
    state::{Digest, Link, Owned, Removal},
};

/// The removal of a resource, as far as the state says it.
struct Removing {
    step: Step,
    link: Link,
    digest: Option<Digest>,
    means: Means,
}

/// The means of a removal.
enum Means {
    /// A PATCH, after which the resource is known to be this.
    Disable(PatchRequest, Resource),
    /// A PATCH after which the link is forgotten.
    EndAccess(PatchRequest),
    Delete,
    /// Nothing is sent, and the link is forgotten.
    Release,
    /// Nothing, for this reason.
    Hold(Held),
}

impl Removing {
    fn write(&self) -> Option<Write<'_>> {
        let Link { kind, target_id, .. } = &self.link;
        match &self.means {
            Means::Disable(request, _) | Means::EndAccess(request) => {
                Some(Write::Patch(*kind, target_id, request))
            }
            Means::Delete => Some(Write::Delete(*kind, target_id)),
            Means::Release | Means::Hold(_) => None,
        }
    }
}

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Disables what has to be disabled, or tells that it is held back.
    pub(super) fn disable(&mut self, is_held: bool) -> Result<(), Stop> {
        let removals = self.state.removals(false)?;
        self.remove(&removals, is_held)
    }

    /// Deletes what has to be deleted, or tells that it is held back. What this job did not create stays.
    pub(super) fn delete(&mut self, is_held: bool) -> Result<(), Stop> {
        let removals = self.state.removals(true)?;
        self.remove(&removals, is_held)
    }

    fn remove(&mut self, removals: &[Removal], is_held: bool) -> Result<(), Stop> {
        for page in removals.chunks(PAGE) {
            let is_held = |removal: &Removal| is_held && !removal.is_allowed;
            self.announce_removals(page.iter().filter(|removal| !is_held(removal)))?;
            let mut removing = Vec::with_capacity(page.len());
            for removal in page {
                removing.extend(self.removing(removal, is_held(removal))?);
            }
            let writes: Vec<Option<Write<'_>>> = removing.iter().map(Removing::write).collect();
            self.page(|cycle| {
                cycle.each(&writes, |cycle, index, answer| {
                    if let Some(removing) = removing.get(index) {
                        cycle.removed(removing, answer)?;
                    }
                    cycle.demand_few_failures()
                })
            })?;
        }
        Ok(())
    }

    /// Writes down what is about to be sent, before it is.
    fn announce_removals<'r>(&self, removals: impl Iterator<Item = &'r Removal>) -> Result<(), Stop> {
        let state = self.state;
        state.atomically(|| {
            for removal in removals {
                state.put_uncertain(&removal.source_id, true)?;
            }
            Ok::<_, SyncError>(())
        })?;
        Ok(())
    }

    /// Notes a failure of a change.
    pub(super) fn change_failed(
        &mut self,
        source_id: &str,
        digest: Option<Digest>,
        error: &Error,
    ) -> Result<Outcome, Stop> {
        if failure::is_certain(error) {
            self.state.put_uncertain(source_id, false)?;
        }
        self.failed(source_id, "", digest, error)
    }

    /// Returns how a resource is removed. None where there is none.
    fn removing(&self, removal: &Removal, is_held: bool) -> Result<Option<Removing>, Stop> {
        let linked = self.state.link(&removal.source_id)?;
        let (Some(linked), Some(rule)) = (linked, self.rule(removal.kind)) else {
            return Ok(None);
        };
        let held = linked.held(rule.resource_type())?;
        let link = linked.link;
        let mut reason = removal.reason.clone();
        let mut changes = Vec::new();
        let deletes_no_users = self.job.client.target().capabilities.soft_delete.value == SoftDelete::Active;
        let (action, means) = match &removal.patch {
            Some(text) => {
                let Ok(request) = PatchRequest::from_json(text) else {
                    return Ok(None);
                };
                changes = change::changes(&request, &held, rule);
                // Where what came of it is not known, the resource is compared with what it was, and the same is sent again.
                let after = change::after(&held, &request, rule.resource_type()).unwrap_or(held);
                (Action::Disable, Means::Disable(request, after))
            }
            None if link.owned == Owned::Adopted => (Action::Release, Means::Release),
            // Ends the access of the user, and forgets the link: who comes back is matched and adopted.
            None if removal.kind == Kind::User && deletes_no_users => {
                reason = format!("{reason}; the target deletes no users");
                let request = Patch::new().replace("active", false).to_request();
                match request {
                    _ if change::is_inactive(&held) => (Action::Release, Means::Release),
                    Ok(request) => {
                        changes = change::changes(&request, &held, rule);
                        (Action::Disable, Means::EndAccess(request))
                    }
                    Err(error) => (Action::Disable, Means::Hold(Held::Mapping(error.to_string()))),
                }
            }
            None => (Action::Delete, Means::Delete),
        };
        let mut step = Step::new(removal.kind, &removal.source_id, action).of(&link.target_id);
        step.reason = Some(reason);
        step.changes = changes;
        Ok(Some(Removing {
            step,
            link,
            digest: removal.digest,
            means: if is_held { Means::Hold(Held::Guard) } else { means },
        }))
    }

    /// Takes the result of a removal.
    fn removed(&mut self, removing: &Removing, answer: Option<Answer<Written>>) -> Result<(), Stop> {
        let Removing { link, means, .. } = removing;
        let mut step = removing.step.clone();
        if let Means::Hold(held) = means {
            self.hold(step, held.clone());
            return Ok(());
        }
        let mut is_gone = false;
        if let Some((written, requests)) = answer {
            step.requests = requests;
            is_gone = written.is_gone;
            if let Err(error) = written.result
                && !is_gone
            {
                let outcome = self.change_failed(&link.source_id, removing.digest, &error)?;
                self.tell(step, outcome);
                return Ok(());
            }
            self.succeeded();
        }
        match means {
            Means::Disable(_, after) if !is_gone => {
                self.state.remove_failed(&link.source_id, "")?;
                let link = Link {
                    disabled: true,
                    gone: removing.digest.is_none().then_some(self.now),
                    ..link.clone()
                };
                self.state.put_link(&link, removing.digest, after)?;
            }
            _ => self.state.unlink(&link.source_id)?,
        }
        self.tell(step, Outcome::Done);
        Ok(())
    }
}
