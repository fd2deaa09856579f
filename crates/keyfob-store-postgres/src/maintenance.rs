//! The operators' side of the store.

use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Explanation, Finding, Keys, Maintenance, Query, ReadContext, StoreError, TenantId, UniqueKey, Visibility,
    kit::Inspection,
};

use crate::{
    PostgresStore,
    error::Failure,
    read::{self, Attempts, Checked, Snapshot, decode},
    session::{Database, Statement},
    sql::Param,
};

/// The number of resources that are checked in one snapshot.
const PAGE: usize = 256;

// The first tenant of each table, found by its index. `greatest` and `least` pass over what isn't there.
macro_rules! next {
    ($condition:literal) => {
        concat!(
            "SELECT least((SELECT min(tenant) FROM @resources WHERE tenant ",
            $condition,
            "), (SELECT min(tenant) FROM @events WHERE tenant ",
            $condition,
            "), (SELECT min(tenant) FROM @pending WHERE tenant ",
            $condition,
            "), (SELECT min(tenant) FROM @consumers WHERE tenant ",
            $condition,
            "))"
        )
    };
}

const FROM: &str = next!(">= $1");
const AFTER: &str = next!("> $1");

/// The tables of a tenant, and whether it is something to anybody that they hold anything. What is remembered of commits and
/// versions is not.
const TABLES: [(&str, bool); 10] = [
    (
        "WITH gone AS (DELETE FROM @resources WHERE tenant = $1 RETURNING 1) SELECT count(*) FROM gone",
        true,
    ),
    (
        "WITH gone AS (DELETE FROM @pending WHERE tenant = $1 RETURNING 1) SELECT count(*) FROM gone",
        true,
    ),
    (
        "WITH gone AS (DELETE FROM @events WHERE tenant = $1 RETURNING 1) SELECT count(*) FROM gone",
        true,
    ),
    (
        "WITH gone AS (DELETE FROM @consumers WHERE tenant = $1 RETURNING 1) SELECT count(*) FROM gone",
        true,
    ),
    ("DELETE FROM @unique_keys WHERE tenant = $1", false),
    ("DELETE FROM @entries WHERE tenant = $1", false),
    ("DELETE FROM @edges WHERE tenant = $1", false),
    ("DELETE FROM @last_versions WHERE tenant = $1", false),
    ("DELETE FROM @commits WHERE tenant = $1", false),
    ("DELETE FROM @feed_heads WHERE tenant = $1", false),
];

/// Erasing a tenant is one transaction. A check reads page by page, so that it may go on beside commits.
impl Maintenance for PostgresStore {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants: Vec<TenantId> = Vec::new();
        while tenants.len() < limit {
            let (template, from) = match tenants.last().or(after) {
                Some(after) => (AFTER, after.clone()),
                None => (FROM, TenantId::new("")),
            };
            let rows = self.ask(template, vec![Param::text(from.as_str())]).await?;
            let next = rows.first().map(|row| decode::optional_text(row, 0)).transpose();
            match next.map_err(|failure| failure.into_store_error(None))?.flatten() {
                Some(tenant) => tenants.push(TenantId::new(tenant)),
                None => break,
            }
        }
        Ok(tenants)
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let erased = erase(self.database(), tenant.as_str()).await;
            if let Some(result) = attempts.judge(erased).await {
                return result;
            }
        }
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        let cx = ReadContext::new(tenant.clone());
        let mut inspection = Inspection::new(keys);
        for visibility in [Visibility::Live, Visibility::Hidden] {
            let mut after = None;
            loop {
                let page = page(self.database(), &cx, resource_type, visibility, after.as_ref()).await;
                let page = page.map_err(|failure| failure.into_store_error(None))?;
                let Some(last) = page.last() else { break };
                after = Some(last.place.clone());
                for checked in &page {
                    let is_indexed = !checked.is_unindexed(resource_type);
                    inspection.inspect(&checked.id, &checked.stored, is_indexed, |key| {
                        checked.reserves(key)
                    });
                }
                let missing = inspection.missing();
                if !missing.is_empty() {
                    let holders = holders(self.database(), &cx, resource_type, &missing).await;
                    inspection.settle(holders.map_err(|failure| failure.into_store_error(None))?);
                }
            }
        }
        Ok(inspection.into_findings())
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        read::explain(self.database(), cx, resource_type, query).await
    }
}

async fn erase(database: &Database, tenant: &str) -> Result<bool, Failure> {
    let mut session = database.session(None).await?;
    let mut statements = vec![Statement::begin_writing(None)];
    statements.extend(TABLES.map(|(template, _)| Statement::Query(template, vec![Param::text(tenant)])));
    statements.push(Statement::Commit);
    let answers = session.run(statements).await?;
    let mut had_anything = false;
    for (rows, (_, counts)) in answers.iter().skip(1).zip(TABLES) {
        let deleted = rows.first().map_or(Ok(0), |row| decode::int(row, 0))?;
        had_anything |= counts && deleted > 0;
    }
    Ok(had_anything)
}

async fn page(
    database: &Database,
    cx: &ReadContext,
    resource_type: &ResourceType,
    visibility: Visibility,
    after: Option<&keyfob_store::kit::Place>,
) -> Result<Vec<Checked>, Failure> {
    let mut snapshot = Snapshot::open(database, cx).await?;
    let page = read::page_to_check(&mut snapshot, resource_type, visibility, after, PAGE).await;
    snapshot.close().await;
    page
}

async fn holders(
    database: &Database,
    cx: &ReadContext,
    resource_type: &ResourceType,
    keys: &[UniqueKey],
) -> Result<Vec<Option<ResourceId>>, Failure> {
    let mut snapshot = Snapshot::open(database, cx).await?;
    let holders = read::holders(&mut snapshot, resource_type, keys).await;
    snapshot.close().await;
    holders
}
