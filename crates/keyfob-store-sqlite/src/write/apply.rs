//! The changes of a commit, applied one after the other inside a transaction.

use std::cell::RefCell;

use keyfob_core::{DateTime, ResourceId, ResourceType, Version};
use keyfob_store::{
    Answer, Change, Commit, CommitError, Committed, MemberPolicy, Outcome, RelationDelta, Revision,
    StoreError, UniqueKey, Visibility,
    kit::{self, Content, Document, Prepared},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params, params};
use smol_str::SmolStr;

use super::{
    entry::{INDEXED, UNIQUE_KEYS, of_keys},
    event::Publishing,
    known::Known,
    relation::{self, Related},
    removal::Counts,
};
use crate::{
    error::{Failure, HandedOverBefore},
    read::{self, Snapshot, decode},
};

/// Applies a commit. Where it fails, the caller takes back what was done.
pub(super) fn apply(
    connection: &Connection,
    known: &RefCell<Known>,
    prepared: &Prepared,
    counts: &Counts,
) -> Result<Committed, Failure> {
    let commit = &prepared.commit;
    let present = known.borrow().tenant(commit.tenant.as_str());
    let tenant = if let Some(tenant) = present {
        tenant
    } else {
        let tenant = tenant(connection, commit.tenant.as_str())?;
        known.borrow_mut().note_tenant(commit.tenant.as_str(), tenant);
        tenant
    };
    match apply_to(connection, known, tenant, (prepared, counts)) {
        // A commit that was applied before mostly fails by what it did then.
        Err(Failure::Refused(_)) if was_applied(connection, tenant, commit)? => Err(handed_over_before()),
        result => result,
    }
}

fn was_applied(connection: &Connection, tenant: i64, commit: &Commit) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM commits WHERE tenant = ?1 AND id = ?2")?
        .exists(params![tenant, commit.id.as_str()])
}

pub(super) fn handed_over_before() -> Failure {
    CommitError::from(StoreError::OutcomeUnknown(HandedOverBefore.into())).into()
}

fn apply_to(
    connection: &Connection,
    known: &RefCell<Known>,
    tenant: i64,
    (prepared, counts): (&Prepared, &Counts),
) -> Result<Committed, Failure> {
    let Prepared { commit, contents } = prepared;
    // Each part of a commit is looked at; what is waited for is the writer's business.
    let Commit {
        id: _,
        tenant: _,
        at,
        actor: _,
        request: _,
        verb: _,
        changes,
        answer,
        deadline: _,
    } = &**commit;
    let mut publishing = Publishing::new(connection, tenant, commit);
    let mut outcomes = Vec::with_capacity(changes.len());
    for (number, (change, content)) in changes.iter().zip(contents).enumerate() {
        let applying = Applying {
            connection,
            known,
            counts,
            tenant,
            at: *at,
            change: number,
        };
        publishing.note(change)?;
        let outcome = applying.attempt(change, content, &outcomes)?;
        outcomes.push(outcome);
    }
    publishing.finish(&outcomes, contents)?;
    let answer = match answer {
        None => None,
        Some(answer) => read_answer(connection, commit, answer, &outcomes)?,
    };
    Ok(Committed::new(outcomes).with_answer(answer))
}

/// Reads the resource that the caller wants to see.
fn read_answer(
    connection: &Connection,
    commit: &Commit,
    answer: &Answer,
    outcomes: &[Outcome],
) -> Result<Option<keyfob_store::Stored>, Failure> {
    let Answer { change, selection } = answer;
    let has_revision = outcomes.get(*change).and_then(Outcome::revision).is_some();
    let subject = commit.changes.get(*change).and_then(Change::subject);
    let Some((resource_type, id)) = subject.filter(|_| has_revision) else {
        return Ok(None);
    };
    let snapshot = Snapshot::within(connection, commit.tenant.as_str());
    let found = read::get(&snapshot, resource_type, std::slice::from_ref(id), selection)?;
    Ok(found.into_iter().next().flatten())
}

/// The change that is being applied.
pub(super) struct Applying<'c> {
    pub(super) connection: &'c Connection,
    pub(super) known: &'c RefCell<Known>,
    pub(super) counts: &'c Counts,
    pub(super) tenant: i64,
    pub(super) at: DateTime,
    pub(super) change: usize,
}

/// The row of a resource.
struct Row {
    kind: i64,
    resource: i64,
    version: Version,
    created: DateTime,
    last_modified: DateTime,
    hidden: bool,
}

/// The parts of an update.
struct Update<'c> {
    resource_type: &'c ResourceType,
    id: &'c ResourceId,
    visibility: Option<Visibility>,
    relations: &'c [RelationDelta],
    members: MemberPolicy,
    precondition: Option<Version>,
}

impl Applying<'_> {
    /// Applies a change, or leaves nothing of it where it is refused and the commit goes on without it.
    fn attempt(&self, change: &Change, content: &Content, outcomes: &[Outcome]) -> Result<Outcome, Failure> {
        if !content.may_be_skipped {
            return self.apply(change, content, outcomes);
        }
        self.cached("SAVEPOINT change")?.execute([])?;
        let result = self.apply(change, content, outcomes);
        let skipped = match &result {
            Err(Failure::Refused(error)) => kit::skips(change, error),
            _ => None,
        };
        if let Some(cause) = skipped {
            self.cached("ROLLBACK TO change")?.execute([])?;
            self.cached("RELEASE change")?.execute([])?;
            self.known.borrow_mut().forget();
            return Ok(Outcome::Skipped(cause));
        }
        if result.is_ok() {
            self.cached("RELEASE change")?.execute([])?;
        }
        result
    }

    fn apply(&self, change: &Change, content: &Content, outcomes: &[Outcome]) -> Result<Outcome, Failure> {
        match change {
            Change::Create {
                resource_type,
                id,
                document: _,
                state: _,
                relations,
                members,
                unique: _,
                on_refusal: _,
            } => self.create(resource_type, id, (relations, *members), content),
            Change::Update {
                resource_type,
                id,
                document: _,
                state: _,
                visibility,
                relations,
                members,
                unique: _,
                precondition,
                on_refusal: _,
            } => {
                let update = Update {
                    resource_type,
                    id,
                    visibility: *visibility,
                    relations,
                    members: *members,
                    precondition: *precondition,
                };
                self.update(&update, content)
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                on_refusal: _,
            } => self.delete(resource_type, id, *precondition),
            Change::Expect {
                resource_type,
                id,
                expected,
            } => {
                let found = self.find(resource_type, id)?;
                kit::check_expected(self.change, found.map(|row| row.version), *expected)?;
                Ok(Outcome::Expected)
            }
            Change::Publish { event: _, when } => {
                Ok(if kit::is_met(*when, outcomes).map_err(CommitError::from)? {
                    Outcome::Published
                } else {
                    Outcome::Suppressed
                })
            }
            // Events of the commit are blanked too, once they are there.
            Change::Forget { .. } => Ok(Outcome::Forgotten),
        }
    }

    fn create(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        (relations, members): (&[RelationDelta], MemberPolicy),
        content: &Content,
    ) -> Result<Outcome, Failure> {
        let kind = self.kind(resource_type)?;
        let version = self.first_version(id)?;
        let display_name = content
            .document
            .as_ref()
            .and_then(|document| document.display_name.as_deref());
        let inserted = self
            .cached(
                "INSERT INTO resources (tenant, kind, id, version, created, last_modified, display_name)
                 VALUES (:tenant, :kind, :id, :version, :at, :at, :display_name)
                 ON CONFLICT (tenant, id) DO NOTHING",
            )?
            .execute(named_params! {
                ":tenant": self.tenant,
                ":kind": kind,
                ":id": id.as_str(),
                ":version": to_integer(version)?,
                ":at": self.at.unix_millis(),
                ":display_name": display_name,
            })?;
        if inserted == 0 {
            return Err(CommitError::IdTaken { change: self.change }.into());
        }
        let resource = self.connection.last_insert_rowid();
        self.cached("UPDATE kinds SET resources = resources + 1 WHERE kind = ?1")?
            .execute([kind])?;
        if let Some(document) = &content.document {
            let state = content.state.as_ref().and_then(|json| json.as_deref());
            self.cached(
                "INSERT INTO documents (resource, name, external_id, state, document) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                resource,
                document.labels.name.as_deref(),
                document.labels.external_id.as_deref(),
                state,
                document.json
            ])?;
            self.add_entries(&INDEXED, kind, resource, &document.entries)?;
        }
        if let Some(unique) = &content.unique {
            let taken = self.add_entries(&UNIQUE_KEYS, kind, resource, &of_keys(unique))?;
            self.refuse_taken(taken)?;
        }
        let related = relation::apply(self, resource_type, resource, relations, members)?;
        let row = Row {
            kind,
            resource,
            version,
            created: self.at,
            last_modified: self.at,
            hidden: false,
        };
        Ok(row.changed(id, related))
    }

    fn update(&self, update: &Update<'_>, content: &Content) -> Result<Outcome, Failure> {
        let found = self.find(update.resource_type, update.id)?;
        let version = found.as_ref().map(|row| row.version);
        kit::check_version(self.change, version, update.precondition)?;
        let mut row = found.ok_or(CommitError::NotFound { change: self.change })?;
        // The keys and the index are those that the type wants now.
        self.kind(update.resource_type)?;
        let is_hidden = update
            .visibility
            .map_or(row.hidden, |visibility| visibility == Visibility::Hidden);
        let turns = is_hidden != row.hidden;
        if let Some(document) = &content.document {
            self.write_document(&row, document)?;
        }
        if let Some(json) = &content.state {
            self.cached("UPDATE documents SET state = ?2 WHERE resource = ?1")?
                .execute(params![row.resource, json.as_deref()])?;
        }
        if let Some(unique) = content.unique.as_ref().filter(|_| !is_hidden) {
            self.reserve(row.kind, row.resource, unique)?;
        }
        let related = relation::apply(
            self,
            update.resource_type,
            row.resource,
            update.relations,
            update.members,
        )?;
        row.resource = related.owner;
        // Last, so that who is a member of itself joins and leaves as what it was.
        if turns {
            self.turn(&row, is_hidden)?;
        }
        let changes = content.document.is_some() || content.state.is_some() || turns;
        if !changes && !related.has_changed() {
            return Ok(Outcome::Unchanged {
                revision: row.revision(update.id),
                unknown: related.unknown,
            });
        }
        row.version = row.version.next();
        row.last_modified = row.last_modified.max(self.at);
        self.cached("UPDATE resources SET version = ?2, last_modified = ?3 WHERE resource = ?1")?
            .execute(params![
                row.resource,
                to_integer(row.version)?,
                row.last_modified.unix_millis()
            ])?;
        Ok(row.changed(update.id, related))
    }

    fn write_document(&self, row: &Row, document: &Document) -> Result<(), Failure> {
        self.cached("UPDATE documents SET document = ?2, name = ?3, external_id = ?4 WHERE resource = ?1")?
            .execute(params![
                row.resource,
                document.json,
                document.labels.name.as_deref(),
                document.labels.external_id.as_deref()
            ])?;
        self.cached("UPDATE resources SET display_name = ?2 WHERE resource = ?1 AND display_name IS NOT ?2")?
            .execute(params![row.resource, document.display_name.as_deref()])?;
        let entries = document.entries.iter().cloned().collect();
        self.replace_entries(&INDEXED, row.kind, row.resource, &entries)?;
        Ok(())
    }

    /// Hides a resource or reveals it.
    fn turn(&self, row: &Row, is_hidden: bool) -> Result<(), Failure> {
        self.cached("UPDATE resources SET hidden = ?2 WHERE resource = ?1")?
            .execute(params![row.resource, is_hidden])?;
        self.cached(
            "UPDATE kinds SET resources = resources + iif(?2, -1, 1), hidden = hidden + iif(?2, 1, -1) WHERE kind = ?1",
        )?
        .execute(params![row.kind, is_hidden])?;
        if is_hidden {
            self.cached("DELETE FROM unique_keys WHERE resource = ?1")?
                .execute([row.resource])?;
        }
        self.raise_owners(row.resource)
    }

    /// Gives each live owner of a resource its next version.
    fn raise_owners(&self, resource: i64) -> Result<(), Failure> {
        self.cached(
            "UPDATE resources SET version = version + 1, last_modified = max(last_modified, ?2)
             WHERE resource IN (SELECT owner FROM edges WHERE member = ?1 AND owner <> ?1) AND NOT hidden",
        )?
        .execute(params![resource, self.at.unix_millis()])?;
        Ok(())
    }

    fn delete(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<Outcome, Failure> {
        let found = self.find(resource_type, id)?;
        let version = found.as_ref().map(|row| row.version);
        kit::check_version(self.change, version, precondition)?;
        let row = found.ok_or(CommitError::NotFound { change: self.change })?;
        if !row.hidden {
            self.raise_owners(row.resource)?;
        }
        self.cached(
            "INSERT INTO last_versions (tenant, id, version) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET version = ?3",
        )?
        .execute(params![self.tenant, id.as_str(), to_integer(row.version)?])?;
        self.remove(row.resource)?;
        self.cached(
            "UPDATE kinds SET resources = resources - iif(?2, 0, 1), hidden = hidden - iif(?2, 1, 0) WHERE kind = ?1",
        )?
        .execute(params![row.kind, row.hidden])?;
        Ok(Outcome::Deleted)
    }

    /// The version of a new resource: the first, or the one after the last of an earlier resource of this id.
    fn first_version(&self, id: &ResourceId) -> Result<Version, Failure> {
        let last = self
            .cached("SELECT version FROM last_versions WHERE tenant = ?1 AND id = ?2")?
            .query_row(params![self.tenant, id.as_str()], |row| decode::version(row, 0))
            .optional()?;
        Ok(last.map_or(Version::FIRST, Version::next))
    }

    fn find(&self, resource_type: &ResourceType, id: &ResourceId) -> Result<Option<Row>, Failure> {
        let found = self
            .cached(
                "SELECT kind, resource, version, created, last_modified, resources.hidden
                 FROM resources JOIN kinds USING (kind)
                 WHERE resources.tenant = ?1 AND id = ?2 AND kinds.name = ?3",
            )?
            .query_row(
                params![self.tenant, id.as_str(), resource_type.name().as_str()],
                |row| {
                    Ok(Row {
                        kind: row.get(0)?,
                        resource: row.get(1)?,
                        version: decode::version(row, 2)?,
                        created: decode::date_time(row, 3)?,
                        last_modified: decode::date_time(row, 4)?,
                        hidden: row.get(5)?,
                    })
                },
            )
            .optional()?;
        Ok(found)
    }

    fn reserve(&self, kind: i64, resource: i64, unique: &[UniqueKey]) -> Result<(), Failure> {
        let taken = self.replace_entries(&UNIQUE_KEYS, kind, resource, &of_keys(unique))?;
        self.refuse_taken(taken)
    }

    /// Refuses the change if a key of this attribute is another resource's.
    fn refuse_taken(&self, attribute: Option<SmolStr>) -> Result<(), Failure> {
        match attribute {
            None => Ok(()),
            Some(attribute) => Err(CommitError::UniquenessViolated {
                change: self.change,
                attribute,
            }
            .into()),
        }
    }

    /// The number of an attribute's path.
    pub(super) fn attribute(&self, path: &str) -> Result<i64, Failure> {
        let known = self.known.borrow().attribute(path);
        if let Some(attribute) = known {
            return Ok(attribute);
        }
        let attribute = self.stored_attribute(path)?;
        self.known.borrow_mut().note_attribute(path, attribute);
        Ok(attribute)
    }

    fn stored_attribute(&self, path: &str) -> Result<i64, Failure> {
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

impl Row {
    fn revision(&self, id: &ResourceId) -> Revision {
        Revision {
            id: id.clone(),
            version: self.version,
            created: self.created,
            last_modified: self.last_modified,
        }
    }

    fn changed(&self, id: &ResourceId, related: Related) -> Outcome {
        let Related {
            joined,
            left,
            unknown,
            owner: _,
        } = related;
        Outcome::Changed {
            revision: self.revision(id),
            joined,
            left,
            unknown,
        }
    }
}

/// The number of a tenant.
pub(super) fn tenant(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
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

pub(super) fn to_integer(version: Version) -> Result<i64, Failure> {
    i64::try_from(version.number()).map_err(|error| CommitError::from(StoreError::internal(error)).into())
}
