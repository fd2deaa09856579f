//! Patterns of Java, written for engines that read some signs otherwise.

use std::{fmt::Write as _, iter::Peekable, str::Chars};

/// The deepest nesting of groups and of classes.
const MAX_DEPTH: usize = 50;

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The pattern as the regex crate and fancy-regex read it.
    pub(super) text: String,
    /// False if it looks around, refers back to a group or doesn't go back.
    pub(super) is_regular: bool,
}

impl Pattern {
    /// Reads a pattern; none where it is malformed, or asks for something that neither engine has.
    ///
    /// As in Java, `\d`, `\w`, `\s` and the classes of POSIX are of ASCII, and a point is no end of a line.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let mut reader = Reader {
            rest: pattern.chars().peekable(),
            out: String::with_capacity(pattern.len() + 16),
            groups: Vec::new(),
            atom: None,
            is_regular: true,
            sees_lines: true,
        };
        while let Some(sign) = reader.rest.next() {
            reader.sign(sign)?;
        }
        reader.groups.is_empty().then_some(Self {
            text: reader.out,
            is_regular: reader.is_regular,
        })
    }
}

struct Reader<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    /// The places in `out` at which the open groups begin.
    groups: Vec<usize>,
    /// The place in `out` at which begins what a quantifier would repeat.
    atom: Option<usize>,
    is_regular: bool,
    /// False from where the pattern lets a point be the end of a line.
    sees_lines: bool,
}

impl Reader<'_> {
    fn sign(&mut self, sign: char) -> Option<()> {
        let start = self.out.len();
        match sign {
            '(' => return self.open(),
            ')' => {
                self.atom = Some(self.groups.pop()?);
                self.out.push(')');
                return Some(());
            }
            '|' => {
                self.out.push('|');
                self.atom = None;
                return Some(());
            }
            '*' | '+' | '?' | '{' => return self.quantifier(sign),
            '[' => self.class(1)?,
            '\\' => self.escape()?,
            '.' if self.sees_lines => self.out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            '.' | '^' | '$' => self.out.push(sign),
            literal => self.literal(literal),
        }
        self.atom = Some(start);
        Some(())
    }

    fn open(&mut self) -> Option<()> {
        if self.groups.len() >= MAX_DEPTH {
            return None;
        }
        let start = self.out.len();
        self.out.push('(');
        self.atom = None;
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
            match self.rest.next()? {
                ':' => self.out.push(':'),
                sign @ ('=' | '!' | '>') => {
                    self.out.push(sign);
                    self.is_regular = false;
                }
                '<' => {
                    self.out.push('<');
                    if let Some(sign) = self.rest.next_if(|sign| matches!(sign, '=' | '!')) {
                        self.out.push(sign);
                        self.is_regular = false;
                    } else {
                        self.name()?;
                    }
                }
                flag => {
                    if self.flags(flag)? {
                        return Some(());
                    }
                }
            }
        }
        self.groups.push(start);
        Some(())
    }

    /// Copies the name of a group and what closes it.
    fn name(&mut self) -> Option<()> {
        let mut is_first = true;
        loop {
            let sign = self.rest.next()?;
            self.out.push(sign);
            match sign {
                '>' if !is_first => return Some(()),
                letter if letter.is_ascii_alphabetic() => {}
                digit if digit.is_ascii_digit() && !is_first => {}
                _ => return None,
            }
            is_first = false;
        }
    }

    /// Copies flags. Returns true if they are for what follows, and false if they open a group.
    fn flags(&mut self, first: char) -> Option<bool> {
        let mut flag = first;
        loop {
            self.out.push(flag);
            match flag {
                ')' => return Some(true),
                ':' => return Some(false),
                's' => self.sees_lines = false,
                'i' | 'm' | 'u' | '-' => {}
                // Others are read otherwise by the engines, or not at all.
                _ => return None,
            }
            flag = self.rest.next()?;
        }
    }

    fn quantifier(&mut self, sign: char) -> Option<()> {
        let atom = self.atom.take()?;
        self.out.push(sign);
        if sign == '{' {
            let (mut digits, mut commas) = (0, 0);
            loop {
                let sign = self.rest.next()?;
                self.out.push(sign);
                match sign {
                    '}' if digits > 0 => break,
                    ',' if digits > 0 && commas == 0 => commas += 1,
                    digit if digit.is_ascii_digit() => digits += 1,
                    _ => return None,
                }
            }
        }
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        } else if self.rest.next_if_eq(&'+').is_some() {
            self.out.insert_str(atom, "(?>");
            self.out.push(')');
            self.is_regular = false;
        }
        Some(())
    }

    /// Writes a character that stands for itself.
    fn literal(&mut self, literal: char) {
        if r"\.+*?()|[]{}^$#&-~:".contains(literal) {
            self.out.push('\\');
        }
        self.out.push(literal);
    }

    /// Reads what follows a backslash outside of a class.
    fn escape(&mut self) -> Option<()> {
        match self.rest.next()? {
            sign @ ('b' | 'B' | 'A' | 'z') => {
                self.out.push('\\');
                self.out.push(sign);
            }
            'Z' => {
                self.out.push_str(r"(?=(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?\z)");
                self.is_regular = false;
            }
            'R' => self.out.push_str(r"(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])"),
            'k' => {
                self.out.push_str("\\k");
                self.out.push(self.rest.next_if_eq(&'<')?);
                self.name()?;
                self.is_regular = false;
            }
            // Further digits are of the number in Java where there are so many groups.
            digit @ '1'..='9' if !self.rest.peek().is_some_and(char::is_ascii_digit) => {
                self.out.push_str("(?:\\");
                self.out.push(digit);
                self.out.push(')');
                self.is_regular = false;
            }
            'Q' => self.quoted(),
            sign => self.character_or_class(sign)?,
        }
        Some(())
    }

    /// Writes the characters up to `\E`, of which a quantifier repeats the last.
    fn quoted(&mut self) {
        let mut characters = Vec::new();
        while let Some(character) = self.rest.next() {
            if character == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            characters.push(character);
        }
        for character in characters {
            self.literal(character);
        }
    }

    /// Reads an escape that may stand in a class too.
    fn character_or_class(&mut self, sign: char) -> Option<()> {
        let class = match sign {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[ \t-\r]",
            'S' => r"[^ \t-\r]",
            'h' => r"[ \t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]",
            'H' => r"[^ \t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]",
            'v' => r"[\n-\r\x{85}\x{2028}\x{2029}]",
            'V' => r"[^\n-\r\x{85}\x{2028}\x{2029}]",
            't' => r"\t",
            'n' => r"\n",
            'r' => r"\r",
            'f' => r"\x0c",
            'a' => r"\x07",
            'e' => r"\x1b",
            '0' => {
                let mut octal = 0;
                let mut count = 0;
                while count < 3
                    && octal < 0o40
                    && let Some(digit) = self.rest.next_if(|sign| sign.is_digit(8))
                {
                    octal = octal * 8 + digit.to_digit(8)?;
                    count += 1;
                }
                return (count > 0).then(|| self.number(octal))?;
            }
            'x' if self.rest.next_if_eq(&'{').is_some() => {
                let mut digits = String::new();
                while let Some(digit) = self.rest.next_if(char::is_ascii_hexdigit) {
                    digits.push(digit);
                }
                self.rest.next_if_eq(&'}')?;
                return self.number(u32::from_str_radix(&digits, 16).ok()?);
            }
            'x' => return self.hexadecimal(2),
            'u' => return self.hexadecimal(4),
            'c' => {
                let control = self.rest.next().filter(char::is_ascii)?;
                return self.number(u32::from(control) ^ 64);
            }
            'p' | 'P' => return self.property(sign == 'P'),
            letter if letter.is_ascii_alphanumeric() => return None,
            other => {
                self.literal(other);
                return Some(());
            }
        };
        self.out.push_str(class);
        Some(())
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<()> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 16 + self.rest.next()?.to_digit(16)?;
        }
        self.number(number)
    }

    /// Writes a character by its number. Half of a surrogate pair is none.
    fn number(&mut self, number: u32) -> Option<()> {
        char::from_u32(number)?;
        write!(self.out, "\\x{{{number:x}}}").ok()
    }

    fn property(&mut self, is_negated: bool) -> Option<()> {
        let mut name = String::new();
        match self.rest.next()? {
            '{' => loop {
                match self.rest.next()? {
                    '}' => break,
                    sign if sign.is_ascii_alphanumeric() || matches!(sign, '_' | '=') => name.push(sign),
                    _ => return None,
                }
            },
            letter => name.push(letter),
        }
        let ascii = match name.as_str() {
            "Lower" => "a-z",
            "Upper" => "A-Z",
            "ASCII" => r"\x00-\x7f",
            "Alpha" => "a-zA-Z",
            "Digit" => "0-9",
            "Alnum" => "a-zA-Z0-9",
            "Punct" => r"!-/:-@\[-`{-~",
            "Graph" => "!-~",
            "Print" => " -~",
            "Blank" => r" \t",
            "Cntrl" => r"\x00-\x1f\x7f",
            "XDigit" => "0-9a-fA-F",
            "Space" => r" \t-\r",
            // Blocks of characters, and the methods of Java's `Character`.
            name if name.starts_with("In") || name.starts_with("java") || name.starts_with("blk") => {
                return None;
            }
            name => {
                let name = name.strip_prefix("Is").unwrap_or(name);
                let sign = if is_negated { 'P' } else { 'p' };
                return write!(self.out, "\\{sign}{{{name}}}").ok();
            }
        };
        self.out.push_str(if is_negated { "[^" } else { "[" });
        self.out.push_str(ascii);
        self.out.push(']');
        Some(())
    }

    /// Reads a class, whose opening bracket was read.
    fn class(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            match self.rest.next()? {
                ']' if !is_first => {
                    self.out.push(']');
                    return Some(());
                }
                '[' => self.class(depth + 1)?,
                '\\' => match self.rest.next()? {
                    'Q' => self.quoted(),
                    sign => self.character_or_class(sign)?,
                },
                '&' if self.rest.next_if_eq(&'&').is_some() => self.out.push_str("&&"),
                '-' => {
                    // Two of them are the difference of two classes to the engines.
                    if self.rest.peek() == Some(&'-') {
                        return None;
                    }
                    self.out.push('-');
                }
                literal => self.literal(literal),
            }
            is_first = false;
        }
    }
}
