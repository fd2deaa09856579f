//! Instants, as `dateTime` attributes hold them.

use std::{fmt, str::FromStr};

use chrono::{NaiveDateTime, SecondsFormat, Utc};
use thiserror::Error;

/// An instant (RFC 7643 section 2.3.5: an `xsd:dateTime`), compared as such whatever offset it was written in.
///
/// Written out in UTC with milliseconds, as `2011-05-13T04:42:34.000Z`.
///
/// ```
/// use keyfob_core::DateTime;
///
/// let noon: DateTime = "2026-01-01T12:00:00Z".parse()?;
/// let same: DateTime = "2026-01-01T14:00:00.0000000+02:00".parse()?;
/// assert_eq!(noon, same);
/// assert_eq!(same.to_string(), "2026-01-01T12:00:00.000Z");
/// # Ok::<(), keyfob_core::time::DateTimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(chrono::DateTime<Utc>);

impl DateTime {
    /// The instant so many milliseconds after the start of 1970 in UTC; the nearest representable one beyond.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Self {
        let bound = if millis < 0 {
            chrono::DateTime::<Utc>::MIN_UTC
        } else {
            chrono::DateTime::<Utc>::MAX_UTC
        };
        Self(chrono::DateTime::from_timestamp_millis(millis).unwrap_or(bound))
    }

    /// Seconds since the start of 1970 in UTC, and nanoseconds after them: in this order they compare as instants do.
    pub(crate) fn unix_time(self) -> (i64, u32) {
        (self.0.timestamp(), self.0.timestamp_subsec_nanos())
    }

    /// Milliseconds since the start of 1970 in UTC.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    /// Reads a date and time with an offset; a time without one is taken as UTC, as providers mean it.
    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        // RFC 3339 lets other letters and a space stand there, `xsd:dateTime` doesn't.
        if text.as_bytes().get(10) != Some(&b'T') {
            return Err(DateTimeError);
        }
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|date| Self(date.to_utc()))
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|date| Self(date.and_utc()))
            })
            .map_err(|_| DateTimeError)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A text that is no `dateTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a date and time such as `2008-01-23T04:56:22Z`")]
#[non_exhaustive]
pub struct DateTimeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_send_is_read_and_the_rest_refused() {
        for text in [
            "2008-01-23T04:56:22Z",
            "2015-10-10T14:38:21.8617979-07:00",
            "2008-01-23T04:56:22",
            "2008-01-23T04:56:22.5",
        ] {
            assert!(text.parse::<DateTime>().is_ok(), "{text}");
        }
        for text in [
            "",
            "2008-01-23",
            "2008-01-23 04:56:22Z",
            "2008-01-23t04:56:22Z",
            "yesterday",
            "2008-13-23T04:56:22Z",
            "2008-01-23T04:56:22+99:00",
        ] {
            assert_eq!(text.parse::<DateTime>(), Err(DateTimeError), "{text}");
        }
    }
}
