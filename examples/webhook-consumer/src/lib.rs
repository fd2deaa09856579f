#![doc = include_str!("../README.md")]

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use keyfob::{
    core::{Object, Value, json},
    prelude::*,
    store::{Event, FeedError, Feeds, Position},
};
use sha2::Sha256;

/// The name under which the store remembers what was delivered.
pub const CONSUMER: &str = "webhook";

/// The number of events and of tenants that are read at once.
const PAGE: usize = 100;

/// An address that is told of events.
pub struct Webhook {
    url: String,
    secret: Vec<u8>,
    agent: ureq::Agent,
}

impl Webhook {
    /// Creates a webhook at this address. Bodies are signed with the secret.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: &[u8]) -> Self {
        let timeout = Some(Duration::from_secs(10));
        let agent = ureq::Agent::config_builder().timeout_global(timeout).build();
        Self {
            url: url.into(),
            secret: secret.to_vec(),
            agent: agent.into(),
        }
    }

    /// Delivers what is new, tenant by tenant, and returns the number of events that were delivered. A tenant whose event
    /// the receiver doesn't take waits for the next round; those after it don't.
    ///
    /// # Errors
    /// [`FeedError`] where the store fails.
    pub async fn deliver<S: Feeds>(&self, store: &S) -> Result<usize, FeedError> {
        let mut delivered = 0;
        let mut after: Option<TenantId> = None;
        loop {
            let tenants = store.with_news(CONSUMER, after.as_ref(), PAGE).await?;
            let Some(last) = tenants.last().cloned() else {
                return Ok(delivered);
            };
            for tenant in tenants {
                delivered += self.deliver_of(store, &tenant).await?;
            }
            after = Some(last);
        }
    }

    // ANCHOR: deliver
    async fn deliver_of<S: Feeds>(&self, store: &S, tenant: &TenantId) -> Result<usize, FeedError> {
        let mut delivered = 0;
        let mut position = store.acknowledged(tenant, CONSUMER).await?;
        // From now on events wait for this consumer, the first that it doesn't get delivered among them.
        store.acknowledge(tenant, CONSUMER, position).await?;
        loop {
            let events = match store.read_feed(tenant, position, PAGE).await {
                Err(FeedError::Gone { oldest }) => {
                    // The receiver learns that it missed something, and the rest goes on.
                    if self.post(&gap(tenant, oldest)).is_err() {
                        return Ok(delivered);
                    }
                    position = Position::new(oldest.number().saturating_sub(1));
                    store.acknowledge(tenant, CONSUMER, position).await?;
                    continue;
                }
                events => events?,
            };
            if events.is_empty() {
                return Ok(delivered);
            }
            for event in events {
                if self.post(&body(tenant, &event)).is_err() {
                    return Ok(delivered);
                }
                position = event.position;
                store.acknowledge(tenant, CONSUMER, position).await?;
                delivered += 1;
            }
        }
    }
    // ANCHOR_END: deliver

    /// Sends a body. An answer other than 2xx is an error, and so is none.
    fn post(&self, body: &[u8]) -> Result<(), ureq::Error> {
        let request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json");
        request
            .header("x-signature", signature(&self.secret, body))
            .send(body)
            .map(drop)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Returns the signature of a body: `sha256=` and the HMAC in hexadecimal digits.
#[must_use]
pub fn signature(secret: &[u8], body: &[u8]) -> String {
    let code = Hmac::<Sha256>::new_from_slice(secret).map(|mut code| {
        code.update(body);
        code.finalize().into_bytes()
    });
    // A key of any length is one.
    let code = code.map_or_else(|_| Vec::new(), |code| code.to_vec());
    let mut signature = String::from("sha256=");
    for byte in code {
        // A text takes all that is written to it.
        write!(signature, "{byte:02x}").ok();
    }
    signature
}

/// Returns what the receiver is told where events were trimmed before they were delivered: those before a position.
fn gap(tenant: &TenantId, oldest: Position) -> Vec<u8> {
    let before = i64::try_from(oldest.number()).unwrap_or(i64::MAX);
    let mut body = Object::new();
    body.insert("tenant", tenant.as_str());
    body.insert("event", "eventsLost");
    body.insert("before", before);
    json::object_to_vec(&body)
}

/// Returns what the receiver is told of an event: nothing personal.
fn body(tenant: &TenantId, event: &Event) -> Vec<u8> {
    let mut body = Object::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name, value);
    };
    put("id", event.id.to_string().as_str().into());
    put("tenant", tenant.as_str().into());
    put(
        "position",
        i64::try_from(event.position.number()).unwrap_or(i64::MAX).into(),
    );
    put("event", event.event.name.clone().into());
    put("at", event.at.to_string().as_str().into());
    put("resourceType", event.event.resource_type.clone().into());
    put("resource", event.event.resource.as_str().into());
    let attributes = event.event.attributes.iter().cloned().map(Value::from);
    put("attributes", attributes.collect::<Vec<_>>().into());
    put("actor", event.actor.identity.clone().into());
    put("request", event.request.as_str().into());
    json::object_to_vec(&body)
}
