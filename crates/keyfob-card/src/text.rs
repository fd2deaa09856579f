//! Numbers as people and identity providers write them.

use std::{fmt, str::FromStr};

use crate::{
    error::{NumberError, WordError},
    word::Word,
};

/// Reads a decimal number: digits `0` to `9` and nothing else, with blanks around them. Leading zeros say nothing.
///
/// ```
/// # use keyfob_card::decimal;
/// assert_eq!(decimal(" 007 "), Ok(7));
/// assert!(decimal("-7").is_err() && decimal("7.0").is_err() && decimal("７").is_err());
/// ```
///
/// # Errors
///
/// When there is no digit, something else than a digit, or more than 64 bits hold.
pub fn decimal(text: &str) -> Result<u64, NumberError> {
    let (from, text) = trim(text);
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    text.char_indices().try_fold(0, |value: u64, (at, character)| {
        let digit = character.to_digit(10).ok_or(NumberError::Unexpected {
            character,
            at: from + at,
        })?;
        let value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(digit.into()));
        value.ok_or(NumberError::TooLarge)
    })
}

/// A number in hex digits, and how many of them there are.
///
/// Read from digits in either case, with blanks around them, an optional `0x` before them, and single `:`, `-` or blanks
/// between them.
///
/// ```
/// # use keyfob_card::Hex;
/// let hex: Hex = "0x04:a2:b3".parse()?;
/// assert_eq!((hex.value(), hex.digits()), (0x04_a2b3, 6));
/// assert_eq!(hex.to_string(), "04A2B3");
/// # Ok::<(), keyfob_card::NumberError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hex {
    value: u128,
    digits: u8,
}

impl Hex {
    /// The number.
    #[must_use]
    pub fn value(self) -> u128 {
        self.value
    }

    /// How many digits were written, leading zeros included: 1 to 32.
    #[must_use]
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// How many bits the number takes.
    pub(crate) fn width(self) -> u8 {
        u8::try_from(u128::BITS - self.value.leading_zeros()).unwrap_or(u8::MAX)
    }

    /// The number as a word of so many bits.
    ///
    /// # Errors
    ///
    /// When it doesn't fit, or no word has so many bits.
    pub fn word(self, length: u8) -> Result<Word, WordError> {
        Word::new(self.value, length)
    }

    /// The words that are written like this: those of one to four lengths that take so many digits.
    pub fn words(self) -> impl Iterator<Item = Word> {
        let most = self.digits.saturating_mul(4);
        (most.saturating_sub(3)..=most).filter_map(move |length| self.word(length).ok())
    }
}

impl FromStr for Hex {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (value, digits) = digits(text, 'x', 16)?;
        Ok(Self { value, digits })
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.digits);
        write!(f, "{:0width$X}", self.value)
    }
}

/// Reads digits of a base that is a power of two, with separators between them and a zero and a letter before them.
/// Returns the number and how many digits there are.
pub(crate) fn digits(text: &str, letter: char, base: u32) -> Result<(u128, u8), NumberError> {
    let (from, trimmed) = trim(text);
    let prefixed = trimmed
        .strip_prefix('0')
        .and_then(|rest| rest.strip_prefix([letter, letter.to_ascii_uppercase()]));
    let rest = prefixed.unwrap_or(trimmed);
    let from = from + trimmed.len() - rest.len();
    let (mut value, mut digits, mut separated) = (0_u128, 0_u8, None);
    for (at, character) in rest.char_indices() {
        let unexpected = NumberError::Unexpected {
            character,
            at: from + at,
        };
        if let Some(digit) = character.to_digit(base) {
            // As many digits as 128 bits have: none that is significant is ever shifted out.
            if u32::from(digits) * base.ilog2() >= u128::BITS {
                return Err(NumberError::TooLarge);
            }
            value = value << base.ilog2() | u128::from(digit);
            digits += 1;
            separated = None;
        } else if matches!(character, ':' | '-' | ' ') && digits > 0 && separated.is_none() {
            separated = Some(unexpected);
        } else {
            return Err(unexpected);
        }
    }
    match separated {
        Some(error) => Err(error),
        None if digits == 0 => Err(NumberError::Empty),
        None => Ok((value, digits)),
    }
}

/// The text without the ASCII blanks around it, and how many bytes stood before it.
pub(crate) fn trim(text: &str) -> (usize, &str) {
    let from = text.len() - text.trim_ascii_start().len();
    (from, text.trim_ascii())
}
