//! The resource types in which the service keeps its own data: organizations and their tokens.

use std::sync::LazyLock;

use keyfob_core::{Registry, ResourceType, Schema, SchemaUri, schema::ResourceTypeBuilder};

/// The types of the system tenant. They have a registry of their own, so that an application's registry holds what
/// it serves and nothing else.
static SYSTEM: LazyLock<System> = LazyLock::new(System::load);

struct System {
    organization: ResourceType,
    token: ResourceType,
}

/// The type of organizations.
pub(crate) fn organization() -> &'static ResourceType {
    &SYSTEM.organization
}

/// The type of tokens.
pub(crate) fn token() -> &'static ResourceType {
    &SYSTEM.token
}

impl System {
    #[expect(
        clippy::panic,
        reason = "the definitions are part of the crate and a test loads them"
    )]
    fn load() -> Self {
        let loaded = || {
            let organization = Schema::from_json(include_bytes!("../schemas/organization.json")).ok()?;
            let token = Schema::from_json(include_bytes!("../schemas/token.json")).ok()?;
            let define = |name: &'static str, endpoint: &'static str, schema: &SchemaUri| {
                ResourceTypeBuilder::new(name, endpoint, schema.clone()).internal()
            };
            let registry = Registry::builder()
                .resource_type(define("Organization", "/Organizations", &organization.id))
                .resource_type(define("Token", "/Tokens", &token.id))
                .schema(organization)
                .schema(token)
                .build()
                .ok()?;
            Some(Self {
                organization: registry.resource_type("Organization")?.clone(),
                token: registry.resource_type("Token")?.clone(),
            })
        };
        match loaded() {
            Some(system) => system,
            None => panic!("the service's own schemas are malformed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_types_load_and_are_kept_from_clients() {
        assert!(!organization().is_exposed());
        assert!(!token().is_exposed());
    }
}
