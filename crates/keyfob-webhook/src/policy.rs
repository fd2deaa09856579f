//! How long a message is tried, and how.

use std::time::Duration;

/// How messages are sent, and when they are sent again.
///
/// A message that a receiver doesn't take is sent again after a random part of [`first`](Self::first), which doubles with
/// every attempt up to [`longest`](Self::longest). A receiver that says when to come back (`Retry-After`, RFC 9110 section
/// 10.2.3) is asked then, within a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "settings that are given together")]
pub struct Policy {
    /// The time for one attempt, with its connection and its answer.
    pub timeout: Duration,
    /// The size of the largest body of an answer, in bytes, that is read; one that is larger is a failure.
    pub max_answer: usize,
    /// The longest wait before the second attempt.
    pub first: Duration,
    /// The longest wait of all. A receiver that is back after an outage waits for so long at most.
    pub longest: Duration,
    /// The time after the first attempt beyond which a message that fails is a dead letter.
    pub age: Duration,
}

/// Ten seconds for an attempt, 64 KiB of an answer, five seconds before the second attempt, an hour at most, dead letters
/// after three days.
impl Default for Policy {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            max_answer: 64 * 1024,
            first: Duration::from_secs(5),
            longest: Duration::from_secs(60 * 60),
            age: Duration::from_secs(3 * 24 * 60 * 60),
        }
    }
}

impl Policy {
    /// The longest wait that a receiver may ask for.
    pub(crate) const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

    /// The time for which a process has a webhook to itself. One that is killed is followed by another after it.
    pub(crate) fn lease(&self) -> Duration {
        // A batch is sent within the time of one attempt; the rest is for the store.
        self.timeout.saturating_add(Duration::from_secs(5))
    }
}
