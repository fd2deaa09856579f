//! The error of a command that can't be tried.

use std::{error::Error, fmt::Display, io, path::Path};

use keyfob_core::render::Printable;

/// Unusable arguments or input: a message for stderr and exit code 2.
///
/// Values that a message repeats are escaped when the message is made, so that no value breaks its line.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// The lines of the message, escaped.
    message: String,
    /// True if nobody reads standard output any more.
    reader_is_gone: bool,
}

impl Unusable {
    /// A message on one line.
    pub(crate) fn new(message: impl Display) -> Self {
        Self {
            message: Printable(message).to_string(),
            reader_is_gone: false,
        }
    }

    /// A message of several lines, whose author has escaped what each repeats, as
    /// [`Rendered`](keyfob_core::render::Rendered) does.
    pub(crate) fn rendered(lines: impl Display) -> Self {
        Self {
            message: lines.to_string(),
            reader_is_gone: false,
        }
    }

    /// The same, said of what is in a file.
    pub(crate) fn within(self, file: &Path) -> Self {
        Self {
            message: format!("`{}`: {}", Printable(file.display()), self.message),
            ..self
        }
    }

    /// The message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns true if nobody reads standard output any more, as after `keyfob … | head -1`: there is nothing to say.
    pub(crate) fn is_for_nobody(&self) -> bool {
        self.reader_is_gone
    }
}

impl<E: Error + 'static> From<E> for Unusable {
    fn from(error: E) -> Self {
        let cause: &(dyn Error + 'static) = &error;
        let is_broken_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let reader_is_gone = cause.downcast_ref().is_some_and(is_broken_pipe);
        let mut message = cause.to_string();
        let mut source = cause.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self {
            reader_is_gone,
            ..Self::new(message)
        }
    }
}
