//! Reading one page of the resources of a type.

use std::collections::BTreeSet;

use keyfob_core::ResourceType;
use keyfob_filter::Predicate;
use keyfob_store::{
    Page, Query, Selection,
    kit::{Cut, Cutter, Indexes, Place, Plan, Window},
};

use super::{
    Kind, Snapshot,
    lookup::{self, Entry, Finding},
    resource::{Found, columns, read_relations},
    walk::{Sort, Walk},
};
use crate::error::carried;

/// Reads a page.
pub(crate) fn query(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
) -> rusqlite::Result<Page> {
    let Query {
        filter,
        reserved,
        visibility,
        sort,
        // Both are in the window.
        paging: _,
        total: _,
        selection,
    } = query;
    let sort = Sort::of(resource_type, sort.as_ref())?;
    let window = Window::of(query).map_err(carried)?;
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(Page::default().with_total(0));
    };
    let indexes = Indexes {
        entries: kind.is_indexed_as(resource_type),
        whole_keys: true,
    };
    let plan = filter.as_deref().map_or_else(Plan::everything, |filter| {
        Plan::of(filter, resource_type, indexes)
    });
    let finding = Finding {
        tenant,
        kind: &kind,
        visibility: *visibility,
        plan: &plan,
    };
    let mut reading = Reading {
        tenant,
        kind: &kind,
        resource_type,
        filter: filter.as_deref(),
        reads: Selection::of(
            filter
                .as_ref()
                .map_or_else(Default::default, |filter| filter.reads().clone()),
        ),
        window,
        selection,
        walk: Walk {
            tenant,
            kind: &kind,
            visibility: *visibility,
            sort,
            condition: None,
        },
    };
    if let Some(key) = reserved {
        let found = lookup::reserved(tenant, &kind, *visibility, key)?;
        return reading.these(&found, filter.is_none());
    }
    let resources = kind.count(*visibility);
    if plan.searches().is_empty() {
        if plan.is_exact() {
            return reading.all();
        }
        tenant.demand_scans(resources)?;
        return reading.matching();
    }
    if let Some(found) = finding.find(worth_finding(&reading.window, resources))? {
        if !plan.is_exact() {
            tenant.demand_scans(found.len())?;
        }
        return reading.these(&found, plan.is_exact());
    }
    let condition = finding.condition();
    reading.walk.condition = Some(&condition);
    if !plan.is_exact() || !reading.walk.is_possible(resource_type) {
        tenant.demand_scans(resources)?;
        return reading.matching();
    }
    reading.holding(&finding)
}

const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources JOIN documents USING (resource) WHERE resource = ?1",
);

/// The number of resources up to which it costs less to find all of them and to sort them than to go through all of the type
/// until the page is full. Where `found` of `resources` match, a page of `wanted` is full after `wanted * resources / found` of
/// them; so the two cost the same where `found² = wanted * resources`.
fn worth_finding(window: &Window, resources: usize) -> usize {
    let wanted = window.offset().saturating_add(window.count()).saturating_add(1);
    wanted.saturating_mul(resources).isqrt().max(100)
}

struct Reading<'r> {
    tenant: &'r Snapshot<'r>,
    kind: &'r Kind,
    resource_type: &'r ResourceType,
    filter: Option<&'r Predicate>,
    /// What the filter looks at.
    reads: Selection,
    window: Window,
    selection: &'r Selection,
    walk: Walk<'r>,
}

impl Reading<'_> {
    /// The page of all resources.
    fn all(&self) -> rusqlite::Result<Page> {
        let total = self.kind.count(self.walk.visibility);
        let (offset, count) = (self.window.offset(), self.window.count());
        if count == 0 || offset >= total {
            return self.page(Vec::new(), false, Some(total));
        }
        if !self.walk.is_possible(self.resource_type) {
            self.tenant.demand_scans(total)?;
            return self.matching();
        }
        self.tenant.pass(offset)?;
        let mut on_page = Vec::new();
        let mut has_more = false;
        let part = (offset, count.saturating_add(1));
        self.walk.each(self.window.after(), part, |resource| {
            if on_page.len() < count {
                on_page.push(self.one(resource)?);
                return Ok(true);
            }
            has_more = true;
            Ok(false)
        })?;
        self.page(on_page, has_more, Some(total))
    }

    /// The page of those that satisfy the condition of the walk, which are many and all match.
    fn holding(&self, finding: &Finding<'_>) -> rusqlite::Result<Page> {
        let mut total = None;
        if self.window.counts_all() {
            self.tenant.demand_scans(self.kind.count(self.walk.visibility))?;
            let counted = finding.count()?;
            self.tenant.pass(counted)?;
            total = Some(counted);
        }
        let (offset, count) = (self.window.offset(), self.window.count());
        let mut passed = 0;
        let mut on_page = Vec::new();
        let mut has_more = false;
        if count > 0 && total.is_none_or(|total| offset < total) {
            self.walk.each_that_holds(self.window.after(), |resource| {
                if passed < offset {
                    passed += 1;
                    self.tenant.step()?;
                } else if on_page.len() < count {
                    on_page.push(self.one(resource)?);
                } else {
                    has_more = true;
                }
                Ok(!has_more)
            })?;
        }
        self.page(on_page, has_more, total)
    }

    /// The page of resources that were found, all of which match where they are exact.
    fn these(&self, found: &BTreeSet<Entry>, are_exact: bool) -> rusqlite::Result<Page> {
        if self.walk.sort.is_some() {
            return self.sorted(found.iter().map(|entry| entry.resource));
        }
        if are_exact {
            let places = found.iter().map(|entry| (entry.place(), entry.resource));
            return self.ones(self.window.cut_out(places.collect()));
        }
        let mut cutter = self.window.cutter();
        for entry in found {
            if !self.take(&mut cutter, entry.resource)? {
                break;
            }
        }
        self.cut(cutter.finish())
    }

    /// The page of all resources that match.
    fn matching(&self) -> rusqlite::Result<Page> {
        if !self.walk.is_possible(self.resource_type) {
            let mut resources = Vec::new();
            let unsorted = Walk {
                sort: None,
                ..self.walk
            };
            unsorted.each_that_holds(None, |resource| {
                resources.push(resource);
                Ok(true)
            })?;
            return self.sorted(resources.into_iter());
        }
        let mut cutter = self.window.cutter();
        self.walk
            .each_that_holds(self.window.start(), |resource| self.take(&mut cutter, resource))?;
        self.cut(cutter.finish())
    }

    /// Takes a resource if it matches, and returns true if more are wanted.
    fn take(&self, cutter: &mut Cutter<'_, Found>, resource: i64) -> rusqlite::Result<bool> {
        let mut found = self.one(resource)?;
        Ok(!self.is_match(&mut found)? || cutter.take(|found| self.place(found), found))
    }

    /// The page of those of these resources that match, sorted here.
    fn sorted(&self, resources: impl Iterator<Item = i64>) -> rusqlite::Result<Page> {
        let mut places = Vec::new();
        for resource in resources {
            let mut found = self.one(resource)?;
            if self.is_match(&mut found)? {
                places.push((self.place(&found), resource));
            }
        }
        self.ones(self.window.cut_out(places))
    }

    /// The page of the resources with these numbers.
    fn ones(&self, cut: Cut<i64>) -> rusqlite::Result<Page> {
        let on_page = cut.on_page.into_iter().map(|resource| self.one(resource));
        self.page(on_page.collect::<rusqlite::Result<_>>()?, cut.has_more, cut.total)
    }

    fn is_match(&self, found: &mut Found) -> rusqlite::Result<bool> {
        let Some(filter) = self.filter else {
            return Ok(true);
        };
        self.tenant.compare(filter.comparisons())?;
        read_relations(
            std::slice::from_mut(found),
            self.tenant,
            self.kind,
            self.resource_type,
            &self.reads,
        )?;
        Ok(filter.matches(&found.stored.resource))
    }

    fn place(&self, found: &Found) -> Place {
        Place::of(&found.stored, self.walk.sort.map(|sort| sort.attribute))
    }

    fn one(&self, resource: i64) -> rusqlite::Result<Found> {
        self.tenant
            .connection
            .prepare_cached(ONE)?
            .query_row([resource], |row| {
                Found::from_row(self.tenant, row, self.resource_type)
            })
    }

    fn cut(&self, cut: Cut<Found>) -> rusqlite::Result<Page> {
        self.page(cut.on_page, cut.has_more, cut.total)
    }

    /// The page of these resources with what the query selects.
    fn page(&self, found: Vec<Found>, has_more: bool, total: Option<usize>) -> rusqlite::Result<Page> {
        let mut found = found;
        let last = found.last().map(|last| self.place(last));
        let next = self.window.mark(last.as_ref(), has_more);
        read_relations(
            &mut found,
            self.tenant,
            self.kind,
            self.resource_type,
            self.selection,
        )?;
        let page = Page::new(found.into_iter().map(|found| found.stored).collect()).with_next(next);
        Ok(match total {
            Some(total) => page.with_total(total),
            None => page,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan;

    #[test]
    fn a_resource_is_read_by_its_number() {
        let one = plan(ONE);
        assert!(
            one.iter()
                .all(|line| line.ends_with("USING INTEGER PRIMARY KEY (rowid=?)")),
            "{one:#?}"
        );
    }
}
