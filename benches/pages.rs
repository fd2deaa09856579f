//! The cost, over HTTP in process and on a SQLite file, of an order, of a place deep in a list and of groups in groups for a page of
//! users, and what a bulk request spares.
//!
//! `KEYFOB_BENCH_USERS` is the number of users, 20,000 unless set.

use std::{env, path::Path, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full};
use keyfob_benches::{Failed, Runs, compare_timed};
use keyfob_core::{Registry, schema::RegistryBuilder};
use keyfob_engine::{AuthenticationScheme, Caller, Engine, TenantId};
use keyfob_http::{RequestAuthenticator, RequestAuthenticatorError, ScimService};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use serde_json::Value;
use tower_service::Service as _;

/// The number of operations of a bulk request.
const OPERATIONS: usize = 1_000;

/// The number of users of a page that is measured.
const PAGE: usize = 100;

fn main() -> Result<(), Failed> {
    let users = match env::var("KEYFOB_BENCH_USERS") {
        Ok(users) => users.parse()?,
        Err(_) => 20_000,
    };
    let directory = tempfile::tempdir()?;
    let runs = Runs::default();

    let writing = Server::open(&directory.path().join("bulk.db"))?;
    // The users of the requests are others than those of the bulk requests.
    let (mut in_bulk, mut single) = (0, 1 << 40);
    compare_timed(
        "a bulk request of 1,000 creates / 1,000 requests, one client",
        || {
            in_bulk += OPERATIONS;
            let request = bulk_of_users(in_bulk..in_bulk + OPERATIONS);
            runs.timed(|| writing.nested.bulk(request))
        },
        || {
            single += OPERATIONS;
            let requests: Vec<String> = (single..single + OPERATIONS).map(user).collect();
            runs.timed(|| {
                requests
                    .into_iter()
                    .try_for_each(|user| writing.nested.create(user))
            })
        },
    );

    let reading = Server::open(&directory.path().join("pages.db"))?;
    for first in (0..users).step_by(OPERATIONS) {
        reading
            .nested
            .bulk(bulk_of_users(first..users.min(first + OPERATIONS)))?;
    }
    let first = page(None, None);
    let sorted = page(Some("userName"), None);
    compare_timed(
        &format!("page 1 of {users} users sorted by userName / unsorted"),
        || runs.timed(|| reading.nested.full_page(&sorted)),
        || runs.timed(|| reading.nested.full_page(&first)),
    );
    for (order, name) in [(None, "unsorted"), (Some("userName"), "sorted by userName")] {
        let start = page(order, Some(""));
        let deep = page(order, Some(&reading.nested.cursor_at(order, users / 10 * 9)?));
        compare_timed(
            &format!("a page by cursor after nine tenths of {users} users / the first, {name}"),
            || runs.timed(|| reading.nested.full_page(&deep)),
            || runs.timed(|| reading.nested.full_page(&start)),
        );
    }
    reading.nested.join_groups(3)?;
    compare_timed(
        "a page of 100 users in three groups each where groups may have groups / where they may not",
        || runs.timed(|| reading.nested.full_page(&first)),
        || runs.timed(|| reading.flat.full_page(&first)),
    );
    runs.finish()
}

/// The path of a page.
fn page(sort_by: Option<&str>, cursor: Option<&str>) -> String {
    let sort_by = sort_by.map(|name| format!("&sortBy={name}")).unwrap_or_default();
    // The characters of a cursor need no escape in a query (RFC 9865 section 2).
    let cursor = cursor
        .map(|cursor| format!("&cursor={cursor}"))
        .unwrap_or_default();
    format!("/Users?count={PAGE}{sort_by}{cursor}")
}

/// A store, as it is served where groups may be members of groups, and where they may not.
struct Server {
    nested: Client,
    flat: Client,
}

impl Server {
    fn open(path: &Path) -> Result<Self, Failed> {
        let store = Arc::new(SqliteStore::open(path)?);
        let flat = RegistryBuilder::rfc().flat_groups().build()?;
        Ok(Self {
            nested: Client::new(Arc::clone(&store), Registry::rfc().clone()),
            flat: Client::new(store, flat),
        })
    }
}

/// Everybody is one tenant's.
struct OneTenant;

impl RequestAuthenticator for OneTenant {
    async fn authenticate(&self, _: &Parts) -> Result<Caller, RequestAuthenticatorError> {
        Ok(Caller::new(TenantId::new("acme")))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Vec::new()
    }
}

/// A client of a service in its own process.
struct Client(ScimService<Arc<SqliteStore>>);

impl Client {
    fn new(store: Arc<SqliteStore>, registry: Registry) -> Self {
        let engine = Arc::new(Engine::new(store, registry));
        Self(ScimService::new(engine, OneTenant))
    }

    /// Sends a request, and reads the whole answer.
    fn send(&self, method: &str, path: &str, body: String, expected: StatusCode) -> Result<Bytes, Failed> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/scim+json")
            .body(Full::new(Bytes::from(body)))?;
        let response = block_on(self.0.clone().call(request))?;
        let status = response.status();
        let body = block_on(response.into_body().collect())?.to_bytes();
        if status == expected {
            Ok(body)
        } else {
            Err(format!("{method} {path}: {status}: {}", String::from_utf8_lossy(&body)).into())
        }
    }

    fn create(&self, user: String) -> Result<(), Failed> {
        self.send("POST", "/Users", user, StatusCode::CREATED).map(drop)
    }

    /// Sends a bulk request, of which every operation has to create something.
    fn bulk(&self, request: String) -> Result<(), Failed> {
        let answer = self.send("POST", "/Bulk", request, StatusCode::OK)?;
        let created = br#""status":"201""#;
        let operations = br#""status":""#;
        let count = |text: &[u8]| {
            answer
                .windows(text.len())
                .filter(|window| *window == text)
                .count()
        };
        if count(created) == count(operations) {
            Ok(())
        } else {
            Err(format!("an operation failed: {}", String::from_utf8_lossy(&answer)).into())
        }
    }

    /// Reads a page, which has to be full.
    fn full_page(&self, path: &str) -> Result<(), Failed> {
        let answer = self.send("GET", path, String::new(), StatusCode::OK)?;
        let full = format!(r#""itemsPerPage":{PAGE}"#);
        let is_full = answer.windows(full.len()).any(|window| window == full.as_bytes());
        if is_full {
            Ok(())
        } else {
            Err("the page is not full".into())
        }
    }

    fn list(&self, path: &str) -> Result<Value, Failed> {
        let answer = self.send("GET", path, String::new(), StatusCode::OK)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Goes through the list, and returns the cursor after so many users.
    fn cursor_at(&self, sort_by: Option<&str>, depth: usize) -> Result<String, Failed> {
        let mut passed = 0;
        let mut cursor = String::new();
        while passed < depth {
            let list = self.list(&page(sort_by, Some(&cursor)))?;
            passed += users_of(&list)?.len();
            let next = list.get("nextCursor").and_then(Value::as_str);
            cursor = next.ok_or("the list ends early")?.into();
        }
        Ok(cursor)
    }

    /// Puts the users of the first page into so many groups each, of which each has some of them.
    fn join_groups(&self, groups: usize) -> Result<(), Failed> {
        let list = self.list(&page(None, None))?;
        let ids: Vec<String> = users_of(&list)?
            .iter()
            .filter_map(|user| Some(format!(r#"{{"value":"{}"}}"#, user.get("id")?.as_str()?)))
            .collect();
        let operations = (0..groups * 10).map(|number| {
            let members: Vec<&str> = ids.iter().skip(number % 10).step_by(10).map(String::as_str).collect();
            let members = members.join(",");
            let data = format!(
                r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{number}","members":[{members}]}}"#
            );
            post("/Groups", number, &data)
        });
        self.bulk(bulk(operations))
    }
}

fn users_of(list: &Value) -> Result<&Vec<Value>, Failed> {
    let users = list.get("Resources").and_then(Value::as_array);
    Ok(users.ok_or("the answer is no list")?)
}

fn post(path: &str, number: usize, data: &str) -> String {
    format!(r#"{{"method":"POST","path":"{path}","bulkId":"{number}","data":{data}}}"#)
}

fn bulk(operations: impl Iterator<Item = String>) -> String {
    let operations = operations.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{operations}]}}"#
    )
}

fn bulk_of_users(numbers: std::ops::Range<usize>) -> String {
    bulk(numbers.map(|number| post("/Users", number, &user(number))))
}

fn user(number: usize) -> String {
    // A multiplication by an odd number permutes, so that the names are in another order than the users.
    let name = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{name:016x}@example.com",
            "externalId":"{number}","name":{{"givenName":"Barbara","familyName":"Jensen {number}"}},
            "displayName":"Barbara {number}","active":true,
            "emails":[{{"value":"{name:016x}@example.com","type":"work","primary":true}}]}}"#
    )
}
