//! Lines of which an attacker could cause any number.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lets a few events through in each period and counts the others, so that whoever guesses tokens doesn't fill the disk.
#[derive(Debug)]
pub(crate) struct Sample {
    limit: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    passed: u32,
    suppressed: u64,
}

impl Sample {
    pub(crate) fn new(limit: u32, period: Duration) -> Self {
        Self {
            limit,
            period,
            state: Mutex::default(),
        }
    }

    /// Returns the number of events that were suppressed since the last one that passed, if this one passes.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Instant| now.saturating_duration_since(since) >= self.period;
        if state.since.is_none_or(is_over) {
            state.since = Some(now);
            state.passed = 0;
        }
        if state.passed >= self.limit {
            state.suppressed += 1;
            return None;
        }
        state.passed += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_lets_a_few_events_through_and_the_next_says_how_many_were_not() {
        let sample = Sample::new(2, Duration::from_secs(1));
        let start = Instant::now();
        let at = |milliseconds| sample.pass(start + Duration::from_millis(milliseconds));
        assert_eq!(
            [
                at(0),
                at(1),
                at(2),
                at(999),
                at(1000),
                at(1001),
                at(1002),
                at(5000)
            ],
            [Some(0), Some(0), None, None, Some(2), Some(0), None, Some(1)]
        );
    }
}
