//! Failed authentications, counted by where they come from.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::NoOpMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use http::{header, request::Parts};
use prometheus_client::metrics::counter::Counter;

/// Wrong tokens that an address may show at once; two seconds later it may show another one.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
/// The number of failures after which addresses are forgotten that have shown none for a minute.
const SWEEP: usize = 1024;

/// The address from which a request comes, as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source(pub(super) IpAddr);

type Limiter<C> =
    RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts wrong tokens by address: 30 at once, and 30 a minute.
///
/// A token is checked all the same, so that nobody is shut out by what others send from the same address: over the limit a wrong
/// one is answered 429, and a right one as ever. Tokens have 256 random bits, so that guessing is hopeless at any speed; the
/// limit is for what else comes with it, such as lines of a log.
pub(super) struct Failures<C: Clock = DefaultClock> {
    limiter: Limiter<C>,
    clock: C,
    noted: AtomicUsize,
    counter: Counter,
}

impl Failures {
    pub(super) fn new() -> Self {
        Self::timed_by(DefaultClock::default())
    }
}

impl<C: Clock + Clone> Failures<C> {
    fn timed_by(clock: C) -> Self {
        Self {
            limiter: RateLimiter::new(
                Quota::per_minute(BURST),
                DefaultKeyedStateStore::default(),
                clock.clone(),
            ),
            clock,
            noted: AtomicUsize::new(0),
            counter: Counter::default(),
        }
    }

    /// The number of wrong tokens, for metrics.
    pub(super) fn counter(&self) -> Counter {
        self.counter.clone()
    }

    /// Notes that a request isn't let in, where it shows a token. Returns the time after which its address may show another one,
    /// if it has shown too many.
    pub(super) fn note_refused(&self, request: &Parts) -> Option<Duration> {
        if !request.headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        self.note(*request.extensions.get()?)
    }

    /// Notes a wrong token of an address.
    fn note(&self, Source(address): Source) -> Option<Duration> {
        self.counter.inc();
        if self.noted.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let refused = self.limiter.check_key(&network_of(address)).err()?;
        Some(retry_after(&refused, self.clock.now()))
    }
}

/// Returns the time after which a client that was too fast may come again, in whole seconds, as `Retry-After` has them.
pub(super) fn retry_after<R: Reference>(early: &NotUntil<R>, now: R) -> Duration {
    Duration::from_secs(early.wait_time_from(now).as_secs() + 1)
}

/// Returns what one client has: an address of IPv4, and a network of 64 bits of IPv6, in which it takes any address.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn fails(failures: &Failures<FakeRelativeClock>, address: &str, times: usize) -> usize {
        let source = Source(address.parse().unwrap());
        (0..times).filter(|_| failures.note(source).is_some()).count()
    }

    #[test]
    fn an_address_has_its_own_number_of_wrong_tokens_in_a_time() {
        let clock = FakeRelativeClock::default();
        let failures = Failures::timed_by(clock.clone());
        assert_eq!(fails(&failures, "192.0.2.1", 100), 70);
        assert_eq!(fails(&failures, "192.0.2.2", 30), 0);
        // The same address, as a socket for both protocols writes it.
        assert_eq!(fails(&failures, "::ffff:192.0.2.2", 10), 10);
        let wait = failures.note(Source("192.0.2.1".parse().unwrap())).unwrap();
        clock.advance(wait);
        assert_eq!(fails(&failures, "192.0.2.1", 10), 9);
        clock.advance(Duration::from_secs(60));
        assert_eq!(fails(&failures, "192.0.2.1", 100), 70);
        assert_eq!(failures.counter().get(), 251);
    }

    #[test]
    fn the_addresses_of_a_network_of_ipv6_are_one_client() {
        let failures = Failures::timed_by(FakeRelativeClock::default());
        assert_eq!(fails(&failures, "2001:db8::1", 30), 0);
        assert_eq!(fails(&failures, "2001:db8::ffff:1", 10), 10);
        assert_eq!(fails(&failures, "2001:db8:0:1::1", 30), 0);
    }

    #[test]
    fn addresses_that_fail_no_more_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let failures = Failures::timed_by(clock.clone());
        for number in 0..SWEEP {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            assert_eq!(failures.note(Source(address)), None);
        }
        assert_eq!(failures.limiter.len(), SWEEP);
        // Whoever has waited so long is as if they were new.
        clock.advance(Duration::from_secs(60));
        fails(&failures, "192.0.2.1", SWEEP);
        assert_eq!(failures.limiter.len(), 1);
    }
}
