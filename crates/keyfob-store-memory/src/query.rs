//! Queries: which resources may match, which do, and which of those are on the page.

use std::{cell::Cell, collections::BTreeSet};

use keyfob_core::{AttrName, ResourceId, ResourceType, message::SortOrder, schema::RelationKind};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{
    Page, Paging, Query, ReadContext, Selection, StoreError, Total, Visibility,
    kit::{self, SortAttribute},
};
use smol_str::SmolStr;

use crate::{
    table::{Place, Table},
    tenant::{Record, Tenant},
};

impl Tenant {
    /// Reads a page of the resources of a type.
    pub(crate) fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        // Named one by one, so that a new field can't be overlooked.
        let Query {
            filter,
            reserved,
            visibility,
            sort,
            paging,
            total,
            selection,
        } = query;
        let attribute = match sort {
            None => None,
            Some(sort) => Some(
                SortAttribute::of(resource_type, &sort.path)
                    .ok_or(StoreError::Unsupported("sort by an attribute without an index"))?,
            ),
        };
        let order = sort.as_ref().map_or(SortOrder::Ascending, |sort| sort.order);
        let start = match paging {
            Paging::Offset { .. } | Paging::Cursor { after: None, .. } => None,
            Paging::Cursor {
                after: Some(after), ..
            } => {
                let place = kit::Place::from_cursor(after).ok_or(StoreError::InvalidCursor)?;
                if place.value.is_some() && attribute.is_none() {
                    return Err(StoreError::InvalidCursor);
                }
                Some(place)
            }
        };
        let Some(table) = self.table(resource_type.name()) else {
            return Ok(Page::default().with_total(0));
        };
        let meter = cx.budget.meter();
        let filter = filter.as_deref();
        let candidates = self.candidates(resource_type, table, filter, reserved.as_ref(), *visibility);
        let exhausted = Cell::new(None);
        // A look at each, and what the filter compares of it.
        let steps = 1 + filter.map_or(0, |filter| filter.comparisons() as u64);
        let matching = candidates.map_while(|place| match meter.spend(steps) {
            Ok(()) => Some(place),
            Err(error) => {
                exhausted.set(Some(error));
                None
            }
        });
        let matching = matching.filter_map(|id| {
            let record = self.record(id)?;
            let is_wanted = record.stored.visibility == *visibility
                && filter.is_none_or(|filter| self.matches(resource_type, id, record, filter));
            is_wanted.then_some((id, record))
        });
        let mut pages = Pages::new(paging, *total);
        match attribute {
            None => {
                for (id, record) in matching {
                    let place = kit::Place {
                        value: None,
                        created: record.created,
                        id: id.clone(),
                    };
                    if pages.is_full_after(place, (id, record), start.as_ref(), order) {
                        break;
                    }
                }
            }
            Some(attribute) => {
                let mut sorted: Vec<_> = matching
                    .map(|(id, record)| (kit::Place::of(&record.stored, Some(attribute)), (id, record)))
                    .collect();
                sorted.sort_by(|(left, _), (right, _)| left.compare(right, order));
                for (place, found) in sorted {
                    if pages.is_full_after(place, found, start.as_ref(), order) {
                        break;
                    }
                }
            }
        }
        if let Some(exhausted) = exhausted.take() {
            return Err(exhausted.into());
        }
        let resources = pages.on_page.iter();
        let resources = resources.map(|(_, (id, record))| self.compose(resource_type, id, record, selection));
        let page = Page::new(resources.collect()).with_next(pages.next());
        Ok(match total {
            Total::Exact => page.with_total(pages.total),
            Total::Unknown => page,
        })
    }

    /// Returns the ids that may match, in the order of creation.
    fn candidates<'t>(
        &'t self,
        resource_type: &ResourceType,
        table: &'t Table,
        filter: Option<&Predicate>,
        reserved: Option<&keyfob_store::UniqueKey>,
        visibility: Visibility,
    ) -> Box<dyn Iterator<Item = &'t ResourceId> + 't> {
        if let Some(key) = reserved {
            return Box::new(table.reserved_by(key).into_iter());
        }
        match filter.and_then(|filter| self.find(resource_type, table, filter, visibility)) {
            Some(places) => Box::new(places.into_iter().filter_map(|place| self.known(&place.id))),
            None => Box::new(table.ids(visibility)),
        }
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

    /// Returns the places of all resources that may match, where an index knows them.
    fn find(
        &self,
        resource_type: &ResourceType,
        table: &Table,
        filter: &Predicate,
        visibility: Visibility,
    ) -> Option<BTreeSet<Place>> {
        filter.lookups().find_map(|lookup| {
            let place = lookup.place();
            if place.is_relation() {
                self.find_related(resource_type, &lookup, visibility)
            } else if place.extension().is_none() && place.attribute().is("id") {
                Some(self.places(resource_type, lookup.ids()?))
            } else {
                table.find(&lookup)
            }
        })
    }

    /// Returns the places of the resources that have one of the ids in a relation.
    fn find_related(
        &self,
        resource_type: &ResourceType,
        lookup: &Lookup<'_>,
        visibility: Visibility,
    ) -> Option<BTreeSet<Place>> {
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
            RelationKind::InverseOf {
                resource_type,
                attribute,
                levels,
            } => self
                .with_owners_within(ids.collect(), resource_type, attribute, *levels)
                .iter()
                .filter_map(|id| self.edges_to(visibility).members(id, attribute.as_str()))
                .flat_map(|members| members.iter().map(|(id, _)| id.clone()))
                .collect(),
            _ => return None,
        };
        Some(self.places(resource_type, found))
    }

    /// Returns these owners with all owners of their type that are members of one of them, or of one of those.
    fn with_owners_within(
        &self,
        owners: Vec<ResourceId>,
        owner_type: &SmolStr,
        attribute: &AttrName,
        levels: usize,
    ) -> BTreeSet<ResourceId> {
        let mut found: BTreeSet<ResourceId> = owners.iter().cloned().collect();
        let mut level = owners;
        for _ in 1..levels {
            let members = level
                .iter()
                .filter_map(|owner| self.edges.members(owner, attribute.as_str()))
                .flat_map(|members| members.iter().map(|(id, _)| id));
            let within = members.filter(|id| {
                let record = self.record(id);
                record.is_some_and(|record| record.resource_type == *owner_type)
            });
            level = within.filter(|id| !found.contains(*id)).cloned().collect();
            if level.is_empty() {
                break;
            }
            found.extend(level.iter().cloned());
        }
        found
    }

    fn places(
        &self,
        resource_type: &ResourceType,
        ids: impl IntoIterator<Item = ResourceId>,
    ) -> BTreeSet<Place> {
        let places = ids.into_iter().filter_map(|id| {
            let record = self.record_of(resource_type, &id)?;
            Some(Place::of(&id, record))
        });
        places.collect()
    }
}

/// Cuts a page out of what matches, in order.
struct Pages<T> {
    offset: usize,
    count: usize,
    is_by_cursor: bool,
    counts_all: bool,
    total: usize,
    on_page: Vec<(kit::Place, T)>,
    /// Whether there is something after the page.
    goes_on: bool,
}

impl<T> Pages<T> {
    fn new(paging: &Paging, total: Total) -> Self {
        let (offset, is_by_cursor) = match paging {
            Paging::Offset { offset, .. } => (*offset, false),
            Paging::Cursor { .. } => (0, true),
        };
        Self {
            offset,
            count: paging.count(),
            is_by_cursor,
            counts_all: total == Total::Exact,
            total: 0,
            on_page: Vec::new(),
            goes_on: false,
        }
    }

    /// Takes the next that matches and says whether nothing more has to be looked at.
    fn is_full_after(
        &mut self,
        place: kit::Place,
        found: T,
        start: Option<&kit::Place>,
        order: SortOrder,
    ) -> bool {
        let is_before = match start {
            Some(start) => place.compare(start, order).is_le(),
            None => self.total < self.offset,
        };
        self.total += 1;
        if !is_before {
            if self.on_page.len() < self.count {
                self.on_page.push((place, found));
            } else {
                self.goes_on = true;
            }
        }
        let is_done = if self.is_by_cursor {
            self.goes_on
        } else {
            self.on_page.len() >= self.count
        };
        is_done && !self.counts_all
    }

    fn next(&self) -> Option<keyfob_store::Cursor> {
        let (last, _) = self.on_page.last()?;
        (self.is_by_cursor && self.goes_on).then(|| last.to_cursor())
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{DateTime, Dialect, Registry, Resource};
    use keyfob_filter::Filter;
    use keyfob_store::{Change, Commit, CommitId, TenantId};

    use super::*;
    use crate::commit::Transaction;

    #[test]
    fn an_equality_with_an_id_a_unique_or_an_indexed_attribute_needs_no_scan() {
        let mut tenant = Tenant::default();
        for (name, id) in [("User", "u"), ("Group", "g")] {
            let resource_type = Registry::rfc().resource_type(name).unwrap();
            let create = Change::create(resource_type, ResourceId::new(id), Resource::default());
            let at = DateTime::from_unix_millis(0);
            let commit = Commit::new(CommitId::new(id), TenantId::new("acme"), at, vec![create]);
            Transaction::new(&mut tenant, &commit).run().unwrap();
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
            let table = tenant.table(name).unwrap();
            let found = tenant.find(resource_type, table, &predicate, Visibility::Live);
            assert_eq!(found.is_none(), needs_scan, "{filter}");
        }
    }
}
