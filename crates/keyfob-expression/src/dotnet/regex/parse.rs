//! Reading of patterns.

mod class;
mod escape;
mod group;

use super::{
    error::RegexError,
    groups::{Captures, Groups},
    node::{Assertion, Node},
    set::Set,
};

/// The deepest nesting of groups.
const MAX_DEPTH: usize = 60;
/// The greatest number in a quantifier.
const MAX_COUNT: u32 = 1000;

/// The groups of a pattern, which has one character for each code unit.
pub(super) fn groups(pattern: &[char]) -> Result<Groups, RegexError> {
    let mut parser = Parser::new(pattern, None);
    parser.whole()?;
    parser.captures.number()
}

/// Reads a pattern whose groups are known, and which has one character for each code unit.
pub(super) fn tree(pattern: &[char], groups: &Groups) -> Result<Node, RegexError> {
    Parser::new(pattern, Some(groups)).whole()
}

struct Parser<'p> {
    pattern: &'p [char],
    position: usize,
    /// Nothing while they are still being found: then every reference is taken to be right.
    groups: Option<&'p Groups>,
    captures: Captures,
    options: Options,
    depth: usize,
    is_behind: bool,
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

/// The least and the most of a quantifier.
type Counts = (u32, Option<u32>);

impl<'p> Parser<'p> {
    fn new(pattern: &'p [char], groups: Option<&'p Groups>) -> Self {
        Self {
            pattern,
            position: 0,
            groups,
            captures: Captures::default(),
            options: Options::default(),
            depth: 0,
            is_behind: false,
        }
    }

    fn whole(&mut self) -> Result<Node, RegexError> {
        let node = self.alternatives()?;
        match self.peek() {
            Some(_) => Err(syntax(self.position, "there is a `)` too many")),
            None => Ok(node),
        }
    }

    /// Reads up to the end of the group.
    fn alternatives(&mut self) -> Result<Node, RegexError> {
        let first = self.sequence()?;
        if self.peek() != Some('|') {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.eat('|') {
            all.push(self.sequence()?);
        }
        Ok(Node::Alternatives(all))
    }

    /// Reads up to the end of the alternative.
    fn sequence(&mut self) -> Result<Node, RegexError> {
        let mut all = Vec::new();
        loop {
            self.skip_blank()?;
            if matches!(self.peek(), None | Some('|' | ')')) {
                return Ok(match all.len() {
                    1 => all.remove(0),
                    _ => Node::Sequence(all),
                });
            }
            if let Some(atom) = self.atom()? {
                all.push(self.repeated(atom)?);
            }
        }
    }

    /// Reads what a quantifier can follow; nothing if that only sets options.
    fn atom(&mut self) -> Result<Option<Node>, RegexError> {
        let start = self.position;
        let quantifier = self.quantifier()?.is_some();
        Ok(Some(match self.next() {
            None => return Ok(None),
            _ if quantifier => return Err(syntax(start, "nothing stands before the quantifier")),
            Some('(') => return self.group(start),
            Some('[') => Node::Set(self.class(start)?),
            Some('\\') => self.escape(start)?,
            Some('.') => {
                let mut set = Set::default();
                if !self.options.singleline() {
                    set.add('\n', '\n');
                }
                set.negate();
                Node::Set(set)
            }
            Some('^') if self.options.multiline() => Node::Assertion(Assertion::LineStart),
            Some('^') => Node::Assertion(Assertion::Start),
            Some('$') if self.options.multiline() => Node::Assertion(Assertion::LineEnd),
            Some('$') => Node::Assertion(Assertion::EndOrLineFeed),
            Some(literal) => self.literal(literal),
        }))
    }

    fn literal(&self, literal: char) -> Node {
        Node::Set(Set::one(literal, self.options.ignore_case()))
    }

    /// Reads the quantifier after an atom, if there is one.
    fn repeated(&mut self, atom: Node) -> Result<Node, RegexError> {
        self.skip_blank()?;
        let start = self.position;
        let Some(((least, most), end)) = self.quantifier()? else {
            return Ok(atom);
        };
        self.position = end;
        self.skip_blank()?;
        let is_lazy = self.eat('?');
        self.skip_blank()?;
        if self.quantifier()?.is_some() {
            return Err(syntax(self.position, "a quantifier follows a quantifier"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(syntax(start, "the least of the quantifier is more than its most"));
        }
        Ok(Node::Repeat {
            node: Box::new(atom),
            least,
            most,
            is_lazy,
        })
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

fn syntax(position: usize, reason: impl Into<String>) -> RegexError {
    RegexError::Syntax {
        position,
        reason: reason.into(),
    }
}

fn unsupported(position: usize, feature: &'static str) -> RegexError {
    RegexError::Unsupported { position, feature }
}
