//! Positions, spaces and words of a text, counted in UTF-16 code units as .NET counts.
//!
//! A character outside the basic plane counts two. A cut between the two keeps neither: the result is always made of the
//! characters that lie wholly within what was asked for, where .NET would give half a character.

use std::borrow::Cow;

use thiserror::Error;

use super::casing::lower_invariant;

/// The number of UTF-16 code units.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The first `count` code units; the whole text if it is shorter, or if `count` is negative.
///
/// ```
/// use keyfob_expression::dotnet::text::left;
///
/// assert_eq!(left("John Doe", 3), "Joh");
/// assert_eq!(left("a😀", 3), "a😀");
/// assert_eq!(left("a😀", 2), "a");
/// ```
#[must_use]
pub fn left(text: &str, count: i64) -> &str {
    let Ok(count) = usize::try_from(count) else {
        return text;
    };
    before(text, count)
}

/// The `count` code units from the one numbered `start`, the first being 1; fewer at the end of the text.
///
/// Nothing if `start` lies beyond the end; the text itself if `start` is below 1 or `count` is negative.
///
/// ```
/// use keyfob_expression::dotnet::text::mid;
///
/// assert_eq!(mid("John Doe", 3, 5), "hn Do");
/// assert_eq!(mid("John Doe", 9, 1), "");
/// ```
#[must_use]
pub fn mid(text: &str, start: i64, count: i64) -> &str {
    let (Some(skipped), Ok(count)) = (zero_based(start), usize::try_from(count)) else {
        return text;
    };
    match after(text, skipped) {
        // Where the cut falls into a character, what is left of that character takes one of the code units.
        Some((rest, halved)) => before(rest, count.saturating_sub(usize::from(halved))),
        None => "",
    }
}

/// Where `sought` begins in `text` at `start` or later, the first code unit being 1; 0 if it does not occur.
///
/// As `InStr` of Visual Basic: an empty `sought` is found at `start`, nothing in an empty text or beyond its end.
///
/// # Errors
/// A `start` less than 1.
///
/// # Complexity
/// The product of both lengths at worst.
pub fn position(text: &str, sought: &str, start: i64, compare: Compare) -> Result<i64, StartError> {
    let skipped = zero_based(start).ok_or(StartError { start })?;
    let Some((rest, halved)) = after(text, skipped) else {
        return Ok(0);
    };
    if rest.is_empty() && !halved {
        return Ok(0);
    }
    if sought.is_empty() {
        return Ok(start);
    }
    let found = match compare {
        Compare::Binary => rest.find(sought),
        Compare::Text => rest.char_indices().map(|(at, _)| at).find(|&at| {
            let mut there = rest.get(at..).unwrap_or_default().chars().map(lower_invariant);
            sought
                .chars()
                .map(lower_invariant)
                .all(|wanted| there.next() == Some(wanted))
        }),
    };
    Ok(found
        .and_then(|at| rest.get(..at))
        .and_then(|skipped| i64::try_from(length(skipped)).ok())
        .map_or(0, |units| {
            start.saturating_add(units).saturating_add(i64::from(halved))
        }))
}

/// The comparison of characters by [`position`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// By code point: `vbBinaryCompare`.
    #[default]
    Binary,
    /// Without regard to case: `vbTextCompare`.
    Text,
}

/// A search that would start before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a search starts at position 1 or later, not at {start}")]
#[non_exhaustive]
pub struct StartError {
    /// The position asked for.
    pub start: i64,
}

/// The text without its spaces (U+0020, and no other white space).
#[must_use]
pub fn strip_spaces(text: &str) -> Cow<'_, str> {
    if text.contains(' ') {
        Cow::Owned(text.split(' ').collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text with every occurrence of `old` replaced, from the left; the text if `old` is empty.
///
/// # Errors
/// A result of more than `limit` bytes.
pub fn replace<'t>(text: &'t str, old: &str, new: &str, limit: usize) -> Result<Cow<'t, str>, TooLongError> {
    if old.is_empty() || !text.contains(old) {
        return Ok(Cow::Borrowed(text));
    }
    let mut parts = text.split(old);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        replaced.push_str(new);
        replaced.push_str(part);
        if replaced.len() > limit {
            return Err(TooLongError { limit });
        }
    }
    Ok(Cow::Owned(replaced))
}

/// A result that outgrew its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the text would grow beyond {limit} bytes")]
#[non_exhaustive]
pub struct TooLongError {
    /// The limit in bytes.
    pub limit: usize,
}

/// The words between any of the characters of `delimiters`, empty ones left out.
pub fn words<'t>(text: &'t str, delimiters: &str) -> impl Iterator<Item = &'t str> {
    text.split(|character| delimiters.contains(character))
        .filter(|word| !word.is_empty())
}

/// The word numbered `number`, the first being 1; empty if there is none.
///
/// ```
/// use keyfob_expression::dotnet::text::word;
///
/// assert_eq!(word("This,string!has&many separators", 3, ",!&#"), "has");
/// ```
#[must_use]
pub fn word<'t>(text: &'t str, number: i64, delimiters: &str) -> &'t str {
    zero_based(number)
        .and_then(|skipped| words(text, delimiters).nth(skipped))
        .unwrap_or_default()
}

/// The position as a number of things to skip, if it is 1 or more.
fn zero_based(position: i64) -> Option<usize> {
    usize::try_from(position).ok()?.checked_sub(1)
}

/// The characters that end within the first `count` code units.
fn before(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    let mut left = count;
    let end = text
        .char_indices()
        .find(|(_, character)| match left.checked_sub(character.len_utf16()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// The characters that begin after the first `count` code units, and whether a character before them is cut; nothing if
/// the text is shorter.
fn after(text: &str, count: usize) -> Option<(&str, bool)> {
    let mut left = count;
    let mut characters = text.chars();
    while left > 0 {
        let units = characters.next()?.len_utf16();
        if units > left {
            return Some((characters.as_str(), true));
        }
        left -= units;
    }
    Some((characters.as_str(), false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn left_and_mid_clamp_as_the_reference_says() {
        for (count, expected) in [
            (3, "Joh"),
            (0, ""),
            (-1, "John Doe"),
            (8, "John Doe"),
            (i64::MAX, "John Doe"),
        ] {
            assert_eq!(left("John Doe", count), expected, "{count}");
        }
        for (start, count, expected) in [
            (3, 5, "hn Do"),
            (6, 999, "Doe"),
            (8, 1, "e"),
            (1, 8, "John Doe"),
            (3, 0, ""),
            (3, -1, "John Doe"),
            (0, 3, "John Doe"),
            (-5, 3, "John Doe"),
            (9, 3, ""),
            (i64::MAX, i64::MAX, ""),
            (i64::MIN, i64::MIN, "John Doe"),
        ] {
            assert_eq!(mid("John Doe", start, count), expected, "{start} {count}");
        }
    }

    #[test]
    fn half_a_character_is_left_out() {
        for (start, count, expected) in [
            (1, 1, ""),
            (1, 2, "😀"),
            (2, 1, ""),
            (2, 2, "a"),
            (3, 1, "a"),
            (3, 2, "a"),
            (3, 3, "a😀"),
            (4, 1, ""),
            (5, 1, ""),
            (6, 1, ""),
            (7, 1, ""),
        ] {
            assert_eq!(mid("😀a😀", start, count), expected, "{start} {count}");
        }
    }

    #[test]
    fn positions_are_those_of_visual_basic() {
        for (text, sought, start, compare, expected) in [
            ("The quick brown fox", "quick", 1, Compare::Binary, 5),
            ("repEated", "e", 3, Compare::Binary, 7),
            ("repEated", "E", 1, Compare::Text, 2),
            ("repEated", "tED", 1, Compare::Text, 6),
            ("ABC", "b", 1, Compare::Binary, 0),
            ("abc", "", 1, Compare::Binary, 1),
            ("abc", "", 3, Compare::Binary, 3),
            ("abc", "", 4, Compare::Binary, 0),
            ("abc", "a", 9, Compare::Binary, 0),
            ("", "", 1, Compare::Binary, 0),
            ("😀b", "b", 1, Compare::Binary, 3),
            ("😀b", "b", 2, Compare::Binary, 3),
            ("ÀÉ", "é", 1, Compare::Text, 2),
        ] {
            assert_eq!(
                position(text, sought, start, compare),
                Ok(expected),
                "{text} {sought} {start}"
            );
        }
        assert_eq!(
            position("abc", "a", 0, Compare::Binary),
            Err(StartError { start: 0 })
        );
    }

    #[test]
    fn words_lie_between_any_of_the_delimiters() {
        for (text, number, delimiters, expected) in [
            ("The quick brown fox", 3, " ", "brown"),
            ("This,string!has&many separators", 3, ",!&#", "has"),
            ("a,,b", 2, ",", "b"),
            ("john@contoso.com", 1, "@", "john"),
            ("abc", 1, " ", "abc"),
            ("abc", 2, " ", ""),
            ("abc", 0, " ", ""),
            ("abc", -1, " ", ""),
            ("abc", 1, "", "abc"),
        ] {
            assert_eq!(word(text, number, delimiters), expected, "{text} {number}");
        }
    }

    #[test]
    fn only_the_space_is_stripped() {
        assert_eq!(strip_spaces("a\tb c\u{a0}d "), "a\tbc\u{a0}d");
        assert!(matches!(strip_spaces("abc"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_replacement_is_literal_and_bounded() {
        assert_eq!(replace("a.b.c", ".", "$1", 100).unwrap(), "a$1b$1c");
        assert!(matches!(replace("abc", "x", "y", 0), Ok(Cow::Borrowed("abc"))));
        assert!(matches!(replace("abc", "", "y", 0), Ok(Cow::Borrowed("abc"))));
        assert_eq!(replace("aaaa", "a", "bbbb", 10), Err(TooLongError { limit: 10 }));
    }

    /// Takes a part of a text as .NET does, with the halves of characters left out.
    fn substring(text: &str, skipped: usize, count: usize) -> String {
        let units: Vec<u16> = text.encode_utf16().skip(skipped).take(count).collect();
        char::decode_utf16(units).filter_map(Result::ok).collect()
    }

    proptest! {
        #[test]
        fn cuts_are_those_of_utf_16(text in "[a-zé😀𐐀]{0,12}", start in 1..14_u16, count in 0..14_u16) {
            let units = text.encode_utf16().count();
            prop_assert_eq!(length(&text), units);
            prop_assert_eq!(left(&text, count.into()), substring(&text, 0, count.into()));
            if usize::from(start) <= units {
                let expected = substring(&text, usize::from(start) - 1, count.into());
                prop_assert_eq!(mid(&text, start.into(), count.into()), expected);
            }
        }

        #[test]
        fn a_found_position_is_where_the_text_stands(text in "[ab😀]{0,9}", sought in "[ab😀]{1,2}", start in 1..12_u16) {
            let found = position(&text, &sought, start.into(), Compare::Binary).unwrap();
            let (text, sought): (Vec<u16>, Vec<u16>) = (text.encode_utf16().collect(), sought.encode_utf16().collect());
            let expected = (start..).zip(text.windows(sought.len()).skip(usize::from(start) - 1));
            let expected = expected.into_iter().find(|(_, window)| *window == sought).map_or(0, |(at, _)| at);
            prop_assert_eq!(found, i64::from(expected));
        }
    }
}
