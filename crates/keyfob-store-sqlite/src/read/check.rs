//! Reading what is stored together with what follows from it.

use std::collections::BTreeSet;

use keyfob_core::{DateTime, ResourceId, ResourceType};
use keyfob_store::{
    Stored, UniqueKey, Visibility,
    kit::{IndexEntry, Place},
};
use rusqlite::params;

use super::{
    Snapshot, decode, lookup,
    resource::{Found, columns},
    walk::Walk,
};
use crate::write;

/// A resource with its entries in the tables that are derived.
pub(crate) struct Checked {
    pub(crate) id: ResourceId,
    pub(crate) created: DateTime,
    pub(crate) stored: Stored,
    /// The entries in the index; none where the index waits for the next commit to make it anew.
    pub(crate) indexed: Option<BTreeSet<IndexEntry>>,
    /// The keys, as attribute and value.
    pub(crate) reserved: BTreeSet<IndexEntry>,
}

const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources JOIN documents USING (resource) WHERE resource = ?1",
);

/// Reads at most `count` resources after one.
pub(crate) fn page_to_check(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    visibility: Visibility,
    after: Option<&(DateTime, ResourceId)>,
    count: usize,
) -> rusqlite::Result<Vec<Checked>> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(Vec::new());
    };
    let walk = Walk {
        tenant,
        kind: &kind,
        visibility,
        sort: None,
        condition: None,
    };
    let after = after.map(|(created, id)| Place {
        value: None,
        created: *created,
        id: id.clone(),
    });
    let is_indexed = kind.is_indexed_as(resource_type);
    let mut page = Vec::new();
    walk.each(after.as_ref(), (0, count), |resource| {
        let found = tenant
            .connection
            .prepare_cached(ONE)?
            .query_row([resource], |row| Found::from_row(tenant, row, resource_type))?;
        let place = Place::of(&found.stored, None);
        page.push(Checked {
            id: place.id,
            created: place.created,
            stored: found.stored,
            indexed: is_indexed
                .then(|| write::indexed(tenant.connection, resource))
                .transpose()?,
            reserved: write::reserved(tenant.connection, resource)?,
        });
        Ok(true)
    })?;
    Ok(page)
}

/// Finds who has each of these keys.
pub(crate) fn holders(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    keys: &[UniqueKey],
) -> rusqlite::Result<Vec<Option<ResourceId>>> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(vec![None; keys.len()]);
    };
    let holder = |key| {
        let found = lookup::reserved(tenant, &kind, Visibility::Live, key)?;
        Ok(found.first().map(|entry| ResourceId::new(entry.id.clone())))
    };
    keys.iter().map(holder).collect()
}

/// The number that is kept of a type's resources, and the number that there are: first of the live ones, then of the
/// hidden ones.
pub(crate) fn counts(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
) -> rusqlite::Result<Vec<(usize, usize)>> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(Vec::new());
    };
    let counted = |hidden| {
        tenant
            .connection
            .prepare_cached("SELECT count(*) FROM resources WHERE kind = ?1 AND hidden = ?2")?
            .query_row(params![kind.number, hidden], |row| decode::count(row, 0))
    };
    Ok(vec![(kind.live, counted(false)?), (kind.hidden, counted(true)?)])
}

impl Checked {
    /// Returns true if the index doesn't say what the document says.
    pub(crate) fn is_unindexed(&self, resource_type: &ResourceType) -> bool {
        let expected = || write::of_document(resource_type, &self.stored.resource);
        self.indexed.as_ref().is_some_and(|found| *found != expected())
    }

    /// Returns true if the resource reserves the key.
    pub(crate) fn reserves(&self, key: &UniqueKey) -> bool {
        write::of_keys(std::slice::from_ref(key)).is_subset(&self.reserved)
    }
}
