//! Queries: which resources may match, which do, and which of those are on the page.

use std::collections::BTreeSet;

use keyfob_core::{ResourceId, ResourceType, schema::RelationKind};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{Page, Query, Selection};

use crate::{
    table::Table,
    tenant::{Record, Tenant},
};

impl Tenant {
    /// Reads a page of the resources of a type, in the order of their creation.
    pub(crate) fn query(&self, resource_type: &ResourceType, query: &Query<'_>) -> Page {
        let Some(table) = self.table(resource_type.name()) else {
            return Page::default();
        };
        let found = query
            .filter
            .and_then(|filter| self.find(resource_type, table, filter));
        let candidates: Box<dyn Iterator<Item = &ResourceId>> = match &found {
            Some(places) => Box::new(places.iter().filter_map(|place| table.at(*place))),
            None => Box::new(table.ids()),
        };
        let mut page = Page::default();
        for id in candidates {
            let Some(record) = self.record(id) else { continue };
            if !query
                .filter
                .is_none_or(|filter| self.matches(resource_type, id, record, filter))
            {
                continue;
            }
            if page.total >= query.offset && page.resources.len() < query.count {
                page.resources
                    .push(self.compose(resource_type, id, record, query.selection));
            }
            page.total += 1;
        }
        page
    }

    fn matches(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        record: &Record,
        filter: &Predicate,
    ) -> bool {
        let reads_relations = resource_type
            .relations()
            .iter()
            .any(|relation| filter.reads().contains(relation.attribute.id));
        if reads_relations {
            let selection = Selection::of(filter.reads().clone());
            filter.matches(&self.compose(resource_type, id, record, &selection).resource)
        } else {
            filter.matches(&record.stored.resource)
        }
    }

    /// The places of all resources that may match, where an index knows them.
    fn find(&self, resource_type: &ResourceType, table: &Table, filter: &Predicate) -> Option<BTreeSet<u64>> {
        filter.lookups().find_map(|lookup| {
            if lookup.place().is_relation() {
                self.find_related(resource_type, &lookup)
            } else {
                table.find(&lookup)
            }
        })
    }

    /// The places of the resources that have one of the ids in a relation.
    fn find_related(&self, resource_type: &ResourceType, lookup: &Lookup<'_>) -> Option<BTreeSet<u64>> {
        let relation = resource_type.relation(lookup.place().attribute().as_str())?;
        if !lookup.place().sub()?.is("value") {
            return None;
        }
        let ids = lookup.ids()?.into_iter();
        let found: Vec<ResourceId> = match &relation.kind {
            RelationKind::Owned => ids
                .flat_map(|id| self.edges.holders(&id).cloned().collect::<Vec<_>>())
                .filter(|holder| relation.attribute.name.is(&holder.attribute))
                .map(|holder| holder.owner)
                .collect(),
            RelationKind::InverseOf { attribute, .. } => ids
                .filter_map(|id| self.edges.members(&id, attribute.as_str()))
                .flat_map(|members| members.iter().map(|(id, _)| id.clone()))
                .collect(),
            _ => return None,
        };
        let records = found.iter().filter_map(|id| self.record_of(resource_type, id));
        Some(records.map(|record| record.place).collect())
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{DateTime, Dialect, Registry, Resource, Version};
    use keyfob_filter::Filter;
    use keyfob_store::Change;

    use super::*;
    use crate::commit::Transaction;

    #[test]
    fn an_equality_with_an_id_a_unique_or_an_indexed_attribute_needs_no_scan() {
        let mut tenant = Tenant::default();
        for (name, id) in [("User", "u"), ("Group", "g")] {
            let resource_type = Registry::rfc().resource_type(name).unwrap();
            let create = Change::Create {
                resource_type,
                id: &ResourceId::new(id),
                document: &Resource::default(),
                relations: &[],
                unique: &[],
                version: Version::FIRST,
                created: DateTime::from_unix_millis(0),
                at: DateTime::from_unix_millis(0),
            };
            Transaction::new(&mut tenant, &mut 0).run(&[create]).unwrap();
        }
        for (name, filter, needs_scan) in [
            ("User", r#"id eq "x""#, false),
            ("User", r#"userName eq "X""#, false),
            ("User", r#"externalId eq "x" or externalId eq "y""#, false),
            ("User", r#"displayName eq "x" and active eq true"#, false),
            (
                "User",
                r#"active eq true and emails[type eq "work" and value eq "x"]"#,
                false,
            ),
            ("User", r#"emails eq "x""#, false),
            ("User", r#"groups.value eq "x""#, false),
            ("Group", r#"displayName eq "x""#, false),
            ("Group", r#"members[value eq "x" or value eq "y"]"#, false),
            ("User", r#"title eq "x""#, true),
            ("User", r#"userName sw "x""#, true),
            ("User", r#"userName eq "x" or active eq true"#, true),
            ("User", r#"not (userName eq "x")"#, true),
            ("Group", r#"members.display eq "x""#, true),
        ] {
            let resource_type = Registry::rfc().resource_type(name).unwrap();
            let predicate = Filter::parse(filter)
                .unwrap()
                .compile(resource_type, Dialect::strict())
                .unwrap();
            let found = tenant.find(resource_type, tenant.table(name).unwrap(), &predicate);
            assert_eq!(found.is_none(), needs_scan, "{filter}");
        }
    }
}
