//! A database that the first edition's server wrote.
//!
//! `fixtures/first-edition.sqlite` is what the binary of commit 0a5dade left under the profile `verkada` after its provider
//! had made users, one with a card, and groups of them; had shut one out, deleted others who were in groups, and deleted a
//! group; and after an administrator had shut out, deleted and purged one user each and replaced the token.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Lines, Write, stdout},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Instant,
};

use keyfob_core::{DateTime, Object, Registry, ResourceId, Value, json};
use keyfob_store::{
    Actor, Change, Feeds, LookBack, Maintenance, MemberPolicy, NewEvent, OnRefusal, Position, Query,
    ReadContext, Retention, Store, StoreExt, Stored, TenantId, Visibility,
};
use keyfob_store_sqlite::{Options, SqliteStore};
use pollster::block_on;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{New, commit_of, compile, create, everything, get, group_type, ids, search, user_type};

const STATE: &str = "urn:keyfob:params:scim:schemas:internal:1.0:State";
const DATABASE: &str = "KEYFOB_TEST_MIGRATED";

/// A copy of the database in a directory of its own.
fn first_edition() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/first-edition.sqlite");
    // Not `fs::copy`, which would copy the permissions too.
    fs::write(&path, fs::read(fixture).unwrap()).unwrap();
    (directory, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open_with(path, Registry::rfc(), Options::new()).unwrap()
}

/// What the first edition kept of resources, by tenant and id: the type, the version and the document.
type Old = BTreeMap<(String, String), (String, i64, Object)>;

fn old_resources(path: &Path) -> Old {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT tenants.name, id, kinds.name, version, document FROM resources
             JOIN kinds USING (kind) JOIN tenants ON tenants.tenant = resources.tenant JOIN documents USING (resource)",
        )
        .unwrap();
    let rows = statement.query_map([], |row| {
        let document: Vec<u8> = row.get(4)?;
        let document = json::object_from_slice(&document).unwrap();
        Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?, document)))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The tenant, the name and the resource of every event, in order.
fn events(path: &Path, order: &str) -> Vec<(String, String, String)> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(&format!(
            "SELECT tenants.name, events.name, resource FROM events JOIN tenants USING (tenant) ORDER BY tenant, {order}"
        ))
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// The one tenant with users.
fn organization(path: &Path) -> ReadContext {
    let connection = Connection::open(path).unwrap();
    let name: String = connection
        .query_row(
            "SELECT tenants.name FROM tenants JOIN kinds USING (tenant) WHERE kinds.name = 'User'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    ReadContext::new(TenantId::new(name))
}

fn users(store: &SqliteStore, cx: &ReadContext, visibility: Visibility) -> BTreeMap<String, Stored> {
    let query = Query::all()
        .with_visibility(visibility)
        .with_selection(everything(user_type()));
    let page = block_on(store.query(cx, user_type(), &query)).unwrap();
    let name = |stored: &Stored| {
        let name = stored.resource.core().get_str("userName").unwrap();
        name.trim_end_matches("@example.com").to_owned()
    };
    page.resources
        .into_iter()
        .map(|stored| (name(&stored), stored))
        .collect()
}

/// The members of every relation of this name, by what they show.
fn displays(stored: &Stored, relation: &str) -> Vec<String> {
    let members = stored.resource.relation(relation).unwrap();
    let mut displays: Vec<_> = members
        .iter()
        .map(|(_, member)| member.display.clone().unwrap_or_default().to_string())
        .collect();
    displays.sort();
    displays
}

/// Checks that nothing of the old database is missing.
fn check(path: &Path, old: &Old, old_events: &[(String, String, String)]) {
    let cx = organization(path);
    let store = open(path);
    let live = users(&store, &cx, Visibility::Live);
    let hidden = users(&store, &cx, Visibility::Hidden);
    assert!(live.keys().eq(["ada", "emil", "gus", "hugo", "ida"]), "{live:?}");
    assert!(hidden.keys().eq(["bert", "clara", "dora"]), "{hidden:?}");
    for stored in live.values() {
        let id = stored.resource.id().unwrap().to_string();
        let (kind, version, document) = &old[&(cx.tenant.to_string(), id)];
        assert_eq!(
            (kind.as_str(), *version),
            ("User", stored.version.number().cast_signed())
        );
        let state = document.get(STATE).and_then(Value::as_object).unwrap();
        assert_eq!(*stored.state, *state);
        let mut document = document.clone();
        document.remove(STATE);
        check_document(stored, &document);
    }
    for (name, deleted_by, version, groups) in [
        ("bert", "provider", 2, &["Drivers", "Tour Guides"][..]),
        ("clara", "provider", 2, &["Tour Guides"]),
        ("dora", "administrator", 3, &["Drivers", "Tour Guides"]),
    ] {
        let stored = &hidden[name];
        let id = stored.resource.id().unwrap().to_string();
        let (kind, _, kept) = &old[&(cx.tenant.to_string(), id)];
        assert_eq!((kind.as_str(), stored.version.number()), ("DeletedUser", version));
        let created: DateTime = kept.get_str("created").unwrap().parse().unwrap();
        assert_eq!(stored.resource.meta().unwrap().created, Some(created));
        let mut document = json::object_from_slice(kept.get_str("document").unwrap().as_bytes()).unwrap();
        let mut state = document.remove(STATE).unwrap().as_object().unwrap().clone();
        let deleted: DateTime = stored.state.get_str("deletedAt").unwrap().parse().unwrap();
        assert!(deleted > created && Some(deleted) <= stored.resource.meta().unwrap().last_modified);
        state.insert("deletedBy", deleted_by);
        state.insert("deletedAt", stored.state.get_str("deletedAt").unwrap());
        assert_eq!(*stored.state, state);
        check_document(stored, &document);
        assert_eq!(displays(stored, "groups"), groups, "{name}");
    }
    check_groups(&store, &cx, old);
    let found = Query::first(9)
        .with_visibility(Visibility::Hidden)
        .with_filter(compile(user_type(), r#"userName eq "BERT@example.com""#));
    let found = block_on(store.query(&cx, user_type(), &found)).unwrap();
    assert_eq!(found.resources.len(), 1);
    for resource_type in [user_type(), group_type()] {
        let findings = block_on(store.check(&cx.tenant, resource_type, &|_| Vec::new())).unwrap();
        assert_eq!(findings, []);
    }
    for tenant in block_on(store.tenants(None, 100)).unwrap() {
        let events = block_on(store.read_feed(&tenant, Position::START, 1000)).unwrap();
        assert!(
            events
                .iter()
                .map(|event| event.position.number())
                .eq(1..=events.len() as u64)
        );
        let ids = events.iter().map(|event| event.id.clone());
        assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), events.len());
        for event in &events {
            assert!(block_on(store.committed(&tenant, &event.id.commit)).unwrap());
        }
    }
    drop(store);
    assert_eq!(events(path, "position"), old_events);
    check_tables(path, old);
}

fn check_document(stored: &Stored, expected: &Object) {
    let mut document = stored.resource.clone();
    for name in ["id", "meta"] {
        document.core_mut().remove(name);
    }
    document.relations_mut().clear();
    let document = json::object_from_slice(&document.to_json()).unwrap();
    assert_eq!(document, *expected);
}

fn check_groups(store: &SqliteStore, cx: &ReadContext, old: &Old) {
    let query = Query::all().with_selection(everything(group_type()));
    let groups = block_on(store.query(cx, group_type(), &query)).unwrap().resources;
    let members: Vec<_> = groups
        .iter()
        .map(|group| {
            let id = group.resource.id().unwrap().to_string();
            let (_, version, _) = &old[&(cx.tenant.to_string(), id)];
            assert_eq!(
                group.version.number().cast_signed(),
                *version,
                "no group has changed"
            );
            displays(group, "members")
        })
        .collect();
    assert_eq!(
        members,
        [vec!["Ada".to_owned()], vec![String::new(), "Hugo".to_owned()]]
    );
}

/// Checks what other types than those of the RFC left.
fn check_tables(path: &Path, old: &Old) {
    let connection = Connection::open(path).unwrap();
    let integrity: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
    let broken: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(broken, 0);
    let mut kinds = connection
        .prepare(
            "SELECT kinds.name, sum(resources + hidden),
                 sum((SELECT count(*) FROM resources WHERE resources.kind = kinds.kind))
             FROM kinds GROUP BY kinds.name",
        )
        .unwrap();
    let kinds: BTreeMap<String, (i64, i64)> = kinds
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (kind, _, _) in old.values() {
        let kind = if kind == "DeletedUser" { "User" } else { kind };
        let (counted, there) = expected.entry(kind.to_owned()).or_default();
        *counted += 1;
        *there += 1;
    }
    assert!(expected.contains_key("Tombstone") && expected.contains_key("Token"));
    assert_eq!(kinds, expected);
}

#[test]
fn a_database_of_the_first_edition_migrates_with_all_that_is_in_it() {
    let (_directory, path) = first_edition();
    let (old, old_events) = (old_resources(&path), events(&path, "event"));
    assert_eq!((old.len(), old_events.len()), (20, 47));
    check(&path, &old, &old_events);
    check(&path, &old, &old_events);
}

#[test]
fn a_user_that_the_first_edition_deleted_comes_back_to_its_groups() {
    let (_directory, path) = first_edition();
    let cx = organization(&path);
    let store = open(&path);
    let dora: ResourceId = users(&store, &cx, Visibility::Hidden)["dora"]
        .resource
        .id()
        .unwrap();
    let mut reveal = commit_of(vec![Change::Update {
        resource_type: user_type().clone(),
        id: dora,
        document: None,
        state: None,
        visibility: Some(Visibility::Live),
        relations: [].into(),
        members: MemberPolicy::default(),
        unique: None,
        precondition: None,
        on_refusal: OnRefusal::Fail,
    }]);
    reveal.tenant = cx.tenant.clone();
    block_on(store.commit_one(reveal)).unwrap();
    assert!(users(&store, &cx, Visibility::Live).contains_key("dora"));
    let filter = compile(group_type(), r#"members.value pr and displayName eq "drivers""#);
    let query = Query::first(9)
        .with_filter(filter)
        .with_selection(everything(group_type()));
    let drivers = block_on(store.query(&cx, group_type(), &query))
        .unwrap()
        .resources
        .remove(0);
    assert_eq!(drivers.resource.relation("members").unwrap().len(), 3);
}

#[test]
fn a_deleted_user_that_cannot_be_decoded_stays_as_it_is() {
    let (_directory, path) = first_edition();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            r#"UPDATE documents SET document = CAST(replace(CAST(document AS TEXT), '"document":', '"lost":') AS BLOB)
               WHERE CAST(document AS TEXT) LIKE '%DeletedUser%bert@%'"#,
        )
        .unwrap();
    drop(connection);
    let cx = organization(&path);
    let hidden = users(&open(&path), &cx, Visibility::Hidden);
    assert!(hidden.keys().eq(["clara", "dora"]));
    let kept: i64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT resources FROM kinds WHERE name = 'DeletedUser'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let (_directory, path) = first_edition();
    // A table that the script wants to make itself.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE consumers (theirs)")
        .unwrap();
    drop(connection);
    let before = old_resources(&path);
    SqliteStore::open(&path).unwrap_err();
    let connection = Connection::open(&path).unwrap();
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2, "each script is a transaction of its own");
    assert_eq!(old_resources(&path), before);
    connection.execute_batch("DROP TABLE consumers").unwrap();
    drop(connection);
    let old_events = events(&path, "event");
    check(&path, &before, &old_events);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the parent process reads what it prints"
)]
fn a_kill_while_it_migrates_loses_nothing() {
    if let Ok(path) = env::var(DATABASE) {
        let mut out = stdout();
        writeln!(out, "opening").unwrap();
        out.flush().unwrap();
        open(Path::new(&path));
        writeln!(out, "open").unwrap();
        return;
    }
    let (_directory, pristine) = first_edition();
    let (old, old_events) = (old_resources(&pristine), events(&pristine, "event"));
    // How long it takes where nobody kills it, on this machine and with what else runs on it.
    let (mut child, mut output) = opening(&pristine);
    let start = Instant::now();
    assert!(output.any(|line| line.is_ok_and(|line| line.ends_with("open"))));
    let whole = start.elapsed();
    child.wait().unwrap();
    // A few, unless somebody has the time for more.
    let rounds: u32 = env::var("KEYFOB_KILLS").map_or(12, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let (_directory, path) = first_edition();
        let (mut child, _output) = opening(&path);
        thread::sleep(whole * round / rounds);
        child.kill().unwrap();
        child.wait().unwrap();
        check(&path, &old, &old_events);
    }
}

/// Starts a process that opens the database, and waits until it is about to.
fn opening(path: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "migration::a_kill_while_it_migrates_loses_nothing",
            "--nocapture",
        ])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_opening = output.any(|line| line.is_ok_and(|line| line.ends_with("opening")));
    assert!(is_opening, "the child ended early");
    (child, output)
}

/// Makes what version 5 had of what the script to version 6 makes. Entries were those of all tenants.
pub(crate) const BACK_TO_VERSION_5: &str = "
    ALTER TABLE commits RENAME TO new_commits;
    DROP INDEX commits_by_identity;
    CREATE TABLE commits (
        entry INTEGER PRIMARY KEY, tenant, id, at, role, identity, credential, request, verb, position, events,
        UNIQUE (tenant, id)
    );
    INSERT INTO commits SELECT entry * 100 + tenant, tenant, id, at, role, identity, credential, request, verb, position,
        events FROM new_commits;
    DROP TABLE new_commits;
    CREATE INDEX commits_by_time ON commits (tenant, at);
    CREATE INDEX commits_by_identity ON commits (tenant, identity) WHERE identity <> '';
    ALTER TABLE events RENAME TO new_events;
    DROP INDEX events_by_resource;
    CREATE TABLE events (
        event INTEGER PRIMARY KEY, tenant, position, entry, number, name, resource_type, resource, label, external_id, version,
        attributes, joined, joined_count, departed, departed_count, data, UNIQUE (tenant, position)
    );
    INSERT INTO events SELECT row_number() OVER (ORDER BY entry, number), tenant, position, entry * 100 + tenant, number, name,
        resource_type, resource, label, external_id, version, attributes, joined, joined_count, departed, departed_count, data
        FROM new_events;
    DROP TABLE new_events;
    CREATE INDEX events_by_resource ON events (tenant, resource, position);
    PRAGMA user_version = 5;";

#[test]
fn events_and_commits_of_version_5_are_read_and_forgotten_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let tenants = ["acme", "globex"].map(TenantId::new);
    let publish = |store: &SqliteStore, tenant: &TenantId, name: &str, count: usize| {
        let event = || Change::publish(NewEvent::new("created", "User", ResourceId::new(name)), 0);
        let mut changes = vec![New::user(name).change()];
        changes.extend((0..count).map(|_| event()));
        let mut commit = commit_of(changes);
        commit.tenant = tenant.clone();
        commit.actor = Actor::new("provider").with_identity("link");
        let id = commit.id.clone();
        block_on(store.commit_one(commit)).unwrap();
        id
    };
    let store = open(&path);
    let mut commits = Vec::new();
    for (name, count) in [("ada", 2), ("bert", 0), ("carl", 1)] {
        for tenant in &tenants {
            commits.push((tenant, publish(&store, tenant, name, count)));
        }
    }
    let read = |store: &SqliteStore| {
        tenants.each_ref().map(|tenant| {
            let by = LookBack {
                resource: None,
                identity: Some("link".into()),
                since: None,
                until: None,
                before: None,
                limit: 100,
            };
            (
                block_on(store.read_feed(tenant, Position::START, 100)).unwrap(),
                block_on(store.look_back(tenant, &by)).unwrap(),
            )
        })
    };
    let before = read(&store);
    assert_eq!((before[0].0.len(), before[1].1.len()), (3, 3));
    drop(store);
    Connection::open(&path)
        .unwrap()
        .execute_batch(BACK_TO_VERSION_5)
        .unwrap();
    let store = open(&path);
    assert_eq!(read(&store), before);
    for tenant in &tenants {
        publish(&store, tenant, "dora", 1);
    }
    let positions = read(&store).map(|(feed, _)| feed.last().unwrap().position.number());
    assert_eq!(positions, [4, 4]);
    let retention = Retention {
        read_before: DateTime::from_unix_millis(i64::MAX >> 20),
        unread_before: DateTime::from_unix_millis(0),
    };
    for tenant in &tenants {
        assert_eq!(block_on(store.trim(tenant, &retention, 100)).unwrap(), 4);
    }
    for (tenant, id) in commits {
        assert!(!block_on(store.committed(tenant, &id)).unwrap());
    }
}

#[test]
fn groups_in_groups_of_version_4_are_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    let new = [
        New::user("ada"),
        New::group("inner", ["ada"]),
        New::group("outer", ["inner"]),
    ];
    create(&store, &new).unwrap();
    drop(store);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(BACK_TO_VERSION_5).unwrap();
    connection
        .execute_batch(
            "DROP INDEX edges_outwards; DROP INDEX edges_inwards; ALTER TABLE edges DROP COLUMN nests;
             PRAGMA user_version = 4",
        )
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    let ada = get(&store, user_type(), "ada").unwrap();
    let groups = ada.resource.relation("groups").unwrap();
    assert_eq!(
        groups.get(&ResourceId::new("outer")).unwrap().kind.as_deref(),
        Some("indirect")
    );
    assert_eq!(
        ids(&search(&store, user_type(), r#"groups.value eq "outer""#)),
        ["ada"]
    );
}

/// The length of what stands before the frames of a write-ahead log, and before the page of a frame.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4096;

/// All rows of all tables, in an order of their own.
fn dump(path: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = Connection::open(path).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows = |table: &String| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values = (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}")));
            Ok(values.collect::<Result<Vec<_>, _>>()?.join(" "))
        });
        let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    tables.iter().map(|table| (table.clone(), rows(table))).collect()
}

#[test]
fn a_migration_that_ends_after_any_write_goes_on_when_the_database_is_opened_again() {
    let (_directory, path) = first_edition();
    let pristine = fs::read(&path).unwrap();
    let (old, old_events) = (old_resources(&path), events(&path, "event"));
    let log = path.with_extension("db-wal");
    // The log holds every write of all migrations, in order, until the store is closed: what a process that is killed
    // leaves is the file as it was and a beginning of the log, whose last frame may be torn.
    let store = open(&path);
    let written = fs::read(&log).unwrap();
    assert!(
        fs::read(&path).unwrap() == pristine,
        "nothing was taken over from the log"
    );
    drop(store);
    let whole = dump(&path);
    let frames = written.len().saturating_sub(LOG_HEADER) / (FRAME_HEADER + PAGE);
    assert_eq!(written.len(), LOG_HEADER + frames * (FRAME_HEADER + PAGE));
    let mut versions = std::collections::BTreeSet::new();
    for frame in 0..=frames {
        let torn = if frame % 2 == 0 { 0 } else { PAGE / 2 };
        let end = (LOG_HEADER + frame * (FRAME_HEADER + PAGE) + torn).min(written.len());
        let left = || {
            fs::write(&path, &pristine).unwrap();
            fs::write(&log, &written[..end]).unwrap();
        };
        left();
        let found: i64 = Connection::open(&path)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        versions.insert(found);
        left();
        drop(open(&path));
        assert!(
            dump(&path) == whole,
            "a migration that ended after {frame} of {frames} writes"
        );
    }
    assert!(
        versions.iter().eq(&[1, 2, 3, 4, 5, 6]),
        "{versions:?} were left behind"
    );
    check(&path, &old, &old_events);
}
