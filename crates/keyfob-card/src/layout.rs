//! Where the bits of a word stand: its fields and parities, and the check that they fill it exactly.

use std::{borrow::Cow, fmt};

use crate::{
    error::{DecodeError, LayoutError},
    word::Word,
};

/// What `?` does, in a function that the compiler runs.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}

/// Where each bit of a word stands and what it says.
///
/// Bit 0 is the first one sent and the most significant one. Every bit belongs to exactly one field or is a parity;
/// a layout of which that isn't true can't be had: the built-in ones are checked when the crate is compiled and those
/// of a file when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(crate) bits: u8,
    pub(crate) facility: Option<Field>,
    pub(crate) number: Field,
    pub(crate) others: Cow<'static, [Other]>,
    pub(crate) parities: Cow<'static, [Parity]>,
}

impl Layout {
    /// How many bits a word has, at most 128.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// The facility code; some manufacturers say site or company code.
    #[must_use]
    pub const fn facility(&self) -> Option<Field> {
        self.facility
    }

    /// The card number.
    #[must_use]
    pub const fn number(&self) -> Field {
        self.number
    }

    /// The fields that are neither facility code nor card number.
    #[must_use]
    pub fn others(&self) -> &[Other] {
        &self.others
    }

    /// The parity bits, in the order in which they are computed: one may be taken over another that stands before it.
    #[must_use]
    pub fn parities(&self) -> &[Parity] {
        &self.parities
    }

    /// Whether fields and parities fill the word exactly, and can be written in the order in which they stand.
    pub(crate) const fn check(&self) -> Result<(), LayoutError> {
        if self.bits == 0 || self.bits > 128 {
            return Err(LayoutError::Width { bits: self.bits });
        }
        let word = Positions::span(0, self.bits - 1);
        let mut taken = attempt!(word.place(Positions::EMPTY, self.number));
        if let Some(facility) = self.facility {
            taken = attempt!(word.place(taken, facility));
        }
        let mut others = match &self.others {
            Cow::Borrowed(others) => *others,
            Cow::Owned(others) => others.as_slice(),
        };
        while let [other, rest @ ..] = others {
            taken = attempt!(word.place(taken, other.field));
            if other.meaning.value() > other.field.max() {
                return Err(LayoutError::Value {
                    bit: other.field.first,
                });
            }
            others = rest;
        }
        let parities = match &self.parities {
            Cow::Borrowed(parities) => *parities,
            Cow::Owned(parities) => parities.as_slice(),
        };
        let mut rest = parities;
        while let [parity, tail @ ..] = rest {
            taken = attempt!(word.place(taken, Field::new(parity.bit, parity.bit)));
            rest = tail;
        }
        if let Some(bit) = word.without(taken).first() {
            return Err(LayoutError::Gap { bit });
        }
        check_order(parities, word)
    }

    /// The word of values that are in range.
    pub(crate) fn encode(&self, facility: Option<u64>, number: u64) -> Word {
        let mut bits = self.put(self.number, number);
        if let (Some(field), Some(facility)) = (self.facility, facility) {
            bits |= self.put(field, facility);
        }
        for other in self.others.iter() {
            bits |= self.put(other.field, other.meaning.value());
        }
        for parity in self.parities.iter() {
            if parity.value(bits, self.bits) {
                bits |= Positions::span(parity.bit, parity.bit).mask(self.bits);
            }
        }
        Word::of_layout(bits, self.bits)
    }

    /// The facility code and the card number of a word that keeps the rules.
    pub(crate) fn decode(&self, word: Word) -> Result<(Option<u64>, u64), DecodeError> {
        if word.length() != self.bits {
            return Err(DecodeError::Length {
                expected: self.bits,
                actual: word.length(),
            });
        }
        for other in self.others.iter() {
            let actual = word.get(other.field);
            if let Meaning::Fixed(expected) = other.meaning
                && actual != expected
            {
                return Err(DecodeError::Fixed {
                    field: other.field,
                    expected,
                    actual,
                });
            }
        }
        for parity in self.parities.iter() {
            let set = word.bits() & Positions::span(parity.bit, parity.bit).mask(self.bits) != 0;
            if set != parity.value(word.bits(), self.bits) {
                return Err(DecodeError::Parity { bit: parity.bit });
            }
        }
        Ok((self.facility.map(|field| word.get(field)), word.get(self.number)))
    }

    fn put(&self, field: Field, value: u64) -> u128 {
        u128::from(value) << self.bits.saturating_sub(1).saturating_sub(field.last)
    }
}

/// Whether parities are taken over bits of the word, and over no parity that is computed later.
const fn check_order(mut parities: &[Parity], word: Positions) -> Result<(), LayoutError> {
    let mut later = Positions::EMPTY;
    let mut rest = parities;
    while let [parity, tail @ ..] = rest {
        later = later.union(Positions::span(parity.bit, parity.bit));
        rest = tail;
    }
    while let [parity, rest @ ..] = parities {
        if let Some(bit) = parity.over.without(word).first() {
            return Err(LayoutError::Outside { bit });
        }
        if let Some(over) = parity.over.both(later).first() {
            return Err(LayoutError::ParityOrder {
                bit: parity.bit,
                over,
            });
        }
        later = later.without(Positions::span(parity.bit, parity.bit));
        parities = rest;
    }
    Ok(())
}

/// Neighbouring bits that make a number, the most significant one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    first: u8,
    last: u8,
}

impl Field {
    /// The bits from one to another, both included.
    pub(crate) const fn new(first: u8, last: u8) -> Self {
        Self { first, last }
    }

    /// The place of its first and most significant bit.
    #[must_use]
    pub const fn first(self) -> u8 {
        self.first
    }

    /// The place of its last bit.
    #[must_use]
    pub const fn last(self) -> u8 {
        self.last
    }

    /// How many bits it has, at most 64.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The largest number it holds.
    #[must_use]
    pub const fn max(self) -> u64 {
        u64::MAX >> 64_u8.saturating_sub(self.bits())
    }

    pub(crate) const fn positions(self) -> Positions {
        Positions::span(self.first, self.last)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.positions().fmt(f)
    }
}

/// A field that is neither facility code nor card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    pub(crate) field: Field,
    pub(crate) meaning: Meaning,
}

impl Other {
    /// Where it stands.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// What it says.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        self.meaning
    }
}

/// What a field says that is neither facility code nor card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// Always this value; a word with another one isn't of the format.
    Fixed(u64),
    /// How often the card was issued again. Written as 0; every value is read.
    IssueLevel,
    /// A code of the manufacturer. Written as this value; every value is read.
    Manufacturer(u64),
    /// Not known. Written as 0; every value is read.
    Unspecified,
}

impl Meaning {
    const fn value(self) -> u64 {
        match self {
            Self::Fixed(value) | Self::Manufacturer(value) => value,
            Self::IssueLevel | Self::Unspecified => 0,
        }
    }
}

/// A bit that makes the number of ones, itself included, even or odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parity {
    pub(crate) bit: u8,
    pub(crate) odd: bool,
    pub(crate) over: Positions,
}

impl Parity {
    /// The place of the bit.
    #[must_use]
    pub const fn bit(&self) -> u8 {
        self.bit
    }

    /// Whether the number of ones is odd.
    #[must_use]
    pub const fn is_odd(&self) -> bool {
        self.odd
    }

    /// The bits that it is taken over, without itself.
    #[must_use]
    pub const fn over(&self) -> Positions {
        self.over
    }

    /// What the bit has to be in a word of so many bits.
    fn value(&self, word: u128, bits: u8) -> bool {
        let ones = (word & self.over.mask(bits)).count_ones();
        (ones % 2 == 1) != self.odd
    }
}

/// A set of bits of a word. Prints as `1-12,14`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Positions(
    /// Bit 0 is the most significant one, whatever the length of the word.
    u128,
);

impl Positions {
    pub(crate) const EMPTY: Self = Self(0);

    /// The bits from one to another, both included. Bits beyond 127 don't exist.
    pub(crate) const fn span(first: u8, last: u8) -> Self {
        if first > last || last > 127 {
            return Self::EMPTY;
        }
        Self((u128::MAX >> first) & (u128::MAX << (127 - last)))
    }

    /// These bits.
    pub(crate) const fn of(mut bits: &[u8]) -> Self {
        let mut all = Self::EMPTY;
        while let [bit, rest @ ..] = bits {
            all = all.union(Self::span(*bit, *bit));
            bits = rest;
        }
        all
    }

    /// Whether a bit is in the set.
    #[must_use]
    pub const fn contains(self, bit: u8) -> bool {
        !self.both(Self::span(bit, bit)).is_empty()
    }

    /// The bits in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |bit| self.contains(*bit))
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most 128")]
    const fn first(self) -> Option<u8> {
        if self.is_empty() {
            None
        } else {
            Some(self.0.leading_zeros() as u8)
        }
    }

    /// The set as a mask of a word of so many bits, which is right-aligned.
    fn mask(self, bits: u8) -> u128 {
        self.0.checked_shr(128 - u32::from(bits.min(128))).unwrap_or(0)
    }

    /// Adds a field of a word, which these are the bits of, to those that are taken.
    const fn place(self, taken: Self, field: Field) -> Result<Self, LayoutError> {
        if field.last > 127 {
            return Err(LayoutError::Outside { bit: field.last });
        }
        if field.bits() > 64 || field.first > field.last {
            return Err(LayoutError::Field { first: field.first });
        }
        let positions = field.positions();
        if let Some(bit) = positions.without(self).first() {
            return Err(LayoutError::Outside { bit });
        }
        match positions.both(taken).first() {
            Some(bit) => Err(LayoutError::Overlap { bit }),
            None => Ok(taken.union(positions)),
        }
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.iter().peekable();
        let mut comma = "";
        while let Some(first) = bits.next() {
            let mut last = first;
            while let Some(next) = bits.next_if_eq(&(last + 1)) {
                last = next;
            }
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Positions({self})")
    }
}
