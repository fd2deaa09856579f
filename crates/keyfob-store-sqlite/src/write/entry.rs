//! Values by which resources are found: the entries of the index and the unique keys.

use std::collections::BTreeSet;

use keyfob_core::{CompareKey, Resource, ResourceType};
use keyfob_store::{UniqueKey, kit::IndexEntry};
use rusqlite::{Connection, params};
use smol_str::SmolStr;

use super::apply::Applying;
use crate::{error::Failure, read::decode};

/// Returns everything by which a document is found.
pub(crate) fn of_document(resource_type: &ResourceType, document: &Resource) -> BTreeSet<IndexEntry> {
    IndexEntry::of(resource_type, document).into_iter().collect()
}

/// Returns the entries of keys that a resource reserves.
pub(crate) fn of_keys(keys: &[UniqueKey]) -> BTreeSet<IndexEntry> {
    let entries = keys.iter().map(|key| IndexEntry {
        attribute: key.attribute.clone(),
        key: key.value.clone(),
        sorts: true,
    });
    entries.collect()
}

/// Reads the entries of a resource in the index.
pub(crate) fn indexed(connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<IndexEntry>> {
    INDEXED.entries(connection, resource)
}

/// Reads the keys that a resource reserves.
pub(crate) fn reserved(connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<IndexEntry>> {
    UNIQUE_KEYS.entries(connection, resource)
}

/// A table of entries.
pub(super) struct Table {
    select: &'static str,
    delete: &'static str,
    insert: &'static str,
    /// Whether it says which of several values sorts.
    sorts: bool,
}

pub(super) const UNIQUE_KEYS: Table = Table {
    select: "SELECT path, value, 1 FROM unique_keys JOIN attributes USING (attribute) WHERE resource = ?1",
    delete: "DELETE FROM unique_keys WHERE kind = ?1 AND attribute = ?2 AND value = ?3 AND resource = ?4",
    insert: "INSERT INTO unique_keys (kind, attribute, value, resource) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
    sorts: false,
};

pub(super) const INDEXED: Table = Table {
    select: "SELECT path, value, sorts FROM indexed JOIN attributes USING (attribute) WHERE resource = ?1",
    delete: "DELETE FROM indexed WHERE kind = ?1 AND attribute = ?2 AND value = ?3 AND resource = ?4",
    insert: "INSERT INTO indexed (kind, attribute, value, resource, sorts) VALUES (?1, ?2, ?3, ?4, ?5)",
    sorts: true,
};

impl Table {
    fn entries(&self, connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<IndexEntry>> {
        connection
            .prepare_cached(self.select)?
            .query_map([resource], |row| {
                Ok(IndexEntry {
                    attribute: decode::text(row, 0)?,
                    key: CompareKey::verbatim(decode::text(row, 1)?),
                    sorts: row.get(2)?,
                })
            })?
            .collect()
    }
}

impl Applying<'_> {
    /// Leaves exactly these entries of a resource in a table and writes only what differs. Answers the path of
    /// the first that another resource has.
    pub(super) fn replace_entries(
        &self,
        table: &Table,
        kind: i64,
        resource: i64,
        wanted: &BTreeSet<IndexEntry>,
    ) -> Result<Option<SmolStr>, Failure> {
        let present = table.entries(self.connection, resource)?;
        for entry in present.difference(wanted) {
            self.cached(table.delete)?.execute(params![
                kind,
                self.attribute(&entry.attribute)?,
                entry.key.as_str(),
                resource
            ])?;
        }
        self.add_entries(table, kind, resource, wanted.difference(&present))
    }

    /// Adds entries of a resource to a table. Returns the path of the first that another resource has.
    pub(super) fn add_entries<'e>(
        &self,
        table: &Table,
        kind: i64,
        resource: i64,
        entries: impl IntoIterator<Item = &'e IndexEntry>,
    ) -> Result<Option<SmolStr>, Failure> {
        for entry in entries {
            let attribute = self.attribute(&entry.attribute)?;
            let value = entry.key.as_str();
            let mut insert = self.cached(table.insert)?;
            let inserted = if table.sorts {
                insert.execute(params![kind, attribute, value, resource, entry.sorts])?
            } else {
                insert.execute(params![kind, attribute, value, resource])?
            };
            if inserted == 0 {
                return Ok(Some(entry.attribute.clone()));
            }
        }
        Ok(None)
    }
}
