//! The exchanges of a connection at HTTP/2, each of which has to get on.
//!
//! At HTTP/1.1 a connection carries one answer at a time, and a client that takes nothing stops what is written to the
//! connection. At HTTP/2 a client that gives an answer no window stops nothing: the connection goes on, and holds the answer for
//! as long as the client likes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The exchanges that a connection has begun and not ended.
#[derive(Clone, Debug)]
pub(super) struct Exchanges(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// The number of exchanges that were begun.
    begun: u64,
    /// Of each exchange, the time at which the client last took a piece of the answer; none before there is an answer.
    open: HashMap<u64, Option<Instant>>,
    /// The time at which the last exchange ended.
    idle_since: Instant,
}

/// One exchange, until its answer is with the client.
#[derive(Debug)]
pub(super) struct Exchange {
    number: u64,
    of: Exchanges,
}

/// The reason for which a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The client asks for nothing.
    Idle,
    /// The client doesn't take what it has asked for.
    Stalled,
}

impl Exchanges {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            begun: 0,
            open: HashMap::new(),
            idle_since: Instant::now(),
        })))
    }

    /// Begins an exchange.
    pub(super) fn begin(&self) -> Exchange {
        let mut state = self.lock();
        state.begun += 1;
        let number = state.begun;
        state.open.insert(number, None);
        drop(state);
        Exchange {
            number,
            of: self.clone(),
        }
    }

    /// Returns when there was no exchange for `idle` from now on, or when a client has taken no piece of an answer for `stalled`.
    pub(super) async fn overdue(&self, idle: Duration, stalled: Duration) -> Overdue {
        let start = Instant::now();
        loop {
            let (overdue, at) = self.next(start, idle, stalled);
            let now = Instant::now();
            match overdue {
                Some(overdue) if at <= now => return overdue,
                _ => tokio::time::sleep_until(at).await,
            }
        }
    }

    /// Returns when to look again, and what the connection is then if nothing happens until then.
    fn next(&self, start: Instant, idle: Duration, stalled: Duration) -> (Option<Overdue>, Instant) {
        let state = self.lock();
        if state.open.is_empty() {
            return (Some(Overdue::Idle), state.idle_since.max(start) + idle);
        }
        match state.open.values().flatten().min() {
            Some(slowest) => (Some(Overdue::Stalled), *slowest + stalled),
            // All are being worked on, for which the front has a limit.
            None => (None, Instant::now() + idle.min(stalled)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// Notes that the client takes a piece of the answer.
    pub(super) fn gets_on(&self) {
        self.of.lock().open.insert(self.number, Some(Instant::now()));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        state.open.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(15);
    const STALLED: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_exchanges_is_idle_from_the_last_one_on() {
        let exchanges = Exchanges::new();
        let start = Instant::now();
        assert_eq!(exchanges.overdue(IDLE, STALLED).await, Overdue::Idle);
        assert_eq!(start.elapsed(), IDLE);
        let exchange = exchanges.begin();
        let end = start + Duration::from_secs(100);
        tokio::spawn(async move {
            tokio::time::sleep_until(end).await;
            drop(exchange);
        });
        assert_eq!(exchanges.overdue(IDLE, STALLED).await, Overdue::Idle);
        assert_eq!(Instant::now(), end + IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_that_is_not_taken_ends_the_connection_whatever_others_do() {
        let exchanges = Exchanges::new();
        let (slow, quick) = (exchanges.begin(), exchanges.begin());
        let start = Instant::now();
        slow.gets_on();
        let taking = tokio::spawn(async move {
            for _ in 0..100 {
                quick.gets_on();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(exchanges.overdue(IDLE, STALLED).await, Overdue::Stalled);
        assert_eq!(start.elapsed(), STALLED);
        drop(slow);
        taking.await.unwrap();
        assert_eq!(exchanges.overdue(IDLE, STALLED).await, Overdue::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_piece_by_piece_may_take_long() {
        let exchanges = Exchanges::new();
        let exchange = exchanges.begin();
        let taking = tokio::spawn(async move {
            for _ in 0..20 {
                exchange.gets_on();
                tokio::time::sleep(Duration::from_secs(29)).await;
            }
            Instant::now()
        });
        assert_eq!(exchanges.overdue(IDLE, STALLED).await, Overdue::Idle);
        assert_eq!(Instant::now(), taking.await.unwrap() + IDLE);
    }
}
