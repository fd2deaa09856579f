//! Reading the members of a relation.

use std::collections::{BTreeMap, HashMap};

use keyfob_core::{Member, MemberSet, ResourceId};
use keyfob_store::{MemberPage, Selection, Visibility, kit};
use rusqlite::{OptionalExtension, Row, ToSql, params};
use smol_str::SmolStr;

use super::{Kind, Snapshot, decode, rows};

// Members are the live ones unless the hidden ones are asked for; the owners that an inverse relation shows are live.
// `CROSS JOIN` has SQLite start from the edges.
const OWNED: &str = "SELECT id, name, display
    FROM edges CROSS JOIN resources ON resources.resource = member JOIN kinds USING (kind)
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND resources.hidden = ?4
        AND member > ?5
    ORDER BY member LIMIT ?3";

const NUMBER: &str = "SELECT resource FROM resources WHERE tenant = ?1 AND id = ?2";

// Passes over edges without a look at the members, which costs a small part of reading those.
const BEYOND: &str = "SELECT 1 FROM edges
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2)
    LIMIT 1 OFFSET ?3";

// Where a tenant has hidden resources, edges may lead to them.
const LIVE_BEYOND: &str = "SELECT 1 FROM edges CROSS JOIN resources ON resources.resource = member
    WHERE owner = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2) AND NOT hidden
    LIMIT 1 OFFSET ?3";

const INVERSE: &str = "SELECT id, 'direct', display_name, owner
    FROM edges CROSS JOIN resources ON resources.resource = owner
    WHERE member = ?1 AND attribute = (SELECT attribute FROM attributes WHERE path = ?2)
        AND kind = (SELECT kind FROM kinds WHERE tenant = ?4 AND name = ?5) AND NOT hidden
    ORDER BY owner LIMIT ?3";

// The groups of all users of a page in one statement: a statement for each user costs more than what it reads.
const INVERSE_OF_PAGE: &str = "SELECT resources.id, 'direct', display_name, owner, member
    FROM json_each(?1) AS page CROSS JOIN edges ON member = page.value
    CROSS JOIN resources ON resources.resource = owner
    WHERE attribute = (SELECT attribute FROM attributes AS names WHERE names.path = ?2)
        AND kind = (SELECT kind FROM kinds WHERE tenant = ?3 AND name = ?4) AND NOT hidden
    ORDER BY member, owner";

// The owners of owners, and theirs. An owner comes once for each level in which it stands, so that a circle ends with the
// last level. The edges are in an index that holds no others.
const ABOVE: &str = "WITH RECURSIVE above (member, owner, level) AS (
        SELECT edges.member, edges.owner, 2 FROM json_each(?1) AS page
            CROSS JOIN edges ON edges.member = page.value CROSS JOIN resources ON resources.resource = edges.owner
        WHERE edges.attribute = (SELECT attribute FROM attributes AS names WHERE names.path = ?2) AND nests = 1
            AND NOT resources.hidden
        UNION
        SELECT edges.member, edges.owner, level + 1 FROM above
            CROSS JOIN edges ON edges.member = above.owner CROSS JOIN resources ON resources.resource = edges.owner
        WHERE level < ?3 AND nests = 1 AND NOT resources.hidden
            AND edges.attribute = (SELECT attribute FROM attributes AS names WHERE names.path = ?2)
    )
    SELECT id, display_name, resource, member FROM above CROSS JOIN resources ON resources.resource = above.owner";

/// An inverse relation of the resources of a type.
pub(super) struct Inverse<'r> {
    pub(super) tenant: &'r Snapshot<'r>,
    pub(super) kind: &'r Kind,
    /// The name of the type of the owners.
    pub(super) owner_type: &'r str,
    /// The path of their relation.
    pub(super) path: String,
    /// The number of owners in a row through which it reaches.
    pub(super) levels: usize,
}

/// The numbers of owners, and their ids.
type Owners = HashMap<i64, ResourceId>;

/// The owners of an owner, with their names.
type Above = HashMap<ResourceId, Vec<(ResourceId, Option<SmolStr>)>>;

impl Inverse<'_> {
    /// Reads the members of resources, those without members left out. A resource with more than `limit` has more here, too,
    /// and perhaps not all.
    pub(super) fn members(
        &self,
        resources: &[i64],
        limit: Option<usize>,
    ) -> rusqlite::Result<HashMap<i64, MemberSet>> {
        let mut members: HashMap<i64, MemberSet> = HashMap::new();
        let mut owners = Owners::new();
        let mut take = |row: &Row<'_>, of: i64| {
            let (id, member) = member(self.tenant, row)?;
            owners.insert(row.get(3)?, id.clone());
            members.entry(of).or_default().insert(id, member);
            Ok::<_, rusqlite::Error>(())
        };
        let connection = self.tenant.connection;
        if let ([_, _, ..], None) = (resources, limit) {
            let mut statement = connection.prepare_cached(INVERSE_OF_PAGE)?;
            let page = params![list(resources), self.path, self.kind.tenant, self.owner_type];
            let mut rows = statement.query(page)?;
            while let Some(row) = rows.next()? {
                take(row, row.get(4)?)?;
            }
        } else {
            let at_most = at_most(limit);
            let mut statement = connection.prepare_cached(INVERSE)?;
            for resource in resources {
                let one = params![resource, self.path, at_most, self.kind.tenant, self.owner_type];
                let mut rows = statement.query(one)?;
                while let Some(row) = rows.next()? {
                    take(row, *resource)?;
                }
            }
        }
        if self.levels > 1 && !owners.is_empty() {
            let above = self.above(owners)?;
            let shown = |members: &&mut MemberSet| limit.is_none_or(|limit| members.len() <= limit);
            for members in members.values_mut().filter(shown) {
                self.add_above(members, &above)?;
            }
        }
        Ok(members)
    }

    /// Reads who is above these owners.
    fn above(&self, owners: Owners) -> rusqlite::Result<Above> {
        let mut statement = self.tenant.connection.prepare_cached(ABOVE)?;
        let numbers: Vec<i64> = owners.keys().copied().collect();
        let mut rows = statement.query(params![list(&numbers), self.path, rows(self.levels)])?;
        let mut ids = owners;
        let mut edges = BTreeMap::new();
        while let Some(row) = rows.next()? {
            self.tenant.step()?;
            let owner: i64 = row.get(2)?;
            ids.insert(owner, ResourceId::new(decode::text(row, 0)?));
            edges.insert((row.get(3)?, owner), decode::optional_text(row, 1)?);
        }
        let mut above = Above::new();
        for ((member, owner), display) in edges {
            if let (Some(member), Some(owner)) = (ids.get(&member), ids.get(&owner)) {
                let owners = above.entry(member.clone()).or_default();
                owners.push((owner.clone(), display));
            }
        }
        Ok(above)
    }

    /// Adds the owners of the members, and theirs.
    fn add_above(&self, members: &mut MemberSet, above: &Above) -> rusqlite::Result<()> {
        if above.is_empty() {
            return Ok(());
        }
        kit::add_indirect(members, self.levels, |owner| {
            let owners = above.get(owner).map(Vec::as_slice).unwrap_or_default();
            owners.iter().try_for_each(|_| self.tenant.step())?;
            Ok(owners.iter().cloned())
        })
    }
}

/// A list of numbers. SQLite reads one only as JSON.
fn list(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// The number of members to read, to tell whether there are more than the limit.
fn at_most(limit: Option<usize>) -> i64 {
    limit.map_or(i64::MAX, |limit| rows(limit.saturating_add(1)))
}

/// Reads a member out of the first three columns.
fn member(tenant: &Snapshot<'_>, row: &Row<'_>) -> rusqlite::Result<(ResourceId, Member)> {
    tenant.step()?;
    let mut member = Member::new();
    member.kind = Some(decode::text(row, 1)?);
    member.display = decode::optional_text(row, 2)?;
    Ok((ResourceId::new(decode::text(row, 0)?), member))
}

/// Reads the members of an owned relation of a resource that are selected, unless there are more than the limit.
pub(super) fn owned(
    tenant: &Snapshot<'_>,
    kind: &Kind,
    (resource, path): (i64, &str),
    selection: &Selection,
) -> rusqlite::Result<Option<MemberSet>> {
    let hidden = selection.members == Visibility::Hidden;
    if let Some(MemberPage { after, count }) = &selection.page {
        let mut number = tenant.connection.prepare_cached(NUMBER)?;
        let after = match after {
            // Numbers start with 1.
            None => Some(0),
            Some(after) => number
                .query_row(params![kind.tenant, after.as_str()], |row| row.get::<_, i64>(0))
                .optional()?,
        };
        let Some(after) = after else {
            return Ok(None);
        };
        return read_owned(tenant, params![resource, path, rows(*count), hidden, after]).map(Some);
    }
    let limit = selection.relation_limit;
    if let (Visibility::Live, Some(limit)) = (selection.members, limit) {
        let exists = |sql| {
            let mut beyond = tenant.connection.prepare_cached(sql)?;
            beyond.exists(params![resource, path, rows(limit)])
        };
        if exists(BEYOND)? && (!tenant.has_hidden(kind.tenant)? || exists(LIVE_BEYOND)?) {
            return Ok(None);
        }
    }
    let members = read_owned(tenant, params![resource, path, at_most(limit), hidden, 0])?;
    Ok((members.len() <= limit.unwrap_or(usize::MAX)).then_some(members))
}

fn read_owned(tenant: &Snapshot<'_>, of: &[&dyn ToSql]) -> rusqlite::Result<MemberSet> {
    let mut members = MemberSet::new();
    let mut statement = tenant.connection.prepare_cached(OWNED)?;
    let mut rows = statement.query(of)?;
    while let Some(row) = rows.next()? {
        let (id, member) = member(tenant, row)?;
        members.insert(id, member);
    }
    Ok(members)
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
            "SEARCH edges USING PRIMARY KEY (owner=? AND attribute=? AND member>?)"
        );
        assert!(owned.iter().all(|line| line.starts_with("SEARCH")), "{owned:#?}");
        for beyond in [plan(BEYOND), plan(LIVE_BEYOND)] {
            assert_eq!(
                beyond[0],
                "SEARCH edges USING PRIMARY KEY (owner=? AND attribute=?)"
            );
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
        // Edges of other resources than owners are in neither of the partial indexes.
        let above = plan(ABOVE);
        let outwards = |line: &&String| line.contains("INDEX edges_outwards (member=? AND attribute=?)");
        assert_eq!(above.iter().filter(outwards).count(), 2, "{above:#?}");
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
