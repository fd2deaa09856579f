//! Reading events.

use keyfob_core::{ResourceId, json};
use keyfob_store::{Event, EventId, NewEvent};
use rusqlite::{Row, params};

use super::{Snapshot, decode, rows};
use crate::error::Undecodable;

/// At most `limit` events of the tenant after this one.
pub(crate) fn events(
    tenant: &Snapshot<'_>,
    after: Option<EventId>,
    limit: usize,
) -> rusqlite::Result<Vec<Event>> {
    let after = after.map_or(0, |id| i64::try_from(id.number()).unwrap_or(i64::MAX));
    tenant
        .connection
        .prepare_cached(
            "SELECT event, name, resource_type, resource, at, data FROM events
             WHERE tenant = (SELECT tenant FROM tenants WHERE name = ?1) AND event > ?2
             ORDER BY event LIMIT ?3",
        )?
        .query_map(params![tenant.tenant, after, rows(limit)], |row| {
            tenant.spend(1)?;
            event(row)
        })?
        .collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let id: i64 = row.get(0)?;
    let mut event = NewEvent::new(
        decode::text(row, 1)?,
        decode::text(row, 2)?,
        ResourceId::new(decode::text(row, 3)?),
        decode::date_time(row, 4)?,
    );
    event.data = json::object_from_slice(row.get_ref(5)?.as_blob()?).map_err(|_| Undecodable)?;
    Ok(Event::new(EventId::new(id.unsigned_abs()), event))
}
