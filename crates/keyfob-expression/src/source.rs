//! The object whose attributes an expression reads.

use std::{
    borrow::Cow,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use keyfob_core::AttrPath;
use keyfob_filter::{CompareOp, Filter, Literal, PatchPath};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use thiserror::Error;

use crate::value::{Decimal, Value};

/// A source object: values by attribute name, whose case counts.
///
/// ```
/// use keyfob_expression::{Source, Value};
///
/// let source = Source::from_json(
///     br#"{
///         "userPrincipalName": "babs@example.com",
///         "name": {"givenName": "Barbara"},
///         "emails": [{"type": "work", "value": "babs@example.com"}]
///     }"#,
/// )?;
/// assert_eq!(source.get("userPrincipalName"), Some(&Value::from("babs@example.com")));
/// assert_eq!(source.get("userprincipalname"), None);
/// assert_eq!(source.get("name.givenName"), Some(&Value::from("Barbara")));
/// assert_eq!(source.get(r#"emails[type eq "work"].value"#), Some(&Value::from("babs@example.com")));
/// # Ok::<(), keyfob_expression::SourceError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// In the order of their names.
    attributes: Vec<(SmolStr, Value)>,
}

/// Why bytes are no source object.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// They are no JSON object.
    #[error("the source is not a JSON object")]
    Json(#[from] serde_json::Error),
    /// Arrays and objects nest too deep.
    #[error("arrays and objects of the source nest deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A number that nobody can write out.
    #[error("the number `{number}` is out of range")]
    NumberOutOfRange {
        /// The number.
        number: SmolStr,
    },
}

/// The deepest nesting of the values of a source.
const MAX_DEPTH: usize = 8;

impl Source {
    /// An object without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object. Numbers keep every digit; of a name that repeats the last value counts.
    ///
    /// # Errors
    /// [`SourceError`], where it is no object or nests deeper than eight levels.
    ///
    /// # Complexity
    /// Linear in the bytes and in how deep they nest.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SourceError> {
        // What is known to be UTF-8 is not checked text by text.
        let object: RawObject<'_> = match str::from_utf8(bytes) {
            Ok(text) => serde_json::from_str(text)?,
            Err(_) => serde_json::from_slice(bytes)?,
        };
        Self::from_raw(object)
    }

    /// Reads the values of a JSON object whose names were read before.
    ///
    /// # Errors
    /// [`SourceError`], where it nests deeper than eight levels or holds a number out of range.
    ///
    /// # Complexity
    /// As [`from_json`](Self::from_json).
    pub fn from_raw(object: RawObject<'_>) -> Result<Self, SourceError> {
        Ok(Self {
            attributes: object.read(MAX_DEPTH)?,
        })
    }

    /// Puts `value` under `name`, in place of what stood there.
    pub fn insert(&mut self, name: impl Into<SmolStr>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.position(&name) {
            Ok(index) => {
                if let Some((_, present)) = self.attributes.get_mut(index) {
                    *present = value;
                }
            }
            Err(index) => self.attributes.insert(index, (name, value)),
        }
    }

    /// Puts `value` under `name` where nothing stands there.
    pub fn insert_new(&mut self, name: impl Into<SmolStr>, value: impl Into<Value>) {
        let name = name.into();
        if let Err(index) = self.position(&name) {
            self.attributes.insert(index, (name, value.into()));
        }
    }

    /// The value of an attribute.
    ///
    /// A name that isn't an attribute's whole name is looked for within complex values, as SCIM writes it:
    /// `name.givenName`, `urn:…:User:department`, `emails[type eq "work"].value`, of which the first value that
    /// fits is meant.
    ///
    /// # Complexity
    /// Logarithmic in the attributes under the whole name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.whole(name)
            .or_else(|| self.within(&PatchPath::parse(within(name)?).ok()?))
    }

    /// Returns the value of an attribute whose name was read before, as [`get`](Self::get) does.
    ///
    /// # Complexity
    /// Constant where the attribute stands where the last source had it; else as [`get`](Self::get), without parsing.
    #[must_use]
    #[inline]
    pub fn at(&self, path: &SourcePath) -> Option<&Value> {
        let hint = path.hint.load(Ordering::Relaxed);
        match self.attributes.get(hint) {
            Some((present, value)) if *present == path.name => Some(value),
            _ => self.search(path),
        }
    }

    fn search(&self, path: &SourcePath) -> Option<&Value> {
        match self.position(&path.name) {
            Ok(position) => {
                path.hint.store(position, Ordering::Relaxed);
                self.attributes.get(position).map(|(_, value)| value)
            }
            Err(_) => self.within(path.path.as_deref()?),
        }
    }

    /// The attributes in the order of their names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.attributes
            .binary_search_by(|(present, _)| present.as_str().cmp(name))
    }

    /// Returns what a path of SCIM means.
    fn within(&self, path: &PatchPath) -> Option<&Value> {
        let attribute = &path.attr;
        let value = match attribute.schema() {
            None => self.whole(attribute.name().as_str()),
            Some(schema) => self.whole(schema.as_str())?.member(attribute.name().as_str()),
        }?;
        let value = match attribute.sub() {
            None => value,
            Some(sub) => value.member(sub.as_str())?,
        };
        let value = match &path.filter {
            None => value,
            Some(filter) => elements(value).iter().find(|element| fits(element, filter))?,
        };
        match &path.sub {
            None => Some(value),
            Some(sub) => value.member(sub.as_str()),
        }
    }

    fn whole(&self, name: &str) -> Option<&Value> {
        let index = self.position(name).ok()?;
        self.attributes.get(index).map(|(_, value)| value)
    }
}

impl<N: Into<SmolStr>, V: Into<Value>> FromIterator<(N, V)> for Source {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        let mut source = Self::new();
        for (name, value) in attributes {
            source.insert(name, value);
        }
        source
    }
}

/// The name of an attribute that is read again and again: a path is parsed once, and an attribute is looked for first
/// where it was found the last time, since objects of one kind have the same attributes.
///
/// ```
/// use keyfob_expression::{Source, SourcePath, Value};
///
/// let path = SourcePath::new("name.givenName".into());
/// let source = Source::from_json(br#"{"name": {"givenName": "Barbara"}}"#)?;
/// assert_eq!(source.at(&path), Some(&Value::from("Barbara")));
/// # Ok::<(), keyfob_expression::SourceError>(())
/// ```
#[derive(Debug)]
pub struct SourcePath {
    name: SmolStr,
    path: Option<Box<PatchPath>>,
    /// The position among a source's attributes at which the name was found the last time.
    hint: AtomicUsize,
}

impl SourcePath {
    /// Reads a name, which may be a path as [`Source::get`] understands it.
    #[must_use]
    pub fn new(name: SmolStr) -> Self {
        let path = within(&name).and_then(|name| PatchPath::parse(name).ok());
        Self {
            path: path.map(Box::new),
            name,
            hint: AtomicUsize::new(0),
        }
    }
}

/// The name where it may be a path that leads into a complex value.
fn within(name: &str) -> Option<&str> {
    Some(name).filter(|name| name.contains(['.', ':', '[']))
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::List(values) => values,
        single => std::slice::from_ref(single),
    }
}

/// Returns true if an element is the one that a value path names, by what its sub-attributes are equal to.
fn fits(element: &Value, filter: &Filter) -> bool {
    match filter {
        Filter::Compare(path, CompareOp::Eq, literal) => {
            sub_attribute(element, path).is_some_and(|value| equals(value, literal))
        }
        Filter::And(filters) => filters.iter().all(|filter| fits(element, filter)),
        _ => false,
    }
}

fn sub_attribute<'v>(element: &'v Value, path: &AttrPath) -> Option<&'v Value> {
    element.member(path.name().as_str())
}

fn equals(value: &Value, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Text(text), Literal::String(wanted)) => text == wanted,
        (Value::Boolean(value), Literal::Bool(wanted)) => value == wanted,
        (Value::Integer(number), Literal::Integer(wanted)) => number == wanted,
        _ => false,
    }
}

/// A JSON object whose values are texts of JSON yet, for a caller that tells by the names what the object is before it
/// becomes a [`Source`].
///
/// ```
/// use keyfob_expression::{RawObject, Source, Value};
///
/// let object: RawObject = serde_json::from_str(r#"{"mail": "babs@example.com"}"#)?;
/// assert!(object.names().eq(["mail"]));
/// assert_eq!(Source::from_raw(object)?.get("mail"), Some(&Value::from("babs@example.com")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawObject<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl RawObject<'_> {
    /// The names of the members in the order of the text, repeated ones included.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// Reads the values, in the order of their names; of a name that repeats the last one.
    fn read(mut self, depth: usize) -> Result<Vec<(SmolStr, Value)>, SourceError> {
        self.0.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut members: Vec<(SmolStr, Value)> = Vec::with_capacity(self.0.len());
        for (name, raw) in self.0 {
            let value = value_of(raw, depth)?;
            match members.last_mut() {
                Some((last, repeated)) if *last == *name => *repeated = value,
                _ => members.push((name.into(), value)),
            }
        }
        Ok(members)
    }
}

impl<'de> Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;
        impl<'de> Visitor<'de> for OfObject {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Name(name), raw)) = map.next_entry()? {
                    members.push((name, raw));
                }
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(OfObject)
    }
}

/// The name of a member, borrowed from the text where it stands there as it is.
struct Name<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;
        impl<'de> Visitor<'de> for OfText {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(OfText)
    }
}

/// The value that stands in the text of some JSON, of whose form its reader is sure.
fn value_of(raw: &RawValue, depth: usize) -> Result<Value, SourceError> {
    let text = raw.get();
    let deeper = || {
        depth
            .checked_sub(1)
            .ok_or(SourceError::TooDeep { limit: MAX_DEPTH })
    };
    Ok(match text.as_bytes().first() {
        Some(b'"') => match text.get(1..text.len() - 1) {
            Some(plain) if !plain.contains('\\') => plain.into(),
            _ => serde_json::from_str::<String>(text)?.into(),
        },
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'[') => {
            let depth = deeper()?;
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            let values = elements.into_iter().map(|element| value_of(element, depth));
            Value::List(values.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let depth = deeper()?;
            let members: RawObject<'_> = serde_json::from_str(text)?;
            Value::Complex(members.read(depth)?)
        }
        Some(b'n') | None => Value::Null,
        Some(_) => Decimal::of_json(text)
            .ok_or_else(|| SourceError::NumberOutOfRange { number: text.into() })?
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str) -> Source {
        Source::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn values_keep_their_type_and_every_digit() {
        let source =
            source(r#"{"a": 9223372036854775807, "b": 1.10, "c": true, "d": null, "e": ["x", 1], "f": "A"}"#);
        assert_eq!(source.get("a"), Some(&Value::Integer(i64::MAX)));
        assert_eq!(source.get("b").unwrap().to_text(), "1.1");
        assert_eq!(source.get("c"), Some(&Value::Boolean(true)));
        assert_eq!(source.get("d"), Some(&Value::Null));
        assert_eq!(source.get("e"), Some(&Value::List(vec!["x".into(), 1.into()])));
        assert_eq!(source.get("f"), Some(&"A".into()));
        assert_eq!(source.get("g"), None);
    }

    #[test]
    fn an_attribute_under_its_whole_name_comes_before_a_path() {
        let source =
            source(r#"{"name.givenName": "flat", "name": {"givenName": "deep", "familyName": "F"}}"#);
        assert_eq!(source.get("name.givenName"), Some(&"flat".into()));
        assert_eq!(source.get("name.familyName"), Some(&"F".into()));
    }

    #[test]
    fn paths_of_scim_reach_into_complex_values() {
        let source = source(
            r#"{
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales", "manager": {"value": "7"}},
                "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}]
            }"#,
        );
        for (path, expected) in [
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                Some("Sales"),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                Some("7"),
            ),
            (r#"emails[type eq "work"].value"#, Some("w")),
            (r#"emails[type eq "other"].value"#, None),
            ("emails.value", None),
        ] {
            assert_eq!(source.get(path), expected.map(Value::from).as_ref(), "{path}");
        }
    }

    #[test]
    fn what_is_no_object_or_nests_too_deep_is_refused() {
        assert!(matches!(Source::from_json(b"[]"), Err(SourceError::Json(_))));
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(9), "]".repeat(9));
        assert!(matches!(
            Source::from_json(deep.as_bytes()),
            Err(SourceError::TooDeep { .. })
        ));
        assert!(matches!(
            Source::from_json(br#"{"a": 1e500}"#),
            Err(SourceError::NumberOutOfRange { .. })
        ));
    }
}
