//! The lexemes of expressions. Nothing else looks at their characters.

use std::borrow::Cow;

use keyfob_core::render::{excerpt, first_char};
use nom::{
    IResult, Parser,
    bytes::complete::tag_no_case,
    character::complete::{char, digit1, hex_digit1},
    combinator::{opt, recognize},
    sequence::preceded,
};
use smol_str::{SmolStr, ToSmolStr as _};

use super::{
    Operator,
    error::{Fault, ParseErrorKind},
};
use crate::value::Decimal;

/// The rest of the text, and what was read of it.
pub(super) type Parsed<'i, T> = Result<(&'i str, T), Fault<'i>>;

/// The text after a character of ASCII, where it starts with that.
pub(super) fn after(input: &str, character: u8) -> Option<&str> {
    if input.as_bytes().first() == Some(&character) {
        input.get(1..)
    } else {
        None
    }
}

/// The text after any white space.
pub(super) fn blanks(input: &str) -> &str {
    match input.as_bytes().first() {
        Some(b'!'..=b'~') | None => input,
        _ => input.trim_start(),
    }
}

/// The letters, digits and underscores that a text starts with.
pub(super) fn name(input: &str) -> (&str, &str) {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = input
        .bytes()
        .position(|byte| !in_name(byte))
        .unwrap_or(input.len());
    // What ends a name begins a character, so that the text always divides there.
    let (name, rest) = input.split_at_checked(end).unwrap_or((input, ""));
    (rest, name)
}

/// The operator of a comparison.
pub(super) fn operator(input: &str) -> Option<(&str, Operator)> {
    let (length, operator) = match *input.as_bytes() {
        [b'<', b'>', ..] => (2, Operator::NotEqual),
        [b'<', b'=', ..] => (2, Operator::LessOrEqual),
        [b'>', b'=', ..] => (2, Operator::GreaterOrEqual),
        [b'=', b'=', ..] => return None,
        [b'=', ..] => (1, Operator::Equal),
        [b'<', ..] => (1, Operator::Less),
        [b'>', ..] => (1, Operator::Greater),
        _ => return None,
    };
    Some((input.get(length..)?, operator))
}

/// An operator that expressions of Entra Connect have and those of app provisioning don't.
pub(super) fn foreign_operator(input: &str) -> Option<&str> {
    const SYMBOLS: [&str; 10] = ["&&", "||", "==", "!=", "&", "|", "+", "-", "*", "%"];
    const WORDS: [&str; 4] = ["AND", "OR", "XOR", "MOD"];
    let (_, word) = name(input);
    if WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return Some(word);
    }
    let symbol = SYMBOLS.iter().find(|symbol| input.starts_with(**symbol))?;
    input.get(..symbol.len())
}

/// `%name%`: a letter, and letters, digits, dots, hyphens and underscores after it.
pub(super) fn parameter(input: &str) -> Option<(&str, &str)> {
    let (name, rest) = after(input, b'%')?.split_once('%')?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = name.bytes().all(is_part) && name.starts_with(|first: char| first.is_ascii_alphabetic());
    is_name.then_some((rest, name))
}

/// `[name]`, of whose name the blanks around it are no part. Brackets nest, and those in quotes don't count.
pub(super) fn attribute(input: &str) -> Parsed<'_, &str> {
    let unclosed = || Fault::new(ParseErrorKind::UnclosedAttribute, first_char(input));
    let body = after(input, b'[').ok_or_else(unclosed)?;
    let (mut depth, mut is_quoted) = (0_usize, false);
    for (index, byte) in body.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'[' if !is_quoted => depth += 1,
            b']' if !is_quoted && depth == 0 => {
                let (name, rest) = body.split_at_checked(index).ok_or_else(unclosed)?;
                let rest = after(rest, b']').ok_or_else(unclosed)?;
                return Ok((rest, name));
            }
            b']' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    Err(unclosed())
}

/// The name of an attribute, in which a quote may be escaped as in text.
pub(super) fn unescaped_name(name: &str) -> Cow<'_, str> {
    if !name.contains("\\\"") {
        return Cow::Borrowed(name);
    }
    let mut unescaped = String::with_capacity(name.len());
    for character in name.chars() {
        if character == '"' {
            let kept = unescaped.trim_end_matches('\\').len();
            unescaped.truncate(kept);
        }
        unescaped.push(character);
    }
    Cow::Owned(unescaped)
}

/// Text in double quotes, in which a backslash escapes itself and a quote, and stands for itself elsewhere: then with
/// the first place where it does.
pub(super) fn text(input: &str) -> Parsed<'_, (SmolStr, Option<&str>)> {
    let unclosed = || Fault::new(ParseErrorKind::UnclosedText, input);
    let body = after(input, b'"').ok_or_else(unclosed)?;
    let is_special = |byte| matches!(byte, b'"' | b'\\');
    let end = body.bytes().position(is_special).ok_or_else(unclosed)?;
    let (plain, rest) = body.split_at_checked(end).ok_or_else(unclosed)?;
    match after(rest, b'"') {
        Some(rest) => Ok((rest, (plain.into(), None))),
        None => escaped_text(input, body),
    }
}

/// Text, at the start of `input`, in whose `body` is a backslash or no end.
fn escaped_text<'i>(input: &'i str, body: &'i str) -> Parsed<'i, (SmolStr, Option<&'i str>)> {
    let mut text = String::with_capacity(body.len().min(256));
    let mut unknown = None;
    let mut characters = body.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => {
                let rest = body.get(index + 1..).unwrap_or_default();
                return Ok((rest, (text.into(), unknown)));
            }
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                Some((_, other)) => {
                    let end = index + 1 + other.len_utf8();
                    unknown = unknown.or_else(|| body.get(index..end));
                    text.push('\\');
                    text.push(other);
                }
                None => break,
            },
            other => text.push(other),
        }
    }
    Err(Fault::new(ParseErrorKind::UnclosedText, input))
}

/// A number: decimal, or hexadecimal after `&H`.
pub(super) fn number(input: &str) -> Parsed<'_, Decimal> {
    let decimal: IResult<_, _, ()> =
        recognize((opt(char('-')), digit1, opt((char('.'), digit1)))).parse(input);
    let hexadecimal: IResult<_, _, ()> = preceded(tag_no_case("&h"), hex_digit1).parse(input);
    let read = match (decimal, hexadecimal) {
        (Ok((rest, digits)), _) => Decimal::parse(digits).map(|number| (rest, number)),
        (_, Ok((rest, digits))) => u64::from_str_radix(digits, 16)
            .ok()
            .and_then(|number| Decimal::parse(&number.to_smolstr()))
            .map(|number| (rest, number)),
        _ => None,
    };
    match read {
        Some((rest, number)) if !rest.starts_with(|next: char| next.is_alphanumeric() || next == '.') => {
            Ok((rest, number))
        }
        _ => {
            let ends = |next: char| !(next.is_alphanumeric() || matches!(next, '.' | '-' | '&' | '_'));
            let end = input.find(ends).unwrap_or(input.len());
            let at = input.get(..end).unwrap_or(input);
            Err(Fault::new(ParseErrorKind::Number { found: excerpt(at) }, at))
        }
    }
}

/// The part of `input` before `rest`, which is its end.
pub(super) fn before<'i>(input: &'i str, rest: &str) -> &'i str {
    input
        .get(..input.len().saturating_sub(rest.len()))
        .unwrap_or(input)
}
