//! Groups, which a parenthesis begins.

use super::{
    super::{error::RegexError, groups::Opened, node::Node},
    MAX_DEPTH, Options, Parser, syntax, unsupported,
};

impl Parser<'_> {
    /// Reads what follows a parenthesis at `start`; nothing if that only sets options.
    pub(super) fn group(&mut self, start: usize) -> Result<Option<Node>, RegexError> {
        let options = self.options.clone();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexError::TooLarge);
        }
        let piece = if self.eat('?') {
            match self.next() {
                Some(':') => Some(self.enclosed(start)?),
                Some('=') => Some(self.look(start, false, false)?),
                Some('!') => Some(self.look(start, false, true)?),
                Some('>') => Some(Node::Atomic(Box::new(self.enclosed(start)?))),
                Some('\'') => Some(self.named_group(start, '\'')?),
                Some('<') if self.eat('=') => Some(self.look(start, true, false)?),
                Some('<') if self.eat('!') => Some(self.look(start, true, true)?),
                Some('<') => Some(self.named_group(start, '>')?),
                Some('(') => Some(self.condition(start)?),
                Some(option) => {
                    if !self.set_options(start, option)? {
                        self.depth -= 1;
                        return Ok(None);
                    }
                    Some(self.enclosed(start)?)
                }
                None => return Err(not_closed(start)),
            }
        } else if self.options.explicit_capture() {
            Some(self.enclosed(start)?)
        } else {
            Some(self.capture(start, Opened::Unnamed)?)
        };
        self.options = options;
        self.depth -= 1;
        Ok(piece)
    }

    /// Reads up to the closing parenthesis.
    fn enclosed(&mut self, start: usize) -> Result<Node, RegexError> {
        let inner = self.alternatives()?;
        if !self.eat(')') {
            return Err(not_closed(start));
        }
        Ok(inner)
    }

    fn capture(&mut self, start: usize, opened: Opened) -> Result<Node, RegexError> {
        let group = self.captures.push(start, opened);
        Ok(Node::Capture(group, Box::new(self.enclosed(start)?)))
    }

    fn look(&mut self, start: usize, is_behind: bool, is_negated: bool) -> Result<Node, RegexError> {
        let was_behind = std::mem::replace(&mut self.is_behind, is_behind);
        let node = Box::new(self.enclosed(start)?);
        self.is_behind = was_behind;
        Ok(Node::Look {
            node,
            is_behind,
            is_negated,
        })
    }

    fn named_group(&mut self, start: usize, close: char) -> Result<Node, RegexError> {
        let name = self.name();
        if self.peek() == Some('-') {
            return Err(unsupported(start, "a balancing group"));
        }
        if name.is_empty() || !self.eat(close) {
            return Err(syntax(start, "the name of the group is not right"));
        }
        let opened = if name.starts_with(|first: char| first.is_ascii_digit()) {
            let number = name
                .parse()
                .ok()
                .filter(|&number| 0 < number && number < i32::MAX.unsigned_abs());
            Opened::Number(number.ok_or_else(|| syntax(start, "the number of the group is not right"))?)
        } else {
            Opened::Name(name)
        };
        self.capture(start, opened)
    }

    /// Reads a condition after its second parenthesis, and what depends on it.
    fn condition(&mut self, start: usize) -> Result<Node, RegexError> {
        if self.is_behind {
            return Err(unsupported(start, "a condition within a look-behind"));
        }
        let back = self.position;
        let name = self.name();
        let is_number = name.starts_with(|first: char| first.is_ascii_digit());
        let group = self.groups.and_then(|groups| groups.named(&name));
        if !name.is_empty() && self.peek() == Some(')') && (group.is_some() || is_number) {
            self.position += 1;
            let group = group.or(self.group_named(&name));
            let group = group.ok_or_else(|| syntax(start, format!("there is no group {name}")))?;
            let branches = self.branches(start)?;
            return Ok(Node::IfCaptured { group, branches });
        }
        self.position = back;
        let groups = self.captures.len();
        let condition = if self.peek() == Some('?') {
            self.group(back)?
                .ok_or_else(|| syntax(start, "there is no condition"))?
        } else {
            self.enclosed(back)?
        };
        if self.captures.len() > groups {
            return Err(unsupported(start, "a group within a condition"));
        }
        let condition = Box::new(condition);
        let branches = self.branches(start)?;
        Ok(Node::IfMatched { condition, branches })
    }

    /// Reads what follows if a condition holds, and if it does not, up to the closing parenthesis.
    fn branches(&mut self, start: usize) -> Result<Box<[Node; 2]>, RegexError> {
        let yes = self.sequence()?;
        let no = if self.eat('|') {
            self.sequence()?
        } else {
            Node::empty()
        };
        match self.next() {
            Some(')') => Ok(Box::new([yes, no])),
            Some(_) => Err(syntax(start, "a condition has at most two alternatives")),
            None => Err(not_closed(start)),
        }
    }

    /// Reads options from the letter on; whether they are those of a group that follows.
    fn set_options(&mut self, start: usize, first: char) -> Result<bool, RegexError> {
        let mut on = true;
        let mut next = Some(first);
        loop {
            match next {
                Some('+') => on = true,
                Some('-') => on = false,
                Some(':') => return Ok(true),
                Some(')') => return Ok(false),
                Some(letter) if Options::LETTERS.contains(letter.to_ascii_lowercase()) => {
                    self.options.set(letter.to_ascii_lowercase(), on);
                }
                Some('r' | 'R') => return Err(unsupported(start, "matching from right to left")),
                Some(_) => return Err(syntax(start, "the group begins with something unknown")),
                None => return Err(not_closed(start)),
            }
            next = self.next();
        }
    }
}

fn not_closed(start: usize) -> RegexError {
    syntax(start, "the group is not closed")
}
