//! Regular expressions of .NET.
//!
//! A pattern is read into a tree, compiled to a program and matched by going back to the last alternative, as .NET
//! does. Every step of a search is counted, so that a pattern that explodes ends when the work that a caller allows is
//! done, whatever the text is.
//!
//! Some patterns are refused with their position: balancing groups, two groups of one name, options that match from
//! right to left, conditions within look-behinds, groups within conditions, and rare blocks of characters.

mod error;
mod groups;
mod machine;
mod node;
mod parse;
mod program;
mod replacement;
mod set;
mod units;

use std::{borrow::Cow, ops::Range};

pub use self::{error::RegexError, groups::Group, replacement::Replacement};
use self::{groups::Groups, machine::Machine, program::Program, replacement::Part};

/// The longest pattern, in UTF-16 code units; that of an expression of the service.
const MAX_PATTERN: usize = 10_000;
/// The work that one step of a search is, in bytes of text that are copied.
const STEP: usize = 8;

/// A pattern, compiled.
///
/// It means what it means to `System.Text.RegularExpressions` with no options and the invariant culture: `$` also stands
/// before a line feed at the end, `\w` and `\d` know all scripts, names are numbered after numbers, characters outside
/// the basic plane are two.
///
/// Every use takes the work that may still be done, and lowers it: by one for each byte of text that is read or made,
/// and by eight for each step of the search.
///
/// ```
/// use keyfob_expression::dotnet::regex::Regex;
///
/// let mut work = 10_000;
/// let regex = Regex::new(r"\+(?<country>\d* )(?<phone>\d{10})")?;
/// let replacement = regex.replacement("${phone}");
/// assert_eq!(regex.replace_all("+91 9998887777", &replacement, &mut work)?, "9998887777");
///
/// let phone = regex.group("phone")?;
/// assert_eq!(regex.replace_group("+91 9998887777", phone, "-", &mut work)?, "+91 -");
/// assert!(work > 8_000);
/// # Ok::<(), keyfob_expression::dotnet::regex::RegexError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Regex {
    program: Program,
    groups: Groups,
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
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::TooLarge);
        }
        let groups = parse::groups(&pattern)?;
        let tree = parse::tree(&pattern, &groups)?;
        let program = Program::new(&tree, groups.len())?;
        Ok(Self { program, groups })
    }

    /// Returns the work that compiling the pattern was, in bytes of text that are copied.
    #[must_use]
    pub fn work(&self) -> usize {
        self.program.size() * STEP
    }

    /// Returns true if the pattern matches anywhere in the text.
    ///
    /// # Errors
    /// [`RegexError::TooManySteps`].
    pub fn is_match(&self, input: &str, work: &mut usize) -> Result<bool, RegexError> {
        let text = read(input, work)?;
        let mut machine = Machine::new(&self.program, &text);
        Ok(found(&mut machine, 0, 0, work)?.is_some())
    }

    /// Reads a replacement against the groups of this pattern.
    #[must_use]
    pub fn replacement(&self, text: &str) -> Replacement {
        Replacement::new(text, &self.groups)
    }

    /// The group of this name or number.
    ///
    /// # Errors
    /// [`RegexError::NoGroup`].
    pub fn group(&self, name: &str) -> Result<Group, RegexError> {
        let group = self.groups.named(name);
        group.ok_or_else(|| RegexError::NoGroup {
            name: name.to_owned(),
        })
    }

    /// The text with every match replaced.
    ///
    /// # Errors
    /// [`RegexError::TooManySteps`] or [`RegexError::TooLongResult`], where the work is not enough.
    pub fn replace_all<'t>(
        &self,
        input: &'t str,
        replacement: &Replacement,
        work: &mut usize,
    ) -> Result<Cow<'t, str>, RegexError> {
        self.rewrite(input, work, |machine, matched, writer, work| {
            writer.copy_to(matched.start, work)?;
            for part in &replacement.parts {
                match part {
                    Part::Text(units) => writer.push(units, work)?,
                    Part::Group(Group::WHOLE) => writer.push_range(matched.clone(), work)?,
                    Part::Group(group) => {
                        writer.push_range(machine.span(*group).unwrap_or_default(), work)?;
                    }
                    Part::Before => writer.push_range(0..matched.start, work)?,
                    Part::After => writer.push_range(matched.end..writer.text.len(), work)?,
                    Part::Input => writer.push_range(0..writer.text.len(), work)?,
                }
            }
            writer.copied = matched.end;
            Ok(())
        })
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
        work: &mut usize,
    ) -> Result<Cow<'t, str>, RegexError> {
        let replacement: Vec<u16> = replacement.encode_utf16().collect();
        self.rewrite(input, work, |machine, matched, writer, work| {
            let span = if group == Group::WHOLE {
                Some(matched)
            } else {
                machine.span(group)
            };
            // A group in a look-around may take what another match has taken.
            if let Some(span) = span.filter(|span| span.start >= writer.copied) {
                writer.copy_to(span.start, work)?;
                writer.push(&replacement, work)?;
                writer.copied = span.end;
            }
            Ok(())
        })
    }

    /// Returns what a group takes in the first match; nothing if there is no match, or none of the group in it.
    ///
    /// # Errors
    /// [`RegexError::TooManySteps`].
    pub fn first_group(
        &self,
        input: &str,
        group: Group,
        work: &mut usize,
    ) -> Result<Option<String>, RegexError> {
        let text = read(input, work)?;
        let mut machine = Machine::new(&self.program, &text);
        let matched = found(&mut machine, 0, 0, work)?;
        let span = match (matched, group) {
            (Some(matched), Group::WHOLE) => Some(matched),
            (Some(_), group) => machine.span(group),
            (None, _) => None,
        };
        let taken = span.and_then(|span| text.get(span));
        Ok(taken.map(String::from_utf16_lossy))
    }

    /// Writes a text anew from its matches.
    fn rewrite<'t>(
        &self,
        input: &'t str,
        work: &mut usize,
        mut write: impl FnMut(&Machine<'_>, Range<usize>, &mut Writer<'_>, &mut usize) -> Result<(), RegexError>,
    ) -> Result<Cow<'t, str>, RegexError> {
        let text = read(input, work)?;
        let mut machine = Machine::new(&self.program, &text);
        let mut writer = Writer {
            text: &text,
            written: Vec::new(),
            copied: 0,
        };
        let (mut start, mut from) = (0, 0);
        while let Some(matched) = found(&mut machine, start, from, work)? {
            write(&machine, matched.clone(), &mut writer, work)?;
            // .NET continues where the match ended, even if the next one is empty; only after an empty one it begins one
            // code unit further.
            start = matched.end;
            from = start + usize::from(matched.is_empty());
        }
        if writer.copied == 0 && writer.written.is_empty() {
            return Ok(Cow::Borrowed(input));
        }
        writer.copy_to(text.len(), work)?;
        Ok(Cow::Owned(String::from_utf16_lossy(&writer.written)))
    }
}

/// The code units of a text.
fn read(input: &str, work: &mut usize) -> Result<Vec<u16>, RegexError> {
    spend(work, input.len()).ok_or(RegexError::TooManySteps)?;
    Ok(input.encode_utf16().collect())
}

/// Finds the next match, within the work that is left.
fn found(
    machine: &mut Machine<'_>,
    start: usize,
    from: usize,
    work: &mut usize,
) -> Result<Option<Range<usize>>, RegexError> {
    let steps = *work / STEP;
    machine.allow(steps);
    let found = machine.search(start, from);
    *work = work.saturating_sub((steps - machine.steps().min(steps)) * STEP);
    found
}

fn spend(work: &mut usize, amount: usize) -> Option<()> {
    *work = work.checked_sub(amount)?;
    Some(())
}

/// A text that is written anew.
struct Writer<'t> {
    text: &'t [u16],
    written: Vec<u16>,
    /// The position up to which the old text has been copied or left out.
    copied: usize,
}

impl Writer<'_> {
    fn push(&mut self, units: &[u16], work: &mut usize) -> Result<(), RegexError> {
        spend(work, units.len()).ok_or(RegexError::TooLongResult)?;
        self.written.extend_from_slice(units);
        Ok(())
    }

    fn push_range(&mut self, range: Range<usize>, work: &mut usize) -> Result<(), RegexError> {
        let text = self.text;
        self.push(text.get(range).unwrap_or_default(), work)
    }

    /// Copies the old text up to a position.
    fn copy_to(&mut self, position: usize, work: &mut usize) -> Result<(), RegexError> {
        self.push_range(self.copied..position, work)?;
        self.copied = position;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORK: usize = 1 << 20;

    fn replaced(pattern: &str, input: &str, replacement: &str) -> String {
        let regex = Regex::new(pattern).unwrap();
        let replacement = regex.replacement(replacement);
        regex
            .replace_all(input, &replacement, &mut WORK.clone())
            .unwrap()
            .into_owned()
    }

    fn group_replaced(pattern: &str, group: &str, input: &str, replacement: &str) -> String {
        let regex = Regex::new(pattern).unwrap();
        let group = regex.group(group).unwrap();
        regex
            .replace_group(input, group, replacement, &mut WORK.clone())
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
        for (pattern, group, input, expected) in [
            ("(?<area>\\d{3})-(x)?", "area", "tel 425-555-", Some("425")),
            ("(?<area>\\d{3})-(x)?", "1", "425-", None),
            ("(?<area>\\d{3})-(x)?", "area", "tel", None),
            ("(.)a", "1", "😀a", Some("\u{FFFD}")),
            ("(.)a", "0", "bca", Some("ca")),
        ] {
            let regex = Regex::new(pattern).unwrap();
            let group = regex.group(group).unwrap();
            let found = regex.first_group(input, group, &mut WORK.clone()).unwrap();
            assert_eq!(found.as_deref(), expected, "{pattern} {input}");
        }
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
    fn what_is_not_known_of_dotnet_is_refused_and_never_misread() {
        for pattern in [
            "(?<n-m>x)",
            "(?<-n>x)",
            "(?r)a",
            "(?<a>x)|(?<a>y)",
            "(x)(?<=(?(1)a|b))",
            "(?((a))a|b)",
            "\\p{IsRunic}",
            "[[:alpha:]]",
        ] {
            let error = Regex::new(pattern).unwrap_err();
            assert!(
                matches!(error, RegexError::Unsupported { .. }),
                "{pattern}: {error:?}"
            );
        }
    }

    #[test]
    fn look_behinds_match_from_right_to_left_and_groups_keep_what_they_took_last() {
        for (pattern, input, replacement, expected) in [
            (r"(?<=(\d+)(\d+))$", "1053", "<$1|$2>", "1053<1|053>"),
            (r"(?<=(a+))$", "aa", "<$1>", "aa<aa>"),
            (r"(?<=\bab*)c", "abbc", "x", "abbx"),
            (r"(?<=(?>a*))b", "aab", "x", "aax"),
            (r"(a)(?<=\1)b", "ab", "x", "x"),
            (r"(?<=\1(a))b", "aab", "x", "aax"),
            (r"(a\1)", "aa", "x", "aa"),
            (r"(a\1?)+", "aaa", "<$1>", "<aa>"),
            (r"^(?:(a)?)+$", "a", "<$1>", "<a>"),
            (r"^(a*)*$", "aa", "<$1>", "<>"),
        ] {
            assert_eq!(replaced(pattern, input, replacement), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        for pattern in [
            "a".repeat(10_001),
            "(".repeat(1000),
            "(?:".repeat(100) + &")".repeat(100),
            "a{1001}".to_owned(),
            "(?:\\w{2}x){1000}".repeat(20),
            "(?:(?:(?:){1000}){1000}){1000}".to_owned(),
        ] {
            assert_eq!(Regex::new(&pattern).unwrap_err(), RegexError::TooLarge);
        }
    }

    #[test]
    fn a_search_takes_at_most_the_work_that_it_is_given() {
        let text = "a".repeat(100) + "b";
        for pattern in [
            "(?:(a+)+\\1)+$",
            "(a*)*c",
            "(a|aa)+$",
            "(?=(a*a*a*c))|x",
            "(?<!c(a|a)*)c",
            "(?:(?=[^z]*z)y|.)*z",
            "(?>(a?){60}a{60})+$",
        ] {
            let regex = Regex::new(pattern).unwrap();
            assert_eq!(
                regex.is_match(&text, &mut WORK.clone()),
                Err(RegexError::TooManySteps),
                "{pattern}"
            );
        }
        let regex = Regex::new("a").unwrap();
        let replacement = regex.replacement("$_$_");
        for (work, expected) in [
            (100, RegexError::TooManySteps),
            (9_999, RegexError::TooLongResult),
        ] {
            assert_eq!(
                regex.replace_all(&text, &replacement, &mut work.clone()),
                Err(expected)
            );
        }
    }

    #[test]
    fn the_work_of_a_search_is_its_steps_and_its_text() {
        // The text is read, and each of its ten positions is a step.
        let mut work = 1_000;
        let regex = Regex::new("[0-9]").unwrap();
        assert_eq!(regex.is_match("abcdefghij", &mut work), Ok(false));
        assert_eq!(work, 1_000 - 10 - 11 * STEP);
    }

    #[test]
    fn a_text_without_a_match_is_not_copied() {
        let regex = Regex::new("x$").unwrap();
        let replacement = regex.replacement("y");
        for text in ["abc", "é\n", "😀"] {
            assert!(matches!(
                regex.replace_all(text, &replacement, &mut WORK.clone()),
                Ok(Cow::Borrowed(same)) if same == text
            ));
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
                    let mut work = WORK;
                    let _ = regex.is_match(&input, &mut work);
                    let read = regex.replacement(&replacement);
                    let _ = regex.replace_all(&input, &read, &mut work);
                    if let Ok(group) = regex.group("1") {
                        let _ = regex.replace_group(&input, group, &replacement, &mut work);
                        let _ = regex.first_group(&input, group, &mut work);
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
        fn what_other_engines_understand_alike_matches_alike(
            pattern in r"([ab]|[ab][*+?]|[ab][*+?][?]|[(][?]:a[|]ab[)]|[(]a[|]b[)][+]|[(][?]=a[)]|[(][?]<!b[)]|[(][?]>a+[)]|\\b|\^|[.]){1,6}",
            text in "[ab ]{0,10}",
        ) {
            let ours = Regex::new(&pattern).unwrap();
            let ours = ours.first_group(&text, Group::WHOLE, &mut WORK.clone()).unwrap();
            let theirs = if let Ok(theirs) = regex::Regex::new(&pattern) {
                theirs.find(&text).map(|found| found.as_str().to_owned())
            } else {
                // What looks around is no regular expression. The engine that knows it takes `a+a?a+` for `a+`.
                prop_assume!(!["a?", "b?", "a*", "b*"].iter().any(|optional| pattern.contains(optional)));
                let theirs = fancy_regex::Regex::new(&pattern).unwrap();
                theirs.find(&text).unwrap().map(|found| found.as_str().to_owned())
            };
            prop_assert_eq!(ours, theirs);
        }
    }
}
