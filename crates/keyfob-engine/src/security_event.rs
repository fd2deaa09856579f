//! Security events: what the receiver of a stream is told of changes (RFC 9967).

use keyfob_core::{DateTime, EntityTag, Object, Registry, Value};
use keyfob_store::{Event, Position};
use smol_str::{SmolStr, format_smolstr};

use crate::event;

/// The URIs of the events that a stream has (`securityEvents.eventUris`, RFC 9967 section 4).
pub const EVENT_URIS: [&str; 5] = [CREATE, PATCH, PUT, DELETE, COMPLETION];

const CREATE: &str = "urn:ietf:params:scim:event:prov:create:notice";
const PATCH: &str = "urn:ietf:params:scim:event:prov:patch:notice";
const PUT: &str = "urn:ietf:params:scim:event:prov:put:notice";
const DELETE: &str = "urn:ietf:params:scim:event:prov:delete";
pub(crate) const COMPLETION: &str = "urn:ietf:params:scim:event:misc:asyncresp";

/// An event as the receiver of a stream is told of it: the claims of a Security Event Token (RFC 8417) without those of whoever
/// signs it.
///
/// It names attributes and holds none of their values. Its claims are the same whenever and however often it is sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SecurityEvent {
    /// The identifier (`jti`), which is acknowledged.
    pub id: SmolStr,
    /// The instant of the change (`iat`).
    pub at: DateTime,
    /// The transaction (`txn`): that of the commit, or of the operation of a bulk request.
    pub transaction: SmolStr,
    /// The address of the resource below the base URL (`sub_id.uri`, RFC 9967 section 2.1).
    pub subject: SmolStr,
    /// The `externalId` of the resource, if it is known.
    pub external_id: Option<SmolStr>,
    /// The kind of event.
    pub uri: &'static str,
    /// The payload of the event.
    pub payload: Object,
}

impl SecurityEvent {
    /// Returns what a receiver is told of an event; none where it is about nothing that a client can see.
    pub(crate) fn of(event: &Event, registry: &Registry) -> Option<Self> {
        let new = &event.event;
        let transaction = new.data.get_str(event::TRANSACTION).map(SmolStr::new);
        let (uri, subject, payload) = if new.name == event::COMPLETED {
            let mut payload = new.data.clone();
            let subject = SmolStr::new(payload.get_str(event::SUBJECT)?);
            payload.remove(event::SUBJECT);
            payload.remove(event::TRANSACTION);
            (COMPLETION, subject, payload)
        } else {
            let resource_type = registry.resource_type(&new.resource_type)?;
            if !resource_type.is_exposed() {
                return None;
            }
            let uri = match new.name.as_str() {
                event::CREATED | event::RESTORED => CREATE,
                event::CHANGED if event.verb == event::PUT => PUT,
                event::CHANGED => PATCH,
                event::DELETED | event::SOFT_DELETED => DELETE,
                _ => return None,
            };
            // What the service keeps beside a document is nothing to a client.
            if new.attributes.is_empty() && matches!(uri, PUT | PATCH) {
                return None;
            }
            let mut payload = Object::new();
            if uri != DELETE {
                let attributes = new.attributes.iter().map(|name| Value::from(name.clone()));
                payload.insert("attributes", attributes.collect::<Vec<_>>());
                if let Some(version) = event.version {
                    payload.insert("version", format_smolstr!("{}", EntityTag::from(version)));
                }
            }
            let subject = resource_type.address("", new.resource.as_str());
            (uri, subject, payload)
        };
        Some(Self {
            id: id_of(event),
            at: event.at,
            transaction: transaction.unwrap_or_else(|| event.id.commit.as_str().into()),
            subject,
            external_id: event.labels.external_id.clone(),
            uri,
            payload,
        })
    }

    /// Returns the claims of the token, without those of its issuer: `jti`, `iat`, `txn`, `sub_id` and `events` (RFC 8417
    /// section 2.2, RFC 9967 section 2).
    #[must_use]
    pub fn claims(&self) -> Object {
        let mut subject = Object::new();
        subject.insert("format", "scim");
        subject.insert("uri", self.subject.clone());
        if let Some(external_id) = &self.external_id {
            subject.insert("externalId", external_id.clone());
        }
        let mut events = Object::new();
        events.insert(self.uri, self.payload.clone());
        let mut claims = Object::new();
        claims.insert("jti", self.id.clone());
        claims.insert("iat", self.at.unix_millis().div_euclid(1000));
        claims.insert("txn", self.transaction.clone());
        claims.insert("sub_id", subject);
        claims.insert("events", events);
        claims
    }
}

/// The identifier of an event: where it stands in the stream, by which an acknowledgement finds it, and its own identity,
/// which nobody knows who has not been sent it.
fn id_of(event: &Event) -> SmolStr {
    format_smolstr!("{}.{}", event.position, event.id)
}

/// The position that an identifier names.
pub(crate) fn position_of(id: &str) -> Option<Position> {
    let (position, _) = id.split_once('.')?;
    let number: u64 = position.parse().ok()?;
    // Another spelling of the number is no identifier.
    (number > 0 && format_smolstr!("{number}") == position).then(|| Position::new(number))
}
