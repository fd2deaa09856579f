//! Records of LDIF (RFC 2849): lines that continue, comments, base 64.

use std::io::{BufRead, Read};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_core::SmolStr;
use keyfob_expression::Value;

use super::{LdifErrorKind, dn};
use crate::source::SourceErrorKind;

/// The longest record, in bytes: 64 MiB.
const MAX_RECORD: usize = 64 << 20;

/// Ends of names of attributes whose values are secrets.
const SECRETS: [&str; 3] = ["password", "pwd", "passwordhistory"];

/// An entry.
#[derive(Debug)]
pub(super) struct Record {
    /// The line of its name, from 1.
    pub(super) line: usize,
    /// Its name as [`dn::normalized`] gives it.
    pub(super) normalized: String,
    /// Its attributes with their values, none of which is empty. Names are equal in any case of letters.
    pub(super) attributes: Vec<(SmolStr, Vec<Value>)>,
    /// The values that are no text, by their names.
    binary: Vec<(SmolStr, Vec<u8>)>,
}

/// The error of a record, with its line.
#[derive(Debug)]
pub(super) struct RecordError {
    pub(super) line: usize,
    pub(super) kind: SourceErrorKind,
}

/// The records of a file. It ends with the first error.
pub(super) struct Records<R> {
    lines: Lines<R>,
    is_first: bool,
    has_ended: bool,
}

/// The lines of a file, each with those that continue it.
struct Lines<R> {
    reader: R,
    /// The number of physical lines that were read.
    count: usize,
    /// The physical line after the last one that was given out.
    ahead: Option<Vec<u8>>,
    /// The bytes that the record may still have.
    left: usize,
}

/// A line of a file.
enum Line {
    /// An attribute, or something that should be one, and the number of its first line.
    Text(Vec<u8>, usize),
    /// An empty one, which ends a record.
    Empty,
}

impl Record {
    /// Returns the values of an attribute.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.into_iter().flat_map(|(_, values)| values)
    }

    /// Returns the values of an attribute that are text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &SmolStr> {
        self.values(name).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Returns the one value of an attribute that has no more.
    pub(super) fn text(&self, attribute: &'static str) -> Result<Option<&SmolStr>, LdifErrorKind> {
        let mut texts = self.texts(attribute);
        let first = texts.next();
        match texts.next() {
            None => Ok(first),
            Some(_) => Err(LdifErrorKind::Several { attribute }),
        }
    }

    /// Returns the value of an attribute that is no text.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let mut binary = self.binary.iter();
        let found = binary.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, bytes)| bytes.as_slice())
    }

    fn add(&mut self, name: SmolStr, value: Value) {
        let mut attributes = self.attributes.iter_mut();
        match attributes.find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => values.push(value),
            None => self.attributes.push((name, vec![value])),
        }
    }
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            lines: Lines {
                reader,
                count: 0,
                ahead: None,
                left: MAX_RECORD,
            },
            is_first: true,
            has_ended: false,
        }
    }

    fn read(&mut self) -> Result<Option<Record>, RecordError> {
        self.lines.left = MAX_RECORD;
        let mut record: Option<Record> = None;
        loop {
            let (text, line) = match self.lines.next()? {
                Some(Line::Text(text, line)) => (text, line),
                Some(Line::Empty) if record.is_none() => continue,
                Some(Line::Empty) | None => return Ok(record),
            };
            let refuse = |kind: LdifErrorKind| RecordError {
                line,
                kind: kind.into(),
            };
            let (name, value) = attribute(&text).map_err(refuse)?;
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            let said = || SmolStr::new(String::from_utf8_lossy(&text));
            let is_first = std::mem::take(&mut self.is_first);
            match &mut record {
                None if is_first && is("version") => {
                    if value != b"1" {
                        let found = String::from_utf8_lossy(&value).into();
                        return Err(refuse(LdifErrorKind::Version { found }));
                    }
                }
                None if is("dn") => {
                    let dn = String::from_utf8(value).map_err(|_| refuse(LdifErrorKind::NotUtf8))?;
                    let normalized =
                        dn::normalized(&dn).ok_or_else(|| refuse(LdifErrorKind::Name { dn: dn.into() }))?;
                    record = Some(Record {
                        line,
                        normalized,
                        attributes: Vec::new(),
                        binary: Vec::new(),
                    });
                }
                None => return Err(refuse(LdifErrorKind::NoName)),
                // A record that adds an entry is the entry.
                Some(_) if is("changetype") && value.eq_ignore_ascii_case(b"add") => {}
                Some(_) if is("changetype") || is("control") => {
                    return Err(refuse(LdifErrorKind::Change { line: said() }));
                }
                // An empty value says nothing.
                Some(_) if value.is_empty() => {}
                Some(record) => {
                    let is_secret = SECRETS.iter().any(|end| name.to_ascii_lowercase().ends_with(end));
                    let value = match String::from_utf8(value) {
                        Ok(text) => Value::from(text),
                        Err(error) => {
                            let bytes = error.into_bytes();
                            let text = Value::from(STANDARD.encode(&bytes));
                            record.binary.push((name.clone(), bytes));
                            text
                        }
                    };
                    let value = if is_secret {
                        Value::Redacted(Box::new(value))
                    } else {
                        value
                    };
                    record.add(name, value);
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let record = self.read().transpose();
        self.has_ended = !matches!(record, Some(Ok(_)));
        record
    }
}

impl<R: BufRead> Lines<R> {
    /// Returns the next line without comments, with what continues it.
    fn next(&mut self) -> Result<Option<Line>, RecordError> {
        loop {
            let Some(mut text) = self.physical()? else {
                return Ok(None);
            };
            let line = self.count;
            if text.is_empty() {
                return Ok(Some(Line::Empty));
            }
            if text.first() == Some(&b' ') {
                return Err(self.refuse(LdifErrorKind::NothingToContinue));
            }
            // Comments continue too.
            while let Some(next) = self.physical()? {
                let Some(rest) = next.strip_prefix(b" ") else {
                    self.ahead = Some(next);
                    break;
                };
                text.extend_from_slice(rest);
            }
            if text.first() != Some(&b'#') {
                return Ok(Some(Line::Text(text, line)));
            }
        }
    }

    /// Returns the next line as it stands, without its end.
    fn physical(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let mut line = Vec::new();
        let limit = u64::try_from(self.left).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut line);
        self.count = self.count.saturating_add(1);
        match read {
            Ok(0) => return Ok(None),
            Ok(count) if count > self.left => {
                return Err(self.refuse(LdifErrorKind::TooLong { limit: MAX_RECORD }));
            }
            Ok(count) => self.left -= count,
            Err(error) => {
                return Err(RecordError {
                    line: self.count,
                    kind: error.into(),
                });
            }
        }
        if line.pop() != Some(b'\n') {
            return Err(self.refuse(LdifErrorKind::Cut));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        // Some programs begin a file so.
        if self.count == 1
            && let Some(rest) = line.strip_prefix("\u{feff}".as_bytes())
        {
            line = rest.to_vec();
        }
        Ok(Some(line))
    }

    fn refuse(&self, kind: LdifErrorKind) -> RecordError {
        RecordError {
            line: self.count,
            kind: kind.into(),
        }
    }
}

/// Splits a line into an attribute and its value.
fn attribute(line: &[u8]) -> Result<(SmolStr, Vec<u8>), LdifErrorKind> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, rest) = colon
        .and_then(|colon| Some((line.get(..colon)?, line.get(colon + 1..)?)))
        .ok_or(LdifErrorKind::NoAttribute)?;
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.;=_".contains(byte);
    let name = str::from_utf8(name)
        .ok()
        .filter(|_| !name.is_empty() && name.iter().all(is_of_name));
    let name = SmolStr::new(name.ok_or(LdifErrorKind::NoAttribute)?);
    let filled = |rest: &[u8]| {
        let start = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
        rest.get(start..).unwrap_or_default().to_vec()
    };
    match rest.first() {
        Some(b':') => {
            let text = filled(rest.get(1..).unwrap_or_default());
            match STANDARD.decode(text.trim_ascii_end()) {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(LdifErrorKind::Base64 { attribute: name }),
            }
        }
        Some(b'<') => Err(LdifErrorKind::Url { attribute: name }),
        _ => {
            let value = filled(rest);
            // What is no text is written in base 64.
            if str::from_utf8(&value).is_err() {
                return Err(LdifErrorKind::NotUtf8);
            }
            Ok((name, value))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes a line as one of the forms that RFC 2849 allows, folded after so many bytes.
    fn write(text: &mut Vec<u8>, name: &str, value: &[u8], in_base_64: bool, width: usize, end: &[u8]) {
        let is_safe = str::from_utf8(value)
            .is_ok_and(|value| !value.starts_with([' ', ':', '<']) && !value.contains(['\0', '\r', '\n']));
        let line = if in_base_64 || !is_safe {
            format!("{name}:: {}", STANDARD.encode(value)).into_bytes()
        } else {
            [name.as_bytes(), b": ", value].concat()
        };
        for (number, part) in line.chunks(width).enumerate() {
            if number > 0 {
                text.extend_from_slice(end);
                text.push(b' ');
            }
            text.extend_from_slice(part);
        }
        text.extend_from_slice(end);
    }

    proptest! {
        #[test]
        fn rfc_2849_whatever_is_written_is_read_as_it_was(
            entries in proptest::collection::vec(
                proptest::collection::vec(
                    ("[a-z][a-zA-Z0-9]{0,6}(;[a-z]{1,4})?", proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()),
                    0..6,
                ),
                0..5,
            ),
            width in 1..90_usize,
            windows in any::<bool>(),
        ) {
            let end: &[u8] = if windows { b"\r\n" } else { b"\n" };
            let mut text = b"version: 1".to_vec();
            text.extend_from_slice(end);
            let mut expected = Vec::new();
            for (number, attributes) in entries.iter().enumerate() {
                text.extend_from_slice(end);
                text.extend_from_slice(b"# comment");
                text.extend_from_slice(end);
                write(&mut text, "dn", format!("cn=e{number}").as_bytes(), false, width, end);
                let mut kept: Vec<(String, Vec<u8>)> = Vec::new();
                for (name, value, in_base_64) in attributes {
                    let is_ours = ["dn", "control", "changetype"].contains(&name.as_str()) || name.ends_with("pwd");
                    if is_ours {
                        continue;
                    }
                    write(&mut text, name, value, *in_base_64, width, end);
                    if !value.is_empty() {
                        kept.push((name.to_ascii_lowercase(), value.clone()));
                    }
                }
                // Values of one name stand together.
                let order: Vec<String> = kept.iter().map(|(name, _)| name.clone()).collect();
                kept.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
                expected.push(kept);
            }
            let read: Vec<_> = Records::new(text.as_slice()).map(|record| {
                let record = record.unwrap();
                let mut values = Vec::new();
                for (name, several) in &record.attributes {
                    for value in several {
                        values.push((name.to_ascii_lowercase(), value.to_text()));
                    }
                }
                values
            }).collect();
            let expected: Vec<Vec<_>> = expected.into_iter().map(|kept| {
                kept.into_iter().map(|(name, value)| {
                    let text = String::from_utf8(value).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()));
                    (name, SmolStr::from(text))
                }).collect()
            }).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_file_makes_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let count = Records::new(text.as_slice()).count();
            prop_assert!(count <= text.len() + 1);
        }
    }
}
