//! A webhook, as administrators see it and as it is stored.

use keyfob_core::{DateTime, Object, Resource, ResourceId, Value, Version};
use keyfob_store::Stored;
use smol_str::{SmolStr, ToSmolStr};

use crate::system;

/// An address to which a tenant's events are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// The id.
    pub id: ResourceId,
    /// The address.
    pub url: SmolStr,
    /// The types of events that are delivered, such as `User.created` or `User.*`; all of them where there are none.
    pub events: Vec<SmolStr>,
    /// Why nothing is delivered, if it is paused. Events wait meanwhile.
    pub paused: Option<Paused>,
    /// The secrets that sign its messages, the newest first: one, or two while the receiver changes over.
    pub secrets: Vec<SecretInfo>,
    /// When it was created.
    pub created: Option<DateTime>,
    /// When an administrator, or an answer 410, last changed it.
    pub changed: Option<DateTime>,
    /// What became of its deliveries.
    pub status: Status,
}

/// Why a webhook is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paused {
    /// An administrator paused it.
    ByAdministrator,
    /// The receiver answered 410: it wants no more messages (RFC 9110 section 15.5.11).
    Gone,
}

impl Paused {
    /// Returns the reason's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByAdministrator => "administrator",
            Self::Gone => "gone",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "gone" => Self::Gone,
            _ => Self::ByAdministrator,
        }
    }
}

/// What is known of a secret. It is shown when it is made and not again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretInfo {
    /// When it was made.
    pub created: DateTime,
    /// Until when it signs, if it was replaced.
    pub expires: Option<DateTime>,
    /// The text from which it is derived.
    pub(crate) salt: SmolStr,
}

/// What became of a webhook's deliveries: facts, and no verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The position in the tenant's feed up to which events were looked at.
    pub position: u64,
    /// The number of events up to there that are not delivered yet.
    pub waiting: usize,
    /// The number of attempts since the last success at which the receiver could not be reached or had too much to do.
    pub failures: u32,
    /// Until when nothing is sent, since the receiver could not be reached or asked for it.
    pub held_until: Option<DateTime>,
    /// When a message was last delivered.
    pub succeeded: Option<DateTime>,
    /// When an attempt last failed.
    pub failed: Option<DateTime>,
    /// Why that attempt failed.
    pub reason: Option<SmolStr>,
}

/// What is stored of a webhook: what administrators set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) id: ResourceId,
    pub(crate) url: SmolStr,
    pub(crate) events: Vec<SmolStr>,
    pub(crate) paused: Option<Paused>,
    pub(crate) asked: Option<DateTime>,
    pub(crate) secrets: Vec<SecretInfo>,
    pub(crate) created: Option<DateTime>,
    pub(crate) changed: Option<DateTime>,
    pub(crate) version: Version,
}

impl Settings {
    /// Reads the settings of a stored webhook.
    pub(crate) fn of(stored: &Stored) -> Option<Self> {
        Self::read(stored.resource.id()?, &stored.resource, stored.version)
    }

    pub(crate) fn read(id: ResourceId, resource: &Resource, version: Version) -> Option<Self> {
        let core = resource.core();
        let elements = |name| core.get(name).map(Value::as_elements).unwrap_or_default();
        let meta = resource.meta();
        let secrets = elements("secrets").iter().filter_map(|secret| {
            let secret = secret.as_object()?;
            Some(SecretInfo {
                salt: secret.get_str("salt")?.into(),
                created: secret.get_str("created")?.parse().ok()?,
                // One whose end can't be read must not sign for ever.
                expires: secret.get_str("expires").map(str::parse).transpose().ok()?,
            })
        });
        Some(Self {
            id,
            url: core.get_str("url")?.into(),
            events: elements("events")
                .iter()
                .filter_map(Value::as_str)
                .map(SmolStr::new)
                .collect(),
            paused: core.get_str("paused").map(Paused::named),
            asked: core.get_str("asked").and_then(|at| at.parse().ok()),
            secrets: secrets.collect(),
            created: meta.as_ref().and_then(|meta| meta.created),
            changed: meta.as_ref().and_then(|meta| meta.last_modified),
            version,
        })
    }

    pub(crate) fn to_document(&self) -> Resource {
        let mut document = Resource::new([system::webhook().schema().id.clone()]);
        let core = document.core_mut();
        core.insert("url", self.url.clone());
        if !self.events.is_empty() {
            let events = self.events.iter().cloned().map(Value::from);
            core.insert("events", events.collect::<Vec<_>>());
        }
        if let Some(paused) = self.paused {
            core.insert("paused", paused.as_str());
        }
        if let Some(asked) = self.asked {
            core.insert("asked", asked.to_smolstr());
        }
        let secrets = self.secrets.iter().map(|secret| {
            let mut object = Object::new();
            object.insert("salt", secret.salt.clone());
            object.insert("created", secret.created.to_smolstr());
            if let Some(expires) = secret.expires {
                object.insert("expires", expires.to_smolstr());
            }
            Value::from(object)
        });
        core.insert("secrets", secrets.collect::<Vec<_>>());
        document
    }

    /// Returns the webhook as administrators see it.
    pub(crate) fn into_webhook(self, status: Status) -> Webhook {
        Webhook {
            id: self.id,
            url: self.url,
            events: self.events,
            paused: self.paused,
            secrets: self.secrets,
            created: self.created,
            changed: self.changed,
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written() {
        let at = |text: &str| text.parse().unwrap();
        let full = Settings {
            id: ResourceId::new("w"),
            url: "https://hooks.example.com/".into(),
            events: vec!["User.*".into()],
            paused: Some(Paused::Gone),
            asked: Some(at("2026-11-30T12:00:00Z")),
            secrets: vec![
                SecretInfo {
                    created: at("2026-11-30T12:00:00Z"),
                    expires: None,
                    salt: "b".into(),
                },
                SecretInfo {
                    created: at("2026-11-29T12:00:00Z"),
                    expires: Some(at("2026-12-01T12:00:00Z")),
                    salt: "a".into(),
                },
            ],
            created: None,
            changed: None,
            version: Version::FIRST,
        };
        let mut bare = full.clone();
        (bare.events, bare.paused, bare.asked) = (Vec::new(), None, None);
        for settings in [full, bare] {
            let read = Settings::read(settings.id.clone(), &settings.to_document(), settings.version);
            assert_eq!(read, Some(settings));
        }
    }
}
