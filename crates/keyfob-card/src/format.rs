//! A card format: its names, what its words look like, and how sure that is.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    card::{ByteOrder, Card},
    error::{CardError, DecodeError},
    layout::{Field, Layout},
    read::Part,
    text::Hex,
    word::Word,
};

/// A card format of a table of [`Formats`](crate::Formats).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub(crate) name: SmolStr,
    /// What the name is compared by.
    pub(crate) folded_name: SmolStr,
    pub(crate) aliases: Vec<SmolStr>,
    pub(crate) certainty: Certainty,
    pub(crate) serial_number: bool,
    pub(crate) shape: Shape,
}

/// What is known of a format's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing, or it has none.
    Unknown,
    /// So many bits.
    Bits(u8),
    /// Everything.
    Layout(Layout),
}

/// How sure it is what the words of a format look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Certainty {
    /// A: independent sources agree on the layout, or whoever wrote the table vouches for it.
    Settled,
    /// B: one detailed source describes the layout, and it is consistent.
    Described,
    /// C: only the width of words or the sizes of fields are known, or sources contradict each other.
    Sized,
    /// D: only the name is known, and what it says of the width.
    Named,
}

impl Certainty {
    /// The word for it in tables: `settled`, `described`, `sized` or `named`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Described => "described",
            Self::Sized => "sized",
            Self::Named => "named",
        }
    }
}

impl Format {
    /// The name by which it is known.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its other names.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(SmolStr::as_str)
    }

    /// How sure its layout is.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Whether the layout is known so well that a number outside it is wrong: [`Certainty::Settled`] and
    /// [`Certainty::Described`].
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.certainty <= Certainty::Described && self.layout().is_some()
    }

    /// Whether the number is the serial number of a chip (CSN). It is given in hex, all digits of it: a decimal form
    /// doesn't say in which order it takes the bytes.
    #[must_use]
    pub fn has_serial_number(&self) -> bool {
        self.serial_number
    }

    /// How many bits a word has, if that is known.
    #[must_use]
    pub fn bits(&self) -> Option<u8> {
        match &self.shape {
            Shape::Unknown => None,
            Shape::Bits(bits) => Some(*bits),
            Shape::Layout(layout) => Some(layout.bits()),
        }
    }

    /// How many hex digits a word has, if that is known.
    #[must_use]
    pub fn hex_digits(&self) -> Option<u8> {
        self.bits().map(|bits| bits.div_ceil(4))
    }

    /// What the bits of a word say, if that is known.
    #[must_use]
    pub fn layout(&self) -> Option<&Layout> {
        match &self.shape {
            Shape::Layout(layout) => Some(layout),
            Shape::Unknown | Shape::Bits(_) => None,
        }
    }

    /// The card of this format with these numbers. Zero is a number like others.
    ///
    /// # Errors
    ///
    /// When the layout isn't known, a number is out of range, or a facility code is given for a format without one or
    /// lacks for one with it.
    pub fn card(&self, facility: Option<u64>, number: u64) -> Result<Card<'_>, CardError> {
        let layout = self.layout().ok_or_else(|| CardError::UnknownLayout {
            format: self.name.clone(),
        })?;
        match (layout.facility(), facility) {
            (Some(field), Some(facility)) => self.fits(Part::Facility, facility, field)?,
            (None, None) => {}
            (Some(_), None) => {
                return Err(CardError::FacilityMissing {
                    format: self.name.clone(),
                });
            }
            (None, Some(_)) => {
                return Err(CardError::FacilityUnused {
                    format: self.name.clone(),
                });
            }
        }
        self.fits(Part::Number, number, layout.number())?;
        Ok(Card {
            format: self,
            facility,
            number,
            word: Some(layout.encode(facility, number)),
        })
    }

    /// The card whose serial number is this decimal number, when its bytes are taken in that order.
    ///
    /// # Errors
    ///
    /// When the format has no serial number of whole bytes, or the number is too large for it.
    pub fn card_of_serial_number(&self, number: u64, order: ByteOrder) -> Result<Card<'_>, CardError> {
        let bits = match self.layout() {
            Some(layout) if self.serial_number && layout.number().bits().is_multiple_of(8) => {
                layout.number().bits()
            }
            _ => {
                return Err(CardError::NoSerialNumber {
                    format: self.name.clone(),
                });
            }
        };
        let card = self.card(None, number)?;
        match order {
            ByteOrder::BigEndian => Ok(card),
            // The highest bytes are zeros of the u64; reversed they are the lowest ones.
            ByteOrder::LittleEndian => self.card(None, number.swap_bytes() >> 64_u8.saturating_sub(bits)),
        }
    }

    /// Reads a word of this format, and checks its fixed bits and parities. Where every bit is under a parity, one wrong
    /// bit never goes unnoticed; two do about every second time.
    ///
    /// # Errors
    ///
    /// When the layout isn't known or the word breaks one of its rules; the first one is told.
    pub fn decode(&self, word: Word) -> Result<Card<'_>, DecodeError> {
        let layout = self.layout().ok_or_else(|| DecodeError::UnknownLayout {
            format: self.name.clone(),
        })?;
        let (facility, number) = layout.decode(word)?;
        Ok(Card {
            format: self,
            facility,
            number,
            word: Some(word),
        })
    }

    /// The same of a word in hex digits: at most as many as the format has, and all of them for a serial number.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), and for another number of digits.
    pub fn decode_hex(&self, hex: Hex) -> Result<Card<'_>, DecodeError> {
        let (Some(bits), Some(expected)) = (self.bits(), self.hex_digits()) else {
            return Err(DecodeError::UnknownLayout {
                format: self.name.clone(),
            });
        };
        if !self.takes_digits(hex, expected) {
            return Err(DecodeError::HexDigits {
                expected,
                actual: hex.digits(),
            });
        }
        let word = hex.word(bits).map_err(|_| DecodeError::Length {
            expected: bits,
            actual: hex.width(),
        })?;
        self.decode(word)
    }

    /// Whether hex digits are as many as the format has.
    pub(crate) fn takes_digits(&self, hex: Hex, digits: u8) -> bool {
        hex.digits() == digits || !self.serial_number && hex.digits() < digits
    }

    pub(crate) fn fits(&self, part: Part, value: u64, field: Field) -> Result<(), CardError> {
        if value <= field.max() {
            return Ok(());
        }
        Err(CardError::Range {
            part,
            value: value.into(),
            max: field.max(),
            format: self.name.clone(),
        })
    }
}

/// What a name is compared by: without case of ASCII letters, blanks, `-` and `_`.
pub(crate) fn fold(name: &str) -> SmolStr {
    name.chars()
        .filter(|character| !matches!(character, ' ' | '-' | '_'))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}
