//! Patterns of dates as Joda-Time has them: `yyyy-MM-dd'T'HH:mm:ss.SSSZ`.

use chrono::{
    DateTime as Instant, Datelike as _, NaiveDate, Offset as _, TimeZone as _, Timelike as _, Utc, Weekday,
};
use chrono_tz::{OffsetName as _, Tz};
use keyfob_expression::calendar::{Length, MONTHS, WEEKDAYS, name, strip_any_name};

use keyfob_core::render::excerpt;

use super::{error::EvaluateError, time::zone};

/// A pattern: what stands between the fields, and the fields with how often their letter repeats.
pub(super) struct Pattern(Vec<Item>);

enum Item {
    Literal(String),
    Field(char, usize),
}

/// A longer pattern is no one's date.
const MAX_PATTERN: usize = 256;

impl Pattern {
    pub(super) fn parse(text: &str, function: &'static str) -> Result<Self, EvaluateError> {
        if text.len() > MAX_PATTERN {
            let text = excerpt(text);
            return Err(EvaluateError::Malformed { function, text });
        }
        let mut items = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if first == '\'' {
                let (literal, length) = quoted(rest)?;
                items.push(Item::Literal(literal));
                length
            } else if first.is_ascii_alphabetic() {
                let length = rest.find(|character| character != first).unwrap_or(rest.len());
                if !"GCxweEyYDMdaKhHkmsSzZ".contains(first) {
                    let problem = "has no meaning";
                    return Err(EvaluateError::Pattern {
                        letter: first,
                        problem,
                    });
                }
                items.push(Item::Field(first, length));
                length
            } else {
                items.push(Item::Literal(first.into()));
                first.len_utf8()
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(Self(items))
    }

    /// The instant as its zone shows it.
    pub(super) fn write(
        &self,
        instant: &Instant<Tz>,
        function: &'static str,
    ) -> Result<String, EvaluateError> {
        if !(0..=9999).contains(&instant.year()) {
            return Err(EvaluateError::OutOfRange { function });
        }
        let mut text = String::new();
        for item in &self.0 {
            match item {
                Item::Literal(literal) => text.push_str(literal),
                Item::Field(letter, width) => text.push_str(&field(instant, *letter, *width)?),
            }
        }
        Ok(text)
    }

    /// The instant that a text means, which is in UTC where it names no zone, if the text has this form. Years of two
    /// digits are those nearest to a date thirty years before `now`.
    pub(super) fn read(&self, text: &str, now: Instant<Utc>) -> Result<Option<Instant<Utc>>, EvaluateError> {
        let mut reading = Reading {
            rest: text,
            found: Found::default(),
            pivot: now.year() - 30,
        };
        let mut items = self.0.iter().peekable();
        while let Some(item) = items.next() {
            let is_read = match item {
                Item::Literal(literal) => reading.literal(literal),
                Item::Field(letter, width) => {
                    let next_is_number = items.peek().is_some_and(|next| is_number(next));
                    reading.field(*letter, *width, next_is_number)?
                }
            };
            if is_read.is_none() {
                return Ok(None);
            }
        }
        Ok(if reading.rest.is_empty() {
            reading.found.instant()
        } else {
            None
        })
    }
}

/// The text between quotation marks, of which two stand for one, and the length of all that.
fn quoted(text: &str) -> Result<(String, usize), EvaluateError> {
    let body = text.get(1..).unwrap_or_default();
    if body.starts_with('\'') {
        return Ok(("'".to_owned(), 2));
    }
    let mut literal = String::new();
    let mut characters = body.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        if character != '\'' {
            literal.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            literal.push('\'');
        } else {
            return Ok((literal, index + 2));
        }
    }
    let problem = "opens a text that is not closed";
    Err(EvaluateError::Pattern {
        letter: '\'',
        problem,
    })
}

/// Returns true if a field is written in digits alone.
fn is_number(item: &Item) -> bool {
    match item {
        Item::Literal(_) => false,
        Item::Field('M', width) => *width < 3,
        Item::Field(letter, _) => "CxweyYDdKhHkmsS".contains(*letter),
    }
}

fn field(instant: &Instant<Tz>, letter: char, width: usize) -> Result<String, EvaluateError> {
    let year = match letter {
        'x' => instant.iso_week().year(),
        _ => instant.year(),
    };
    let hour = instant.hour();
    let number = match letter {
        'x' | 'y' | 'Y' if width == 2 => year.rem_euclid(100).unsigned_abs(),
        'x' | 'y' | 'Y' => year.unsigned_abs(),
        'C' => year.unsigned_abs() / 100,
        'w' => instant.iso_week().week(),
        'e' => instant.weekday().number_from_monday(),
        'D' => instant.ordinal(),
        'M' if width < 3 => instant.month(),
        'd' => instant.day(),
        'k' if hour == 0 => 24,
        'H' | 'k' => hour,
        'K' => hour % 12,
        'h' => instant.hour12().1,
        'm' => instant.minute(),
        's' => instant.second(),
        _ => return words(instant, letter, width),
    };
    Ok(format!("{number:0width$}"))
}

/// A field that is no plain number.
fn words(instant: &Instant<Tz>, letter: char, width: usize) -> Result<String, EvaluateError> {
    let length = if width < 4 { Length::Short } else { Length::Whole };
    Ok(match letter {
        'M' => name(&MONTHS, instant.month0(), length).to_owned(),
        'E' => name(&WEEKDAYS, instant.weekday().num_days_from_monday(), length).to_owned(),
        'a' if hour_is_late(instant) => "PM".to_owned(),
        'a' => "AM".to_owned(),
        'S' => {
            let nanoseconds = format!("{:09}", instant.nanosecond() % 1_000_000_000);
            let digits: String = nanoseconds
                .chars()
                .chain(std::iter::repeat('0'))
                .take(width)
                .collect();
            digits
        }
        'Z' if width > 2 => instant.timezone().name().to_owned(),
        'Z' => offset(instant, if width == 2 { ":" } else { "" }),
        'z' if width < 4 => match instant.offset().abbreviation() {
            Some(abbreviation) => abbreviation.to_owned(),
            None => offset(instant, ":"),
        },
        'z' => {
            let problem = "stands for the long name of a time zone, which is not known here";
            return Err(EvaluateError::Pattern { letter, problem });
        }
        _ => "AD".to_owned(),
    })
}

fn hour_is_late(instant: &Instant<Tz>) -> bool {
    instant.hour12().0
}

/// `+02:00` with the separator given.
fn offset(instant: &Instant<Tz>, separator: &str) -> String {
    let seconds = instant.offset().fix().local_minus_utc();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

/// A text while it is read.
struct Reading<'t> {
    rest: &'t str,
    found: Found,
    pivot: i32,
}

/// The fields that were found in a text.
#[derive(Default)]
struct Found {
    year: Option<i32>,
    week_year: Option<i32>,
    week: Option<u32>,
    weekday: Option<u32>,
    day_of_year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
    half_hour: Option<u32>,
    is_late: bool,
    minute: u32,
    second: u32,
    nanosecond: u32,
    place: Option<Place>,
}

/// Where the time holds.
enum Place {
    Offset(i32),
    Zone(Tz),
}

impl Reading<'_> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        let (start, rest) = self.rest.split_at_checked(literal.len())?;
        self.rest = rest;
        start.eq_ignore_ascii_case(literal).then_some(())
    }

    /// Reads a field; `None` where the text has another form.
    fn field(
        &mut self,
        letter: char,
        width: usize,
        next_is_number: bool,
    ) -> Result<Option<()>, EvaluateError> {
        Ok(match letter {
            'x' | 'y' | 'Y' => self.year(letter, width, next_is_number),
            'M' if width > 2 => self
                .named(&MONTHS)
                .map(|index| self.found.month = Some(index + 1)),
            'E' => self
                .named(&WEEKDAYS)
                .map(|index| self.found.weekday = Some(index + 1)),
            'a' => self
                .named(&["AM", "PM"])
                .map(|index| self.found.is_late = index == 1),
            'G' => self.named(&["BC", "AD"]).filter(|index| *index == 1).map(|_| ()),
            'S' => self.fraction(width),
            'Z' if width < 3 => self.offset(),
            'Z' => self.zone(),
            'z' => self.zone_name(),
            'C' => {
                let problem = "can only be written, not read";
                return Err(EvaluateError::Pattern { letter, problem });
            }
            _ => self
                .number(if letter == 'D' { 3 } else { 2 })
                .map(|number| self.found.set(letter, number)),
        })
    }

    /// A number of so many digits at most.
    fn number(&mut self, most: usize) -> Option<u32> {
        let digits = self
            .rest
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn year(&mut self, letter: char, width: usize, next_is_number: bool) -> Option<()> {
        let most = if next_is_number { width } else { 9 };
        let before = self.rest.len();
        let number = i32::try_from(self.number(most)?).ok()?;
        let digits = before - self.rest.len();
        let year = if width == 2 && digits == 2 {
            let first = self.pivot - 50;
            first + (number - first).rem_euclid(100)
        } else {
            number
        };
        if letter == 'x' {
            self.found.week_year = Some(year);
        } else {
            self.found.year = Some(year);
        }
        Some(())
    }

    /// The position of a name, in full or by its first three letters, whatever their case.
    fn named(&mut self, names: &[&str]) -> Option<u32> {
        let (index, rest) = strip_any_name(self.rest, names)?;
        self.rest = rest;
        Some(index)
    }

    fn fraction(&mut self, width: usize) -> Option<()> {
        let before = self.rest;
        let digits = before.bytes().take(width).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = before.split_at_checked(digits)?;
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        let nanoseconds: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
        self.found.nanosecond = nanoseconds.parse().ok()?;
        Some(())
    }

    /// `Z`, `+0200` or `+02:00`.
    fn offset(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            self.found.place = Some(Place::Offset(0));
            return Some(());
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = i32::try_from(self.number(2)?).ok()?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = i32::try_from(self.number(2)?)
            .ok()
            .filter(|minutes| *minutes < 60)?;
        self.found.place = Some(Place::Offset(sign * (hours * 3600 + minutes * 60)));
        Some(())
    }

    /// The name of a time zone, the longest that fits.
    fn zone(&mut self) -> Option<()> {
        const MAX_NAME: usize = 40;
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
        let longest = self.rest.bytes().take(MAX_NAME).take_while(belongs).count();
        for length in (1..=longest).rev() {
            let (name, rest) = self.rest.split_at_checked(length)?;
            if let Ok(zone) = name.parse() {
                self.found.place = Some(Place::Zone(zone));
                self.rest = rest;
                return Some(());
            }
        }
        None
    }

    /// The short names that Joda reads, each of which means a zone and not an offset.
    fn zone_name(&mut self) -> Option<()> {
        const NAMES: [&str; 11] = [
            "UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "UT",
        ];
        let name = NAMES.iter().find(|name| self.rest.starts_with(**name))?;
        let standard = match *name {
            "EDT" => "EST",
            "CDT" => "CST",
            "MDT" => "MST",
            "PDT" => "PST",
            "UT" => "UTC",
            other => other,
        };
        self.found.place = Some(Place::Zone(zone(standard).ok()?));
        self.rest = self.rest.get(name.len()..)?;
        Some(())
    }
}

impl Found {
    fn set(&mut self, letter: char, number: u32) {
        let some = Some(number);
        match letter {
            'w' => self.week = some,
            'e' => self.weekday = some,
            'D' => self.day_of_year = some,
            'M' => self.month = some,
            'd' => self.day = some,
            'H' => self.hour = some,
            // Out of its range it makes no time, as it should be.
            'k' => self.hour = Some(if number == 24 { 0 } else { number }),
            'K' => self.half_hour = some,
            'h' => self.half_hour = Some(if number == 12 { 0 } else { number }),
            'm' => self.minute = number,
            _ => self.second = number,
        }
    }

    /// The instant, with the start of 1970 for what was not said, and 2000 for the year of a month or day.
    fn instant(&self) -> Option<Instant<Utc>> {
        let date = self.date()?;
        let hour = match (self.hour, self.half_hour) {
            (Some(hour), _) => hour,
            (None, None) => 0,
            (None, Some(hour)) if hour < 12 => hour + if self.is_late { 12 } else { 0 },
            (None, Some(_)) => return None,
        };
        let local = date.and_hms_nano_opt(hour, self.minute, self.second, self.nanosecond)?;
        match &self.place {
            None => Some(local.and_utc()),
            Some(Place::Offset(seconds)) => {
                let offset = chrono::FixedOffset::east_opt(*seconds)?;
                Some(offset.from_local_datetime(&local).single()?.to_utc())
            }
            Some(Place::Zone(zone)) => Some(zone.from_local_datetime(&local).earliest()?.to_utc()),
        }
    }

    fn date(&self) -> Option<NaiveDate> {
        if let Some(week) = self.week {
            let weekday = Weekday::try_from(u8::try_from(self.weekday.unwrap_or(1).checked_sub(1)?).ok()?);
            return NaiveDate::from_isoywd_opt(self.week_year.or(self.year)?, week, weekday.ok()?);
        }
        let has_day = self.month.is_some() || self.day.is_some() || self.day_of_year.is_some();
        let year = self.year.unwrap_or(if has_day { 2000 } else { 1970 });
        if !(0..=9999).contains(&year) {
            return None;
        }
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day),
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1)),
        }?;
        let fits = self
            .weekday
            .is_none_or(|weekday| date.weekday().number_from_monday() == weekday);
        fits.then_some(date)
    }
}
