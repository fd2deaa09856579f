//! Tokens that end soon.

use keyfob_core::DateTime;
use keyfob_engine::{Actor, Context};
use keyfob_store::{Store, TenantId};
use smol_str::SmolStr;

use super::{Admin, AdminError};
use crate::event;

/// A token that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpiringToken {
    /// The tenant of the organization that it opens.
    pub tenant: TenantId,
    /// The name that administrators gave it.
    pub name: SmolStr,
    /// The instant from which on it opens nothing.
    pub expires: DateTime,
}

impl<S: Store> Admin<'_, S> {
    /// Tells of tokens that end within 30, 7 and 1 days ([`TokenInfo::WARNED_DAYS`](crate::TokenInfo::WARNED_DAYS)), by an event
    /// [`TOKEN_EXPIRING`](event::TOKEN_EXPIRING) of their organization, and returns them. Each is told of once for each of these
    /// times, whichever server is first, and not once it has ended.
    ///
    /// A server calls this at its start and every hour.
    ///
    /// # Errors
    /// [`AdminError::Store`], [`AdminError::Contention`]; those that were told of until then are not told of again.
    ///
    /// # Complexity
    /// One read for each organization, and one commit for each that has such a token.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use keyfob_core::Registry;
    /// # use keyfob_provisioning::{Profile, Provisioner, Token};
    /// # use keyfob_store_memory::MemoryStore;
    /// use keyfob_engine::{Actor, Context};
    ///
    /// # pollster::block_on(async {
    /// let provisioner = Provisioner::builder(MemoryStore::new(), Registry::verkada().clone())
    ///     .with_profile(Profile::accessiq())
    ///     .build();
    /// let acme = provisioner.admin().create_organization("Acme", &Token::generate()?).await?;
    /// let cx = Context::new(acme.tenant.clone()).acting_as(Actor::Administrator);
    /// let tomorrow = provisioner.now().unix_millis() + 20 * 60 * 60 * 1000;
    /// let tomorrow = keyfob_core::DateTime::from_unix_millis(tomorrow);
    /// provisioner.admin().issue_token(&cx, "ci", Some(tomorrow)).await?;
    ///
    /// let told = provisioner.admin().warn_of_expiry().await?;
    /// assert_eq!((told.len(), told[0].name.as_str()), (1, "ci"));
    /// assert!(provisioner.admin().warn_of_expiry().await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn warn_of_expiry(&self) -> Result<Vec<ExpiringToken>, AdminError> {
        let mut told = Vec::new();
        for organization in self.organizations().await? {
            let cx = Context::new(organization.tenant.clone()).acting_as(Actor::Application);
            let now = self.provisioner.now();
            let provisioning = self.provisioner.provisioning(&cx).await?;
            if !provisioning
                .tokens
                .iter()
                .any(|token| token.is_to_be_told_of(now))
            {
                continue;
            }
            let mut expiring = Vec::new();
            let edited = self
                .edit(
                    &cx,
                    "warnOfExpiry",
                    &[event::TOKEN_EXPIRING],
                    |provisioning, now| {
                        // Another server may have been faster.
                        expiring.clear();
                        for token in &mut provisioning.tokens {
                            if token.is_to_be_told_of(now)
                                && let Some(expires) = token.expires
                            {
                                token.told_within = token.ends_within(now);
                                expiring.push(ExpiringToken {
                                    tenant: cx.tenant().clone(),
                                    name: token.name.clone(),
                                    expires,
                                });
                            }
                        }
                        Ok((None, Vec::new()))
                    },
                )
                .await?;
            if edited.is_changed {
                told.append(&mut expiring);
            }
        }
        Ok(told)
    }
}
