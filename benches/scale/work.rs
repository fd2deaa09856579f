//! The requests that are measured.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use keyfob_benches::Failed;
use keyfob_core::Dialect;
use keyfob_engine::{Paging, Query, Store as _};
use keyfob_filter::Filter;
use keyfob_store::Total;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    client::Served,
    measure::{Measured, Meter, Table, shown},
};

/// The number of clients where there are many.
pub(crate) const CLIENTS: usize = 32;

/// The resources of a page.
const PAGE: usize = 100;

/// Fills the store, and notes how long it took.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no digit more")]
pub(crate) fn fill(runtime: &Runtime, served: &Served, table: &mut Table) -> Result<(), Failed> {
    let users = served.users();
    let start = Instant::now();
    runtime.block_on(served.fill_users())?;
    let took = start.elapsed();
    table.note(format!(
        "{users} users: imported in {}, {:.0} a second",
        shown(took),
        users as f64 / took.as_secs_f64()
    ));
    let start = Instant::now();
    runtime.block_on(served.fill_groups())?;
    let groups = served.organization.group_count();
    let memberships: usize = (0..groups).map(|rank| served.organization.size(rank)).sum();
    table.note(format!(
        "{users} users: {groups} groups with {memberships} members imported in {}",
        shown(start.elapsed())
    ));
    Ok(())
}

/// The number of users of whom requests are made.
const SAMPLE: usize = 2_000;

/// A user of whom requests are made.
struct Known {
    id: String,
    user_name: String,
    external_id: String,
    address: String,
    /// The beginning of names, as a JSON text.
    display_name: String,
}

impl Known {
    fn new(served: &Served, number: usize) -> Self {
        let user = served.organization.user(served.user_number(number));
        let text = |pointer: &str| {
            let text = user.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            id: text("/id"),
            user_name: text("/userName"),
            external_id: text("/externalId"),
            address: text("/emails/0/value"),
            display_name: Value::from(text("/displayName")).to_string(),
        }
    }
}

/// Measures the requests that leave the number of resources as it is. `floor` is the CPU time of a read in memory.
#[expect(clippy::too_many_lines, reason = "a row after the other")]
pub(crate) fn measure(
    runtime: &Runtime,
    meter: &Meter,
    served: &Served,
    floor: Duration,
    table: &mut Table,
) -> Result<(), Failed> {
    let users = served.users();
    let mut one = |row: &str, measured: Measured| table.add(users, row, measured);

    // What is asked is made before, so that its cost isn't measured.
    let sample: Vec<Known> = (0..SAMPLE).map(|number| Known::new(served, number)).collect();
    let known = |number: usize| sample.get(number % SAMPLE).ok_or("there are no users");
    let known = &known;

    one(
        "GET by id",
        meter.one_by_one(runtime, |number| served.get_user(number))?,
    );
    let reads = meter.at_once(runtime, CLIENTS, |number| served.get_user(number))?;
    one("GET by id, 32 clients", reads);
    let by_name = |number| async move {
        let filter = format!(r#"userName eq "{}""#, known(number)?.user_name);
        served.find(&filter, "", Some(1)).await
    };
    one("`userName eq`", meter.one_by_one(runtime, by_name)?);
    one(
        "`userName eq`, 32 clients",
        meter.at_once(runtime, CLIENTS, by_name)?,
    );
    let by_external_id = |number| async move {
        let filter = format!(r#"externalId eq "{}""#, known(number)?.external_id);
        served.find(&filter, "", Some(1)).await
    };
    one("`externalId eq`", meter.one_by_one(runtime, by_external_id)?);
    let by_address = |number| async move {
        let address = &known(number)?.address;
        let filter = format!(r#"emails[type eq "work" and value eq "{address}"]"#);
        served.find(&filter, "", Some(1)).await
    };
    one(
        r#"`emails[type eq "work" and value eq …]`"#,
        meter.one_by_one(runtime, by_address)?,
    );
    let either = |number| async move {
        let (one, other) = (known(number)?, known(number + 1)?);
        let filter = format!(
            r#"userName eq "{}" or externalId eq "{}""#,
            one.user_name, other.external_id
        );
        let total = if one.id == other.id { 1 } else { 2 };
        served.find(&filter, "", Some(total)).await
    };
    one(
        "`userName eq … or externalId eq …`",
        meter.one_by_one(runtime, either)?,
    );
    let count = format!("&count={PAGE}");
    let by_beginning = |number| {
        let count = &count;
        async move {
            let filter = format!("displayName sw {}", known(number)?.display_name);
            served.find(&filter, count, None).await
        }
    };
    one(
        "`displayName sw`, a page with its total",
        meter.one_by_one(runtime, by_beginning)?,
    );
    let by_beginning = |number| async move {
        let filter = format!("displayName sw {}", known(number)?.display_name);
        in_store(served, &filter).await
    };
    one(
        "`displayName sw` in the store, without a total",
        meter.one_by_one(runtime, by_beginning)?,
    );

    let middle = runtime.block_on(modified(served, users / 2))?;
    let newer = format!(r#"meta.lastModified gt "{middle}""#);
    let modified = |_| served.find(&newer, &count, None);
    one(
        "`meta.lastModified gt` of half, a page with its total",
        meter.one_by_one(runtime, modified)?,
    );
    let modified = |_| in_store(served, &newer);
    one(
        "`meta.lastModified gt` in the store, without a total",
        meter.one_by_one(runtime, modified)?,
    );
    let unindexed = |_| served.find(r#"title eq "Chief Executive""#, "", Some(1));
    one(
        "`title eq`, which no index has",
        meter.one_by_one(runtime, unindexed)?,
    );

    let page = |path: String| {
        let expected = format!(r#""itemsPerPage":{PAGE}"#);
        async move {
            let answer = served.get(&path).await?;
            let is_full = answer
                .windows(expected.len())
                .any(|text| text == expected.as_bytes());
            is_full
                .then_some(())
                .ok_or_else(|| Failed::from("the page is not full"))
        }
    };
    let first = |_| page(format!("/Users?count={PAGE}"));
    one("the first page of 100", meter.one_by_one(runtime, first)?);
    let deep = users / 10 * 9;
    let by_number = |_| {
        page(format!(
            "/Users?count={PAGE}&startIndex={}",
            (deep + 1).min(users - PAGE + 1)
        ))
    };
    one(
        "a page by number after nine tenths",
        meter.one_by_one(runtime, by_number)?,
    );
    let cursor = runtime.block_on(cursor_at(served, deep.min(users - PAGE)))?;
    let by_cursor = |_| page(format!("/Users?count={PAGE}&cursor={cursor}"));
    one(
        "a page by cursor after nine tenths",
        meter.one_by_one(runtime, by_cursor)?,
    );

    let patches = AtomicUsize::new(0);
    let activate = |_| {
        let number = patches.fetch_add(1, Ordering::Relaxed);
        // Each time round the other value.
        let active = number / SAMPLE % 2 == 1;
        let body = patch(&format!(r#"{{"op":"replace","path":"active","value":{active}}}"#));
        async move {
            let path = format!("/Users/{}", known(number)?.id);
            let sent = served.send(Method::PATCH, &path, body, StatusCode::OK);
            sent.await.map(drop)
        }
    };
    one("PATCH `active`", meter.one_by_one(runtime, activate)?);
    one(
        "PATCH `active`, 32 clients",
        meter.at_once(runtime, CLIENTS, activate)?,
    );
    let small = (0..served.organization.group_count())
        .min_by_key(|rank| served.organization.size(*rank).abs_diff(10))
        .unwrap_or_default();
    for (row, rank) in [
        ("PATCH a member of a group of 10", small),
        ("PATCH a member of the largest group", 0),
    ] {
        let id = served.organization.group_id(rank);
        let member = served.organization.members(rank).next().unwrap_or_default();
        let member = served.organization.user_id(member);
        let toggle = |number: usize| {
            // The group is answered where it is small.
            let path = format!("/Groups/{id}?attributes=displayName");
            let operation = if number.is_multiple_of(2) {
                format!(r#"{{"op":"add","path":"members","value":[{{"value":"{member}"}}]}}"#)
            } else {
                format!(r#"{{"op":"remove","path":"members[value eq \"{member}\"]"}}"#)
            };
            async move {
                let sent = served.send(Method::PATCH, &path, patch(&operation), StatusCode::OK);
                sent.await.map(drop)
            }
        };
        one(row, meter.one_by_one(runtime, toggle)?);
    }
    table.note(format!(
        "{users} users: GET by id at 32 clients takes {} of CPU, {:.2} times that of the store in memory ({})",
        shown(reads.cpu),
        reads.cpu.as_secs_f64() / floor.as_secs_f64(),
        shown(floor)
    ));
    Ok(())
}

fn patch(operation: &str) -> String {
    format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operation}]}}"#)
}

/// Reads a page in the store alone.
async fn in_store(served: &Served, filter: &str) -> Result<(), Failed> {
    let resource_type = served.resource_type("User")?;
    let predicate = Filter::parse(filter)?.compile(resource_type, Dialect::strict())?;
    let query = Query::first(PAGE)
        .with_filter(predicate)
        .with_paging(Paging::Offset {
            offset: 0,
            count: PAGE,
        })
        .with_total(Total::Unknown);
    let store = served.provisioner.store();
    let page = store.query(&served.cx.reading(), resource_type, &query).await?;
    let is_found = !page.resources.is_empty();
    is_found.then_some(()).ok_or_else(|| "nothing was found".into())
}

/// Reads when a user was changed last.
async fn modified(served: &Served, number: usize) -> Result<String, Failed> {
    let id = served.organization.user_id(number);
    let user: Value = serde_json::from_slice(&served.get(&format!("/Users/{id}")).await?)?;
    let modified = user.pointer("/meta/lastModified").and_then(Value::as_str);
    Ok(modified.ok_or("a user has no time")?.to_owned())
}

/// Goes through the list, and returns the cursor after so many users.
async fn cursor_at(served: &Served, depth: usize) -> Result<String, Failed> {
    let mut cursor = String::new();
    for _ in 0..depth.div_ceil(PAGE) {
        let path = format!("/Users?count={PAGE}&cursor={cursor}");
        let list: Value = serde_json::from_slice(&served.get(&path).await?)?;
        let next = list.get("nextCursor").and_then(Value::as_str);
        next.ok_or("the list ends early")?.clone_into(&mut cursor);
    }
    Ok(cursor)
}
