//! A card: numbers that a format has room for.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use crate::{format::Format, word::Word};

/// A card of a format: its facility code and number are known to be in range.
///
/// Two cards are equal when format, facility code and number are.
#[derive(Clone, Copy)]
pub struct Card<'f> {
    pub(crate) format: &'f Format,
    pub(crate) facility: Option<u64>,
    pub(crate) number: u64,
    pub(crate) word: Option<Word>,
}

impl<'f> Card<'f> {
    /// Its format.
    #[must_use]
    pub fn format(&self) -> &'f Format {
        self.format
    }

    /// The facility code.
    #[must_use]
    pub fn facility(&self) -> Option<u64> {
        self.facility
    }

    /// The card number. A chip's serial number is the number of its bytes as they are printed, the first one most
    /// significant.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What a reader sends for the card. `None` when the layout of the format isn't known, and when the card was
    /// accepted without it ([`Strictness`](crate::Strictness)) and doesn't fit.
    #[must_use]
    pub fn word(&self) -> Option<Word> {
        self.word
    }

    /// A text that is the same for equal cards and for no others: the key under which a card can be held unique.
    /// However the format was spelled, and whatever stood in a table, it is `standard26bitwiegand:111:7777`.
    #[must_use]
    pub fn key(&self) -> String {
        let (mut facility, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
        let facility = self.facility.map_or("", |code| facility.format(code));
        [
            &self.format.folded_name,
            ":",
            facility,
            ":",
            number.format(self.number),
        ]
        .concat()
    }
}

impl PartialEq for Card<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.format.name(), self.facility, self.number)
            == (other.format.name(), other.facility, other.number)
    }
}

impl Eq for Card<'_> {}

impl Hash for Card<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.format.name(), self.facility, self.number).hash(state);
    }
}

impl fmt::Debug for Card<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("format", &self.format.name())
            .field("facility", &self.facility)
            .field("number", &self.number)
            .field("word", &self.word)
            .finish()
    }
}

/// In which order the bytes of a chip's serial number make a decimal number. Products differ, and the number doesn't
/// show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ByteOrder {
    /// The byte printed first is the most significant one.
    BigEndian,
    /// The byte printed first is the least significant one.
    LittleEndian,
}
