//! Changes of relations, as large as what they change and not as the relation.

use std::collections::{BTreeMap, HashSet};

use keyfob_core::{
    ResourceId, ResourceType, Version,
    schema::{Relation, RelationKind},
};
use keyfob_store::{CommitError, Listed, MemberPolicy, RelationDelta, StoreError};
use rusqlite::{OptionalExtension, params};

use super::{apply::Applying, removal};
use crate::{
    error::Failure,
    read::{self, decode},
};

/// What came of the deltas of a change.
#[derive(Default)]
pub(super) struct Related {
    /// The live members that joined, and those that left.
    pub(super) joined: Listed,
    pub(super) left: Listed,
    /// Who was left out because nothing is known of it.
    pub(super) unknown: Vec<ResourceId>,
    /// The number of the owner from then on.
    pub(super) owner: i64,
}

impl Related {
    /// Whether anybody can see a change.
    pub(super) fn has_changed(&self) -> bool {
        !self.joined.is_empty() || !self.left.is_empty()
    }
}

/// A resource that a delta puts in or takes out.
struct Member<'d> {
    resource: i64,
    /// Whether it is of the owner's type.
    nests: bool,
    id: &'d ResourceId,
    hidden: bool,
    display: Option<&'d str>,
}

/// Applies deltas to the relations of a resource.
pub(super) fn apply(
    tenant: &Applying<'_>,
    resource_type: &ResourceType,
    owner: i64,
    deltas: &[RelationDelta],
    policy: MemberPolicy,
) -> Result<Related, Failure> {
    let mut related = Related {
        owner,
        ..Related::default()
    };
    let mut resolved = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let relation = owned(resource_type, delta)?;
        let added = find_added(
            tenant,
            (resource_type, relation),
            delta,
            policy,
            &mut related.unknown,
        )?;
        resolved.push((delta, added));
    }
    let mut seen = HashSet::new();
    related.unknown.retain(|id: &ResourceId| seen.insert(id.clone()));
    if !related.unknown.is_empty() && !policy.skip_unknown {
        return Err(CommitError::UnknownMembers {
            change: tenant.change,
            members: related.unknown,
        }
        .into());
    }
    for place in 0..resolved.len() {
        let Some((delta, added)) = resolved.get(place) else {
            break;
        };
        let mut edges = Edges {
            tenant,
            owner: related.owner,
            attribute: tenant.attribute(&read::path(delta.attribute.as_str()))?,
        };
        if delta.clear && edges.is_left_rather_than_cleared(added.len())? {
            related.owner = edges.leave_but(added, &mut related.left)?;
            let added = resolved.iter_mut().flat_map(|(_, added)| added);
            for member in added.filter(|member| member.resource == edges.owner) {
                member.resource = related.owner;
            }
            edges.owner = related.owner;
        } else if delta.clear {
            edges.clear_but(added, &mut related.left)?;
        }
        let Some((delta, added)) = resolved.get(place) else {
            break;
        };
        // Hidden ones, too, which clearing leaves.
        edges.remove(&delta.remove, &mut related.left)?;
        edges.add(added, &mut related.joined)?;
    }
    Ok(related)
}

fn owned<'t>(resource_type: &'t ResourceType, delta: &RelationDelta) -> Result<&'t Relation, CommitError> {
    resource_type
        .relation(delta.attribute.as_str())
        .filter(|relation| relation.kind == RelationKind::Owned)
        .ok_or_else(|| {
            StoreError::internal("a change of what is not an owned relation of the resource type").into()
        })
}

/// Finds those whom a delta puts in; who does not exist or is of a type that the relation does not take is unknown, and who
/// is hidden as well unless the policy accepts it.
fn find_added<'d>(
    tenant: &Applying<'_>,
    (resource_type, relation): (&ResourceType, &Relation),
    delta: &'d RelationDelta,
    policy: MemberPolicy,
    unknown: &mut Vec<ResourceId>,
) -> Result<Vec<Member<'d>>, Failure> {
    let MemberPolicy {
        skip_unknown: _,
        accept_hidden,
    } = policy;
    let mut statement = tenant.cached(
        "SELECT resource, name, resources.hidden FROM resources JOIN kinds USING (kind)
         WHERE resources.tenant = ?1 AND id = ?2",
    )?;
    let mut members = Vec::with_capacity(delta.add.len());
    for (id, member) in &delta.add {
        let found = statement
            .query_row(params![tenant.tenant, id.as_str()], |row| {
                let name = row.get_ref(1)?.as_str()?;
                let hidden: bool = row.get(2)?;
                let is_taken = relation.takes(name) && (accept_hidden || !hidden);
                Ok(is_taken.then_some((row.get(0)?, hidden, resource_type.name() == name)))
            })
            .optional()?;
        match found.flatten() {
            Some((resource, hidden, nests)) => members.push(Member {
                resource,
                nests,
                id,
                hidden,
                display: member.display.as_deref(),
            }),
            None => unknown.push(id.clone()),
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
    fn add(&self, members: &[Member<'_>], joined: &mut Listed) -> Result<(), Failure> {
        let mut statement = self.tenant.cached(
            "INSERT INTO edges (owner, attribute, member, display, nests) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?;
        // Edges are written in their order; who joined is told in the order in which it was named.
        let mut places: Vec<(i64, usize)> = members.iter().map(|member| member.resource).zip(0..).collect();
        places.sort_unstable();
        let mut new = HashSet::new();
        for (resource, place) in places {
            let member = members.get(place);
            let display = member.and_then(|member| member.display);
            let nests = member.is_some_and(|member| member.nests);
            if statement.execute(params![self.owner, self.attribute, resource, display, nests])? > 0 {
                new.insert(place);
            }
        }
        for (place, member) in members.iter().enumerate() {
            if !member.hidden && new.contains(&place) {
                joined.push(member.id);
            }
        }
        Ok(())
    }

    /// Takes out those with these ids, hidden ones too.
    fn remove(&self, ids: &[ResourceId], left: &mut Listed) -> Result<(), Failure> {
        let mut find = self
            .tenant
            .cached("SELECT resource, hidden FROM resources WHERE tenant = ?1 AND id = ?2")?;
        for id in ids {
            let found: Option<(i64, bool)> = find
                .query_row(params![self.tenant.tenant, id.as_str()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            if let Some((resource, hidden)) = found
                && self.delete(resource)?
                && !hidden
            {
                left.push(id);
            }
        }
        Ok(())
    }

    /// Takes out all live members but these. Who stays keeps its `display`, so only the difference is written.
    fn clear_but(&self, kept: &[Member<'_>], left: &mut Listed) -> Result<(), Failure> {
        let kept: HashSet<i64> = kept.iter().map(|member| member.resource).collect();
        let mut surplus = BTreeMap::new();
        let mut statement = self.tenant.cached(
            "SELECT member, id FROM edges CROSS JOIN resources ON resource = member
             WHERE owner = ?1 AND attribute = ?2 AND NOT hidden",
        )?;
        let mut rows = statement.query(params![self.owner, self.attribute])?;
        while let Some(row) = rows.next()? {
            let member = row.get(0)?;
            if !kept.contains(&member) {
                surplus.insert(member, ResourceId::new(decode::text(row, 1)?));
            }
        }
        for (member, id) in surplus {
            if self.delete(member)? {
                left.push(&id);
            }
        }
        Ok(())
    }

    /// Returns true if there are so many members beside those that may stay that they are left to be removed later.
    fn is_left_rather_than_cleared(&self, kept: usize) -> Result<bool, Failure> {
        // They come with the resource.
        let mut of_others = self
            .tenant
            .cached("SELECT 1 FROM edges WHERE owner = ?1 AND attribute <> ?2 LIMIT 1 OFFSET ?3")?;
        let is_large = removal::is_large(self.tenant.connection, self.owner, self.attribute, kept)?;
        Ok(is_large && !of_others.exists(params![self.owner, self.attribute, read::rows(removal::LARGE)])?)
    }

    /// Takes out all live members but these, of very many. They are left to be removed later, and the owner has another number,
    /// which is returned.
    fn leave_but(&self, kept: &[Member<'_>], left: &mut Listed) -> Result<i64, Failure> {
        let staying: HashSet<i64> = kept.iter().map(|member| member.resource).collect();
        let of = params![self.owner, self.attribute];
        let mut leaving = Listed::new();
        let mut first = self.tenant.cached(
            "SELECT member, id FROM edges CROSS JOIN resources ON resource = member
             WHERE owner = ?1 AND attribute = ?2 AND NOT hidden ORDER BY member",
        )?;
        let mut rows = first.query(of)?;
        while leaving.count < Listed::MAX
            && let Some(row) = rows.next()?
        {
            if !staying.contains(&row.get(0)?) {
                leaving.push(&ResourceId::new(decode::text(row, 1)?));
            }
        }
        drop(rows);
        let (version, is_hidden): (Version, bool) = self
            .tenant
            .cached("SELECT version, hidden FROM resources WHERE resource = ?1")?
            .query_row([self.owner], |row| Ok((decode::version(row, 0)?, row.get(1)?)))?;
        let counted = self.tenant.counts.get(&(self.owner, self.attribute));
        // As long as a live resource has the same version it has the same live members.
        let all = match counted {
            Some(counted) if counted.version == version && !is_hidden => counted.live,
            _ => removal::count_live(self.tenant.connection, self.owner, self.attribute)?,
        };
        let owner = self.tenant.renumber(self.owner, self.attribute)?;
        let mut staying = 0;
        let mut keep = self.tenant.cached(
            "INSERT INTO edges (owner, attribute, member, display, nests)
             SELECT ?4, attribute, iif(member = ?1, ?4, member), display, nests
             FROM edges WHERE owner = ?1 AND attribute = ?2 AND member = ?3
             ON CONFLICT DO NOTHING",
        )?;
        for member in kept {
            // Hidden ones stay anyway.
            staying += keep.execute(params![self.owner, self.attribute, member.resource, owner])?;
        }
        for id in &leaving.ids {
            left.push(id);
        }
        left.count += all.saturating_sub(staying).saturating_sub(leaving.ids.len());
        Ok(owner)
    }

    fn delete(&self, member: i64) -> Result<bool, Failure> {
        let deleted = self
            .tenant
            .cached("DELETE FROM edges WHERE owner = ?1 AND attribute = ?2 AND member = ?3")?
            .execute(params![self.owner, self.attribute, member])?;
        Ok(deleted > 0)
    }
}
