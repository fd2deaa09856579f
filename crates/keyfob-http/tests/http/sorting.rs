//! Lists in an order of the client's (RFC 7644 section 3.4.2.3), on every store.

use keyfob_core::{Projection, Resource};
use keyfob_provisioning::Profile;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The users of a server, in the order in which they are created, each by one letter.
async fn with_users(backend: Backend, profile: Profile) -> Server {
    let server = Server::start(backend, profile).await;
    let users = [
        json!({"userName": "a", "displayName": "éva", "title": "Z", "active": true, "name": {"familyName": "beta"},
            "emails": [{"value": "m@x.org"}, {"value": "a@x.org", "primary": true}],
            ENTERPRISE: {"employeeNumber": "10", "manager": {"value": "m2"}}}),
        json!({"userName": "B", "displayName": "Eve", "title": "a", "active": false, "name": {"familyName": "Alpha"},
            "emails": [{"value": "b@x.org"}, {"value": "0@x.org"}],
            ENTERPRISE: {"employeeNumber": "9", "manager": {"value": "m1"}}}),
        json!({"userName": "c", "title": "É", "name": {"givenName": "only"}, "emails": [{"type": "work", "value": "C@x.org"}]}),
        json!({"userName": "d", "displayName": "eva", "title": "e"}),
    ];
    for mut user in users {
        user["schemas"] = json!([USER, ENTERPRISE]);
        server.create("/Users", &user).await;
    }
    server
}

/// The user names of a page.
fn names(page: &Value) -> String {
    let resources = page["Resources"].as_array().unwrap();
    let names = resources.iter().map(|resource| {
        let name = resource.get("userName").or(resource.get("displayName"));
        name.unwrap().as_str().unwrap()
    });
    names.collect::<Vec<_>>().join("")
}

#[tokio::test]
async fn rfc_7644_3_4_2_3_resources_come_in_the_order_of_an_attribute() {
    for backend in Backend::ALL {
        for profile in [Profile::rfc(), Profile::interop()] {
            let server = with_users(backend, profile).await;
            for (sort_by, ascending, descending) in [
                ("userName", "aBcd", "dcBa"),
                ("USERNAME", "aBcd", "dcBa"),
                (
                    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
                    "aBcd",
                    "dcBa",
                ),
                // Values that aren't caseExact are compared folded; users without come last, and first the other way.
                ("displayName", "dBac", "caBd"),
                ("title", "Bdac", "cadB"),
                ("name.familyName", "Bacd", "cdaB"),
                ("NAME.givenname", "caBd", "aBdc"),
                // The primary value, or else the first.
                ("emails", "aBcd", "dcBa"),
                ("emails.value", "aBcd", "dcBa"),
                ("emails.type", "caBd", "aBdc"),
                ("active", "Bacd", "acdB"),
                (&format!("{ENTERPRISE}:employeeNumber"), "aBcd", "cdBa"),
                (&format!("{ENTERPRISE}:manager"), "Bacd", "cdaB"),
                (&format!("{ENTERPRISE}:manager.value"), "Bacd", "cdaB"),
                ("meta.resourceType", "aBcd", "aBcd"),
                ("nickName", "aBcd", "aBcd"),
                ("", "aBcd", "aBcd"),
            ] {
                for (order, expected) in [
                    ("&sortOrder=ascending", ascending),
                    ("", ascending),
                    ("&sortOrder=DESCENDING", descending),
                ] {
                    let path = format!("/Users?sortBy={sort_by}{order}");
                    let answer = server.send("GET", &path, None).await;
                    assert_eq!(answer.status, 200, "{path}: {answer}");
                    assert_eq!(names(&answer.json()), expected, "{backend:?}: {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn rfc_7644_3_4_3_a_search_by_post_has_the_order_of_one_by_get() {
    for backend in Backend::ALL {
        let server = with_users(backend, Profile::rfc()).await;
        for sort_by in ["userName", "title", "emails"] {
            for order in ["ascending", "descending"] {
                let path = format!("/Users?sortBy={sort_by}&sortOrder={order}");
                let by_get = server.send("GET", &path, None).await.json();
                let body = json!({"schemas": [SEARCH], "sortBy": sort_by, "sortOrder": order});
                let by_post = server.send("POST", "/Users/.search", Some(&body)).await.json();
                assert_eq!(by_get, by_post, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn an_order_holds_over_pages_and_for_what_a_filter_matches() {
    for backend in Backend::ALL {
        let server = with_users(backend, Profile::rfc()).await;
        for sort_by in ["userName", "title", "active"] {
            let all = server
                .send(
                    "GET",
                    &format!("/Users?sortBy={sort_by}&sortOrder=descending"),
                    None,
                )
                .await;
            let all = names(&all.json());
            let mut paged = String::new();
            for start in 1..=4 {
                let path = format!("/Users?sortBy={sort_by}&sortOrder=descending&startIndex={start}&count=1");
                let page = server.send("GET", &path, None).await.json();
                assert_eq!(page["totalResults"], 4, "{path}");
                assert_eq!(page["startIndex"], start, "{path}");
                paged += &names(&page);
            }
            assert_eq!(paged, all, "{sort_by}");
            let path = format!("/Users?sortBy={sort_by}&sortOrder=descending&filter=userName%20ne%20%22d%22");
            let page = server.send("GET", &path, None).await.json();
            assert_eq!(names(&page), all.replace('d', ""), "{path}");
            for path in ["count=0", "startIndex=100"] {
                let path = format!("/Users?sortBy={sort_by}&{path}");
                let page = server.send("GET", &path, None).await.json();
                assert_eq!(
                    (&page["totalResults"], names(&page).as_str()),
                    (&json!(4), ""),
                    "{path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn rfc_7644_3_4_2_1_a_query_on_the_root_merges_the_types_into_one_order() {
    for backend in Backend::ALL {
        let server = with_users(backend, Profile::rfc()).await;
        for name in ["f", "1"] {
            let group = json!({"schemas": [GROUP], "displayName": name});
            server.create("/Groups", &group).await;
        }
        for (sort, expected) in [
            // Without an order, one type after the other.
            ("", "aBcdf1"),
            ("sortBy=displayName", "1dBfac"),
            ("sortBy=displayName&sortOrder=descending", "cafBd1"),
            // Groups lack the attribute, which is then without value (RFC 7644 section 3.4.2.1).
            ("sortBy=userName", "aBcdf1"),
            ("sortBy=userName&sortOrder=descending", "f1dcBa"),
            ("sortBy=title", "Bdacf1"),
            ("sortBy=meta.resourceType", "f1aBcd"),
            ("sortBy=meta.location", "f1aBcd"),
            (
                "sortBy=userName&filter=meta.resourceType%20eq%20%22User%22",
                "aBcd",
            ),
            ("sortBy=displayName&startIndex=2&count=3", "dBf"),
            ("sortBy=displayName&startIndex=7", ""),
            ("startIndex=4&count=2", "df"),
        ] {
            for root in ["/", ""] {
                let path = format!("{root}?{sort}");
                let answer = server.send("GET", &path, None).await;
                assert_eq!(answer.status, 200, "{path}: {answer}");
                let page = answer.json();
                if sort != "sortBy=meta.location" {
                    assert_eq!(names(&page), expected, "{backend:?}: {path}");
                }
                let total = if sort.contains("filter") { 4 } else { 6 };
                assert_eq!(page["totalResults"], total, "{path}");
            }
        }
        let body = json!({"schemas": [SEARCH], "sortBy": "displayName"});
        let by_post = server.send("POST", "/.search", Some(&body)).await.json();
        let by_get = server.send("GET", "/?sortBy=displayName", None).await.json();
        assert_eq!(by_get, by_post);
        // A group comes before every user, as `/Groups` comes before `/Users`.
        let page = server.send("GET", "/?sortBy=meta.location", None).await.json();
        let locations = page["Resources"].as_array().unwrap().iter();
        let locations: Vec<_> = locations
            .map(|resource| resource["meta"]["location"].to_string())
            .collect();
        assert!(locations.is_sorted(), "{locations:?}");
        server
            .send("POST", "/", Some(&json!({})))
            .await
            .assert_error(405, None);
    }
}

#[tokio::test]
async fn rfc_7644_3_4_2_4_a_count_of_zero_asks_for_no_order() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let user = server.engine.registry().resource_type("User").unwrap();
    let caller = server.engine.authenticate(&server.token).await.unwrap();
    // More than are sorted without an index.
    for number in 0..10_001 {
        let body = format!(r#"{{"userName": "user{number}", "title": "Guide"}}"#);
        let body = Resource::from_json(body.as_bytes(), user).unwrap();
        server
            .engine
            .create(caller.context(), user, body, &Projection::all())
            .await
            .unwrap();
    }
    let page = server.send("GET", "/Users?sortBy=title&count=1", None).await;
    page.assert_error(400, Some("tooMany"));
    let page = server.send("GET", "/Users?sortBy=title&count=0", None).await;
    assert_eq!((page.status, &page.json()["totalResults"]), (200, &json!(10_001)));
}

#[tokio::test]
async fn an_order_that_there_is_not_is_refused() {
    let server = with_users(Backend::Memory, Profile::interop()).await;
    for (query, status, scim_type, told) in [
        ("sortBy=colour", 400, "invalidValue", "colour"),
        ("sortBy=userNam", 400, "invalidValue", "userNam"),
        ("sortBy=name.colour", 400, "invalidValue", "colour"),
        ("sortBy=name", 400, "invalidValue", "such as `name.formatted`"),
        ("sortBy=meta", 400, "invalidValue", "such as `meta.created`"),
        ("sortBy=meta.version", 400, "invalidValue", "meta.version"),
        ("sortBy=groups", 400, "invalidValue", "groups"),
        ("sortBy=groups.display", 400, "invalidValue", "groups.display"),
        ("sortBy=a.b.c", 400, "invalidValue", "sub-attribute"),
        (
            "sortBy=emails%5Btype%20eq%20%22work%22%5D.value",
            400,
            "invalidValue",
            "sortBy",
        ),
        (&format!("sortBy={ENTERPRISE}"), 400, "invalidValue", "schema"),
        ("sortBy=password", 403, "sensitive", "password"),
        ("sortBy=userName&sortOrder=down", 400, "invalidValue", "sortOrder"),
        ("sortOrder=1", 400, "invalidValue", "sortOrder"),
    ] {
        let path = format!("/Users?{query}");
        let answer = server.send("GET", &path, None).await;
        answer.assert_error(status, Some(scim_type));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{path}: {detail}");
        if query.starts_with("sortBy") && !query.contains("groups") {
            let answer = server.send("GET", &format!("/?{query}"), None).await;
            answer.assert_error(status, Some(scim_type));
        }
    }
    let body = json!({"schemas": [SEARCH], "sortOrder": "down"});
    server
        .send("POST", "/.search", Some(&body))
        .await
        .assert_error(400, Some("invalidValue"));
}

#[test]
fn every_order_is_that_of_a_sort_of_what_get_shows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(proptest::test_runner::Config {
        cases: 24,
        failure_persistence: None,
        ..Default::default()
    });
    let text = || select(vec!["", "a", "A", "b", "á", "a\u{301}", "Z"]);
    let user = (
        text(),
        text(),
        prop::option::of(any::<bool>()),
        prop::collection::vec((text(), any::<bool>()), 0..3),
    );
    let users = prop::collection::vec(user, 1..8);
    let backend = select(Backend::ALL.to_vec());
    let window = (1_usize..5, 0_usize..5);
    runner
        .run(
            &(backend, users, any::<bool>(), window),
            |(backend, users, descending, window)| {
                runtime.block_on(check(backend, &users, descending, window))
            },
        )
        .unwrap();
}

type User = (
    &'static str,
    &'static str,
    Option<bool>,
    Vec<(&'static str, bool)>,
);

async fn check(
    backend: Backend,
    users: &[User],
    descending: bool,
    (start, count): (usize, usize),
) -> Result<(), TestCaseError> {
    let server = Server::start(backend, Profile::rfc()).await;
    for (number, (title, display_name, active, addresses)) in users.iter().enumerate() {
        let mut user = json!({"schemas": [USER], "userName": format!("u{number}")});
        for (name, text) in [("title", title), ("displayName", display_name)] {
            if !text.is_empty() {
                user[name] = json!(text);
            }
        }
        if let Some(active) = active {
            user["active"] = json!(active);
        }
        let mut has_primary = false;
        let addresses = addresses.iter().enumerate().map(|(place, (region, primary))| {
            let primary = *primary && !has_primary;
            has_primary |= primary;
            json!({"region": region, "type": format!("t{place}"), "primary": primary})
        });
        user["addresses"] = addresses.collect();
        server.create("/Users", &user).await;
    }
    let shown = server.send("GET", "/Users", None).await.json();
    let shown = shown["Resources"].as_array().unwrap();
    for sort_by in ["title", "displayName", "active", "addresses.region"] {
        let mut expected: Vec<&Value> = shown.iter().collect();
        expected.sort_by(|left, right| {
            let (left, right) = (value_of(left, sort_by), value_of(right, sort_by));
            // Without a value is the largest, whichever way.
            let by_value = (left.is_none(), left).cmp(&(right.is_none(), right));
            if descending { by_value.reverse() } else { by_value }
        });
        let ids = |users: &[&Value]| {
            users
                .iter()
                .map(|user| user["id"].to_string())
                .collect::<Vec<_>>()
        };
        let page: Vec<&Value> = expected.into_iter().skip(start - 1).take(count).collect();
        let order = if descending { "descending" } else { "ascending" };
        let path = format!("/Users?sortBy={sort_by}&sortOrder={order}&startIndex={start}&count={count}");
        let answer = server.send("GET", &path, None).await.json();
        let answered: Vec<&Value> = answer["Resources"].as_array().unwrap().iter().collect();
        prop_assert_eq!(ids(&answered), ids(&page), "{}", path);
        prop_assert_eq!(answer["totalResults"].as_u64(), Some(users.len() as u64));
    }
    Ok(())
}

/// What a user is sorted by, as a text.
fn value_of(user: &Value, sort_by: &str) -> Option<String> {
    let fold = |text: &str| match text {
        "A" => "a".to_owned(),
        "Z" => "z".to_owned(),
        "a\u{301}" => "á".to_owned(),
        text => text.to_owned(),
    };
    let value = match sort_by {
        "addresses.region" => {
            let addresses = user["addresses"].as_array()?;
            let primary = addresses.iter().find(|address| address["primary"] == true);
            &primary.or(addresses.first())?["region"]
        }
        name => &user[name],
    };
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(text) => Some(fold(text)),
        _ => None,
    }
}
