//! Reading one page of the resources of a type.

use std::collections::BTreeSet;

use keyfob_core::ResourceType;
use keyfob_filter::Predicate;
use keyfob_store::{
    Counted, Explanation, Page, PageOrder, Query, Reads, Selection, UniqueKey,
    kit::{self, Cut, Cutter, Indexes, Place, Plan, Window},
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
    let page = decide(tenant, resource_type, query, |reading, finding, way| {
        let is_exact = finding.plan.is_exact();
        match way {
            Way::Reserved(found) => reading.these(&found, reading.filter.is_none()),
            Way::All => reading.all(),
            Way::Each => {
                tenant.demand_scans(reading.resources())?;
                reading.matching()
            }
            Way::Found(found) => {
                if !is_exact {
                    tenant.demand_scans(found.len())?;
                }
                reading.these(&found, is_exact)
            }
            Way::Walked => {
                let condition = finding.condition();
                let walk = Walk {
                    condition: Some(&condition),
                    ..reading.walk
                };
                let reading = Reading { walk, ..reading };
                if is_exact && reading.walk.is_possible(resource_type) {
                    return reading.holding(finding);
                }
                tenant.demand_scans(reading.resources())?;
                reading.matching()
            }
        }
    });
    Ok(page?.unwrap_or_else(|| Page::default().with_total(0)))
}

/// Explains how a page would be read.
pub(crate) fn explain(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
) -> rusqlite::Result<Explanation> {
    let explanation = decide(tenant, resource_type, query, |reading, finding, way| {
        reading.explain(finding, &way, query.reserved.as_ref())
    });
    Ok(explanation?.unwrap_or_else(|| Explanation {
        resource_type: resource_type.name().clone(),
        is_index_current: true,
        searches: Vec::new(),
        decided: Vec::new(),
        candidates: 0,
        reads: Reads::Page,
        order: PageOrder::Index,
        total: Counted::Kept,
    }))
}

/// The way in which a query is answered.
enum Way {
    /// By the resource that reserves a key.
    Reserved(BTreeSet<Entry>),
    /// By all resources, of which there is the number.
    All,
    /// By each resource that the filter matches.
    Each,
    /// By those among these that the filter matches.
    Found(BTreeSet<Entry>),
    /// By those that all searches find, and the filter matches where they don't say all. They are so many that the
    /// resources are gone through in the order of the page.
    Walked,
}

/// Decides how a query is answered and goes on with that; none for a type of which the tenant never had a resource.
fn decide<T>(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
    go_on: impl FnOnce(Reading<'_>, &Finding<'_>, Way) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
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
        return Ok(None);
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
    let reading = Reading {
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
    let way = if let Some(key) = reserved {
        Way::Reserved(lookup::reserved(tenant, &kind, *visibility, key)?)
    } else if plan.searches().is_empty() {
        if plan.is_exact() { Way::All } else { Way::Each }
    } else {
        let found = finding.find(worth_finding(&reading.window, reading.resources()))?;
        found.map_or(Way::Walked, Way::Found)
    };
    go_on(reading, &finding, way).map(Some)
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
    /// The number of resources of the type that are live, or hidden, as the query wants.
    fn resources(&self) -> usize {
        self.kind.count(self.walk.visibility)
    }

    fn explain(
        &self,
        finding: &Finding<'_>,
        way: &Way,
        reserved: Option<&UniqueKey>,
    ) -> rusqlite::Result<Explanation> {
        let plan = finding.plan;
        let needs_index = || {
            let plan = self
                .filter
                .map(|filter| Plan::of(filter, self.resource_type, Indexes::ALL));
            !self.walk.is_possible(self.resource_type) || plan.is_some_and(|plan| plan.needs_entries())
        };
        let is_index_current = self.kind.is_indexed_as(self.resource_type) || !needs_index();
        let knows_order = self.walk.is_possible(self.resource_type);
        let is_sorted = self.walk.sort.is_some();
        let counted = |counted| {
            if self.window.counts_all() {
                counted
            } else {
                Counted::Not
            }
        };
        let each = |order| (Reads::Candidates, order, counted(Counted::Read));
        let in_order = if knows_order {
            PageOrder::Index
        } else {
            PageOrder::Sorted
        };
        let (reads, order, total) = match way {
            Way::All if self.window.count() == 0 || knows_order => {
                (Reads::Page, PageOrder::Index, Counted::Kept)
            }
            Way::Reserved(_) if self.filter.is_none() && !is_sorted => {
                (Reads::Page, PageOrder::Sorted, Counted::Index)
            }
            Way::Found(_) if plan.is_exact() && !is_sorted => {
                (Reads::Page, PageOrder::Sorted, Counted::Index)
            }
            Way::Walked if plan.is_exact() && knows_order => {
                (Reads::Page, PageOrder::Index, counted(Counted::Index))
            }
            Way::All | Way::Each | Way::Walked => each(in_order),
            Way::Reserved(_) | Way::Found(_) => each(PageOrder::Sorted),
        };
        let candidates = match way {
            Way::All | Way::Each => self.resources(),
            Way::Reserved(found) | Way::Found(found) => found.len(),
            Way::Walked => {
                self.tenant.demand_scans(self.resources())?;
                let counted = finding.count()?;
                self.tenant.pass(counted)?;
                counted
            }
        };
        let (searches, decided) = match reserved {
            Some(key) => (
                vec![kit::key_in_words(key)],
                self.filter.map(kit::filter_in_words).unwrap_or_default(),
            ),
            None => (plan.searches_in_words(), plan.decided_in_words()),
        };
        Ok(Explanation {
            resource_type: self.resource_type.name().clone(),
            is_index_current,
            searches,
            decided,
            candidates,
            reads,
            order,
            total,
        })
    }

    /// The page of all resources.
    fn all(&self) -> rusqlite::Result<Page> {
        let total = self.resources();
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
            self.tenant.demand_scans(self.resources())?;
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
