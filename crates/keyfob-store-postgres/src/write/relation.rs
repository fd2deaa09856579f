//! Changes of relations, as large as what they change and not as the relation.

use std::collections::HashSet;

use keyfob_core::{
    ResourceId, ResourceType,
    schema::{Relation, RelationKind},
};
use keyfob_store::{CommitError, Listed, MemberPolicy, RelationDelta, StoreError};
use smol_str::SmolStr;

use super::apply::Applying;
use crate::read::path;

/// The outcome of the deltas of a change.
#[derive(Default)]
pub(super) struct Related {
    /// The live members that joined, and those that left.
    pub(super) joined: Listed,
    pub(super) left: Listed,
    /// The members that were left out because nothing is known of them.
    pub(super) unknown: Vec<ResourceId>,
}

impl Related {
    /// Whether anybody can see a change.
    pub(super) fn has_changed(&self) -> bool {
        !self.joined.is_empty() || !self.left.is_empty()
    }
}

/// Applies deltas to the relations of a resource.
pub(super) fn apply(
    applying: &mut Applying<'_>,
    resource_type: &ResourceType,
    owner: &ResourceId,
    deltas: &[RelationDelta],
    policy: MemberPolicy,
) -> Result<Related, CommitError> {
    let mut related = Related::default();
    let mut unknown = HashSet::new();
    for delta in deltas {
        let relation = owned(resource_type, delta)?;
        for (id, _) in &delta.add {
            if !is_known(applying, relation, id, policy) && unknown.insert(id) {
                related.unknown.push(id.clone());
            }
        }
    }
    if !related.unknown.is_empty() && !policy.skip_unknown {
        return Err(CommitError::UnknownMembers {
            change: applying.change,
            members: related.unknown,
        });
    }
    for delta in deltas {
        let relation = owned(resource_type, delta)?;
        let attribute = SmolStr::from(path(delta.attribute.as_str()));
        let known: HashSet<&ResourceId> = delta
            .add
            .iter()
            .map(|(id, _)| id)
            .filter(|id| is_known(applying, relation, id, policy))
            .collect();
        let world = &mut *applying.world;
        let edge = |member: &ResourceId| (owner.clone(), attribute.clone(), member.clone());
        if delta.clear {
            // Those that stay keep their `display`, so that only the difference is written.
            for member in world.members(owner, &attribute) {
                if !known.contains(&member) && !world.is_hidden(&member) && world.remove_edge(edge(&member)) {
                    related.left.push(&member);
                }
            }
        }
        // Hidden ones, too, which clearing leaves.
        for member in &delta.remove {
            if world.remove_edge(edge(member)) && !world.is_hidden(member) {
                related.left.push(member);
            }
        }
        for (id, member) in &delta.add {
            if known.contains(id) && world.add_edge(edge(id), member.display.clone()) && !world.is_hidden(id)
            {
                related.joined.push(id);
            }
        }
    }
    Ok(related)
}

pub(super) fn owned<'t>(
    resource_type: &'t ResourceType,
    delta: &RelationDelta,
) -> Result<&'t Relation, CommitError> {
    resource_type
        .relation(delta.attribute.as_str())
        .filter(|relation| relation.kind == RelationKind::Owned)
        .ok_or_else(|| {
            StoreError::internal("a change of what is not an owned relation of the resource type").into()
        })
}

/// Returns true if a resource can be put in: it exists, is of a type that the relation takes and, unless the policy accepts hidden
/// ones, is live.
fn is_known(applying: &Applying<'_>, relation: &Relation, id: &ResourceId, policy: MemberPolicy) -> bool {
    let MemberPolicy {
        skip_unknown: _,
        accept_hidden,
    } = policy;
    let row = applying.world.row(id);
    row.is_some_and(|row| relation.takes(&row.kind) && (accept_hidden || !row.hidden))
}
