//! Several servers over one database.

use std::{collections::BTreeSet, sync::Arc};

use keyfob_store::{Change, CommitError, Event, Feeds, Position, Store, StoreExt, Visibility};
use keyfob_store_postgres::PostgresStore;
use tokio::task::JoinSet;

use crate::support::{
    Schema, acme, add, commit, commit_of, cx, event, everything, get, group_type, id, ids, new_group,
    new_user, test, user_type,
};

const WRITERS: usize = 8;

async fn two(schema: &Schema) -> [PostgresStore; 2] {
    [schema.open().await, schema.open().await]
}

#[test]
fn no_membership_is_lost_between_two_servers() {
    test(|schema| async move {
        const EACH: usize = 10;
        let stores = two(&schema).await;
        let mut changes = vec![new_group("g")];
        changes
            .extend((0..WRITERS * EACH).map(|number| new_user(&format!("u{number}"), &format!("u{number}"))));
        commit(&stores[0], changes).await.unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = stores[writer % 2].clone();
            writers.spawn(async move {
                for number in 0..EACH {
                    let member = format!("u{}", writer * EACH + number);
                    commit(&store, vec![add("g", &member)]).await.unwrap();
                }
            });
        }
        writers.join_all().await;
        let group = get(&stores[1], group_type(), "g").await.unwrap();
        assert_eq!(group.resource.relation("members").unwrap().len(), WRITERS * EACH);
        // A version for each.
        assert_eq!(group.version.number(), u64::try_from(1 + WRITERS * EACH).unwrap());
    });
}

#[test]
fn of_two_servers_one_creates_the_user_of_a_name() {
    test(|schema| async move {
        let stores = two(&schema).await;
        for round in 0..10 {
            let mut writers = JoinSet::new();
            for writer in 0..WRITERS {
                let store = stores[writer % 2].clone();
                let name = if writer % 2 == 0 { "ADA" } else { "ada" };
                let change = new_user(&format!("{round}-{writer}"), &format!("{name}{round}"));
                writers.spawn(async move { commit(&store, vec![change]).await });
            }
            let results = writers.join_all().await;
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
            for error in results.into_iter().filter_map(Result::err) {
                assert!(
                    matches!(error, CommitError::UniquenessViolated { .. }),
                    "{error:?}"
                );
            }
        }
    });
}

/// Adding locks the group and then the user, deleting the user and then its groups, unless the locks have one order.
#[test]
fn members_join_while_users_go_and_no_edge_leads_nowhere() {
    test(|schema| async move {
        const USERS: usize = 10;
        const GROUPS: usize = 5;
        let stores = two(&schema).await;
        let groups: Vec<_> = (0..GROUPS)
            .map(|number| new_group(&format!("g{number}")))
            .collect();
        commit(&stores[0], groups).await.unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = stores[writer % 2].clone();
            writers.spawn(async move {
                for round in 0..25 {
                    let number = (writer * 7 + round * 3) % USERS;
                    let user = format!("m{number}");
                    let result = match (writer + round) % 4 {
                        0 => commit(&store, vec![new_user(&user, &user)]).await,
                        1 => commit(&store, vec![Change::delete(user_type(), id(&user), None)]).await,
                        step => {
                            let group = format!("g{}", (round + step) % GROUPS);
                            commit(&store, vec![add(&group, &user)]).await
                        }
                    };
                    if let Err(error) = result {
                        assert!(error.refusal().is_some(), "{error:?}");
                    }
                }
            });
        }
        writers.join_all().await;
        let (edges, resources) = (schema.table("edges"), schema.table("resources"));
        for end in ["owner", "member"] {
            let loose = format!(
                "SELECT count(*) FROM {edges} e WHERE NOT EXISTS (SELECT 1 FROM {resources} r WHERE r.id = e.{end})"
            );
            assert_eq!(schema.number(&loose).await, 0, "edges without their {end}");
        }
        for table in ["entries", "unique_keys"] {
            let table = schema.table(table);
            let loose = format!(
                "SELECT count(*) FROM {table} e WHERE NOT EXISTS (SELECT 1 FROM {resources} r WHERE r.id = e.id)"
            );
            assert_eq!(schema.number(&loose).await, 0, "{table} of nobody");
        }
    });
}

#[test]
fn hiding_a_member_raises_each_group_once_whoever_joins_meanwhile() {
    test(|schema| async move {
        let stores = two(&schema).await;
        let mut changes = vec![new_user("u", "u")];
        changes.extend((0..6).map(|number| new_group(&format!("g{number}"))));
        commit(&stores[0], changes).await.unwrap();
        let mut writers = JoinSet::new();
        for number in 0..6 {
            let store = stores[number % 2].clone();
            writers.spawn(async move {
                commit(&store, vec![add(&format!("g{number}"), "u")])
                    .await
                    .is_ok()
            });
        }
        let store = stores[0].clone();
        writers.spawn(async move {
            let hide = Change::Update {
                resource_type: user_type().clone(),
                id: id("u"),
                document: None,
                state: None,
                visibility: Some(Visibility::Hidden),
                relations: Arc::default(),
                members: keyfob_store::MemberPolicy::default(),
                unique: None,
                precondition: None,
                on_refusal: keyfob_store::OnRefusal::Fail,
            };
            commit(&store, vec![hide]).await.is_ok()
        });
        writers.join_all().await;
        // A group that took the user in before it was hidden has changed twice, and one that came too late not at all.
        for number in 0..6 {
            let group = get(&stores[0], group_type(), &format!("g{number}"))
                .await
                .unwrap();
            assert!([1, 3].contains(&group.version.number()), "{:?}", group.version);
        }
    });
}

#[test]
fn two_servers_number_the_events_of_both_without_a_gap_and_each_once() {
    test(|schema| async move {
        const EACH: usize = 15;
        let stores = two(&schema).await;
        commit(&stores[0], vec![new_user("u", "u")]).await.unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = stores[writer % 2].clone();
            writers.spawn(async move {
                for number in 0..EACH {
                    let user = format!("{writer}-{number}");
                    let changes = vec![new_user(&user, &user), event("a", 0), event("b", 0)];
                    commit(&store, changes).await.unwrap();
                }
                Vec::new()
            });
        }
        for store in stores {
            writers.spawn(async move {
                let mut read: Vec<Event> = Vec::new();
                while read.len() < WRITERS * EACH * 2 {
                    let after = read.last().map_or(Position::START, |event| event.position);
                    read.extend(store.read_feed(&acme(), after, 7).await.unwrap());
                }
                read
            });
        }
        let read: Vec<_> = writers
            .join_all()
            .await
            .into_iter()
            .filter(|events| !events.is_empty())
            .collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], read[1]);
        let positions: Vec<u64> = read[0].iter().map(|event| event.position.number()).collect();
        let all: Vec<u64> = (1..).take(WRITERS * EACH * 2).collect();
        assert_eq!(positions, all);
        // No commit is split.
        let commits: BTreeSet<_> = read[0].iter().map(|event| &event.id.commit).collect();
        assert_eq!(commits.len(), WRITERS * EACH);
        for pair in read[0].chunks(2) {
            assert_eq!(pair[0].id.commit, pair[1].id.commit);
            assert_eq!((pair[0].id.number, pair[1].id.number), (0, 1));
        }
    });
}

#[test]
fn what_one_server_commits_the_other_sees_at_once() {
    test(|schema| async move {
        let stores = two(&schema).await;
        for number in 0..20 {
            let (writer, reader) = (&stores[number % 2], &stores[(number + 1) % 2]);
            let user = format!("u{number}");
            commit(writer, vec![new_user(&user, &user)]).await.unwrap();
            assert!(get(reader, user_type(), &user).await.is_some());
            commit(writer, vec![Change::delete(user_type(), id(&user), None)])
                .await
                .unwrap();
            assert!(get(reader, user_type(), &user).await.is_none());
        }
    });
}

#[test]
fn a_commit_that_both_servers_are_handed_happens_once() {
    test(|schema| async move {
        let stores = two(&schema).await;
        for round in 0..10 {
            let user = format!("u{round}");
            let handed = Arc::new(commit_of(vec![new_user(&user, &user)]));
            let (left, right) = tokio::join!(
                stores[0].commit_one(Arc::clone(&handed)),
                stores[1].commit_one(Arc::clone(&handed))
            );
            let results = [left, right];
            assert_eq!(
                results.iter().filter(|result| result.is_ok()).count(),
                1,
                "{results:?}"
            );
            assert!(stores[0].committed(&acme(), &handed.id).await.unwrap());
        }
        let query = keyfob_store::Query::all().with_selection(everything(user_type()));
        let page = stores[0].query(&cx(), user_type(), &query).await.unwrap();
        assert_eq!(ids(&page.resources).len(), 10);
    });
}
