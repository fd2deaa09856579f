//! Objects of the source out of CSV, one by one.

use std::io::BufRead;

use smol_str::SmolStr;

use super::{GraphObject, ObjectsError, ObjectsErrorKind, reader::at, user::named};

/// A reading of CSV with a header (RFC 4180), row by row, for files that are larger than memory.
///
/// The header says which of `,`, `;` and a tab separates the fields. An empty field is no value. A byte order mark is
/// passed over. The attributes get the names that mappings know, as [`source_from_json`](super::source_from_json) gives
/// them.
///
/// It ends with the first error.
///
/// ```
/// use keyfob_expression::Value;
/// use keyfob_mapping::graph::CsvObjects;
///
/// let file: &[u8] = b"id;mail\n7;babs@example.com\n8\n";
/// let mut objects = CsvObjects::new(file)?;
/// assert_eq!(objects.columns(), ["id", "mail"]);
/// let babs = objects.next().ok_or("a row")??;
/// assert_eq!(babs.source.get("objectId"), Some(&Value::from("7")));
/// let error = objects.next().ok_or("another row")?.unwrap_err();
/// assert_eq!(error.to_string(), "line 3: this is not CSV: the row has 1 fields and the header 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CsvObjects<R> {
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    columns: Vec<SmolStr>,
    is_empty: bool,
    has_ended: bool,
}

impl<R: BufRead> CsvObjects<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ObjectsError`] where the header can't be read, or names a column twice or with nothing.
    pub fn new(mut text: R) -> Result<Self, ObjectsError> {
        // Only looked at: a header longer than the buffer is told by its beginning.
        let start = text.fill_buf().map_err(|error| of_csv(&error.into()))?;
        let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .find(|delimiter| header.contains(delimiter));
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(delimiter.unwrap_or(b',')).from_reader(text);
        let mut columns: Vec<SmolStr> = Vec::new();
        for (name, number) in reader.headers().map_err(|error| of_csv(&error))?.iter().zip(1..) {
            let name = SmolStr::new(name.trim());
            if name.is_empty() {
                return Err(at(1, ObjectsErrorKind::NoColumnName { number }));
            }
            if columns.contains(&name) {
                return Err(at(1, ObjectsErrorKind::ColumnTwice { name }));
            }
            columns.push(name);
        }
        Ok(Self {
            reader,
            record: csv::StringRecord::new(),
            columns,
            is_empty: true,
            has_ended: false,
        })
    }

    /// The columns, in their order.
    #[must_use]
    pub fn columns(&self) -> &[SmolStr] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<GraphObject>, ObjectsError> {
        let is_there = self.reader.read_record(&mut self.record);
        if !is_there.map_err(|error| of_csv(&error))? {
            return if self.is_empty {
                Err(at(1, ObjectsErrorKind::Nothing))
            } else {
                Ok(None)
            };
        }
        self.is_empty = false;
        let line = self.record.position().map_or(0, csv::Position::line);
        let fields = self.columns.iter().zip(&self.record);
        let fields = fields.filter(|(_, field)| !field.is_empty());
        let source = fields.map(|(name, field)| (name.clone(), field)).collect();
        Ok(Some(GraphObject {
            source: named(source),
            kind: None,
            line: usize::try_from(line).unwrap_or(usize::MAX),
        }))
    }
}

impl<R: BufRead> Iterator for CsvObjects<R> {
    type Item = Result<GraphObject, ObjectsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let object = self.read().transpose();
        self.has_ended = !matches!(object, Some(Ok(_)));
        object
    }
}

fn of_csv(error: &csv::Error) -> ObjectsError {
    let line = error.position().map_or(1, csv::Position::line);
    let kind = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => ObjectsErrorKind::Csv(format!("the row has {len} fields and the header {expected_len}")),
        csv::ErrorKind::Utf8 { .. } => ObjectsErrorKind::NotUtf8,
        _ => ObjectsErrorKind::Csv(error.to_string()),
    };
    at(usize::try_from(line).unwrap_or(usize::MAX), kind)
}
