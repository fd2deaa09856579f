//! Letters without their diacritics, by the service's table or beyond it.

mod table;

use std::borrow::Cow;

use smol_str::SmolStr;
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

use table::TABLE;

/// The reach of the removal of diacritics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// The letters of the service's table, 261 of them: `ö` to `o`, `æ` to `ae`, `ß` to `ss`; `ồ` and `đ` stay.
    #[default]
    Table,
    /// Those, and all others that Unicode takes apart into a letter and marks: `ồ` to `o`; `đ` stays.
    Extended,
}

/// The text with letters in place of letters with diacritics.
///
/// A letter and the marks that follow it are looked up together, however they are composed; what is not found stays
/// exactly as it was.
///
/// ```
/// use keyfob_expression::dotnet::diacritics::{Reach, normalize};
///
/// assert_eq!(normalize("Zoë Müller", Reach::Table), "Zoe Muller");
/// assert_eq!(normalize("Hồ", Reach::Table), "Hồ");
/// assert_eq!(normalize("Hồ", Reach::Extended), "Ho");
/// ```
///
/// # Complexity
/// Linear, but for the sorting of the marks on one letter; a text in ASCII is not copied.
#[must_use]
pub fn normalize(text: &str, reach: Reach) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut normalized = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((cluster, following)) = split_cluster(rest) {
        rest = following;
        if cluster.is_ascii() {
            normalized.push_str(cluster);
        } else if let Some(letters) = letters_of(cluster) {
            normalized.push_str(letters);
        } else if reach == Reach::Extended {
            // What has no mark to lose comes back as it was: taking apart and composing again would change Hangul or
            // compatibility forms for nothing.
            if cluster.nfd().any(is_stripped) {
                let bare: SmolStr = cluster.nfd().filter(|&mark| !is_stripped(mark)).nfc().collect();
                normalized.push_str(letters_of(&bare).unwrap_or(&bare));
            } else {
                normalized.push_str(cluster);
            }
        } else {
            normalized.push_str(cluster);
        }
    }
    Cow::Owned(normalized)
}

/// The first letter with the marks on it, and the rest.
fn split_cluster(text: &str) -> Option<(&str, &str)> {
    let end = text
        .char_indices()
        .skip(1)
        .find(|&(_, character)| !is_combining_mark(character))
        .map_or(text.len(), |(at, _)| at);
    text.split_at_checked(end).filter(|_| end > 0)
}

/// Returns what the table has for a cluster.
fn letters_of(cluster: &str) -> Option<&'static str> {
    let composed: SmolStr = cluster.nfc().collect();
    let found = TABLE
        .binary_search_by(|&(key, _)| key.cmp(composed.as_str()))
        .ok()?;
    TABLE.get(found).map(|&(_, letters)| letters)
}

/// A mark that stands on, under or through a letter; not one without which it is another letter, as the vowels of Thai
/// and Hebrew and the voicing of kana are.
fn is_stripped(character: char) -> bool {
    matches!(canonical_combining_class(character), 1 | 200..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;

    #[test]
    fn the_table_is_the_documented_one() {
        let file: serde_json::Value = serde_json::from_str(include_str!(
            "../../../../testdata/entra/normalize-diacritics.json"
        ))
        .unwrap();
        let mut documented: Vec<(String, &str)> = file["map"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let key = row["codepoints_nfc"].as_str().unwrap().split(' ').map(|point| {
                    char::from_u32(u32::from_str_radix(point.strip_prefix("U+").unwrap(), 16).unwrap())
                        .unwrap()
                });
                (key.collect(), row["to"].as_str().unwrap())
            })
            .collect();
        documented.sort();
        assert_eq!(documented.len(), 261);
        assert!(
            TABLE
                .iter()
                .map(|&(key, letters)| (key.to_owned(), letters))
                .eq(documented)
        );
        assert!(
            TABLE
                .iter()
                .all(|(key, _)| is_nfc(key) && split_cluster(key) == Some((*key, "")))
        );
    }

    #[test]
    fn letters_lose_their_diacritics_as_documented() {
        for (text, expected) in [
            ("Zoë", "Zoe"),
            ("Lukáš", "Lukas"),
            ("Something-like-čšťžřľ-etc...", "Something-like-cstzrl-etc..."),
            ("Straße", "Strasse"),
            ("Işık İğne", "Isik Igne"),
            ("Müller Jörg Häberle", "Muller Jorg Haberle"),
            ("Đặng þór", "Đặng þor"),
            ("cœur", "cœur"),
            ("Hồ Chí Minh", "Hồ Chi Minh"),
            ("Ærø", "AEroe"),
        ] {
            assert_eq!(normalize(text, Reach::Table), expected, "{text}");
        }
    }

    #[test]
    fn the_marks_may_stand_apart_from_their_letter() {
        assert_eq!(normalize("Zoe\u{308}", Reach::Table), "Zoe");
        assert_eq!(normalize("a\u{304}\u{301}", Reach::Table), "a");
        assert_eq!(normalize("\u{101}\u{301}", Reach::Table), "a");
        // Not in the table: untouched, composed or not.
        assert_eq!(normalize("o\u{302}\u{300}x", Reach::Table), "o\u{302}\u{300}x");
        assert_eq!(normalize("\u{301}e", Reach::Table), "\u{301}e");
    }

    #[test]
    fn extended_removal_knows_every_mark_of_an_alphabet() {
        for (text, expected) in [
            ("Hồ Ðặng Nguyễn", "Ho Ðang Nguyen"),
            ("ŵŷţģķļņŗ ᾳ й", "wytgklnr α и"),
            ("Straße Ærø", "Strasse AEroe"),
            ("한글 हिन्दी ไทย が", "한글 हिन्दी ไทย が"),
        ] {
            assert_eq!(normalize(text, Reach::Extended), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normalized_stays_so(text in any::<String>(), marked in "[a-zäö\u{301}\u{304}\u{308}]{0,8}") {
            for text in [text, marked] {
                for reach in [Reach::Table, Reach::Extended] {
                    let once = normalize(&text, reach).into_owned();
                    prop_assert_eq!(normalize(&once, reach), once.as_str());
                }
            }
        }
    }
}
