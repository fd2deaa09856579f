//! Tokens that were shown to organizations and opened nothing.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use keyfob_core::Object;
use keyfob_engine::{Actor, Context};
use keyfob_store::{Change, CommitError, Store, StoreError, TenantId, When};
use smol_str::SmolStr;

use super::{Admin, AdminError, link::of_provisioning};
use crate::event;

/// Counts the refused tokens of each tenant, until they are told of.
///
/// Strangers can make it count and not make it grow: tenants are noted that are there, and [`MOST`](Self::MOST) of them.
#[derive(Debug, Default)]
pub(crate) struct RefusedTokens(Mutex<BTreeMap<TenantId, Refused>>);

/// What was refused of a tenant.
#[derive(Debug, Default)]
struct Refused {
    /// How many requests.
    requests: i64,
    /// The token that was shown last of those that have ended.
    ended: Option<SmolStr>,
}

impl RefusedTokens {
    /// The most tenants that are noted at a time.
    const MOST: usize = 10_000;

    /// Notes a request to a tenant; `ended` names its token if that is one which opened the tenant once.
    pub(crate) fn note(&self, tenant: &TenantId, ended: Option<SmolStr>) {
        self.add(tenant, Refused { requests: 1, ended });
    }

    fn add(&self, tenant: &TenantId, more: Refused) {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = tenants.len() >= Self::MOST;
        let refused = match tenants.get_mut(tenant) {
            Some(refused) => refused,
            None if is_full => return,
            None => tenants.entry(tenant.clone()).or_default(),
        };
        refused.requests = refused.requests.saturating_add(more.requests);
        refused.ended = more.ended.or_else(|| refused.ended.take());
    }

    fn take(&self) -> BTreeMap<TenantId, Refused> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Store> Admin<'_, S> {
    /// Tells of the requests whose token opened nothing since the last call, by one event
    /// [`TOKEN_REFUSED`](event::TOKEN_REFUSED) of each organization that they were for, and returns how many organizations that
    /// are. Its data has the number of `requests` and, where a token of the organization was shown that has ended, its name as
    /// `ended`. A request is for an organization if its token names that: tokens that somebody chose name none.
    ///
    /// What is counted is counted in the process. A server calls this every hour and before it stops, so that somebody who tries
    /// tokens makes one event an hour.
    ///
    /// # Errors
    /// [`AdminError::Store`]; those that were not told of are told of by the next call.
    ///
    /// # Complexity
    /// One commit for each organization.
    ///
    /// ```
    /// # use keyfob_core::Registry;
    /// # use keyfob_provisioning::{Confirmed, Profile, Provisioner, Token};
    /// # use keyfob_store_memory::MemoryStore;
    /// use keyfob_engine::{Actor, Context};
    ///
    /// # pollster::block_on(async {
    /// let provisioner = Provisioner::builder(MemoryStore::new(), Registry::verkada().clone())
    ///     .with_profile(Profile::accessiq())
    ///     .build();
    /// let acme = provisioner.admin().create_organization("Acme", &Token::generate()?).await?;
    /// let cx = Context::new(acme.tenant.clone()).acting_as(Actor::Administrator);
    /// let token = provisioner.admin().issue_token(&cx, "ci", None).await?;
    /// provisioner.admin().revoke_token(&cx, "ci", Some(Confirmed)).await?;
    ///
    /// assert!(provisioner.authenticate(token.expose()).await.is_err());
    /// assert_eq!(provisioner.admin().tell_of_refused_tokens().await?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn tell_of_refused_tokens(&self) -> Result<usize, AdminError> {
        let (mut told, mut first_error) = (0, None);
        for (tenant, refused) in self.provisioner.refused_tokens().take() {
            match self.tell(&tenant, &refused).await {
                Ok(()) => told += 1,
                Err(error) => {
                    self.provisioner.refused_tokens().add(&tenant, refused);
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            None => Ok(told),
            Some(error) => Err(error),
        }
    }

    async fn tell(&self, tenant: &TenantId, refused: &Refused) -> Result<(), AdminError> {
        let mut event = of_provisioning(event::TOKEN_REFUSED);
        let mut data = Object::new();
        data.insert("requests", refused.requests);
        if let Some(ended) = &refused.ended {
            data.insert("ended", ended.clone());
        }
        event.data = data;
        let publish = Change::Publish {
            event: Arc::new(event),
            when: When::Always,
        };
        let cx = Context::new(tenant.clone()).acting_as(Actor::Application);
        // The organization may have gone meanwhile, and nothing may stay of one that was erased.
        if self.provisioner.provisioning(&cx).await?.version.is_none() {
            return Ok(());
        }
        let commit = self
            .provisioner
            .commit_of(&cx, "authenticate", vec![publish], None);
        match self.provisioner.commit(&cx, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }
}
