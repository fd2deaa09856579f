//! What a parenthesis begins.

use super::{
    super::{error::RegexError, groups::Opened},
    MAX_DEPTH, Options, Piece, Translator, syntax, unsupported,
};

impl Translator<'_> {
    /// Reads what follows a parenthesis at `start`; nothing if that only sets options.
    pub(super) fn group(&mut self, start: usize) -> Result<Option<Piece>, RegexError> {
        let options = self.options.clone();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexError::TooLarge);
        }
        let piece = if self.eat('?') {
            match self.next() {
                Some(':') => Some(self.enclosed(start, "(?:")?),
                Some('=') => Some(self.look_ahead(start, "(?=")?),
                Some('!') => Some(self.look_ahead(start, "(?!")?),
                Some('>') => Some(self.atomic(start)?),
                Some('\'') => Some(self.named_group(start, '\'')?),
                Some('<') if self.eat('=') => Some(self.look_behind(start, false)?),
                Some('<') if self.eat('!') => Some(self.look_behind(start, true)?),
                Some('<') => Some(self.named_group(start, '>')?),
                Some('(') => Some(self.condition(start)?),
                Some(option) => {
                    if !self.set_options(start, option)? {
                        self.depth -= 1;
                        return Ok(None);
                    }
                    Some(self.enclosed(start, "(?:")?)
                }
                None => return Err(not_closed(start)),
            }
        } else if self.options.explicit_capture() {
            Some(self.enclosed(start, "(?:")?)
        } else {
            Some(self.capture(start, Opened::Unnamed)?)
        };
        self.options = options;
        self.depth -= 1;
        Ok(piece)
    }

    /// Reads up to the closing parenthesis.
    fn enclosed(&mut self, start: usize, open: &str) -> Result<Piece, RegexError> {
        let inner = self.alternatives()?;
        if !self.eat(')') {
            return Err(not_closed(start));
        }
        Ok(Piece {
            text: format!("{open}{})", inner.text),
            ..inner
        })
    }

    fn capture(&mut self, start: usize, opened: Opened) -> Result<Piece, RegexError> {
        let group = self.captures.push(start, opened);
        self.open.push(group);
        let piece = self.enclosed(start, "(")?;
        self.open.pop();
        Ok(piece)
    }

    fn look_ahead(&mut self, start: usize, open: &str) -> Result<Piece, RegexError> {
        let was_backward = std::mem::replace(&mut self.is_backward, false);
        let piece = self.enclosed(start, open)?;
        self.is_backward = was_backward;
        Ok(Piece::new(piece.text, 0))
    }

    /// Reads a look-behind, each alternative of which becomes one of its own, so that more of them have a fixed length.
    fn look_behind(&mut self, start: usize, is_negative: bool) -> Result<Piece, RegexError> {
        let was_backward = std::mem::replace(&mut self.is_backward, true);
        let (open, between) = if is_negative { ("(?<!", "") } else { ("(?<=", "|") };
        let mut text = String::from("(?:");
        loop {
            let groups = self.captures.len();
            let piece = self.sequence()?;
            if !piece.is_fixed {
                if ["(?=", "(?!", "(?<"]
                    .iter()
                    .any(|assertion| piece.text.contains(assertion))
                {
                    return Err(unsupported(
                        start,
                        "an assertion within a look-behind of varying length",
                    ));
                }
                // What a group takes depends on the direction then.
                self.doubt(groups, "a group within a look-behind of varying length");
            }
            text.push_str(open);
            text.push_str(&piece.text);
            text.push(')');
            if !self.eat('|') {
                break;
            }
            text.push_str(between);
        }
        if !self.eat(')') {
            return Err(not_closed(start));
        }
        text.push(')');
        self.is_backward = was_backward;
        Ok(Piece::new(text, 0))
    }

    fn atomic(&mut self, start: usize) -> Result<Piece, RegexError> {
        if self.is_backward {
            return Err(unsupported(start, "an atomic group within a look-behind"));
        }
        self.enclosed(start, "(?>")
    }

    fn named_group(&mut self, start: usize, close: char) -> Result<Piece, RegexError> {
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
    fn condition(&mut self, start: usize) -> Result<Piece, RegexError> {
        if self.is_backward {
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
            let group = self.refer(start, group)?;
            let (mut yes, no) = self.branches(start)?;
            yes.text = format!("(?({group}){}|{})", yes.text, no.text);
            yes.join(&no);
            return Ok(yes);
        }
        self.position = back;
        let groups = self.captures.len();
        let condition = if self.peek() == Some('?') {
            self.group(back)?
                .ok_or_else(|| syntax(start, "there is no condition"))?
        } else {
            self.enclosed(back, "(?:")?
        };
        if self.captures.len() > groups {
            return Err(unsupported(start, "a group within a condition"));
        }
        let (mut yes, no) = self.branches(start)?;
        let condition = condition.text;
        yes.text = format!("(?:(?={condition}){}|(?!{condition}){})", yes.text, no.text);
        yes.join(&no);
        Ok(yes)
    }

    /// Reads what follows if a condition holds, and if it does not, up to the closing parenthesis.
    fn branches(&mut self, start: usize) -> Result<(Piece, Piece), RegexError> {
        let enclosed = |piece: Piece| Piece {
            text: format!("(?:{})", piece.text),
            ..piece
        };
        let yes = enclosed(self.sequence()?);
        let no = if self.eat('|') {
            enclosed(self.sequence()?)
        } else {
            Piece::new("", 0)
        };
        match self.next() {
            Some(')') => Ok((yes, no)),
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
