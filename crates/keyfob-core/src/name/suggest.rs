//! "Did you mean".

use smol_str::SmolStr;

/// Longer texts are no slip of the pen, and comparing them would cost more than the hint is worth.
#[cfg(feature = "suggestions")]
const MAX_LEN: usize = 128;

/// The candidate nearest to `text`, if it is near enough to have been meant. Without the feature `suggestions` none is.
///
/// # Complexity
/// Quadratic in the text, of which at most 128 bytes are looked at, and linear in the candidates.
#[cfg(feature = "suggestions")]
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

/// The candidate nearest to a text: without the feature `suggestions` there is none.
#[cfg(not(feature = "suggestions"))]
#[must_use]
pub fn closest<'c>(_: &str, _: impl IntoIterator<Item = &'c str>) -> Option<SmolStr> {
    None
}

/// What a word of another language is called here, whatever its case: of pairs of theirs and ours.
#[must_use]
pub fn synonym(word: &str, synonyms: &[(&str, &'static str)]) -> Option<SmolStr> {
    synonyms
        .iter()
        .find(|(theirs, _)| theirs.eq_ignore_ascii_case(word))
        .map(|(_, ours)| SmolStr::new_static(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "suggestions")]
    #[test]
    fn the_nearest_of_what_is_near_was_meant() {
        let candidates = ["userName", "userType", "title"];
        for (text, meant) in [
            ("usrName", Some("userName")),
            ("USERTYP", Some("userType")),
            ("members", None),
            ("", None),
        ] {
            assert_eq!(closest(text, candidates).as_deref(), meant, "{text}");
        }
        let long = "title".repeat(26);
        assert_eq!(closest(&long, [long.as_str()]), None);
    }

    #[test]
    fn a_word_of_another_language_leads_to_ours() {
        let synonyms = [("equals", "eq"), ("=", "eq")];
        for (word, meant) in [("Equals", Some("eq")), ("=", Some("eq")), ("equal", None)] {
            assert_eq!(synonym(word, &synonyms).as_deref(), meant, "{word}");
        }
    }
}
