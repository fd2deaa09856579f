//! How a case says what is wrong.

use std::{error::Error, fmt};

/// The reason why a case ended early: a store departs from the contract, or could not be tried.
///
/// Every error converts into it by `?`. It is no [`Error`] itself, and prints alike for people and as `Debug`, which is
/// how a test reports it.
pub struct Failure {
    message: String,
    is_inapplicable: bool,
}

impl Failure {
    /// Creates a failure with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_inapplicable: false,
        }
    }

    /// Creates the end of a case that needs what the store doesn't claim. No store fails by it.
    ///
    /// A harness [opens](crate::Harness::open) with it where its store can't be tried, such as without its database: then
    /// no case fails, and the last test says why none was tried.
    #[must_use]
    pub fn inapplicable(reason: impl Into<String>) -> Self {
        Self {
            message: reason.into(),
            is_inapplicable: true,
        }
    }

    /// Returns true if the case needs what the store doesn't claim.
    pub(crate) fn is_inapplicable(&self) -> bool {
        self.is_inapplicable
    }

    pub(crate) fn different(what: &str, found: &dyn fmt::Debug, expected: &dyn fmt::Debug) -> Self {
        Self::new(format!("{what}\n     found: {found:?}\n  expected: {expected:?}"))
    }

    pub(crate) fn in_case(self, name: &str) -> Self {
        Self {
            message: format!("{name}: {self}"),
            ..self
        }
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::new(message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The result of a case.
pub(crate) type Verdict = Result<(), Failure>;

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::failure::Failure::new(format!($($message)+)));
        }
    };
}

/// Fails the case unless what was found is what was expected.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($message:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if found != expected {
                    return Err($crate::failure::Failure::different(&format!($($message)+), found, expected));
                }
            }
        }
    };
}
