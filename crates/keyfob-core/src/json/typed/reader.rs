//! Types of the application's own out of values.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::fault::Fault;
use crate::{
    name::AttrName,
    value::{Object, Value},
};

/// Deserializes from a value. An error names the path.
pub(super) struct Reader(pub(super) Value);

impl<'de> Deserializer<'de> for Reader {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Decimal(number) => visitor.visit_f64(number),
            Value::String(text) => visitor.visit_str(&text),
            Value::Array(values) => {
                let mut elements = Elements {
                    rest: values.into_iter(),
                    index: 0,
                };
                let read = visitor.visit_seq(&mut elements)?;
                match elements.rest.len() {
                    0 => Ok(read),
                    more => Err(Fault::invalid_length(elements.index + more, &"fewer values")),
                }
            }
            Value::Object(object) => visitor.visit_map(Members::of(object)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => {
                let text: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Value::Object(object) if object.len() == 1 => {
                let variant = MapAccessDeserializer::new(Members::of(object));
                variant.deserialize_enum(name, variants, visitor)
            }
            other => Err(Fault::invalid_type(
                Unexpected::Other(other.type_name()),
                &"a string, or an object with one member",
            )),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Elements {
    rest: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let element = seed
            .deserialize(Reader(value))
            .map_err(|fault| fault.at(self.index))?;
        self.index += 1;
        Ok(Some(element))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Members {
    rest: std::vec::IntoIter<(AttrName, Value)>,
    /// The member of which the name alone has been read.
    begun: Option<(AttrName, Value)>,
}

impl Members {
    fn of(object: Object) -> Self {
        Self {
            rest: object.into_iter(),
            begun: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.begun = self.rest.next();
        let Some((name, _)) = &self.begun else {
            return Ok(None);
        };
        seed.deserialize(Reader(name.as_str().into())).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some((name, value)) = self.begun.take() else {
            return Err(Fault::custom("a value was asked for before its name"));
        };
        seed.deserialize(Reader(value))
            .map_err(|fault| fault.within(name.as_str()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
