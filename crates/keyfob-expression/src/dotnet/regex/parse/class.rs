//! Classes in brackets.

use super::{
    super::{
        error::RegexError,
        set::{Class, Set},
        units::to_unit,
    },
    MAX_DEPTH, Parser, syntax, unsupported,
};

impl Parser<'_> {
    /// Reads a class after its opening bracket at `start`.
    pub(super) fn class(&mut self, start: usize) -> Result<Set, RegexError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RegexError::TooLarge);
        }
        let mut set = Set::default();
        let negated = self.eat('^');
        let mut is_first = true;
        loop {
            let item_start = self.position;
            match self.next() {
                None => return Err(syntax(start, "the class is not closed")),
                Some(']') if !is_first => break,
                Some('-') if !is_first && self.peek() == Some('[') => {
                    self.subtraction(&mut set)?;
                    continue;
                }
                Some('[') if self.peek() == Some(':') => {
                    return Err(unsupported(item_start, "a named class such as `[:alpha:]`"));
                }
                Some('\\') => match self.class_escape(item_start)? {
                    // No range begins with it: a `-` that follows is a character.
                    ClassItem::Named(class, negated) => set.add_class(class, negated),
                    ClassItem::One(first) => self.range(&mut set, item_start, first)?,
                },
                Some(first) => self.range(&mut set, item_start, first)?,
            }
            is_first = false;
        }
        if self.options.ignore_case() {
            set.ignore_case();
        }
        if negated {
            set.negate();
        }
        self.depth -= 1;
        Ok(set)
    }

    /// Returns true if a `-` follows that does not end the class.
    fn is_range(&self) -> bool {
        self.peek() == Some('-') && self.peek_at(1).is_some_and(|next| next != ']' && next != '[')
    }

    /// Adds a character, or the range that begins with it.
    fn range(&mut self, set: &mut Set, start: usize, first: char) -> Result<(), RegexError> {
        if !self.is_range() {
            set.add(first, first);
            return Ok(());
        }
        self.position += 1;
        let last_start = self.position;
        let last = match self.next() {
            Some('\\') => match self.class_escape(last_start)? {
                ClassItem::One(last) => last,
                ClassItem::Named(..) => return Err(syntax(last_start, "a class cannot end a range")),
            },
            Some(last) => last,
            None => return Err(syntax(start, "the class is not closed")),
        };
        if to_unit(last) < to_unit(first) {
            return Err(syntax(start, "the range is in reverse order"));
        }
        set.add(first, last);
        Ok(())
    }

    /// Reads the class to be taken away, which has to stand last.
    fn subtraction(&mut self, set: &mut Set) -> Result<(), RegexError> {
        let start = self.position;
        self.position += 1;
        let subtracted = self.class(start)?;
        set.subtract(subtracted);
        match self.peek() {
            Some(']') => Ok(()),
            Some(_) => Err(syntax(
                self.position,
                "a subtraction has to stand last in its class",
            )),
            None => Err(syntax(start, "the class is not closed")),
        }
    }

    fn class_escape(&mut self, start: usize) -> Result<ClassItem, RegexError> {
        if let Some((class, negated)) = self.named_class(start)? {
            return Ok(ClassItem::Named(class, negated));
        }
        if self.eat('b') {
            return Ok(ClassItem::One('\x08'));
        }
        if self.eat('-') {
            return Ok(ClassItem::One('-'));
        }
        self.character_escape(start).map(ClassItem::One)
    }
}

enum ClassItem {
    One(char),
    Named(Class, bool),
}
