//! Faults of expressions, and of the values that they are evaluated against.

use std::{fmt, ops::Range};

use keyfob_core::render::Rendered;
use keyfob_expression::ErrorClass;
use smol_str::SmolStr;
use thiserror::Error;

/// Why a text is no expression of the Okta Expression Language, and where.
///
/// ```
/// use keyfob_expression_okta::Expression;
///
/// let text = "String.toUppercase(user.login)";
/// let error = Expression::parse(text).unwrap_err();
/// assert_eq!(error.to_string(), "`String.toUppercase` is not a function");
/// assert_eq!(error.span(), 0..18);
/// assert_eq!(error.suggestion(), Some("String.toUpperCase"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    span: Range<usize>,
}

/// The fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is longer than the limit.
    #[error("the expression is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Operators and parentheses nest deeper than the limit.
    #[error("the expression nests deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// There are more values and calls than the limit.
    #[error("there are more than {limit} values and calls")]
    TooManyTerms {
        /// The limit.
        limit: usize,
    },
    /// A character that the language doesn't have.
    #[error("`{found}` has no meaning here")]
    UnexpectedCharacter {
        /// The character.
        found: SmolStr,
    },
    /// A typographic quotation mark, which word processors put in place of a straight one.
    #[error("`{found}` is not a quotation mark of the language")]
    CurlyQuote {
        /// The character.
        found: SmolStr,
    },
    /// A text is not closed.
    #[error("the text is not closed")]
    UnclosedString {
        /// The quotation mark that would close it.
        quote: char,
    },
    /// A number with letters behind it.
    #[error("`{found}` is not a number")]
    MalformedNumber {
        /// The text that stands there, shortened.
        found: SmolStr,
    },
    /// A number beyond 64 bits, or with too many digits.
    #[error("the number is out of range")]
    NumberOutOfRange,
    /// `=`, which would assign.
    #[error("`=` would assign a value, which an expression can't")]
    Assignment,
    /// An operator of the Spring Expression Language that Okta's subset doesn't have.
    #[error("the operator `{found}` is not part of the language")]
    UnsupportedOperator {
        /// The operator.
        found: SmolStr,
    },
    /// No function has that name.
    #[error("`{found}` is not a function")]
    UnknownFunction {
        /// The name, shortened.
        found: SmolStr,
        /// A function that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// No method has that name.
    #[error("`{found}` is not a method")]
    UnknownMethod {
        /// The name, shortened.
        found: SmolStr,
        /// A method that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// A function has too many or too few arguments.
    #[error("`{function}` takes {expected}, not {found}")]
    Arity {
        /// The function.
        function: &'static str,
        /// The number of arguments that it takes, in words.
        expected: SmolStr,
        /// The number that there is.
        found: usize,
    },
    /// A function of arrays, of time or of conversion in what decides a conditional expression.
    #[error("`{function}` can't stand in the condition before a `?`")]
    InCondition {
        /// The function.
        function: &'static str,
    },
    /// A value is missing.
    #[error("a value is missing")]
    MissingValue,
    /// A name is missing after a dot.
    #[error("the name of an attribute is missing")]
    MissingName,
    /// A second comparison right after the first.
    #[error("a comparison can't be compared again")]
    ChainedComparison,
    /// A conditional expression without its other half.
    #[error("the value where the condition doesn't hold is missing")]
    MissingOtherwise,
    /// A parenthesis, brace or bracket is not closed.
    #[error("`{closing}` is missing")]
    Unclosed {
        /// The sign that closes it.
        closing: &'static str,
    },
    /// Something stands where it doesn't belong.
    #[error("`{found}` can't stand here")]
    Unexpected {
        /// The text that stands there, shortened.
        found: SmolStr,
        /// The word that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
}

impl ParseErrorKind {
    /// Returns what would have been right there.
    #[must_use]
    pub fn expected(&self) -> Option<&'static str> {
        Some(match self {
            Self::CurlyQuote { .. } => "`\"` or `'`",
            Self::UnclosedString { quote: '\'' } => "`'`",
            Self::UnclosedString { .. } => "`\"`",
            Self::UnsupportedOperator { .. } | Self::Unexpected { .. } => {
                "`+`, `-`, a comparison, `AND`, `OR`, `?` or the end"
            }
            Self::MissingValue => "an attribute such as user.login, a call, a literal, `!` or `(`",
            Self::MissingOtherwise => "`:`",
            Self::ChainedComparison => "`AND`, `OR`, `?` or the end",
            _ => return None,
        })
    }
}

impl ParseError {
    pub(super) fn new(kind: ParseErrorKind, span: Range<usize>) -> Self {
        Self { kind, span }
    }

    /// Returns the fault.
    #[must_use]
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// The bytes of the text that are wrong; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Returns what was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match &self.kind {
            ParseErrorKind::Assignment => Some("=="),
            ParseErrorKind::UnknownFunction { suggestion, .. }
            | ParseErrorKind::UnknownMethod { suggestion, .. }
            | ParseErrorKind::Unexpected { suggestion, .. } => suggestion.as_deref(),
            _ => None,
        }
    }

    /// The message with the text, a caret under the fault and what was expected; `text` is what was parsed.
    #[must_use]
    pub fn display_with<'e>(&'e self, text: &'e str) -> impl fmt::Display + 'e {
        Rendered {
            message: self,
            text,
            span: Some(self.span()),
            expected: self.kind.expected(),
            suggestion: self.suggestion(),
        }
    }

    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.kind {
            ParseErrorKind::UnknownFunction { .. } | ParseErrorKind::UnknownMethod { .. } => {
                ErrorClass::UnknownFunction
            }
            ParseErrorKind::Arity { .. } => ErrorClass::Arity,
            _ => ErrorClass::Parse,
        }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A value has another type than a function or operator takes.
    #[error("`{function}` takes {expected}, not {found}")]
    Type {
        /// The function or operator.
        function: &'static str,
        /// The description of what it takes.
        expected: &'static str,
        /// The description of what it was given.
        found: &'static str,
    },
    /// A position beyond a text or an array.
    #[error("position {position} of `{function}` is out of bounds: the length is {length}")]
    Position {
        /// The function.
        function: &'static str,
        /// The position.
        position: i64,
        /// The length, in UTF-16 code units or elements.
        length: usize,
    },
    /// A number beyond what its type holds.
    #[error("the result of `{function}` is out of range")]
    OutOfRange {
        /// The function or operator.
        function: &'static str,
    },
    /// A text that doesn't have the form that a function reads.
    #[error("`{function}` can't read `{text}`")]
    Malformed {
        /// The function.
        function: &'static str,
        /// The text, shortened.
        text: SmolStr,
    },
    /// A time zone that nobody knows.
    #[error("`{zone}` is not a time zone")]
    UnknownZone {
        /// The time zone's name, shortened.
        zone: SmolStr,
    },
    /// A pattern for dates with a letter that has no meaning, or that can't be read back.
    #[error("the pattern letter `{letter}` {problem}")]
    Pattern {
        /// The letter.
        letter: char,
        /// The fault in it.
        problem: &'static str,
    },
    /// A regular expression that can't be matched.
    #[error("the regular expression `{pattern}` {fault}")]
    Regex {
        /// The regular expression, shortened.
        pattern: SmolStr,
        /// The fault.
        fault: RegexFault,
    },
    /// A function asks for other users or for groups, and the caller supplied none.
    #[error("`{function}` asks for the directory, which was not supplied")]
    NoDirectory {
        /// The function.
        function: &'static str,
    },
    /// A function asks for a property of the user that the source doesn't have.
    #[error("`{function}` asks for `{property}` of the user, which was not supplied")]
    NoProperty {
        /// The function.
        function: &'static str,
        /// The property.
        property: SmolStr,
    },
    /// The texts and lists that come up hold more than the limit.
    #[error("the values hold more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

/// Why a regular expression can't be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegexFault {
    /// It is none of Java's, or asks for what is not supported.
    #[error(
        "is no pattern of Java, or has what is not supported: the flags `d`, `x` and `U`, `\\G`, `\\X`, a block of \
         characters, a reference to a tenth group"
    )]
    Malformed,
    /// It or a text is too long.
    #[error("takes patterns and texts of {pattern} and {text} bytes, and one of them is longer")]
    TooLong {
        /// The longest pattern.
        pattern: usize,
        /// The longest text.
        text: usize,
    },
    /// The search goes back too often.
    #[error(
        "takes too many steps; write it without a repetition within a repetition, or without a reference to a group"
    )]
    TooManySteps,
}

impl EvaluateError {
    /// Returns the kind of the fault.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Type { .. } => ErrorClass::Type,
            _ => ErrorClass::Eval,
        }
    }
}
