//! Does a store in SQLite answer as fast when it holds a lot, and what does a commit cost beyond the disk's own time?

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use keyfob_benches::{compare_waiting, criterion};
use keyfob_core::{
    AttrName, CompareKey, DateTime, Dialect, Member, Registry, Resource, ResourceId, ResourceType,
};
use keyfob_engine::{
    Change, Commit, CommitError, CommitId, Committed, Context, MemberPolicy, OnRefusal, Outcome, Page, Query,
    RelationDelta, Store, StoreError, StoreExt, TenantId, UniqueKey,
};
use keyfob_filter::Filter;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use rusqlite::Connection;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let types = Types::new()?;
    let small = Bench::new(SqliteStore::open(directory.path().join("small.db"))?, &types);
    let large = Bench::new(SqliteStore::open(directory.path().join("large.db"))?, &types);
    small.create_users(0, 1_000)?;
    large.create_users(0, 100_000)?;
    large.create_group("ten", 10)?;
    large.create_group("all", 100_000)?;

    let mut criterion = criterion();
    let (mut of_large, mut of_small) = (0, 0);
    compare_waiting(
        &mut criterion,
        "find a user by userName among 100,000 / among 1,000",
        || large.find(next(&mut of_large, 100_000)),
        || small.find(next(&mut of_small, 1_000)),
    );
    let outsider = 100_000;
    large.create_users(outsider, 1)?;
    compare_waiting(
        &mut criterion,
        "put a member into a group of 100,000 and take it out / of 10",
        || large.toggle("all", outsider),
        || large.toggle("ten", outsider),
    );
    let floor = floor(&directory.path().join("floor.db"))?;
    let mut created = outsider;
    compare_waiting(
        &mut criterion,
        "create a user / insert a row of its size in plain SQLite",
        || {
            created += 1;
            large.create_users(created, 1)
        },
        || floor.execute("INSERT INTO documents (document) VALUES (?1)", [user_json(0)]),
    );
    criterion.final_summary();
    Ok(())
}

/// Another number below `count` each time, far from the last.
fn next(number: &mut usize, count: usize) -> usize {
    *number = (*number + 7_919) % count;
    *number
}

/// A database that is as durable as the store's and does nothing else.
fn floor(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = full; CREATE TABLE documents (document BLOB NOT NULL)",
    )?;
    Ok(connection)
}

struct Types {
    user: &'static ResourceType,
    group: &'static ResourceType,
}

impl Types {
    fn new() -> Result<Self, Failed> {
        let find = |name| Registry::rfc().resource_type(name).ok_or("no such type");
        Ok(Self {
            user: find("User")?,
            group: find("Group")?,
        })
    }
}

/// A store with users that are numbered.
struct Bench<'t> {
    store: SqliteStore,
    types: &'t Types,
    cx: Context,
    commits: AtomicUsize,
}

impl<'t> Bench<'t> {
    fn new(store: SqliteStore, types: &'t Types) -> Self {
        let cx = Context::new(TenantId::new("acme"));
        Self {
            store,
            types,
            cx,
            commits: AtomicUsize::new(0),
        }
    }

    fn commit(&self, changes: Vec<Change>) -> Result<Committed, CommitError> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let id = CommitId::new(format!("019a9f2c-5b7e-7c3d-8a41-{number:012x}"));
        let commit = Commit::new(id, self.cx.tenant().clone(), at(), changes);
        block_on(self.store.commit_one(commit))
    }

    fn create_users(&self, first: usize, count: usize) -> Result<(), Failed> {
        let mut users = Vec::with_capacity(count);
        for number in first..first + count {
            let document = Resource::from_json(user_json(number).as_bytes(), self.types.user)?;
            let unique = [UniqueKey::new(
                "userName",
                CompareKey::verbatim(format!("user{number}@example.com")),
            )];
            users.push((user_id(number), document, unique));
        }
        for users in users.chunks(1_000) {
            let changes: Vec<_> = users
                .iter()
                .map(|(id, document, unique)| Change::Create {
                    resource_type: self.types.user.clone(),
                    id: id.clone(),
                    document: document.clone().into(),
                    state: Arc::default(),
                    relations: Arc::default(),
                    members: MemberPolicy::default(),
                    unique: unique.to_vec(),
                    on_refusal: OnRefusal::Fail,
                })
                .collect();
            self.commit(changes)?;
        }
        Ok(())
    }

    fn create_group(&self, id: &str, members: usize) -> Result<Committed, CommitError> {
        self.commit(vec![Change::Create {
            resource_type: self.types.group.clone(),
            id: ResourceId::new(id),
            document: Arc::default(),
            state: Arc::default(),
            relations: vec![adding(0..members)].into(),
            members: MemberPolicy::default(),
            unique: Vec::new(),
            on_refusal: OnRefusal::Fail,
        }])
    }

    fn find(&self, number: usize) -> Result<Page, Failed> {
        let filter = Filter::parse(&format!("userName eq \"USER{number}@example.com\""))?;
        let predicate = filter.compile(self.types.user, Dialect::strict())?;
        let query = Query::first(100).with_filter(predicate);
        Ok(block_on(self.store.query(
            &self.cx.reading(),
            self.types.user,
            &query,
        ))?)
    }

    /// Two commits.
    fn toggle(&self, group: &str, number: usize) -> Result<(), CommitError> {
        let mut removing = RelationDelta::new(AttrName::new("members"));
        removing.remove.push(user_id(number));
        for delta in [adding(number..number + 1), removing] {
            let group = ResourceId::new(group);
            let committed = self.commit(vec![Change::relate(self.types.group, group, vec![delta])])?;
            if !committed.outcomes.iter().all(Outcome::is_change) {
                return Err(StoreError::internal("the members were as wanted already").into());
            }
        }
        Ok(())
    }
}

fn adding(numbers: std::ops::Range<usize>) -> RelationDelta {
    let mut delta = RelationDelta::new(AttrName::new("members"));
    delta.add = numbers.map(|number| (user_id(number), Member::new())).collect();
    delta
}

fn user_id(number: usize) -> ResourceId {
    ResourceId::new(format!("019a9f2c-5b7e-7c3d-9a41-{number:012x}"))
}

/// A user as a provider creates it.
fn user_json(number: usize) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"User{number}@example.com",
            "externalId":"external-{number}","displayName":"User {number}","title":"Guide","active":true,
            "name":{{"givenName":"User","familyName":"Number {number}"}},
            "emails":[{{"value":"User{number}@example.com","type":"work","primary":true}}],
            "phoneNumbers":[{{"value":"+1 555 {number}","type":"work"}}]}}"#
    )
}

fn at() -> DateTime {
    DateTime::from_unix_millis(1_700_000_000_000)
}
