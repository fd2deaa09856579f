//! Errors for people: the text with a caret under the fault. What every grammar of these crates reports with.

use std::{
    fmt::{self, Write},
    ops::Range,
};

use smol_str::SmolStr;

/// How much of a long text is shown on either side of the fault, in characters.
const MARGIN: usize = 40;
/// How much of a long fault is shown, in characters.
const MAX_FAULT: usize = 120;

/// A text that people see on one line of a terminal or a log: what would act on the terminal, break the line or reorder
/// it is escaped.
///
/// Values come from identity providers, and in the end from whoever may set a name there. Escaped are control
/// characters (those of terminal sequences among them), line and paragraph separators, the controls of bidirectional
/// text, and the byte order mark. Everything else stays as it is, joiners of Persian or Indic words included.
///
/// ```
/// use keyfob_core::render::Printable;
///
/// let name = "Ann\u{1b}[2J\nFAKE active\u{202e}";
/// assert_eq!(Printable(name).to_string(), r"Ann\u{1b}[2J\nFAKE active\u{202e}");
/// assert_eq!(Printable("Zoë 출입 \\").to_string(), "Zoë 출입 \\");
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper of whatever is shown")]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

        impl Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|character| self.write_char(character))
            }

            fn write_char(&mut self, character: char) -> fmt::Result {
                match character {
                    '\n' | '\r' | '\t' => write!(self.0, "{}", character.escape_default()),
                    _ if is_active(character) => write!(self.0, "{}", character.escape_unicode()),
                    _ => self.0.write_char(character),
                }
            }
        }

        fmt::write(&mut Escaping(f), format_args!("{}", self.0))
    }
}

/// Returns true for a character that acts on a terminal or on the characters around it instead of being seen.
#[must_use]
pub fn is_active(character: char) -> bool {
    // Unicode Standard Annex 9, table 4: explicit directional formatting; and the separators of annex 14.
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

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
        write!(f, "{}", Printable(&self.message))?;
        if let Some(span) = &self.span {
            self.excerpt(f, span)?;
        }
        match self.suggestion {
            None => Ok(()),
            Some(suggestion) => write!(f, "\n{}", question(suggestion)),
        }
    }
}

impl<'e, M> Rendered<'e, M> {
    /// A message about a place of a text, without hints; about the text as a whole where there is no span.
    #[must_use]
    pub fn new(message: M, text: &'e str, span: Option<Range<usize>>) -> Self {
        Self {
            message,
            text,
            span,
            expected: None,
            suggestion: None,
        }
    }

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

/// A fault while a text is read: of which kind, and the part of the text at which it is.
///
/// Every step of a grammar returns what it read or this, so that it is small. It knows its place by the text itself;
/// only what is reported counts bytes.
///
/// ```
/// use keyfob_core::render::Fault;
///
/// let text = "title eg 1";
/// let (kind, span) = Fault::new("no operator", &text[6..8]).locate(text);
/// assert_eq!((*kind, span), ("no operator", 6..8));
/// ```
#[derive(Debug)]
pub struct Fault<'i, K> {
    kind: Box<K>,
    at: &'i str,
}

impl<'i, K> Fault<'i, K> {
    /// A fault at a part of the text that is read: an [empty](nothing_at) one where something is missing.
    #[cold]
    #[must_use]
    pub fn new(kind: K, at: &'i str) -> Self {
        Self {
            kind: Box::new(kind),
            at,
        }
    }

    /// Of which kind it is, and the bytes of `text`, which has to be the one that was read, at which it is.
    #[must_use]
    pub fn locate(self, text: &str) -> (Box<K>, Range<usize>) {
        (self.kind, span_of(text, self.at))
    }
}

/// The first character of what is left of a text; nothing at its end.
#[must_use]
#[inline]
pub fn first_char(rest: &str) -> &str {
    let end = rest.chars().next().map_or(0, char::len_utf8);
    rest.get(..end).unwrap_or_default()
}

/// Nothing, at the start of what is left of a text: the place where something is missing.
#[must_use]
#[inline]
pub fn nothing_at(rest: &str) -> &str {
    rest.get(..0).unwrap_or_default()
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
    if is_active(character) {
        '\u{fffd}'
    } else {
        character
    }
}

/// A sentence for a client with what was perhaps meant.
#[must_use]
pub fn with_suggestion(mut detail: String, suggestion: Option<&str>) -> String {
    if let Some(suggestion) = suggestion {
        detail.push_str("; ");
        detail.push_str(&question(suggestion));
    }
    detail
}

fn question(suggestion: &str) -> String {
    format!("did you mean `{suggestion}`?")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two lines below the message, for a fault at these bytes.
    fn shown_at(text: &str, span: Range<usize>) -> String {
        let rendered = Rendered::new("", text, Some(span)).to_string();
        rendered.strip_prefix('\n').unwrap_or(&rendered).to_owned()
    }

    #[test]
    fn a_message_without_a_place_stands_alone() {
        assert_eq!(Rendered::new("no", "text", None).to_string(), "no");
        // Neither beyond the text nor within a character is a place.
        assert_eq!(Rendered::new("no", "text", Some(3..9)).to_string(), "no");
        assert_eq!(Rendered::new("no", "é", Some(1..2)).to_string(), "no");
    }

    #[test]
    fn hints_follow_the_caret() {
        let rendered = Rendered {
            expected: Some("`b`"),
            suggestion: Some("be"),
            ..Rendered::new("no", "a c", Some(2..3))
        };
        assert_eq!(
            rendered.to_string(),
            "no\n  a c\n    ^ expected `b`\ndid you mean `be`?"
        );
    }

    #[test]
    fn the_caret_is_as_wide_as_the_fault_in_characters() {
        assert_eq!(shown_at("äö üß x", 5..9), "  äö üß x\n     ^^");
        assert_eq!(shown_at("ab", 2..2), "  ab\n    ^");
        assert_eq!(shown_at("", 0..0), "  \n  ^");
    }

    #[test]
    fn of_several_lines_that_of_the_fault_is_shown() {
        assert_eq!(shown_at("one\ntwo\nthree", 5..6), "  two\n   ^");
    }

    #[test]
    fn control_characters_do_not_move_the_caret() {
        assert_eq!(shown_at("a\t\u{1b}b", 3..4), "  a\u{fffd}\u{fffd}b\n     ^");
    }

    #[test]
    fn a_text_that_people_see_stays_on_its_line_and_acts_on_nothing() {
        for (text, shown) in [
            ("\u{1b}]0;PWNED\u{7}\u{1b}[2J", r"\u{1b}]0;PWNED\u{7}\u{1b}[2J"),
            ("a\r\n\tb\u{0}\u{7f}", r"a\r\n\tb\u{0}\u{7f}"),
            ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
            (
                "\u{202e}a\u{2066}b\u{200f}\u{61c}",
                r"\u{202e}a\u{2066}b\u{200f}\u{61c}",
            ),
            ("a\u{2028}b\u{2029}\u{feff}", r"a\u{2028}b\u{2029}\u{feff}"),
            (
                "می\u{200c}خواهم 👩\u{200d}🔬 domain\\user",
                "می\u{200c}خواهم 👩\u{200d}🔬 domain\\user",
            ),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
            assert_eq!(Printable(Printable(text)).to_string(), shown);
        }
        let rendered = Rendered::new("no `a\nb`", "a\u{202e}b", Some(0..1)).to_string();
        assert_eq!(rendered, "no `a\\nb`\n  a\u{fffd}b\n  ^");
    }

    #[test]
    fn long_texts_are_cut_around_the_fault_and_long_faults_within() {
        let text = format!("{}!{}", "a".repeat(60), "b".repeat(60));
        let expected = format!("  …{}!{}…\n  {:41}^", "a".repeat(40), "b".repeat(40), "");
        assert_eq!(shown_at(&text, 60..61), expected);
        let text = "x".repeat(200);
        let expected = format!("  {}…\n  {}", "x".repeat(120), "^".repeat(120));
        assert_eq!(shown_at(&text, 0..200), expected);
    }

    #[test]
    fn an_excerpt_has_32_characters_at_most() {
        assert_eq!(excerpt("a\nb"), "a\u{fffd}b");
        assert_eq!(excerpt(&"ä".repeat(32)), "ä".repeat(32));
        assert_eq!(excerpt(&"ä".repeat(33)), format!("{}…", "ä".repeat(32)));
    }

    #[test]
    fn a_fault_knows_its_bytes() {
        let text = "a é";
        let rest = text.get(2..).unwrap();
        for (at, span) in [
            (text, 0..4),
            (nothing_at(text), 0..0),
            (first_char(rest), 2..4),
            (nothing_at(rest), 2..2),
            (first_char(text.get(4..).unwrap()), 4..4),
        ] {
            assert_eq!(Fault::new((), at).locate(text), (Box::new(()), span));
        }
    }

    #[test]
    fn a_sentence_for_a_client_asks_back_where_something_was_perhaps_meant() {
        assert_eq!(with_suggestion("no".to_owned(), None), "no");
        assert_eq!(
            with_suggestion("no".to_owned(), Some("be")),
            "no; did you mean `be`?"
        );
    }
}
