//! A store as one tenant sees it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use keyfob_core::{
    AttrPath, AttrSet, Dialect, MemberSet, Object, Registry, Resource, ResourceId, ResourceType, SchemaUri,
    Value,
};
use keyfob_filter::{Filter, Predicate};
use keyfob_store::{
    Budget, Capabilities, Commit, CommitId, Committed, Event, FeedError, Feeds, Ids, Maintenance, Outcome,
    Page, Paging, Position, Query, ReadContext, Selection, StoreError, Stored, TenantId, Types, Visibility,
};

use crate::{
    effect::{Effect, Refusal},
    failure::{Failure, Verdict},
    fixture::{Kind, minute},
    harness::Harness,
    step::{Action, Step},
};

/// A store with everything that the suite may ask of it.
pub(crate) trait Tested: Feeds + Maintenance {}

impl<S: Feeds + Maintenance> Tested for S {}

/// One tenant of a store.
///
/// It refuses what the store doesn't claim with [`Failure::inapplicable`], and so ends the case that asks for it.
pub(crate) struct Tenancy<'s, S> {
    pub(crate) store: &'s S,
    pub(crate) registry: &'s Registry,
    pub(crate) tenant: TenantId,
    /// Whether users of one name are refused even where nothing is reserved.
    pub(crate) has_unique_names: bool,
    budget: Budget,
}

/// Everything that a tenant has: of each type the live resources and then the hidden ones, each in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) resources: Vec<(Kind, Stored)>,
    /// None where the store gives no events back.
    pub(crate) events: Option<Vec<Event>>,
}

impl<'s, S: Tested> Tenancy<'s, S> {
    pub(crate) fn new(harness: &'s impl Harness, store: &'s S, tenant: &str) -> Self {
        Self {
            store,
            registry: harness.registry(),
            tenant: TenantId::new(tenant),
            has_unique_names: harness.has_unique_names(),
            budget: Budget::UNLIMITED,
        }
    }

    /// Another tenant of the same store.
    pub(crate) fn other(&self, tenant: &str) -> Self {
        Self {
            tenant: TenantId::new(tenant),
            ..*self
        }
    }

    /// The same tenant, whose reads cost no more than this.
    pub(crate) fn within(&self, budget: Budget) -> Self {
        Self {
            tenant: self.tenant.clone(),
            budget,
            ..*self
        }
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    pub(crate) fn context(&self) -> ReadContext {
        ReadContext::new(self.tenant.clone()).with_budget(self.budget)
    }

    /// The type as the store knows it.
    pub(crate) fn resource_type(&self, kind: Kind) -> Result<&'s ResourceType, Failure> {
        let resource_type = self.registry.resource_type(kind.name());
        let kept = resource_type.filter(|resource_type| self.capabilities().keeps(resource_type));
        kept.ok_or_else(|| Failure::inapplicable(format!("the store keeps no {}", kind.name())))
    }

    /// The types that the store keeps.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let kinds = Kind::ALL.into_iter();
        kinds.filter(|kind| self.resource_type(*kind).is_ok()).collect()
    }

    /// Ends the case unless groups may be members of groups.
    pub(crate) fn needs_nested_groups(&self) -> Verdict {
        needs(
            self.capabilities().nested_groups,
            "the store keeps no groups in groups",
        )
    }

    /// Ends the case unless resources can be hidden.
    pub(crate) fn needs_hiding(&self) -> Verdict {
        needs(self.capabilities().hiding, "the store hides no resources")
    }

    /// Ends the case unless queries can be sorted.
    pub(crate) fn needs_sorting(&self) -> Verdict {
        needs(self.capabilities().sorting, "the store doesn't sort")
    }

    /// Ends the case unless queries can be paged by cursor.
    pub(crate) fn needs_cursors(&self) -> Verdict {
        needs(self.capabilities().cursors, "the store gives no cursors")
    }

    /// The attributes, relations among them.
    pub(crate) fn everything(&self, kind: Kind) -> Result<Selection, Failure> {
        let attributes = self.resource_type(kind)?.attributes();
        let attributes: AttrSet = attributes.map(|(_, attribute)| attribute.id).collect();
        Ok(Selection::of(attributes))
    }

    /// Some of the core attributes.
    pub(crate) fn selection(&self, kind: Kind, names: &[&str]) -> Result<Selection, Failure> {
        let resource_type = self.resource_type(kind)?;
        let attributes = names.iter().map(|name| {
            let attribute = resource_type.attribute(name);
            attribute
                .map(|attribute| attribute.id)
                .ok_or_else(|| not_kept(kind, name))
        });
        Ok(Selection::of(attributes.collect::<Result<_, _>>()?))
    }

    /// A filter, ready to be asked of a type's resources.
    pub(crate) fn compile(&self, kind: Kind, filter: &str) -> Result<Predicate, Failure> {
        let filter = Filter::parse(filter)?;
        Ok(filter.compile(self.resource_type(kind)?, Dialect::strict())?)
    }

    /// Makes a commit of steps.
    pub(crate) fn to_commit(&self, steps: &[Step]) -> Result<Commit, Failure> {
        let mut changes = Vec::with_capacity(steps.len());
        for step in steps {
            self.check_applicable(step)?;
            changes.push(step.to_change(self.resource_type(step.kind)?));
        }
        let at = steps.iter().map(|step| step.at).max().unwrap_or(minute(0));
        Ok(Commit::new(new_commit_id(), self.tenant.clone(), at, changes))
    }

    /// Commits, and says why it was refused if it was.
    pub(crate) async fn commit(&self, steps: &[Step]) -> Result<Result<Committed, Refusal>, Failure> {
        self.commit_once(self.to_commit(steps)?).await
    }

    pub(crate) async fn commit_once(&self, commit: Commit) -> Result<Result<Committed, Refusal>, Failure> {
        let several = self.commit_all(vec![commit]).await?;
        let one = several.into_iter().next();
        one.ok_or_else(|| Failure::new("a commit has no result"))
    }

    /// Hands several commits over at once.
    pub(crate) async fn commit_all(
        &self,
        commits: Vec<Commit>,
    ) -> Result<Vec<Result<Committed, Refusal>>, Failure> {
        let commits: Vec<Arc<Commit>> = commits.into_iter().map(Arc::new).collect();
        let results = self.store.commit(&commits).await;
        ensure_eq!(results.len(), commits.len(), "how many results commits have");
        let mut several = Vec::new();
        for (commit, result) in commits.iter().zip(results) {
            several.push(match result {
                Ok(committed) => {
                    check_outcomes(commit, &committed)?;
                    Ok(committed)
                }
                Err(error) => Err(Refusal::try_from(error)?),
            });
        }
        Ok(several)
    }

    /// Commits what the store has to accept.
    pub(crate) async fn apply(&self, steps: &[Step]) -> Result<Vec<Effect>, Failure> {
        let outcomes = self.outcomes(steps).await?;
        Ok(outcomes.iter().map(Effect::from).collect())
    }

    /// Commits what the store has to accept, and gives the whole outcomes.
    pub(crate) async fn outcomes(&self, steps: &[Step]) -> Result<Vec<Outcome>, Failure> {
        match self.commit(steps).await? {
            Ok(committed) => Ok(committed.outcomes),
            Err(refusal) => Err(Failure::new(format!(
                "a commit was refused that has to be accepted: {refusal:?}"
            ))),
        }
    }

    /// Commits what the store has to refuse without changing anything.
    pub(crate) async fn refuse(&self, steps: &[Step]) -> Result<Refusal, Failure> {
        let before = self.state().await?;
        let refusal = match self.commit(steps).await? {
            Ok(committed) => {
                return Err(Failure::new(format!(
                    "a commit was accepted that has to be refused: {:?}",
                    committed.outcomes
                )));
            }
            Err(refusal) => refusal,
        };
        self.state()
            .await?
            .check_equal(&before, "a refused commit changed something")?;
        Ok(refusal)
    }

    /// Reads a resource with all its relations.
    pub(crate) async fn get(&self, kind: Kind, id: &str) -> Result<Option<Stored>, Failure> {
        self.get_selected(kind, id, &self.everything(kind)?).await
    }

    pub(crate) async fn get_selected(
        &self,
        kind: Kind,
        id: &str,
        selection: &Selection,
    ) -> Result<Option<Stored>, Failure> {
        let found = self.get_many(kind, &[id], selection).await?;
        Ok(found.into_iter().next().flatten())
    }

    pub(crate) async fn get_many(
        &self,
        kind: Kind,
        ids: &[&str],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, Failure> {
        let ids: Vec<ResourceId> = ids.iter().map(|id| ResourceId::new(*id)).collect();
        let resource_type = self.resource_type(kind)?;
        let found = self
            .store
            .get(&self.context(), resource_type, &ids, selection)
            .await?;
        ensure_eq!(found.len(), ids.len(), "how many elements the answer for ids has");
        Ok(found.into_iter().map(|stored| stored.map(normal)).collect())
    }

    /// Reads a resource that has to be there.
    pub(crate) async fn read(&self, kind: Kind, id: &str) -> Result<Stored, Failure> {
        let found = self.get(kind, id).await?;
        found.ok_or_else(|| Failure::new(format!("{} {id} is not found", kind.name())))
    }

    pub(crate) async fn version(&self, kind: Kind, id: &str) -> Result<u64, Failure> {
        Ok(self.read(kind, id).await?.version.number())
    }

    /// The members under a relation that has to be there.
    pub(crate) async fn members(&self, kind: Kind, id: &str, relation: &str) -> Result<MemberSet, Failure> {
        let stored = self.read(kind, id).await?;
        relation_of(&stored.resource, relation)
    }

    /// The ids of the members under a relation, sorted.
    pub(crate) async fn member_ids(
        &self,
        kind: Kind,
        id: &str,
        relation: &str,
    ) -> Result<Vec<String>, Failure> {
        let members = self.members(kind, id, relation).await?;
        Ok(sorted_ids(&members))
    }

    pub(crate) async fn query(&self, kind: Kind, query: &Query) -> Result<Page, Failure> {
        match self.try_query(kind, query).await? {
            Ok(page) => Ok(page),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks a query that the store may end by its budget or refuse for its cursor.
    pub(crate) async fn try_query(
        &self,
        kind: Kind,
        query: &Query,
    ) -> Result<Result<Page, StoreError>, Failure> {
        if query.sort.is_some() {
            self.needs_sorting()?;
        }
        if matches!(query.paging, Paging::Cursor { .. }) {
            self.needs_cursors()?;
        }
        if query.visibility == Visibility::Hidden {
            self.needs_hiding()?;
        }
        let resource_type = self.resource_type(kind)?;
        let page = match self.store.query(&self.context(), resource_type, query).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let (total, next) = (page.total, page.next);
        let page = Page::new(page.resources.into_iter().map(normal).collect()).with_next(next);
        Ok(Ok(match total {
            Some(total) => page.with_total(total),
            None => page,
        }))
    }

    /// The ids of all live resources of a type, in order.
    pub(crate) async fn ids(&self, kind: Kind) -> Result<Vec<String>, Failure> {
        self.ids_of(kind, &Query::first(usize::MAX)).await
    }

    /// The ids of all hidden resources of a type, in order.
    pub(crate) async fn hidden_ids(&self, kind: Kind) -> Result<Vec<String>, Failure> {
        let query = Query::first(usize::MAX).with_visibility(Visibility::Hidden);
        self.ids_of(kind, &query).await
    }

    /// The ids of the live resources that match a filter, in order.
    pub(crate) async fn find(&self, kind: Kind, filter: &str) -> Result<Vec<String>, Failure> {
        let predicate = self.compile(kind, filter)?;
        self.ids_of(kind, &Query::first(usize::MAX).with_filter(predicate))
            .await
    }

    /// The ids of all that a query without a bound matches and counts.
    pub(crate) async fn ids_of(&self, kind: Kind, query: &Query) -> Result<Vec<String>, Failure> {
        let page = self.query(kind, query).await?;
        ensure_eq!(
            Some(page.resources.len()),
            page.total,
            "a page without a bound holds all that is counted"
        );
        page_ids(&page)
    }

    /// Reads events of the feed.
    pub(crate) async fn feed(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let after = Position::new(after);
        read(self.store.read_feed(&self.tenant, after, limit).await)
    }

    /// Reads all events that are left.
    pub(crate) async fn events(&self) -> Result<Vec<Event>, Failure> {
        match self
            .store
            .read_feed(&self.tenant, Position::START, usize::MAX)
            .await
        {
            Err(FeedError::Gone { oldest }) => self.feed(oldest.number().saturating_sub(1), usize::MAX).await,
            events => read(events),
        }
    }

    /// Reads everything.
    pub(crate) async fn state(&self) -> Result<State, Failure> {
        let mut resources = Vec::new();
        for kind in self.kinds() {
            let query = Query::first(usize::MAX).with_selection(self.everything(kind)?);
            let live = self.query(kind, &query).await?.resources;
            resources.extend(live.into_iter().map(|stored| (kind, stored)));
            if self.capabilities().hiding {
                let query = query.with_visibility(Visibility::Hidden);
                let hidden = self.query(kind, &query).await?.resources;
                resources.extend(hidden.into_iter().map(|stored| (kind, stored)));
            }
        }
        let events = match self.events().await {
            Err(failure) if failure.is_inapplicable() => None,
            events => Some(events?),
        };
        Ok(State { resources, events })
    }

    /// Ends the case if the step needs what the store doesn't claim.
    fn check_applicable(&self, step: &Step) -> Verdict {
        if step.action == Action::Create {
            needs(
                self.capabilities().ids == Ids::Given,
                "the store chooses the ids of new resources",
            )?;
        }
        if step.visibility == Some(Visibility::Hidden) {
            self.needs_hiding()?;
        }
        if let Some(document) = &step.document {
            self.check_document(step.kind, document)?;
        }
        for delta in &step.relations {
            self.check_attribute(step.kind, None, delta.attribute.as_str(), None)?;
        }
        Ok(())
    }

    /// Whether the store keeps a core attribute.
    pub(crate) fn keeps(&self, kind: Kind, attribute: &str) -> bool {
        kind.definition().attribute(attribute).is_some()
            && self.check_attribute(kind, None, attribute, None).is_ok()
    }

    fn check_document(&self, kind: Kind, document: &Resource) -> Verdict {
        self.check_object(kind, None, document.core())?;
        for (uri, object) in document.extensions() {
            self.check_object(kind, Some(uri), object)?;
        }
        let unknown = document
            .schemas()
            .iter()
            .filter(|uri| self.registry.schema(uri.as_str()).is_none());
        needs(
            self.capabilities().unknown_extensions || unknown.count() == 0,
            "the store keeps no unknown extensions",
        )
    }

    fn check_object(&self, kind: Kind, extension: Option<&SchemaUri>, object: &Object) -> Verdict {
        for (name, value) in object.iter() {
            let subs = value.as_elements().iter().filter_map(Value::as_object);
            let mut subs = subs.flat_map(Object::iter).peekable();
            if subs.peek().is_none() {
                self.check_attribute(kind, extension, name.as_str(), None)?;
            }
            for (sub, _) in subs {
                self.check_attribute(kind, extension, name.as_str(), Some(sub.as_str()))?;
            }
        }
        Ok(())
    }

    /// Ends the case unless the store keeps an attribute, or a sub-attribute of it.
    fn check_attribute(
        &self,
        kind: Kind,
        extension: Option<&SchemaUri>,
        name: &str,
        sub: Option<&str>,
    ) -> Verdict {
        let resource_type = self.resource_type(kind)?;
        let attribute = AttrPath::new(extension.cloned(), name.into(), None);
        let path = attribute.with_sub(sub.map(Into::into));
        let resolves = |path: &AttrPath| resource_type.resolve_attribute(path).is_ok();
        let is_defined = kind.definition().resolve_attribute(&path).is_ok();
        if !is_defined {
            // Whatever the suite's own schema doesn't know.
            return needs(
                self.capabilities().unknown_extensions && self.capabilities().types == Types::All,
                "the store keeps nothing that the schema doesn't know",
            );
        }
        let kept = match &self.capabilities().types {
            Types::All => None,
            Types::Only(types) => types
                .iter()
                .find(|kept| kept.name == kind.name())
                .and_then(|kept| kept.attributes.as_ref()),
        };
        let is_kept = kept.is_none_or(|kept| kept.contains(&path) || kept.contains(&attribute));
        if resolves(&path) && is_kept {
            return Ok(());
        }
        Err(not_kept(kind, &path.to_string()))
    }
}

/// The result of a method of [`Maintenance`] or [`Feeds`]: a store that can't do it at all ends the case.
pub(crate) fn supported<T>(result: Result<T, StoreError>) -> Result<T, Failure> {
    match result {
        Err(StoreError::Unsupported(what)) => Err(Failure::inapplicable(format!("the store can't {what}"))),
        result => Ok(result?),
    }
}

/// What was read of a feed.
fn read(events: Result<Vec<Event>, FeedError>) -> Result<Vec<Event>, Failure> {
    match events {
        Err(FeedError::Store(error)) => supported(Err(error)),
        events => Ok(events?),
    }
}

fn needs(condition: bool, reason: &str) -> Verdict {
    if condition {
        Ok(())
    } else {
        Err(Failure::inapplicable(reason))
    }
}

fn not_kept(kind: Kind, attribute: &str) -> Failure {
    Failure::inapplicable(format!("the store keeps no `{attribute}` of a {}", kind.name()))
}

/// A commit id that no commit has.
pub(crate) fn new_commit_id() -> CommitId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    CommitId::new(format!("commit-{number}"))
}

/// Checks what holds for the outcomes of every commit.
fn check_outcomes(commit: &Commit, committed: &Committed) -> Verdict {
    ensure_eq!(
        committed.outcomes.len(),
        commit.changes.len(),
        "how many outcomes a commit has"
    );
    for (change, outcome) in commit.changes.iter().zip(&committed.outcomes) {
        if let Some(revision) = outcome.revision() {
            let id = change.subject().map(|(_, id)| id);
            ensure_eq!(Some(&revision.id), id, "the id of the outcome {outcome:?}");
            ensure!(
                revision.created <= revision.last_modified,
                "a resource was modified before it was created: {revision:?}"
            );
        }
    }
    ensure!(
        committed.answer.is_none() || commit.answer.is_some(),
        "a commit has an answer that nobody asked for"
    );
    Ok(())
}

impl State {
    /// Fails with the first thing that differs.
    pub(crate) fn check_equal(&self, expected: &Self, what: &str) -> Verdict {
        let mut pairs = self.resources.iter().zip(&expected.resources);
        if let Some((found, expected)) = pairs.find(|(found, expected)| found != expected) {
            return Err(Failure::different(what, found, expected));
        }
        ensure_eq!(self.resource_ids(), expected.resource_ids(), "{what}");
        ensure_eq!(self.events, expected.events, "{what}");
        Ok(())
    }

    fn resource_ids(&self) -> Vec<Option<ResourceId>> {
        self.resources
            .iter()
            .map(|(_, stored)| stored.resource.id())
            .collect()
    }
}

/// The ids of a page's resources, in order.
pub(crate) fn page_ids(page: &Page) -> Result<Vec<String>, Failure> {
    let ids = page
        .resources
        .iter()
        .map(|stored| stored.resource.id().map(|id| id.to_string()));
    ids.collect::<Option<_>>()
        .ok_or_else(|| Failure::new("a resource is given back without its id"))
}

/// The members under a relation of a resource.
pub(crate) fn relation_of(resource: &Resource, relation: &str) -> Result<MemberSet, Failure> {
    let members = resource.relation(relation).cloned();
    members.ok_or_else(|| {
        Failure::new(format!(
            "the relation `{relation}` is selected and not given back"
        ))
    })
}

pub(crate) fn sorted_ids(members: &MemberSet) -> Vec<String> {
    let mut ids: Vec<String> = members.iter().map(|(id, _)| id.to_string()).collect();
    ids.sort();
    ids
}

/// The same resource with its relations in the order of their names, which is of no account.
pub(crate) fn normal(mut stored: Stored) -> Stored {
    stored
        .resource
        .relations_mut()
        .sort_by(|(left, _), (right, _)| left.as_str().cmp(right.as_str()));
    stored
}
