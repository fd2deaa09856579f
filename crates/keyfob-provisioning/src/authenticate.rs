//! From a token to the organization that it opens.

use std::sync::Arc;

use keyfob_core::ResourceId;
use keyfob_engine::{AuthenticationError, Authenticator, Caller, Context};
use keyfob_store::{ReadContext, Selection, Store, StoreError, StoreExt, TenantId};

use crate::{provisioner::Provisioner, system, token};

impl<S: Store> Authenticator for Provisioner<S> {
    async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
        Self::authenticate(self, secret).await
    }
}

impl<S: Store> Provisioner<S> {
    /// Finds the organization that a bearer token opens.
    ///
    /// Every token that opens none is refused in the same words, after the same work. A token opens nothing any more
    /// as soon as it is refreshed or revoked, or the organization is unlinked. Refused tokens that name an organization are
    /// counted for it ([`Admin::tell_of_refused_tokens`](crate::Admin::tell_of_refused_tokens)).
    ///
    /// # Errors
    /// [`AuthenticationError::Rejected`], [`AuthenticationError::Store`].
    pub async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
        let id: ResourceId = token::id_of(secret);
        let tenant = match token::tenant_of(secret) {
            Some(tenant) => tenant,
            None => self.tenant_in_directory(&id).await?,
        };
        // A token that leads nowhere costs the same look-ups.
        let provisioning = self.provisioning(&Context::new(tenant.clone())).await?;
        let now = self.now();
        let (mut opened_by, mut ended) = (None, None);
        for token in &provisioning.tokens {
            let place = if token.is_valid_at(now) {
                &mut opened_by
            } else {
                &mut ended
            };
            if token::same_id(&token.id, &id) {
                *place = Some(token.name.clone());
            }
        }
        match (opened_by, &provisioning.link) {
            (Some(token), Some(link)) if tenant != TenantId::SYSTEM => {
                let cx = Context::new(tenant).with_identity(link.clone(), token);
                Ok(Caller::of(cx.with_fact(Arc::new(provisioning))))
            }
            _ => {
                // Nothing is noted of tenants that are not there, which anybody can name.
                if provisioning.version.is_some() {
                    self.refused_tokens().note(&tenant, ended);
                }
                Err(AuthenticationError::Rejected)
            }
        }
    }

    /// Finds the tenant that a token leads to that doesn't name it; the service itself, which no token opens, where there
    /// is none.
    async fn tenant_in_directory(&self, id: &ResourceId) -> Result<TenantId, StoreError> {
        let system = ReadContext::new(TenantId::SYSTEM);
        let found = self
            .store()
            .get_one(&system, system::token(), id, &Selection::document())
            .await?;
        let organization = found
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str("organization"));
        Ok(TenantId::new(organization.unwrap_or_default()))
    }
}
