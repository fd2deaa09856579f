//! Faults of dates, formats and intervals.

use thiserror::Error;

/// Why a date could not be read, written or counted with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DateTimeError {
    /// A text that is no date, or that .NET would read differently from place to place.
    #[error(
        "`{text}` is no date; write it as `2020-03-16`, `2020-03-16T16:00:00Z`, `3/16/2020 4:00:00 PM` or `16 March 2020`"
    )]
    Unreadable {
        /// The text.
        text: String,
    },
    /// A time of day without a date, which .NET takes to be today.
    #[error("`{text}` is a time without a date; put a date such as `2020-03-16` before it")]
    TimeAlone {
        /// The text.
        text: String,
    },
    /// A field that names nothing: month 13, February 30, a Monday that was a Tuesday.
    #[error("`{text}` has no such {field}{}", if *.field == "month" { "; the month comes before the day" } else { "" })]
    NoSuch {
        /// The text.
        text: String,
        /// `year`, `month`, `day`, `weekday`, `hour`, `minute`, `second` or `offset`.
        field: &'static str,
    },
    /// A result that is not in the years 1 to 9999.
    #[error("the date is outside of the years 1 to 9999")]
    OutOfRange,
    /// A text that is not as its format says.
    #[error("`{text}` does not have the format `{format}`: expected {expected} at `{rest}`")]
    Mismatch {
        /// The text.
        text: String,
        /// The format.
        format: String,
        /// The description of what the format asks for there.
        expected: String,
        /// The text from there on.
        rest: String,
    },
    /// A format that .NET refuses.
    #[error("`{format}` is no format of a date: {reason}")]
    Format {
        /// The format.
        format: String,
        /// The fault in it.
        reason: &'static str,
    },
    /// A format without a year, for which .NET takes the present one.
    #[error("`{format}` has no year, so that the date would depend on the day of evaluation; add `yyyy`")]
    NoYear {
        /// The format.
        format: String,
    },
    /// A name that is none of `DateTimeStyles`.
    #[error("`{name}` is no style of dates; `AssumeUniversal` or `AdjustToUniversal` would be")]
    Style {
        /// The name.
        name: String,
    },
    /// Two styles of which only one can hold.
    #[error("the styles `{first}` and `{second}` exclude each other")]
    Styles {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An interval other than the seven that there are.
    #[error("`{name}` is no interval; the intervals are `yyyy`, `m`, `ww`, `d`, `h`, `n` and `s`")]
    Interval {
        /// The text.
        name: String,
    },
    /// A number of 100 ns since 1601 that is negative or beyond the year 9999.
    #[error("{ticks} is not a number of 100 ns from 1601 to the year 9999")]
    FileTime {
        /// The number.
        ticks: i64,
    },
    /// An instant before 1601, where the count of 100 ns starts.
    #[error("the date is before 1601, where the count of 100 ns starts")]
    BeforeFileTime,
}
