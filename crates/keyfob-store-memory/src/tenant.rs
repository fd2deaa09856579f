//! What is kept of one tenant.

use std::{collections::HashMap, convert::Infallible};

use keyfob_core::{
    AttrName, DateTime, Member, MemberSet, ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{Finding, Keys, MemberPage, Selection, Stored, UniqueKey, Visibility, kit};
use smol_str::SmolStr;

use crate::{edges::Edges, feed::Feed, table::Table};

#[derive(Default)]
pub(crate) struct Tenant {
    records: HashMap<ResourceId, Record>,
    tables: HashMap<SmolStr, Table>,
    /// The edges to live members.
    pub(crate) edges: Edges,
    /// The edges to hidden members.
    pub(crate) hidden_edges: Edges,
    pub(crate) feed: Feed,
    /// The last versions of resources that are gone, so that none is given again.
    pub(crate) departed: HashMap<ResourceId, Version>,
}

/// A resource without its relations.
#[derive(Clone)]
pub(crate) struct Record {
    /// The name of its type.
    pub(crate) resource_type: SmolStr,
    pub(crate) created: DateTime,
    pub(crate) last_modified: DateTime,
    /// The keys that it reserves.
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) stored: Stored,
}

impl Tenant {
    /// Returns true if nothing is kept of the tenant.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.feed.is_empty()
    }

    /// Returns the record of a resource of whatever type.
    pub(crate) fn record(&self, id: &ResourceId) -> Option<&Record> {
        self.records.get(id)
    }

    /// Returns the id as the tenant keeps it.
    pub(crate) fn known(&self, id: &ResourceId) -> Option<&ResourceId> {
        self.records.get_key_value(id).map(|(id, _)| id)
    }

    /// Returns the record of a resource of this type.
    pub(crate) fn record_of(&self, resource_type: &ResourceType, id: &ResourceId) -> Option<&Record> {
        self.records
            .get(id)
            .filter(|record| record.resource_type == *resource_type.name())
    }

    /// Returns the table of a type, if it ever had a resource.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Makes sure that a type has a table.
    pub(crate) fn open_table(&mut self, resource_type: &ResourceType) {
        self.tables
            .entry(resource_type.name().clone())
            .or_insert_with(|| Table::new(resource_type));
    }

    /// Puts a record in, or takes it out, and returns what stood there: done with that again, it is undone.
    pub(crate) fn set_record(&mut self, id: &ResourceId, record: Option<Record>) -> Option<Record> {
        let before = self.records.remove(id);
        if let Some(before) = &before
            && let Some(table) = self.tables.get_mut(&before.resource_type)
        {
            table.leave(id, before);
        }
        if let Some(record) = record {
            if let Some(table) = self.tables.get_mut(&record.resource_type) {
                table.enter(id, &record);
            }
            self.records.insert(id.clone(), record);
        }
        before
    }

    /// Returns the edges to members of this visibility.
    pub(crate) fn edges_to(&self, members: Visibility) -> &Edges {
        match members {
            Visibility::Live => &self.edges,
            Visibility::Hidden => &self.hidden_edges,
        }
    }

    /// Reads one resource, live or hidden.
    pub(crate) fn get(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Option<Stored> {
        let record = self.record_of(resource_type, id)?;
        Some(self.compose(resource_type, id, record, selection))
    }

    /// Returns a record with those of its relations that are selected.
    pub(crate) fn compose(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        record: &Record,
        selection: &Selection,
    ) -> Stored {
        let mut stored = record.stored.clone();
        for relation in resource_type.relations() {
            if selection.attributes.contains(relation.attribute.id)
                && let Some(members) = self.members((id, record), relation, selection)
            {
                stored.resource.set_relation(&relation.attribute.name, members);
            }
        }
        stored
    }

    /// Returns the members under a relation that are selected, unless there are more than the limit.
    fn members(
        &self,
        (id, record): (&ResourceId, &Record),
        relation: &Relation,
        selection: &Selection,
    ) -> Option<MemberSet> {
        let limit = selection.relation_limit.unwrap_or(usize::MAX);
        match &relation.kind {
            RelationKind::Owned => {
                let edges = self.edges_to(selection.members);
                let members = edges.members(id, relation.attribute.name.as_str());
                match (members, &selection.page) {
                    (None, _) => Some(MemberSet::new()),
                    (Some(members), None) => (members.len() <= limit).then(|| members.clone()),
                    (Some(members), Some(MemberPage { after, count })) => Some(match after {
                        None => page(members.iter(), *count),
                        Some(after) => page(members.after(after)?, *count),
                    }),
                }
            }
            RelationKind::InverseOf {
                resource_type,
                attribute,
                levels,
            } => {
                let owners_of =
                    |id: &ResourceId, visibility| self.owners(id, visibility, resource_type, attribute);
                let direct = owners_of(id, record.stored.visibility);
                let mut members: MemberSet = direct
                    .map(|(owner, display)| {
                        let mut member = Member::new().with_kind(Relation::DIRECT);
                        member.display = display;
                        (owner, member)
                    })
                    .collect();
                if members.len() <= limit {
                    let above = |owner: &ResourceId| Ok::<_, Infallible>(owners_of(owner, Visibility::Live));
                    let Ok(()) = kit::add_indirect(&mut members, *levels, above);
                }
                (members.len() <= limit).then_some(members)
            }
            _ => None,
        }
    }

    /// Returns the live owners of the edges to a resource that is live or hidden, each with its name.
    fn owners<'t>(
        &'t self,
        member: &ResourceId,
        visibility: Visibility,
        owner_type: &'t SmolStr,
        attribute: &'t AttrName,
    ) -> impl Iterator<Item = (ResourceId, Option<SmolStr>)> + use<'t> {
        self.edges_to(visibility)
            .holders(member)
            .filter(|holder| attribute.is(&holder.attribute))
            .filter_map(|holder| Some((&holder.owner, self.record(&holder.owner)?)))
            .filter(|(_, owner)| owner.resource_type == *owner_type && !owner.stored.is_hidden())
            .map(|(id, owner)| {
                let name = owner.stored.resource.core().get_str("displayName");
                (id.clone(), name.map(SmolStr::new))
            })
    }

    /// Compares what follows from the documents of a type with what is kept.
    pub(crate) fn check(&self, resource_type: &ResourceType, keys: &Keys) -> Vec<Finding> {
        let Some(table) = self.table(resource_type.name()) else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        for visibility in [Visibility::Live, Visibility::Hidden] {
            for id in table.ids(visibility) {
                let Some(record) = self.record(id) else { continue };
                if !table.has_indexed(id, record) {
                    findings.push(Finding::Unindexed { resource: id.clone() });
                }
                let wanted = match visibility {
                    Visibility::Live => keys(&record.stored),
                    Visibility::Hidden => Vec::new(),
                };
                for key in wanted {
                    match table.reserved_by(&key) {
                        Some(owner) if owner == id => {}
                        Some(owner) => findings.push(Finding::Collision {
                            resource: id.clone(),
                            key,
                            owner: owner.clone(),
                        }),
                        None => findings.push(Finding::Unreserved {
                            resource: id.clone(),
                            key,
                        }),
                    }
                }
            }
        }
        findings
    }
}

fn page<'m>(members: impl Iterator<Item = (&'m ResourceId, &'m Member)>, count: usize) -> MemberSet {
    members
        .take(count)
        .map(|(id, member)| (id.clone(), member.clone()))
        .collect()
}
