//! What operators do with the store.

use std::sync::Arc;

use keyfob_core::ResourceType;
use keyfob_store::{Finding, Keys, Maintenance, ReadContext, StoreError, TenantId, UniqueKey, Visibility};

use crate::{
    SqliteStore,
    read::{self, Checked},
    write,
};

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
        let mut findings = Vec::new();
        let counted = resource_type.clone();
        let counts = self.read(&cx, move |snapshot| read::counts(snapshot, &counted));
        for (kept, counted) in counts.await? {
            if kept != counted {
                findings.push(Finding::Miscounted { kept, counted });
            }
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
                self.check_page(&cx, resource_type, &page, keys, &mut findings)
                    .await?;
            }
        }
        Ok(findings)
    }
}

impl SqliteStore {
    async fn check_page(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        page: &[Checked],
        keys: &Keys,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for checked in page {
            if checked.is_unindexed(resource_type) {
                findings.push(Finding::Unindexed {
                    resource: checked.id.clone(),
                });
            }
            // A hidden resource reserves nothing.
            if !checked.stored.is_hidden() {
                let unreserved = keys(&checked.stored)
                    .into_iter()
                    .filter(|key| !checked.reserves(key));
                missing.extend(unreserved.map(|key| (checked.id.clone(), key)));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let wanted: Arc<[UniqueKey]> = missing.iter().map(|(_, key)| key.clone()).collect();
        let of = resource_type.clone();
        let holders = self.read(cx, move |snapshot| read::holders(snapshot, &of, &wanted));
        for ((resource, key), holder) in missing.into_iter().zip(holders.await?) {
            match holder {
                Some(owner) if owner == resource => {} // It was reserved meanwhile.
                Some(owner) => findings.push(Finding::Collision { resource, key, owner }),
                None => findings.push(Finding::Unreserved { resource, key }),
            }
        }
        Ok(())
    }
}
