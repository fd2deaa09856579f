//! Lines that wait until others are written, in a file without a name.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
};

use crate::Unusable;

/// The file, as lines are added to it.
pub(super) struct Pending {
    file: BufWriter<File>,
    end: u64,
}

/// The file, as lines are read from it.
pub(super) struct PendingReader(File);

/// A line in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The number of the line in the input.
    pub(super) line: u64,
    start: u64,
    length: usize,
}

impl Pending {
    /// Creates a file in the folder for temporary files, which nobody else can open.
    pub(super) fn new() -> Result<Self, Unusable> {
        let file = tempfile::tempfile().map_err(|error| failed(&error))?;
        Ok(Self {
            file: BufWriter::new(file),
            end: 0,
        })
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: u64, text: &[u8]) -> Result<Entry, Unusable> {
        self.file.write_all(text).map_err(|error| failed(&error))?;
        let entry = Entry {
            line,
            start: self.end,
            length: text.len(),
        };
        self.end += text.len() as u64;
        Ok(entry)
    }

    /// Returns the file for reading.
    pub(super) fn into_reader(self) -> Result<PendingReader, Unusable> {
        let file = self.file.into_inner();
        Ok(PendingReader(file.map_err(|error| failed(error.error()))?))
    }
}

impl PendingReader {
    /// Reads a line.
    pub(super) fn read(&mut self, entry: Entry) -> Result<Vec<u8>, Unusable> {
        let mut text = vec![0; entry.length];
        let mut read = || {
            self.0.seek(SeekFrom::Start(entry.start))?;
            self.0.read_exact(&mut text)
        };
        read().map_err(|error| failed(&error))?;
        Ok(text)
    }
}

fn failed(error: &io::Error) -> Unusable {
    Unusable::new(format!(
        "the lines that wait for others can't be kept in the folder for temporary files (`TMPDIR` names another): {error}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_any_order() {
        let mut pending = Pending::new().unwrap();
        let texts = [&b"{}"[..], b"", b"{\"a\": 1}"];
        let entries: Vec<Entry> = texts
            .iter()
            .zip(1..)
            .map(|(text, line)| pending.push(line, text).unwrap())
            .collect();
        let mut reader = pending.into_reader().unwrap();
        for (entry, text) in entries.iter().zip(texts).rev() {
            assert_eq!(reader.read(*entry).unwrap(), text);
        }
        assert_eq!(
            entries.iter().map(|entry| entry.line).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }
}
