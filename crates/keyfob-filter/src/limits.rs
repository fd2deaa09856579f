//! How much a filter or a path may cost.

/// What a filter or PATCH path may hold at most, checked before the work is done.
///
/// The defaults, 64 KiB, 32 levels and 1,024 terms, let an `or` of 1,000 comparisons with UUIDs through. A tree that
/// was accepted is printed, compared, compiled, evaluated and dropped within a stack of 256 KiB.
///
/// ```
/// use keyfob_core::Dialect;
/// use keyfob_filter::{Filter, Limits};
///
/// let mut limits = Limits::default();
/// limits.terms = 1;
/// assert!(Filter::parse_with("title pr or nickName pr", &limits, Dialect::strict()).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The length of the text in bytes.
    pub bytes: usize,
    /// How deep parentheses and brackets may nest.
    pub depth: usize,
    /// How many comparisons and presence tests there may be.
    pub terms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            depth: 32,
            terms: 1024,
        }
    }
}
