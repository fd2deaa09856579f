#![doc = include_str!("../README.md")]

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use keyfob::{
    core::{Clock, SystemClock},
    webhook::Secret,
};
use serde_json::Value as Json;

/// The number of messages whose ids are remembered: more than are under way at the same time.
const REMEMBERED: usize = 10_000;

/// A receiver of webhooks at `/webhook`.
pub struct Inbox {
    secret: Secret,
    clock: SystemClock,
    handle: Box<dyn Fn(&Json) + Send + Sync>,
    seen: Mutex<Seen>,
}

/// The ids of the last messages, in a set and in their order.
#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Inbox {
    /// Creates a receiver of the messages that a secret signs. Each message is handled once.
    #[must_use]
    pub fn new(secret: Secret, handle: impl Fn(&Json) + Send + Sync + 'static) -> Self {
        Self {
            secret,
            clock: SystemClock::new(),
            handle: Box::new(handle),
            seen: Mutex::default(),
        }
    }

    /// Returns the receiver as a router.
    pub fn router(self) -> Router {
        Router::new()
            .route("/webhook", post(receive))
            .with_state(Arc::new(self))
    }

    // ANCHOR: receive
    /// Handles a message, and returns the status of the answer. Whatever isn't 2xx makes the message come again.
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let Ok(id) = self.secret.verify(headers, body, self.clock.now()) else {
            return StatusCode::UNAUTHORIZED;
        };
        let Ok(message) = serde_json::from_slice(body) else {
            return StatusCode::BAD_REQUEST;
        };
        // Held while the message is handled: the same message may come twice at the same time.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.ids.contains(id) {
            (self.handle)(&message);
            seen.remember(id);
        }
        StatusCode::NO_CONTENT
    }
    // ANCHOR_END: receive
}

impl Seen {
    fn remember(&mut self, id: &str) {
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        self.ids.insert(id.to_owned());
        self.order.push_back(id.to_owned());
    }
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.take(&headers, &body)
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
