//! Each tenant's share of the server.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use http::{Method, header, request::Parts};
use keyfob_engine::{Caller, TenantId};
use keyfob_http::{Admission, Busy, Permit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failures::retry_after;

/// The part of the server that a tenant may take at once, and that all of them may take together.
///
/// A tenant that asks for more waits for its own requests and for nobody else's, nor does anybody wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShareLimits {
    /// Requests of a tenant in a second, as many at once and so many on average; more are refused (429).
    pub(super) rate: Option<NonZeroU32>,
    /// Requests of a tenant that are answered at once.
    pub(super) running: usize,
    /// Requests of a tenant that wait for their turn; more are refused (429).
    pub(super) waiting: usize,
    /// The time for which a request waits for its turn.
    pub(super) patience: Duration,
    /// Bytes of request bodies of a tenant that are read at once.
    pub(super) tenant_bodies: usize,
    /// Bytes of request bodies that are read at once.
    pub(super) bodies: usize,
    /// Bytes of a tenant's large answers that wait for their clients to read them.
    pub(super) tenant_answers: usize,
    /// Bytes of large answers that wait for their clients to read them.
    pub(super) answers: usize,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self {
            // Providers send as much as they are answered: what is fair is a part of what there is, not a number.
            rate: None,
            running: 64,
            waiting: 1_024,
            patience: Duration::from_secs(10),
            tenant_bodies: 32 << 20,
            bodies: 128 << 20,
            tenant_answers: 64 << 20,
            answers: 192 << 20,
        }
    }
}

/// Answers up to this size need no room of their own: there are as many as requests may run.
const SMALL_ANSWER: u64 = 64 << 10;

/// The unit of semaphores for bytes.
const UNIT: usize = 1 << 10;

/// The time after which a tenant that had too much may come again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The number of tenants beyond which those that ask for nothing are forgotten.
const SWEEP: usize = 1_024;

/// The shares of all tenants.
#[derive(Debug)]
pub(super) struct Shares {
    limits: ShareLimits,
    /// A body whose length nobody says counts as this long.
    body_limit: usize,
    tenants: Mutex<HashMap<TenantId, Arc<Share>>>,
    /// The requests that each tenant has left of its rate.
    rates: Option<DefaultKeyedRateLimiter<TenantId>>,
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

#[derive(Debug)]
struct Share {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

/// A request in the queue of its tenant.
struct Waiting<'s>(&'s Share);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request's part of its tenant's share. The share itself keeps it from being forgotten.
struct Taken {
    _share: Arc<Share>,
    _permits: Vec<OwnedSemaphorePermit>,
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

impl Shares {
    pub(super) fn new(limits: ShareLimits, body_limit: usize) -> Self {
        Self {
            limits,
            body_limit,
            tenants: Mutex::default(),
            rates: limits
                .rate
                .map(|rate| RateLimiter::keyed(Quota::per_second(rate))),
            bodies: Arc::new(Semaphore::new(units(limits.bodies))),
            answers: Arc::new(Semaphore::new(units(limits.answers))),
        }
    }

    fn of(&self, tenant: &TenantId) -> Arc<Share> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= SWEEP && !tenants.contains_key(tenant) {
            tenants.retain(|_, share| Arc::strong_count(share) > 1);
            if let Some(rates) = &self.rates {
                rates.retain_recent();
            }
        }
        let share = tenants.entry(tenant.clone()).or_insert_with(|| {
            Arc::new(Share {
                running: Arc::new(Semaphore::new(self.limits.running)),
                waiting: AtomicUsize::new(0),
                bodies: Arc::new(Semaphore::new(units(self.limits.tenant_bodies))),
                answers: Arc::new(Semaphore::new(units(self.limits.tenant_answers))),
            })
        });
        Arc::clone(share)
    }

    /// Returns the number of requests that wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = tenants
            .values()
            .map(|share| share.waiting.load(Ordering::Relaxed));
        waiting.sum()
    }

    /// Waits for room in two semaphores, the tenant's first so that nobody waits with what is everybody's in hand.
    async fn room(
        &self,
        tenants: &Arc<Semaphore>,
        everybodys: &Arc<Semaphore>,
        bytes: usize,
        most: usize,
    ) -> Result<Vec<OwnedSemaphorePermit>, Busy> {
        // What is larger than all there is takes all there is.
        let wanted = u32::try_from(units(bytes.min(most))).unwrap_or(u32::MAX);
        let busy = Busy::Server {
            retry_after: RETRY_AFTER,
        };
        let both = async {
            let own = Arc::clone(tenants).acquire_many_owned(wanted).await.ok()?;
            let shared = Arc::clone(everybodys).acquire_many_owned(wanted).await.ok()?;
            Some(vec![own, shared])
        };
        let both = tokio::time::timeout(self.limits.patience, both).await;
        both.ok().flatten().ok_or(busy)
    }

    /// Waits for room for an answer until its client has read it. Small answers need none.
    pub(super) async fn hold_answer(&self, tenant: &TenantId, bytes: u64) -> Result<Option<Permit>, Busy> {
        if bytes <= SMALL_ANSWER {
            return Ok(None);
        }
        let share = self.of(tenant);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let most = self.limits.tenant_answers.min(self.limits.answers);
        let permits = self.room(&share.answers, &self.answers, bytes, most).await?;
        Ok(Some(Permit::new(Taken {
            _share: share,
            _permits: permits,
        })))
    }

    /// Refuses a request that a tenant sends too soon.
    fn check_rate(&self, tenant: &TenantId) -> Result<(), Busy> {
        let Some(rates) = &self.rates else {
            return Ok(());
        };
        rates.check_key(tenant).map_err(|early| Busy::Tenant {
            retry_after: retry_after(&early, rates.clock().now()),
        })
    }

    async fn turn(&self, share: &Share) -> Result<OwnedSemaphorePermit, Busy> {
        if let Ok(permit) = Arc::clone(&share.running).try_acquire_owned() {
            return Ok(permit);
        }
        let busy = Busy::Tenant {
            retry_after: RETRY_AFTER,
        };
        let waiting = Waiting(share);
        if share.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.waiting {
            return Err(busy);
        }
        let turn = Arc::clone(&share.running).acquire_owned();
        let turn = tokio::time::timeout(self.limits.patience, turn).await;
        drop(waiting);
        turn.ok().and_then(Result::ok).ok_or(busy)
    }

    /// Returns the number of bytes of a request's body that have to have room.
    fn body_size(&self, request: &Parts) -> usize {
        if matches!(request.method, Method::GET | Method::HEAD | Method::DELETE) {
            return 0;
        }
        // One that is encoded may be as large as any when it is decoded.
        if request.headers.contains_key(header::CONTENT_ENCODING) {
            return self.body_limit;
        }
        let length = request.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // One that is too long is refused before it is read.
        length.unwrap_or(self.body_limit).min(self.body_limit)
    }
}

impl Admission for Shares {
    async fn admit(&self, caller: &Caller, request: &Parts) -> Result<Permit, Busy> {
        self.check_rate(caller.tenant())?;
        let share = self.of(caller.tenant());
        let mut permits = vec![self.turn(&share).await?];
        let bytes = self.body_size(request);
        if bytes > 0 {
            let most = self.limits.tenant_bodies.min(self.limits.bodies);
            permits.extend(self.room(&share.bodies, &self.bodies, bytes, most).await?);
        }
        Ok(Permit::new(Taken {
            _share: share,
            _permits: permits,
        }))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    const LIMITS: ShareLimits = ShareLimits {
        rate: None,
        running: 2,
        waiting: 1,
        patience: Duration::from_secs(10),
        tenant_bodies: 8 << 10,
        bodies: 12 << 10,
        tenant_answers: 100 << 10,
        answers: 200 << 10,
    };

    fn shares() -> Arc<Shares> {
        Arc::new(Shares::new(LIMITS, 8 << 10))
    }

    fn request(method: Method, length: Option<&str>) -> Parts {
        let mut request = Request::builder().method(method);
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        request.body(()).unwrap().into_parts().0
    }

    async fn admit(shares: &Arc<Shares>, tenant: &str, request: &Parts) -> Result<Permit, Busy> {
        Admission::admit(shares, &Caller::new(TenantId::new(tenant)), request).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_waits_for_its_own_requests_and_nobody_waits_for_it() {
        let (shares, get) = (shares(), request(Method::GET, None));
        let first = admit(&shares, "acme", &get).await.unwrap();
        let second = admit(&shares, "acme", &get).await.unwrap();
        let third = {
            let (shares, get) = (Arc::clone(&shares), get.clone());
            tokio::spawn(async move { admit(&shares, "acme", &get).await })
        };
        tokio::task::yield_now().await;
        assert_eq!(shares.waiting(), 1);
        // The queue is full.
        let refused = admit(&shares, "acme", &get).await.unwrap_err();
        assert!(matches!(refused, Busy::Tenant { .. }), "{refused:?}");
        assert!(admit(&shares, "other", &get).await.is_ok());
        drop(first);
        let third = third.await.unwrap().unwrap();
        assert_eq!(shares.waiting(), 0);
        // Nobody ends: the next one waits as long as it may.
        let start = tokio::time::Instant::now();
        let late = admit(&shares, "acme", &get).await.unwrap_err();
        assert_eq!((late, start.elapsed()), (refused, LIMITS.patience));
        drop((second, third));
        assert!(admit(&shares, "acme", &get).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_in_flight_have_room_by_tenant_and_for_all() {
        let shares = shares();
        let (large, unknown) = (request(Method::POST, Some("8192")), request(Method::POST, None));
        let held = admit(&shares, "acme", &large).await.unwrap();
        assert_eq!(
            admit(&shares, "acme", &unknown).await.unwrap_err(),
            Busy::Server {
                retry_after: RETRY_AFTER
            }
        );
        // What a tenant holds, and what it waits for, leaves others their share.
        let small = request(Method::POST, Some("4096"));
        assert!(admit(&shares, "other", &small).await.is_ok());
        drop(held);
        assert!(admit(&shares, "acme", &unknown).await.is_ok());
        // The body of a DELETE is nobody's concern, and one over the limit is refused by its head.
        for (request, bytes) in [
            (request(Method::DELETE, Some("8192")), 0),
            (request(Method::PUT, Some("99999999999999999999")), 8192),
            (request(Method::PATCH, Some("1048576")), 8192),
            (request(Method::PATCH, Some("0")), 0),
        ] {
            assert_eq!(shares.body_size(&request), bytes, "{request:?}");
        }
        let mut encoded = request(Method::POST, Some("20"));
        encoded
            .headers
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(shares.body_size(&encoded), 8192);
    }

    #[tokio::test(start_paused = true)]
    async fn large_answers_that_are_not_read_hold_up_their_own_tenant_alone() {
        let shares = shares();
        let acme = TenantId::new("acme");
        assert!(shares.hold_answer(&acme, SMALL_ANSWER).await.unwrap().is_none());
        let held = shares.hold_answer(&acme, 99 << 10).await.unwrap();
        assert!(held.is_some());
        assert!(shares.hold_answer(&acme, 99 << 10).await.is_err());
        let others = TenantId::new("other");
        assert!(shares.hold_answer(&others, 99 << 10).await.unwrap().is_some());
        drop(held);
        // One that is larger than all there is takes all there is.
        assert!(shares.hold_answer(&acme, 1 << 30).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_tenant_that_sends_faster_than_its_rate_is_refused_and_no_other_one() {
        let limits = ShareLimits {
            rate: NonZeroU32::new(2),
            ..LIMITS
        };
        let (shares, get) = (Arc::new(Shares::new(limits, 8 << 10)), request(Method::GET, None));
        let mut outcomes = Vec::new();
        for _ in 0..100 {
            outcomes.push(admit(&shares, "acme", &get).await);
        }
        assert!(outcomes[..2].iter().all(Result::is_ok));
        // However slow the machine is.
        let refused = outcomes.into_iter().find_map(Result::err).unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(refused, Busy::Tenant { retry_after: second });
        assert!(admit(&shares, "other", &get).await.is_ok());
    }

    #[tokio::test]
    async fn tenants_that_ask_for_nothing_are_forgotten() {
        let (shares, get) = (shares(), request(Method::GET, None));
        let held = admit(&shares, "held", &get).await.unwrap();
        for number in 0..3 * SWEEP {
            admit(&shares, &number.to_string(), &get).await.unwrap();
        }
        let tenants = shares.tenants.lock().unwrap();
        assert!(tenants.len() <= SWEEP && tenants.contains_key(&TenantId::new("held")));
        drop((tenants, held));
    }
}
