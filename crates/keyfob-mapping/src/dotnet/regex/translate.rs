//! Patterns of .NET, written anew in the dialect of the engine.

mod class;
mod escape;
mod group;

use std::fmt::Write as _;

use super::{
    error::RegexError,
    groups::{Captures, Group, Groups},
    set::{Alphabet, Set},
};

/// How deep groups may nest; the engine takes 64, of which a condition takes two.
const MAX_DEPTH: usize = 30;
/// How often a quantifier may repeat at least or at most, where it says so.
const MAX_COUNT: u32 = 1000;
/// A class that no character is in.
const NEVER: &str = r"[^\x{00}-\x{10FFFF}]";

/// A pattern in the dialect of the engine.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) pattern: String,
    /// Whether it has an assertion that is simpler for ASCII: an end that may stand before a line feed, a word boundary.
    pub(super) is_simpler_in_ascii: bool,
    /// Whether it asks where the last match ended.
    pub(super) is_contiguous: bool,
    /// Groups of which the engine may take another part than .NET does, and where they are opened.
    pub(super) unsure: Vec<(Group, RegexError)>,
}

/// The groups of a pattern, which has one character for each code unit.
pub(super) fn groups(pattern: &str) -> Result<Groups, RegexError> {
    let mut translator = Translator::new(pattern, Alphabet::Unicode, None);
    translator.whole()?;
    translator.captures.number()
}

/// Translates a pattern whose groups are known, and which has one character for each code unit.
pub(super) fn translate(
    pattern: &str,
    alphabet: Alphabet,
    groups: &Groups,
) -> Result<Translation, RegexError> {
    let mut translator = Translator::new(pattern, alphabet, Some(groups));
    let pattern = translator.whole()?.text;
    for referred in translator.referred {
        if let Some((_, error)) = translator.unsure.iter().find(|(group, _)| *group == referred) {
            return Err(error.clone());
        }
    }
    Ok(Translation {
        pattern,
        is_simpler_in_ascii: translator.is_simpler_in_ascii,
        is_contiguous: translator.is_contiguous,
        unsure: translator.unsure,
    })
}

struct Translator<'g> {
    pattern: Vec<char>,
    position: usize,
    alphabet: Alphabet,
    /// Nothing while they are still being found: then every reference is taken to be right.
    groups: Option<&'g Groups>,
    captures: Captures,
    options: Options,
    depth: usize,
    /// Whether what is read is matched from right to left by .NET, which the engine cannot.
    is_backward: bool,
    is_simpler_in_ascii: bool,
    is_contiguous: bool,
    unsure: Vec<(Group, RegexError)>,
    /// The groups that are open.
    open: Vec<Group>,
    /// The groups that the pattern itself refers to.
    referred: Vec<Group>,
}

/// The options that a pattern can set for parts of itself, as letters.
#[derive(Clone, Debug, Default)]
struct Options(String);

impl Options {
    const LETTERS: &str = "imnsx";

    fn ignore_case(&self) -> bool {
        self.0.contains('i')
    }

    fn multiline(&self) -> bool {
        self.0.contains('m')
    }

    fn explicit_capture(&self) -> bool {
        self.0.contains('n')
    }

    fn singleline(&self) -> bool {
        self.0.contains('s')
    }

    fn ignore_space(&self) -> bool {
        self.0.contains('x')
    }

    fn set(&mut self, letter: char, on: bool) {
        self.0.retain(|known| known != letter);
        if on {
            self.0.push(letter);
        }
    }
}

/// A translated part of a pattern.
#[derive(Debug)]
struct Piece {
    text: String,
    /// The least number of characters that it takes.
    least: usize,
    /// Whether it always takes that number.
    is_fixed: bool,
}

impl Piece {
    fn new(text: impl Into<String>, width: usize) -> Self {
        Self {
            text: text.into(),
            least: width,
            is_fixed: true,
        }
    }

    /// Makes this one of two, of which either stands in the text.
    fn join(&mut self, other: &Self) {
        self.is_fixed &= other.is_fixed && self.least == other.least;
        self.least = self.least.min(other.least);
    }
}

/// The least and the most of a quantifier.
type Counts = (u32, Option<u32>);

impl<'g> Translator<'g> {
    fn new(pattern: &str, alphabet: Alphabet, groups: Option<&'g Groups>) -> Self {
        Self {
            pattern: pattern.chars().collect(),
            position: 0,
            alphabet,
            groups,
            captures: Captures::default(),
            options: Options::default(),
            depth: 0,
            is_backward: false,
            is_simpler_in_ascii: false,
            is_contiguous: false,
            unsure: Vec::new(),
            open: Vec::new(),
            referred: Vec::new(),
        }
    }

    fn whole(&mut self) -> Result<Piece, RegexError> {
        let piece = self.alternatives()?;
        match self.peek() {
            Some(_) => Err(syntax(self.position, "there is a `)` too many")),
            None => Ok(piece),
        }
    }

    /// Reads up to the end of the group.
    fn alternatives(&mut self) -> Result<Piece, RegexError> {
        let mut all = self.sequence()?;
        while self.eat('|') {
            let next = self.sequence()?;
            all.text.push('|');
            all.text.push_str(&next.text);
            all.join(&next);
        }
        Ok(all)
    }

    /// Reads up to the end of the alternative.
    fn sequence(&mut self) -> Result<Piece, RegexError> {
        let mut all = Piece::new("", 0);
        loop {
            self.skip_blank()?;
            if matches!(self.peek(), None | Some('|' | ')')) {
                return Ok(all);
            }
            let groups = self.captures.len();
            if let Some(atom) = self.atom()? {
                let piece = self.repeated(atom, groups)?;
                all.text.push_str(&piece.text);
                all.least = all.least.saturating_add(piece.least);
                all.is_fixed &= piece.is_fixed;
            }
        }
    }

    /// Reads what a quantifier can follow; nothing if that only sets options.
    fn atom(&mut self) -> Result<Option<Piece>, RegexError> {
        let start = self.position;
        let quantifier = self.quantifier()?.is_some();
        Ok(Some(match self.next() {
            None => return Ok(None),
            _ if quantifier => return Err(syntax(start, "nothing stands before the quantifier")),
            Some('(') => return self.group(start),
            Some('[') => {
                let set = self.class(start)?;
                self.piece_of(&set)
            }
            Some('\\') => self.escape(start)?,
            Some('.') if self.options.singleline() => Piece::new("(?s:.)", 1),
            Some('.') => Piece::new(r"[^\x{0A}]", 1),
            Some('^') if self.options.multiline() => Piece::new("(?m:^)", 0),
            Some('^') => Piece::new(r"\A", 0),
            Some('$') if self.options.multiline() => Piece::new("(?m:$)", 0),
            Some('$') => self.end(),
            Some(literal) => self.literal(literal),
        }))
    }

    fn literal(&self, literal: char) -> Piece {
        let set = Set::one(literal, self.options.ignore_case());
        if !set.is_single() {
            return self.piece_of(&set);
        }
        let mut text = String::new();
        if literal.is_ascii() && !literal.is_ascii_alphanumeric() {
            let _ = write!(text, r"\x{{{:02X}}}", u32::from(literal));
        } else {
            text.push(literal);
        }
        Piece::new(text, 1)
    }

    fn piece_of(&self, set: &Set) -> Piece {
        let mut text = String::new();
        set.write(&mut text, self.alphabet);
        Piece::new(text, 1)
    }

    /// The end, or the line feed there.
    fn end(&mut self) -> Piece {
        self.is_simpler_in_ascii = true;
        Piece::new(
            match self.alphabet {
                Alphabet::Unicode => r"(?=\x{0A}?\z)",
                Alphabet::Ascii => r"\z",
            },
            0,
        )
    }

    /// Reads the quantifier after an atom, if there is one; `groups` were opened before it.
    fn repeated(&mut self, atom: Piece, groups: usize) -> Result<Piece, RegexError> {
        self.skip_blank()?;
        let start = self.position;
        let Some(((least, most), end)) = self.quantifier()? else {
            return Ok(atom);
        };
        self.position = end;
        self.skip_blank()?;
        let lazy = self.eat('?');
        self.skip_blank()?;
        if self.quantifier()?.is_some() {
            return Err(syntax(self.position, "a quantifier follows a quantifier"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(syntax(start, "the least of the quantifier is more than its most"));
        }
        if most.is_none() && atom.least == 0 {
            // .NET goes round once more for nothing, and groups that can be empty then are.
            self.doubt(groups, "a group that may be empty within a repetition");
        }
        Ok(repeat(&atom, (least, most), lazy))
    }

    /// Notes that what the groups after so many take may not be what they take in .NET.
    fn doubt(&mut self, groups: usize, feature: &'static str) {
        let unsure = self
            .captures
            .positions()
            .skip(groups)
            .map(|(group, position)| (group, unsupported(position, feature)));
        self.unsure.extend(unsure);
    }

    /// The quantifier that stands here and where it ends.
    fn quantifier(&self) -> Result<Option<(Counts, usize)>, RegexError> {
        let counts = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counts(),
            _ => return Ok(None),
        };
        Ok(Some((counts, self.position + 1)))
    }

    /// The `{n}`, `{n,}` or `{n,m}` that stands here; any other brace is a character.
    fn counts(&self) -> Result<Option<(Counts, usize)>, RegexError> {
        let (least, after) = self.digits(self.position + 1);
        if least.is_empty() {
            return Ok(None);
        }
        let (most, end) = match self.pattern.get(after) {
            Some(',') => {
                let (most, end) = self.digits(after + 1);
                (Some(most).filter(|most| !most.is_empty()), end)
            }
            _ => (Some(least.clone()), after),
        };
        if self.pattern.get(end) != Some(&'}') {
            return Ok(None);
        }
        let number = |digits: &String| {
            digits
                .parse()
                .ok()
                .filter(|&count| count <= MAX_COUNT)
                .ok_or(RegexError::TooLarge)
        };
        Ok(Some((
            (number(&least)?, most.as_ref().map(number).transpose()?),
            end + 1,
        )))
    }

    /// The digits from a position, and where they end.
    fn digits(&self, position: usize) -> (String, usize) {
        let digits: String = self
            .pattern
            .iter()
            .skip(position)
            .take_while(|character| character.is_ascii_digit())
            .collect();
        let end = position + digits.len();
        (digits, end)
    }

    /// Goes past comments, and past blanks where the options say so.
    fn skip_blank(&mut self) -> Result<(), RegexError> {
        loop {
            match self.peek() {
                Some('\t' | '\n' | '\x0C' | '\r' | ' ') if self.options.ignore_space() => self.position += 1,
                Some('#') if self.options.ignore_space() => {
                    while self.next().is_some_and(|character| character != '\n') {}
                }
                Some('(') if self.peek_at(1) == Some('?') && self.peek_at(2) == Some('#') => {
                    let start = self.position;
                    loop {
                        match self.next() {
                            Some(')') => break,
                            Some(_) => {}
                            None => return Err(syntax(start, "the comment is not closed")),
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.pattern.get(self.position + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += 1;
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.peek() == Some(wanted);
        self.position += usize::from(eaten);
        eaten
    }
}

/// An atom so many times.
fn repeat(atom: &Piece, (least, most): Counts, lazy: bool) -> Piece {
    let text = &atom.text;
    if most == Some(0) {
        // Never tried, but its groups count.
        return Piece::new(format!("(?:{NEVER}(?:{text})|)"), 0);
    }
    // The engine repeats nothing that takes no character, where .NET tries it once.
    if atom.least == 0 && atom.is_fixed {
        return match (least, lazy) {
            (0, false) => Piece::new(format!("(?:{text}|)"), 0),
            (0, true) => Piece::new(format!("(?:|{text})"), 0),
            _ => Piece::new(text, 0),
        };
    }
    let mut repeated = text.clone();
    let _ = match (least, most) {
        (0, None) => write!(repeated, "*"),
        (1, None) => write!(repeated, "+"),
        (0, Some(1)) => write!(repeated, "?"),
        (least, None) => write!(repeated, "{{{least},}}"),
        (least, Some(most)) => write!(repeated, "{{{least},{most}}}"),
    };
    if lazy {
        repeated.push('?');
    }
    let times = usize::try_from(least).unwrap_or(usize::MAX);
    Piece {
        text: repeated,
        least: atom.least.saturating_mul(times),
        is_fixed: atom.is_fixed && most == Some(least),
    }
}

fn syntax(position: usize, reason: impl Into<String>) -> RegexError {
    RegexError::Syntax {
        position,
        reason: reason.into(),
    }
}

fn unsupported(position: usize, feature: &'static str) -> RegexError {
    RegexError::Unsupported { position, feature }
}
