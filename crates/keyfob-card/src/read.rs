//! A card out of the texts that were submitted for it.

use std::fmt;

use crate::{
    card::{ByteOrder, Card},
    error::{CardError, NumberError},
    format::Format,
    formats::{Formats, Strictness},
    text::{Hex, decimal},
};

/// The texts of a card as they were submitted, all of them as they are. One that is empty is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers name the four parts; a fifth would have to change them"
)]
pub struct Submitted<'a> {
    /// The name of the format.
    pub format: &'a str,
    /// The card number in decimal.
    pub number: &'a str,
    /// The card number in hex; for a serial number, its bytes as they are printed.
    pub number_hex: &'a str,
    /// The facility code in decimal.
    pub facility: &'a str,
}

/// What was submitted, as a card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading<'f> {
    /// There is no card yet.
    Incomplete {
        /// What has to be given for one, as far as the format is known.
        missing: Vec<Part>,
    },
    /// There is a card.
    Card {
        /// The card.
        card: Card<'f>,
        /// What was given and had no part in it.
        warnings: Vec<Warning>,
    },
}

/// One of the texts that make a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The name of the format.
    Format,
    /// The card number in decimal.
    Number,
    /// The card number in hex.
    NumberHex,
    /// The facility code.
    Facility,
}

/// Something was given that had no part in the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// The hex says something else than the number.
    HexIgnored,
    /// The number says something else than the hex of a serial number, in either order of its bytes.
    NumberIgnored,
    /// The format has no facility code.
    FacilityIgnored,
}

impl Part {
    /// How it is written.
    pub(crate) fn notation(self) -> &'static str {
        match self {
            Self::Format => "a name",
            Self::Number | Self::Facility => "a decimal number",
            Self::NumberHex => "a hex number",
        }
    }
}

impl Warning {
    /// Its name: `hexIgnored`, `numberIgnored` or `facilityIgnored`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HexIgnored => "hexIgnored",
            Self::NumberIgnored => "numberIgnored",
            Self::FacilityIgnored => "facilityIgnored",
        }
    }

    /// The warning with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::HexIgnored, Self::NumberIgnored, Self::FacilityIgnored]
            .into_iter()
            .find(|warning| warning.as_str() == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "card format",
            Self::Number => "card number",
            Self::NumberHex => "card number in hex",
            Self::Facility => "facility code",
        })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HexIgnored => "the card number in hex is another than the card number and was ignored",
            Self::NumberIgnored => "the card number is another than its hex form and was ignored",
            Self::FacilityIgnored => "the card format has no facility code; the one given was ignored",
        })
    }
}

impl Formats {
    /// The card that the submitted texts make.
    ///
    /// - A format with a facility code needs it and a number; one without needs a number. The number is the decimal
    ///   one; the one in hex stands in for it where it is absent, and is otherwise only compared with it.
    /// - A serial number needs the hex, with all its digits; a decimal number is only compared with it.
    /// - Where the layout isn't certain ([`Format::is_certain`]), any number in either notation makes a card.
    ///
    /// What is incomplete is never an error, whatever the numbers are; an unknown format always is.
    ///
    /// ```
    /// # use keyfob_card::{Formats, Reading, Submitted, Warning};
    /// let submitted = Submitted { format: "Standard 26-bit Wiegand", number: "7777", number_hex: "7", facility: "111" };
    /// let Reading::Card { card, warnings } = Formats::built_in().read(&submitted)? else { unreachable!() };
    /// assert_eq!(card.word().map(|word| word.hex()), Some("2DE3CC3".to_owned()));
    /// assert_eq!(warnings, [Warning::HexIgnored]);
    /// # Ok::<(), keyfob_card::CardError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no such format, [`Strictness`] forbids it, a text is no number, or a number is out of range.
    pub fn read(&self, submitted: &Submitted<'_>) -> Result<Reading<'_>, CardError> {
        let Submitted {
            format: name,
            number,
            number_hex,
            facility,
        } = submitted.trimmed();
        let no_number = number.is_empty() && number_hex.is_empty();
        if name.is_empty() {
            let missing = [Some(Part::Format), no_number.then_some(Part::Number)];
            return Ok(Reading::incomplete(missing));
        }
        let format = self.get(name)?;
        if self.strictness() == Strictness::CertainOnly && !format.is_certain() {
            return Err(CardError::Uncertain {
                format: format.name.clone(),
            });
        }
        let certain = format.is_certain() && self.strictness() != Strictness::NameOnly;
        let has_facility = format.layout().is_some_and(|layout| layout.facility().is_some());
        let no_facility = certain && has_facility && facility.is_empty();
        let no_serial_number = certain && format.serial_number && number_hex.is_empty();
        if no_facility || no_serial_number || no_number {
            let number = if certain && format.serial_number {
                Part::NumberHex
            } else {
                Part::Number
            };
            return Ok(Reading::incomplete([
                no_facility.then_some(Part::Facility),
                (no_serial_number || no_number).then_some(number),
            ]));
        }
        let decimal_number = optional(Part::Number, number, decimal)?;
        let hex = optional(Part::NumberHex, number_hex, str::parse::<Hex>)?;
        let mut facility = optional(Part::Facility, facility, decimal)?;
        let mut warnings = Vec::new();
        if certain && !has_facility && facility.take().is_some() {
            warnings.push(Warning::FacilityIgnored);
        }
        let by_hex = hex.filter(|_| format.serial_number || decimal_number.is_none());
        let number = match (by_hex, decimal_number) {
            (Some(hex), _) => number_of(hex, format, certain)?,
            (None, Some(number)) => number,
            (None, None) => return Ok(Reading::incomplete([None, Some(Part::Number)])),
        };
        let card = if certain {
            format.card(facility, number)?
        } else {
            if self.strictness() != Strictness::NameOnly {
                has_room(format, facility, number)?;
            }
            let word_is_known = by_hex.is_some() || !format.serial_number;
            let card = format.card(facility, number).ok().filter(|_| word_is_known);
            Card {
                format,
                facility,
                number,
                word: card.and_then(|card| card.word()),
            }
        };
        if by_hex.is_none() && hex.is_some_and(|hex| !says(hex, &card)) {
            warnings.push(Warning::HexIgnored);
        }
        if by_hex.is_some() && decimal_number.is_some_and(|number| !is_serial_number(number, &card)) {
            warnings.push(Warning::NumberIgnored);
        }
        Ok(Reading::Card { card, warnings })
    }
}

impl Reading<'_> {
    fn incomplete(missing: [Option<Part>; 2]) -> Self {
        Self::Incomplete {
            missing: missing.into_iter().flatten().collect(),
        }
    }
}

impl Submitted<'_> {
    fn trimmed(&self) -> Self {
        Self {
            format: self.format.trim_ascii(),
            number: self.number.trim_ascii(),
            number_hex: self.number_hex.trim_ascii(),
            facility: self.facility.trim_ascii(),
        }
    }
}

fn optional<T>(
    part: Part,
    text: &str,
    read: impl Fn(&str) -> Result<T, NumberError>,
) -> Result<Option<T>, CardError> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text).map(Some).map_err(|error| CardError::Malformed {
        part,
        text: text.into(),
        error,
    })
}

/// The card number that hex digits are.
fn number_of(hex: Hex, format: &Format, certain: bool) -> Result<u64, CardError> {
    if let Some(expected) = format.hex_digits().filter(|_| certain)
        && !format.takes_digits(hex, expected)
    {
        return Err(CardError::HexDigits {
            expected,
            actual: hex.digits(),
            format: format.name.clone(),
        });
    }
    u64::try_from(hex.value()).map_err(|_| CardError::Range {
        part: Part::NumberHex,
        value: hex.value(),
        max: format.layout().map_or(u64::MAX, |layout| layout.number().max()),
        format: format.name.clone(),
    })
}

/// Refuses numbers for which a word of the format has no room, whatever its layout is.
fn has_room(format: &Format, facility: Option<u64>, number: u64) -> Result<(), CardError> {
    let width = |number: u64| u64::BITS - number.leading_zeros();
    let actual = width(number) + facility.map_or(0, width);
    match format.bits() {
        Some(bits) if actual > u32::from(bits) => Err(CardError::Width {
            bits,
            actual,
            format: format.name.clone(),
        }),
        _ => Ok(()),
    }
}

/// Whether hex digits are the number of a card, or its word.
fn says(hex: Hex, card: &Card<'_>) -> bool {
    hex.value() == card.number.into() || card.word.is_some_and(|word| word.bits() == hex.value())
}

/// Whether a decimal number is the serial number of a card in either byte order.
fn is_serial_number(number: u64, card: &Card<'_>) -> bool {
    let reversed = card.format.card_of_serial_number(number, ByteOrder::LittleEndian);
    number == card.number || reversed.is_ok_and(|reversed| reversed == *card)
}
