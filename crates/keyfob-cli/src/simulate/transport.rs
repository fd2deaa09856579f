//! A way to a server on which several requests are under way at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use keyfob_client::{BlockingTransport, Request, Transport, TransportError, Ureq};

/// HTTP with a thread for each request that is under way.
pub(super) struct Threaded {
    inner: Ureq,
    /// Ends waits.
    stopped: Arc<AtomicBool>,
}

impl Threaded {
    pub(super) fn new(stopped: Arc<AtomicBool>) -> Self {
        Self {
            inner: Ureq::new(),
            stopped,
        }
    }
}

impl Transport for Threaded {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        let inner = self.inner.clone();
        let sent = tokio::task::spawn_blocking(move || inner.send_blocking(request)).await;
        sent.map_err(TransportError::interrupted)?
    }

    async fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.stopped.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // Short enough for somebody who has pressed Ctrl-C.
            tokio::time::sleep(left.min(Duration::from_millis(200))).await;
        }
    }
}
