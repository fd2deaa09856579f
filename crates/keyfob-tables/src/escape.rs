//! Texts of the side tables in a database that holds no U+0000.

use std::borrow::Cow;

use keyfob_core::SmolStr;

use crate::transaction::{SqlRow, SqlValue};

/// The character behind which a stored text says another one.
const ESCAPE: char = '\u{1}';

fn is_plain(value: &SqlValue) -> bool {
    match value {
        SqlValue::Text(text) => !text.contains(['\0', ESCAPE]),
        SqlValue::Null | SqlValue::Integer(_) => true,
    }
}

/// Returns values as they are stored.
pub(crate) fn values(values: &[SqlValue]) -> Cow<'_, [SqlValue]> {
    if values.iter().all(is_plain) {
        return Cow::Borrowed(values);
    }
    let stored = values.iter().map(|value| match value {
        SqlValue::Text(text) => SqlValue::Text(escaped(text)),
        other => other.clone(),
    });
    Cow::Owned(stored.collect())
}

/// Returns a row whose values are those that were stored.
pub(crate) fn row(row: SqlRow) -> SqlRow {
    row.map_texts(|text| {
        if text.contains(ESCAPE) {
            unescaped(&text)
        } else {
            text
        }
    })
}

fn escaped(text: &str) -> SmolStr {
    let mut stored = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => stored.extend([ESCAPE, '0']),
            ESCAPE => stored.extend([ESCAPE, ESCAPE]),
            other => stored.push(other),
        }
    }
    stored.into()
}

fn unescaped(stored: &str) -> SmolStr {
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            ESCAPE if characters.next() == Some('0') => '\0',
            other => other,
        });
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was_and_none_is_stored_with_a_nul() {
        for text in [
            "",
            "a",
            "\0",
            "a\0b",
            "\u{1}",
            "\u{1}0",
            "\0\u{1}\u{1}\0",
            "\u{1}\u{1}0\0",
        ] {
            let all = [SqlValue::from(text), SqlValue::Null, SqlValue::from(7_i64)];
            let stored = values(&all).into_owned();
            assert!(
                stored
                    .iter()
                    .all(|value| !matches!(value, SqlValue::Text(text) if text.contains('\0'))),
                "{text:?}"
            );
            assert_eq!(row(SqlRow::new(stored)), SqlRow::new(all.to_vec()), "{text:?}");
        }
    }
}
