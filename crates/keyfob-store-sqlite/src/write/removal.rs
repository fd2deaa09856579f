//! What is gone at once though its edges are removed one slice after the other.
//!
//! To remove the edges of a group of a million members takes seconds, and there is one writer. So the commit that deletes
//! or empties such a group leaves its row, under which the edges stand, to a type that nobody serves, as a hidden row of no
//! tenant: to every read and to every commit the edges are gone with it. The writer removes them when it has nothing else to do,
//! after a restart too. A group that is emptied goes on under a new number.

use std::collections::HashMap;

use keyfob_core::{ResourceId, Version};
use keyfob_store::{Change, Commit, RelationDelta};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};

use super::apply::Applying;
use crate::{
    error::Failure,
    read::{self, decode},
};

/// A resource with more edges is left to be removed in slices.
pub(super) const LARGE: usize = 1_000;

/// Of so many members that may stay in a relation that is emptied each edge is written anew.
const STAYING: usize = 5_000;

/// The number of edges that are removed in one transaction.
const SLICE: i64 = 1_000;

/// The tenant and the type of the rows that are left. No tenant of an application has this name; the rows themselves are of
/// no tenant, lest anybody takes it for one.
const TENANT: &str = "\u{1}keyfob";
const KIND: &str = "removed";
const NO_TENANT: i64 = 0;

impl Applying<'_> {
    /// Removes the row of a resource with all that follows from it.
    pub(super) fn remove(&self, resource: i64) -> Result<(), Failure> {
        let is_large = self
            .cached("SELECT 1 FROM edges WHERE owner = ?1 LIMIT 1 OFFSET ?2")?
            .exists(params![resource, read::rows(LARGE)])?;
        if !is_large {
            self.cached("DELETE FROM resources WHERE resource = ?1")?
                .execute([resource])?;
            return Ok(());
        }
        for sql in [
            "DELETE FROM documents WHERE resource = ?1",
            "DELETE FROM unique_keys WHERE resource = ?1",
            "DELETE FROM indexed WHERE resource = ?1",
            "DELETE FROM edges WHERE member = ?1",
        ] {
            self.cached(sql)?.execute([resource])?;
        }
        self.free_id(resource)?;
        self.leave(resource)
    }

    /// Gives a resource a new number, under which it has the same as before but for the edges of one relation. The edges to
    /// hidden members, which nobody sees, come with it.
    pub(super) fn renumber(&self, resource: i64, attribute: i64) -> Result<i64, Failure> {
        // Until its id is free there can't be another row of it.
        let copied =
            "INSERT INTO resources (tenant, kind, id, version, created, last_modified, display_name, hidden)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut find = self.cached(
            "SELECT tenant, kind, id, version, created, last_modified, display_name, hidden
             FROM resources WHERE resource = ?1",
        )?;
        let columns: Vec<Value> =
            find.query_row([resource], |row| (0..8).map(|column| row.get(column)).collect())?;
        self.free_id(resource)?;
        self.cached(copied)?.execute(params_from_iter(columns))?;
        let number = self.connection.last_insert_rowid();
        // Who is a member of itself has both numbers for a moment.
        self.cached(
            "INSERT INTO edges (owner, attribute, member, display, nests)
             SELECT ?3, attribute, iif(member = ?1, ?3, member), display, nests
             FROM kinds CROSS JOIN resources USING (kind) CROSS JOIN edges ON member = resource
             WHERE kinds.tenant = ?4 AND resources.hidden = 1 AND owner = ?1 AND attribute = ?2",
        )?
        .execute(params![resource, attribute, number, self.tenant])?;
        self.cached(
            "INSERT INTO edges (owner, attribute, member, display, nests)
             SELECT ?3, attribute, iif(member = ?1, ?3, member), display, nests
             FROM edges WHERE owner = ?1 AND attribute <> ?2",
        )?
        .execute(params![resource, attribute, number])?;
        for sql in [
            "UPDATE edges SET member = ?2 WHERE member = ?1 AND owner <> ?1",
            "UPDATE documents SET resource = ?2 WHERE resource = ?1",
            "UPDATE unique_keys SET resource = ?2 WHERE resource = ?1",
            "UPDATE indexed SET resource = ?2 WHERE resource = ?1",
        ] {
            self.cached(sql)?.execute([resource, number])?;
        }
        self.leave(resource)?;
        Ok(number)
    }

    /// Takes the id and the tenant from a row.
    fn free_id(&self, resource: i64) -> Result<(), Failure> {
        self.cached("UPDATE resources SET tenant = ?2, id = ?3, display_name = NULL WHERE resource = ?1")?
            .execute(params![resource, NO_TENANT, resource.to_string()])?;
        Ok(())
    }

    /// Leaves a row that has nothing but edges to be removed.
    fn leave(&self, resource: i64) -> Result<(), Failure> {
        let tenant = super::apply::tenant(self.connection, TENANT)?;
        self.cached("INSERT INTO kinds (tenant, name, indexed) VALUES (?1, ?2, '') ON CONFLICT DO NOTHING")?
            .execute(params![tenant, KIND])?;
        self.cached(
            "UPDATE resources SET hidden = 1, kind = (SELECT kind FROM kinds WHERE tenant = ?2 AND name = ?3)
             WHERE resource = ?1",
        )?
        .execute(params![resource, tenant, KIND])?;
        self.known.borrow_mut().leftovers = true;
        Ok(())
    }
}

/// Returns true if a relation has very many members beside so many that may stay.
pub(super) fn is_large(
    connection: &Connection,
    owner: i64,
    attribute: i64,
    kept: usize,
) -> rusqlite::Result<bool> {
    let more = LARGE + 2 * kept;
    let mut beyond = connection
        .prepare_cached("SELECT 1 FROM edges WHERE owner = ?1 AND attribute = ?2 LIMIT 1 OFFSET ?3")?;
    Ok(kept <= STAYING && beyond.exists(params![owner, attribute, read::rows(more)])?)
}

/// Counts the live members of a relation.
///
/// # Complexity
/// Linear in the edges, a million in about a tenth of a second, and in the hidden resources of the tenant.
pub(super) fn count_live(connection: &Connection, owner: i64, attribute: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM edges WHERE owner = ?1 AND attribute = ?2) - (
                SELECT count(*) FROM resources AS owners CROSS JOIN kinds ON kinds.tenant = owners.tenant
                    CROSS JOIN resources ON resources.kind = kinds.kind AND resources.hidden = 1
                    CROSS JOIN edges ON edges.owner = ?1 AND edges.attribute = ?2 AND edges.member = resources.resource
                WHERE owners.resource = ?1
            )",
        )?
        .query_row([owner, attribute], |row| decode::count(row, 0))
}

/// The number of live members of a relation of a resource, and the version in which the resource has so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveMembers {
    pub(super) version: Version,
    pub(super) live: usize,
}

/// What was counted, by the numbers of resource and attribute.
pub(crate) type Counts = HashMap<(i64, i64), LiveMembers>;

/// Counts the members of the large relations that a commit empties, for the event that says how many left.
///
/// To count them takes as long as a writer may not stand still, so it is done before the commit.
pub(crate) fn count_before(connection: &Connection, commit: &Commit) -> rusqlite::Result<Counts> {
    let mut counts = Counts::new();
    for (id, delta) in cleared(commit) {
        let found = connection
            .prepare_cached(
                "SELECT resource, version, attribute FROM tenants CROSS JOIN resources USING (tenant)
                    CROSS JOIN attributes ON path = ?3
                 WHERE tenants.name = ?1 AND resources.id = ?2",
            )?
            .query_row(
                params![
                    commit.tenant.as_str(),
                    id.as_str(),
                    read::path(delta.attribute.as_str())
                ],
                |row| Ok((row.get(0)?, decode::version(row, 1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((owner, version, attribute)) = found else {
            continue;
        };
        if is_large(connection, owner, attribute, delta.add.len())? {
            let live = count_live(connection, owner, attribute)?;
            counts.insert((owner, attribute), LiveMembers { version, live });
        }
    }
    Ok(counts)
}

/// Returns true if a commit may empty a large relation.
pub(crate) fn may_empty(commit: &Commit) -> bool {
    cleared(commit).next().is_some()
}

fn cleared(commit: &Commit) -> impl Iterator<Item = (&ResourceId, &RelationDelta)> {
    let changes = commit.changes.iter();
    changes.flat_map(|change| {
        let (id, relations): (_, &[RelationDelta]) = match change {
            Change::Update { id, relations, .. } => (Some(id), relations),
            _ => (None, &[]),
        };
        let cleared = relations
            .iter()
            .filter(|delta| delta.clear && delta.add.len() <= STAYING);
        id.into_iter()
            .flat_map(move |id| cleared.clone().map(move |delta| (id, delta)))
    })
}

/// Removes some edges of a row that was left, and the row with the last of them. Returns false if there is no such row.
pub(super) fn remove_slice(connection: &Connection) -> rusqlite::Result<bool> {
    let left: Option<i64> = connection
        .prepare_cached(
            "SELECT resource FROM resources WHERE hidden = 1 AND kind =
                (SELECT kind FROM kinds JOIN tenants USING (tenant) WHERE tenants.name = ?1 AND kinds.name = ?2)
             LIMIT 1",
        )?
        .query_row([TENANT, KIND], |row| row.get(0))
        .optional()?;
    let Some(resource) = left else {
        return Ok(false);
    };
    let first: Option<i64> = connection
        .prepare_cached("SELECT attribute FROM edges WHERE owner = ?1 LIMIT 1")?
        .query_row([resource], |row| row.get(0))
        .optional()?;
    let Some(attribute) = first else {
        connection
            .prepare_cached("DELETE FROM resources WHERE resource = ?1")?
            .execute([resource])?;
        return Ok(true);
    };
    // The edges are stored in the order of their members.
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT member FROM edges WHERE owner = ?1 AND attribute = ?2 ORDER BY member LIMIT 1 OFFSET ?3",
        )?
        .query_row(params![resource, attribute, SLICE - 1], |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached("DELETE FROM edges WHERE owner = ?1 AND attribute = ?2 AND member <= ?3")?
        .execute(params![resource, attribute, last.unwrap_or(i64::MAX)])?;
    Ok(true)
}
