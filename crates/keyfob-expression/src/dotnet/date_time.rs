//! Dates and times: reading them freely or by a format, writing them, adding to them and counting between them.
//!
//! Texts are those of the invariant culture: English names, month before day, `AM` and `PM`. Instants are in UTC, the
//! zone of the service too is taken to be UTC, and fractions have seven digits (100 ns), as .NET's ticks have.

mod error;
mod exact;
mod format;
mod interval;
mod parse;
mod style;

pub use error::DateTimeError;
pub use format::Format;
pub use interval::{Interval, add, diff};
pub use parse::parse;
pub use style::{Kind, Styles};

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

/// A tick, the unit of .NET's time, is so many nanoseconds.
const TICK_NANOS: u32 = 100;
const TICKS_PER_SECOND: i64 = 10_000_000;
/// 1601-01-01T00:00:00Z in seconds of Unix time.
const FILE_TIME_START: i64 = -11_644_473_600;

/// The instant as mapping expressions print it: `M/d/yyyy h:mm:ss tt`, such as `7/2/2021 3:33:38 PM`.
#[must_use]
pub fn general(instant: DateTime<Utc>) -> String {
    let (pm, hour) = instant.hour12();
    std::format!(
        "{}/{}/{:04} {}:{:02}:{:02} {}",
        instant.month(),
        instant.day(),
        instant.year(),
        hour,
        instant.minute(),
        instant.second(),
        if pm { "PM" } else { "AM" }
    )
}

/// The instant so many units of 100 ns after the start of 1601 in UTC (a Windows FILETIME).
///
/// # Errors
/// A negative number, or one beyond the year 9999, such as the 9223372036854775807 that means "never".
pub fn from_file_time(ticks: i64) -> Result<DateTime<Utc>, DateTimeError> {
    let outside = || DateTimeError::FileTime { ticks };
    if ticks < 0 {
        return Err(outside());
    }
    let nanos = u32::try_from(ticks % TICKS_PER_SECOND).unwrap_or_default() * TICK_NANOS;
    DateTime::from_timestamp(FILE_TIME_START + ticks / TICKS_PER_SECOND, nanos)
        .and_then(in_range)
        .ok_or_else(outside)
}

/// The number of units of 100 ns from the start of 1601 to the instant, the rest cut off.
///
/// # Errors
/// An instant before 1601.
pub fn to_file_time(instant: DateTime<Utc>) -> Result<i64, DateTimeError> {
    let ticks = i64::from(instant.timestamp_subsec_nanos() / TICK_NANOS);
    (instant.timestamp() - FILE_TIME_START)
        .checked_mul(TICKS_PER_SECOND)
        .and_then(|whole| whole.checked_add(ticks))
        .filter(|&ticks| ticks >= 0)
        .ok_or(DateTimeError::BeforeFileTime)
}

/// The instant if .NET could hold it: in the years 1 to 9999.
fn in_range(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Some(instant).filter(|instant| (1..=9999).contains(&instant.year()))
}

/// The fields of a date and a time that a text names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fields {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    /// From 0, Monday.
    weekday: Option<u32>,
    hour: Option<u32>,
    minute: Option<u32>,
    second: Option<u32>,
    /// In units of 100 ns; a whole second if the text rounds up to it.
    ticks: Option<u32>,
    /// Seconds east of UTC.
    offset: Option<i32>,
}

impl Fields {
    /// The date and time in the zone of the text, or the field that names nothing.
    fn local(&self) -> Result<NaiveDateTime, &'static str> {
        let (year, month, day) = (
            self.year.unwrap_or(1),
            self.month.unwrap_or(1),
            self.day.unwrap_or(1),
        );
        if !(1..=9999).contains(&year) {
            return Err("year");
        }
        if !(1..=12).contains(&month) {
            return Err("month");
        }
        let date = i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
            .ok_or("day")?;
        if self
            .weekday
            .is_some_and(|weekday| weekday != date.weekday().num_days_from_monday())
        {
            return Err("weekday");
        }
        let (hour, minute, second) = (
            self.hour.unwrap_or_default(),
            self.minute.unwrap_or_default(),
            self.second.unwrap_or_default(),
        );
        let field = if hour > 23 {
            "hour"
        } else if minute > 59 {
            "minute"
        } else {
            "second"
        };
        let time = NaiveTime::from_hms_opt(hour, minute, second).ok_or(field)?;
        let ticks = self.ticks.unwrap_or_default();
        date.and_time(time)
            .checked_add_signed(TimeDelta::nanoseconds(i64::from(ticks) * i64::from(TICK_NANOS)))
            .ok_or("second")
    }
}

/// The date and time less the offset of its zone, if that is still in range.
fn to_utc(local: NaiveDateTime, offset: i32) -> Option<DateTime<Utc>> {
    local
        .checked_sub_signed(TimeDelta::seconds(i64::from(offset)))
        .map(|utc| utc.and_utc())
        .and_then(in_range)
}

/// The number in the leading digits, at least `least` and at most `most` of them, and the rest.
fn strip_digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let digits = text
        .bytes()
        .take(most.min(9))
        .take_while(u8::is_ascii_digit)
        .count();
    let (digits, rest) = text
        .split_at_checked(digits)
        .filter(|(digits, _)| digits.len() >= least.max(1))?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_general_text_is_that_of_the_service() {
        for (instant, expected) in [
            ("2021-07-02T15:33:38.9Z", "7/2/2021 3:33:38 PM"),
            ("2020-01-01T00:00:00Z", "1/1/2020 12:00:00 AM"),
            ("0001-12-31T12:05:09Z", "12/31/0001 12:05:09 PM"),
        ] {
            assert_eq!(general(at(instant)), expected);
        }
    }

    #[test]
    fn file_times_count_from_1601() {
        for (ticks, instant) in [
            (129_699_324_000_000_000, "2012-01-01T23:00:00Z"),
            (0, "1601-01-01T00:00:00Z"),
            (1, "1601-01-01T00:00:00.0000001Z"),
            (132_539_615_990_000_000, "2021-01-01T07:59:59Z"),
            (2_650_467_743_999_999_999, "9999-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(from_file_time(ticks), Ok(at(instant)));
            assert_eq!(to_file_time(at(instant)), Ok(ticks));
        }
        for ticks in [i64::MAX, 2_650_467_744_000_000_000, -1, i64::MIN] {
            assert_eq!(from_file_time(ticks), Err(DateTimeError::FileTime { ticks }));
        }
        assert_eq!(
            to_file_time(at("1500-01-01T00:00:00Z")),
            Err(DateTimeError::BeforeFileTime)
        );
        assert_eq!(
            to_file_time(at("1600-12-31T23:59:59.9Z")),
            Err(DateTimeError::BeforeFileTime)
        );
    }
}
