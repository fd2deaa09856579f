//! How texts compare, once more: slow, by the Unicode tables themselves and not by `CompareKey`.

use keyfob_core::{Attribute, schema::AttributeType};
use unicode_normalization::UnicodeNormalization;

/// The text as the substring operators and the orderings compare it.
pub(crate) fn compared(attribute: &Attribute, text: &str) -> String {
    let composed: String = text.nfc().collect();
    // Base64 means other bytes in another case.
    if attribute.case_exact || attribute.kind == AttributeType::Binary {
        return composed;
    }
    let composed = if is_user_name(attribute) {
        let narrow: String = composed.chars().flat_map(narrow).collect();
        let lower: String = narrow.chars().flat_map(char::to_lowercase).collect();
        lower.nfc().collect()
    } else {
        composed
    };
    composed.chars().map(folded).collect()
}

/// Returns true if two texts are one value.
pub(crate) fn is_same(attribute: &Attribute, left: &str, right: &str) -> bool {
    let is_one_kind = !is_user_name(attribute) || is_prepared(left) == is_prepared(right);
    is_one_kind && compared(attribute, left) == compared(attribute, right)
}

/// RFC 7644 section 5 names the attribute.
fn is_user_name(attribute: &Attribute) -> bool {
    attribute.kind == AttributeType::String && !attribute.case_exact && attribute.name.is("userName")
}

/// Returns true if PRECIS takes a text of the characters that the generators make: letters, digits and what else ASCII prints.
fn is_prepared(text: &str) -> bool {
    let mapped = text.nfc().flat_map(narrow).collect::<Vec<_>>();
    let is_letter = |character: &char| {
        let is_compatible = character.nfkc().ne([*character]);
        unicode_normalization::char::is_combining_mark(*character)
            || character.is_alphanumeric() && !is_compatible
    };
    !mapped.is_empty()
        && mapped
            .iter()
            .all(|character| character.is_ascii_graphic() || !character.is_ascii() && is_letter(character))
}

/// A fullwidth or halfwidth character in its usual width.
fn narrow(character: char) -> Vec<char> {
    match character {
        '\u{3000}' | '\u{ff01}'..='\u{ffef}' => character.nfkc().collect(),
        other => vec![other],
    }
}

fn folded(character: char) -> char {
    unicode_case_mapping::case_folded(character)
        .and_then(|folded| char::from_u32(folded.get()))
        .unwrap_or(character)
}
