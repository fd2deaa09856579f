//! "Did you mean".

use smol_str::SmolStr;

/// Longer texts are no slip of the pen, and comparing them would cost more than the hint is worth.
const MAX_LEN: usize = 128;

/// The candidate nearest to `text`, if it is near enough to have been meant.
///
/// # Complexity
/// Quadratic in the text, of which at most 128 bytes are looked at, and linear in the candidates.
#[must_use]
pub fn closest<'c>(text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<SmolStr> {
    if text.len() > MAX_LEN {
        return None;
    }
    let wanted = text.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&wanted, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(similarity, _)| *similarity >= 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate.into())
}
