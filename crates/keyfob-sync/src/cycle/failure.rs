//! The meaning of a failure for the object, for the target, for the cycle.

use keyfob_client::{BlockingTransport, Error};

use super::{Cycle, Stop};
use crate::{
    event::Outcome,
    state::{Digest, Failed, millis},
};

const HOUR: i64 = 60 * 60 * 1_000;

/// For how long an object is tried again.
const DAYS: i64 = 28 * 24 * HOUR;

/// The party that a failure is blamed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The object's: the target refuses it.
    Object,
    /// The target's: it does not answer as it should.
    Target,
    /// The credentials'.
    Job,
}

fn blame(error: &Error) -> Blame {
    match (error, error.status()) {
        (_, Some(401 | 403)) => Blame::Job,
        // A page of HTML says nothing of the object, with whichever status.
        (Error::NotScim { .. }, _) | (_, None | Some(408 | 429 | 500..=599)) => Blame::Target,
        _ => Blame::Object,
    }
}

/// Returns true if the target refused a request because of what is in it.
pub(super) fn is_refusal(error: &Error) -> bool {
    blame(error) == Blame::Object
}

/// Returns true if it is known that a write was not carried out.
pub(super) fn is_certain(error: &Error) -> bool {
    match error {
        // A page of a proxy too: the request did not get to the server, or its answer did not come back.
        Error::Ambiguous { .. } | Error::Partial { .. } | Error::Decode(_) | Error::NotScim { .. } => false,
        Error::Transport(error) => error.is_not_sent(),
        Error::Request(_) | Error::Unsupported(_) => true,
        error => error.status().is_some_and(|status| (400..500).contains(&status)),
    }
}

/// Returns when something that failed `attempts` times, first at `first`, is tried again: after 6, 12 and 24 hours, then daily,
/// and after 28 days not before the object changes.
pub(super) fn next(first: i64, attempts: u32, now: i64) -> i64 {
    if now.saturating_sub(first) >= DAYS {
        return i64::MAX;
    }
    match attempts {
        0 | 1 => first.saturating_add(6 * HOUR),
        2 => first.saturating_add(12 * HOUR),
        3 => first.saturating_add(24 * HOUR),
        _ => now.saturating_add(24 * HOUR),
    }
}

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Notes that the target did something.
    pub(super) fn succeeded(&mut self) {
        self.tried = self.tried.saturating_add(1);
        self.in_a_row = 0;
    }

    /// Notes a failure of an object or, with `member`, of a membership, and says when it is tried again.
    ///
    /// # Errors
    /// The quarantine, where the failure is one of the credentials.
    pub(super) fn failed(
        &mut self,
        source_id: &str,
        member: &str,
        digest: Option<Digest>,
        error: &Error,
    ) -> Result<Outcome, Stop> {
        let outcome = self.blamed(error)?;
        self.postpone(source_id, member, digest, error.to_string())?;
        Ok(outcome)
    }

    /// Notes a failure of a request.
    ///
    /// # Errors
    /// The quarantine, where the failure is one of the credentials.
    pub(super) fn blamed(&mut self, error: &Error) -> Result<Outcome, Stop> {
        self.tried = self.tried.saturating_add(1);
        match blame(error) {
            Blame::Job => return Err(Stop::Quarantine(error.to_string())),
            Blame::Target => self.in_a_row = self.in_a_row.saturating_add(1),
            Blame::Object => self.in_a_row = 0,
        }
        Ok(Outcome::Failed {
            status: error.status(),
            reason: error.to_string(),
        })
    }

    /// Writes when an object is tried again.
    pub(super) fn postpone(
        &self,
        source_id: &str,
        member: &str,
        digest: Option<Digest>,
        reason: String,
    ) -> Result<(), Stop> {
        let now = millis(self.now);
        let before = self.state.failed(source_id, member)?;
        // An object that changed begins anew.
        let before =
            before.filter(|before| before.digest.as_deref() == digest.as_ref().map(<[u8; 16]>::as_slice));
        let first = before.as_ref().map_or(now, |before| before.first);
        let attempts = before.map_or(0, |before| before.attempts).saturating_add(1);
        self.state.put_failed(
            source_id,
            member,
            &Failed {
                digest: digest.map(Vec::from),
                first,
                attempts,
                next: next(first, attempts, now),
                reason,
            },
        )?;
        Ok(())
    }

    /// Ends the cycle where there are too many failures.
    pub(super) fn demand_few_failures(&self) -> Result<(), Stop> {
        let limits = self.job.quarantine;
        let failed = self.report.counts.failed;
        if self.in_a_row >= limits.in_a_row {
            return Err(Stop::Quarantine(format!(
                "{} requests one after the other failed; see the steps for why",
                self.in_a_row
            )));
        }
        let share = failed.saturating_mul(100) > limits.percent.saturating_mul(self.tried);
        if (failed >= limits.least && share) || failed > limits.most {
            return Err(Stop::Quarantine(format!(
                "{failed} of {} objects failed",
                self.tried
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e19_a_failed_object_is_tried_after_6_12_and_24_hours_then_daily_for_28_days() {
        let day = 24 * HOUR;
        for (attempts, now, expected) in [
            (1, 0, 6 * HOUR),
            (2, 6 * HOUR, 12 * HOUR),
            (3, 12 * HOUR, day),
            (4, day, 2 * day),
            (5, 2 * day, 3 * day),
            (30, 27 * day, 28 * day),
            (31, 28 * day, i64::MAX),
        ] {
            assert_eq!(next(0, attempts, now), expected, "attempt {attempts}");
        }
    }
}
