//! The lexemes of filters and PATCH paths. Nothing else looks at the characters of either.

use std::borrow::Cow;

use keyfob_core::{
    AttrPathRef, DateTime, Dialect, PathError, Quirk,
    name::{closest, synonym},
    render::excerpt,
};
use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::tag,
    character::complete::{char, digit1, one_of},
    combinator::{all_consuming, opt, recognize},
};
use smol_str::SmolStr;

use super::error::{Fault, ParseErrorKind};
use crate::ast::{CompareOp, Literal};

/// What is left of the text, and what was read of it.
pub(super) type Parsed<'i, T> = Result<(&'i str, T), Fault<'i>>;

/// What stands between an attribute and its value, or ends a term.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    Present,
    Compare(CompareOp),
}

/// The text after a character of ASCII, where it starts with that. Cheaper than a search for a pattern, and the
/// parser does little else.
pub(super) fn after(input: &str, character: u8) -> Option<&str> {
    if input.as_bytes().first() == Some(&character) {
        input.get(1..)
    } else {
        None
    }
}

/// The text after any number of blanks.
pub(super) fn blanks(mut input: &str) -> &str {
    while let Some(rest) = after(input, b' ') {
        input = rest;
    }
    input
}

/// The text after one blank or more, where there is one.
pub(super) fn blank(input: &str) -> Option<&str> {
    after(input, b' ').map(blanks)
}

/// All up to the next blank, quote, parenthesis or bracket. Names, URNs, keywords, numbers and dates are words; what
/// kind of word one is follows from its place.
pub(super) fn word(input: &str) -> (&str, &str) {
    let ends_word = |byte| matches!(byte, b' ' | b'"' | b'(' | b')' | b'[' | b']');
    let end = input.bytes().position(ends_word).unwrap_or(input.len());
    // What ends a word is ASCII, so that the text always divides there.
    let (word, rest) = input.split_at_checked(end).unwrap_or((input, ""));
    (rest, word)
}

/// The text after the keyword `and` or `or` with a blank on both of its sides.
pub(super) fn connective<'i>(input: &'i str, keyword: &str) -> Option<&'i str> {
    let (found, rest) = blank(input)?.split_at_checked(keyword.len())?;
    if found.eq_ignore_ascii_case(keyword) {
        blank(rest)
    } else {
        None
    }
}

/// The sub-attribute that a word is.
pub(super) fn sub_attribute(word: &str) -> Result<&str, Fault<'_>> {
    let error = match AttrPathRef::parse(word) {
        Ok(path) if path.schema().is_none() && path.sub().is_none() => return Ok(word),
        // What passes for a path but is no name has a dot or a colon.
        Ok(_) => PathError::TooDeep {
            offset: word.find([':', '.']).unwrap_or_default(),
        },
        Err(error) => error,
    };
    Err(name_fault(word, error))
}

/// Why a word is no name and no path.
#[cold]
pub(super) fn name_fault(word: &str, error: PathError) -> Fault<'_> {
    let rest = word.get(error.offset()..).unwrap_or_default();
    let at = match error {
        PathError::IllegalCharacter { character, .. } => rest.get(..character.len_utf8()),
        PathError::MissingName { .. } => rest.get(..0),
        _ => None,
    };
    Fault::new(error.into(), at.unwrap_or(rest))
}

/// The operator that a word is.
pub(super) fn operator(word: &str) -> Result<Operator, Fault<'_>> {
    if word.is_empty() {
        return Err(Fault::new(ParseErrorKind::MissingOperator, word));
    }
    let [first, second] = *word.as_bytes() else {
        return Err(unknown_operator(word));
    };
    Ok(match [first.to_ascii_lowercase(), second.to_ascii_lowercase()] {
        [b'p', b'r'] => Operator::Present,
        [b'e', b'q'] => Operator::Compare(CompareOp::Eq),
        [b'n', b'e'] => Operator::Compare(CompareOp::Ne),
        [b'c', b'o'] => Operator::Compare(CompareOp::Co),
        [b's', b'w'] => Operator::Compare(CompareOp::Sw),
        [b'e', b'w'] => Operator::Compare(CompareOp::Ew),
        [b'g', b't'] => Operator::Compare(CompareOp::Gt),
        [b'g', b'e'] => Operator::Compare(CompareOp::Ge),
        [b'l', b't'] => Operator::Compare(CompareOp::Lt),
        [b'l', b'e'] => Operator::Compare(CompareOp::Le),
        _ => return Err(unknown_operator(word)),
    })
}

#[cold]
fn unknown_operator(word: &str) -> Fault<'_> {
    /// What other query languages call the operators.
    const SYNONYMS: [(&str, &str); 18] = [
        ("=", "eq"),
        ("==", "eq"),
        ("equals", "eq"),
        ("is", "eq"),
        ("!=", "ne"),
        ("<>", "ne"),
        ("neq", "ne"),
        (">", "gt"),
        (">=", "ge"),
        ("gte", "ge"),
        ("<", "lt"),
        ("<=", "le"),
        ("lte", "le"),
        ("contains", "co"),
        ("like", "co"),
        ("startsWith", "sw"),
        ("endsWith", "ew"),
        ("present", "pr"),
    ];
    Fault::new(
        ParseErrorKind::UnknownOperator {
            found: excerpt(word),
            suggestion: synonym(word, &SYNONYMS).or_else(|| slip_of(word)),
        },
        word,
    )
}

/// The operator that differs from a word of two letters in one of them; similarity measures see nothing in words so
/// short. With two such operators neither is suggested.
fn slip_of(word: &str) -> Option<SmolStr> {
    let operators = CompareOp::ALL.map(CompareOp::as_str).into_iter().chain(["pr"]);
    if word.len() != 2 {
        return closest(word, operators);
    }
    let mut near = operators.filter(|operator| {
        let same = |(left, right): (u8, u8)| left.eq_ignore_ascii_case(&right);
        operator
            .bytes()
            .zip(word.bytes())
            .filter(|pair| same(*pair))
            .count()
            == 1
    });
    near.next().map(SmolStr::new_static)
}

/// A string in double quotes, with the escapes of JSON (RFC 8259 section 7).
pub(super) fn string(input: &str, dialect: Dialect) -> Parsed<'_, Cow<'_, str>> {
    let unclosed = || Fault::new(ParseErrorKind::UnclosedString, input);
    let body = after(input, b'"').ok_or_else(unclosed)?;
    let is_special = |byte| matches!(byte, b'"' | b'\\' | ..b' ');
    let end = body.bytes().position(is_special).ok_or_else(unclosed)?;
    let (text, rest) = body.split_at_checked(end).ok_or_else(unclosed)?;
    match after(rest, b'"') {
        Some(rest) => Ok((rest, Cow::Borrowed(text))),
        None => escaped_string(input, body, dialect),
    }
}

/// A string, at the start of `input`, in whose `body` something is escaped, or should be.
#[cold]
fn escaped_string<'i>(input: &'i str, body: &'i str, dialect: Dialect) -> Parsed<'i, Cow<'i, str>> {
    let mut bytes = body.bytes().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let (body, rest) = body.split_at_checked(index).unwrap_or((body, ""));
                let rest = after(rest, b'"').unwrap_or_default();
                return Ok((rest, Cow::Owned(unescape(body, dialect)?)));
            }
            b'\\' => {
                bytes.next();
            }
            ..b' ' => {
                let at = body.get(index..=index).unwrap_or_default();
                return Err(Fault::new(ParseErrorKind::ControlCharacter, at));
            }
            _ => {}
        }
    }
    Err(Fault::new(ParseErrorKind::UnclosedString, input))
}

/// The text that stands between the quotes as `body`.
fn unescape(body: &str, dialect: Dialect) -> Result<String, Fault<'_>> {
    let literal = if dialect.allows(Quirk::LiteralBackslashes) {
        literal_backslashes(body)
    } else {
        Vec::new()
    };
    let (mut text, mut start) = (String::new(), 0);
    for end in literal {
        text += &unescape_json(body.get(start..end).unwrap_or_default())?;
        text.push('\\');
        start = end + 1;
    }
    text += &unescape_json(body.get(start..).unwrap_or_default())?;
    Ok(text)
}

/// A part of a string without its quotes, whose escapes `serde_json` knows.
fn unescape_json(part: &str) -> Result<String, Fault<'_>> {
    serde_json::from_str(&format!("\"{part}\"")).map_err(|error| {
        // The column is that of the last byte read, behind the quote.
        let end = error.column().saturating_sub(1).min(part.len());
        let start = part
            .get(..end)
            .and_then(|read| read.rfind('\\'))
            .unwrap_or_default();
        let at = part.get(start..end).unwrap_or(part);
        Fault::new(ParseErrorKind::InvalidEscape, at)
    })
}

/// Where backslashes stand that begin no escape of JSON.
fn literal_backslashes(body: &str) -> Vec<usize> {
    let (mut found, mut start) = (Vec::new(), 0);
    while let Some(offset) = body.get(start..).and_then(|rest| rest.find('\\')) {
        let at = start + offset;
        let rest = body.get(at + 1..).unwrap_or_default().as_bytes();
        start = at
            + match rest {
                [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'u', digits @ ..]
                    if digits
                        .iter()
                        .take(4)
                        .filter(|digit| digit.is_ascii_hexdigit())
                        .count()
                        == 4 =>
                {
                    6
                }
                _ => {
                    found.push(at);
                    1
                }
            };
    }
    found
}

/// A string in single quotes, without escapes.
pub(super) fn single_quoted(input: &str, dialect: Dialect) -> Parsed<'_, SmolStr> {
    let unclosed = || Fault::new(ParseErrorKind::UnclosedString, input);
    let body = after(input, b'\'').ok_or_else(unclosed)?;
    let (text, rest) = body.split_once('\'').ok_or_else(unclosed)?;
    let literal = if dialect.allows(Quirk::LiteralBackslashes) {
        literal_backslashes(text)
    } else {
        Vec::new()
    };
    match text.char_indices().find(|(index, character)| match character {
        '\\' => !literal.contains(index),
        other => *other < ' ',
    }) {
        None => Ok((rest, text.into())),
        Some((index, character)) => {
            let kind = if character == '\\' {
                ParseErrorKind::InvalidEscape
            } else {
                ParseErrorKind::ControlCharacter
            };
            Err(Fault::new(kind, text.get(index..=index).unwrap_or(text)))
        }
    }
}

/// The value that a word is: `true`, `false`, `null` or a number.
pub(super) fn simple_value(word: &str) -> Result<Literal, Fault<'_>> {
    match word {
        "" => Err(Fault::new(ParseErrorKind::MissingValue, word)),
        "true" => Ok(Literal::Bool(true)),
        "false" => Ok(Literal::Bool(false)),
        "null" => Ok(Literal::Null),
        _ if word.starts_with('\'') => Err(Fault::new(ParseErrorKind::SingleQuotes, word)),
        _ if is_number(word) => number(word),
        _ => Err(Fault::new(
            ParseErrorKind::InvalidValue {
                found: excerpt(word),
                suggestion: closest(word, ["true", "false", "null"]),
            },
            word,
        )),
    }
}

/// Whether a word is a number of JSON (RFC 8259 section 6).
fn is_number(word: &str) -> bool {
    let number: IResult<_, _, ()> = all_consuming(recognize((
        opt(char('-')),
        alt((tag("0"), digit1)),
        opt((char('.'), digit1)),
        opt((one_of("eE"), opt(one_of("+-")), digit1)),
    )))
    .parse(word);
    number.is_ok()
}

fn number(word: &str) -> Result<Literal, Fault<'_>> {
    if let Ok(integer) = word.parse() {
        return Ok(Literal::Integer(integer));
    }
    match word.parse::<f64>() {
        Ok(decimal) if decimal.is_finite() => Ok(Literal::Decimal(decimal)),
        _ => Err(Fault::new(ParseErrorKind::NumberOutOfRange, word)),
    }
}

/// Whether a word is a date and time that only lacks its quotes.
pub(super) fn is_date(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit()) && word.parse::<DateTime>().is_ok()
}
