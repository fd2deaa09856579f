//! Sets of characters, as classes and escapes of a pattern name them.

use std::{collections::BTreeSet, sync::LazyLock};

use unicode_general_category::get_general_category;

use super::{super::casing::lower_invariant, units::to_unit};

/// Some code units, one of which stands in the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set {
    ranges: Vec<(u16, u16)>,
    classes: Vec<(Class, bool)>,
    negated: bool,
    subtracted: Option<Box<Set>>,
}

/// A set that has a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Class {
    /// A general category by its one or two letters, such as `L` or `Lu`.
    Category(&'static str),
    /// `\w`
    Word,
    /// `\s`
    Space,
    /// A block, from one character to another.
    Block(char, char),
}

/// A set of which the members in ASCII are looked up.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// A bit for each character of ASCII.
    ascii: u128,
    set: Set,
}

impl Members {
    pub(super) fn of(set: &Set) -> Self {
        let in_set = (0..128_u16).filter(|unit| set.contains(*unit));
        Self {
            ascii: in_set.fold(0, |ascii, unit| ascii | 1 << unit),
            set: set.clone(),
        }
    }

    /// The set itself.
    pub(super) fn set(&self) -> &Set {
        &self.set
    }

    pub(super) fn contains(&self, unit: u16) -> bool {
        if unit < 128 {
            self.ascii >> unit & 1 == 1
        } else {
            self.set.contains(unit)
        }
    }
}

impl Class {
    /// `\d`
    pub(super) const DIGIT: Self = Self::Category("Nd");

    const CATEGORIES: [&str; 37] = [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd",
        "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf",
        "Cs", "Co", "Cn",
    ];

    /// The blocks of the scripts and signs that names are written with, as .NET calls them.
    const BLOCKS: [(&str, char, char); 30] = [
        ("IsBasicLatin", '\0', '\u{7F}'),
        ("IsLatin-1Supplement", '\u{80}', '\u{FF}'),
        ("IsLatinExtended-A", '\u{100}', '\u{17F}'),
        ("IsLatinExtended-B", '\u{180}', '\u{24F}'),
        ("IsIPAExtensions", '\u{250}', '\u{2AF}'),
        ("IsSpacingModifierLetters", '\u{2B0}', '\u{2FF}'),
        ("IsCombiningDiacriticalMarks", '\u{300}', '\u{36F}'),
        ("IsGreek", '\u{370}', '\u{3FF}'),
        ("IsGreekandCoptic", '\u{370}', '\u{3FF}'),
        ("IsCyrillic", '\u{400}', '\u{4FF}'),
        ("IsCyrillicSupplement", '\u{500}', '\u{52F}'),
        ("IsArmenian", '\u{530}', '\u{58F}'),
        ("IsHebrew", '\u{590}', '\u{5FF}'),
        ("IsArabic", '\u{600}', '\u{6FF}'),
        ("IsDevanagari", '\u{900}', '\u{97F}'),
        ("IsThai", '\u{E00}', '\u{E7F}'),
        ("IsGeorgian", '\u{10A0}', '\u{10FF}'),
        ("IsHangulJamo", '\u{1100}', '\u{11FF}'),
        ("IsLatinExtendedAdditional", '\u{1E00}', '\u{1EFF}'),
        ("IsGreekExtended", '\u{1F00}', '\u{1FFF}'),
        ("IsGeneralPunctuation", '\u{2000}', '\u{206F}'),
        ("IsCurrencySymbols", '\u{20A0}', '\u{20CF}'),
        ("IsLetterlikeSymbols", '\u{2100}', '\u{214F}'),
        ("IsCJKSymbolsandPunctuation", '\u{3000}', '\u{303F}'),
        ("IsHiragana", '\u{3040}', '\u{309F}'),
        ("IsKatakana", '\u{30A0}', '\u{30FF}'),
        ("IsCJKUnifiedIdeographs", '\u{4E00}', '\u{9FFF}'),
        ("IsHangulSyllables", '\u{AC00}', '\u{D7AF}'),
        ("IsAlphabeticPresentationForms", '\u{FB00}', '\u{FB4F}'),
        ("IsHalfwidthandFullwidthForms", '\u{FF00}', '\u{FFEF}'),
    ];

    /// The general category or the block of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let category = Self::CATEGORIES
            .into_iter()
            .find(|category| *category == name)
            .map(Self::Category);
        let block = || Self::BLOCKS.into_iter().find(|block| block.0 == name);
        category.or_else(|| block().map(|(_, first, last)| Self::Block(first, last)))
    }

    fn contains(self, unit: u16) -> bool {
        match self {
            Self::Category(category) => category_of(unit).starts_with(category),
            Self::Word => matches!(
                category_of(unit),
                "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "Mn" | "Nd" | "Pc"
            ),
            Self::Space => char::from_u32(unit.into()).is_some_and(char::is_whitespace),
            Self::Block(first, last) => {
                char::from_u32(unit.into()).is_some_and(|character| (first..=last).contains(&character))
            }
        }
    }
}

impl Set {
    /// The characters of a class, or all others.
    pub(super) fn of(class: Class, negated: bool) -> Self {
        Self {
            classes: vec![(class, negated)],
            ..Self::default()
        }
    }

    /// One character, or with those of which it differs in case alone.
    pub(super) fn one(character: char, ignore_case: bool) -> Self {
        let mut set = Self::default();
        set.add(character, character);
        if ignore_case {
            set.ignore_case();
        }
        set
    }

    /// Adds the code units from that of one character to that of another.
    pub(super) fn add(&mut self, first: char, last: char) {
        self.ranges.push((to_unit(first), to_unit(last)));
    }

    pub(super) fn add_class(&mut self, class: Class, negated: bool) {
        self.classes.push((class, negated));
    }

    /// All other characters.
    pub(super) fn negate(&mut self) {
        self.negated = true;
    }

    pub(super) fn subtract(&mut self, set: Self) {
        self.subtracted = Some(Box::new(set));
    }

    /// Adds the characters of which those in the ranges differ in case alone; classes stay as they are.
    pub(super) fn ignore_case(&mut self) {
        let in_range = |unit: u16| {
            self.ranges
                .iter()
                .any(|&(first, last)| (first..=last).contains(&unit))
        };
        let lower: BTreeSet<u16> = match self.ranges.as_slice() {
            [(first, last)] if first == last => [lower_unit(*first)].into(),
            _ => CASES
                .iter()
                .filter(|&&(small, other)| in_range(small) || in_range(other))
                .map(|&(small, _)| small)
                .collect(),
        };
        for small in lower {
            self.ranges.push((small, small));
            let start = CASES.partition_point(|&(key, _)| key < small);
            for &(_, other) in CASES.iter().skip(start).take_while(|&&(key, _)| key == small) {
                self.ranges.push((other, other));
            }
        }
    }

    pub(super) fn contains(&self, unit: u16) -> bool {
        let named = self
            .ranges
            .iter()
            .any(|&(first, last)| (first..=last).contains(&unit))
            || self
                .classes
                .iter()
                .any(|&(class, negated)| class.contains(unit) != negated);
        named != self.negated && !self.subtracted.as_ref().is_some_and(|set| set.contains(unit))
    }
}

/// Returns true if a character is one of `\w`.
pub(super) fn is_word(character: char) -> bool {
    Class::Word.contains(to_unit(character))
}

/// Returns true if a word begins or ends between two code units. Beside those of `\w`, the characters that join letters or
/// keep them apart belong to words here.
pub(super) fn is_word_boundary(previous: Option<u16>, next: Option<u16>) -> bool {
    let of_word = |unit: u16| Class::Word.contains(unit) || matches!(unit, 0x200C | 0x200D);
    previous.is_some_and(of_word) != next.is_some_and(of_word)
}

/// Each code unit with a small letter after that letter, in this order.
static CASES: LazyLock<Vec<(u16, u16)>> = LazyLock::new(|| {
    let mut cases: Vec<(u16, u16)> = (0..=u16::MAX)
        .map(|unit| (lower_unit(unit), unit))
        .filter(|(small, unit)| small != unit)
        .collect();
    cases.sort_unstable();
    cases
});

/// The small letter of a code unit under the invariant culture, or the code unit.
pub(super) fn lower_unit(unit: u16) -> u16 {
    match char::from_u32(unit.into()) {
        Some(character) => to_unit(lower_invariant(character)),
        None => unit,
    }
}

fn category_of(unit: u16) -> &'static str {
    char::from_u32(unit.into()).map_or("Cs", |character| get_general_category(character).abbreviation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_differ_in_case_alone_if_they_have_the_same_small_letter() {
        for (character, alike) in [
            ('k', "kK\u{212A}"),
            ('K', "kK\u{212A}"),
            ('σ', "σΣ"),
            ('ς', "ς"),
            ('ſ', "ſ"),
            ('1', "1"),
            ('ß', "ßẞ"),
        ] {
            let set = Set::one(character, true);
            let mut expected: Vec<u16> = alike.encode_utf16().collect();
            expected.sort_unstable();
            let found: Vec<u16> = (0..=u16::MAX).filter(|unit| set.contains(*unit)).collect();
            assert_eq!(found, expected, "{character}");
        }
    }

    #[test]
    fn a_set_has_the_same_members_when_they_are_looked_up() {
        let mut consonants = Set::default();
        consonants.add('a', 'z');
        let mut vowels = Set::default();
        for vowel in "aeiou".chars() {
            vowels.add(vowel, vowel);
        }
        consonants.subtract(vowels);
        let mut strange = Set::of(Class::Space, true);
        strange.add_class(Class::Category("Cs"), false);
        strange.negate();
        for set in [
            consonants,
            strange,
            Set::of(Class::Word, true),
            Set::one('K', true),
        ] {
            let members = Members::of(&set);
            for unit in 0..=u16::MAX {
                assert_eq!(members.contains(unit), set.contains(unit), "{set:?} {unit:x}");
            }
        }
    }
}
