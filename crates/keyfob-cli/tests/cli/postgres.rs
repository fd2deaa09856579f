//! Servers over PostgreSQL. Skipped without `KEYFOB_TEST_POSTGRES_URL`, but for what needs no database.

use std::env;

use serde_json::json;

use crate::process::{Server, run};

#[test]
fn a_store_that_cannot_be_used_is_told_without_its_password() {
    for (store, message) in [
        ("postgres://ada:s3cret@127.0.0.1:1/none", "can't be reached"),
        ("postgres://ada:s3cret@127.0.0.1:port/none", "percent escapes"),
        (
            "postgres://ada:s3cret@127.0.0.1/none?sslmode=maybe",
            "(`sslmode`)",
        ),
        ("postgre://ada:s3cret@127.0.0.1/none", "a store is"),
        ("ada:s3cret@127.0.0.1", "a store is"),
    ] {
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["admin", "org", "list"],
        ] {
            let finished = run(&[command, &["--store", store]].concat(), "");
            finished.assert_unusable(message);
            assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
        }
    }
}

#[test]
fn two_servers_and_an_administrator_share_one_database() {
    let Ok(url) = env::var("KEYFOB_TEST_POSTGRES_URL") else {
        let is_demanded = env::var_os("KEYFOB_TEST_POSTGRES_REQUIRED").is_some();
        assert!(!is_demanded, "there is no database, and one is demanded");
        return;
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    let store = format!("{url}{separator}schema=cli_{}", std::process::id());
    let missing = run(&["admin", "--store", &store, "org", "list"], "");
    missing.assert_unusable("`keyfob serve` creates one");

    let (first, client) = Server::start_fresh(&["--store", &store, "--profile", "verkada"]);
    assert!(first.store.starts_with("postgres://"), "{}", first.store);
    let second = Server::start(&["--store", &store]);
    assert_eq!(second.token, None);
    let other = second.client(client.token());
    let user = client.create_user("bjensen@example.com");
    assert_eq!(other.get(&format!("/Users/{user}")).status, 200);
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Guides",
        "members": [{"value": user}],
    });
    let group = other.send("POST", "/Groups", Some(&group)).created();
    let shown = client.get(&format!("/Users/{user}")).json();
    assert_eq!(shown["groups"][0]["value"], json!(group));

    let explain = run(
        &[
            "admin",
            "--store",
            &store,
            "explain",
            r#"userName eq "bjensen@example.com""#,
        ],
        "",
    );
    assert_eq!(
        explain.stdout,
        "index:      userName, 1 key\n\
         candidates: 1 of User\n\
         read:       those of the page\n\
         order:      out of an index or sorted, as the database chooses\n\
         total:      counted in the indexes\n"
    );

    // Who is revoked by one is refused by both at once.
    let events = run(&["admin", "--store", &store, "events", "--json"], "");
    assert_eq!(events.code, Some(0), "{events:?}");
    assert!(events.stdout.contains("bjensen@example.com"), "{events:?}");
    let refreshed = run(&["admin", "--store", &store, "token", "refresh", "--yes"], "");
    assert_eq!(refreshed.code, Some(0), "{refreshed:?}");
    for client in [&client, &other] {
        assert_eq!(client.get(&format!("/Users/{user}")).status, 401);
    }
    for server in [first, second] {
        let stopped = server.stop();
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        assert!(!stopped.stderr.contains("s3cret"), "{stopped:?}");
    }
}
