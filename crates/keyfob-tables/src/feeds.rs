//! Reading events.

use keyfob_core::DateTime;
use keyfob_store::{Event, FeedError, Feeds, LookBack, Position, Retention, StoreError, TenantId};

use crate::{
    error::{Failure, TableError},
    event::{SELECT, read},
    session::Session,
    store::{TableStore, within},
    tables::Tables,
    transaction::{Access, SqlValue},
};

impl<T: Tables> Feeds for TableStore<T> {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        let feed = within!(self, Access::Read, tenant, |session| session.feed(after, limit))?;
        feed.map_err(|oldest| FeedError::Gone { oldest })
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        within!(self, Access::Read, tenant, |session| session.look_back(query))
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        within!(self, Access::Write, tenant, |session| session
            .acknowledge(consumer, position))
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        within!(self, Access::Read, tenant, |session| session
            .acknowledged(consumer))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        let system = &TenantId::SYSTEM;
        within!(self, Access::Read, system, |session| session
            .with_news(consumer, after, limit))
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        within!(self, Access::Write, tenant, |session| session
            .trim(*retention, limit))
    }
}

/// A limit as databases count.
fn most(limit: usize) -> SqlValue {
    SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

impl<T: Tables> Session<'_, T> {
    async fn acknowledge(&mut self, consumer: &str, position: Position) -> Result<(), Failure> {
        let values = [self.tenant(), consumer.into(), position.number().into()];
        self.execute(
            "INSERT INTO @consumers (tenant, name, position) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, name) DO UPDATE SET position = excluded.position
             WHERE @consumers.position < excluded.position",
            &values,
        )
        .await?;
        Ok(())
    }

    async fn acknowledged(&mut self, consumer: &str) -> Result<Position, Failure> {
        let values = [self.tenant(), consumer.into()];
        let statement = "SELECT position FROM @consumers WHERE tenant = ?1 AND name = ?2";
        let rows = self.select(statement, &values).await?;
        let number = rows.first().map_or(Ok(0), |row| row.integer(0))?;
        Ok(Position::new(number.cast_unsigned()))
    }

    async fn with_news(
        &mut self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Failure> {
        // Every id is at least the system's, which is empty.
        let from = if after.is_some() { ">" } else { ">=" };
        let after = after.map_or("", TenantId::as_str);
        let statement = format!(
            "SELECT t.tenant FROM @tenants t LEFT JOIN @consumers c ON c.tenant = t.tenant AND c.name = ?1
             WHERE t.last > coalesce(c.position, 0) AND t.tenant {from} ?2 ORDER BY t.tenant LIMIT ?3"
        );
        let rows = self
            .select(&statement, &[consumer.into(), after.into(), most(limit)])
            .await?;
        let tenants = rows.iter().map(|row| row.text(0).map(TenantId::new));
        Ok(tenants.collect::<Result<_, _>>()?)
    }

    async fn feed(&mut self, after: Position, limit: usize) -> Result<Result<Vec<Event>, Position>, Failure> {
        let tenant = [self.tenant()];
        let rows = self
            .select("SELECT trimmed FROM @tenants WHERE tenant = ?1", &tenant)
            .await?;
        let trimmed = rows.first().map_or(Ok(0), |row| row.integer(0))?.cast_unsigned();
        if after.number() < trimmed {
            return Ok(Err(Position::new(trimmed + 1)));
        }
        let values = [self.tenant(), after.number().into(), most(limit)];
        let statement = format!("{SELECT} AND e.position > ?2 ORDER BY e.position LIMIT ?3");
        let rows = self.select(&statement, &values).await?;
        Ok(Ok(rows.iter().map(read).collect::<Result<_, TableError>>()?))
    }

    async fn look_back(&mut self, query: &LookBack) -> Result<Vec<Event>, Failure> {
        let LookBack {
            resource,
            identity,
            since,
            until,
            before,
            limit,
        } = query;
        let time = |time: &DateTime| SqlValue::from(*time);
        let conditions = [
            ("e.resource =", resource.as_ref().map(SqlValue::from)),
            ("c.identity =", identity.as_ref().map(SqlValue::from)),
            ("c.at >=", since.as_ref().map(time)),
            ("c.at <", until.as_ref().map(time)),
            ("e.position <", before.map(|before| before.number().into())),
        ];
        let mut statement = String::from(SELECT);
        let mut values = vec![self.tenant()];
        for (condition, value) in conditions {
            if let Some(value) = value {
                values.push(value);
                statement = format!("{statement} AND {condition} ?{}", values.len());
            }
        }
        values.push(most(*limit));
        let statement = format!("{statement} ORDER BY e.position DESC LIMIT ?{}", values.len());
        let rows = self.select(&statement, &values).await?;
        Ok(rows.iter().map(read).collect::<Result<_, TableError>>()?)
    }

    /// Removes events from the oldest on, commit by commit, and what is remembered of old commits.
    async fn trim(&mut self, retention: Retention, limit: usize) -> Result<usize, Failure> {
        let Retention {
            read_before,
            unread_before,
        } = retention;
        // Whoever trims at the same time is waited for before anything is read: what was read before would be set back.
        self.take_turn().await?;
        let removed = self.trim_events(retention, limit).await?;
        // Those without events are remembered for as long: of a commit in doubt the store is asked soon, if at all.
        let values = [self.tenant(), read_before.max(unread_before).into(), most(limit)];
        self.execute(
            "DELETE FROM @commits WHERE tenant = ?1 AND id IN (SELECT c.id FROM @commits c
                WHERE c.tenant = ?1 AND c.at < ?2
                    AND NOT EXISTS (SELECT 1 FROM @events e WHERE e.tenant = ?1 AND e.commit_id = c.id)
                ORDER BY c.at LIMIT ?3)",
            &values,
        )
        .await?;
        Ok(removed)
    }

    async fn trim_events(&mut self, retention: Retention, limit: usize) -> Result<usize, Failure> {
        let Retention {
            read_before,
            unread_before,
        } = retention;
        let tenant = [self.tenant()];
        let statement = "SELECT min(position) FROM @consumers WHERE tenant = ?1";
        let rows = self.select(statement, &tenant).await?;
        let read = rows.first().map_or(Ok(None), |row| row.optional_integer(0))?;
        let mut removed = 0;
        loop {
            let rows = self
                .select(
                    "SELECT e.commit_id, c.at, count(*), max(e.position) FROM @events e
                     JOIN @commits c ON c.tenant = e.tenant AND c.id = e.commit_id
                     WHERE e.tenant = ?1 AND e.commit_id =
                        (SELECT commit_id FROM @events WHERE tenant = ?1 ORDER BY position LIMIT 1)
                     GROUP BY e.commit_id, c.at",
                    &tenant,
                )
                .await?;
            let Some(oldest) = rows.first() else {
                return Ok(removed);
            };
            let (at, events, last) = (oldest.time(1)?, oldest.count(2)?, oldest.integer(3)?);
            let is_read = read.is_none_or(|read| last <= read);
            let is_old = at < unread_before || (at < read_before && is_read);
            let fits = removed + events <= limit || (removed == 0 && limit > 0);
            if !is_old || !fits {
                return Ok(removed);
            }
            let values = [self.tenant(), (&oldest.text(0)?).into()];
            for statement in [
                "DELETE FROM @events WHERE tenant = ?1 AND commit_id = ?2",
                "DELETE FROM @commits WHERE tenant = ?1 AND id = ?2",
            ] {
                self.execute(statement, &values).await?;
            }
            let values = [self.tenant(), last.into()];
            self.execute(
                "UPDATE @tenants SET trimmed = ?2 WHERE tenant = ?1 AND trimmed < ?2",
                &values,
            )
            .await?;
            removed += events;
        }
    }
}
