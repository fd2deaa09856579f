//! Events: in their order, looked back at, and removed.

use keyfob_core::{DateTime, Version};
use keyfob_store::{
    Actor, Change, Event, FeedError, Feeds, Listed, LookBack, NewEvent, Position, RequestId, Retention,
    Store, StoreExt, TenantId, When,
};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use tempfile::TempDir;

use crate::support::{New, acme, add, at, commit, commit_of, create, group_type, id, user_type};

fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    (directory, store)
}

fn feed(store: &SqliteStore, after: u64) -> Vec<Event> {
    block_on(store.read_feed(&acme(), Position::new(after), 100)).unwrap()
}

fn publish(name: &str, of: usize) -> Change {
    Change::publish(NewEvent::new("created", "User", id(name)), of)
}

fn at_millis(millis: i64) -> DateTime {
    DateTime::from_unix_millis(millis)
}

/// Creates a user, with as many events as wanted.
fn publish_at(store: &SqliteStore, name: &str, identity: &str, millis: i64, events: usize) {
    let mut changes = vec![New::user(name).change()];
    changes.extend((0..events).map(|_| publish(name, 0)));
    let mut commit = commit_of(changes);
    commit.at = at_millis(millis);
    commit.actor = Actor::new("provider").with_identity(identity);
    block_on(store.commit_one(commit)).unwrap();
}

#[test]
fn an_event_tells_what_the_caller_and_the_transaction_know() {
    let (_directory, store) = store();
    create(
        &store,
        &[
            New::user("ada"),
            New::user("bert"),
            New::group("guides", ["bert"]),
        ],
    )
    .unwrap();
    let mut delta = add(["ada"]);
    delta.remove.push(id("bert"));
    let mut new = NewEvent::new("changed", "Group", id("guides"));
    new.attributes = vec!["members".into()];
    new.data.insert("reason", "test");
    let mut commit = commit_of(vec![
        Change::relate(group_type(), id("guides"), [delta.clone()]),
        Change::publish(new.clone(), 0),
        Change::relate(group_type(), id("guides"), [delta]),
        Change::publish(new.clone(), 2),
        Change::Publish {
            event: NewEvent::new("seen", "User", id("nobody")).into(),
            when: When::Always,
        },
    ]);
    commit.actor = Actor::new("provider")
        .with_identity("link")
        .with_credential("first");
    commit.request = RequestId::new("request");
    commit.verb = "patch".into();
    block_on(store.commit_one(commit.clone())).unwrap();
    let events = feed(&store, 0);
    assert_eq!(
        events.len(),
        2,
        "an event about an unchanged resource is suppressed"
    );
    let event = &events[0];
    assert_eq!((&event.id.commit, event.id.number), (&commit.id, 0));
    assert_eq!((event.position.number(), event.at), (1, at()));
    assert_eq!(
        (&event.actor, &event.request, &event.verb),
        (&commit.actor, &commit.request, &commit.verb)
    );
    assert_eq!(event.event, new);
    assert_eq!(event.labels.name.as_deref(), Some("guides"));
    assert_eq!(event.version.map(Version::number), Some(2));
    assert_eq!(event.joined, Listed::of(vec![id("ada")], 1));
    assert_eq!(event.left, Listed::of(vec![id("bert")], 1));
    assert_eq!((events[1].id.number, events[1].position.number()), (1, 2));
    assert_eq!(
        (events[1].version, events[1].labels.name.as_deref()),
        (None, None)
    );
}

#[test]
fn labels_are_those_after_the_commit_or_of_who_is_gone_those_before() {
    let (_directory, store) = store();
    let mut renamed = New::user("bert");
    renamed.document.core_mut().insert("userName", "norbert");
    renamed.document.core_mut().insert("externalId", "X1");
    create(&store, &[New::user("ada"), New::user("bert")]).unwrap();
    let changes = vec![
        Change::delete(user_type(), id("ada"), None),
        publish("ada", 0),
        publish("bert", 0),
        Change::replace(user_type(), id("bert"), renamed.document, None),
    ];
    commit(&store, changes).unwrap();
    let labels = || {
        let events = feed(&store, 0).into_iter();
        let labels = events.map(|event| (event.labels.name, event.labels.external_id));
        labels
            .map(|(name, external_id)| {
                format!("{} {}", name.unwrap_or_default(), external_id.unwrap_or_default())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(), ["ada ", "norbert X1"]);
    let forget = Change::Forget {
        resource_type: user_type().clone(),
        id: id("bert"),
    };
    commit(
        &store,
        vec![
            forget,
            Change::delete(user_type(), id("bert"), None),
            publish("bert", 1),
        ],
    )
    .unwrap();
    assert_eq!(labels(), ["ada ", " ", " "], "also in events of the same commit");
}

#[test]
fn positions_are_gapless_in_each_tenant_whatever_was_refused() {
    let (_directory, store) = store();
    for name in ["ada", "bert", "ada", "carl"] {
        let mut elsewhere = commit_of(vec![New::user(name).change(), publish(name, 0)]);
        elsewhere.tenant = TenantId::new("globex");
        block_on(store.commit_one(elsewhere)).ok();
        commit(&store, vec![New::user(name).change(), publish(name, 0)]).ok();
    }
    for tenant in ["acme", "globex"] {
        let events = block_on(store.read_feed(&TenantId::new(tenant), Position::START, 100)).unwrap();
        let positions = events.iter().map(|event| event.position.number());
        assert!(positions.eq(1..=3), "{tenant}");
    }
    assert_eq!(feed(&store, 2).len(), 1);
    assert_eq!(feed(&store, u64::MAX).len(), 0);
}

#[test]
fn a_consumer_is_as_far_as_it_said_in_each_tenant() {
    let (_directory, store) = store();
    publish_at(&store, "ada", "", 1, 2);
    let acknowledge =
        |position| block_on(store.acknowledge(&acme(), "mirror", Position::new(position))).unwrap();
    let acknowledged = || block_on(store.acknowledged(&acme(), "mirror")).unwrap().number();
    let news = |consumer| block_on(store.with_news(consumer, None, 10)).unwrap().len();
    assert_eq!((acknowledged(), news("mirror"), news("other")), (0, 1, 1));
    acknowledge(1);
    assert_eq!((acknowledged(), news("mirror")), (1, 1));
    acknowledge(2);
    acknowledge(1);
    assert_eq!((acknowledged(), news("mirror"), news("other")), (2, 0, 1));
    assert_eq!(block_on(store.with_news("other", Some(&acme()), 10)).unwrap(), []);
    assert_eq!(block_on(store.with_news("other", None, 0)).unwrap(), []);
}

#[test]
fn events_are_looked_back_at_by_resource_identity_and_time() {
    let (_directory, store) = store();
    for (number, (name, identity)) in [("ada", "link"), ("bert", "admin"), ("carl", "link"), ("dora", "")]
        .into_iter()
        .enumerate()
    {
        publish_at(&store, name, identity, 1000 + i64::try_from(number).unwrap(), 2);
    }
    let found = |query: LookBack| {
        let events = block_on(store.look_back(&acme(), &query)).unwrap();
        let positions = events.iter().map(|event| event.position.number());
        positions.collect::<Vec<_>>()
    };
    let query = || LookBack {
        limit: 100,
        ..LookBack::default()
    };
    assert_eq!(found(query()), [8, 7, 6, 5, 4, 3, 2, 1]);
    let of = |name| Some(id(name));
    let cases = [
        (
            LookBack {
                resource: of("bert"),
                ..query()
            },
            &[4, 3][..],
        ),
        (
            LookBack {
                identity: Some("link".into()),
                ..query()
            },
            &[6, 5, 2, 1],
        ),
        (
            LookBack {
                identity: Some("".into()),
                ..query()
            },
            &[8, 7],
        ),
        (
            LookBack {
                identity: Some("link".into()),
                limit: 3,
                ..query()
            },
            &[6, 5, 2],
        ),
        (
            LookBack {
                identity: Some("link".into()),
                resource: of("bert"),
                ..query()
            },
            &[],
        ),
        (
            LookBack {
                since: Some(at_millis(1002)),
                ..query()
            },
            &[8, 7, 6, 5],
        ),
        (
            LookBack {
                until: Some(at_millis(1001)),
                ..query()
            },
            &[2, 1],
        ),
        (
            LookBack {
                before: Some(Position::new(4)),
                limit: 2,
                ..query()
            },
            &[3, 2],
        ),
        (
            LookBack {
                before: Some(Position::new(2)),
                identity: Some("link".into()),
                ..query()
            },
            &[1],
        ),
        (
            LookBack {
                resource: of("nobody"),
                ..query()
            },
            &[],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(found(query.clone()), expected, "{query:?}");
    }
}

#[test]
fn old_events_are_removed_whole_commits_at_a_time_and_late_readers_are_told() {
    let (_directory, store) = store();
    for (name, millis, events) in [("ada", 10, 2), ("bert", 20, 2), ("carl", 30, 1), ("dora", 40, 0)] {
        publish_at(&store, name, "link", millis, events);
    }
    block_on(store.acknowledge(&acme(), "mirror", Position::new(3))).unwrap();
    let trim = |read_before, unread_before, limit| {
        let retention = Retention {
            read_before: at_millis(read_before),
            unread_before: at_millis(unread_before),
        };
        block_on(store.trim(&acme(), &retention, limit)).unwrap()
    };
    assert_eq!(trim(10, 0, 100), 0, "nothing is older");
    assert_eq!(trim(100, 0, 0), 0);
    assert_eq!(trim(100, 0, 1), 2, "a commit is not split");
    assert_eq!(
        trim(100, 0, 100),
        0,
        "the second commit was not handled to its end"
    );
    assert_eq!(feed(&store, 2).len(), 3);
    let gone = block_on(store.read_feed(&acme(), Position::new(1), 10)).unwrap_err();
    assert!(
        matches!(gone, FeedError::Gone { oldest } if oldest == Position::new(3)),
        "{gone:?}"
    );
    assert_eq!(trim(100, 25, 3), 2, "too old to wait for anybody");
    assert_eq!(trim(100, 100, 100), 1);
    assert_eq!(feed(&store, 5), []);
    let gone = block_on(store.read_feed(&acme(), Position::START, 10)).unwrap_err();
    assert!(
        matches!(gone, FeedError::Gone { oldest } if oldest == Position::new(6)),
        "{gone:?}"
    );
    publish_at(&store, "emil", "link", 50, 1);
    assert_eq!(feed(&store, 5)[0].position.number(), 6);
}

#[test]
fn commits_are_forgotten_by_their_age_where_a_clock_went_back() {
    let (_directory, store) = store();
    let at = [50, 10, 20, 60, 15];
    let commits = at.map(|millis| {
        let mut commit = commit_of(vec![New::user(&format!("at-{millis}")).change()]);
        commit.at = at_millis(millis);
        let id = commit.id.clone();
        block_on(store.commit_one(commit)).unwrap();
        id
    });
    let remembered = || {
        let committed = |id| block_on(store.committed(&acme(), id)).unwrap();
        commits.each_ref().map(committed)
    };
    let trim = |limit| {
        let retention = Retention {
            read_before: at_millis(30),
            unread_before: at_millis(0),
        };
        block_on(store.trim(&acme(), &retention, limit)).unwrap();
    };
    trim(2);
    assert_eq!(remembered(), [true, false, true, true, true]);
    trim(100);
    assert_eq!(remembered(), [true, false, false, true, false]);
}

#[test]
fn a_commit_is_remembered_as_long_as_its_events() {
    let (_directory, store) = store();
    let mut commits = Vec::new();
    for (name, events) in [("ada", 0), ("bert", 1), ("carl", 0)] {
        let mut changes = vec![New::user(name).change()];
        changes.extend((0..events).map(|_| publish(name, 0)));
        let commit = commit_of(changes);
        commits.push(commit.id.clone());
        block_on(store.commit_one(commit)).unwrap();
    }
    let remembered = || {
        let mut remembered = Vec::new();
        for commit in &commits {
            remembered.push(block_on(store.committed(&acme(), commit)).unwrap());
        }
        remembered
    };
    assert_eq!(remembered(), [true, true, true]);
    assert!(!block_on(store.committed(&TenantId::new("globex"), &commits[0])).unwrap());
    let retention = Retention {
        read_before: at_millis(at().unix_millis() + 1),
        unread_before: at_millis(0),
    };
    assert_eq!(block_on(store.trim(&acme(), &retention, 100)).unwrap(), 1);
    assert_eq!(remembered(), [false, false, false]);
}
