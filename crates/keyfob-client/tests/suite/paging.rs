//! Lists over servers that cap pages, repeat resources, count wrongly, and move what they list.

use std::sync::{Arc, Mutex};

use keyfob_client::{Client, Error};
use keyfob_core::view::User;
use proptest::prelude::*;

use crate::script::{Answered, Script, error, list, scim, user};

/// What a list request says.
fn parameter(request: &http::Request<bytes::Bytes>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .find_map(|part| Some(part.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

fn number(request: &http::Request<bytes::Bytes>, name: &str, default: usize) -> usize {
    parameter(request, name).map_or(default, |text| text.parse().unwrap())
}

fn page(ids: &[usize], start: usize, most: usize, total: u64) -> Answered {
    let items = ids.iter().skip(start.saturating_sub(1)).take(most);
    let items: Vec<String> = items.map(|id| user(&id.to_string(), &format!("u{id}"))).collect();
    scim(200, &list(total, &items))
}

async fn listed(client: &Client<Script>, size: u32) -> Result<Vec<usize>, Error> {
    let stored = client.of::<User>().list().page(size).all().await?;
    Ok(stored
        .into_iter()
        .map(|stored| stored.id.as_str().parse().unwrap())
        .collect())
}

#[tokio::test]
async fn pages_that_the_server_caps_are_read_to_the_end() {
    for total in [0usize, 1, 6, 7, 8, 50] {
        let ids: Vec<usize> = (0..total).collect();
        let script = Script::of(move |request| {
            page(
                &ids,
                number(request, "startIndex", 1),
                number(request, "count", 100).min(7),
                total as u64,
            )
        });
        assert_eq!(listed(&script.client(), 100).await.unwrap().len(), total);
    }
}

#[tokio::test]
async fn a_total_that_counts_the_page_alone_ends_nothing() {
    let ids: Vec<usize> = (0..120).collect();
    let script = Script::of(move |request| {
        let start = number(request, "startIndex", 1);
        let held = ids.len().saturating_sub(start - 1).min(50);
        page(&ids, start, 50, held as u64)
    });
    assert_eq!(listed(&script.client(), 100).await.unwrap().len(), 120);
}

#[tokio::test]
async fn a_short_list_costs_one_request_where_the_largest_page_is_known() {
    let script = Script::of(|_| page(&[1, 2, 3], 1, 10, 3));
    let client = script.client();
    let client = client.with(client.target().clone().given("maxPage", 50).unwrap());
    assert_eq!(listed(&client, 100).await.unwrap(), [1, 2, 3]);
    assert_eq!(script.asked(), ["GET /Users?count=50"]);
}

#[tokio::test]
async fn a_server_that_ignores_the_start_is_read_once_or_refused() {
    let script = Script::of(|_| page(&[1, 2, 3], 1, 10, 3));
    assert_eq!(listed(&script.client(), 3).await.unwrap(), [1, 2, 3]);
    let script = Script::of(|_| page(&[1, 2, 3], 1, 10, 9));
    let found = listed(&script.client(), 3).await.unwrap_err();
    assert!(matches!(found, Error::Incomplete { read: 3, .. }), "{found}");
    assert!(script.asked().len() <= 5);
}

#[tokio::test]
async fn a_total_without_resources_is_no_empty_list() {
    let script = Script::of(|_| scim(200, &list(5, &[])));
    let found = listed(&script.client(), 10).await.unwrap_err();
    assert!(matches!(found, Error::Incomplete { read: 0, .. }), "{found}");
    let script = Script::of(|_| scim(200, &list(u64::MAX >> 1, &[user("1", "a")])));
    assert!(listed(&script.client(), 10).await.is_err());
}

#[tokio::test]
async fn a_list_that_grows_without_end_stops_at_the_bound_of_pages() {
    let next = Mutex::new(0);
    let script = Script::of(move |_| {
        let mut next = next.lock().unwrap();
        *next += 1;
        scim(200, &list(u64::MAX >> 1, &[user(&next.to_string(), "a")]))
    });
    let client = script.builder().max_pages(40).build().unwrap();
    let found = listed(&client, 1).await.unwrap_err();
    assert_eq!(
        found.to_string(),
        "the list is incomplete: there are more pages than the client reads; 40 resources were read"
    );
}

#[tokio::test]
async fn a_refusal_behind_the_end_is_the_end_and_one_before_it_is_an_error() {
    let ids: Vec<usize> = (0..20).collect();
    let answer = move |end: usize| {
        let ids = ids.clone();
        Script::of(move |request| match number(request, "startIndex", 1) {
            start if start > end => scim(400, &error(400, "invalidValue")),
            start => page(&ids, start, 10, 20),
        })
    };
    assert_eq!(listed(&answer(20).client(), 10).await.unwrap().len(), 20);
    assert_eq!(
        listed(&answer(10).client(), 10).await.unwrap_err().status(),
        Some(400)
    );
}

#[tokio::test]
async fn what_moves_to_a_page_that_was_read_is_found_when_the_list_shrinks() {
    let held = Arc::new(Mutex::new((0..30).collect::<Vec<usize>>()));
    let script = Script::of(move |request| {
        let mut held = held.lock().unwrap();
        let start = number(request, "startIndex", 1);
        if start == 11 {
            // Two of the first page are deleted before the second is read, so that two others move onto the first.
            held.retain(|id| *id != 3 && *id != 4);
        }
        page(&held, start, 10, held.len() as u64)
    });
    let mut found = listed(&script.client(), 10).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, (0..30).collect::<Vec<_>>());
}

/// A server that pages by cursor, and from the `expires`th request on once says that the cursor has expired.
fn by_cursor(count: usize, expires: usize) -> Script {
    let asked = Mutex::new(0);
    Script::of(move |request| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        if *asked == expires {
            return scim(400, &error(400, "expiredCursor"));
        }
        let cursor = parameter(request, "cursor").unwrap();
        assert_eq!(
            parameter(request, "count").as_deref(),
            Some("10"),
            "every request asks for the same"
        );
        let start: usize = if cursor.is_empty() {
            0
        } else {
            cursor.strip_prefix("c").unwrap().parse().unwrap()
        };
        let items: Vec<String> = (start..count)
            .take(10)
            .map(|id| user(&id.to_string(), "a"))
            .collect();
        let next = (start + 10 < count).then(|| format!(r#""nextCursor": "c{}", "#, start + 10));
        let body = list(0, &items).replace(r#""totalResults": 0,"#, &next.unwrap_or_default());
        scim(200, &body)
    })
}

#[tokio::test]
async fn cursors_are_followed_as_rfc_9865_says_and_an_expired_one_starts_again_once() {
    let cursor = |script: &Script| {
        let client = script.client();
        client.with(client.target().clone().given("paging", "cursor").unwrap())
    };
    let script = by_cursor(35, 0);
    assert_eq!(listed(&cursor(&script), 10).await.unwrap().len(), 35);
    assert_eq!(
        script.asked()[..2],
        ["GET /Users?count=10&cursor=", "GET /Users?count=10&cursor=c10"]
    );
    let script = by_cursor(35, 3);
    assert_eq!(listed(&cursor(&script), 10).await.unwrap().len(), 35);
    assert_eq!(script.asked().len(), 2 + 1 + 4);
    let always = Script::of(|request| match parameter(request, "cursor").as_deref() {
        Some("") => scim(
            200,
            &list(9, &[user("1", "a")])
                .replace("\"totalResults\"", "\"nextCursor\": \"x\", \"totalResults\""),
        ),
        _ => scim(400, &error(400, "expiredCursor")),
    });
    assert_eq!(
        listed(&cursor(&always), 10).await.unwrap_err().status(),
        Some(400)
    );
    let circle = Script::of(|_| {
        scim(
            200,
            &list(9, &[user("1", "a")])
                .replace("\"totalResults\"", "\"nextCursor\": \"x\", \"totalResults\""),
        )
    });
    let found = listed(&cursor(&circle), 10).await.unwrap_err();
    assert!(matches!(found, Error::Incomplete { .. }), "{found}");
}

#[tokio::test]
async fn a_server_that_gives_cursors_unasked_is_followed() {
    let script = Script::of(|request| {
        let (ids, next) = match parameter(request, "cursor").as_deref() {
            None => (["1", "2"], "\"nextCursor\": \"b\","),
            Some("b") => (["3", "4"], ""),
            Some(other) => panic!("{other}"),
        };
        let items = ids.map(|id| user(id, "a"));
        scim(
            200,
            &list(4, &items).replace("\"totalResults\"", &format!("{next} \"totalResults\"")),
        )
    });
    assert_eq!(listed(&script.client(), 10).await.unwrap(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_stream_yields_what_came_before_an_error_and_ends_after_it() {
    let script = Script::of(|request| match number(request, "startIndex", 1) {
        1 => page(&[1, 2], 1, 2, 4),
        _ => scim(403, &error(403, "")),
    });
    let client = script.client();
    let mut stream = client.of::<User>().list().page(2).stream();
    assert!(stream.next().await.unwrap().is_ok());
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(stream.next().await.unwrap().unwrap_err().status(), Some(403));
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn the_first_page_is_one_request() {
    let script = Script::of(|_| page(&[1, 2, 3], 1, 2, 3));
    assert_eq!(
        script
            .client()
            .of::<User>()
            .list()
            .page(2)
            .first_page()
            .await
            .unwrap()
            .resources
            .len(),
        2
    );
    assert_eq!(script.asked(), ["GET /Users?count=2"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever a server does to its pages, what is there all the time is listed, once.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(
        count in 0usize..60,
        size in 3u32..20,
        cap in 1usize..20,
        overlap in 0usize..3,
        totals in proptest::collection::vec(0u64..3, 1..8),
        known in any::<bool>(),
    ) {
        let ids: Vec<usize> = (0..count).collect();
        let asked = Mutex::new(0usize);
        let script = Script::of(move |request| {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let start = number(request, "startIndex", 1);
            // Some servers repeat the end of the page before; one that repeats whole pages never comes on.
            let from = if start > 1 { start.saturating_sub(overlap).max(1) } else { 1 };
            let most = number(request, "count", 100).min(cap.max(overlap + 1));
            // The total is right, or counts the page alone, or moves upwards.
            let held = ids.len().saturating_sub(from - 1).min(most) as u64;
            let total = match totals[*asked % totals.len()] {
                0 => count as u64,
                1 => held.min(count as u64),
                _ => count as u64 + 1,
            };
            page(&ids, from, most, if count == 0 { 0 } else { total })
        });
        let client = script.client();
        let client = if known {
            // A server that says how large its pages are has them as large as it says, and counts right.
            client.with(client.target().clone().given("maxPage", i64::try_from(cap.max(overlap + 1)).unwrap()).unwrap())
        } else {
            client
        };
        let mut found = pollster::block_on(listed(&client, size)).unwrap();
        found.sort_unstable();
        prop_assert_eq!(found, (0..count).collect::<Vec<_>>());
    }
}
