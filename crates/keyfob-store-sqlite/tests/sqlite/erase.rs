//! Deleted resources leave nothing in the files.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{CompareKey, Resource, ResourceId};
use keyfob_store::{Change, Maintenance, MemberPolicy, OnRefusal, UniqueKey};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use rusqlite::Connection;

use crate::support::{New, acme, add, commit, create, id, relate, user_type};

const USERS: usize = 1500;

/// What stands before the number of a person in every text by which they are recognised.
const MARKS: [&str; 4] = ["Person", "person", "4930", "card-"];

fn person(number: usize) -> New {
    let mut new = New::user(&format!("Person{number:05}"));
    // Ids outlive people in events and tell nothing of them.
    new.id = id(&format!("{number}"));
    fill(&mut new.document, number);
    new.unique.push(UniqueKey::new(
        "card",
        CompareKey::verbatim(format!("card-{number:05}")),
    ));
    new
}

fn fill(document: &mut Resource, number: usize) {
    let core = document.core_mut();
    core.insert("displayName", format!("Person{number:05}").as_str());
    core.insert("externalId", format!("Person{number:05}").as_str());
    core.insert("nickName", format!("4930{number:05}").as_str());
    // Documents of many sizes make rows move between pages.
    core.insert("title", "x".repeat(number * 37 % 700).as_str());
}

fn update(store: &SqliteStore, new: &New) {
    let change = Change::Update {
        resource_type: user_type().clone(),
        id: new.id.clone(),
        document: Some(new.document.clone().into()),
        state: None,
        visibility: None,
        relations: [].into(),
        members: MemberPolicy::default(),
        unique: Some(new.unique.clone()),
        precondition: None,
        on_refusal: OnRefusal::Fail,
    };
    commit(store, vec![change]).unwrap();
}

fn delete(store: &SqliteStore, ids: &[ResourceId]) {
    let changes = ids.iter().map(|id| Change::delete(user_type(), id.clone(), None));
    commit(store, changes.collect()).unwrap();
}

/// The numbers of the people of whom a file of the folder holds a mark.
fn people(folder: &Path) -> BTreeSet<usize> {
    let mut people = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for mark in MARKS {
            let numbers = text
                .split(mark)
                .skip(1)
                .filter_map(|rest| rest.get(..5)?.parse().ok());
            people.extend(numbers.filter(|number: &usize| *number < USERS));
        }
    }
    people
}

/// Waits until no file holds a mark of a person.
#[track_caller]
fn wait_until_erased(folder: &Path, person: usize) {
    for _ in 0..500 {
        if !people(folder).contains(&person) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("a file still holds person {person}");
}

/// Checks that the files hold no person but these.
#[track_caller]
fn assert_people(folder: &Path, expected: &BTreeSet<usize>) {
    let people = people(folder);
    let traces: Vec<_> = people.difference(expected).collect();
    assert!(traces.is_empty(), "there are traces of {traces:?}");
    assert_eq!(people.len(), expected.len());
}

#[test]
fn a_deleted_user_is_in_no_file_while_the_store_is_open_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
    create(&store, &[person(1), person(2), New::group("guides", [])]).unwrap();
    let mut members = add([]);
    let member = keyfob_core::Member::new().with_display("Person00001");
    members.add.push((id("1"), member));
    relate(&store, "guides", members).unwrap();
    let mut changed = person(1);
    changed
        .document
        .core_mut()
        .insert("title", "y".repeat(9000).as_str());
    update(&store, &changed);
    assert_people(folder.path(), &BTreeSet::from([1, 2]));
    delete(&store, &[id("1")]);
    wait_until_erased(folder.path(), 1);
    assert_people(folder.path(), &BTreeSet::from([2]));
    drop(store);
    assert_people(folder.path(), &BTreeSet::from([2]));
}

#[test]
fn many_deleted_users_leave_no_copies_in_pages_that_were_split() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
    // In an order in which pages are split everywhere.
    let order: Vec<usize> = (0..USERS).map(|number| number * 577 % USERS).collect();
    for numbers in order.chunks(50) {
        let new: Vec<_> = numbers.iter().copied().map(person).collect();
        create(&store, &new).unwrap();
    }
    for number in (0..USERS).step_by(7) {
        let mut changed = person(number);
        changed
            .document
            .core_mut()
            .insert("title", "y".repeat(number % 1700).as_str());
        update(&store, &changed);
    }
    let mut present: BTreeSet<usize> = (0..USERS).step_by(3).collect();
    let gone: Vec<usize> = order
        .into_iter()
        .filter(|number| !present.contains(number))
        .collect();
    for numbers in gone.chunks(40) {
        let ids: Vec<_> = numbers.iter().map(|number| id(&number.to_string())).collect();
        delete(&store, &ids);
    }
    // While the store is open and idle, and after.
    let patience = Instant::now() + Duration::from_secs(60);
    while !people(folder.path()).is_subset(&present) && Instant::now() < patience {
        thread::sleep(Duration::from_millis(50));
    }
    assert_people(folder.path(), &present);
    delete(&store, &[id("0")]);
    drop(store);
    present.remove(&0);
    assert_people(folder.path(), &present);
}

#[test]
fn what_a_read_of_an_older_snapshot_still_needs_is_erased_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    create(&store, &[person(1)]).unwrap();
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM resources;")
        .unwrap();
    delete(&store, &[id("1")]);
    assert!(
        people(folder.path()).contains(&1),
        "the reader may still see them"
    );
    create(&store, &[person(2)]).unwrap();
    reader.execute_batch("COMMIT").unwrap();
    wait_until_erased(folder.path(), 1);
}

#[test]
fn a_store_that_is_closed_at_once_and_one_that_is_never_idle_erase_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    create(&store, &[person(1), person(2)]).unwrap();
    let other = SqliteStore::open(&path).unwrap();
    delete(&other, &[id("1")]);
    drop(other);
    assert_people(folder.path(), &BTreeSet::from([2]));
    delete(&store, &[id("2")]);
    for number in 3.. {
        if !people(folder.path()).contains(&2) {
            break;
        }
        assert!(number < USERS, "the log was not emptied");
        create(&store, &[person(number)]).unwrap();
    }
}

#[test]
fn a_tenant_that_is_erased_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
    create(&store, &[person(1), person(2)]).unwrap();
    assert!(block_on(store.erase(&acme())).unwrap());
    wait_until_erased(folder.path(), 1);
    drop(store);
    assert_people(folder.path(), &BTreeSet::new());
}
