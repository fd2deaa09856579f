//! On whose behalf a request is served.

use keyfob_core::{Addresses, Registry};
use keyfob_store::TenantId;
use smol_str::SmolStr;

/// Who asks for something. Some of what an organization's provider manages is closed to everybody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// The identity provider, by SCIM.
    #[default]
    Provider,
    /// An administrator of the whole organization.
    OrganizationAdmin,
    /// An administrator of one directory of the organization, who has no say in what is global.
    DirectoryAdmin,
    /// A user, who changes his own data.
    User,
}

/// What every call carries: for which tenant it is, on whose behalf, and under which address that tenant's resources
/// are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    tenant: TenantId,
    actor: Actor,
    base_url: SmolStr,
}

impl Context {
    /// A call of this tenant's provider. Addresses in answers are relative until [`with_base_url`](Self::with_base_url).
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            actor: Actor::Provider,
            base_url: SmolStr::default(),
        }
    }

    /// The same call on behalf of somebody else than the provider.
    #[must_use]
    pub fn acting_as(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// The same call with the address, without a slash at its end, that `meta.location` and `$ref` start with.
    #[must_use]
    pub fn with_base_url(self, base_url: impl Into<SmolStr>) -> Self {
        Self {
            base_url: base_url.into(),
            ..self
        }
    }

    /// For whom the call is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// On whose behalf it is.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The addresses that the resources of a registry have for this call.
    #[must_use]
    pub fn addresses(&self, registry: &Registry) -> Addresses {
        registry.addresses(self.base_url.clone())
    }

    /// What addresses start with.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}
