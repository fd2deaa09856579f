//! A way to a server that sends so many requests in a second and no more.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use keyfob_client::{BlockingTransport, Request, TransportError, Ureq};

/// HTTP with an even pace, if it has one: no request follows another sooner, repeated ones included.
pub(super) struct Paced {
    inner: Ureq,
    gap: Duration,
    /// The instant before which no request is sent.
    next: Mutex<Option<Instant>>,
}

impl Paced {
    /// Sends at most so many requests in a second.
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        Self {
            inner: Ureq::new(),
            gap: rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get()),
            next: Mutex::new(None),
        }
    }

    fn wait_for_turn(&self) {
        let now = Instant::now();
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.gap);
            turn
        };
        thread::sleep(turn.saturating_duration_since(now));
    }
}

impl BlockingTransport for Paced {
    fn send_blocking(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        if !self.gap.is_zero() {
            self.wait_for_turn();
        }
        self.inner.send_blocking(request)
    }

    fn wait_blocking(&self, time: Duration) {
        self.inner.wait_blocking(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_turns_take_a_second() {
        let paced = Paced::new(NonZeroU32::new(100));
        let start = Instant::now();
        for _ in 0..11 {
            paced.wait_for_turn();
        }
        assert!(
            start.elapsed() >= Duration::from_millis(100),
            "{:?}",
            start.elapsed()
        );
    }
}
