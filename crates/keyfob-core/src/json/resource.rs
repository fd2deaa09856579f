//! Decoding of resources and of the members of relations.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use smol_str::SmolStr;

use super::{
    JsonError, MAX_DEPTH,
    decode::{NameSeed, Names, ObjectSeed, ValueSeed, deeper, duplicate_name, from_slice},
};
use crate::{
    name::{AttrName, SchemaUri},
    resource::{Member, MemberSet, Resource, ResourceId},
    schema::ResourceType,
    value::{Object, Value},
};

impl Resource {
    /// Decodes a body of the resource type.
    ///
    /// Attributes that the type declares as relations go straight into keyed [`MemberSet`]s, where each value is an
    /// object with a `value`; two values with one id are one member. Whatever doesn't look like that is kept as it
    /// is, and so is everything that the type doesn't know: [`validate`](crate::validate) decides over both.
    ///
    /// # Errors
    /// [`JsonError`], which maps to `invalidSyntax`.
    ///
    /// # Complexity
    /// Linear in the text; recursion is bounded by [`MAX_DEPTH`].
    pub fn from_json(text: &[u8], resource_type: &ResourceType) -> Result<Self, JsonError> {
        from_slice(
            ResourceSeed {
                resource_type: Some(resource_type),
            },
            text,
        )
    }
}

impl<'de> Deserialize<'de> for Resource {
    /// Decodes a body of any type; relations stay among the core attributes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ResourceSeed { resource_type: None }.deserialize(deserializer)
    }
}

struct ResourceSeed<'r> {
    resource_type: Option<&'r ResourceType>,
}

impl ResourceSeed<'_> {
    /// The URI in the registry's copy, which costs no allocation.
    fn uri(&self, text: &str) -> SchemaUri {
        let known = self.resource_type.and_then(|resource_type| {
            let extensions = resource_type
                .extensions()
                .iter()
                .map(|extension| &extension.schema.id);
            [&resource_type.schema().id]
                .into_iter()
                .chain(extensions)
                .find(|uri| uri.as_str() == text)
        });
        known.cloned().unwrap_or_else(|| SchemaUri::new(text))
    }

    fn is_relation(&self, name: &AttrName) -> bool {
        self.resource_type
            .is_some_and(|resource_type| resource_type.relation(name.as_str()).is_some())
    }
}

impl<'de> DeserializeSeed<'de> for ResourceSeed<'_> {
    type Value = Resource;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Resource, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ResourceSeed<'_> {
    type Value = Resource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Resource, A::Error> {
        let seed = ValueSeed {
            depth: deeper(MAX_DEPTH)?,
        };
        let mut resource = Resource::default();
        let mut names = Names::default();
        let mut schemas_seen = false;
        resource.core_mut().reserve(16);
        while let Some(name) = members.next_key_seed(NameSeed)? {
            if name.is("schemas") {
                if std::mem::replace(&mut schemas_seen, true) {
                    return Err(duplicate_name("schemas"));
                }
                let uris: Vec<Cow<'_, str>> = members.next_value()?;
                *resource.schemas_mut() = uris.iter().map(|uri| self.uri(uri)).collect();
            } else if self.is_relation(&name) {
                if resource.relation(name.as_str()).is_some() {
                    return Err(duplicate_name(name.as_str()));
                }
                names.check(&name, resource.core())?;
                match members.next_value_seed(RelationSeed { depth: seed.depth })? {
                    Decoded::Members(set) => resource.relations_mut().push((name, set)),
                    Decoded::Other(value) => resource.core_mut().push_new(name, value),
                }
            } else if name.as_str().contains(':') {
                let uri = self.uri(name.as_str());
                if resource.extension(&uri).is_some() {
                    return Err(duplicate_name(name.as_str()));
                }
                names.check(&name, resource.core())?;
                match members.next_value_seed(seed)? {
                    Value::Object(object) => resource.extensions_mut().push((uri, object)),
                    other => resource.core_mut().push_new(name, other),
                }
            } else {
                names.check(&name, resource.core())?;
                let value = members.next_value_seed(seed)?;
                resource.core_mut().push_new(name, value);
            }
        }
        Ok(resource)
    }
}

/// A relation's value: keyed, or as it was when it can't be keyed.
enum Decoded {
    Members(MemberSet),
    Other(Value),
}

struct RelationSeed {
    depth: usize,
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
                    seen.check(&name, &other)?;
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
        Ok(match id {
            Some(id) => {
                member.other = (!other.is_empty()).then(|| Box::new(other));
                Element::Member(ResourceId::new(id), member)
            }
            None => Element::Other(member.into_object_with(None, other).into()),
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

impl Member {
    /// The member as the complex value it is on the wire.
    #[must_use]
    pub fn into_object(self, id: ResourceId) -> Object {
        let mut member = self;
        let other = member.other.take().map(|other| *other).unwrap_or_default();
        member.into_object_with(Some(id), other)
    }

    fn into_object_with(self, id: Option<ResourceId>, other: Object) -> Object {
        let id = id.map(|id| SmolStr::from(id.as_str()));
        let mut object: Object = [
            ("value", id),
            ("$ref", self.reference),
            ("display", self.display),
            ("type", self.kind),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        for (name, value) in other {
            object.push_new(name, value);
        }
        object
    }
}
