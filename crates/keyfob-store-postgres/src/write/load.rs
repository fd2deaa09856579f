//! The first round trip of a group of commits: locks, and everything that the changes depend on, read under them.

use std::{
    collections::{BTreeSet, HashSet},
    mem,
};

use keyfob_core::ResourceId;
use keyfob_store::{CommitId, Labels, kit::LockStrength};
use tokio_postgres::Row as Columns;

use super::{
    content::{Entry, Prepared},
    needs::Needs,
    world::{Base, Row},
};
use crate::{
    error::Failure,
    read::decode,
    session::{Session, Statement},
    sql::Param,
};

// First of all, and answered before the end of the transaction is sent: when the connection breaks then, whoever inserts the
// same row waits for what becomes of this transaction, and so knows.
const REMEMBER: &str = "INSERT INTO @commits (tenant, id, at)
    SELECT $1, w.id, w.at FROM unnest($2::text[], $3::bigint[]) AS w (id, at) ORDER BY w.id
    ON CONFLICT (tenant, id) DO NOTHING RETURNING id";

/// The columns that [`row`] takes.
macro_rules! columns {
    () => {
        "SELECT id, kind, hidden, version, created, modified, stamp, name, external_id FROM @resources
        WHERE tenant = $1 AND id = ANY($2)"
    };
}

// Rows are locked in the order in which they are sorted.
const LOCK_TO_WRITE: &str = concat!(columns!(), " ORDER BY id FOR UPDATE");
const LOCK_TO_LOOK_AT: &str = concat!(columns!(), " ORDER BY id FOR SHARE");
const NAMED: &str = columns!();

const LAST_VERSIONS: &str = "SELECT id, version FROM @last_versions WHERE tenant = $1 AND id = ANY($2)";

const HOLDERS: &str = "SELECT k.kind, k.attribute, k.key, k.id
    FROM unnest($2::text[], $3::text[], $4::text[]) AS w (kind, attribute, key)
    JOIN @unique_keys k ON k.tenant = $1 AND k.kind = w.kind AND k.attribute = w.attribute AND k.key = w.key";

const RESERVED: &str = "SELECT kind, attribute, key, id FROM @unique_keys WHERE tenant = $1 AND id = ANY($2)";

const ENTRIES: &str = "SELECT id, attribute, hidden, key, created, sorts FROM @entries
    WHERE tenant = $1 AND id = ANY($2)";

const EDGES: &str = "SELECT e.owner, e.attribute, e.member, r.hidden
    FROM unnest($2::text[], $3::text[], $4::text[]) AS w (owner, attribute, member)
    JOIN @edges e ON e.tenant = $1 AND e.owner = w.owner AND e.attribute = w.attribute AND e.member = w.member
    JOIN @resources r ON r.tenant = e.tenant AND r.id = e.member";

const MEMBERS: &str = "SELECT e.owner, e.attribute, e.member, r.hidden
    FROM unnest($2::text[], $3::text[]) AS w (owner, attribute)
    JOIN @edges e ON e.tenant = $1 AND e.owner = w.owner AND e.attribute = w.attribute
    JOIN @resources r ON r.tenant = e.tenant AND r.id = e.member";

const OWNERS: &str = "SELECT member, owner, attribute FROM @edges WHERE tenant = $1 AND member = ANY($2)";

// After everything that is read: whatever was seen was committed by then, so its stamp is earlier.
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// The outcome of the first round trip.
pub(super) enum Loaded {
    /// The changes can be made. The commits are those that were not handed over before.
    Ready(Box<Base>, HashSet<CommitId>),
    /// Resources that change with others have owners that are not locked.
    Unlocked(BTreeSet<ResourceId>),
}

/// Reads who owns edges to resources that go, hide or come back, to lock them too.
pub(super) async fn owners(
    session: &mut Session,
    tenant: &str,
    turning: &BTreeSet<ResourceId>,
) -> Result<BTreeSet<ResourceId>, Failure> {
    let params = vec![Param::text(tenant), ids(turning)];
    let rows = session.query(OWNERS, params).await?;
    rows.iter().map(|row| decode::id(row, 1)).collect()
}

/// Begins the transaction, locks and reads.
pub(super) async fn load(
    session: &mut Session,
    (tenant, begin): (&str, Statement<'_>),
    group: &[&Prepared],
    needs: &Needs,
) -> Result<Loaded, Failure> {
    let runs = needs.locks.runs();
    let mut reading = Reading::new(tenant, begin);
    let commits = reading.ask(
        REMEMBER,
        vec![
            Param::texts(group.iter().map(|prepared| prepared.commit.id.as_str())),
            Param::ints(group.iter().map(|prepared| prepared.commit.at.unix_millis())),
        ],
    );
    let mut locked = Vec::with_capacity(runs.len());
    for (strength, run) in &runs {
        let template = match strength {
            LockStrength::Exclusive => LOCK_TO_WRITE,
            LockStrength::Shared => LOCK_TO_LOOK_AT,
        };
        let run = Param::texts(run.iter().map(|id| id.as_str()));
        locked.push(reading.ask(template, vec![run]));
    }
    let named: BTreeSet<_> = needs
        .named
        .iter()
        .filter(|id| needs.locks.strength(id).is_none())
        .cloned()
        .collect();
    let named = reading.ask_about(NAMED, &named);
    let last_versions = reading.ask_about(LAST_VERSIONS, &needs.created);
    let holders = (!needs.keys.is_empty()).then(|| {
        let keys = &needs.keys;
        let params = vec![
            Param::texts(keys.iter().map(|(kind, _)| kind.as_str())),
            Param::texts(keys.iter().map(|(_, (attribute, _))| attribute.as_str())),
            Param::stored(keys.iter().map(|(_, (_, key))| key.as_str())),
        ];
        reading.ask(HOLDERS, params)
    });
    let reserved = reading.ask_about(RESERVED, &needs.reserving);
    let entries = reading.ask_about(ENTRIES, &needs.indexed);
    let edges = (!needs.edges.is_empty()).then(|| {
        let edges = &needs.edges;
        let params = vec![
            Param::texts(edges.iter().map(|(owner, ..)| owner.as_str())),
            Param::texts(edges.iter().map(|(_, attribute, _)| attribute.as_str())),
            Param::texts(edges.iter().map(|(.., member)| member.as_str())),
        ];
        reading.ask(EDGES, params)
    });
    let members = (!needs.cleared.is_empty()).then(|| {
        let params = vec![
            Param::texts(needs.cleared.iter().map(|(owner, _)| owner.as_str())),
            Param::texts(needs.cleared.iter().map(|(_, attribute)| attribute.as_str())),
        ];
        reading.ask(MEMBERS, params)
    });
    let owners = reading.ask_about(OWNERS, &needs.turning);
    let clock = reading.ask_plain(CLOCK);

    let places = Places {
        commits,
        rows: locked.into_iter().chain(named).collect(),
        last_versions,
        holders,
        reserved,
        entries,
        edges,
        members,
        owners,
        clock,
    };
    let answers = Answers(session.run(reading.statements).await?);
    places.gather(answers, needs)
}

/// The places of the answers.
struct Places {
    commits: usize,
    /// Resources, with a lock or without.
    rows: Vec<usize>,
    last_versions: Option<usize>,
    holders: Option<usize>,
    reserved: Option<usize>,
    entries: Option<usize>,
    edges: Option<usize>,
    members: Option<usize>,
    owners: Option<usize>,
    clock: usize,
}

impl Places {
    fn gather(self, answers: Answers, needs: &Needs) -> Result<Loaded, Failure> {
        let mut answers = answers;
        let mut base = Base::default();
        for place in self.rows {
            for columns in answers.take(Some(place)) {
                let (id, stamp, row) = row(&columns)?;
                base.stamp = base.stamp.max(stamp + 1);
                base.rows.insert(id, row);
            }
        }
        for columns in answers.take(self.last_versions) {
            let version = decode::version(&columns, 1)?;
            base.last_versions.insert(decode::id(&columns, 0)?, version);
        }
        for columns in answers
            .take(self.holders)
            .iter()
            .chain(&answers.take(self.reserved))
        {
            let key = (decode::text(columns, 1)?, decode::raw(columns, 2)?.to_owned());
            let id = decode::id(columns, 3)?;
            base.reserved.entry(id.clone()).or_default().insert(key.clone());
            base.holders.insert((decode::text(columns, 0)?, key), id);
        }
        for columns in answers.take(self.entries) {
            let of = base.entries.entry(decode::id(&columns, 0)?).or_default();
            of.insert(Entry {
                attribute: decode::text(&columns, 1)?,
                hidden: decode::flag(&columns, 2)?,
                key: decode::raw(&columns, 3)?.to_owned(),
                created: decode::int(&columns, 4)?,
                sorts: decode::flag(&columns, 5)?,
            });
        }
        let members = answers.take(self.members);
        for columns in answers.take(self.edges).iter().chain(&members) {
            let member = decode::id(columns, 2)?;
            let edge = (decode::id(columns, 0)?, decode::text(columns, 1)?, member.clone());
            base.hidden.insert(member, decode::flag(columns, 3)?);
            base.edges.insert(edge);
        }
        for columns in &members {
            let of = (decode::id(columns, 0)?, decode::text(columns, 1)?);
            base.members.entry(of).or_default().push(decode::id(columns, 2)?);
        }
        let mut unlocked = BTreeSet::new();
        for columns in answers.take(self.owners) {
            let (member, owner) = (decode::id(&columns, 0)?, decode::id(&columns, 1)?);
            let attribute = decode::text(&columns, 2)?;
            if needs.locks.strength(&owner) != Some(LockStrength::Exclusive) {
                unlocked.insert(owner.clone());
            }
            base.edges
                .insert((owner.clone(), attribute.clone(), member.clone()));
            base.owners.entry(member).or_default().push((owner, attribute));
        }
        if !unlocked.is_empty() {
            return Ok(Loaded::Unlocked(unlocked));
        }
        if let Some(columns) = answers.take(Some(self.clock)).first() {
            base.stamp = base.stamp.max(decode::int(columns, 0)?);
        }
        let mut new = HashSet::new();
        for columns in answers.take(Some(self.commits)) {
            new.insert(CommitId::new(decode::text(&columns, 0)?));
        }
        Ok(Loaded::Ready(Box::new(base), new))
    }
}

fn row(columns: &Columns) -> Result<(ResourceId, i64, Row), Failure> {
    let mut labels = Labels::default();
    labels.name = decode::optional_text(columns, 7)?;
    labels.external_id = decode::optional_text(columns, 8)?;
    let row = Row {
        kind: decode::text(columns, 1)?,
        hidden: decode::flag(columns, 2)?,
        version: decode::version(columns, 3)?,
        created: decode::int(columns, 4)?,
        modified: decode::int(columns, 5)?,
        labels,
        document: None,
        state: None,
    };
    Ok((decode::id(columns, 0)?, decode::int(columns, 6)?, row))
}

fn ids(ids: &BTreeSet<ResourceId>) -> Param<'_> {
    Param::texts(ids.iter().map(ResourceId::as_str))
}

/// The statements of the round trip.
struct Reading<'p> {
    tenant: &'p str,
    statements: Vec<Statement<'p>>,
}

impl<'p> Reading<'p> {
    fn new(tenant: &'p str, begin: Statement<'p>) -> Self {
        Self {
            tenant,
            statements: vec![begin],
        }
    }

    /// Adds a statement about the tenant, and returns the place of its answer.
    fn ask(&mut self, template: &'static str, params: Vec<Param<'p>>) -> usize {
        let mut all = vec![Param::text(self.tenant)];
        all.extend(params);
        self.statements.push(Statement::Query(template, all));
        self.statements.len() - 1
    }

    fn ask_plain(&mut self, template: &'static str) -> usize {
        self.statements.push(Statement::Query(template, Vec::new()));
        self.statements.len() - 1
    }

    /// Adds a statement about resources, unless there are none.
    fn ask_about(&mut self, template: &'static str, of: &BTreeSet<ResourceId>) -> Option<usize> {
        // Owned, as some sets end with the function that makes them.
        let of = Param::Texts(
            of.iter()
                .map(|id| Some(crate::sql::escape(id.as_str()).into_owned().into()))
                .collect(),
        );
        let is_empty = matches!(&of, Param::Texts(texts) if texts.is_empty());
        (!is_empty).then(|| self.ask(template, vec![of]))
    }
}

/// The answers, each of which is taken once.
struct Answers(Vec<Vec<Columns>>);

impl Answers {
    fn take(&mut self, place: Option<usize>) -> Vec<Columns> {
        let answer = place.and_then(|place| self.0.get_mut(place));
        answer.map(mem::take).unwrap_or_default()
    }
}
