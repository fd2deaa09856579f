//! Numbers that the writer has looked up: they stand in every row and change almost never.

use std::collections::HashMap;

use rusqlite::Connection;
use smol_str::SmolStr;

/// The numbers of tenants, of their resource types and of attributes, as the transaction sees them.
///
/// Numbers that a transaction took back, or that another process may have removed, are forgotten: a number may be given again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The version of the database (`PRAGMA data_version`), which another connection's commit changes.
    version: i64,
    tenants: HashMap<SmolStr, i64>,
    attributes: HashMap<SmolStr, i64>,
    /// If true, there may be edges that are to be removed in slices: until the writer finds none.
    pub(super) leftovers: bool,
    /// By tenant and name: the number, and the signature of the index that all resources of the type have.
    kinds: HashMap<(i64, SmolStr), (i64, SmolStr)>,
}

/// More than so many tenants are looked up again, lest a service of many keeps all of them in memory.
const LIMIT: usize = 10_000;

impl Known {
    /// Forgets everything if another connection has committed since the last time. Called within a transaction that writes, in
    /// which nobody else does.
    pub(super) fn refresh(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let version = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if version != self.version || self.kinds.len() > LIMIT {
            self.forget();
            // Another process may have left some.
            self.leftovers = true;
            self.version = version;
        }
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.tenants.clear();
        self.attributes.clear();
        self.kinds.clear();
    }

    pub(super) fn tenant(&self, name: &str) -> Option<i64> {
        self.tenants.get(name).copied()
    }

    pub(super) fn note_tenant(&mut self, name: &str, tenant: i64) {
        self.tenants.insert(name.into(), tenant);
    }

    pub(super) fn attribute(&self, path: &str) -> Option<i64> {
        self.attributes.get(path).copied()
    }

    pub(super) fn note_attribute(&mut self, path: &str, attribute: i64) {
        self.attributes.insert(path.into(), attribute);
    }

    /// Returns the number of a resource type whose resources are indexed as the signature says.
    pub(super) fn kind(&self, tenant: i64, name: &SmolStr, signature: &str) -> Option<i64> {
        let (kind, indexed) = self.kinds.get(&(tenant, name.clone()))?;
        (indexed == signature).then_some(*kind)
    }

    pub(super) fn note_kind(&mut self, tenant: i64, name: &SmolStr, kind: i64, signature: &str) {
        self.kinds
            .insert((tenant, name.clone()), (kind, signature.into()));
    }
}
