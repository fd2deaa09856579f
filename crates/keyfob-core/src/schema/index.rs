//! The attributes by whose values stores find resources without reading all of them.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::{Attribute, AttributeType, ResourceType, Uniqueness};
use crate::{
    compare::{Collation, CompareKey},
    name::AttrPath,
    resource::Resource,
    schema::AttrSet,
    value::Value,
};

/// The index of a resource type: every attribute of which a store keeps the values to look them up.
///
/// These are the attributes that the type declares [indexed](ResourceType::indexed) and those whose values are unique, if
/// they are texts, numbers or instants in the document. Unique attributes stand in the index although there are unique keys, because the
/// index follows from the document alone: a resource may release what it reserved and keep its value.
///
/// It is worked out once for each resource type, by [`ResourceType::index`].
///
/// ```
/// use keyfob_core::Registry;
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let paths: Vec<_> = user.index().attributes().iter().map(|indexed| indexed.key()).collect();
/// assert_eq!(paths, ["externalid", "displayname", "emails.value", "username"]);
/// ```
#[derive(Clone, Debug)]
pub struct Index {
    attributes: Vec<IndexedAttribute>,
    signature: String,
}

/// An attribute of an [`Index`].
#[derive(Clone, Debug)]
pub struct IndexedAttribute {
    path: AttrPath,
    key: SmolStr,
    order: KeyOrder,
    is_singular: bool,
}

/// The way in which the values of an indexed attribute become keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever compares has to know every form")]
pub enum KeyOrder {
    /// Texts, which compare as the collation says.
    Text(Collation),
    /// Numbers, whether they have a fraction or not.
    Number,
    /// Instants, whatever offset they are written in.
    Instant,
}

impl KeyOrder {
    /// Returns the order of an attribute's keys; none where its values have none.
    fn of(attribute: &Attribute) -> Option<Self> {
        match attribute.kind {
            AttributeType::String | AttributeType::Reference => Some(Self::Text(attribute.collation())),
            AttributeType::Integer | AttributeType::Decimal => Some(Self::Number),
            AttributeType::DateTime => Some(Self::Instant),
            AttributeType::Boolean | AttributeType::Binary | AttributeType::Complex => None,
        }
    }

    /// Returns the key of a value; none for a value of another type.
    fn key(self, value: &Value) -> Option<CompareKey> {
        match (self, value) {
            (Self::Text(collation), Value::String(text)) => Some(CompareKey::of(collation, text)),
            (Self::Instant, Value::String(text)) => text.parse().ok().map(CompareKey::instant),
            (Self::Number, number) => CompareKey::number(number),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Text(collation) => collation.as_str(),
            Self::Number => "number",
            Self::Instant => "instant",
        }
    }
}

impl Index {
    /// Grows whenever documents have other entries than before, so that stores make theirs anew.
    const VERSION: u32 = 2;

    pub(super) fn of(resource_type: &ResourceType) -> Self {
        let mut attributes = Vec::new();
        let mut seen = AttrSet::new();
        let mut add = |path: AttrPath, attribute: &Attribute, sub: Option<&Attribute>| {
            let leaf = sub.unwrap_or(attribute);
            let name = attribute.name.as_str();
            // `id` and relations are not in documents, and `meta` is the store's.
            let is_elsewhere = path.schema().is_none()
                && (name == "id" || name == "meta" || resource_type.relation(name).is_some());
            if let Some(order) = KeyOrder::of(leaf)
                && !is_elsewhere
                && !seen.contains(leaf.id)
            {
                seen.insert(leaf.id);
                attributes.push(IndexedAttribute {
                    key: path.to_string().to_ascii_lowercase().into(),
                    path,
                    order,
                    is_singular: !attribute.multi_valued && sub.is_none_or(|sub| !sub.multi_valued),
                });
            }
        };
        for path in resource_type.indexed() {
            if let Ok(resolved) = resource_type.resolve_attribute(path) {
                add(resolved.to_path(), resolved.attribute, resolved.sub);
            }
        }
        for (uri, attribute) in resource_type.attributes() {
            let subs = attribute.sub_attributes.iter().map(Some);
            for sub in subs.chain([None]) {
                if sub.unwrap_or(attribute).uniqueness != Uniqueness::None {
                    let path = AttrPath::new(
                        uri.cloned(),
                        attribute.name.clone(),
                        sub.map(|sub| sub.name.clone()),
                    );
                    add(path, attribute, sub);
                }
            }
        }
        let mut lines: Vec<_> = attributes
            .iter()
            .map(|indexed| format!("{} {}", indexed.key, indexed.order.as_str()))
            .collect();
        lines.sort();
        let signature = format!("entries {}\n{}", Self::VERSION, lines.join("\n"));
        Self {
            attributes,
            signature,
        }
    }

    /// Returns the attributes, each once.
    #[must_use]
    pub fn attributes(&self) -> &[IndexedAttribute] {
        &self.attributes
    }

    /// Returns the attribute with this path, which names a sub-attribute where the index does.
    #[must_use]
    pub fn attribute(&self, path: &AttrPath) -> Option<&IndexedAttribute> {
        self.attributes.iter().find(|indexed| indexed.path == *path)
    }

    /// Returns the names of the attributes and how they compare, in one text: a store that finds another text beside its
    /// index has to make the index anew.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// Returns every entry of a document: the [key](IndexedAttribute::key) of the attribute and that of the value.
    ///
    /// # Complexity
    /// Linear in the values of the indexed attributes.
    #[must_use]
    pub fn entries(&self, document: &Resource) -> BTreeSet<(SmolStr, CompareKey)> {
        let entries = self.attributes.iter().flat_map(|indexed| {
            let keys = indexed.keys(document);
            keys.map(|key| (indexed.key.clone(), key))
        });
        entries.collect()
    }
}

impl IndexedAttribute {
    /// Returns the path in the schema's spelling.
    #[must_use]
    pub fn path(&self) -> &AttrPath {
        &self.path
    }

    /// Returns the path in lower case, by which stores name the attribute.
    #[must_use]
    pub fn key(&self) -> &SmolStr {
        &self.key
    }

    /// Returns how its values become keys.
    #[must_use]
    pub fn order(&self) -> KeyOrder {
        self.order
    }

    /// Returns how its texts compare; none for an attribute of another type.
    #[must_use]
    pub fn collation(&self) -> Option<Collation> {
        match self.order {
            KeyOrder::Text(collation) => Some(collation),
            KeyOrder::Number | KeyOrder::Instant => None,
        }
    }

    /// Returns true if a document has at most one value of it.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.is_singular
    }

    /// Returns the values that a document has under the attribute, those of another type among them.
    fn values<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = &'d Value> {
        let object = match self.path.schema() {
            None => Some(document.core()),
            Some(uri) => document.extension(uri),
        };
        let elements = object
            .and_then(|object| object.get(self.path.name().as_str()))
            .map_or(&[][..], Value::as_elements);
        let sub = self.path.sub();
        elements.iter().flat_map(move |element| match sub {
            None => std::slice::from_ref(element),
            Some(sub) => element
                .as_object()
                .and_then(|object| object.get(sub.as_str()))
                .map_or(&[][..], Value::as_elements),
        })
    }

    /// Returns the texts that a document has under the attribute. Values of another type are passed over.
    pub fn texts<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = &'d SmolStr> {
        self.values(document).filter_map(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// Returns the keys of the values that a document has under the attribute. Values of another type are passed over.
    pub fn keys<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = CompareKey> + 'd {
        self.values(document).filter_map(|value| self.order.key(value))
    }

    /// Returns the keys of the values that a document has under the attribute, and `None` for each assigned value of another
    /// type, which has no key. By such a value the attribute is present (RFC 7644 section 3.4.2.2) as well.
    pub fn entries<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = Option<CompareKey>> + 'd {
        fn is_assigned(value: &Value) -> bool {
            match value {
                Value::Null => false,
                Value::Array(values) => values.iter().any(is_assigned),
                Value::Object(object) => object.iter().any(|(_, value)| is_assigned(value)),
                _ => true,
            }
        }
        self.values(document).filter_map(|value| {
            let key = self.order.key(value);
            (key.is_some() || is_assigned(value)).then_some(key)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Registry;

    #[test]
    fn unique_and_indexed_attributes_are_indexed_once() {
        let registry = Registry::rfc();
        let signature = |name| registry.resource_type(name).unwrap().index().signature();
        let user =
            "entries 2\ndisplayname caseless\nemails.value caseless\nexternalid exact\nusername username";
        assert_eq!(signature("User"), user);
        assert_eq!(
            signature("Group"),
            "entries 2\ndisplayname caseless\nexternalid exact"
        );
    }

    #[test]
    fn every_text_of_a_multi_valued_attribute_is_an_entry() {
        let user = Registry::rfc().resource_type("User").unwrap();
        let document = Resource::from_json(
            br#"{"USERNAME": "BJensen", "externalId": "X1", "emails": [{"value": "A@b"}, {"value": "a@B"}, {"value": 1}, "c"],
                "displayName": null}"#,
            user,
        )
        .unwrap();
        let entries: Vec<_> = user
            .index()
            .entries(&document)
            .into_iter()
            .map(|(key, value)| format!("{key}={}", value.as_str()))
            .collect();
        assert_eq!(entries, ["emails.value=a@b", "externalid=X1", "username=bjensen"]);
    }
}
