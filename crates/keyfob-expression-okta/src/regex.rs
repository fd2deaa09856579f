//! Regular expressions, within limits.

use fancy_regex::RegexBuilder;
use keyfob_core::render::excerpt;

use super::error::EvaluateError;

/// The number of steps that a search may go back. Between two of them it may go through the whole text, so that the
/// product with the longest text bounds a search to some ten milliseconds.
const MAX_STEPS: usize = 5_000;
/// The longest text that is searched, in bytes.
const MAX_TEXT: usize = 4 << 10;
/// The size of a compiled expression, and the length of its text, in bytes.
const MAX_PROGRAM: usize = 1 << 20;
const MAX_PATTERN: usize = 1024;

/// Returns true if the pattern stands for one of the texts from end to end, as Java's `matches` asks.
pub(super) fn is_whole_match(pattern: &str, texts: &[&str]) -> Result<bool, EvaluateError> {
    let refused = || EvaluateError::Regex {
        pattern: excerpt(pattern),
    };
    if pattern.len() > MAX_PATTERN || texts.iter().any(|text| text.len() > MAX_TEXT) {
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
