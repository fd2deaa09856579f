//! Requests that an earlier cycle was about to send when it ended.

use keyfob_client::{BlockingTransport, Error, Found, Stored};
use keyfob_core::{Resource, SmolStr};

use super::{
    Cycle, PAGE, Stop, change,
    flight::{Look, Looked, Read},
};
use crate::{
    event::{Action, Held, Outcome, Sent, Step},
    state::{Intent, Link, Owned},
};

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Finds out what came of requests whose answers an earlier cycle did not live to see.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        let only = self.only;
        let is_asked = |source_id: &SmolStr| only.is_none_or(|only| only == source_id);
        let mut intents = self.state.intents()?;
        intents.retain(|intent| is_asked(&intent.source_id));
        for page in intents.chunks(PAGE) {
            self.settle_creations(page)?;
        }
        let mut uncertain = self.state.uncertain()?;
        uncertain.retain(is_asked);
        for page in uncertain.chunks(PAGE) {
            self.settle_changes(page)?;
        }
        Ok(())
    }

    /// Reads resources that may have been changed, so that their objects are compared with what there is.
    fn settle_changes(&mut self, page: &[SmolStr]) -> Result<(), Stop> {
        let mut links = Vec::with_capacity(page.len());
        for source_id in page {
            let linked = self.state.link(source_id)?;
            links.extend(linked.map(|linked| linked.link));
        }
        links.retain(|link| self.rule(link.kind).is_some());
        let read = |link: &Link| {
            Some(Read {
                kind: link.kind,
                id: link.target_id.clone(),
            })
        };
        let reads: Vec<Option<Read>> = links.iter().map(read).collect();
        self.page(|cycle| {
            cycle.each(&reads, |cycle, index, answer| {
                let (Some(link), Some((read, sent))) = (links.get(index), answer) else {
                    return Ok(());
                };
                cycle.settle_change(link, read, sent)
            })
        })
    }

    fn settle_change(
        &mut self,
        link: &Link,
        read: Result<Stored, Error>,
        sent: Vec<Sent>,
    ) -> Result<(), Stop> {
        let Some(rule) = self.rule(link.kind) else {
            return Ok(());
        };
        match read {
            Ok(read) => {
                self.succeeded();
                let held = change::compared(read.resource, rule.resource_type());
                self.state.put_link(link, None, &held)?;
            }
            Err(error) if error.is_gone() => {
                self.succeeded();
                self.state.unlink(&link.source_id)?;
            }
            // It stays uncertain, and nothing is sent for the object meanwhile.
            Err(error) => {
                let mut step = Step::new(link.kind, &link.source_id, Action::Match).of(&link.target_id);
                step.requests = sent;
                let outcome = self.blamed(&error)?;
                self.tell(step, outcome);
                return self.demand_few_failures();
            }
        }
        Ok(())
    }

    /// Looks for what was about to be created.
    fn settle_creations(&mut self, page: &[Intent]) -> Result<(), Stop> {
        let mut sought = Vec::with_capacity(page.len());
        for intent in page {
            let Some(rule) = self.rule(intent.kind) else {
                continue;
            };
            match Resource::from_json(&intent.body, rule.resource_type()) {
                Ok(body) if self.state.link(&intent.source_id)?.is_none() => sought.push((intent, body)),
                _ => self.state.remove_intent(&intent.source_id)?,
            }
        }
        let look = |(intent, _): &(&Intent, Resource)| {
            let filters = intent.filters.iter();
            Some(Look {
                kind: intent.kind,
                filters: filters.map(|filter| (filter.clone(), false)).collect(),
            })
        };
        let looks: Vec<Option<Look>> = sought.iter().map(look).collect();
        self.page(|cycle| {
            cycle.each(&looks, |cycle, index, answer| {
                let (Some((intent, body)), Some((looked, sent))) = (sought.get(index), answer) else {
                    return Ok(());
                };
                cycle.settle_creation(intent, body, looked, sent)
            })
        })
    }

    /// Tells of creations whose objects the source no longer has, and for which several resources were found.
    pub(super) fn tell_of_several(&mut self) {
        for (source_id, (kind, ids)) in std::mem::take(&mut self.several) {
            let step = Step::new(kind, &source_id, Action::Match);
            self.hold(step, Held::SeveralMatch { ids });
        }
    }

    /// Takes what was found of a creation. What holds all that was sent is that, and is linked; anything else is left to the ordinary
    /// look-up.
    fn settle_creation(
        &mut self,
        intent: &Intent,
        body: &Resource,
        looked: Looked,
        sent: Vec<Sent>,
    ) -> Result<(), Stop> {
        let Some(rule) = self.rule(intent.kind) else {
            return Ok(());
        };
        let resource_type = rule.resource_type();
        let found = match looked {
            Looked::Found(Found::One(found)) => found,
            // It stays unknown, and nothing is created for the object meanwhile. A refusal too says nothing of what is there: before
            // the creation was sent, the same question was answered.
            Looked::Failed(error) => {
                let mut step = Step::new(intent.kind, &intent.source_id, Action::Match);
                step.requests = sent;
                let outcome = self.blamed(&error)?;
                self.tell(step, outcome);
                return self.demand_few_failures();
            }
            // One of them may be the one that was created: nothing is created, changed or deleted until it is known which.
            Looked::Found(Found::Many(ids)) => {
                self.succeeded();
                self.several.insert(intent.source_id.clone(), (intent.kind, ids));
                return Ok(());
            }
            Looked::Nobody | Looked::Created | Looked::Found(Found::None) => {
                self.succeeded();
                self.state.remove_intent(&intent.source_id)?;
                return Ok(());
            }
        };
        let is_taken = self.state.source_of(intent.kind, &found.id)?.is_some();
        if !is_taken && found.holds(body, resource_type) {
            let link = Link {
                kind: intent.kind,
                source_id: intent.source_id.clone(),
                target_id: found.id.clone(),
                owned: Owned::Created,
                disabled: false,
                gone: None,
            };
            // Without a digest: the object is compared again.
            let held = change::created(found.resource, body, resource_type);
            self.state.put_link(&link, None, &held)?;
            self.state.remove_failed(&intent.source_id, "")?;
            let mut step = Step::new(intent.kind, &intent.source_id, Action::Adopt).of(&link.target_id);
            step.requests = sent;
            self.tell(step, Outcome::Done);
        }
        self.succeeded();
        self.state.remove_intent(&intent.source_id)?;
        Ok(())
    }
}
