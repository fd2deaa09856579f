//! By which values resources are found without reading all of them.

use std::collections::BTreeSet;

use keyfob_core::{
    AttrPath, AttrSet, Attribute, Resource, ResourceType, Value,
    schema::{AttributeType, Container, Uniqueness},
};
use smol_str::SmolStr;

/// A value in an index: the attribute's path in lower case, and the key of the value.
pub(crate) type Entry = (SmolStr, SmolStr);

/// An attribute of which the index holds every value: one that its resource type declares
/// [indexed](ResourceType::indexed) or of which the values are unique, if they are texts.
///
/// Unique attributes stand in the index although there are unique keys, because the index follows from the document
/// alone: a resource may release what it reserved and keep its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indexed<'r> {
    container: Container<'r>,
    attribute: &'r Attribute,
    sub: Option<&'r Attribute>,
}

impl<'r> Indexed<'r> {
    /// All of a resource type.
    pub(crate) fn all(resource_type: &'r ResourceType) -> Vec<Self> {
        let declared = resource_type.indexed().iter().filter_map(|path| {
            let resolved = resource_type.resolve_attribute(path).ok()?;
            Some(Self {
                container: resolved.container,
                attribute: resolved.attribute,
                sub: resolved.sub,
            })
        });
        let unique = resource_type.attributes().flat_map(|(uri, attribute)| {
            let container = uri.map_or(Container::Core, Container::Extension);
            let leaves = attribute.sub_attributes.iter().map(Some).chain([None]);
            leaves
                .map(move |sub| Self {
                    container,
                    attribute,
                    sub,
                })
                .filter(|indexed| indexed.leaf().uniqueness != Uniqueness::None)
        });
        let mut seen = AttrSet::new();
        declared
            .chain(unique)
            .filter(|indexed| indexed.is_in_documents(resource_type) && indexed.is_text())
            .filter(|indexed| {
                let id = indexed.leaf().id;
                let new = !seen.contains(id);
                seen.insert(id);
                new
            })
            .collect()
    }

    /// The attributes of a resource type, without their sub-attributes, that may be unique texts in a document.
    pub(crate) fn attributes(resource_type: &'r ResourceType) -> impl Iterator<Item = Self> {
        resource_type
            .attributes()
            .map(|(uri, attribute)| Self {
                container: uri.map_or(Container::Core, Container::Extension),
                attribute,
                sub: None,
            })
            .filter(|indexed| indexed.is_in_documents(resource_type) && indexed.is_text())
    }

    /// Its path in lower case.
    pub(crate) fn path(&self) -> SmolStr {
        let uri = match self.container {
            Container::Core => None,
            Container::Extension(uri) => Some(uri.clone()),
        };
        let path = AttrPath::new(
            uri,
            self.attribute.name.clone(),
            self.sub.map(|sub| sub.name.clone()),
        );
        path.to_string().to_ascii_lowercase().into()
    }

    /// The attribute or sub-attribute with the values.
    pub(crate) fn leaf(&self) -> &'r Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// `id` and relations are kept elsewhere.
    fn is_in_documents(&self, resource_type: &ResourceType) -> bool {
        let name = self.attribute.name.as_str();
        let kept_elsewhere = name == "id" || name == "meta" || resource_type.relation(name).is_some();
        self.container != Container::Core || !kept_elsewhere
    }

    fn is_text(&self) -> bool {
        matches!(self.leaf().kind, AttributeType::String | AttributeType::Reference)
    }

    pub(crate) fn texts<'d>(&self, document: &'d Resource) -> impl Iterator<Item = &'d str> {
        let object = match self.container {
            Container::Core => Some(document.core()),
            Container::Extension(uri) => document.extension(uri),
        };
        let elements = object
            .and_then(|object| object.get(self.attribute.name.as_str()))
            .map_or(&[][..], Value::as_elements);
        let sub = self.sub;
        elements
            .iter()
            .flat_map(move |element| match sub {
                None => std::slice::from_ref(element),
                Some(sub) => element
                    .as_object()
                    .and_then(|object| object.get(sub.name.as_str()))
                    .map_or(&[][..], Value::as_elements),
            })
            .filter_map(Value::as_str)
    }
}

/// Everything by which a document is found.
pub(crate) fn entries(resource_type: &ResourceType, document: &Resource) -> BTreeSet<Entry> {
    Indexed::all(resource_type)
        .iter()
        .flat_map(|indexed| {
            let path = indexed.path();
            indexed
                .texts(document)
                .map(move |text| (path.clone(), indexed.leaf().compare_key(text).into()))
        })
        .collect()
}

/// Names the attributes of an index and how they compare, so that it shows when a type wants another index than it had.
pub(crate) fn signature(resource_type: &ResourceType) -> String {
    let mut paths: Vec<_> = Indexed::all(resource_type)
        .iter()
        .map(|indexed| format!("{} {}", indexed.path(), indexed.leaf().collation().as_str()))
        .collect();
    paths.sort();
    paths.join("\n")
}

#[cfg(test)]
mod tests {
    use keyfob_core::Registry;

    use super::*;

    #[test]
    fn unique_and_indexed_attributes_are_indexed_once() {
        let registry = Registry::rfc();
        let signature = |name| signature(registry.resource_type(name).unwrap());
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
        let entries: Vec<_> = entries(user, &document)
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(entries, ["emails.value=a@b", "externalid=X1", "username=bjensen"]);
    }
}
