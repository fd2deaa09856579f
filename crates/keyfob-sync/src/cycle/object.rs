//! Creating, adopting and updating resources, a page of objects at a time.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use keyfob_client::{BlockingTransport, Error, Found};
use keyfob_core::{Resource, ResourceId, SmolStr, message::PatchRequest};
use keyfob_filter::{CompareOp, Filter};
use keyfob_mapping::{ApplyError, Change, Lookup};
use sha2::{Digest as _, Sha256};

use super::{
    Cycle, PAGE, Stop, change, failure,
    flight::{Answer, Look, Looked, Write, Written},
    stage::{References, complete},
};
use crate::{
    error::SyncError,
    event::{Action, Event, Held, Outcome, Sent, Step},
    rule::{Kind, Rule, short},
    source::{Item, Object, SourceErrorKind},
    state::{Digest, Intent, Link, Linked, Owned, Staged},
};

/// An object that is looked at, and what was found out so far.
struct Work {
    object: Object,
    digest: Digest,
    in_scope: bool,
    /// The requests that found that its resource is gone.
    sent: Vec<Sent>,
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

/// An object whose page begins.
struct Begun {
    work: Work,
    start: Start,
}

/// The way in which the resource of an object is found.
enum Start {
    /// It is known.
    Linked(Box<Linked>),
    /// By these filters.
    Look(Vec<String>),
}

/// An object, what has to be done for it, and the requests that said so.
type Decided = (Work, Prepared, Vec<Sent>);

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
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
                sent: Vec::new(),
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
        let prepared = self.prepare(page)?;
        self.announce(&prepared)?;
        let writes: Vec<Option<Write<'_>>> =
            prepared.iter().map(|(work, next, _)| next.write(work)).collect();
        let mut again = BTreeMap::new();
        self.page(|cycle| {
            cycle.each(&writes, |cycle, index, answer| {
                let Some((work, next, sent)) = prepared.get(index) else {
                    return Ok(());
                };
                match next {
                    Prepared::Nothing => {}
                    Prepared::Create {
                        resource, missing, ..
                    } => {
                        if let Some(answer) = answer {
                            cycle.created(work, resource, missing, sent, answer)?;
                        }
                    }
                    Prepared::Bring(bring) => {
                        if let Some(sent) = cycle.bring(work, bring, sent, answer)? {
                            again.insert(index, sent);
                        }
                    }
                }
                cycle.demand_few_failures()
            })
        })?;
        drop(writes);
        let indexed = prepared.into_iter().enumerate();
        let gone = indexed.filter_map(|(index, (work, ..))| {
            let sent = again.remove(&index)?;
            Some(Work { sent, ..work })
        });
        Ok(gone.collect())
    }

    /// Finds out what has to be done for a page of objects, without changing anything.
    fn prepare(&mut self, page: Vec<Work>) -> Result<Vec<Decided>, Stop> {
        let mut claimed = BTreeSet::new();
        let mut prepared = Vec::with_capacity(page.len());
        let mut keys = HashSet::new();
        let mut begun = Vec::with_capacity(page.len());
        // Objects that are looked for as an earlier one of the page is: what that one finds or creates decides.
        let mut later = Vec::new();
        for work in page {
            let Some(start) = self.start(&work)? else {
                continue;
            };
            let Start::Look(filters) = &start else {
                begun.push(Begun { work, start });
                continue;
            };
            let own: Vec<Digest> = filters
                .iter()
                .map(|filter| key(work.object.kind, filter))
                .collect();
            let is_first = own.iter().all(|key| !keys.contains(key));
            keys.extend(own);
            if is_first {
                begun.push(Begun { work, start });
            } else {
                later.push(Begun { work, start });
            }
        }
        self.decide_all(begun, &mut claimed, &mut prepared)?;
        for begun in later {
            self.decide_all(vec![begun], &mut claimed, &mut prepared)?;
        }
        Ok(prepared)
    }

    /// Finds out how the resource of an object is found. None where there is nothing to do, which has been told.
    fn start(&mut self, work: &Work) -> Result<Option<Start>, Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(None);
        };
        if let Some(linked) = self.state.link(&object.id)? {
            return Ok(Some(Start::Linked(Box::new(linked))));
        }
        let held = match rule.mapper.matching(&object.source, &self.environment()) {
            Ok(filters) if filters.is_empty() => Held::NoMatchingValue,
            Ok(filters) => {
                let filters = filters.iter().map(provider_form).collect();
                return Ok(Some(Start::Look(filters)));
            }
            Err(error) => Held::Mapping(error.to_string()),
        };
        let step = Step::new(object.kind, &object.id, Action::Match);
        self.refuse(work, step, held)?;
        Ok(None)
    }

    /// Looks for the resources of objects that are not known, and decides for each what has to be done.
    fn decide_all(
        &mut self,
        begun: Vec<Begun>,
        claimed: &mut BTreeSet<ResourceId>,
        prepared: &mut Vec<Decided>,
    ) -> Result<(), Stop> {
        let looks: Vec<Option<Look>> = begun
            .iter()
            .map(|begun| match &begun.start {
                Start::Linked(_) => None,
                Start::Look(filters) => {
                    let kind = begun.work.object.kind;
                    let is_created = |filter: &String| self.fresh.contains(&key(kind, filter));
                    let filters = filters.iter().map(|filter| (filter.clone(), is_created(filter)));
                    Some(Look {
                        kind,
                        filters: filters.collect(),
                    })
                }
            })
            .collect();
        let mut begun: Vec<Option<Begun>> = begun.into_iter().map(Some).collect();
        self.each(&looks, |cycle, index, answer| {
            let Some(Begun { mut work, start }) = begun.get_mut(index).and_then(Option::take) else {
                return Ok(());
            };
            let (looked, requests) = answer.unzip();
            let mut sent = std::mem::take(&mut work.sent);
            sent.extend(requests.unwrap_or_default());
            let next = cycle.decide(&work, start, looked, &sent, claimed)?;
            prepared.push((work, next, sent));
            cycle.demand_few_failures()
        })
    }

    /// Writes down what is about to be sent, before it is: a cycle that ends in the middle leaves word of what may have been
    /// created, and of whom it may have changed.
    fn announce(&self, prepared: &[Decided]) -> Result<(), Stop> {
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

    /// Decides what has to be done for an object whose resource was looked for.
    fn decide(
        &mut self,
        work: &Work,
        start: Start,
        looked: Option<Looked>,
        sent: &[Sent],
        claimed: &mut BTreeSet<ResourceId>,
    ) -> Result<Prepared, Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(Prepared::Nothing);
        };
        let filters = match start {
            Start::Linked(linked) => {
                self.matched(Vec::new(), Some(&linked.link.target_id));
                let held = linked.held(rule.resource_type())?;
                return self.compare(work, rule, linked.link, false, held, sent);
            }
            Start::Look(filters) => filters,
        };
        let another = || Held::Linked {
            other: "another object of this cycle".into(),
        };
        let mut found = None;
        let mut refused = None;
        let mut failure = None;
        match looked {
            None | Some(Looked::Nobody | Looked::Found(Found::None)) => {}
            Some(Looked::Created) => refused = Some(another()),
            Some(Looked::Failed(error)) => failure = Some(error),
            Some(Looked::Found(Found::Many(ids))) => refused = Some(Held::SeveralMatch { ids }),
            Some(Looked::Found(Found::One(stored))) => {
                match self.state.source_of(object.kind, &stored.id)? {
                    Some(other) => refused = Some(Held::Linked { other }),
                    None if claimed.contains(&stored.id) => refused = Some(another()),
                    None => found = Some(stored),
                }
            }
        }
        self.matched(filters.clone(), found.as_ref().map(|stored| &stored.id));
        let mut step = Step::new(object.kind, &object.id, Action::Match);
        step.requests = sent.to_vec();
        if let Some(held) = refused {
            self.refuse(work, step, held)?;
            return Ok(Prepared::Nothing);
        }
        if let Some(error) = failure {
            let outcome = self.failed(&object.id, "", Some(work.digest), &error)?;
            self.tell(step, outcome);
            return Ok(Prepared::Nothing);
        }
        if let Some(found) = found {
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
            return self.compare(work, rule, link, true, held, sent);
        }
        let references = References::new(self.state, rule);
        match self.apply(rule, object, None, &references) {
            Ok(Change::Create(mut resource)) => {
                resource.relations_mut().clear();
                let keys = filters.iter().map(|filter| key(object.kind, filter));
                self.fresh.extend(keys);
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

    /// Tells how the resource of the one object of an on-demand run was found.
    fn matched(&mut self, filters: Vec<String>, target_id: Option<&ResourceId>) {
        if self.only.is_some() {
            (self.observe)(&Event::Matched {
                filters,
                target_id: target_id.cloned(),
            });
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
        sent: &[Sent],
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
                let mut step =
                    Step::new(work.object.kind, &work.object.id, Action::Update).of(&link.target_id);
                step.requests = sent.to_vec();
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

    /// Holds an object back until it changes, or it is time to try again.
    fn refuse(&mut self, work: &Work, step: Step, held: Held) -> Result<(), Stop> {
        self.postpone(&work.object.id, "", Some(work.digest), held.to_string())?;
        self.hold(step, held);
        Ok(())
    }

    /// Takes the result of a creation.
    fn created(
        &mut self,
        work: &Work,
        resource: &Resource,
        missing: &BTreeSet<SmolStr>,
        sent: &[Sent],
        (written, requests): Answer<Written>,
    ) -> Result<(), Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(());
        };
        let mut step = Step::new(object.kind, &object.id, Action::Create);
        step.changes = change::contents(resource, rule);
        step.requests = [sent, &requests].concat();
        match written.result {
            // Only a creation was sent.
            Ok(None) => {}
            Ok(Some(stored)) => {
                let stored = *stored;
                if let Some(other) = self.state.source_of(object.kind, &stored.id)? {
                    // The target answered with a resource that it had, and that stands for another object.
                    self.state.remove_intent(&object.id)?;
                    return self.refuse(work, step, Held::Linked { other });
                }
                self.succeeded();
                // What the target did not make for this job may be somebody else's, and is never deleted.
                let is_ours =
                    written.says_created && stored.holds(&rule.matched(resource), rule.resource_type());
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

    /// Takes the result of bringing a resource up to date. Where it is gone, so that the object has to be looked at again,
    /// returns the requests.
    fn bring(
        &mut self,
        work: &Work,
        bring: &Bring,
        sent: &[Sent],
        answer: Option<Answer<Written>>,
    ) -> Result<Option<Vec<Sent>>, Stop> {
        let object = &work.object;
        let Some(rule) = self.rule(object.kind) else {
            return Ok(None);
        };
        let Bring {
            link, is_new, held, ..
        } = bring;
        let action = if *is_new { Action::Adopt } else { Action::Update };
        let mut step = Step::new(object.kind, &object.id, action).of(&link.target_id);
        step.requests = sent.to_vec();
        let mut after = held.clone();
        let is_changed = bring.request.is_some();
        if let (Some(request), Some((written, requests))) = (&bring.request, answer) {
            step.changes = change::changes(request, held, rule);
            step.requests.extend(requests);
            if written.is_gone {
                self.state.unlink(&object.id)?;
                return Ok(Some(step.requests));
            }
            match self.brought(work, rule, link, held, request, written.result.map(drop)) {
                Ok(resource) => after = resource,
                Err(error) => {
                    let outcome = self.change_failed(&object.id, Some(work.digest), &error)?;
                    self.tell(step, outcome);
                    return Ok(None);
                }
            }
            self.succeeded();
        }
        let link = Link {
            disabled: bring.disabled || change::is_inactive(&after),
            gone: None,
            ..link.clone()
        };
        self.state.put_link(&link, Some(work.digest), &after)?;
        self.state.put_references(&object.id, &bring.missing)?;
        self.state.remove_failed(&object.id, "")?;
        if *is_new || is_changed {
            self.tell(step, Outcome::Done);
        } else {
            self.report.counts.up_to_date += 1;
        }
        Ok(None)
    }

    /// Returns a resource as it is after a PATCH. Where the target refused it, somebody else may have changed the resource: it is
    /// read, and compared with that once.
    fn brought(
        &self,
        work: &Work,
        rule: &Rule,
        link: &Link,
        held: &Resource,
        request: &PatchRequest,
        sent: Result<(), Error>,
    ) -> Result<Resource, Error> {
        let resource_type = rule.resource_type();
        let Err(error) = sent else {
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

impl Prepared {
    /// Returns the request that is due.
    fn write(&self, work: &Work) -> Option<Write<'_>> {
        match self {
            Self::Create { resource, .. } => Some(Write::Create(work.object.kind, resource)),
            Self::Bring(bring) => {
                let request = bring.request.as_ref()?;
                Some(Write::Patch(bring.link.kind, &bring.link.target_id, request))
            }
            Self::Nothing => None,
        }
    }
}

/// Returns the key of a filter among those that find the resources that a cycle creates.
fn key(kind: Kind, filter: &str) -> Digest {
    short(Sha256::new().chain_update(kind.as_str()).chain_update(filter))
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
