//! The objects and memberships that one cycle read of the source.

use keyfob_core::{ResourceId, SmolStr};
use rusqlite::{OptionalExtension, params};

use super::{Digest, Size, State, StateError};
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
    /// If true, somebody allowed it after a guard had held it back.
    pub(crate) is_allowed: bool,
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

    /// Stages a membership, which a source may say more than once.
    pub(crate) fn put_staged_edge(&self, group: &str, member: &str) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO staged_edge (group_id, member_id) VALUES (?1, ?2)")?;
        statement.execute([group, member])?;
        Ok(())
    }

    pub(crate) fn read_size(&self) -> Result<Size, StateError> {
        Ok(Size {
            users: self.count("SELECT count(*) FROM staged WHERE kind = 0")?,
            groups: self.count("SELECT count(*) FROM staged WHERE kind = 1")?,
            memberships: self.count("SELECT count(*) FROM staged_edge")?,
        })
    }

    /// Returns the ids of objects with a resource that the source no longer has.
    pub(crate) fn missing(&self) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT source_id FROM link
             WHERE NOT EXISTS (SELECT 1 FROM staged WHERE staged.source_id = link.source_id) ORDER BY source_id",
            [],
        )
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
            "SELECT source_id, kind, patch, digest, reason, allowed FROM judged WHERE (patch IS NULL) = ?1
             ORDER BY kind DESC, source_id",
        )?;
        let removals = statement.query_map([deletions], |row| {
            Ok(Removal {
                source_id: row.get::<_, String>(0)?.into(),
                kind: Kind::of_number(row.get(1)?),
                patch: row.get(2)?,
                digest: row.get(3)?,
                reason: row.get(4)?,
                is_allowed: row.get(5)?,
            })
        })?;
        Ok(removals.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the number of resources of a kind that would stay, and of all that are not disabled already.
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

    /// Returns the number of resources that have to be disabled or deleted, those that were allowed or the others.
    pub(crate) fn removal_count(&self, allowed: bool) -> Result<u64, StateError> {
        self.count(if allowed {
            "SELECT count(*) FROM judged WHERE allowed = 1"
        } else {
            "SELECT count(*) FROM judged WHERE allowed = 0"
        })
    }

    /// Returns the number of memberships that have to be removed, those that were allowed or the others.
    pub(crate) fn member_removal_count(&self, allowed: bool) -> Result<u64, StateError> {
        self.count(if allowed {
            "SELECT count(*) FROM decided WHERE stays = 0 AND allowed = 1"
        } else {
            "SELECT count(*) FROM decided WHERE stays = 0 AND allowed = 0"
        })
    }

    /// Writes down what this cycle holds back, in place of what the last one did. What was allowed stays so until it is done.
    pub(crate) fn put_held(&self, resources: bool, members: bool) -> Result<(), StateError> {
        self.connection
            .execute_batch("DELETE FROM held WHERE allowed = 0")?;
        if resources {
            self.connection.execute_batch(
                "INSERT INTO held (source_id, member) SELECT source_id, '' FROM judged WHERE allowed = 0",
            )?;
        }
        if members {
            self.connection.execute_batch(
                "INSERT INTO held (source_id, member)
                 SELECT group_id, member_id FROM decided WHERE stays = 0 AND allowed = 0",
            )?;
        }
        Ok(())
    }

    /// Returns the groups with members to add.
    pub(crate) fn groups_to_extend(&self, now: i64) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT DISTINCT group_id FROM lacking WHERE next IS NULL OR next <= ?1 ORDER BY group_id",
            [now],
        )
    }

    /// Returns the members to add to a group.
    pub(crate) fn members_to_add(&self, group: &str, now: i64) -> Result<Vec<Edge>, StateError> {
        self.edges(
            "SELECT member_id, target_id FROM lacking
             WHERE group_id = ?1 AND (next IS NULL OR next <= ?2) ORDER BY member_id",
            group,
            now,
        )
    }

    /// Returns the groups with members to remove.
    pub(crate) fn groups_to_reduce(&self, now: i64) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT DISTINCT group_id FROM decided
             WHERE stays = 0 AND (next IS NULL OR next <= ?1) ORDER BY group_id",
            [now],
        )
    }

    /// Returns the members to remove from a group, those whose removal was allowed or the others.
    pub(crate) fn members_to_remove(
        &self,
        group: &str,
        now: i64,
        allowed: bool,
    ) -> Result<Vec<Edge>, StateError> {
        self.edges(
            if allowed {
                "SELECT member_id, target_id FROM decided WHERE group_id = ?1 AND stays = 0 AND allowed = 1
                 AND (next IS NULL OR next <= ?2) ORDER BY member_id"
            } else {
                "SELECT member_id, target_id FROM decided WHERE group_id = ?1 AND stays = 0 AND allowed = 0
                 AND (next IS NULL OR next <= ?2) ORDER BY member_id"
            },
            group,
            now,
        )
    }

    /// Returns the number of memberships that would stay, and of those that the source decides on.
    pub(crate) fn remaining_memberships(&self) -> Result<(u64, u64), StateError> {
        Ok((
            self.count("SELECT count(*) FROM decided WHERE stays = 1")?,
            self.count("SELECT count(*) FROM decided")?,
        ))
    }

    /// Returns the number of memberships and references that wait for the other object.
    pub(crate) fn waiting(&self) -> Result<u64, StateError> {
        self.count(
            "SELECT (SELECT count(*) FROM staged_edge s
                     JOIN link g ON g.source_id = s.group_id
                     WHERE NOT EXISTS (SELECT 1 FROM link m WHERE m.source_id = s.member_id))
                  + (SELECT count(*) FROM reference)",
        )
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

    fn edges(&self, sql: &str, group: &str, now: i64) -> Result<Vec<Edge>, StateError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let edges = statement.query_map(params![group, now], |row| {
            let id: String = row.get(0)?;
            Ok((SmolStr::from(id), ResourceId::new(row.get::<_, String>(1)?)))
        })?;
        Ok(edges.collect::<rusqlite::Result<_>>()?)
    }
}
