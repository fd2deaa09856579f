//! Values by which resources are found: the entries of the index and the unique keys.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_core::{Resource, ResourceType};
use keyfob_store::UniqueKey;
use rusqlite::{Connection, params};
use smol_str::SmolStr;

use super::apply::Applying;
use crate::{error::Failure, read::decode};

/// A value in one of the tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The attribute's path, as the table of attributes has it.
    path: SmolStr,
    value: SmolStr,
    /// Whether resources are sorted by it. One that has several values where it should have one is sorted by the first.
    sorts: bool,
}

impl Entry {
    /// Everything by which a document is found.
    pub(crate) fn of_document(resource_type: &ResourceType, document: &Resource) -> BTreeSet<Self> {
        let mut entries = BTreeMap::new();
        for indexed in resource_type.index().attributes() {
            for (place, key) in indexed.keys(document).enumerate() {
                let sorts = place == 0 || !indexed.is_singular();
                let entry = (indexed.key().clone(), SmolStr::from(key));
                entries.entry(entry).or_insert(sorts);
            }
        }
        let entries = entries.into_iter();
        entries
            .map(|((path, value), sorts)| Self { path, value, sorts })
            .collect()
    }

    pub(crate) fn of_key(key: &UniqueKey) -> Self {
        Self {
            path: key.attribute.clone(),
            value: key.value.clone().into(),
            sorts: true,
        }
    }

    /// The entries of a resource in the index.
    pub(crate) fn indexed(connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<Self>> {
        INDEXED.entries(connection, resource)
    }

    /// The keys that a resource reserves.
    pub(crate) fn reserved(connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<Self>> {
        UNIQUE_KEYS.entries(connection, resource)
    }
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
    fn entries(&self, connection: &Connection, resource: i64) -> rusqlite::Result<BTreeSet<Entry>> {
        connection
            .prepare_cached(self.select)?
            .query_map([resource], |row| {
                Ok(Entry {
                    path: decode::text(row, 0)?,
                    value: decode::text(row, 1)?,
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
        wanted: &BTreeSet<Entry>,
    ) -> Result<Option<SmolStr>, Failure> {
        let present = table.entries(self.connection, resource)?;
        for entry in present.difference(wanted) {
            self.cached(table.delete)?.execute(params![
                kind,
                self.attribute(&entry.path)?,
                entry.value.as_str(),
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
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<Option<SmolStr>, Failure> {
        for entry in entries {
            let attribute = self.attribute(&entry.path)?;
            let value = entry.value.as_str();
            let mut insert = self.cached(table.insert)?;
            let inserted = if table.sorts {
                insert.execute(params![kind, attribute, value, resource, entry.sorts])?
            } else {
                insert.execute(params![kind, attribute, value, resource])?
            };
            if inserted == 0 {
                return Ok(Some(entry.path.clone()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Registry;

    use super::*;

    #[test]
    fn the_first_of_several_values_sorts_where_there_should_be_one() {
        let user = Registry::rfc().resource_type("User").unwrap();
        let document = Resource::from_json(
            br#"{"displayName": ["B", "a", "b"], "emails": [{"value": "Y"}, {"value": "x"}]}"#,
            user,
        )
        .unwrap();
        let entries: Vec<_> = Entry::of_document(user, &document)
            .into_iter()
            .map(|entry| format!("{}={} {}", entry.path, entry.value, entry.sorts))
            .collect();
        let expected = [
            "displayname=a false",
            "displayname=b true",
            "emails.value=x true",
            "emails.value=y true",
        ];
        assert_eq!(entries, expected);
    }
}
