#![doc = include_str!("../README.md")]

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
    error::{EvaluateError, ParseError, ParseErrorKind, RegexFault},
    evaluate::Context,
};
use self::{evaluate::Evaluation, node::Node};
use keyfob_expression::Value;

/// An expression of the Okta Expression Language, ready to be evaluated any number of times.
///
/// [`Display`](fmt::Display) writes it in one spelling: texts in double quotes, single blanks, `AND`, `OR`, functions
/// by their present names, parentheses only where they are needed. Reading that gives an equal expression.
///
/// ```
/// use keyfob_expression_okta::Expression;
///
/// let expression = Expression::parse("user.salary>1000000 and (!user.isContractor)?toUpperCase('a'):null")?;
/// assert_eq!(
///     expression.to_string(),
///     r#"user.salary > 1000000 AND !user.isContractor ? String.toUpperCase("a") : null"#,
/// );
/// # Ok::<(), keyfob_expression_okta::ParseError>(())
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
