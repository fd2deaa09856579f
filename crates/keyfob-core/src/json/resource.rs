//! Decoding of resources.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::{
    JsonError, MAX_DEPTH,
    decode::{KeySeed, Names, ValueInto, deeper, duplicate_name, from_slice},
    member::{Decoded, RelationSeed},
};
use crate::{name::SchemaUri, resource::Resource, schema::ResourceType, value::Value};

/// In a text of at least so many bytes, room is made at once for one member in every so many; that takes less memory
/// than the text itself.
const LONG_TEXT: usize = 64 * 1024;
const MEMBER_BYTES: usize = 192;

impl Resource {
    /// Decodes a body of the resource type.
    ///
    /// Attributes that the type declares as relations go straight into keyed [`MemberSet`](crate::MemberSet)s, where
    /// each value is an object with a `value`; two values with one id are one member. Whatever doesn't look like that
    /// is kept as it is, and so is everything that the type doesn't know: [`validate`](crate::validate) decides over
    /// both.
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
                room: if text.len() < LONG_TEXT {
                    0
                } else {
                    text.len() / MEMBER_BYTES
                },
            },
            text,
        )
    }
}

impl<'de> Deserialize<'de> for Resource {
    /// Decodes a body of any type; relations stay among the core attributes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ResourceSeed {
            resource_type: None,
            room: 0,
        }
        .deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
pub(super) struct ResourceSeed<'r> {
    pub(super) resource_type: Option<&'r ResourceType>,
    /// How many members of a relation the text has room for.
    pub(super) room: usize,
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
        let depth = deeper(MAX_DEPTH)?;
        let mut resource = Resource::default();
        let mut names = Names::default();
        let mut schemas_seen = false;
        resource.core_mut().reserve(16);
        while let Some(name) = members.next_key_seed(KeySeed)? {
            names.check(&name, keys(&resource))?;
            if name.eq_ignore_ascii_case("schemas") {
                if std::mem::replace(&mut schemas_seen, true) {
                    return Err(duplicate_name("schemas"));
                }
                *resource.schemas_mut() = members.next_value_seed(UrisSeed(self))?;
            } else if self.is_relation(&name) {
                let room = self.room;
                match members.next_value_seed(RelationSeed { depth, room })? {
                    Decoded::Members(set) => resource.relations_mut().push((name.into(), set)),
                    Decoded::Other(value) => resource.core_mut().push_new(name.into(), value),
                }
            } else if name.contains(':') {
                let mut value = Value::Null;
                let place = &mut value;
                members.next_value_seed(ValueInto { place, depth })?;
                match value {
                    Value::Object(object) => resource.extensions_mut().push((self.uri(&name), object)),
                    other => resource.core_mut().push_new(name.into(), other),
                }
            } else {
                let place = resource.core_mut().push_place(name.into());
                members.next_value_seed(ValueInto { place, depth })?;
            }
        }
        Ok(resource)
    }
}

/// Every key under which the resource holds something, except `schemas`.
fn keys(resource: &Resource) -> impl Iterator<Item = &str> {
    let relations = resource.relations().iter().map(|(name, _)| name.as_str());
    let extensions = resource.extensions().iter().map(|(uri, _)| uri.as_str());
    resource.core().names().chain(relations).chain(extensions)
}

impl ResourceSeed<'_> {
    fn is_relation(self, name: &str) -> bool {
        self.resource_type
            .is_some_and(|resource_type| resource_type.relation(name).is_some())
    }

    /// The URI in the registry's copy, which costs no allocation.
    fn uri(self, text: &str) -> SchemaUri {
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
}

/// Decodes the value of `schemas`; `null` says that there are none.
#[derive(Clone, Copy)]
struct UrisSeed<'r>(ResourceSeed<'r>);

impl<'de> DeserializeSeed<'de> for UrisSeed<'_> {
    type Value = Vec<SchemaUri>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<SchemaUri>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UrisSeed<'_> {
    type Value = Vec<SchemaUri>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of schema URIs")
    }

    fn visit_unit<E>(self) -> Result<Vec<SchemaUri>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<SchemaUri>, A::Error> {
        let mut uris = Vec::new();
        while let Some(uri) = elements.next_element_seed(UriSeed(self.0))? {
            uris.push(uri);
        }
        Ok(uris)
    }
}

struct UriSeed<'r>(ResourceSeed<'r>);

impl<'de> DeserializeSeed<'de> for UriSeed<'_> {
    type Value = SchemaUri;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SchemaUri, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for UriSeed<'_> {
    type Value = SchemaUri;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema URI")
    }

    fn visit_str<E>(self, text: &str) -> Result<SchemaUri, E> {
        Ok(self.0.uri(text))
    }
}
