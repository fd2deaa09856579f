//! Creating, adopting and updating resources, a page of objects at a time.

use std::collections::BTreeSet;

use keyfob_client::{BlockingTransport, Error, Found, Stored};
use keyfob_core::{Resource, ResourceId, SmolStr, message::PatchRequest};
use keyfob_filter::{CompareOp, Filter};
use keyfob_mapping::{ApplyError, Change, Lookup};
use sha2::{Digest as _, Sha256};

use super::{
    Cycle, PAGE, Stop, change, failure,
    stage::{References, complete},
};
use crate::{
    error::SyncError,
    event::{Action, Event, Held, Outcome, Sent, Step},
    rule::{Rule, short},
    source::{Item, Object, SourceErrorKind},
    state::{Digest, Intent, Link, Owned, Staged},
};

/// An object that is looked at, and what was found out so far.
struct Work {
    object: Object,
    digest: Digest,
    in_scope: bool,
}

/// The work that an object needs, found out with look-ups alone.
enum Prepared {
    /// A resource has to be created.
    Create {
        resource: Resource,
        filters: Vec<String>,
        missing: BTreeSet<SmolStr>,
    },
    /// A resource that is there has to be brought up to date.
    Bring(Box<Bring>),
    /// Nothing, which has been told.
    Nothing,
}

/// A resource that is there.
struct Bring {
    link: Link,
    is_new: bool,
    held: Resource,
    request: Option<PatchRequest>,
    /// If true, the resource is a disabled one afterwards, whatever its `active` says.
    disabled: bool,
    missing: BTreeSet<SmolStr>,
}

/// The result of a look-up.
enum Match {
    Nobody,
    Resource(Box<Stored>),
    Held(Held),
    Failed(Error),
}

impl<X: BlockingTransport> Cycle<'_, X> {
    /// Reads the source again, and does what has to be done for the objects that are selected.
    pub(super) fn objects(&mut self, selects: &dyn Fn(&SmolStr, &Staged) -> bool) -> Result<(), Stop> {
        let source = self.source;
        let mut page: Vec<Work> = Vec::with_capacity(PAGE);
        for item in source.items().map_err(SyncError::from)? {
            let Item::Object(mut object) = item.map_err(SyncError::from)? else {
                continue;
            };
            if self.only.is_some_and(|only| only != object.id) {
                continue;
            }
            complete(&mut object)?;
            let staged = self.state.staged(&object.id)?;
            let changed = || {
                let id = object.id.clone();
                SourceErrorKind::Changed { id }.at(&object.place)
            };
            let (Some(rule), Some(staged)) = (self.rule(object.kind), staged) else {
                return Err(changed().into());
            };
            if !selects(&object.id, &staged) {
                continue;
            }
            // What is removed was decided by what the source said then.
            if rule.digest(&object.source, staged.in_scope) != staged.digest {
                return Err(changed().into());
            }
            page.push(Work {
                object,
                digest: staged.digest,
                in_scope: staged.in_scope,
            });
            if page.len() == PAGE {
                self.work(std::mem::take(&mut page))?;
            }
        }
        self.work(page)
    }

    /// Does a page of work; what turns out to be gone at the target is done once more, as if it had never been there.
    fn work(&mut self, page: Vec<Work>) -> Result<(), Stop> {
        let again = self.work_once(page)?;
        self.work_once(again).map(drop)
    }

    /// Does a page of work, and returns what has to be done again.
    fn work_once(&mut self, page: Vec<Work>) -> Result<Vec<Work>, Stop> {
        let mut prepared = Vec::with_capacity(page.len());
        let mut claimed: BTreeSet<ResourceId> = BTreeSet::new();
        for work in page {
            let next = self.prepare(&work, &mut claimed)?;
            self.demand_few_failures()?;
            prepared.push((work, next, self.gateway.take_sent()));
        }
        self.announce(&prepared)?;
        let mut again = Vec::new();
        self.page(|cycle| {
            for (work, next, sent) in prepared {
                match next {
                    Prepared::Nothing => {}
                    Prepared::Create {
                        resource, missing, ..
                    } => cycle.create(&work, &resource, &missing, sent)?,
                    Prepared::Bring(bring) => {
                        if cycle.bring(&work, *bring, sent)? {
                            again.push(work);
                        }
                    }
                }
                cycle.demand_few_failures()?;
            }
            Ok(())
        })?;
        Ok(again)
    }

    /// Writes down what is about to be sent, before it is: a cycle that ends in the middle leaves word of what may have been
    /// created, and of whom it may have changed.
    fn announce(&self, prepared: &[(Work, Prepared, Vec<Sent>)]) -> Result<(), Stop> {
        let is_nothing = |next: &Prepared| match next {
            Prepared::Nothing => true,
            Prepared::Bring(bring) => !bring.is_new && bring.request.is_none(),
            Prepared::Create { .. } => false,
        };
        if prepared.iter().all(|(_, next, _)| is_nothing(next)) {
            return Ok(());
        }
        let state = self.state;
        state.atomically(|| {
            for (work, next, _) in prepared {
                match next {
                    Prepared::Create {
                        resource, filters, ..
                    } => {
                        let Some(rule) = self.rule(work.object.kind) else {
                            continue;
                        };
                        state.put_intent(&Intent {
                            source_id: work.object.id.clone(),
                            kind: work.object.kind,
                            filters: filters.clone(),
                            body: change::compared(resource.clone(), rule.resource_type()).to_json(),
                        })?;
                    }
                    Prepared::Bring(bring) => {
                        if bring.is_new {
                            state.put_link(&bring.link, None, &bring.held)?;
                        }
                        state.put_uncertain(&work.object.id, bring.request.is_some())?;
                    }
                    Prepared::Nothing => {}
                }
            }
            Ok::<_, SyncError>(())
        })?;
        Ok(())
    }

    /// Finds out what has to be done for an object, without changing anything.
    fn prepare(&mut self, work: &Work, claimed: &mut BTreeSet<ResourceId>) -> Result<Prepared, Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(Prepared::Nothing);
        };
        if let Some(linked) = self.state.link(&object.id)? {
            if self.only.is_some() {
                (self.observe)(&Event::Matched {
                    filters: Vec::new(),
                    target_id: Some(linked.link.target_id.clone()),
                });
            }
            let held = linked.held(rule.resource_type())?;
            return self.compare(work, rule, linked.link, false, held);
        }
        let step = Step::new(object.kind, &object.id, Action::Match);
        let filters = match rule.mapper.matching(&object.source, &self.environment()) {
            Ok(filters) if filters.is_empty() => {
                self.refuse(work, step, Held::NoMatchingValue)?;
                return Ok(Prepared::Nothing);
            }
            Ok(filters) => filters.iter().map(provider_form).collect::<Vec<_>>(),
            Err(error) => {
                self.refuse(work, step, Held::Mapping(error.to_string()))?;
                return Ok(Prepared::Nothing);
            }
        };
        match self.look(object, &filters, claimed)? {
            Match::Resource(found) => {
                claimed.insert(found.id.clone());
                let link = Link {
                    kind: object.kind,
                    source_id: object.id.clone(),
                    target_id: found.id,
                    owned: Owned::Adopted,
                    disabled: false,
                    gone: None,
                };
                let held = change::compared(found.resource, rule.resource_type());
                self.compare(work, rule, link, true, held)
            }
            Match::Held(held) => {
                self.refuse(work, step, held)?;
                Ok(Prepared::Nothing)
            }
            Match::Failed(error) => {
                let outcome = self.failed(&object.id, "", Some(work.digest), &error)?;
                self.tell(step, outcome);
                Ok(Prepared::Nothing)
            }
            Match::Nobody => {
                let references = References::new(self.state, rule);
                let change = self.apply(rule, object, None, &references);
                match change {
                    Ok(Change::Create(mut resource)) => {
                        resource.relations_mut().clear();
                        for filter in &filters {
                            self.fresh.insert(key(object, filter));
                        }
                        Ok(Prepared::Create {
                            resource,
                            filters,
                            missing: references.missing()?,
                        })
                    }
                    Ok(_) => {
                        self.report.counts.skipped += 1;
                        Ok(Prepared::Nothing)
                    }
                    Err(error) => {
                        self.refuse(work, step, Held::Mapping(error.to_string()))?;
                        Ok(Prepared::Nothing)
                    }
                }
            }
        }
    }

    /// Applies a mapping to an object, with the ids of the resources that it refers to.
    pub(super) fn apply(
        &self,
        rule: &Rule,
        object: &Object,
        held: Option<&Resource>,
        references: &References<'_>,
    ) -> Result<Change, ApplyError> {
        let resolve = |path: &str, id: &str| references.resolve(path, id);
        let lookup = Lookup::new().with_references(&resolve);
        rule.mapper
            .apply_with(&object.source, held, &self.environment(), &lookup)
    }

    /// Finds out what changes in a resource that is there.
    fn compare(
        &mut self,
        work: &Work,
        rule: &Rule,
        link: Link,
        is_new: bool,
        held: Resource,
    ) -> Result<Prepared, Stop> {
        let references = References::new(self.state, rule);
        let change = self.apply(rule, &work.object, Some(&held), &references);
        let missing = references.missing()?;
        let (request, disabled) = match change {
            Ok(Change::Update(request)) => (Some(request), false),
            Ok(Change::Disable(request)) => (Some(request), true),
            Ok(Change::UpToDate) => (None, link.disabled || !work.in_scope),
            Ok(Change::NotAllowed) => (None, link.disabled),
            Ok(_) => {
                self.report.counts.skipped += 1;
                return Ok(Prepared::Nothing);
            }
            Err(error) => {
                let step = Step::new(work.object.kind, &work.object.id, Action::Update).of(&link.target_id);
                self.refuse(work, step, Held::Mapping(error.to_string()))?;
                return Ok(Prepared::Nothing);
            }
        };
        Ok(Prepared::Bring(Box::new(Bring {
            link,
            is_new,
            held,
            request,
            disabled,
            missing,
        })))
    }

    /// Looks for the resource of an object by one filter after the other; the first that finds anything decides.
    fn look(
        &mut self,
        object: &Object,
        filters: &[String],
        claimed: &BTreeSet<ResourceId>,
    ) -> Result<Match, Stop> {
        let mut found = Match::Nobody;
        for filter in filters {
            if self.fresh.contains(&key(object, filter)) {
                let other = "another object of this cycle".into();
                return Ok(Match::Held(Held::Linked { other }));
            }
            match self.gateway.find(object.kind, filter) {
                Ok(Found::None) => continue,
                Ok(Found::Many(ids)) => found = Match::Held(Held::SeveralMatch { ids }),
                Ok(Found::One(stored)) => {
                    let other = self.state.source_of(object.kind, &stored.id)?;
                    let other = other.or_else(|| {
                        claimed
                            .contains(&stored.id)
                            .then(|| "another object of this cycle".into())
                    });
                    found = match other {
                        Some(other) => Match::Held(Held::Linked { other }),
                        None => Match::Resource(Box::new(stored)),
                    };
                }
                Err(error) => found = Match::Failed(error),
            }
            break;
        }
        if self.only.is_some() {
            (self.observe)(&Event::Matched {
                filters: filters.to_vec(),
                target_id: match &found {
                    Match::Resource(stored) => Some(stored.id.clone()),
                    _ => None,
                },
            });
        }
        Ok(found)
    }

    /// Holds an object back until it changes, or it is time to try again.
    fn refuse(&mut self, work: &Work, step: Step, held: Held) -> Result<(), Stop> {
        self.postpone(&work.object.id, "", Some(work.digest), held.to_string())?;
        self.hold(step, held);
        Ok(())
    }

    fn create(
        &mut self,
        work: &Work,
        resource: &Resource,
        missing: &BTreeSet<SmolStr>,
        sent: Vec<Sent>,
    ) -> Result<(), Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(());
        };
        let mut step = Step::new(object.kind, &object.id, Action::Create);
        step.changes = change::contents(resource, rule);
        step.requests = sent;
        match self.gateway.create(object.kind, resource) {
            Ok(stored) => {
                if let Some(other) = self.state.source_of(object.kind, &stored.id)? {
                    // The target answered with a resource that it had, and that stands for another object.
                    self.state.remove_intent(&object.id)?;
                    return self.refuse(work, step, Held::Linked { other });
                }
                self.succeeded();
                // What the target did not make for this job may be somebody else's, and is never deleted.
                let is_ours = self.gateway.says_created()
                    && stored.holds(&rule.matched(resource), rule.resource_type());
                if !is_ours {
                    step.action = Action::Adopt;
                    step.reason =
                        Some("the target answered the creation with a resource that may be another's".into());
                }
                let held = change::created(stored.resource, resource, rule.resource_type());
                let link = Link {
                    kind: object.kind,
                    source_id: object.id.clone(),
                    target_id: stored.id,
                    owned: if is_ours { Owned::Created } else { Owned::Adopted },
                    disabled: change::is_inactive(&held),
                    gone: None,
                };
                self.state.put_link(&link, Some(work.digest), &held)?;
                self.state.put_references(&object.id, missing)?;
                self.state.remove_intent(&object.id)?;
                self.state.remove_failed(&object.id, "")?;
                self.tell(step.of(&link.target_id), Outcome::Done);
            }
            Err(error) => {
                if failure::is_certain(&error) {
                    self.state.remove_intent(&object.id)?;
                }
                let outcome = self.failed(&object.id, "", Some(work.digest), &error)?;
                self.tell(step, outcome);
            }
        }
        Ok(())
    }

    /// Brings a resource up to date. Returns true if it is gone, so that the object has to be looked at again.
    fn bring(&mut self, work: &Work, bring: Bring, sent: Vec<Sent>) -> Result<bool, Stop> {
        let Bring {
            link,
            is_new,
            held,
            request,
            disabled,
            missing,
        } = bring;
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(false);
        };
        let action = if is_new { Action::Adopt } else { Action::Update };
        let mut step = Step::new(object.kind, &object.id, action).of(&link.target_id);
        step.requests = sent;
        let mut after = held.clone();
        let is_changed = request.is_some();
        if let Some(request) = request {
            step.changes = change::changes(&request, &held, rule);
            match self.send(work, rule, &link, &held, &request) {
                Ok(resource) => after = resource,
                Err(error) if error.is_gone() && self.is_confirmed_gone(&link) => {
                    self.state.unlink(&object.id)?;
                    return Ok(true);
                }
                Err(error) => {
                    let outcome = self.change_failed(&object.id, Some(work.digest), &error)?;
                    self.tell(step, outcome);
                    return Ok(false);
                }
            }
            self.succeeded();
        }
        let link = Link {
            disabled: disabled || change::is_inactive(&after),
            gone: None,
            ..link
        };
        self.state.put_link(&link, Some(work.digest), &after)?;
        self.state.put_references(&object.id, &missing)?;
        self.state.remove_failed(&object.id, "")?;
        if is_new || is_changed {
            self.tell(step, Outcome::Done);
        } else {
            self.report.counts.up_to_date += 1;
        }
        Ok(false)
    }

    /// Sends a PATCH and returns the resource as it is then. Where the target refuses it, somebody else may have changed
    /// the resource: it is read, and compared with that once.
    fn send(
        &self,
        work: &Work,
        rule: &Rule,
        link: &Link,
        held: &Resource,
        request: &PatchRequest,
    ) -> Result<Resource, Error> {
        let resource_type = rule.resource_type();
        let Err(error) = self.gateway.patch(link.kind, &link.target_id, request.clone()) else {
            if let Some(after) = change::after(held, request, resource_type) {
                return Ok(after);
            }
            let read = self.gateway.get(link.kind, &link.target_id)?;
            return Ok(change::compared(read.resource, resource_type));
        };
        if !failure::is_refusal(&error) || error.is_gone() || error.is_conflict() {
            return Err(error);
        }
        let live = self.gateway.get(link.kind, &link.target_id)?.resource;
        let live = change::compared(live, resource_type);
        let references = References::new(self.state, rule);
        match self.apply(rule, &work.object, Some(&live), &references) {
            Ok(Change::UpToDate) => Ok(live),
            Ok(Change::Update(other) | Change::Disable(other)) if other != *request => {
                let after = change::after(&live, &other, resource_type).unwrap_or(live);
                self.gateway.patch(link.kind, &link.target_id, other)?;
                Ok(after)
            }
            _ => Err(error),
        }
    }
}

/// Returns the key of a filter among those that find the resources that a cycle creates.
fn key(object: &Object, filter: &str) -> Digest {
    short(
        Sha256::new()
            .chain_update(object.kind.as_str())
            .chain_update(filter),
    )
}

/// Returns a filter in the form in which providers send it: `emails[type eq "work"].value eq "x"` in place of
/// `emails[type eq "work" and value eq "x"]`. Some targets understand that one alone.
fn provider_form(filter: &Filter) -> String {
    if let Filter::Path(attribute, inner) = filter
        && let Filter::And(parts) = &**inner
        && let Some((Filter::Compare(sub, CompareOp::Eq, value), selecting)) = parts.split_last()
    {
        let compared = Filter::Compare(sub.clone(), CompareOp::Eq, value.clone());
        let selecting = match selecting {
            [one] => one.clone(),
            several => Filter::And(several.to_vec()),
        };
        return format!("{attribute}[{selecting}].{compared}");
    }
    filter.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e5_a_filter_on_a_value_of_many_has_the_providers_form() {
        for (text, expected) in [
            (r#"userName eq "x""#, r#"userName eq "x""#),
            (
                r#"emails[type eq "work" and value eq "x"]"#,
                r#"emails[type eq "work"].value eq "x""#,
            ),
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(provider_form(&filter), expected);
        }
    }
}
