//! Tenants without an organization: what an interrupted creation has left, and what is written after a deletion.

use keyfob_core::{Resource, ResourceId};
use keyfob_store::{
    Cause, Change, CommitError, Maintenance, OnRefusal, Query, Store, StoreError, Stored, TenantId,
};
use smol_str::format_smolstr;

use super::{Admin, AdminError};
use crate::system;

/// The milliseconds for which a tenant without an organization is left alone: longer than any request takes, be it the one
/// that creates the organization, or one that the organization's provider sent before its deletion.
const GRACE: i64 = 60 * 60 * 1000;

impl<S: Store> Admin<'_, S> {
    /// Returns the tenants that [`sweep_tenants`](Self::sweep_tenants) erases, now or later.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn tenants_to_erase(&self) -> Result<Vec<TenantId>, AdminError> {
        let stored = self.erasures().await?;
        Ok(stored.iter().filter_map(tenant_of).collect())
    }

    async fn erasures(&self) -> Result<Vec<Stored>, StoreError> {
        let store = self.provisioner.store();
        let page = store
            .query(&Self::system().reading(), system::erasure(), &Query::all())
            .await?;
        Ok(page.resources)
    }
}

impl<S: Maintenance> Admin<'_, S> {
    /// Erases what was left of organizations that were never finished or were deleted, and returns the number of tenants.
    ///
    /// A creation that is interrupted between its commits leaves a tenant without an organization. A deletion that is
    /// interrupted does too, and so do requests that were under way when the organization was deleted. A server calls this
    /// at its start and every hour; what is younger than an hour is left for the next time.
    ///
    /// # Errors
    /// [`AdminError::Store`]; what was erased until then is erased.
    pub async fn sweep_tenants(&self) -> Result<usize, AdminError> {
        let mut swept = 0;
        for stored in self.erasures().await? {
            let created = stored.resource.meta().and_then(|meta| meta.created);
            let age = created.map(|created| self.provisioner.now().unix_millis() - created.unix_millis());
            let (Some(tenant), Some(id)) = (tenant_of(&stored), stored.resource.id()) else {
                continue;
            };
            if age.is_some_and(|age| age < GRACE) {
                continue;
            }
            // Nothing with an organization is erased, whatever stands in a row.
            match self.organization_of(&tenant).await {
                Ok(_) => {}
                Err(AdminError::NoSuchOrganization(_)) => {
                    self.provisioner.store().erase(&tenant).await?;
                    swept += 1;
                }
                Err(error) => return Err(error),
            }
            let system = Self::system();
            let commit = self
                .provisioner
                .commit_of(&system, "eraseTenant", vec![forget_erasure(id)], None);
            match self.provisioner.commit(&system, commit).await {
                Ok(_) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(other) => return Err(StoreError::internal(other).into()),
            }
        }
        Ok(swept)
    }
}

/// Returns the id of the row of a tenant, which no generated id equals.
pub(super) fn erasure_id(tenant: &TenantId) -> ResourceId {
    ResourceId::new(format_smolstr!("erasure:{tenant}"))
}

/// Creates a change that notes that a tenant is to be erased.
pub(super) fn note_erasure(tenant: &TenantId) -> Change {
    let mut row = Resource::new([system::erasure().schema().id.clone()]);
    row.core_mut().insert("tenant", tenant.as_str());
    Change::create(system::erasure(), erasure_id(tenant), row)
}

/// Creates a change that removes the row, unless another server has.
pub(super) fn forget_erasure(id: ResourceId) -> Change {
    Change::Delete {
        resource_type: system::erasure().clone(),
        id,
        precondition: None,
        on_refusal: OnRefusal::Skip(&[Cause::Missing]),
    }
}

fn tenant_of(stored: &Stored) -> Option<TenantId> {
    stored.resource.core().get_str("tenant").map(TenantId::new)
}
