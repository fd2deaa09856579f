//! What is wrong with a pattern, or with what it was used on.

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
        /// What is wrong.
        reason: String,
    },
    /// A pattern that .NET takes, but that is not evaluated here.
    #[error("the pattern has {feature} at position {position}, which is not supported")]
    Unsupported {
        /// From 0, in UTF-16 code units.
        position: usize,
        /// What stands there.
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
    /// A text longer than patterns are used on.
    #[error("the text is longer than {limit} bytes, too long for a pattern")]
    TooLongInput {
        /// The limit in bytes.
        limit: usize,
    },
    /// A search that tried more ways to match than are tried.
    #[error("the search was given up: the pattern can match the text in too many ways")]
    TooManySteps,
    /// A result that outgrew its limit.
    #[error("the text would grow beyond {limit} bytes")]
    TooLongResult {
        /// The limit in bytes.
        limit: usize,
    },
}
