//! The changes of a commit, made one after the other.

use keyfob_core::{ResourceId, ResourceType, Version};
use keyfob_store::{
    Change, Commit, CommitError, Expected, MemberPolicy, Outcome, RelationDelta, Revision, StoreError,
    Visibility, kit,
};

use super::{
    content::{Content, Prepared},
    relation::{self, Related},
    world::{Row, World},
};

/// Makes the changes of a commit, and returns an outcome for each. Where it is refused, the caller takes back what was
/// done. Before each change it is told to `note`.
pub(super) fn apply(
    world: &mut World,
    prepared: &Prepared,
    mut note: impl FnMut(&World, &Change),
) -> Result<Vec<Outcome>, CommitError> {
    let Prepared { commit, contents } = prepared;
    // Each part of a commit is looked at; who makes it stands in its events, and the answer is read later.
    let Commit {
        id: _,
        tenant: _,
        at,
        actor: _,
        request: _,
        verb: _,
        changes,
        answer: _,
        deadline: _,
    } = &**commit;
    let mut outcomes = Vec::with_capacity(changes.len());
    for (number, (change, content)) in changes.iter().zip(contents).enumerate() {
        note(world, change);
        let mut applying = Applying {
            world,
            at: at.unix_millis(),
            change: number,
        };
        let outcome = applying.attempt(change, content, &outcomes)?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// The change that is being made.
pub(super) struct Applying<'w> {
    pub(super) world: &'w mut World,
    pub(super) at: i64,
    pub(super) change: usize,
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
    /// Makes a change, or leaves nothing of it where it is refused and the commit goes on without it.
    fn attempt(
        &mut self,
        change: &Change,
        content: &Content,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
        let mark = self.world.mark();
        let result = self.apply(change, content, outcomes);
        if content.may_be_skipped
            && let Err(error) = &result
            && let Some(cause) = kit::skips(change, error)
        {
            self.world.roll_back(mark);
            return Ok(Outcome::Skipped(cause));
        }
        result
    }

    fn apply(
        &mut self,
        change: &Change,
        content: &Content,
        outcomes: &[Outcome],
    ) -> Result<Outcome, CommitError> {
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
            } => self.expect(resource_type, id, *expected),
            Change::Publish { event: _, when } => Ok(if kit::is_met(*when, outcomes)? {
                Outcome::Published
            } else {
                Outcome::Suppressed
            }),
            // Events of the commit are blanked too, once they are there.
            Change::Forget { .. } => Ok(Outcome::Forgotten),
        }
    }

    fn create(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
        (relations, members): (&[RelationDelta], MemberPolicy),
        content: &Content,
    ) -> Result<Outcome, CommitError> {
        if self.world.row(id).is_some() {
            return Err(CommitError::IdTaken { change: self.change });
        }
        let Content {
            document: Some(document),
            state,
            unique,
            may_be_skipped: _,
        } = content
        else {
            return Err(StoreError::internal("a resource without a document is to be created").into());
        };
        let row = Row {
            kind: resource_type.name().clone(),
            hidden: false,
            version: self.world.last_version(id).map_or(Version::FIRST, Version::next),
            created: self.at,
            modified: self.at,
            labels: document.labels.clone(),
            document: Some(document.clone()),
            state: state.clone(),
        };
        self.world.set_row(id, row.clone());
        if let Some(unique) = unique {
            self.reserve(id, &row, unique)?;
        }
        let related = relation::apply(self, resource_type, id, relations, members)?;
        Ok(row.changed(id, related))
    }

    fn update(&mut self, update: &Update<'_>, content: &Content) -> Result<Outcome, CommitError> {
        let Update {
            resource_type,
            id,
            visibility,
            relations,
            members,
            precondition,
        } = *update;
        let mut row = self.found(resource_type, id, precondition)?;
        let is_hidden = visibility.map_or(row.hidden, |visibility| visibility == Visibility::Hidden);
        let turns = is_hidden != row.hidden;
        if let Some(document) = &content.document {
            row.labels = document.labels.clone();
            row.document = Some(document.clone());
        }
        if let Some(state) = &content.state {
            row.state = Some(state.clone());
        }
        if let Some(unique) = content.unique.as_ref().filter(|_| !is_hidden) {
            self.reserve(id, &row, unique)?;
        }
        let related = relation::apply(self, resource_type, id, relations, members)?;
        // Last, so that a member of itself joins and leaves as it was.
        if turns {
            row.hidden = is_hidden;
            if is_hidden {
                self.reserve(id, &row, &std::collections::BTreeSet::new())?;
            }
            self.raise_owners(id);
        }
        let changes = content.document.is_some() || content.state.is_some() || turns;
        if !changes && !related.has_changed() {
            return Ok(Outcome::Unchanged {
                revision: row.revision(id),
                unknown: related.unknown,
            });
        }
        row.version = row.version.next();
        row.modified = row.modified.max(self.at);
        self.world.set_row(id, row.clone());
        Ok(row.changed(id, related))
    }

    fn delete(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<Outcome, CommitError> {
        let row = self.found(resource_type, id, precondition)?;
        if !row.hidden {
            self.raise_owners(id);
        }
        self.world.wipe(id, &row);
        Ok(Outcome::Deleted)
    }

    fn expect(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        expected: Expected,
    ) -> Result<Outcome, CommitError> {
        let found = self.find(resource_type, id).map(|row| row.version);
        kit::check_expected(self.change, found, expected)?;
        Ok(Outcome::Expected)
    }

    fn find(&self, resource_type: &ResourceType, id: &ResourceId) -> Option<&Row> {
        self.world.row(id).filter(|row| row.kind == *resource_type.name())
    }

    /// The resource, which has to be there in the demanded version.
    fn found(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: Option<Version>,
    ) -> Result<Row, CommitError> {
        let row = self.find(resource_type, id);
        kit::check_version(self.change, row.map(|row| row.version), precondition)?;
        row.cloned().ok_or(CommitError::NotFound { change: self.change })
    }

    fn reserve(
        &mut self,
        id: &ResourceId,
        row: &Row,
        unique: &std::collections::BTreeSet<super::content::Reserved>,
    ) -> Result<(), CommitError> {
        let reserved = self.world.reserve(id, &row.kind, unique);
        reserved.map_err(|attribute| CommitError::UniquenessViolated {
            change: self.change,
            attribute,
        })
    }

    /// Gives each live owner of a resource, but for itself, its next version.
    fn raise_owners(&mut self, id: &ResourceId) {
        for owner in self.world.owners(id) {
            let row = self.world.row(&owner).filter(|row| !row.hidden && owner != *id);
            if let Some(row) = row {
                let mut row = row.clone();
                row.version = row.version.next();
                row.modified = row.modified.max(self.at);
                self.world.set_row(&owner, row);
            }
        }
    }
}

impl Row {
    fn revision(&self, id: &ResourceId) -> Revision {
        Revision {
            id: id.clone(),
            version: self.version,
            created: keyfob_core::DateTime::from_unix_millis(self.created),
            last_modified: keyfob_core::DateTime::from_unix_millis(self.modified),
        }
    }

    fn changed(&self, id: &ResourceId, related: Related) -> Outcome {
        let Related {
            joined,
            left,
            unknown,
        } = related;
        Outcome::Changed {
            revision: self.revision(id),
            joined,
            left,
            unknown,
        }
    }
}
