//! Listing tenants.

use keyfob_store::TenantId;
use rusqlite::params;

use super::{Snapshot, decode, rows};

/// Whether a row of `tenants` has resources, events or consumers. What is remembered of commits and versions is nothing to
/// anybody.
pub(crate) const HAS_ANYTHING: &str =
    "(EXISTS (SELECT 1 FROM resources WHERE resources.tenant = tenants.tenant)
    OR EXISTS (SELECT 1 FROM events WHERE events.tenant = tenants.tenant)
    OR EXISTS (SELECT 1 FROM consumers WHERE consumers.tenant = tenants.tenant))";

const WITH_NEWS: &str = "SELECT tenants.name FROM tenants
    LEFT JOIN consumers ON consumers.tenant = tenants.tenant AND consumers.name = ?3
    WHERE (?1 IS NULL OR tenants.name > ?1) AND last > coalesce(position, 0)
    ORDER BY tenants.name LIMIT ?2";

/// The tenants that have anything, in the order of their ids.
pub(crate) fn tenants(
    snapshot: &Snapshot<'_>,
    after: Option<&TenantId>,
    limit: usize,
) -> rusqlite::Result<Vec<TenantId>> {
    let sql = format!(
        "SELECT name FROM tenants WHERE (?1 IS NULL OR name > ?1) AND {HAS_ANYTHING} ORDER BY name LIMIT ?2"
    );
    let mut statement = snapshot.connection.prepare_cached(&sql)?;
    let tenants = statement.query_map(params![after.map(TenantId::as_str), rows(limit)], |row| {
        decode::text(row, 0).map(TenantId::new)
    })?;
    tenants.collect()
}

/// The tenants with events that a consumer has not acknowledged, in the order of their ids.
pub(crate) fn with_news(
    snapshot: &Snapshot<'_>,
    consumer: &str,
    after: Option<&TenantId>,
    limit: usize,
) -> rusqlite::Result<Vec<TenantId>> {
    let mut statement = snapshot.connection.prepare_cached(WITH_NEWS)?;
    let after = after.map(TenantId::as_str);
    let tenants = statement.query_map(params![after, rows(limit), consumer], |row| {
        decode::text(row, 0).map(TenantId::new)
    })?;
    tenants.collect()
}
