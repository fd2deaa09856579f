//! The events and the maintenance of a store, as one tenant sees them.

use keyfob_core::ResourceId;
use keyfob_store::{CommitId, Event, Finding, Keys, LookBack, Position, Retention, TenantId};

use crate::{
    failure::{Failure, Verdict},
    fixture::{Kind, minute},
    tenancy::{Tenancy, Tested, supported},
};

impl<S: Tested> Tenancy<'_, S> {
    /// Whether a commit happened.
    pub(crate) async fn committed(&self, commit: &CommitId) -> Result<bool, Failure> {
        Ok(self.store.committed(&self.tenant, commit).await?)
    }

    pub(crate) async fn look_back(&self, query: &LookBack) -> Result<Vec<Event>, Failure> {
        supported(self.store.look_back(&self.tenant, query).await)
    }

    pub(crate) async fn acknowledge(&self, consumer: &str, position: u64) -> Verdict {
        let position = Position::new(position);
        supported(self.store.acknowledge(&self.tenant, consumer, position).await)
    }

    pub(crate) async fn acknowledged(&self, consumer: &str) -> Result<u64, Failure> {
        let acknowledged = supported(self.store.acknowledged(&self.tenant, consumer).await)?;
        Ok(acknowledged.number())
    }

    /// The tenants of the store that have news for a consumer.
    pub(crate) async fn with_news(
        &self,
        consumer: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Failure> {
        let after = after.map(TenantId::new);
        let tenants = supported(self.store.with_news(consumer, after.as_ref(), limit).await)?;
        Ok(names(&tenants))
    }

    /// Trims events from before these minutes of the year: those that every consumer has read, and those that not.
    pub(crate) async fn trim(
        &self,
        read_before: i64,
        unread_before: i64,
        limit: usize,
    ) -> Result<usize, Failure> {
        let retention = Retention {
            read_before: minute(read_before),
            unread_before: minute(unread_before),
        };
        supported(self.store.trim(&self.tenant, &retention, limit).await)
    }

    /// The tenants of the store.
    pub(crate) async fn tenants(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Failure> {
        let after = after.map(TenantId::new);
        let tenants = supported(self.store.tenants(after.as_ref(), limit).await)?;
        Ok(names(&tenants))
    }

    /// Removes everything of the tenant.
    pub(crate) async fn erase(&self) -> Result<bool, Failure> {
        supported(self.store.erase(&self.tenant).await)
    }

    pub(crate) async fn check(&self, kind: Kind, keys: &Keys) -> Result<Vec<Finding>, Failure> {
        let resource_type = self.resource_type(kind)?;
        supported(self.store.check(&self.tenant, resource_type, keys).await)
    }
}

fn names(tenants: &[TenantId]) -> Vec<String> {
    tenants.iter().map(ToString::to_string).collect()
}

/// The ids, as texts.
pub(crate) fn texts(ids: &[ResourceId]) -> Vec<&str> {
    ids.iter().map(ResourceId::as_str).collect()
}
