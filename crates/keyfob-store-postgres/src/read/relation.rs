//! Reading the members of relations.

use std::collections::{BTreeSet, HashMap};

use keyfob_core::{
    Member, MemberSet, ResourceId, ResourceType,
    schema::{Relation, RelationKind},
};
use keyfob_store::{Selection, Stored, Visibility, kit};
use smol_str::SmolStr;
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

// As [`OWNED`], from a member on.
const OWNED_AFTER: &str = "SELECT o.id, m.id, m.kind, m.display FROM unnest($2::text[]) AS o (id)
    CROSS JOIN LATERAL (
        SELECT r.id, r.kind, e.display
        FROM @edges e JOIN @resources r ON r.tenant = e.tenant AND r.id = e.member
        WHERE e.tenant = $1 AND e.owner = o.id AND e.attribute = $3 AND r.hidden = $4 AND e.member > $6
        ORDER BY e.member LIMIT $5
    ) m";

const INVERSE: &str = "SELECT o.id, g.id, 'direct', g.display_name FROM unnest($2::text[]) AS o (id)
    CROSS JOIN LATERAL (
        SELECT r.id, r.display_name
        FROM @edges e JOIN @resources r ON r.tenant = e.tenant AND r.id = e.owner
        WHERE e.tenant = $1 AND e.member = o.id AND e.attribute = $3 AND r.kind = $4 AND NOT r.hidden
        ORDER BY e.owner LIMIT $5
    ) g";

// The owners of owners, and theirs: all that are above the owners of these resources, whichever of those are shown. An owner
// comes once for each level in which it stands, so that a circle ends with the last level.
const ABOVE: &str = "WITH RECURSIVE above (member, owner, level) AS (
        SELECT e.member, e.owner, 2 FROM @edges d
            JOIN @edges e ON e.tenant = d.tenant AND e.member = d.owner AND e.attribute = d.attribute AND e.nests
            JOIN @resources r ON r.tenant = e.tenant AND r.id = e.owner
        WHERE d.tenant = $1 AND d.member = ANY($2) AND d.attribute = $3 AND NOT r.hidden
        UNION
        SELECT e.member, e.owner, a.level + 1 FROM above a
            JOIN @edges e ON e.member = a.owner JOIN @resources r ON r.tenant = e.tenant AND r.id = e.owner
        WHERE a.level < $4::bigint AND e.tenant = $1 AND e.attribute = $3 AND e.nests AND NOT r.hidden
    )
    SELECT a.member, a.owner, r.display_name FROM (SELECT DISTINCT member, owner FROM above) a
        JOIN @resources r ON r.tenant = $1 AND r.id = a.owner LIMIT $5";

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

/// The numbers of rows to ask for at most.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of the members of one resource.
    pub(crate) members: usize,
    /// Of the edges between owners.
    pub(crate) edges: usize,
}

impl Limits {
    /// One member more than is shown, and no more rows than the budget covers.
    pub(super) fn of(cost: &Cost, selection: &Selection) -> Self {
        let shown = selection.relation_limit.unwrap_or(usize::MAX);
        Self {
            members: cost.affordable(shown.saturating_add(1)),
            edges: cost.affordable(usize::MAX),
        }
    }

    /// One member more than is shown.
    pub(crate) fn shown(selection: &Selection) -> Self {
        let shown = selection.relation_limit.unwrap_or(usize::MAX);
        Self {
            members: shown.saturating_add(1),
            edges: usize::MAX,
        }
    }
}

/// The number of statements that read a relation.
fn count(relation: &Relation) -> usize {
    match relation.kind {
        RelationKind::Owned | RelationKind::InverseOf { levels: ..2, .. } => 1,
        RelationKind::InverseOf { .. } => 2,
        _ => 0,
    }
}

/// The statements that read the members of a relation of these resources.
pub(super) fn statements<'p>(
    tenant: &'p str,
    relation: &'p Relation,
    ids: impl Iterator<Item = &'p str>,
    selection: &Selection,
    limits: Limits,
) -> Vec<Statement<'p>> {
    // Each once, whoever asks for one twice.
    let ids: BTreeSet<&str> = ids.collect();
    let ids = || Param::texts(ids.iter().copied());
    let members = Param::count(limits.members);
    match &relation.kind {
        RelationKind::Owned => {
            let attribute = owned_path(path(relation.attribute.name.as_str()));
            let hidden = Param::Flag(selection.members == Visibility::Hidden);
            let page = selection.page.as_ref();
            let members = page.map_or(members, |page| Param::count(page.count));
            let mut params = vec![Param::text(tenant), ids(), attribute, hidden, members];
            match page.and_then(|page| page.after.as_ref()) {
                None => vec![Statement::Query(OWNED, params)],
                Some(after) => {
                    params.push(Param::owned_text(after.as_str()));
                    vec![Statement::Query(OWNED_AFTER, params)]
                }
            }
        }
        RelationKind::InverseOf {
            resource_type,
            attribute,
            levels,
        } => {
            let attribute = || owned_path(path(attribute.as_str()));
            let owner_type = Param::text(resource_type);
            let params = vec![Param::text(tenant), ids(), attribute(), owner_type, members];
            let mut statements = vec![Statement::Query(INVERSE, params)];
            if count(relation) > 1 {
                let (levels, edges) = (Param::count(*levels), Param::count(limits.edges));
                let params = vec![Param::text(tenant), ids(), attribute(), levels, edges];
                statements.push(Statement::Query(ABOVE, params));
            }
            statements
        }
        _ => Vec::new(),
    }
}

/// The owners of an owner, with their names.
type Above = HashMap<ResourceId, Vec<(ResourceId, Option<SmolStr>)>>;

/// Puts members that were read into the resources, unless there are more than are shown.
pub(super) fn put_into<'s>(
    cost: &mut Cost,
    relation: &Relation,
    answers: &mut impl Iterator<Item = Vec<Row>>,
    selection: &Selection,
    resources: impl Iterator<Item = (&'s ResourceId, &'s mut Stored)>,
) -> Result<(), Failure> {
    let mut answers = answers.by_ref().take(count(relation));
    let mut members: HashMap<ResourceId, MemberSet> = HashMap::new();
    for row in answers.next().unwrap_or_default() {
        cost.step()?;
        let mut member = Member::new();
        member.kind = Some(decode::text(&row, 2)?);
        member.display = decode::optional_text(&row, 3)?;
        let of = members.entry(decode::id(&row, 0)?).or_default();
        of.insert(decode::id(&row, 1)?, member);
    }
    let mut above = Above::new();
    for row in answers.next().unwrap_or_default() {
        cost.step()?;
        let owners = above.entry(decode::id(&row, 0)?).or_default();
        owners.push((decode::id(&row, 1)?, decode::optional_text(&row, 2)?));
    }
    let levels = match relation.kind {
        RelationKind::InverseOf { levels, .. } if !above.is_empty() => levels,
        _ => 1,
    };
    let is_page = selection.page.is_some() && relation.kind == RelationKind::Owned;
    let limit = selection.relation_limit.filter(|_| !is_page);
    let shown = limit.unwrap_or(usize::MAX);
    for (id, stored) in resources {
        let mut members = members.get(id).cloned().unwrap_or_default();
        if levels > 1 && members.len() <= shown {
            kit::add_indirect(&mut members, levels, |owner| {
                let owners = above.get(owner).map(Vec::as_slice).unwrap_or_default();
                owners.iter().try_for_each(|_| cost.step())?;
                Ok::<_, Failure>(owners.iter().cloned())
            })?;
        }
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
