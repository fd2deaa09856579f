//! All that the command prints. Nothing else writes to standard output or standard error, which the lint
//! `disallowed_methods` checks, so that no text reaches a terminal unescaped.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, BufRead, IsTerminal, Stderr, Write},
};

use keyfob_core::render::{Printable, is_active};

/// Prints a line on standard output. Values of providers may stand in it: see [`Printable`].
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(Printable(text).to_string().as_bytes())
}

/// Prints several lines. Only the text's author breaks lines, as [`Rendered`](keyfob_core::render::Rendered) does.
pub(crate) fn lines(text: &str) -> io::Result<()> {
    text.split('\n').try_for_each(line)
}

/// Prints a JSON text for programs. JSON escapes the control characters of ASCII itself; the others that act on a terminal
/// are written as escapes here, which is the same JSON.
pub(crate) fn json(text: impl AsRef<[u8]>) -> io::Result<()> {
    write(escaped(text.as_ref()).as_bytes())
}

/// Prints JSON texts, each with its line feed, at once.
#[expect(clippy::disallowed_methods, reason = "this module prints")]
pub(crate) fn json_lines(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(escaped(text).as_bytes())?;
    stdout.flush()
}

/// Prints a text that the command itself is the author of, as it is.
#[expect(clippy::disallowed_methods, reason = "this module prints")]
pub(crate) fn document(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

fn escaped(text: &[u8]) -> Cow<'_, str> {
    // Most texts are of ASCII, and long ones are printed too.
    if let Ok(text) = str::from_utf8(text)
        && text.is_ascii()
        && !text.contains('\u{7f}')
    {
        return Cow::Borrowed(text);
    }
    let text = String::from_utf8_lossy(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        // Of ASCII only DEL stands in a JSON text as it is; line feeds are those between its parts.
        if is_active(character) && (!character.is_ascii() || character == '\u{7f}') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").ok();
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[expect(clippy::disallowed_methods, reason = "this module prints")]
fn write(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Tells people something in a line on standard error.
pub(crate) fn report(text: &str) {
    // Where even that fails there is nobody to tell.
    writeln!(stderr().lock(), "{}", Printable(text)).ok();
}

/// Tells people something in several lines, which only the text's author breaks.
pub(crate) fn report_lines(text: &str) {
    text.split('\n').for_each(report);
}

/// Asks people something that they answer with yes or no. Returns `None` if nobody is at a terminal.
pub(crate) fn ask(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !stderr().is_terminal() {
        return None;
    }
    write!(stderr(), "{} [y/N] ", Printable(question)).ok()?;
    stderr().flush().ok()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(is_yes(&answer))
}

/// Returns true for an answer that agrees. Everything else doesn't.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Standard error, for the log: its formatter escapes control characters.
#[expect(clippy::disallowed_methods, reason = "this module prints")]
pub(crate) fn stderr() -> Stderr {
    io::stderr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_agrees_in_whatever_case() {
        for yes in ["y", "Y", "yes", "Yes", "YES\n", " yes \r\n"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n", "no", "ye", "yess", "yes please", "1", "true", "ｙ"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
