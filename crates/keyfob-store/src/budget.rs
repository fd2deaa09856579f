//! The work that one read may cost.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use thiserror::Error;

/// The work that one call of a store may cost (RFC 7644 section 7.7 leaves the limits to the service).
///
/// A store counts with a [`Meter`] and ends a call that would exceed the budget with
/// [`StoreError::Exhausted`](crate::StoreError::Exhausted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store must look at every limit, so a new one has to break it"
)]
pub struct Budget {
    /// The number of steps that the call may take: a look at a resource or an index entry is one, and each comparison that a
    /// filter makes of a resource another.
    pub steps: u64,
    /// The number of bytes of stored documents that the call may decode.
    pub bytes: u64,
    /// The instant at which the call ends unfinished.
    pub deadline: Option<Instant>,
}

impl Budget {
    /// A budget that nothing exhausts.
    pub const UNLIMITED: Self = Self {
        steps: u64::MAX,
        bytes: u64::MAX,
        deadline: None,
    };

    /// Returns the same budget with a deadline that is this far away.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(time),
            ..self
        }
    }

    /// Creates a meter that counts against this budget.
    #[must_use]
    pub fn meter(self) -> Meter {
        Meter {
            budget: self,
            steps: Cell::new(0),
            bytes: Cell::new(0),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::UNLIMITED
    }
}

/// How many steps pass between two looks at the time.
const LOOK_AT_TIME: u64 = 64;

/// Counts the work of one call against its [`Budget`].
///
/// ```
/// use keyfob_store::{Budget, Exhausted};
///
/// let meter = Budget { steps: 2, ..Budget::UNLIMITED }.meter();
/// assert_eq!(meter.step(), Ok(()));
/// assert_eq!(meter.step(), Ok(()));
/// assert_eq!(meter.step(), Err(Exhausted::Steps { limit: 2 }));
/// ```
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

impl Meter {
    /// Counts one resource or index entry.
    ///
    /// # Errors
    /// [`Exhausted`] when the budget doesn't cover it, or its time is over.
    pub fn step(&self) -> Result<(), Exhausted> {
        self.spend(1)
    }

    /// Counts several steps at once, such as the comparisons that a filter makes of a resource.
    ///
    /// # Errors
    /// [`Exhausted`] when the budget doesn't cover them, or its time is over.
    pub fn spend(&self, steps: u64) -> Result<(), Exhausted> {
        let before = self.steps.get();
        let after = before.saturating_add(steps);
        self.steps.set(after);
        if after > self.budget.steps {
            return Err(Exhausted::Steps {
                limit: self.budget.steps,
            });
        }
        // The clock costs more than most steps.
        if before == 0 || before / LOOK_AT_TIME != after / LOOK_AT_TIME {
            return self.check_time();
        }
        Ok(())
    }

    /// Counts the bytes of a stored document that is decoded.
    ///
    /// # Errors
    /// [`Exhausted`] when the budget doesn't cover them.
    pub fn bytes(&self, length: usize) -> Result<(), Exhausted> {
        let bytes = self
            .bytes
            .get()
            .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.bytes.set(bytes);
        if bytes > self.budget.bytes {
            return Err(Exhausted::Bytes {
                limit: self.budget.bytes,
            });
        }
        Ok(())
    }

    /// Checks the deadline.
    ///
    /// # Errors
    /// [`Exhausted::Time`] when it has passed.
    pub fn check_time(&self) -> Result<(), Exhausted> {
        match self.budget.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Exhausted::Time),
            _ => Ok(()),
        }
    }

    /// Returns the number of steps counted so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }
}

/// The error when a call needs more work than its [`Budget`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Exhausted {
    /// Too many steps would have to be taken.
    #[error(
        "the request would take more than {limit} steps of work: narrow it, as by `eq`, or ask for less at once"
    )]
    Steps {
        /// The limit.
        limit: u64,
    },
    /// Too many bytes would have to be decoded.
    #[error(
        "the request would read more than {limit} bytes of resources: narrow it, as by `eq`, or ask for less at once"
    )]
    Bytes {
        /// The limit.
        limit: u64,
    },
    /// The deadline has passed.
    #[error("the request takes too long")]
    Time,
}
