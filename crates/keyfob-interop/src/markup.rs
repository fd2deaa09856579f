//! Text of a server within XML and HTML.

use std::fmt::Write as _;

/// Escapes a text for content and attributes. Characters that XML 1.0 section 2.2 does not allow, and those that act on a
/// terminal or on the text around them, are written out.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            _ if keyfob_core::render::is_active(character)
                || matches!(character, '\u{fffe}' | '\u{ffff}') =>
            {
                write!(escaped, "{}", character.escape_unicode()).ok();
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
