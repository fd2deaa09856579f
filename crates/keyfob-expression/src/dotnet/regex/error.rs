//! Faults of patterns, and of the texts that they are used on.

use thiserror::Error;

/// Why a pattern cannot be used, or could not be used on a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegexError {
    /// A pattern that .NET refuses.
    #[error("the pattern is wrong at position {position}: {reason}")]
    Syntax {
        /// From 0, in UTF-16 code units.
        position: usize,
        /// The fault.
        reason: String,
    },
    /// A pattern that .NET takes, but that is not evaluated here.
    #[error("the pattern has {feature} at position {position}, which is not supported")]
    Unsupported {
        /// From 0, in UTF-16 code units.
        position: usize,
        /// The thing that stands there.
        feature: &'static str,
    },
    /// A pattern that is too long, or whose repetitions make it too large.
    #[error("the pattern is too large")]
    TooLarge,
    /// A name or number that no group of the pattern has.
    #[error("the pattern has no group `{name}`")]
    NoGroup {
        /// The name or number.
        name: String,
    },
    /// A search that takes more steps than are left.
    #[error(
        "the search was given up: the pattern can match the text in too many ways; write it without a repetition within a \
         repetition, as in `(a+)+`"
    )]
    TooManySteps,
    /// A text that becomes longer than is left.
    #[error("the text grows too long")]
    TooLongResult,
}
