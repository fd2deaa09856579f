//! Escapes, which a backslash begins.

use super::{
    super::{
        error::RegexError,
        groups::Group,
        node::{Assertion, Node},
        set::{Class, Set, is_word},
        units::from_unit,
    },
    Parser, syntax, unsupported,
};

impl Parser<'_> {
    /// Reads what follows a backslash at `start`, outside of classes.
    pub(super) fn escape(&mut self, start: usize) -> Result<Node, RegexError> {
        if let Some((class, negated)) = self.named_class(start)? {
            return Ok(Node::Set(Set::of(class, negated)));
        }
        let assertion = match self.peek() {
            Some('b') => Some(Assertion::Boundary { is_negated: false }),
            Some('B') => Some(Assertion::Boundary { is_negated: true }),
            Some('A') => Some(Assertion::Start),
            Some('z') => Some(Assertion::End),
            Some('Z') => Some(Assertion::EndOrLineFeed),
            Some('G') => Some(Assertion::SearchStart),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.position += 1;
            return Ok(Node::Assertion(assertion));
        }
        if let Some(group) = self.reference(start)? {
            return Ok(Node::Reference {
                group,
                ignores_case: self.options.ignore_case(),
            });
        }
        self.character_escape(start).map(|literal| self.literal(literal))
    }

    /// Reads `\w`, `\d`, `\s`, `\p{..}` and those in capitals, which mean all others.
    pub(super) fn named_class(&mut self, start: usize) -> Result<Option<(Class, bool)>, RegexError> {
        let Some(letter) = self.peek() else {
            return Err(syntax(start, "nothing follows the `\\`"));
        };
        let class = match letter.to_ascii_lowercase() {
            'w' => Class::Word,
            's' => Class::Space,
            'd' => Class::DIGIT,
            'p' => {
                self.position += 1;
                return self.category(start).map(|class| Some((class, letter == 'P')));
            }
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some((class, letter.is_ascii_uppercase())))
    }

    /// Reads the name of a category in braces.
    fn category(&mut self, start: usize) -> Result<Class, RegexError> {
        let mut name = String::new();
        if !self.eat('{') {
            return Err(syntax(start, "`\\p` wants a name in braces"));
        }
        loop {
            match self.next() {
                Some('}') => break,
                Some(character) if name.len() < 64 => name.push(character),
                _ => return Err(syntax(start, "the name in braces is not closed")),
            }
        }
        if let Some(class) = Class::named(&name) {
            return Ok(class);
        }
        Err(if name.starts_with("Is") {
            unsupported(start, "a block of characters with a name that is not known")
        } else {
            syntax(start, format!("there is no category or block `{name}`"))
        })
    }

    /// Reads a reference to a group, if one stands here: `\1`, `\k<name>`, `\<name>`.
    fn reference(&mut self, start: usize) -> Result<Option<Group>, RegexError> {
        let back = self.position;
        let named = self.eat('k');
        let close = match self.peek() {
            Some('<') => Some('>'),
            Some('\'') => Some('\''),
            _ if named => return Err(syntax(start, "`\\k` wants a name in `<>`")),
            _ => None,
        };
        let Some(close) = close else {
            if !matches!(self.peek(), Some('1'..='9')) {
                return Ok(None);
            }
            let (digits, end) = self.digits(self.position);
            let group = self.group_named(&digits);
            // Of two digits or more, those of no group are the number of a character.
            if group.is_none() && digits.len() > 1 {
                return Ok(None);
            }
            self.position = end;
            return group
                .map(Some)
                .ok_or_else(|| syntax(start, format!("there is no group {digits}")));
        };
        self.position += 1;
        let name = self.name();
        if name.is_empty() || !self.eat(close) {
            if named {
                return Err(syntax(start, "`\\k` wants a name in `<>`"));
            }
            self.position = back;
            return Ok(None);
        }
        self.group_named(&name)
            .map(Some)
            .ok_or_else(|| syntax(start, format!("there is no group `{name}`")))
    }

    /// The group of a name or number; any, as long as they are not known.
    pub(super) fn group_named(&self, name: &str) -> Option<Group> {
        self.groups
            .map_or(Some(Group::WHOLE), |groups| groups.named(name))
    }

    /// Reads the letters, digits and underscores that stand here.
    pub(super) fn name(&mut self) -> String {
        let name: String = self
            .pattern
            .iter()
            .skip(self.position)
            .take_while(|character| is_word(**character))
            .collect();
        self.position += name.chars().count();
        name
    }

    /// Reads the escape of one character.
    pub(super) fn character_escape(&mut self, start: usize) -> Result<char, RegexError> {
        if matches!(self.peek(), Some('0'..='7')) {
            let mut value = 0;
            for _ in 0..3 {
                let Some(digit) = self.peek().and_then(|digit| digit.to_digit(8)) else {
                    break;
                };
                value = value * 8 + digit;
                self.position += 1;
            }
            return char::from_u32(value & 0xFF).ok_or_else(|| syntax(start, "there is no such character"));
        }
        Ok(match self.next() {
            Some('x') => self.hexadecimal(start, 2)?,
            Some('u') => self.hexadecimal(start, 4)?,
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('e') => '\x1B',
            Some('f') => '\x0C',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\x0B',
            Some('c') => {
                let letter = self.next().unwrap_or_default().to_ascii_uppercase();
                u32::from(letter)
                    .checked_sub(0x40)
                    .filter(|&control| control < 0x20)
                    .and_then(char::from_u32)
                    .ok_or_else(|| syntax(start, "`\\c` wants a letter"))?
            }
            Some(letter) if is_word(letter) => {
                return Err(syntax(start, format!("`\\{letter}` means nothing")));
            }
            Some(literal) => literal,
            None => return Err(syntax(start, "nothing follows the `\\`")),
        })
    }

    fn hexadecimal(&mut self, start: usize, digits: usize) -> Result<char, RegexError> {
        let mut value = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|digit| digit.to_digit(16));
            value = value * 16
                + digit
                    .ok_or_else(|| syntax(start, format!("there have to be {digits} hexadecimal digits")))?;
        }
        u16::try_from(value)
            .ok()
            .and_then(from_unit)
            .ok_or_else(|| syntax(start, "there is no such character"))
    }
}
