//! From text to [`Filter`] and [`PatchPath`](crate::PatchPath): one set of lexemes and one grammar for both.
//!
//! Every operand is read once and what follows it is looked at then, so that time is linear; parentheses, `not` and
//! brackets are the only recursion, and each is charged to the limit of depth before it is entered.

mod error;
mod grammar;
mod lexeme;

use std::ops::Range;

use keyfob_core::Dialect;

pub use self::error::{ParseError, ParseErrorKind};
use self::grammar::Grammar;
use crate::{ast::Filter, limits::Limits, path::PatchPathRef};

impl Filter {
    /// Reads a filter by the RFC's grammar alone, within the default [`Limits`].
    ///
    /// # Errors
    /// [`ParseError`], which maps to `invalidFilter`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &Limits::default(), Dialect::strict())
    }

    /// Reads a filter within these limits and with what the dialect allows:
    /// [`ValuePathComparison`](keyfob_core::Quirk::ValuePathComparison),
    /// [`UnquotedDates`](keyfob_core::Quirk::UnquotedDates),
    /// [`SingleQuotes`](keyfob_core::Quirk::SingleQuotes) and
    /// [`LiteralBackslashes`](keyfob_core::Quirk::LiteralBackslashes).
    ///
    /// # Errors
    /// [`ParseError`], which maps to `invalidFilter`.
    ///
    /// # Complexity
    /// Linear in the text; the stack is bounded by the limit of depth.
    pub fn parse_with(text: &str, limits: &Limits, dialect: Dialect) -> Result<Self, ParseError> {
        let mut grammar = Grammar::new(limits, dialect);
        grammar
            .filter(text)
            .map_err(|fault| ParseError::of_filter(fault, text))
    }
}

/// Reads a PATCH path.
#[inline]
pub(crate) fn path<'i>(
    text: &'i str,
    limits: &Limits,
    dialect: Dialect,
) -> Result<PatchPathRef<'i>, ParseError> {
    let mut grammar = Grammar::new(limits, dialect);
    grammar
        .path(text)
        .map_err(|fault| ParseError::of_path(fault, text))
}

/// Where the `index`th attribute path of a filter stands in the text that it was read from, for errors that a tree
/// without places can't point at. `None` where the text is another filter's.
pub(crate) fn locate(text: &str, index: usize) -> Option<Range<usize>> {
    let limits = Limits {
        bytes: usize::MAX,
        terms: usize::MAX,
        ..Limits::default()
    };
    let mut grammar = Grammar::recording(&limits, Dialect::interop());
    grammar.filter(text).ok()?;
    grammar.recorded(text, index)
}
