//! Requests that an earlier cycle was about to send when it ended.

use keyfob_client::{BlockingTransport, Found, Stored};
use keyfob_core::{Resource, SmolStr};

use super::{Cycle, Stop, change};
use crate::{
    event::{Action, Outcome, Step},
    state::{Intent, Link, Linked, Owned},
};

impl<X: BlockingTransport> Cycle<'_, X> {
    /// Finds out what came of requests whose answers an earlier cycle did not live to see.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        for intent in self.state.intents()? {
            if self.only.is_some_and(|only| only != intent.source_id) {
                continue;
            }
            self.page(|cycle| cycle.settle_creation(&intent))?;
        }
        for source_id in self.state.uncertain()? {
            if self.only.is_some_and(|only| *only != source_id) {
                continue;
            }
            self.page(|cycle| cycle.settle_change(&source_id))?;
        }
        Ok(())
    }

    /// Reads a resource that may have been changed, so that the object is compared with what there is.
    fn settle_change(&mut self, source_id: &SmolStr) -> Result<(), Stop> {
        let Some(Linked { link, .. }) = self.state.link(source_id)? else {
            return Ok(());
        };
        let Some(rule) = self.rule(link.kind) else {
            return Ok(());
        };
        match self.gateway.get(link.kind, &link.target_id) {
            Ok(read) => {
                self.succeeded();
                let held = change::compared(read.resource, rule.resource_type());
                self.state.put_link(&link, None, &held)?;
            }
            Err(error) if error.is_gone() => {
                self.succeeded();
                self.state.unlink(source_id)?;
            }
            // It stays uncertain, and nothing is sent for the object meanwhile.
            Err(error) => {
                let step = Step::new(link.kind, source_id, Action::Match).of(&link.target_id);
                let outcome = self.blamed(&error)?;
                self.tell(step, outcome);
                return self.demand_few_failures();
            }
        }
        Ok(())
    }

    /// Looks for what was about to be created. What holds all that was sent is that, and is linked; anything else is left to
    /// the ordinary look-up.
    fn settle_creation(&mut self, intent: &Intent) -> Result<(), Stop> {
        let Some(rule) = self.rule(intent.kind) else {
            return Ok(());
        };
        let resource_type = rule.resource_type();
        let sent = Resource::from_json(&intent.body, resource_type);
        let (Ok(sent), false) = (sent, self.state.link(&intent.source_id)?.is_some()) else {
            self.state.remove_intent(&intent.source_id)?;
            return Ok(());
        };
        let mut ours: Option<Stored> = None;
        for filter in &intent.filters {
            match self.gateway.find(intent.kind, filter) {
                Ok(Found::None) => continue,
                Ok(Found::One(found)) => {
                    let is_taken = self.state.source_of(intent.kind, &found.id)?.is_some();
                    ours = Some(found).filter(|found| !is_taken && found.holds(&sent, resource_type));
                }
                // It stays unknown, and nothing is created for the object meanwhile. A refusal too says nothing of what is there: before
                // the creation was sent, the same question was answered.
                Err(error) => {
                    let step = Step::new(intent.kind, &intent.source_id, Action::Match);
                    let outcome = self.blamed(&error)?;
                    self.tell(step, outcome);
                    return self.demand_few_failures();
                }
                Ok(Found::Many(_)) => {}
            }
            break;
        }
        if let Some(found) = ours {
            let link = Link {
                kind: intent.kind,
                source_id: intent.source_id.clone(),
                target_id: found.id.clone(),
                owned: Owned::Created,
                disabled: false,
                gone: None,
            };
            // Without a digest: the object is compared again.
            let held = change::created(found.resource, &sent, resource_type);
            self.state.put_link(&link, None, &held)?;
            self.state.remove_failed(&intent.source_id, "")?;
            let step = Step::new(intent.kind, &intent.source_id, Action::Adopt).of(&link.target_id);
            self.tell(step, Outcome::Done);
        }
        self.succeeded();
        self.state.remove_intent(&intent.source_id)?;
        Ok(())
    }
}
