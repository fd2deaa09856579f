//! The service that is provisioned, and a provider that provisions it.

use std::error::Error;

use keyfob_access::{AccessGroups, Credentials};
use keyfob_core::{Projection, Resource, ResourceId, message::PatchRequest, schema::RegistryBuilder};
use keyfob_engine::{Actor, Context, Precondition, TenantId};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;

/// An organization in a service of Verkada's profile.
///
/// A real application serves the engine over HTTP (`keyfob-http`); here the requests are made in the same process.
#[derive(Debug)]
pub struct Site {
    engine: Provisioner<MemoryStore>,
    provider: Context,
}

impl Site {
    /// A service with an organization that is linked to a provider.
    ///
    /// # Errors
    /// Never, as long as the registry is whole and the domain is one.
    pub async fn open(domain: &str) -> Result<Self, Box<dyn Error>> {
        let registry = keyfob_access::register(RegistryBuilder::verkada().flat_groups()).build()?;
        let groups = AccessGroups::new(&registry)?;
        let engine = Provisioner::builder(MemoryStore::new(), registry)
            .with_profile(Profile::verkada())
            .with_module(groups)
            .with_rule(Credentials::default())
            .build();
        let site = Self {
            engine,
            provider: Context::new(TenantId::new("acme")),
        };
        // The token that this returns is what the provider would be given.
        site.engine
            .admin()
            .add_domain(&site.administrator(), domain)
            .await?;
        Ok(site)
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Provisioner<MemoryStore> {
        &self.engine
    }

    /// The context of an administrator.
    #[must_use]
    pub fn administrator(&self) -> Context {
        self.provider.clone().acting_as(Actor::Administrator)
    }

    /// What a provider does with POST.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn create(&self, resource_type: &str, body: &str) -> Result<ResourceId, Box<dyn Error>> {
        let resource_type = self
            .engine
            .registry()
            .resource_type(resource_type)
            .ok_or("no such type")?;
        let body = Resource::from_json(body.as_bytes(), resource_type)?;
        let created = self
            .engine
            .create(&self.provider, resource_type, body, &Projection::all())
            .await?;
        Ok(created.id)
    }

    /// What a provider does with PATCH.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn patch(
        &self,
        resource_type: &str,
        id: &ResourceId,
        operations: &str,
    ) -> Result<(), Box<dyn Error>> {
        let resource_type = self
            .engine
            .registry()
            .resource_type(resource_type)
            .ok_or("no such type")?;
        let request = PatchRequest::from_json(
            format!(
                r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{operations}]}}"#
            )
            .as_bytes(),
        )?;
        let none = Precondition::None;
        self.engine
            .patch(
                &self.provider,
                resource_type,
                id,
                request,
                &none,
                &Projection::all(),
            )
            .await?;
        Ok(())
    }
}
