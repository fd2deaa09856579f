//! The provisioning engine: what RFC 7644 asks of a service provider, over any store.

mod amend;
mod commit;
mod deleted;
mod error;
mod key;
mod patch;
mod precondition;
mod read;
mod record;
mod search;
mod transact;
mod turn;
mod view;
mod write;

use std::{fmt, sync::Arc};

use keyfob_core::{Clock, DateTime, IdGenerator, Registry, ResourceId, SystemClock, UuidGenerator};
use keyfob_store::{ReadContext, Selection, Store, StoreError, StoreExt, TenantId};
use smol_str::SmolStr;

use self::turn::Turns;
pub(crate) use self::{
    commit::{DeleteAction, Draft, change_of, event_of},
    deleted::equals,
    key::{check_user_names, unique_keys},
    record::{Loaded, Record},
    transact::{Decision, Prepared, Reads, Seen, Subject},
};
pub use self::{
    error::EngineError,
    precondition::{EntityTags, Precondition},
    read::Found,
    write::Written,
};
use crate::{
    admin::Admin,
    context::Context,
    profile::Profile,
    provisioning::Provisioning,
    rule::Rule,
    system,
    token::{self, AuthenticationError},
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
    clock: Box<dyn Clock>,
    ids: Box<dyn IdGenerator>,
    commit_ids: Box<dyn IdGenerator>,
    rules: Vec<Box<dyn Rule>>,
    turns: Turns,
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
            commit_ids: Box::new(UuidGenerator::new()),
            rules: Vec::new(),
            turns: Turns::default(),
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

    /// What the service's owner does.
    #[must_use]
    pub fn admin(&self) -> Admin<'_, S> {
        Admin::new(self)
    }

    /// Finds the organization that a bearer token opens.
    ///
    /// Every token that opens none is refused in the same words, after the same work. A token opens nothing any more
    /// as soon as it is refreshed or revoked, or the organization is unlinked.
    ///
    /// # Errors
    /// [`AuthenticationError::Rejected`], which maps to 401.
    pub async fn authenticate(&self, secret: &str) -> Result<Authenticated, AuthenticationError> {
        let id: ResourceId = token::id_of(secret);
        let tenant = match token::tenant_of(secret) {
            Some(tenant) => tenant,
            None => self.tenant_in_directory(&id).await?,
        };
        // A token that leads nowhere costs the same look-ups.
        let provisioning = self.provisioning(&Context::new(tenant.clone())).await?;
        let now = self.now();
        let mut opened_by = None;
        for token in &provisioning.tokens {
            if token::same_id(&token.id, &id) & token.is_valid_at(now) {
                opened_by = Some(token.name.clone());
            }
        }
        match opened_by {
            Some(token) if provisioning.is_linked() && tenant != TenantId::SYSTEM => Ok(Authenticated {
                tenant,
                token,
                provisioning: Arc::new(provisioning),
            }),
            _ => Err(AuthenticationError::Rejected),
        }
    }

    /// Finds the tenant that a token leads to that doesn't name it; the service itself, which no token opens, where there
    /// is none.
    async fn tenant_in_directory(&self, id: &ResourceId) -> Result<TenantId, StoreError> {
        let system = ReadContext::new(TenantId::SYSTEM);
        let found = self
            .store
            .get_one(&system, system::token(), id, &Selection::document())
            .await?;
        let organization = found
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str("organization"));
        Ok(TenantId::new(organization.unwrap_or_default()))
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

    fn turns(&self) -> &Turns {
        &self.turns
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

/// The result of a successful authentication.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated {
    /// The organization's tenant.
    pub tenant: TenantId,
    /// The name of the token.
    pub token: SmolStr,
    /// How the organization is provisioned, for the operation that follows.
    pub provisioning: Arc<Provisioning>,
}

impl Authenticated {
    /// Creates the context of a request of the organization's provider.
    #[must_use]
    pub fn to_context(&self) -> Context {
        let link = self.provisioning.link.clone().unwrap_or_default();
        Context::new(self.tenant.clone())
            .with_identity(link, self.token.clone())
            .with_provisioning(Arc::clone(&self.provisioning))
    }
}
