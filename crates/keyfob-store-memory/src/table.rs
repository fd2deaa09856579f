//! The resources of one type: their order, the keys that they reserve, and by which values they are found.

use std::{
    collections::{BTreeSet, HashMap},
    iter,
};

use keyfob_core::{AttrPath, CompareKey, DateTime, ResourceId, ResourceType};
use keyfob_filter::Lookup;
use keyfob_store::{UniqueKey, Visibility};

use crate::tenant::Record;

pub(crate) struct Table {
    resource_type: ResourceType,
    live: BTreeSet<Place>,
    hidden: BTreeSet<Place>,
    unique: HashMap<UniqueKey, ResourceId>,
    /// By the number of an attribute in the type's index and a value: live and hidden resources.
    indexed: HashMap<(usize, CompareKey), BTreeSet<Place>>,
}

/// A place in the order of creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) created: DateTime,
    pub(crate) id: ResourceId,
}

impl Table {
    pub(crate) fn new(resource_type: &ResourceType) -> Self {
        Self {
            resource_type: resource_type.clone(),
            live: BTreeSet::new(),
            hidden: BTreeSet::new(),
            unique: HashMap::new(),
            indexed: HashMap::new(),
        }
    }

    pub(crate) fn resource_type(&self) -> &ResourceType {
        &self.resource_type
    }

    /// Returns who has reserved a key.
    pub(crate) fn reserved_by(&self, key: &UniqueKey) -> Option<&ResourceId> {
        self.unique.get(key)
    }

    /// Returns all places in the order of creation.
    pub(crate) fn places(&self, visibility: Visibility) -> &BTreeSet<Place> {
        match visibility {
            Visibility::Live => &self.live,
            Visibility::Hidden => &self.hidden,
        }
    }

    /// Returns all ids in the order of creation.
    pub(crate) fn ids(&self, visibility: Visibility) -> impl Iterator<Item = &ResourceId> {
        self.places(visibility).iter().map(|place| &place.id)
    }

    /// Returns the places of all resources that have one of the keys, and perhaps of others; `None` where there is no
    /// index.
    pub(crate) fn find(&self, lookup: &Lookup<'_>) -> Option<BTreeSet<Place>> {
        let place = lookup.place();
        let path = AttrPath::new(
            place.extension().cloned(),
            place.attribute().clone(),
            place.sub().cloned(),
        );
        let mut attributes = self.resource_type.index().attributes().iter();
        let index = attributes.position(|indexed| *indexed.path() == path)?;
        let found = lookup
            .keys()
            .filter_map(|key| self.indexed.get(&(index, key.clone())));
        Some(found.flatten().cloned().collect())
    }

    pub(crate) fn enter(&mut self, id: &ResourceId, record: &Record) {
        let place = Place::of(id, record);
        self.unique
            .extend(record.unique.iter().map(|key| (key.clone(), id.clone())));
        for entry in entries(&self.resource_type, record) {
            self.indexed.entry(entry).or_default().insert(place.clone());
        }
        self.places_mut(record.stored.visibility).insert(place);
    }

    pub(crate) fn leave(&mut self, id: &ResourceId, record: &Record) {
        let place = Place::of(id, record);
        for key in &record.unique {
            self.unique.remove(key);
        }
        for entry in entries(&self.resource_type, record) {
            if let Some(places) = self.indexed.get_mut(&entry) {
                places.remove(&place);
                if places.is_empty() {
                    self.indexed.remove(&entry);
                }
            }
        }
        self.places_mut(record.stored.visibility).remove(&place);
    }

    /// Returns true if the index has every entry of a record.
    pub(crate) fn has_indexed(&self, id: &ResourceId, record: &Record) -> bool {
        let place = Place::of(id, record);
        let mut entries = entries(&self.resource_type, record).into_iter();
        entries.all(|entry| {
            self.indexed
                .get(&entry)
                .is_some_and(|places| places.contains(&place))
        })
    }

    fn places_mut(&mut self, visibility: Visibility) -> &mut BTreeSet<Place> {
        match visibility {
            Visibility::Live => &mut self.live,
            Visibility::Hidden => &mut self.hidden,
        }
    }
}

impl Place {
    pub(crate) fn of(id: &ResourceId, record: &Record) -> Self {
        Self {
            created: record.created,
            id: id.clone(),
        }
    }
}

fn entries(resource_type: &ResourceType, record: &Record) -> Vec<(usize, CompareKey)> {
    let attributes = resource_type.index().attributes().iter().enumerate();
    attributes
        .flat_map(|(index, indexed)| iter::repeat(index).zip(indexed.keys(&record.stored.resource)))
        .collect()
}
