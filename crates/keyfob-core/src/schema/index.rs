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
/// they are texts in the document. Unique attributes stand in the index although there are unique keys, because the
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
    collation: Collation,
    is_singular: bool,
}

impl Index {
    pub(super) fn of(resource_type: &ResourceType) -> Self {
        let mut attributes = Vec::new();
        let mut seen = AttrSet::new();
        let mut add = |path: AttrPath, attribute: &Attribute, sub: Option<&Attribute>| {
            let leaf = sub.unwrap_or(attribute);
            let is_text = matches!(leaf.kind, AttributeType::String | AttributeType::Reference);
            let name = attribute.name.as_str();
            // `id` and relations are not in documents, and `meta` is the store's.
            let is_elsewhere = path.schema().is_none()
                && (name == "id" || name == "meta" || resource_type.relation(name).is_some());
            if is_text && !is_elsewhere && !seen.contains(leaf.id) {
                seen.insert(leaf.id);
                attributes.push(IndexedAttribute {
                    key: path.to_string().to_ascii_lowercase().into(),
                    path,
                    collation: leaf.collation(),
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
            .map(|indexed| format!("{} {}", indexed.key, indexed.collation.as_str()))
            .collect();
        lines.sort();
        let signature = lines.join("\n");
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

    /// Returns how its values compare.
    #[must_use]
    pub fn collation(&self) -> Collation {
        self.collation
    }

    /// Returns true if a document has at most one value of it.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.is_singular
    }

    /// Returns the texts that a document has under the attribute. Values of another type are passed over.
    pub fn texts<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = &'d SmolStr> {
        let object = match self.path.schema() {
            None => Some(document.core()),
            Some(uri) => document.extension(uri),
        };
        let elements = object
            .and_then(|object| object.get(self.path.name().as_str()))
            .map_or(&[][..], Value::as_elements);
        let sub = self.path.sub();
        elements
            .iter()
            .flat_map(move |element| match sub {
                None => std::slice::from_ref(element),
                Some(sub) => element
                    .as_object()
                    .and_then(|object| object.get(sub.as_str()))
                    .map_or(&[][..], Value::as_elements),
            })
            .filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
    }

    /// Returns the keys of these texts.
    pub fn keys<'d>(&'d self, document: &'d Resource) -> impl Iterator<Item = CompareKey> + 'd {
        let texts = self.texts(document);
        texts.map(|text| CompareKey::of(self.collation, text))
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
        let user = "displayname caseless\nemails.value caseless\nexternalid exact\nusername username";
        assert_eq!(signature("User"), user);
        assert_eq!(signature("Group"), "displayname caseless\nexternalid exact");
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
