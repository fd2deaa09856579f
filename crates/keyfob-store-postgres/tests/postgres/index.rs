//! What stands in the index, and what becomes of it where a type wants it otherwise.

use keyfob_core::{
    AttrPath, DateTime, Registry, SchemaUri,
    schema::{RegistryBuilder, ResourceTypeBuilder},
};
use keyfob_store::{Change, Feeds, Finding, Maintenance, Query, Retention, Store};
use keyfob_store_postgres::{OpenError, Options, PostgresStore};

use crate::support::{
    acme, client, commit, commit_of, cx, event, get, group_type, id, ids, new_group, new_user, retitle,
    retitle_as, search, search_type, test, user_type,
};

/// Users with titles in the index.
fn with_titles() -> Registry {
    let user =
        ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER).indexed(AttrPath::attribute("title"));
    RegistryBuilder::new().resource_type(user).build().unwrap()
}

#[test]
fn an_index_of_another_release_is_not_trusted_until_it_is_made_anew() {
    test(|schema| async move {
        let store = schema.open().await;
        for name in ["ada", "bea"] {
            commit(&store, vec![new_user(name, name)]).await.unwrap();
            commit(&store, vec![retitle(name, "Guide")]).await.unwrap();
        }
        assert_eq!(search(&store, r#"userName eq "ADA""#).await, ["ada"]);
        let titled = with_titles();
        let user = titled.resource_type("User").unwrap();
        // Both find everything, whoever wrote it.
        assert_eq!(
            search_type(&store, user, r#"title eq "guide""#).await,
            ["ada", "bea"]
        );
        let table = schema.table("entries");
        let entries = format!("SELECT count(*) FROM {table} WHERE attribute = 'title'");
        assert_eq!(schema.number(&entries).await, 0);
        let url = schema
            .url()
            .with_options(|options| options.with_registry(titled.clone()));
        let newer = PostgresStore::connect(&url).await.unwrap();
        assert_eq!(schema.number(&entries).await, 2);
        // An older server goes on, and writes without titles.
        commit(&store, vec![retitle("ada", "Driver")]).await.unwrap();
        commit(&store, vec![new_user("cy", "cy")]).await.unwrap();
        assert_eq!(search_type(&newer, user, r#"title eq "driver""#).await, ["ada"]);
        assert_eq!(search_type(&newer, user, r#"title eq "guide""#).await, ["bea"]);
        assert_eq!(search(&store, r#"userName eq "cy""#).await, ["cy"]);
        PostgresStore::connect(&url).await.unwrap();
        let findings = newer.check(&acme(), user, &|_| Vec::new()).await.unwrap();
        assert_eq!(findings, []);
    });
}

#[test]
fn an_index_is_taken_away_by_servers_and_not_by_a_program_beside_them() {
    test(|schema| async move {
        let with = |registry: Registry| {
            schema
                .url()
                .with_options(|options| options.with_registry(registry))
        };
        let store = PostgresStore::connect(&with(with_titles())).await.unwrap();
        let titled = with_titles();
        let user = titled.resource_type("User").unwrap();
        let mut ada = new_user("ada", "ada");
        if let Change::Create { resource_type, .. } = &mut ada {
            *resource_type = user.clone();
        }
        commit(&store, vec![ada]).await.unwrap();
        commit(&store, vec![retitle_as(user, "ada", "Guide")])
            .await
            .unwrap();
        let table = schema.table("entries");
        let entries = format!("SELECT count(*) FROM {table} WHERE attribute = 'title'");
        assert_eq!(schema.number(&entries).await, 1);

        let beside = with(Registry::rfc().clone()).with_options(Options::keeping_indexes);
        let error = PostgresStore::connect(&beside).await.unwrap_err();
        assert!(
            matches!(&error, OpenError::Index { resource_type, attribute, .. }
                if resource_type == "User" && attribute == "title"),
            "{error}"
        );
        assert_eq!(schema.number(&entries).await, 1);
        let known = with(with_titles()).with_options(Options::keeping_indexes);
        PostgresStore::connect(&known).await.unwrap();

        // A server of other types makes the index anew, beside those that run.
        let newer = PostgresStore::connect(&with(Registry::rfc().clone()))
            .await
            .unwrap();
        assert_eq!(schema.number(&entries).await, 0);
        let title = r#"title eq "guide""#;
        assert_eq!(search(&newer, title).await, ["ada"]);
        assert_eq!(search_type(&store, user, title).await, ["ada"]);
        assert_eq!(search(&newer, r#"userName eq "ada""#).await, ["ada"]);
    });
}

#[test]
fn a_check_finds_what_is_not_in_the_index() {
    test(|schema| async move {
        let store = schema.open().await;
        commit(&store, vec![new_user("ada", "ada"), new_user("bea", "bea")])
            .await
            .unwrap();
        schema
            .sql(&format!(
                "DELETE FROM {} WHERE id = 'bea' AND attribute = 'username'",
                schema.table("entries")
            ))
            .await;
        let findings = store.check(&acme(), user_type(), &|_| Vec::new()).await.unwrap();
        assert_eq!(findings, [Finding::Unindexed { resource: id("bea") }]);
    });
}

#[test]
fn long_values_and_control_characters_are_found_and_stay_distinct() {
    test(|schema| async move {
        let store = schema.open().await;
        let long = "ä".repeat(3_000);
        let names = [
            long.clone(),
            format!("{long}x"),
            "nul\u{0}l".to_owned(),
            "nul\u{1}l".to_owned(),
        ];
        for (number, name) in names.iter().enumerate() {
            commit(&store, vec![new_group(&format!("g{number}"))])
                .await
                .unwrap();
            commit(&store, vec![new_user(&format!("u{number}"), name)])
                .await
                .unwrap();
        }
        commit(&store, vec![new_user("other", &long)]).await.unwrap_err();
        assert_eq!(search(&store, &format!(r#"userName eq "{long}""#)).await, ["u0"]);
        assert_eq!(search(&store, &format!(r#"userName eq "{long}x""#)).await, ["u1"]);
        assert_eq!(search(&store, r#"userName eq "nul\u0000l""#).await, ["u2"]);
        let user = get(&store, user_type(), "u3").await.unwrap();
        assert_eq!(user.resource.core().get_str("userName"), Some("nul\u{1}l"));
    });
}

#[test]
fn look_ups_and_pages_read_indexes() {
    test(|schema| async move {
        let store = schema.open().await;
        let mut changes = vec![new_group("g")];
        changes.extend((0..3_000).map(|number| new_user(&format!("u{number}"), &format!("name{number}"))));
        for part in changes.chunks(1_000) {
            commit(&store, part.to_vec()).await.unwrap();
        }
        let client = client().await;
        client
            .batch_execute(&format!(
                "SET search_path = \"{}\"; ANALYZE resources, entries, edges, unique_keys",
                schema.name
            ))
            .await
            .unwrap();
        for (sql, index) in [
            (
                "SELECT id FROM resources r WHERE r.tenant = 'acme' AND r.kind = 'User' AND NOT r.hidden
                 AND (r.created, r.id) > (1700000000000, 'u2') ORDER BY r.created, r.id LIMIT 10",
                "resources_in_order",
            ),
            (
                "SELECT r.id FROM resources r WHERE r.tenant = 'acme' AND r.kind = 'User' AND NOT r.hidden AND r.id IN (
                    SELECT e.id FROM entries e WHERE e.tenant = 'acme' AND e.kind = 'User' AND NOT e.hidden
                        AND e.attribute = 'username' AND e.key = ANY(ARRAY['name7']))",
                "entries_pkey",
            ),
            (
                "SELECT r.id FROM entries s JOIN resources r ON r.tenant = s.tenant AND r.id = s.id
                 WHERE s.tenant = 'acme' AND s.kind = 'User' AND NOT s.hidden AND s.sorts AND s.attribute = 'username'
                    AND (s.key, s.created, s.id) > ('name2', 0, '') ORDER BY s.key, s.created, s.id LIMIT 10",
                "entries_pkey",
            ),
            (
                "SELECT min(generation), max(generation) FROM resources WHERE tenant = 'acme' AND kind = 'User'",
                "resources_by_generation",
            ),
        ] {
            let rows = client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
        }
    });
}

#[test]
fn a_trim_forgets_commits_and_no_more_than_it_may() {
    test(|schema| async move {
        let store = schema.open().await;
        let first = commit_of(vec![new_user("u", "u"), event("created", 0)]);
        let commits = format!("SELECT count(*) FROM {}", schema.table("commits"));
        let known = first.id.clone();
        keyfob_store::StoreExt::commit_one(&store, first).await.unwrap();
        commit(&store, vec![retitle("u", "t")]).await.unwrap();
        let before = |millis: i64| {
            let instant = DateTime::from_unix_millis(1_700_000_000_000 + millis);
            Retention {
                read_before: instant,
                unread_before: instant,
            }
        };
        assert_eq!(store.trim(&acme(), &before(0), 99).await.unwrap(), 0);
        assert_eq!(schema.number(&commits).await, 2);
        assert_eq!(store.trim(&acme(), &before(1), 99).await.unwrap(), 1);
        assert_eq!(schema.number(&commits).await, 0);
        assert!(!store.committed(&acme(), &known).await.unwrap());
        // To ask leaves nothing.
        assert_eq!(schema.number(&commits).await, 0);
        let page = store.query(&cx(), group_type(), &Query::all()).await.unwrap();
        assert!(ids(&page.resources).is_empty());
    });
}
