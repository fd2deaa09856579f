//! Reading one page of the resources of a type.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_filter::Predicate;
use keyfob_store::{
    Page, Query, Selection, Stored, UniqueKey, Visibility,
    kit::{Cut, Indexes, Place, Plan, Search, Window},
};
use tokio_postgres::Row;

use super::{
    Snapshot, decode, generation,
    lookup::Sql,
    order::{Order, Scope},
    relation::{self, Limits},
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
        // Both are in the window.
        paging: _,
        total: _,
        selection,
    } = query;
    let reading = Reading {
        resource_type,
        visibility: *visibility,
        filter: filter.as_deref(),
        order: Order::of(resource_type, sort.as_ref())?,
        window: Window::of(query)?,
        selection,
    };
    if let Some(key) = reserved {
        return reading.reserved(snapshot, key).await;
    }
    let plan = reading.plan(true);
    if !plan.needs_entries() && !reading.order.needs_values() {
        return reading.page(snapshot, &plan).await;
    }
    if is_stale(snapshot, resource_type).await? {
        let plan = reading.plan(false);
        if reading.order.needs_values() {
            return reading.sorted(snapshot, &plan).await;
        }
        return reading.page(snapshot, &plan).await;
    }
    reading.page(snapshot, &plan).await
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

/// A resource that was found.
type Found = (ResourceId, Stored);

struct Reading<'r> {
    resource_type: &'r ResourceType,
    visibility: Visibility,
    filter: Option<&'r Predicate>,
    order: Order<'r>,
    window: Window,
    selection: &'r Selection,
}

impl Reading<'_> {
    fn plan(&self, is_current: bool) -> Plan<'_> {
        let indexes = Indexes {
            entries: is_current,
            whole_keys: false,
        };
        self.filter.map_or_else(Plan::everything, |filter| {
            Plan::of(filter, self.resource_type, indexes)
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
    async fn page(&self, snapshot: &mut Snapshot<'_>, plan: &Plan<'_>) -> Result<Page, Failure> {
        let scope = self.scope(snapshot, plan);
        if plan.searches().first().is_some_and(Search::passes_all) && snapshot.cost.is_limited() {
            let limit = snapshot.cost.affordable(usize::MAX);
            let rows = self.rows(snapshot, scope.count_all(limit)).await?;
            let passed = rows.first().map_or(Ok(0), |row| decode::count(row, 0))?;
            snapshot.cost.pass(passed)?;
        }
        if plan.is_exact() {
            return self.exact(snapshot, scope).await;
        }
        let mut cutter = self.window.cutter();
        'parts: for part in self.order.parts(self.window.start()) {
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
                    if !cutter.take(|(_, stored)| self.place(stored), found) {
                        break 'parts;
                    }
                }
                match last {
                    Some(last) if rows.len() == limit => part = part.after(last),
                    _ => break,
                }
            }
        }
        self.finish(snapshot, cutter.finish()).await
    }

    /// The page of all that the indexes find, which the database cuts out.
    async fn exact(&self, snapshot: &mut Snapshot<'_>, scope: Scope<'_>) -> Result<Page, Failure> {
        let (offset, count) = (self.window.offset(), self.window.count());
        let mut total = None;
        if self.window.counts_all() {
            let rows = self.rows(snapshot, scope.count()).await?;
            total = Some(rows.first().map_or(Ok(0), |row| decode::count(row, 0))?);
        }
        let mut on_page = Vec::new();
        let mut has_more = false;
        // Nobody is on such a page.
        let parts = if count == 0 || total.is_some_and(|total| offset >= total) {
            Vec::new()
        } else {
            snapshot.cost.pass(offset)?;
            self.order.parts(self.window.after())
        };
        let mut left = offset;
        for part in parts {
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
                if on_page.len() == count {
                    has_more = true;
                    break;
                }
                on_page.push(self.found(snapshot, row)?);
            }
            if has_more {
                break;
            }
        }
        let cut = Cut {
            on_page,
            has_more,
            total,
        };
        self.finish(snapshot, cut).await
    }

    /// The page of those that match, sorted here because no index knows the order.
    async fn sorted(&self, snapshot: &mut Snapshot<'_>, plan: &Plan<'_>) -> Result<Page, Failure> {
        let unsorted = Order {
            attribute: None,
            ..self.order
        };
        let scope = self.scope(snapshot, plan);
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
        let places = all
            .into_iter()
            .map(|found| (self.place(&found.1), found))
            .collect();
        self.finish(snapshot, self.window.cut_out(places)).await
    }

    fn scope<'q>(&'q self, snapshot: &Snapshot<'q>, plan: &'q Plan<'q>) -> Scope<'q> {
        Scope {
            tenant: snapshot.tenant(),
            resource_type: self.resource_type,
            visibility: self.visibility,
            plan,
        }
    }

    async fn rows(&self, snapshot: &mut Snapshot<'_>, sql: Sql<'_>) -> Result<Vec<Row>, Failure> {
        let answers = snapshot.ask(vec![sql.into_statement()]).await?;
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
        snapshot
            .cost
            .compare(found.len().saturating_mul(filter.comparisons()))?;
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
        let limits = Limits::of(&snapshot.cost, selection);
        let tenant = snapshot.tenant();
        let ids: Vec<ResourceId> = found.iter().map(|(id, _)| id.clone()).collect();
        let statements = relations.iter().flat_map(|relation| {
            let ids = ids.iter().map(ResourceId::as_str);
            relation::statements(tenant, relation, ids, selection, limits)
        });
        let mut answers = snapshot.ask(statements.collect()).await?.into_iter();
        for relation in relations {
            let resources = found.iter_mut().map(|(id, stored)| (&*id, stored));
            relation::put_into(&mut snapshot.cost, relation, &mut answers, selection, resources)?;
        }
        Ok(())
    }

    fn place(&self, stored: &Stored) -> Place {
        Place::of(stored, self.order.attribute)
    }

    /// The page of these resources with what the query selects.
    async fn finish(&self, snapshot: &mut Snapshot<'_>, cut: Cut<Found>) -> Result<Page, Failure> {
        let Cut {
            on_page,
            has_more,
            total,
        } = cut;
        let mut found = on_page;
        let last = found.last().map(|(_, last)| self.place(last));
        let next = self.window.mark(last.as_ref(), has_more);
        self.read_relations(snapshot, &mut found, self.selection).await?;
        let page = Page::new(found.into_iter().map(|(_, stored)| stored).collect()).with_next(next);
        Ok(match total {
            Some(total) => page.with_total(total),
            None => page,
        })
    }
}
