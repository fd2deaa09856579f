//! The lexemes of the language. Nothing else looks at the characters of an expression.

use std::ops::Range;

use keyfob_core::render::excerpt;
use keyfob_expression::Decimal;
use smol_str::SmolStr;

use super::error::ParseErrorKind;

/// A lexeme and the bytes where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(SmolStr),
    Text(SmolStr),
    Integer(i64),
    Decimal(Decimal),
    /// An operator, parenthesis, brace, bracket, comma or dot.
    Sign(&'static str),
    End,
}

/// A fault: what is wrong, and where.
pub(super) type Fault = (ParseErrorKind, Range<usize>);

/// Longer signs before those they start with.
const SIGNS: [&str; 24] = [
    ".![", "==", "!=", "<=", ">=", "&&", "||", "?:", "(", ")", "{", "}", "[", "]", ",", ".", "?", ":", "+",
    "-", "<", ">", "!", "=",
];

/// The operators of the Spring Expression Language that Okta's subset lacks; each is refused by name.
const FOREIGN: [&str; 10] = ["++", "--", "?.", ".!", ".?", "*", "/", "%", "^", "&"];

/// Reads one lexeme after another.
pub(super) struct Lexemes<'i> {
    text: &'i str,
    at: usize,
}

impl<'i> Lexemes<'i> {
    pub(super) fn new(text: &'i str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Lexeme, Fault> {
        let rest = self.rest().trim_start();
        self.at = self.text.len() - rest.len();
        let start = self.at;
        let Some(first) = rest.chars().next() else {
            return Ok(self.lexeme(Token::End, start));
        };
        match first {
            '\'' | '"' => self.quoted(first),
            '0'..='9' => self.number(),
            _ if is_name_start(first) => {
                let name = prefix(rest, is_name_part);
                self.at += name.len();
                Ok(self.lexeme(Token::Name(name.into()), start))
            }
            _ => self.sign(first),
        }
    }

    fn rest(&self) -> &'i str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn lexeme(&self, token: Token, start: usize) -> Lexeme {
        Lexeme {
            token,
            span: start..self.at,
        }
    }

    fn sign(&mut self, first: char) -> Result<Lexeme, Fault> {
        let start = self.at;
        let starts = |signs: &'static [&str]| signs.iter().find(|sign| self.rest().starts_with(**sign));
        // `a ?: b` is read before `?`, and `&&` before what is refused as `&`.
        let sign = starts(&SIGNS);
        if let Some(foreign) = starts(&FOREIGN)
            && sign.is_none_or(|sign| sign.len() < foreign.len())
        {
            let found = SmolStr::new_static(foreign);
            return Err((
                ParseErrorKind::UnsupportedOperator { found },
                start..start + foreign.len(),
            ));
        }
        match sign {
            Some(&"=") => Err((ParseErrorKind::Assignment, start..start + 1)),
            Some(sign) => {
                self.at += sign.len();
                Ok(self.lexeme(Token::Sign(sign), start))
            }
            None => {
                let end = start + first.len_utf8();
                let found = excerpt(self.text.get(start..end).unwrap_or_default());
                let kind = if matches!(first, '\u{2018}'..='\u{201F}') {
                    ParseErrorKind::CurlyQuote { found }
                } else {
                    ParseErrorKind::UnexpectedCharacter { found }
                };
                Err((kind, start..end))
            }
        }
    }

    /// A text in quotes, which a quote doubled stands for in it. A backslash is a character like any other.
    fn quoted(&mut self, quote: char) -> Result<Lexeme, Fault> {
        let start = self.at;
        let body = self.rest().get(1..).unwrap_or_default();
        let mut text = String::new();
        let mut rest = body;
        loop {
            let Some((part, after)) = rest.split_once(quote) else {
                return Err((ParseErrorKind::UnclosedString { quote }, start..self.text.len()));
            };
            text.push_str(part);
            let Some(further) = after.strip_prefix(quote) else {
                self.at = self.text.len() - after.len();
                return Ok(self.lexeme(Token::Text(text.into()), start));
            };
            text.push(quote);
            rest = further;
        }
    }

    fn number(&mut self) -> Result<Lexeme, Fault> {
        let start = self.at;
        let rest = self.rest();
        let whole = prefix(rest, |character| character.is_ascii_digit());
        let after = rest.get(whole.len()..).unwrap_or_default();
        let fraction = after.strip_prefix('.').map_or("", |digits| {
            prefix(digits, |character| character.is_ascii_digit())
        });
        let length = if fraction.is_empty() {
            whole.len()
        } else {
            whole.len() + 1 + fraction.len()
        };
        self.at += length;
        // `12px` and `1e5` are neither numbers nor names.
        let tail = prefix(self.rest(), is_name_part);
        if !tail.is_empty() {
            let end = self.at + tail.len();
            let found = excerpt(self.text.get(start..end).unwrap_or_default());
            return Err((ParseErrorKind::MalformedNumber { found }, start..end));
        }
        let digits = rest.get(..length).unwrap_or_default();
        let number = Decimal::parse(digits).filter(|_| digits.len() <= MAX_DIGITS);
        let number = number.ok_or((ParseErrorKind::NumberOutOfRange, start..self.at))?;
        let token = match number.to_i64() {
            Some(integer) => Token::Integer(integer),
            None if fraction.is_empty() => return Err((ParseErrorKind::NumberOutOfRange, start..self.at)),
            None => Token::Decimal(number),
        };
        Ok(self.lexeme(token, start))
    }
}

/// The greatest length of a number, its dot included; that much can still be added exactly.
const MAX_DIGITS: usize = 24;

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|character| !belongs(character)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}
