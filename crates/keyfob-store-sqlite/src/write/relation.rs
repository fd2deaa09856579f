//! Changes of relations, as large as what they change and not as the relation.

use std::collections::{BTreeMap, HashSet};

use keyfob_core::{
    ResourceId, ResourceType,
    schema::{Relation, RelationKind},
};
use keyfob_store::{CommitError, RelationDelta, StoreError};
use rusqlite::{OptionalExtension, params};

use super::apply::Applying;
use crate::{error::Failure, read};

/// The numbers of the members that a delta puts in, each with its `display`.
type Members<'d> = BTreeMap<i64, Option<&'d str>>;

/// Applies deltas to the relations of a resource and says whether who is a member changed.
pub(super) fn apply(
    tenant: &Applying<'_>,
    resource_type: &ResourceType,
    owner: i64,
    deltas: &[RelationDelta],
) -> Result<bool, Failure> {
    let mut resolved = Vec::with_capacity(deltas.len());
    let mut unknown = Vec::new();
    for delta in deltas {
        let relation = owned(resource_type, delta)?;
        resolved.push((delta, find_members(tenant, relation, delta, &mut unknown)?));
    }
    if !unknown.is_empty() {
        let mut seen = HashSet::new();
        unknown.retain(|id: &ResourceId| seen.insert(id.clone()));
        return Err(CommitError::UnknownMembers {
            change: tenant.change,
            members: unknown,
        }
        .into());
    }
    let mut changed = false;
    for (delta, added) in resolved {
        let relation = Edges {
            tenant,
            owner,
            attribute: tenant.attribute(&read::path(delta.attribute.as_str()))?,
        };
        changed |= if delta.clear {
            relation.replace(added)?
        } else {
            let removed = relation.remove_ids(&delta.remove)?;
            relation.add(&added)? || removed
        };
    }
    Ok(changed)
}

fn owned<'t>(resource_type: &'t ResourceType, delta: &RelationDelta) -> Result<&'t Relation, CommitError> {
    resource_type
        .relation(delta.attribute.as_str())
        .filter(|relation| relation.kind == RelationKind::Owned)
        .ok_or_else(|| {
            StoreError::internal("a change of what is not an owned relation of the resource type").into()
        })
}

/// Finds those whom a delta puts in; who does not exist or is of a type that the relation does not take is unknown.
fn find_members<'d>(
    tenant: &Applying<'_>,
    relation: &Relation,
    delta: &'d RelationDelta,
    unknown: &mut Vec<ResourceId>,
) -> Result<Members<'d>, Failure> {
    let mut statement = tenant.cached(
        "SELECT resource, name FROM resources JOIN kinds USING (kind) WHERE resources.tenant = ?1 AND id = ?2",
    )?;
    let mut members = Members::new();
    for (id, member) in &delta.add {
        match statement
            .query_row(params![tenant.tenant, id.as_str()], |row| {
                Ok((row.get(0)?, relation.takes(row.get_ref(1)?.as_str()?)))
            })
            .optional()?
        {
            Some((resource, true)) => {
                members.insert(resource, member.display.as_deref());
            }
            _ => unknown.push(id.clone()),
        }
    }
    Ok(members)
}

/// One relation of one resource.
struct Edges<'c> {
    tenant: &'c Applying<'c>,
    owner: i64,
    attribute: i64,
}

impl Edges<'_> {
    fn add(&self, members: &Members<'_>) -> Result<bool, Failure> {
        let mut statement = self.tenant.cached(
            "INSERT INTO edges (owner, attribute, member, display) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?;
        let mut added = 0;
        for (member, display) in members {
            added += statement.execute(params![self.owner, self.attribute, member, display])?;
        }
        Ok(added > 0)
    }

    fn remove_ids(&self, ids: &[ResourceId]) -> Result<bool, Failure> {
        let mut statement = self
            .tenant
            .cached("SELECT resource FROM resources WHERE tenant = ?1 AND id = ?2")?;
        let mut members = Vec::with_capacity(ids.len());
        for id in ids {
            members.extend(
                statement
                    .query_row(params![self.tenant.tenant, id.as_str()], |row| {
                        row.get::<_, i64>(0)
                    })
                    .optional()?,
            );
        }
        self.remove(&members)
    }

    fn remove(&self, members: &[i64]) -> Result<bool, Failure> {
        let mut statement = self
            .tenant
            .cached("DELETE FROM edges WHERE owner = ?1 AND attribute = ?2 AND member = ?3")?;
        let mut removed = 0;
        for member in members {
            removed += statement.execute(params![self.owner, self.attribute, member])?;
        }
        Ok(removed > 0)
    }

    /// Leaves exactly these members. Who stays keeps its `display`, so only the difference is written.
    fn replace(&self, members: Members<'_>) -> Result<bool, Failure> {
        let mut missing = members;
        let mut surplus = Vec::new();
        let mut statement = self
            .tenant
            .cached("SELECT member FROM edges WHERE owner = ?1 AND attribute = ?2")?;
        let mut rows = statement.query(params![self.owner, self.attribute])?;
        while let Some(row) = rows.next()? {
            let member = row.get(0)?;
            if missing.remove(&member).is_none() {
                surplus.push(member);
            }
        }
        let removed = self.remove(&surplus)?;
        Ok(self.add(&missing)? || removed)
    }
}
