//! Queries, as sent.

use smol_str::SmolStr;

use super::{MessageError, check_schema};
use crate::{
    dialect::{Dialect, Quirk},
    json,
    name::SchemaUri,
    projection::Projection,
    value::{Object, Value},
};

/// A query: the parameters of a GET (RFC 7644 section 3.4.2) or the message of a POST to `/.search` (section 3.4.3).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SearchRequest {
    /// The filter, unparsed.
    pub filter: Option<SmolStr>,
    /// Which attributes the answer holds.
    pub projection: Projection,
    /// The attribute to sort by, unparsed.
    pub sort_by: Option<SmolStr>,
    /// In which order to sort.
    pub sort_order: SortOrder,
    /// The place of the first resource wanted, counted from 1; less counts as 1.
    pub start_index: Option<i64>,
    /// How many resources are wanted at most; less than 0 counts as 0.
    pub count: Option<i64>,
    /// The cursor of the page wanted, empty for the first one (RFC 9865 section 2).
    pub cursor: Option<SmolStr>,
}

/// In which order to sort (`sortOrder`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7644 section 3.4.2.3 is closed")]
pub enum SortOrder {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl SearchRequest {
    /// A query for everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the message of a POST to `/.search`.
    ///
    /// # Errors
    /// [`MessageError`], which maps to `invalidSyntax`, or as its [`ProjectionError`](crate::ProjectionError) does.
    pub fn from_json(text: &[u8], dialect: Dialect) -> Result<Self, MessageError> {
        let message = json::object_from_slice(text)?;
        check_schema(message.get("schemas"), &SchemaUri::SEARCH_REQUEST)?;
        let only = names(&message, "attributes", dialect)?;
        let except = names(&message, "excludedAttributes", dialect)?;
        let sort_order = string(&message, "sortOrder")?.unwrap_or_default();
        Ok(Self {
            filter: string(&message, "filter")?,
            projection: Projection::of_names(only, except, dialect)?,
            sort_by: string(&message, "sortBy")?,
            sort_order: if sort_order.eq_ignore_ascii_case("descending") {
                SortOrder::Descending
            } else {
                SortOrder::Ascending
            },
            start_index: integer(&message, "startIndex")?,
            count: integer(&message, "count")?,
            cursor: string(&message, "cursor")?,
        })
    }
}

fn string(message: &Object, member: &str) -> Result<Option<SmolStr>, MessageError> {
    match message.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MessageError::Member {
            member: member.into(),
            expected: "a string",
        }),
    }
}

fn integer(message: &Object, member: &str) -> Result<Option<i64>, MessageError> {
    match message.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Integer(number)) => Ok(Some(*number)),
        Some(_) => Err(MessageError::Member {
            member: member.into(),
            expected: "an integer",
        }),
    }
}

/// The names in a list of attributes.
fn names<'m>(message: &'m Object, member: &str, dialect: Dialect) -> Result<Vec<&'m str>, MessageError> {
    let refused = || MessageError::Member {
        member: member.into(),
        expected: "an array of strings",
    };
    match message.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let names = values.iter().map(|value| value.as_str().ok_or_else(refused));
            names.collect()
        }
        Some(Value::String(text)) if dialect.allows(Quirk::CommaSeparatedAttributes) => {
            Ok(text.split(',').collect())
        }
        Some(_) => Err(refused()),
    }
}
