//! Reading one page of the resources of a type.

use std::collections::BTreeSet;

use keyfob_core::ResourceType;
use keyfob_filter::Predicate;
use keyfob_store::{Page, Selection};
use rusqlite::params;

use super::{
    Kind, Snapshot, lookup,
    resource::{Found, columns, read_relations},
    rows,
};

/// A [`keyfob_store::Query`] that owns what it refers to.
pub(crate) struct Query {
    pub(crate) filter: Option<Predicate>,
    pub(crate) offset: usize,
    pub(crate) count: usize,
    pub(crate) selection: Selection,
}

/// Reads a page and counts all that match.
pub(crate) fn query(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
) -> rusqlite::Result<Page> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(Page::default());
    };
    let reading = Reading {
        tenant,
        kind: &kind,
        resource_type,
        query,
    };
    let Some(filter) = &query.filter else {
        return reading.all();
    };
    match lookup::find(tenant, &kind, resource_type, filter)? {
        Some(found) if found.is_exact => reading.these(&found.resources),
        Some(found) => {
            tenant.demand_scans(found.resources.len())?;
            reading.matching_of(filter, &found.resources)
        }
        None => {
            tenant.demand_scans(kind.resources)?;
            reading.matching(filter)
        }
    }
}

/// The page of a query without a filter. It is cut out of the index alone, so that what comes before it is not read.
const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM (SELECT resource FROM resources WHERE kind = ?1 ORDER BY resource LIMIT ?2 OFFSET ?3)
    CROSS JOIN resources USING (resource) JOIN documents USING (resource) ORDER BY resource",
);

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources CROSS JOIN documents USING (resource) WHERE kind = ?1 ORDER BY resource",
);

const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources JOIN documents USING (resource) WHERE resource = ?1",
);

struct Reading<'r> {
    tenant: &'r Snapshot<'r>,
    kind: &'r Kind,
    resource_type: &'r ResourceType,
    query: &'r Query,
}

impl Reading<'_> {
    /// The page of all resources.
    fn all(&self) -> rusqlite::Result<Page> {
        let mut on_page = Vec::new();
        if self.query.count > 0 {
            let mut statement = self.tenant.connection.prepare_cached(PAGE)?;
            let mut found = statement.query(params![
                self.kind.number,
                rows(self.query.count),
                rows(self.query.offset)
            ])?;
            while let Some(row) = found.next()? {
                on_page.push(Found::from_row(self.tenant, row, self.resource_type)?);
            }
        }
        self.page(self.kind.resources, on_page)
    }

    /// The page of resources that are known to match.
    fn these(&self, resources: &BTreeSet<i64>) -> rusqlite::Result<Page> {
        let on_page = resources.iter().skip(self.query.offset).take(self.query.count);
        let found = on_page.map(|resource| self.one(*resource));
        self.page(resources.len(), found.collect::<rusqlite::Result<_>>()?)
    }

    /// The page of those of these resources that match.
    fn matching_of(&self, filter: &Predicate, resources: &BTreeSet<i64>) -> rusqlite::Result<Page> {
        let mut matching = Matching::new(self, filter);
        for resource in resources {
            matching.take(self.one(*resource)?)?;
        }
        self.page(matching.total, matching.on_page)
    }

    /// The page of all resources that match.
    fn matching(&self, filter: &Predicate) -> rusqlite::Result<Page> {
        let mut statement = self.tenant.connection.prepare_cached(ALL)?;
        let mut found = statement.query([self.kind.number])?;
        let mut matching = Matching::new(self, filter);
        while let Some(row) = found.next()? {
            matching.take(Found::from_row(self.tenant, row, self.resource_type)?)?;
        }
        self.page(matching.total, matching.on_page)
    }

    fn one(&self, resource: i64) -> rusqlite::Result<Found> {
        self.tenant
            .connection
            .prepare_cached(ONE)?
            .query_row([resource], |row| {
                Found::from_row(self.tenant, row, self.resource_type)
            })
    }

    /// The page of these resources with what the query selects.
    fn page(&self, total: usize, found: Vec<Found>) -> rusqlite::Result<Page> {
        let mut found = found;
        read_relations(
            &mut found,
            self.tenant,
            self.kind,
            self.resource_type,
            &self.query.selection,
        )?;
        let resources = found.into_iter().map(|found| found.stored).collect();
        Ok(Page::new(total, resources))
    }
}

/// Counts the resources that match and keeps those on the page.
struct Matching<'r> {
    reading: &'r Reading<'r>,
    filter: &'r Predicate,
    /// What the filter looks at.
    reads: Selection,
    total: usize,
    on_page: Vec<Found>,
}

impl<'r> Matching<'r> {
    fn new(reading: &'r Reading<'r>, filter: &'r Predicate) -> Self {
        Self {
            reading,
            filter,
            reads: Selection::of(filter.reads().clone()),
            total: 0,
            on_page: Vec::new(),
        }
    }

    fn take(&mut self, found: Found) -> rusqlite::Result<()> {
        let Reading {
            tenant,
            kind,
            resource_type,
            query,
        } = *self.reading;
        let mut found = found;
        read_relations(
            std::slice::from_mut(&mut found),
            tenant,
            kind,
            resource_type,
            &self.reads,
        )?;
        if self.filter.matches(&found.stored.resource) {
            if self.total >= query.offset && self.on_page.len() < query.count {
                self.on_page.push(found);
            }
            self.total += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan;

    #[test]
    fn a_page_is_cut_out_of_an_index() {
        let page = plan(PAGE);
        assert_eq!(
            page[0],
            "SEARCH resources USING COVERING INDEX resources_by_kind (kind=?)"
        );
        let all = plan(ALL);
        assert_eq!(all[0], "SEARCH resources USING INDEX resources_by_kind (kind=?)");
    }
}
