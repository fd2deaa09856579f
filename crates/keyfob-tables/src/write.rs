//! Applying commits.

use std::collections::HashMap;

use keyfob_core::{DateTime, Object, Resource, ResourceId, ResourceType, SmolStr, json};
use keyfob_store::{
    Answer, Change, Commit, CommitError, Committed, Ids, Labels, OnRefusal, Outcome, RelationDelta, Revision,
    StoreError, UniqueKey, Visibility, kit,
};
use smol_str::format_smolstr;

use crate::{
    error::{Failure, TableError},
    relation::Related,
    row::Cell,
    session::{Found, Session, Side, stored_key},
    shape::Kind,
    tables::{Scope, Tables},
};

/// A commit under way.
pub(crate) struct Applying<'c> {
    commit: &'c Commit,
    /// What is put in place of an id that stands for the one that the store assigns.
    assigned: HashMap<ResourceId, ResourceId>,
    /// The names of resources that the commit deletes, from just before.
    before: HashMap<ResourceId, Labels>,
    has_events: bool,
}

impl Applying<'_> {
    fn resolve(&self, id: &ResourceId) -> ResourceId {
        self.assigned.get(id).unwrap_or(id).clone()
    }

    /// The deltas with the ids that were assigned.
    fn deltas(&self, deltas: &[RelationDelta]) -> Vec<RelationDelta> {
        let mut deltas = deltas.to_vec();
        if !self.assigned.is_empty() {
            for delta in &mut deltas {
                for id in delta.add.iter_mut().map(|(id, _)| id).chain(&mut delta.remove) {
                    *id = self.resolve(id);
                }
            }
        }
        deltas
    }
}

impl<T: Tables> Session<'_, T> {
    /// Applies the changes of a commit, in order. Where it fails, the caller drops the transaction.
    pub(crate) async fn apply(&mut self, commit: &Commit) -> Result<Committed, Failure> {
        self.begin(commit).await?;
        let is_event = |change: &Change| matches!(change, Change::Publish { .. });
        let mut applying = Applying {
            commit,
            assigned: HashMap::new(),
            before: HashMap::new(),
            has_events: commit.changes.iter().any(is_event),
        };
        let mut outcomes = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            let outcome = self.attempt(&mut applying, change, &outcomes).await?;
            outcomes.push(outcome);
        }
        self.publish_all(&applying, &outcomes).await?;
        let answer = match &commit.answer {
            Some(Answer { change, selection })
                if outcomes.get(*change).is_some_and(|of| of.revision().is_some()) =>
            {
                match commit.changes.get(*change).and_then(Change::subject) {
                    Some((resource_type, id)) => {
                        let ids = [applying.resolve(id)];
                        self.get(resource_type, &ids, selection)
                            .await?
                            .into_iter()
                            .next()
                            .flatten()
                    }
                    None => None,
                }
            }
            _ => None,
        };
        Ok(Committed::new(outcomes).with_answer(answer))
    }

    /// Applies a change, or leaves nothing of it where the commit may go on without it.
    async fn attempt(
        &mut self,
        applying: &mut Applying<'_>,
        change: &Change,
        outcomes: &[Outcome],
    ) -> Result<Outcome, Failure> {
        if change.on_refusal() == OnRefusal::Fail {
            return self.change(applying, change, outcomes).await;
        }
        // The application's rows are taken back with those of the side tables.
        self.execute("SAVEPOINT scim_change", &[]).await?;
        let result = self.change(applying, change, outcomes).await;
        let skipped = match &result {
            Err(Failure::Refused(error)) => kit::skips(change, error),
            _ => None,
        };
        match (skipped, result) {
            (Some(cause), _) => {
                self.execute("ROLLBACK TO SAVEPOINT scim_change", &[]).await?;
                self.execute("RELEASE SAVEPOINT scim_change", &[]).await?;
                Ok(Outcome::Skipped(cause))
            }
            (None, Ok(outcome)) => {
                self.execute("RELEASE SAVEPOINT scim_change", &[]).await?;
                Ok(outcome)
            }
            (None, failed) => failed,
        }
    }

    async fn change(
        &mut self,
        applying: &mut Applying<'_>,
        change: &Change,
        outcomes: &[Outcome],
    ) -> Result<Outcome, Failure> {
        let number = outcomes.len();
        let at = applying.commit.at;
        match change {
            Change::Create { .. } => self.create(applying, number, change).await,
            Change::Update { .. } => self.update(applying, number, change).await,
            Change::Delete {
                resource_type,
                id,
                precondition,
                on_refusal: _,
            } => {
                let id = applying.resolve(id);
                let found = self.find_to_write(resource_type, &id).await?;
                kit::check_version(number, found.as_ref().map(Found::version), *precondition)?;
                let found = found.ok_or(CommitError::NotFound { change: number })?;
                if applying.has_events {
                    applying.before.insert(id, self.names(&found));
                }
                self.delete(&found, at).await?;
                Ok(Outcome::Deleted)
            }
            Change::Expect {
                resource_type,
                id,
                expected,
            } => {
                let id = applying.resolve(id);
                let found = self.find_to_write(resource_type, &id).await?;
                kit::check_expected(number, found.as_ref().map(Found::version), *expected)?;
                Ok(Outcome::Expected)
            }
            // Events and the labels in them have their turn when all else is done.
            Change::Publish { event: _, when } => Ok(if kit::is_met(*when, outcomes)? {
                Outcome::Published
            } else {
                Outcome::Suppressed
            }),
            Change::Forget { .. } => Ok(Outcome::Forgotten),
        }
    }

    async fn create(
        &mut self,
        applying: &mut Applying<'_>,
        number: usize,
        change: &Change,
    ) -> Result<Outcome, Failure> {
        let Change::Create {
            resource_type,
            id,
            document,
            state,
            relations,
            members,
            unique,
            on_refusal: _,
        } = change
        else {
            return Err(StoreError::internal("not a creation").into());
        };
        let at = applying.commit.at;
        let kind = Kind::of(resource_type);
        let assigns = kind.is_some() && self.store.tables.shape().ids == Ids::Assigned;
        if !assigns {
            if self.locate(std::slice::from_ref(id)).await?.contains_key(id) {
                return Err(CommitError::IdTaken { change: number }.into());
            }
            self.remove_left_over(id).await?;
        }
        self.check_free(number, resource_type, unique, None).await?;
        let mut found = match kind {
            None => Found::beside(Side::new(id, resource_type, at)),
            Some(kind) => {
                let (cells, rest) = self.store.layout(kind).split(document);
                self.check_cells(number, kind, &cells)?;
                let row = self
                    .store
                    .tables
                    .insert(
                        self.tx,
                        Scope {
                            tenant: &self.tenant,
                            kind,
                        },
                        &cells,
                    )
                    .await;
                let row = row.map_err(|error| self.refused(number, kind, error))?;
                let row =
                    row.ok_or_else(|| TableError::Refused("the application keeps no such row".into()))?;
                self.store.tables.shape().table(kind).check(kind, &row)?;
                self.remove_left_over_of(kind, &row.key).await?;
                let key = row.key.to_text();
                let id = if assigns {
                    self.store.id_of(kind, &key)
                } else {
                    id.clone()
                };
                let mut side = Side::new(&id, resource_type, at);
                side.row_key = Some(key);
                side.document = to_text(&rest.to_json());
                Found::of_row(self.store.tables.shape(), kind, row, side)
            }
        };
        found.settle();
        if assigns {
            applying.assigned.insert(id.clone(), found.id().clone());
        }
        let ids = [found.id().clone()];
        let last = self.last_versions(&ids).await?;
        found.side.version = last.get(found.id()).copied().unwrap_or_default();
        if kind.is_none() {
            found.side.document = to_text(&without_relations(document).to_json());
        }
        found.side.state = state_text(state);
        self.advance(&mut found, at).await?;
        self.index(resource_type, &found).await?;
        self.reserve(resource_type, found.id(), unique).await?;
        let deltas = applying.deltas(relations);
        let related = self
            .relate(number, resource_type, &found, &deltas, *members)
            .await?;
        Ok(changed(&found, related))
    }

    async fn update(
        &mut self,
        applying: &mut Applying<'_>,
        number: usize,
        change: &Change,
    ) -> Result<Outcome, Failure> {
        let Change::Update {
            resource_type,
            id,
            document,
            state,
            visibility,
            relations,
            members,
            unique,
            precondition,
            on_refusal: _,
        } = change
        else {
            return Err(StoreError::internal("not an update").into());
        };
        let at = applying.commit.at;
        let id = applying.resolve(id);
        let kind = Kind::of(resource_type);
        let found = self.find_to_write(resource_type, &id).await?;
        kit::check_version(number, found.as_ref().map(Found::version), *precondition)?;
        let mut found = found.ok_or(CommitError::NotFound { change: number })?;
        let was_foreign = found.is_foreign();
        let was_hidden = found.is_hidden();
        let is_hidden = visibility.map_or(was_hidden, |visibility| visibility == Visibility::Hidden);
        if is_hidden && !self.can_hide(kind) {
            return Err(StoreError::Unsupported("hide resources").into());
        }
        if let Some(unique) = unique.as_ref().filter(|_| !is_hidden) {
            self.check_free(number, resource_type, unique, Some(&id)).await?;
        }
        if let Some(document) = document {
            match found.own.take() {
                None => found.side.document = to_text(&without_relations(document).to_json()),
                Some((kind, row)) => {
                    let (cells, rest) = self.store.layout(kind).split(document);
                    self.check_cells(number, kind, &cells)?;
                    let tables = &self.store.tables;
                    let row = tables
                        .update(
                            self.tx,
                            Scope {
                                tenant: &self.tenant,
                                kind,
                            },
                            &row.key,
                            &cells,
                        )
                        .await;
                    let row = row.map_err(|error| self.refused(number, kind, error))?;
                    // Somebody deleted it meanwhile.
                    let row = row.ok_or(CommitError::NotFound { change: number })?;
                    tables.shape().table(kind).check(kind, &row)?;
                    found.own = Some((kind, row));
                    found.side.document = to_text(&rest.to_json());
                    // Without keys in the change those of a row that the application wrote are still to be reserved.
                    if !was_foreign || unique.is_some() {
                        found.settle();
                    }
                }
            }
            self.index(resource_type, &found).await?;
        }
        if let Some(state) = state {
            found.side.state = state_text(state);
        }
        if let Some(unique) = unique.as_ref().filter(|_| !is_hidden) {
            self.reserve(resource_type, &id, unique).await?;
        }
        let deltas = applying.deltas(relations);
        let related = self
            .relate(number, resource_type, &found, &deltas, *members)
            .await?;
        let turns = is_hidden != was_hidden;
        // Last, so that who is a member of itself joins and leaves as what it was.
        if turns {
            self.turn(number, &mut found, is_hidden, at).await?;
        }
        let changes = document.is_some() || state.is_some() || turns;
        if !changes && !related.has_changed() {
            return Ok(Outcome::Unchanged {
                revision: revision(&found),
                unknown: related.unknown,
            });
        }
        self.advance(&mut found, at).await?;
        Ok(changed(&found, related))
    }

    /// Hides a resource or reveals it.
    async fn turn(
        &mut self,
        change: usize,
        found: &mut Found,
        is_hidden: bool,
        at: DateTime,
    ) -> Result<(), Failure> {
        if is_hidden {
            self.advance_owners(found, at).await?;
            let values = [self.tenant(), found.id().into()];
            let statement = "DELETE FROM @unique_keys WHERE tenant = ?1 AND id = ?2";
            self.execute(statement, &values).await?;
        }
        let was_foreign = found.is_foreign();
        found.side.hidden = is_hidden;
        if let Some((kind, row)) = &mut found.own {
            let tables = &self.store.tables;
            let hidden = tables
                .hide(
                    self.tx,
                    Scope {
                        tenant: &self.tenant,
                        kind: *kind,
                    },
                    &row.key,
                    is_hidden,
                )
                .await;
            hidden.map_err(|error| self.refused(change, *kind, error))?;
            if found.is_row_hiding {
                row.hidden = is_hidden;
            }
        }
        if !was_foreign {
            found.settle();
        }
        if !is_hidden {
            self.advance_owners(found, at).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, found: &Found, at: DateTime) -> Result<(), Failure> {
        if !found.is_hidden() {
            self.advance_owners(found, at).await?;
        }
        if let Some((kind, row)) = &found.own {
            self.store
                .tables
                .delete(
                    self.tx,
                    Scope {
                        tenant: &self.tenant,
                        kind: *kind,
                    },
                    &row.key,
                )
                .await?;
        }
        self.remove_side(&found.side).await?;
        Ok(())
    }

    /// Refuses a value that no column of the database holds.
    fn check_cells(&self, change: usize, kind: Kind, cells: &[Cell]) -> Result<(), Failure> {
        let unfit = |cell: &Cell| cell.as_str().is_some_and(|text| !Self::can_hold(text));
        match cells.iter().position(unfit) {
            None => Ok(()),
            Some(cell) => {
                let reason =
                    "holds the character U+0000, which the database can't store: leave it out".into();
                Err(self.refused(change, kind, TableError::Unfit { cell, reason }))
            }
        }
    }

    /// Says what a refusal of the application means to a change.
    fn refused(&self, change: usize, kind: Kind, error: TableError) -> Failure {
        let layout = self.store.layout(kind);
        match &error {
            TableError::Taken(message) => {
                if let Some(attribute) = layout.taken(message) {
                    return CommitError::UniquenessViolated { change, attribute }.into();
                }
            }
            TableError::Required(column) => {
                let mut columns = layout.columns.iter();
                if let Some(placed) = columns.find(|placed| placed.column.name == *column) {
                    let reason = format_smolstr!("`{}` has to have a value", placed.column.path);
                    return StoreError::Refused(reason).into();
                }
            }
            TableError::Unfit { cell, reason } => {
                if let Some(placed) = layout.columns.get(*cell) {
                    return StoreError::Refused(format_smolstr!("`{}` {reason}", placed.column.path)).into();
                }
            }
            _ => {}
        }
        error.into()
    }

    /// Checks that nobody else has these keys.
    async fn check_free(
        &mut self,
        change: usize,
        resource_type: &ResourceType,
        unique: &[UniqueKey],
        but: Option<&ResourceId>,
    ) -> Result<(), Failure> {
        for key in unique {
            if self.holder(resource_type, key, but).await?.is_some() {
                return Err(CommitError::UniquenessViolated {
                    change,
                    attribute: key.attribute.clone(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Reserves free keys in place of all those before.
    async fn reserve(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
        unique: &[UniqueKey],
    ) -> Result<(), TableError> {
        self.reserve_of(resource_type, id, unique, None).await
    }

    /// Reserves free keys in place of those before, or of those of certain attributes.
    pub(crate) async fn reserve_of(
        &mut self,
        resource_type: &ResourceType,
        id: &ResourceId,
        unique: &[UniqueKey],
        attributes: Option<&[SmolStr]>,
    ) -> Result<(), TableError> {
        let statement = "DELETE FROM @unique_keys WHERE tenant = ?1 AND id = ?2";
        match attributes {
            None => drop(self.execute(statement, &[self.tenant(), id.into()]).await?),
            Some(attributes) => {
                let statement = format!("{statement} AND attribute = ?3");
                for attribute in attributes {
                    let values = [self.tenant(), id.into(), attribute.into()];
                    self.execute(&statement, &values).await?;
                }
            }
        }
        for key in unique {
            let values = [
                self.tenant(),
                resource_type.name().into(),
                (&key.attribute).into(),
                (&stored_key(key.value.as_str())).into(),
                id.into(),
            ];
            // Whoever had it before has it no longer: the key was free.
            self.execute(
                "INSERT INTO @unique_keys (tenant, type, attribute, value, id) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tenant, type, attribute, value) DO UPDATE SET id = excluded.id",
                &values,
            )
            .await?;
        }
        Ok(())
    }

    /// Writes the entries of the index.
    pub(crate) async fn index(&mut self, resource_type: &ResourceType, found: &Found) -> Result<(), Failure> {
        let document = self.document(resource_type, found)?;
        let entries = resource_type.index().entries(&document);
        let values = [self.tenant(), found.id().into()];
        let statement = "DELETE FROM @entries WHERE tenant = ?1 AND id = ?2";
        self.execute(statement, &values).await?;
        for (attribute, value) in entries {
            let values = [
                self.tenant(),
                resource_type.name().into(),
                (&attribute).into(),
                (&stored_key(value.as_str())).into(),
                found.id().into(),
            ];
            self.execute(
                "INSERT INTO @entries (tenant, type, attribute, value, id) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tenant, type, attribute, value, id) DO NOTHING",
                &values,
            )
            .await?;
        }
        Ok(())
    }

    /// Publishes the events of which the conditions were met, and blanks what is to be forgotten.
    async fn publish_all(&mut self, applying: &Applying<'_>, outcomes: &[Outcome]) -> Result<(), Failure> {
        let changes = applying.commit.changes.iter().zip(outcomes);
        let published = changes.filter_map(|(change, outcome)| match (change, outcome) {
            (Change::Publish { event, when }, Outcome::Published) => Some((event, *when)),
            _ => None,
        });
        for (number, (event, when)) in (0_u32..).zip(published) {
            let mut event = (**event).clone();
            event.resource = applying.resolve(&event.resource);
            let id = event.resource.clone();
            let found = self.locate(std::slice::from_ref(&id)).await?.remove(&id);
            let labels = match found.filter(|found| found.type_name() == event.resource_type) {
                Some(found) => self.names(&found),
                None => applying.before.get(&id).cloned().unwrap_or_default(),
            };
            self.publish(applying.commit, number, (&event, when), outcomes, labels)
                .await?;
        }
        for change in &applying.commit.changes {
            if let Change::Forget { resource_type, id } = change {
                let values = [
                    self.tenant(),
                    resource_type.name().into(),
                    (&applying.resolve(id)).into(),
                ];
                self.execute(
                    "UPDATE @events SET label = NULL, external_id = NULL WHERE tenant = ?1 AND type = ?2 AND resource = ?3",
                    &values,
                )
                .await?;
            }
        }
        Ok(())
    }
}

impl Side {
    fn new(id: &ResourceId, resource_type: &ResourceType, at: DateTime) -> Self {
        Self {
            id: id.clone(),
            type_name: resource_type.name().clone(),
            row_key: None,
            version: 0,
            print: 0,
            created: at,
            modified: at,
            hidden: false,
            document: SmolStr::default(),
            state: SmolStr::default(),
        }
    }
}

fn to_text(json: &[u8]) -> SmolStr {
    String::from_utf8_lossy(json).into()
}

fn state_text(state: &Object) -> SmolStr {
    to_text(&json::object_to_vec(state))
}

fn without_relations(document: &Resource) -> Resource {
    let mut document = document.clone();
    document.relations_mut().clear();
    document
}

pub(crate) fn revision(found: &Found) -> Revision {
    Revision {
        id: found.id().clone(),
        version: found.version(),
        created: found.side.created,
        last_modified: found.side.modified,
    }
}

fn changed(found: &Found, related: Related) -> Outcome {
    let Related {
        joined,
        left,
        unknown,
    } = related;
    Outcome::Changed {
        revision: revision(found),
        joined,
        left,
        unknown,
    }
}
