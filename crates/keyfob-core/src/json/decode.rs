//! Decoding of values and objects.

use std::{borrow::Cow, collections::HashSet, fmt, marker::PhantomData, sync::LazyLock};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::{JsonError, MAX_DEPTH};
use crate::{
    name::AttrName,
    value::{Object, Value},
};

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// The name of the only member of a number of `serde_json`'s that is an object. `serde_json` hands fractions over like
/// this with its feature `arbitrary_precision`, which any crate of an application turns on for all of them.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

static FRACTIONS_ARE_OBJECTS: LazyLock<bool> = LazyLock::new(|| {
    let mut fraction = serde_json::Deserializer::from_str("0.5");
    fraction.deserialize_any(ObjectSeed { depth: 1 }).is_ok()
});

/// Decodes one JSON value.
///
/// # Errors
/// [`JsonError`] for malformed JSON, invalid UTF-8, two keys of an object that are equal up to case, more than
/// [`MAX_DEPTH`] levels, and a number of 2^63 or more in either direction, which could only be kept rounded.
///
/// # Complexity
/// Linear in the text; recursion is bounded by [`MAX_DEPTH`].
pub fn value_from_slice(text: &[u8]) -> Result<Value, JsonError> {
    from_slice(PhantomData::<Value>, text)
}

/// Decodes a JSON object.
///
/// # Errors
/// As [`value_from_slice`], and when the value is not an object.
pub fn object_from_slice(text: &[u8]) -> Result<Object, JsonError> {
    from_slice(PhantomData::<Object>, text)
}

/// Decodes a JSON object of at most `levels` levels of objects and arrays, for texts that are no SCIM messages and may
/// nest deeper than [`MAX_DEPTH`]. No text of more than 127 levels is read.
///
/// # Errors
/// As [`object_from_slice`].
pub fn object_from_slice_within(text: &[u8], levels: usize) -> Result<Object, JsonError> {
    from_slice(ObjectSeed { depth: levels }, text)
}

pub(super) fn from_slice<'de, S: DeserializeSeed<'de>>(
    seed: S,
    text: &'de [u8],
) -> Result<S::Value, JsonError> {
    // Checking the whole text at once costs a fraction of checking string by string.
    let text = str::from_utf8(text).map_err(|error| JsonError::invalid_utf8(text, error))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Self::Null;
        let depth = MAX_DEPTH;
        let place = &mut value;
        ValueInto { place, depth }.deserialize(deserializer)?;
        Ok(value)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ObjectSeed { depth: MAX_DEPTH }.deserialize(deserializer)
    }
}

/// Decodes a value of at most `depth` levels into its place.
///
/// Values are not returned but put where they stay: moving what was just written piece by piece keeps the processor
/// waiting until it has reached the cache, and in large bodies that is most of the time.
pub(super) struct ValueInto<'p> {
    pub(super) place: &'p mut Value,
    pub(super) depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueInto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.place = Value::Null;
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.place = Value::Bool(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.place = Value::Integer(value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        *self.place = integer(value)?;
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        *self.place = decimal(value)?;
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.place = Value::String(text.into());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let mut values = Vec::new();
        let mut value = Value::Null;
        let place = &mut value;
        while elements.next_element_seed(ValueInto { place, depth })?.is_some() {
            values.push(std::mem::replace(place, Value::Null));
        }
        *self.place = Value::Array(values);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let first = members.next_key_seed(KeySeed)?;
        *self.place = if first.as_deref() == Some(NUMBER) && *FRACTIONS_ARE_OBJECTS {
            let text: String = members.next_value()?;
            let number = serde_json::from_str::<f64>(&text).map_err(JsonError::from);
            decimal(number.map_err(|error| Error::custom(error.message))?)?
        } else {
            let depth = self.depth;
            Value::Object(ObjectSeed { depth }.read(first, members)?)
        };
        Ok(())
    }
}

/// Visits for everything that is not what a visitor is there for: the value goes to the visitor's `otherwise`.
macro_rules! otherwise {
    ($($visit:ident($kind:ty))*) => {
        $(fn $visit<E: Error>(self, value: $kind) -> Result<Self::Value, E> {
            self.otherwise(|place| place.$visit(value))
        })*
    };
}

pub(super) use otherwise;

/// Decodes an object of at most `depth` levels.
struct ObjectSeed {
    depth: usize,
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
        let first = members.next_key_seed(KeySeed)?;
        self.read(first, members)
    }
}

impl ObjectSeed {
    /// Reads the members, of which the first name has been read.
    fn read<'de, A: MapAccess<'de>>(
        self,
        first: Option<Cow<'de, str>>,
        mut members: A,
    ) -> Result<Object, A::Error> {
        let depth = deeper(self.depth)?;
        let mut names = Names::default();
        let mut object = Object::new();
        let mut next = first;
        while let Some(name) = next {
            names.check(&name, object.names())?;
            let place = object.push_place(name.into());
            members.next_value_seed(ValueInto { place, depth })?;
            next = members.next_key_seed(KeySeed)?;
        }
        Ok(object)
    }
}

/// Returns a number without fraction as a value.
pub(super) fn integer<E: Error>(number: impl TryInto<i64>) -> Result<Value, E> {
    let number = number.try_into().map_err(|_| E::custom(TOO_LARGE))?;
    Ok(Value::Integer(number))
}

/// Returns any other number as a value.
pub(super) fn decimal<E: Error>(number: impl Into<f64>) -> Result<Value, E> {
    let number = number.into();
    // A larger one may have been written as an integer, which is then not to be rounded.
    if number.abs() < TWO_TO_63 {
        Ok(Value::Decimal(number))
    } else if number.is_finite() {
        Err(E::custom(TOO_LARGE))
    } else {
        Err(E::custom("the number is not finite"))
    }
}

const TOO_LARGE: &str = "the number is too large";

/// One level less to go.
pub(super) fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    depth
        .checked_sub(1)
        .ok_or_else(|| E::custom("the body nests too deep"))
}

/// Decodes a key, which is borrowed from the text if nothing is escaped in it.
pub(super) struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Refuses a second key that equals an earlier one up to case: taking either would let a client smuggle one value
/// past whoever looked at the other (RFC 7643 section 2.1).
#[derive(Default)]
pub(super) struct Names {
    count: usize,
    /// A bit for each length and first letter that some key has, so that most keys need no comparison at all.
    marks: u64,
    /// All keys so far, once there are too many to compare one by one.
    many: Option<HashSet<AttrName>>,
}

impl Names {
    /// Up to so many keys are compared one by one.
    const FEW: usize = 24;

    fn mark(name: &str) -> u64 {
        let first = name.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
        1 << ((usize::from(first) * 7 + name.len()) % 64)
    }

    /// Takes note of `name`; `present` are the names that were taken note of before.
    pub(super) fn check<'n, E: Error>(
        &mut self,
        name: &str,
        mut present: impl Iterator<Item = &'n str>,
    ) -> Result<(), E> {
        self.count += 1;
        let mark = Self::mark(name);
        let marked = self.marks & mark != 0;
        self.marks |= mark;
        let duplicate = if self.count <= Self::FEW {
            marked && present.any(|earlier| earlier.eq_ignore_ascii_case(name))
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
