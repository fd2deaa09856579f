//! Decoding of bulk requests: each operation stays the text that it is, to be judged alone.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    JsonError, MAX_DEPTH,
    decode::{KeySeed, Names, ValueInto, deeper, duplicate_name, from_slice},
};
use crate::value::Object;

/// The members of a bulk request.
#[derive(Default)]
pub(crate) struct SentBulk<'t> {
    /// The texts of the operations, as many as may be; none where `Operations` is missing or no array.
    pub(crate) operations: Option<Vec<&'t str>>,
    /// The number of operations.
    pub(crate) count: usize,
    /// Everything else.
    pub(crate) others: Object,
}

/// Decodes a bulk request. Operations beyond the limit are counted and not kept.
///
/// # Errors
/// As [`value_from_slice`](super::value_from_slice), and when the text is not an object. What an operation holds is not
/// looked at.
pub(crate) fn bulk_from_slice(text: &[u8], limit: usize) -> Result<SentBulk<'_>, JsonError> {
    from_slice(BulkSeed { limit }, text)
}

/// Decodes an object into its members, whose values stay texts.
///
/// # Errors
/// [`JsonError`] when the text is not an object.
pub(crate) fn members_from_str(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, JsonError> {
    from_slice(MembersSeed, text.as_bytes())
}

struct BulkSeed {
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for BulkSeed {
    type Value = SentBulk<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SentBulk<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BulkSeed {
    type Value = SentBulk<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<SentBulk<'de>, A::Error> {
        let depth = deeper(MAX_DEPTH)?;
        let mut sent = SentBulk::default();
        let mut names = Names::default();
        let mut operations_seen = false;
        while let Some(name) = members.next_key_seed(KeySeed)? {
            if name.eq_ignore_ascii_case("Operations") {
                if std::mem::replace(&mut operations_seen, true) {
                    return Err(duplicate_name("Operations"));
                }
                let (operations, count) = members.next_value_seed(OperationsSeed { limit: self.limit })?;
                (sent.operations, sent.count) = (Some(operations), count);
            } else {
                names.check(&name, sent.others.names())?;
                let place = sent.others.push_place(name.into());
                members.next_value_seed(ValueInto { place, depth })?;
            }
        }
        Ok(sent)
    }
}

struct OperationsSeed {
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for OperationsSeed {
    type Value = (Vec<&'de str>, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OperationsSeed {
    type Value = (Vec<&'de str>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut operations = Vec::new();
        while operations.len() < self.limit {
            let Some(operation) = elements.next_element::<&RawValue>()? else {
                let count = operations.len();
                return Ok((operations, count));
            };
            operations.push(operation.get());
        }
        let mut count = operations.len();
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((operations, count))
    }
}

struct MembersSeed;

impl<'de> DeserializeSeed<'de> for MembersSeed {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MembersSeed {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        while let Some(name) = members.next_key_seed(KeySeed)? {
            let value: &RawValue = members.next_value()?;
            read.push((name, value.get()));
        }
        Ok(read)
    }
}
