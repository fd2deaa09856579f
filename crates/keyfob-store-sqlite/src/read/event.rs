//! Reading events.

use keyfob_core::{DateTime, ResourceId, Value, json};
use keyfob_store::{
    Actor, CommitId, Event, EventId, FeedError, Labels, Listed, LookBack, NewEvent, Position, RequestId,
};
use rusqlite::{OptionalExtension, Row, Statement, named_params, params};
use smol_str::SmolStr;

use super::{Snapshot, decode, rows};
use crate::error::Undecodable;

/// The columns that [`event`] takes.
macro_rules! columns {
    () => {
        "commits.id, number, events.position, at, role, identity, credential, request, verb, name, resource_type,
        resource, label, external_id, version, attributes, joined, joined_count, departed, departed_count, data"
    };
}

const FORWARDS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events JOIN commits USING (tenant, entry) WHERE events.tenant = ?1 AND events.position > ?2
    ORDER BY events.position LIMIT ?3",
);

/// The conditions of looking back that no index answers.
macro_rules! conditions {
    () => {
        " AND (:resource IS NULL OR resource = :resource) AND (:identity IS NULL OR identity = :identity)
        AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until) AND events.position < :before"
    };
}

const BACKWARDS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events CROSS JOIN commits USING (tenant, entry) WHERE events.tenant = :tenant",
    conditions!(),
    " ORDER BY events.position DESC LIMIT :limit",
);

const BY_RESOURCE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events INDEXED BY events_by_resource CROSS JOIN commits USING (tenant, entry)
    WHERE events.tenant = :tenant AND resource = :resource",
    conditions!(),
    " ORDER BY events.position DESC LIMIT :limit",
);

// Entries grow as positions do.
const BY_IDENTITY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM commits INDEXED BY commits_by_identity CROSS JOIN events ON events.tenant = :tenant
        AND events.position >= commits.position AND events.position < commits.position + events
    WHERE commits.tenant = :tenant AND identity = :identity AND identity <> ''",
    conditions!(),
    " ORDER BY commits.entry DESC, events.position DESC LIMIT :limit",
);

impl Snapshot<'_> {
    /// The tenant's number, and the position of the newest event that was removed; none where nothing is known of the
    /// tenant.
    fn trimmed(&self) -> rusqlite::Result<Option<(i64, u64)>> {
        self.connection
            .prepare_cached("SELECT tenant, trimmed FROM tenants WHERE name = ?1")?
            .query_row([self.tenant], |row| Ok((row.get(0)?, decode::natural(row, 1)?)))
            .optional()
    }
}

/// At most `limit` events of the tenant after a position.
pub(crate) fn feed(
    tenant: &Snapshot<'_>,
    after: Position,
    limit: usize,
) -> rusqlite::Result<Result<Vec<Event>, FeedError>> {
    let Some((number, trimmed)) = tenant.trimmed()? else {
        return Ok(Ok(Vec::new()));
    };
    if after.number() < trimmed {
        return Ok(Err(FeedError::Gone {
            oldest: Position::new(trimmed.saturating_add(1)),
        }));
    }
    let after = i64::try_from(after.number()).unwrap_or(i64::MAX);
    let mut statement = tenant.connection.prepare_cached(FORWARDS)?;
    let read = |row: &Row<'_>| {
        tenant.step()?;
        event(row)
    };
    let events = statement.query_map(params![number, after, rows(limit)], read)?;
    events.collect::<rusqlite::Result<_>>().map(Ok)
}

/// Reads events from the newest on.
pub(crate) fn look_back(tenant: &Snapshot<'_>, query: &LookBack) -> rusqlite::Result<Vec<Event>> {
    let LookBack {
        resource,
        identity,
        since,
        until,
        before,
        limit,
    } = query;
    let Some((number, _)) = tenant.trimmed()? else {
        return Ok(Vec::new());
    };
    let sql = match (resource, identity) {
        (Some(_), _) => BY_RESOURCE,
        (None, Some(identity)) if !identity.is_empty() => BY_IDENTITY,
        _ => BACKWARDS,
    };
    let before = before.map_or(i64::MAX, |before| {
        i64::try_from(before.number()).unwrap_or(i64::MAX)
    });
    let mut statement: Statement<'_> = tenant.connection.prepare(sql)?;
    let read = |row: &Row<'_>| {
        tenant.step()?;
        event(row)
    };
    let events = statement.query_map(
        named_params! {
            ":tenant": number,
            ":resource": resource.as_ref().map(ResourceId::as_str),
            ":identity": identity.as_deref(),
            ":since": since.map(DateTime::unix_millis),
            ":until": until.map(DateTime::unix_millis),
            ":before": before,
            ":limit": rows(*limit),
        },
        read,
    )?;
    events.collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let text = |column| decode::text(row, column);
    let number: i64 = row.get(1)?;
    let mut labels = Labels::default();
    labels.name = decode::optional_text(row, 12)?;
    labels.external_id = decode::optional_text(row, 13)?;
    let version = row.get_ref(14)?.as_i64_or_null()?.is_some();
    let mut event = NewEvent::new(text(9)?, text(10)?, ResourceId::new(text(11)?));
    event.attributes = texts(row, 15)?;
    event.data = json::object_from_slice(row.get_ref(20)?.as_blob()?).map_err(|_| Undecodable)?;
    Ok(Event {
        id: EventId {
            commit: CommitId::new(text(0)?),
            number: u32::try_from(number).map_err(|_| Undecodable)?,
        },
        position: Position::new(decode::natural(row, 2)?),
        at: decode::date_time(row, 3)?,
        actor: Actor::new(text(4)?)
            .with_identity(text(5)?)
            .with_credential(text(6)?),
        request: RequestId::new(text(7)?),
        verb: text(8)?,
        event,
        labels,
        version: version.then(|| decode::version(row, 14)).transpose()?,
        joined: listed(row, 16)?,
        left: listed(row, 18)?,
    })
}

/// Members and, in the column after them, the number of all.
fn listed(row: &Row<'_>, column: usize) -> rusqlite::Result<Listed> {
    let ids = texts(row, column)?.into_iter().map(ResourceId::new);
    Ok(Listed::of(ids.collect(), decode::count(row, column + 1)?))
}

/// A list of texts, empty where there is none.
fn texts(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SmolStr>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(Vec::new());
    };
    let list = json::value_from_slice(text.as_bytes()).map_err(|_| Undecodable)?;
    let texts = list.as_elements().iter().map(|value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Undecodable.into()),
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan;

    #[test]
    fn events_are_read_in_the_order_of_an_index() {
        for (sql, first) in [
            (
                FORWARDS,
                "SEARCH events USING PRIMARY KEY (tenant=? AND position>?)",
            ),
            (
                BACKWARDS,
                "SEARCH events USING PRIMARY KEY (tenant=? AND position<?)",
            ),
            (
                BY_RESOURCE,
                "SEARCH events USING INDEX events_by_resource (tenant=? AND resource=? AND position<?)",
            ),
            (
                BY_IDENTITY,
                "SEARCH commits USING INDEX commits_by_identity (tenant=? AND identity=?)",
            ),
        ] {
            let plan = plan(sql);
            assert_eq!(plan[0], first);
            assert!(plan.iter().all(|line| line.starts_with("SEARCH")), "{plan:#?}");
        }
    }
}
