//! Attribute values: what stands in the JSON of a resource.

use std::fmt;

use smol_str::SmolStr;

use crate::name::AttrName;

/// A value of an attribute, in JSON's own types (RFC 7643 section 2.3).
///
/// `dateTime`, `binary` and `reference` values are strings as they were sent; the schema says how they compare.
/// A number is an [`Integer`](Self::Integer) when it is written without fraction and exponent, and a
/// [`Decimal`](Self::Decimal) otherwise; decoding refuses numbers of 2^63 or more in either direction.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no further types")]
pub enum Value {
    /// `null`: the attribute is unassigned (RFC 7643 section 2.5).
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction.
    Integer(i64),
    /// Any other number; finite.
    Decimal(f64),
    /// A string.
    String(SmolStr),
    /// The values of a multi-valued attribute.
    Array(Vec<Value>),
    /// A complex value.
    Object(Object),
}

impl Value {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The complex value, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The complex value for change, if it is one.
    #[must_use]
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The values of an array, or the value alone, or nothing for `null`.
    #[must_use]
    pub fn as_elements(&self) -> &[Value] {
        match self {
            Self::Array(values) => values,
            Self::Null => &[],
            single => std::slice::from_ref(single),
        }
    }

    /// Whether the value leaves its attribute unassigned: `null` and `[]` do (RFC 7643 section 2.5), and so does a
    /// complex value that holds nothing.
    #[must_use]
    pub fn is_unassigned(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Array(values) => values.is_empty(),
            Self::Object(object) => object.is_empty(),
            _ => false,
        }
    }

    /// The word for the value's JSON type, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Decimal(_) => "a decimal number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<SmolStr> for Value {
    fn from(text: SmolStr) -> Self {
        Self::String(text)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::Array(values)
    }
}

/// A complex value: attributes by name, in the order in which they were written.
///
/// No two names are equal up to case; decoding refuses a body in which they are, and [`insert`](Self::insert)
/// replaces. Two objects are equal when they hold equal values under equal names, in any order.
///
/// # Complexity
/// Look-up is linear: complex values hold a handful of attributes and a scan beats a hash there.
#[derive(Clone, Default)]
pub struct Object {
    members: Vec<(AttrName, Value)>,
}

impl Object {
    /// An object without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it holds no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many attributes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The value under `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members
            .iter()
            .find(|(key, _)| key.is(name))
            .map(|(_, value)| value)
    }

    /// The value under `name` for change.
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.members
            .iter_mut()
            .find(|(key, _)| key.is(name))
            .map(|(_, value)| value)
    }

    /// The string under `name`, if there is one.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Puts `value` under `name` and returns what stood there; an existing name keeps its spelling and place.
    pub fn insert(&mut self, name: impl Into<AttrName>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        if let Some(present) = self.get_mut(name.as_str()) {
            return Some(std::mem::replace(present, value));
        }
        self.members.push((name, value));
        None
    }

    /// As [`insert`](Self::insert), but a new name goes before the others.
    pub(crate) fn insert_first(&mut self, name: impl Into<AttrName>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.get_mut(name.as_str()) {
            Some(present) => *present = value,
            None => self.members.insert(0, (name, value)),
        }
    }

    /// Takes out what stands under `name`, keeping the order of the rest.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.members.iter().position(|(key, _)| key.is(name))?;
        Some(self.members.remove(index).1)
    }

    /// Keeps the attributes for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&AttrName, &mut Value) -> bool) {
        self.members.retain_mut(|(name, value)| keep(name, value));
    }

    /// The attributes in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AttrName, &Value)> {
        self.members.iter().map(|(name, value)| (name, value))
    }

    /// The attributes in order, their values for change.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&AttrName, &mut Value)> {
        self.members.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names of the attributes in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// Adds an attribute of which the caller knows that its name is not there yet.
    pub(crate) fn push_new(&mut self, name: AttrName, value: Value) {
        self.members.push((name, value));
    }

    /// Adds an attribute of which the caller knows that its name is not there yet, and gives the place of its value.
    pub(crate) fn push_place(&mut self, name: AttrName) -> &mut Value {
        let index = self.members.len();
        self.members.push((name, Value::Null));
        #[expect(clippy::indexing_slicing, reason = "the line above put it there")]
        &mut self.members[index].1
    }

    /// Makes room for so many more attributes at once.
    pub fn reserve(&mut self, additional: usize) {
        self.members.reserve(additional);
    }
}

/// Shows every value but the password (RFC 7643 section 4.1.1), since what is shown ends up in logs.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if name.is("password") {
                map.entry(&name.as_str(), &format_args!(".."));
            } else {
                map.entry(&name.as_str(), value);
            }
        }
        map.finish()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        // Most often they are in one order.
        let beside = |(left, right): (&(AttrName, Value), &(AttrName, Value))| {
            if left.0 == right.0 {
                left.1 == right.1
            } else {
                other.get(left.0.as_str()) == Some(&left.1)
            }
        };
        self.len() == other.len() && self.members.iter().zip(&other.members).all(beside)
    }
}

impl IntoIterator for Object {
    type Item = (AttrName, Value);
    type IntoIter = std::vec::IntoIter<(AttrName, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl<N: Into<AttrName>, V: Into<Value>> FromIterator<(N, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_caseless_and_keep_their_first_spelling() {
        let mut object: Object = [("userName", "a")].into_iter().collect();
        assert_eq!(object.insert("USERNAME", "b"), Some("a".into()));
        assert_eq!(object.get_str("username"), Some("b"));
        assert_eq!(object.iter().next().unwrap().0.as_str(), "userName");
        assert_eq!(object.remove("UserName"), Some("b".into()));
        assert!(object.is_empty());
    }

    #[test]
    fn order_of_attributes_does_not_distinguish_objects() {
        let left: Object = [("a", 1), ("b", 2)].into_iter().collect();
        let right: Object = [("B", 2), ("A", 1)].into_iter().collect();
        assert_eq!(left, right);
    }

    #[test]
    fn a_value_is_at_most_four_words() {
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
    }
}
