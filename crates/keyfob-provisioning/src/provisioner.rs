//! An engine with the product in it.

use std::{fmt, ops::Deref, sync::Arc};

use keyfob_core::{Clock, IdGenerator, Registry};
use keyfob_engine::{Context, Engine, FactSource, Limits, Rule};
use keyfob_store::{Store, StoreError};

use crate::{
    admin::{Admin, RefusedTokens},
    founding::Module,
    lifecycle::Life,
    profile::Profile,
    provisioning::{Provisioning, Provisionings},
};

/// An [`Engine`] that serves organizations: with their links to providers, their tokens and domains, and the life of their
/// users.
///
/// It is an engine, with every operation of one, and cheap to clone; clones share everything.
pub struct Provisioner<S> {
    engine: Arc<Engine<S>>,
    profile: Arc<Profile>,
    modules: Arc<[Arc<dyn Module>]>,
    refused_tokens: Arc<RefusedTokens>,
}

impl<S: Store> Provisioner<S> {
    /// Creates a provisioner with the profile [`Profile::interop`] and no rules.
    #[must_use]
    pub fn new(store: S, registry: Registry) -> Self {
        Self::builder(store, registry).build()
    }

    /// Creates a provisioner to be set up.
    pub fn builder(store: S, registry: Registry) -> ProvisionerBuilder<S> {
        ProvisionerBuilder {
            engine: Engine::new(store, registry),
            profile: Profile::interop(),
            modules: Vec::new(),
        }
    }

    /// Returns the engine, as a server takes it.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine<S>> {
        &self.engine
    }

    /// Returns the policies of the product, with those of the protocol.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the side of the service's owner and of organizations' administrators.
    #[must_use]
    pub fn admin(&self) -> Admin<'_, S> {
        Admin::new(self)
    }

    /// Reads how an organization is provisioned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn provisioning(&self, cx: &Context) -> Result<Provisioning, StoreError> {
        Provisioning::load(self.store(), cx).await
    }

    /// Returns how an organization is provisioned: as authentication has read it, or else read now.
    pub(crate) async fn provisioning_of(&self, cx: &Context) -> Result<Arc<Provisioning>, StoreError> {
        match cx.facts().get_shared() {
            Some(provisioning) => Ok(provisioning),
            None => Ok(Arc::new(self.provisioning(cx).await?)),
        }
    }

    pub(crate) fn refused_tokens(&self) -> &RefusedTokens {
        &self.refused_tokens
    }

    pub(crate) fn modules(&self) -> &[Arc<dyn Module>] {
        &self.modules
    }
}

impl<S> Deref for Provisioner<S> {
    type Target = Engine<S>;

    fn deref(&self) -> &Engine<S> {
        &self.engine
    }
}

impl<S> Clone for Provisioner<S> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            profile: Arc::clone(&self.profile),
            modules: Arc::clone(&self.modules),
            refused_tokens: Arc::clone(&self.refused_tokens),
        }
    }
}

impl<S> fmt::Debug for Provisioner<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioner")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Provisioner`].
#[must_use]
pub struct ProvisionerBuilder<S> {
    engine: Engine<S>,
    profile: Profile,
    modules: Vec<Arc<dyn Module>>,
}

impl<S: Store> ProvisionerBuilder<S> {
    /// Takes other policies.
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// Takes other limits of what a request may cost and a resource may hold.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self {
            engine: self.engine.with_limits(limits),
            ..self
        }
    }

    /// Takes another clock.
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self {
            engine: self.engine.with_clock(clock),
            ..self
        }
    }

    /// Takes another source of ids.
    pub fn with_ids(self, ids: impl IdGenerator) -> Self {
        Self {
            engine: self.engine.with_ids(ids),
            ..self
        }
    }

    /// Adds a source of facts for rules.
    pub fn with_facts(self, source: impl FactSource<S>) -> Self {
        Self {
            engine: self.engine.with_facts(source),
            ..self
        }
    }

    /// Adds a rule, which reviews after those that are there.
    pub fn with_rule(self, rule: impl Rule) -> Self {
        Self {
            engine: self.engine.with_rule(rule),
            ..self
        }
    }

    /// Adds a part of the product: a rule that also has a say when organizations come into being and when their links end.
    pub fn with_module(mut self, module: impl Module) -> Self {
        let module = Arc::new(module);
        self.modules.push(module.clone());
        Self {
            engine: self.engine.with_rule(module),
            ..self
        }
    }

    /// Creates the provisioner.
    #[must_use]
    pub fn build(self) -> Provisioner<S> {
        let profile = Arc::new(self.profile);
        let engine = self
            .engine
            .with_profile(profile.protocol.clone())
            .with_facts(Provisionings)
            .with_lifecycle(Life::new(Arc::clone(&profile)));
        Provisioner {
            engine: Arc::new(engine),
            profile,
            modules: self.modules.into(),
            refused_tokens: Arc::default(),
        }
    }
}

impl<S> fmt::Debug for ProvisionerBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionerBuilder").finish_non_exhaustive()
    }
}
