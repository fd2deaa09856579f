//! A right store with something wrong planted into it.

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Poll,
};

use keyfob_core::{DateTime, Registry, Resource, ResourceId, ResourceType};
use keyfob_filter::Predicate;
use keyfob_store::{
    Budget, Capabilities, Change, Commit, CommitError, CommitId, Committed, Event, Explanation, FeedError,
    Feeds, Finding, Keys, LookBack, Maintenance, NewEvent, Outcome, Page, Paging, Position, Query,
    ReadContext, RelationDelta, Retention, Selection, Store, StoreError, StoreExt, Stored, TenantId,
    UniqueKey, When,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Failure, Harness, registry};

pub(crate) type Commits = Vec<Result<Committed, CommitError>>;
pub(crate) type Found = Vec<Option<Stored>>;
pub(crate) type Read = Result<Vec<Event>, FeedError>;
pub(crate) type Paged = Result<Page, StoreError>;
pub(crate) type Get = fn(&Broken, &ReadContext, &ResourceType, &[ResourceId], &Selection) -> Found;
pub(crate) type Ask = fn(&Broken, &ReadContext, &ResourceType, &Query) -> Paged;
pub(crate) type Follow = fn(&Broken, &TenantId, Position, usize) -> Read;

/// Everything that a store does, each thing for itself: rightly in [`RIGHT`], and in a bug all but one.
#[derive(Clone, Copy)]
pub(crate) struct Bug {
    /// What the store claims.
    pub(crate) claim: fn() -> Capabilities,
    /// Makes something else of a commit that it is given.
    pub(crate) tamper: fn(&Broken, &mut Commit),
    /// Commits one.
    pub(crate) commit: fn(&Broken, &Commit) -> Result<Committed, CommitError>,
    /// Commits several.
    pub(crate) commits: fn(&Broken, &[Arc<Commit>]) -> Commits,
    /// If true, applies one change after the other and lets others run in between.
    pub(crate) in_pieces: bool,
    /// Makes something else of the outcomes.
    pub(crate) finish: fn(&Broken, &Commit, &mut Committed),
    /// Says whether a commit happened.
    pub(crate) committed: fn(&Broken, &TenantId, &CommitId) -> bool,
    /// Reads more or less than is selected.
    pub(crate) select: fn(&ResourceType, &mut Selection),
    /// Reads under another budget.
    pub(crate) budget: fn(&mut Budget),
    /// Reads by ids.
    pub(crate) get: Get,
    /// Makes something else of a query.
    pub(crate) ask: fn(&Broken, &mut Query),
    /// Answers a query.
    pub(crate) query: Ask,
    /// Makes something else of a page.
    pub(crate) page: fn(&Query, &mut Page),
    /// Makes something else of a resource that is given back.
    pub(crate) give: fn(&Broken, &TenantId, &mut Stored),
    /// Reads the feed.
    pub(crate) read_feed: Follow,
    /// Makes something else of an event that is given back.
    pub(crate) event: fn(&Broken, &TenantId, &mut Event),
    /// Makes something else of a look back.
    pub(crate) look_back: fn(&mut LookBack),
    /// Makes something else of the events that are looked back at.
    pub(crate) looked_back: fn(&mut Vec<Event>),
    /// Records an acknowledgement.
    pub(crate) acknowledge: fn(&Broken, &TenantId, &str, Position),
    /// Says what is acknowledged.
    pub(crate) acknowledged: fn(&Broken, &TenantId, &str) -> Position,
    /// Lists the tenants with news.
    pub(crate) with_news: fn(&Broken, &str, Option<&TenantId>, usize) -> Vec<TenantId>,
    /// Trims a feed.
    pub(crate) trim: fn(&Broken, &TenantId, &Retention, usize) -> usize,
    /// Lists the tenants.
    pub(crate) tenants: fn(&Broken, Option<&TenantId>, usize) -> Vec<TenantId>,
    /// Erases a tenant.
    pub(crate) erase: fn(&Broken, &TenantId) -> bool,
    /// Checks what is stored.
    pub(crate) check: fn(&Broken, &TenantId, &ResourceType, &Keys) -> Vec<Finding>,
    /// Opens the store again.
    pub(crate) reopen: fn(Broken) -> Broken,
}

/// A store without a bug, however it is taken apart.
pub(crate) const RIGHT: Bug = Bug {
    claim: || Capabilities::full().durable(),
    tamper: |_, _| {},
    commit: Broken::commit_rightly,
    commits: Broken::commit_each,
    in_pieces: false,
    finish: |_, _, _| {},
    committed: Broken::committed_rightly,
    select: |_, _| {},
    budget: |_| {},
    get: |broken, cx, resource_type, ids, selection| {
        let read = |id| broken.get_rightly(&cx.tenant, resource_type, id, selection);
        ids.iter().map(read).collect()
    },
    ask: |_, _| {},
    query: |broken, cx, resource_type, query| {
        pollster::block_on(broken.inner.query(cx, resource_type, query))
    },
    page: |_, _| {},
    give: |_, _, _| {},
    read_feed: |broken, tenant, after, limit| {
        pollster::block_on(broken.inner.read_feed(tenant, after, limit))
    },
    event: |_, _, _| {},
    look_back: |_| {},
    looked_back: |_| {},
    acknowledge: |broken, tenant, consumer, position| {
        pollster::block_on(broken.inner.acknowledge(tenant, consumer, position)).ok();
    },
    acknowledged: |broken, tenant, consumer| {
        pollster::block_on(broken.inner.acknowledged(tenant, consumer)).unwrap_or_default()
    },
    with_news: |broken, consumer, after, limit| {
        pollster::block_on(broken.inner.with_news(consumer, after, limit)).unwrap_or_default()
    },
    trim: |broken, tenant, retention, limit| {
        pollster::block_on(broken.inner.trim(tenant, retention, limit)).unwrap_or_default()
    },
    tenants: |broken, after, limit| {
        pollster::block_on(broken.inner.tenants(after, limit)).unwrap_or_default()
    },
    erase: |broken, tenant| pollster::block_on(broken.inner.erase(tenant)).unwrap_or_default(),
    check: |broken, tenant, resource_type, keys| {
        pollster::block_on(broken.inner.check(tenant, resource_type, keys)).unwrap_or_default()
    },
    reopen: |broken| broken,
};

pub(crate) struct Broken {
    pub(crate) inner: MemoryStore,
    pub(crate) bug: Bug,
    capabilities: Capabilities,
    /// The capabilities that it claims from then on, once this is set.
    pub(crate) claimed_later: OnceLock<Capabilities>,
    notes: Mutex<Notes>,
}

/// What a broken store remembers beside what it keeps.
#[derive(Default)]
pub(crate) struct Notes {
    /// Resources, with the names of their types, that were ever listed.
    pub(crate) listed: HashSet<(TenantId, String, ResourceId)>,
    /// Groups in which a deleted user was.
    pub(crate) dangling: HashMap<(TenantId, ResourceId), Vec<ResourceId>>,
    /// Documents as they once were.
    pub(crate) old: HashMap<(TenantId, ResourceId), Resource>,
    /// What groups were once called.
    pub(crate) displays: HashMap<ResourceId, String>,
    /// Keys that were ever reserved.
    pub(crate) keys: HashSet<(TenantId, String, UniqueKey)>,
    /// Resources in the order in which they were put in.
    pub(crate) order: Vec<(TenantId, ResourceId)>,
    /// Events that were asked for.
    pub(crate) seen: HashSet<(TenantId, Position)>,
    /// How often something that should have changed an owner did not.
    pub(crate) missed: HashMap<(TenantId, ResourceId), u64>,
    /// What consumers acknowledged.
    pub(crate) acknowledged: HashMap<(TenantId, String), Position>,
    /// Up to where feeds were trimmed.
    pub(crate) trimmed: HashMap<TenantId, u64>,
    /// Commits that were refused.
    pub(crate) refused: HashSet<CommitId>,
    /// Resources that were forgotten.
    pub(crate) forgotten: HashSet<ResourceId>,
}

impl Broken {
    fn new(bug: Bug) -> Self {
        Self {
            inner: MemoryStore::new(),
            bug,
            capabilities: (bug.claim)(),
            claimed_later: OnceLock::new(),
            notes: Mutex::default(),
        }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits rightly.
    pub(crate) fn commit_rightly(&self, commit: &Commit) -> Result<Committed, CommitError> {
        pollster::block_on(self.inner.commit_one(commit.clone()))
    }

    /// Commits changes rightly, beside what it was asked for.
    pub(crate) fn also(&self, tenant: &TenantId, changes: Vec<Change>) -> Result<Committed, CommitError> {
        let at = DateTime::from_unix_millis(0);
        self.commit_rightly(&Commit::new(CommitId::new("also"), tenant.clone(), at, changes))
    }

    /// Commits one after the other, with what is wrong with each.
    pub(crate) fn commit_each(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        commits
            .iter()
            .map(|commit| self.commit_with_bug(commit))
            .collect()
    }

    fn commit_with_bug(&self, commit: &Commit) -> Result<Committed, CommitError> {
        let mut tampered = commit.clone();
        (self.bug.tamper)(self, &mut tampered);
        let mut committed = (self.bug.commit)(self, &tampered)?;
        (self.bug.finish)(self, commit, &mut committed);
        Ok(committed)
    }

    pub(crate) fn committed_rightly(&self, tenant: &TenantId, commit: &CommitId) -> bool {
        pollster::block_on(self.inner.committed(tenant, commit)).unwrap_or_default()
    }

    /// Reads rightly.
    pub(crate) fn get_rightly(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Option<Stored> {
        let cx = ReadContext::new(tenant.clone());
        pollster::block_on(self.inner.get_one(&cx, resource_type, id, selection))
            .ok()
            .flatten()
    }

    /// Reads all that match, rightly and whole, in the order of the query.
    pub(crate) fn all(&self, cx: &ReadContext, resource_type: &ResourceType, query: &Query) -> Vec<Stored> {
        let whole = query
            .clone()
            .with_selection(everything(resource_type))
            .with_paging(Paging::Offset {
                offset: 0,
                count: usize::MAX,
            });
        let page = pollster::block_on(self.inner.query(cx, resource_type, &whole));
        page.map(|page| page.resources).unwrap_or_default()
    }

    /// Reads what the selection says of resources that were read whole.
    pub(crate) fn selected(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
        page: Page,
    ) -> Page {
        let ids = page.resources.iter().filter_map(|stored| stored.resource.id());
        let read = ids.filter_map(|id| self.get_rightly(&cx.tenant, resource_type, &id, &query.selection));
        let mut selected = Page::new(read.collect()).with_next(page.next);
        selected.total = page.total;
        selected
    }

    /// The owners of a type that have a member in a relation, by whatever visibility of both.
    pub(crate) fn holders(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        member: &ResourceId,
        of: keyfob_store::Visibility,
        members: keyfob_store::Visibility,
    ) -> Vec<Stored> {
        let mut selection = everything(resource_type);
        selection.members = members;
        let query = Query::all().with_visibility(of).with_selection(selection);
        let page = pollster::block_on(self.inner.query(
            &ReadContext::new(tenant.clone()),
            resource_type,
            &query,
        ));
        let all = page.map(|page| page.resources).unwrap_or_default();
        let holds = |stored: &Stored| {
            let owned = stored.resource.relations().iter();
            let mut owned = owned.filter(|(name, _)| !name.is("groups") && !name.is("partOf"));
            owned.any(|(_, members)| members.contains(member))
        };
        all.into_iter().filter(|stored| holds(stored)).collect()
    }

    /// Commits one change of several, given what became of those before it.
    pub(crate) fn commit_change(
        &self,
        commit: &Commit,
        change: &Change,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
        let change = match change {
            Change::Publish { when, .. } if !is_met(*when, outcomes) => return Ok(Outcome::Suppressed),
            Change::Publish { event, .. } => Change::Publish {
                event: Arc::clone(event),
                when: When::Always,
            },
            other => other.clone(),
        };
        let single = Commit {
            changes: vec![change],
            answer: None,
            ..commit.clone()
        };
        let committed = self
            .commit_rightly(&single)
            .map_err(|error| moved(error, outcomes.len()))?;
        let outcome = committed.outcomes.into_iter().next();
        outcome.ok_or_else(|| StoreError::internal("a commit without an outcome").into())
    }
}

fn is_met(when: When, outcomes: &[Outcome]) -> bool {
    match when {
        When::Always => true,
        When::Changed(change) => outcomes.get(change).is_some_and(Outcome::is_change),
        When::Skipped(change) => matches!(outcomes.get(change), Some(Outcome::Skipped(_))),
    }
}

impl Store for Broken {
    fn capabilities(&self) -> &Capabilities {
        self.claimed_later.get().unwrap_or(&self.capabilities)
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut cx = cx.clone();
        (self.bug.budget)(&mut cx.budget);
        // For the budget alone.
        self.inner.get(&cx, resource_type, ids, selection).await?;
        let mut selection = selection.clone();
        (self.bug.select)(resource_type, &mut selection);
        let mut found = (self.bug.get)(self, &cx, resource_type, ids, &selection);
        for stored in found.iter_mut().flatten() {
            (self.bug.give)(self, &cx.tenant, stored);
        }
        Ok(found)
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        let mut cx = cx.clone();
        (self.bug.budget)(&mut cx.budget);
        let mut query = query.clone();
        (self.bug.select)(resource_type, &mut query.selection);
        (self.bug.ask)(self, &mut query);
        let mut page = (self.bug.query)(self, &cx, resource_type, &query)?;
        for stored in &mut page.resources {
            (self.bug.give)(self, &cx.tenant, stored);
        }
        (self.bug.page)(&query, &mut page);
        Ok(page)
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        if !self.bug.in_pieces {
            return (self.bug.commits)(self, commits);
        }
        let mut results = Vec::new();
        'commits: for commit in commits {
            let mut outcomes = Vec::new();
            for change in &commit.changes {
                match self.commit_change(commit, change, &outcomes) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(error) => {
                        results.push(Err(error));
                        continue 'commits;
                    }
                }
                let mut polled = false;
                poll_fn(|task| {
                    task.waker().wake_by_ref();
                    if std::mem::replace(&mut polled, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
            results.push(Ok(Committed::new(outcomes)));
        }
        results
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        Ok((self.bug.committed)(self, tenant, commit))
    }
}

impl Feeds for Broken {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        let mut events = (self.bug.read_feed)(self, tenant, after, limit)?;
        for event in &mut events {
            (self.bug.event)(self, tenant, event);
        }
        Ok(events)
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        let mut query = query.clone();
        (self.bug.look_back)(&mut query);
        let mut events = self.inner.look_back(tenant, &query).await?;
        (self.bug.looked_back)(&mut events);
        for event in &mut events {
            (self.bug.event)(self, tenant, event);
        }
        Ok(events)
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        (self.bug.acknowledge)(self, tenant, consumer, position);
        Ok(())
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        Ok((self.bug.acknowledged)(self, tenant, consumer))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        Ok((self.bug.with_news)(self, consumer, after, limit))
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        Ok((self.bug.trim)(self, tenant, retention, limit))
    }
}

impl Maintenance for Broken {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        Ok((self.bug.tenants)(self, after, limit))
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        Ok((self.bug.erase)(self, tenant))
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        Ok((self.bug.check)(self, tenant, resource_type, keys))
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        self.inner.explain(cx, resource_type, query).await
    }
}

/// Opens broken stores.
pub(crate) struct Workshop(pub(crate) Bug);

impl Harness for Workshop {
    type Store = Broken;

    async fn open(&self) -> Result<Broken, Failure> {
        Ok(Broken::new(self.0))
    }

    async fn reopen(&self, store: Broken) -> Result<Broken, Failure> {
        Ok((self.0.reopen)(store))
    }

    fn registry(&self) -> &Registry {
        registry()
    }
}

/// All attributes of a type.
pub(crate) fn everything(resource_type: &ResourceType) -> Selection {
    Selection::of(
        resource_type
            .attributes()
            .map(|(_, attribute)| attribute.id)
            .collect(),
    )
}

/// The page that a query asks for by position, out of resources in their order.
pub(crate) fn cut(all: Vec<Stored>, query: &Query, matches: impl Fn(&Predicate, &Stored) -> bool) -> Page {
    let filter = query.filter.as_deref();
    let matching: Vec<Stored> = all
        .into_iter()
        .filter(|stored| filter.is_none_or(|filter| matches(filter, stored)))
        .collect();
    let total = matching.len();
    let (offset, count) = match &query.paging {
        Paging::Offset { offset, count } => (*offset, *count),
        Paging::Cursor { count, .. } => (0, *count),
    };
    Page::new(matching.into_iter().skip(offset).take(count).collect()).with_total(total)
}

/// The event of a change, if it publishes one.
pub(crate) fn event_of(change: &Change) -> Option<&NewEvent> {
    match change {
        Change::Publish { event, .. } => Some(event),
        _ => None,
    }
}

/// Makes something else of each delta of a commit, given the type of its owner.
pub(crate) fn each_delta(
    commit: &mut Commit,
    tamper: impl Fn(&ResourceType, &ResourceId, &mut RelationDelta),
) {
    for change in &mut commit.changes {
        if let Change::Create {
            resource_type,
            id,
            relations,
            ..
        }
        | Change::Update {
            resource_type,
            id,
            relations,
            ..
        } = change
        {
            let mut tampered = relations.to_vec();
            for delta in &mut tampered {
                tamper(resource_type, id, delta);
            }
            *relations = tampered.into();
        }
    }
}

/// Makes something else of each document of a commit, given the type of its resource.
pub(crate) fn each_document(commit: &mut Commit, tamper: impl Fn(&ResourceType, &mut Resource)) {
    for change in &mut commit.changes {
        match change {
            Change::Create {
                resource_type,
                document,
                ..
            }
            | Change::Update {
                resource_type,
                document: Some(document),
                ..
            } => tamper(resource_type, Arc::make_mut(document)),
            _ => {}
        }
    }
}

/// Makes something else of each list of keys of a commit.
pub(crate) fn each_keys(
    commit: &mut Commit,
    tamper: impl Fn(&ResourceType, &ResourceId, &mut Vec<UniqueKey>),
) {
    for change in &mut commit.changes {
        match change {
            Change::Create {
                resource_type,
                id,
                unique,
                ..
            }
            | Change::Update {
                resource_type,
                id,
                unique: Some(unique),
                ..
            } => tamper(resource_type, id, unique),
            _ => {}
        }
    }
}

/// Makes something else of each precondition of a commit.
pub(crate) fn each_precondition(commit: &mut Commit, tamper: impl Fn(&mut Option<keyfob_core::Version>)) {
    for change in &mut commit.changes {
        if let Change::Update { precondition, .. } | Change::Delete { precondition, .. } = change {
            tamper(precondition);
        }
    }
}

/// The error, telling of the change at this place.
fn moved(error: CommitError, change: usize) -> CommitError {
    match error {
        CommitError::NotFound { .. } => CommitError::NotFound { change },
        CommitError::IdTaken { .. } => CommitError::IdTaken { change },
        CommitError::VersionMismatch { current, .. } => CommitError::VersionMismatch { change, current },
        CommitError::UniquenessViolated { attribute, .. } => {
            CommitError::UniquenessViolated { change, attribute }
        }
        CommitError::UnknownMembers { members, .. } => CommitError::UnknownMembers { change, members },
        other @ CommitError::Store(_) => other,
    }
}
