//! Rows of the application's tables.

use std::fmt;

use keyfob_core::{DateTime, SmolStr};

/// The primary key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an application handles both")]
pub enum Key {
    /// A number, as databases count rows.
    Integer(i64),
    /// A text, such as a UUID in its usual form.
    Text(SmolStr),
}

impl Key {
    /// Returns the key as a text.
    #[must_use]
    pub fn to_text(&self) -> SmolStr {
        match self {
            Self::Integer(number) => smol_str::format_smolstr!("{number}"),
            Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl From<Key> for Cell {
    fn from(key: Key) -> Self {
        match key {
            Key::Integer(number) => Self::Integer(number),
            Key::Text(text) => Self::Text(text),
        }
    }
}

impl From<i64> for Key {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// The value of one column.
///
/// `Cell` is read and bound as any value of rusqlite and tokio-postgres, whatever the type of the column: texts, whole
/// numbers, numbers with a fraction and booleans. In SQLite a boolean is the number 0 or 1.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "columns hold no other values")]
pub enum Cell {
    /// No value.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(SmolStr),
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    /// Returns the text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The name of what says that a row is deleted softly, among the columns of a statement.
pub(crate) const HIDDEN: &str = "hidden";
/// The name of what says when a row was created.
pub(crate) const CREATED: &str = "created";

/// A row of the application's users or groups.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The primary key.
    pub key: Key,
    /// The values of the columns, in the order in which the [table](crate::Table) declares them.
    pub cells: Vec<Cell>,
    /// When the row was created, where a column says so. It is the `meta.created` of a row that the application inserted.
    pub created: Option<DateTime>,
    /// If true, the row is deleted softly. Looked at only where the table [says](crate::Hiding::Row) so.
    pub hidden: bool,
}

impl Row {
    /// Creates a row that is not hidden.
    #[must_use]
    pub fn new(key: impl Into<Key>, cells: Vec<Cell>) -> Self {
        Self {
            key: key.into(),
            cells,
            created: None,
            hidden: false,
        }
    }

    /// Returns the same row with the instant of its creation.
    #[must_use]
    pub fn with_created(self, created: DateTime) -> Self {
        Self {
            created: Some(created),
            ..self
        }
    }

    /// Returns the same row, hidden or not.
    #[must_use]
    pub fn with_hidden(self, hidden: bool) -> Self {
        Self { hidden, ..self }
    }

    /// Makes a row of what a statement gives, by the names of its columns: the first is the key, one called `hidden` says
    /// if the row is deleted softly, one called `created` when it was created, in milliseconds since 1970, and the others
    /// are the columns of the table.
    #[cfg(any(feature = "rusqlite", feature = "tokio-postgres"))]
    pub(crate) fn of_columns<'n, E>(
        key: Key,
        names: impl Iterator<Item = &'n str>,
        mut cell: impl FnMut(usize) -> Result<Cell, E>,
    ) -> Result<Self, E> {
        let mut row = Self::new(key, Vec::new());
        for (number, name) in names.enumerate().skip(1) {
            match (name, cell(number)?) {
                (HIDDEN, cell) => row.hidden = matches!(cell, Cell::Bool(true) | Cell::Integer(1)),
                (CREATED, Cell::Integer(millis)) => row.created = Some(DateTime::from_unix_millis(millis)),
                // Nobody knows when.
                (CREATED, Cell::Null) => {}
                (_, cell) => row.cells.push(cell),
            }
        }
        Ok(row)
    }

    /// Returns a number of 31 bits that stands for what the row holds, never 0.
    ///
    /// It is stored and compared with what is computed later, so that it must not change from release to release.
    pub(crate) fn print(&self) -> i64 {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for cell in &self.cells {
            match cell {
                Cell::Null => add(b"n"),
                Cell::Bool(value) => add(&[b'i', u8::from(*value)]),
                // SQLite's booleans are numbers, and one row may be read as either.
                Cell::Integer(value @ (0 | 1)) => add(&[b'i', u8::from(*value == 1)]),
                Cell::Integer(value) => {
                    add(b"I");
                    add(&value.to_be_bytes());
                }
                Cell::Real(value) => {
                    add(b"r");
                    add(&value.to_bits().to_be_bytes());
                }
                Cell::Text(text) => {
                    add(b"t");
                    add(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                    add(text.as_bytes());
                }
            }
        }
        add(&[b'h', u8::from(self.hidden)]);
        let folded = (hash ^ (hash >> 32)) & 0x7fff_ffff;
        i64::try_from(folded).unwrap_or(1).max(1)
    }

    /// Returns about how many bytes the values take.
    pub(crate) fn size(&self) -> usize {
        let sizes = self.cells.iter().map(|cell| cell.as_str().map_or(8, str::len));
        sizes.sum()
    }
}

#[cfg(all(test, feature = "rusqlite"))]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_which_nobody_knows_when_it_was_created_has_its_columns_nevertheless() {
        for (created, expected) in [
            (Cell::Null, None),
            (Cell::Integer(7), Some(DateTime::from_unix_millis(7))),
        ] {
            let cells = [Cell::Null, created, Cell::from("ada")];
            let names = ["id", "created", "login"].into_iter();
            let row = Row::of_columns(Key::Integer(1), names, |number| {
                Ok::<_, ()>(cells[number].clone())
            });
            let row = row.unwrap();
            assert_eq!((row.created, row.cells), (expected, vec![Cell::from("ada")]));
        }
    }
}
