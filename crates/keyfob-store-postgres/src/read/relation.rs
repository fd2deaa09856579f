//! Reading the members of relations.

use std::collections::{BTreeSet, HashMap};

use keyfob_core::{
    Member, MemberSet, ResourceId, ResourceType,
    schema::{Relation, RelationKind},
};
use keyfob_store::{Selection, Stored, Visibility};
use tokio_postgres::Row;

use super::{Cost, decode};
use crate::{error::Failure, session::Statement, sql::Param};

// Members are the live ones unless the hidden ones are asked for; the owners that an inverse relation shows are live. The
// limit holds for each resource.
const OWNED: &str = "SELECT o.id, m.id, m.kind, m.display FROM unnest($2::text[]) AS o (id)
    CROSS JOIN LATERAL (
        SELECT r.id, r.kind, e.display
        FROM @edges e JOIN @resources r ON r.tenant = e.tenant AND r.id = e.member
        WHERE e.tenant = $1 AND e.owner = o.id AND e.attribute = $3 AND r.hidden = $4
        ORDER BY e.member LIMIT $5
    ) m";

const INVERSE: &str = "SELECT o.id, g.id, 'direct', g.display_name FROM unnest($2::text[]) AS o (id)
    CROSS JOIN LATERAL (
        SELECT r.id, r.display_name
        FROM @edges e JOIN @resources r ON r.tenant = e.tenant AND r.id = e.owner
        WHERE e.tenant = $1 AND e.member = o.id AND e.attribute = $3 AND r.kind = $4 AND NOT r.hidden
        ORDER BY e.owner LIMIT $5
    ) g";

/// The relations of a type that are selected.
pub(crate) fn selected<'t>(
    resource_type: &'t ResourceType,
    selection: &Selection,
) -> impl Iterator<Item = &'t Relation> {
    let relations = resource_type.relations().iter();
    relations.filter(|relation| {
        let is_known = matches!(
            relation.kind,
            RelationKind::Owned | RelationKind::InverseOf { .. }
        );
        is_known && selection.attributes.contains(relation.attribute.id)
    })
}

/// The number of members to ask for: one more than is shown, and no more than the budget covers.
pub(super) fn limit(cost: &Cost, selection: &Selection) -> usize {
    let shown = selection.relation_limit.unwrap_or(usize::MAX);
    cost.affordable(shown.saturating_add(1))
}

/// The statement that reads the members of a relation of these resources; none for a relation of an unknown kind.
pub(super) fn statement<'p>(
    tenant: &'p str,
    relation: &'p Relation,
    ids: impl Iterator<Item = &'p str>,
    selection: &Selection,
    limit: usize,
) -> Option<Statement<'p>> {
    // Each once, whoever asks for one twice.
    let ids = Param::texts(ids.collect::<BTreeSet<_>>());
    let limit = Param::count(limit);
    match &relation.kind {
        RelationKind::Owned => {
            let attribute = owned_path(path(relation.attribute.name.as_str()));
            let hidden = Param::Flag(selection.members == Visibility::Hidden);
            let params = vec![Param::text(tenant), ids, attribute, hidden, limit];
            Some(Statement::Query(OWNED, params))
        }
        RelationKind::InverseOf {
            resource_type,
            attribute,
        } => {
            let attribute = owned_path(path(attribute.as_str()));
            let params = vec![
                Param::text(tenant),
                ids,
                attribute,
                Param::text(resource_type),
                limit,
            ];
            Some(Statement::Query(INVERSE, params))
        }
        _ => None,
    }
}

/// Puts members that were read into the resources, unless there are more than are shown.
pub(super) fn put_into<'s>(
    cost: &mut Cost,
    relation: &Relation,
    rows: &[Row],
    selection: &Selection,
    resources: impl Iterator<Item = (&'s ResourceId, &'s mut Stored)>,
) -> Result<(), Failure> {
    let mut members: HashMap<ResourceId, MemberSet> = HashMap::new();
    for row in rows {
        cost.step()?;
        let mut member = Member::new();
        member.kind = Some(decode::text(row, 2)?);
        member.display = decode::optional_text(row, 3)?;
        let of = members.entry(decode::id(row, 0)?).or_default();
        of.insert(decode::id(row, 1)?, member);
    }
    let shown = selection.relation_limit.unwrap_or(usize::MAX);
    for (id, stored) in resources {
        let members = members.get(id).cloned().unwrap_or_default();
        if members.len() <= shown {
            stored.resource.set_relation(&relation.attribute.name, members);
        }
    }
    Ok(())
}

/// A relation's name as edges have it.
pub(crate) fn path(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn owned_path<'p>(path: String) -> Param<'p> {
    Param::Text(Some(path.into()))
}
