//! Deliveries to webhooks.

use std::{convert::Infallible, sync::Arc};

use keyfob_client::{Reqwest, is_public};
use keyfob_engine::{DynStore, Engine};
use keyfob_webhook::Deliverer;

/// Delivers events for as long as the server runs.
pub(super) async fn deliver(engine: Arc<Engine<DynStore>>, reaches_loopback: bool) -> Option<Infallible> {
    let transport =
        Reqwest::reaching(move |address| is_public(address) || (reaches_loopback && address.is_loopback()));
    match transport {
        Ok(transport) => Some(Deliverer::new(engine, transport).run().await),
        Err(error) => {
            tracing::warn!(%error, "nothing is delivered to webhooks");
            None
        }
    }
}
