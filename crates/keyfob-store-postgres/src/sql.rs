//! Statements, and the values that they are given.

use std::{
    borrow::Cow,
    collections::HashMap,
    error::Error as StdError,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use sha2::{Digest, Sha256};
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// The names of the store's tables.
///
/// Statements are written with `@` before a table and `%` before an index.
#[derive(Debug)]
pub(crate) struct Names {
    schema: String,
    prefix: String,
    statements: RwLock<HashMap<&'static str, Arc<str>>>,
}

impl Names {
    /// Names tables of a schema that begin with a prefix.
    pub(crate) fn new(schema: &str, prefix: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            prefix: prefix.to_owned(),
            statements: RwLock::default(),
        }
    }

    /// The statement with the names put in.
    pub(crate) fn put_into(&self, template: &str) -> String {
        template
            .replace('@', &format!("\"{}\".{}", self.schema, self.prefix))
            .replace('%', &self.prefix)
    }

    /// The same for a statement that is needed again and again.
    pub(crate) fn statement(&self, template: &'static str) -> Arc<str> {
        let known = self.statements.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known.get(template) {
            return Arc::clone(statement);
        }
        drop(known);
        let statement: Arc<str> = self.put_into(template).into();
        let mut known = self.statements.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(template).or_insert(statement))
    }
}

/// A value of a statement. Its `Debug` shows nothing of it, as the driver writes the values of statements to the log.
#[derive(Clone)]
pub(crate) enum Param<'v> {
    Text(Option<Cow<'v, str>>),
    Texts(Vec<Option<Cow<'v, str>>>),
    Int(Option<i64>),
    Ints(Vec<Option<i64>>),
    Flag(bool),
    Flags(Vec<bool>),
}

impl<'v> Param<'v> {
    pub(crate) fn text(text: &'v str) -> Self {
        Self::Text(Some(escape(text)))
    }

    pub(crate) fn owned_text(text: &str) -> Self {
        Self::Text(Some(escape(text).into_owned().into()))
    }

    pub(crate) fn optional_text(text: Option<&'v str>) -> Self {
        Self::Text(text.map(escape))
    }

    pub(crate) fn texts(texts: impl IntoIterator<Item = &'v str>) -> Self {
        Self::Texts(texts.into_iter().map(|text| Some(escape(text))).collect())
    }

    pub(crate) fn optional_texts(texts: impl IntoIterator<Item = Option<&'v str>>) -> Self {
        Self::Texts(texts.into_iter().map(|text| text.map(escape)).collect())
    }

    /// Keys, as they stand in an index.
    pub(crate) fn keys(keys: impl IntoIterator<Item = &'v str>) -> Self {
        Self::Texts(keys.into_iter().map(|key| Some(index_key(key))).collect())
    }

    /// Texts that have the form in which they are stored.
    pub(crate) fn stored(texts: impl IntoIterator<Item = &'v str>) -> Self {
        Self::Texts(texts.into_iter().map(|text| Some(text.into())).collect())
    }

    pub(crate) fn key(key: &'v str) -> Self {
        Self::Text(Some(index_key(key)))
    }

    pub(crate) fn int(number: i64) -> Self {
        Self::Int(Some(number))
    }

    pub(crate) fn ints(numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::Ints(numbers.into_iter().map(Some).collect())
    }

    /// A number of rows. No table has more than the largest.
    pub(crate) fn count(count: usize) -> Self {
        Self::int(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Text(text) => text.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Ints(numbers) => numbers.to_sql(kind, out),
            Self::Flag(flag) => flag.to_sql(kind, out),
            Self::Flags(flags) => flags.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [
            Type::TEXT,
            Type::TEXT_ARRAY,
            Type::INT8,
            Type::INT8_ARRAY,
            Type::BOOL,
            Type::BOOL_ARRAY,
        ]
        .contains(kind)
    }

    to_sql_checked!();
}

// PostgreSQL keeps no NUL in a text. Two characters stand for it, and likewise for the one that announces them; the order
// of texts by their bytes stays.
const ESCAPE: char = '\u{1}';

/// A text as it is stored.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte < 2) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '\u{1}']),
            ESCAPE => escaped.extend([ESCAPE, '\u{2}']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// The text of which this is the stored form.
pub(crate) fn unescape(stored: &str) -> Cow<'_, str> {
    if !stored.contains(ESCAPE) {
        return Cow::Borrowed(stored);
    }
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            ESCAPE => match characters.next() {
                Some('\u{1}') | None => '\0',
                Some(_) => ESCAPE,
            },
            other => other,
        });
    }
    Cow::Owned(text)
}

/// The bytes of a key that stand in an index. An index takes rows of up to 2,700 bytes, of which tenant, attribute and id
/// take their share.
pub(crate) const MAX_KEY: usize = 1_000;

/// A key as it stands in an index: a longer one is cut off, and a digest stands for the rest.
///
/// Keys are equal exactly when these are. They are ordered alike but for those that begin with the same 1,000 bytes.
pub(crate) fn index_key(key: &str) -> Cow<'_, str> {
    let stored = escape(key);
    if stored.len() <= MAX_KEY {
        return stored;
    }
    let mut end = MAX_KEY;
    while !stored.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = stored.get(..end).unwrap_or_default().to_owned();
    cut.push(char::MAX);
    let digest = Sha256::digest(stored.as_bytes());
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    Cow::Owned(cut + &digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_and_keep_their_order() {
        let mut texts = [
            "",
            "a",
            "\0",
            "\u{1}",
            "\0\0",
            "\0a",
            "\u{1}\u{1}",
            "\u{2}",
            "a\0",
            "a\u{1}b",
            "ä\0",
        ];
        texts.sort_unstable();
        let stored: Vec<_> = texts.iter().map(|text| escape(text).into_owned()).collect();
        assert!(stored.is_sorted());
        assert!(stored.iter().all(|stored| !stored.contains('\0')));
        for (text, stored) in texts.iter().zip(&stored) {
            assert_eq!(unescape(stored), *text);
        }
    }

    #[test]
    fn a_long_key_is_cut_off_and_stays_distinct() {
        let long = "ä".repeat(2_000);
        let other = format!("{long}x");
        assert_eq!(index_key("short"), "short");
        assert!(index_key(&long).len() < MAX_KEY + 80);
        assert_ne!(index_key(&long), index_key(&other));
        assert_eq!(index_key(&long), index_key(&long.clone()));
        // What is shorter comes before it, and what is greater after it.
        assert!(index_key(&"ä".repeat(500)) < index_key(&long));
        assert!(index_key(&format!("ä{}", "ö".repeat(2_000))) > index_key(&long));
    }

    #[test]
    fn a_statement_gets_the_names_of_its_tables() {
        let names = Names::new("app", "scim_");
        assert_eq!(
            &*names.statement("SELECT 1 FROM @resources WHERE id = $1"),
            "SELECT 1 FROM \"app\".scim_resources WHERE id = $1"
        );
    }

    #[test]
    fn the_log_shows_nothing_of_a_value() {
        let params = [Param::text("bjensen"), Param::int(7), Param::Flag(true)];
        assert_eq!(format!("{params:?}"), "[_, _, _]");
    }
}
