//! Decoding of relations into keyed sets of members.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::decode::{Names, ObjectSeed, ValueSeed, deeper, duplicate_name};
use crate::{
    name::AttrName,
    resource::{Member, MemberSet, ResourceId},
    value::{Object, Value},
};

/// A relation's value: keyed, or as it was when it can't be keyed.
pub(super) enum Decoded {
    Members(MemberSet),
    Other(Value),
}

pub(super) struct RelationSeed {
    pub(super) depth: usize,
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
        let seed = MemberSeed {
            depth: deeper(self.depth)?,
        };
        let mut members = MemberSet::new();
        while let Some(element) = elements.next_element_seed(seed)? {
            match element {
                Element::Member(id, member) => {
                    members.insert(id, member);
                }
                Element::Other(value) => {
                    let mut values: Vec<Value> = members
                        .into_iter()
                        .map(|(id, member)| member.into_object(id).into())
                        .collect();
                    values.push(value);
                    while let Some(value) = elements.next_element_seed(ValueSeed { depth: seed.depth })? {
                        values.push(value);
                    }
                    return Ok(Decoded::Other(Value::Array(values)));
                }
            }
        }
        Ok(Decoded::Members(members))
    }

    fn visit_unit<E>(self) -> Result<Decoded, E> {
        Ok(Decoded::Members(MemberSet::new()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Decoded, E> {
        Ok(Decoded::Other(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Decoded, E> {
        Ok(Decoded::Other(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Decoded, E> {
        ValueSeed { depth: self.depth }
            .visit_u64(value)
            .map(Decoded::Other)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Decoded, E> {
        ValueSeed { depth: self.depth }
            .visit_f64(value)
            .map(Decoded::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Decoded, E> {
        Ok(Decoded::Other(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Decoded, A::Error> {
        ObjectSeed { depth: self.depth }
            .visit_map(members)
            .map(|object| Decoded::Other(object.into()))
    }
}

enum Element {
    Member(ResourceId, Member),
    Other(Value),
}

#[derive(Clone, Copy)]
struct MemberSeed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for MemberSeed {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MemberSeed {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member")
    }

    fn visit_unit<E>(self) -> Result<Element, E> {
        Ok(Element::Other(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Element, E> {
        Ok(Element::Other(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Element, E> {
        Ok(Element::Other(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Element, E> {
        ValueSeed { depth: self.depth }
            .visit_u64(value)
            .map(Element::Other)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Element, E> {
        ValueSeed { depth: self.depth }
            .visit_f64(value)
            .map(Element::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Other(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Element, A::Error> {
        ValueSeed { depth: self.depth }
            .visit_seq(elements)
            .map(Element::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Element, A::Error> {
        let value_seed = ValueSeed {
            depth: deeper(self.depth)?,
        };
        let (mut id, mut member, mut other) = (None, Member::new(), Object::new());
        let mut seen = Names::default();
        while let Some(key) = members.next_key_seed(MemberKeySeed)? {
            let slot = match key {
                MemberKey::Value => &mut id,
                MemberKey::Kind => &mut member.kind,
                MemberKey::Display => &mut member.display,
                MemberKey::Reference => &mut member.reference,
                MemberKey::Other(name) => {
                    seen.check(name.as_str(), other.names())?;
                    other.push_new(name, members.next_value_seed(value_seed)?);
                    continue;
                }
            };
            if slot.is_some() || other.get(key.as_str()).is_some() {
                return Err(duplicate_name(key.as_str()));
            }
            match members.next_value_seed(value_seed)? {
                Value::String(text) => *slot = Some(text),
                value => other.push_new(key.as_str().into(), value),
            }
        }
        // A `null` says that there is nothing, as its absence does.
        other.retain(|name, value| *value != Value::Null || !MemberKey::is_known(name.as_str()));
        member.other = (!other.is_empty()).then(|| Box::new(other));
        Ok(match id {
            Some(id) => Element::Member(ResourceId::new(id), member),
            None => Element::Other(member.into_object_with(None).into()),
        })
    }
}

enum MemberKey {
    Value,
    Kind,
    Display,
    Reference,
    Other(AttrName),
}

impl MemberKey {
    fn as_str(&self) -> &str {
        match self {
            Self::Value => "value",
            Self::Kind => "type",
            Self::Display => "display",
            Self::Reference => "$ref",
            Self::Other(name) => name.as_str(),
        }
    }

    fn is_known(name: &str) -> bool {
        [Self::Value, Self::Kind, Self::Display, Self::Reference]
            .iter()
            .any(|key| key.as_str() == name)
    }
}

struct MemberKeySeed;

impl<'de> DeserializeSeed<'de> for MemberKeySeed {
    type Value = MemberKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MemberKey, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberKeySeed {
    type Value = MemberKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<MemberKey, E> {
        let known = [
            MemberKey::Value,
            MemberKey::Reference,
            MemberKey::Display,
            MemberKey::Kind,
        ];
        let found = known
            .into_iter()
            .find(|key| key.as_str().eq_ignore_ascii_case(text));
        Ok(found.unwrap_or_else(|| MemberKey::Other(AttrName::new(text))))
    }
}
