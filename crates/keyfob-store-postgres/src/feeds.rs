//! Events of the store: given their positions, read, acknowledged and trimmed.

use std::time::Instant;

use keyfob_core::{DateTime, ResourceId};
use keyfob_store::{
    Event, FeedError, Feeds, LookBack, Position, Retention, StoreError, TenantId,
    kit::{OldCommit, Trimmed},
};
use tokio_postgres::Row;

use crate::{
    PostgresStore,
    error::Failure,
    read::{Attempts, EVENT, decode, event},
    session::{Database, Session, Statement},
    sql::Param,
};

const HAS_PENDING: &str = "SELECT 1 FROM @pending WHERE tenant = $1 LIMIT 1";

const FOUND_HEAD: &str = "INSERT INTO @feed_heads (tenant, last, trimmed) VALUES ($1, 0, 0)
    ON CONFLICT (tenant) DO NOTHING";

// One process at a time gives positions. Whoever waits here sees all that was committed before it came.
const LOCK_HEAD: &str = "SELECT last, trimmed FROM @feed_heads WHERE tenant = $1 FOR UPDATE";

/// The number of commits that get their positions in one transaction.
const COMMITS: i64 = 1_000;

// Whole commits, in the order of their stamps.
const NUMBER: &str = "WITH first AS (
        SELECT DISTINCT stamp, commit_id FROM @pending WHERE tenant = $1 ORDER BY stamp, commit_id LIMIT $3
    ), moved AS (
        DELETE FROM @pending p USING first f
        WHERE p.tenant = $1 AND p.stamp = f.stamp AND p.commit_id = f.commit_id RETURNING p.*
    ), numbered AS (
        INSERT INTO @events (tenant, position, commit_id, number, at, role, identity, credential, request, verb, name,
            resource_type, resource, label, external_id, version, attributes, joined, joined_count, departed,
            departed_count, data)
        SELECT $1, $2::bigint + row_number() OVER (ORDER BY stamp, commit_id, number), commit_id, number, at, role,
            identity, credential, request, verb, name, resource_type, resource, label, external_id, version, attributes,
            joined, joined_count, departed, departed_count, data
        FROM moved RETURNING commit_id
    )
    SELECT count(*), count(DISTINCT commit_id) FROM numbered";

const MOVE_HEAD: &str = "UPDATE @feed_heads SET last = $2 WHERE tenant = $1";

/// Gives positions to all events of a tenant that were committed before the call.
///
/// Positions are given after the commits, so that commits don't wait for one another to be counted. Only what is committed
/// gets one, by one process at a time, so that there are no gaps. Whoever changed a resource second held its lock after the
/// first had committed: it has the later stamp and so the later position.
async fn number(session: &mut Session, tenant: &str) -> Result<(), Failure> {
    let of = || vec![Param::text(tenant)];
    if session.query(HAS_PENDING, of()).await?.is_empty() {
        return Ok(());
    }
    session.query(FOUND_HEAD, of()).await?;
    loop {
        let statements = vec![Statement::begin_writing(None), Statement::Query(LOCK_HEAD, of())];
        let answers = session.run(statements).await?;
        let last = answers.last().and_then(|rows| rows.first());
        let last = last.map_or(Ok(0), |row| decode::int(row, 0))?;
        let params = vec![Param::text(tenant), Param::int(last), Param::int(COMMITS)];
        let rows = session.query(NUMBER, params).await?;
        let (mut events, mut commits) = (0, 0);
        if let Some(row) = rows.first() {
            events = decode::int(row, 0)?;
            commits = decode::int(row, 1)?;
        }
        let params = vec![Param::text(tenant), Param::int(last.saturating_add(events))];
        session
            .run(vec![Statement::Query(MOVE_HEAD, params), Statement::Commit])
            .await?;
        if commits < COMMITS {
            return Ok(());
        }
    }
}

const TRIMMED: &str = "SELECT trimmed FROM @feed_heads WHERE tenant = $1";

macro_rules! events {
    ($rest:literal) => {
        concat!("SELECT ", EVENT!(), " FROM @events WHERE tenant = $1 AND ", $rest)
    };
}

const FORWARDS: &str = events!("position > $2 ORDER BY position LIMIT $3");

// The sixth value is what an index is asked for, the seventh what is left.
const BACKWARDS: &str = events!("position < $2 AND at >= $3 AND at <= $4 ORDER BY position DESC LIMIT $5");

const BY_RESOURCE: &str = events!(
    "position < $2 AND at >= $3 AND at <= $4 AND resource = $6 AND ($7::text IS NULL OR identity = $7)
    ORDER BY position DESC LIMIT $5"
);

const BY_IDENTITY: &str = events!(
    "position < $2 AND at >= $3 AND at <= $4 AND identity = $6 AND identity <> '' ORDER BY position DESC LIMIT $5"
);

const BY_NOBODY: &str =
    events!("position < $2 AND at >= $3 AND at <= $4 AND identity = '' ORDER BY position DESC LIMIT $5");

const ACKNOWLEDGE: &str = "INSERT INTO @consumers AS c (tenant, name, position) VALUES ($1, $2, $3)
    ON CONFLICT (tenant, name) DO UPDATE SET position = greatest(c.position, excluded.position)";

const ACKNOWLEDGED: &str = "SELECT position FROM @consumers WHERE tenant = $1 AND name = $2";

// What has no position yet may be news.
const WITH_NEWS: &str = "SELECT tenant, bool_or(is_pending) FROM (
        SELECT h.tenant, false FROM @feed_heads h
        LEFT JOIN @consumers c ON c.tenant = h.tenant AND c.name = $1 WHERE h.last > coalesce(c.position, 0)
        UNION SELECT tenant, true FROM @pending
    ) AS news (tenant, is_pending)
    WHERE $2::text IS NULL OR tenant > $2 GROUP BY tenant ORDER BY tenant LIMIT $3";

// Where nobody consumes them, all events count as handled.
const HANDLED: &str = "SELECT coalesce((SELECT min(position) FROM @consumers WHERE tenant = $1), last)
    FROM @feed_heads WHERE tenant = $1";

// As many events as are removed are of no more commits than that. The events of a commit are neighbours.
const OLDEST: &str = "SELECT o.commit_id, e.at, e.last, e.events
    FROM (SELECT DISTINCT commit_id FROM (
            SELECT commit_id FROM @events WHERE tenant = $1 ORDER BY position LIMIT $2
        ) AS first (commit_id)) AS o (commit_id)
    CROSS JOIN LATERAL (
        SELECT min(at), max(position), count(*) FROM @events e WHERE e.tenant = $1 AND e.commit_id = o.commit_id
    ) AS e (at, last, events)
    ORDER BY e.last";

const DELETE_EVENTS: &str = "DELETE FROM @events WHERE tenant = $1 AND position <= $2";

const MOVE_TRIMMED: &str = "UPDATE @feed_heads SET trimmed = $2 WHERE tenant = $1";

// Commits are remembered at least as long as their events.
const DELETE_COMMITS: &str = "DELETE FROM @commits WHERE tenant = $1 AND id IN (
        SELECT c.id FROM @commits c WHERE c.tenant = $1 AND c.at < $2
            AND NOT EXISTS (SELECT 1 FROM @events e WHERE e.tenant = $1 AND e.commit_id = c.id)
            AND NOT EXISTS (SELECT 1 FROM @pending p WHERE p.tenant = $1 AND p.commit_id = c.id)
        ORDER BY c.at LIMIT $3
    )";

/// Events get their positions when they are read, so that every commit that was answered before is among them.
impl Feeds for PostgresStore {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        let mut attempts = Attempts::until(None);
        loop {
            let read = read_feed(self.database(), tenant.as_str(), after, limit).await;
            if let Some(result) = attempts.judge(read).await {
                return result?.map_err(|oldest| FeedError::Gone { oldest });
            }
        }
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let read = look_back(self.database(), tenant.as_str(), query).await;
            if let Some(result) = attempts.judge(read).await {
                return result;
            }
        }
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        let params = vec![
            Param::text(tenant.as_str()),
            Param::text(consumer),
            Param::int(to_row(position)),
        ];
        self.ask(ACKNOWLEDGE, params).await?;
        Ok(())
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        let params = vec![Param::text(tenant.as_str()), Param::text(consumer)];
        let rows = self.ask(ACKNOWLEDGED, params).await?;
        let position = rows.first().map(|row| decode::natural(row, 0)).transpose();
        let position = position.map_err(|failure| failure.into_store_error(None))?;
        Ok(position.map_or(Position::START, Position::new))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let tenants = with_news(self.database(), consumer, after, limit).await;
            if let Some(result) = attempts.judge(tenants).await {
                return result;
            }
        }
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let trimmed = trim(self.database(), tenant.as_str(), retention, limit).await;
            if let Some(result) = attempts.judge(trimmed).await {
                return result;
            }
        }
    }
}

/// Reads events after a position, or says which is the oldest that is left.
async fn read_feed(
    database: &Database,
    tenant: &str,
    after: Position,
    limit: usize,
) -> Result<Result<Vec<Event>, Position>, Failure> {
    let deadline: Option<Instant> = None;
    let mut session = database.session(deadline).await?;
    number(&mut session, tenant).await?;
    let params = vec![
        Param::text(tenant),
        Param::int(to_row(after)),
        Param::count(limit),
    ];
    let statements = vec![
        Statement::begin_reading(deadline),
        Statement::Query(TRIMMED, vec![Param::text(tenant)]),
        Statement::Query(FORWARDS, params),
    ];
    let answers = session.run(statements).await?;
    session.end().await;
    let mut answers = answers.into_iter().skip(1);
    let trimmed = answers.next().unwrap_or_default();
    let trimmed = trimmed.first().map_or(Ok(0), |row| decode::natural(row, 0))?;
    if after.number() < trimmed {
        return Ok(Err(Position::new(trimmed.saturating_add(1))));
    }
    let events = answers.next().unwrap_or_default();
    let events = events.iter().map(event).collect::<Result<_, _>>()?;
    Ok(Ok(events))
}

async fn with_news(
    database: &Database,
    consumer: &str,
    after: Option<&TenantId>,
    limit: usize,
) -> Result<Vec<TenantId>, Failure> {
    let mut session = database.session(None).await?;
    loop {
        let params = vec![
            Param::text(consumer),
            Param::optional_text(after.map(TenantId::as_str)),
            Param::count(limit),
        ];
        let rows = session.query(WITH_NEWS, params).await?;
        let (mut tenants, mut are_known) = (Vec::with_capacity(rows.len()), true);
        for row in &rows {
            let tenant = decode::text(row, 0)?;
            // Only its position tells whether the consumer has acknowledged an event.
            if decode::flag(row, 1)? {
                number(&mut session, &tenant).await?;
                are_known = false;
            }
            tenants.push(TenantId::new(tenant));
        }
        if are_known {
            return Ok(tenants);
        }
    }
}

async fn look_back(database: &Database, tenant: &str, query: &LookBack) -> Result<Vec<Event>, Failure> {
    let LookBack {
        resource,
        identity,
        since,
        until,
        before,
        limit,
    } = query;
    let mut session = database.session(None).await?;
    number(&mut session, tenant).await?;
    let mut params = vec![
        Param::text(tenant),
        Param::int(before.map_or(i64::MAX, to_row)),
        Param::int(since.map_or(i64::MIN, DateTime::unix_millis)),
        Param::int(until.map_or(i64::MAX, |until| until.unix_millis().saturating_sub(1))),
        Param::count(*limit),
    ];
    let template = match (resource, identity) {
        (Some(resource), identity) => {
            params.push(Param::text(ResourceId::as_str(resource)));
            params.push(Param::optional_text(identity.as_deref()));
            BY_RESOURCE
        }
        (None, Some(identity)) if identity.is_empty() => BY_NOBODY,
        (None, Some(identity)) => {
            params.push(Param::text(identity));
            BY_IDENTITY
        }
        (None, None) => BACKWARDS,
    };
    let rows = session.query(template, params).await?;
    rows.iter().map(event).collect()
}

async fn trim(
    database: &Database,
    tenant: &str,
    retention: &Retention,
    limit: usize,
) -> Result<usize, Failure> {
    let mut session = database.session(None).await?;
    number(&mut session, tenant).await?;
    let of = || vec![Param::text(tenant)];
    let statements = vec![
        Statement::begin_writing(None),
        Statement::Query(LOCK_HEAD, of()),
        Statement::Query(HANDLED, of()),
        Statement::Query(OLDEST, vec![Param::text(tenant), Param::count(limit)]),
    ];
    let mut answers = session.run(statements).await?.into_iter().skip(2);
    let handled = answers.next().unwrap_or_default();
    let handled = handled.first().map_or(Ok(0), |row| decode::natural(row, 0))?;
    let oldest = answers.next().unwrap_or_default();
    let oldest: Vec<OldCommit> = oldest.iter().map(old_commit).collect::<Result<_, _>>()?;
    let trimmed = Trimmed::of(oldest, retention, Position::new(handled), limit);
    let mut statements = Vec::new();
    if let Some(Trimmed { last, .. }) = trimmed {
        let params = || vec![Param::text(tenant), Param::int(to_row(last))];
        statements.push(Statement::Query(DELETE_EVENTS, params()));
        statements.push(Statement::Query(MOVE_TRIMMED, params()));
    }
    let params = vec![
        Param::text(tenant),
        Param::int(retention.read_before.max(retention.unread_before).unix_millis()),
        Param::count(limit),
    ];
    statements.push(Statement::Query(DELETE_COMMITS, params));
    statements.push(Statement::Commit);
    session.run(statements).await?;
    Ok(trimmed.map_or(0, |trimmed| trimmed.events))
}

fn old_commit(row: &Row) -> Result<OldCommit, Failure> {
    Ok(OldCommit {
        at: DateTime::from_unix_millis(decode::int(row, 1)?),
        last: Position::new(decode::natural(row, 2)?),
        events: decode::count(row, 3)?,
    })
}

fn to_row(position: Position) -> i64 {
    i64::try_from(position.number()).unwrap_or(i64::MAX)
}
