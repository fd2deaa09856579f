//! Reading one page of the resources of a type.

use std::collections::BTreeSet;

use keyfob_core::{ResourceType, message::SortOrder};
use keyfob_filter::Predicate;
use keyfob_store::{Cursor, Page, Paging, Query, Selection, StoreError, Total, kit::Place};

use super::{
    Kind, Snapshot,
    lookup::{self, Entry},
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
        paging,
        total,
        selection,
    } = query;
    let sort = Sort::of(resource_type, sort.as_ref())?;
    let window = Window::of(paging)?;
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(Page::default().with_total(0));
    };
    let walk = Walk {
        tenant,
        kind: &kind,
        visibility: *visibility,
        sort,
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
        total: *total,
        selection,
        walk,
    };
    if let Some(key) = reserved {
        let found = lookup::reserved(tenant, &kind, *visibility, key)?;
        return reading.these(&found, filter.is_none());
    }
    let Some(filter) = filter else {
        return reading.all();
    };
    let Some(found) = lookup::find(tenant, &kind, (resource_type, *visibility), filter)? else {
        tenant.demand_scans(kind.count(*visibility))?;
        return reading.matching();
    };
    if !found.is_exact {
        tenant.demand_scans(found.resources.len())?;
    }
    reading.these(&found.resources, found.is_exact)
}

const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources JOIN documents USING (resource) WHERE resource = ?1",
);

/// The part of the matching resources that is read.
struct Window {
    /// The place after which it begins.
    after: Option<Place>,
    offset: usize,
    count: usize,
    /// Whether the query wants the mark of the page's end.
    is_marked: bool,
    /// The end of the page before.
    mark: Option<Cursor>,
}

impl Window {
    fn of(paging: &Paging) -> rusqlite::Result<Self> {
        match paging {
            Paging::Offset { offset, count } => Ok(Self {
                after: None,
                offset: *offset,
                count: *count,
                is_marked: false,
                mark: None,
            }),
            Paging::Cursor { after, count } => {
                let place = after.as_ref().map(|cursor| {
                    Place::from_cursor(cursor).ok_or_else(|| carried(StoreError::InvalidCursor))
                });
                Ok(Self {
                    after: place.transpose()?,
                    offset: 0,
                    count: *count,
                    is_marked: true,
                    mark: after.clone(),
                })
            }
        }
    }
}

struct Reading<'r> {
    tenant: &'r Snapshot<'r>,
    kind: &'r Kind,
    resource_type: &'r ResourceType,
    filter: Option<&'r Predicate>,
    /// What the filter looks at.
    reads: Selection,
    window: Window,
    total: Total,
    selection: &'r Selection,
    walk: Walk<'r>,
}

impl Reading<'_> {
    /// The page of all resources.
    fn all(&self) -> rusqlite::Result<Page> {
        let total = self.kind.count(self.walk.visibility);
        let Window {
            after, offset, count, ..
        } = &self.window;
        if *count == 0 || *offset >= total {
            return self.page(Vec::new(), false, Some(total));
        }
        if !self.walk.is_possible(self.resource_type) {
            self.tenant.demand_scans(total)?;
            return self.matching();
        }
        if self.walk.is_indexed() {
            self.tenant.pass(*offset)?;
        } else {
            self.tenant.demand_scans(total)?;
            self.tenant.pass(total)?;
        }
        let mut on_page = Vec::new();
        let mut has_more = false;
        let window = (*offset, count.saturating_add(1));
        self.walk.each(after.as_ref(), window, |resource| {
            if on_page.len() < *count {
                on_page.push(self.one(resource)?);
                return Ok(true);
            }
            has_more = true;
            Ok(false)
        })?;
        self.page(on_page, has_more, Some(total))
    }

    /// The page of resources that were found, all of which match where they are exact.
    fn these(&self, found: &BTreeSet<Entry>, are_exact: bool) -> rusqlite::Result<Page> {
        if self.walk.sort.is_some() {
            return self.sorted(found.iter().map(|entry| entry.resource));
        }
        if are_exact {
            let after = self.window.after.as_ref();
            let after = after.map(|after| (after.created.unix_millis(), after.id.as_str()));
            let mut behind = found
                .iter()
                .filter(|entry| after.is_none_or(|after| (entry.created, entry.id.as_str()) > after))
                .skip(self.window.offset);
            let on_page = behind.by_ref().take(self.window.count);
            let on_page = on_page.map(|entry| self.one(entry.resource));
            let on_page = on_page.collect::<rusqlite::Result<_>>()?;
            return self.page(on_page, behind.next().is_some(), Some(found.len()));
        }
        let mut matching = Matching::new(self, true);
        for entry in found {
            if !matching.take(self.one(entry.resource)?)? {
                break;
            }
        }
        matching.page()
    }

    /// The page of all resources that match.
    fn matching(&self) -> rusqlite::Result<Page> {
        if !self.walk.is_possible(self.resource_type) {
            let mut resources = Vec::new();
            let unsorted = Walk {
                sort: None,
                ..self.walk
            };
            unsorted.each(None, (0, usize::MAX), |resource| {
                resources.push(resource);
                Ok(true)
            })?;
            return self.sorted(resources.into_iter());
        }
        // Those before the page have to be counted too.
        let from_start = self.total == Total::Exact;
        let after = self.window.after.as_ref().filter(|_| !from_start);
        let mut matching = Matching::new(self, from_start);
        self.walk.each(after, (0, usize::MAX), |resource| {
            matching.take(self.one(resource)?)
        })?;
        matching.page()
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
        places.sort_by(|(left, _), (right, _)| left.compare(right, self.order()));
        let total = places.len();
        let mut behind = places
            .iter()
            .filter(|(place, _)| self.is_behind(place))
            .skip(self.window.offset);
        let on_page = behind.by_ref().take(self.window.count);
        let on_page = on_page.map(|(_, resource)| self.one(*resource));
        let on_page = on_page.collect::<rusqlite::Result<_>>()?;
        self.page(on_page, behind.next().is_some(), Some(total))
    }

    fn is_match(&self, found: &mut Found) -> rusqlite::Result<bool> {
        let Some(filter) = self.filter else {
            return Ok(true);
        };
        read_relations(
            std::slice::from_mut(found),
            self.tenant,
            self.kind,
            self.resource_type,
            &self.reads,
        )?;
        Ok(filter.matches(&found.stored.resource))
    }

    fn order(&self) -> SortOrder {
        self.walk.sort.map_or(SortOrder::Ascending, |sort| sort.order)
    }

    fn place(&self, found: &Found) -> Place {
        Place::of(&found.stored, self.walk.sort.map(|sort| sort.attribute))
    }

    /// Whether a place is after the end of the page before.
    fn is_behind(&self, place: &Place) -> bool {
        let after = self.window.after.as_ref();
        after.is_none_or(|after| place.compare(after, self.order()).is_gt())
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
    fn page(&self, found: Vec<Found>, has_more: bool, total: Option<usize>) -> rusqlite::Result<Page> {
        let mut found = found;
        let window = &self.window;
        let next = match found.last() {
            Some(last) => (window.is_marked && has_more).then(|| self.place(last).to_cursor()),
            // A page for nobody ends where it began.
            None => window.mark.clone().filter(|_| window.count == 0),
        };
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

/// Counts the resources that match and keeps those on the page.
struct Matching<'r> {
    reading: &'r Reading<'r>,
    /// Whether resources come that are before the page.
    from_start: bool,
    total: usize,
    passed: usize,
    on_page: Vec<Found>,
    has_more: bool,
}

impl<'r> Matching<'r> {
    fn new(reading: &'r Reading<'r>, from_start: bool) -> Self {
        Self {
            reading,
            from_start,
            total: 0,
            passed: 0,
            on_page: Vec::new(),
            has_more: false,
        }
    }

    /// Takes the next resource and says whether more are wanted.
    fn take(&mut self, found: Found) -> rusqlite::Result<bool> {
        let mut found = found;
        let window = &self.reading.window;
        if self.reading.is_match(&mut found)? {
            self.total += 1;
            if !self.from_start || self.reading.is_behind(&self.reading.place(&found)) {
                if self.passed < window.offset {
                    self.passed += 1;
                } else if self.on_page.len() < window.count {
                    self.on_page.push(found);
                } else {
                    self.has_more = true;
                }
            }
        }
        let ends = self.reading.total == Total::Unknown && self.on_page.len() >= window.count;
        // Nobody knows whether another one would have matched.
        self.has_more |= ends;
        Ok(!ends)
    }

    fn page(self) -> rusqlite::Result<Page> {
        let total = (self.reading.total == Total::Exact).then_some(self.total);
        self.reading.page(self.on_page, self.has_more, total)
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
