//! What a store can't do, the engine does up to a bound, or refuses and says so.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_core::{
    DateTime, Projection, Registry, Resource, ResourceId, ResourceType, SchemaUri, ScimType, ToErrorBody,
    Version,
    message::{SearchRequest, SortOrder},
};
use keyfob_engine::{
    Capabilities, Commit, CommitError, CommitId, Committed, Context, Engine, EngineError, Feature, Page,
    Paging, Query, ReadContext, Selection, Store, StoreError, Stored, TenantId, Transport,
};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

/// A store that claims what it is told to claim, and is never asked for anything else.
struct Claiming {
    store: MemoryStore,
    capabilities: Capabilities,
    /// If true, there is no end of users.
    is_endless: bool,
    read: AtomicUsize,
}

impl Store for Claiming {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.get(cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        let by_cursor = matches!(query.paging, Paging::Cursor { .. });
        assert!(query.sort.is_none() || self.capabilities.sorting);
        assert!(!by_cursor || self.capabilities.cursors);
        if !self.is_endless {
            return self.store.query(cx, resource_type, query).await;
        }
        let first = self.read.fetch_add(query.paging.count(), Ordering::Relaxed);
        let users = (first..first + query.paging.count()).map(|number| {
            let id = ResourceId::new(number.to_string());
            let at = DateTime::from_unix_millis(0);
            let document = Resource::new([SchemaUri::USER]);
            Stored::new(resource_type, &id, document, Version::new(1), at, at)
        });
        let page = Page::new(users.collect()).with_total(1_000_000);
        let last = keyfob_store::Cursor::new([]);
        Ok(page.with_next(by_cursor.then_some(last)))
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        self.store.commit(commits).await
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        self.store.committed(tenant, commit).await
    }
}

fn engine(capabilities: Capabilities, is_endless: bool) -> Engine<Claiming> {
    let store = Claiming {
        store: MemoryStore::new(),
        capabilities,
        is_endless,
        read: AtomicUsize::new(0),
    };
    Engine::new(store, Registry::rfc().clone())
}

fn user_type() -> &'static ResourceType {
    Registry::rfc().resource_type("User").unwrap()
}

fn context() -> Context {
    Context::new(TenantId::new("acme"))
}

#[test]
fn a_store_without_sorting_and_cursors_is_sorted_for_and_asked_for_no_cursor() {
    let engine = engine(
        Capabilities {
            sorting: false,
            cursors: false,
            ..Capabilities::full()
        },
        false,
    );
    assert!(engine.supports(Feature::Sort));
    assert!(!engine.supports(Feature::CursorPagination));
    let config = engine.service_provider_config(&context(), &Transport::default());
    let pagination = config.core().get("pagination").unwrap().as_object().unwrap();
    assert_eq!(pagination.get("cursor"), Some(&false.into()));
    assert_eq!(pagination.get("cursorTimeout"), None);
    for name in ["b", "a", "c"] {
        let mut user = Resource::new([SchemaUri::USER]);
        user.core_mut().insert("userName", name);
        block_on(engine.create(&context(), user_type(), user, &Projection::all())).unwrap();
    }
    for (order, expected) in [(SortOrder::Ascending, "abc"), (SortOrder::Descending, "cba")] {
        let mut request = SearchRequest::new();
        (request.sort_by, request.sort_order) = (Some("userName".into()), order);
        let list = block_on(engine.list(&context(), user_type(), &request)).unwrap();
        let names = list
            .resources
            .iter()
            .map(|user| user.core().get_str("userName").unwrap());
        assert_eq!(names.collect::<String>(), expected);
        assert_eq!(list.total_results, 3);
    }
    // Answering the first page would pass it off as the last one (RFC 9865 section 2).
    for cursor in ["", "VZUTiyhEQJ94IR"] {
        let mut request = SearchRequest::new();
        request.cursor = Some(cursor.into());
        let refused = block_on(engine.list(&context(), user_type(), &request)).unwrap_err();
        assert!(matches!(
            refused,
            EngineError::Unsupported(Feature::CursorPagination)
        ));
        assert_eq!(refused.to_error_body().scim_type, Some(ScimType::InvalidCursor));
    }
}

#[test]
fn rfc_7644_3_4_2_1_an_order_that_no_index_has_is_made_up_to_a_bound() {
    for (sorting, cursors, cursor) in [
        (true, true, None),
        (true, true, Some("")),
        (true, false, None),
        (false, true, None),
    ] {
        let engine = engine(
            Capabilities {
                sorting,
                cursors,
                ..Capabilities::full()
            },
            true,
        );
        let mut request = SearchRequest::new();
        request.sort_by = Some("title".into());
        request.cursor = cursor.map(Into::into);
        let refused = block_on(engine.list(&context(), user_type(), &request)).unwrap_err();
        let body = refused.to_error_body();
        assert_eq!(body.scim_type, Some(ScimType::TooMany));
        let told = &body.detail;
        assert!(told.contains("make the filter narrower"), "{told}");
        // What the store can, and only that.
        assert_eq!(told.contains("or sort by one of `"), sorting, "{told}");
        assert_eq!(told.contains("`userName`"), sorting, "{told}");
        assert!(engine.store().read.load(Ordering::Relaxed) <= 10_001);
        // What an index sorts has no bound.
        request.sort_by = Some("userName".into());
        let indexed = block_on(engine.list(&context(), user_type(), &request));
        assert_eq!(indexed.is_ok(), sorting);
    }
}
