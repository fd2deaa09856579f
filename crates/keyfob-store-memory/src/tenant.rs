//! What is kept of one tenant.

use std::collections::HashMap;

use keyfob_core::{
    DateTime, Member, MemberSet, Resource, ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{Event, EventId, Selection, Stored, UniqueKey};
use smol_str::SmolStr;

use crate::{edges::Edges, table::Table};

#[derive(Default)]
pub(crate) struct Tenant {
    records: HashMap<ResourceId, Record>,
    tables: HashMap<SmolStr, Table>,
    pub(crate) edges: Edges,
    pub(crate) events: Vec<Event>,
    last_place: u64,
}

/// A resource without its relations.
pub(crate) struct Record {
    /// The name of its type.
    pub(crate) resource_type: SmolStr,
    /// Its place in the order of creation.
    pub(crate) place: u64,
    pub(crate) created: DateTime,
    /// What it reserves.
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) stored: Stored,
}

impl Record {
    /// The record at its next version, with another document if there is one.
    pub(crate) fn changed(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        document: Option<(&Resource, &[UniqueKey])>,
        at: DateTime,
    ) -> Self {
        let (document, unique) = document.unwrap_or((&self.stored.resource, &self.unique));
        let version = self.stored.version.next();
        Self {
            resource_type: self.resource_type.clone(),
            place: self.place,
            created: self.created,
            unique: unique.to_vec(),
            stored: stored(resource_type, id, document, version, self.created, at),
        }
    }
}

/// A document without its relations, as it is given back.
pub(crate) fn stored(
    resource_type: &ResourceType,
    id: &ResourceId,
    document: &Resource,
    version: Version,
    created: DateTime,
    last_modified: DateTime,
) -> Stored {
    let mut document = document.clone();
    document.relations_mut().clear();
    Stored::new(resource_type, id, document, version, created, last_modified)
}

impl Tenant {
    /// The record of a resource, of whatever type.
    pub(crate) fn record(&self, id: &ResourceId) -> Option<&Record> {
        self.records.get(id)
    }

    /// The record of a resource of this type.
    pub(crate) fn record_of(&self, resource_type: &ResourceType, id: &ResourceId) -> Option<&Record> {
        self.records
            .get(id)
            .filter(|record| record.resource_type == *resource_type.name())
    }

    /// The table of a type, if it ever had a resource.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The place of a new resource: the last in the order of creation.
    pub(crate) fn new_place(&mut self, resource_type: &ResourceType) -> u64 {
        self.last_place += 1;
        self.tables
            .entry(resource_type.name().clone())
            .or_insert_with(|| Table::new(resource_type));
        self.last_place
    }

    /// Puts a record in, or takes it out, and returns what stood there: done with that again, it is undone.
    pub(crate) fn set_record(&mut self, id: &ResourceId, record: Option<Record>) -> Option<Record> {
        let before = self.records.remove(id);
        if let Some(before) = &before
            && let Some(table) = self.tables.get_mut(&before.resource_type)
        {
            table.leave(before);
        }
        if let Some(record) = record {
            if let Some(table) = self.tables.get_mut(&record.resource_type) {
                table.enter(id, &record);
            }
            self.records.insert(id.clone(), record);
        }
        before
    }

    /// Reads one resource.
    pub(crate) fn get(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Option<Stored> {
        let record = self.record_of(resource_type, id)?;
        Some(self.compose(resource_type, id, record, selection))
    }

    /// A record with those of its relations that are selected.
    pub(crate) fn compose(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        record: &Record,
        selection: &Selection,
    ) -> Stored {
        let mut stored = record.stored.clone();
        let limit = selection.relation_limit.unwrap_or(usize::MAX);
        for relation in resource_type.relations() {
            if selection.attributes.contains(relation.attribute.id)
                && let Some(members) = self.members(id, relation, limit)
            {
                stored.resource.set_relation(&relation.attribute.name, members);
            }
        }
        stored
    }

    /// The members under a relation, unless there are more than `limit`.
    fn members(&self, id: &ResourceId, relation: &Relation, limit: usize) -> Option<MemberSet> {
        match &relation.kind {
            RelationKind::Owned => match self.edges.members(id, relation.attribute.name.as_str()) {
                None => Some(MemberSet::new()),
                Some(members) => (members.len() <= limit).then(|| members.clone()),
            },
            RelationKind::InverseOf {
                resource_type,
                attribute,
            } => {
                let owners: Vec<(&ResourceId, &Record)> = self
                    .edges
                    .holders(id)
                    .filter(|holder| attribute.is(&holder.attribute))
                    .filter_map(|holder| Some((&holder.owner, self.record(&holder.owner)?)))
                    .filter(|(_, record)| record.resource_type == *resource_type)
                    .collect();
                (owners.len() <= limit).then(|| owners.into_iter().map(inverse_member).collect())
            }
            _ => None,
        }
    }

    /// Reads events.
    pub(crate) fn events(&self, after: Option<EventId>, limit: usize) -> Vec<Event> {
        let start = self.events.partition_point(|event| Some(event.id) <= after);
        self.events.iter().skip(start).take(limit).cloned().collect()
    }
}

/// How the owner of an edge is seen from the edge's end.
fn inverse_member((owner, record): (&ResourceId, &Record)) -> (ResourceId, Member) {
    let member = Member::new().with_kind("direct");
    let member = match record.stored.resource.core().get_str("displayName") {
        Some(name) => member.with_display(name),
        None => member,
    };
    (owner.clone(), member)
}
