//! The application's database as a store: what operators do.

use keyfob_core::ResourceType;
use keyfob_store::{Finding, Keys, Maintenance, Query, ReadContext, Store, StoreError, TenantId, kit::Place};
use rusqlite::{OptionalExtension, Result, params};

use crate::{
    directory::Directory,
    store::{failed, signed},
};

impl Maintenance for Directory {
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        let connection = self.connection();
        let read = || -> Result<Vec<TenantId>> {
            connection
                .prepare_cached(
                    "SELECT company FROM resources WHERE ?1 IS NULL OR company > ?1
                     UNION SELECT company FROM events WHERE ?1 IS NULL OR company > ?1
                     UNION SELECT company FROM consumers WHERE ?1 IS NULL OR company > ?1
                     ORDER BY company LIMIT ?2",
                )?
                .query_map(params![after.map(TenantId::as_str), signed(limit)], |row| {
                    row.get::<_, String>(0).map(TenantId::new)
                })?
                .collect()
        };
        read().map_err(failed)
    }

    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        let mut connection = self.connection();
        let mut erase = || {
            let transaction = connection.transaction()?;
            let mut erased = 0;
            for table in ["resources", "events", "consumers"] {
                let sql = format!("DELETE FROM {table} WHERE company = ?1");
                erased += transaction.execute(&sql, [tenant.as_str()])?;
            }
            for table in ["commits", "feeds", "last_versions"] {
                let sql = format!("DELETE FROM {table} WHERE company = ?1");
                transaction.execute(&sql, [tenant.as_str()])?;
            }
            transaction.commit().map(|()| erased > 0)
        };
        erase().map_err(failed)
    }

    /// The index of logins follows from its column, so what can differ are the reserved values.
    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        let cx = ReadContext::new(tenant.clone());
        let all = self.query(&cx, resource_type, &Query::all()).await?;
        let connection = self.connection();
        let mut findings = Vec::new();
        for stored in &all.resources {
            let resource = Place::of(stored, None).id;
            for key in keys(stored) {
                let parameters = params![
                    tenant.as_str(),
                    resource_type.name().as_str(),
                    key.attribute.as_str(),
                    key.value.as_str()
                ];
                let owner = connection
                    .query_row(
                        "SELECT r.id FROM unique_values u JOIN resources r ON r.place = u.resource
                         WHERE u.company = ?1 AND u.type = ?2 AND u.attribute = ?3 AND u.value = ?4",
                        parameters,
                        |row| row.get::<_, String>(0),
                    )
                    .optional()
                    .map_err(failed)?;
                let resource = resource.clone();
                match owner.map(keyfob_core::ResourceId::new) {
                    Some(owner) if owner == resource => {}
                    Some(owner) => findings.push(Finding::Collision { resource, key, owner }),
                    None => findings.push(Finding::Unreserved { resource, key }),
                }
            }
        }
        Ok(findings)
    }
}
