//! Schedules where clocks change, and where they don't.

use keyfob_access::{
    Schedule, TimeZone,
    Weekday::{self, Friday, Saturday, Sunday, Thursday},
    schedule::Hours,
};
use keyfob_core::DateTime;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The starts of all minutes from the day before a day to the day after it, by the clock of UTC.
fn minutes_around(day: &str) -> impl Iterator<Item = DateTime> {
    let midnight: DateTime = format!("{day}T00:00:00Z").parse().unwrap();
    let start = midnight.unix_millis() - DAY;
    (0..=3 * DAY / MINUTE).map(move |minute| DateTime::from_unix_millis(start + minute * MINUTE))
}

/// The stretches of time in which access is granted around a day, by the clock of UTC.
fn stretches(schedule: &Schedule, zone: TimeZone, day: &str) -> String {
    let shown = |at: DateTime| at.to_string().get(5..16).unwrap().replace('T', " ");
    let (mut stretches, mut since) = (Vec::new(), None);
    for at in minutes_around(day) {
        let is_granted = schedule.grants_at(at, zone);
        let last = DateTime::from_unix_millis(at.unix_millis() + MINUTE - 1);
        assert_eq!(
            schedule.grants_at(last, zone),
            is_granted,
            "to the end of the minute"
        );
        match since {
            None if is_granted => since = Some(at),
            Some(start) if !is_granted => {
                stretches.push(format!("{} to {}", shown(start), shown(at)));
                since = None;
            }
            _ => {}
        }
    }
    assert_eq!(since, None, "what starts ends within the days that are looked at");
    stretches.join(", ")
}

/// Checks when hours of a day are granted: as hours of its weekday, and as an exception for its date.
fn check(zone: &str, cases: &[(&str, Weekday, &str, &str)]) {
    let zone: TimeZone = zone.parse().unwrap();
    for &(day, weekday, text, expected) in cases {
        let hours: Hours = text.parse().unwrap();
        for schedule in [
            Schedule::new().with_hours(weekday, hours),
            Schedule::new().with_exception(day.parse().unwrap(), hours),
        ] {
            assert_eq!(stretches(&schedule, zone, day), expected, "{zone} {day} {text}");
        }
    }
}

#[test]
fn a_10_the_hour_that_clocks_skip_is_never_granted() {
    // At 02:00 it is 03:00.
    check(
        "Europe/Berlin",
        &[
            (
                "2026-03-28",
                Saturday,
                "02:00-03:00",
                "03-28 01:00 to 03-28 02:00",
            ),
            ("2026-03-29", Sunday, "01:00-02:00", "03-29 00:00 to 03-29 01:00"),
            ("2026-03-29", Sunday, "02:00-03:00", ""),
            ("2026-03-29", Sunday, "02:15-02:16", ""),
            ("2026-03-29", Sunday, "03:00-04:00", "03-29 01:00 to 03-29 02:00"),
            ("2026-03-29", Sunday, "01:30-02:30", "03-29 00:30 to 03-29 01:00"),
            ("2026-03-29", Sunday, "02:30-03:30", "03-29 01:00 to 03-29 01:30"),
            ("2026-03-29", Sunday, "01:30-03:30", "03-29 00:30 to 03-29 01:30"),
            ("2026-03-29", Sunday, "00:00-24:00", "03-28 23:00 to 03-29 22:00"),
        ],
    );
    check(
        "America/New_York",
        &[
            (
                "2026-03-07",
                Saturday,
                "02:00-03:00",
                "03-07 07:00 to 03-07 08:00",
            ),
            ("2026-03-08", Sunday, "01:00-02:00", "03-08 06:00 to 03-08 07:00"),
            ("2026-03-08", Sunday, "02:00-03:00", ""),
            ("2026-03-08", Sunday, "03:00-04:00", "03-08 07:00 to 03-08 08:00"),
            ("2026-03-08", Sunday, "01:30-03:30", "03-08 06:30 to 03-08 07:30"),
            ("2026-03-08", Sunday, "00:00-24:00", "03-08 05:00 to 03-09 04:00"),
        ],
    );
    // At midnight it is 01:00: the day before ends when it should, and the day starts late.
    check(
        "Africa/Cairo",
        &[
            (
                "2026-04-23",
                Thursday,
                "23:00-24:00",
                "04-23 21:00 to 04-23 22:00",
            ),
            ("2026-04-24", Friday, "00:00-01:00", ""),
            ("2026-04-24", Friday, "00:00-24:00", "04-23 22:00 to 04-24 21:00"),
        ],
    );
}

#[test]
fn a_10_the_hour_that_clocks_show_twice_is_granted_twice() {
    // At 03:00 it is 02:00 again.
    check(
        "Europe/Berlin",
        &[
            (
                "2026-10-24",
                Saturday,
                "02:00-03:00",
                "10-24 00:00 to 10-24 01:00",
            ),
            ("2026-10-25", Sunday, "01:00-02:00", "10-24 23:00 to 10-25 00:00"),
            ("2026-10-25", Sunday, "02:00-03:00", "10-25 00:00 to 10-25 02:00"),
            (
                "2026-10-25",
                Sunday,
                "02:15-02:30",
                "10-25 00:15 to 10-25 00:30, 10-25 01:15 to 10-25 01:30",
            ),
            (
                "2026-10-25",
                Sunday,
                "01:30-02:30",
                "10-24 23:30 to 10-25 00:30, 10-25 01:00 to 10-25 01:30",
            ),
            (
                "2026-10-25",
                Sunday,
                "02:30-03:30",
                "10-25 00:30 to 10-25 01:00, 10-25 01:30 to 10-25 02:30",
            ),
            ("2026-10-25", Sunday, "03:00-04:00", "10-25 02:00 to 10-25 03:00"),
            ("2026-10-25", Sunday, "00:00-24:00", "10-24 22:00 to 10-25 23:00"),
        ],
    );
    check(
        "America/New_York",
        &[
            (
                "2026-10-31",
                Saturday,
                "01:00-02:00",
                "10-31 05:00 to 10-31 06:00",
            ),
            ("2026-11-01", Sunday, "00:00-01:00", "11-01 04:00 to 11-01 05:00"),
            ("2026-11-01", Sunday, "01:00-02:00", "11-01 05:00 to 11-01 07:00"),
            (
                "2026-11-01",
                Sunday,
                "01:15-01:30",
                "11-01 05:15 to 11-01 05:30, 11-01 06:15 to 11-01 06:30",
            ),
            ("2026-11-01", Sunday, "02:00-03:00", "11-01 07:00 to 11-01 08:00"),
            ("2026-11-01", Sunday, "00:00-24:00", "11-01 04:00 to 11-02 05:00"),
        ],
    );
    // At midnight it is 23:00 again, still the same day.
    check(
        "Africa/Cairo",
        &[
            (
                "2026-10-29",
                Thursday,
                "23:00-24:00",
                "10-29 20:00 to 10-29 22:00",
            ),
            ("2026-10-30", Friday, "00:00-01:00", "10-29 22:00 to 10-29 23:00"),
        ],
    );
    // Half an hour.
    check(
        "Australia/Lord_Howe",
        &[("2026-04-05", Sunday, "01:30-02:00", "04-04 14:30 to 04-04 15:30")],
    );
}

#[test]
fn a_10_hours_start_and_end_by_the_clock_in_summer_and_in_winter() {
    check(
        "Europe/Berlin",
        &[
            ("2026-03-22", Sunday, "08:00-18:00", "03-22 07:00 to 03-22 17:00"),
            ("2026-03-29", Sunday, "08:00-18:00", "03-29 06:00 to 03-29 16:00"),
            ("2026-10-18", Sunday, "08:00-18:00", "10-18 06:00 to 10-18 16:00"),
            ("2026-10-25", Sunday, "08:00-18:00", "10-25 07:00 to 10-25 17:00"),
        ],
    );
    check(
        "America/New_York",
        &[
            ("2026-03-01", Sunday, "08:00-18:00", "03-01 13:00 to 03-01 23:00"),
            ("2026-03-08", Sunday, "08:00-18:00", "03-08 12:00 to 03-08 22:00"),
            ("2026-10-25", Sunday, "08:00-18:00", "10-25 12:00 to 10-25 22:00"),
            ("2026-11-01", Sunday, "08:00-18:00", "11-01 13:00 to 11-01 23:00"),
        ],
    );
}

#[test]
fn a_10_where_clocks_never_change_a_day_has_its_twenty_four_hours() {
    for (zone, expected) in [
        (
            "UTC",
            ["03-29 00:00 to 03-30 00:00", "10-25 00:00 to 10-26 00:00"],
        ),
        (
            "Asia/Kolkata",
            ["03-28 18:30 to 03-29 18:30", "10-24 18:30 to 10-25 18:30"],
        ),
        (
            "Pacific/Kiritimati",
            ["03-28 10:00 to 03-29 10:00", "10-24 10:00 to 10-25 10:00"],
        ),
        (
            "Etc/GMT+12",
            ["03-29 12:00 to 03-30 12:00", "10-25 12:00 to 10-26 12:00"],
        ),
    ] {
        let [spring, autumn] = expected;
        check(
            zone,
            &[
                ("2026-03-29", Sunday, "00:00-24:00", spring),
                ("2026-10-25", Sunday, "00:00-24:00", autumn),
            ],
        );
    }
    check(
        "Asia/Kolkata",
        &[
            ("2026-03-29", Sunday, "02:00-03:00", "03-28 20:30 to 03-28 21:30"),
            ("2026-10-25", Sunday, "02:00-03:00", "10-24 20:30 to 10-24 21:30"),
        ],
    );
}

#[test]
fn a_10_a_closed_day_is_that_of_the_calendar_beside_the_door() {
    for (zone, day) in [
        ("UTC", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Asia/Kolkata", "2026-03-29"),
        ("Pacific/Kiritimati", "2026-10-25"),
    ] {
        let (zone, date) = (zone.parse().unwrap(), day.parse().unwrap());
        let closed = Schedule::always().with_closed_day(date);
        // When that is, the tables above say.
        let whole_day = Schedule::new().with_exception(date, Hours::ALL_DAY);
        for at in minutes_around(day) {
            assert_eq!(
                closed.grants_at(at, zone),
                !whole_day.grants_at(at, zone),
                "{zone} {at}"
            );
        }
    }
}
