//! Sets of characters, as classes and escapes of a pattern name them.

use std::{collections::BTreeSet, fmt::Write as _, sync::LazyLock};

use unicode_general_category::get_general_category;

use super::{
    super::casing::lower_invariant,
    units::{FIRST_HALF, LAST_HALF},
};

/// Some characters, one of which stands in the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Set {
    ranges: Vec<(char, char)>,
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

/// What the pattern may be used on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Alphabet {
    Unicode,
    /// ASCII alone, for which sets are small.
    Ascii,
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

    fn contains(self, character: char) -> bool {
        match self {
            Self::Category(category) => category_of(character).starts_with(category),
            Self::Word => matches!(
                category_of(character),
                "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "Mn" | "Nd" | "Pc"
            ),
            Self::Space => character.is_whitespace(),
            Self::Block(first, last) => (first..=last).contains(&character),
        }
    }

    /// What stands for the class within brackets.
    fn text(self) -> String {
        match self {
            // The halves of characters are from a plane for private use; see `units`.
            Self::Category("Cs") => format!("{FIRST_HALF}-{LAST_HALF}"),
            Self::Category("Co") => r"\x{E000}-\x{F8FF}".to_owned(),
            Self::Category(category) => format!(r"\p{{{category}}}"),
            Self::Word => r"\p{L}\p{Mn}\p{Nd}\p{Pc}".to_owned(),
            Self::Space => r"\s".to_owned(),
            Self::Block(first, last) => {
                let mut range = String::new();
                write_range(&mut range, first, last);
                range
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

    /// Adds the characters from one code unit to another.
    pub(super) fn add(&mut self, first: char, last: char) {
        // The characters for halves of others stand behind all others, their code units amid them.
        let is_half = |character| (FIRST_HALF..=LAST_HALF).contains(&character);
        match (is_half(first), is_half(last)) {
            (false, true) => self.ranges.extend([(first, '\u{D7FF}'), (FIRST_HALF, last)]),
            (true, false) => self.ranges.extend([(first, LAST_HALF), ('\u{E000}', last)]),
            (false, false) if first < '\u{E000}' && last >= '\u{E000}' => {
                self.ranges.extend([(first, last), (FIRST_HALF, LAST_HALF)]);
            }
            _ => self.ranges.push((first, last)),
        }
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
        let in_range = |character: char| {
            self.ranges
                .iter()
                .any(|&(first, last)| (first..=last).contains(&character))
        };
        let lower: BTreeSet<char> = match self.ranges.as_slice() {
            [(first, last)] if first == last => [lower_invariant(*first)].into(),
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

    /// Whether the set was made of one character alone.
    pub(super) fn is_single(&self) -> bool {
        let mut ranges = self.ranges.iter();
        let single = ranges
            .next()
            .is_some_and(|&(first, last)| first == last && ranges.all(|&range| range == (first, first)));
        single && self.classes.is_empty() && !self.negated
    }

    pub(super) fn contains(&self, character: char) -> bool {
        let named = self
            .ranges
            .iter()
            .any(|&(first, last)| (first..=last).contains(&character))
            || self
                .classes
                .iter()
                .any(|&(class, negated)| class.contains(character) != negated);
        named != self.negated
            && !self
                .subtracted
                .as_ref()
                .is_some_and(|set| set.contains(character))
    }

    /// Writes the set as a class of the engine's own dialect, every character by its number.
    pub(super) fn write(&self, pattern: &mut String, alphabet: Alphabet) {
        match alphabet {
            Alphabet::Unicode => self.write_all(pattern),
            Alphabet::Ascii => {
                pattern.push('[');
                let mut next = '\0'..='\x7F';
                while let Some(first) = next.find(|&character| self.contains(character)) {
                    let mut last = first;
                    let mut ahead = next.clone();
                    while let Some(character) = ahead.next().filter(|&character| self.contains(character)) {
                        last = character;
                        next.next();
                    }
                    write_range(pattern, first, last);
                }
                // A class without a character never matches; an empty one would not be read as such.
                if pattern.ends_with('[') {
                    pattern.push_str(r"^\x{00}-\x{10FFFF}");
                }
                pattern.push(']');
            }
        }
    }

    fn write_all(&self, pattern: &mut String) {
        if self.subtracted.is_some() {
            pattern.push('[');
        }
        pattern.push_str(if self.negated { "[^" } else { "[" });
        for &(first, last) in &self.ranges {
            write_range(pattern, first, last);
        }
        for &(class, negated) in &self.classes {
            if negated {
                let _ = write!(pattern, "[^{}]", class.text());
            } else {
                pattern.push_str(&class.text());
            }
        }
        pattern.push(']');
        if let Some(set) = &self.subtracted {
            pattern.push_str("--");
            set.write_all(pattern);
            pattern.push(']');
        }
    }
}

/// Each character with a small letter after that letter, in this order.
static CASES: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut cases: Vec<(char, char)> = ('\0'..='\u{FFFF}')
        .map(|character| (lower_invariant(character), character))
        .filter(|(small, character)| small != character)
        .collect();
    cases.sort_unstable();
    cases
});

fn write_range(pattern: &mut String, first: char, last: char) {
    let _ = write!(pattern, r"\x{{{:02X}}}", u32::from(first));
    if first != last {
        let _ = write!(pattern, r"-\x{{{:02X}}}", u32::from(last));
    }
}

fn category_of(character: char) -> &'static str {
    if (FIRST_HALF..=LAST_HALF).contains(&character) {
        return "Cs";
    }
    get_general_category(character).abbreviation()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(set: &Set, alphabet: Alphabet) -> String {
        let mut pattern = String::new();
        set.write(&mut pattern, alphabet);
        pattern
    }

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
            assert!(('\0'..='\u{FFFF}').filter(|&c| set.contains(c)).eq({
                let mut alike: Vec<char> = alike.chars().collect();
                alike.sort_unstable();
                alike
            }));
        }
    }

    #[test]
    fn a_set_is_the_same_in_every_alphabet() {
        let mut vowels = Set::default();
        for vowel in "aeiou".chars() {
            vowels.add(vowel, vowel);
        }
        let mut consonants = Set::default();
        consonants.add('a', 'z');
        consonants.subtract(vowels);
        let mut strange = Set::of(Class::Space, true);
        strange.add_class(Class::Category("Cs"), false);
        strange.negate();
        let mut wide = Set::default();
        wide.add('z', '\u{E001}');
        let mut halves = Set::default();
        halves.add('\u{D000}', '\u{10DC00}');
        let mut nothing = Set::of(Class::Word, false);
        nothing.add_class(Class::Word, true);
        nothing.negate();
        for set in [
            consonants,
            strange,
            wide,
            halves,
            nothing,
            Set::of(Class::Word, false),
            Set::of(Class::Word, true),
            Set::of(Class::DIGIT, true),
            Set::of(Class::Category("P"), false),
            Set::of(Class::Category("Co"), true),
            Set::one(']', false),
            Set::one('x', true),
        ] {
            let all = fancy_regex::Regex::new(&format!(r"\A{}\z", written(&set, Alphabet::Unicode))).unwrap();
            let ascii = fancy_regex::Regex::new(&format!(r"\A{}\z", written(&set, Alphabet::Ascii))).unwrap();
            for character in ('\0'..='\u{2FFF}')
                .chain('\u{D000}'..='\u{FFFF}')
                .chain(FIRST_HALF..=LAST_HALF)
            {
                let text = character.to_string();
                assert_eq!(
                    all.is_match(&text).unwrap(),
                    set.contains(character),
                    "{set:?} {character:?}"
                );
                if character.is_ascii() {
                    assert_eq!(
                        ascii.is_match(&text).unwrap(),
                        set.contains(character),
                        "{set:?} {character:?}"
                    );
                }
            }
        }
    }
}
