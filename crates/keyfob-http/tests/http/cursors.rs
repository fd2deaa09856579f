//! Pages by cursor (RFC 9865), on every store.

use std::{collections::BTreeSet, sync::Arc};

use keyfob_core::{Clock, DateTime, Registry};
use keyfob_engine::DynStore;
use keyfob_provisioning::{Profile, Provisioner, Token};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::support::{BASE_URL, Backend, Server, builder, organization};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn with_resources(backend: Backend, users: usize, groups: usize) -> Server {
    let server = Server::start(backend, Profile::rfc()).await;
    for number in 0..users {
        let title = ["b", "a", "c"][number % 3];
        let user = json!({"schemas": [USER], "userName": format!("u{number}"), "title": title});
        server.create("/Users", &user).await;
    }
    for number in 0..groups {
        let group = json!({"schemas": [GROUP], "displayName": format!("g{number}")});
        server.create("/Groups", &group).await;
    }
    server
}

/// Reads all pages of a query by GET, and says how many resources each page has.
async fn read_all(server: &Server, path: &str, query: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut resources, mut sizes) = (Vec::new(), Vec::new());
    let mut cursor = String::new();
    loop {
        let page = server
            .send("GET", &format!("{path}?{query}&cursor={cursor}"), None)
            .await;
        assert_eq!(page.status, 200, "{path}?{query}: {page}");
        let page = page.json();
        assert_eq!(page.get("startIndex"), None, "{page}");
        assert_eq!(page.get("previousCursor"), None, "{page}");
        let of_page = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], of_page.len());
        sizes.push(of_page.len());
        resources.extend(of_page.iter().cloned());
        let Some(next) = page["nextCursor"].as_str() else {
            assert_eq!(page["totalResults"], resources.len(), "{path}?{query}");
            return (resources, sizes);
        };
        cursor = next.to_owned();
        assert!(sizes.len() < 100, "{path}?{query} doesn't end");
    }
}

fn ids(resources: &[Value]) -> Vec<String> {
    resources
        .iter()
        .map(|resource| resource["id"].to_string())
        .collect()
}

#[tokio::test]
async fn rfc_9865_2_the_pages_of_a_query_are_the_list_in_pieces() {
    for backend in Backend::ALL {
        let server = with_resources(backend, 7, 3).await;
        for (path, query) in [
            ("/Users", ""),
            ("/Users", "sortBy=userName"),
            ("/Users", "sortBy=userName&sortOrder=descending"),
            ("/Users", "sortBy=title"),
            ("/Users", "sortBy=title&sortOrder=descending"),
            ("/Users", "sortBy=nickName"),
            ("/Users", "filter=title%20ne%20%22a%22"),
            ("/Users", "filter=title%20ne%20%22a%22&sortBy=meta.lastModified"),
            ("/Users", "attributes=userName"),
            ("/Groups", ""),
            ("/", ""),
            ("/", "sortBy=displayName"),
            ("/", "sortBy=userName&sortOrder=descending"),
            ("/", "filter=userName%20pr"),
            ("/", "filter=userName%20eq%20%22nobody%22"),
        ] {
            let whole = server
                .send("GET", &format!("{path}?{query}&count=100"), None)
                .await
                .json();
            let whole = whole["Resources"].as_array().unwrap();
            for count in [1, 2, 3, 7, 100] {
                let (read, sizes) = read_all(&server, path, &format!("{query}&count={count}")).await;
                assert_eq!(&read, whole, "{backend:?}: {path}?{query} by {count}");
                // Every page but the last is full, and none is empty where there is anything.
                let (last, others) = sizes.split_last().unwrap();
                assert!(
                    others.iter().all(|size| *size == count),
                    "{path}?{query} by {count}: {sizes:?}"
                );
                assert!(
                    *last > 0 || whole.is_empty(),
                    "{path}?{query} by {count}: {sizes:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn rfc_9865_3_a_search_by_post_pages_as_one_by_get() {
    for backend in Backend::ALL {
        let server = with_resources(backend, 5, 2).await;
        for path in ["/Users/.search", "/.search"] {
            let mut cursor = String::new();
            let mut read = Vec::new();
            loop {
                let body = json!({"schemas": [SEARCH], "count": 2, "cursor": cursor, "attributes": ["id"]});
                let page = server.send("POST", path, Some(&body)).await.json();
                read.extend(page["Resources"].as_array().unwrap().iter().cloned());
                let Some(next) = page["nextCursor"].as_str() else {
                    break;
                };
                cursor = next.to_owned();
            }
            let by_get = path.trim_end_matches(".search");
            let (by_get, _) = read_all(&server, by_get, "count=3").await;
            assert_eq!(ids(&read), ids(&by_get), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_there_from_the_first_page_on_is_seen_once_whatever_comes_and_goes() {
    for backend in Backend::ALL {
        for query in ["", "sortBy=userName", "sortBy=title&sortOrder=descending"] {
            let server = with_resources(backend, 9, 0).await;
            let first = server
                .send("GET", &format!("/Users?count=3&cursor&{query}"), None)
                .await
                .json();
            let mut seen: Vec<String> = ids(first["Resources"].as_array().unwrap());
            let all = server.send("GET", "/Users", None).await.json();
            let all = all["Resources"].as_array().unwrap().clone();
            // The row at the boundary goes, one that was not read yet goes, and others come.
            let boundary = first["Resources"][2]["id"].as_str().unwrap().to_owned();
            let unread = all
                .iter()
                .map(|user| user["id"].as_str().unwrap())
                .find(|id| !seen.contains(&format!("\"{id}\"")))
                .unwrap()
                .to_owned();
            for gone in [&boundary, &unread] {
                server.send("DELETE", &format!("/Users/{gone}"), None).await;
            }
            for name in ["a", "u35", "z"] {
                server.create_user(name).await;
            }
            let mut cursor = first["nextCursor"].as_str().map(str::to_owned);
            while let Some(next) = cursor {
                let path = format!("/Users?count=3&cursor={next}&{query}");
                let page = server.send("GET", &path, None).await.json();
                seen.extend(ids(page["Resources"].as_array().unwrap()));
                cursor = page["nextCursor"].as_str().map(str::to_owned);
            }
            let distinct: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(
                distinct.len(),
                seen.len(),
                "{backend:?}: {query}: something is seen twice"
            );
            for user in all {
                let id = user["id"].to_string();
                let is_gone = id.contains(&unread);
                assert_eq!(seen.contains(&id), !is_gone, "{backend:?}: {query}: {id}");
            }
        }
    }
}

#[tokio::test]
async fn rfc_9865_2_1_a_cursor_holds_for_its_query_alone() {
    for backend in Backend::ALL {
        let server = with_resources(backend, 5, 5).await;
        let other = organization(&server.engine, "other").await;
        let base = "/Users?filter=title%20pr&sortBy=userName&count=2";
        let page = server.send("GET", &format!("{base}&cursor"), None).await.json();
        let cursor = page["nextCursor"].as_str().unwrap();
        let again = server.send("GET", &format!("{base}&cursor={cursor}"), None).await;
        assert_eq!(again.status, 200);
        // RFC 9865 section 2 spells the filter of the second page in another way.
        let spelled = format!("/Users?filter=TITLE%20PR&SORTBY=username&count=2&cursor={cursor}");
        let spelled = server.send("GET", &spelled, None).await.json();
        assert_eq!(spelled["Resources"], again.json()["Resources"]);
        let mut changed = cursor.to_owned();
        changed.replace_range(20..21, if cursor.as_bytes()[20] == b'A' { "B" } else { "A" });
        for (path, scim_type) in [
            (format!("{base}&cursor={changed}"), "invalidCursor"),
            (
                format!("{base}&cursor={}", cursor.get(..40).unwrap()),
                "invalidCursor",
            ),
            (format!("{base}&cursor={cursor}A"), "invalidCursor"),
            (format!("{base}&cursor=VZUTiyhEQJ94IR"), "invalidCursor"),
            (format!("{base}&cursor=%20"), "invalidCursor"),
            (
                format!("/Users?filter=title%20pr&count=2&cursor={cursor}"),
                "invalidCursor",
            ),
            (
                format!("/Users?sortBy=userName&count=2&cursor={cursor}"),
                "invalidCursor",
            ),
            (
                format!("/?filter=title%20pr&sortBy=userName&count=2&cursor={cursor}"),
                "invalidCursor",
            ),
            (
                format!("/Groups?sortBy=displayName&count=2&cursor={cursor}"),
                "invalidCursor",
            ),
            (
                format!(
                    "/Users?filter=title%20pr&sortBy=userName&sortOrder=descending&count=2&cursor={cursor}"
                ),
                "invalidCursor",
            ),
            (
                format!("/Users?filter=title%20pr&sortBy=userName&count=3&cursor={cursor}"),
                "invalidCount",
            ),
            (
                format!("/Users?filter=title%20pr&sortBy=userName&cursor={cursor}"),
                "invalidCount",
            ),
            (
                format!("/Users?filter=title%20pr&sortBy=userName&count=two&cursor={cursor}"),
                "invalidCount",
            ),
            ("/Users?count=two".to_owned(), "invalidCount"),
            ("/Users?startIndex=two".to_owned(), "invalidValue"),
            (format!("{base}&startIndex=1&cursor={cursor}"), "invalidValue"),
            (format!("{base}&startIndex=1&cursor"), "invalidValue"),
            (format!("{base}&count=2&cursor="), "invalidValue"),
        ] {
            let answer = server.send("GET", &path, None).await;
            answer.assert_error(400, Some(scim_type));
        }
        // Another organization's cursor is told in the same words as a forged one (section 5.2).
        let theirs = Server {
            token: other,
            service: server.service.clone(),
            engine: server.engine.clone(),
            _directory: None,
        };
        let foreign = theirs.send("GET", &format!("{base}&cursor={cursor}"), None).await;
        foreign.assert_error(400, Some("invalidCursor"));
        let forged = server
            .send("GET", &format!("{base}&cursor={changed}"), None)
            .await;
        assert_eq!(foreign.json()["detail"], forged.json()["detail"]);
    }
}

#[tokio::test]
async fn rfc_9865_2_count_is_at_most_the_largest_page_and_0_asks_for_the_total() {
    for backend in Backend::ALL {
        let server = with_resources(backend, 3, 0).await;
        for query in ["", "&sortBy=userName", "&sortBy=title"] {
            for count in ["0", "-5"] {
                let page = server
                    .send("GET", &format!("/Users?cursor&count={count}{query}"), None)
                    .await
                    .json();
                assert_eq!(page["totalResults"], 3);
                assert_eq!(page["Resources"], json!([]));
                assert_eq!(page.get("nextCursor"), None, "a cursor that leads nowhere");
            }
            let page = server
                .send("GET", &format!("/Users?cursor&count=1000000{query}"), None)
                .await
                .json();
            assert_eq!((&page["itemsPerPage"], page.get("nextCursor")), (&json!(3), None));
        }
        let page = server.send("GET", "/Users", None).await.json();
        assert_eq!(
            page["startIndex"], 1,
            "pages are by index unless a cursor is there (section 2.4)"
        );
    }
}

/// A clock that tests move.
struct Moved(Arc<std::sync::atomic::AtomicI64>);

impl Clock for Moved {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

fn provisioner(store: DynStore) -> Provisioner<DynStore> {
    let provisioner = Provisioner::builder(store, Registry::rfc().clone());
    provisioner.with_profile(Profile::rfc()).build()
}

/// A server with the token of an organization that the store has already.
fn server_over(engine: Provisioner<DynStore>, token: &str) -> Server {
    let service = builder(&engine)
        .base_path("/scim/v2")
        .public_url(BASE_URL.parse().unwrap());
    Server {
        service: service.build(),
        engine,
        token: token.to_owned(),
        _directory: None,
    }
}

#[tokio::test]
async fn rfc_9865_2_1_a_cursor_expires_as_the_configuration_says() {
    let start = 1_800_000_000_000;
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(start));
    let store = DynStore::new(MemoryStore::new());
    let engine = Provisioner::builder(store, Registry::rfc().clone())
        .with_profile(Profile::rfc())
        .with_clock(Moved(Arc::clone(&clock)))
        .build();
    let token = organization(&engine, "default").await;
    let server = server_over(engine, &token);
    for name in ["a", "b"] {
        server.create_user(name).await;
    }
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    let timeout = config["pagination"]["cursorTimeout"].as_i64().unwrap() * 1000;
    let page = server.send("GET", "/Users?count=1&cursor", None).await.json();
    let next = format!("/Users?count=1&cursor={}", page["nextCursor"].as_str().unwrap());
    for (after, status, scim_type) in [(timeout, 200, None), (timeout + 1, 400, Some("expiredCursor"))] {
        clock.store(start + after, std::sync::atomic::Ordering::SeqCst);
        let answer = server.send("GET", &next, None).await;
        assert_eq!(
            (answer.status, answer.json()["scimType"].as_str()),
            (status, scim_type),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_cursor_is_good_on_every_server_of_the_store_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    let open = || DynStore::new(SqliteStore::open(&path).unwrap());
    let engine = provisioner(open());
    let token = organization(&engine, "default").await;
    let first = server_over(engine, &token);
    let second = server_over(provisioner(open()), &token);
    for name in ["a", "b", "c"] {
        first.create_user(name).await;
    }
    let page = first.send("GET", "/Users?count=1&cursor", None).await.json();
    let next = format!("/Users?count=1&cursor={}", page["nextCursor"].as_str().unwrap());
    let page = second.send("GET", &next, None).await.json();
    assert_eq!(page["Resources"][0]["userName"], "b");
    let next = format!("/Users?count=1&cursor={}", page["nextCursor"].as_str().unwrap());
    let third = server_over(provisioner(open()), &token);
    let page = third.send("GET", &next, None).await.json();
    assert_eq!(page["Resources"][0]["userName"], "c");
    assert_eq!(page.get("nextCursor"), None);
}

#[tokio::test]
async fn rfc_9865_5_2_every_page_is_for_those_who_may_see_it_then() {
    let mut server = with_resources(Backend::Memory, 4, 0).await;
    let first = server.send("GET", "/Users?cursor&count=2", None).await.json();
    let next = format!("/Users?count=2&cursor={}", first["nextCursor"].as_str().unwrap());
    // The token that read the first page is not enough for the second.
    let token = std::mem::replace(&mut server.token, Token::generate().unwrap().expose().to_owned());
    server.send("GET", &next, None).await.assert_error(401, None);
    server.token = token;
    assert_eq!(
        server.send("GET", &next, None).await.json()["Resources"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}
