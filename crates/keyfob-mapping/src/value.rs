//! What expressions compute with.

use std::{borrow::Cow, cmp::Ordering, fmt, fmt::Write as _};

use keyfob_core::DateTime;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

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
    /// use keyfob_mapping::Value;
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
            Self::Decimal(number) => number.0.clone(),
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

    /// Whether there is nothing in it: null, the empty text and the empty list.
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

    /// Whether logs must not show it.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        matches!(self, Self::Redacted(_))
    }

    /// What logs show of the value: its text, or `[Redact]`.
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
            Self::Decimal(number) => f.debug_tuple("Decimal").field(&number.0).finish(),
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

/// A decimal number, exactly: no number is rounded on its way through a mapping.
///
/// ```
/// use keyfob_mapping::Decimal;
///
/// assert_eq!(Decimal::parse("1.50").unwrap().to_string(), "1.5");
/// assert!(Decimal::parse("-2") < Decimal::parse("-1.5"));
/// assert_eq!(Decimal::parse("1e3"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(SmolStr);

impl Decimal {
    /// Reads `digits` or `digits.digits`, perhaps after a `-`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        Some(Self::of_parts(is_negative, whole, fraction))
    }

    /// Reads a number of JSON (RFC 8259 section 6), of whose form the caller is sure; `None` where its exponent is
    /// beyond what anybody writes out.
    pub(crate) fn of_json(text: &str) -> Option<Self> {
        /// More than the largest and the smallest number of double precision need.
        const MAX_EXPONENT: usize = 400;
        let Some((number, exponent)) = text.split_once(['e', 'E']) else {
            return Self::parse(text);
        };
        let exponent: i32 = exponent.parse().ok()?;
        let shift = usize::try_from(exponent.unsigned_abs()).ok()?;
        if shift > MAX_EXPONENT {
            return None;
        }
        let Self(number) = Self::parse(number)?;
        let digits = number.strip_prefix('-');
        let is_negative = digits.is_some();
        let digits = digits.unwrap_or(&number);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let padding = "0".repeat(shift);
        let (whole, fraction) = if exponent < 0 {
            let all = padding + whole;
            let (whole, moved) = all.split_at_checked(all.len() - shift)?;
            (whole.to_owned(), moved.to_owned() + fraction)
        } else {
            let all = fraction.to_owned() + &padding;
            let (moved, fraction) = all.split_at_checked(shift)?;
            (whole.to_owned() + moved, fraction.to_owned())
        };
        Some(Self::of_parts(is_negative, &whole, &fraction))
    }

    /// The number of these digits, in its only spelling.
    fn of_parts(is_negative: bool, whole: &str, fraction: &str) -> Self {
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            trimmed => trimmed,
        };
        let fraction = fraction.trim_end_matches('0');
        let sign = if is_negative && (whole != "0" || !fraction.is_empty()) {
            "-"
        } else {
            ""
        };
        Self(if fraction.is_empty() {
            format_smolstr!("{sign}{whole}")
        } else {
            format_smolstr!("{sign}{whole}.{fraction}")
        })
    }

    /// The number, if it is an integer of 64 bits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Its digits, as [`Display`](fmt::Display) writes them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is below zero, its whole digits and those of its fraction.
    fn parts(&self) -> (bool, &str, &str) {
        let digits = self.0.strip_prefix('-');
        let is_negative = digits.is_some();
        let digits = digits.unwrap_or(&self.0);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (is_negative, whole, fraction)
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.to_smolstr())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (is_negative, whole, fraction) = self.parts();
        let (other_is_negative, other_whole, other_fraction) = other.parts();
        let by_size = || {
            let by_whole = whole.len().cmp(&other_whole.len()).then(whole.cmp(other_whole));
            by_whole.then(fraction.cmp(other_fraction))
        };
        match (is_negative, other_is_negative) {
            (false, false) => by_size(),
            (true, true) => by_size().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of a value that is borrowed where it is text already.
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value.reveal() {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Boolean(true) => Cow::Borrowed("True"),
        Value::Boolean(false) => Cow::Borrowed("False"),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_text().into()),
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
    fn numbers_have_one_spelling() {
        for (text, expected) in [
            ("007", Some("7")),
            ("-0.0", Some("0")),
            ("1.50", Some("1.5")),
            ("99999999999999999999.10", Some("99999999999999999999.1")),
            ("1.", None),
            (".5", None),
            ("+1", None),
            ("--1", None),
            ("", None),
            ("1.2.3", None),
        ] {
            let number = Decimal::parse(text);
            assert_eq!(number.as_ref().map(Decimal::as_str), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_json_keep_every_digit() {
        for (text, expected) in [
            ("9223372036854775808", Some("9223372036854775808")),
            ("1.5e1", Some("15")),
            ("12.5E-3", Some("0.0125")),
            ("-1e+2", Some("-100")),
            ("1e999", None),
        ] {
            let number = Decimal::of_json(text);
            assert_eq!(number.as_ref().map(Decimal::as_str), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_size_and_not_by_their_text() {
        let ordered = ["-10", "-9.5", "-9", "0", "0.05", "0.5", "9", "10", "10.1", "100"];
        for pair in ordered.windows(2) {
            assert!(Decimal::parse(pair[0]) < Decimal::parse(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_redacted_shows_neither_in_logs_nor_while_debugging() {
        let value = Value::Redacted(Box::new("secret".into()));
        assert_eq!(value.to_text(), "secret");
        assert_eq!(value.to_log(), "[Redact]");
        assert!(!format!("{value:?}").contains("secret"));
    }
}
