//! Decoding of values and objects.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::{JsonError, MAX_DEPTH};
use crate::{
    name::AttrName,
    value::{Object, Value},
};

const TOO_LARGE: &str = "the number is too large";
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Decodes one JSON value.
///
/// # Errors
/// [`JsonError`] for malformed JSON, invalid UTF-8, two keys of an object that are equal up to case, more than
/// [`MAX_DEPTH`] levels, and a number of 2^63 or more in either direction, which could only be kept rounded.
///
/// # Complexity
/// Linear in the text; recursion is bounded by [`MAX_DEPTH`].
pub fn value_from_slice(text: &[u8]) -> Result<Value, JsonError> {
    from_slice(ValueSeed { depth: MAX_DEPTH }, text)
}

/// Decodes a JSON object.
///
/// # Errors
/// As [`value_from_slice`], and when the value is not an object.
pub fn object_from_slice(text: &[u8]) -> Result<Object, JsonError> {
    from_slice(ObjectSeed { depth: MAX_DEPTH }, text)
}

pub(super) fn from_slice<'de, S: DeserializeSeed<'de>>(
    seed: S,
    text: &'de [u8],
) -> Result<S::Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Decodes a value of at most `depth` levels.
#[derive(Clone, Copy)]
pub(super) struct ValueSeed {
    pub(super) depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Integer)
            .map_err(|_| E::custom(TOO_LARGE))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // Such a number may have been written as an integer, which is then not to be rounded.
        if value.abs() < TWO_TO_63 {
            Ok(Value::Decimal(value))
        } else {
            Err(E::custom(TOO_LARGE))
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let seed = Self {
            depth: deeper(self.depth)?,
        };
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        ObjectSeed { depth: self.depth }
            .visit_map(members)
            .map(Value::Object)
    }
}

/// Decodes an object of at most `depth` levels.
#[derive(Clone, Copy)]
pub(super) struct ObjectSeed {
    pub(super) depth: usize,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let seed = ValueSeed {
            depth: deeper(self.depth)?,
        };
        let mut names = Names::default();
        let mut object = Object::new();
        while let Some(name) = members.next_key_seed(NameSeed)? {
            names.check(name.as_str(), object.names())?;
            object.push_new(name, members.next_value_seed(seed)?);
        }
        Ok(object)
    }
}

/// One level less to go.
pub(super) fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    depth
        .checked_sub(1)
        .ok_or_else(|| E::custom("the body nests too deep"))
}

/// Decodes a key.
#[derive(Clone, Copy)]
pub(super) struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = AttrName;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AttrName, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = AttrName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<AttrName, E> {
        Ok(AttrName::new(text))
    }
}

/// Refuses a second key that equals an earlier one up to case: taking either would let a client smuggle one value
/// past whoever looked at the other (RFC 7643 section 2.1).
#[derive(Default)]
pub(super) struct Names {
    count: usize,
    /// All keys so far, once there are too many to compare one by one.
    many: Option<HashSet<AttrName>>,
}

impl Names {
    /// Up to so many keys are compared one by one.
    const FEW: usize = 24;

    /// Takes note of `name`; `present` are the names that were taken note of before.
    pub(super) fn check<'n, E: Error>(
        &mut self,
        name: &str,
        mut present: impl Iterator<Item = &'n str>,
    ) -> Result<(), E> {
        self.count += 1;
        let duplicate = if self.count <= Self::FEW {
            present.any(|earlier| earlier.eq_ignore_ascii_case(name))
        } else {
            let many = self
                .many
                .get_or_insert_with(|| present.map(AttrName::new).collect());
            !many.insert(AttrName::new(name))
        };
        if duplicate {
            Err(duplicate_name(name))
        } else {
            Ok(())
        }
    }
}

#[cold]
pub(super) fn duplicate_name<E: Error>(name: &str) -> E {
    E::custom(format_args!("the attribute `{name}` stands there twice"))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueSeed { depth: MAX_DEPTH }.deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ObjectSeed { depth: MAX_DEPTH }.deserialize(deserializer)
    }
}
