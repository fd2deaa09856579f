//! What is written beside commits: how far consumers are, the removal of old events, and of a whole tenant.

use keyfob_store::{Position, Retention};
use rusqlite::{Connection, OptionalExtension, params};

use super::apply;
use crate::read::HAS_ANYTHING;

/// Records how far a consumer has handled the events of a tenant, unless it was further.
pub(crate) fn acknowledge(
    connection: &Connection,
    tenant: &str,
    consumer: &str,
    position: Position,
) -> rusqlite::Result<()> {
    if position == Position::START {
        return Ok(());
    }
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

/// An event that may be removed.
struct Old {
    position: i64,
    entry: i64,
    at: i64,
}

/// Removes the oldest events of a tenant, as far as the retention allows, and returns how many.
pub(crate) fn trim(
    connection: &Connection,
    tenant: &str,
    retention: &Retention,
    limit: usize,
) -> rusqlite::Result<usize> {
    let Retention {
        read_before,
        unread_before,
    } = retention;
    let (read_before, unread_before) = (read_before.unix_millis(), unread_before.unix_millis());
    let found: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT tenant, coalesce((SELECT min(position) FROM consumers WHERE consumers.tenant = tenants.tenant), last)
             FROM tenants WHERE name = ?1",
        )?
        .query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((tenant, acknowledged)) = found else {
        return Ok(0);
    };
    // One more than is removed shows where the last commit ends.
    let oldest: Vec<Old> = connection
        .prepare_cached(
            "SELECT events.position, entry, at FROM events CROSS JOIN commits USING (entry)
             WHERE events.tenant = ?1 ORDER BY events.position LIMIT ?2",
        )?
        .query_map(
            params![tenant, i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)],
            |row| {
                Ok(Old {
                    position: row.get(0)?,
                    entry: row.get(1)?,
                    at: row.get(2)?,
                })
            },
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut removed = 0;
    let mut last_removed = None;
    for commit in oldest.chunk_by(|left, right| left.entry == right.entry) {
        let may_go = commit.iter().all(|event| {
            event.at < unread_before || (event.at < read_before && event.position <= acknowledged)
        });
        if !may_go || removed + commit.len() > limit {
            break;
        }
        removed += commit.len();
        last_removed = commit.last();
    }
    if let Some(last) = last_removed {
        connection
            .prepare_cached("DELETE FROM events WHERE tenant = ?1 AND position <= ?2")?
            .execute(params![tenant, last.position])?;
        connection
            .prepare_cached("UPDATE tenants SET trimmed = ?2 WHERE tenant = ?1")?
            .execute(params![tenant, last.position])?;
    }
    // Commits before the oldest event that is left have none. Those that never had any go with them.
    let oldest_left = oldest.get(removed).map_or(i64::MAX, |event| event.entry);
    connection
        .prepare_cached(
            "DELETE FROM commits WHERE entry IN (
                 SELECT entry FROM commits WHERE tenant = ?1 AND at < ?2 AND entry < ?3 ORDER BY at LIMIT ?4
             )",
        )?
        .execute(params![
            tenant,
            read_before.max(unread_before),
            oldest_left,
            i64::try_from(limit).unwrap_or(i64::MAX)
        ])?;
    Ok(removed)
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
