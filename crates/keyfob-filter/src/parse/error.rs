//! What can be wrong with the text of a filter or a path.

use std::{fmt, ops::Range};

use keyfob_core::{
    ErrorBody, PathError, ScimType, ToErrorBody,
    render::{self, Rendered, with_suggestion},
};
use smol_str::SmolStr;
use thiserror::Error;

/// Why a text is no filter or no PATCH path, and where.
///
/// Its message speaks of the place alone and never repeats the rest of the text.
///
/// ```
/// use keyfob_filter::Filter;
///
/// let text = r#"userName eg "bjensen""#;
/// let error = Filter::parse(text).unwrap_err();
/// assert_eq!(error.to_string(), "`eg` is not an operator");
/// assert_eq!(error.span(), 9..11);
/// assert_eq!(error.suggestion(), Some("eq"));
/// assert_eq!(
///     error.display_with(text).to_string(),
///     concat!(
///         "`eg` is not an operator\n",
///         "  userName eg \"bjensen\"\n",
///         "           ^^ expected one of pr, eq, ne, co, sw, ew, gt, ge, lt, le\n",
///         "did you mean `eq`?",
///     ),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    span: Range<usize>,
    is_path: bool,
}

/// What every step of the grammar returns where it can't read on.
pub(super) type Fault<'i> = render::Fault<'i, ParseErrorKind>;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is longer than the limit.
    #[error("the text is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Parentheses or brackets nest deeper than the limit.
    #[error("parentheses and brackets nest deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// There are more comparisons and presence tests than the limit.
    #[error("there are more than {limit} comparisons")]
    TooManyTerms {
        /// The limit.
        limit: usize,
    },
    /// No attribute, `not` or parenthesis stands where a term belongs.
    #[error("a comparison is missing")]
    MissingTerm,
    /// What stands where an attribute belongs is none.
    #[error(transparent)]
    Name(#[from] PathError),
    /// No operator follows an attribute.
    #[error("an operator is missing")]
    MissingOperator,
    /// What follows an attribute is no operator.
    #[error("`{found}` is not an operator")]
    UnknownOperator {
        /// What stands there, shortened.
        found: SmolStr,
        /// An operator that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// No value follows an operator.
    #[error("a comparison value is missing")]
    MissingValue,
    /// What follows an operator is no JSON value.
    #[error("`{found}` is not a comparison value")]
    InvalidValue {
        /// What stands there, shortened.
        found: SmolStr,
        /// A value that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
    /// A string in single quotes.
    #[error("strings stand in double quotes")]
    SingleQuotes,
    /// A string is not closed.
    #[error("the string is not closed")]
    UnclosedString,
    /// A control character in a string that is not escaped.
    #[error("a control character in a string has to be escaped")]
    ControlCharacter,
    /// A backslash that JSON doesn't know, or half of a surrogate pair.
    #[error("the escape sequence is not one of JSON")]
    InvalidEscape,
    /// A number that no double-precision number comes near.
    #[error("the number is out of range")]
    NumberOutOfRange,
    /// Two tokens that have to be apart are not.
    #[error("a blank is missing")]
    MissingBlank,
    /// A value filter within a value filter.
    #[error("a value filter can't hold another one")]
    NestedValuePath,
    /// A sub-attribute after a value filter, which only PATCH paths have.
    #[error("a filter has no sub-attribute after a value filter")]
    SubAttributeAfterValuePath,
    /// A parenthesis or bracket is not closed.
    #[error("`{closing}` is missing")]
    Unclosed {
        /// What would close it.
        closing: char,
    },
    /// A parenthesis or bracket that nothing opened.
    #[error("`{found}` closes nothing")]
    Unopened {
        /// The parenthesis or bracket.
        found: char,
    },
    /// Something follows a PATCH path.
    #[error("`{found}` can't follow a path")]
    AfterPath {
        /// What stands there, shortened.
        found: SmolStr,
    },
    /// Something follows that doesn't belong there.
    #[error("`{found}` can't stand here")]
    Unexpected {
        /// What stands there, shortened.
        found: SmolStr,
        /// A keyword that was perhaps meant.
        suggestion: Option<SmolStr>,
    },
}

impl ParseErrorKind {
    /// What would have been right there.
    #[must_use]
    pub fn expected(&self) -> Option<&'static str> {
        Some(match self {
            Self::MissingTerm => "an attribute, `not` or `(`",
            Self::Name(_) => "an attribute name such as userName, name.familyName or urn:…:User:department",
            Self::MissingOperator | Self::UnknownOperator { .. } => {
                "one of pr, eq, ne, co, sw, ew, gt, ge, lt, le"
            }
            Self::MissingValue | Self::InvalidValue { .. } | Self::SingleQuotes => {
                "a string in double quotes, a number, true, false or null"
            }
            Self::UnclosedString => "`\"`",
            Self::ControlCharacter => "an escape such as \\n or \\u000a",
            Self::InvalidEscape => {
                "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX; a backslash itself is written \\\\"
            }
            Self::NestedValuePath => "a comparison of a sub-attribute",
            Self::AfterPath { .. } => "the end",
            Self::Unexpected { .. } | Self::SubAttributeAfterValuePath => "`and`, `or` or the end",
            Self::TooLong { .. }
            | Self::TooDeep { .. }
            | Self::TooManyTerms { .. }
            | Self::NumberOutOfRange
            | Self::MissingBlank
            | Self::Unclosed { .. }
            | Self::Unopened { .. } => return None,
        })
    }
}

impl ParseError {
    pub(super) fn of_filter(fault: Fault<'_>, text: &str) -> Self {
        let (kind, span) = fault.locate(text);
        Self {
            kind: *kind,
            span,
            is_path: false,
        }
    }

    pub(super) fn of_path(fault: Fault<'_>, text: &str) -> Self {
        Self {
            is_path: true,
            ..Self::of_filter(fault, text)
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// The bytes of the text that are wrong; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What was perhaps meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match &self.kind {
            ParseErrorKind::UnknownOperator { suggestion, .. }
            | ParseErrorKind::InvalidValue { suggestion, .. }
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
}

impl ToErrorBody for ParseError {
    /// 400 with `invalidFilter` for a filter and `invalidPath` for a PATCH path.
    fn to_error_body(&self) -> ErrorBody {
        let (scim_type, what) = if self.is_path {
            (ScimType::InvalidPath, "path")
        } else {
            (ScimType::InvalidFilter, "filter")
        };
        let mut detail = format!(
            "the {what} is malformed at byte {}: {}",
            self.span.start, self.kind
        );
        if let Some(expected) = self.kind.expected() {
            detail.push_str("; expected ");
            detail.push_str(expected);
        }
        ErrorBody::bad_request(scim_type, with_suggestion(detail, self.suggestion()))
    }
}
