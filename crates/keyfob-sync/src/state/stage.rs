//! What one cycle read of the source.

use keyfob_core::{ResourceId, SmolStr};
use rusqlite::{OptionalExtension, params};

use super::{Digest, Link, Size, State, StateError, rows};
use crate::rule::Kind;

/// An object of the source as the cycle read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staged {
    pub(crate) kind: Kind,
    pub(crate) digest: Digest,
    pub(crate) in_scope: bool,
    /// If true, the object has to be looked at again.
    pub(crate) work: bool,
    /// If true, the source says all members of the group.
    pub(crate) knows_members: bool,
}

/// A resource that has to be disabled or deleted.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) source_id: SmolStr,
    pub(crate) kind: Kind,
    /// The PATCH that disables it; none where it is deleted.
    pub(crate) patch: Option<Vec<u8>>,
    /// The digest when that is done; none where the object is gone.
    pub(crate) digest: Option<Digest>,
    pub(crate) reason: String,
}

/// A membership, by source ids and with the resource of the member.
pub(crate) type Edge = (SmolStr, ResourceId);

impl State {
    pub(crate) fn clear_stage(&self) -> Result<(), StateError> {
        self.connection
            .execute_batch("DELETE FROM staged; DELETE FROM staged_edge; DELETE FROM removal")?;
        Ok(())
    }

    pub(crate) fn staged(&self, source_id: &str) -> Result<Option<Staged>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, digest, in_scope, work, knows_members FROM staged WHERE source_id = ?1",
        )?;
        let staged = statement.query_row([source_id], |row| {
            Ok(Staged {
                kind: Kind::of_number(row.get(0)?),
                digest: row.get(1)?,
                in_scope: row.get(2)?,
                work: row.get(3)?,
                knows_members: row.get(4)?,
            })
        });
        Ok(staged.optional()?)
    }

    pub(crate) fn put_staged(&self, source_id: &str, staged: &Staged) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO staged (source_id, kind, digest, in_scope, work, knows_members) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        statement.execute(params![
            source_id,
            staged.kind.number(),
            staged.digest,
            staged.in_scope,
            staged.work,
            staged.knows_members
        ])?;
        Ok(())
    }

    pub(crate) fn has_work(&self) -> Result<bool, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM staged WHERE work = 1 LIMIT 1")?;
        Ok(statement.exists([])?)
    }

    /// Returns false where the membership was there already.
    pub(crate) fn put_staged_edge(&self, group: &str, member: &str) -> Result<bool, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO staged_edge (group_id, member_id) VALUES (?1, ?2)")?;
        Ok(statement.execute([group, member])? > 0)
    }

    pub(crate) fn read_size(&self) -> Result<Size, StateError> {
        let count = |sql: &str| -> rusqlite::Result<u64> {
            let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or_default())
        };
        Ok(Size {
            users: count("SELECT count(*) FROM staged WHERE kind = 0")?,
            groups: count("SELECT count(*) FROM staged WHERE kind = 1")?,
            memberships: count("SELECT count(*) FROM staged_edge")?,
        })
    }

    /// Returns the links of objects that the source no longer has.
    pub(crate) fn missing(&self) -> Result<Vec<Link>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT source_id, kind, target_id, owned, disabled, gone FROM link
             WHERE NOT EXISTS (SELECT 1 FROM staged WHERE staged.source_id = link.source_id) ORDER BY source_id",
        )?;
        let links = statement.query_map([], rows::link)?;
        Ok(links.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn put_removal(&self, removal: &Removal) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO removal (source_id, kind, patch, digest, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute(params![
            removal.source_id.as_str(),
            removal.kind.number(),
            removal.patch,
            removal.digest,
            removal.reason
        ])?;
        Ok(())
    }

    /// Returns what has to be disabled, or what has to be deleted.
    pub(crate) fn removals(&self, deletions: bool) -> Result<Vec<Removal>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT source_id, kind, patch, digest, reason FROM removal WHERE (patch IS NULL) = ?1
             ORDER BY kind DESC, source_id",
        )?;
        let removals = statement.query_map([deletions], |row| {
            Ok(Removal {
                source_id: row.get::<_, String>(0)?.into(),
                kind: Kind::of_number(row.get(1)?),
                patch: row.get(2)?,
                digest: row.get(3)?,
                reason: row.get(4)?,
            })
        })?;
        Ok(removals.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many resources of a kind would stay, and how many there are, but for those that are disabled already.
    pub(crate) fn remaining(&self, kind: Kind) -> Result<(u64, u64), StateError> {
        let counts: (i64, i64) = self.connection.query_row(
            "SELECT coalesce(sum(staged.source_id IS NOT NULL AND removal.source_id IS NULL), 0), count(*) FROM link
             LEFT JOIN staged ON staged.source_id = link.source_id
             LEFT JOIN removal ON removal.source_id = link.source_id
             WHERE link.kind = ?1 AND link.gone IS NULL AND link.disabled = 0",
            [kind.number()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok((count(counts.0), count(counts.1)))
    }

    /// Returns the number of resources that have to be disabled or deleted.
    pub(crate) fn removal_count(&self) -> Result<u64, StateError> {
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM removal", [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Returns the groups with members to add.
    pub(crate) fn groups_to_extend(&self, now: i64) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT DISTINCT s.group_id FROM staged_edge s
             JOIN link g ON g.source_id = s.group_id
             JOIN staged t ON t.source_id = s.group_id AND t.in_scope = 1
             JOIN link m ON m.source_id = s.member_id
             WHERE NOT EXISTS (SELECT 1 FROM edge e WHERE e.group_id = s.group_id AND e.member_id = s.member_id AND e.sure = 1)
               AND NOT EXISTS (SELECT 1 FROM escrow f WHERE f.source_id = s.group_id AND f.member = s.member_id AND f.next > ?1)
             ORDER BY s.group_id",
            now,
        )
    }

    /// Returns the members to add to a group.
    pub(crate) fn members_to_add(&self, group: &str, now: i64) -> Result<Vec<Edge>, StateError> {
        self.edges(
            "SELECT s.member_id, m.target_id FROM staged_edge s
             JOIN link m ON m.source_id = s.member_id
             WHERE s.group_id = ?1
               AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.group_id = s.group_id AND e.member_id = s.member_id AND e.sure = 1)
               AND NOT EXISTS (SELECT 1 FROM escrow f WHERE f.source_id = s.group_id AND f.member = s.member_id AND f.next > ?2)
             ORDER BY s.member_id",
            group,
            now,
        )
    }

    /// Returns the groups in scope with members to remove.
    pub(crate) fn groups_to_reduce(&self, now: i64) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT DISTINCT e.group_id FROM edge e
             JOIN staged t ON t.source_id = e.group_id AND t.in_scope = 1 AND t.knows_members = 1
             WHERE NOT EXISTS (SELECT 1 FROM staged_edge s WHERE s.group_id = e.group_id AND s.member_id = e.member_id)
               AND NOT EXISTS (SELECT 1 FROM escrow f WHERE f.source_id = e.group_id AND f.member = e.member_id AND f.next > ?1)
             ORDER BY e.group_id",
            now,
        )
    }

    /// Returns the members to remove from a group.
    pub(crate) fn members_to_remove(&self, group: &str, now: i64) -> Result<Vec<Edge>, StateError> {
        self.edges(
            "SELECT e.member_id, m.target_id FROM edge e
             JOIN link m ON m.source_id = e.member_id
             WHERE e.group_id = ?1
               AND NOT EXISTS (SELECT 1 FROM staged_edge s WHERE s.group_id = e.group_id AND s.member_id = e.member_id)
               AND NOT EXISTS (SELECT 1 FROM escrow f WHERE f.source_id = e.group_id AND f.member = e.member_id AND f.next > ?2)
             ORDER BY e.member_id",
            group,
            now,
        )
    }

    /// Returns the number of memberships and references that wait for the other object.
    pub(crate) fn waiting(&self) -> Result<u64, StateError> {
        let count: i64 = self.connection.query_row(
            "SELECT (SELECT count(*) FROM staged_edge s
                     JOIN link g ON g.source_id = s.group_id
                     WHERE NOT EXISTS (SELECT 1 FROM link m WHERE m.source_id = s.member_id))
                  + (SELECT count(*) FROM reference)",
            [],
            |row| row.get(0),
        )?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Returns a membership of a group that the source does not have.
    pub(crate) fn edge_of_nobody(&self) -> Result<Option<(SmolStr, SmolStr)>, StateError> {
        let edge = self.connection.query_row(
            "SELECT group_id, member_id FROM staged_edge s
             WHERE NOT EXISTS (SELECT 1 FROM staged t WHERE t.source_id = s.group_id AND t.kind = 1) LIMIT 1",
            [],
            |row| Ok((row.get::<_, String>(0)?.into(), row.get::<_, String>(1)?.into())),
        );
        Ok(edge.optional()?)
    }

    fn ids(&self, sql: &str, now: i64) -> Result<Vec<SmolStr>, StateError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_map([now], |row| Ok(SmolStr::from(row.get::<_, String>(0)?)))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    fn edges(&self, sql: &str, group: &str, now: i64) -> Result<Vec<Edge>, StateError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let edges = statement.query_map(params![group, now], |row| {
            let id: String = row.get(0)?;
            Ok((SmolStr::from(id), ResourceId::new(row.get::<_, String>(1)?)))
        })?;
        Ok(edges.collect::<rusqlite::Result<_>>()?)
    }
}
