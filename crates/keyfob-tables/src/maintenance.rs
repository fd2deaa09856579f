//! The operators' side of the store.

use std::collections::BTreeSet;

use keyfob_core::{ResourceType, SmolStr};
use keyfob_store::{
    Explanation, Finding, Keys, Maintenance, Query, ReadContext, Selection, StoreError, TenantId,
};

use crate::{
    error::{Failure, TableError},
    schema::OF_TENANT,
    session::{Found, Session, stored_key},
    shape::Kind,
    store::{TableStore, within},
    tables::{Scope, Tables, Which},
    transaction::{Access, SqlValue},
};

impl<T: Tables> Maintenance for TableStore<T> {
    /// Tenants of which the application alone knows are not among them: nothing says which there are.
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, StoreError> {
        let system = &TenantId::SYSTEM;
        within!(self, Access::Read, system, |session| session
            .tenants(after, limit))
    }

    /// Removes the rows of the application too.
    async fn erase(&self, tenant: &TenantId) -> Result<bool, StoreError> {
        within!(self, Access::Write, tenant, |session| session.erase())
    }

    async fn check(
        &self,
        tenant: &TenantId,
        resource_type: &ResourceType,
        keys: &Keys,
    ) -> Result<Vec<Finding>, StoreError> {
        within!(self, Access::Read, tenant, |session| session
            .check(resource_type, keys))
    }

    async fn explain(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Explanation, StoreError> {
        within!(self, Access::Read, &cx.tenant, cx.budget, |session| {
            session.explain(resource_type, query)
        })
    }
}

impl<T: Tables> Session<'_, T> {
    async fn tenants(&mut self, after: Option<&TenantId>, limit: usize) -> Result<Vec<TenantId>, Failure> {
        let from = if after.is_some() { ">" } else { ">=" };
        let after = after.map_or("", TenantId::as_str);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let of = |table| format!("SELECT tenant FROM @{table} WHERE tenant {from} ?1");
        let statement = ["resources", "events", "consumers"].map(of).join(" UNION ");
        let statement = format!("SELECT tenant FROM ({statement}) AS named ORDER BY tenant LIMIT ?2");
        let rows = self.select(&statement, &[after.into(), limit.into()]).await?;
        let tenants = rows.iter().map(|row| row.text(0).map(TenantId::new));
        Ok(tenants.collect::<Result<_, _>>()?)
    }

    async fn erase(&mut self) -> Result<bool, Failure> {
        // Nobody commits meanwhile: what came between two statements would lose its keys, or stay without its events.
        self.take_turn().await?;
        let tenant = [self.tenant()];
        let mut erased = false;
        for kind in [Kind::Group, Kind::User] {
            let mut after = None;
            loop {
                let rows = self.next_rows(kind, &mut after).await?;
                if rows.is_empty() {
                    break;
                }
                for row in rows {
                    self.store
                        .tables
                        .delete(
                            self.tx,
                            Scope {
                                tenant: &self.tenant,
                                kind,
                            },
                            &row.key,
                        )
                        .await?;
                }
                erased = true;
            }
            // Rows that only seem deleted would be this tenant's resources again.
            let first = Which::All {
                after: None,
                limit: 1,
            };
            if !self.rows(kind, first).await?.is_empty() {
                return Err(TableError::failed(format!(
                    "rows of {}s are still there after `Tables::delete`",
                    kind.name()
                ))
                .into());
            }
        }
        for table in OF_TENANT {
            let deleted = self
                .execute(&format!("DELETE FROM @{table} WHERE tenant = ?1"), &tenant)
                .await?;
            erased |= deleted > 0 && ["resources", "events", "consumers"].contains(&table);
        }
        self.execute("DELETE FROM @tenants WHERE tenant = ?1", &tenant)
            .await?;
        Ok(erased)
    }

    async fn check(&mut self, resource_type: &ResourceType, keys: &Keys) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        let mut all = self.all(resource_type).await?;
        all.sort_by(|left, right| {
            let key = |found: &Found| (found.side.created.unix_millis(), found.id().clone());
            key(left).cmp(&key(right))
        });
        for found in &all {
            // One that can't be read doesn't end the check of the others.
            if let Err(error) = self.document(resource_type, found) {
                let reason =
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                findings.push(Finding::Unreadable {
                    resource: found.id().clone(),
                    reason,
                });
                continue;
            }
            let whole = Selection::document();
            let Some(stored) = self.stored(resource_type, &[found], &whole).await?.pop() else {
                continue;
            };
            // A row that the application wrote has its entries and keys in its columns.
            if !found.is_foreign() {
                let expected: BTreeSet<(SmolStr, SmolStr)> = resource_type
                    .index()
                    .entries(&stored.resource)
                    .into_iter()
                    .map(|(attribute, value)| (attribute, stored_key(value.as_str())))
                    .collect();
                if self.entries(found.id()).await? != expected {
                    findings.push(Finding::Unindexed {
                        resource: found.id().clone(),
                    });
                }
            }
            if found.is_hidden() {
                continue;
            }
            for key in keys(&stored) {
                let resource = found.id().clone();
                match self.holder(resource_type, &key, None).await? {
                    Some(holder) if *holder.id() == resource => {}
                    Some(holder) => findings.push(Finding::Collision {
                        resource,
                        key,
                        owner: holder.id().clone(),
                    }),
                    None => findings.push(Finding::Unreserved { resource, key }),
                }
            }
        }
        Ok(findings)
    }

    async fn entries(
        &mut self,
        id: &keyfob_core::ResourceId,
    ) -> Result<BTreeSet<(SmolStr, SmolStr)>, TableError> {
        let values: [SqlValue; 2] = [self.tenant(), id.into()];
        let statement = "SELECT attribute, value FROM @entries WHERE tenant = ?1 AND id = ?2";
        let rows = self.select(statement, &values).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}
