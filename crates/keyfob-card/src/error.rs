//! What can be wrong with a card, a word, a number or a table of formats.

use smol_str::SmolStr;
use thiserror::Error;

use crate::{layout::Field, read::Part};

/// Why there is no such card.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CardError {
    /// No format has this name.
    #[error("there is no card format `{name}`")]
    UnknownFormat {
        /// The name that was given.
        name: SmolStr,
        /// The names of formats it may have been meant to be, the nearest first, at most three.
        near: Vec<SmolStr>,
    },
    /// Too little is known of the format for cards of it to be accepted.
    #[error("the layout of the card format `{format}` is not certain enough to accept cards of it")]
    Uncertain {
        /// The format.
        format: SmolStr,
    },
    /// The bits of the format's words are not known.
    #[error("the layout of the card format `{format}` is not known")]
    UnknownLayout {
        /// The format.
        format: SmolStr,
    },
    /// What was given is not a number.
    #[error("the {part} `{text}` is not {}: {error}", part.notation())]
    Malformed {
        /// Which of the numbers.
        part: Part,
        /// What was given.
        text: SmolStr,
        /// What is wrong with it.
        error: NumberError,
    },
    /// A number is larger than its field.
    #[error("the {part} {value} is larger than {max}, the largest of the card format `{format}`")]
    Range {
        /// Which of the numbers.
        part: Part,
        /// The number.
        value: u128,
        /// The largest one.
        max: u64,
        /// The format.
        format: SmolStr,
    },
    /// The hex digits are not as many as the format has.
    #[error(
        "the {} has {actual} digits, and the card format `{format}` has {expected}",
        Part::NumberHex
    )]
    HexDigits {
        /// How many there are: for a serial number exactly, otherwise at most.
        expected: u8,
        /// How many were given.
        actual: u8,
        /// The format.
        format: SmolStr,
    },
    /// The numbers take more bits than a word of the format has.
    #[error("the numbers take {actual} bits, and the card format `{format}` has {bits}")]
    Width {
        /// How many a word has.
        bits: u8,
        /// How many the numbers take.
        actual: u32,
        /// The format.
        format: SmolStr,
    },
    /// The format has a facility code and none was given.
    #[error("the card format `{format}` needs a facility code")]
    FacilityMissing {
        /// The format.
        format: SmolStr,
    },
    /// The format has no facility code and one was given.
    #[error("the card format `{format}` has no facility code")]
    FacilityUnused {
        /// The format.
        format: SmolStr,
    },
    /// A byte order was given and the format's number is not a serial number of whole bytes.
    #[error("the card format `{format}` has no serial number")]
    NoSerialNumber {
        /// The format.
        format: SmolStr,
    },
}

/// Why a word is not of a format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bits of the format's words are not known.
    #[error("the layout of the card format `{format}` is not known")]
    UnknownLayout {
        /// The format.
        format: SmolStr,
    },
    /// The word is not as long as those of the format.
    #[error("the word has {actual} bits instead of {expected}")]
    Length {
        /// How many bits the format has.
        expected: u8,
        /// How many bits the word has.
        actual: u8,
    },
    /// The word has not as many hex digits as those of the format.
    #[error("the word has {actual} hex digits instead of {expected}")]
    HexDigits {
        /// How many there are: for a serial number exactly, otherwise at most.
        expected: u8,
        /// How many were given.
        actual: u8,
    },
    /// Bits that are the same on every card are others.
    #[error("the field at {field} is {actual} instead of {expected}")]
    Fixed {
        /// Where they stand.
        field: Field,
        /// What they are on every card.
        expected: u64,
        /// What they are.
        actual: u64,
    },
    /// A parity bit is wrong, or one of the bits it is taken over.
    #[error("the parity at bit {bit} is wrong")]
    Parity {
        /// The place of the parity bit.
        bit: u8,
    },
}

/// Why bits are no word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WordError {
    /// A word has 1 to 128 bits.
    #[error("a word has 1 to 128 bits, not {length}")]
    Length {
        /// The length that was given.
        length: u8,
    },
    /// There are bits beyond the word's length.
    #[error("the number does not fit into {length} bits")]
    Large {
        /// The length of the word.
        length: u8,
    },
}

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NumberError {
    /// There is no digit.
    #[error("there are no digits")]
    Empty,
    /// Something stands there that is no digit of the number.
    #[error("`{character}` is not one of its digits")]
    Unexpected {
        /// What stands there.
        character: char,
        /// Where, in bytes from the beginning of the text.
        at: usize,
    },
    /// Neither a decimal number of 64 bits nor a hex or bit number of 128 holds it.
    #[error("it is too large")]
    TooLarge,
}

/// Why fields and parities don't make a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A word has 1 to 128 bits.
    #[error("a word has 1 to 128 bits, not {bits}")]
    Width {
        /// How many were said.
        bits: u8,
    },
    /// A field has no bits or more than 64.
    #[error("the field at bit {first} does not have 1 to 64 bits")]
    Field {
        /// The first bit of the field.
        first: u8,
    },
    /// A field or a parity names a bit that the word doesn't have.
    #[error("bit {bit} is outside the word")]
    Outside {
        /// The bit.
        bit: u8,
    },
    /// Two fields or parities have the same bit.
    #[error("bit {bit} belongs to two fields")]
    Overlap {
        /// The bit.
        bit: u8,
    },
    /// A bit is in no field and no parity.
    #[error("bit {bit} belongs to no field")]
    Gap {
        /// The bit.
        bit: u8,
    },
    /// The value of a field doesn't fit into it.
    #[error("the value of the field at bit {bit} does not fit into it")]
    Value {
        /// The first bit of the field.
        bit: u8,
    },
    /// A parity is taken over itself, or over one that is computed later.
    #[error("the parity at bit {bit} is taken over the parity at bit {over}, which is computed no earlier")]
    ParityOrder {
        /// The place of the parity.
        bit: u8,
        /// The place of the other.
        over: u8,
    },
}

/// Why a file is no table of formats.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file is not JSON, or not an array of formats.
    #[error("the table is not a JSON array of formats")]
    Syntax(#[source] serde_json::Error),
    /// A format is not one.
    #[error("the card format `{name}` is wrong")]
    Row {
        /// The name that the file gives it.
        name: SmolStr,
        /// What is wrong with it.
        #[source]
        error: RowError,
    },
}

/// What is wrong with a format in a table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowError {
    /// The name, or an alias, has no letter and no digit.
    #[error("a name is empty")]
    NoName,
    /// Another format has this name or alias, up to case, blanks, `-` and `_`.
    #[error("the name `{name}` is taken by `{format}`")]
    NameTaken {
        /// The name.
        name: SmolStr,
        /// The format that has it.
        format: SmolStr,
    },
    /// Where bits stand is not said as `3`, `1-8` or `1-8,10`.
    #[error("`{text}` is not a list of bits such as `1-8,10`")]
    Positions {
        /// What is said.
        text: SmolStr,
    },
    /// Where a field stands is not said as `3` or `1-8`.
    #[error("`{text}` is not a field such as `1-8`")]
    Field {
        /// What is said.
        text: SmolStr,
    },
    /// A parity is either even or odd.
    #[error("the parity at bit {bit} needs either `even` or `odd`")]
    Parity {
        /// The place of the parity.
        bit: u8,
    },
    /// The number of bits is missing, and fields are given.
    #[error("there are fields, and `bits` is missing")]
    NoBits,
    /// The place of the card number is missing, and other fields are given.
    #[error("there are fields, and `number` is missing")]
    NoNumber,
    /// The certainty, or the serial number, claims a layout, and there is none.
    #[error("`certainty` or `serialNumber` claims a layout, and there is none")]
    NoLayout,
    /// A serial number has no facility code beside it.
    #[error("a serial number has no facility code")]
    SerialNumber,
    /// A value stands beside a meaning that has none, or is missing beside one that has.
    #[error("`value` is for the meanings `fixed` and `manufacturer`, and they need it")]
    Value,
    /// The fields and parities don't make a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}
