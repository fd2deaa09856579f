//! The English names of months and weekdays, which both languages write and read, whole or by their first letters.

/// The months, from January.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The weekdays, from Monday.
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The part of a name that is written of it or read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "names have no other forms")]
pub enum Length {
    /// All of it.
    Whole,
    /// Its first three letters.
    Short,
}

impl Length {
    fn of(self, name: &str) -> Option<&str> {
        match self {
            Self::Whole => Some(name),
            Self::Short => name.get(..3),
        }
    }
}

/// Returns the name with that number, from 0; the empty text where there is none.
#[must_use]
pub fn name<'n>(names: &[&'n str], number: u32, length: Length) -> &'n str {
    usize::try_from(number)
        .ok()
        .and_then(|number| names.get(number))
        .and_then(|name| length.of(name))
        .unwrap_or_default()
}

/// Returns the number, from 0, of the name that `text` begins with in any case, and the rest of the text.
#[must_use]
pub fn strip_name<'t>(text: &'t str, names: &[&str], length: Length) -> Option<(u32, &'t str)> {
    (0..).zip(names).find_map(|(number, name)| {
        let wanted = length.of(name)?;
        let (start, rest) = text.split_at_checked(wanted.len())?;
        start.eq_ignore_ascii_case(wanted).then_some((number, rest))
    })
}

/// Returns the same as [`strip_name`], of a name that may be whole or short.
#[must_use]
pub fn strip_any_name<'t>(text: &'t str, names: &[&str]) -> Option<(u32, &'t str)> {
    strip_name(text, names, Length::Whole).or_else(|| strip_name(text, names, Length::Short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_whole_or_short() {
        for (names, number, whole, short) in [
            (&MONTHS[..], 0, "January", "Jan"),
            (&MONTHS[..], 4, "May", "May"),
            (&MONTHS[..], 11, "December", "Dec"),
            (&WEEKDAYS[..], 0, "Monday", "Mon"),
            (&WEEKDAYS[..], 6, "Sunday", "Sun"),
            (&WEEKDAYS[..], 7, "", ""),
        ] {
            assert_eq!(name(names, number, Length::Whole), whole);
            assert_eq!(name(names, number, Length::Short), short);
        }
    }

    #[test]
    fn names_are_read_whole_or_short_in_any_case() {
        for (text, whole, short, any) in [
            ("JUNE 1", Some((5, " 1")), Some((5, "E 1")), Some((5, " 1"))),
            ("jul 1", None, Some((6, " 1")), Some((6, " 1"))),
            ("Marchand", Some((2, "and")), Some((2, "chand")), Some((2, "and"))),
            ("Mä", None, None, None),
            ("", None, None, None),
        ] {
            assert_eq!(strip_name(text, &MONTHS, Length::Whole), whole, "{text}");
            assert_eq!(strip_name(text, &MONTHS, Length::Short), short, "{text}");
            assert_eq!(strip_any_name(text, &MONTHS), any, "{text}");
        }
    }

    #[test]
    fn a_name_of_two_letters_has_no_short_form() {
        assert_eq!(strip_any_name("pm.", &["AM", "PM"]), Some((1, ".")));
        assert_eq!(strip_name("pm.", &["AM", "PM"], Length::Short), None);
    }
}
