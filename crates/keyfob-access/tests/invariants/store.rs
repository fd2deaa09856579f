//! A store that knows every type of resource that passes through it, those that nobody else sees included, and that can
//! be out of reach.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use keyfob_core::{Projection, ResourceId, ResourceType};
use keyfob_engine::{
    Capabilities, Change, CommitError, Committed, Context, DynStore, Event, EventId, Page, Query, Selection,
    Store, StoreError, Stored, TenantId,
};
use pollster::block_on;

pub(crate) struct Watched {
    inner: DynStore,
    types: Mutex<BTreeMap<String, ResourceType>>,
    /// How many commits there were, and whether they fail.
    pub(crate) commits: AtomicUsize,
    pub(crate) is_down: AtomicBool,
}

/// Everything that a tenant has, as it is stored, and what was told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) resources: BTreeMap<(String, String), Stored>,
    pub(crate) events: Vec<Event>,
}

impl Watched {
    pub(crate) fn new(inner: DynStore) -> Self {
        Self {
            inner,
            types: Mutex::default(),
            commits: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
        }
    }

    pub(crate) fn snapshot(&self, cx: &Context) -> Snapshot {
        let types: Vec<ResourceType> = self.types.lock().unwrap().values().cloned().collect();
        let mut snapshot = Snapshot {
            events: block_on(self.inner.events(cx.tenant(), None, usize::MAX)).unwrap(),
            ..Snapshot::default()
        };
        for resource_type in types {
            let selection = Selection::of(Projection::all().resolve(&resource_type).wants());
            let query = Query::new(&selection, usize::MAX);
            let page = block_on(self.inner.query(cx.tenant(), &resource_type, &query)).unwrap();
            for stored in page.resources {
                let id = stored.resource.id().unwrap().as_str().to_owned();
                snapshot
                    .resources
                    .insert((resource_type.name().to_string(), id), stored);
            }
        }
        snapshot
    }

    fn pass(&self, resource_type: &ResourceType) {
        let mut types = self.types.lock().unwrap();
        if !types.contains_key(resource_type.name().as_str()) {
            types.insert(resource_type.name().to_string(), resource_type.clone());
        }
    }
}

impl Store for Watched {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<Stored>, StoreError> {
        self.pass(resource_type);
        self.inner.get(tenant, resource_type, id, selection).await
    }

    async fn query(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        query: &Query<'_>,
    ) -> Result<Page, StoreError> {
        self.pass(resource_type);
        self.inner.query(tenant, resource_type, query).await
    }

    async fn commit(&self, tenant: &TenantId, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        for change in changes {
            if let Change::Create { resource_type, .. }
            | Change::Update { resource_type, .. }
            | Change::Delete { resource_type, .. } = change
            {
                self.pass(resource_type);
            }
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(CommitError::Store(StoreError::Unavailable("out of reach".into())));
        }
        self.inner.commit(tenant, changes).await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.inner.events(tenant, after, limit).await
    }
}
