//! A way to a server that sends so many requests in a second and no more.

use std::{num::NonZeroU32, thread, time::Duration};

use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use keyfob_client::{BlockingTransport, Request, TransportError, Ureq};

/// HTTP with an even pace, if it has one: no request follows another sooner, repeated ones and those of other threads included.
pub(super) struct Paced {
    inner: Ureq,
    pace: Option<DefaultDirectRateLimiter>,
}

impl Paced {
    /// Sends at most so many requests in a second.
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        let even = |rate| RateLimiter::direct(Quota::per_second(rate).allow_burst(NonZeroU32::MIN));
        Self {
            inner: Ureq::new(),
            pace: rate.map(even),
        }
    }

    fn wait_for_turn(&self) {
        let Some(pace) = &self.pace else { return };
        while let Err(early) = pace.check() {
            thread::sleep(early.wait_time_from(pace.clock().now()));
        }
    }
}

impl BlockingTransport for Paced {
    fn send_blocking(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        self.wait_for_turn();
        self.inner.send_blocking(request)
    }

    fn wait_blocking(&self, time: Duration) {
        self.inner.wait_blocking(time);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn so_many_turns_take_a_second_however_many_threads_take_them() {
        let paced = Paced::new(NonZeroU32::new(100));
        for threads in [1, 4] {
            let start = Instant::now();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..12 / threads).for_each(|_| paced.wait_for_turn()));
                }
            });
            assert!(
                start.elapsed() >= Duration::from_millis(99),
                "{threads}: {:?}",
                start.elapsed()
            );
        }
    }
}
