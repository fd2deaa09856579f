//! A word: the bits that a reader sends for a card.

use std::{fmt, str::FromStr};

use crate::{
    error::{NumberError, WordError},
    layout::Field,
    text::digits,
};

/// The bits that a reader sends for a card, at most 128. Prints as them, the first one first.
///
/// ```
/// # use keyfob_card::Word;
/// let word: Word = "01110001111100001000000000".parse()?;
/// assert_eq!((word.length(), word.hex()), (26, "1C7C200".to_owned()));
/// # Ok::<(), keyfob_card::NumberError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word {
    bits: u128,
    length: u8,
}

impl Word {
    /// A word of `length` bits, right-aligned in `bits`.
    ///
    /// # Errors
    ///
    /// When there are no bits, more than 128, or bits set beyond the length.
    pub fn new(bits: u128, length: u8) -> Result<Self, WordError> {
        if length == 0 || length > 128 {
            return Err(WordError::Length { length });
        }
        if bits.checked_shr(u32::from(length)).unwrap_or(0) != 0 {
            return Err(WordError::Large { length });
        }
        Ok(Self { bits, length })
    }

    /// What a checked layout makes of values that are in range.
    pub(crate) fn of_layout(bits: u128, length: u8) -> Self {
        Self { bits, length }
    }

    /// The bits, right-aligned: the first one sent is the most significant one.
    #[must_use]
    pub fn bits(self) -> u128 {
        self.bits
    }

    /// How many bits there are.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// The word as hex digits in upper case: right-aligned, as many as it takes, leading zeros kept.
    #[must_use]
    pub fn hex(self) -> String {
        let count = self.length.div_ceil(4);
        let digit = |place: u8| {
            let digit = u32::try_from(self.bits >> (4 * place) & 0xF).ok()?;
            char::from_digit(digit, 16)
        };
        let mut hex = String::with_capacity(count.into());
        hex.extend((0..count).rev().filter_map(digit));
        hex.make_ascii_uppercase();
        hex
    }

    /// The number in a field of the word's format.
    #[must_use]
    pub fn get(self, field: Field) -> u64 {
        let below = self.length.saturating_sub(1).saturating_sub(field.last());
        let shifted = self.bits.checked_shr(u32::from(below)).unwrap_or(0);
        u64::try_from(shifted & u128::from(field.max())).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.length);
        write!(f, "{:0width$b}", self.bits)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({self})")
    }
}

/// Reads bits, the first one first, with what surrounds and separates them as in [`Hex`](crate::Hex), and an optional
/// `0b` before them.
impl FromStr for Word {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (bits, length) = digits(text, 'b', 2)?;
        Ok(Self { bits, length })
    }
}
