//! Rows that the application writes itself: their tags, the lists that they are in, their events.

use std::sync::atomic::Ordering;

use keyfob_core::{DateTime, Resource, ResourceId};
use keyfob_store::{
    Budget, Change, CommitError, Committed, Exhausted, Feeds as _, Ids, Outcome, Query, ReadContext,
    RelationDelta, Retention, Store as _, StoreError, StoreExt as _,
};
use keyfob_tables::{Access, Key, Kind, Tables as _, Transaction as _};

use crate::{
    common,
    world::{HIRE, World, ids, name},
};

#[tokio::test]
async fn rows_of_the_application_are_resources_of_their_tenant() {
    let world = World::new().await;
    world.run(HIRE).await;
    assert_eq!(ids(&world.find("User", "userName pr").await), ["u-1", "u-2"]);
    assert_eq!(ids(&world.find("User", r#"userName eq "ADA""#).await), ["u-1"]);
    assert_eq!(
        ids(&world.find("User", r#"emails.value eq "ADA@acme.example""#).await),
        ["u-1"]
    );
    assert_eq!(ids(&world.find("User", r#"id eq "u-2""#).await), ["u-2"]);
    assert!(world.get("User", "u-3").await.is_none(), "another tenant's row");
    assert!(world.get("Group", "u-1").await.is_none(), "a row of another type");
    assert!(
        world.get("User", "u-01").await.is_none(),
        "another spelling of an id"
    );
    assert_eq!(world.events().await, [], "nobody was told");
}

#[tokio::test]
async fn every_change_of_a_row_changes_its_tag_and_a_stale_one_is_refused() {
    let world = World::new().await;
    world.run(HIRE).await;
    let first = world.get("User", "u-1").await.unwrap().version;
    world
        .run("UPDATE users SET given_name = 'Ada' WHERE id = 1")
        .await;
    let second = world.get("User", "u-1").await.unwrap().version;
    assert_ne!(second, first);

    let user = world.resource_type("User");
    let id = ResourceId::new("u-1");
    let document = world.get("User", "u-1").await.unwrap().resource;
    let replace = |version| Change::replace(user, id.clone(), document.clone(), Some(version));
    let stale = world.commit(vec![replace(first)]).await;
    assert!(matches!(stale, Err(CommitError::VersionMismatch { current, .. }) if current == second));
    let committed = world.commit(vec![replace(second)]).await.unwrap();
    let third = committed.revision(0).unwrap().version;
    assert_eq!(world.get("User", "u-1").await.unwrap().version, third);

    world
        .run("UPDATE users SET given_name = 'Eve' WHERE id = 1")
        .await;
    let fourth = world.get("User", "u-1").await.unwrap().version;
    world
        .run("UPDATE users SET given_name = 'Ada' WHERE id = 1")
        .await;
    assert_eq!(
        world.get("User", "u-1").await.unwrap().version,
        third,
        "the state of that version is back"
    );
    let versions = std::collections::BTreeSet::from([first, second, third, fourth]);
    assert_eq!(versions.len(), 4, "no two states share a version");
}

#[tokio::test]
async fn a_row_that_the_store_wrote_has_what_the_application_changed_in_it() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    world
        .run("UPDATE users SET login = 'countess', mail = 'a@acme.example' WHERE login = 'ada'")
        .await;
    let found = world.find("User", r#"userName eq "Countess""#).await;
    assert_eq!(ids(&found), ["ada"]);
    assert_eq!(
        world.find("User", r#"userName eq "ada""#).await,
        [],
        "the old name is nobody's"
    );
    assert_eq!(
        ids(&world
            .find("User", r#"emails[primary eq true and value eq "a@acme.example"]"#)
            .await),
        ["ada"]
    );
    world.commit(vec![world.user("other", "ada")]).await.unwrap();
    let taken = world.commit(vec![world.user("third", "COUNTESS")]).await;
    assert!(is_taken(&taken), "{taken:?}");
}

/// A change of the state alone, which writes the row of the side tables and none of the application's.
fn set_state(world: &World, id: &str) -> Change {
    let mut change = Change::relate(world.resource_type("User"), ResourceId::new(id), []);
    if let Change::Update { state, .. } = &mut change {
        *state = Some(std::sync::Arc::default());
    }
    change
}

fn is_taken(result: &Result<Committed, CommitError>) -> bool {
    matches!(result, Err(CommitError::UniquenessViolated { attribute, .. }) if attribute == "userName")
}

#[tokio::test]
async fn a_name_that_the_application_gave_is_reserved_whatever_the_store_writes_next() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    world
        .run("UPDATE users SET login = 'bob' WHERE login = 'ada'")
        .await;
    world.commit(vec![set_state(&world, "ada")]).await.unwrap();
    assert_eq!(ids(&world.find("User", r#"userName eq "bob""#).await), ["ada"]);
    let twin = world.commit(vec![world.user("twin", "BOB")]).await;
    assert!(is_taken(&twin), "{twin:?}");
    world.commit(vec![world.user("other", "ada")]).await.unwrap();

    // A name that another has is that one's, and when it goes it is not free.
    world
        .run("UPDATE users SET login = 'Ada' WHERE login = 'bob'")
        .await;
    world.commit(vec![set_state(&world, "ada")]).await.unwrap();
    let user = world.resource_type("User");
    let delete = Change::delete(user, ResourceId::new("other"), None);
    world.commit(vec![delete]).await.unwrap();
    let third = world.commit(vec![world.user("third", "ADA")]).await;
    assert!(is_taken(&third), "{third:?}");

    // Nobody has the name of a row that has none any more.
    let row = [(Kind::User, Key::Integer(1))];
    world
        .touch("UPDATE users SET login = NULL WHERE id = 1", &row)
        .await
        .unwrap();
    world.commit(vec![world.user("third", "ADA")]).await.unwrap();
}

#[tokio::test]
async fn commits_without_events_are_forgotten_in_their_time() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    let commit = world.commit_of(vec![set_state(&world, "ada")]);
    let (id, at) = (commit.id.clone(), commit.at);
    world.store.commit_one(commit).await.unwrap();
    for (later, is_known) in [(0, true), (1, false)] {
        let before = DateTime::from_unix_millis(at.unix_millis() + later);
        let retention = Retention {
            read_before: before,
            unread_before: before,
        };
        let trimmed = world.store.trim(&world.tenant, &retention, 10).await.unwrap();
        assert_eq!(trimmed, 0, "there are no events");
        assert_eq!(world.store.committed(&world.tenant, &id).await.unwrap(), is_known);
    }
}

#[tokio::test]
async fn a_query_reads_no_more_rows_than_its_budget_covers() {
    let world = World::new().await;
    world
        .run(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 1600)
             INSERT INTO users (tenant, login) SELECT 'acme', 'user' || number FROM numbers",
        )
        .await;
    let mut budget = Budget::UNLIMITED;
    budget.steps = 10;
    let cx = ReadContext::new(world.tenant.clone()).with_budget(budget);
    let reads = || world.store.tables().reads.load(Ordering::Relaxed);
    let before = reads();
    let read = world
        .store
        .query(&cx, world.resource_type("User"), &Query::all())
        .await;
    assert!(
        matches!(read, Err(StoreError::Exhausted(Exhausted::Steps { limit: 10 }))),
        "{read:?}"
    );
    assert_eq!(reads() - before, 1, "one page of four");
}

#[tokio::test]
async fn a_row_that_the_application_deletes_is_gone_with_what_it_reserved() {
    let world = World::new().await;
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    let group = world.resource_type("Group");
    let mut document = Resource::new([group.schema().id.clone()]);
    document.core_mut().insert("displayName", "staff");
    let mut delta = RelationDelta::new("members".into());
    delta
        .add
        .push((ResourceId::new("ada"), keyfob_core::Member::new()));
    let create = Change::create(group, ResourceId::new("staff"), document);
    let join = Change::relate(group, ResourceId::new("staff"), [delta]);
    world.commit(vec![create, join]).await.unwrap();
    assert_eq!(
        world
            .get("User", "ada")
            .await
            .unwrap()
            .resource
            .relation("groups")
            .unwrap()
            .len(),
        1
    );

    world.run("DELETE FROM users WHERE login = 'ada'").await;
    assert!(world.get("User", "ada").await.is_none());
    assert!(
        world
            .get("Group", "staff")
            .await
            .unwrap()
            .resource
            .relation("members")
            .unwrap()
            .is_empty()
    );
    let user = world.resource_type("User");
    let gone = world
        .commit(vec![Change::delete(user, ResourceId::new("ada"), None)])
        .await;
    assert!(matches!(gone, Err(CommitError::NotFound { change: 0 })));
    let again = world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    assert!(
        again.revision(0).unwrap().version.number() > 1,
        "an old tag fits no new resource"
    );
}

#[tokio::test]
async fn softly_deleted_rows_are_hidden_whoever_deleted_them() {
    let world = World::new().await;
    world.run(HIRE).await;
    world
        .run("UPDATE users SET deleted_at = 'now' WHERE id = 1")
        .await;
    assert_eq!(ids(&world.find("User", "userName pr").await), ["u-2"]);
    assert!(world.get("User", "u-1").await.unwrap().is_hidden());
    world.commit(vec![world.user("ada", "ada")]).await.unwrap();
    assert_eq!(world.find("User", r#"userName eq "ada""#).await.len(), 1);
}

#[tokio::test]
async fn memberships_of_the_application_are_members_and_groups() {
    let world = World::new().await;
    world.run(HIRE).await;
    world
        .run("INSERT INTO teams (tenant, name) VALUES ('acme', 'staff')")
        .await;
    world
        .run("INSERT INTO team_users (team, user) VALUES (1, 1), (1, 2)")
        .await;
    let staff = world.get("Group", "g-1").await.unwrap();
    assert_eq!(staff.resource.relation("members").unwrap().len(), 2);
    let ada = world.get("User", "u-1").await.unwrap();
    let groups = ada.resource.relation("groups").unwrap();
    assert_eq!(
        groups.get(&ResourceId::new("g-1")).unwrap().display.as_deref(),
        Some("staff")
    );
    assert_eq!(
        ids(&world.find("Group", r#"members.value eq "u-1""#).await),
        ["g-1"]
    );
    assert_eq!(
        ids(&world.find("User", r#"groups.value eq "g-1""#).await),
        ["u-1", "u-2"]
    );

    let version = staff.version;
    let remove = "DELETE FROM team_users WHERE user = 1";
    world
        .touch(remove, &[(Kind::Group, Key::Integer(1))])
        .await
        .unwrap();
    let staff = world.get("Group", "g-1").await.unwrap();
    assert_ne!(staff.version, version, "who tells of it changes the tag");
    assert_eq!(staff.resource.relation("members").unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_told_is_in_the_events() {
    let world = World::new().await;
    let user = |number| (Kind::User, Key::Integer(number));
    world.touch(HIRE, &[user(1)]).await.unwrap();
    world
        .touch("UPDATE users SET active = 0 WHERE id = 1", &[user(1)])
        .await
        .unwrap();
    world
        .touch("DELETE FROM users WHERE id = 1", &[user(1)])
        .await
        .unwrap();
    let expected = [("created", "u-1"), ("changed", "u-1"), ("deleted", "u-1")];
    let expected = expected.map(|(name, id)| (name.to_owned(), id.to_owned()));
    assert_eq!(world.events().await, expected);
    let twin = "INSERT INTO users (tenant, login) VALUES ('acme', 'BOB')";
    let taken = world.touch(twin, &[user(4)]).await;
    assert!(matches!(taken, Err(CommitError::UniquenessViolated { .. })));
    assert_eq!(
        world.find("User", "userName pr").await.len(),
        1,
        "and the row is not there"
    );
}

#[tokio::test]
async fn the_application_writes_through_the_store_in_its_own_transaction_or_not_at_all() {
    let world = World::new().await;
    for commits in [false, true] {
        let mut tx = world.store.tables().begin(Access::Write).await.unwrap();
        let commit = world.commit_of(vec![world.user("ada", "ada")]);
        world.store.commit_within(&mut tx, &commit).await.unwrap();
        tx.execute_batch("INSERT INTO teams (tenant, name) VALUES ('acme', 'staff')")
            .unwrap();
        if commits {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(world.get("User", "ada").await.is_some(), commits);
        assert_eq!(
            world.find("Group", "displayName pr").await.len(),
            usize::from(commits)
        );
        assert_eq!(
            world.store.committed(&world.tenant, &commit.id).await.unwrap(),
            commits
        );
    }
}

#[tokio::test]
async fn a_trigger_that_alters_a_value_is_seen_in_the_answer() {
    let world = World::new().await;
    world
        .run(
            "CREATE TRIGGER lower AFTER INSERT ON users
              BEGIN UPDATE users SET login = lower(NEW.login) WHERE id = NEW.id; END",
        )
        .await;
    world.commit(vec![world.user("a", "ADA")]).await.unwrap();
    assert_eq!(name(&world.get("User", "a").await.unwrap()), "ada");
}

#[tokio::test]
async fn ids_may_follow_from_the_keys_of_the_database() {
    let world = World::of(common::shape().with_ids_of_keys()).await;
    assert_eq!(world.store.capabilities().ids, Ids::Assigned);
    let group = world.resource_type("Group");
    let mut document = Resource::new([group.schema().id.clone()]);
    document.core_mut().insert("displayName", "staff");
    let mut delta = RelationDelta::new("members".into());
    delta
        .add
        .push((ResourceId::new("placeholder"), keyfob_core::Member::new()));
    let create = world.user("placeholder", "ada");
    let changes = vec![
        create,
        Change::create(group, ResourceId::new("another"), document),
        Change::relate(group, ResourceId::new("another"), [delta]),
    ];
    let committed = world.commit(changes).await.unwrap();
    assert_eq!(committed.revision(0).unwrap().id, ResourceId::new("u-1"));
    assert_eq!(committed.revision(1).unwrap().id, ResourceId::new("g-1"));
    assert!(matches!(&committed.outcomes[2], Outcome::Changed { joined, .. } if joined.count == 1));
    let staff = world.get("Group", "g-1").await.unwrap();
    assert!(
        staff
            .resource
            .relation("members")
            .unwrap()
            .contains(&ResourceId::new("u-1"))
    );
    assert!(world.get("User", "placeholder").await.is_none());
}

#[tokio::test]
async fn what_has_no_column_is_in_no_schema_or_in_the_side_tables() {
    let trimmed = common::shape().registry().unwrap();
    let user = trimmed.resource_type("User").unwrap();
    assert!(user.attribute("title").is_none() && user.extensions().is_empty());
    assert!(
        user.attribute("name")
            .unwrap()
            .sub_attribute("formatted")
            .is_none()
    );
    assert!(
        user.attribute("emails").unwrap().sub_attribute("type").is_some(),
        "of many values all is kept"
    );

    let world = World::of(common::shape().with_overflow()).await;
    let mut create = world.user("ada", "ada");
    if let Change::Create { document, .. } = &mut create {
        std::sync::Arc::make_mut(document)
            .core_mut()
            .insert("title", "Countess");
    }
    world.commit(vec![create]).await.unwrap();
    let found = world.find("User", r#"title eq "countess""#).await;
    assert_eq!(ids(&found), ["ada"]);
}
