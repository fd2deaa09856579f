//! When a request is sent again, and after how long.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, header};
use keyfob_core::DateTime;

/// When requests are sent again.
///
/// A server that answers 429 or 503 with `Retry-After` is asked again when it says so. Without it, and after a broken
/// connection, 502 or 504, the wait is a random part of [`first`](Self::first), which doubles with every attempt.
///
/// A budget is shared by all calls of a client: each repetition takes one from it, each success gives a tenth back. A
/// server that is down is not hit by every caller's repetitions at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "settings that are given together")]
pub struct Retry {
    /// The number of attempts in all; 1 repeats nothing.
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub first: Duration,
    /// The longest wait that a server may ask for; a longer one ends the operation.
    pub longest: Duration,
    /// The number of repetitions that all calls of a client have together.
    pub budget: u32,
}

impl Retry {
    /// Repeats nothing.
    #[must_use]
    pub const fn never() -> Self {
        Self {
            attempts: 1,
            first: Duration::ZERO,
            longest: Duration::ZERO,
            budget: 0,
        }
    }

    /// Returns the wait before the attempt after `made` ones, up to a minute.
    pub(crate) fn backoff(&self, made: u32, random: &dyn Random) -> Duration {
        full_jitter(self.first, Duration::from_secs(60), made, random)
    }
}

/// Five attempts, half a second at first, ten minutes at most, a budget of 100.
impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(600),
            budget: 100,
        }
    }
}

/// Returns the wait before the attempt after `made` ones: a random part of a bound that is `first` after one attempt and
/// doubles with every further one, up to `longest`.
///
/// ```
/// use std::time::Duration;
/// use keyfob_client::{Random, full_jitter};
///
/// /// Always the same number.
/// struct Fixed(u64);
///
/// impl Random for Fixed {
///     fn next(&self) -> u64 {
///         self.0
///     }
/// }
///
/// let (first, longest) = (Duration::from_secs(5), Duration::from_secs(3600));
/// assert_eq!(full_jitter(first, longest, 3, &Fixed(20_000)), Duration::from_secs(20));
/// assert_eq!(full_jitter(first, longest, 3, &Fixed(20_001)), Duration::ZERO);
/// ```
#[must_use]
pub fn full_jitter(first: Duration, longest: Duration, made: u32, random: &dyn Random) -> Duration {
    let bound = first.saturating_mul(1 << made.saturating_sub(1).min(16));
    let bound = u64::try_from(bound.min(longest).as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(random.next() % (bound.saturating_add(1)))
}

/// The repetitions that are left, in tenths.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU32,
    full: u32,
}

impl Budget {
    pub(crate) fn new(repetitions: u32) -> Self {
        let full = repetitions.saturating_mul(10);
        Self {
            left: AtomicU32::new(full),
            full,
        }
    }

    /// Takes one repetition out, if there is one.
    pub(crate) fn take(&self) -> bool {
        let take = |left: u32| left.checked_sub(10);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// Gives a tenth back for a success.
    pub(crate) fn give(&self) {
        let give = |left: u32| (left < self.full).then_some(left + 1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, give)
            .ok();
    }
}

/// A source of random numbers for the lengths of waits. They guard no secret.
pub trait Random: Send + Sync + 'static {
    /// Returns the next number.
    fn next(&self) -> u64;
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next(&self) -> u64 {
        // Without randomness every wait is the shortest.
        getrandom::u64().unwrap_or_default()
    }
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date. A date counts from the answer's own `Date`, so
/// that clocks which disagree do no harm, and from `now` where there is none.
///
/// ```
/// use std::time::Duration;
/// use http::HeaderMap;
/// use keyfob_client::retry_after;
///
/// let now = "2026-11-29T12:00:00Z".parse()?;
/// let mut headers = HeaderMap::new();
/// assert_eq!(retry_after(&headers, now), None);
/// headers.insert("retry-after", "120".parse()?);
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(120)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: DateTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let stated = headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let now = stated
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(|| system_time(now));
    Some(until.duration_since(now).unwrap_or_default())
}

fn system_time(at: DateTime) -> SystemTime {
    let millis = u64::try_from(at.unix_millis()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Random for Fixed {
        fn next(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_of_rfc_9110_section_10_2_3() {
        for (after, date, expected) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("Sun, 29 Nov 2026 12:00:30 GMT", None, Some(30)),
            // The date of the answer counts, whatever the clock says.
            (
                "Sun, 29 Nov 2026 12:00:30 GMT",
                Some("Sun, 29 Nov 2026 12:00:20 GMT"),
                Some(10),
            ),
            ("Sun, 29 Nov 2026 11:00:00 GMT", None, Some(0)),
            ("Sunday, 29-Nov-26 12:00:30 GMT", None, Some(30)),
            ("-1", None, None),
            ("1.5", None, None),
            ("soon", None, None),
            ("18446744073709551615", None, Some(u64::MAX)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().unwrap());
            }
            let noon = "2026-11-29T12:00:00Z".parse().unwrap();
            let found = retry_after(&headers, noon).map(|wait| wait.as_secs());
            assert_eq!(found, expected, "{after}");
        }
    }

    #[test]
    fn waits_double_up_to_a_minute_and_are_drawn_from_zero_on() {
        let retry = Retry::default();
        for (made, bound) in [
            (1, 500),
            (2, 1_000),
            (3, 2_000),
            (4, 4_000),
            (20, 60_000),
            (u32::MAX, 60_000),
        ] {
            assert_eq!(
                retry.backoff(made, &Fixed(bound)).as_millis(),
                u128::from(bound),
                "{made}"
            );
            assert_eq!(retry.backoff(made, &Fixed(bound + 1)).as_millis(), 0, "{made}");
        }
        assert_eq!(Retry::never().backoff(1, &Fixed(7)), Duration::ZERO);
    }

    #[test]
    fn the_budget_is_used_up_and_comes_back_with_successes() {
        let budget = Budget::new(2);
        assert!(budget.take() && budget.take());
        assert!(!budget.take());
        (0..10).for_each(|_| budget.give());
        assert!(budget.take());
        (0..1000).for_each(|_| budget.give());
        assert!(budget.take() && budget.take() && !budget.take());
    }
}
