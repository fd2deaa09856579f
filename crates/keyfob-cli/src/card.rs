//! `keyfob card`: the formats of access control cards and their words.

use clap::Subcommand;
use keyfob_card::{Card, CardError, DecodeError, Format, Formats, Hex, Layout, NumberError, Word, decimal};
use keyfob_core::render::{Printable, Rendered};

use crate::{Answer, Unusable, output};

/// The commands of `keyfob card`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the formats and what is known of them
    Formats {
        /// Prints them as a table that can be loaded
        #[arg(long)]
        json: bool,
    },
    /// Prints the word of a card
    Encode {
        /// The format, by its name or an alias
        #[arg(long, value_name = "NAME")]
        format: String,
        /// The facility code, for formats that have one
        #[arg(long, value_name = "N")]
        facility: Option<String>,
        /// The card number in decimal, or in hex with `0x`
        #[arg(long, value_name = "N")]
        number: Option<String>,
        /// Prints bits instead of hex digits
        #[arg(long)]
        bits: bool,
    },
    /// Prints the card of a word
    Decode {
        /// The format, by its name or an alias
        #[arg(long, value_name = "NAME")]
        format: String,
        /// Hex digits, or bits with `0b` before them
        word: String,
    },
    /// Prints the cards that a word can be of, one for each format that it fits
    Identify {
        /// Hex digits, leading zeros included, or bits with `0b` before them
        word: String,
    },
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> Result<Answer, Unusable> {
    match command {
        Command::Formats { json } => formats(*json),
        Command::Encode {
            format,
            facility,
            number,
            bits,
        } => encode(format, facility.as_deref(), number.as_deref(), *bits),
        Command::Decode { format, word } => decode(format, word),
        Command::Identify { word } => identify(word),
    }
}

fn formats(json: bool) -> Result<Answer, Unusable> {
    let formats = Formats::built_in();
    if json {
        output::json(formats.to_json())?;
        return Ok(Answer::Done);
    }
    let known = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let line = |name: &str, bits: &str, hex: &str, facility: &str, number: &str, rest: &str| {
        output::line(&format!(
            "{name:28} {bits:>4} {hex:>4} {facility:>8} {number:>20}  {rest}"
        ))
    };
    line("name", "bits", "hex", "facility", "number", "layout     aliases")?;
    for format in formats.as_slice() {
        let layout = format.layout();
        let facility = layout.and_then(Layout::facility);
        let aliases: Vec<_> = format.aliases().collect();
        let rest = format!("{:10} {}", format.certainty().as_str(), aliases.join(", "));
        line(
            format.name(),
            &known(format.bits().map(|bits| bits.to_string())),
            &known(format.hex_digits().map(|digits| digits.to_string())),
            &known(facility.map(|field| field.max().to_string())),
            &known(layout.map(|layout| layout.number().max().to_string())),
            rest.trim_end(),
        )?;
    }
    Ok(Answer::Done)
}

fn encode(name: &str, facility: Option<&str>, number: Option<&str>, bits: bool) -> Result<Answer, Unusable> {
    let format = named(name)?;
    let number = number.ok_or_else(|| Unusable::new("a card has a number; give it with --number"))?;
    let number = read("number", number, card_number)?;
    let facility = facility
        .map(|facility| read("facility code", facility, decimal))
        .transpose()?;
    let card = match format.card(facility, number) {
        Ok(card) => card,
        Err(error @ CardError::Range { .. }) => return Ok(refused(&error)),
        Err(error) => return Err(error.into()),
    };
    if let Some(word) = card.word() {
        let line = if bits { word.to_string() } else { word.hex() };
        output::line(&line)?;
    }
    Ok(Answer::Done)
}

fn decode(name: &str, word: &str) -> Result<Answer, Unusable> {
    let format = named(name)?;
    let decoded = match self::word(word)? {
        Either::Bits(word) => format.decode(word),
        Either::Hex(hex) => format.decode_hex(hex),
    };
    match decoded {
        Ok(card) => print_card(&card),
        Err(error @ DecodeError::UnknownLayout { .. }) => Err(error.into()),
        Err(error) => Ok(refused(&error)),
    }
}

fn identify(word: &str) -> Result<Answer, Unusable> {
    let formats = Formats::built_in();
    let cards = match self::word(word)? {
        Either::Bits(word) => formats.identify(word),
        Either::Hex(hex) => formats.identify_hex(hex),
    };
    let mut answer = Answer::Negative;
    for card in cards {
        answer = print_card(&card)?;
    }
    Ok(answer)
}

fn print_card(card: &Card<'_>) -> Result<Answer, Unusable> {
    let format = serde_json::to_string(card.format().name())?;
    let facility = card
        .facility()
        .map_or_else(|| "null".to_owned(), |facility| facility.to_string());
    let number = card.number();
    output::json(format!(
        r#"{{"format":{format},"facility":{facility},"number":{number},"parity":"ok"}}"#
    ))?;
    Ok(Answer::Done)
}

/// The format with this name.
fn named(name: &str) -> Result<&'static Format, Unusable> {
    Formats::built_in().get(name).map_err(|error| match &error {
        CardError::UnknownFormat { near, .. } if !near.is_empty() => Unusable::rendered(format!(
            "{}\ndid you mean `{}`?",
            Printable(&error),
            near.join("` or `")
        )),
        _ => error.into(),
    })
}

/// A word as it is written.
enum Either {
    /// Its bits.
    Bits(Word),
    /// Its hex digits, from which its length can't be seen.
    Hex(Hex),
}

fn word(text: &str) -> Result<Either, Unusable> {
    if text.trim_ascii_start().starts_with("0b") {
        read("word", text, str::parse).map(Either::Bits)
    } else {
        read("word", text, str::parse).map(Either::Hex)
    }
}

/// Reads a number in decimal, or in hex with `0x`.
fn card_number(text: &str) -> Result<u64, NumberError> {
    if text.trim_ascii_start().starts_with("0x") {
        let hex: Hex = text.parse()?;
        u64::try_from(hex.value()).map_err(|_| NumberError::TooLarge)
    } else {
        decimal(text)
    }
}

/// Reads a number, and shows where it is wrong.
fn read<T>(what: &str, text: &str, read: impl Fn(&str) -> Result<T, NumberError>) -> Result<T, Unusable> {
    read(text).map_err(|error| {
        let span = match error {
            NumberError::Unexpected { at, character } => at..at + character.len_utf8(),
            _ => 0..text.len(),
        };
        let message = format!("the {what} can not be read: {error}");
        Unusable::rendered(Rendered::new(message, text, Some(span)))
    })
}

fn refused(error: &dyn std::error::Error) -> Answer {
    output::report(&format!("keyfob: {error}"));
    Answer::Negative
}
