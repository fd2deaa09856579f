//! A right store with something wrong planted into it.

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType, Version};
use keyfob_filter::Predicate;
use keyfob_store::{
    Capabilities, Change, CommitError, Committed, Event, EventId, NewEvent, Outcome, Page, Query,
    RelationDelta, Selection, Store, StoreError, Stored, TenantId, UniqueKey,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_testkit::{Failure, Harness};

/// What is wrong with a store.
#[derive(Clone, Copy)]
pub(crate) enum Bug {
    /// Nothing.
    None,
    /// It makes something else of each change that it is given.
    Change(fn(&Broken, &TenantId, &mut Draft<'_>)),
    /// It commits in a way of its own.
    Commit(fn(&Broken, &TenantId, &[Change<'_>]) -> Result<Committed, CommitError>),
    /// It applies one change after the other and lets others run in between.
    CommitInPieces,
    /// It gives back something else of a resource.
    Give(fn(&Broken, &TenantId, &mut Stored)),
    /// It reads by itself.
    Get(fn(&Broken, &TenantId, &ResourceType, &ResourceId, &Selection) -> Option<Stored>),
    /// It reads more or less than is selected.
    Select(fn(&ResourceType, &mut Selection)),
    /// It makes pages by itself, out of all resources in their order, each read whole.
    Page(fn(&Broken, &TenantId, Vec<Stored>, &Query<'_>) -> Page),
    /// It reads events by itself, out of all in their order.
    Events(fn(&Broken, Vec<Event>, Option<EventId>, usize) -> Vec<Event>),
    /// It is durable, and something is amiss when it is opened again.
    Reopen(fn(Broken) -> Broken),
}

pub(crate) struct Broken {
    pub(crate) inner: MemoryStore,
    bug: Bug,
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
    /// Events that were asked for.
    pub(crate) seen: HashSet<EventId>,
}

/// A change that owns what it is made of, to be tampered with.
pub(crate) struct Draft<'c> {
    pub(crate) action: Action,
    pub(crate) resource_type: Option<&'c ResourceType>,
    pub(crate) id: ResourceId,
    pub(crate) document: Option<Resource>,
    pub(crate) relations: Vec<RelationDelta>,
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) version: Version,
    pub(crate) created: DateTime,
    pub(crate) precondition: Option<Version>,
    pub(crate) at: DateTime,
    event: Option<NewEvent>,
    pub(crate) of: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
    Publish,
}

impl Broken {
    fn new(bug: Bug) -> Self {
        Self {
            inner: MemoryStore::new(),
            bug,
            notes: Mutex::default(),
        }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits rightly.
    pub(crate) fn commit_rightly(
        &self,
        tenant: &TenantId,
        changes: &[Change<'_>],
    ) -> Result<Committed, CommitError> {
        pollster::block_on(self.inner.commit(tenant, changes))
    }

    /// Reads rightly.
    pub(crate) fn get_rightly(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Option<Stored> {
        pollster::block_on(self.inner.get(tenant, resource_type, id, selection))
            .ok()
            .flatten()
    }

    /// Commits one change of several, given what became of those before it.
    pub(crate) fn commit_one(
        &self,
        tenant: &TenantId,
        change: Change<'_>,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
        let change = match change {
            Change::Publish { of: Some(of), .. }
                if !outcomes.get(of).is_some_and(|outcome| outcome.is_change()) =>
            {
                return Ok(Outcome::Suppressed);
            }
            Change::Publish { event, .. } => Change::Publish { event, of: None },
            other => other,
        };
        let committed = self
            .commit_rightly(tenant, &[change])
            .map_err(|error| moved(error, outcomes.len()))?;
        committed
            .outcomes
            .first()
            .copied()
            .ok_or_else(|| StoreError::internal("a commit without an outcome").into())
    }

    async fn all(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        selection: &Selection,
    ) -> Vec<Stored> {
        let page = self
            .inner
            .query(tenant, resource_type, &Query::new(selection, usize::MAX))
            .await;
        page.map(|page| page.resources).unwrap_or_default()
    }
}

impl Store for Broken {
    fn capabilities(&self) -> Capabilities {
        Capabilities::durable()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        let mut selection = selection.clone();
        match self.bug {
            Bug::Get(get) => return Ok(get(self, tenant, resource_type, id, &selection)),
            Bug::Select(select) => select(resource_type, &mut selection),
            _ => {}
        }
        let mut found = self.inner.get(tenant, resource_type, id, &selection).await?;
        if let (Bug::Give(give), Some(stored)) = (self.bug, &mut found) {
            give(self, tenant, stored);
        }
        Ok(found)
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        let mut selection = query.selection.clone();
        match self.bug {
            Bug::Page(page) => {
                let all = self.all(tenant, resource_type, &everything(resource_type)).await;
                let page = page(self, tenant, all, query);
                let ids = page.resources.iter().filter_map(|stored| stored.resource.id());
                let read = ids.filter_map(|id| self.get_rightly(tenant, resource_type, &id, query.selection));
                return Ok(Page::new(page.total, read.collect()));
            }
            Bug::Select(select) => select(resource_type, &mut selection),
            _ => {}
        }
        let mut query = query.clone();
        query.selection = &selection;
        let mut page = self.inner.query(tenant, resource_type, &query).await?;
        if let Bug::Give(give) = self.bug {
            page.resources
                .iter_mut()
                .for_each(|stored| give(self, tenant, stored));
        }
        Ok(page)
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        match self.bug {
            Bug::Commit(commit) => commit(self, tenant, changes),
            Bug::Change(tamper) => {
                let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
                for draft in &mut drafts {
                    tamper(self, tenant, draft);
                }
                let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
                self.inner.commit(tenant, &changes).await
            }
            Bug::CommitInPieces => {
                let mut outcomes = Vec::new();
                for change in changes {
                    let outcome = self.commit_one(tenant, *change, &outcomes)?;
                    outcomes.push(outcome);
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
                Ok(Committed::new(outcomes))
            }
            _ => self.inner.commit(tenant, changes).await,
        }
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        match self.bug {
            Bug::Events(events) => Ok(events(
                self,
                self.inner.events(tenant, None, usize::MAX).await?,
                after,
                limit,
            )),
            // What was asked for before a store was closed is lost, if that is the bug.
            Bug::Reopen(_) => {
                let events = self.inner.events(tenant, after, usize::MAX).await?.into_iter();
                let lost = |event: &Event| self.notes().seen.contains(&event.id);
                Ok(events.filter(|event| !lost(event)).take(limit).collect())
            }
            _ => self.inner.events(tenant, after, limit).await,
        }
    }
}

impl<'c> Draft<'c> {
    pub(crate) fn of(change: &Change<'c>) -> Self {
        let mut draft = Self {
            action: Action::Publish,
            resource_type: None,
            id: ResourceId::new(""),
            document: None,
            relations: Vec::new(),
            unique: Vec::new(),
            version: Version::FIRST,
            created: DateTime::from_unix_millis(0),
            precondition: None,
            at: DateTime::from_unix_millis(0),
            event: None,
            of: None,
        };
        match *change {
            Change::Create {
                resource_type,
                id,
                document,
                relations,
                unique,
                version,
                created,
                at,
            } => {
                draft.action = Action::Create;
                draft.resource_type = Some(resource_type);
                draft.id = id.clone();
                draft.document = Some(document.clone());
                draft.relations = relations.to_vec();
                draft.unique = unique.to_vec();
                draft.version = version;
                draft.created = created;
                draft.at = at;
            }
            Change::Update {
                resource_type,
                id,
                document,
                relations,
                unique,
                precondition,
                at,
            } => {
                draft.action = Action::Update;
                draft.resource_type = Some(resource_type);
                draft.id = id.clone();
                draft.document = document.cloned();
                draft.relations = relations.to_vec();
                draft.unique = unique.to_vec();
                draft.precondition = precondition;
                draft.at = at;
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                at,
            } => {
                draft.action = Action::Delete;
                draft.resource_type = Some(resource_type);
                draft.id = id.clone();
                draft.precondition = precondition;
                draft.at = at;
            }
            Change::Publish { event, of } => {
                draft.event = Some(event.clone());
                draft.of = of;
            }
        }
        draft
    }

    pub(crate) fn as_change(&self) -> Option<Change<'_>> {
        let Self {
            id,
            relations,
            unique,
            version,
            created,
            precondition,
            at,
            of,
            ..
        } = self;
        Some(match self.action {
            Action::Create => Change::Create {
                resource_type: self.resource_type?,
                id,
                document: self.document.as_ref()?,
                relations,
                unique,
                version: *version,
                created: *created,
                at: *at,
            },
            Action::Update => Change::Update {
                resource_type: self.resource_type?,
                id,
                document: self.document.as_ref(),
                relations,
                unique,
                precondition: *precondition,
                at: *at,
            },
            Action::Delete => Change::Delete {
                resource_type: self.resource_type?,
                id,
                precondition: *precondition,
                at: *at,
            },
            Action::Publish => Change::Publish {
                event: self.event.as_ref()?,
                of: *of,
            },
        })
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
        Ok(match self.0 {
            Bug::Reopen(reopen) => reopen(store),
            _ => store,
        })
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

/// The page that a query asks for, out of resources in their order.
pub(crate) fn cut(
    all: Vec<Stored>,
    query: &Query<'_>,
    matches: impl Fn(&Predicate, &Stored) -> bool,
) -> Page {
    let matching: Vec<Stored> = all
        .into_iter()
        .filter(|stored| query.filter.is_none_or(|filter| matches(filter, stored)))
        .collect();
    let total = matching.len();
    Page::new(
        total,
        matching
            .into_iter()
            .skip(query.offset)
            .take(query.count)
            .collect(),
    )
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
