//! Queries: which resources may match, which do, and which of those are on the page.

use std::{cell::Cell, collections::BTreeSet};

use keyfob_core::{AttrName, ResourceId, ResourceType, message::SortOrder, schema::RelationKind};
use keyfob_filter::{Lookup, Predicate};
use keyfob_store::{
    Counted, Explanation, Page, PageOrder, Paging, Query, ReadContext, Reads, Selection, StoreError, Total,
    Visibility,
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
            // The candidates are those that reserve it.
            reserved: _,
            visibility,
            sort,
            paging,
            total,
            selection,
        } = query;
        let attribute = sorted_by(resource_type, query)?;
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
        let candidates = self.candidates(resource_type, table, query);
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

    /// Explains how a page would be read. Every candidate is at hand, so that each is looked at.
    pub(crate) fn explain(
        &self,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        let filter = query.filter.as_deref();
        let mut explanation = Explanation {
            resource_type: resource_type.name().clone(),
            is_index_current: true,
            searches: Vec::new(),
            decided: filter.map(kit::filter_in_words).unwrap_or_default(),
            candidates: 0,
            reads: Reads::Candidates,
            order: match sorted_by(resource_type, query)? {
                Some(_) => PageOrder::Sorted,
                None => PageOrder::Index,
            },
            total: match query.total {
                Total::Exact => Counted::Read,
                Total::Unknown => Counted::Not,
            },
        };
        let Some(table) = self.table(resource_type.name()) else {
            return Ok(explanation);
        };
        if let Some(key) = &query.reserved {
            explanation.searches.push(kit::key_in_words(key));
        } else if let Some((lookup, _)) = self.find(resource_type, table, query) {
            explanation.searches.push(kit::lookup_in_words(&lookup));
        }
        let candidates = self.candidates(resource_type, table, query);
        let is_wanted = |id: &&ResourceId| {
            let record = self.record(id);
            record.is_some_and(|record| record.stored.visibility == query.visibility)
        };
        explanation.candidates = candidates.filter(is_wanted).count();
        Ok(explanation)
    }

    /// Returns the ids that may match, in the order of creation.
    fn candidates<'t>(
        &'t self,
        resource_type: &ResourceType,
        table: &'t Table,
        query: &Query,
    ) -> Box<dyn Iterator<Item = &'t ResourceId> + 't> {
        if let Some(key) = &query.reserved {
            return Box::new(table.reserved_by(key).into_iter());
        }
        match self.find(resource_type, table, query) {
            Some((_, places)) => Box::new(places.into_iter().filter_map(|place| self.known(&place.id))),
            None => Box::new(table.ids(query.visibility)),
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

    /// Returns the places of all resources that may match, where an index knows them, and the look-up that found them.
    fn find<'q>(
        &self,
        resource_type: &ResourceType,
        table: &Table,
        query: &'q Query,
    ) -> Option<(Lookup<'q>, BTreeSet<Place>)> {
        query.filter.as_deref()?.lookups().find_map(|lookup| {
            let place = lookup.place();
            let found = if place.is_relation() {
                self.find_related(resource_type, &lookup, query.visibility)?
            } else if place.extension().is_none() && place.attribute().is("id") {
                self.places(resource_type, lookup.ids()?)
            } else {
                table.find(&lookup)?
            };
            Some((lookup, found))
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

/// Returns the attribute by which a query sorts.
fn sorted_by<'t>(
    resource_type: &'t ResourceType,
    query: &Query,
) -> Result<Option<SortAttribute<'t>>, StoreError> {
    let attribute = query.sort.as_ref().map(|sort| {
        let attribute = SortAttribute::of(resource_type, &sort.path);
        attribute.ok_or(StoreError::Unsupported("sort by an attribute without an index"))
    });
    attribute.transpose()
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
            let query = Query::all().with_filter(predicate);
            let found = tenant.find(resource_type, table, &query);
            assert_eq!(found.is_none(), needs_scan, "{filter}");
            // There is one resource of each type, which no look-up finds.
            let explanation = tenant.explain(resource_type, &query).unwrap();
            assert_eq!(explanation.searches.is_empty(), needs_scan, "{explanation}");
            assert_eq!(explanation.candidates, usize::from(needs_scan), "{explanation}");
        }
    }
}
