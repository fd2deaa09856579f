//! The state of a job: which resource of the target stands for which object of the source.

mod log;
mod open;
mod rows;
mod stage;

use std::path::Path;

use keyfob_core::{DateTime, ResourceId, SmolStr};
use rusqlite::{Connection, OptionalExtension, Params, params};

pub use self::{log::LogEntry, open::StateError};
pub(crate) use self::{
    rows::{Digest, Failed, Intent, Linked, millis, of_millis},
    stage::{Removal, Staged},
};
use crate::rule::Kind;

/// The state of a job, in one SQLite file: links, memberships, escrows, and creations whose fate is unknown.
///
/// One process at a time runs cycles on a file. The file holds personal data; it is made for its owner alone.
///
/// ```
/// use keyfob_sync::State;
///
/// let state = State::in_memory()?;
/// assert!(state.links()?.is_empty());
/// # Ok::<(), keyfob_sync::StateError>(())
/// ```
#[derive(Debug)]
pub struct State {
    connection: Connection,
}

/// The tie between an object of the source and a resource of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The kind of both.
    pub kind: Kind,
    /// The id of the object in the source.
    pub source_id: SmolStr,
    /// The id of the resource at the target.
    pub target_id: ResourceId,
    /// The origin of the resource.
    pub owned: Owned,
    /// If true, the resource says that its object is out of scope, gone or disabled.
    pub disabled: bool,
    /// When the object was first missing from the source.
    pub gone: Option<DateTime>,
}

/// The origin of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Owned {
    /// This job created it, and may delete it.
    Created,
    /// It was there. It is changed, and never deleted.
    Adopted,
}

/// Something that failed and is tried again later.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Escrow {
    /// The id of the object in the source.
    pub source_id: SmolStr,
    /// The member that could not be added or removed, by its id in the source; none where the object itself failed.
    pub member: Option<SmolStr>,
    /// When it first failed.
    pub first: DateTime,
    /// The number of attempts.
    pub attempts: u32,
    /// When it is tried again; none where that waits for the object to change.
    pub next: Option<DateTime>,
    /// Why it failed.
    pub reason: String,
}

/// A summary of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The base URL of the target; none before the first cycle.
    pub target: Option<String>,
    /// The number of cycles that came to their end.
    pub cycles: u64,
    /// When the last of them did.
    pub finished: Option<DateTime>,
    /// Why the target is in quarantine, and since when.
    pub quarantine: Option<(String, DateTime)>,
    /// The number of users with a resource.
    pub users: u64,
    /// The number of groups with a resource.
    pub groups: u64,
    /// The number of memberships that the target has through the job.
    pub memberships: u64,
    /// The number of references that wait for the other object.
    pub waiting: u64,
    /// The number of escrows.
    pub escrows: u64,
    /// The number of creations and changes whose fate is unknown.
    pub uncertain: u64,
    /// The number of removals that guards held back in the last cycle and nobody allowed.
    pub held: u64,
    /// The number of removals that were allowed and are not done yet.
    pub allowed: u64,
}

/// The removals that somebody allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowed {
    /// The number of resources to disable or delete.
    pub resources: u64,
    /// The number of memberships to remove.
    pub memberships: u64,
}

/// The size of a full read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) users: u64,
    pub(crate) groups: u64,
    pub(crate) memberships: u64,
}

impl State {
    /// Opens a state file for cycles, and creates it where there is none.
    ///
    /// # Errors
    /// [`StateError`] for a file that is something else, of another format, or in use; such a file is left as it is.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let connection = open::open(path, true)?;
        Ok(Self { connection })
    }

    /// Opens a state file that is there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StateError::Missing`].
    pub fn open_existing(path: &Path) -> Result<Self, StateError> {
        let connection = open::open(path, false)?;
        Ok(Self { connection })
    }

    /// Creates a state that ends with the program, for a first plan and for tests.
    ///
    /// # Errors
    /// [`StateError::Database`] where there is no memory for it.
    pub fn in_memory() -> Result<Self, StateError> {
        let connection = open::in_memory()?;
        Ok(Self { connection })
    }

    /// Returns a summary.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn status(&self) -> Result<Status, StateError> {
        let mut status = Status {
            users: self.count("SELECT count(*) FROM link WHERE kind = 0")?,
            groups: self.count("SELECT count(*) FROM link WHERE kind = 1")?,
            memberships: self.count("SELECT count(*) FROM edge WHERE sure = 1")?,
            waiting: self.count("SELECT count(*) FROM reference")?,
            escrows: self.count("SELECT count(*) FROM escrow")?,
            uncertain: self.count(
                "SELECT (SELECT count(*) FROM intent) + (SELECT count(*) FROM link WHERE uncertain = 1)",
            )?,
            held: self.count("SELECT count(*) FROM held WHERE allowed = 0")?,
            allowed: self.count("SELECT count(*) FROM held WHERE allowed = 1")?,
            ..Status::default()
        };
        let job = self.connection.query_row(
            "SELECT target, cycle, finished, quarantine, quarantined FROM job",
            [],
            |row| {
                let quarantine: Option<String> = row.get(3)?;
                let since: Option<i64> = row.get(4)?;
                Ok((
                    row.get(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Option<i64>>(2)?,
                    quarantine.zip(since),
                ))
            },
        );
        if let Some((target, cycles, finished, quarantine)) = job.optional()? {
            status.target = Some(target);
            status.cycles = u64::try_from(cycles).unwrap_or_default();
            status.finished = finished.map(of_millis);
            status.quarantine = quarantine.map(|(reason, since)| (reason, of_millis(since)));
        }
        Ok(status)
    }

    /// Returns all links in the order of their source ids.
    ///
    /// # Errors
    /// [`StateError::Database`].
    ///
    /// # Complexity
    /// Linear in the links, all of which are in memory.
    pub fn links(&self) -> Result<Vec<Link>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT source_id, kind, target_id, owned, disabled, gone FROM link ORDER BY source_id",
        )?;
        let links = statement.query_map([], rows::link)?;
        Ok(links.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns all escrows in the order of their source ids.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn escrows(&self) -> Result<Vec<Escrow>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT source_id, member, first, attempts, next, reason FROM escrow ORDER BY source_id, member",
        )?;
        let escrows = statement.query_map([], |row| {
            let member: String = row.get(1)?;
            let next: i64 = row.get(4)?;
            Ok(Escrow {
                source_id: row.get::<_, String>(0)?.into(),
                member: (!member.is_empty()).then(|| member.into()),
                first: of_millis(row.get(2)?),
                attempts: row.get(3)?,
                next: (next < i64::MAX).then(|| of_millis(next)),
                reason: row.get(5)?,
            })
        })?;
        Ok(escrows.collect::<rusqlite::Result<_>>()?)
    }

    /// Allows the removals that guards held back in the last cycle. The next cycle does those of them that the source still asks
    /// for; what else it would remove is counted by the guards as ever.
    ///
    /// ```
    /// use keyfob_sync::State;
    ///
    /// let state = State::in_memory()?;
    /// let allowed = state.allow_removals()?;
    /// assert_eq!((allowed.resources, allowed.memberships), (0, 0), "no guard has held anything back");
    /// # Ok::<(), keyfob_sync::StateError>(())
    /// ```
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn allow_removals(&self) -> Result<Allowed, StateError> {
        self.atomically(|| {
            let allowed = Allowed {
                resources: self.count("SELECT count(*) FROM held WHERE allowed = 0 AND member = ''")?,
                memberships: self.count("SELECT count(*) FROM held WHERE allowed = 0 AND member <> ''")?,
            };
            self.connection.execute("UPDATE held SET allowed = 1", [])?;
            Ok(allowed)
        })
    }

    /// Lets the next cycle look at everything again, as the first one did: each resource is read and compared with its object,
    /// members are sent again, nothing waits after a failure, and there is no quarantine. Links stay, so that it is known which
    /// resources this job created.
    ///
    /// ```
    /// use keyfob_sync::State;
    ///
    /// let state = State::in_memory()?;
    /// state.restart()?;
    /// assert!(state.escrows()?.is_empty());
    /// # Ok::<(), keyfob_sync::StateError>(())
    /// ```
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn restart(&self) -> Result<(), StateError> {
        self.begin_anew("UPDATE link SET digest = NULL, uncertain = 1; UPDATE edge SET sure = 0")
    }

    /// Forgets all links and memberships besides what [`restart`](Self::restart) does: the next cycle looks for a resource for each
    /// object, and adopts those that it finds. What was adopted is never deleted, and members that the job added before stay.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn break_links(&self) -> Result<(), StateError> {
        self.begin_anew("DELETE FROM link; DELETE FROM edge; DELETE FROM reference")
    }

    fn begin_anew(&self, sql: &str) -> Result<(), StateError> {
        self.atomically(|| {
            self.connection.execute_batch(sql)?;
            self.connection.execute_batch(
                "DELETE FROM escrow; DELETE FROM held; UPDATE job SET quarantine = NULL, quarantined = NULL",
            )?;
            Ok(())
        })
    }

    fn count(&self, sql: &str) -> Result<u64, StateError> {
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Returns the ids in the first column.
    fn ids<C: FromIterator<SmolStr>>(&self, sql: &str, values: impl Params) -> Result<C, StateError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_map(values, |row| Ok(SmolStr::from(row.get::<_, String>(0)?)))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// Does work whose changes last all together, or not at all where it fails or the program ends in the middle.
    pub(crate) fn atomically<T, E: From<StateError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let savepoint = Savepoint::start(&self.connection)?;
        let value = work()?;
        savepoint.release()?;
        Ok(value)
    }

    /// Does work whose changes are undone at the end.
    pub(crate) fn rehearsed<T, E: From<StateError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let savepoint = Savepoint::start(&self.connection)?;
        let value = work();
        drop(savepoint);
        value
    }

    /// Returns the number of the cycle that is under way, from 1.
    pub(crate) fn cycle(&self) -> Result<u64, StateError> {
        let cycle: i64 = self
            .connection
            .query_row("SELECT cycle + 1 FROM job", [], |row| row.get(0))?;
        Ok(u64::try_from(cycle).unwrap_or_default())
    }

    /// Takes the target for the state's own, or refuses another one.
    pub(crate) fn begin(&self, target: &str) -> Result<(), StateError> {
        let known: Option<String> = self
            .connection
            .query_row("SELECT target FROM job", [], |row| row.get(0))
            .optional()?;
        match known {
            None => {
                self.connection
                    .execute("INSERT INTO job (id, target) VALUES (1, ?1)", [target])?;
                Ok(())
            }
            Some(known) if known == target => Ok(()),
            Some(known) => Err(StateError::OtherTarget {
                known,
                given: target.to_owned(),
            }),
        }
    }

    /// Returns the size of the last full read that was taken as a whole.
    pub(crate) fn last_read(&self) -> Result<Option<Size>, StateError> {
        let size = self
            .connection
            .query_row("SELECT users, groups, memberships FROM job", [], |row| {
                let number = |index| -> rusqlite::Result<Option<u64>> {
                    let number: Option<i64> = row.get(index)?;
                    Ok(number.and_then(|number| u64::try_from(number).ok()))
                };
                Ok((number(0)?, number(1)?, number(2)?))
            })
            .optional()?;
        Ok(match size {
            Some((Some(users), Some(groups), Some(memberships))) => Some(Size {
                users,
                groups,
                memberships,
            }),
            _ => None,
        })
    }

    /// Writes the watermark: the cycle came to its end.
    pub(crate) fn finish(&self, now: DateTime, size: Option<Size>) -> Result<(), StateError> {
        self.connection.execute(
            "UPDATE job SET cycle = cycle + 1, finished = ?1, quarantine = NULL, quarantined = NULL",
            [millis(now)],
        )?;
        self.connection
            .execute("DELETE FROM held WHERE allowed = 1", [])?;
        self.trim_log()?;
        // What failed for objects and memberships that are no more is over.
        self.connection.execute_batch(
            "DELETE FROM escrow WHERE member = ''
                AND source_id NOT IN (SELECT source_id FROM staged) AND source_id NOT IN (SELECT source_id FROM link);
             DELETE FROM escrow WHERE member <> ''
                AND NOT EXISTS (SELECT 1 FROM staged_edge s WHERE s.group_id = escrow.source_id AND s.member_id = member)
                AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.group_id = escrow.source_id AND e.member_id = member)",
        )?;
        if let Some(size) = size {
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            self.connection.execute(
                "UPDATE job SET users = ?1, groups = ?2, memberships = ?3",
                params![number(size.users), number(size.groups), number(size.memberships)],
            )?;
        }
        Ok(())
    }

    /// Notes why the target is not provisioned; since when, if that is new.
    pub(crate) fn quarantine(&self, reason: &str, now: DateTime) -> Result<(), StateError> {
        self.connection.execute(
            "UPDATE job SET quarantine = ?1, quarantined = coalesce(quarantined, ?2)",
            params![reason, millis(now)],
        )?;
        Ok(())
    }
}

/// Changes that last when they are released, and are undone otherwise, also where the thread unwinds.
struct Savepoint<'c> {
    connection: &'c Connection,
    is_released: bool,
}

impl<'c> Savepoint<'c> {
    fn start(connection: &'c Connection) -> Result<Self, StateError> {
        connection.execute_batch("SAVEPOINT page")?;
        Ok(Self {
            connection,
            is_released: false,
        })
    }

    fn release(mut self) -> Result<(), StateError> {
        self.connection.execute_batch("RELEASE page")?;
        self.is_released = true;
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.is_released {
            // Where even that fails the connection is broken, and SQLite undoes the changes when it is opened again.
            self.connection
                .execute_batch("ROLLBACK TO page; RELEASE page")
                .ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(
            &text,
            "not a database, and longer than a header of one would be, so that it is read",
        )
        .unwrap();
        assert!(matches!(State::open(&text), Err(StateError::Foreign { .. })));
        let other = folder.path().join("other.db");
        Connection::open(&other)
            .unwrap()
            .execute_batch("CREATE TABLE mine (x)")
            .unwrap();
        let before = std::fs::read(&other).unwrap();
        assert!(matches!(State::open(&other), Err(StateError::Foreign { .. })));
        assert_eq!(std::fs::read(&other).unwrap(), before);
        assert!(matches!(
            State::open_existing(&folder.path().join("none")),
            Err(StateError::Missing { .. })
        ));
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        drop(State::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .execute_batch("PRAGMA user_version = 9")
            .unwrap();
        assert!(matches!(
            State::open(&path),
            Err(StateError::Version { found: 9, .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_alone_and_one_runs_at_a_time() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let first = State::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(State::open(&path), Err(StateError::Held { .. })));
        drop(first);
        assert!(State::open(&path).is_ok());
    }

    #[test]
    fn what_is_not_released_is_undone() {
        let state = State::in_memory().unwrap();
        state.begin("http://a").unwrap();
        let failed: Result<(), StateError> = state.atomically(|| {
            state.quarantine("x", of_millis(0))?;
            Err(StateError::Undecodable {
                source_id: String::new(),
            })
        });
        assert!(failed.is_err());
        assert_eq!(state.status().unwrap().quarantine, None);
        state.rehearsed(|| state.quarantine("x", of_millis(0))).unwrap();
        assert_eq!(state.status().unwrap().quarantine, None);
        assert!(matches!(
            state.begin("http://b"),
            Err(StateError::OtherTarget { .. })
        ));
    }
}
