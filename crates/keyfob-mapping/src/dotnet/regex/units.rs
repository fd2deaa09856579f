//! Texts as patterns see them: one character for each UTF-16 code unit.
//!
//! .NET matches code units, so that `.` takes half of a character outside the basic plane. In the texts that patterns
//! run on, each half is a character of its own, from a plane for private use; no other character outside the basic
//! plane is left then, and so nothing can be mistaken for a half.

use std::borrow::Cow;

/// What is added to the number of a half to give the character for it.
const HALVES: u32 = 0x10_0000;

/// The characters that stand for halves.
pub(super) const FIRST_HALF: char = '\u{10D800}';
pub(super) const LAST_HALF: char = '\u{10DFFF}';

/// The text with two characters for each that lies outside of the basic plane.
pub(super) fn split(text: &str) -> Cow<'_, str> {
    if !has_high(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.encode_utf16().filter_map(from_unit).collect())
}

/// The text with the halves put together again; a half without the other is a replacement character.
pub(super) fn join(text: Cow<'_, str>) -> Cow<'_, str> {
    if !has_high(&text) {
        return text;
    }
    let units = text.chars().map(to_unit);
    Cow::Owned(
        char::decode_utf16(units)
            .map(|joined| joined.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

/// The character that stands for a code unit.
pub(super) fn from_unit(unit: u16) -> Option<char> {
    let unit = u32::from(unit);
    char::from_u32(unit).or_else(|| char::from_u32(unit + HALVES))
}

/// The code unit that a character stands for; characters are in the order of these.
pub(super) fn to_unit(character: char) -> u16 {
    let number = u32::from(character);
    u16::try_from(number)
        .or_else(|_| u16::try_from(number - HALVES))
        .unwrap_or(0xFFFD)
}

/// Whether a character of four bytes occurs, as those outside the basic plane have.
fn has_high(text: &str) -> bool {
    text.bytes().any(|byte| byte >= 0xF0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_half_is_a_replacement_character() {
        let halves = split("a😀").into_owned();
        assert_eq!(halves.chars().count(), 3);
        assert_eq!(join(halves.chars().take(2).collect()), "a\u{FFFD}");
        assert_eq!(join(halves.chars().skip(2).collect()), "\u{FFFD}");
    }

    proptest! {
        #[test]
        fn what_is_split_joins_again(text in any::<String>(), high in "[a\u{10D800}\u{10FFFF}😀]{0,4}") {
            for text in [text, high] {
                let units = split(&text);
                prop_assert_eq!(units.chars().count(), text.encode_utf16().count());
                prop_assert_eq!(join(units), text.as_str());
            }
        }
    }
}
