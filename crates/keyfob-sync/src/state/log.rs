//! The log of a state: the steps that were done or failed.

use keyfob_core::{DateTime, Object, ResourceId, SmolStr, Value, json};
use rusqlite::{params, types::Type};

use super::{State, StateError, millis, of_millis};
use crate::{
    event::{Changed, Outcome, Step},
    rule::Kind,
};

/// The number of steps that are kept.
const KEPT: i64 = 100_000;

/// The number of the column of changes in what is read.
const CHANGES: usize = 12;

/// A step that was done, or that failed. It holds no name and no value of anybody, unless the job
/// [logs values](crate::Job::log_values).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// The time of its result.
    pub time: DateTime,
    /// The number of the cycle, from 1. A cycle that did not come to its end has that of the next one.
    pub cycle: u64,
    /// The kind of the object.
    pub kind: Kind,
    /// The id of the object in the source.
    pub source_id: SmolStr,
    /// The id of the resource at the target.
    pub target_id: Option<ResourceId>,
    /// The word for the action, as [`Action::as_str`](crate::Action::as_str) has it.
    pub action: SmolStr,
    /// If false, the target refused it or did not answer.
    pub is_done: bool,
    /// The status of the answer that decided, if there was one.
    pub status: Option<u16>,
    /// The paths of the attributes that changed.
    pub paths: Vec<SmolStr>,
    /// The same changes with their values; none unless the job logs them. None of them says its expression.
    pub changes: Vec<Changed>,
    /// The number of members that were added or removed.
    pub members: u32,
    /// The number of requests. There are several where a resource was looked for, or the target asked to wait.
    pub requests: u32,
    /// The time that the target took to answer them, in milliseconds.
    pub millis: u32,
}

/// Returns a number, or the largest that an entry holds.
fn bounded(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

impl LogEntry {
    /// Returns the entry for a step, with values or without; none for one that was held back.
    pub(crate) fn of(step: &Step, cycle: u64, time: DateTime, has_values: bool) -> Option<Self> {
        let (is_done, status) = match step.outcome {
            Outcome::Done => (true, step.requests.last().and_then(|sent| sent.status)),
            // After a refusal the resource may have been read.
            Outcome::Failed { status, .. } => (false, status),
            Outcome::Held(_) => return None,
        };
        Some(Self {
            time,
            cycle,
            kind: step.kind,
            source_id: step.source_id.clone(),
            target_id: step.target_id.clone(),
            action: SmolStr::new_static(step.action.as_str()),
            is_done,
            status,
            paths: step.changes.iter().map(|change| change.path.clone()).collect(),
            changes: if has_values {
                step.changes.clone()
            } else {
                Vec::new()
            },
            members: bounded(step.members.len()),
            requests: bounded(step.requests.len()),
            millis: bounded(step.requests.iter().map(|sent| sent.millis).sum::<u64>()),
        })
    }
}

impl State {
    /// Returns the last steps that were done or failed, the oldest first. The state keeps 100,000 of them.
    ///
    /// # Errors
    /// [`StateError::Database`].
    ///
    /// # Complexity
    /// Linear in the steps that are asked for, all of which are in memory.
    pub fn log(&self, last: usize) -> Result<Vec<LogEntry>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT * FROM (
                 SELECT time, cycle, kind, source_id, target_id, action, done, status, paths, members, requests, millis,
                    changes, number
                 FROM log ORDER BY number DESC LIMIT ?1
             ) ORDER BY number",
        )?;
        let entries = statement.query_map([i64::try_from(last).unwrap_or(i64::MAX)], |row| {
            let paths: String = row.get(8)?;
            let changes: Option<Vec<u8>> = row.get(CHANGES)?;
            Ok(LogEntry {
                time: of_millis(row.get(0)?),
                cycle: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                kind: Kind::of_number(row.get(2)?),
                source_id: row.get::<_, String>(3)?.into(),
                target_id: row.get::<_, Option<String>>(4)?.map(ResourceId::new),
                action: row.get::<_, String>(5)?.into(),
                is_done: row.get(6)?,
                status: row.get(7)?,
                paths: paths.lines().map(SmolStr::new).collect(),
                changes: changes.map_or(Ok(Vec::new()), |json| changes_of(&json))?,
                members: row.get(9)?,
                requests: row.get(10)?,
                millis: row.get(11)?,
            })
        })?;
        Ok(entries.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn put_logged(&self, entry: &LogEntry) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO log (time, cycle, kind, source_id, target_id, action, done, status, paths, members, requests, millis,
                changes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        statement.execute(params![
            millis(entry.time),
            i64::try_from(entry.cycle).unwrap_or(i64::MAX),
            entry.kind.number(),
            entry.source_id.as_str(),
            entry.target_id.as_ref().map(ResourceId::as_str),
            entry.action.as_str(),
            entry.is_done,
            entry.status,
            entry.paths.join("\n"),
            entry.members,
            entry.requests,
            entry.millis,
            changes_json(&entry.changes),
        ])?;
        Ok(())
    }

    pub(super) fn trim_log(&self) -> Result<(), StateError> {
        self.connection.execute(
            "DELETE FROM log WHERE number <= (SELECT coalesce(max(number), 0) FROM log) - ?1",
            [KEPT],
        )?;
        Ok(())
    }
}

/// Changes as JSON; none where there are none.
fn changes_json(changes: &[Changed]) -> Option<Vec<u8>> {
    let of = |change: &Changed| {
        let mut object = Object::new();
        object.insert("path", change.path.clone());
        for (name, value) in [("old", &change.old), ("new", &change.new)] {
            if let Some(value) = value {
                object.insert(name, value.clone());
            }
        }
        Value::from(object)
    };
    let list: Vec<Value> = changes.iter().map(of).collect();
    (!list.is_empty()).then(|| json::value_to_vec(&list.into()))
}

/// Changes out of JSON that [`changes_json`] wrote.
fn changes_of(text: &[u8]) -> rusqlite::Result<Vec<Changed>> {
    let unreadable = || rusqlite::Error::InvalidColumnType(CHANGES, "changes".into(), Type::Blob);
    let Ok(Value::Array(list)) = json::value_from_slice(text) else {
        return Err(unreadable());
    };
    let of = |value: &Value| {
        let object = value.as_object()?;
        Some(Changed {
            path: object.get_str("path")?.into(),
            old: object.get("old").cloned(),
            new: object.get("new").cloned(),
            expression: None,
        })
    };
    list.iter()
        .map(|value| of(value).ok_or_else(unreadable))
        .collect()
}
