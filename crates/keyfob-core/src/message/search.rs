//! Queries, as sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use smol_str::SmolStr;

use super::{MessageError, check_schema};
use crate::{
    dialect::{Dialect, Quirk},
    json,
    name::{AttrPath, SchemaUri},
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

impl SortOrder {
    /// Reads the value of `sortOrder`, in any case. An empty text says nothing, as a parameter that is left out.
    ///
    /// ```
    /// use keyfob_core::message::SortOrder;
    ///
    /// assert_eq!(SortOrder::parse("descending")?, SortOrder::Descending);
    /// assert_eq!(SortOrder::parse("")?, SortOrder::Ascending);
    /// assert!(SortOrder::parse("down").is_err());
    /// # Ok::<(), keyfob_core::message::MessageError>(())
    /// ```
    ///
    /// # Errors
    /// [`MessageError::SortOrder`], which maps to `invalidValue`.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("ascending") {
            Ok(Self::Ascending)
        } else if text.eq_ignore_ascii_case("descending") {
            Ok(Self::Descending)
        } else {
            Err(MessageError::SortOrder)
        }
    }

    /// Returns the keyword on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

impl SearchRequest {
    /// A query for everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the query string of a GET, percent-encoded and without a question mark; empty for a query for everything.
    ///
    /// A blank is written as `%20`, which every server understands, and a cursor without text stands for the first page
    /// (RFC 9865 section 2).
    ///
    /// ```
    /// use keyfob_core::message::SearchRequest;
    ///
    /// let mut request = SearchRequest::new();
    /// request.filter = Some(r#"userName eq "b&b""#.into());
    /// request.count = Some(2);
    /// assert_eq!(request.to_query(), "filter=userName%20eq%20%22b%26b%22&count=2");
    /// ```
    #[must_use]
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        self.parameters(|name, value| {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            match value {
                Parameter::Text(text) => query.extend(utf8_percent_encode(text, QUERY)),
                Parameter::Number(number) => query.push_str(&number.to_string()),
                Parameter::Names(names) => {
                    for (index, name) in names.iter().enumerate() {
                        if index > 0 {
                            query.push(',');
                        }
                        query.extend(utf8_percent_encode(&name.to_string(), QUERY));
                    }
                }
            }
        });
        query
    }

    /// Returns the message of a POST to `/.search` as JSON.
    ///
    /// ```
    /// use keyfob_core::{Dialect, message::SearchRequest};
    ///
    /// let mut request = SearchRequest::new();
    /// request.filter = Some("title pr".into());
    /// let read = SearchRequest::from_json(&request.to_json(), Dialect::strict())?;
    /// assert_eq!(read, request);
    /// # Ok::<(), keyfob_core::message::MessageError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = Object::new();
        message.insert("schemas", vec![Value::from(SchemaUri::SEARCH_REQUEST.as_str())]);
        self.parameters(|name, value| {
            let value = match value {
                Parameter::Text(text) => Value::from(text),
                Parameter::Number(number) => Value::from(number),
                Parameter::Names(names) => {
                    let names = names
                        .iter()
                        .map(|name| Value::from(SmolStr::from(name.to_string())));
                    Value::Array(names.collect())
                }
            };
            message.insert(name, value);
        });
        json::object_to_vec(&message)
    }

    /// Goes through what the request says, under the names that the query and the message share.
    fn parameters(&self, mut each: impl FnMut(&'static str, Parameter<'_>)) {
        if let Some(filter) = &self.filter {
            each("filter", Parameter::Text(filter));
        }
        if let Some(names) = self.projection.attributes() {
            each("attributes", Parameter::Names(names));
        }
        if let Some(names) = self.projection.excluded_attributes() {
            each("excludedAttributes", Parameter::Names(names));
        }
        if let Some(sort_by) = &self.sort_by {
            each("sortBy", Parameter::Text(sort_by));
            if self.sort_order == SortOrder::Descending {
                each("sortOrder", Parameter::Text("descending"));
            }
        }
        if let Some(start_index) = self.start_index {
            each("startIndex", Parameter::Number(start_index));
        }
        if let Some(count) = self.count {
            each("count", Parameter::Number(count));
        }
        if let Some(cursor) = &self.cursor {
            each("cursor", Parameter::Text(cursor));
        }
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
            sort_order: SortOrder::parse(&sort_order)?,
            start_index: integer(&message, "startIndex")?,
            count: integer(&message, "count")?,
            cursor: string(&message, "cursor")?,
        })
    }
}

/// The value of a parameter.
enum Parameter<'p> {
    Text(&'p str),
    Number(i64),
    Names(&'p [AttrPath]),
}

/// What a query string can't hold as it is: all but the unreserved characters of RFC 3986 section 2.3.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
