//! HTTP for several requests at once, over a client that blocks.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use keyfob_client::{BlockingTransport, Request, Transport, TransportError, Ureq};

/// Sends each request from a thread of its own.
pub(super) struct Threaded(Ureq);

impl Threaded {
    pub(super) fn new(inner: Ureq) -> Self {
        Self(inner)
    }
}

impl Transport for Threaded {
    async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let inner = self.0.clone();
        let sent = tokio::task::spawn_blocking(move || inner.send_blocking(request));
        sent.await.map_err(TransportError::interrupted)?
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
