//! Errors for people: the text with a caret under the fault.

use std::{fmt, ops::Range};

/// How much of a long text is shown on either side of the fault, in characters.
const MARGIN: usize = 40;
/// How much of a long fault is shown, in characters.
const MAX_FAULT: usize = 120;

/// A message, the text it is about, and hints.
pub(crate) struct Rendered<'e, M> {
    pub(crate) message: M,
    pub(crate) text: &'e str,
    pub(crate) span: Option<Range<usize>>,
    pub(crate) expected: Option<&'e str>,
    pub(crate) suggestion: Option<&'e str>,
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

/// The character, or a stand-in of the same width for one that would move what follows.
pub(crate) fn shown(character: char) -> char {
    if character.is_control() {
        '\u{fffd}'
    } else {
        character
    }
}

/// A sentence for a client with what was perhaps meant.
pub(crate) fn with_suggestion(mut detail: String, suggestion: Option<&str>) -> String {
    if let Some(suggestion) = suggestion {
        detail.push_str("; did you mean `");
        detail.push_str(suggestion);
        detail.push_str("`?");
    }
    detail
}
