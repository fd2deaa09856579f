//! The store: queues to the threads that have the connections.

use std::{
    fmt,
    num::NonZeroUsize,
    path::{Path, PathBuf, absolute},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use keyfob_core::{Registry, ResourceId, ResourceType};
use keyfob_store::{
    Capabilities, Commit, CommitError, CommitId, Committed, Page, Query, ReadContext, Selection, Store,
    StoreError, Stored, TenantId, kit,
};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{OpenError, Stopped, store_error},
    hook::Hook,
    open,
    read::{self, Lane, Snapshot},
    write::{self, Collision},
};

/// A [`Store`] on a SQLite database.
///
/// One thread writes: commits that wait become durable in one transaction, so that they wait for the disk together; one
/// that can't be applied is taken back alone. A few threads read, each call from one snapshot, and no write holds them
/// up. Reads of a bounded amount of work have threads of their own, so that none of them waits for a scan. What takes some
/// microseconds, as a resource by its id, is read on the thread that asks, if one of these connections is free: to hand it over
/// and to wait would cost more. It is given up after a tenth of a millisecond and handed over then. The store needs no
/// particular executor.
///
/// A commit whose future is dropped happens whole or not at all. Dropping the store waits for what was begun and folds
/// the write-ahead log into the database.
///
/// # Complexity
/// - A commit: independent of what is stored and of the size of a group whose membership changes. Hiding or revealing a resource
///   is linear in the groups that it is in, and deleting one as well: of more than 1,000 members the edges are removed after
///   the commit, 1,000 at a time, between other commits. So it is where such a group is emptied or left with few members, which is
///   linear in these and in the hidden resources of the tenant. Replacing many members by many is linear in both.
/// - A query without a filter: linear in the page, and in its offset by some nanoseconds a resource; one that sorts by
///   `meta.lastModified` is linear in the resources of the type.
/// - A query whose filter demands, by `eq`, a certain `id`, unique or [indexed](ResourceType::indexed) text, member or
///   group: linear in the resources that have it. Any other filter is asked of every resource of the type, and where
///   nobody [counts](keyfob_store::Total) until a page is full.
pub struct SqliteStore {
    // Dropped in this order: the last connection to close folds in the log, which a reader could not do.
    short: Workers<read::Job>,
    scans: Workers<read::Job>,
    /// The connections of short reads, which their threads share with the callers of brief ones.
    readers: Vec<Arc<Mutex<Connection>>>,
    writer: Workers<write::Job>,
    collisions: Vec<Collision>,
    capabilities: Capabilities,
    hook: Option<Arc<dyn Hook>>,
}

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The number of short reads that run at once: a resource by its id, what an index finds, a page, events. The
    /// default is four.
    pub short_reads: NonZeroUsize,
    /// The number of scans that run at once: queries that ask many resources one by one. The default is the number of
    /// processors, and at most four.
    pub scans: NonZeroUsize,
    /// If false, a file that is missing or empty is an [error](OpenError::Missing). By default the database is created.
    pub create: bool,
    /// If true, a type that is indexed by attributes that the registry doesn't have is an [error](OpenError::Index). By default
    /// it is indexed anew without them.
    pub keep_indexes: bool,
}

/// The connections of a store, all to one file.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store has no other connections")]
pub struct Connections {
    /// The one that writes.
    pub writer: Connection,
    /// Those of short reads, at least one: see [`Options::short_reads`].
    pub short_reads: Vec<Connection>,
    /// Those of scans, at least one: see [`Options::scans`].
    pub scans: Vec<Connection>,
}

/// The default of both numbers where the machine has as many processors.
const FOUR: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        // More scans than processors would only take turns.
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            short_reads: FOUR,
            scans: processors.min(FOUR),
            create: true,
            keep_indexes: false,
        }
    }

    /// The same with so many short reads at once.
    #[must_use]
    pub fn with_short_reads(self, short_reads: NonZeroUsize) -> Self {
        Self { short_reads, ..self }
    }

    /// The same with so many scans at once.
    #[must_use]
    pub fn with_scans(self, scans: NonZeroUsize) -> Self {
        Self { scans, ..self }
    }

    /// The same for a database that has to be there.
    #[must_use]
    pub fn without_creation(self) -> Self {
        Self {
            create: false,
            ..self
        }
    }

    /// The same for a program beside the server that serves the database, whose indexes stay as they are.
    #[must_use]
    pub fn keeping_indexes(self) -> Self {
        Self {
            keep_indexes: true,
            ..self
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl SqliteStore {
    /// Opens the database in this file, creates it where there is none, and brings it up to date where it is of an
    /// older release.
    ///
    /// Without a registry the keys of a type that an older release made are made anew by the first commit of a resource
    /// of the type; [`open_with`](Self::open_with) does so before the first request.
    ///
    /// # Errors
    /// [`OpenError`]; the file is then as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = whole(path.as_ref())?;
        let writer = open::writer(&path, true)?;
        Self::start(&path, writer, Options::new(), Vec::new())
    }

    /// Opens a database with the resource types that it serves and with options.
    ///
    /// Where an older release compared values otherwise ([`CompareKey::VERSION`](keyfob_core::CompareKey::VERSION)), the
    /// unique keys and the index of these types are made anew in one transaction; so is the index of a type that wants
    /// other attributes in it. Keys that rules reserve stay as they
    /// are. Of two resources that are the same by now the older keeps the key: see [`collisions`](Self::collisions).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Complexity
    /// Linear in what is stored where the comparison or an index changed, independent of it otherwise.
    pub fn open_with(
        path: impl AsRef<Path>,
        registry: &Registry,
        options: Options,
    ) -> Result<Self, OpenError> {
        let path = whole(path.as_ref())?;
        let mut writer = open::writer(&path, options.create)?;
        if options.keep_indexes {
            open::demand_known_indexes(&path, &writer, registry)?;
        }
        let collisions = open::rekey(&path, &mut writer, registry)?;
        Self::start(&path, writer, options, collisions)
    }

    /// Opens a database by connections that the application has opened: with a key, through another file system, with
    /// extensions. All of them are to one file, made by the rusqlite that this crate names.
    ///
    /// The store sets what it needs on each of them and keeps them. The tables are brought up to date as by
    /// [`open_with`](Self::open_with).
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_store_sqlite::{Connections, SqliteStore, rusqlite::Connection};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("keyfob.db");
    /// let open = || Connection::open(&path);
    /// let connections = Connections {
    ///     writer: open()?,
    ///     short_reads: vec![open()?, open()?],
    ///     scans: vec![open()?],
    /// };
    /// let store = SqliteStore::from_connections(connections, Registry::rfc())?;
    /// # drop(store);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`OpenError::Connections`] where a reader is missing or a connection is to another
    /// file than the writer, or to none, as a database in memory is.
    pub fn from_connections(connections: Connections, registry: &Registry) -> Result<Self, OpenError> {
        let Connections {
            writer,
            short_reads,
            scans,
        } = connections;
        let file = |connection: &Connection| {
            connection
                .path()
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        let path = file(&writer).ok_or(OpenError::Connections)?;
        let is_same = |connection: &Connection| file(connection).as_ref() == Some(&path);
        let is_usable = |readers: &[Connection]| !readers.is_empty() && readers.iter().all(is_same);
        if !is_usable(&short_reads) || !is_usable(&scans) {
            return Err(OpenError::Connections);
        }
        let mut writer = open::own_writer(&path, writer)?;
        let collisions = open::rekey(&path, &mut writer, registry)?;
        let readers = |connections: Vec<Connection>| {
            let readers = connections
                .into_iter()
                .map(|connection| open::own_reader(&path, connection));
            readers.collect::<Result<Vec<_>, _>>()
        };
        Self::run(writer, readers(short_reads)?, readers(scans)?, collisions)
    }

    /// Returns the same store with a part of the application's in the transaction of every commit.
    #[must_use]
    pub fn with_hook(self, hook: impl Hook) -> Self {
        let hook: Option<Arc<dyn Hook>> = Some(Arc::new(hook));
        Self { hook, ..self }
    }

    /// The resources that lost a unique key when [`open_with`](Self::open_with) made the keys anew, each with who has it.
    /// They are also logged as warnings, by their ids.
    #[must_use]
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }

    fn start(
        path: &Path,
        writer: Connection,
        options: Options,
        collisions: Vec<Collision>,
    ) -> Result<Self, OpenError> {
        let readers = |number: NonZeroUsize| {
            let connections = (0..number.get()).map(|_| open::reader(path));
            connections.collect::<Result<Vec<_>, _>>()
        };
        let (short, scans) = (readers(options.short_reads)?, readers(options.scans)?);
        Self::run(writer, short, scans, collisions)
    }

    fn run(
        writer: Connection,
        short: Vec<Connection>,
        scans: Vec<Connection>,
        collisions: Vec<Collision>,
    ) -> Result<Self, OpenError> {
        let shared = |connections: Vec<Connection>| -> Vec<Arc<Mutex<Connection>>> {
            let connections = connections.into_iter();
            connections
                .map(|connection| Arc::new(Mutex::new(connection)))
                .collect()
        };
        let start = |readers: &[Arc<Mutex<Connection>>]| {
            Workers::start(readers.to_vec(), readers.len(), |reader, jobs| {
                read::run(&reader, jobs);
            })
        };
        let readers = shared(short);
        Ok(Self {
            short: start(&readers)?,
            scans: start(&shared(scans))?,
            readers,
            writer: Workers::start(vec![writer], write::BATCH, write::run)?,
            collisions,
            capabilities: Capabilities::full().durable(),
            hook: None,
        })
    }

    /// Reads what is mostly brief: here, and again on the threads if it turns out not to be, or if no connection is free.
    async fn read_briefly<T: Send + 'static>(
        &self,
        cx: &ReadContext,
        read: impl Fn(&Snapshot<'_>) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        match self.try_here(cx, &read) {
            Some(result) => result.map_err(store_error),
            None => self.read(cx, read).await,
        }
    }

    /// Reads on the thread that asks; `None` where that would hold it up.
    fn try_here<T>(
        &self,
        cx: &ReadContext,
        read: &impl Fn(&Snapshot<'_>) -> rusqlite::Result<T>,
    ) -> Option<rusqlite::Result<T>> {
        let mut connection = self.readers.iter().find_map(|reader| reader.try_lock().ok())?;
        let result = read::briefly(&mut connection, |connection| {
            read(&Snapshot::new(
                connection,
                cx.tenant.as_str(),
                Lane::BRIEF,
                cx.budget,
                &|| false,
            ))
        });
        let waits = |error: &rusqlite::Error| read::is_interruption(error) || read::is_busy(error);
        (!result.as_ref().is_err_and(waits)).then_some(result)
    }

    /// Reads in the short lane, and again in that of scans if it turns out to be too much work for the first.
    ///
    /// Every read begins in the short lane: there the indexes say at once if a query is a scan.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        cx: &ReadContext,
        read: impl Fn(&Snapshot<'_>) -> rusqlite::Result<T> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let read = Arc::new(read);
        let short = self.read_in(Lane::SHORT, cx, Arc::clone(&read)).await?;
        let result = match short {
            Err(error) if read::is_interruption(&error) => {
                cx.budget.meter().check_time()?;
                self.read_in(Lane::Scans, cx, read).await?
            }
            result => result,
        };
        if result.as_ref().is_err_and(read::is_interruption) {
            cx.budget.meter().check_time()?;
        }
        result.map_err(store_error)
    }

    /// Reads on one of the threads of a lane.
    async fn read_in<T: Send + 'static>(
        &self,
        lane: Lane,
        cx: &ReadContext,
        read: Arc<impl Fn(&Snapshot<'_>) -> rusqlite::Result<T> + Send + Sync + 'static>,
    ) -> Result<rusqlite::Result<T>, StoreError> {
        let ReadContext { tenant, budget } = cx.clone();
        let (reply, answer) = oneshot::channel();
        let job: read::Job = Box::new(move |connection| {
            let abandoned = || reply.is_closed();
            if abandoned() {
                return;
            }
            let result = read::until(connection, budget.deadline, |connection| {
                read(&Snapshot::new(
                    connection,
                    tenant.as_str(),
                    lane,
                    budget,
                    &abandoned,
                ))
            });
            // Whoever asked may have gone.
            reply.send(result).ok();
        });
        let workers = match lane {
            Lane::Short { .. } => &self.short,
            Lane::Scans => &self.scans,
        };
        workers.send(job).await?;
        answer.await.map_err(StoreError::internal)
    }

    /// Writes something that is no commit. What may be personal is removed from the log too, if it `erases`.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        erases: bool,
        write: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer
            .send(Box::new(write::Task::new(write, erases, reply)))
            .await?;
        answer.await.map_err(StoreError::internal)?
    }

    /// Hands commits over to the writer.
    async fn hand_over(
        &self,
        commits: &[Arc<Commit>],
    ) -> Result<Vec<Result<Committed, CommitError>>, StoreError> {
        let prepared = commits.iter().map(kit::Prepared::new).collect();
        let mut counts = write::Counts::new();
        for commit in commits.iter().filter(|commit| write::may_empty(commit)) {
            let cx = ReadContext::new(commit.tenant.clone());
            let commit = Arc::clone(commit);
            let count = move |snapshot: &Snapshot<'_>| write::count_before(snapshot.connection(), &commit);
            // What can't be counted here is counted by the writer.
            counts.extend(self.read_briefly(&cx, count).await.unwrap_or_default());
        }
        let (reply, answer) = oneshot::channel();
        let commits = write::Commits::new(prepared, counts, self.hook.clone(), reply);
        self.writer.send(Box::new(commits)).await?;
        answer.await.map_err(StoreError::internal)
    }
}

impl Store for SqliteStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        // A page of members is as many rows as one can ask for.
        let is_brief = ids.len() == 1 && selection.page.is_none();
        let (resource_type, ids, selection) = (resource_type.clone(), ids.to_vec(), selection.clone());
        let get = move |snapshot: &Snapshot<'_>| read::get(snapshot, &resource_type, &ids, &selection);
        if is_brief {
            self.read_briefly(cx, get).await
        } else {
            self.read(cx, get).await
        }
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        // An index may find a few.
        let is_brief = query.filter.is_some() || query.reserved.is_some();
        let (resource_type, query) = (resource_type.clone(), query.clone());
        let page = move |snapshot: &Snapshot<'_>| read::query(snapshot, &resource_type, &query);
        if is_brief {
            self.read_briefly(cx, page).await
        } else {
            self.read(cx, page).await
        }
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        if commits.is_empty() {
            return Vec::new();
        }
        self.hand_over(commits).await.unwrap_or_else(|_| {
            let stopped = |_| Err(StoreError::internal(Stopped).into());
            commits.iter().map(stopped).collect()
        })
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        let commit = commit.clone();
        self.read_briefly(&ReadContext::new(tenant.clone()), move |snapshot| {
            snapshot
                .connection()
                .prepare_cached(
                    "SELECT 1 FROM commits JOIN tenants USING (tenant) WHERE name = ?1 AND id = ?2",
                )?
                .exists([snapshot.tenant_name(), commit.as_str()])
        })
        .await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// The path as an absolute one, lest SQLite take a name such as `:memory:` for something else than a file.
fn whole(path: &Path) -> Result<PathBuf, OpenError> {
    absolute(path).map_err(|source| OpenError::Create {
        path: path.into(),
        source,
    })
}

/// Threads with a connection each that take jobs from one queue.
struct Workers<J> {
    /// `None` once the threads are told to end.
    jobs: Option<mpsc::Sender<J>>,
    threads: Vec<JoinHandle<()>>,
}

impl<J: Send + 'static> Workers<J> {
    /// Starts a thread for each connection. `waiting` jobs may wait; whoever sends more waits himself.
    fn start<C: Send + 'static>(
        connections: Vec<C>,
        waiting: usize,
        run: fn(C, &Mutex<mpsc::Receiver<J>>),
    ) -> Result<Self, OpenError> {
        let (sender, receiver) = mpsc::channel(waiting);
        let receiver = Arc::new(Mutex::new(receiver));
        // On an error the threads that run are told to end and waited for.
        let mut workers = Self {
            jobs: Some(sender),
            threads: Vec::new(),
        };
        for connection in connections {
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new()
                .name("keyfob-sqlite".into())
                .spawn(move || run(connection, &receiver))
                .map_err(OpenError::Thread)?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    async fn send(&self, job: J) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or_else(|| StoreError::internal(Stopped))?;
        jobs.send(job).await.map_err(|_| StoreError::internal(Stopped))
    }
}

impl<J> Drop for Workers<J> {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // One that panicked has nothing left to wait for.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use keyfob_core::{DateTime, Resource};
    use keyfob_store::{Budget, Change, Exhausted, Query, StoreExt};
    use pollster::block_on;

    use super::*;

    /// A store of which the writer's connection was prepared.
    fn store(prepare: impl FnOnce(&Connection)) -> (tempfile::TempDir, SqliteStore) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyfob.db");
        let writer = open::writer(&path, true).unwrap();
        prepare(&writer);
        let store = SqliteStore::start(&path, writer, Options::new(), Vec::new()).unwrap();
        (directory, store)
    }

    fn cx() -> ReadContext {
        ReadContext::new(TenantId::new("acme"))
    }

    fn user_type() -> &'static ResourceType {
        Registry::rfc().resource_type("User").unwrap()
    }

    fn create(store: &SqliteStore, number: usize) -> Result<Committed, CommitError> {
        let mut document = Resource::default();
        document.core_mut().insert("title", "x".repeat(3000).as_str());
        let id = ResourceId::new(number.to_string());
        commit(store, Change::create(user_type(), id, document))
    }

    fn commit(store: &SqliteStore, change: Change) -> Result<Committed, CommitError> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let at = DateTime::from_unix_millis(0);
        let id = CommitId::new(number.to_string());
        block_on(store.commit_one(Commit::new(id, cx().tenant, at, vec![change])))
    }

    fn total(store: &SqliteStore) -> usize {
        block_on(store.query(&cx(), user_type(), &Query::first(1000)))
            .unwrap()
            .resources
            .len()
    }

    #[test]
    fn a_read_that_is_too_long_for_the_short_lane_is_done_in_that_of_scans() {
        let (_directory, store) = store(|_| ());
        for number in 0..3 {
            create(&store, number).unwrap();
        }
        // A document of 3,000 bytes counts as 47 rows.
        for (steps, ends) in [(200, 3), (100, 2), (46, 0)] {
            let lane = Lane::Short { steps };
            let get = |number: usize| {
                let read = move |snapshot: &Snapshot<'_>| {
                    for id in 0..number {
                        let id = ResourceId::new(id.to_string());
                        read::get(snapshot, user_type(), &[id], &Selection::document())?;
                    }
                    Ok(())
                };
                block_on(store.read_in(lane, &cx(), Arc::new(read))).unwrap()
            };
            for number in 0..=3 {
                let result = get(number);
                assert_eq!(
                    result.is_ok(),
                    number <= ends,
                    "{steps} steps, {number} documents"
                );
                assert!(result.err().is_none_or(|error| read::is_interruption(&error)));
            }
        }
        // The short lane gives up what the other one then does from the start.
        for (steps, expected) in [(1 << 10, 1), (1 << 16, 2)] {
            let runs = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&runs);
            let read = move |snapshot: &Snapshot<'_>| {
                counted.fetch_add(1, Ordering::Relaxed);
                snapshot.spend(steps)
            };
            block_on(store.read(&cx(), read)).unwrap();
            assert_eq!(runs.load(Ordering::Relaxed), expected, "{steps} steps");
        }
    }

    #[test]
    fn a_read_is_handed_over_only_if_it_is_long_or_all_connections_are_in_use() {
        let (_directory, store) = store(|_| ());
        let here = thread::current().id();
        let threads = |steps: usize| {
            let threads = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&threads);
            let read = move |snapshot: &Snapshot<'_>| {
                seen.lock().unwrap().push(thread::current().id() == here);
                snapshot.spend(steps)
            };
            block_on(store.read_briefly(&cx(), read)).unwrap();
            let seen = threads.lock().unwrap();
            seen.clone()
        };
        for (steps, expected) in [
            (1, [true].as_slice()),
            (128, &[true]),
            (129, &[true, false]),
            (1 << 16, &[true, false, false]),
        ] {
            assert_eq!(threads(steps), expected, "{steps} steps");
        }
        let in_use = |number: usize| -> Vec<_> {
            let readers = store.readers.iter().take(number);
            readers.map(|reader| reader.lock().unwrap()).collect()
        };
        let some = in_use(3);
        assert_eq!(threads(1), [true]);
        drop(some);
        thread::scope(|scope| {
            let (held, holds) = std::sync::mpsc::channel();
            let store = &store;
            scope.spawn(move || {
                let all: Vec<_> = store
                    .readers
                    .iter()
                    .map(|reader| reader.lock().unwrap())
                    .collect();
                held.send(()).unwrap();
                thread::sleep(Duration::from_millis(50));
                drop(all);
            });
            holds.recv().unwrap();
            assert_eq!(threads(1), [false]);
        });
    }

    #[test]
    fn a_read_that_is_late_leaves_no_transaction_open() {
        let (_directory, store) = store(|_| ());
        // SQLite counts the instructions of a statement that is kept over all its runs.
        for number in 0..4_000 {
            let read = |_: &Snapshot<'_>| {
                thread::sleep(Duration::from_micros(210));
                Ok(())
            };
            block_on(store.read_briefly(&cx(), read)).unwrap_or_else(|error| panic!("{number}: {error:?}"));
        }
    }

    #[test]
    fn a_statement_that_goes_on_by_itself_holds_up_nobody_who_asks_for_something_brief() {
        let (_directory, store) = store(|_| ());
        let here = thread::current().id();
        let read = move |snapshot: &Snapshot<'_>| {
            let numbers =
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 3000000)
                SELECT max(n) FROM numbers";
            let last: i64 = snapshot.connection().query_row(numbers, [], |row| row.get(0))?;
            Ok((last, thread::current().id() == here))
        };
        assert_eq!(
            block_on(store.read_briefly(&cx(), read)).unwrap(),
            (3_000_000, false)
        );
    }

    #[test]
    fn a_full_database_is_unavailable_until_there_is_room_again() {
        let (_directory, store) = store(|writer| writer.pragma_update(None, "max_page_count", 100).unwrap());
        let created = (0..1000).take_while(|number| match create(&store, *number) {
            Ok(_) => true,
            Err(CommitError::Store(StoreError::Unavailable(_))) => false,
            Err(error) => panic!("{error:?}"),
        });
        let created = created.count();
        assert!((20..100).contains(&created), "{created}");
        assert_eq!(total(&store), created);
        for number in 0..10 {
            let id = ResourceId::new(number.to_string());
            commit(&store, Change::delete(user_type(), id, None)).unwrap();
        }
        create(&store, created).unwrap();
        assert_eq!(total(&store), created - 9);
    }

    #[test]
    fn a_database_that_another_process_holds_is_unavailable_until_it_is_let_go() {
        let (directory, store) = store(|writer| writer.busy_timeout(Duration::from_millis(30)).unwrap());
        let other = Connection::open(directory.path().join("keyfob.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = create(&store, 1).unwrap_err();
        assert!(
            matches!(error, CommitError::Store(StoreError::Unavailable(_))),
            "{error:?}"
        );
        other.execute_batch("ROLLBACK").unwrap();
        create(&store, 1).unwrap();
        assert_eq!(total(&store), 1);
    }

    #[test]
    fn a_statement_that_sorts_ends_at_the_deadline() {
        let (_directory, store) = store(|_| ());
        let endless = |snapshot: &Snapshot<'_>| {
            let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
                SELECT max(n) FROM numbers";
            snapshot
                .connection()
                .query_row(numbers, [], |row| row.get::<_, i64>(0))
        };
        let budget = Budget::UNLIMITED.within(Duration::from_millis(50));
        let error = block_on(store.read(&cx().with_budget(budget), endless)).unwrap_err();
        assert!(
            matches!(error, StoreError::Exhausted(Exhausted::Time)),
            "{error:?}"
        );
        // The connection is as before.
        create(&store, 1).unwrap();
        assert_eq!(total(&store), 1);
    }
}
