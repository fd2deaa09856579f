//! What the outside world supplies: the time and new ids. Both are injected, so that everything else is a function.

#[cfg(feature = "clock")]
mod clock;
#[cfg(feature = "uuid")]
mod generator;

#[cfg(feature = "clock")]
pub use self::clock::SystemClock;
#[cfg(feature = "uuid")]
pub use self::generator::UuidGenerator;
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
