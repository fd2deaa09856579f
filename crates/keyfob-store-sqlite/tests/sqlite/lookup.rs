//! Filters that an index answers, against the same filters asked of every resource.

use keyfob_core::{Registry, ResourceType};
use keyfob_store::{Paging, Query};
use keyfob_store_sqlite::{Options, SqliteStore};

use crate::{
    migration::BACK_TO_VERSION_5,
    support::{New, all, commit, compile, create, group_type, ids, query, search, user_type},
};

fn store() -> (tempfile::TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let mut new: Vec<New> = ["Ada", "bert", "CÉLINE", "Σοφία", "dora", "Ada2"]
        .map(New::user)
        .into();
    for (user, (external_id, display_name)) in
        new.iter_mut().zip([("X1", "Ada"), ("x1", "ADA"), ("X2", "Bert")])
    {
        user.document.core_mut().insert("externalId", external_id);
        user.document.core_mut().insert("displayName", display_name);
    }
    new.push(New::group("Admins", ["Ada", "bert"]));
    new.push(New::group("admins", ["Ada", "Admins"]));
    new.push(New::group("Nobody", []));
    create(&store, &new).unwrap();
    (directory, store)
}

/// What the filter matches when it is asked of each resource.
fn expected(store: &SqliteStore, resource_type: &ResourceType, filter: &str) -> Vec<String> {
    let predicate = compile(resource_type, filter);
    let mut page = all(store, resource_type);
    page.resources
        .retain(|stored| predicate.matches(&stored.resource));
    ids(&page)
}

const OF_USERS: &[(&str, usize)] = &[
    (r#"userName eq "ada""#, 1),
    (r#"userName eq "céline""#, 1),
    (r#"userName eq "ΣΟΦΊΑ""#, 1),
    (r#"userName eq "nobody""#, 0),
    (
        r#"urn:ietf:params:scim:schemas:core:2.0:User:USERNAME eq "ADA""#,
        1,
    ),
    (
        r#"userName eq "dora" or userName eq "ADA" or userName eq "ada""#,
        2,
    ),
    (r#"userName eq "ada" or displayName eq "bert""#, 2),
    (r#"not (userName eq "ada")"#, 5),
    (r#"userName ne "ada""#, 5),
    (r#"userName eq "ada" and userName eq "bert""#, 0),
    (r#"userName eq "ada" and displayName pr"#, 1),
    (r#"id eq "Ada""#, 1),
    (r#"id eq "ada""#, 0),
    (r#"id eq "Admins""#, 0),
    (r#"id eq "Ada" or id eq "bert" or id eq "nobody""#, 2),
    (r#"id eq "Ada" and userName eq "ADA""#, 1),
    (r#"id eq "Ada" and userName eq "bert""#, 0),
    (r#"externalId eq "X1""#, 1),
    (r#"externalId eq "x2""#, 0),
    (r#"displayName eq "ada""#, 2),
    (r#"displayName eq "ada" and externalId eq "x1""#, 1),
    (r#"displayName eq "ada" and not (externalId eq "x1")"#, 1),
    (r#"emails.value eq "ADA@example.com""#, 1),
    (r#"emails eq "ada@example.com""#, 1),
    (r#"emails[value eq "ada@example.com"]"#, 1),
    (r#"emails[value eq "ada@example.com" and type eq "work"]"#, 1),
    (r#"emails[value eq "ada@example.com" and type eq "home"]"#, 0),
    (
        r#"emails[value eq "ada@example.com" or value eq "dora@example.com"]"#,
        2,
    ),
    (
        r#"emails.value eq "ada@example.com" and emails.value eq "dora@example.com""#,
        0,
    ),
    (r#"emails.value co "ada""#, 2),
    (r#"groups.value eq "Admins""#, 2),
    // `Admins` is a member of `admins`, so that its members are in both.
    (r#"groups eq "admins""#, 2),
    (r#"groups[value eq "Nobody"]"#, 0),
    (r#"groups.value eq "Ada""#, 0),
    (r#"groups.value eq "Admins" and userName eq "bert""#, 1),
    (r#"groups.value eq "Admins" and groups.value eq "admins""#, 2),
    (r#"groups[value eq "admins" and type eq "indirect"]"#, 1),
    (
        r#"groups.value eq "Admins" and not (groups.value eq "admins")"#,
        0,
    ),
    (r#"groups[value eq "Admins" and display eq "ADMINS"]"#, 2),
    (r#"groups.display eq "admins""#, 2),
    ("groups pr", 2),
    (r#"meta.version eq "W/\"1\"" and userName eq "ada""#, 1),
];

const OF_GROUPS: &[(&str, usize)] = &[
    (r#"displayName eq "ADMINS""#, 2),
    (r#"members.value eq "Ada""#, 2),
    (r#"members eq "bert""#, 1),
    (r#"members[value eq "Admins"]"#, 1),
    (r#"members[value eq "Admins" or value eq "bert"]"#, 2),
    (r#"members[value eq "Admins" and type eq "User"]"#, 0),
    (r#"members.value eq "Ada" and members.value eq "bert""#, 1),
    (r#"id eq "admins" and members eq "Ada""#, 1),
    (r#"id eq "admins" and members eq "bert""#, 0),
    (r#"members.value eq "ada""#, 0),
    (r#"members.value eq "unknown""#, 0),
    (r#"members.type eq "group""#, 1),
    ("not (members pr)", 1),
];

#[test]
fn a_look_up_finds_what_the_filter_matches() {
    let (_directory, store) = store();
    for (resource_type, filters) in [(user_type(), OF_USERS), (group_type(), OF_GROUPS)] {
        for (filter, count) in filters {
            let found = ids(&search(&store, resource_type, filter));
            assert_eq!(found, expected(&store, resource_type, filter), "{filter}");
            assert_eq!(found.len(), *count, "{filter}");
        }
    }
}

#[test]
fn a_page_of_what_was_looked_up_is_cut_out_of_all_of_it() {
    let (_directory, store) = store();
    for filter in [
        r#"displayName eq "ada""#,
        r#"displayName eq "ada" and userName pr"#,
        r#"displayName co "ada""#,
    ] {
        let predicate = compile(user_type(), filter);
        let page = |offset, count| {
            let paging = Paging::Offset { offset, count };
            let wanted = Query::first(1).with_paging(paging).with_filter(predicate.clone());
            let page = query(&store, user_type(), &wanted);
            (page.total.unwrap(), ids(&page).join(" "))
        };
        assert_eq!(page(0, 1), (2, "Ada".to_owned()), "{filter}");
        assert_eq!(page(1, 1), (2, "bert".to_owned()), "{filter}");
        assert_eq!(page(2, 1), (2, String::new()), "{filter}");
        assert_eq!(page(0, 0), (2, String::new()), "{filter}");
        assert_eq!(page(usize::MAX, usize::MAX), (2, String::new()), "{filter}");
    }
}

#[test]
fn a_type_that_declares_other_indexes_than_before_is_searched_and_then_indexed_again() {
    let (_directory, store) = store();
    let more = more_indexed();
    let title = r#"title eq "boss""#;
    let mut boss = New::user("eve");
    boss.document.core_mut().insert("title", "Boss");
    create(&store, &[boss]).unwrap();
    assert_eq!(
        ids(&search(&store, &more, title)),
        ["eve"],
        "nothing is missing before the next commit"
    );
    let mut boss = New::user("finn");
    boss.document.core_mut().insert("title", "BOSS");
    commit(&store, vec![boss.change_of(&more)]).unwrap();
    assert_eq!(ids(&search(&store, &more, title)), ["eve", "finn"]);
    assert_eq!(
        ids(&search(&store, user_type(), r#"displayName eq "ada""#)),
        ["Ada", "bert"]
    );
    create(&store, &[New::user("gus")]).unwrap();
    assert_eq!(
        ids(&search(
            &store,
            user_type(),
            r#"userName eq "gus" or userName eq "eve""#
        )),
        ["eve", "gus"]
    );
}

#[test]
fn a_database_of_version_3_is_migrated_and_indexed_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut odd = New::user("odd");
    odd.document.core_mut().insert("displayName", 7);
    create(&store, &[New::user("ada"), odd]).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(BACK_TO_VERSION_5).unwrap();
    connection
        .execute_batch(
            "DROP INDEX resources_by_modification; DROP INDEX edges_outwards; DROP INDEX edges_inwards;
             ALTER TABLE edges DROP COLUMN nests;
             DELETE FROM indexed WHERE value = '';
             UPDATE kinds SET indexed = 'displayname caseless\nemails.value caseless\nexternalid exact\nusername username';
             PRAGMA user_version = 3;",
        )
        .unwrap();
    drop(connection);
    for round in ["before", "after"] {
        let store = if round == "before" {
            // Without the types nothing is indexed, and every resource is asked.
            SqliteStore::open(&path).unwrap()
        } else {
            SqliteStore::open_with(&path, Registry::rfc(), Options::new()).unwrap()
        };
        for (filter, found) in [
            ("displayName pr", &["odd"][..]),
            (r#"userName sw "AD""#, &["ada"]),
            (r#"meta.lastModified ge "2020-01-01T00:00:00Z""#, &["ada", "odd"]),
        ] {
            assert_eq!(
                ids(&search(&store, user_type(), filter)),
                found,
                "{filter}, {round}"
            );
        }
    }
}

#[test]
fn what_many_resources_match_is_gone_through_in_the_order_of_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let mut new: Vec<New> = (0..400)
        .map(|number| New::user(&format!("user{number:03}")))
        .collect();
    for (number, user) in new.iter_mut().enumerate() {
        user.document.core_mut().insert("active", number % 2 == 0);
        user.document
            .core_mut()
            .insert("displayName", format!("Name {}", 399 - number).as_str());
    }
    create(&store, &new).unwrap();
    // More than are worth finding and sorting, with a rest to decide and without one.
    for filter in [
        r#"userName sw "user""#,
        r#"userName ge "user010" and displayName gt "name""#,
        r#"emails.value co "er" and active eq true"#,
        r#"displayName pr or id eq "user007""#,
    ] {
        let matching = expected(&store, user_type(), filter);
        for sort in [None, Some("displayName"), Some("meta.lastModified")] {
            let order = |ids: &[String]| -> Vec<String> {
                let mut ids = ids.to_vec();
                if sort == Some("displayName") {
                    ids.sort_by_key(|id| {
                        format!(
                            "{}",
                            399 - id.trim_start_matches("user").parse::<usize>().unwrap()
                        )
                    });
                }
                ids
            };
            let sorted = order(&matching);
            for (offset, count) in [(0, 3), (7, 5), (sorted.len() - 2, 9), (sorted.len(), 4), (2, 0)] {
                let mut query_of = Query::first(count).with_filter(compile(user_type(), filter));
                query_of.paging = Paging::Offset { offset, count };
                if let Some(path) = sort {
                    query_of = query_of.with_sort(keyfob_store::SortKey {
                        path: keyfob_core::AttrPath::parse(path).unwrap(),
                        order: keyfob_core::message::SortOrder::Ascending,
                    });
                }
                let page = query(&store, user_type(), &query_of);
                let wanted: Vec<String> = sorted.iter().skip(offset).take(count).cloned().collect();
                assert_eq!(ids(&page), wanted, "{filter} by {sort:?}, {count} after {offset}");
                assert_eq!(page.total, Some(sorted.len()), "{filter}");
            }
        }
    }
}

#[test]
fn what_an_index_finds_and_another_leaves_out_counts_as_work() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let new: Vec<New> = (0..400)
        .map(|number| New::user(&format!("user{number:03}")))
        .collect();
    create(&store, &new).unwrap();
    let within = |filter: &str, steps| {
        let budget = keyfob_store::Budget {
            steps,
            ..keyfob_store::Budget::UNLIMITED
        };
        let wanted = Query::first(10).with_filter(compile(user_type(), filter));
        let cx = crate::support::cx().with_budget(budget);
        pollster::block_on(keyfob_store::Store::query(&store, &cx, user_type(), &wanted)).is_ok()
    };
    // Everybody is after the one and nobody after the other, which is found to be the better one.
    assert!(within(r#"userName gt "a" and emails.value gt "zz""#, 250));
    // Nobody's address has it, and everybody's name is looked at, or everybody's address.
    assert!(!within(r#"userName gt "a" and emails.value co "zz""#, 250));
    assert!(within(r#"userName gt "a" and emails.value co "zz""#, 2_000));
}

/// The users of the RFC, found by their titles too.
fn more_indexed() -> ResourceType {
    use keyfob_core::{
        AttrPath, SchemaUri,
        schema::{RegistryBuilder, ResourceTypeBuilder},
    };

    let user =
        ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER).indexed(AttrPath::attribute("title"));
    let registry: Registry = RegistryBuilder::new().resource_type(user).build().unwrap();
    registry.resource_type("User").unwrap().clone()
}
