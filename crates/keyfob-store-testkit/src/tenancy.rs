//! A store as one tenant sees it.

use keyfob_core::{Dialect, MemberSet, Resource, ResourceId};
use keyfob_filter::{Filter, Predicate};
use keyfob_store::{
    Change, CommitError, Committed, Event, EventId, Outcome, Page, Query, Selection, Store, Stored, TenantId,
};

use crate::{
    failure::{Failure, Verdict},
    fixture::Kind,
    step::Step,
};

pub(crate) struct Tenancy<'s, S> {
    store: &'s S,
    tenant: TenantId,
}

/// Why a commit was refused, to be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    NotFound { change: usize },
    IdTaken { change: usize },
    VersionMismatch { change: usize, current: u64 },
    Uniqueness { change: usize, attribute: String },
    UnknownMembers { change: usize, members: Vec<String> },
}

/// Everything that a tenant has, in the order of creation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) resources: Vec<(Kind, Stored)>,
    pub(crate) events: Vec<Event>,
}

impl<'s, S: Store> Tenancy<'s, S> {
    pub(crate) fn new(store: &'s S, tenant: &str) -> Self {
        Self {
            store,
            tenant: TenantId::new(tenant),
        }
    }

    /// Another tenant of the same store.
    pub(crate) fn other(&self, tenant: &str) -> Self {
        Self::new(self.store, tenant)
    }

    pub(crate) async fn commit(&self, steps: &[Step]) -> Result<Committed, CommitError> {
        let changes: Vec<Change<'_>> = steps.iter().map(Step::as_change).collect();
        self.store.commit(&self.tenant, &changes).await
    }

    /// Commits what the store has to accept.
    pub(crate) async fn apply(&self, steps: &[Step]) -> Result<Vec<Outcome>, Failure> {
        let outcomes = self.commit(steps).await?.outcomes;
        ensure_eq!(
            outcomes.len(),
            steps.len(),
            "a commit has one outcome for each change"
        );
        Ok(outcomes)
    }

    /// Commits what the store has to refuse without changing anything.
    pub(crate) async fn refuse(&self, steps: &[Step]) -> Result<Refusal, Failure> {
        let before = self.state().await?;
        let refusal = match self.commit(steps).await {
            Ok(committed) => {
                return Err(Failure::new(format!(
                    "a commit was accepted that has to be refused: {:?}",
                    committed.outcomes
                )));
            }
            Err(error) => Refusal::try_from(error)?,
        };
        self.state()
            .await?
            .check_equal(&before, "a refused commit changed something")?;
        Ok(refusal)
    }

    /// Reads a resource with all its relations.
    pub(crate) async fn get(&self, kind: Kind, id: &str) -> Result<Option<Stored>, Failure> {
        self.get_selected(kind, id, &kind.everything()).await
    }

    pub(crate) async fn get_selected(
        &self,
        kind: Kind,
        id: &str,
        selection: &Selection,
    ) -> Result<Option<Stored>, Failure> {
        let found = self
            .store
            .get(
                &self.tenant,
                kind.resource_type(),
                &ResourceId::new(id),
                selection,
            )
            .await?;
        Ok(found.map(normal))
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

    pub(crate) async fn query(&self, kind: Kind, query: &Query<'_>) -> Result<Page, Failure> {
        let page = self
            .store
            .query(&self.tenant, kind.resource_type(), query)
            .await?;
        Ok(Page::new(
            page.total,
            page.resources.into_iter().map(normal).collect(),
        ))
    }

    /// The ids of all resources of a type, in order.
    pub(crate) async fn ids(&self, kind: Kind) -> Result<Vec<String>, Failure> {
        self.ids_of(kind, &Query::new(&Selection::document(), usize::MAX))
            .await
    }

    /// The ids of the resources that match a filter, in order.
    pub(crate) async fn find(&self, kind: Kind, filter: &str) -> Result<Vec<String>, Failure> {
        let predicate = compile(kind, filter)?;
        let selection = Selection::document();
        self.ids_of(kind, &Query::new(&selection, usize::MAX).with_filter(&predicate))
            .await
    }

    async fn ids_of(&self, kind: Kind, query: &Query<'_>) -> Result<Vec<String>, Failure> {
        let page = self.query(kind, query).await?;
        ensure_eq!(
            page.resources.len(),
            page.total,
            "a page without a bound holds all that is counted"
        );
        page_ids(&page)
    }

    pub(crate) async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, Failure> {
        Ok(self.store.events(&self.tenant, after, limit).await?)
    }

    /// Reads everything.
    pub(crate) async fn state(&self) -> Result<State, Failure> {
        let mut resources = Vec::new();
        for kind in Kind::ALL {
            let page = self
                .query(kind, &Query::new(&kind.everything(), usize::MAX))
                .await?;
            resources.extend(page.resources.into_iter().map(|stored| (kind, stored)));
        }
        Ok(State {
            resources,
            events: self.events(None, usize::MAX).await?,
        })
    }
}

impl TryFrom<CommitError> for Refusal {
    type Error = Failure;

    fn try_from(error: CommitError) -> Result<Self, Failure> {
        Ok(match error {
            CommitError::NotFound { change } => Self::NotFound { change },
            CommitError::IdTaken { change } => Self::IdTaken { change },
            CommitError::VersionMismatch { change, current } => Self::VersionMismatch {
                change,
                current: current.number(),
            },
            CommitError::UniquenessViolated { change, attribute } => Self::Uniqueness {
                change,
                attribute: attribute.into(),
            },
            CommitError::UnknownMembers { change, members } => {
                let mut members: Vec<String> = members.iter().map(ToString::to_string).collect();
                members.sort();
                Self::UnknownMembers { change, members }
            }
            CommitError::Store(error) => return Err(error.into()),
        })
    }
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

/// A filter, ready to be asked of a type's resources.
pub(crate) fn compile(kind: Kind, filter: &str) -> Result<Predicate, Failure> {
    let filter = Filter::parse(filter)?;
    Ok(filter.compile(kind.resource_type(), Dialect::strict())?)
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

/// The order of relations is of no account.
pub(crate) fn normal(mut stored: Stored) -> Stored {
    stored
        .resource
        .relations_mut()
        .sort_by(|(left, _), (right, _)| left.as_str().cmp(right.as_str()));
    stored
}
