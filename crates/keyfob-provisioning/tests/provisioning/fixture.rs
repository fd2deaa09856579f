//! An engine over the memory store, with a clock that moves when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use keyfob_core::{
    Clock, DateTime, Projection, Registry, Resource, ResourceType, ScimType, ToErrorBody,
    message::{ListResponse, PatchRequest, SearchRequest},
};
use keyfob_engine::{
    Actor, Context, EngineError, Position, Precondition, Selection, StoreExt, Stored, TenantId, Written,
};
use keyfob_provisioning::{Admin, Profile, Provisioner, ProvisionerBuilder, Refusal};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1_000, Ordering::Relaxed);
    }

    pub(crate) fn advance_days(&self, days: i64) {
        self.0.fetch_add(days * 24 * 60 * 60 * 1_000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(1_700_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

#[derive(Clone)]
pub(crate) struct Fixture {
    engine: Provisioner<MemoryStore>,
    cx: Context,
    pub(crate) clock: TestClock,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|engine| engine)
    }

    pub(crate) fn with(
        configure: impl FnOnce(ProvisionerBuilder<MemoryStore>) -> ProvisionerBuilder<MemoryStore>,
    ) -> Self {
        Self::made(Registry::rfc().clone(), configure)
    }

    fn made(
        registry: Registry,
        configure: impl FnOnce(ProvisionerBuilder<MemoryStore>) -> ProvisionerBuilder<MemoryStore>,
    ) -> Self {
        let clock = TestClock::default();
        let engine = Provisioner::builder(MemoryStore::new(), registry).with_clock(clock.clone());
        let cx = Context::new(TenantId::new("acme")).with_base_url("https://example.com/scim/v2");
        Self {
            engine: configure(engine).build(),
            cx,
            clock,
        }
    }

    /// As Verkada Command provisions, linked and open to the domains `example.com` and `example.org`.
    pub(crate) fn verkada() -> Self {
        let fixture = Self::unlinked(Profile::verkada());
        for domain in ["example.com", "example.org"] {
            block_on(fixture.admin().add_domain(&fixture.administrator(), domain)).unwrap();
        }
        fixture
    }

    /// An organization that is not linked to a provider yet.
    pub(crate) fn unlinked(profile: Profile) -> Self {
        let clock = TestClock::default();
        let engine = Provisioner::builder(MemoryStore::new(), Registry::verkada().clone())
            .with_clock(clock.clone())
            .with_profile(profile);
        let cx = Context::new(TenantId::new("acme")).with_base_url("https://example.com/scim/v2");
        Self {
            engine: engine.build(),
            cx,
            clock,
        }
    }

    /// The same organization from the side of somebody else than the provider.
    pub(crate) fn acting_as(&self, actor: Actor) -> Self {
        Self {
            cx: self.cx.clone().acting_as(actor),
            ..self.clone()
        }
    }

    /// The context of an administrator.
    pub(crate) fn administrator(&self) -> Context {
        self.cx.clone().acting_as(Actor::Administrator)
    }

    pub(crate) fn admin(&self) -> Admin<'_, MemoryStore> {
        self.engine.admin()
    }

    /// The names of all events so far.
    pub(crate) fn event_names(&self) -> Vec<String> {
        let events = block_on(self.admin().events(&self.cx, Position::START, usize::MAX)).unwrap();
        events.iter().map(|event| event.event.name.to_string()).collect()
    }

    pub(crate) fn other_tenant(&self) -> Self {
        Self {
            cx: Context::new(TenantId::new("umbrella")),
            ..self.clone()
        }
    }

    pub(crate) fn engine(&self) -> &Provisioner<MemoryStore> {
        &self.engine
    }

    pub(crate) fn cx(&self) -> &Context {
        &self.cx
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

/// A user with an address.
pub(crate) fn user_at(user_name: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{user_name}",
            "emails":[{{"value":"{user_name}","type":"work"}}]}}"#
    )
}

/// The PATCH by which a provider says whether a user is active.
pub(crate) fn set_active(active: bool) -> PatchRequest {
    patch(&format!(r#"{{"op":"replace","path":"active","value":{active}}}"#))
}

/// The status and the keyword that a client gets.
pub(crate) fn refusal<T: std::fmt::Debug>(
    outcome: Result<T, EngineError>,
) -> (u16, Option<ScimType>, String) {
    let body = outcome.unwrap_err().to_error_body();
    (body.status, body.scim_type, body.detail.to_string())
}

/// The product's refusal with which an operation ended.
pub(crate) fn refused_by<T>(outcome: &Result<T, EngineError>) -> Option<&Refusal> {
    Refusal::of(outcome.as_ref().err()?)
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
