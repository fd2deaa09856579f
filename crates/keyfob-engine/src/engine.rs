//! The provisioning engine: what RFC 7644 asks of a service provider, over any store.

mod error;
mod key;
mod patch;
mod read;
mod search;
mod view;
mod write;

use std::fmt;

use keyfob_core::{Clock, IdGenerator, Registry, ResourceId, SystemClock, UuidGenerator};

pub(crate) use self::key::unique_keys;
pub use self::{
    error::EngineError,
    read::Found,
    write::{Precondition, Written},
};
use crate::{
    admin::Admin,
    context::{Context, TenantId},
    profile::Profile,
    store::{Selection, Store},
    system,
    token::{self, AuthenticationError},
};

/// Serves the resources of a registry out of a store.
///
/// Every operation checks what it is given, works out what has to change, and commits it in one go; what it returns
/// is what a client of the tenant may see. The engine knows no HTTP and starts no task.
///
/// A request that changes nothing changes neither version nor `lastModified`. Where two requests change one resource
/// at the same time, both take effect, one after the other: the engine loads again and retries, up to
/// [`MAX_ATTEMPTS`](Self::MAX_ATTEMPTS) times, unless the client named the version it wants to change.
pub struct Engine<S> {
    store: S,
    registry: Registry,
    profile: Profile,
    clock: Box<dyn Clock>,
    ids: Box<dyn IdGenerator>,
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
            clock: Box::new(SystemClock::new()),
            ids: Box::new(UuidGenerator::new()),
        }
    }

    /// The same engine with other policies.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
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

    /// What the service's owner does.
    #[must_use]
    pub fn admin(&self) -> Admin<'_, S> {
        Admin::new(self)
    }

    /// Finds the tenant that a bearer token opens.
    ///
    /// Every token that opens none is refused in the same words, after the same work.
    ///
    /// # Errors
    /// [`AuthenticationError::Rejected`], which maps to 401.
    pub async fn authenticate(&self, secret: &str) -> Result<TenantId, AuthenticationError> {
        let id: ResourceId = token::id_of(secret);
        let cx = Context::new(TenantId::SYSTEM);
        let found = self
            .store
            .get(&cx, system::token(), &id, &Selection::document())
            .await?;
        let stored = found.filter(|stored| {
            stored
                .resource
                .id()
                .is_some_and(|stored| token::same_id(&stored, &id))
        });
        stored
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str("organization"))
            .filter(|organization| !organization.is_empty())
            .map(TenantId::new)
            .ok_or(AuthenticationError::Rejected)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn ids(&self) -> &dyn IdGenerator {
        &*self.ids
    }
}

impl<S> fmt::Debug for Engine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
