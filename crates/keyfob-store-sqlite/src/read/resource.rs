//! Reading one resource.

use keyfob_core::{ResourceId, ResourceType, schema::RelationKind};
use keyfob_store::{Selection, Stored};
use rusqlite::{OptionalExtension, Row, params};

use super::{Kind, Snapshot, decode, relation};

/// The columns that [`Found::from_row`] takes.
macro_rules! columns {
    () => {
        "resource, id, version, created, last_modified, document"
    };
}
pub(super) use columns;

/// Reads a resource by its id.
pub(crate) fn get(
    tenant: &Snapshot<'_>,
    resource_type: &ResourceType,
    id: &ResourceId,
    selection: &Selection,
) -> rusqlite::Result<Option<Stored>> {
    let Some(kind) = tenant.kind(resource_type.name())? else {
        return Ok(None);
    };
    let found = tenant
        .connection
        .prepare_cached(concat!(
            "SELECT ",
            columns!(),
            " FROM resources JOIN documents USING (resource) WHERE tenant = ?1 AND id = ?2 AND kind = ?3",
        ))?
        .query_row(params![kind.tenant, id.as_str(), kind.number], |row| {
            Found::from_row(tenant, row, resource_type)
        })
        .optional()?;
    let Some(mut found) = found else {
        return Ok(None);
    };
    read_relations(
        std::slice::from_mut(&mut found),
        tenant,
        &kind,
        resource_type,
        selection,
    )?;
    Ok(Some(found.stored))
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
        tenant.spend_document(row.get_ref(5)?.as_blob()?.len())?;
        let stored = Stored::new(
            resource_type,
            &ResourceId::new(decode::text(row, 1)?),
            decode::document(row, 5, resource_type)?,
            decode::version(row, 2)?,
            decode::date_time(row, 3)?,
            decode::date_time(row, 4)?,
        );
        Ok(Self {
            resource: row.get(0)?,
            stored,
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
        match (&relation.kind, &mut *found) {
            (
                RelationKind::InverseOf {
                    resource_type,
                    attribute,
                },
                page @ [_, _, ..],
            ) if selection.relation_limit.is_none() => {
                let resources: Vec<i64> = page.iter().map(|found| found.resource).collect();
                let of = (resource_type.as_str(), attribute.as_str());
                let mut members = relation::inverse_of_page(tenant, kind, &resources, of)?;
                for found in page {
                    let members = members.remove(&found.resource).unwrap_or_default();
                    found.stored.resource.set_relation(name, members);
                }
            }
            (_, found) => {
                for found in found {
                    let limit = selection.relation_limit;
                    if let Some(members) = relation::members(tenant, kind, found.resource, relation, limit)? {
                        found.stored.resource.set_relation(name, members);
                    }
                }
            }
        }
    }
    Ok(())
}
