//! Pages in every order, by position and by cursor, against a sort of all resources in memory.

use std::cmp::Ordering;

use keyfob_core::{AttrPath, DateTime, message::SortOrder};
use keyfob_store::{
    Budget, Change, Cursor, Exhausted, Paging, Query, SortKey, Store, StoreError, StoreExt, Stored, Total,
    Visibility,
    kit::{Place, SortAttribute},
};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use tempfile::TempDir;

use crate::support::{New, all, commit_of, compile, create, cx, id, ids, query, user_type};

/// Users of whom some have equal values and some have none, created by clocks that differ.
fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let users = [
        ("eve", Some("Bo"), 5),
        ("ada", None, 3),
        ("carl", Some("bo"), 9),
        ("bert", Some("Al"), 3),
        ("dora", Some("Cy"), 1),
        ("finn", None, 7),
        ("gus", Some("al"), 3),
    ];
    for (name, display_name, created) in users {
        let mut user = New::user(name);
        if let Some(display_name) = display_name {
            user.document.core_mut().insert("displayName", display_name);
        }
        let mut commit = commit_of(vec![user.change()]);
        commit.at = DateTime::from_unix_millis(created * 1000);
        block_on(store.commit_one(commit)).unwrap();
    }
    // The oldest is the last that was changed.
    let mut changed = New::user("dora");
    changed.document.core_mut().insert("displayName", "Cy");
    let change = Change::replace(user_type(), changed.id, changed.document, None);
    let mut commit = commit_of(vec![change]);
    commit.at = DateTime::from_unix_millis(60_000);
    block_on(store.commit_one(commit)).unwrap();
    (directory, store)
}

fn sort(path: &str, order: SortOrder) -> SortKey {
    SortKey {
        path: AttrPath::parse(path).unwrap(),
        order,
    }
}

fn sorts() -> Vec<Option<SortKey>> {
    let paths = [
        "id",
        "meta.created",
        "meta.lastModified",
        "userName",
        "displayName",
        "externalId",
        "urn:ietf:params:scim:schemas:core:2.0:User:displayName",
    ];
    let orders = [SortOrder::Ascending, SortOrder::Descending];
    let keys = paths
        .iter()
        .flat_map(|path| orders.map(|order| Some(sort(path, order))));
    keys.chain([None]).collect()
}

/// What the query should give, all of it.
fn expected(store: &SqliteStore, wanted: &Query) -> Vec<String> {
    let mut stored: Vec<Stored> = all(store, user_type()).resources;
    if let Some(filter) = &wanted.filter {
        stored.retain(|stored| filter.matches(&stored.resource));
    }
    let sort = wanted.sort.as_ref();
    let attribute = sort.and_then(|sort| SortAttribute::of(user_type(), &sort.path));
    let order = sort.map_or(SortOrder::Ascending, |sort| sort.order);
    let compare = |left: &Stored, right: &Stored| -> Ordering {
        Place::of(left, attribute).compare(&Place::of(right, attribute), order)
    };
    stored.sort_by(compare);
    let ids = stored.iter().map(|stored| stored.resource.id().unwrap());
    ids.map(|id| id.to_string()).collect()
}

/// Every query: in every order, without a filter, with one that an index answers in part or in whole, and with one that
/// has to be asked of everybody.
fn queries() -> impl Iterator<Item = Query> {
    let filters = [
        None,
        Some(r#"displayName eq "bo""#),
        Some(r#"displayName eq "al" or displayName eq "bo" or displayName eq "cy""#),
        Some(r#"(displayName eq "al" or displayName eq "bo") and userName ne "eve""#),
        Some(r#"userName co "r" or userName eq "finn""#),
        Some(r#"userName sw "z""#),
    ];
    filters.into_iter().flat_map(|filter| {
        sorts().into_iter().map(move |sort| Query {
            filter: filter.map(|filter| compile(user_type(), filter).into()),
            sort,
            ..Query::first(100)
        })
    })
}

#[test]
fn resources_come_by_creation_and_id_where_nobody_sorts() {
    let (_directory, store) = store();
    let order = ["dora", "ada", "bert", "gus", "eve", "finn", "carl"];
    assert_eq!(ids(&all(&store, user_type())), order);
}

#[test]
fn absent_values_come_last_ascending_and_first_descending() {
    let (_directory, store) = store();
    let by_name = |order| {
        ids(&query(
            &store,
            user_type(),
            &Query::first(10).with_sort(sort("displayName", order)),
        ))
    };
    assert_eq!(
        by_name(SortOrder::Ascending),
        ["bert", "gus", "eve", "carl", "dora", "ada", "finn"]
    );
    assert_eq!(
        by_name(SortOrder::Descending),
        ["ada", "finn", "dora", "eve", "carl", "bert", "gus"]
    );
}

#[test]
fn pages_by_position_are_cut_out_of_the_whole() {
    let (_directory, store) = store();
    for wanted in queries() {
        let expected = expected(&store, &wanted);
        for total in [Total::Exact, Total::Unknown] {
            for offset in 0..9 {
                for count in [0, 1, 2, 3, 100] {
                    let paging = Paging::Offset { offset, count };
                    let wanted = wanted.clone().with_paging(paging).with_total(total);
                    let page = query(&store, user_type(), &wanted);
                    let cut: Vec<_> = expected.iter().skip(offset).take(count).cloned().collect();
                    assert_eq!(ids(&page), cut, "{wanted:?}");
                    match total {
                        Total::Exact => assert_eq!(page.total, Some(expected.len()), "{wanted:?}"),
                        Total::Unknown => {
                            assert!(page.total.is_none_or(|total| total == expected.len()));
                        }
                    }
                    assert_eq!(page.next, None);
                }
            }
        }
    }
}

#[test]
fn pages_by_cursor_hold_everybody_once() {
    let (_directory, store) = store();
    for wanted in queries() {
        let expected = expected(&store, &wanted);
        for total in [Total::Exact, Total::Unknown] {
            for count in [1, 2, 3, 100] {
                let mut seen = Vec::new();
                let mut after: Option<Cursor> = None;
                loop {
                    let paging = Paging::Cursor { after, count };
                    let wanted = wanted.clone().with_paging(paging).with_total(total);
                    let page = query(&store, user_type(), &wanted);
                    if total == Total::Exact {
                        assert_eq!(page.total, Some(expected.len()), "{wanted:?}");
                    }
                    seen.extend(ids(&page));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                    assert!(seen.len() <= expected.len(), "{wanted:?}: {seen:?}");
                }
                assert_eq!(seen, expected, "{wanted:?}");
            }
        }
    }
}

#[test]
fn a_cursor_passes_nobody_over_who_stays() {
    let (_directory, store) = store();
    let first = Query::first(3).with_paging(Paging::Cursor {
        after: None,
        count: 3,
    });
    let page = query(&store, user_type(), &first);
    assert_eq!(ids(&page), ["dora", "ada", "bert"]);
    // Who was seen goes, and somebody comes in before the mark.
    let delete = Change::delete(user_type(), id("dora"), None);
    let mut late = commit_of(vec![delete, New::user("aaron").change()]);
    late.at = DateTime::from_unix_millis(0);
    block_on(store.commit_one(late)).unwrap();
    let rest = Query::first(10).with_paging(Paging::Cursor {
        after: page.next,
        count: 10,
    });
    assert_eq!(
        ids(&query(&store, user_type(), &rest)),
        ["gus", "eve", "finn", "carl"]
    );
}

#[test]
fn one_who_has_several_values_where_there_should_be_one_is_on_a_page_once() {
    let (_directory, store) = store();
    let mut user = New::user("many");
    let names = ["Zed", "Aa"].map(keyfob_core::Value::from);
    user.document.core_mut().insert("displayName", names.to_vec());
    create(&store, &[user]).unwrap();
    for wanted in queries() {
        assert_eq!(
            ids(&query(&store, user_type(), &wanted)),
            expected(&store, &wanted),
            "{wanted:?}"
        );
    }
}

#[test]
fn what_nobody_can_sort_by_is_refused_and_a_foreign_cursor_is_invalid() {
    let (_directory, store) = store();
    for path in ["title", "emails.value", "meta.version", "name"] {
        let wanted = Query::first(1).with_sort(sort(path, SortOrder::Ascending));
        let error = block_on(store.query(&cx(), user_type(), &wanted)).unwrap_err();
        assert!(matches!(error, StoreError::Unsupported(_)), "{path}: {error:?}");
    }
    let paging = Paging::Cursor {
        after: Some(Cursor::new(*b"?")),
        count: 1,
    };
    let error = block_on(store.query(&cx(), user_type(), &Query::first(1).with_paging(paging))).unwrap_err();
    assert!(matches!(error, StoreError::InvalidCursor), "{error:?}");
}

#[test]
fn work_beyond_the_budget_ends_a_read() {
    let (_directory, store) = store();
    let run = |wanted: &Query, budget| block_on(store.query(&cx().with_budget(budget), user_type(), wanted));
    let scan = Query::first(100).with_filter(compile(user_type(), r#"title co "x""#));
    let steps = |steps| Budget {
        steps,
        ..Budget::UNLIMITED
    };
    let bytes = |bytes| Budget {
        bytes,
        ..Budget::UNLIMITED
    };
    // Each of seven users is a look and a comparison.
    assert!(run(&scan, steps(14)).is_ok());
    let error = run(&scan, steps(13)).unwrap_err();
    assert!(
        matches!(error, StoreError::Exhausted(Exhausted::Steps { limit: 13 })),
        "{error:?}"
    );
    let error = run(&scan, bytes(100)).unwrap_err();
    assert!(
        matches!(error, StoreError::Exhausted(Exhausted::Bytes { limit: 100 })),
        "{error:?}"
    );
    let late = Budget::UNLIMITED.within(std::time::Duration::ZERO);
    let error = run(&scan, late).unwrap_err();
    assert!(
        matches!(error, StoreError::Exhausted(Exhausted::Time)),
        "{error:?}"
    );
    // A full page ends the search where nobody counts.
    let first = Query::first(1)
        .with_total(Total::Unknown)
        .with_filter(compile(user_type(), r#"not (title co "x")"#));
    assert!(run(&first, steps(2)).is_ok());
    let hidden = Query::first(100).with_visibility(Visibility::Hidden);
    assert!(run(&hidden, steps(0)).is_ok());
}
