//! Decoding of relations into keyed sets of members.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use smol_str::SmolStr;

use super::decode::{KeySeed, Names, ValueInto, deeper, duplicate_name, otherwise};
use crate::{
    resource::{Member, MemberSet, ResourceId},
    value::{Object, Value},
};

/// A relation's value: keyed, or as it was when it can't be keyed.
pub(super) enum Decoded {
    Members(MemberSet),
    Other(Value),
}

/// Decodes the value of a relation of at most `depth` levels.
pub(super) struct RelationSeed {
    pub(super) depth: usize,
    /// For how many members to make room at once.
    pub(super) room: usize,
}

impl RelationSeed {
    fn otherwise<E>(self, visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>) -> Result<Decoded, E> {
        let mut value = Value::Null;
        let (place, depth) = (&mut value, self.depth);
        visit(ValueInto { place, depth })?;
        Ok(Decoded::Other(value))
    }
}

impl<'de> DeserializeSeed<'de> for RelationSeed {
    type Value = Decoded;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Decoded, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RelationSeed {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of members")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Decoded, A::Error> {
        let depth = deeper(self.depth)?;
        let mut members = MemberSet::new();
        members.reserve(self.room);
        let mut other = None;
        while other.is_none() {
            let (members, other) = (&mut members, &mut other);
            let seed = MemberInto {
                members,
                other,
                depth,
            };
            if elements.next_element_seed(seed)?.is_none() {
                break;
            }
        }
        let Some(other) = other else {
            return Ok(Decoded::Members(members));
        };
        let keyed = members.into_iter();
        let mut values: Vec<Value> = keyed.map(|(id, member)| member.into_object(id).into()).collect();
        values.push(other);
        let mut value = Value::Null;
        let place = &mut value;
        while elements.next_element_seed(ValueInto { place, depth })?.is_some() {
            values.push(std::mem::replace(place, Value::Null));
        }
        Ok(Decoded::Other(Value::Array(values)))
    }

    fn visit_unit<E>(self) -> Result<Decoded, E> {
        Ok(Decoded::Members(MemberSet::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Decoded, A::Error> {
        self.otherwise(|place| place.visit_map(members))
    }

    otherwise! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }
}

/// Decodes an element of at most `depth` levels into the members, or as `other` where it can't be one.
struct MemberInto<'p> {
    members: &'p mut MemberSet,
    other: &'p mut Option<Value>,
    depth: usize,
}

impl MemberInto<'_> {
    fn otherwise<E>(self, visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>) -> Result<(), E> {
        let (place, depth) = (self.other.insert(Value::Null), self.depth);
        visit(ValueInto { place, depth })
    }
}

impl<'de> DeserializeSeed<'de> for MemberInto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MemberInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut sent: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let mut texts: [Option<Cow<'de, str>>; 4] = [const { None }; 4];
        let [id, kind, display, reference] = &mut texts;
        let (mut other, mut names) = (Object::new(), Names::default());
        while let Some(name) = sent.next_key_seed(KeySeed)? {
            let (name, place) = match &*name {
                "value" => ("value", &mut *id),
                "type" => ("type", &mut *kind),
                "display" => ("display", &mut *display),
                "$ref" => ("$ref", &mut *reference),
                text if text.eq_ignore_ascii_case("value") => ("value", &mut *id),
                text if text.eq_ignore_ascii_case("type") => ("type", &mut *kind),
                text if text.eq_ignore_ascii_case("display") => ("display", &mut *display),
                text if text.eq_ignore_ascii_case("$ref") => ("$ref", &mut *reference),
                text => {
                    names.check(text, other.names())?;
                    let place = other.push_place(text.into());
                    sent.next_value_seed(ValueInto { place, depth })?;
                    continue;
                }
            };
            if place.is_some() || other.get(name).is_some() {
                return Err(duplicate_name(name));
            }
            let other = &mut other;
            sent.next_value_seed(TextInto {
                name,
                place,
                other,
                depth,
            })?;
        }
        // A `null` says that there is nothing, as its absence does.
        other.retain(|name, value| *value != Value::Null || !KNOWN.contains(&name.as_str()));
        let [id, kind, display, reference] = texts;
        let member = Member {
            kind: kind.map(SmolStr::from),
            display: display.map(SmolStr::from),
            reference: reference.map(SmolStr::from),
            other: (!other.is_empty()).then(|| Box::new(other)),
        };
        match id {
            Some(id) => self.members.put(ResourceId::new(id), member),
            None => *self.other = Some(member.into_object_with(None).into()),
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.otherwise(|_| Ok(()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        self.otherwise(|place| place.visit_seq(elements))
    }

    otherwise! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }
}

/// The sub-attributes that are fields of a member, in the spelling in which they are kept.
const KNOWN: [&str; 4] = ["value", "type", "display", "$ref"];

/// Decodes a string into its place, borrowed from the text if nothing is escaped in it; anything else goes to `other`
/// under `name`.
pub(super) struct TextInto<'p, 'de> {
    pub(super) name: &'static str,
    pub(super) place: &'p mut Option<Cow<'de, str>>,
    pub(super) other: &'p mut Object,
    pub(super) depth: usize,
}

impl TextInto<'_, '_> {
    fn otherwise<E>(self, visit: impl FnOnce(ValueInto<'_>) -> Result<(), E>) -> Result<(), E> {
        let (place, depth) = (self.other.push_place(self.name.into()), self.depth);
        visit(ValueInto { place, depth })
    }
}

impl<'de> DeserializeSeed<'de> for TextInto<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextInto<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        *self.place = Some(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.place = Some(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.otherwise(|_| Ok(()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        self.otherwise(|place| place.visit_seq(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.otherwise(|place| place.visit_map(members))
    }

    otherwise! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) }
}
