//! The machine's clock.

use std::time::UNIX_EPOCH;

use super::Clock;
use crate::time::DateTime;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the ambient clock is read"
    )]
    fn now(&self) -> DateTime {
        let elapsed = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        DateTime::from_unix_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}
