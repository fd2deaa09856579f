//! Upper, lower and title case, one character for one as .NET has it.

use std::{borrow::Cow, str::FromStr};

use thiserror::Error;
use unicode_general_category::{GeneralCategory, get_general_category};

/// Whose rules decide about the letters `i` and `ı`; all other letters are alike everywhere.
///
/// The texts that name a culture are those of .NET: language, script and region in letters and digits, with `-` or `_`
/// between them, such as `en-US` or `ja-JP`; the empty text is the invariant culture.
///
/// ```
/// use keyfob_expression::dotnet::casing::{Culture, to_upper};
///
/// assert_eq!(to_upper("straße", Culture::Invariant), "STRAßE");
/// assert_eq!(to_upper("istanbul", "tr-TR".parse()?), "İSTANBUL");
/// # Ok::<(), keyfob_expression::dotnet::casing::CultureError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Culture {
    /// No culture: `ı` and `İ` have no counterpart.
    #[default]
    Invariant,
    /// A culture other than those of [`Culture::Turkic`]: `ı` is a small `I`, `İ` a capital `i`.
    Named,
    /// Turkish and Azerbaijani: `i` goes with `İ`, `ı` with `I`.
    Turkic,
}

impl FromStr for Culture {
    type Err = CultureError;

    fn from_str(name: &str) -> Result<Self, CultureError> {
        const LONGEST: usize = 84;
        if name.is_empty() {
            return Ok(Self::Invariant);
        }
        let mut parts = name.split(['-', '_']);
        let language = parts.next().unwrap_or_default();
        let well_formed = (2..=8).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
        if !well_formed || name.len() > LONGEST {
            return Err(CultureError {
                name: name.to_owned(),
            });
        }
        Ok(
            if ["tr", "az"]
                .iter()
                .any(|turkic| language.eq_ignore_ascii_case(turkic))
            {
                Self::Turkic
            } else {
                Self::Named
            },
        )
    }
}

/// A text that names no culture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` names no culture; `en-US` would")]
#[non_exhaustive]
pub struct CultureError {
    /// The text.
    pub name: String,
}

/// The text in capitals: `straße` gives `STRAßE`, because no letter ever becomes two.
///
/// # Complexity
/// Linear; allocates only if a letter changes.
#[must_use]
pub fn to_upper(text: &str, culture: Culture) -> Cow<'_, str> {
    if text.is_ascii() && culture != Culture::Turkic {
        return if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            Cow::Owned(text.to_ascii_uppercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    map(text, |character| upper(character, culture))
}

/// The text in small letters: `ΟΔΟΣ` gives `οδοσ`, because no letter looks at its neighbours.
///
/// # Complexity
/// Linear; allocates only if a letter changes.
#[must_use]
pub fn to_lower(text: &str, culture: Culture) -> Cow<'_, str> {
    if text.is_ascii() && culture != Culture::Turkic {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    map(text, |character| lower(character, culture))
}

/// The text with a capital at the start of each word and small letters after it.
///
/// This is `TextInfo.ToTitleCase` of the text in small letters. Words are letters, marks, digits and what has no
/// category; an apostrophe `'` stands within a word, every other sign ends it. Digits before the first letter of a word
/// don't count: `1st` gives `1St`.
///
/// ```
/// use keyfob_expression::dotnet::casing::to_title;
///
/// assert_eq!(to_title("PABLO GONSALVES (SECOND)"), "Pablo Gonsalves (Second)");
/// assert_eq!(to_title("PINTO-DE'SILVA"), "Pinto-De'silva");
/// ```
///
/// # Complexity
/// Linear.
#[must_use]
pub fn to_title(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut in_word = false;
    for character in text.chars().map(|character| lower(character, Culture::Invariant)) {
        let part = WordPart::of(character);
        if in_word {
            in_word = part != WordPart::Separator || character == '\'';
            title.push(character);
        } else {
            in_word = part == WordPart::Letter;
            title.push(if in_word {
                title_letter(character)
            } else {
                character
            });
        }
    }
    title
}

/// The text with a capital at the start of each word and small letters after it, words being what stands between any of
/// `separators`.
///
/// # Complexity
/// Linear in the text for each separator.
#[must_use]
pub fn to_title_between(text: &str, separators: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut at_start = true;
    for character in text.chars() {
        title.push(if at_start {
            upper(character, Culture::Invariant)
        } else {
            lower(character, Culture::Invariant)
        });
        at_start = separators.contains(character);
    }
    title
}

/// The small letter of a character under the invariant culture, or the character.
pub(super) fn lower_invariant(character: char) -> char {
    lower(character, Culture::Invariant)
}

fn map(text: &str, change: impl Fn(char) -> char) -> Cow<'_, str> {
    let Some((unchanged, rest)) = text
        .char_indices()
        .find(|&(_, character)| change(character) != character)
        .and_then(|(at, _)| text.split_at_checked(at))
    else {
        return Cow::Borrowed(text);
    };
    let mut changed = String::with_capacity(text.len());
    changed.push_str(unchanged);
    changed.extend(rest.chars().map(change));
    Cow::Owned(changed)
}

fn upper(character: char, culture: Culture) -> char {
    match (character, culture) {
        ('i', Culture::Turkic) => 'İ',
        ('ı', Culture::Invariant) => 'ı',
        _ if character.is_ascii() => character.to_ascii_uppercase(),
        // The tables give the full mappings. Where that is several characters, the simple mapping is the one to title
        // case (`ᾳ` to `ᾼ`), or there is none (`ß`).
        _ => match unicode_case_mapping::to_uppercase(character) {
            [0, ..] => character,
            [mapped, 0, 0] => char::from_u32(mapped).unwrap_or(character),
            _ => match unicode_case_mapping::to_titlecase(character) {
                [mapped, 0, 0] if mapped != 0 => char::from_u32(mapped).unwrap_or(character),
                _ => character,
            },
        },
    }
}

fn lower(character: char, culture: Culture) -> char {
    match (character, culture) {
        ('I', Culture::Turkic) => 'ı',
        ('İ', Culture::Invariant) => 'İ',
        // The one character whose full mapping is longer than the simple one.
        ('İ', _) => 'i',
        _ if character.is_ascii() => character.to_ascii_lowercase(),
        _ => match unicode_case_mapping::to_lowercase(character) {
            [mapped, _] if mapped != 0 => char::from_u32(mapped).unwrap_or(character),
            _ => character,
        },
    }
}

/// A capital, but for the letters that are two in one, of which only the first becomes one.
fn title_letter(character: char) -> char {
    match character {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        _ => upper(character, Culture::Invariant),
    }
}

/// The place of a character in a word of title case.
#[derive(Clone, Copy, PartialEq)]
enum WordPart {
    Letter,
    /// Belongs to a word that has begun.
    Inner,
    Separator,
}

impl WordPart {
    fn of(character: char) -> Self {
        match get_general_category(character) {
            GeneralCategory::UppercaseLetter
            | GeneralCategory::LowercaseLetter
            | GeneralCategory::TitlecaseLetter
            | GeneralCategory::ModifierLetter
            | GeneralCategory::OtherLetter => Self::Letter,
            GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
            | GeneralCategory::EnclosingMark
            | GeneralCategory::DecimalNumber
            | GeneralCategory::LetterNumber
            | GeneralCategory::OtherNumber
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned => Self::Inner,
            _ => Self::Separator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_never_becomes_two() {
        for (text, expected) in [
            ("straße", "STRAßE"),
            ("ŉ ﬁ ﬃ ǰ ẖ ΐ", "ŉ ﬁ ﬃ ǰ ẖ ΐ"),
            ("ᾳ ᾀ ᾲ ᾶ", "ᾼ ᾈ ᾲ ᾶ"),
            ("ǆ ǅ", "Ǆ Ǆ"),
            ("ÿ µ ſ ς", "Ÿ Μ S Σ"),
            ("𐐨", "𐐀"),
            ("ａｂｃ", "ＡＢＣ"),
        ] {
            assert_eq!(to_upper(text, Culture::Invariant), expected, "{text}");
        }
        for (text, expected) in [
            ("ΟΔΟΣ", "οδοσ"),
            ("ẞ ᾼ Ω K Å", "ß ᾳ ω k å"),
            ("𐐀", "𐐨"),
            ("ＡＢＣ", "ａｂｃ"),
        ] {
            assert_eq!(to_lower(text, Culture::Invariant), expected, "{text}");
        }
    }

    #[test]
    fn only_i_depends_on_the_culture() {
        for (culture, upper, lower) in [
            ("", "Iı", "iİ"),
            ("en-US", "II", "ii"),
            ("ja_JP", "II", "ii"),
            ("tr-TR", "İI", "ıi"),
            ("TR", "İI", "ıi"),
            ("az-Latn-AZ", "İI", "ıi"),
        ] {
            let culture = culture.parse().unwrap();
            assert_eq!(to_upper("iı", culture), upper, "{culture:?}");
            assert_eq!(to_lower("Iİ", culture), lower, "{culture:?}");
        }
        for name in [
            "not a culture",
            "e",
            "12",
            "-en",
            "en--US",
            "en-",
            "en-ÜS",
            "español",
            "engelsksproget",
        ] {
            assert!(name.parse::<Culture>().is_err(), "{name}");
        }
        assert!("en-".repeat(40).parse::<Culture>().is_err());
    }

    /// Simple mappings are those full mappings that give one character, but for what the two tests above name.
    #[test]
    fn wherever_unicode_maps_to_one_character_that_is_the_mapping() {
        // The standard library may know later characters than the tables do.
        let assigned = |character: &char| get_general_category(*character) != GeneralCategory::Unassigned;
        for character in ('\0'..=char::MAX).filter(assigned) {
            let full: Vec<char> = character.to_uppercase().collect();
            if let [one] = full.as_slice()
                && character != 'ı'
                && assigned(one)
            {
                assert_eq!(upper(character, Culture::Invariant), *one, "{character:?}");
            }
            let full: Vec<char> = character.to_lowercase().collect();
            if let [one] = full.as_slice()
                && assigned(one)
            {
                assert_eq!(lower(character, Culture::Invariant), *one, "{character:?}");
            }
        }
    }

    #[test]
    fn a_text_that_does_not_change_is_not_copied() {
        assert!(matches!(
            to_lower("john.smith@x", Culture::Invariant),
            Cow::Borrowed(_)
        ));
        assert!(matches!(
            to_upper("ÉCOLE 1", Culture::Invariant),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn words_begin_with_a_capital_as_in_text_info_to_title_case() {
        for (text, expected) in [
            ("PABLO GONSALVES (SECOND)", "Pablo Gonsalves (Second)"),
            ("GREGORY JAMES", "Gregory James"),
            ("PINTO-DE'SILVA", "Pinto-De'silva"),
            ("'tis o'clock'", "'Tis O'clock'"),
            ("jean’s", "Jean’S"),
            ("1st floor 2ND", "1St Floor 2Nd"),
            ("a1b a_b a.b a,b a/b", "A1b A_B A.B A,B A/B"),
            ("mcDONALD", "Mcdonald"),
            ("ǆungla ÉCOLE", "ǅungla École"),
            ("e\u{301}A \u{301}a", "E\u{301}a \u{301}A"),
            ("𐐨𐐀", "𐐀𐐨"),
            ("", ""),
        ] {
            assert_eq!(to_title(text), expected, "{text}");
        }
    }

    #[test]
    fn own_separators_are_the_only_ones() {
        for (text, separators, expected) in [
            ("PINTO-DE'SILVA", " '-", "Pinto-De'Silva"),
            ("JOHN DOE", "", "John doe"),
            ("a-b c", " ", "A-b C"),
            ("", "x", ""),
        ] {
            assert_eq!(to_title_between(text, separators), expected, "{text}");
        }
    }
}
