//! Unicode simple case folding.

use smol_str::{SmolStr, SmolStrBuilder, StrExt};

/// The text with its case folded by Unicode's simple case folding, one character for one.
///
/// The folding needs no locale and no context: `Σ`, `σ` and `ς` fold alike, the dotless `ı` does not fold to `i`.
///
/// # Complexity
/// Linear; allocates only for texts longer than 23 bytes.
pub(super) fn fold(text: &str) -> SmolStr {
    if text.is_ascii() {
        return text.to_ascii_lowercase_smolstr();
    }
    let mut folded = SmolStrBuilder::new();
    for character in fold_chars(text) {
        folded.push(character);
    }
    folded.finish()
}

/// Whether `text` folds to `folded`, without allocating.
pub(super) fn folds_to(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        return text.eq_ignore_ascii_case(folded);
    }
    fold_chars(text).eq(folded.chars())
}

/// The characters of a text with their case folded by Unicode's simple case folding, without allocating, from either
/// end.
pub fn fold_chars(text: &str) -> impl DoubleEndedIterator<Item = char> + Clone {
    text.chars().map(fold_char)
}

fn fold_char(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    unicode_case_mapping::case_folded(character)
        .and_then(|folded| char::from_u32(folded.get()))
        .unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_simple_unicode_folding() {
        for (text, folded) in [
            ("", ""),
            ("bjensen", "bjensen"),
            ("BJensen@Example.COM", "bjensen@example.com"),
            (
                "A-Text-Longer-Than-Twenty-Three-Bytes",
                "a-text-longer-than-twenty-three-bytes",
            ),
            ("GRÖßE", "größe"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("σίσυφος", "σίσυφοσ"),
            ("ı", "ı"),
            ("Ｇｒｏｕｐ", "ｇｒｏｕｐ"),
            ("출입 그룹", "출입 그룹"),
        ] {
            assert_eq!(fold(text), folded);
            assert!(folds_to(text, folded));
            assert_eq!(fold(&fold(text)), folded, "folding twice changes nothing");
            assert!(fold_chars(text).eq(folded.chars()));
        }
        assert!(!folds_to("bjensen", "bjense"));
        assert!(!folds_to("Ä", "a"));
    }
}
