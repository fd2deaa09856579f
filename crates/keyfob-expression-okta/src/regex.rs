//! Regular expressions of Java, within limits.
//!
//! A pattern is read by the rules of `java.util.regex` and written anew for the engine that matches it. Regular patterns are
//! the regex crate's, which searches in linear time. Those that look around, refer back to a group or hold on to what they
//! took are fancy-regex's, without its rewriting of repetitions, which has taken `a+a?a+` for `a+`.

mod java;

use keyfob_core::render::excerpt;

use self::java::Pattern;
use super::error::{EvaluateError, RegexFault};

/// The number of steps that a search may go back. Between two of them it may go through the whole text, so that the
/// product with the longest text bounds a search to some ten milliseconds.
const MAX_STEPS: usize = 5_000;
/// The longest text that is searched, in bytes.
const MAX_TEXT: usize = 4 << 10;
/// The size of a compiled expression, and the length of its text, in bytes.
const MAX_PROGRAM: usize = 1 << 20;
const MAX_PATTERN: usize = 1024;

/// Returns true if the pattern stands for one of the texts from end to end, as Java's `matches` asks.
pub(super) fn is_whole_match(pattern: &str, texts: &[&str]) -> Result<bool, EvaluateError> {
    let refused = |fault| EvaluateError::Regex {
        pattern: excerpt(pattern),
        fault,
    };
    if pattern.len() > MAX_PATTERN || texts.iter().any(|text| text.len() > MAX_TEXT) {
        return Err(refused(RegexFault::TooLong {
            pattern: MAX_PATTERN,
            text: MAX_TEXT,
        }));
    }
    let malformed = || refused(RegexFault::Malformed);
    let read = Pattern::read(pattern).ok_or_else(malformed)?;
    // All groups of what was read are closed, so that it can't end the group around it.
    let whole = format!(r"\A(?:{})\z", read.text);
    if read.is_regular {
        let regex = regex::RegexBuilder::new(&whole).size_limit(MAX_PROGRAM).build();
        let regex = regex.map_err(|_| malformed())?;
        return Ok(texts.iter().any(|text| regex.is_match(text)));
    }
    let regex = fancy_regex::RegexBuilder::new(&whole)
        .optimize(false)
        .backtrack_limit(MAX_STEPS)
        .delegate_size_limit(MAX_PROGRAM)
        .build()
        .map_err(|_| malformed())?;
    for text in texts {
        if regex
            .is_match(*text)
            .map_err(|_| refused(RegexFault::TooManySteps))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// A pattern as a tree, matched by trying everything in the order in which Java tries it.
    #[derive(Clone, Debug)]
    enum Tree {
        One(&'static str, &'static str),
        Sequence(Vec<Tree>),
        Either(Vec<Tree>),
        Repeat(Box<Tree>, usize, usize, &'static str),
        Group(Box<Tree>),
        /// A group and, after something else, the same text again.
        Twice(Box<Tree>, Box<Tree>),
        Ahead(bool, Box<Tree>),
        Behind(bool, &'static str, &'static str),
        Atomic(Box<Tree>),
    }

    impl Tree {
        fn write(&self, groups: &mut usize, out: &mut String) {
            match self {
                Self::One(pattern, _) => out.push_str(pattern),
                Self::Sequence(parts) => {
                    for part in parts {
                        out.push_str("(?:");
                        part.write(groups, out);
                        out.push(')');
                    }
                }
                Self::Either(parts) => {
                    out.push_str("(?:");
                    for (index, part) in parts.iter().enumerate() {
                        if index > 0 {
                            out.push('|');
                        }
                        part.write(groups, out);
                    }
                    out.push(')');
                }
                Self::Repeat(part, low, high, kind) => {
                    let is_one = matches!(**part, Self::One(..));
                    out.push_str(if is_one { "" } else { "(?:" });
                    part.write(groups, out);
                    out.push_str(if is_one { "" } else { ")" });
                    let quantifier = match (low, high) {
                        (0, 1) => "?".to_owned(),
                        (0, 9) => "*".to_owned(),
                        (1, 9) => "+".to_owned(),
                        (low, high) => format!("{{{low},{high}}}"),
                    };
                    out.push_str(&quantifier);
                    out.push_str(kind);
                }
                Self::Group(part) => {
                    *groups += 1;
                    out.push('(');
                    part.write(groups, out);
                    out.push(')');
                }
                Self::Twice(part, between) => {
                    *groups += 1;
                    let group = *groups;
                    out.push('(');
                    part.write(groups, out);
                    out.push(')');
                    between.write(groups, out);
                    write!(out, "\\{group}").unwrap();
                }
                Self::Ahead(holds, part) => {
                    out.push_str(if *holds { "(?=" } else { "(?!" });
                    part.write(groups, out);
                    out.push(')');
                }
                Self::Behind(holds, pattern, _) => {
                    out.push_str(if *holds { "(?<=" } else { "(?<!" });
                    out.push_str(pattern);
                    out.push(')');
                }
                Self::Atomic(part) => {
                    out.push_str("(?>");
                    part.write(groups, out);
                    out.push(')');
                }
            }
        }

        /// The places at which a match from `start` can end, the preferred one first.
        fn ends(&self, text: &[char], start: usize) -> Vec<usize> {
            let is_of = |chars: &str, place: usize| text.get(place).is_some_and(|c| chars.contains(*c));
            match self {
                Self::One(_, chars) => is_of(chars, start).then_some(start + 1).into_iter().collect(),
                Self::Sequence(parts) => parts.iter().fold(vec![start], |starts, part| {
                    starts.iter().flat_map(|start| part.ends(text, *start)).collect()
                }),
                Self::Either(parts) => parts.iter().flat_map(|part| part.ends(text, start)).collect(),
                Self::Repeat(part, low, high, kind) => {
                    let mut ends = Vec::new();
                    repeat(part, text, start, (*low, *high), *kind != "?", &mut ends);
                    ends.truncate(if *kind == "+" { 1 } else { usize::MAX });
                    ends
                }
                Self::Group(part) => part.ends(text, start),
                Self::Twice(part, between) => {
                    let mut ends = Vec::new();
                    for end in part.ends(text, start) {
                        let taken = &text[start..end];
                        let places = between.ends(text, end).into_iter();
                        let again = places.filter(|place| text[*place..].starts_with(taken));
                        ends.extend(again.map(|place| place + taken.len()));
                    }
                    ends
                }
                Self::Ahead(holds, part) => {
                    let found = !part.ends(text, start).is_empty();
                    (found == *holds).then_some(start).into_iter().collect()
                }
                Self::Behind(holds, _, chars) => {
                    let found = start > 0 && is_of(chars, start - 1);
                    (found == *holds).then_some(start).into_iter().collect()
                }
                Self::Atomic(part) => part.ends(text, start).into_iter().take(1).collect(),
            }
        }

        fn is_regular(&self) -> bool {
            match self {
                Self::One(..) => true,
                Self::Sequence(parts) | Self::Either(parts) => parts.iter().all(Self::is_regular),
                Self::Repeat(part, _, _, kind) => *kind != "+" && part.is_regular(),
                Self::Group(part) => part.is_regular(),
                _ => false,
            }
        }
    }

    /// Every part takes something, so that no iteration is empty.
    fn repeat(
        part: &Tree,
        text: &[char],
        start: usize,
        (low, high): (usize, usize),
        greedy: bool,
        ends: &mut Vec<usize>,
    ) {
        if low == 0 && !greedy {
            ends.push(start);
        }
        if high > 0 {
            for end in part.ends(text, start) {
                repeat(part, text, end, (low.saturating_sub(1), high - 1), greedy, ends);
            }
        }
        if low == 0 && greedy {
            ends.push(start);
        }
    }

    fn one() -> impl Strategy<Value = Tree> {
        prop_oneof![
            5 => Just(Tree::One("a", "a")),
            3 => Just(Tree::One("b", "b")),
            1 => Just(Tree::One(".", "ab1 é")),
            1 => Just(Tree::One("[^b]", "a1 é")),
            1 => Just(Tree::One(r"\w", "ab1")),
            1 => Just(Tree::One(r"\D", "ab é")),
            1 => Just(Tree::One(r"[a\s]", "a ")),
            1 => Just(Tree::One(r"[\w&&[^a]]", "b1")),
        ]
    }

    /// Trees that take something.
    fn tree() -> impl Strategy<Value = Tree> {
        one().prop_recursive(3, 10, 3, |inner| {
            let bounds = prop::sample::select(vec![(0, 1), (0, 9), (1, 9), (1, 2), (2, 3)]);
            let repeat = (inner.clone(), bounds, prop::sample::select(vec!["", "", "", "?", "+"]))
                .prop_map(|(part, (low, high), kind)| Tree::Repeat(part.into(), low, high, kind));
            let optional = prop::collection::vec(repeat, 0..3);
            let zero = prop_oneof![
                (any::<bool>(), inner.clone()).prop_map(|(holds, part)| Tree::Ahead(holds, part.into())),
                any::<bool>().prop_map(|holds| Tree::Behind(holds, "[a1]", "a1")),
            ];
            prop_oneof![
                4 => (optional, inner.clone()).prop_map(|(mut parts, last)| {
                    parts.push(last);
                    Tree::Sequence(parts)
                }),
                2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::Sequence),
                2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::Either),
                2 => inner.clone().prop_map(|part| Tree::Group(part.into())),
                1 => inner.clone().prop_map(|part| Tree::Atomic(part.into())),
                1 => (zero, inner.clone()).prop_map(|(zero, part)| Tree::Sequence(vec![zero, part])),
                1 => (inner.clone(), inner).prop_map(|(part, between)| Tree::Twice(part.into(), between.into())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn a_pattern_matches_what_trying_everything_matches(tree in tree(), text in "(a{0,3}b?){0,2}[ab1 é]{0,3}") {
            let mut pattern = String::new();
            tree.write(&mut 0, &mut pattern);
            let chars: Vec<char> = text.chars().collect();
            let expected = tree.ends(&chars, 0).contains(&chars.len());
            prop_assert_eq!(Pattern::read(&pattern).unwrap().is_regular, tree.is_regular(), "{}", pattern);
            prop_assert_eq!(is_whole_match(&pattern, &[&text]), Ok(expected), "{}", pattern);
        }
    }

    #[test]
    fn repetitions_in_a_row_need_what_each_of_them_needs() {
        for (pattern, text, expected) in [
            ("a+a?a+", "a", false),
            ("a+a?a+", "aa", true),
            ("(?=a)a+a?a+", "a", false),
            ("(?=a)a+a?a+", "aa", true),
            ("(?:a+b?a+)+", "aba", true),
            ("(?!b)(?:a+b?a+)+", "a", false),
            ("a++a", "aa", false),
            ("(?:a|ab)++c", "abc", false),
            ("a?+a", "a", false),
            ("a{1,2}+a", "aa", false),
            ("[ab]++b", "ab", false),
            (r"\w++b", "ab", false),
        ] {
            assert_eq!(is_whole_match(pattern, &[text]), Ok(expected), "{pattern} {text}");
        }
    }

    #[test]
    fn signs_mean_what_java_says() {
        for (pattern, text, expected) in [
            // Classes are of ASCII, and a point is no end of a line.
            (r"\d", "٣", false),
            (r"\w", "é", false),
            (r"\W\S", "é\u{a0}", true),
            (r"[^\d]", "٣", true),
            (r"\p{Alpha}", "é", false),
            (r"\p{L}\p{IsLatin}\P{Lu}\pL", "éééé", true),
            (r"[\p{Punct}&&[^-]]+", "!~", true),
            (r"\h\v\R", " \u{85}\r\n", true),
            (".", "\r", false),
            ("(?s).", "\r", true),
            // Signs that the engines read otherwise, or not at all.
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b", "axb", false),
            (r"[\Q^]\E]+", "^]", true),
            ("[a~~b]+", "~a", true),
            ("[[:alpha:]]", "x", false),
            ("[]a]+", "]a", true),
            ("a]}", "a]}", true),
            (r"\x41\u0042\x{43}\0104\cA\e", "ABCD\u{1}\u{1b}", true),
            (r"a\Z\n?", "a\n", true),
            (r"(?<name>a)\k<name>", "aa", true),
            (r"(?i)a(?-i)b", "Ab", true),
            (r"\h", "f", false),
            ("West.*", "West Coast", true),
            (r"^[^@]+@example\.com$", "babs@example.com", true),
            (r"\.\-\_\ \@", ".-_ @", true),
            ("<>_-/'\"", "<>_-/'\"", true),
        ] {
            assert_eq!(is_whole_match(pattern, &[text]), Ok(expected), "{pattern} {text}");
        }
        for pattern in [
            "(",
            "a)",
            "a)|(?:b",
            "*a",
            "a**",
            "a{",
            "a{,2}",
            "a{2}{3}",
            "x*?+",
            "(?x)a # b",
            "(?d)a",
            "(?U)a",
            r"\K",
            r"\G",
            r"\X",
            r"\g1",
            r"\i",
            r"\E",
            r"\",
            r"\10",
            r"\1",
            "(?(1)a|b)",
            "(?R)",
            "(?P<a>b)",
            "(?|a)",
            "(?<1>a)",
            "[a",
            "[z-a]",
            r"\p{InGreek}",
            r"\p{javaLowerCase}",
            r"\ud83d",
            "[+--]",
            r"[a\b]",
            "a{99999999999}",
        ] {
            let refused = is_whole_match(pattern, &["a"]).unwrap_err();
            assert!(
                matches!(
                    refused,
                    EvaluateError::Regex {
                        fault: RegexFault::Malformed,
                        ..
                    }
                ),
                "{pattern}: {refused}"
            );
        }
    }
}
