//! Events of the store.

use keyfob_store::{
    Event, FeedError, Feeds, LookBack, Position, ReadContext, Retention, StoreError, TenantId,
};
use rusqlite::OptionalExtension;

use crate::{
    SqliteStore,
    read::{self, decode},
    write,
};

/// The writer gives positions within the commit, so that a commit that was answered is in the feed.
impl Feeds for SqliteStore {
    async fn read_feed(
        &self,
        tenant: &TenantId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Event>, FeedError> {
        let cx = ReadContext::new(tenant.clone());
        self.read(&cx, move |snapshot| read::feed(snapshot, after, limit))
            .await?
    }

    async fn look_back(&self, tenant: &TenantId, query: &LookBack) -> Result<Vec<Event>, StoreError> {
        let query = query.clone();
        let cx = ReadContext::new(tenant.clone());
        self.read(&cx, move |snapshot| read::look_back(snapshot, &query))
            .await
    }

    async fn acknowledge(
        &self,
        tenant: &TenantId,
        consumer: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        let (tenant, consumer) = (tenant.clone(), consumer.to_owned());
        self.write(false, move |connection| {
            write::acknowledge(connection, tenant.as_str(), &consumer, position)
        })
        .await
    }

    async fn acknowledged(&self, tenant: &TenantId, consumer: &str) -> Result<Position, StoreError> {
        let consumer = consumer.to_owned();
        let cx = ReadContext::new(tenant.clone());
        let position = self.read(&cx, move |snapshot| {
            snapshot
                .connection()
                .prepare_cached(
                    "SELECT position FROM consumers JOIN tenants USING (tenant)
                     WHERE tenants.name = ?1 AND consumers.name = ?2",
                )?
                .query_row([snapshot.tenant_name(), &consumer], |row| decode::natural(row, 0))
                .optional()
        });
        Ok(position.await?.map_or(Position::START, Position::new))
    }

    async fn with_news(
        &self,
        consumer: &str,
        after: Option<&TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, StoreError> {
        let (consumer, after) = (consumer.to_owned(), after.cloned());
        self.read(&ReadContext::new(TenantId::SYSTEM), move |snapshot| {
            read::with_news(snapshot, &consumer, after.as_ref(), limit)
        })
        .await
    }

    async fn trim(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let (tenant, retention) = (tenant.clone(), *retention);
        self.write(true, move |connection| {
            write::trim(connection, tenant.as_str(), &retention, limit)
        })
        .await
    }
}
