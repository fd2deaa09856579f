//! Reading a date by a format, as `DateTime.ParseExact` does under the invariant culture.

use chrono::{DateTime, Utc};

use super::{
    DateTimeError, Fields, Format, Kind, Styles,
    format::{Item, length},
    strip_digits, to_utc,
};
use crate::calendar::{Length, MONTHS, WEEKDAYS, strip_name};

/// Years of two digits are in the century up to this year, as in the .NET versions that have no newer table.
const TWO_DIGIT_YEAR_MAX: u32 = 2029;

/// The offset of a zone in seconds, at most.
const MAX_OFFSET: i32 = 14 * 3600;

pub(super) fn parse(
    format: &Format,
    text: &str,
    styles: Styles,
) -> Result<(DateTime<Utc>, Kind), DateTimeError> {
    let mut reader = Reader {
        rest: text,
        items: &format.items,
        styles,
        fields: Fields::default(),
        pm: None,
        twelve: false,
        two_digit_year: false,
    };
    if styles.has(Styles::TRAILING_WHITE) {
        reader.rest = reader.rest.trim_end();
        while let [items @ .., Item::Literal(last)] = reader.items
            && last.is_whitespace()
        {
            reader.items = items;
        }
    }
    if styles.has(Styles::LEADING_WHITE) {
        reader.rest = reader.rest.trim_start();
        while let [Item::Literal(first), items @ ..] = reader.items
            && first.is_whitespace()
        {
            reader.items = items;
        }
    }
    let mut utc = format.universal;
    reader.fields.offset = utc.then_some(0);
    while let [item, items @ ..] = reader.items {
        reader.items = items;
        if reader.read(*item, &mut utc).is_none() {
            return Err(reader.mismatch(format, text, Some(*item)));
        }
    }
    if styles.has(Styles::INNER_WHITE) {
        reader.rest = reader.rest.trim_start();
    }
    if !reader.rest.is_empty() {
        return Err(reader.mismatch(format, text, None));
    }
    let no_such = |field| DateTimeError::NoSuch {
        text: text.to_owned(),
        field,
    };
    reader.settle_hour().ok_or_else(|| no_such("hour"))?;
    reader.complete_year();
    let fields = reader.fields;
    let dateless = fields.year.is_none() && fields.month.is_none() && fields.day.is_none();
    if fields.year.is_none() && !(dateless && styles.has(Styles::NO_CURRENT_DATE)) {
        return Err(DateTimeError::NoYear {
            format: format.text.clone(),
        });
    }
    if fields.offset.is_some_and(|offset| offset.abs() > MAX_OFFSET) {
        return Err(no_such("offset"));
    }
    let local = fields.local().map_err(no_such)?;
    let instant = to_utc(local, fields.offset.unwrap_or_default()).ok_or(DateTimeError::OutOfRange)?;
    let has = |style| styles.has(style);
    let zoned = fields.offset.is_some();
    let kind = if !zoned && !has(Styles::ASSUME_LOCAL) && !has(Styles::ASSUME_UNIVERSAL) {
        Kind::Unspecified
    } else if has(Styles::ADJUST_TO_UNIVERSAL) || (utc && has(Styles::ROUNDTRIP_KIND)) {
        Kind::Utc
    } else {
        Kind::Local
    };
    Ok((instant, kind))
}

/// The rest of a text and of its format, and what was read.
struct Reader<'t> {
    rest: &'t str,
    items: &'t [Item],
    styles: Styles,
    fields: Fields,
    /// True for `PM`, false for `AM`.
    pm: Option<bool>,
    /// If true, an hour was read that counts from 1 to 12.
    twelve: bool,
    /// If true, a year was read that may be short of its century.
    two_digit_year: bool,
}

impl Reader<'_> {
    /// Reads an item; nothing if the text does not go on with it.
    fn read(&mut self, item: Item, utc: &mut bool) -> Option<()> {
        if self.styles.has(Styles::INNER_WHITE) {
            self.rest = self.rest.trim_start();
        }
        match item {
            Item::Literal(white) if self.styles.has(Styles::INNER_WHITE) && white.is_whitespace() => Some(()),
            Item::Zulu => {
                let (_, rest) = strip_name(self.rest, &["GMT", "Z"], Length::Whole)?;
                self.rest = rest;
                *utc = true;
                set(&mut self.fields.offset, 0)
            }
            Item::Literal('.') if !self.rest.starts_with('.') => {
                // A point before digits that may be missing may be missing too.
                let [Item::Field('F', _), items @ ..] = self.items else {
                    return None;
                };
                self.items = items;
                Some(())
            }
            Item::Literal(literal) => {
                self.rest = self.rest.strip_prefix(literal)?;
                Some(())
            }
            Item::Percent => Some(()),
            Item::Gmt => {
                self.rest = self.rest.strip_prefix("GMT")?;
                set(&mut self.fields.offset, 0)
            }
            Item::Field(letter, count) => self.read_field(letter, count, utc),
        }
    }

    fn read_field(&mut self, letter: char, count: usize, utc: &mut bool) -> Option<()> {
        match (letter, count) {
            ('y', _) => {
                let year = self.digits(count)?;
                self.two_digit_year |= count <= 2;
                set(&mut self.fields.year, year)
            }
            ('M', 1 | 2) => set_number(self, count, |fields| &mut fields.month),
            ('M', _) => {
                let month = self.name(&MONTHS, count)?;
                set(&mut self.fields.month, month + 1)
            }
            ('d', 1 | 2) => set_number(self, count, |fields| &mut fields.day),
            ('d', _) => {
                let weekday = self.name(&WEEKDAYS, count)?;
                set(&mut self.fields.weekday, weekday)
            }
            ('h', _) => {
                self.twelve = true;
                set_number(self, count.min(2), |fields| &mut fields.hour)
            }
            ('H', _) => set_number(self, count.min(2), |fields| &mut fields.hour),
            ('m', _) => set_number(self, count.min(2), |fields| &mut fields.minute),
            ('s', _) => set_number(self, count.min(2), |fields| &mut fields.second),
            ('f' | 'F', _) => self.fraction(letter, count),
            ('t', _) => {
                let names = if count == 1 { ["A", "P"] } else { ["AM", "PM"] };
                let (half, rest) = strip_name(self.rest, &names, Length::Whole)?;
                self.rest = rest;
                set(&mut self.pm, half == 1)
            }
            ('g', _) => {
                let (_, rest) = strip_name(self.rest, &["A.D.", "AD"], Length::Whole)?;
                self.rest = rest;
                Some(())
            }
            ('K', _) => match self.rest.as_bytes().first() {
                Some(b'Z') => {
                    self.rest = self.rest.strip_prefix('Z')?;
                    *utc = true;
                    set(&mut self.fields.offset, 0)
                }
                Some(b'+' | b'-') => self.offset(3),
                _ => Some(()),
            },
            ('z', _) => self.offset(count),
            _ => None,
        }
    }

    /// Digits as many as the format's letters; one or two for one letter.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (number, rest) = strip_digits(self.rest, count, count.max(2))?;
        self.rest = rest;
        Some(number)
    }

    fn name(&mut self, names: &[&str], count: usize) -> Option<u32> {
        let (number, rest) = strip_name(self.rest, names, length(count))?;
        self.rest = rest;
        Some(number)
    }

    fn fraction(&mut self, letter: char, count: usize) -> Option<()> {
        let least = if letter == 'f' { count } else { 1 };
        let Some((number, rest)) = strip_digits(self.rest, least, count) else {
            return (letter == 'F').then_some(());
        };
        let missing = 7_usize.checked_sub(self.rest.len() - rest.len())?;
        self.rest = rest;
        set(
            &mut self.fields.ticks,
            number * 10_u32.checked_pow(u32::try_from(missing).ok()?)?,
        )
    }

    fn offset(&mut self, count: usize) -> Option<()> {
        let east = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.digits(1)?;
        let minutes = if count > 2 {
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
            self.digits(2)?
        } else {
            0
        };
        if minutes > 59 {
            return None;
        }
        let seconds = i32::try_from((hours * 60 + minutes) * 60).ok()?;
        set(&mut self.fields.offset, east * seconds)
    }

    /// Puts a century before a year of two digits.
    fn complete_year(&mut self) {
        if let Some(year) = self
            .fields
            .year
            .as_mut()
            .filter(|year| self.two_digit_year && **year < 100)
        {
            *year += TWO_DIGIT_YEAR_MAX / 100 * 100;
            if *year > TWO_DIGIT_YEAR_MAX {
                *year -= 100;
            }
        }
    }

    /// Applies `AM` and `PM` to the hour.
    fn settle_hour(&mut self) -> Option<()> {
        let hour = self.fields.hour.unwrap_or_default();
        if self.twelve {
            if hour > 12 {
                return None;
            }
            self.fields.hour = Some(hour % 12 + if self.pm == Some(true) { 12 } else { 0 });
        } else if self.pm.is_some_and(|pm| pm != (hour >= 12)) {
            return None;
        }
        Some(())
    }

    fn mismatch(&self, format: &Format, text: &str, item: Option<Item>) -> DateTimeError {
        DateTimeError::Mismatch {
            text: text.to_owned(),
            format: format.text.clone(),
            expected: item.map_or_else(|| "its end".to_owned(), describe),
            rest: self.rest.to_owned(),
        }
    }
}

fn set_number(
    reader: &mut Reader<'_>,
    count: usize,
    field: impl Fn(&mut Fields) -> &mut Option<u32>,
) -> Option<()> {
    let number = reader.digits(count)?;
    set(field(&mut reader.fields), number)
}

/// Sets a field that was not read before, or says the same.
fn set<T: PartialEq + Copy>(field: &mut Option<T>, value: T) -> Option<()> {
    (*field.get_or_insert(value) == value).then_some(())
}

fn describe(item: Item) -> String {
    match item {
        Item::Literal(literal) => format!("`{literal}`"),
        Item::Zulu => "`Z`".to_owned(),
        Item::Percent => String::new(),
        Item::Gmt => "`GMT`".to_owned(),
        Item::Field(letter, count) => {
            let letters: String = std::iter::repeat_n(letter, count.min(8)).collect();
            match (letter, count) {
                ('M', 3..) => format!("the name of a month (`{letters}`)"),
                ('d', 3..) => format!("the name of a weekday (`{letters}`)"),
                ('t', _) => format!("`AM` or `PM` (`{letters}`)"),
                ('z' | 'K', _) => format!("an offset such as `+01:00` (`{letters}`)"),
                ('g', _) => "`A.D.`".to_owned(),
                (_, 1) => format!("one or two digits (`{letters}`)"),
                _ => format!("{count} digits (`{letters}`)"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, format: &str, styles: &str) -> Result<(DateTime<Utc>, Kind), DateTimeError> {
        let styles = if styles.is_empty() {
            Styles::default()
        } else {
            styles.parse()?
        };
        Format::new(format)?.parse(text, styles)
    }

    /// Text, format, styles, instant and kind.
    const READ: &str = "
        20150123105347.1Z             | yyyyMMddHHmmss.fZ        |                                    | 2015-01-23T10:53:47.1Z   | Utc
        2012-03-16-07:00              | yyyy-MM-ddzzz            |                                    | 2012-03-16T07:00:00Z     | Local
        2021-06-30+08:00              | yyyy-MM-ddzzz            |                                    | 2021-06-29T16:00:00Z     | Local
        1/5/2020 9:00:00 AM           | M/d/yyyy h:mm:ss tt      |                                    | 2020-01-05T09:00:00Z     | Unspecified
        1/5/2020 09:00:00 PM          | M/d/yyyy hh:mm:ss tt     |                                    | 2020-01-05T21:00:00Z     | Unspecified
        2020-01-05T10:11:12Z          | yyyy-MM-ddTHH:mm:ssK     |                                    | 2020-01-05T10:11:12Z     | Utc
        2020-01-05T10:11:12           | yyyy-MM-ddTHH:mm:ssK     |                                    | 2020-01-05T10:11:12Z     | Unspecified
        2020-01-05T10:11:12+01:00     | yyyy-MM-ddTHH:mm:ssK     |                                    | 2020-01-05T09:11:12Z     | Local
        2020-01-05T10:11:12.345Z      | yyyy-MM-ddTHH:mm:ss.fffZ |                                    | 2020-01-05T10:11:12.345Z | Utc
        10:11:12 05.01.2020           | HH:mm:ss.FFF dd.MM.yyyy  |                                    | 2020-01-05T10:11:12Z     | Unspecified
        05/01/2020                    | dd/MM/yyyy               |                                    | 2020-01-05T00:00:00Z     | Unspecified
        5 jan 20, SUNDAY              | d MMM yy, dddd           |                                    | 2020-01-05T00:00:00Z     | Unspecified
        50-12                         | yy-MM                    |                                    | 1950-12-01T00:00:00Z     | Unspecified
        2020                          | yyyy                     |                                    | 2020-01-01T00:00:00Z     | Unspecified
        2021-06-30                    | yyyy-MM-dd               | AssumeUniversal, AdjustToUniversal | 2021-06-30T00:00:00Z     | Utc
        2021-06-30                    | yyyy-MM-dd               | AssumeUniversal                    | 2021-06-30T00:00:00Z     | Local
        2021-06-30T00:30:00+08:00     | yyyy-MM-ddTHH:mm:sszzz   | AdjustToUniversal                  | 2021-06-29T16:30:00Z     | Utc
        2021 - 06-  30                | yyyy-MM-dd               | AllowInnerWhite                    | 2021-06-30T00:00:00Z     | Unspecified
        12:30                         | hh:mm                    | NoCurrentDateDefault               | 0001-01-01T00:30:00Z     | Unspecified
        2021-06-30 10:00 -8           | yyyy-MM-dd HH:mm z       |                                    | 2021-06-30T18:00:00Z     | Local
        Sun, 05 Jan 2020 15:04:09 GMT | r                        |                                    | 2020-01-05T15:04:09Z     | Unspecified
        2020-01-05 15:04:09Z          | u                        |                                    | 2020-01-05T15:04:09Z     | Unspecified
        2020-01-05 15:04:09Z          | yyyy-MM-dd HH:mm:ssZ     | None                               | 2020-01-05T15:04:09Z     | Local
    ";

    #[test]
    fn texts_are_read_as_date_time_parse_exact_reads_them() {
        for row in READ.lines().filter(|row| !row.trim().is_empty()) {
            let columns: Vec<&str> = row.split('|').map(str::trim).collect();
            let [text, format, styles, instant, kind] = columns[..] else {
                panic!("{row}");
            };
            let (read, read_kind) = read(text, format, styles).unwrap();
            assert_eq!(
                (read, format!("{read_kind:?}").as_str()),
                (instant.parse().unwrap(), kind),
                "{row}"
            );
        }
    }

    #[test]
    fn texts_are_read_by_their_format_as_dotnet_read_them() {
        let file = include_str!("../../../../../testdata/dotnet/parse-exact.json");
        let cases: Vec<[String; 5]> = serde_json::from_str(file).unwrap();
        for [text, format, styles, instant, kind] in &cases {
            let (read, read_kind) = read(text, format, styles).unwrap();
            assert_eq!(
                read,
                instant.parse::<DateTime<Utc>>().unwrap(),
                "{text} {format} {styles}"
            );
            assert_eq!(format!("{read_kind:?}"), *kind, "{text} {format} {styles}");
        }
    }

    #[test]
    fn white_space_may_stand_around_a_text_unless_a_style_is_named() {
        let expected = Ok(("2020-01-05T00:00:00Z".parse().unwrap(), Kind::Unspecified));
        assert_eq!(read(" 2020-01-05 ", "yyyy-MM-dd", ""), expected);
        assert_eq!(read("2020-01-05", " yyyy-MM-dd ", ""), expected);
        assert!(read(" 2020-01-05", "yyyy-MM-dd", "AllowTrailingWhite").is_err());
        assert!(read("2020-01-05 ", "yyyy-MM-dd", "AllowLeadingWhite").is_err());
    }

    #[test]
    fn texts_that_are_not_as_the_format_says_are_refused() {
        for (text, format) in [
            ("1/5/2020 9:00:00 AM", "M/d/yyyy hh:mm:ss tt"),
            ("2020-1-05", "yyyy-MM-dd"),
            ("20-01-05", "yyyy-MM-dd"),
            ("2020-01-05x", "yyyy-MM-dd"),
            ("2020-01-05 2020", "yyyy-MM-dd yyy"),
            ("2020-01-05 06", "yyyy-MM-dd dd"),
            ("2020-01-05 10:00 XM", "yyyy-MM-dd hh:mm tt"),
            ("2020-01-05+0:60", "yyyy-MM-ddzzz"),
            ("", "yyyy"),
        ] {
            assert!(
                matches!(read(text, format, ""), Err(DateTimeError::Mismatch { .. })),
                "{text} {format}"
            );
        }
        for (text, format, field) in [
            ("2020-02-30", "yyyy-MM-dd", "day"),
            ("2020-13-30", "yyyy-MM-dd", "month"),
            ("2020-01-05 13 PM", "yyyy-MM-dd hh tt", "hour"),
            ("2020-01-05 03 PM", "yyyy-MM-dd HH tt", "hour"),
            ("Mon 2020-01-05", "ddd yyyy-MM-dd", "weekday"),
            ("2020-01-05+15:00", "yyyy-MM-ddzzz", "offset"),
        ] {
            assert_eq!(
                read(text, format, ""),
                Err(DateTimeError::NoSuch {
                    text: text.to_owned(),
                    field
                }),
                "{text}"
            );
        }
        for (text, format) in [("10:00", "HH:mm"), ("01-05", "MM-dd")] {
            assert_eq!(
                read(text, format, ""),
                Err(DateTimeError::NoYear {
                    format: format.to_owned()
                })
            );
        }
        assert_eq!(
            read("1/5/2020 9:00", "M/d/yyyy hh:mm", "")
                .unwrap_err()
                .to_string(),
            "`1/5/2020 9:00` does not have the format `M/d/yyyy hh:mm`: expected 2 digits (`hh`) at `9:00`"
        );
    }

    proptest! {
        #[test]
        fn what_a_format_writes_it_reads(seconds in -62_135_596_800..253_402_300_800_i64, ticks in 0..10_000_000_u32) {
            let instant = DateTime::from_timestamp(seconds, ticks * 100).unwrap();
            for format in [
                "o", "yyyy-MM-ddTHH:mm:ss.fffffffK", "yyyyMMddHHmmss.fffffffZ", "M/d/yyyy h:mm:ss.FFFFFFF tt zzz",
                "dddd, d MMMM yyyy HH:mm:ss.fffffff z", "d-MMM-yyyy h.m.s,fffffff tK",
            ] {
                let format = Format::new(format).unwrap();
                let text = format.format(instant, Kind::Utc);
                prop_assert_eq!(format.parse(&text, Styles::default()).map(|(read, _)| read), Ok(instant), "{}", text);
            }
        }

        #[test]
        fn any_format_reads_and_writes_without_fail(
            format in any::<String>(),
            likely in "[dfFghHKmMstyzZGT:/. '\"\\\\%,+-]{0,16}",
            text in "[0-9A-Za-z:/. ,+-]{0,24}",
        ) {
            for format in [format, likely] {
                if let Ok(format) = Format::new(&format) {
                    let written = format.format(DateTime::UNIX_EPOCH, Kind::Local);
                    for styles in [Styles::default(), "AllowWhiteSpaces".parse().unwrap()] {
                        let _ = format.parse(&text, styles);
                        let _ = format.parse(&written, styles);
                    }
                }
            }
        }
    }
}
