//! Values of columns as PostgreSQL's types have them.

use std::{borrow::Cow, error::Error as StdError};

use bytes::BytesMut;
use keyfob_core::SmolStr;
use smol_str::format_smolstr;
use tokio_postgres::{
    Column,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::{
    row::{Cell, Key},
    transaction::SqlValue,
};

type Source = Box<dyn StdError + Sync + Send>;

/// The error when a column has no room for a value that a client chose: the rest of a sentence about the value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value {0}")]
pub(super) struct NoRoom(pub(super) Cow<'static, str>);

impl From<&'static str> for NoRoom {
    fn from(reason: &'static str) -> Self {
        Self(reason.into())
    }
}

/// Checks that a text is not longer than the column that gives it back: `varchar(40)`. Spaces at its end are no matter, since
/// the database cuts them off.
pub(super) fn check_length(cell: &Cell, column: &Column) -> Result<(), NoRoom> {
    // A length stands in a modifier with the 4 bytes that PostgreSQL counts before a text.
    let most = match column.type_modifier().checked_sub(4).map(usize::try_from) {
        Some(Ok(most)) if [Type::VARCHAR, Type::BPCHAR].contains(column.type_()) => most,
        _ => return Ok(()),
    };
    match cell {
        Cell::Text(text) if text.trim_end_matches(' ').chars().count() > most => {
            Err(NoRoom(format!("is longer than {most} characters").into()))
        }
        _ => Ok(()),
    }
}

/// Checks that a column has room for a value, as far as its type says so.
pub(super) fn check_room(cell: &Cell, column: &Type) -> Result<(), NoRoom> {
    match cell {
        Cell::Integer(number) if *column == Type::INT4 && i32::try_from(*number).is_err() => {
            Err("is no number from -2147483648 to 2147483647".into())
        }
        Cell::Integer(number) if *column == Type::INT2 && i16::try_from(*number).is_err() => {
            Err("is no number from -32768 to 32767".into())
        }
        Cell::Text(text) if *column == Type::UUID && uuid(text).is_none() => {
            Err("is no UUID such as `6f0e1c3a-0000-4000-8000-00000000000f`".into())
        }
        Cell::Text(text) if text.contains('\0') => Err("holds U+0000, which PostgreSQL can't store".into()),
        _ => Ok(()),
    }
}

/// Says that a value can't be bound to a column or read of it.
fn unfit(what: &str, column: &Type) -> Source {
    format!("{what} doesn't fit a column of the type {column}").into()
}

/// Reads a UUID, with dashes or without.
fn uuid(text: &str) -> Option<u128> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_whole.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

fn write_text(text: &str, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
    if *column == Type::UUID {
        let number = uuid(text).ok_or_else(|| unfit("a text that is no UUID", column))?;
        out.extend_from_slice(&number.to_be_bytes());
        return Ok(IsNull::No);
    }
    if !<&str as ToSql>::accepts(column) {
        return Err(unfit("a text", column));
    }
    text.to_sql(column, out)
}

fn write_integer(number: i64, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
    match *column {
        Type::INT8 => number.to_sql(column, out),
        Type::INT4 => i32::try_from(number)?.to_sql(column, out),
        Type::INT2 => i16::try_from(number)?.to_sql(column, out),
        _ => Err(unfit("a whole number", column)),
    }
}

fn read_integer(column: &Type, raw: &[u8]) -> Result<i64, Source> {
    match *column {
        Type::INT8 => i64::from_sql(column, raw),
        Type::INT4 => Ok(i32::from_sql(column, raw)?.into()),
        _ => Ok(i16::from_sql(column, raw)?.into()),
    }
}

fn read_text(column: &Type, raw: &[u8]) -> Result<SmolStr, Source> {
    if *column == Type::UUID {
        let number = u128::from_be_bytes(raw.try_into()?);
        let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
        return Ok(format_smolstr!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        ));
    }
    <&str>::from_sql(column, raw).map(SmolStr::from)
}

fn is_integer(column: &Type) -> bool {
    [Type::INT8, Type::INT4, Type::INT2].contains(column)
}

fn is_text(column: &Type) -> bool {
    *column == Type::UUID || <&str as FromSql>::accepts(column)
}

impl ToSql for SqlValue {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for SqlValue {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        if is_integer(column) {
            return read_integer(column, raw).map(Self::Integer);
        }
        read_text(column, raw).map(Self::Text)
    }

    fn from_sql_null(_: &Type) -> Result<Self, Source> {
        Ok(Self::Null)
    }

    fn accepts(column: &Type) -> bool {
        is_integer(column) || is_text(column)
    }
}

impl ToSql for Cell {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        check_room(self, column)?;
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) if *column == Type::BOOL => value.to_sql(column, out),
            Self::Bool(_) => Err(unfit("a boolean", column)),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Real(number) if *column == Type::FLOAT8 => number.to_sql(column, out),
            Self::Real(_) => Err(unfit("a number with a fraction", column)),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        match *column {
            Type::BOOL => bool::from_sql(column, raw).map(Self::Bool),
            Type::FLOAT8 => f64::from_sql(column, raw).map(Self::Real),
            _ if is_integer(column) => read_integer(column, raw).map(Self::Integer),
            _ => read_text(column, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Source> {
        Ok(Self::Null)
    }

    fn accepts(column: &Type) -> bool {
        [Type::BOOL, Type::FLOAT8].contains(column) || is_integer(column) || is_text(column)
    }
}

/// Returns true if a column of this type has room for a key. A client may name any key, such as by an id.
fn has_room(column: &Type, key: &Key) -> bool {
    match key {
        Key::Integer(number) if *column == Type::INT4 => i32::try_from(*number).is_ok(),
        Key::Integer(number) if *column == Type::INT2 => i16::try_from(*number).is_ok(),
        Key::Integer(_) => true,
        Key::Text(text) if *column == Type::UUID => uuid(text).is_some(),
        Key::Text(text) => !text.contains('\0'),
    }
}

impl ToSql for Key {
    /// A key for which the column has no room is bound as NULL, which is no row's.
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Source> {
        match self {
            key if !has_room(column, key) => Ok(IsNull::Yes),
            Self::Integer(number) => write_integer(*number, column, out),
            Self::Text(text) => write_text(text, column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Key {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Source> {
        if is_integer(column) {
            return read_integer(column, raw).map(Self::Integer);
        }
        read_text(column, raw).map(Self::Text)
    }

    fn accepts(column: &Type) -> bool {
        is_integer(column) || is_text(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_for_which_its_column_has_no_room_is_an_error_that_says_what_would_fit() {
        for (cell, column, fits) in [
            (Cell::from(i64::from(i32::MAX)), Type::INT4, None),
            (
                Cell::from(i64::from(i32::MAX) + 1),
                Type::INT4,
                Some("from -2147483648 to"),
            ),
            (Cell::from(-32_769), Type::INT2, Some("from -32768 to")),
            (Cell::from(i64::MIN), Type::INT8, None),
            (Cell::from("ada"), Type::UUID, Some("no UUID such as")),
            (Cell::from("a\0"), Type::TEXT, Some("U+0000")),
            (Cell::from("ada"), Type::TEXT, None),
        ] {
            let mut out = BytesMut::new();
            let bound = cell.to_sql(&column, &mut out);
            let bound = bound.map(drop).map_err(|error| error.to_string());
            let is_right = match (&bound, fits) {
                (Ok(()), None) => true,
                (Err(reason), Some(fits)) => reason.contains(fits),
                _ => false,
            };
            assert!(is_right, "{cell:?} as {column}: {bound:?}");
        }
    }

    #[test]
    fn a_key_for_which_its_column_has_no_room_is_bound_as_none() {
        let uuid = "6f0e1c3a-0000-4000-8000-00000000000f";
        for (key, column, is_bound) in [
            (Key::from(uuid.to_owned()), Type::UUID, true),
            (Key::from("x".to_owned()), Type::UUID, false),
            (Key::from("+".repeat(32)), Type::UUID, false),
            (Key::from("x".to_owned()), Type::TEXT, true),
            (Key::from("x\0".to_owned()), Type::TEXT, false),
            (Key::from(i64::MAX), Type::INT8, true),
            (Key::from(i64::MAX), Type::INT4, false),
            (Key::from(7), Type::INT4, true),
            (Key::from(70_000), Type::INT2, false),
        ] {
            let mut out = BytesMut::new();
            let bound = key.to_sql(&column, &mut out).unwrap();
            assert_eq!(matches!(bound, IsNull::No), is_bound, "{key:?} as {column}");
        }
    }
}
