//! The one way in which anything is written.

mod apply;
mod content;
mod load;
mod needs;
mod publish;
mod relation;
mod save;
mod world;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_core::{ResourceId, Version, schema::RelationKind};
use keyfob_store::{
    Answer, Budget, Change, Commit, CommitError, CommitId, Committed, Exhausted, Outcome, StoreError, Stored,
    TenantId,
};

pub(crate) use self::content::{Entry, Prepared};
use self::{
    load::{Loaded, load},
    needs::Needs,
    publish::{Publishing, forgotten},
    save::Aside,
    world::World,
};
use crate::{
    error::{Failure, HandedOverBefore},
    hook::{Hook, Transaction},
    read,
    session::{Database, PATIENCE, Session, Statement},
    sql::Param,
};

/// At most so many commits share one transaction.
const GROUP: usize = 64;

/// The longest pause before a transaction that met another one is tried again. Pauses are random, lest the two meet again.
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// Applies commits in order. Neighbours of one tenant share a transaction and its wait for the disk.
pub(crate) async fn commit(
    database: &Database,
    hook: Option<&dyn Hook>,
    commits: &[Arc<Commit>],
) -> Vec<Result<Committed, CommitError>> {
    let prepared: Vec<_> = commits.iter().map(Prepared::new).collect();
    let mut results = Vec::with_capacity(prepared.len());
    let mut rest = prepared.as_slice();
    while let Some(first) = rest.first() {
        let of_tenant = rest
            .iter()
            .take(GROUP)
            .take_while(|prepared| prepared.commit.tenant == first.commit.tenant)
            .count();
        let (group, others) = rest.split_at(of_tenant);
        let group: Vec<&Prepared> = group.iter().collect();
        let group = Group::new(database, hook, &group);
        match group.write().await {
            Some(outcomes) => results.extend(outcomes),
            // What one of them wants to see is changed by a later one, so that each is made alone.
            None => {
                for one in &group.prepared {
                    let alone = Group::new(database, hook, std::slice::from_ref(one));
                    results.extend(alone.write().await.unwrap_or_default());
                }
            }
        }
        rest = others;
    }
    results
}

/// Commits of one tenant that are made in one transaction.
struct Group<'g> {
    database: &'g Database,
    hook: Option<&'g dyn Hook>,
    prepared: Vec<&'g Prepared>,
    /// The instant until which it is tried.
    deadline: Instant,
}

type Results = Vec<Result<Committed, CommitError>>;

/// Why an attempt came to nothing.
enum Setback {
    /// Owners of resources that change are not locked.
    Unlocked(BTreeSet<ResourceId>),
    /// A later commit changes what an earlier one wants to see.
    Entangled,
    /// The database failed before the transaction could have been kept.
    Failed(Failure),
    /// The connection broke while the transaction was kept, if it was.
    Unknown(Failure, Results),
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<'g> Group<'g> {
    fn new(database: &'g Database, hook: Option<&'g dyn Hook>, prepared: &[&'g Prepared]) -> Self {
        let now = Instant::now();
        // As long as anybody waits for one of them.
        let last = prepared
            .iter()
            .filter_map(|prepared| prepared.commit.deadline)
            .max();
        Self {
            database,
            hook,
            prepared: prepared.to_vec(),
            deadline: last.unwrap_or(now + PATIENCE).min(now + PATIENCE),
        }
    }

    /// Writes the commits and returns their outcomes; none where they have to be made one by one.
    async fn write(&self) -> Option<Results> {
        let mut owners = BTreeSet::new();
        let mut attempts: u32 = 0;
        loop {
            let failure = match self.attempt(&owners).await {
                Ok(results) => return Some(results),
                Err(Setback::Entangled) => return None,
                // Nobody stands in the way; what was missing is known.
                Err(Setback::Unlocked(more)) => {
                    owners.extend(more);
                    continue;
                }
                Err(Setback::Unknown(failure, results)) => match self.has_happened(&results).await {
                    Some(true) => return Some(self.with_answers(results).await),
                    Some(false) => failure,
                    None => return Some(unknown(failure, results)),
                },
                Err(Setback::Failed(failure)) => failure,
            };
            attempts += 1;
            let may_pass = failure.is_conflict() || failure.is_connection();
            if !may_pass || !self.pause(attempts).await {
                return Some(self.failed(failure));
            }
        }
    }

    /// Waits before the next attempt, unless there is no time for one.
    async fn pause(&self, attempts: u32) -> bool {
        let bound = Duration::from_millis(1 << attempts.min(8)).min(MAX_PAUSE);
        let pause = bound.mul_f64(random_part());
        if Instant::now() + pause >= self.deadline {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    async fn attempt(&self, owners: &BTreeSet<ResourceId>) -> Result<Results, Setback> {
        let in_time: Vec<&Prepared> = self
            .prepared
            .iter()
            .copied()
            .filter(|prepared| !prepared.commit.is_late())
            .collect();
        let Some(tenant) = in_time.first().map(|first| first.commit.tenant.clone()) else {
            return Ok(self.prepared.iter().map(|_| late()).collect());
        };
        let tenant = tenant.as_str();
        let mut needs = Needs::of(&in_time);
        let mut session = self.database.session(Some(self.deadline)).await?;
        for owner in owners {
            needs.locks.write(owner);
        }
        if owners.is_empty() && !needs.turning.is_empty() {
            for owner in load::owners(&mut session, tenant, &needs.turning).await? {
                needs.locks.write(&owner);
            }
        }
        let begin = Statement::begin_writing(Some(self.deadline));
        let (base, new) = match load(&mut session, (tenant, begin), &in_time, &needs).await {
            Ok(Loaded::Ready(base, new)) => (base, new),
            Err(failure) => {
                session.end().await;
                return Err(failure.into());
            }
            Ok(Loaded::Unlocked(more)) => {
                session.end().await;
                let locked = needs.locks.written().cloned();
                return Err(Setback::Unlocked(locked.chain(more).collect()));
            }
        };
        let mut world = World::new(*base);
        let mut making = Making {
            world: &mut world,
            new,
            aside: Aside::default(),
            answered: Vec::new(),
        };
        let mut results = Vec::with_capacity(self.prepared.len());
        for (place, prepared) in self.prepared.iter().enumerate() {
            let is_late = !in_time.iter().any(|other| std::ptr::eq(*other, *prepared));
            results.push(if is_late {
                late()
            } else {
                making.commit(place, prepared)
            });
        }
        let Making { aside, answered, .. } = making;
        if results.iter().all(Result::is_err) {
            session.end().await;
            return Ok(results);
        }
        // An answer is read at the end, so it has to be what its own commit left.
        let is_left = |(_, answered): &(usize, Answered<'_>)| answered.is_settled(&world);
        if self.prepared.len() > 1 && !answered.iter().all(is_left) {
            session.end().await;
            return Err(Setback::Entangled);
        }
        self.save(session, tenant, &world, (aside, answered), results)
            .await
    }

    /// Writes what has changed, reads the answers and ends the transaction: one round trip unless there is a hook.
    async fn save(
        &self,
        session: Session,
        tenant: &str,
        world: &World,
        (aside, answered): (Aside, Vec<(usize, Answered<'_>)>),
        results: Results,
    ) -> Result<Results, Setback> {
        let mut session = session;
        let mut results = results;
        let mut statements = save::statements(tenant, world, &aside);
        if let Some(hook) = self.hook {
            session.run(statements).await?;
            statements = Vec::new();
            for (prepared, result) in self.prepared.iter().zip(&results) {
                if let Ok(committed) = result {
                    let transaction = Transaction::new(&session);
                    let called = hook.before_commit(transaction, &prepared.commit, committed).await;
                    called.map_err(Failure::of_hook)?;
                }
            }
        }
        let written = statements.len();
        let mut places = Vec::with_capacity(answered.len());
        for (_, answered) in &answered {
            let reading = answered.statements(tenant);
            places.push(reading.len());
            statements.extend(reading);
        }
        statements.push(Statement::Commit);
        let rows = match session.run(statements).await {
            Ok(rows) => rows,
            Err(failure) if failure.is_connection() => return Err(Setback::Unknown(failure, results)),
            Err(failure) => {
                // The server has rolled back at the end of the transaction.
                return Err(Setback::Failed(failure));
            }
        };
        let mut rows = rows.into_iter().skip(written);
        for ((commit, answered), places) in answered.iter().zip(places) {
            let of: Vec<_> = rows.by_ref().take(places).collect();
            // What was committed is committed, whether or not it can be shown.
            let answer = answered.read(of).unwrap_or_else(|failure| {
                let error = failure.into_store_error(None);
                tracing::warn!(%error, "what a commit left can't be read");
                None
            });
            if let Some(Ok(committed)) = results.get_mut(*commit) {
                committed.answer = answer;
            }
        }
        Ok(results)
    }

    /// Finds out whether the transaction was kept; none if the database can't be asked in time.
    async fn has_happened(&self, results: &Results) -> Option<bool> {
        let mut commits = self.prepared.iter().zip(results);
        let (prepared, _) = commits.find(|(_, result)| result.is_ok())?;
        let Commit { tenant, id, .. } = &*prepared.commit;
        let mut attempts: u32 = 0;
        loop {
            if let Ok(happened) = committed(self.database, tenant, id, Some(self.deadline)).await {
                return Some(happened);
            }
            attempts += 1;
            if !self.pause(attempts).await {
                return None;
            }
        }
    }

    /// Reads the answers of commits that happened, after the connection broke.
    async fn with_answers(&self, results: Results) -> Results {
        let mut results = results;
        for (prepared, result) in self.prepared.iter().zip(&mut results) {
            if let Ok(committed) = result
                && let Some(answered) = Answered::of(&prepared.commit, &committed.outcomes)
            {
                let cx = keyfob_store::ReadContext::new(prepared.commit.tenant.clone());
                let ids = std::slice::from_ref(answered.id);
                let Answer { selection, .. } = answered.answer;
                let found = read::get(self.database, &cx, answered.resource_type, ids, selection).await;
                committed.answer = found.ok().and_then(|found| found.into_iter().next()).flatten();
            }
        }
        results
    }

    fn failed(&self, failure: Failure) -> Results {
        let error = failure.into_store_error(Some(self.deadline));
        // The first gets the error itself, the others its kind, as it can't be copied.
        let copy = |error: &StoreError| match error {
            StoreError::Unavailable(source) => StoreError::unavailable(source.to_string()),
            StoreError::Exhausted(exhausted) => StoreError::Exhausted(*exhausted),
            other => StoreError::internal(other.to_string()),
        };
        let copies: Vec<_> = self
            .prepared
            .iter()
            .skip(1)
            .map(|_| Err(copy(&error).into()))
            .collect();
        std::iter::once(Err(error.into())).chain(copies).collect()
    }
}

/// Commits of which nobody knows whether they happened. Those that were refused were refused in any case.
fn unknown(failure: Failure, results: Results) -> Results {
    let mut error = Some(failure.into_store_error(None));
    let results = results.into_iter().map(|result| {
        result.and_then(|_| {
            let source = error.take();
            let source = source.unwrap_or_else(|| StoreError::unavailable("the connection broke"));
            Err(StoreError::OutcomeUnknown(source.into()).into())
        })
    });
    results.collect()
}

fn late() -> Result<Committed, CommitError> {
    Err(StoreError::from(Exhausted::Time).into())
}

/// A number from 0 to 1.
fn random_part() -> f64 {
    let mut byte = [0_u8; 1];
    // Without randomness pauses are as long as they can be.
    match getrandom::fill(&mut byte) {
        Ok(()) => f64::from(byte.first().copied().unwrap_or(u8::MAX)) / f64::from(u8::MAX),
        Err(_) => 1.0,
    }
}

/// Makes the commits of a group.
struct Making<'m, 'p> {
    world: &'m mut World,
    /// The commits that were not handed over before.
    new: std::collections::HashSet<CommitId>,
    aside: Aside,
    answered: Vec<(usize, Answered<'p>)>,
}

impl<'p> Making<'_, 'p> {
    fn commit(&mut self, place: usize, prepared: &'p Prepared) -> Result<Committed, CommitError> {
        let commit = &*prepared.commit;
        if !self.new.remove(&commit.id) {
            return Err(StoreError::OutcomeUnknown(HandedOverBefore.into()).into());
        }
        let mark = self.world.mark();
        let mut publishing = Publishing::new(commit);
        let made = apply::apply(self.world, prepared, |world, change| {
            publishing.note(world, change);
        });
        let outcomes = match made {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.world.roll_back(mark);
                self.aside.refused.push(commit.id.as_str().into());
                return Err(error);
            }
        };
        let stamp = self.world.base.stamp;
        let events = publishing.finish(self.world, &outcomes);
        self.aside
            .events
            .extend(events.into_iter().map(|event| (stamp, event)));
        for (kind, id) in forgotten(commit) {
            for (_, event) in &mut self.aside.events {
                if event.event.resource == id && event.event.resource_type == kind {
                    event.labels = keyfob_store::Labels::default();
                }
            }
            self.aside.forgotten.insert((kind, id));
        }
        if let Some(mut answered) = Answered::of(commit, &outcomes) {
            answered.version = self.world.row(answered.id).map(|row| row.version);
            self.answered.push((place, answered));
        }
        // The next commit of the group comes after this one.
        self.world.base.stamp += 1;
        Ok(Committed::new(outcomes))
    }
}

/// The resource that the caller of a commit wants to see.
struct Answered<'p> {
    answer: &'p Answer,
    resource_type: &'p keyfob_core::ResourceType,
    id: &'p ResourceId,
    /// The version in which its commit left it.
    version: Option<Version>,
}

impl<'p> Answered<'p> {
    fn of(commit: &'p Commit, outcomes: &[Outcome]) -> Option<Self> {
        let answer = commit.answer.as_ref()?;
        outcomes.get(answer.change).and_then(Outcome::revision)?;
        let (resource_type, id) = commit.changes.get(answer.change).and_then(Change::subject)?;
        Some(Self {
            answer,
            resource_type,
            id,
            version: None,
        })
    }

    /// Whether no later commit of the group changes what is to be seen.
    fn is_settled(&self, world: &World) -> bool {
        let shows_owners = read::selected(self.resource_type, &self.answer.selection)
            .any(|relation| matches!(relation.kind, RelationKind::InverseOf { .. }));
        !shows_owners && world.row(self.id).map(|row| row.version) == self.version
    }

    fn statements(&self, tenant: &'p str) -> Vec<Statement<'p>> {
        let ids = std::slice::from_ref(self.id);
        // The cost of an answer is bounded by its limit of members.
        let selection = &self.answer.selection;
        read::statements(
            tenant,
            self.resource_type,
            ids,
            selection,
            read::Limits::shown(selection),
        )
    }

    fn read(&self, rows: Vec<Vec<tokio_postgres::Row>>) -> Result<Option<Stored>, Failure> {
        let mut cost = read::Cost::within(Budget::UNLIMITED);
        let ids = std::slice::from_ref(self.id);
        let found = read::found(&mut cost, self.resource_type, ids, &self.answer.selection, rows)?;
        Ok(found.into_iter().next().flatten())
    }
}

const KNOWN: &str = "SELECT 1 FROM @commits WHERE tenant = $1 AND id = $2";

// Waits for a transaction that inserted the row and has not ended. The database may still be at work on one of which the
// connection is gone.
const PROBE: &str = "INSERT INTO @commits (tenant, id, at) VALUES ($1, $2, 0)
    ON CONFLICT (tenant, id) DO NOTHING RETURNING id";

/// Returns true if a commit happened. False means that it never will, unless it is handed over again.
pub(crate) async fn committed(
    database: &Database,
    tenant: &TenantId,
    commit: &CommitId,
    deadline: Option<Instant>,
) -> Result<bool, Failure> {
    let mut session = database.session(deadline).await?;
    let params = || vec![Param::text(tenant.as_str()), Param::text(commit.as_str())];
    if !session.query(KNOWN, params()).await?.is_empty() {
        return Ok(true);
    }
    let statements = vec![
        Statement::begin_writing(deadline),
        Statement::Query(PROBE, params()),
    ];
    let rows = session.run(statements).await?;
    let is_new = rows.last().is_some_and(|rows| !rows.is_empty());
    session.end().await;
    Ok(!is_new)
}
