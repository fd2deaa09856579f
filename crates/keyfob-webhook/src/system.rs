//! The resource types in which this crate keeps its data, with a registry of their own.

use std::sync::LazyLock;

use keyfob_core::{AttrPath, Registry, ResourceId, ResourceType, Schema, schema::ResourceTypeBuilder};
use keyfob_store::{Capabilities, TenantId};
use smol_str::format_smolstr;

static SYSTEM: LazyLock<System> = LazyLock::new(System::load);

struct System {
    webhook: ResourceType,
    progress: ResourceType,
    dead_letter: ResourceType,
    tenant: ResourceType,
}

/// The type of webhooks, kept in their own tenant.
pub(crate) fn webhook() -> &'static ResourceType {
    &SYSTEM.webhook
}

/// The type of the progress of a webhook, which changes with every delivery and stands apart from what administrators set.
pub(crate) fn progress() -> &'static ResourceType {
    &SYSTEM.progress
}

/// The id of a webhook's progress.
pub(crate) fn progress_id(webhook: &ResourceId) -> ResourceId {
    ResourceId::new(format_smolstr!("{webhook}.progress"))
}

/// The type of messages that were not delivered in time.
pub(crate) fn dead_letter() -> &'static ResourceType {
    &SYSTEM.dead_letter
}

/// The type of the notes that a tenant has webhooks, kept under the system tenant.
pub(crate) fn tenant() -> &'static ResourceType {
    &SYSTEM.tenant
}

/// The id of a tenant's note. It is the id of nothing else under the system tenant.
pub(crate) fn tenant_id(tenant: &TenantId) -> ResourceId {
    ResourceId::new(format_smolstr!("webhooks:{tenant}"))
}

/// Returns true if a store keeps everything of this crate.
pub(crate) fn is_kept(capabilities: &Capabilities) -> bool {
    [webhook(), progress(), dead_letter(), tenant()]
        .into_iter()
        .all(|kind| capabilities.keeps(kind))
}

impl System {
    #[expect(
        clippy::panic,
        reason = "the definitions are part of the crate and a test loads them"
    )]
    fn load() -> Self {
        match Self::definitions() {
            Some(system) => system,
            None => panic!("the schemas of webhooks are malformed"),
        }
    }

    fn definitions() -> Option<Self> {
        let texts = [
            ("Webhook", include_str!("../schemas/webhook.json")),
            ("WebhookProgress", include_str!("../schemas/progress.json")),
            ("WebhookDeadLetter", include_str!("../schemas/dead-letter.json")),
            ("WebhookTenant", include_str!("../schemas/tenant.json")),
        ];
        let mut builder = Registry::builder();
        for (name, text) in texts {
            let schema = Schema::from_json(text.as_bytes()).ok()?;
            let mut definition =
                ResourceTypeBuilder::new(name, format!("/{name}s"), schema.id.clone()).internal();
            if name == "WebhookDeadLetter" {
                definition = definition.indexed(AttrPath::attribute("webhook"));
            }
            builder = builder.resource_type(definition).schema(schema);
        }
        let registry = builder.build().ok()?;
        let of = |name| registry.resource_type(name).cloned();
        Some(Self {
            webhook: of("Webhook")?,
            progress: of("WebhookProgress")?,
            dead_letter: of("WebhookDeadLetter")?,
            tenant: of("WebhookTenant")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_load_and_are_kept_from_clients() {
        for kind in [webhook(), progress(), dead_letter(), tenant()] {
            assert!(!kind.is_exposed());
        }
        assert!(is_kept(&Capabilities::full()));
    }
}
