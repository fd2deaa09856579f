//! Lints: remarks on what is allowed and probably a mistake.

mod rules;

use std::ops::Range;

use smol_str::{SmolStr, format_smolstr};

use crate::{
    expression::{Expression, ParseError, Reading, Remark, locate},
    options::Options,
};

/// A remark about an expression or a mapping that is well formed and probably not what was meant.
///
/// ```
/// use keyfob_expression::{Options, lint};
///
/// let text = r#"IIF(IsPresent([country]), [country], "Other")"#;
/// let lints = lint::expression(text, &Options::default())?;
/// assert_eq!((lints[0].id, lints[0].level), ("W-IIF-NULL", lint::Level::Note));
/// assert_eq!(lints[0].fix, "`Coalesce([country], \"Other\")` says it without a condition where the attribute is null");
/// # Ok::<(), keyfob_expression::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// Its name, such as `W-ESCAPE`, which never changes.
    pub id: &'static str,
    /// Its severity.
    pub level: Level,
    /// The remark.
    pub sentence: SmolStr,
    /// The remedy.
    pub fix: SmolStr,
    /// The bytes of the text that it is about; nothing where it is about no text.
    pub span: Option<Range<usize>>,
}

/// The severity of a remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a gate names one of these")]
pub enum Level {
    /// It may well be meant, and there is something to know about it.
    Note,
    /// It is probably a mistake.
    Warning,
    /// It can't work.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The lints that are notes; all others are warnings.
const NOTES: [&str; 11] = [
    "W-BLANKS",
    "W-COALESCE-EMPTY",
    "W-DATE-TEXT",
    "W-DEFAULT-ON-UPDATE",
    "W-FORMAT-ARGUMENTS",
    "W-FORMAT-UNUSED",
    "W-FUNCTION-CASE",
    "W-IIF-NULL",
    "W-MID-END",
    "W-SOURCE-TWICE",
    "W-SWITCH-DELTA",
];

impl Lint {
    /// A remark that is about no text.
    #[must_use]
    pub fn new(id: &'static str, sentence: impl Into<SmolStr>, fix: impl Into<SmolStr>) -> Self {
        Self {
            id,
            level: if NOTES.contains(&id) {
                Level::Note
            } else {
                Level::Warning
            },
            sentence: sentence.into(),
            fix: fix.into(),
            span: None,
        }
    }

    /// The same, about these bytes of a text.
    #[must_use]
    pub fn at(self, span: Range<usize>) -> Self {
        Self {
            span: Some(span),
            ..self
        }
    }
}

/// Returns the remarks on an expression, in the order in which it stands there.
///
/// # Errors
/// [`ParseError`], where the text is no expression.
///
/// # Complexity
/// Linear in the text, and once more for each lint.
pub fn expression(text: &str, options: &Options) -> Result<Vec<Lint>, ParseError> {
    let mut reading = Reading::recording(options);
    let expression = reading.read(text)?;
    let spelling = reading.remarks(text).map(|(remark, span)| {
        let lint = match remark {
            Remark::Backslash => Lint::new(
                "W-ESCAPE",
                "a backslash in text escapes itself and a quote, and stands for itself elsewhere",
                "write every backslash of a pattern twice",
            ),
            Remark::Blanks => Lint::new(
                "W-BLANKS",
                "the blanks between a bracket and the name are no part of the name",
                "leave them out",
            ),
            Remark::Case(function) => Lint::new(
                "W-FUNCTION-CASE",
                format_smolstr!("the reference writes `{function}`, and calls names case-sensitive; the service takes any case"),
                format_smolstr!("write `{function}`"),
            ),
        };
        lint.at(span)
    });
    let mut lints: Vec<Lint> = spelling.collect();
    let mut found = rules::Findings::default();
    found.look_at(&expression, true);
    for (index, lint) in found.into_lints() {
        lints.push(match locate(text, index) {
            Some(span) => lint.at(span),
            None => lint,
        });
    }
    lints.sort_by_key(|lint| lint.span.as_ref().map(|span| span.start));
    Ok(lints)
}

/// Returns the remarks on an expression that was not read from a text.
#[must_use]
pub fn tree(expression: &Expression) -> Vec<Lint> {
    let mut found = rules::Findings::default();
    found.look_at(expression, true);
    found.into_lints().map(|(_, lint)| lint).collect()
}
