//! The application's database as a store: writing.

use std::{collections::HashSet, slice};

use keyfob_core::{Object, Resource, ResourceId, ResourceType, Version, json};
use keyfob_store::{
    Answer, Change, Commit, CommitError, Committed, Labels, Listed, MemberPolicy, NewEvent, OnRefusal,
    Outcome, Position, RelationDelta, Revision, Selection, StoreError, UniqueKey, Visibility, When, kit,
};
use rusqlite::{Connection, Params, Result, Row, params};

use crate::{
    columns, feeds,
    store::{date_time, failed, find, signed, version},
};

/// A commit under way, within a transaction of the caller's.
pub(crate) struct Transaction<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) company: &'c str,
    pub(crate) commit: &'c Commit,
}

/// What the table knows of a resource.
struct Found {
    place: i64,
    revision: Revision,
}

impl Transaction<'_> {
    /// Applies the changes in order, up to the first that can't be applied.
    pub(crate) fn run(&self) -> Result<Committed, CommitError> {
        self.remember()?;
        let mut before = Vec::new();
        let mut outcomes = Vec::with_capacity(self.commit.changes.len());
        for change in &self.commit.changes {
            // Events call by its last name what is gone.
            if let Change::Delete {
                resource_type, id, ..
            } = change
            {
                let labels = self.labels(resource_type.name(), id)?;
                before.extend(labels.map(|labels| (id, labels)));
            }
            outcomes.push(self.attempt(change, &outcomes)?);
        }
        self.publish(&outcomes, &before)?;
        let answer = match &self.commit.answer {
            Some(Answer { change, selection })
                if outcomes.get(*change).is_some_and(|of| of.revision().is_some()) =>
            {
                let subject = self.commit.changes.get(*change).and_then(Change::subject);
                subject.map(|(resource_type, id)| self.look(resource_type, id, selection))
            }
            _ => None,
        };
        Ok(Committed::new(outcomes).with_answer(answer.transpose()?.flatten()))
    }

    /// Notes the commit under its id, so that it is not applied twice.
    fn remember(&self) -> Result<(), StoreError> {
        let Commit {
            id,
            at,
            actor,
            request,
            verb,
            ..
        } = self.commit;
        let is_new = self.execute(
            "INSERT INTO commits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                self.company,
                id.as_str(),
                at.unix_millis(),
                actor.role.as_str(),
                actor.identity.as_str(),
                actor.credential.as_str(),
                request.as_str(),
                verb.as_str()
            ],
        )?;
        match is_new {
            0 => Err(StoreError::OutcomeUnknown(
                "the commit was handed over before".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Applies a change, or leaves nothing of it where the commit may go on without it.
    fn attempt(&self, change: &Change, outcomes: &[Outcome]) -> Result<Outcome, CommitError> {
        if change.on_refusal() == OnRefusal::Fail {
            return self.apply(change, outcomes);
        }
        // The end of the transaction is the end of it.
        self.execute("SAVEPOINT change", [])?;
        let result = self.apply(change, outcomes);
        match result.as_ref().err().and_then(|error| kit::skips(change, error)) {
            None => result,
            Some(cause) => {
                self.execute("ROLLBACK TO change", [])?;
                Ok(Outcome::Skipped(cause))
            }
        }
    }

    fn apply(&self, change: &Change, outcomes: &[Outcome]) -> Result<Outcome, CommitError> {
        let number = outcomes.len();
        match change {
            Change::Create {
                resource_type,
                id,
                document,
                state,
                relations,
                members,
                unique,
                on_refusal: _,
            } => {
                let found = self
                    .create(resource_type, id)?
                    .ok_or(CommitError::IdTaken { change: number })?;
                self.reserve(number, resource_type, found.place, unique)?;
                self.write(resource_type, found.place, document)?;
                self.keep(found.place, state)?;
                let related = self.relate(number, resource_type, found.place, (relations, *members))?;
                Ok(related.changed(found.revision))
            }
            Change::Update {
                visibility: Some(Visibility::Hidden),
                ..
            } => Err(StoreError::Unsupported("hide resources").into()),
            Change::Update {
                resource_type,
                id,
                document,
                state,
                visibility: _,
                relations,
                members,
                unique,
                precondition,
                on_refusal: _,
            } => {
                let found = self.find(number, resource_type, id, *precondition)?;
                if let Some(unique) = unique {
                    self.reserve(number, resource_type, found.place, unique)?;
                }
                if let Some(document) = document {
                    self.write(resource_type, found.place, document)?;
                }
                if let Some(state) = state {
                    self.keep(found.place, state)?;
                }
                let related = self.relate(number, resource_type, found.place, (relations, *members))?;
                let changes = document.is_some() || state.is_some() || related.has_changed();
                if !changes {
                    return Ok(Outcome::Unchanged {
                        revision: found.revision,
                        unknown: related.unknown,
                    });
                }
                self.advance("place = ?1", found.place)?;
                let now = self.find(number, resource_type, id, None)?;
                Ok(related.changed(now.revision))
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                on_refusal: _,
            } => {
                let found = self.find(number, resource_type, id, *precondition)?;
                self.advance(
                    "place IN (SELECT team FROM team_members WHERE member = ?1 AND team <> ?1)",
                    found.place,
                )?;
                self.execute(
                    "INSERT OR REPLACE INTO last_versions VALUES (?1, ?2, ?3)",
                    params![self.company, id.as_str(), signed(found.revision.version.number())],
                )?;
                // Every other table points at this one with ON DELETE CASCADE.
                self.execute("DELETE FROM resources WHERE place = ?1", [found.place])?;
                Ok(Outcome::Deleted)
            }
            Change::Expect {
                resource_type,
                id,
                expected,
            } => {
                let found = self.seek(resource_type, id)?;
                kit::check_expected(number, found.map(|found| found.revision.version), *expected)?;
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

    fn seek(&self, resource_type: &ResourceType, id: &ResourceId) -> Result<Option<Found>, StoreError> {
        let found = self.read(
            "SELECT place, version, created, modified FROM resources WHERE company = ?1 AND id = ?2 AND type = ?3",
            params![self.company, id.as_str(), resource_type.name().as_str()],
            |row| {
                Ok(Found {
                    place: row.get(0)?,
                    revision: Revision {
                        id: id.clone(),
                        version: version(row, 1)?,
                        created: date_time(row, 2)?,
                        last_modified: date_time(row, 3)?,
                    },
                })
            },
        )?;
        Ok(found.into_iter().next())
    }

    /// Finds a resource, which must have the demanded version.
    fn find(
        &self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        demanded: Option<Version>,
    ) -> Result<Found, CommitError> {
        let found = self.seek(resource_type, id)?;
        let current = found.as_ref().map(|found| found.revision.version);
        kit::check_version(change, current, demanded)?;
        found.ok_or(CommitError::NotFound { change })
    }

    /// Makes an empty resource, or returns none where the id is taken. Its version is one that the id never had.
    fn create(&self, resource_type: &ResourceType, id: &ResourceId) -> Result<Option<Found>, StoreError> {
        self.execute(
            "INSERT INTO resources (company, id, type, version, created, modified, document)
             SELECT ?1, ?2, ?3, 1 + coalesce(max(version), 0), ?4, ?4, '{}'
             FROM last_versions WHERE company = ?1 AND id = ?2 ON CONFLICT DO NOTHING",
            params![
                self.company,
                id.as_str(),
                resource_type.name().as_str(),
                self.commit.at.unix_millis()
            ],
        )
        .and_then(|made| {
            if made > 0 {
                self.seek(resource_type, id)
            } else {
                Ok(None)
            }
        })
    }

    /// Writes a document, whole and to the columns.
    fn write(&self, resource_type: &ResourceType, place: i64, document: &Resource) -> Result<(), StoreError> {
        let mut kept = document.clone();
        kept.relations_mut().clear();
        self.execute(
            "UPDATE resources SET document = CAST(?2 AS TEXT) WHERE place = ?1",
            params![place, kept.to_json()],
        )?;
        columns::write(
            self.connection,
            self.company,
            resource_type.name(),
            place,
            document,
        )
        .map_err(failed)
    }

    /// Keeps the state beside the document.
    fn keep(&self, place: i64, state: &Object) -> Result<(), StoreError> {
        self.execute(
            "UPDATE resources SET state = CAST(?2 AS TEXT) WHERE place = ?1",
            params![place, json::object_to_vec(state)],
        )?;
        Ok(())
    }

    /// Reserves these values in place of those before. The primary key of the table makes them unique.
    fn reserve(
        &self,
        change: usize,
        resource_type: &ResourceType,
        place: i64,
        unique: &[UniqueKey],
    ) -> Result<(), CommitError> {
        self.execute("DELETE FROM unique_values WHERE resource = ?1", [place])?;
        for UniqueKey { attribute, value, .. } in unique {
            let owners: Vec<i64> = self.read(
                "INSERT INTO unique_values VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET resource = resource RETURNING resource",
                params![
                    self.company,
                    resource_type.name().as_str(),
                    attribute.as_str(),
                    value.as_str(),
                    place
                ],
                |row| row.get(0),
            )?;
            if owners != [place] {
                return Err(CommitError::UniquenessViolated {
                    change,
                    attribute: attribute.clone(),
                });
            }
        }
        Ok(())
    }

    /// Applies changes of relations and says who joined and who left.
    fn relate(
        &self,
        change: usize,
        resource_type: &ResourceType,
        place: i64,
        (deltas, policy): (&[RelationDelta], MemberPolicy),
    ) -> Result<Related, CommitError> {
        // Nobody is hidden here.
        let MemberPolicy {
            skip_unknown,
            accept_hidden: _,
        } = policy;
        let mut related = Related::default();
        let mut seen = HashSet::new();
        let mut resolved = Vec::with_capacity(deltas.len());
        for delta in deltas {
            let relation = resource_type.relation(delta.attribute.as_str());
            let mut added = Vec::with_capacity(delta.add.len());
            for (id, member) in &delta.add {
                let types: Vec<String> = self.read(
                    "SELECT type FROM resources WHERE company = ?1 AND id = ?2",
                    [self.company, id.as_str()],
                    |row| row.get(0),
                )?;
                let taken = |name: &String| relation.is_some_and(|relation| relation.takes(name));
                if types.iter().any(taken) {
                    added.push((id, member));
                } else if seen.insert(id) {
                    related.unknown.push(id.clone());
                }
            }
            resolved.push((delta, added));
        }
        if !related.unknown.is_empty() && !skip_unknown {
            return Err(CommitError::UnknownMembers {
                change,
                members: related.unknown,
            });
        }
        for (delta, added) in resolved {
            let attribute = delta.attribute.as_str();
            let removed = if delta.clear {
                let kept = added.iter().map(|(id, _)| *id).collect();
                self.members_beside(place, attribute, &kept)?
            } else {
                delta.remove.clone()
            };
            for id in removed {
                let removed = self.execute(
                    "DELETE FROM team_members WHERE team = ?1 AND attribute = ?2
                        AND member = (SELECT place FROM resources WHERE company = ?3 AND id = ?4)",
                    params![place, attribute, self.company, id.as_str()],
                )?;
                if removed > 0 {
                    related.left.push(&id);
                }
            }
            for (id, member) in added {
                let added = self.execute(
                    "INSERT INTO team_members SELECT ?1, ?2, place, ?5 FROM resources
                     WHERE company = ?3 AND id = ?4 ON CONFLICT DO NOTHING",
                    params![
                        place,
                        attribute,
                        self.company,
                        id.as_str(),
                        member.display.as_deref()
                    ],
                )?;
                if added > 0 {
                    related.joined.push(id);
                }
            }
        }
        Ok(related)
    }

    /// All members but these.
    fn members_beside(
        &self,
        place: i64,
        attribute: &str,
        kept: &HashSet<&ResourceId>,
    ) -> Result<Vec<ResourceId>, StoreError> {
        let mut members = self.read(
            "SELECT r.id FROM team_members m JOIN resources r ON r.place = m.member
             WHERE m.team = ?1 AND m.attribute = ?2",
            params![place, attribute],
            |row| Ok(ResourceId::new(row.get::<_, String>(0)?)),
        )?;
        members.retain(|id| !kept.contains(id));
        Ok(members)
    }

    /// Gives resources their next version.
    fn advance(&self, which: &str, place: i64) -> Result<(), StoreError> {
        self.execute(
            &format!(
                "UPDATE resources SET version = version + 1, modified = max(modified, ?2) WHERE {which}"
            ),
            params![place, self.commit.at.unix_millis()],
        )?;
        Ok(())
    }

    fn look(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        selection: &Selection,
    ) -> Result<Option<keyfob_store::Stored>, StoreError> {
        let meter = keyfob_store::Budget::UNLIMITED.meter();
        let found = find(
            self.connection,
            self.company,
            resource_type,
            slice::from_ref(id),
            selection,
            &meter,
        )?;
        Ok(found.into_iter().next().flatten())
    }

    /// The names of a resource, if it is there.
    fn labels(&self, resource_type: &str, id: &ResourceId) -> Result<Option<Labels>, StoreError> {
        let text =
            |path| format!("iif(json_type(r.document, '{path}') = 'text', r.document ->> '{path}', NULL)");
        let names = [text("$.userName"), text("$.displayName")].join(", ");
        let found = self.read(
            &format!(
                "SELECT coalesce(e.login, t.name, {names}), {} FROM resources r
                 LEFT JOIN employees e ON e.resource = r.place LEFT JOIN teams t ON t.resource = r.place
                 WHERE r.company = ?1 AND r.type = ?2 AND r.id = ?3",
                text("$.externalId")
            ),
            [self.company, resource_type, id.as_str()],
            |row| {
                let mut labels = Labels::default();
                labels.name = row.get::<_, Option<String>>(0)?.map(Into::into);
                labels.external_id = row.get::<_, Option<String>>(1)?.map(Into::into);
                Ok(labels)
            },
        )?;
        Ok(found.into_iter().next())
    }

    /// Publishes those events of which the condition was met, and blanks the names that are to be forgotten.
    fn publish(&self, outcomes: &[Outcome], before: &[(&ResourceId, Labels)]) -> Result<(), StoreError> {
        let published: Vec<(&NewEvent, When)> = self
            .commit
            .changes
            .iter()
            .zip(outcomes)
            .filter_map(|(change, outcome)| match (change, outcome) {
                (Change::Publish { event, when }, Outcome::Published) => Some((&**event, *when)),
                _ => None,
            })
            .collect();
        for (number, (event, when)) in (0..).zip(published) {
            let position = feeds::next_position(self.connection, self.company).map_err(failed)?;
            let gone = || before.iter().rfind(|(id, _)| **id == event.resource);
            let labels = match self.labels(&event.resource_type, &event.resource)? {
                Some(labels) => labels,
                None => gone().map(|(_, labels)| labels.clone()).unwrap_or_default(),
            };
            let event = kit::complete(
                self.commit,
                number,
                Position::new(position),
                (event, when),
                outcomes,
                labels,
            );
            feeds::insert(self.connection, self.company, &event).map_err(failed)?;
        }
        for change in &self.commit.changes {
            if let Change::Forget { resource_type, id } = change {
                self.execute(
                    "UPDATE events SET label = NULL, external_id = NULL WHERE company = ?1 AND type = ?2 AND resource = ?3",
                    params![self.company, resource_type.name().as_str(), id.as_str()],
                )?;
            }
        }
        Ok(())
    }

    fn execute(&self, statement: &str, parameters: impl Params) -> Result<usize, StoreError> {
        let run = || self.connection.prepare_cached(statement)?.execute(parameters);
        run().map_err(failed)
    }

    fn read<T>(
        &self,
        statement: &str,
        parameters: impl Params,
        row: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || -> Result<Vec<T>> {
            self.connection
                .prepare_cached(statement)?
                .query_map(parameters, row)?
                .collect()
        };
        run().map_err(failed)
    }
}

/// What came of changes of relations.
#[derive(Default)]
struct Related {
    joined: Listed,
    left: Listed,
    unknown: Vec<ResourceId>,
}

impl Related {
    fn has_changed(&self) -> bool {
        !self.joined.is_empty() || !self.left.is_empty()
    }

    fn changed(self, revision: Revision) -> Outcome {
        let Self {
            joined,
            left,
            unknown,
        } = self;
        Outcome::Changed {
            revision,
            joined,
            left,
            unknown,
        }
    }
}
