//! Regular expressions of .NET.
//!
//! A pattern is translated into the dialect of a backtracking engine that has most of what .NET has. What it does not
//! have is refused with its position: balancing groups, two groups of one name, matching from right to left, rare blocks
//! of characters, and in look-behinds what depends on the direction.

mod error;
mod groups;
mod replacement;
mod set;
mod translate;
mod units;

use std::{borrow::Cow, ops::Range};

use fancy_regex::RegexInput;

pub use self::{error::RegexError, groups::Group, replacement::Replacement};
use self::{groups::Groups, replacement::Part, set::Alphabet};

/// The longest pattern, in UTF-16 code units; that of an expression of the service.
const MAX_PATTERN: usize = 10_000;
/// The longest text that is searched, in bytes. The engine bounds one search, not all those of a replacement, so that the
/// time for one grows with the square of this at worst.
const MAX_INPUT: usize = 8 << 10;
/// How often one search may go back; more than there are positions in the longest text.
const MAX_BACKTRACKS: usize = 20_000;
/// The most memory that an automaton of the engine may take, in bytes.
const MAX_AUTOMATON: usize = 2 << 20;
/// The largest program of the engine, in instructions.
const MAX_PROGRAM: usize = 50_000;

/// A pattern, compiled.
///
/// It means what it means to `System.Text.RegularExpressions` with no options and the invariant culture: `$` also stands
/// before a line feed at the end, `\w` and `\d` know all scripts, names are numbered after numbers, characters outside
/// the basic plane are two.
///
/// ```
/// use keyfob_mapping::dotnet::regex::Regex;
///
/// let regex = Regex::new(r"\+(?<country>\d* )(?<phone>\d{10})")?;
/// let replacement = regex.replacement("${phone}")?;
/// assert_eq!(regex.replace_all("+91 9998887777", &replacement, 100)?, "9998887777");
///
/// let phone = regex.group("phone")?;
/// assert_eq!(regex.replace_group("+91 9998887777", phone, "-", 100)?, "+91 -");
/// # Ok::<(), keyfob_mapping::dotnet::regex::RegexError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Regex {
    engine: fancy_regex::Regex,
    /// What runs faster on texts in ASCII that do not end with a line feed.
    ascii: Option<fancy_regex::Regex>,
    groups: Groups,
    /// Groups that cannot be used, and why.
    unsure: Vec<(Group, RegexError)>,
    is_contiguous: bool,
}

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// A pattern that .NET refuses, that is not supported, or that is too large.
    ///
    /// # Complexity
    /// Linear in the pattern with its counted repetitions written out.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let pattern = units::split(pattern);
        if pattern.chars().count() > MAX_PATTERN {
            return Err(RegexError::TooLarge);
        }
        let groups = translate::groups(&pattern)?;
        let translation = translate::translate(&pattern, Alphabet::Unicode, &groups)?;
        let ascii = if translation.is_simpler_in_ascii {
            let ascii = translate::translate(&pattern, Alphabet::Ascii, &groups)?;
            Some(compile(&ascii.pattern, false)?)
        } else {
            None
        };
        let engine = compile(&translation.pattern, translation.is_contiguous)?;
        let ascii = ascii.filter(|_| !translation.is_contiguous);
        Ok(Self {
            engine,
            ascii,
            groups,
            unsure: translation.unsure,
            is_contiguous: translation.is_contiguous,
        })
    }

    /// Whether the pattern matches anywhere in the text.
    ///
    /// # Errors
    /// A text that is too long, or a search that takes too many steps.
    pub fn is_match(&self, input: &str) -> Result<bool, RegexError> {
        let text = units::split(bounded(input)?);
        self.engine_for(&text).is_match(&*text).map_err(run_error)
    }

    /// Reads a replacement against the groups of this pattern.
    ///
    /// # Errors
    /// A reference to a group that cannot be used, as [`Self::group`].
    pub fn replacement(&self, text: &str) -> Result<Replacement, RegexError> {
        let replacement = Replacement::new(&units::split(text), &self.groups);
        for group in replacement.groups() {
            self.usable(group)?;
        }
        Ok(replacement)
    }

    /// The group of this name or number.
    ///
    /// # Errors
    /// A name that no group has; a group of which .NET may take another part: one that can be empty within a repetition
    /// without end, or that stands in a look-behind of varying length.
    pub fn group(&self, name: &str) -> Result<Group, RegexError> {
        let group = self.groups.named(&units::split(name));
        self.usable(group.ok_or_else(|| RegexError::NoGroup {
            name: name.to_owned(),
        })?)
    }

    fn usable(&self, group: Group) -> Result<Group, RegexError> {
        match self.unsure.iter().find(|(unsure, _)| *unsure == group) {
            Some((_, error)) => Err(error.clone()),
            None => Ok(group),
        }
    }

    /// The text with every match replaced.
    ///
    /// # Errors
    /// A text that is too long, a search that takes too many steps, or a result of more than `limit` bytes.
    ///
    /// # Complexity
    /// As that of the pattern, for each match.
    pub fn replace_all<'t>(
        &self,
        input: &'t str,
        replacement: &Replacement,
        limit: usize,
    ) -> Result<Cow<'t, str>, RegexError> {
        self.rewrite(
            input,
            limit,
            replacement.groups().next().is_none(),
            |text, captures, writer| {
                let matched = captures.span(Group::WHOLE).unwrap_or_default();
                writer.copy_to(text, matched.start)?;
                for part in &replacement.parts {
                    writer.push(match part {
                        Part::Text(plain) => plain,
                        Part::Group(group) => captures
                            .span(*group)
                            .and_then(|span| text.get(span))
                            .unwrap_or_default(),
                        Part::Before => text.get(..matched.start).unwrap_or_default(),
                        Part::After => text.get(matched.end..).unwrap_or_default(),
                        Part::Input => text,
                    })?;
                }
                writer.copied = matched.end;
                Ok(())
            },
        )
    }

    /// The text with what a group takes replaced in every match, and the rest of each match as it was.
    ///
    /// `replacement` is plain text. Of a group that takes several parts of the text in one match, the last is replaced.
    ///
    /// # Errors
    /// As [`Self::replace_all`].
    pub fn replace_group<'t>(
        &self,
        input: &'t str,
        group: Group,
        replacement: &str,
        limit: usize,
    ) -> Result<Cow<'t, str>, RegexError> {
        let replacement = units::split(replacement);
        self.rewrite(input, limit, group == Group::WHOLE, |text, captures, writer| {
            // A group in a look-around may take what another match has taken.
            if let Some(span) = captures.span(group).filter(|span| span.start >= writer.copied) {
                writer.copy_to(text, span.start)?;
                writer.push(&replacement)?;
                writer.copied = span.end;
            }
            Ok(())
        })
    }

    /// What a group takes in the first match; nothing if there is no match, or none of the group in it.
    ///
    /// # Errors
    /// A text that is too long, or a search that takes too many steps.
    pub fn first_group<'t>(&self, input: &'t str, group: Group) -> Result<Option<Cow<'t, str>>, RegexError> {
        let found = |text: &str| match self.search(text, 0, true, group == Group::WHOLE) {
            Ok(found) => Ok(found.and_then(|captures| captures.span(group))),
            Err(error) => Err(error),
        };
        match units::split(bounded(input)?) {
            Cow::Borrowed(text) => Ok(found(text)?.and_then(|span| text.get(span)).map(Cow::Borrowed)),
            Cow::Owned(text) => Ok(found(&text)?
                .and_then(|span| text.get(span))
                .map(|taken| Cow::Owned(units::join(Cow::Borrowed(taken)).into_owned()))),
        }
    }

    /// Writes a text anew from its matches.
    fn rewrite<'t>(
        &self,
        input: &'t str,
        limit: usize,
        only_whole: bool,
        mut write: impl FnMut(&str, &Captures<'_>, &mut Writer) -> Result<(), RegexError>,
    ) -> Result<Cow<'t, str>, RegexError> {
        let text = units::split(bounded(input)?);
        let mut writer = Writer {
            written: String::new(),
            copied: 0,
            limit,
        };
        let mut start = 0;
        let mut after_empty = false;
        while let Some(captures) = self.search(&text, start, !after_empty, only_whole)? {
            let matched = captures.span(Group::WHOLE).unwrap_or_default();
            write(&text, &captures, &mut writer)?;
            // .NET goes on where the match ended, even if the next one is empty; only after an empty one it goes one
            // character further.
            after_empty = matched.is_empty();
            start = matched.end;
            if after_empty {
                match text.get(start..).and_then(|rest| rest.chars().next()) {
                    Some(next) => start += next.len_utf8(),
                    None => break,
                }
            }
        }
        if writer.copied == 0 && writer.written.is_empty() {
            return Ok(Cow::Borrowed(input));
        }
        writer.copy_to(&text, text.len())?;
        Ok(Cow::Owned(units::join(Cow::Owned(writer.written)).into_owned()))
    }

    fn search<'t>(
        &self,
        text: &'t str,
        start: usize,
        is_contiguous: bool,
        only_whole: bool,
    ) -> Result<Option<Captures<'t>>, RegexError> {
        let mut input = RegexInput::new(text).from_pos(start);
        if self.is_contiguous && !is_contiguous {
            input = input.continue_from_previous_match_end(false);
        }
        let engine = self.engine_for(text);
        if only_whole {
            let found = engine.find_input(input).map_err(run_error)?;
            return Ok(found.map(|found| Captures::Whole(found.range())));
        }
        Ok(engine
            .captures_input(input)
            .map_err(run_error)?
            .map(Captures::All))
    }

    fn engine_for(&self, text: &str) -> &fancy_regex::Regex {
        match &self.ascii {
            Some(ascii) if text.is_ascii() && !text.ends_with('\n') => ascii,
            _ => &self.engine,
        }
    }
}

/// What a match and its groups take.
enum Captures<'t> {
    Whole(Range<usize>),
    All(fancy_regex::Captures<'t, str>),
}

impl Captures<'_> {
    fn span(&self, Group(group): Group) -> Option<Range<usize>> {
        match self {
            Self::Whole(range) => (group == 0).then(|| range.clone()),
            Self::All(captures) => captures.get(group).map(|taken| taken.range()),
        }
    }
}

/// A text that is written anew.
struct Writer {
    written: String,
    /// How far the old text has been copied or left out.
    copied: usize,
    limit: usize,
}

impl Writer {
    fn push(&mut self, text: &str) -> Result<(), RegexError> {
        if self.written.len() + text.len() > self.limit {
            return Err(RegexError::TooLongResult { limit: self.limit });
        }
        self.written.push_str(text);
        Ok(())
    }

    /// Copies the old text up to a position.
    fn copy_to(&mut self, text: &str, position: usize) -> Result<(), RegexError> {
        self.push(text.get(self.copied..position).unwrap_or_default())?;
        self.copied = position;
        Ok(())
    }
}

fn bounded(input: &str) -> Result<&str, RegexError> {
    if input.len() > MAX_INPUT {
        return Err(RegexError::TooLongInput { limit: MAX_INPUT });
    }
    Ok(input)
}

fn compile(pattern: &str, is_contiguous: bool) -> Result<fancy_regex::Regex, RegexError> {
    fancy_regex::RegexBuilder::new(pattern)
        .backtrack_limit(MAX_BACKTRACKS)
        .delegate_size_limit(MAX_AUTOMATON)
        .delegate_dfa_size_limit(MAX_AUTOMATON)
        .max_prog_size(MAX_PROGRAM)
        .allow_input_assertion_overrides(is_contiguous)
        .build()
        .map_err(|error| match error {
            fancy_regex::Error::CompileError(error) if is_unsupported(&error) => RegexError::Unsupported {
                position: 0,
                feature: "a combination of look-behinds",
            },
            _ => RegexError::TooLarge,
        })
}

fn is_unsupported(error: &fancy_regex::CompileError) -> bool {
    use fancy_regex::CompileError;
    matches!(
        error,
        CompileError::LookBehindNotConst
            | CompileError::FeatureNotYetSupported(_)
            | CompileError::DfaBuildError(..)
    )
}

fn run_error(_: fancy_regex::Error) -> RegexError {
    RegexError::TooManySteps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(pattern: &str, input: &str, replacement: &str) -> String {
        let regex = Regex::new(pattern).unwrap();
        let replacement = regex.replacement(replacement).unwrap();
        regex
            .replace_all(input, &replacement, 10_000)
            .unwrap()
            .into_owned()
    }

    fn group_replaced(pattern: &str, group: &str, input: &str, replacement: &str) -> String {
        let regex = Regex::new(pattern).unwrap();
        let group = regex.group(group).unwrap();
        regex
            .replace_group(input, group, replacement, 10_000)
            .unwrap()
            .into_owned()
    }

    #[test]
    fn matches_are_replaced_as_dotnet_replaced_them() {
        let file = include_str!("../../../../testdata/dotnet/regex.json");
        let cases: Vec<[String; 4]> = serde_json::from_str(file).unwrap();
        for [pattern, input, replacement, expected] in &cases {
            assert_eq!(
                replaced(pattern, input, replacement),
                *expected,
                "{pattern} {input:?} {replacement}"
            );
        }
    }

    #[test]
    fn the_span_of_a_group_is_replaced_in_every_match() {
        for (pattern, group, input, replacement, expected) in [
            (
                "(?<streetNumber>^\\d*)",
                "streetNumber",
                "545 Tremont Street",
                "888",
                "888 Tremont Street",
            ),
            ("(?<Suffix>@(.)*)", "Suffix", "jsmith@contoso.com", "", "jsmith"),
            ("(?<d>\\d)[a-z]", "d", "1a2b3", "#", "#a#b3"),
            ("(a)|b", "1", "ab", "$0", "$0b"),
            ("a(b)?", "1", "ab", "😀", "a😀"),
            ("(?=(bc))a?", "1", "abc", "x", "ax"),
            ("(?<=(a))b", "1", "ab", "x", "xb"),
            ("b", "0", "abc", "x", "axc"),
        ] {
            assert_eq!(
                group_replaced(pattern, group, input, replacement),
                expected,
                "{pattern}"
            );
        }
        let regex = Regex::new("(?<a>x)").unwrap();
        assert_eq!(
            regex.group("b"),
            Err(RegexError::NoGroup { name: "b".to_owned() })
        );
        assert_eq!(regex.group("1"), regex.group("a"));
    }

    #[test]
    fn the_first_match_gives_its_group() {
        let regex = Regex::new("(?<area>\\d{3})-(x)?").unwrap();
        let group = |name| regex.group(name).unwrap();
        assert_eq!(
            regex.first_group("tel 425-555-", group("area")),
            Ok(Some("425".into()))
        );
        assert_eq!(regex.first_group("425-", group("1")), Ok(None));
        assert_eq!(regex.first_group("tel", group("area")), Ok(None));
        let halves = Regex::new("(.)a").unwrap();
        assert_eq!(
            halves.first_group("😀a", halves.group("1").unwrap()),
            Ok(Some("\u{FFFD}".into()))
        );
    }

    #[test]
    fn what_dotnet_refuses_is_refused_with_its_position() {
        for (pattern, position) in [
            ("(a", 0),
            ("a)", 1),
            ("[a", 0),
            ("a**", 2),
            ("*a", 0),
            ("a|{2}", 2),
            ("a{2,1}", 1),
            ("[z-a]", 1),
            ("[a-\\d]", 3),
            ("[a-z-[b]c]", 8),
            ("(a)\\2", 3),
            ("\\k<x>", 0),
            ("\\y", 0),
            ("\\", 0),
            ("\\x4", 0),
            ("\\p{Foo}", 0),
            ("(?#a", 0),
            ("(?<0>a)", 0),
            ("(?<>a)", 0),
            ("(?z)", 0),
            ("(a)(?(1)a|b|c)", 3),
            ("😀(", 2),
        ] {
            let error = Regex::new(pattern).unwrap_err();
            assert!(
                matches!(error, RegexError::Syntax { position: at, .. } if at == position),
                "{pattern}: {error:?}"
            );
        }
        assert_eq!(
            Regex::new("a{2}*").unwrap_err().to_string(),
            "the pattern is wrong at position 4: a quantifier follows a quantifier"
        );
    }

    #[test]
    fn what_cannot_be_translated_is_refused_and_never_misread() {
        for pattern in [
            "(?<n-m>x)",
            "(?<-n>x)",
            "(?r)a",
            "(?<a>x)|(?<a>y)",
            "(a\\1)",
            "((?(1)a|b))",
            "(?<=\\bab*)c",
            "(a)(?<=\\1)b",
            "(?<=(?>a*))b",
            "(a*)*\\1",
            "\\p{IsRunic}",
            "[[:alpha:]]",
        ] {
            let error = Regex::new(pattern).unwrap_err();
            assert!(
                matches!(error, RegexError::Unsupported { .. }),
                "{pattern}: {error:?}"
            );
        }
        // Whether these match is known; only what their groups take is not.
        for pattern in ["^(a*)*$", "(?<=(a+))$", "^(?:(a)?)+$"] {
            let regex = Regex::new(pattern).unwrap();
            assert_eq!(regex.is_match("aa"), Ok(true), "{pattern}");
            assert!(
                regex.group("1").is_err() && regex.replacement("$1").is_err(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn patterns_texts_steps_and_results_are_bounded() {
        let too_large = [
            "a".repeat(10_001),
            "(".repeat(1000),
            "a{1001}".to_owned(),
            "(?:\\w{1000}){1000}".to_owned(),
        ];
        for pattern in too_large {
            assert_eq!(Regex::new(&pattern).unwrap_err(), RegexError::TooLarge);
        }
        let regex = Regex::new("(?:(a+)+\\1)+$").unwrap();
        let text = "a".repeat(40) + "b";
        assert_eq!(regex.is_match(&text), Err(RegexError::TooManySteps));
        let long = "a".repeat(MAX_INPUT + 1);
        assert_eq!(
            regex.is_match(&long),
            Err(RegexError::TooLongInput { limit: MAX_INPUT })
        );
        let regex = Regex::new("a").unwrap();
        let replacement = regex.replacement("$_$_").unwrap();
        let text = "a".repeat(1000);
        assert_eq!(
            regex.replace_all(&text, &replacement, 9999),
            Err(RegexError::TooLongResult { limit: 9999 })
        );
    }

    #[test]
    fn a_text_without_a_match_is_not_copied() {
        let regex = Regex::new("x$").unwrap();
        let replacement = regex.replacement("y").unwrap();
        for text in ["abc", "é\n", "😀"] {
            assert!(
                matches!(regex.replace_all(text, &replacement, 0), Ok(Cow::Borrowed(same)) if same == text)
            );
        }
    }

    proptest! {
        #[test]
        fn any_pattern_compiles_or_not_and_any_search_ends(
            pattern in any::<String>(),
            likely in r"([ab.]|\\[wdsbBkpu1]|[(]{1,2}[?]?[:=!<>(]{0,2}|[)|*+?$^]|[{]1,2[}]|\[\^?[a-]{0,3}\]|😀){0,12}",
            input in "[ab1 é😀\\n]{0,12}",
            replacement in "([ab]|[$][0-9&`'+_$]|[$]\\{[a1]\\}?){0,4}",
        ) {
            for pattern in [pattern, likely] {
                if let Ok(regex) = Regex::new(&pattern) {
                    let _ = regex.is_match(&input);
                    if let Ok(replacement) = regex.replacement(&replacement) {
                        let _ = regex.replace_all(&input, &replacement, 1000);
                    }
                    if let Ok(group) = regex.group("1") {
                        let _ = regex.replace_group(&input, group, &replacement, 1000);
                        let _ = regex.first_group(&input, group);
                    }
                }
            }
        }

        #[test]
        fn a_pattern_without_signs_is_a_plain_text(
            sought in r"[ab.*+(\[{|$^ é]{1,3}",
            text in r"[ab.*+(\[{|$^ é]{0,24}",
            new in "[x$\\\\]{0,3}",
        ) {
            let pattern: String = sought.chars().map(|c| if "ab é".contains(c) { c.to_string() } else { format!("\\{c}") }).collect();
            prop_assert_eq!(replaced(&pattern, &text, &new.replace('$', "$$")), text.replace(&sought, &new));
            let ignored = format!("(?i:{pattern})");
            prop_assert_eq!(replaced(&ignored, &text.to_uppercase(), "-"), text.replace(&sought, "-").to_uppercase());
        }

        #[test]
        fn ascii_alone_makes_no_difference(text in "[ab_1 .-]{0,8}", pattern in "([ab.]|\\\\[wdsbB]|[$]|[*]b){1,6}") {
            if let Ok(regex) = Regex::new(&pattern) {
                let all = Regex { ascii: None, ..regex.clone() };
                let replacement = regex.replacement("<$&>").unwrap();
                prop_assert_eq!(
                    regex.replace_all(&text, &replacement, 1000),
                    all.replace_all(&text, &replacement, 1000)
                );
            }
        }
    }
}
