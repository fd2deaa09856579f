//! Disabling and deleting.

use keyfob_client::{BlockingTransport, Error, Patch, SoftDelete};
use keyfob_core::message::PatchRequest;

use super::{Cycle, PAGE, Stop, change, failure};
use crate::{
    error::SyncError,
    event::{Action, Held, Outcome, Step},
    rule::Kind,
    state::{Digest, Link, Linked, Owned, Removal},
};

impl<X: BlockingTransport> Cycle<'_, X> {
    /// Disables what has to be disabled, or tells that it is held back.
    pub(super) fn disable(&mut self, is_held: bool) -> Result<(), Stop> {
        let removals = self.state.removals(false)?;
        self.remove(&removals, is_held, Self::disable_one)
    }

    /// Deletes what has to be deleted, or tells that it is held back. What this job did not create stays.
    pub(super) fn delete(&mut self, is_held: bool) -> Result<(), Stop> {
        let removals = self.state.removals(true)?;
        self.remove(&removals, is_held, Self::delete_one)
    }

    fn remove(
        &mut self,
        removals: &[Removal],
        is_held: bool,
        one: impl Fn(&mut Self, &Removal, bool) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for page in removals.chunks(PAGE) {
            let is_held = |removal: &Removal| is_held && !removal.is_allowed;
            self.announce_removals(page.iter().filter(|removal| !is_held(removal)))?;
            self.page(|cycle| {
                for removal in page {
                    one(cycle, removal, is_held(removal))?;
                    cycle.demand_few_failures()?;
                }
                Ok(())
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

    fn disable_one(&mut self, removal: &Removal, is_held: bool) -> Result<(), Stop> {
        let Some(linked) = self.state.link(&removal.source_id)? else {
            return Ok(());
        };
        let Some(rule) = self.rule(removal.kind) else {
            return Ok(());
        };
        let Some(request) = removal
            .patch
            .as_deref()
            .and_then(|text| PatchRequest::from_json(text).ok())
        else {
            return Ok(());
        };
        let held = linked.held(rule.resource_type())?;
        let id = &linked.link.target_id;
        let mut step = Step::new(removal.kind, &removal.source_id, Action::Disable).of(id);
        step.reason = Some(removal.reason.clone());
        step.changes = change::changes(&request, &held, rule);
        if is_held {
            self.hold(step, Held::Guard);
            return Ok(());
        }
        let after = change::after(&held, &request, rule.resource_type());
        match self.gateway.patch(removal.kind, id, request) {
            Ok(_) => {
                self.succeeded();
                self.state.remove_failed(&removal.source_id, "")?;
                let gone = removal.digest.is_none().then_some(self.now);
                let link = Link {
                    disabled: true,
                    gone,
                    ..linked.link.clone()
                };
                // Where what came of it is not known, the resource is compared with what it was, and the same is sent again.
                self.state
                    .put_link(&link, removal.digest, after.as_ref().unwrap_or(&held))?;
                self.tell(step, Outcome::Done);
            }
            Err(error) if error.is_gone() && self.is_confirmed_gone(&linked.link) => {
                self.state.unlink(&removal.source_id)?;
                self.succeeded();
                self.tell(step, Outcome::Done);
            }
            Err(error) => {
                let outcome = self.change_failed(&removal.source_id, removal.digest, &error)?;
                self.tell(step, outcome);
            }
        }
        Ok(())
    }

    fn delete_one(&mut self, removal: &Removal, is_held: bool) -> Result<(), Stop> {
        let Some(linked) = self.state.link(&removal.source_id)? else {
            return Ok(());
        };
        let stays = removal.kind == Kind::User
            && self.job.client.target().capabilities.soft_delete.value == SoftDelete::Active;
        if stays && linked.link.owned == Owned::Created {
            return self.end_access(removal, linked, is_held);
        }
        let Linked { link, .. } = linked;
        let action = match link.owned {
            Owned::Created => Action::Delete,
            Owned::Adopted => Action::Release,
        };
        let mut step = Step::new(removal.kind, &removal.source_id, action).of(&link.target_id);
        step.reason = Some(removal.reason.clone());
        if is_held {
            self.hold(step, Held::Guard);
            return Ok(());
        }
        if action == Action::Release {
            self.state.unlink(&removal.source_id)?;
            self.tell(step, Outcome::Done);
            return Ok(());
        }
        match self.gateway.delete(removal.kind, &link.target_id) {
            Ok(()) => {}
            Err(error) if error.is_gone() && self.is_confirmed_gone(&link) => {}
            Err(error) => {
                let outcome = self.change_failed(&removal.source_id, removal.digest, &error)?;
                self.tell(step, outcome);
                return Ok(());
            }
        }
        self.succeeded();
        self.state.unlink(&removal.source_id)?;
        self.tell(step, Outcome::Done);
        Ok(())
    }

    /// Ends the access of a user at a target that deletes no users, and forgets the link: who comes back is matched and adopted.
    fn end_access(&mut self, removal: &Removal, linked: Linked, is_held: bool) -> Result<(), Stop> {
        let Some(rule) = self.rule(removal.kind) else {
            return Ok(());
        };
        let held = linked.held(rule.resource_type())?;
        let link = linked.link;
        let is_active = !change::is_inactive(&held);
        let action = if is_active {
            Action::Disable
        } else {
            Action::Release
        };
        let mut step = Step::new(removal.kind, &removal.source_id, action).of(&link.target_id);
        step.reason = Some(format!("{}; the target deletes no users", removal.reason));
        let request = Patch::new().replace("active", false).to_request();
        let request = match request.map_err(|error| error.to_string()) {
            Ok(request) => request,
            Err(reason) => {
                self.hold(step, Held::Mapping(reason));
                return Ok(());
            }
        };
        if is_active {
            step.changes = change::changes(&request, &held, rule);
        }
        if is_held {
            self.hold(step, Held::Guard);
            return Ok(());
        }
        if is_active {
            match self.gateway.patch(removal.kind, &link.target_id, request) {
                Ok(_) => {}
                Err(error) if error.is_gone() && self.is_confirmed_gone(&link) => {}
                Err(error) => {
                    let outcome = self.change_failed(&removal.source_id, removal.digest, &error)?;
                    self.tell(step, outcome);
                    return Ok(());
                }
            }
            self.succeeded();
        }
        self.state.unlink(&removal.source_id)?;
        self.tell(step, Outcome::Done);
        Ok(())
    }

    /// Asks again for a resource that a write did not find: servers without a method, and proxies, answer 404 too.
    pub(super) fn is_confirmed_gone(&self, link: &Link) -> bool {
        let read = self.gateway.get(link.kind, &link.target_id);
        read.is_err_and(|error| error.is_gone())
    }
}
