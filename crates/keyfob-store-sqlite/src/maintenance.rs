//! What operators do with the store.

use keyfob_core::ResourceType;
use keyfob_store::{
    Explanation, Finding, Keys, Maintenance, Query, ReadContext, StoreError, TenantId, Visibility,
    kit::Inspection,
};

use crate::{SqliteStore, read, write};

/// The number of resources that are checked in one snapshot.
const PAGE: usize = 256;

/// Erasing a tenant is one commit, which others wait for.
///
/// A check reads page by page, so that it may go on beside commits.
impl Maintenance for SqliteStore {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        let after = after.cloned();
        self.read(&ReadContext::new(TenantId::SYSTEM), move |snapshot| {
            read::tenants(snapshot, after.as_ref(), limit)
        })
        .await
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.write(true, move |connection| write::erase(connection, tenant.as_str()))
            .await
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        let cx = ReadContext::new(tenant.clone());
        let mut inspection = Inspection::new(keys);
        let counted = resource_type.clone();
        let counts = self.read(&cx, move |snapshot| read::counts(snapshot, &counted));
        for (kept, counted) in counts.await? {
            inspection.count(kept, counted);
        }
        for visibility in [Visibility::Live, Visibility::Hidden] {
            let mut after = None;
            loop {
                let (of, from) = (resource_type.clone(), after.clone());
                let page = self.read(&cx, move |snapshot| {
                    read::page_to_check(snapshot, &of, visibility, from.as_ref(), PAGE)
                });
                let page = page.await?;
                let Some(last) = page.last() else { break };
                after = Some((last.created, last.id.clone()));
                for checked in &page {
                    let is_indexed = !checked.is_unindexed(resource_type);
                    inspection.inspect(&checked.id, &checked.stored, is_indexed, |key| {
                        checked.reserves(key)
                    });
                }
                let (of, missing) = (resource_type.clone(), inspection.missing());
                if !missing.is_empty() {
                    let holders = self.read(&cx, move |snapshot| read::holders(snapshot, &of, &missing));
                    inspection.settle(holders.await?);
                }
            }
        }
        Ok(inspection.into_findings())
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        let (resource_type, query) = (resource_type.clone(), query.clone());
        self.read(cx, move |snapshot| {
            read::explain(snapshot, &resource_type, &query)
        })
        .await
    }
}
