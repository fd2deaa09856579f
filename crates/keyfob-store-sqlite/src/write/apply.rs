//! The changes of a commit, applied one after the other inside a transaction.

use std::collections::BTreeSet;

use keyfob_core::{DateTime, ResourceId, Version};
use keyfob_store::{CommitError, Committed, EventId, NewEvent, Outcome, StoreError};
use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params, params};
use smol_str::SmolStr;

use super::{
    change::{Commit, Content, Create, OwnedChange, Update},
    relation,
};
use crate::{error::Failure, index::Entry, read::decode};

/// Applies a commit. Where it fails, the caller takes back what was done.
pub(super) fn apply(connection: &Connection, commit: &Commit) -> Result<Committed, Failure> {
    let tenant = tenant(connection, &commit.tenant)?;
    let mut outcomes = Vec::with_capacity(commit.changes.len());
    for (change, owned) in commit.changes.iter().enumerate() {
        let tenant = Applying {
            connection,
            tenant,
            change,
        };
        let outcome = match owned {
            OwnedChange::Create(create) => tenant.create(create)?,
            OwnedChange::Update(update) => tenant.update(update)?,
            OwnedChange::Delete {
                kind,
                id,
                precondition,
                at,
            } => tenant.delete(kind, id, *precondition, *at)?,
            OwnedChange::Publish { event, data, of } => {
                if is_suppressed(*of, &outcomes)? {
                    Outcome::Suppressed
                } else {
                    tenant.publish(event, data)?
                }
            }
        };
        outcomes.push(outcome);
    }
    Ok(Committed::new(outcomes))
}

/// Whether an event tells of a change that changed nothing.
fn is_suppressed(of: Option<usize>, outcomes: &[Outcome]) -> Result<bool, CommitError> {
    let Some(place) = of else {
        return Ok(false);
    };
    let outcome = outcomes
        .get(place)
        .ok_or_else(|| StoreError::internal("an event tells of a change that does not come before it"))?;
    Ok(!outcome.is_change())
}

/// The change that is being applied.
pub(super) struct Applying<'c> {
    pub(super) connection: &'c Connection,
    pub(super) tenant: i64,
    pub(super) change: usize,
}

impl Applying<'_> {
    fn create(&self, create: &Create) -> Result<Outcome, Failure> {
        let kind = self.kind(&create.resource_type)?;
        let inserted = self
            .cached(
                "INSERT INTO resources (tenant, kind, id, version, created, last_modified, display_name)
             VALUES (:tenant, :kind, :id, :version, :created, :at, :display_name)
             ON CONFLICT (tenant, id) DO NOTHING",
            )?
            .execute(named_params! {
                ":tenant": self.tenant,
                ":kind": kind,
                ":id": create.id.as_str(),
                ":version": to_integer(create.version)?,
                ":created": create.created.unix_millis(),
                ":at": create.at.unix_millis(),
                ":display_name": create.content.display_name.as_deref(),
            })?;
        if inserted == 0 {
            return Err(CommitError::IdTaken { change: self.change }.into());
        }
        let resource = self.connection.last_insert_rowid();
        self.cached("UPDATE kinds SET resources = resources + 1 WHERE kind = ?1")?
            .execute([kind])?;
        self.cached("INSERT INTO documents (resource, document) VALUES (?1, ?2)")?
            .execute(params![resource, create.content.json])?;
        self.set_keys(kind, resource, &create.content)?;
        relation::apply(self, &create.resource_type, resource, &create.relations)?;
        Ok(Outcome::Changed(create.version))
    }

    fn update(&self, update: &Update) -> Result<Outcome, Failure> {
        let kind = self.kind(&update.resource_type)?;
        let (resource, version) = self.find(kind, &update.id, update.precondition)?;
        if let Some(content) = &update.content {
            self.cached("UPDATE documents SET document = ?2 WHERE resource = ?1")?
                .execute(params![resource, content.json])?;
            self.cached(
                "UPDATE resources SET display_name = ?2 WHERE resource = ?1 AND display_name IS NOT ?2",
            )?
            .execute(params![resource, content.display_name.as_deref()])?;
            self.set_keys(kind, resource, content)?;
        }
        let related = relation::apply(self, &update.resource_type, resource, &update.relations)?;
        if update.content.is_none() && !related {
            return Ok(Outcome::Unchanged(version));
        }
        self.cached("UPDATE resources SET version = ?2, last_modified = ?3 WHERE resource = ?1")?
            .execute(params![
                resource,
                to_integer(version.next())?,
                update.at.unix_millis()
            ])?;
        Ok(Outcome::Changed(version.next()))
    }

    fn delete(
        &self,
        kind: &str,
        id: &ResourceId,
        precondition: Option<Version>,
        at: DateTime,
    ) -> Result<Outcome, Failure> {
        let kind = self
            .cached("SELECT kind FROM kinds WHERE tenant = ?1 AND name = ?2")?
            .query_row(params![self.tenant, kind], |row| row.get(0))
            .optional()?
            .ok_or(CommitError::NotFound { change: self.change })?;
        let (resource, _) = self.find(kind, id, precondition)?;
        self.cached(
            "UPDATE resources SET version = version + 1, last_modified = ?2
             WHERE resource IN (SELECT owner FROM edges WHERE member = ?1 AND owner <> ?1)",
        )?
        .execute(params![resource, at.unix_millis()])?;
        self.cached("DELETE FROM resources WHERE resource = ?1")?
            .execute([resource])?;
        self.cached("UPDATE kinds SET resources = resources - 1 WHERE kind = ?1")?
            .execute([kind])?;
        Ok(Outcome::Deleted)
    }

    fn publish(&self, event: &NewEvent, data: &[u8]) -> Result<Outcome, Failure> {
        self.cached(
            "INSERT INTO events (tenant, name, resource_type, resource, at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            self.tenant,
            event.name.as_str(),
            event.resource_type.as_str(),
            event.resource.as_str(),
            event.at.unix_millis(),
            data,
        ])?;
        let id = self.connection.last_insert_rowid();
        Ok(Outcome::Published(EventId::new(id.unsigned_abs())))
    }

    fn find(
        &self,
        kind: i64,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<(i64, Version), Failure> {
        let (resource, current) = self
            .cached("SELECT resource, version FROM resources WHERE tenant = ?1 AND id = ?2 AND kind = ?3")?
            .query_row(params![self.tenant, id.as_str(), kind], |row| {
                Ok((row.get(0)?, decode::version(row, 1)?))
            })
            .optional()?
            .ok_or(CommitError::NotFound { change: self.change })?;
        if precondition.is_some_and(|wanted| wanted != current) {
            return Err(CommitError::VersionMismatch {
                change: self.change,
                current,
            }
            .into());
        }
        Ok((resource, current))
    }

    fn set_keys(&self, kind: i64, resource: i64, content: &Content) -> Result<(), Failure> {
        if let Some(attribute) = self.replace_entries(&UNIQUE_KEYS, kind, resource, &content.unique)? {
            return Err(CommitError::UniquenessViolated {
                change: self.change,
                attribute,
            }
            .into());
        }
        self.replace_entries(&INDEXED, kind, resource, &content.indexed)?;
        Ok(())
    }

    /// Leaves exactly these entries of a resource in a table and writes only what differs. Answers the path of
    /// the first that another resource has.
    pub(super) fn replace_entries(
        &self,
        table: &Table,
        kind: i64,
        resource: i64,
        wanted: &BTreeSet<Entry>,
    ) -> Result<Option<SmolStr>, Failure> {
        let present = self
            .cached(table.select)?
            .query_map([resource], |row| {
                Ok((decode::text(row, 0)?, decode::text(row, 1)?))
            })?
            .collect::<rusqlite::Result<BTreeSet<Entry>>>()?;
        for (path, value) in present.difference(wanted) {
            self.cached(table.delete)?.execute(params![
                kind,
                self.attribute(path)?,
                value.as_str(),
                resource
            ])?;
        }
        for (path, value) in wanted.difference(&present) {
            let inserted = self.cached(table.insert)?.execute(params![
                kind,
                self.attribute(path)?,
                value.as_str(),
                resource
            ])?;
            if inserted == 0 {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// The number of an attribute's path.
    pub(super) fn attribute(&self, path: &str) -> Result<i64, Failure> {
        let present = self
            .cached("SELECT attribute FROM attributes WHERE path = ?1")?
            .query_row([path], |row| row.get(0))
            .optional()?;
        if let Some(attribute) = present {
            return Ok(attribute);
        }
        self.cached("INSERT INTO attributes (path) VALUES (?1)")?
            .execute([path])?;
        Ok(self.connection.last_insert_rowid())
    }

    pub(super) fn cached(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql)
    }
}

/// A table of entries.
pub(super) struct Table {
    select: &'static str,
    delete: &'static str,
    insert: &'static str,
}

const UNIQUE_KEYS: Table = Table {
    select: "SELECT path, value FROM unique_keys JOIN attributes USING (attribute) WHERE resource = ?1",
    delete: "DELETE FROM unique_keys WHERE kind = ?1 AND attribute = ?2 AND value = ?3 AND resource = ?4",
    insert: "INSERT INTO unique_keys (kind, attribute, value, resource) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
};

pub(super) const INDEXED: Table = Table {
    select: "SELECT path, value FROM indexed JOIN attributes USING (attribute) WHERE resource = ?1",
    delete: "DELETE FROM indexed WHERE kind = ?1 AND attribute = ?2 AND value = ?3 AND resource = ?4",
    insert: "INSERT INTO indexed (kind, attribute, value, resource) VALUES (?1, ?2, ?3, ?4)",
};

fn tenant(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let present = connection
        .prepare_cached("SELECT tenant FROM tenants WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(tenant) = present {
        return Ok(tenant);
    }
    connection
        .prepare_cached("INSERT INTO tenants (name) VALUES (?1)")?
        .execute([name])?;
    Ok(connection.last_insert_rowid())
}

fn to_integer(version: Version) -> Result<i64, Failure> {
    i64::try_from(version.number()).map_err(|error| CommitError::from(StoreError::internal(error)).into())
}
