//! The resource types in which the service keeps its own data.

use std::sync::LazyLock;

use keyfob_core::{Registry, ResourceId, ResourceType, Schema, schema::ResourceTypeBuilder};

/// They have a registry of their own, so that an application's registry holds what it serves and nothing else.
static SYSTEM: LazyLock<System> = LazyLock::new(System::load);

struct System {
    organization: ResourceType,
    token: ResourceType,
    provisioning: ResourceType,
    tombstone: ResourceType,
    requests: ResourceType,
    erasure: ResourceType,
}

/// The type of organizations, kept under the system tenant.
pub(crate) fn organization() -> &'static ResourceType {
    &SYSTEM.organization
}

/// The type of tokens, kept under the system tenant: to which organization a token leads.
pub(crate) fn token() -> &'static ResourceType {
    &SYSTEM.token
}

/// The type of the one resource in which an organization's provisioning is kept, in its own tenant.
pub(crate) fn provisioning() -> &'static ResourceType {
    &SYSTEM.provisioning
}

/// The id of that resource. No generated id equals it.
pub(crate) fn provisioning_id() -> ResourceId {
    ResourceId::new("provisioning")
}

/// The type of what is left of users that were removed for good.
pub(crate) fn tombstone() -> &'static ResourceType {
    &SYSTEM.tombstone
}

/// The type of the pieces of an organization's log of requests, in its own tenant.
pub(crate) fn requests() -> &'static ResourceType {
    &SYSTEM.requests
}

/// The type of the notes that a tenant is to be erased, kept under the system tenant.
pub(crate) fn erasure() -> &'static ResourceType {
    &SYSTEM.erasure
}

impl System {
    #[expect(
        clippy::panic,
        reason = "the definitions are part of the crate and a test loads them"
    )]
    fn load() -> Self {
        match Self::definitions() {
            Some(system) => system,
            None => panic!("the service's own schemas are malformed"),
        }
    }

    fn definitions() -> Option<Self> {
        let texts = [
            ("Organization", include_str!("../schemas/organization.json")),
            ("Token", include_str!("../schemas/token.json")),
            ("Provisioning", include_str!("../schemas/provisioning.json")),
            ("Tombstone", include_str!("../schemas/tombstone.json")),
            ("Requests", include_str!("../schemas/requests.json")),
            ("Erasure", include_str!("../schemas/erasure.json")),
        ];
        let mut builder = Registry::builder();
        for (name, text) in texts {
            let schema = Schema::from_json(text.as_bytes()).ok()?;
            let definition =
                ResourceTypeBuilder::new(name, format!("/{name}s"), schema.id.clone()).internal();
            builder = builder.resource_type(definition).schema(schema);
        }
        let registry = builder.build().ok()?;
        let resource_type = |name: &str| registry.resource_type(name).cloned();
        Some(Self {
            organization: resource_type("Organization")?,
            token: resource_type("Token")?,
            provisioning: resource_type("Provisioning")?,
            tombstone: resource_type("Tombstone")?,
            requests: resource_type("Requests")?,
            erasure: resource_type("Erasure")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_types_load_and_are_kept_from_clients() {
        for resource_type in [
            organization(),
            token(),
            provisioning(),
            tombstone(),
            requests(),
            erasure(),
        ] {
            assert!(!resource_type.is_exposed());
        }
    }
}
