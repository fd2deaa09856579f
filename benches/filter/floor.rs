//! The floor: one pass over the bytes that borrows all it finds and checks next to nothing. It takes much that is no
//! filter; no reader of filters that keeps a tree does less.

/// A filter, borrowed from its text.
#[expect(dead_code, reason = "nobody looks at the tree")]
pub(crate) enum Tree<'t> {
    Present(Path<'t>),
    Compare(Path<'t>, [u8; 2], Literal<'t>),
    And(Vec<Tree<'t>>),
    Or(Vec<Tree<'t>>),
    Not(Box<Tree<'t>>),
    Elements(Path<'t>, Box<Tree<'t>>),
}

/// A path, borrowed from its text.
#[expect(dead_code, reason = "nobody looks at the tree")]
pub(crate) struct Path<'t> {
    pub(crate) schema: Option<&'t str>,
    pub(crate) name: &'t str,
    pub(crate) sub: Option<&'t str>,
}

/// A literal, borrowed from its text, escapes and all.
#[expect(dead_code, reason = "nobody looks at the tree")]
pub(crate) enum Literal<'t> {
    Text(&'t str),
    Word(&'t str),
}

/// Reads a filter.
pub(crate) fn filter(text: &str) -> Option<Tree<'_>> {
    let mut reader = Reader { text, at: 0 };
    let tree = reader.any()?;
    (reader.at == text.len()).then_some(tree)
}

/// Reads the path of a PATCH operation: an attribute, perhaps a filter, perhaps a sub-attribute after it.
pub(crate) fn patch_path(text: &str) -> Option<(Path<'_>, Option<Tree<'_>>, Option<&str>)> {
    let mut reader = Reader { text, at: 0 };
    let path = reader.path()?;
    if !reader.take(b'[') {
        return Some((path, None, None));
    }
    let tree = reader.any()?;
    if !reader.take(b']') {
        return None;
    }
    let sub = if reader.take(b'.') {
        text.get(reader.at..)
    } else {
        None
    };
    Some((path, Some(tree), sub))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == byte;
        self.at += usize::from(is_there);
        is_there
    }

    /// A keyword, blanks around it.
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.text.get(self.at..self.at + keyword.len());
        let is_there = found.is_some_and(|found| found.eq_ignore_ascii_case(keyword));
        if is_there {
            self.at += keyword.len();
        }
        is_there
    }

    fn any(&mut self) -> Option<Tree<'t>> {
        let first = self.all()?;
        if !self.keyword(" or ") {
            return Some(first);
        }
        let mut operands = vec![first, self.all()?];
        while self.keyword(" or ") {
            operands.push(self.all()?);
        }
        Some(Tree::Or(operands))
    }

    fn all(&mut self) -> Option<Tree<'t>> {
        let first = self.term()?;
        if !self.keyword(" and ") {
            return Some(first);
        }
        let mut operands = vec![first, self.term()?];
        while self.keyword(" and ") {
            operands.push(self.term()?);
        }
        Some(Tree::And(operands))
    }

    fn term(&mut self) -> Option<Tree<'t>> {
        if self.take(b'(') {
            let inner = self.any()?;
            return self.take(b')').then_some(inner);
        }
        if self.keyword("not (") {
            let inner = self.any()?;
            return self.take(b')').then(|| Tree::Not(Box::new(inner)));
        }
        let path = self.path()?;
        if self.take(b'[') {
            let inner = self.any()?;
            return self.take(b']').then(|| Tree::Elements(path, Box::new(inner)));
        }
        self.take(b' ');
        let operator: [u8; 2] = self.text.as_bytes().get(self.at..self.at + 2)?.try_into().ok()?;
        self.at += 2;
        if operator.eq_ignore_ascii_case(b"pr") {
            return Some(Tree::Present(path));
        }
        self.take(b' ');
        Some(Tree::Compare(path, operator, self.literal()?))
    }

    fn path(&mut self) -> Option<Path<'t>> {
        let start = self.at;
        let (mut name, mut dot) = (start, None);
        loop {
            match self.peek() {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'$' => {}
                b'.' => dot = dot.or(Some(self.at)),
                b':' => (name, dot) = (self.at + 1, None),
                _ => break,
            }
            self.at += 1;
        }
        Some(Path {
            schema: name
                .checked_sub(1)
                .filter(|_| name > start)
                .and_then(|colon| self.text.get(start..colon)),
            name: self.text.get(name..dot.unwrap_or(self.at))?,
            sub: dot.and_then(|dot| self.text.get(dot + 1..self.at)),
        })
    }

    fn literal(&mut self) -> Option<Literal<'t>> {
        let start = self.at;
        if !self.take(b'"') {
            while !matches!(self.peek(), b' ' | b')' | b']' | 0) {
                self.at += 1;
            }
            return self.text.get(start..self.at).map(Literal::Word);
        }
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start + 1..self.at - 1).map(Literal::Text)
    }
}
