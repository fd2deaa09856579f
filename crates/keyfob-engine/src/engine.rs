//! The provisioning engine: what RFC 7644 asks of a service provider, over any store.

mod accepted;
mod batch;
mod bulk;
mod commit;
mod cursor;
mod error;
mod import;
mod key;
mod pages;
mod patch;
mod pause;
mod precondition;
mod probe;
mod read;
mod record;
mod rehearse;
mod search;
mod secret;
mod sort;
mod stream;
mod transact;
mod turn;
mod view;
mod write;

use std::{fmt, sync::OnceLock};

use keyfob_core::{Clock, DateTime, IdGenerator, Registry, ResourceId, SystemClock, UuidGenerator};
use keyfob_store::{RequestId, Store};
use smol_str::SmolStr;

pub(crate) use self::batch::BatchPlace;
pub use self::{
    accepted::{AcceptedBulk, BulkOutcomes},
    commit::{DeleteAction, Draft, change_of, event_of},
    cursor::CursorError,
    error::EngineError,
    import::{ImportEffect, ImportTarget, Imported, Incoming},
    key::unique_keys,
    pages::{FoundInPages, MemberPages, PageError},
    precondition::{EntityTags, Precondition},
    read::Found,
    record::{Loaded, Record},
    search::QueryExplanation,
    sort::SortError,
    stream::{AcknowledgementError, Delivery},
    transact::{Decision, Prepared, Reads, Seen, Settled, Subject},
    write::Written,
};
use self::{secret::Secret, turn::Turns};
use crate::{
    context::Context,
    facts::{Erased, FactSource},
    lifecycle::Lifecycle,
    limits::Limits,
    profile::Profile,
    rule::Rule,
};

/// Serves the resources of a registry out of a store.
///
/// Every operation checks what it is given, works out what has to change, and commits it in one go; what it returns
/// is what a client of the tenant may see. The engine knows no HTTP and starts no task.
///
/// A request that changes nothing changes neither version nor `lastModified`. Requests that change one resource at the same
/// time take effect one after the other: they take turns within a process, and across processes the engine loads again and
/// retries, up to [`MAX_ATTEMPTS`](Self::MAX_ATTEMPTS) times, unless the client named the version it wants to change.
pub struct Engine<S> {
    store: S,
    registry: Registry,
    profile: Profile,
    limits: Limits,
    clock: Box<dyn Clock>,
    ids: Box<dyn IdGenerator>,
    commit_ids: Box<dyn IdGenerator>,
    lifecycle: Box<dyn Lifecycle>,
    sources: Vec<Box<dyn Erased<S>>>,
    rules: Vec<Box<dyn Rule>>,
    turns: Turns,
    cursor_secret: OnceLock<Secret>,
    signing_key: OnceLock<Secret>,
    derivation_key: OnceLock<Secret>,
}

impl<S: Store> Engine<S> {
    /// How often a change is tried before the request is told to come back later. Each failed attempt means that
    /// another request succeeded.
    pub const MAX_ATTEMPTS: usize = 64;

    /// An engine with the machine's clock, UUIDs as ids and the profile [`Profile::interop`].
    #[must_use]
    pub fn new(store: S, registry: Registry) -> Self {
        Self {
            store,
            registry,
            profile: Profile::interop(),
            limits: Limits::default(),
            clock: Box::new(SystemClock::new()),
            ids: Box::new(UuidGenerator::new()),
            commit_ids: Box::new(UuidGenerator::new()),
            lifecycle: Box::new(()),
            sources: Vec::new(),
            rules: Vec::new(),
            turns: Turns::default(),
            cursor_secret: OnceLock::new(),
            signing_key: OnceLock::new(),
            derivation_key: OnceLock::new(),
        }
    }

    /// The same engine with other policies.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The same engine with other limits of what a request may cost and a resource may hold, for calls without
    /// [limits of their own](Context::with_limits).
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same engine with another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            ..self
        }
    }

    /// The same engine with another source of ids.
    #[must_use]
    pub fn with_ids(self, ids: impl IdGenerator) -> Self {
        Self {
            ids: Box::new(ids),
            ..self
        }
    }

    /// The same engine with a product's life of resources in place of the protocol's own.
    #[must_use]
    pub fn with_lifecycle(self, lifecycle: impl Lifecycle) -> Self {
        Self {
            lifecycle: Box::new(lifecycle),
            ..self
        }
    }

    /// The same engine with one more source of facts, which is asked after those that it has.
    #[must_use]
    pub fn with_facts(mut self, source: impl FactSource<S>) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// The same engine with one more rule, which reviews after those that it has.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Rule) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What the engine serves.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its policies.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its limits, which hold for calls without limits of their own.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limits that hold for a call.
    #[must_use]
    pub fn limits_of<'l>(&'l self, cx: &'l Context) -> &'l Limits {
        cx.limits().unwrap_or(&self.limits)
    }

    /// Returns a call with the budget that one request has.
    fn begin(&self, cx: &Context) -> Context {
        let limits = self.limits_of(cx);
        limits.begin(cx, limits.time)
    }

    /// The present instant, by the engine's clock.
    pub fn now(&self) -> DateTime {
        self.clock.now()
    }

    /// An id for a new resource.
    pub fn next_id(&self) -> ResourceId {
        self.ids.next_id(self.now())
    }

    /// Returns the text of an id for a new commit.
    pub(crate) fn next_commit_id(&self) -> SmolStr {
        self.commit_ids.next_id(self.now()).as_str().into()
    }

    /// Returns an id for a request that came without one.
    pub fn next_request_id(&self) -> RequestId {
        RequestId::new(self.next_commit_id())
    }

    fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn lifecycle(&self) -> &dyn Lifecycle {
        &*self.lifecycle
    }

    pub(crate) fn sources(&self) -> &[Box<dyn Erased<S>>] {
        &self.sources
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &dyn Rule> {
        self.rules.iter().map(|rule| &**rule)
    }
}

impl<S> fmt::Debug for Engine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
