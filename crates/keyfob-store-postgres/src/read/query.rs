//! Reading one page of the resources of a type.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_filter::Predicate;
use keyfob_store::{
    Cursor, Page, Paging, Query, Selection, StoreError, Stored, Total, UniqueKey, Visibility, kit::Place,
};
use tokio_postgres::Row;

use super::{
    Snapshot, decode, generation,
    lookup::{Lookups, Sql},
    order::{Order, Scope},
    relation,
    resource::{columns, stored},
};
use crate::{error::Failure, session::Statement, sql::Param};

const RESERVED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @unique_keys k JOIN @resources r ON r.tenant = k.tenant AND r.id = k.id
    WHERE k.tenant = $1 AND k.kind = $2 AND k.attribute = $3 AND k.key = $4 AND r.hidden = $5"
);

// The ends of the index, which are found at once. A condition on the generation would be a guess to the planner.
const GENERATIONS: &str =
    "SELECT min(generation), max(generation) FROM @resources WHERE tenant = $1 AND kind = $2";

/// The number of resources that are read at once where each is asked whether it matches.
const BATCH: usize = 256;

/// Reads a page.
pub(super) async fn query(
    snapshot: &mut Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
) -> Result<Page, Failure> {
    let Query {
        filter,
        reserved,
        visibility,
        sort,
        paging,
        total,
        selection,
    } = query;
    let reading = Reading {
        resource_type,
        visibility: *visibility,
        filter: filter.as_deref(),
        order: Order::of(resource_type, sort.as_ref())?,
        window: Window::of(paging)?,
        total: *total,
        selection,
    };
    if let Some(key) = reserved {
        return reading.reserved(snapshot, key).await;
    }
    let lookups = reading.lookups(true);
    if !lookups.need_values() && !reading.order.needs_values() {
        return reading.page(snapshot, &lookups).await;
    }
    if is_stale(snapshot, resource_type).await? {
        let lookups = reading.lookups(false);
        if reading.order.needs_values() {
            return reading.sorted(snapshot, &lookups).await;
        }
        return reading.page(snapshot, &lookups).await;
    }
    reading.page(snapshot, &lookups).await
}

/// Returns true if any resource stands in the index by other attributes or another comparison than the type's.
async fn is_stale(snapshot: &mut Snapshot<'_>, resource_type: &ResourceType) -> Result<bool, Failure> {
    let params = vec![Param::text(snapshot.tenant()), Param::text(resource_type.name())];
    let answers = snapshot.ask(vec![Statement::Query(GENERATIONS, params)]).await?;
    let Some(row) = answers.first().and_then(|rows| rows.first()) else {
        return Ok(false);
    };
    let current = generation(resource_type);
    for place in 0..2 {
        if decode::optional_int(row, place)?.is_some_and(|generation| generation != current) {
            return Ok(true);
        }
    }
    Ok(false)
}

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
    fn of(paging: &Paging) -> Result<Self, StoreError> {
        match paging {
            Paging::Offset { offset, count } => Ok(Self {
                after: None,
                offset: *offset,
                count: *count,
                is_marked: false,
                mark: None,
            }),
            Paging::Cursor { after, count } => {
                let place = after
                    .as_ref()
                    .map(|cursor| Place::from_cursor(cursor).ok_or(StoreError::InvalidCursor));
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

/// A resource that was found.
type Found = (ResourceId, Stored);

struct Reading<'r> {
    resource_type: &'r ResourceType,
    visibility: Visibility,
    filter: Option<&'r Predicate>,
    order: Order<'r>,
    window: Window,
    total: Total,
    selection: &'r Selection,
}

impl Reading<'_> {
    fn lookups(&self, is_current: bool) -> Lookups {
        self.filter.map_or_else(Lookups::none, |filter| {
            Lookups::of(filter, self.resource_type, is_current)
        })
    }

    /// The page of the one resource that reserves a key.
    async fn reserved(&self, snapshot: &mut Snapshot<'_>, key: &UniqueKey) -> Result<Page, Failure> {
        let params = vec![
            Param::text(snapshot.tenant()),
            Param::text(self.resource_type.name()),
            Param::text(&key.attribute),
            Param::key(key.value.as_str()),
            Param::Flag(self.visibility == Visibility::Hidden),
        ];
        let answers = snapshot.ask(vec![Statement::Query(RESERVED, params)]).await?;
        let mut places = Vec::new();
        for row in answers.iter().flatten() {
            let mut found = vec![self.found(snapshot, row)?];
            self.retain_matches(snapshot, &mut found).await?;
            places.extend(found);
        }
        self.cut_out(snapshot, places).await
    }

    /// The page of those that the indexes find and the filter matches.
    async fn page(&self, snapshot: &mut Snapshot<'_>, lookups: &Lookups) -> Result<Page, Failure> {
        let scope = self.scope(snapshot, lookups);
        if lookups.is_exact {
            return self.exact(snapshot, scope).await;
        }
        // Those before the page have to be counted too.
        let from_start = self.total == Total::Exact;
        let after = self.window.after.as_ref().filter(|_| !from_start);
        let mut matching = Matching::new(self, from_start);
        'parts: for part in self.order.parts(after) {
            let mut part = part;
            loop {
                let limit = snapshot.cost.affordable(BATCH);
                let rows = self.rows(snapshot, scope.page(&part, 0, limit)).await?;
                let mut batch = Vec::with_capacity(rows.len());
                for row in &rows {
                    batch.push(self.found(snapshot, row)?);
                }
                let last = batch.last().map(|(_, stored)| self.place(stored));
                self.retain_matches(snapshot, &mut batch).await?;
                for found in batch {
                    if !matching.take(found) {
                        break 'parts;
                    }
                }
                match last {
                    Some(last) if rows.len() == limit => part = part.after(last),
                    _ => break,
                }
            }
        }
        let Matching {
            total,
            on_page,
            has_more,
            ..
        } = matching;
        let total = (self.total == Total::Exact).then_some(total);
        self.finish(snapshot, on_page, has_more, total).await
    }

    /// The page of all that the indexes find, which the database cuts out.
    async fn exact(&self, snapshot: &mut Snapshot<'_>, scope: Scope<'_>) -> Result<Page, Failure> {
        let Window {
            after, offset, count, ..
        } = &self.window;
        let mut total = None;
        if self.total == Total::Exact || !self.order.is_indexed() {
            let rows = self.rows(snapshot, scope.count()).await?;
            let counted = rows.first().map_or(Ok(0), |row| decode::count(row, 0))?;
            total = Some(counted);
            if !self.order.is_indexed() {
                snapshot.cost.pass(counted)?;
            }
        }
        let mut on_page = Vec::new();
        let mut has_more = false;
        if *count == 0 || total.is_some_and(|total| *offset >= total) {
            return self.finish(snapshot, on_page, has_more, total).await;
        }
        snapshot.cost.pass(*offset)?;
        let mut left = *offset;
        for part in self.order.parts(after.as_ref()) {
            let wanted = count.saturating_add(1) - on_page.len();
            let limit = snapshot.cost.affordable(wanted);
            let rows = self.rows(snapshot, scope.page(&part, left, limit)).await?;
            if rows.is_empty() && left > 0 {
                let counted = self.rows(snapshot, scope.count_part(&part)).await?;
                left -= counted
                    .first()
                    .map_or(Ok(0), |row| decode::count(row, 0))?
                    .min(left);
            } else {
                left = 0;
            }
            for row in &rows {
                if on_page.len() == *count {
                    has_more = true;
                    break;
                }
                on_page.push(self.found(snapshot, row)?);
            }
            if has_more {
                break;
            }
        }
        self.finish(snapshot, on_page, has_more, total).await
    }

    /// The page of those that match, sorted here because no index knows the order.
    async fn sorted(&self, snapshot: &mut Snapshot<'_>, lookups: &Lookups) -> Result<Page, Failure> {
        let unsorted = Order {
            attribute: None,
            ..self.order
        };
        let scope = self.scope(snapshot, lookups);
        let mut all = Vec::new();
        for part in unsorted.parts(None) {
            let limit = snapshot.cost.affordable(usize::MAX);
            for row in &self.rows(snapshot, scope.page(&part, 0, limit)).await? {
                all.push(self.found(snapshot, row)?);
            }
        }
        self.retain_matches(snapshot, &mut all).await?;
        self.cut_out(snapshot, all).await
    }

    /// The page out of all that match.
    async fn cut_out(&self, snapshot: &mut Snapshot<'_>, all: Vec<Found>) -> Result<Page, Failure> {
        let mut places: Vec<_> = all
            .into_iter()
            .map(|found| (self.place(&found.1), found))
            .collect();
        places.sort_by(|(left, _), (right, _)| left.compare(right, self.order.direction));
        let total = places.len();
        let mut behind = places
            .into_iter()
            .filter(|(place, _)| self.is_behind(place))
            .skip(self.window.offset);
        let on_page = behind.by_ref().take(self.window.count);
        let on_page = on_page.map(|(_, found)| found).collect();
        let has_more = behind.next().is_some();
        self.finish(snapshot, on_page, has_more, Some(total)).await
    }

    fn scope<'q>(&'q self, snapshot: &Snapshot<'q>, lookups: &'q Lookups) -> Scope<'q> {
        Scope {
            tenant: snapshot.tenant(),
            resource_type: self.resource_type,
            visibility: self.visibility,
            lookups,
        }
    }

    async fn rows(&self, snapshot: &mut Snapshot<'_>, sql: Sql<'_>) -> Result<Vec<Row>, Failure> {
        let answers = snapshot.ask(vec![Statement::Made(sql.text, sql.params)]).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    fn found(&self, snapshot: &mut Snapshot<'_>, row: &Row) -> Result<Found, Failure> {
        let stored = stored(&mut snapshot.cost, row, self.resource_type)?;
        Ok((decode::id(row, 0)?, stored))
    }

    /// Leaves those that the filter matches.
    async fn retain_matches(
        &self,
        snapshot: &mut Snapshot<'_>,
        found: &mut Vec<Found>,
    ) -> Result<(), Failure> {
        let Some(filter) = self.filter else {
            return Ok(());
        };
        self.read_relations(snapshot, found, &Selection::of(filter.reads().clone()))
            .await?;
        found.retain(|(_, stored)| filter.matches(&stored.resource));
        Ok(())
    }

    /// Puts the relations that are selected into resources, in place of those that are there.
    async fn read_relations(
        &self,
        snapshot: &mut Snapshot<'_>,
        found: &mut [Found],
        selection: &Selection,
    ) -> Result<(), Failure> {
        for (_, stored) in &mut *found {
            stored.resource.relations_mut().clear();
        }
        let relations: Vec<_> = relation::selected(self.resource_type, selection).collect();
        if relations.is_empty() || found.is_empty() {
            return Ok(());
        }
        let limit = relation::limit(&snapshot.cost, selection);
        let tenant = snapshot.tenant();
        let ids: Vec<ResourceId> = found.iter().map(|(id, _)| id.clone()).collect();
        let statements = relations.iter().filter_map(|relation| {
            let ids = ids.iter().map(ResourceId::as_str);
            relation::statement(tenant, relation, ids, selection, limit)
        });
        let answers = snapshot.ask(statements.collect()).await?;
        for (relation, rows) in relations.into_iter().zip(answers) {
            let resources = found.iter_mut().map(|(id, stored)| (&*id, stored));
            relation::put_into(&mut snapshot.cost, relation, &rows, selection, resources)?;
        }
        Ok(())
    }

    fn place(&self, stored: &Stored) -> Place {
        Place::of(stored, self.order.attribute)
    }

    /// Whether a place is after the end of the page before.
    fn is_behind(&self, place: &Place) -> bool {
        let after = self.window.after.as_ref();
        after.is_none_or(|after| place.compare(after, self.order.direction).is_gt())
    }

    /// The page of these resources with what the query selects.
    async fn finish(
        &self,
        snapshot: &mut Snapshot<'_>,
        found: Vec<Found>,
        has_more: bool,
        total: Option<usize>,
    ) -> Result<Page, Failure> {
        let mut found = found;
        let window = &self.window;
        let next = match found.last() {
            Some((_, last)) => (window.is_marked && has_more).then(|| self.place(last).to_cursor()),
            // A page for nobody ends where it began.
            None => window.mark.clone().filter(|_| window.count == 0),
        };
        self.read_relations(snapshot, &mut found, self.selection).await?;
        let page = Page::new(found.into_iter().map(|(_, stored)| stored).collect()).with_next(next);
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

    /// Takes the next resource that matches and says whether more are wanted.
    fn take(&mut self, found: Found) -> bool {
        let window = &self.reading.window;
        self.total += 1;
        if !self.from_start || self.reading.is_behind(&self.reading.place(&found.1)) {
            if self.passed < window.offset {
                self.passed += 1;
            } else if self.on_page.len() < window.count {
                self.on_page.push(found);
            } else {
                self.has_more = true;
            }
        }
        let ends = self.reading.total == Total::Unknown && self.on_page.len() >= window.count;
        // Nobody knows whether another one would have matched.
        self.has_more |= ends;
        !ends
    }
}
