//! Faults in the text of an expression.

use std::{fmt, ops::Range};

use keyfob_core::render::{self, Rendered};
use smol_str::SmolStr;
use thiserror::Error;

use crate::function::{ArityError, foreign};

/// The kind of a fault, in the words of the command line and of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The text is no expression.
    Parse,
    /// A function does not exist.
    UnknownFunction,
    /// A function has too few or too many arguments, or an empty one that it needs.
    Arity,
    /// A value is of a type that a function or a comparison can't take.
    Type,
    /// A function can't do with its values what it is asked to.
    Eval,
    /// Every candidate of `SelectUniqueValue` is taken.
    NotUnique,
}

impl ErrorClass {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::UnknownFunction => "unknown_function",
            Self::Arity => "arity",
            Self::Type => "type",
            Self::Eval => "eval",
            Self::NotUnique => "not_unique",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no expression, and where.
///
/// ```
/// use keyfob_expression::Expression;
///
/// let text = "UCase([mail])";
/// let error = Expression::parse(text).unwrap_err();
/// assert_eq!(error.to_string(), "`UCase` is not a function");
/// assert_eq!(error.span(), 0..5);
/// assert_eq!(error.suggestion(), Some("ToUpper"));
/// assert!(error.display_with(text).to_string().ends_with("did you mean `ToUpper`?"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: Box<ParseErrorKind>,
    span: Range<usize>,
}

/// The failure of a step of the grammar.
pub(super) type Fault<'i> = render::Fault<'i, ParseErrorKind>;

/// The fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is longer than the limit.
    #[error("the expression is longer than {limit} characters")]
    TooLong {
        /// The limit in UTF-16 code units.
        limit: usize,
    },
    /// Calls nest deeper than the limit.
    #[error("calls nest deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Nothing stands where an expression belongs.
    #[error("an expression is missing")]
    MissingExpression,
    /// Something else stands where an expression belongs.
    #[error("`{found}` is not an expression")]
    NoExpression {
        /// The text that stands there, shortened.
        found: SmolStr,
    },
    /// A word that is neither a function nor stands for a value.
    #[error("`{found}` is neither a function nor a value")]
    UnknownWord {
        /// The word, shortened.
        found: SmolStr,
        /// A word or function that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// A function that does not exist.
    #[error("`{found}` is not a function{}", if *is_of_cloud_sync { " of app provisioning; cloud sync has it" } else { "" })]
    UnknownFunction {
        /// Its name, shortened.
        found: SmolStr,
        /// A function that was perhaps meant.
        suggestion: Option<SmolStr>,
        /// If true, cloud sync has a function of this name.
        is_of_cloud_sync: bool,
    },
    /// A function has other arguments than it takes.
    #[error(transparent)]
    Arity(#[from] ArityError),
    /// A string in single or typographic quotes.
    #[error("text stands in straight double quotes")]
    Quotes,
    /// Two quotes in a string, as other languages escape one.
    #[error("a quote within text is written \\\"")]
    DoubledQuote,
    /// A string is not closed.
    #[error("the text is not closed")]
    UnclosedText,
    /// A bracket is not closed.
    #[error("the attribute's bracket is not closed")]
    UnclosedAttribute,
    /// Brackets with nothing in them.
    #[error("the name of an attribute is missing")]
    MissingName,
    /// A call is not closed.
    #[error("`)` is missing")]
    UnclosedCall,
    /// A parenthesis that closes no call.
    #[error("`)` closes nothing")]
    Unopened,
    /// A number with more digits than 64 bits hold, or with none.
    #[error("`{found}` is not a number")]
    Number {
        /// The text that stands there, shortened.
        found: SmolStr,
    },
    /// An operator of another language, such as that of Entra Connect.
    #[error("`{found}` is not an operator here; the operators are = <> > >= < <=")]
    ForeignOperator {
        /// The operator.
        found: SmolStr,
    },
    /// A comparison of a comparison.
    #[error("a comparison can't be compared again")]
    ChainedComparison,
    /// Something follows that doesn't belong there.
    #[error("`{found}` can't stand here")]
    Unexpected {
        /// The text that stands there, shortened.
        found: SmolStr,
    },
}

impl ParseErrorKind {
    /// Returns what would have been right there.
    #[must_use]
    pub fn expected(&self) -> Option<&'static str> {
        Some(match self {
            Self::MissingExpression | Self::NoExpression { .. } => {
                "a function, an [attribute], \"text\" or a number"
            }
            Self::UnknownWord { .. } => "a function, an [attribute] or \"text\"",
            Self::MissingName => "a name such as [mail]",
            Self::UnclosedText => "`\"`",
            Self::UnclosedAttribute => "`]`",
            Self::Number { .. } => "a number such as 8, -1.5 or &HFF",
            Self::Unexpected { .. } => "`,`, `)` or the end",
            _ => return None,
        })
    }
}

impl ParseError {
    pub(super) fn new(fault: Fault<'_>, text: &str) -> Self {
        let (kind, span) = fault.locate(text);
        Self { kind, span }
    }

    /// Returns the fault.
    #[must_use]
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match *self.kind {
            ParseErrorKind::UnknownFunction { .. } => ErrorClass::UnknownFunction,
            ParseErrorKind::Arity(_) => ErrorClass::Arity,
            _ => ErrorClass::Parse,
        }
    }

    /// The bytes of the text that are wrong; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Returns what was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match &*self.kind {
            ParseErrorKind::UnknownFunction { suggestion, .. }
            | ParseErrorKind::UnknownWord { suggestion, .. } => suggestion.as_deref(),
            ParseErrorKind::ForeignOperator { found } => foreign::operator(found),
            _ => None,
        }
    }

    /// Returns what else there is to know where a function or an operator is another language's.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match &*self.kind {
            ParseErrorKind::UnknownFunction { found, .. }
            | ParseErrorKind::UnknownWord { found, .. }
            | ParseErrorKind::ForeignOperator { found } => foreign::hint(found),
            _ => None,
        }
    }

    /// The message with the text, a caret under the fault, what was expected and what helps; `text` is what was parsed.
    #[must_use]
    pub fn display_with<'e>(&'e self, text: &'e str) -> impl fmt::Display + 'e {
        let rendered = Rendered {
            message: self,
            text,
            span: Some(self.span()),
            expected: self.kind.expected(),
            suggestion: self.suggestion(),
        };
        Helped {
            rendered,
            help: self.help(),
        }
    }
}

/// A message and what helps on a line of its own.
struct Helped<M> {
    rendered: M,
    help: Option<&'static str>,
}

impl<M: fmt::Display> fmt::Display for Helped<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rendered.fmt(f)?;
        self.help.map_or(Ok(()), |help| write!(f, "\n{help}"))
    }
}
