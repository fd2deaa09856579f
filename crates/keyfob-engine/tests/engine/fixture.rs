//! An engine over the memory store, with a clock that moves when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use keyfob_core::{
    Clock, DateTime, Projection, Registry, Resource, ResourceType,
    message::{ListResponse, PatchRequest, SearchRequest},
};
use keyfob_engine::{
    Context, Engine, EngineError, Event, Feeds as _, Position, Precondition, Selection, StoreExt, Stored,
    TenantId, Written,
};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1_000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(1_700_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

#[derive(Clone)]
pub(crate) struct Fixture {
    engine: Arc<Engine<MemoryStore>>,
    cx: Context,
    pub(crate) clock: TestClock,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|engine| engine)
    }

    pub(crate) fn with(configure: impl FnOnce(Engine<MemoryStore>) -> Engine<MemoryStore>) -> Self {
        Self::made(Registry::rfc().clone(), configure)
    }

    /// Over the resource types of another registry.
    pub(crate) fn over(registry: Registry) -> Self {
        Self::made(registry, |engine| engine)
    }

    fn made(registry: Registry, configure: impl FnOnce(Engine<MemoryStore>) -> Engine<MemoryStore>) -> Self {
        let clock = TestClock::default();
        let engine = Engine::new(MemoryStore::new(), registry).with_clock(clock.clone());
        let cx = Context::new(TenantId::new("acme")).with_base_url("https://example.com/scim/v2");
        Self {
            engine: Arc::new(configure(engine)),
            cx,
            clock,
        }
    }

    pub(crate) fn other_tenant(&self) -> Self {
        Self {
            cx: Context::new(TenantId::new("umbrella")),
            ..self.clone()
        }
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        let feed = self.engine.store();
        block_on(feed.read_feed(self.cx.tenant(), Position::START, usize::MAX)).unwrap()
    }

    pub(crate) fn engine(&self) -> &Engine<MemoryStore> {
        &self.engine
    }

    fn kind(&self, name: &str) -> &ResourceType {
        self.engine.registry().resource_type(name).unwrap()
    }

    pub(crate) fn create(&self, kind: &str, body: &str) -> Result<Written, EngineError> {
        let kind = self.kind(kind);
        let body = Resource::from_json(body.as_bytes(), kind).unwrap();
        block_on(self.engine.create(&self.cx, kind, body, &Projection::all()))
    }

    pub(crate) fn replace(&self, kind: &str, of: &Written, body: &str) -> Result<Written, EngineError> {
        let kind = self.kind(kind);
        let body = Resource::from_json(body.as_bytes(), kind).unwrap();
        block_on(self.engine.replace(
            &self.cx,
            kind,
            &of.id,
            body,
            &Precondition::None,
            &Projection::all(),
        ))
    }

    pub(crate) fn patch(
        &self,
        kind: &str,
        of: &Written,
        request: &PatchRequest,
    ) -> Result<Written, EngineError> {
        self.patch_as(kind, of, request, &Precondition::None, &Projection::all())
    }

    pub(crate) fn patch_as(
        &self,
        kind: &str,
        of: &Written,
        request: &PatchRequest,
        precondition: &Precondition,
        projection: &Projection,
    ) -> Result<Written, EngineError> {
        let request = request.clone();
        block_on(self.engine.patch(
            &self.cx,
            self.kind(kind),
            &of.id,
            request,
            precondition,
            projection,
        ))
    }

    pub(crate) fn delete(
        &self,
        kind: &str,
        of: &Written,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        block_on(
            self.engine
                .delete(&self.cx, self.kind(kind), &of.id, precondition),
        )
    }

    pub(crate) fn try_get(&self, kind: &str, of: &Written) -> Result<Resource, EngineError> {
        block_on(
            self.engine
                .get(&self.cx, self.kind(kind), &of.id, &Projection::all()),
        )
    }

    pub(crate) fn get(&self, kind: &str, of: &Written) -> Resource {
        self.try_get(kind, of).unwrap()
    }

    pub(crate) fn stored(&self, kind: &str, of: &Written) -> Stored {
        let kind = self.kind(kind);
        let selection = Selection::of(Projection::all().resolve(kind).wants());
        block_on(
            self.engine
                .store()
                .get_one(&self.cx.reading(), kind, &of.id, &selection),
        )
        .unwrap()
        .unwrap()
    }

    pub(crate) fn list(&self, kind: &str, filter: &str) -> ListResponse {
        let mut request = SearchRequest::new();
        request.filter = Some(filter.into());
        self.search(&[kind], &request).unwrap()
    }

    pub(crate) fn search(
        &self,
        kinds: &[&str],
        request: &SearchRequest,
    ) -> Result<ListResponse, EngineError> {
        let kinds: Vec<_> = kinds.iter().map(|kind| self.kind(kind)).collect();
        block_on(self.engine.search(&self.cx, &kinds, request))
    }
}

pub(crate) fn user(user_name: &str) -> String {
    format!(r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{user_name}"}}"#)
}

pub(crate) fn group(display_name: &str, members: &[&str]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|id| format!(r#"{{"value":"{id}"}}"#))
        .collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{display_name}","members":[{}]}}"#,
        members.join(",")
    )
}

pub(crate) fn patch(operations: &str) -> PatchRequest {
    let text = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operations}]}}"#
    );
    PatchRequest::from_json(text.as_bytes()).unwrap()
}
