//! Adding to instants and counting between them, as `DateAdd` and `DateDiff` of Visual Basic.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};

use super::{DateTimeError, in_range};

/// A unit of time, written `yyyy`, `m`, `ww`, `d`, `h`, `n` (minute) or `s`, in just this case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interval {
    /// `yyyy`
    Year,
    /// `m`
    Month,
    /// `ww`
    Week,
    /// `d`
    Day,
    /// `h`
    Hour,
    /// `n`
    Minute,
    /// `s`
    Second,
}

impl FromStr for Interval {
    type Err = DateTimeError;

    fn from_str(name: &str) -> Result<Self, DateTimeError> {
        Ok(match name {
            "yyyy" => Self::Year,
            "m" => Self::Month,
            "ww" => Self::Week,
            "d" => Self::Day,
            "h" => Self::Hour,
            "n" => Self::Minute,
            "s" => Self::Second,
            _ => {
                return Err(DateTimeError::Interval {
                    name: name.to_owned(),
                });
            }
        })
    }
}

/// The instant so many intervals later, or earlier if `count` is negative.
///
/// A day that the month does not have becomes the last one of the month: January 31 and one month is February 28 or 29.
///
/// # Errors
/// A result outside of the years 1 to 9999.
pub fn add(interval: Interval, count: i64, instant: DateTime<Utc>) -> Result<DateTime<Utc>, DateTimeError> {
    let months = |in_one: u32| {
        let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?.checked_mul(in_one)?);
        if count < 0 {
            instant.checked_sub_months(months)
        } else {
            instant.checked_add_months(months)
        }
    };
    let elapsed = |delta: Option<TimeDelta>| instant.checked_add_signed(delta?);
    match interval {
        Interval::Year => months(12),
        Interval::Month => months(1),
        Interval::Week => elapsed(TimeDelta::try_weeks(count)),
        Interval::Day => elapsed(TimeDelta::try_days(count)),
        Interval::Hour => elapsed(TimeDelta::try_hours(count)),
        Interval::Minute => elapsed(TimeDelta::try_minutes(count)),
        Interval::Second => elapsed(TimeDelta::try_seconds(count)),
    }
    .and_then(in_range)
    .ok_or(DateTimeError::OutOfRange)
}

/// Returns how many intervals lie between `from` and `to`; negative if `to` is earlier.
///
/// Days, hours, minutes and seconds are counted by the time that passed, what is left cut off. Years and months are
/// differences of the calendar, so that December 31 and January 1 are a year apart, and weeks those between the Sundays
/// on or before either.
#[must_use]
pub fn diff(interval: Interval, from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    let elapsed = to - from;
    match interval {
        Interval::Year => i64::from(to.year()) - i64::from(from.year()),
        Interval::Month => {
            (i64::from(to.year()) - i64::from(from.year())) * 12 + i64::from(to.month())
                - i64::from(from.month())
        }
        Interval::Week => {
            let after_sunday =
                |instant: DateTime<Utc>| TimeDelta::days(instant.weekday().num_days_from_sunday().into());
            (elapsed - after_sunday(to) + after_sunday(from)).num_days() / 7
        }
        Interval::Day => elapsed.num_days(),
        Interval::Hour => elapsed.num_hours(),
        Interval::Minute => elapsed.num_minutes(),
        Interval::Second => elapsed.num_seconds(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn intervals_are_added_as_in_the_documented_table() {
        for (interval, count, instant, expected) in [
            ("d", 7, "2012-03-16T07:00:00Z", "2012-03-23T07:00:00Z"),
            ("d", -10, "2012-03-16T07:00:00Z", "2012-03-06T07:00:00Z"),
            ("ww", 2, "2012-03-16T07:00:00Z", "2012-03-30T07:00:00Z"),
            ("ww", -2, "2012-03-16T07:00:00Z", "2012-03-02T07:00:00Z"),
            ("m", 10, "2012-03-16T07:00:00Z", "2013-01-16T07:00:00Z"),
            ("m", -10, "2012-03-16T07:00:00Z", "2011-05-16T07:00:00Z"),
            ("yyyy", 2, "2012-03-16T07:00:00Z", "2014-03-16T07:00:00Z"),
            ("m", 1, "2020-01-31T00:00:00Z", "2020-02-29T00:00:00Z"),
            ("yyyy", 1, "2020-02-29T00:00:00Z", "2021-02-28T00:00:00Z"),
            ("h", 25, "2020-01-01T00:00:00Z", "2020-01-02T01:00:00Z"),
            ("n", -1, "2020-01-01T00:00:00Z", "2019-12-31T23:59:00Z"),
            ("s", 90, "2020-01-01T00:00:00Z", "2020-01-01T00:01:30Z"),
        ] {
            assert_eq!(
                add(interval.parse().unwrap(), count, at(instant)),
                Ok(at(expected)),
                "{interval} {count}"
            );
        }
        for interval in ["q", "y", "w", "D", "", "yy", "days"] {
            assert!(interval.parse::<Interval>().is_err(), "{interval}");
        }
        for (interval, count) in [
            (Interval::Year, 9000),
            (Interval::Year, -2020),
            (Interval::Month, i64::MAX),
            (Interval::Day, i64::MIN),
            (Interval::Second, i64::MAX),
            (Interval::Year, i64::from(u32::MAX)),
        ] {
            assert_eq!(
                add(interval, count, at("2020-01-01T00:00:00Z")),
                Err(DateTimeError::OutOfRange)
            );
        }
    }

    #[test]
    fn differences_are_those_of_the_documented_table() {
        for (interval, from, to, expected) in [
            ("d", "2021-08-25T17:41:18Z", "2012-03-16T07:00:00Z", -3449),
            ("ww", "2021-08-25T17:41:18Z", "2012-03-16T07:00:00Z", -493),
            ("m", "2021-08-25T17:41:18Z", "2012-03-16T07:00:00Z", -113),
            ("yyyy", "2021-08-25T17:41:18Z", "2012-03-16T07:00:00Z", -9),
            ("d", "2021-08-17T16:00:00Z", "2021-08-30T16:00:00Z", 13),
            ("h", "2021-08-24T00:00:00Z", "2021-08-25T00:00:00Z", 24),
            ("n", "2021-08-24T00:00:00Z", "2021-08-25T00:00:00Z", 1440),
            ("s", "2021-08-24T00:00:00Z", "2021-08-25T00:00:00Z", 86400),
            ("d", "2020-01-01T23:00:00Z", "2020-01-02T01:00:00Z", 0),
            ("s", "2020-01-01T00:00:01.5Z", "2020-01-01T00:00:00Z", -1),
            ("ww", "2021-08-21T00:00:00Z", "2021-08-22T00:00:00Z", 1),
            ("ww", "2021-08-22T00:00:00Z", "2021-08-28T23:00:00Z", 0),
            ("yyyy", "2020-12-31T00:00:00Z", "2021-01-01T00:00:00Z", 1),
        ] {
            assert_eq!(
                diff(interval.parse().unwrap(), at(from), at(to)),
                expected,
                "{interval} {from} {to}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_added_is_the_difference(seconds in 0..200_000_000_000_i64, count in -100_000..100_000_i64) {
            let start = at("0100-01-01T00:00:00Z") + TimeDelta::seconds(seconds);
            for interval in [Interval::Week, Interval::Day, Interval::Hour, Interval::Minute, Interval::Second] {
                if let Ok(end) = add(interval, count, start) {
                    prop_assert_eq!(diff(interval, start, end), count);
                }
            }
            for interval in [Interval::Year, Interval::Month] {
                if let Ok(end) = add(interval, count, start) {
                    prop_assert_eq!(diff(interval, start, end), count);
                    prop_assert!(end.day() == start.day() || (end + TimeDelta::days(1)).day() == 1);
                }
            }
        }
    }
}
