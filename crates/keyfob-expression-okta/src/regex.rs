//! Regular expressions, within limits.

use fancy_regex::RegexBuilder;
use keyfob_core::render::excerpt;

use super::error::EvaluateError;

/// The number of steps that a search may go back, and the size of a compiled expression.
const MAX_STEPS: usize = 100_000;
const MAX_PROGRAM: usize = 1 << 20;
const MAX_PATTERN: usize = 1024;

/// Returns true if the pattern stands for one of the texts from end to end, as Java's `matches` asks.
pub(super) fn is_whole_match(pattern: &str, texts: &[&str]) -> Result<bool, EvaluateError> {
    let refused = || EvaluateError::Regex {
        pattern: excerpt(pattern),
    };
    if pattern.len() > MAX_PATTERN {
        return Err(refused());
    }
    let regex = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .backtrack_limit(MAX_STEPS)
        .delegate_size_limit(MAX_PROGRAM)
        .build()
        .map_err(|_| refused())?;
    for text in texts {
        if regex.is_match(*text).map_err(|_| refused())? {
            return Ok(true);
        }
    }
    Ok(false)
}
