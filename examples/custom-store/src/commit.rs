//! The application's database as a store: writing.

use std::collections::HashSet;

use keyfob_core::{DateTime, Resource, ResourceId, ResourceType, Version, json};
use keyfob_store::{
    Change, CommitError, Committed, EventId, NewEvent, Outcome, RelationDelta, StoreError, UniqueKey,
};
use rusqlite::{Connection, Params, Result, Row, params};

use crate::{columns, store::failed};

/// A commit under way, within a transaction of the caller's.
pub(crate) struct Commit<'c> {
    pub(crate) transaction: &'c Connection,
    pub(crate) company: &'c str,
}

impl Commit<'_> {
    /// Applies the changes in order, up to the first that can't be applied.
    pub(crate) fn run(&self, changes: &[Change<'_>]) -> Result<Committed, CommitError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(self.apply(change, &outcomes)?);
        }
        Ok(Committed::new(outcomes))
    }

    fn apply(&self, change: &Change<'_>, outcomes: &[Outcome]) -> Result<Outcome, CommitError> {
        let number = outcomes.len();
        match *change {
            Change::Create {
                resource_type,
                id,
                document,
                relations,
                unique,
                version,
                created,
                at,
            } => {
                let place = self
                    .create(resource_type, id, version, created, at)?
                    .ok_or(CommitError::IdTaken { change: number })?;
                self.reserve(number, resource_type, place, unique)?;
                self.write(resource_type, place, document)?;
                self.relate(number, resource_type, place, relations)?;
                Ok(Outcome::Changed(version))
            }
            Change::Update {
                resource_type,
                id,
                document,
                relations,
                unique,
                precondition,
                at,
            } => {
                let (place, version) = self.find(number, resource_type, id, precondition)?;
                if let Some(document) = document {
                    self.reserve(number, resource_type, place, unique)?;
                    self.write(resource_type, place, document)?;
                }
                if !self.relate(number, resource_type, place, relations)? && document.is_none() {
                    return Ok(Outcome::Unchanged(version));
                }
                self.advance("place = ?1", place, at)?;
                Ok(Outcome::Changed(version.next()))
            }
            Change::Delete {
                resource_type,
                id,
                precondition,
                at,
            } => {
                let (place, _) = self.find(number, resource_type, id, precondition)?;
                self.advance(
                    "place IN (SELECT team FROM team_members WHERE member = ?1)",
                    place,
                    at,
                )?;
                // Every other table points at this one with ON DELETE CASCADE.
                self.execute("DELETE FROM resources WHERE place = ?1", [place])?;
                Ok(Outcome::Deleted)
            }
            Change::Publish { of: Some(of), .. } if !outcomes.get(of).is_some_and(|of| of.is_change()) => {
                Ok(Outcome::Suppressed)
            }
            Change::Publish { event, .. } => Ok(Outcome::Published(self.publish(event)?)),
        }
    }

    /// Finds a resource, which must have the demanded version.
    fn find(
        &self,
        change: usize,
        resource_type: &ResourceType,
        id: &ResourceId,
        demanded: Option<Version>,
    ) -> Result<(i64, Version), CommitError> {
        let found = self.read(
            "SELECT place, version FROM resources WHERE company = ?1 AND id = ?2 AND type = ?3",
            params![self.company, id.as_str(), resource_type.name().as_str()],
            |row| Ok((row.get(0)?, Version::new(row.get::<_, i64>(1)?.cast_unsigned()))),
        )?;
        let (place, current) = found.first().copied().ok_or(CommitError::NotFound { change })?;
        match demanded {
            Some(demanded) if demanded != current => Err(CommitError::VersionMismatch { change, current }),
            _ => Ok((place, current)),
        }
    }

    /// Makes an empty resource, or returns none where the id is taken.
    fn create(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        version: Version,
        created: DateTime,
        at: DateTime,
    ) -> Result<Option<i64>, StoreError> {
        let made = self.execute(
            "INSERT INTO resources (company, id, type, version, created, modified, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '{}') ON CONFLICT DO NOTHING",
            params![
                self.company,
                id.as_str(),
                resource_type.name().as_str(),
                version.number().cast_signed(),
                created.unix_millis(),
                at.unix_millis()
            ],
        )?;
        Ok((made > 0).then(|| self.transaction.last_insert_rowid()))
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
            self.transaction,
            self.company,
            resource_type.name(),
            place,
            document,
        )
        .map_err(failed)
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

    /// Applies changes of relations and says whether there was anything to change.
    fn relate(
        &self,
        change: usize,
        resource_type: &ResourceType,
        place: i64,
        deltas: &[RelationDelta],
    ) -> Result<bool, CommitError> {
        let mut unknown = HashSet::new();
        for delta in deltas {
            let relation = resource_type.relation(delta.attribute.as_str());
            for (id, _) in &delta.add {
                let types: Vec<String> = self.read(
                    "SELECT type FROM resources WHERE company = ?1 AND id = ?2",
                    [self.company, id.as_str()],
                    |row| row.get(0),
                )?;
                let taken = |name: &String| relation.is_some_and(|relation| relation.takes(name));
                if !types.iter().any(taken) {
                    unknown.insert(id.clone());
                }
            }
        }
        if !unknown.is_empty() {
            return Err(CommitError::UnknownMembers {
                change,
                members: unknown.into_iter().collect(),
            });
        }
        let mut changed = 0;
        for delta in deltas {
            let attribute = delta.attribute.as_str();
            let removed = if delta.clear {
                self.members_beside(place, delta)?
            } else {
                delta.remove.clone()
            };
            for id in removed {
                changed += self.execute(
                    "DELETE FROM team_members WHERE team = ?1 AND attribute = ?2
                        AND member = (SELECT place FROM resources WHERE company = ?3 AND id = ?4)",
                    params![place, attribute, self.company, id.as_str()],
                )?;
            }
            for (id, member) in &delta.add {
                changed += self.execute(
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
            }
        }
        Ok(changed > 0)
    }

    /// Those members that the delta doesn't put in.
    fn members_beside(&self, place: i64, delta: &RelationDelta) -> Result<Vec<ResourceId>, StoreError> {
        let added: HashSet<&ResourceId> = delta.add.iter().map(|(id, _)| id).collect();
        let mut members = self.read(
            "SELECT r.id FROM team_members m JOIN resources r ON r.place = m.member
             WHERE m.team = ?1 AND m.attribute = ?2",
            params![place, delta.attribute.as_str()],
            |row| Ok(ResourceId::new(row.get::<_, String>(0)?)),
        )?;
        members.retain(|id| !added.contains(id));
        Ok(members)
    }

    /// Gives resources their next version.
    fn advance(&self, which: &str, place: i64, at: DateTime) -> Result<usize, StoreError> {
        let update = format!("UPDATE resources SET version = version + 1, modified = ?2 WHERE {which}");
        self.execute(&update, [place, at.unix_millis()])
    }

    fn publish(&self, event: &NewEvent) -> Result<EventId, StoreError> {
        self.execute(
            "INSERT INTO events (company, name, type, resource, at, data)
             VALUES (?1, ?2, ?3, ?4, ?5, CAST(?6 AS TEXT))",
            params![
                self.company,
                event.name.as_str(),
                event.resource_type.as_str(),
                event.resource.as_str(),
                event.at.unix_millis(),
                json::object_to_vec(&event.data)
            ],
        )?;
        Ok(EventId::new(self.transaction.last_insert_rowid().cast_unsigned()))
    }

    fn execute(&self, statement: &str, parameters: impl Params) -> Result<usize, StoreError> {
        let run = || self.transaction.prepare_cached(statement)?.execute(parameters);
        run().map_err(failed)
    }

    fn read<T>(
        &self,
        statement: &str,
        parameters: impl Params,
        row: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || -> Result<Vec<T>> {
            self.transaction
                .prepare_cached(statement)?
                .query_map(parameters, row)?
                .collect()
        };
        run().map_err(failed)
    }
}
