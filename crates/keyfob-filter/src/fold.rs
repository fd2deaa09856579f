//! Folded comparison without allocating: composed values of a resource against a comparand that was folded once.

use std::cmp::Ordering;

use keyfob_core::compare::fold_chars;

/// How the folded `text` compares with `folded`, character by character.
pub(crate) fn compare(text: &str, folded: &str) -> Ordering {
    fold_chars(text).cmp(folded.chars())
}

/// Whether the folded `text` starts with `folded`.
pub(crate) fn starts_with(text: &str, folded: &str) -> bool {
    let mut characters = fold_chars(text);
    folded.chars().all(|expected| characters.next() == Some(expected))
}

/// Whether the folded `text` ends with `folded`.
pub(crate) fn ends_with(text: &str, folded: &str) -> bool {
    let mut characters = fold_chars(text).rev();
    folded
        .chars()
        .rev()
        .all(|expected| characters.next() == Some(expected))
}

/// Whether the folded `text` contains `folded`, whose [`failure_table`] is given.
///
/// # Complexity
/// Linear in the text (Knuth, Morris, Pratt): comparand and values come from clients, who may choose them such that a
/// search by trial takes the product of their lengths.
pub(crate) fn contains(text: &str, folded: &str, failure: &[u32]) -> bool {
    let needle = folded.as_bytes();
    let mut matched = 0;
    let mut step = |byte: u8| {
        matched = advance(needle, failure, matched, byte);
        matched == needle.len()
    };
    if needle.is_empty() {
        return true;
    }
    if text.is_ascii() {
        return text.bytes().any(|byte| step(byte.to_ascii_lowercase()));
    }
    let mut buffer = [0; 4];
    fold_chars(text).any(|character| {
        // UTF-8 is self-synchronising: a match of bytes is one of characters, and it ends with a character.
        character
            .encode_utf8(&mut buffer)
            .bytes()
            .fold(false, |found, byte| found | step(byte))
    })
}

/// For each prefix of `folded` the length of the longest proper prefix that is also its suffix.
pub(crate) fn failure_table(folded: &str) -> Box<[u32]> {
    let needle = folded.as_bytes();
    let mut table = Vec::with_capacity(needle.len());
    let mut matched = 0;
    for (index, byte) in needle.iter().enumerate() {
        if index > 0 {
            matched = advance(needle, &table, matched, *byte);
        }
        table.push(u32::try_from(matched).unwrap_or_default());
    }
    table.into()
}

/// How many bytes of the needle match after one more byte, when `matched` did before it.
fn advance(needle: &[u8], failure: &[u32], mut matched: usize, byte: u8) -> usize {
    loop {
        if needle.get(matched) == Some(&byte) {
            return matched + 1;
        }
        let Some(shorter) = matched.checked_sub(1).and_then(|last| failure.get(last)) else {
            return 0;
        };
        matched = usize::try_from(*shorter).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        fold_chars(text).collect()
    }

    #[test]
    fn each_comparison_equals_that_of_folded_texts() {
        let texts = [
            "",
            "a",
            "A",
            "aab",
            "AAAB",
            "AABAACAADAABAABA",
            "aaba",
            "aabaa",
            "abac",
            "ABABAC",
            "ΑΣ",
            "ας",
            "ΣΣΑΣΣ",
            "Größe",
            "GRÖẞE",
            "ß",
            "出入",
            "x出入y",
            "İ",
            "i\u{307}",
            "K",
            "k",
        ];
        for text in texts {
            for needle in texts {
                let (text_folded, needle) = (fold(text), fold(needle));
                let needle = needle.as_str();
                assert_eq!(
                    contains(text, needle, &failure_table(needle)),
                    text_folded.contains(needle),
                    "{text} co {needle}"
                );
                assert_eq!(
                    starts_with(text, needle),
                    text_folded.starts_with(needle),
                    "{text} sw {needle}"
                );
                assert_eq!(
                    ends_with(text, needle),
                    text_folded.ends_with(needle),
                    "{text} ew {needle}"
                );
                assert_eq!(
                    compare(text, needle),
                    text_folded.as_str().cmp(needle),
                    "{text} cmp {needle}"
                );
            }
        }
    }
}
