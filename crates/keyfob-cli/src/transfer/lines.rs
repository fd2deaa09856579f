//! The lines of an input, of which only one is in memory.

use std::io::{self, BufRead};

/// The number of bytes of a line at most: a group of two million members has room.
pub(super) const MAX_BYTES: usize = 256 << 20;

/// The mark that some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader of lines.
pub(super) struct Lines<R> {
    input: R,
    limit: usize,
    number: u64,
    text: Vec<u8>,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'l> {
    /// The number, counted from 1.
    pub(super) number: u64,
    /// The text; none if it is longer than a line may be.
    pub(super) text: Option<&'l [u8]>,
    /// True if the input ends without the end of the line.
    pub(super) is_open: bool,
}

impl<R: BufRead> Lines<R> {
    /// Creates a reader of lines of at most so many bytes.
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            limit,
            number: 0,
            text: Vec::new(),
        }
    }

    /// Reads the next line that isn't blank; none at the end of the input.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some((is_long, is_open)) = self.read()? else {
                return Ok(None);
            };
            self.number += 1;
            if self.number == 1 && self.text.starts_with(BYTE_ORDER_MARK) {
                self.text.drain(..BYTE_ORDER_MARK.len());
            }
            if is_long || !self.text.trim_ascii().is_empty() {
                return Ok(Some(Line {
                    number: self.number,
                    text: (!is_long).then_some(&self.text),
                    is_open,
                }));
            }
        }
    }

    /// Reads a line, of which what is beyond the limit is passed over. Returns whether it is too long, and whether the input
    /// ends within it; none at the end of the input.
    fn read(&mut self) -> io::Result<Option<(bool, bool)>> {
        self.text.clear();
        let (mut is_long, mut is_empty) = (false, true);
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            if available.is_empty() {
                return Ok((!is_empty).then_some((is_long, true)));
            }
            is_empty = false;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or_default();
            is_long |= self.text.len() + part.len() > self.limit;
            if is_long {
                self.text = Vec::new();
            } else {
                self.text.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some((is_long, false)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The lines as number, text and whether the input ends within; `-` stands for one that is too long.
    fn read(input: &[u8], limit: usize) -> Vec<(u64, String, bool)> {
        // A buffer of three bytes cuts lines everywhere.
        let mut lines = Lines::new(BufReader::with_capacity(3, input), limit);
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let text = line.text.map_or("-".into(), String::from_utf8_lossy);
            read.push((line.number, text.into_owned(), line.is_open));
        }
        read
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_are_passed_over() {
        let line = |number, text: &str| (number, text.to_owned(), false);
        assert_eq!(read(b"", 9), []);
        assert_eq!(read(b"\n\n", 9), []);
        assert_eq!(
            read(b"abc\n\n \t\r\ndefgh\n", 9),
            [line(1, "abc"), line(4, "defgh")]
        );
        assert_eq!(read(b"\xef\xbb\xbfabc\n", 9), [line(1, "abc")]);
        assert_eq!(
            read(b"abc\ndef", 9),
            [line(1, "abc"), (2, "def".to_owned(), true)]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_to_its_end() {
        let line = |number, text: &str| (number, text.to_owned(), false);
        assert_eq!(
            read(b"abcdefgh\nabcdefghi\nabc\n", 8),
            [line(1, "abcdefgh"), line(2, "-"), line(3, "abc")]
        );
        assert_eq!(read(b"abcdefghijklm", 8), [(1, "-".to_owned(), true)]);
    }
}
