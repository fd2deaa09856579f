//! Values out of types of the application's own.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{
    super::{
        MAX_DEPTH,
        decode::{NUMBER, ValueInto, decimal, deeper, from_slice, integer},
    },
    fault::Fault,
};
use crate::{
    name::AttrName,
    value::{Object, Value},
};

/// The names of the structs that `serde_json` makes of values it has as a text of JSON: the only field holds the text.
const TEXTS: [&str; 2] = [NUMBER, "$serde_json::private::RawValue"];

/// Serializes as a value what serializes as JSON, in JSON's form. An error names the path.
pub(super) struct Writer {
    /// The number of levels of objects and arrays that the value may have.
    depth: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { depth: MAX_DEPTH }
    }

    fn array(self, variant: Option<&'static str>) -> Result<Array, Fault> {
        let depth = self.levels(variant)?;
        Ok(Array {
            values: Vec::new(),
            variant,
            depth,
        })
    }

    fn object(self, variant: Option<&'static str>) -> Result<Members, Fault> {
        let depth = self.levels(variant)?;
        Ok(Members {
            object: Object::new(),
            name: None,
            variant,
            depth,
            said: None,
        })
    }

    /// Returns the levels that are left within an array or object, which a variant puts into one more object.
    fn levels(&self, variant: Option<&str>) -> Result<usize, Fault> {
        let depth = deeper(self.depth)?;
        if variant.is_some() {
            deeper(depth)
        } else {
            Ok(depth)
        }
    }
}

/// Returns the value as serde writes that of a variant: an object with the name of the variant.
fn of_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(name) => Value::Object([(name, value)].into_iter().collect()),
        None => value,
    }
}

/// Puts the name of the variant before the path, as [`of_variant`] puts it around the value.
fn in_variant(variant: Option<&str>, fault: Fault) -> Fault {
    match variant {
        Some(name) => fault.within(name),
        None => fault,
    }
}

/// Methods that serialize one kind of number as another.
macro_rules! numbers {
    ($($method:ident($kind:ty) as $function:ident)*) => {
        $(fn $method(self, number: $kind) -> Result<Value, Fault> {
            $function(number)
        })*
    };
}

impl Serializer for Writer {
    type Error = Fault;
    type Ok = Value;
    type SerializeMap = Members;
    type SerializeSeq = Array;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;
    type SerializeTuple = Array;
    type SerializeTupleStruct = Array;
    type SerializeTupleVariant = Array;

    numbers! {
        serialize_i8(i8) as integer
        serialize_i16(i16) as integer
        serialize_i32(i32) as integer
        serialize_i64(i64) as integer
        serialize_i128(i128) as integer
        serialize_u8(u8) as integer
        serialize_u16(u16) as integer
        serialize_u32(u32) as integer
        serialize_u64(u64) as integer
        serialize_u128(u128) as integer
        serialize_f32(f32) as decimal
        serialize_f64(f64) as decimal
    }

    fn serialize_bool(self, value: bool) -> Result<Value, Fault> {
        Ok(Value::Bool(value))
    }

    fn serialize_char(self, value: char) -> Result<Value, Fault> {
        Ok(Value::from(&*value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, text: &str) -> Result<Value, Fault> {
        Ok(text.into())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Fault> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, Fault> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Fault> {
        let mut members = self.object(None)?;
        SerializeMap::serialize_entry(&mut members, variant, value)?;
        SerializeMap::end(members)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Array, Fault> {
        self.array(None)
    }

    fn serialize_tuple(self, _length: usize) -> Result<Array, Fault> {
        self.array(None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Array, Fault> {
        self.array(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Array, Fault> {
        self.array(Some(variant))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Members, Fault> {
        self.object(None)
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Members, Fault> {
        if TEXTS.contains(&name) {
            return Ok(Members::of_text(self.depth));
        }
        self.object(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members, Fault> {
        self.object(Some(variant))
    }
}

/// Collects the values of an array.
pub(super) struct Array {
    values: Vec<Value>,
    variant: Option<&'static str>,
    depth: usize,
}

impl Array {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let depth = self.depth;
        let value = value.serialize(Writer { depth });
        let value = value.map_err(|fault| in_variant(self.variant, fault.at(self.values.len())))?;
        self.values.push(value);
        Ok(())
    }

    fn finish(self) -> Value {
        of_variant(self.variant, self.values.into())
    }
}

/// Collects the members of an object. Two names that are equal up to case are both there, for the reader to refuse.
pub(super) struct Members {
    object: Object,
    /// The name of which the value comes next.
    name: Option<AttrName>,
    variant: Option<&'static str>,
    depth: usize,
    /// For one of [`TEXTS`], the value of `depth` levels that the text says: it stands for the object.
    said: Option<Value>,
}

impl Members {
    fn of_text(depth: usize) -> Self {
        Self {
            object: Object::new(),
            name: None,
            variant: None,
            depth,
            said: Some(Value::Null),
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: AttrName, value: &T) -> Result<(), Fault> {
        let depth = self.depth;
        let value = value.serialize(Writer { depth });
        if let Some(place) = &mut self.said {
            return say(&value?, place, depth);
        }
        let value = value.map_err(|fault| in_variant(self.variant, fault.within(name.as_str())))?;
        self.object.push_new(name, value);
        Ok(())
    }

    fn finish(self) -> Value {
        self.said
            .unwrap_or_else(|| of_variant(self.variant, self.object.into()))
    }
}

/// Puts into its place the value of at most `depth` levels that a text of JSON says.
fn say(text: &Value, place: &mut Value, depth: usize) -> Result<(), Fault> {
    match text {
        Value::String(text) => {
            from_slice(ValueInto { place, depth }, text.as_bytes()).map_err(|error| Fault::new(error.message))
        }
        other => Err(Fault::new(format_args!(
            "{} is no text of JSON",
            other.type_name()
        ))),
    }
}

/// The traits of serde by which the elements of an array and the members of an object are added.
macro_rules! collect {
    ($($kind:ident: $method:ident($($name:ident: $text:ty,)?) of $collection:ident)*) => {
        $(impl $kind for $collection {
            type Error = Fault;
            type Ok = Value;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $text,)? value: &T) -> Result<(), Fault> {
                self.push($(AttrName::new($name),)? value)
            }

            fn end(self) -> Result<Value, Fault> {
                Ok(self.finish())
            }
        })*
    };
}

collect! {
    SerializeSeq: serialize_element() of Array
    SerializeTuple: serialize_element() of Array
    SerializeTupleStruct: serialize_field() of Array
    SerializeTupleVariant: serialize_field() of Array
    SerializeStruct: serialize_field(name: &'static str,) of Members
    SerializeStructVariant: serialize_field(name: &'static str,) of Members
}

impl SerializeMap for Members {
    type Error = Fault;
    type Ok = Value;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        match key.serialize(Writer { depth: 0 })? {
            Value::String(name) => {
                self.name = Some(AttrName::new(name));
                Ok(())
            }
            other => Err(Fault::new(format_args!(
                "{} is no name of an attribute: a string is",
                other.type_name()
            ))),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        match self.name.take() {
            Some(name) => self.push(name, value),
            None => Err(Fault::new("a value came before its name")),
        }
    }

    fn end(self) -> Result<Value, Fault> {
        Ok(self.finish())
    }
}
