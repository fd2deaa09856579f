//! Errors for people: the text with a caret under the fault. What every grammar of these crates reports with.

use std::{fmt, ops::Range};

use smol_str::SmolStr;

/// How much of a long text is shown on either side of the fault, in characters.
const MARGIN: usize = 40;
/// How much of a long fault is shown, in characters.
const MAX_FAULT: usize = 120;

/// A message, the text it is about, and hints. Of a text of several lines that of the fault is shown.
///
/// ```
/// use keyfob_core::render::Rendered;
///
/// let rendered = Rendered {
///     message: "`eg` is not an operator",
///     text: "title eg 1",
///     span: Some(6..8),
///     expected: None,
///     suggestion: Some("eq"),
/// };
/// assert_eq!(
///     rendered.to_string(),
///     "`eg` is not an operator\n  title eg 1\n        ^^\ndid you mean `eq`?",
/// );
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made of its parts by every grammar")]
pub struct Rendered<'e, M> {
    /// What is wrong.
    pub message: M,
    /// What was read.
    pub text: &'e str,
    /// The bytes of the text that are wrong; empty where something is missing.
    pub span: Option<Range<usize>>,
    /// What would have been right there.
    pub expected: Option<&'e str>,
    /// What was perhaps meant.
    pub suggestion: Option<&'e str>,
}

impl<M: fmt::Display> fmt::Display for Rendered<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(span) = &self.span {
            self.excerpt(f, span)?;
        }
        match self.suggestion {
            None => Ok(()),
            Some(suggestion) => write!(f, "\ndid you mean `{suggestion}`?"),
        }
    }
}

impl<M> Rendered<'_, M> {
    fn excerpt(&self, f: &mut fmt::Formatter<'_>, span: &Range<usize>) -> fmt::Result {
        let parts = (
            self.text.get(..span.start),
            self.text.get(span.clone()),
            self.text.get(span.end..),
        );
        let (Some(before), Some(fault), Some(after)) = parts else {
            return Ok(());
        };
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = after.split('\n').next().unwrap_or_default();
        let is_cut = fault.chars().nth(MAX_FAULT).is_some();
        let fault: Vec<char> = fault.chars().take(MAX_FAULT).collect();
        let hidden = before.chars().count().saturating_sub(MARGIN);
        let before = before.chars().skip(hidden);
        let cut = if hidden > 0 { "…" } else { "" };
        write!(f, "\n  {cut}")?;
        let mut column = cut.chars().count();
        for character in before {
            column += 1;
            write!(f, "{}", shown(character))?;
        }
        let mut after = after.chars();
        let shown_after = if is_cut { 0 } else { MARGIN };
        for character in fault.iter().copied().chain(after.by_ref().take(shown_after)) {
            write!(f, "{}", shown(character))?;
        }
        if is_cut || after.next().is_some() {
            f.write_str("…")?;
        }
        let caret = "^".repeat(fault.len().max(1));
        write!(f, "\n  {:column$}{caret}", "")?;
        match self.expected {
            None => Ok(()),
            Some(expected) => write!(f, " expected {expected}"),
        }
    }
}

/// Where `part`, a part of `text`, stands in it.
#[must_use]
pub fn span_of(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr().addr())
        .saturating_sub(text.as_ptr().addr())
        .min(text.len());
    start..(start + part.len()).min(text.len())
}

/// What stands somewhere, short enough and harmless in a message.
#[cold]
#[must_use]
pub fn excerpt(found: &str) -> SmolStr {
    const MAX_CHARS: usize = 32;
    let mut characters = found.chars();
    let shown = characters.by_ref().take(MAX_CHARS).map(shown);
    let mut excerpt: String = shown.collect();
    if characters.next().is_some() {
        excerpt.push('…');
    }
    excerpt.into()
}

/// The character, or a stand-in of the same width for one that would move what follows.
fn shown(character: char) -> char {
    if character.is_control() {
        '\u{fffd}'
    } else {
        character
    }
}

/// A sentence for a client with what was perhaps meant.
#[must_use]
pub fn with_suggestion(mut detail: String, suggestion: Option<&str>) -> String {
    if let Some(suggestion) = suggestion {
        detail.push_str("; did you mean `");
        detail.push_str(suggestion);
        detail.push_str("`?");
    }
    detail
}
