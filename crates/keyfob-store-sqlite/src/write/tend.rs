//! What is written beside commits: how far consumers are, the removal of old events, and of a whole tenant.

use keyfob_store::{
    Position, Retention,
    kit::{OldCommit, Trimmed},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::apply;
use crate::read::{HAS_ANYTHING, decode};

/// Records how far a consumer has handled the events of a tenant, unless it was further. One that has handled none is
/// waited for from then on.
pub(crate) fn acknowledge(
    connection: &Connection,
    tenant: &str,
    consumer: &str,
    position: Position,
) -> rusqlite::Result<()> {
    let tenant = apply::tenant(connection, tenant)?;
    connection
        .prepare_cached(
            "INSERT INTO consumers (tenant, name, position) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET position = max(position, ?3)",
        )?
        .execute(params![
            tenant,
            consumer,
            i64::try_from(position.number()).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}

/// Removes the oldest events of a tenant, as far as the retention allows, and returns how many.
pub(crate) fn trim(
    connection: &Connection,
    tenant: &str,
    retention: &Retention,
    limit: usize,
) -> rusqlite::Result<usize> {
    let found: Option<(i64, u64)> = connection
        .prepare_cached(
            "SELECT tenant, coalesce((SELECT min(position) FROM consumers WHERE consumers.tenant = tenants.tenant), last)
             FROM tenants WHERE name = ?1",
        )?
        .query_row([tenant], |row| Ok((row.get(0)?, decode::natural(row, 1)?)))
        .optional()?;
    let Some((tenant, acknowledged)) = found else {
        return Ok(0);
    };
    // As many events as are removed are of no more commits than that.
    let oldest: Vec<OldCommit> = connection
        .prepare_cached(
            "SELECT at, commits.position + events - 1, events FROM commits
             WHERE tenant = ?1
                AND entry IN (SELECT entry FROM events WHERE events.tenant = ?1 ORDER BY events.position LIMIT ?2)
             ORDER BY commits.position",
        )?
        .query_map(params![tenant, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(OldCommit {
                at: decode::date_time(row, 0)?,
                last: Position::new(decode::natural(row, 1)?),
                events: decode::count(row, 2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let trimmed = Trimmed::of(oldest, retention, Position::new(acknowledged), limit);
    if let Some(Trimmed { last, .. }) = trimmed {
        let last = i64::try_from(last.number()).unwrap_or(i64::MAX);
        connection
            .prepare_cached("DELETE FROM events WHERE tenant = ?1 AND position <= ?2")?
            .execute(params![tenant, last])?;
        connection
            .prepare_cached("UPDATE tenants SET trimmed = ?2 WHERE tenant = ?1")?
            .execute(params![tenant, last])?;
    }
    // Commits before the oldest event that is left have none. Those that never had any go with them. Entries grow with time
    // but where a clock went back, so that the oldest entries are as good as the oldest commits.
    let oldest_left: Option<i64> = connection
        .prepare_cached("SELECT entry FROM events WHERE tenant = ?1 ORDER BY position LIMIT 1")?
        .query_row([tenant], |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached(
            "DELETE FROM commits WHERE tenant = ?1 AND at < ?2 AND entry IN (
                 SELECT entry FROM commits WHERE tenant = ?1 AND entry < ?3 ORDER BY entry LIMIT ?4
             )",
        )?
        .execute(params![
            tenant,
            retention.read_before.max(retention.unread_before).unix_millis(),
            oldest_left.unwrap_or(i64::MAX),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ])?;
    Ok(trimmed.map_or(0, |trimmed| trimmed.events))
}

/// Removes everything of a tenant and returns false if there was nothing.
pub(crate) fn erase(connection: &Connection, tenant: &str) -> rusqlite::Result<bool> {
    let found: Option<(i64, bool)> = connection
        .query_row(
            &format!("SELECT tenant, {HAS_ANYTHING} FROM tenants WHERE name = ?1"),
            [tenant],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((tenant, had_anything)) = found else {
        return Ok(false);
    };
    // What follows from resources goes with them.
    for table in [
        "resources",
        "kinds",
        "last_versions",
        "events",
        "commits",
        "consumers",
        "tenants",
    ] {
        connection.execute(&format!("DELETE FROM {table} WHERE tenant = ?1"), [tenant])?;
    }
    Ok(had_anything)
}
