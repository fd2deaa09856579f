//! What the outside world supplies: the time and new ids. Both are injected, so that everything else is a function.

use std::{fmt, time::UNIX_EPOCH};

use uuid::Uuid;

use crate::{resource::ResourceId, time::DateTime};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime;
}

/// Makes ids for new resources.
pub trait IdGenerator: Send + Sync + 'static {
    /// An id that was never given before and that nobody can guess into being reused.
    fn next_id(&self, now: DateTime) -> ResourceId;
}

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

/// Makes version 7 UUIDs (RFC 9562): ordered by the time of their making, with 74 random bits.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct UuidGenerator;

impl UuidGenerator {
    /// The generator.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl fmt::Debug for UuidGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UuidGenerator")
    }
}

impl IdGenerator for UuidGenerator {
    fn next_id(&self, now: DateTime) -> ResourceId {
        let mut random = [0; 10];
        // Without the system's randomness an id is still unique as long as no two are made in one millisecond;
        // the store refuses a second one.
        getrandom::fill(&mut random).ok();
        let millis = u64::try_from(now.unix_millis()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut buffer = Uuid::encode_buffer();
        ResourceId::new(&*id.hyphenated().encode_lower(&mut buffer))
    }
}
