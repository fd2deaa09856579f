//! Decoding of PATCH requests: what they may hold goes to its place without an object around it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::{
    JsonError, MAX_DEPTH,
    decode::{KeySeed, Names, ValueInto, deeper, duplicate_name, from_slice, otherwise},
    member::TextInto,
};
use crate::{
    message::{PatchOperationKind, SentOperation, SentPatch},
    value::{Object, Value},
};

/// Decodes a PATCH request, with everything else that stands in it checked as in any body.
///
/// # Errors
/// As [`value_from_slice`](super::value_from_slice), and when the text is not an object.
pub(crate) fn patch_from_slice(text: &[u8]) -> Result<SentPatch, JsonError> {
    from_slice(PatchSeed, text)
}

struct PatchSeed;

impl<'de> DeserializeSeed<'de> for PatchSeed {
    type Value = SentPatch;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SentPatch, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PatchSeed {
    type Value = SentPatch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<SentPatch, A::Error> {
        let depth = deeper(MAX_DEPTH)?;
        let (mut sent, mut others) = (SentPatch::default(), Others::default());
        let mut operations_seen = false;
        while let Some(name) = members.next_key_seed(KeySeed)? {
            if name.eq_ignore_ascii_case("Operations") {
                if std::mem::replace(&mut operations_seen, true) {
                    return Err(duplicate_name(&name));
                }
                let sent = &mut sent;
                members.next_value_seed(OperationsInto { sent, depth })?;
            } else if name.eq_ignore_ascii_case("schemas") {
                let place = first(&mut sent.schemas, &name)?;
                members.next_value_seed(ValueInto { place, depth })?;
            } else {
                let place = others.place(&name)?;
                members.next_value_seed(ValueInto { place, depth })?;
            }
        }
        Ok(sent)
    }
}

/// Decodes the operations; a value that is no array holds none.
struct OperationsInto<'p> {
    sent: &'p mut SentPatch,
    depth: usize,
}

impl OperationsInto<'_> {
    fn otherwise<E>(self, visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>) -> Result<(), E> {
        check(self.depth, visit)
    }
}

impl<'de> DeserializeSeed<'de> for OperationsInto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OperationsInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        self.sent.has_operations = true;
        while let Some(operation) = elements.next_element_seed(OperationSeed { depth })? {
            self.sent.push(operation);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.otherwise(|place| place.visit_map(members))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    otherwise! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }
}

/// Decodes an operation; `None` stands for a value that is no object.
struct OperationSeed {
    depth: usize,
}

impl OperationSeed {
    fn otherwise<E>(
        self,
        visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>,
    ) -> Result<Option<SentOperation>, E> {
        check(self.depth, visit).map(|()| None)
    }
}

impl<'de> DeserializeSeed<'de> for OperationSeed {
    type Value = Option<SentOperation>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OperationSeed {
    type Value = Option<SentOperation>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let depth = deeper(self.depth)?;
        let (mut sent, mut others) = (SentOperation::default(), Others::default());
        let mut op: Option<Cow<'de, str>> = None;
        while let Some(name) = members.next_key_seed(KeySeed)? {
            let place = if name.eq_ignore_ascii_case("op") {
                let other = &mut others.members;
                if op.is_some() || other.get("op").is_some() {
                    return Err(duplicate_name(&name));
                }
                let (name, place) = ("op", &mut op);
                members.next_value_seed(TextInto {
                    name,
                    place,
                    other,
                    depth,
                })?;
                continue;
            } else if name.eq_ignore_ascii_case("path") {
                first(&mut sent.path, &name)?
            } else if name.eq_ignore_ascii_case("value") {
                first(&mut sent.value, &name)?
            } else {
                others.place(&name)?
            };
            members.next_value_seed(ValueInto { place, depth })?;
        }
        sent.kind = op.and_then(|op| PatchOperationKind::named(&op));
        Ok(Some(sent))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        self.otherwise(|place| place.visit_seq(elements))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    otherwise! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }
}

/// Members that mean nothing, which are no reason to let one stand there twice.
#[derive(Default)]
struct Others {
    names: Names,
    members: Object,
}

impl Others {
    fn place<E: Error>(&mut self, name: &str) -> Result<&mut Value, E> {
        self.names.check(name, self.members.names())?;
        Ok(self.members.push_place(name.into()))
    }
}

/// The place of a member that was not there before.
fn first<'p, E: Error>(place: &'p mut Option<Value>, name: &str) -> Result<&'p mut Value, E> {
    match place {
        None => Ok(place.insert(Value::Null)),
        Some(_) => Err(duplicate_name(name)),
    }
}

/// Decodes what is not what it should be, for it might not even be JSON.
fn check<E>(depth: usize, visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>) -> Result<(), E> {
    let mut value = Value::Null;
    let place = &mut value;
    visit(ValueInto { place, depth })
}
