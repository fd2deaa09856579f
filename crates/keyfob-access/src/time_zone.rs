//! The time zones of doors.

use std::{fmt, str::FromStr};

use chrono::{Offset as _, TimeZone as _};
use chrono_tz::{TZ_VARIANTS, Tz};
use keyfob_core::{
    DateTime, ErrorBody, ScimType, ToErrorBody,
    name::closest,
    render::{excerpt, with_suggestion},
};
use smol_str::SmolStr;
use thiserror::Error;

/// Where clocks show the same time, summer time included, by its name in the IANA database: `Europe/Berlin`. UTC unless
/// something else is said.
///
/// Names are read whatever their case and written as the database does. `Etc/GMT+1`, of the few names that look like
/// offsets, is an hour *behind* UTC: that is how the database counts.
///
/// A build knows the database as it was when it was made, and changes of clocks up to the end of this century.
///
/// ```
/// use keyfob_access::TimeZone;
///
/// let berlin: TimeZone = "europe/berlin".parse()?;
/// assert_eq!(berlin.to_string(), "Europe/Berlin");
/// assert_eq!(TimeZone::default(), "UTC".parse()?);
/// let error = "Berlin".parse::<TimeZone>().unwrap_err();
/// assert_eq!(error.suggestion.as_deref(), Some("Europe/Berlin"));
/// # Ok::<(), keyfob_access::TimeZoneError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Its name in the IANA database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }

    /// The zone of this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let of_any_case = || {
            let mut zones = TZ_VARIANTS.iter();
            zones.find(|zone| zone.name().eq_ignore_ascii_case(name)).copied()
        };
        name.parse().ok().or_else(of_any_case).map(Self)
    }

    /// How many milliseconds after the start of 1970 the clocks show at an instant.
    pub(crate) fn local_millis(self, at: DateTime) -> Option<i64> {
        let millis = at.unix_millis();
        let utc = chrono::DateTime::from_timestamp_millis(millis)?.naive_utc();
        let offset = self.0.offset_from_utc_datetime(&utc).fix();
        millis.checked_add(i64::from(offset.local_minus_utc()) * 1000)
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for TimeZone {
    type Err = TimeZoneError;

    fn from_str(name: &str) -> Result<Self, TimeZoneError> {
        Self::named(name).ok_or_else(|| TimeZoneError {
            name: excerpt(name),
            suggestion: nearest(name),
        })
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name that may have been meant. Who writes no region is taken to mean a city.
fn nearest(name: &str) -> Option<SmolStr> {
    let compared = |zone: &Tz| {
        let full = zone.name();
        match full.rsplit_once('/') {
            Some((_, city)) if !name.contains('/') => city,
            _ => full,
        }
    };
    // Who writes `GMT+1` means an hour ahead of UTC, and `Etc/GMT+1` is one behind.
    let zones = || TZ_VARIANTS.iter().filter(|zone| !zone.name().starts_with("Etc/"));
    let nearest = closest(name, zones().map(compared))?;
    zones()
        .find(|zone| compared(zone) == nearest)
        .map(|zone| zone.name().into())
}

/// A text is not the name of a time zone; maps to 400 `invalidValue`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is not the name of a time zone such as `Europe/Berlin`")]
#[non_exhaustive]
pub struct TimeZoneError {
    /// The text, shortened where it is long.
    pub name: SmolStr,
    /// The name that may have been meant.
    pub suggestion: Option<SmolStr>,
}

impl ToErrorBody for TimeZoneError {
    fn to_error_body(&self) -> ErrorBody {
        let detail = with_suggestion(self.to_string(), self.suggestion.as_deref());
        ErrorBody::bad_request(ScimType::InvalidValue, detail)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_10_changes_of_clocks_are_known_to_the_end_of_the_century() {
        let berlin = TimeZone::named("Europe/Berlin").unwrap();
        for (at, hours) in [("2099-07-01T00:00:00Z", 2), ("2099-12-31T00:00:00Z", 1)] {
            let at: DateTime = at.parse().unwrap();
            let ahead = berlin.local_millis(at).unwrap() - at.unix_millis();
            assert_eq!(ahead, hours * 3_600_000, "{at}");
        }
    }

    #[test]
    fn a_10_every_zone_of_the_database_is_read_by_its_name_in_any_case() {
        for zone in TZ_VARIANTS {
            let zone = TimeZone(zone);
            for name in [
                zone.as_str().to_owned(),
                zone.as_str().to_uppercase(),
                zone.as_str().to_ascii_lowercase(),
            ] {
                assert_eq!(name.parse(), Ok(zone), "{name}");
            }
            assert_eq!(zone.to_string(), zone.as_str());
        }
    }

    #[test]
    fn a_10_an_unknown_zone_is_refused_with_the_name_nearest_to_it() {
        for (text, near) in [
            ("Europe/Berln", Some("Europe/Berlin")),
            ("europe/belrin", Some("Europe/Berlin")),
            ("America/NewYork", Some("America/New_York")),
            ("America/New York", Some("America/New_York")),
            ("Berlin", Some("Europe/Berlin")),
            ("new york", Some("America/New_York")),
            ("Calcuta", Some("Asia/Calcutta")),
            ("Etc/GMT+99", None),
            ("60", None),
            ("+01:00", None),
            ("", None),
            (" UTC", Some("UTC")),
            ("Europe/Berlin\0", Some("Europe/Berlin")),
        ] {
            let error = text.parse::<TimeZone>().unwrap_err();
            assert_eq!(error.suggestion.as_deref(), near, "{text}");
        }
        let body = "Europe/Berln".parse::<TimeZone>().unwrap_err().to_error_body();
        assert_eq!(
            (body.status, body.scim_type, body.detail.as_str()),
            (
                400,
                Some(ScimType::InvalidValue),
                "`Europe/Berln` is not the name of a time zone such as `Europe/Berlin`; did you mean `Europe/Berlin`?"
            )
        );
        let long = "Europe/".repeat(100_000).parse::<TimeZone>().unwrap_err();
        assert_eq!((long.name.chars().count(), long.suggestion), (33, None));
    }

    #[test]
    fn no_instant_is_too_early_or_too_late_for_a_clock() {
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            let at = DateTime::from_unix_millis(millis);
            for zone in TZ_VARIANTS {
                let ahead = TimeZone(zone).local_millis(at).unwrap() - at.unix_millis();
                assert!(ahead.abs() < 24 * 60 * 60 * 1000, "{zone}");
            }
        }
    }
}
