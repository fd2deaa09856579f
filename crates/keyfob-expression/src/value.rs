//! The values of expressions.

mod decimal;

use std::{borrow::Cow, fmt, fmt::Write as _};

use keyfob_core::DateTime;
use smol_str::{SmolStr, ToSmolStr as _};

pub use self::decimal::Decimal;

/// A value of an attribute of the source, or of an expression.
///
/// [`to_text`](Self::to_text) is the form in which the service prints it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value. Not the same as the empty text.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number without fraction that fits 64 bits.
    Integer(i64),
    /// Any other number, exactly.
    Decimal(Decimal),
    /// Text.
    Text(SmolStr),
    /// An instant.
    DateTime(DateTime),
    /// The values of a multi-valued attribute.
    List(Vec<Value>),
    /// The sub-attributes of a complex value, such as an application role, in their order.
    Complex(Vec<(SmolStr, Value)>),
    /// A value that flows, and that logs must not show.
    Redacted(Box<Value>),
}

impl Value {
    /// The text as which the service prints the value: `True` and `False`, `7/2/2021 3:33:38 PM` in UTC, numbers
    /// without grouping; nothing for null; lists and complex values as JSON.
    ///
    /// ```
    /// use keyfob_expression::Value;
    ///
    /// assert_eq!(Value::Boolean(true).to_text(), "True");
    /// assert_eq!(Value::DateTime("2021-07-02T15:33:38Z".parse()?).to_text(), "7/2/2021 3:33:38 PM");
    /// # Ok::<(), keyfob_core::time::DateTimeError>(())
    /// ```
    #[must_use]
    pub fn to_text(&self) -> SmolStr {
        match self {
            Self::Null => SmolStr::default(),
            Self::Boolean(true) => SmolStr::new_static("True"),
            Self::Boolean(false) => SmolStr::new_static("False"),
            Self::Integer(number) => number.to_smolstr(),
            Self::Decimal(number) => number.as_str().into(),
            Self::Text(text) => text.clone(),
            Self::DateTime(instant) => date_text(*instant),
            Self::List(_) | Self::Complex(_) => {
                let mut json = String::new();
                self.write_json(&mut json);
                json.into()
            }
            Self::Redacted(value) => value.to_text(),
        }
    }

    /// Returns the same text as [`to_text`](Self::to_text), borrowed where the value is text already.
    #[must_use]
    pub fn as_text(&self) -> Cow<'_, str> {
        match self.written() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.to_text().into()),
        }
    }

    /// Returns the same text as [`to_text`](Self::to_text) where it need not be made.
    pub(crate) fn written(&self) -> Option<&str> {
        match self.reveal() {
            Self::Text(text) => Some(text),
            Self::Boolean(true) => Some("True"),
            Self::Boolean(false) => Some("False"),
            Self::Null => Some(""),
            _ => None,
        }
    }

    /// Returns the sub-attribute of a complex value, whose name's case counts; nothing of any other value.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Complex(members) = self else {
            return None;
        };
        let mut members = members.iter();
        members
            .find(|(present, _)| present == name)
            .map(|(_, value)| value)
    }

    /// Returns true if there is nothing in it: null, the empty text and the empty list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            Self::Redacted(value) => value.is_empty(),
            _ => false,
        }
    }

    /// The value without the mark that keeps it out of logs.
    #[must_use]
    pub fn reveal(&self) -> &Self {
        match self {
            Self::Redacted(value) => value.reveal(),
            other => other,
        }
    }

    /// Returns true if logs must not show it.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        matches!(self, Self::Redacted(_))
    }

    /// Returns the text that logs show: that of the value, or `[Redact]`.
    #[must_use]
    pub fn to_log(&self) -> SmolStr {
        match self {
            Self::Redacted(_) => SmolStr::new_static("[Redact]"),
            shown => shown.to_text(),
        }
    }

    /// The word for the value's type, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "text",
            Self::DateTime(_) => "a date",
            Self::List(_) => "a list of values",
            Self::Complex(_) => "a complex value",
            Self::Redacted(value) => value.type_name(),
        }
    }

    /// The value as JSON: null, text for every single value, arrays and objects.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::List(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.write_json(out);
                }
                out.push(']');
            }
            Self::Complex(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_text(name, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
            Self::Redacted(value) => value.write_json(out),
            single => write_json_text(&single.to_text(), out),
        }
    }
}

/// Writes a text as a string of JSON (RFC 8259 section 7).
fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' ' => {
                write!(out, "\\u{:04x}", u32::from(character)).ok();
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// `M/d/yyyy h:mm:ss tt`, the invariant culture's short date and long time.
fn date_text(instant: DateTime) -> SmolStr {
    let Some(date) = chrono::DateTime::from_timestamp_millis(instant.unix_millis()) else {
        return SmolStr::default();
    };
    date.format("%-m/%-d/%Y %-I:%M:%S %p").to_smolstr()
}

/// Shows every value but those that logs must not show.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Boolean(value) => f.debug_tuple("Boolean").field(value).finish(),
            Self::Integer(number) => f.debug_tuple("Integer").field(number).finish(),
            Self::Decimal(number) => f.debug_tuple("Decimal").field(&number.as_str()).finish(),
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::DateTime(instant) => f.debug_tuple("DateTime").field(instant).finish(),
            Self::List(values) => f.debug_tuple("List").field(values).finish(),
            Self::Complex(members) => f.debug_tuple("Complex").field(members).finish(),
            Self::Redacted(_) => f.write_str("Redacted(..)"),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// An integer where it is one of 64 bits.
impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        match number.to_i64() {
            Some(integer) => Self::Integer(integer),
            None => Self::Decimal(number),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<SmolStr> for Value {
    fn from(text: SmolStr) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<DateTime> for Value {
    fn from(instant: DateTime) -> Self {
        Self::DateTime(instant)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_at_most_four_words() {
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
    }

    #[test]
    fn what_is_redacted_shows_neither_in_logs_nor_while_debugging() {
        let value = Value::Redacted(Box::new("secret".into()));
        assert_eq!(value.to_text(), "secret");
        assert_eq!(value.to_log(), "[Redact]");
        assert!(!format!("{value:?}").contains("secret"));
    }
}
