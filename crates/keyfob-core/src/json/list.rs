//! Decoding of list responses: each resource goes straight to its place, without an object around it.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::{
    JsonError, MAX_DEPTH,
    decode::{KeySeed, Names, ValueInto, deeper, duplicate_name, from_slice},
    resource::ResourceSeed,
};
use crate::{resource::Resource, schema::ResourceType, value::Object};

/// The members of a list response.
#[derive(Default)]
pub(crate) struct SentList {
    /// The resources; `None` where `Resources` is missing or null.
    pub(crate) resources: Option<Vec<Resource>>,
    /// Everything else.
    pub(crate) others: Object,
}

/// Decodes a list response whose resources are of the type, or of any.
///
/// # Errors
/// As [`value_from_slice`](super::value_from_slice), and when the text is not an object, `Resources` not an array, or
/// one of its elements not an object.
pub(crate) fn list_from_slice(
    text: &[u8],
    resource_type: Option<&ResourceType>,
) -> Result<SentList, JsonError> {
    from_slice(ListSeed { resource_type }, text)
}

struct ListSeed<'r> {
    resource_type: Option<&'r ResourceType>,
}

impl<'de> DeserializeSeed<'de> for ListSeed<'_> {
    type Value = SentList;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SentList, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_> {
    type Value = SentList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<SentList, A::Error> {
        let depth = deeper(MAX_DEPTH)?;
        let mut sent = SentList::default();
        let mut names = Names::default();
        let mut resources_seen = false;
        while let Some(name) = members.next_key_seed(KeySeed)? {
            if name.eq_ignore_ascii_case("Resources") {
                if std::mem::replace(&mut resources_seen, true) {
                    return Err(duplicate_name("Resources"));
                }
                sent.resources = members.next_value_seed(ResourcesSeed {
                    resource_type: self.resource_type,
                })?;
            } else {
                names.check(&name, sent.others.names())?;
                let place = sent.others.push_place(name.into());
                members.next_value_seed(ValueInto { place, depth })?;
            }
        }
        Ok(sent)
    }
}

struct ResourcesSeed<'r> {
    resource_type: Option<&'r ResourceType>,
}

impl<'de> DeserializeSeed<'de> for ResourcesSeed<'_> {
    type Value = Option<Vec<Resource>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ResourcesSeed<'_> {
    type Value = Option<Vec<Resource>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of resources")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut resources = Vec::new();
        let seed = ResourceSeed {
            resource_type: self.resource_type,
            room: 0,
        };
        while let Some(resource) = elements.next_element_seed(seed)? {
            resources.push(resource);
        }
        Ok(Some(resources))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_list_is_read_in_any_order_and_spelling_and_refused_where_it_is_ambiguous() {
        let count = |text: &str| {
            list_from_slice(text.as_bytes(), None)
                .map(|list| list.resources.map_or(0, |resources| resources.len()))
        };
        assert_eq!(count(r#"{"resources": [{}, {}], "totalResults": 2}"#), Ok(2));
        assert_eq!(count(r#"{"totalResults": 0}"#), Ok(0));
        assert_eq!(count(r#"{"Resources": null}"#), Ok(0));
        for wrong in [
            r#"{"Resources": [], "resources": []}"#,
            r#"{"Resources": {}}"#,
            r#"{"Resources": ["a"]}"#,
            r#"{"Resources": [{"a": 1, "A": 2}]}"#,
            "[]",
            r#"{"Resources": [{}"#,
        ] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_resource_stays_a_value() {
        let list = list_from_slice(br#"{"totalResults": "7", "Resources": []}"#, None).unwrap();
        assert_eq!(list.others.get("totalResults"), Some(&Value::from("7")));
    }
}
