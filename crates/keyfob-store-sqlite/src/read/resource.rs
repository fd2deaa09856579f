//! Reading resources by their ids.

use keyfob_core::{ResourceId, ResourceType, schema::RelationKind};
use keyfob_store::{Selection, Stored};
use rusqlite::{OptionalExtension, Row, params};

use super::{
    Kind, Snapshot, decode,
    relation::{self, Inverse},
};

/// The columns that [`Found::from_row`] takes.
macro_rules! columns {
    () => {
        "resource, id, version, created, last_modified, hidden, state, document"
    };
}
pub(super) use columns;

const BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM resources JOIN documents USING (resource) WHERE tenant = ?1 AND id = ?2 AND kind = ?3",
);

/// Reads resources by their ids, in their order.
pub(crate) fn get(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> rusqlite::Result<Vec<Option<Stored>>> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(vec![None; ids.len()]);
    };
    let mut statement = tenant.connection.prepare_cached(BY_ID)?;
    let mut found = Vec::with_capacity(ids.len());
    let mut places = Vec::with_capacity(ids.len());
    for (place, id) in ids.iter().enumerate() {
        let row = statement
            .query_row(params![kind.tenant, id.as_str(), kind.number], |row| {
                Found::from_row(tenant, row, resource_type)
            })
            .optional()?;
        if let Some(row) = row {
            found.push(row);
            places.push(place);
        }
    }
    read_relations(&mut found, tenant, &kind, resource_type, selection)?;
    let mut found = places.into_iter().zip(found).peekable();
    let answer = (0..ids.len()).map(|place| {
        let (_, found) = found.next_if(|(of, _)| *of == place)?;
        Some(found.stored)
    });
    Ok(answer.collect())
}

/// A resource with the number of its row.
pub(super) struct Found {
    pub(super) resource: i64,
    pub(super) stored: Stored,
}

impl Found {
    pub(super) fn from_row(
        tenant: &Snapshot<'_>,
        row: &Row<'_>,
        resource_type: &ResourceType,
    ) -> rusqlite::Result<Self> {
        tenant.step()?;
        tenant.decode(row.get_ref(7)?.as_blob()?.len())?;
        let stored = Stored::new(
            resource_type,
            &ResourceId::new(decode::text(row, 1)?),
            decode::document(row, 7, resource_type)?,
            decode::version(row, 2)?,
            decode::date_time(row, 3)?,
            decode::date_time(row, 4)?,
        );
        Ok(Self {
            resource: row.get(0)?,
            stored: stored
                .with_state(decode::state(row, 6)?)
                .with_visibility(decode::visibility(row, 5)?),
        })
    }
}

/// Puts the relations that are selected into resources, in place of those that are there.
pub(super) fn read_relations(
    found: &mut [Found],
    tenant: &Snapshot<'_>,
    kind: &Kind,
    resource_type: &ResourceType,
    selection: &Selection,
) -> rusqlite::Result<()> {
    for found in &mut *found {
        found.stored.resource.relations_mut().clear();
    }
    for relation in resource_type.relations() {
        if !selection.attributes.contains(relation.attribute.id) {
            continue;
        }
        let name = &relation.attribute.name;
        let limit = selection.relation_limit;
        match &relation.kind {
            RelationKind::InverseOf {
                resource_type,
                attribute,
                levels,
            } => {
                let inverse = Inverse {
                    tenant,
                    kind,
                    owner_type: resource_type,
                    path: relation::path(attribute.as_str()),
                    levels: *levels,
                };
                let resources: Vec<i64> = found.iter().map(|found| found.resource).collect();
                let members = inverse.members(&resources, limit)?;
                for found in &mut *found {
                    // The same resource may be asked for twice.
                    let members = members.get(&found.resource).cloned().unwrap_or_default();
                    if limit.is_none_or(|limit| members.len() <= limit) {
                        found.stored.resource.set_relation(name, members);
                    }
                }
            }
            RelationKind::Owned => {
                let path = relation::path(name.as_str());
                for found in &mut *found {
                    let of = (found.resource, path.as_str());
                    if let Some(members) = relation::owned(tenant, kind, of, selection)? {
                        found.stored.resource.set_relation(name, members);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
