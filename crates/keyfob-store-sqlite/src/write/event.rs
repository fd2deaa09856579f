//! The events of a commit.

use std::collections::HashMap;

use keyfob_core::{ResourceId, Value, json};
use keyfob_store::{
    Change, Commit, CommitError, Event, Labels, Listed, NewEvent, Outcome, Position, StoreError, kit,
};
use rusqlite::{Connection, OptionalExtension, named_params, params};
use smol_str::SmolStr;

use super::apply::{handed_over_before, to_integer};
use crate::{error::Failure, read::decode};

/// Events are published when all changes are made, as they tell the names of resources after the commit.
pub(super) struct Publishing<'c> {
    connection: &'c Connection,
    tenant: i64,
    commit: &'c Commit,
    has_events: bool,
    /// The names of resources that the commit deletes, from just before.
    before: HashMap<&'c ResourceId, Labels>,
}

impl<'c> Publishing<'c> {
    pub(super) fn new(connection: &'c Connection, tenant: i64, commit: &'c Commit) -> Self {
        let is_event = |change: &Change| matches!(change, Change::Publish { .. });
        Self {
            connection,
            tenant,
            commit,
            has_events: commit.changes.iter().any(is_event),
            before: HashMap::new(),
        }
    }

    /// Notes what a change is going to delete.
    pub(super) fn note(&mut self, change: &'c Change) -> Result<(), Failure> {
        if let Change::Delete {
            resource_type, id, ..
        } = change
            && self.has_events
            && let Some(labels) = self.labels(resource_type.name(), id)?
        {
            self.before.insert(id, labels);
        }
        Ok(())
    }

    /// Publishes the events of which the conditions were met, and blanks what is to be forgotten. The commit is remembered
    /// with or without events.
    ///
    /// A resource that the commit has just written is called what its document says.
    pub(super) fn finish(self, outcomes: &[Outcome], contents: &[kit::Content]) -> Result<(), Failure> {
        let changes = self.commit.changes.iter().zip(outcomes);
        let published: Vec<_> = changes
            .filter_map(|(change, outcome)| match (change, outcome) {
                (Change::Publish { event, when }, Outcome::Published) => Some((event, *when)),
                _ => None,
            })
            .collect();
        let first = self.take_positions(published.len())?;
        let entry = self.remember(first, published.len())?;
        for (number, (event, when)) in (0_u32..).zip(published) {
            let labels = match self.created(event, outcomes, contents) {
                Some(labels) => labels,
                None => match self.labels(&event.resource_type, &event.resource)? {
                    Some(labels) => labels,
                    None => self.before.get(&event.resource).cloned().unwrap_or_default(),
                },
            };
            let position = Position::new(first.saturating_add(number.into()));
            let event = kit::complete(self.commit, number, position, (event, when), outcomes, labels);
            self.insert(entry, &event)?;
        }
        self.commit.changes.iter().try_for_each(|change| match change {
            Change::Forget { resource_type, id } => self.forget(resource_type.name(), id),
            _ => Ok(()),
        })
    }

    /// Returns the names of a resource that the commit creates, if it is about nothing else.
    fn created(&self, event: &NewEvent, outcomes: &[Outcome], contents: &[kit::Content]) -> Option<Labels> {
        let [Change::Create { .. }, rest @ ..] = self.commit.changes.as_slice() else {
            return None;
        };
        let only = rest.iter().all(|change| matches!(change, Change::Publish { .. }));
        let (created, subject) = self.commit.changes.first()?.subject()?;
        let is_made = matches!(outcomes.first(), Some(Outcome::Changed { .. }));
        let is_it = only && is_made && *created.name() == event.resource_type && *subject == event.resource;
        let document = contents.first()?.document.as_ref().filter(|_| is_it)?;
        Some(document.labels.clone())
    }

    /// Returns the position of the first of so many events; 0 where there are none.
    fn take_positions(&self, events: usize) -> Result<u64, Failure> {
        if events == 0 {
            return Ok(0);
        }
        let taken = i64::try_from(events).unwrap_or(i64::MAX);
        let last: u64 = self
            .connection
            .prepare_cached("UPDATE tenants SET last = last + ?2 WHERE tenant = ?1 RETURNING last - ?2")?
            .query_row([self.tenant, taken], |row| decode::natural(row, 0))?;
        Ok(last.saturating_add(1))
    }

    fn remember(&self, position: u64, events: usize) -> Result<i64, Failure> {
        let Commit {
            id,
            at,
            actor,
            request,
            verb,
            ..
        } = self.commit;
        let entry = self
            .connection
            .prepare_cached(
                "INSERT INTO commits (tenant, entry, id, at, role, identity, credential, request, verb, position, events)
                 VALUES (?1, (SELECT coalesce(max(entry), 0) + 1 FROM commits WHERE tenant = ?1),
                    ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (tenant, id) DO NOTHING RETURNING entry",
            )?
            .query_row(params![
                self.tenant,
                id.as_str(),
                at.unix_millis(),
                actor.role.as_str(),
                actor.identity.as_str(),
                actor.credential.as_str(),
                request.as_str(),
                verb.as_str(),
                to_row(position)?,
                i64::try_from(events).unwrap_or(i64::MAX)
            ], |row| row.get(0))
            .optional()?;
        entry.ok_or_else(handed_over_before)
    }

    fn insert(&self, entry: i64, event: &Event) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "INSERT INTO events (tenant, position, entry, number, name, resource_type, resource, label, external_id,
                    version, attributes, joined, joined_count, departed, departed_count, data)
                 VALUES (:tenant, :position, :entry, :number, :name, :resource_type, :resource, :label, :external_id,
                    :version, :attributes, :joined, :joined_count, :departed, :departed_count, :data)",
            )?
            .execute(named_params! {
                ":tenant": self.tenant,
                ":position": to_row(event.position.number())?,
                ":entry": entry,
                ":number": event.id.number,
                ":name": event.event.name.as_str(),
                ":resource_type": event.event.resource_type.as_str(),
                ":resource": event.event.resource.as_str(),
                ":label": event.labels.name.as_deref(),
                ":external_id": event.labels.external_id.as_deref(),
                ":version": event.version.map(to_integer).transpose()?,
                ":attributes": list(event.event.attributes.iter().cloned()),
                ":joined": members(&event.joined),
                ":joined_count": i64::try_from(event.joined.count).unwrap_or(i64::MAX),
                ":departed": members(&event.left),
                ":departed_count": i64::try_from(event.left.count).unwrap_or(i64::MAX),
                ":data": json::object_to_vec(&event.event.data),
            })?;
        Ok(())
    }

    /// The names of a resource that is there, live or hidden.
    fn labels(&self, resource_type: &str, id: &ResourceId) -> Result<Option<Labels>, Failure> {
        let labels = self
            .connection
            .prepare_cached(
                "SELECT documents.name, external_id
                 FROM resources JOIN kinds USING (kind) JOIN documents USING (resource)
                 WHERE resources.tenant = ?1 AND id = ?2 AND kinds.name = ?3",
            )?
            .query_row(params![self.tenant, id.as_str(), resource_type], |row| {
                let mut labels = Labels::default();
                labels.name = decode::optional_text(row, 0)?;
                labels.external_id = decode::optional_text(row, 1)?;
                Ok(labels)
            })
            .optional()?;
        Ok(labels)
    }

    fn forget(&self, resource_type: &str, id: &ResourceId) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "UPDATE events SET label = NULL, external_id = NULL
                 WHERE tenant = ?1 AND resource = ?2 AND resource_type = ?3",
            )?
            .execute(params![self.tenant, id.as_str(), resource_type])?;
        Ok(())
    }
}

/// A list of texts as JSON; none if it is empty.
fn list(texts: impl ExactSizeIterator<Item = SmolStr>) -> Option<String> {
    let is_empty = texts.len() == 0;
    let list = Value::Array(texts.map(Value::String).collect());
    (!is_empty).then(|| String::from_utf8_lossy(&json::value_to_vec(&list)).into_owned())
}

fn members(listed: &Listed) -> Option<String> {
    list(listed.ids.iter().map(|id| id.as_str().into()))
}

fn to_row(position: u64) -> Result<i64, Failure> {
    i64::try_from(position).map_err(|error| CommitError::from(StoreError::internal(error)).into())
}
