//! The cost of an order, of a place deep in a list and of groups in groups for a page of users in SQLite, and what a bulk request spares.
//!
//! `KEYFOB_BENCH_USERS` is the number of users, 20,000 unless set.

use std::{
    env,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use keyfob_benches::compare_timed;
use keyfob_core::{
    Projection, Registry, Resource, ResourceType,
    message::{BulkJob, ListResponse, SearchRequest},
    schema::RegistryBuilder,
};
use keyfob_engine::{Context, Engine, TenantId};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The number of operations of a bulk request.
const OPERATIONS: usize = 1_000;

/// The number of users of a page that is measured.
const PAGE: i64 = 100;

fn main() -> Result<(), Failed> {
    let users = match env::var("KEYFOB_BENCH_USERS") {
        Ok(users) => users.parse()?,
        Err(_) => 20_000,
    };
    let directory = tempfile::tempdir()?;
    let failure = Mutex::new(None);
    let timed = |run: &mut dyn FnMut() -> Result<(), Failed>| {
        let start = Instant::now();
        match run() {
            Ok(()) => start.elapsed(),
            Err(error) => {
                failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
                Duration::MAX
            }
        }
    };

    let writing = Bench::open(&directory.path().join("bulk.db"))?;
    // The users of the requests are others than those of the bulk requests.
    let (mut in_bulk, mut single) = (0, usize::MAX / 2);
    compare_timed(
        "a bulk request of 1,000 creates / 1,000 requests, one client",
        || {
            in_bulk += OPERATIONS;
            timed(&mut || writing.bulk(in_bulk..in_bulk + OPERATIONS))
        },
        || {
            single += OPERATIONS;
            let mut numbers = single..single + OPERATIONS;
            timed(&mut || numbers.try_for_each(|number| writing.create(number)))
        },
    );

    let reading = Bench::open(&directory.path().join("pages.db"))?;
    for first in (0..users).step_by(OPERATIONS) {
        reading.bulk(first..users.min(first + OPERATIONS))?;
    }
    let (first, sorted) = (page(None, None), page(Some("userName"), None));
    compare_timed(
        &format!("page 1 of {users} users sorted by userName / unsorted"),
        || timed(&mut || reading.page(&reading.engine, &sorted).map(drop)),
        || timed(&mut || reading.page(&reading.engine, &first).map(drop)),
    );
    for (order, name) in [(None, "unsorted"), (Some("userName"), "sorted by userName")] {
        let start = page(order, Some(""));
        let deep = page(order, Some(&reading.cursor_at(order, users / 10 * 9)?));
        compare_timed(
            &format!("a page by cursor after nine tenths of {users} users / the first, {name}"),
            || timed(&mut || reading.page(&reading.engine, &deep).map(drop)),
            || timed(&mut || reading.page(&reading.engine, &start).map(drop)),
        );
    }
    reading.join_groups(3)?;
    compare_timed(
        "a page of 100 users in three groups each where groups may have groups / where they may not",
        || timed(&mut || reading.page(&reading.engine, &first).map(drop)),
        || timed(&mut || reading.page(&reading.flat, &first).map(drop)),
    );
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// A request for a page.
fn page(sort_by: Option<&str>, cursor: Option<&str>) -> SearchRequest {
    let mut request = SearchRequest::new();
    request.sort_by = sort_by.map(Into::into);
    request.cursor = cursor.map(Into::into);
    request.count = Some(PAGE);
    request
}

/// A store, as it is served where groups may be members of groups, and where they may not.
struct Bench {
    engine: Engine<Arc<SqliteStore>>,
    flat: Engine<Arc<SqliteStore>>,
    cx: Context,
}

impl Bench {
    fn open(path: &Path) -> Result<Self, Failed> {
        let store = Arc::new(SqliteStore::open(path)?);
        let flat = RegistryBuilder::rfc().flat_groups().build()?;
        Ok(Self {
            engine: Engine::new(Arc::clone(&store), Registry::rfc().clone()),
            flat: Engine::new(store, flat),
            cx: Context::new(TenantId::new("acme")),
        })
    }

    fn kind<'e>(engine: &'e Engine<Arc<SqliteStore>>, name: &str) -> Result<&'e ResourceType, Failed> {
        Ok(engine.registry().resource_type(name).ok_or("no such type")?)
    }

    fn create(&self, number: usize) -> Result<(), Failed> {
        let users = Self::kind(&self.engine, "User")?;
        let user = Resource::from_json(user(number).as_bytes(), users)?;
        block_on(self.engine.create(&self.cx, users, user, &Projection::all()))?;
        Ok(())
    }

    fn bulk(&self, numbers: std::ops::Range<usize>) -> Result<(), Failed> {
        let operations: Vec<String> = numbers
            .map(|number| {
                let data = user(number);
                format!(r#"{{"method":"POST","path":"/Users","bulkId":"{number}","data":{data}}}"#)
            })
            .collect();
        self.run(&operations)
    }

    fn run(&self, operations: &[String]) -> Result<(), Failed> {
        let request = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{}]}}"#,
            operations.join(",")
        );
        let job = BulkJob::from_json(request.as_bytes(), OPERATIONS)?;
        let answer = block_on(self.engine.bulk(&self.cx, &job));
        match answer.results.iter().find(|result| result.status != 201) {
            Some(failed) => Err(format!("an operation failed: {failed:?}").into()),
            None => Ok(()),
        }
    }

    fn page(
        &self,
        engine: &Engine<Arc<SqliteStore>>,
        request: &SearchRequest,
    ) -> Result<ListResponse, Failed> {
        let users = Self::kind(engine, "User")?;
        let list = block_on(engine.search(&self.cx, &[users], request))?;
        if list.resources.len() < usize::try_from(PAGE)? {
            return Err("the page is not full".into());
        }
        Ok(list)
    }

    /// Goes through the list, and returns the cursor after so many users.
    fn cursor_at(&self, sort_by: Option<&str>, depth: usize) -> Result<String, Failed> {
        let mut passed = 0;
        let mut cursor = String::new();
        while passed < depth {
            let list = self.page(&self.engine, &page(sort_by, Some(&cursor)))?;
            passed += list.resources.len();
            cursor = list.next_cursor.ok_or("the list ends early")?.into();
        }
        Ok(cursor)
    }

    /// Puts the users of the first page into so many groups each, of which each has some of them.
    fn join_groups(&self, groups: usize) -> Result<(), Failed> {
        let list = self.page(&self.engine, &page(None, None))?;
        let ids: Vec<String> = list
            .resources
            .iter()
            .filter_map(|user| Some(format!(r#"{{"value":"{}"}}"#, user.id()?)))
            .collect();
        let operations: Vec<String> = (0..groups * 10)
            .map(|number| {
                let members: Vec<&str> = ids.iter().skip(number % 10).step_by(10).map(String::as_str).collect();
                let members = members.join(",");
                let data = format!(
                    r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{number}","members":[{members}]}}"#
                );
                format!(r#"{{"method":"POST","path":"/Groups","bulkId":"{number}","data":{data}}}"#)
            })
            .collect();
        self.run(&operations)
    }
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
