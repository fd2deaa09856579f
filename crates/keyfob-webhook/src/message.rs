//! Messages: what a receiver is told, as bytes.

use bytes::Bytes;
use keyfob_core::{DateTime, Object, ResourceId, Value, json};
use keyfob_store::{Event, Listed, TenantId};
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::event;

/// A message as it is sent, the same at every attempt.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The id, by which a receiver knows a message that comes again.
    pub(crate) id: SmolStr,
    pub(crate) kind: SmolStr,
    pub(crate) body: Bytes,
}

impl Message {
    /// Creates the message that tells of an event. It names resources and attributes and holds no value of them, since
    /// whoever may receive messages isn't whoever may read people's data.
    pub(crate) fn of(tenant: &TenantId, event: &Event) -> Self {
        let new = &event.event;
        let kind = format_smolstr!("{}.{}", new.resource_type, new.name);
        let mut data = Object::new();
        data.insert("tenant", tenant.as_str());
        data.insert("position", number(event.position.number()));
        data.insert("resourceType", new.resource_type.clone());
        data.insert("resource", new.resource.as_str());
        let attributes = new.attributes.iter().cloned().map(Value::from);
        data.insert("attributes", attributes.collect::<Vec<_>>());
        if let Some(version) = event.version {
            data.insert("version", number(version.number()));
        }
        for (name, members) in [("joined", &event.joined), ("left", &event.left)] {
            if !members.is_empty() {
                data.insert(name, listed(members));
            }
        }
        data.insert("verb", event.verb.clone());
        data.insert("actor", event.actor.role.clone());
        data.insert("request", event.request.as_str());
        Self::new(id_of(event), kind, event.at, data)
    }

    /// Creates the message of a test.
    pub(crate) fn test(tenant: &TenantId, event: &Event) -> Self {
        let mut data = Object::new();
        data.insert("tenant", tenant.as_str());
        data.insert("webhook", event.event.resource.as_str());
        Self::new(id_of(event), event::TEST.into(), event.at, data)
    }

    /// Creates the message that tells that the events before a position were removed before they were delivered.
    pub(crate) fn lost(tenant: &TenantId, webhook: &ResourceId, before: u64, now: DateTime) -> Self {
        let mut data = Object::new();
        data.insert("tenant", tenant.as_str());
        data.insert("before", number(before));
        let id = format_smolstr!("lost-{}-{before}", safe(webhook.as_str()));
        Self::new(id, event::LOST.into(), now, data)
    }

    fn new(id: SmolStr, kind: SmolStr, at: DateTime, data: Object) -> Self {
        let mut body = Object::new();
        body.insert("type", kind.clone());
        body.insert("timestamp", at.to_smolstr());
        body.insert("data", data);
        Self {
            id,
            kind,
            body: json::object_to_vec(&body).into(),
        }
    }
}

/// Returns the id of the message of an event: the commit and the number of the event in it.
fn id_of(event: &Event) -> SmolStr {
    format_smolstr!("{}-{}", safe(event.id.commit.as_str()), event.id.number)
}

/// Returns a text that may stand in a header and in what is signed, where a dot ends the id: the text itself where it may,
/// and one that stands for it otherwise.
fn safe(text: &str) -> SmolStr {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !text.is_empty() && text.len() <= 128 && text.bytes().all(is_plain) {
        return text.into();
    }
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn listed(members: &Listed) -> Object {
    let mut object = Object::new();
    object.insert("count", number(members.count as u64));
    let ids = members.ids.iter().map(|id| Value::from(id.as_str()));
    object.insert("ids", ids.collect::<Vec<_>>());
    object
}

pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_no_dot_and_nothing_that_a_header_has_not() {
        assert_eq!(safe("0197-ab_C"), "0197-ab_C");
        for odd in ["", "a.b", "a b", "출입", "a\nb", &"x".repeat(129)] {
            let id = safe(odd);
            assert!(
                id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
        assert_ne!(safe("a.b"), safe("a b"));
    }
}
