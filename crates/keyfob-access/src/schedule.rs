//! When an access level holds: hours of the week, and days on which other hours hold.

use std::{fmt, str::FromStr};

use keyfob_core::{DateTime, Object, Value};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};
use thiserror::Error;

use crate::time_zone::TimeZone;

/// When access is granted, by the clock on the wall beside each door.
///
/// Hours that overlap add up. On a day with an exception the week is of no account: the day's own hours hold, or none.
///
/// Weekdays, days and hours are those which clocks show in the door's [`TimeZone`], so `08:00-18:00` starts at eight in
/// summer and in winter. Clocks never show the hour that they skip when summer time starts: hours within it grant nothing
/// that day, and longer ones are so much shorter. The hour that they show twice when summer time ends is granted twice.
///
/// ```
/// use keyfob_access::{Schedule, TimeZone};
///
/// let schedule = Schedule::new()
///     .with_hours("MO".parse()?, "08:00-18:00".parse()?)
///     .with_exception("2026-12-28".parse()?, "10:00-12:00".parse()?)
///     .with_closed_day("2027-01-04".parse()?);
/// let berlin: TimeZone = "Europe/Berlin".parse()?;
/// assert!(schedule.grants_at("2026-12-21T07:30:00Z".parse()?, berlin));
/// assert!(!schedule.grants_at("2026-12-21T07:30:00Z".parse()?, TimeZone::UTC));
/// assert!(!schedule.grants_at("2026-12-28T07:30:00Z".parse()?, berlin));
/// // In summer eight o'clock comes an hour earlier.
/// assert!(schedule.grants_at("2026-06-22T06:30:00Z".parse()?, berlin));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    events: Vec<(Weekday, Hours)>,
    /// A day may stand here several times; one without hours is closed unless it has others.
    exceptions: Vec<(Date, Option<Hours>)>,
}

impl Schedule {
    /// Never.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At any time.
    #[must_use]
    pub fn always() -> Self {
        Weekday::ALL.into_iter().fold(Self::new(), |schedule, weekday| {
            schedule.with_hours(weekday, Hours::ALL_DAY)
        })
    }

    /// The same and these hours each week.
    #[must_use]
    pub fn with_hours(mut self, weekday: Weekday, hours: Hours) -> Self {
        self.events.push((weekday, hours));
        self
    }

    /// The same, but on this day these hours hold instead of those of its weekday. Several for one day add up.
    #[must_use]
    pub fn with_exception(mut self, date: Date, hours: Hours) -> Self {
        self.exceptions.push((date, Some(hours)));
        self
    }

    /// The same, but on this day nothing is granted.
    #[must_use]
    pub fn with_closed_day(mut self, date: Date) -> Self {
        self.exceptions.push((date, None));
        self
    }

    /// The same and the hours of a text, as people write them: `MO 08:00-18:00`, `MO-FR 08:00-18:00`, `SA,SU 10:00-14:00`.
    ///
    /// Days go on over the end of the week, as in `FR-MO`. Hours that end before they start, or at the same time, reach into
    /// the next day.
    ///
    /// ```
    /// use keyfob_access::{Schedule, TimeZone};
    ///
    /// let nights = Schedule::new().with_text("MO-FR 22:00-06:00")?;
    /// assert!(nights.grants_at("2026-11-27T23:00:00Z".parse()?, TimeZone::UTC));
    /// assert!(nights.grants_at("2026-11-28T05:00:00Z".parse()?, TimeZone::UTC), "Saturday morning");
    /// assert!(!nights.grants_at("2026-11-28T22:00:00Z".parse()?, TimeZone::UTC));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ScheduleError`] for what is no weekday or no time of day.
    pub fn with_text(self, text: &str) -> Result<Self, ScheduleError> {
        let form = || ScheduleError::Text(text.into());
        let (days, hours) = text.trim().split_once(char::is_whitespace).ok_or_else(form)?;
        let (start, end) = hours.trim().split_once('-').ok_or_else(form)?;
        let (first, last) = (minute_of(start)?, minute_of(end)?);
        if first == DAY {
            return Err(ScheduleError::Hours(hours.trim().into()));
        }
        let mut schedule = self;
        for part in days.split(',') {
            for day in Weekday::range(part)? {
                if first < last {
                    schedule = schedule.with_hours(day, Hours::new(start, end)?);
                    continue;
                }
                let evening = Hours {
                    start: first,
                    end: DAY,
                };
                schedule = schedule.with_hours(day, evening);
                if last > 0 {
                    let morning = Hours { start: 0, end: last };
                    schedule = schedule.with_hours(day.next(), morning);
                }
            }
        }
        Ok(schedule)
    }

    /// The same without what is said of a day.
    #[must_use]
    pub fn without_exception(mut self, date: Date) -> Self {
        self.exceptions.retain(|(day, _)| *day != date);
        self
    }

    /// The hours of the week.
    #[must_use]
    pub fn events(&self) -> &[(Weekday, Hours)] {
        &self.events
    }

    /// The days on which other hours hold, or none.
    #[must_use]
    pub fn exceptions(&self) -> &[(Date, Option<Hours>)] {
        &self.exceptions
    }

    /// Whether access is granted at an instant in a time zone.
    #[must_use]
    pub fn grants_at(&self, at: DateTime, time_zone: TimeZone) -> bool {
        LocalTime::of(at, time_zone).is_some_and(|local| self.grants(local))
    }

    pub(crate) fn grants(&self, LocalTime { date, minute }: LocalTime) -> bool {
        let mut exceptions = self.exceptions.iter().filter(|(day, _)| *day == date).peekable();
        if exceptions.peek().is_some() {
            return exceptions.any(|(_, hours)| hours.is_some_and(|hours| hours.contains(minute)));
        }
        let weekday = date.weekday();
        let mut events = self.events.iter();
        events.any(|(day, hours)| *day == weekday && hours.contains(minute))
    }

    /// Returns true if other hours hold on a day than on its weekday.
    pub(crate) fn has_exception(&self, LocalTime { date, .. }: LocalTime) -> bool {
        self.exceptions.iter().any(|(day, _)| *day == date)
    }

    /// What an access level stores: `scheduleEvents` and `exceptions`.
    pub(crate) fn write_to(&self, core: &mut Object) {
        let events = self.events.iter().map(|(weekday, hours)| {
            let mut event = Object::new();
            event.insert("weekday", weekday.as_str());
            hours.write_to(&mut event);
            event.insert("doorStatus", ACCESS_GRANTED);
            Value::from(event)
        });
        core.insert("scheduleEvents", events.collect::<Vec<_>>());
        let exceptions = self.exceptions.iter().map(|(date, hours)| {
            let mut exception = Object::new();
            exception.insert("date", date.to_smolstr());
            if let Some(hours) = hours {
                hours.write_to(&mut exception);
            }
            Value::from(exception)
        });
        core.insert("exceptions", exceptions.collect::<Vec<_>>());
    }

    /// What can't be read grants nothing.
    pub(crate) fn read_from(core: &Object) -> Self {
        let objects = |name: &str| {
            let values = core.get(name).map(Value::as_elements).unwrap_or_default();
            values.iter().filter_map(Value::as_object)
        };
        let events = objects("scheduleEvents")
            .filter(|event| event.get_str("doorStatus") == Some(ACCESS_GRANTED))
            .filter_map(|event| Some((event.get_str("weekday")?.parse().ok()?, Hours::read_from(event)?)));
        let exceptions = objects("exceptions").filter_map(|exception| {
            let date = exception.get_str("date")?.parse().ok()?;
            Some((date, Hours::read_from(exception)))
        });
        Self {
            events: events.collect(),
            exceptions: exceptions.collect(),
        }
    }
}

const ACCESS_GRANTED: &str = "access_granted";

/// The minutes of a day.
const DAY: i64 = 24 * 60;

/// What a calendar and a clock on the wall show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalTime {
    date: Date,
    /// The minute of the day.
    minute: i64,
}

impl LocalTime {
    pub(crate) fn of(at: DateTime, time_zone: TimeZone) -> Option<Self> {
        let minutes = time_zone.local_millis(at)?.div_euclid(60_000);
        Some(Self {
            date: Date(minutes.div_euclid(DAY)),
            minute: minutes.rem_euclid(DAY),
        })
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a week has seven days")]
pub enum Weekday {
    /// `SU`
    Sunday,
    /// `MO`
    Monday,
    /// `TU`
    Tuesday,
    /// `WE`
    Wednesday,
    /// `TH`
    Thursday,
    /// `FR`
    Friday,
    /// `SA`
    Saturday,
}

impl Weekday {
    /// All seven, from Sunday.
    pub const ALL: [Self; 7] = [
        Self::Sunday,
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
    ];

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        let days = Self::ALL.into_iter().cycle();
        days.skip_while(|day| *day != self).nth(1).unwrap_or(self)
    }

    /// The days of `MO` or `MO-FR`, which may go on over the end of the week.
    fn range(text: &str) -> Result<Vec<Self>, ScheduleError> {
        let (first, last) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
        let (mut day, last): (Self, Self) = (first.trim().parse()?, last.trim().parse()?);
        let mut days = vec![day];
        while day != last {
            day = day.next();
            days.push(day);
        }
        Ok(days)
    }

    /// Its two letters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sunday => "SU",
            Self::Monday => "MO",
            Self::Tuesday => "TU",
            Self::Wednesday => "WE",
            Self::Thursday => "TH",
            Self::Friday => "FR",
            Self::Saturday => "SA",
        }
    }
}

impl FromStr for Weekday {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let found = Self::ALL
            .into_iter()
            .find(|day| day.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| ScheduleError::Weekday(text.into()))
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hours of a day, written as `08:00-18:00`: from a minute on until before another.
///
/// An end of `24:00` or `23:59`, the last minute that tables of other systems know, is the end of the day. What reaches
/// into the next day is two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hours {
    /// The first minute of the day.
    start: i64,
    /// The minute before which they end.
    end: i64,
}

impl Hours {
    /// From midnight to midnight.
    pub const ALL_DAY: Self = Self { start: 0, end: DAY };

    /// The hours between two times of day, such as `08:00` and `18:00`.
    ///
    /// # Errors
    /// [`ScheduleError::Time`] for what is no time of day, [`ScheduleError::Hours`] where the end doesn't come after the
    /// start.
    pub fn new(start: &str, end: &str) -> Result<Self, ScheduleError> {
        let hours = Self {
            start: minute_of(start)?,
            end: match minute_of(end)? {
                last if last == DAY - 1 => DAY,
                end => end,
            },
        };
        if hours.start < hours.end {
            Ok(hours)
        } else {
            Err(ScheduleError::Hours(format_smolstr!("{start}-{end}")))
        }
    }

    /// The time of day at which they start.
    #[must_use]
    pub fn start(self) -> SmolStr {
        time_of(self.start)
    }

    /// The time of day at which they end, `24:00` for the end of the day.
    #[must_use]
    pub fn end(self) -> SmolStr {
        time_of(self.end)
    }

    fn contains(self, minute: i64) -> bool {
        (self.start..self.end).contains(&minute)
    }

    fn write_to(self, object: &mut Object) {
        object.insert("startTime", self.start());
        object.insert("endTime", self.end());
    }

    fn read_from(object: &Object) -> Option<Self> {
        Self::new(object.get_str("startTime")?, object.get_str("endTime")?).ok()
    }
}

impl FromStr for Hours {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let (start, end) = text
            .split_once('-')
            .ok_or_else(|| ScheduleError::Hours(text.into()))?;
        Self::new(start, end)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start(), self.end())
    }
}

/// Reads `HH:MM`.
fn minute_of(text: &str) -> Result<i64, ScheduleError> {
    let part = |digits: &str| -> Option<i64> {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok())?
    };
    text.split_once(':')
        .and_then(|(hour, minute)| Some((part(hour)?, part(minute)?)))
        .filter(|(hour, minute)| *minute < 60 && hour * 60 + minute <= DAY)
        .map(|(hour, minute)| hour * 60 + minute)
        .ok_or_else(|| ScheduleError::Time(text.into()))
}

fn time_of(minute: i64) -> SmolStr {
    format_smolstr!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A day of the calendar, written as `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(
    /// Days since the start of 1970.
    i64,
);

impl Date {
    fn weekday(self) -> Weekday {
        // The first of January 1970 was a Thursday.
        let place = usize::try_from((self.0 + 4).rem_euclid(7)).unwrap_or_default();
        let found = Weekday::ALL.get(place);
        found.copied().unwrap_or(Weekday::Sunday)
    }
}

impl FromStr for Date {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let midnight = format!("{text}T00:00:00Z").parse::<DateTime>();
        // Nothing but the ten characters of a day has its time follow where it does.
        midnight
            .map(|midnight| Self(midnight.unix_millis().div_euclid(DAY * 60_000)))
            .map_err(|_| ScheduleError::Date(text.into()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = DateTime::from_unix_millis(self.0.saturating_mul(DAY * 60_000)).to_string();
        f.write_str(midnight.split('T').next().unwrap_or_default())
    }
}

/// A text is no part of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Not a weekday.
    #[error("`{0}` is not a weekday: SU, MO, TU, WE, TH, FR or SA")]
    Weekday(SmolStr),
    /// Not a time of day.
    #[error("`{0}` is not a time of day such as `08:00`")]
    Time(SmolStr),
    /// Not a stretch of time within one day.
    #[error("`{0}` are not hours of one day such as `08:00-18:00`")]
    Hours(SmolStr),
    /// Not days and hours.
    #[error("`{0}` is not like `MO 08:00-18:00` or `MO-FR 08:00-18:00`")]
    Text(SmolStr),
    /// Not a day.
    #[error("`{0}` is not a day such as `2026-12-24`")]
    Date(SmolStr),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    #[test]
    fn a_10_weekdays_times_and_days_are_read_and_the_rest_refused() {
        for text in ["00:00-24:00", "00:00-23:59", "08:05-08:06"] {
            assert!(text.parse::<Hours>().is_ok(), "{text}");
        }
        for text in [
            "",
            "8:00-9:00",
            "08:00",
            "09:00-08:00",
            "08:00-08:00",
            "24:00-24:01",
            "08:60-09:00",
            "+8:00-09:00",
            "08:00-25:00",
            "08:00:00-09:00",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
        assert_eq!("2024-02-29".parse::<Date>().unwrap().to_string(), "2024-02-29");
        for text in ["", "2023-02-29", "2024-2-9", "24-02-29", "2024-02-29T00:00:00Z"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert_eq!("mo".parse(), Ok(Weekday::Monday));
        assert!("Monday".parse::<Weekday>().is_err());
    }

    #[test]
    fn a_10_hours_reach_over_midnight_and_days_over_the_week() {
        let told = |text: &str| {
            let schedule = Schedule::new().with_text(text).unwrap();
            let events = schedule
                .events()
                .iter()
                .map(|(day, hours)| format!("{day} {hours}"));
            events.collect::<Vec<_>>().join(", ")
        };
        for (text, expected) in [
            ("MO 08:00-18:00", "MO 08:00-18:00"),
            (
                "sa-mo 08:00-09:00",
                "SA 08:00-09:00, SU 08:00-09:00, MO 08:00-09:00",
            ),
            ("MO,WE 08:00-09:00", "MO 08:00-09:00, WE 08:00-09:00"),
            ("SA 22:00-06:00", "SA 22:00-24:00, SU 00:00-06:00"),
            ("SU 22:00-00:00", "SU 22:00-24:00"),
            ("MO  00:00-24:00", "MO 00:00-24:00"),
            ("FR 12:00-12:00", "FR 12:00-24:00, SA 00:00-12:00"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        for text in [
            "",
            "MO",
            "08:00-18:00",
            "MO-XX 08:00-18:00",
            "MO- 08:00-18:00",
            "MO 08:00",
            "MO 24:00-06:00",
        ] {
            assert!(Schedule::new().with_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_10_the_week_is_that_of_the_door() {
        let date = |text: &str| text.parse::<Date>().unwrap().weekday();
        assert_eq!(date("1970-01-01"), Weekday::Thursday);
        assert_eq!(date("1969-12-28"), Weekday::Sunday);
        assert_eq!(date("2026-11-22"), Weekday::Sunday);
        let sundays = Schedule::new().with_hours(Weekday::Sunday, Hours::ALL_DAY);
        let at = "2026-11-22T23:30:00Z".parse().unwrap();
        assert!(sundays.grants_at(at, TimeZone::UTC));
        assert!(
            !sundays.grants_at(at, zone("Europe/Berlin")),
            "it is Monday there"
        );
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        assert!(
            sundays.grants_at(at, zone("Pacific/Kiritimati")),
            "14 hours ahead"
        );
    }

    #[test]
    fn a_10_schedules_are_additive_and_exceptions_override_them() {
        let schedule = Schedule::new()
            .with_hours(Weekday::Sunday, "08:00-12:00".parse().unwrap())
            .with_hours(Weekday::Sunday, "11:00-13:00".parse().unwrap())
            .with_exception("2026-11-29".parse().unwrap(), "20:00-23:59".parse().unwrap())
            .with_exception("2026-11-29".parse().unwrap(), "06:00-07:00".parse().unwrap())
            .with_closed_day("2026-12-06".parse().unwrap());
        let granted = |text: &str| schedule.grants_at(text.parse().unwrap(), TimeZone::UTC);
        for (text, expected) in [
            ("2026-11-22T07:59:59.999Z", false),
            ("2026-11-22T08:00:00Z", true),
            ("2026-11-22T12:30:00Z", true),
            ("2026-11-22T13:00:00Z", false),
            ("2026-11-23T08:00:00Z", false),
            ("2026-11-29T08:00:00Z", false),
            ("2026-11-29T06:30:00Z", true),
            ("2026-11-29T23:59:59.999Z", true),
            ("2026-12-06T08:00:00Z", false),
        ] {
            assert_eq!(granted(text), expected, "{text}");
        }
        assert!(Schedule::always().grants_at("2026-11-29T23:59:59.999Z".parse().unwrap(), TimeZone::UTC));
        assert!(!Schedule::new().grants_at("2026-11-29T12:00:00Z".parse().unwrap(), TimeZone::UTC));
    }

    #[test]
    fn a_schedule_is_stored_and_read_again() {
        let schedule = Schedule::always()
            .with_exception("2026-12-24".parse().unwrap(), "08:00-12:00".parse().unwrap())
            .with_closed_day("2026-12-25".parse().unwrap());
        let mut core = Object::new();
        schedule.write_to(&mut core);
        assert_eq!(Schedule::read_from(&core), schedule);
    }
}
