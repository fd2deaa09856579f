//! The Okta Expression Language: the classic dialect, in which profile mappings and group rules are written, and the
//! methods of values that Okta Identity Engine has beside it.
//!
//! ```
//! use keyfob_mapping::{Source, okta::{Context, Expression}};
//!
//! let source = Source::from_json(br#"{"user": {"firstName": "Winston", "lastName": "Churchill"}}"#)?;
//! let expression = Expression::parse(
//!     r#"String.toLowerCase(String.substring(user.firstName, 0, 1) + "." + user.lastName)"#,
//! )?;
//! let value = expression.evaluate(&Context::new(&source, "2026-01-01T00:00:00Z".parse()?))?;
//! assert_eq!(value, "w.churchill".into());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Both styles stand in one expression:
//!
//! ```
//! use keyfob_mapping::{Source, okta::{Context, Expression}};
//!
//! let source = Source::from_json(br#"{"user": {"profile": {"login": "Winston@example.com"}}}"#)?;
//! let expression = Expression::parse(r#"user.profile.login.substringBefore("@").toUpperCase()"#)?;
//! let value = expression.evaluate(&Context::new(&source, "2026-01-01T00:00:00Z".parse()?))?;
//! assert_eq!(value, "WINSTON".into());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where Okta's documentation leaves something open, the Spring Expression Language and Java decide, on which the
//! language is built, with these exceptions and doubts:
//!
//! - Null is the empty text where texts are put together, by `+`, `String.append` and `String.join`. Any other
//!   function of texts gives null for null, and `String.len` gives 0.
//! - An attribute that is not there is null, and so is every attribute of null.
//! - What is compared keeps its type: `"123" == 123` does not hold.
//! - `String.replace` and `String.replaceFirst` take their texts literally.
//! - `String.substringBefore` gives the whole text and `String.substringAfter` the empty one where nothing is found.
//! - Positions beyond a text or an array are an error, as in Java.
//! - What is no country's code becomes null.
//! - `Time.fromStringToIso8601` and `Time.fromIso8601ToString` are in UTC where the text names no zone; Unix times are
//!   seconds.
//! - A method of null gives null; of null `length` and `size` give 0, `contains` false and `isEmpty` true.
//! - A time of Identity Engine is the text in which it is written; `toZone` writes the zone's name behind it.
//! - Functions of arrays, of conversion and of time are refused before a `?`, methods are not; see
//!   [`any_function_decides`](ParseOptions::any_function_decides).

mod array;
mod convert;
mod directory;
mod document;
mod error;
mod evaluate;
mod function;
mod group;
mod joda;
mod lexeme;
mod method;
mod node;
mod number;
mod parse;
mod print;
#[cfg(test)]
mod properties;
mod regex;
mod text;
mod time;

use std::fmt;

pub use self::{
    directory::Directory,
    document::{FunctionDocument, functions},
    error::{EvaluateError, ParseError, ParseErrorKind},
    evaluate::Context,
};
use self::{evaluate::Evaluation, node::Node};
use crate::value::Value;

/// An expression of the Okta Expression Language, ready to be evaluated any number of times.
///
/// [`Display`](fmt::Display) writes it in one spelling: texts in double quotes, single blanks, `AND`, `OR`, functions
/// by their present names, parentheses only where they are needed. Reading that gives an equal expression.
///
/// ```
/// use keyfob_mapping::okta::Expression;
///
/// let expression = Expression::parse("user.salary>1000000 and (!user.isContractor)?toUpperCase('a'):null")?;
/// assert_eq!(
///     expression.to_string(),
///     r#"user.salary > 1000000 AND !user.isContractor ? String.toUpperCase("a") : null"#,
/// );
/// # Ok::<(), keyfob_mapping::okta::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node);

/// The limits of an expression, checked before the work is done, and the strictness of its reading.
///
/// An expression that was accepted is printed, evaluated and dropped within a stack of 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseOptions {
    /// The length of the text in bytes.
    pub bytes: usize,
    /// The deepest nesting of calls, parentheses, prefixes and conditional expressions. The arms of
    /// `a ? b : c ? d : e` are all on one level.
    pub depth: usize,
    /// The greatest number of attributes, literals and calls.
    pub terms: usize,
    /// If true, functions of arrays, of conversion and of time may stand before a `?`, which Okta's documentation says
    /// is not supported.
    pub any_function_decides: bool,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            depth: 32,
            terms: 1024,
            any_function_decides: false,
        }
    }
}

impl Expression {
    /// Reads an expression with the default [`ParseOptions`].
    ///
    /// # Errors
    /// [`ParseError`], with the place of the fault.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &ParseOptions::default())
    }

    /// Reads an expression within these limits.
    ///
    /// # Errors
    /// [`ParseError`], with the place of the fault.
    ///
    /// # Complexity
    /// Linear in the text; the stack is bounded by the limit of depth.
    pub fn parse_with(text: &str, options: &ParseOptions) -> Result<Self, ParseError> {
        parse::parse(text, options).map(Self)
    }

    /// The value of the expression.
    ///
    /// Booleans, numbers and lists keep their type. Times are texts, as the language has them.
    ///
    /// # Errors
    /// [`EvaluateError`]: a value of the wrong type, a position beyond a text, a directory that was not supplied, or
    /// values that together hold more than 1 MiB.
    ///
    /// # Complexity
    /// Each part of the expression is evaluated at most once, in time linear in the values that it reads; a regular
    /// expression has a limit of steps of its own.
    pub fn evaluate(&self, cx: &Context<'_>) -> Result<Value, EvaluateError> {
        Evaluation::new(cx).node(&self.0)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
