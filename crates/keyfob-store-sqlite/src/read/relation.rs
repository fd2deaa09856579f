//! Reading the members of a relation.

use std::collections::HashMap;

use keyfob_core::{
    Member, MemberSet, ResourceId,
    schema::{Relation, RelationKind},
};
use keyfob_store::Visibility;
use rusqlite::{Row, params};

use super::{Kind, Snapshot, decode, rows};

// Members are the live ones unless the hidden ones are asked for; the owners that an inverse relation shows are live.
// `CROSS JOIN` has SQLite start from the edges.
const OWNED: &str = "SELECT id, name, display
    FROM edges CROSS JOIN resources ON resources.resource = member JOIN kinds USING (kind)
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND resources.hidden = ?4
    ORDER BY member LIMIT ?3";

// Passes over edges without a look at the members, which costs a small part of reading those.
const BEYOND: &str = "SELECT 1 FROM edges
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2)
    LIMIT 1 OFFSET ?3";

// Where a tenant has hidden resources, edges may lead to them.
const LIVE_BEYOND: &str = "SELECT 1 FROM edges CROSS JOIN resources ON resources.resource = member
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND NOT hidden
    LIMIT 1 OFFSET ?3";

const INVERSE: &str = "SELECT id, 'direct', display_name
    FROM edges CROSS JOIN resources ON resources.resource = owner
    WHERE member = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2)
        AND kind = (SELECT kind FROM kinds WHERE tenant = ?4 AND name = ?5) AND NOT hidden
    ORDER BY owner LIMIT ?3";

// The groups of all users of a page in one statement: a statement for each user costs more than what it reads.
const INVERSE_OF_PAGE: &str = "SELECT resources.id, 'direct', display_name, member
    FROM json_each(?1) AS page CROSS JOIN edges ON member = page.value
    CROSS JOIN resources ON resources.resource = owner
    WHERE attribute = (SELECT attribute FROM attributes AS names WHERE names.path = ?2)
        AND kind = (SELECT kind FROM kinds WHERE tenant = ?3 AND name = ?4) AND NOT hidden
    ORDER BY member, owner";

/// Reads the members of an inverse relation of all resources of a page, those without members left out.
pub(super) fn inverse_of_page(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    page: &[i64],
    (resource_type, attribute): (&str, &str),
) -> rusqlite::Result<HashMap<i64, MemberSet>> {
    let mut members: HashMap<i64, MemberSet> = HashMap::new();
    // SQLite reads a list of numbers only as JSON.
    let numbers: Vec<String> = page.iter().map(i64::to_string).collect();
    let mut statement = tenant.connection.prepare_cached(INVERSE_OF_PAGE)?;
    let mut rows = statement.query(params![
        format!("[{}]", numbers.join(",")),
        path(attribute),
        kind.tenant,
        resource_type
    ])?;
    while let Some(row) = rows.next()? {
        let (id, member) = member(tenant, row)?;
        members.entry(row.get(3)?).or_default().insert(id, member);
    }
    Ok(members)
}

/// Reads a member out of the first three columns.
fn member(tenant: &Snapshot<'_>, row: &Row<'_>) -> rusqlite::Result<(ResourceId, Member)> {
    tenant.step()?;
    let mut member = Member::new();
    member.kind = Some(decode::text(row, 1)?);
    member.display = decode::optional_text(row, 2)?;
    Ok((ResourceId::new(decode::text(row, 0)?), member))
}

/// Reads the members of a relation, unless there are more than `limit`.
pub(super) fn members(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    resource: i64,
    relation: &Relation,
    (visibility, limit): (Visibility, Option<usize>),
) -> rusqlite::Result<Option<MemberSet>> {
    let at_most = limit.map_or(i64::MAX, |limit| rows(limit.saturating_add(1)));
    if let (RelationKind::Owned, Visibility::Live, Some(limit)) = (&relation.kind, visibility, limit) {
        let name = path(relation.attribute.name.as_str());
        let exists = |sql| {
            let mut beyond = tenant.connection.prepare_cached(sql)?;
            beyond.exists(params![resource, name, rows(limit)])
        };
        if exists(BEYOND)? && (!tenant.has_hidden(kind.tenant)? || exists(LIVE_BEYOND)?) {
            return Ok(None);
        }
    }
    let mut members = MemberSet::new();
    let mut read = |row: &Row<'_>| {
        let (id, member) = member(tenant, row)?;
        members.insert(id, member);
        Ok(())
    };
    match &relation.kind {
        RelationKind::Owned => tenant
            .connection
            .prepare_cached(OWNED)?
            .query_map(
                params![
                    resource,
                    path(relation.attribute.name.as_str()),
                    at_most,
                    visibility == Visibility::Hidden
                ],
                &mut read,
            )?
            .collect::<rusqlite::Result<()>>()?,
        RelationKind::InverseOf {
            resource_type,
            attribute,
        } => tenant
            .connection
            .prepare_cached(INVERSE)?
            .query_map(
                params![
                    resource,
                    path(attribute.as_str()),
                    at_most,
                    kind.tenant,
                    resource_type.as_str()
                ],
                &mut read,
            )?
            .collect::<rusqlite::Result<()>>()?,
        _ => return Ok(None),
    }
    Ok((members.len() <= limit.unwrap_or(usize::MAX)).then_some(members))
}

/// A relation's name as the table of attributes has it.
pub(crate) fn path(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan;

    #[test]
    fn members_are_read_from_the_edges_of_one_resource() {
        let owned = plan(OWNED);
        assert_eq!(
            owned[0],
            "SEARCH edges USING PRIMARY KEY (owner=? AND attribute=?)"
        );
        assert!(owned.iter().all(|line| line.starts_with("SEARCH")), "{owned:#?}");
        for beyond in [plan(BEYOND), plan(LIVE_BEYOND)] {
            assert_eq!(beyond[0], owned[0]);
            assert!(
                beyond.iter().all(|line| line.starts_with("SEARCH")),
                "{beyond:#?}"
            );
        }
        // `json_each` is a table of its own; what matters is that each of its rows leads to the edges of one member.
        let page = plan(INVERSE_OF_PAGE);
        assert!(
            page.contains(
                &"SEARCH edges USING COVERING INDEX edges_by_member (member=? AND attribute=?)".into()
            ),
            "{page:#?}"
        );
        let inverse = plan(INVERSE);
        assert_eq!(
            inverse[0],
            "SEARCH edges USING COVERING INDEX edges_by_member (member=? AND attribute=?)"
        );
        assert!(
            inverse.iter().all(|line| line.starts_with("SEARCH")),
            "{inverse:#?}"
        );
    }
}
