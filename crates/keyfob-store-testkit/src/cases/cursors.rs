//! Pages by cursor (RFC 9865 section 2).

use keyfob_core::message::SortOrder;
use keyfob_store::{Cursor, Paging, Query, StoreError, Total, Visibility};

use crate::{
    cases::{
        relations::users,
        sorting::{by, stage},
    },
    failure::{Failure, Verdict},
    fixture::{Kind, User},
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

/// The query for the page after a cursor.
fn after(query: &Query, after: Option<Cursor>, count: usize) -> Query {
    query.clone().with_paging(Paging::Cursor { after, count })
}

/// Reads all pages, and checks that none is longer than it may be.
pub(crate) async fn pages(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    query: &Query,
    count: usize,
) -> Result<Vec<String>, Failure> {
    let (mut all, mut next) = (Vec::new(), None);
    for _ in 0..1_000 {
        let page = acme.query(kind, &after(query, next, count)).await?;
        ensure!(
            page.resources.len() <= count,
            "a page of at most {count} has {} resources",
            page.resources.len()
        );
        all.extend(page_ids(&page)?);
        next = page.next;
        if next.is_none() {
            return Ok(all);
        }
    }
    Err(Failure::new("the pages by cursor have no end"))
}

pub(crate) async fn pages_by_cursor_hold_everything_once_and_in_order(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_cursors()?;
    ensure_eq!(
        pages(acme, User, &Query::all(), 3).await?,
        [""; 0],
        "the pages of a tenant that has nothing"
    );
    // Several of one time, so that a page may end between two of them.
    for (minutes, ids) in [(1, ["g", "b", "z"]), (2, ["a", "m", "c"]), (3, ["x", "é", "~"])] {
        let steps: Vec<Step> = ids.iter().map(|id| Step::create(User, id).at(minutes)).collect();
        acme.apply(&steps).await?;
    }
    let order = ["b", "g", "z", "a", "c", "m", "x", "~", "é"];
    ensure_eq!(acme.ids(User).await?, order, "the order of all");
    for count in [1, 2, 3, 8, 9, 10, usize::MAX] {
        ensure_eq!(
            pages(acme, User, &Query::all(), count).await?,
            order,
            "the pages of {count}"
        );
        let filter = acme.compile(User, r#"not (id eq "z") and userName pr"#)?;
        let expected: Vec<&str> = order.into_iter().filter(|id| *id != "z").collect();
        ensure_eq!(
            pages(acme, User, &Query::all().with_filter(filter), count).await?,
            expected,
            "the pages of {count} of a filter"
        );
    }
    Ok(())
}

pub(crate) async fn sorted_pages_by_cursor_hold_everything_once_and_in_order(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_cursors()?;
    stage(acme, User).await?;
    for (path, order, expected) in [
        ("externalId", SortOrder::Ascending, ["c", "f", "a", "e", "b", "d"]),
        (
            "externalId",
            SortOrder::Descending,
            ["b", "d", "a", "e", "f", "c"],
        ),
        ("userName", SortOrder::Descending, ["f", "e", "d", "c", "b", "a"]),
        ("id", SortOrder::Ascending, ["a", "b", "c", "d", "e", "f"]),
        (
            "meta.created",
            SortOrder::Descending,
            ["e", "d", "a", "b", "c", "f"],
        ),
        (
            "meta.lastModified",
            SortOrder::Ascending,
            ["f", "c", "b", "a", "d", "e"],
        ),
    ] {
        for count in [1, 2, 4, 6, 7] {
            let query = Query::all().with_sort(by(path, order)?);
            ensure_eq!(
                pages(acme, User, &query, count).await?,
                expected,
                "the pages of {count} by {path}, {order:?}"
            );
        }
    }
    Ok(())
}

pub(crate) async fn what_is_there_at_the_start_and_stays_is_on_exactly_one_page(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_cursors()?;
    for sort in [None, Some("userName"), Some("id")] {
        if sort.is_some() && !acme.capabilities().sorting {
            continue;
        }
        let mut query = Query::all();
        if let Some(path) = sort {
            query = query.with_sort(by(path, SortOrder::Ascending)?);
        }
        let tenant = acme.other(&format!("by {sort:?}"));
        let ids: Vec<String> = (10..50).map(|number| format!("u{number}")).collect();
        let steps: Vec<Step> = ids.iter().map(|id| Step::create(User, id).at(20)).collect();
        tenant.apply(&steps).await?;
        let (mut seen, mut next, mut round) = (Vec::new(), None, 10);
        loop {
            let page = tenant.query(User, &after(&query, next, 3)).await?;
            seen.extend(page_ids(&page)?);
            next = page.next;
            if next.is_none() {
                break;
            }
            // Some come before the cursor and some behind it, some go on either side, the last of the page among them.
            let gone = [
                format!("u{round}"),
                format!("u{}", round + 1),
                format!("u{}", 59 - round),
            ];
            let last = seen.last().cloned().unwrap_or_default();
            for id in gone.into_iter().chain([last]) {
                if tenant.get(User, &id).await?.is_some() {
                    tenant.apply(&[Step::delete(User, &id)]).await?;
                }
            }
            tenant
                .apply(&[
                    Step::create(User, &format!("a{round}")).at(10),
                    Step::create(User, &format!("u{round}x")).at(20),
                    Step::create(User, &format!("z{round}")).at(30),
                ])
                .await?;
            round += 3;
            ensure!(round < 200, "the pages by cursor have no end");
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        ensure_eq!(
            seen.len(),
            sorted.len(),
            "how many were seen, each once: {seen:?}"
        );
        for id in tenant.ids(User).await? {
            ensure!(
                !ids.contains(&id) || seen.contains(&id),
                "{id} was there all the time and on no page by {sort:?}: {seen:?}"
            );
        }
    }
    Ok(())
}

pub(crate) async fn hidden_resources_come_in_pages_by_cursor(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_cursors()?;
    acme.needs_hiding()?;
    let ids = ["a", "b", "c", "d", "e"];
    users(acme, &ids).await?;
    for id in ["a", "c", "e"] {
        acme.apply(&[Step::hide(User, id)]).await?;
    }
    let hidden = Query::all().with_visibility(Visibility::Hidden);
    ensure_eq!(
        pages(acme, User, &hidden, 2).await?,
        ["a", "c", "e"],
        "the hidden users"
    );
    ensure_eq!(
        pages(acme, User, &Query::all(), 1).await?,
        ["b", "d"],
        "the live users"
    );
    Ok(())
}

pub(crate) async fn a_page_by_cursor_counts_all_that_matches(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_cursors()?;
    users(acme, &["a", "b", "c", "d", "e"]).await?;
    let filter = acme.compile(User, r#"not (userName eq "e")"#)?;
    let query = Query::all().with_filter(filter).with_total(Total::Exact);
    let (mut next, mut read) = (None, 0);
    loop {
        let page = acme.query(User, &after(&query, next, 2)).await?;
        ensure_eq!(page.total, Some(4), "how many match, on the page after {read}");
        read += page.resources.len();
        next = page.next;
        if next.is_none() {
            ensure_eq!(read, 4, "how many are on the pages");
            return Ok(());
        }
        ensure!(read <= 4, "the pages by cursor have no end");
    }
}

pub(crate) async fn what_is_no_cursor_is_refused(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_cursors()?;
    users(acme, &["a", "b", "c"]).await?;
    let first = acme.query(User, &after(&Query::all(), None, 1)).await?;
    let real = first
        .next
        .ok_or_else(|| Failure::new("the first page of three has no cursor"))?;
    let bytes = real.as_bytes();
    let mut cut = bytes.to_vec();
    cut.pop();
    let mut longer = bytes.to_vec();
    longer.push(0);
    for wrong in [
        Vec::new(),
        b"2".to_vec(),
        b"' OR 1=1; --".to_vec(),
        vec![0; 64],
        vec![0xff; 64],
        cut,
        longer,
    ] {
        let answer = acme
            .try_query(User, &after(&Query::all(), Some(Cursor::new(wrong.clone())), 9))
            .await?;
        match answer {
            Err(StoreError::InvalidCursor) => {}
            other => {
                return Err(Failure::new(format!(
                    "the cursor {wrong:?}, which no store gave, is answered with {other:?}"
                )));
            }
        }
        // So it is in a tenant that has nothing.
        let answer = acme
            .other("globex")
            .try_query(User, &after(&Query::all(), Some(Cursor::new(wrong.clone())), 9))
            .await?;
        ensure!(
            matches!(answer, Err(StoreError::InvalidCursor)),
            "the cursor {wrong:?} is answered in an empty tenant"
        );
    }
    let second = acme.query(User, &after(&Query::all(), Some(real), 9)).await?;
    ensure_eq!(page_ids(&second)?, ["b", "c"], "the page after a real cursor");
    Ok(())
}

pub(crate) async fn a_page_by_position_has_no_cursor(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    for count in [0, 1, 3] {
        let page = acme.query(User, &Query::first(count)).await?;
        ensure!(page.next.is_none(), "a page by position has a cursor");
    }
    Ok(())
}
