//! A process that is killed while it writes.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use keyfob_store::{Change, Feeds, NewEvent, Position};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use rusqlite::Connection;

use crate::support::{self, New, acme, add, all, create, group_type, id, ids, user_type};

const DATABASE: &str = "KEYFOB_TEST_DATABASE";
const ROUND: &str = "KEYFOB_TEST_ROUND";
const WRITERS: usize = 4;

#[test]
fn a_kill_loses_no_acknowledged_commit_and_tears_none() {
    if let (Ok(path), Ok(round)) = (env::var(DATABASE), env::var(ROUND)) {
        write_until_killed(Path::new(&path), &round);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    create(&SqliteStore::open(&path).unwrap(), &[New::group("everyone", [])]).unwrap();
    let mut acknowledged = BTreeSet::new();
    // A few, unless somebody has the time for more.
    let rounds = env::var("KEYFOB_KILLS").map_or(6, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "kill::a_kill_loses_no_acknowledged_commit_and_tears_none",
                "--nocapture",
            ])
            .env(DATABASE, &path)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // A line that was torn by the kill lacks its end.
                if let Some(name) = line.strip_prefix("done ").and_then(|rest| rest.strip_suffix('.')) {
                    sender.send(name.to_owned()).unwrap();
                }
            }
        });
        let first = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        thread::sleep(Duration::from_millis(5 + 23 * (round % 10)));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.insert(first);
        acknowledged.extend(receiver);
        check(&path, &acknowledged);
    }
}

/// Commits users, each with its membership and its event, and tells which commits were answered.
#[expect(
    clippy::disallowed_methods,
    reason = "the parent process reads what it prints"
)]
fn write_until_killed(path: &Path, round: &str) -> ! {
    let store = SqliteStore::open(path).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in 0.. {
                    let name = format!("{round}-{writer}-{number}");
                    commit(store, &name);
                    let mut out = stdout().lock();
                    writeln!(out, "done {name}.").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
    panic!("the writers ended");
}

fn commit(store: &SqliteStore, name: &str) {
    let changes = vec![
        New::user(name).change(),
        Change::relate(group_type(), id("everyone"), [add([name])]),
        Change::publish(NewEvent::new("created", "User", id(name)), 0),
    ];
    support::commit(store, changes).unwrap();
}

fn check(path: &Path, acknowledged: &BTreeSet<String>) {
    let store = SqliteStore::open(path).unwrap();
    let users: BTreeSet<String> = ids(&all(&store, user_type())).into_iter().collect();
    assert!(
        acknowledged.is_subset(&users),
        "{:?} are lost",
        acknowledged.difference(&users).collect::<Vec<_>>()
    );
    let group = &all(&store, group_type()).resources[0];
    let members = group.resource.relation("members").unwrap();
    let members: BTreeSet<String> = members.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(members, users, "a commit is there in part");
    let events = block_on(store.read_feed(&acme(), Position::START, usize::MAX)).unwrap();
    let positions = events.iter().map(|event| event.position.number());
    assert!(positions.eq(1..=events.len() as u64), "positions have a gap");
    let events: BTreeSet<String> = events
        .into_iter()
        .map(|event| event.event.resource.to_string())
        .collect();
    assert_eq!(events, users, "a commit is there in part");
    drop(store);
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
}
