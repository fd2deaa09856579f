//! Reading a date without a format, as `DateTime.Parse` does under the invariant culture.

use chrono::{DateTime, Utc};

use super::{DateTimeError, Fields, TICKS_PER_SECOND, strip_digits, to_utc};
use crate::calendar::{MONTHS, WEEKDAYS, strip_any_name};

/// The instant that a text names; one without an offset is in UTC.
///
/// Reads what can be read in one way only: a date as `2020-03-16`, `3/16/2020` (month first) or with the name of its
/// month, a time as `16:00`, `16:00:00.5` or `4:00 PM` after it, and an offset as `Z`, `GMT`, `+01:00` or ` -8` after
/// either. Years have four digits. Of what .NET reads beyond that, much depends on the day or is a slip of the pen.
///
/// ```
/// use keyfob_expression::dotnet::date_time::{general, parse};
///
/// assert_eq!(general(parse("2021-06-30+08:00")?), "6/29/2021 4:00:00 PM");
/// # Ok::<(), keyfob_expression::dotnet::date_time::DateTimeError>(())
/// ```
///
/// # Errors
/// Any other text, and a date that is in no calendar.
pub fn parse(text: &str) -> Result<DateTime<Utc>, DateTimeError> {
    let mut fields = Fields::default();
    let whole = text.trim();
    let Some(rest) = date(whole, &mut fields) else {
        return Err(
            if time(whole, &mut fields, false)
                .is_some_and(|rest| zone(rest, &mut fields).is_some_and(str::is_empty))
            {
                DateTimeError::TimeAlone {
                    text: text.to_owned(),
                }
            } else {
                unreadable(text)
            },
        );
    };
    let rest = time_after_date(whole, rest, &mut fields).unwrap_or(rest);
    if !zone(rest, &mut fields).is_some_and(str::is_empty) {
        return Err(unreadable(text));
    }
    let no_such = |field| DateTimeError::NoSuch {
        text: text.to_owned(),
        field,
    };
    let local = fields.local().map_err(no_such)?;
    to_utc(local, fields.offset.unwrap_or_default()).ok_or(DateTimeError::OutOfRange)
}

fn unreadable(text: &str) -> DateTimeError {
    DateTimeError::Unreadable {
        text: text.to_owned(),
    }
}

/// Reads a date, with or without its weekday before it.
fn date<'t>(text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let text = match word(text, &WEEKDAYS) {
        Some((weekday, rest)) => {
            fields.weekday = Some(weekday);
            skip_comma(rest)
        }
        None => text,
    };
    if let Some((month, rest)) = word(text, &MONTHS) {
        fields.month = Some(month + 1);
        let (day, rest) = strip_digits(rest.trim_start(), 1, 2)?;
        fields.day = Some(day);
        return year(skip_comma(rest), fields);
    }
    let (first, digits, rest) = number(text, 4)?;
    if digits == 3 {
        return None;
    }
    if let Some((separator, rest)) = ["-", "/"]
        .iter()
        .find_map(|separator| Some((*separator, rest.strip_prefix(*separator)?)))
        && rest.starts_with(|next: char| next.is_ascii_digit())
    {
        let (second, rest) = strip_digits(rest, 1, 2)?;
        let rest = rest.strip_prefix(separator)?;
        return if digits == 4 {
            let (third, rest) = strip_digits(rest, 1, 2)?;
            (fields.year, fields.month, fields.day) = (Some(first), Some(second), Some(third));
            Some(rest).filter(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        } else {
            (fields.month, fields.day) = (Some(first), Some(second));
            year(rest, fields)
        };
    }
    let rest = rest.strip_prefix('-').unwrap_or(rest.trim_start());
    let (month, rest) = word(rest, &MONTHS)?;
    fields.month = Some(month + 1);
    let rest = rest.strip_prefix('-').unwrap_or(skip_comma(rest));
    if digits == 4 {
        let (day, rest) = strip_digits(rest, 1, 2)?;
        (fields.year, fields.day) = (Some(first), Some(day));
        Some(rest)
    } else {
        fields.day = Some(first);
        year(rest, fields)
    }
}

fn year<'t>(text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let (year, rest) = strip_digits(text, 4, 4)?;
    fields.year = Some(year);
    Some(rest).filter(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// Reads what joins a time to the date that `whole` begins with, and the time.
fn time_after_date<'t>(whole: &str, text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix('T') {
        // Only ISO 8601 joins them so, which has all its digits and no halves of a day.
        let is_date = whole.len() - text.len() == 10 && whole.as_bytes().get(4) == Some(&b'-');
        return Some(rest)
            .filter(|_| is_date)
            .and_then(|rest| time(rest, fields, true));
    }
    let rest = Some(skip_comma(text)).filter(|rest| rest.len() < text.len())?;
    time(rest, fields, false)
}

/// Reads a time, if it is whole.
fn time<'t>(text: &'t str, fields: &mut Fields, is_iso: bool) -> Option<&'t str> {
    let least = if is_iso { 2 } else { 1 };
    let (hour, rest) = strip_digits(text, least, 2)?;
    let mut time = Fields {
        hour: Some(hour),
        ..*fields
    };
    let mut rest = rest;
    let mut with_minutes = false;
    if let Some(after) = rest.strip_prefix(':') {
        let (minute, after) = strip_digits(after, least, 2)?;
        (time.minute, rest, with_minutes) = (Some(minute), after, true);
        if let Some(after) = rest.strip_prefix(':') {
            let (second, after) = strip_digits(after, least, 2)?;
            (time.second, rest) = (Some(second), after);
            if let Some(after) = rest.strip_prefix('.') {
                (time.ticks, rest) = fraction(after)?;
            }
        }
    }
    match word(rest.trim_start(), &["AM", "PM"]).filter(|_| !is_iso) {
        // `13:00 PM` is redundant, `13:00 AM` wrong; midnight and noon are the hours 12.
        Some((half, after)) => {
            rest = after;
            time.hour = Some(match (half, hour) {
                (0, 12) => 0,
                (0, 13..) => return None,
                (1, ..12) => hour + 12,
                _ => hour,
            });
        }
        None if with_minutes => {}
        None => return None,
    }
    *fields = time;
    Some(rest)
}

/// Reads any number of digits after the point, rounded to ticks.
fn fraction(text: &str) -> Option<(Option<u32>, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length).filter(|_| length > 0)?;
    let mut ticks = 0;
    let mut unit = TICKS_PER_SECOND;
    for digit in digits.bytes().map(|digit| i64::from(digit - b'0')) {
        if unit == 1 {
            ticks += i64::from(digit >= 5);
            break;
        }
        unit /= 10;
        ticks += digit * unit;
    }
    Some((u32::try_from(ticks).ok(), rest))
}

/// Reads the offset at the end of a text, if there is one.
fn zone<'t>(text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let text = text.trim_start();
    if text.is_empty() {
        return Some(text);
    }
    if let Some((_, rest)) = word(text, &["Z", "GMT"]) {
        fields.offset = Some(0);
        return Some(rest);
    }
    let east = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (number, digits, rest) = number(text.get(1..)?, 4)?;
    let (hours, minutes, rest) = match (digits, rest.strip_prefix(':')) {
        (1 | 2, Some(rest)) => {
            let (minutes, rest) = strip_digits(rest, 1, 2)?;
            (number, minutes, rest)
        }
        (1 | 2, None) => (number, 0, rest),
        (_, None) => (number / 100, number % 100, rest),
        _ => return None,
    };
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return None;
    }
    fields.offset = i32::try_from(hours * 60 + minutes)
        .ok()
        .map(|minutes| east * minutes * 60);
    Some(rest)
}

/// Reads one of the names, whole or by its first three letters, where the word ends with it.
fn word<'t>(text: &'t str, names: &[&str]) -> Option<(u32, &'t str)> {
    strip_any_name(text, names).filter(|(_, rest)| !rest.starts_with(char::is_alphabetic))
}

/// A number of at most so many digits, and how many it has; more are no number here.
fn number(text: &str, most: usize) -> Option<(u32, usize, &str)> {
    let (number, rest) = strip_digits(text, 1, most)?;
    (!rest.starts_with(|next: char| next.is_ascii_digit())).then_some((number, text.len() - rest.len(), rest))
}

/// The text after white space, with a comma or without.
fn skip_comma(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix(',').unwrap_or(text).trim_start()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_date_time_parse_reads_them() {
        for (text, expected) in [
            ("2020-03-16-07:00", "2020-03-16T07:00:00Z"),
            ("2021-06-30+08:00", "2021-06-29T16:00:00Z"),
            ("2009-06-15T01:45:30-07:00", "2009-06-15T08:45:30Z"),
            ("2013-01-10 4:00 PM -8", "2013-01-11T00:00:00Z"),
            ("2012-01-01 23:00:00", "2012-01-01T23:00:00Z"),
            ("2020-12-31 23:59:59-08:00", "2021-01-01T07:59:59Z"),
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            ("2020-01-01T10:11:12.3456789Z", "2020-01-01T10:11:12.3456789Z"),
            ("2020-01-01T10:11:12.34567895Z", "2020-01-01T10:11:12.345679Z"),
            ("2020-12-31T23:59:59.99999999Z", "2021-01-01T00:00:00Z"),
            ("12/25/2007", "2007-12-25T00:00:00Z"),
            ("8/25/2021 5:41:18 PM", "2021-08-25T17:41:18Z"),
            ("1/5/2020 12:00 AM", "2020-01-05T00:00:00Z"),
            ("1/5/2020 12:30PM", "2020-01-05T12:30:00Z"),
            ("1/5/2020 4 pm", "2020-01-05T16:00:00Z"),
            ("2020/1/5 09:08", "2020-01-05T09:08:00Z"),
            ("16 March 2020", "2020-03-16T00:00:00Z"),
            ("March 16, 2020 4:00 PM", "2020-03-16T16:00:00Z"),
            ("Jan 1 2012", "2012-01-01T00:00:00Z"),
            ("16-Mar-2020", "2020-03-16T00:00:00Z"),
            ("2020 march 16", "2020-03-16T00:00:00Z"),
            ("Mon, 16 Mar 2020 10:11:12 GMT", "2020-03-16T10:11:12Z"),
            ("Monday, March 16, 2020", "2020-03-16T00:00:00Z"),
            ("2020-03-16T10:00+0130", "2020-03-16T08:30:00Z"),
            ("  2020-03-16  ", "2020-03-16T00:00:00Z"),
            ("0001-01-01", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn dates_are_read_as_dotnet_read_them() {
        let file = include_str!("../../../../../testdata/dotnet/parse.json");
        let cases: Vec<[String; 2]> = serde_json::from_str(file).unwrap();
        for [text, expected] in &cases {
            assert_eq!(parse(text), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_would_be_right() {
        for text in [
            "",
            " ",
            "hello",
            "20200101",
            "20150123105347.1Z",
            "2020-01",
            "2020-01-01T10",
            "2020-01-01 10",
            "1/5/20",
            "1.5.2020",
            "2020-01-01 25",
            "2020-01-01T10:00:00+15:00",
            "2020-01-01 10:00 EST",
            "2020-01-01 13:00 AM",
            "16 Mar",
            "March 16",
            "March 2020",
            "March 2020 10:00",
            "1/5/2020T10:00",
            "2020-01-05T10:00 AM",
            "2020-01-01x",
            "2020-01-01T10:00:00.",
            "2020-1/5",
            "10000-01-01",
            "2020-03-160",
            "-2020-03-16",
            "2020-03-16T10:00+0160",
        ] {
            assert_eq!(parse(text), Err(unreadable(text)), "{text}");
        }
        for (text, field) in [
            ("25/12/2007", "month"),
            ("2020-02-30", "day"),
            ("2020-13-01", "month"),
            ("2020-01-00", "day"),
            ("0000-01-01", "year"),
            ("2020-01-01 24:00", "hour"),
            ("2020-01-01 10:60", "minute"),
            ("2020-01-01 10:10:60", "second"),
            ("Tue, 16 Mar 2020", "weekday"),
        ] {
            assert_eq!(
                parse(text),
                Err(DateTimeError::NoSuch {
                    text: text.to_owned(),
                    field
                }),
                "{text}"
            );
        }
        for text in ["10:00", "4 PM", "10:00:00Z"] {
            assert_eq!(
                parse(text),
                Err(DateTimeError::TimeAlone {
                    text: text.to_owned()
                }),
                "{text}"
            );
        }
        assert_eq!(parse("0001-01-01+01:00"), Err(DateTimeError::OutOfRange));
        assert_eq!(parse("9999-12-31T23:59:59-01:00"), Err(DateTimeError::OutOfRange));
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        assert_eq!(
            parse("25/12/2007").unwrap_err().to_string(),
            "`25/12/2007` has no such month; the month comes before the day"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), likely in "[0-9TZAPM:/. ,+-]{0,24}") {
            let _ = parse(&text);
            let _ = parse(&likely);
        }

        #[test]
        fn the_general_text_is_read_back(seconds in -62_135_596_800..253_402_300_800_i64) {
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            prop_assert_eq!(parse(&super::super::general(instant)), Ok(instant));
            prop_assert_eq!(parse(&instant.to_rfc3339()), Ok(instant));
        }
    }
}
