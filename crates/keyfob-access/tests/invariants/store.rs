//! A store that knows every type of resource that passes through it, those that nobody else sees included, and that can
//! be out of reach.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use keyfob_core::{Projection, ResourceType};
use keyfob_engine::{
    Commit, Context, DynStore, Event, Feeds, Hooked, Hooks, Position, Query, ReadContext, Selection, Store,
    StoreError, Stored, Visibility,
};
use pollster::block_on;

#[derive(Default)]
pub(crate) struct Watcher {
    types: Mutex<BTreeMap<String, ResourceType>>,
    /// How many commits there were, and whether they fail.
    pub(crate) commits: AtomicUsize,
    pub(crate) is_down: AtomicBool,
}

pub(crate) type Watched = Hooked<DynStore, Watcher>;

/// Everything that a tenant has, live and hidden, as it is stored, and its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) resources: BTreeMap<(String, String), Stored>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn snapshot(store: &Watched, cx: &Context) -> Snapshot {
    let types: Vec<ResourceType> = store.hooks().types.lock().unwrap().values().cloned().collect();
    let store = store.inner();
    let mut snapshot = Snapshot {
        events: block_on(store.read_feed(cx.tenant(), Position::START, usize::MAX)).unwrap(),
        ..Snapshot::default()
    };
    for resource_type in types {
        for visibility in [Visibility::Live, Visibility::Hidden] {
            let selection = Selection::of(Projection::all().resolve(&resource_type).wants());
            let query = Query::all().with_selection(selection).with_visibility(visibility);
            let page = block_on(store.query(&cx.reading(), &resource_type, &query)).unwrap();
            for stored in page.resources {
                let id = stored.resource.id().unwrap().as_str().to_owned();
                snapshot
                    .resources
                    .insert((resource_type.name().to_string(), id), stored);
            }
        }
    }
    snapshot
}

impl Watcher {
    fn pass(&self, resource_type: &ResourceType) {
        let mut types = self.types.lock().unwrap();
        if !types.contains_key(resource_type.name().as_str()) {
            types.insert(resource_type.name().to_string(), resource_type.clone());
        }
    }
}

impl Hooks for Watcher {
    fn before_read(&self, _: &ReadContext, resource_type: &ResourceType) -> Result<(), StoreError> {
        self.pass(resource_type);
        Ok(())
    }

    fn before_commit(&self, commits: &[Arc<Commit>]) -> Result<(), StoreError> {
        for change in commits.iter().flat_map(|commit| &commit.changes) {
            if let Some((resource_type, _)) = change.subject() {
                self.pass(resource_type);
            }
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("out of reach".into()));
        }
        Ok(())
    }
}
