//! On whose behalf a request is served.

use std::{any::Any, sync::Arc, time::Instant};

use keyfob_core::{Addresses, Registry};
use keyfob_store::{Budget, ReadContext, RequestId, TenantId};
use smol_str::SmolStr;

use crate::{
    engine::BatchPlace,
    facts::Facts,
    feature::{Feature, Missing},
    limits::Limits,
    rehearsal::Rehearsal,
};

/// The role of whoever acts. Resources that a tenant's provider manages may be closed to everybody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// The identity provider, by SCIM.
    #[default]
    Provider,
    /// An administrator of the whole tenant.
    Administrator,
    /// An administrator of one directory of the tenant, who has no say in what belongs to the whole of it.
    DirectoryAdministrator,
    /// A user, who changes their own data.
    User,
    /// An application, which tells what its users do in it.
    Application,
}

impl Actor {
    /// Returns the role's name, as events and audits show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Administrator => "administrator",
            Self::DirectoryAdministrator => "directoryAdministrator",
            Self::User => "user",
            Self::Application => "application",
        }
    }
}

/// What every call carries: for which tenant it is, on whose behalf, under which address that tenant's resources
/// are served, which request it is and how long it may take.
#[derive(Clone, Debug)]
pub struct Context {
    tenant: TenantId,
    actor: Actor,
    identity: SmolStr,
    credential: SmolStr,
    base_url: SmolStr,
    request: RequestId,
    budget: Budget,
    facts: Facts,
    transaction: Option<SmolStr>,
    batch: Option<BatchPlace>,
    rehearsal: Option<Rehearsal>,
    read_only: bool,
    missing: Missing,
    limits: Option<Arc<Limits>>,
}

impl Context {
    /// Creates a call of this tenant's provider. Addresses in answers are relative until
    /// [`with_base_url`](Self::with_base_url).
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            actor: Actor::Provider,
            identity: SmolStr::default(),
            credential: SmolStr::default(),
            base_url: SmolStr::default(),
            request: RequestId::default(),
            budget: Budget::UNLIMITED,
            facts: Facts::new(),
            transaction: None,
            batch: None,
            rehearsal: None,
            read_only: false,
            missing: Missing::default(),
            limits: None,
        }
    }

    /// Returns the same call on behalf of somebody else than the provider.
    #[must_use]
    pub fn acting_as(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// Returns the same call of somebody whose identity is known, let in by a credential of this name. Events carry both.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<SmolStr>, credential: impl Into<SmolStr>) -> Self {
        Self {
            identity: identity.into(),
            credential: credential.into(),
            ..self
        }
    }

    /// Returns the same call with the address, without a slash at its end, that `meta.location` and `$ref` start with.
    #[must_use]
    pub fn with_base_url(self, base_url: impl Into<SmolStr>) -> Self {
        Self {
            base_url: base_url.into(),
            ..self
        }
    }

    /// Returns the same call of the same caller for another tenant, without the facts and the batch of this one.
    #[must_use]
    pub fn in_tenant(&self, tenant: TenantId) -> Self {
        Self {
            tenant,
            facts: Facts::new(),
            batch: None,
            ..self.clone()
        }
    }

    /// Returns the same call under the id of a request, which events carry.
    #[must_use]
    pub fn with_request(self, request: RequestId) -> Self {
        Self { request, ..self }
    }

    /// Returns the same call with a limit of the work that it may cost. Its deadline also ends the attempts of a write.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// Returns the same call with a fact that is known already, as authentication has read it.
    #[must_use]
    pub fn with_fact<T: Any + Send + Sync>(self, fact: Arc<T>) -> Self {
        Self {
            facts: self.facts.with(fact),
            ..self
        }
    }

    /// Returns the same call without facts, for which they are read anew.
    #[must_use]
    pub fn without_facts(self) -> Self {
        Self {
            facts: Facts::new(),
            ..self
        }
    }

    /// Returns the same call by a caller who was asked again who it is: with the identity, the credential, the facts and the
    /// rights of that one's calls.
    pub(crate) fn renewed(&self, caller: Self) -> Self {
        Self {
            identity: caller.identity,
            credential: caller.credential,
            facts: caller.facts,
            read_only: caller.read_only,
            ..self.clone()
        }
    }

    /// Returns the same call with a credential that may read and not write.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self {
            read_only: true,
            ..self
        }
    }

    /// Returns the same call to a service that leaves a feature out: a request for it is refused, and `/ServiceProviderConfig`
    /// says so. An application's own calls have all features.
    #[must_use]
    pub fn without(self, feature: Feature) -> Self {
        Self {
            missing: self.missing.with(feature),
            ..self
        }
    }

    /// Returns the same call to a service that has limits of its own: they hold in place of the engine's, and
    /// `/ServiceProviderConfig` says them.
    #[must_use]
    pub fn with_limits(self, limits: impl Into<Arc<Limits>>) -> Self {
        Self {
            limits: Some(limits.into()),
            ..self
        }
    }

    pub(crate) fn limits(&self) -> Option<&Limits> {
        self.limits.as_deref()
    }

    pub(crate) fn missing(&self) -> Missing {
        self.missing
    }

    /// Returns the same call as one that is tried and not done: it decides as any other does, and its first commit is noted
    /// in the rehearsal instead of being applied.
    ///
    /// A call that would have committed ends with an error of the store. One that is refused, or would change nothing, ends
    /// as it does otherwise.
    #[must_use]
    pub fn rehearsing(self, rehearsal: Rehearsal) -> Self {
        Self {
            rehearsal: Some(rehearsal),
            ..self
        }
    }

    /// Returns where the commit is noted of a call that is tried and not done.
    #[must_use]
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// Returns true if nothing may be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Returns the tenant that the call is for.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns on whose behalf the call is.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the identity of whoever acts, empty where it is not known.
    #[must_use]
    pub fn identity(&self) -> &SmolStr {
        &self.identity
    }

    /// Returns the name of the credential that let them in, such as that of a token. Never a secret.
    #[must_use]
    pub fn credential(&self) -> &str {
        &self.credential
    }

    /// Returns the addresses that the resources of a registry have for this call.
    #[must_use]
    pub fn addresses(&self, registry: &Registry) -> Addresses {
        registry.addresses(self.base_url.clone())
    }

    /// Returns what addresses start with.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the id of the request.
    #[must_use]
    pub fn request(&self) -> &RequestId {
        &self.request
    }

    /// Returns what a store is given for a read.
    #[must_use]
    pub fn reading(&self) -> ReadContext {
        ReadContext::new(self.tenant.clone()).with_budget(self.budget)
    }

    /// Returns the instant after which nothing is tried again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.budget.deadline
    }

    /// Returns the same call as an operation of a bulk request, of which events carry the name.
    pub(crate) fn in_transaction(self, transaction: SmolStr) -> Self {
        Self {
            transaction: Some(transaction),
            ..self
        }
    }

    pub(crate) fn transaction(&self) -> Option<&SmolStr> {
        self.transaction.as_ref()
    }

    /// Returns the same call as one of several operations whose commits are handed over together.
    pub(crate) fn in_batch(self, place: BatchPlace) -> Self {
        Self {
            batch: Some(place),
            ..self
        }
    }

    pub(crate) fn batch(&self) -> Option<&BatchPlace> {
        self.batch.as_ref()
    }

    pub(crate) fn is_late(&self) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns the facts that are known already.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the actor as a commit names it.
    pub(crate) fn to_actor(&self) -> keyfob_store::Actor {
        keyfob_store::Actor::new(self.actor.as_str())
            .with_identity(self.identity.clone())
            .with_credential(self.credential.clone())
    }
}
