//! The resources of one type: their order, what they reserve, and by which values they are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_core::{
    AttrPath, Collation, CompareKey, Resource, ResourceId, ResourceType, Value,
    schema::{Attribute, AttributeType, Uniqueness},
};
use keyfob_filter::Lookup;
use keyfob_store::UniqueKey;

use crate::tenant::Record;

pub(crate) struct Table {
    resource_type: ResourceType,
    /// Ids by their places in the order of creation.
    order: BTreeMap<u64, ResourceId>,
    unique: HashMap<UniqueKey, ResourceId>,
    indexes: Vec<Index>,
}

/// Finds resources by the values of one attribute.
struct Index {
    path: AttrPath,
    collation: Collation,
    places: HashMap<CompareKey, BTreeSet<u64>>,
}

impl Table {
    pub(crate) fn new(resource_type: &ResourceType) -> Self {
        Self {
            order: BTreeMap::new(),
            unique: HashMap::new(),
            indexes: index_paths(resource_type)
                .into_iter()
                .map(|(path, collation)| Index::new(path, collation))
                .collect(),
            resource_type: resource_type.clone(),
        }
    }

    pub(crate) fn resource_type(&self) -> &ResourceType {
        &self.resource_type
    }

    /// Who has reserved a key.
    pub(crate) fn reserved_by(&self, key: &UniqueKey) -> Option<&ResourceId> {
        self.unique.get(key)
    }

    /// All ids in the order of creation.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ResourceId> {
        self.order.values()
    }

    /// The id at a place in the order of creation.
    pub(crate) fn at(&self, place: u64) -> Option<&ResourceId> {
        self.order.get(&place)
    }

    /// The places of all resources that have one of the keys, and perhaps of others; `None` where there is no index.
    pub(crate) fn find(&self, lookup: &Lookup<'_>) -> Option<BTreeSet<u64>> {
        let place = lookup.place();
        let path = AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        );
        let index = self.indexes.iter().find(|index| index.path == path)?;
        let found = lookup.keys().filter_map(|key| index.places.get(key));
        Some(found.flatten().copied().collect())
    }

    pub(crate) fn enter(&mut self, id: &ResourceId, record: &Record) {
        self.order.insert(record.place, id.clone());
        self.unique
            .extend(record.unique.iter().map(|key| (key.clone(), id.clone())));
        for index in &mut self.indexes {
            index.enter(record);
        }
    }

    pub(crate) fn leave(&mut self, record: &Record) {
        self.order.remove(&record.place);
        for key in &record.unique {
            self.unique.remove(key);
        }
        for index in &mut self.indexes {
            index.leave(record);
        }
    }
}

impl Index {
    fn new(path: AttrPath, collation: Collation) -> Self {
        Self {
            path,
            collation,
            places: HashMap::new(),
        }
    }

    fn enter(&mut self, record: &Record) {
        for text in texts(&record.stored.resource, &self.path) {
            let key = CompareKey::new(self.collation, text);
            self.places.entry(key).or_default().insert(record.place);
        }
    }

    fn leave(&mut self, record: &Record) {
        for text in texts(&record.stored.resource, &self.path) {
            let key = CompareKey::new(self.collation, text);
            if let Some(places) = self.places.get_mut(&key) {
                places.remove(&record.place);
                if places.is_empty() {
                    self.places.remove(&key);
                }
            }
        }
    }
}

/// The attributes by whose values resources are found: those that the type asks for, and the unique ones, `id` among
/// them. Relations are not in the document, and what is no text does not compare as one.
fn index_paths(resource_type: &ResourceType) -> Vec<(AttrPath, Collation)> {
    let is_text =
        |attribute: &Attribute| matches!(attribute.kind, AttributeType::String | AttributeType::Reference);
    let unique = resource_type
        .attributes()
        .filter(|(_, attribute)| attribute.uniqueness != Uniqueness::None && is_text(attribute))
        .map(|(uri, attribute)| {
            let path = AttrPath::new(uri.cloned(), attribute.name.clone(), None);
            (path, attribute.collation())
        });
    let mut paths: Vec<_> = unique.collect();
    for path in resource_type.indexed() {
        if let Ok(resolved) = resource_type.resolve_attribute(path)
            && is_text(resolved.leaf())
            && resource_type.relation(resolved.attribute.name.as_str()).is_none()
            && !paths.iter().any(|(path, _)| *path == resolved.to_path())
        {
            paths.push((resolved.to_path(), resolved.leaf().collation()));
        }
    }
    paths
}

/// The texts that a resource has under a path.
fn texts<'r>(resource: &'r Resource, path: &AttrPath) -> impl Iterator<Item = &'r str> + use<'r> {
    let object = match path.schema() {
        None => Some(resource.core()),
        Some(uri) => resource.extension(uri),
    };
    let value = object.and_then(|object| object.get(path.name().as_str()));
    let sub = path.sub().cloned();
    let leaf = move |element: &'r Value| match &sub {
        None => Some(element),
        Some(sub) => element.as_object()?.get(sub.as_str()),
    };
    let elements = value.map(Value::as_elements).unwrap_or_default().iter();
    elements
        .filter_map(leaf)
        .flat_map(Value::as_elements)
        .filter_map(Value::as_str)
}
