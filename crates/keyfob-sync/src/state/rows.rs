//! Links, memberships, escrows and intents as rows.

use std::collections::BTreeSet;

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType, SmolStr};
use rusqlite::{OptionalExtension, Row, params};

use super::{Link, Owned, State, StateError};
use crate::rule::Kind;

/// A digest of an object, its mapping and its scope.
pub(crate) type Digest = [u8; 16];

/// A link with what is compared.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) link: Link,
    pub(crate) digest: Option<Vec<u8>>,
    held: Vec<u8>,
    /// If true, the resource may be another than the one that is held.
    pub(crate) uncertain: bool,
}

/// A creation that was about to be sent.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) source_id: SmolStr,
    pub(crate) kind: Kind,
    /// The filters by which the resource is found.
    pub(crate) filters: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// An earlier failure, and when the object is tried again.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) first: i64,
    pub(crate) attempts: u32,
    pub(crate) next: i64,
    pub(crate) reason: String,
}

pub(crate) fn millis(instant: DateTime) -> i64 {
    instant.unix_millis()
}

pub(crate) fn of_millis(millis: i64) -> DateTime {
    DateTime::from_unix_millis(millis)
}

pub(super) fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link {
        source_id: row.get::<_, String>(0)?.into(),
        kind: Kind::of_number(row.get(1)?),
        target_id: ResourceId::new(row.get::<_, String>(2)?),
        owned: if row.get(3)? {
            Owned::Created
        } else {
            Owned::Adopted
        },
        disabled: row.get(4)?,
        gone: row.get::<_, Option<i64>>(5)?.map(of_millis),
    })
}

impl Linked {
    /// Returns the resource as it was written.
    pub(crate) fn held(&self, resource_type: &ResourceType) -> Result<Resource, StateError> {
        Resource::from_json(&self.held, resource_type).map_err(|_| StateError::Undecodable {
            source_id: self.link.source_id.to_string(),
        })
    }
}

/// Links
impl State {
    pub(crate) fn link(&self, source_id: &str) -> Result<Option<Linked>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT source_id, kind, target_id, owned, disabled, gone, digest, held, uncertain FROM link WHERE source_id = ?1",
        )?;
        let linked = statement.query_row([source_id], |row| {
            Ok(Linked {
                link: link(row)?,
                digest: row.get(6)?,
                held: row.get(7)?,
                uncertain: row.get(8)?,
            })
        });
        Ok(linked.optional()?)
    }

    /// Returns the id of the resource that stands for an object.
    pub(crate) fn target_of(&self, source_id: &str) -> Result<Option<ResourceId>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT target_id FROM link WHERE source_id = ?1")?;
        let id = statement.query_row([source_id], |row| row.get::<_, String>(0));
        Ok(id.optional()?.map(ResourceId::new))
    }

    /// Returns the object that a resource stands for.
    pub(crate) fn source_of(&self, kind: Kind, id: &ResourceId) -> Result<Option<SmolStr>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT source_id FROM link WHERE kind = ?1 AND target_id = ?2")?;
        let id = statement.query_row(params![kind.number(), id.as_str()], |row| row.get::<_, String>(0));
        Ok(id.optional()?.map(SmolStr::from))
    }

    pub(crate) fn put_link(
        &self,
        link: &Link,
        digest: Option<Digest>,
        held: &Resource,
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO link (source_id, kind, target_id, owned, disabled, gone, digest, held)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (source_id) DO UPDATE SET target_id = ?3, owned = ?4, disabled = ?5, gone = ?6, digest = ?7, held = ?8,
                 uncertain = 0",
        )?;
        statement.execute(params![
            link.source_id.as_str(),
            link.kind.number(),
            link.target_id.as_str(),
            link.owned == Owned::Created,
            link.disabled,
            link.gone.map(millis),
            digest,
            held.to_json(),
        ])?;
        Ok(())
    }

    /// Notes that a change of a resource is about to be sent, or that what came of it is known.
    pub(crate) fn put_uncertain(&self, source_id: &str, uncertain: bool) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE link SET uncertain = ?2 WHERE source_id = ?1")?;
        statement.execute(params![source_id, uncertain])?;
        Ok(())
    }

    /// Returns the objects whose resources have to be read.
    pub(crate) fn uncertain(&self) -> Result<Vec<SmolStr>, StateError> {
        self.ids(
            "SELECT source_id FROM link WHERE uncertain = 1 ORDER BY source_id",
            [],
        )
    }

    /// Notes since when an object is missing from the source, if that is new.
    pub(crate) fn put_gone(&self, source_id: &str, now: DateTime) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE link SET gone = coalesce(gone, ?2), digest = NULL WHERE source_id = ?1",
        )?;
        statement.execute(params![source_id, millis(now)])?;
        Ok(())
    }

    /// Forgets a resource, its memberships, and what waited for its own references.
    pub(crate) fn unlink(&self, source_id: &str) -> Result<(), StateError> {
        for sql in [
            "DELETE FROM link WHERE source_id = ?1",
            "DELETE FROM edge WHERE group_id = ?1",
            "DELETE FROM edge WHERE member_id = ?1",
            "DELETE FROM reference WHERE source_id = ?1",
            "DELETE FROM escrow WHERE source_id = ?1",
            "DELETE FROM escrow WHERE member = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([source_id])?;
        }
        Ok(())
    }
}

/// Memberships and references
impl State {
    /// Notes a membership; unless `sure`, a change of it is about to be sent.
    pub(crate) fn put_edge(&self, group: &str, member: &str, sure: bool) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO edge (group_id, member_id, sure) VALUES (?1, ?2, ?3)
             ON CONFLICT (group_id, member_id) DO UPDATE SET sure = ?3",
        )?;
        statement.execute(params![group, member, sure])?;
        Ok(())
    }

    /// Returns what is known of a membership: none, or if it is sure.
    pub(crate) fn edge(&self, group: &str, member: &str) -> Result<Option<bool>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT sure FROM edge WHERE group_id = ?1 AND member_id = ?2")?;
        Ok(statement
            .query_row([group, member], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn remove_edge(&self, group: &str, member: &str) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM edge WHERE group_id = ?1 AND member_id = ?2")?;
        statement.execute([group, member])?;
        Ok(())
    }

    /// Puts the references of an object that wait in place of those that did.
    pub(crate) fn put_references(
        &self,
        source_id: &str,
        missing: &BTreeSet<SmolStr>,
    ) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM reference WHERE source_id = ?1")?;
        statement.execute([source_id])?;
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO reference (source_id, missing) VALUES (?1, ?2)")?;
        for missing in missing {
            statement.execute([source_id, missing])?;
        }
        Ok(())
    }

    /// Returns the objects in scope that wait for one that has a resource by now, are in no escrow, and whose resources are
    /// not to be disabled or deleted: what a guard holds back is not sent for another reason.
    pub(crate) fn arrived(&self) -> Result<BTreeSet<SmolStr>, StateError> {
        self.ids(
            "SELECT DISTINCT reference.source_id FROM reference
             JOIN link ON link.source_id = reference.missing
             JOIN staged ON staged.source_id = reference.source_id AND staged.in_scope = 1
             WHERE NOT EXISTS (SELECT 1 FROM escrow WHERE escrow.source_id = reference.source_id AND member = '')
               AND NOT EXISTS (SELECT 1 FROM removal WHERE removal.source_id = reference.source_id)",
            [],
        )
    }
}

/// Failures and intents
impl State {
    pub(crate) fn failed(&self, source_id: &str, member: &str) -> Result<Option<Failed>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, first, attempts, next, reason FROM escrow WHERE source_id = ?1 AND member = ?2",
        )?;
        let failed = statement.query_row([source_id, member], |row| {
            Ok(Failed {
                digest: row.get(0)?,
                first: row.get(1)?,
                attempts: row.get(2)?,
                next: row.get(3)?,
                reason: row.get(4)?,
            })
        });
        Ok(failed.optional()?)
    }

    pub(crate) fn put_failed(
        &self,
        source_id: &str,
        member: &str,
        failed: &Failed,
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO escrow (source_id, member, digest, first, attempts, next, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            source_id,
            member,
            failed.digest,
            failed.first,
            failed.attempts,
            failed.next,
            failed.reason
        ])?;
        Ok(())
    }

    pub(crate) fn remove_failed(&self, source_id: &str, member: &str) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM escrow WHERE source_id = ?1 AND member = ?2")?;
        statement.execute([source_id, member])?;
        Ok(())
    }

    pub(crate) fn intents(&self) -> Result<Vec<Intent>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT source_id, kind, filters, body FROM intent ORDER BY source_id")?;
        let intents = statement.query_map([], |row| {
            Ok(Intent {
                source_id: row.get::<_, String>(0)?.into(),
                kind: Kind::of_number(row.get(1)?),
                filters: row.get::<_, String>(2)?.lines().map(str::to_owned).collect(),
                body: row.get(3)?,
            })
        })?;
        Ok(intents.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn has_intent(&self, source_id: &str) -> Result<bool, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM intent WHERE source_id = ?1")?;
        Ok(statement.exists([source_id])?)
    }

    pub(crate) fn put_intent(&self, intent: &Intent) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO intent (source_id, kind, filters, body) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![
            intent.source_id.as_str(),
            intent.kind.number(),
            intent.filters.join("\n"),
            intent.body
        ])?;
        Ok(())
    }

    pub(crate) fn remove_intent(&self, source_id: &str) -> Result<(), StateError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM intent WHERE source_id = ?1")?;
        statement.execute([source_id])?;
        Ok(())
    }
}
