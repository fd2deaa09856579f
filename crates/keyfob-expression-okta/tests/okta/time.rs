//! Patterns of dates, against Joda-Time's documentation.

use keyfob_expression::{Source, Value};
use keyfob_expression_okta::{Context, Expression};

fn evaluate(expression: &str) -> Option<String> {
    let source = Source::new();
    let cx = Context::new(&source, "2026-11-22T09:00:00Z".parse().unwrap());
    match Expression::parse(expression).unwrap().evaluate(&cx).ok()? {
        Value::Text(text) => Some(text.into()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pattern_writes_each_of_its_letters() {
    for (pattern, expected) in [
        ("yyyy-MM-dd", "2001-02-03"),
        ("y M d", "2001 2 3"),
        ("yy", "01"),
        ("C", "20"),
        ("G", "AD"),
        ("xxxx-'W'ww-e", "2001-W05-6"),
        ("D DDD", "34 034"),
        ("E EEEE", "Sat Saturday"),
        ("MMM MMMM", "Feb February"),
        ("H k K h a", "16 16 4 4 PM"),
        ("HH:mm:ss.SSS", "16:05:06.789"),
        ("S SSSSS", "7 78900"),
        ("Z ZZ ZZZ z", "+0000 +00:00 UTC UTC"),
        ("'o''clock' ''", "o'clock '"),
    ] {
        let text = format!(r#"Time.fromIso8601ToString("2001-02-03T16:05:06.789Z", "{pattern}")"#);
        assert_eq!(evaluate(&text).as_deref(), Some(expected), "{pattern}");
    }
}

#[test]
fn hours_are_counted_as_the_letter_says() {
    for (time, expected) in [
        ("00:30", "0 24 0 12 AM"),
        ("12:30", "12 12 0 12 PM"),
        ("23:30", "23 23 11 11 PM"),
    ] {
        let text = format!(r#"Time.fromIso8601ToString("2001-02-03T{time}:00Z", "H k K h a")"#);
        assert_eq!(evaluate(&text).as_deref(), Some(expected), "{time}");
    }
}

#[test]
fn a_pattern_reads_what_has_its_form() {
    for (text, pattern, expected) in [
        ("2015-06-17", "yyyy-MM-dd", Some("2015-06-17T00:00:00.000Z")),
        ("20150617", "yyyyMMdd", Some("2015-06-17T00:00:00.000Z")),
        ("6/7/15", "M/d/yy", Some("2015-06-07T00:00:00.000Z")),
        ("6/7/45", "M/d/yy", Some("2045-06-07T00:00:00.000Z")),
        ("6/7/46", "M/d/yy", Some("1946-06-07T00:00:00.000Z")),
        ("6/7/2015", "M/d/yy", Some("2015-06-07T00:00:00.000Z")),
        ("17-jun-2015", "dd-MMM-yyyy", Some("2015-06-17T00:00:00.000Z")),
        ("JUNE 2015", "MMMM yyyy", Some("2015-06-01T00:00:00.000Z")),
        ("12:15 am", "hh:mm a", Some("1970-01-01T00:15:00.000Z")),
        ("12:15 PM", "hh:mm a", Some("1970-01-01T12:15:00.000Z")),
        ("17.06.", "dd.MM.", Some("2000-06-17T00:00:00.000Z")),
        ("2015-168", "yyyy-DDD", Some("2015-06-17T00:00:00.000Z")),
        ("2015-W25-3", "xxxx-'W'ww-e", Some("2015-06-17T00:00:00.000Z")),
        (
            "Wed 2015-06-17",
            "EEE yyyy-MM-dd",
            Some("2015-06-17T00:00:00.000Z"),
        ),
        ("Tue 2015-06-17", "EEE yyyy-MM-dd", None),
        (
            "monday 22 DEC 2014",
            "EEE d MMMM yyyy",
            Some("2014-12-22T00:00:00.000Z"),
        ),
        (
            "Sun, 21 December 2014",
            "EEEE, d MMM yyyy",
            Some("2014-12-21T00:00:00.000Z"),
        ),
        (
            "2015-06-17T01:02:03.4Z",
            "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            Some("2015-06-17T01:02:03.400Z"),
        ),
        (
            "2015-06-17 01 +02:00",
            "yyyy-MM-dd HH ZZ",
            Some("2015-06-16T23:00:00.000Z"),
        ),
        (
            "2015-06-17 01 Asia/Tokyo",
            "yyyy-MM-dd HH ZZZ",
            Some("2015-06-16T16:00:00.000Z"),
        ),
        (
            "2015-06-17 01 PDT",
            "yyyy-MM-dd HH z",
            Some("2015-06-17T08:00:00.000Z"),
        ),
        ("2015-02-30", "yyyy-MM-dd", None),
        ("2015-06-17 ", "yyyy-MM-dd", None),
        ("2015-06", "yyyy-MM-dd", None),
        ("25:00", "HH:mm", None),
    ] {
        let expression = format!(r#"Time.fromStringToIso8601("{text}", "{pattern}")"#);
        assert_eq!(evaluate(&expression).as_deref(), expected, "{text} {pattern}");
    }
}

#[test]
fn iso_8601_is_read_with_and_without_time_and_offset() {
    for (text, expected) in [
        ("2015-06-17", Some("1434499200")),
        ("2015-06-17T00:00", Some("1434499200")),
        ("2015-06-17T00:00:00", Some("1434499200")),
        ("2015-06-17T00:00:00.999Z", Some("1434499200")),
        ("2015-06-17T02:00:00+0200", Some("1434499200")),
        ("2015-06-17T02:00+02", Some("1434499200")),
        ("1969-12-31T23:59:59.500Z", Some("-1")),
        ("17 June 2015", None),
        ("", None),
    ] {
        let expression = format!(r#"Time.fromIso8601ToUnix("{text}")"#);
        assert_eq!(evaluate(&expression).as_deref(), expected, "{text}");
    }
}

#[test]
fn instants_beyond_four_digits_of_the_year_are_refused() {
    for expression in [
        "Time.fromWindowsToIso8601('9223372036854775807')",
        "Time.fromWindowsToIso8601('-9223372036854775808')",
        "Time.fromUnixToIso8601('9223372036854775807')",
        "Time.fromUnixToIso8601('253402300800')",
    ] {
        assert_eq!(evaluate(expression), None, "{expression}");
    }
    assert_eq!(
        evaluate("Time.fromUnixToIso8601('253402300799')").as_deref(),
        Some("9999-12-31T23:59:59.000Z")
    );
}
