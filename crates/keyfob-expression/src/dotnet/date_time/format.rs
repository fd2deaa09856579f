//! The formats of dates in .NET, read into parts, and writing by them.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{DateTimeError, Kind, Styles, TICK_NANOS};
use crate::calendar::{Length, MONTHS, WEEKDAYS, name};

/// A format of dates, standard (one letter, such as `u`) or custom (such as `yyyy-MM-dd'T'HH:mm:ss.fffK`).
///
/// The letters are those of .NET: `d dd ddd dddd`, `f` to `fffffff`, `F` to `FFFFFFF`, `g`, `h hh`, `H HH`, `K`, `m mm`,
/// `M MM MMM MMMM`, `s ss`, `t tt`, `y yy yyy yyyy`, `z zz zzz`; `'..'`, `".."` and `\c` are literal, and so is every other
/// character. The standard formats are `d D f F g G m o r s t T u U y` with the patterns of the invariant culture.
///
/// ```
/// use keyfob_expression::dotnet::date_time::{Format, Styles};
///
/// let (instant, kind) = Format::new("yyyyMMddHHmmss.fZ")?.parse("20150123105347.1Z", Styles::default())?;
/// assert_eq!(Format::new("dd MMM yyyy 'at' h tt")?.format(instant, kind), "23 Jan 2015 at 10 AM");
/// # Ok::<(), keyfob_expression::dotnet::date_time::DateTimeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub(super) text: String,
    pub(super) items: Vec<Item>,
    /// The instant is in UTC though the format does not say so: `U`.
    pub(super) universal: bool,
}

/// A part of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A letter, so many times.
    Field(char, usize),
    /// A character that stands for itself.
    Literal(char),
    /// `Z` outside of quotes: a zone to read.
    Zulu,
    /// `GMT` outside of quotes: a zone to read, but the month between two letters to write.
    Gmt,
    /// `%`, after which the first letter stands alone to write.
    Percent,
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// A format that .NET refuses: an empty one, a letter that is no standard format, a quote that is not closed, a lone
    /// `%` or `\`, more than seven digits of a second.
    pub fn new(text: &str) -> Result<Self, DateTimeError> {
        let invalid = |reason| DateTimeError::Format {
            format: text.to_owned(),
            reason,
        };
        let mut characters = text.chars();
        let custom = match (characters.next(), characters.next()) {
            (None, _) => return Err(invalid("it is empty")),
            (Some(letter), None) => {
                standard(letter).ok_or_else(|| invalid("no standard format has this letter"))?
            }
            _ => text,
        };
        Ok(Self {
            text: text.to_owned(),
            items: items(custom).map_err(invalid)?,
            universal: text == "U",
        })
    }

    /// The instant that a text in this format names, and what the text says of its zone.
    ///
    /// # Errors
    /// A text that is not just as the format says, a date that is in no calendar, a format without a year.
    pub fn parse(&self, text: &str, styles: Styles) -> Result<(DateTime<Utc>, Kind), DateTimeError> {
        super::exact::parse(self, text, styles)
    }

    /// The instant in this format; `kind` shows in `K` alone.
    #[must_use]
    pub fn format(&self, instant: DateTime<Utc>, kind: Kind) -> String {
        let mut text = String::with_capacity(self.text.len() + 8);
        let mut alone = false;
        for item in &self.items {
            match *item {
                Item::Literal(literal) => text.push(literal),
                Item::Zulu => text.push('Z'),
                Item::Field(letter, count @ 2..) if alone => {
                    write_field(&mut text, letter, 1, instant, kind);
                    write_field(&mut text, letter, count - 1, instant, kind);
                }
                Item::Field(letter, count) => write_field(&mut text, letter, count, instant, kind),
                Item::Gmt => {
                    text.push('G');
                    push_number(&mut text, instant.month(), 1);
                    text.push('T');
                }
                Item::Percent => {}
            }
            alone = *item == Item::Percent;
        }
        text
    }
}

/// The custom format that a standard one stands for.
fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'm' | 'M' => "MMMM dd",
        'o' | 'O' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        's' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        'y' | 'Y' => "yyyy MMMM",
        _ => return None,
    })
}

fn items(format: &str) -> Result<Vec<Item>, &'static str> {
    let mut items = Vec::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => loop {
                match characters.next().ok_or("a quote is not closed")? {
                    end if end == character => break,
                    '\\' => items.push(Item::Literal(characters.next().ok_or("a quote is not closed")?)),
                    literal => items.push(Item::Literal(literal)),
                }
            },
            '\\' => items.push(Item::Literal(
                characters.next().ok_or("nothing follows the `\\`")?,
            )),
            // Keeps a format of one letter from being a standard one.
            '%' => match characters.clone().next() {
                None | Some('%' | '\'' | '"' | '\\') => return Err("no letter follows the `%`"),
                Some(_) => items.push(Item::Percent),
            },
            'd' | 'f' | 'F' | 'g' | 'h' | 'H' | 'K' | 'm' | 'M' | 's' | 't' | 'y' | 'z' => {
                // Each `K` stands alone.
                let more = if character == 'K' { "" } else { characters.as_str() };
                let count = 1 + more.chars().take_while(|&next| next == character).count();
                for _ in 1..count {
                    characters.next();
                }
                if matches!(character, 'f' | 'F') && count > 7 {
                    return Err("a second has at most seven digits after the point");
                }
                items.push(Item::Field(character, count));
            }
            'G' => match characters.as_str().strip_prefix("MT") {
                Some(rest) => {
                    characters = rest.chars();
                    items.push(Item::Gmt);
                }
                None => items.push(Item::Literal('G')),
            },
            'Z' => items.push(Item::Zulu),
            literal => items.push(Item::Literal(literal)),
        }
    }
    Ok(items)
}

fn write_field(text: &mut String, letter: char, count: usize, instant: DateTime<Utc>, kind: Kind) {
    let year = instant.year().unsigned_abs();
    match (letter, count) {
        ('d', 1 | 2) => push_number(text, instant.day(), count),
        ('d', _) => text.push_str(name(
            &WEEKDAYS,
            instant.weekday().num_days_from_monday(),
            length(count),
        )),
        ('M', 1 | 2) => push_number(text, instant.month(), count),
        ('M', _) => text.push_str(name(&MONTHS, instant.month0(), length(count))),
        ('y', 1 | 2) => push_number(text, year % 100, count),
        ('y', _) => push_number(text, year, count),
        ('g', _) => text.push_str("A.D."),
        ('h', _) => push_number(text, instant.hour12().1, count.min(2)),
        ('H', _) => push_number(text, instant.hour(), count.min(2)),
        ('m', _) => push_number(text, instant.minute(), count.min(2)),
        ('s', _) => push_number(text, instant.second(), count.min(2)),
        ('t', _) => {
            text.push(if instant.hour12().0 { 'P' } else { 'A' });
            if count > 1 {
                text.push('M');
            }
        }
        ('f' | 'F', _) => {
            let start = text.len();
            push_number(text, instant.nanosecond() / TICK_NANOS, 7);
            text.truncate(start + count);
            if letter == 'F' {
                let digits = text.get(start..).unwrap_or_default().trim_end_matches('0').len();
                text.truncate(start + digits);
                if digits == 0 && text.ends_with('.') {
                    text.pop();
                }
            }
        }
        ('K', _) => text.push_str(match kind {
            Kind::Unspecified => "",
            Kind::Utc => "Z",
            Kind::Local => "+00:00",
        }),
        ('z', 1) => text.push_str("+0"),
        ('z', 2) => text.push_str("+00"),
        ('z', _) => text.push_str("+00:00"),
        _ => {}
    }
}

fn push_number(text: &mut String, number: u32, width: usize) {
    // Writing to a text cannot fail; a format that asks for very many digits of a year gets sixteen.
    let _ = write!(text, "{number:0width$}", width = width.min(16));
}

/// Returns how much of a name so many letters stand for.
pub(super) fn length(count: usize) -> Length {
    if count == 3 { Length::Short } else { Length::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(format: &str) -> String {
        let instant = "2020-01-05T15:04:09.0345678Z".parse().unwrap();
        Format::new(format).unwrap().format(instant, Kind::Utc)
    }

    #[test]
    fn every_letter_writes_what_it_writes_in_dotnet() {
        for (pattern, expected) in [
            ("%dd %d dd ddd dddd ddddd", "55 5 05 Sun Sunday Sunday"),
            ("%M MM MMM MMMM", "1 01 Jan January"),
            ("%y yy yyy yyyy yyyyy", "20 20 2020 2020 02020"),
            ("%h hh %H HH HHH", "3 03 15 15 15"),
            ("%m mm %s ss sss", "4 04 9 09 09"),
            ("%t tt ttt", "P PM PM"),
            ("%f ff fff fffffff", "0 03 034 0345678"),
            ("ss.F ss.FF ss.FFF ss.FFFFFFF", "09 09.03 09.034 09.0345678"),
            ("g gg", "A.D. A.D."),
            ("%K KK", "Z ZZ"),
            ("%z zz zzz", "+0 +00 +00:00"),
            ("yyyy-MM-ddTHH:mm:ss", "2020-01-05T15:04:09"),
            ("yy-M-d 'at' h tt", "20-1-5 at 3 PM"),
            ("\"it's\" \\d '\\''", "it's d '"),
            ("HH:mm GMT", "15:04 G1T"),
            ("yyyyMMddHHmmss.fZ", "20200105150409.0Z"),
        ] {
            assert_eq!(format(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn standard_formats_are_those_of_the_invariant_culture() {
        for (pattern, expected) in [
            ("d", "01/05/2020"),
            ("D", "Sunday, 05 January 2020"),
            ("f", "Sunday, 05 January 2020 15:04"),
            ("F", "Sunday, 05 January 2020 15:04:09"),
            ("g", "01/05/2020 15:04"),
            ("G", "01/05/2020 15:04:09"),
            ("m", "January 05"),
            ("o", "2020-01-05T15:04:09.0345678Z"),
            ("R", "Sun, 05 Jan 2020 15:04:09 GMT"),
            ("s", "2020-01-05T15:04:09"),
            ("t", "15:04"),
            ("T", "15:04:09"),
            ("u", "2020-01-05 15:04:09Z"),
            ("U", "Sunday, 05 January 2020 15:04:09"),
            ("Y", "2020 January"),
        ] {
            assert_eq!(format(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn dates_are_written_as_dotnet_wrote_them() {
        let file = include_str!("../../../../../testdata/dotnet/format.json");
        let cases: Vec<[String; 3]> = serde_json::from_str(file).unwrap();
        for [instant, format, expected] in &cases {
            let written = Format::new(format)
                .unwrap()
                .format(instant.parse().unwrap(), Kind::Utc);
            assert_eq!(written, *expected, "{instant} {format}");
        }
    }

    #[test]
    fn what_dotnet_refuses_is_refused() {
        for format in [
            "", "x", "Z", "h", "yyyy'x", "yyyy\"x", "yyyy\\", "yyyy%", "%%d", "%", "ffffffff", "yyyy'\\",
        ] {
            assert!(
                matches!(Format::new(format), Err(DateTimeError::Format { .. })),
                "{format}"
            );
        }
    }

    #[test]
    fn a_zone_is_written_only_where_there_was_one() {
        let instant = "2020-01-05T15:04:09Z".parse().unwrap();
        let format = Format::new("HH:mmK").unwrap();
        assert_eq!(format.format(instant, Kind::Unspecified), "15:04");
        assert_eq!(format.format(instant, Kind::Utc), "15:04Z");
        assert_eq!(format.format(instant, Kind::Local), "15:04+00:00");
    }
}
