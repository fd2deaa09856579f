//! Reading one page of the resources of a type.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_filter::Predicate;
use keyfob_store::{
    Counted, Explanation, Page, PageOrder, Query, Reads, Selection, Stored, UniqueKey, Visibility,
    kit::{self, Cut, Indexes, Place, Plan, Search, Window},
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
    let reading = Reading::of(resource_type, query)?;
    let Decision { plan, way, .. } = reading.decide(snapshot).await?;
    match way {
        Way::Reserved(key) => reading.reserved(snapshot, key).await,
        Way::Exact => reading.exact(snapshot, &plan).await,
        Way::Each => reading.each(snapshot, &plan).await,
        Way::Sorted => reading.sorted(snapshot, &plan).await,
    }
}

/// Explains how a page would be read.
pub(super) async fn explain(
    snapshot: &mut Snapshot<'_>,
    resource_type: &ResourceType,
    query: &Query,
) -> Result<Explanation, Failure> {
    let reading = Reading::of(resource_type, query)?;
    let decision = reading.decide(snapshot).await?;
    reading.explain(snapshot, decision).await
}

impl<'r> Reading<'r> {
    fn of(resource_type: &'r ResourceType, query: &'r Query) -> Result<Self, Failure> {
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
        Ok(Self {
            resource_type,
            visibility: *visibility,
            filter: filter.as_deref(),
            reserves: reserved.as_ref(),
            order: Order::of(resource_type, sort.as_ref())?,
            window: Window::of(query)?,
            selection,
        })
    }

    /// Decides how the query is answered.
    async fn decide(&self, snapshot: &mut Snapshot<'_>) -> Result<Decision<'_>, Failure> {
        if let Some(key) = self.reserves {
            return Ok(Decision {
                plan: Plan::everything(),
                is_index_current: true,
                way: Way::Reserved(key),
            });
        }
        let plan = self.plan(true);
        let needs_index = plan.needs_entries() || self.order.needs_values();
        let is_index_current = !needs_index || !is_stale(snapshot, self.resource_type).await?;
        let plan = if is_index_current { plan } else { self.plan(false) };
        let way = if self.order.needs_values() && !is_index_current {
            Way::Sorted
        } else if plan.is_exact() {
            Way::Exact
        } else {
            Way::Each
        };
        Ok(Decision {
            plan,
            is_index_current,
            way,
        })
    }
}

/// The way in which a query is answered.
enum Way<'r> {
    /// By the resource that reserves the key.
    Reserved(&'r UniqueKey),
    /// By what the searches find, out of which the database cuts the page.
    Exact,
    /// By each resource that the searches find and the filter matches, in order.
    Each,
    /// By all of these, sorted here because no index knows the order.
    Sorted,
}

struct Decision<'r> {
    plan: Plan<'r>,
    /// False if the plan does without the index of values, which it would ask if that were up to date.
    is_index_current: bool,
    way: Way<'r>,
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
    reserves: Option<&'r UniqueKey>,
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

    async fn explain(
        &self,
        snapshot: &mut Snapshot<'_>,
        decision: Decision<'_>,
    ) -> Result<Explanation, Failure> {
        let Decision {
            plan,
            is_index_current,
            way,
        } = decision;
        let counted = |counted| {
            if self.window.counts_all() {
                counted
            } else {
                Counted::Not
            }
        };
        let of_candidates = (Reads::Candidates, counted(Counted::Read));
        let (order, (reads, total)) = match way {
            Way::Reserved(key) => {
                return Ok(Explanation {
                    resource_type: self.resource_type.name().clone(),
                    is_index_current,
                    searches: vec![kit::key_in_words(key)],
                    decided: self.filter.map(kit::filter_in_words).unwrap_or_default(),
                    candidates: self.holders(snapshot, key).await?.len(),
                    reads: Reads::Candidates,
                    order: PageOrder::Sorted,
                    total: Counted::Read,
                });
            }
            Way::Exact => (order_of(&plan), (Reads::Page, counted(Counted::Index))),
            Way::Each => (order_of(&plan), of_candidates),
            Way::Sorted => (PageOrder::Sorted, (Reads::Candidates, Counted::Read)),
        };
        Ok(Explanation {
            resource_type: self.resource_type.name().clone(),
            is_index_current,
            searches: plan.searches_in_words(),
            decided: plan.decided_in_words(),
            candidates: self.count(snapshot, self.scope(snapshot, &plan)).await?,
            reads,
            order,
            total,
        })
    }

    /// The row of the resource that reserves a key, if there is one.
    async fn holders(&self, snapshot: &mut Snapshot<'_>, key: &UniqueKey) -> Result<Vec<Row>, Failure> {
        let params = vec![
            Param::text(snapshot.tenant()),
            Param::text(self.resource_type.name()),
            Param::text(&key.attribute),
            Param::key(key.value.as_str()),
            Param::Flag(self.visibility == Visibility::Hidden),
        ];
        let answers = snapshot.ask(vec![Statement::Query(RESERVED, params)]).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// The page of the one resource that reserves a key.
    async fn reserved(&self, snapshot: &mut Snapshot<'_>, key: &UniqueKey) -> Result<Page, Failure> {
        let mut places = Vec::new();
        for row in &self.holders(snapshot, key).await? {
            let mut found = vec![self.found(snapshot, row)?];
            self.retain_matches(snapshot, &mut found).await?;
            places.extend(found);
        }
        self.cut_out(snapshot, places).await
    }

    /// Counts what the plan's first search passes over, if that goes through an index from its start to its end.
    async fn pass_all(
        &self,
        snapshot: &mut Snapshot<'_>,
        plan: &Plan<'_>,
        scope: Scope<'_>,
    ) -> Result<(), Failure> {
        if plan.searches().first().is_some_and(Search::passes_all) && snapshot.cost.is_limited() {
            let limit = snapshot.cost.affordable(usize::MAX);
            let rows = self.rows(snapshot, scope.count_all(limit)).await?;
            let passed = rows.first().map_or(Ok(0), |row| decode::count(row, 0))?;
            snapshot.cost.pass(passed)?;
        }
        Ok(())
    }

    /// The page of those that the searches find and the filter matches.
    async fn each(&self, snapshot: &mut Snapshot<'_>, plan: &Plan<'_>) -> Result<Page, Failure> {
        let scope = self.scope(snapshot, plan);
        self.pass_all(snapshot, plan, scope).await?;
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
    async fn exact(&self, snapshot: &mut Snapshot<'_>, plan: &Plan<'_>) -> Result<Page, Failure> {
        let scope = self.scope(snapshot, plan);
        self.pass_all(snapshot, plan, scope).await?;
        let (offset, count) = (self.window.offset(), self.window.count());
        let mut total = None;
        if self.window.counts_all() {
            total = Some(self.count(snapshot, scope).await?);
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

    /// Counts what the plan finds.
    async fn count(&self, snapshot: &mut Snapshot<'_>, scope: Scope<'_>) -> Result<usize, Failure> {
        let rows = self.rows(snapshot, scope.count()).await?;
        rows.first().map_or(Ok(0), |row| decode::count(row, 0))
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

/// The source of an order in which the database reads what a plan finds.
fn order_of(plan: &Plan<'_>) -> PageOrder {
    if plan.searches().is_empty() {
        PageOrder::Index
    } else {
        PageOrder::Database
    }
}
