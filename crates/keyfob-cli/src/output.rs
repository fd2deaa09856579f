//! All that the command prints. Nothing else writes to standard output or standard error, which the lint
//! `disallowed_methods` checks, so that no text reaches a terminal unescaped.

use std::io::{self, BufRead, IsTerminal, Stderr, Write};

use keyfob_core::render::Printable;

/// Prints a line on standard output. Values of providers may stand in it: see [`Printable`].
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(Printable(text).to_string().as_bytes())
}

/// Prints several lines. Only the text's author breaks lines, as [`Rendered`](keyfob_core::render::Rendered) does.
pub(crate) fn lines(text: &str) -> io::Result<()> {
    text.split('\n').try_for_each(line)
}

/// Prints a JSON text for programs. JSON escapes control characters itself.
pub(crate) fn json(text: impl AsRef<[u8]>) -> io::Result<()> {
    write(text.as_ref())
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
    Some(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Standard error, for the log: its formatter escapes control characters.
#[expect(clippy::disallowed_methods, reason = "this module prints")]
pub(crate) fn stderr() -> Stderr {
    io::stderr()
}
