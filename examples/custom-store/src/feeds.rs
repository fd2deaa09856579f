//! The application's database as a store: events.

use keyfob_core::{DateTime, ResourceId, SmolStr, Value, json};
use keyfob_store::{
    Actor, CommitId, Event, EventId, FeedError, Feeds, Labels, Listed, LookBack, NewEvent, Position,
    RequestId, Retention, StoreError, TenantId,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, named_params, params};

use crate::{
    directory::Directory,
    store::{date_time, failed, malformed, signed, version},
};

const SELECT: &str = "
    SELECT e.position, e.commit_id, e.number, c.at, c.role, c.identity, c.credential, c.request, c.verb,
        e.name, e.type, e.resource, e.attributes, e.data, e.label, e.external_id, e.version,
        e.joined, e.joined_count, e.departed, e.departed_count
    FROM events e JOIN commits c ON c.company = e.company AND c.id = e.commit_id
    WHERE e.company = :company";

/// Returns the position of the next event. Commits come one after the other, so there is no gap.
pub(crate) fn next_position(connection: &Connection, company: &str) -> Result<u64> {
    connection
        .prepare_cached(
            "INSERT INTO feeds (company, last) VALUES (?1, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row([company], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
}

/// Stores an event.
pub(crate) fn insert(connection: &Connection, company: &str, event: &Event) -> Result<()> {
    let members = |listed: &Listed| list(listed.ids.iter().map(|id| id.as_str().into()));
    connection
        .prepare_cached(
            "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CAST(?9 AS TEXT), ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            company,
            signed(event.position.number()),
            event.id.commit.as_str(),
            event.id.number,
            event.event.name.as_str(),
            event.event.resource_type.as_str(),
            event.event.resource.as_str(),
            list(event.event.attributes.iter().cloned()),
            json::object_to_vec(&event.event.data),
            event.labels.name.as_deref(),
            event.labels.external_id.as_deref(),
            event.version.map(|version| signed(version.number())),
            members(&event.joined),
            signed(event.joined.count),
            members(&event.left),
            signed(event.left.count)
        ])?;
    Ok(())
}

impl Feeds for Directory {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        let connection = self.connection();
        let read = || -> Result<(i64, Vec<Event>)> {
            let trimmed = connection
                .prepare_cached("SELECT trimmed FROM feeds WHERE company = ?1")?
                .query_row([tenant.as_str()], |row| row.get(0))
                .optional()?;
            let events = connection
                .prepare_cached(&format!(
                    "{SELECT} AND e.position > :after ORDER BY e.position LIMIT :limit"
                ))?
                .query_map(
                    named_params! {
                        ":company": tenant.as_str(),
                        ":after": signed(after.number()),
                        ":limit": signed(limit),
                    },
                    event,
                )?
                .collect::<Result<_>>()?;
            Ok((trimmed.unwrap_or_default(), events))
        };
        let (trimmed, events) = read().map_err(failed)?;
        if after.number() < trimmed.cast_unsigned() {
            let oldest = Position::new(trimmed.cast_unsigned() + 1);
            return Err(FeedError::Gone { oldest });
        }
        Ok(events)
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        let LookBack {
            resource,
            identity,
            since,
            until,
            before,
            limit,
        } = query;
        let connection = self.connection();
        let read = || -> Result<Vec<Event>> {
            connection
                .prepare_cached(&format!(
                    "{SELECT} AND (:resource IS NULL OR e.resource = :resource)
                        AND (:identity IS NULL OR c.identity = :identity) AND (:since IS NULL OR c.at >= :since)
                        AND (:until IS NULL OR c.at < :until) AND (:before IS NULL OR e.position < :before)
                     ORDER BY e.position DESC LIMIT :limit"
                ))?
                .query_map(
                    named_params! {
                        ":company": tenant.as_str(),
                        ":resource": resource.as_ref().map(ResourceId::as_str),
                        ":identity": identity.as_deref(),
                        ":since": since.map(DateTime::unix_millis),
                        ":until": until.map(DateTime::unix_millis),
                        ":before": before.map(|before| signed(before.number())),
                        ":limit": signed(*limit),
                    },
                    event,
                )?
                .collect()
        };
        read().map_err(failed)
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO consumers VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET position = max(position, ?3)",
                params![tenant.as_str(), consumer, signed(position.number())],
            )
            .map_err(failed)?;
        Ok(())
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        let position = self
            .connection()
            .query_row(
                "SELECT position FROM consumers WHERE company = ?1 AND name = ?2",
                [tenant.as_str(), consumer],
                |row| row.get::<_, i64>(0),
            )
            .optional()
            .map_err(failed)?;
        Ok(Position::new(position.unwrap_or_default().cast_unsigned()))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        let connection = self.connection();
        let read = || -> Result<Vec<TenantId>> {
            connection
                .prepare_cached(
                    "SELECT f.company FROM feeds f
                     LEFT JOIN consumers c ON c.company = f.company AND c.name = ?1
                     WHERE f.last > coalesce(c.position, 0) AND (?2 IS NULL OR f.company > ?2)
                     ORDER BY f.company LIMIT ?3",
                )?
                .query_map(
                    params![consumer, after.map(TenantId::as_str), signed(limit)],
                    |row| row.get::<_, String>(0).map(TenantId::new),
                )?
                .collect()
        };
        read().map_err(failed)
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut connection = self.connection();
        let mut trim = || {
            let transaction = connection.transaction()?;
            let trimmed = remove_old(&transaction, tenant.as_str(), *retention, limit)?;
            transaction.commit().map(|()| trimmed)
        };
        trim().map_err(failed)
    }
}

/// Removes events from the oldest on, commit by commit, with what is remembered of the commits.
fn remove_old(connection: &Connection, company: &str, retention: Retention, limit: usize) -> Result<usize> {
    let mut removed = 0;
    loop {
        let Retention {
            read_before,
            unread_before,
        } = retention;
        let oldest: Option<(String, i64)> = connection
            .query_row(
                "SELECT e.commit_id, count(*) FROM events e JOIN commits c ON c.company = e.company AND c.id = e.commit_id
                 WHERE e.company = ?1 AND e.commit_id = (SELECT commit_id FROM events WHERE company = ?1 ORDER BY position LIMIT 1)
                 GROUP BY e.commit_id
                 HAVING c.at < ?3 OR (c.at < ?2 AND max(e.position) <=
                    coalesce((SELECT min(position) FROM consumers WHERE company = ?1), max(e.position)))",
                params![company, read_before.unix_millis(), unread_before.unix_millis()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        match oldest {
            Some((commit, events)) if removed + events <= signed(limit) || (removed == 0 && limit > 0) => {
                connection.execute(
                    "UPDATE feeds SET trimmed = (SELECT max(position) FROM events WHERE company = ?1 AND commit_id = ?2)
                     WHERE company = ?1",
                    params![company, commit],
                )?;
                connection.execute(
                    "DELETE FROM events WHERE company = ?1 AND commit_id = ?2",
                    [company, &commit],
                )?;
                connection.execute(
                    "DELETE FROM commits WHERE company = ?1 AND id = ?2",
                    [company, &commit],
                )?;
                removed += events;
            }
            _ => return Ok(usize::try_from(removed).unwrap_or(usize::MAX)),
        }
    }
}

fn event(row: &Row<'_>) -> Result<Event> {
    let text = |column| row.get::<_, String>(column).map(SmolStr::from);
    let optional = |column| -> Result<_> { Ok(row.get::<_, Option<String>>(column)?.map(SmolStr::from)) };
    let listed = |column: usize| -> Result<Listed> {
        let count: i64 = row.get(column + 1)?;
        let ids = texts(&text(column)?)?.into_iter().map(ResourceId::new).collect();
        Ok(Listed::of(ids, usize::try_from(count).unwrap_or_default()))
    };
    let mut new = NewEvent::new(text(9)?, text(10)?, ResourceId::new(text(11)?));
    new.attributes = texts(&text(12)?)?;
    new.data = json::object_from_slice(text(13)?.as_bytes()).map_err(malformed)?;
    let mut labels = Labels::default();
    labels.name = optional(14)?;
    labels.external_id = optional(15)?;
    let has_version = row.get::<_, Option<i64>>(16)?.is_some();
    Ok(Event {
        id: EventId {
            commit: CommitId::new(text(1)?),
            number: row.get(2)?,
        },
        position: Position::new(row.get::<_, i64>(0)?.cast_unsigned()),
        at: date_time(row, 3)?,
        actor: Actor::new(text(4)?)
            .with_identity(text(5)?)
            .with_credential(text(6)?),
        request: RequestId::new(text(7)?),
        verb: text(8)?,
        event: new,
        labels,
        version: has_version.then(|| version(row, 16)).transpose()?,
        joined: listed(17)?,
        left: listed(19)?,
    })
}

/// A list of texts as JSON.
fn list(texts: impl Iterator<Item = SmolStr>) -> String {
    let list = Value::Array(texts.map(Value::String).collect());
    String::from_utf8_lossy(&json::value_to_vec(&list)).into_owned()
}

fn texts(list: &str) -> Result<Vec<SmolStr>> {
    let list = json::value_from_slice(list.as_bytes()).map_err(malformed)?;
    let texts = list.as_elements().iter();
    Ok(texts.filter_map(Value::as_str).map(SmolStr::from).collect())
}
