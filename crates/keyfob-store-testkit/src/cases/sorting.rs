//! Pages of resources in the order of an attribute (RFC 7644 section 3.4.2.3).

use keyfob_core::{AttrPath, message::SortOrder};
use keyfob_store::{Paging, Query, SortKey, Visibility};

use crate::{
    failure::{Failure, Verdict},
    fixture::{Group, Kind, User},
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

const ORDERS: [SortOrder; 2] = [SortOrder::Ascending, SortOrder::Descending];

/// The order of an attribute.
pub(crate) fn by(path: &str, order: SortOrder) -> Result<SortKey, Failure> {
    Ok(SortKey {
        path: AttrPath::parse(path)?,
        order,
    })
}

pub(crate) async fn resources_are_sorted_by_an_attribute(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_sorting()?;
    // Ids, names, times of creation and of the last change give four different orders.
    for (id, name, created) in [("c", "Bo", 1), ("a", "cy", 2), ("d", "Ada", 3), ("b", "dee", 4)] {
        acme.apply(&[Step::create(User, id).named(name).at(created)])
            .await?;
    }
    for (minutes, id, name) in [(5, "b", "dee"), (6, "c", "Bo"), (7, "d", "Ada"), (8, "a", "cy")] {
        acme.apply(&[Step::update(User, id).named(name).at(minutes)])
            .await?;
    }
    for (path, ascending) in [
        ("userName", ["d", "c", "a", "b"]),
        ("USERNAME", ["d", "c", "a", "b"]),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            ["d", "c", "a", "b"],
        ),
        ("id", ["a", "b", "c", "d"]),
        ("meta.created", ["c", "a", "d", "b"]),
        ("meta.lastModified", ["b", "c", "d", "a"]),
    ] {
        let mut expected = ascending;
        for order in ORDERS {
            let query = Query::first(usize::MAX).with_sort(by(path, order)?);
            ensure_eq!(
                acme.ids_of(User, &query).await?,
                expected,
                "the users by {path}, {order:?}"
            );
            expected.reverse();
        }
    }
    Ok(())
}

pub(crate) async fn values_are_sorted_as_they_compare(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_sorting()?;
    // What is not caseExact is folded and composed, what is caseExact composed alone, and both compare by their bytes.
    for (id, name, external) in [
        ("1", "zoe", "b"),
        ("2", "ADAM", "B"),
        ("3", "Ångström", "a"),
        ("4", "a", "10"),
        ("5", "Zoe\u{301}", "9"),
        ("6", "STRASSE", "A\u{308}"),
        ("7", "a b", "~"),
    ] {
        acme.apply(&[Step::create(Group, id).named(name).with("externalId", external)])
            .await?;
    }
    for (path, expected) in [
        ("displayName", ["4", "7", "2", "6", "1", "5", "3"]),
        ("externalId", ["4", "5", "2", "3", "1", "7", "6"]),
    ] {
        let query = Query::first(usize::MAX).with_sort(by(path, SortOrder::Ascending)?);
        ensure_eq!(
            acme.ids_of(Group, &query).await?,
            expected,
            "the groups by {path}"
        );
    }
    Ok(())
}

pub(crate) async fn absent_values_come_last_ascending_and_first_descending(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme, User).await?;
    for (order, expected) in [
        (SortOrder::Ascending, ["c", "f", "a", "e", "b", "d"]),
        (SortOrder::Descending, ["b", "d", "a", "e", "f", "c"]),
    ] {
        let query = Query::first(usize::MAX).with_sort(by("externalId", order)?);
        ensure_eq!(
            acme.ids_of(User, &query).await?,
            expected,
            "the users by an attribute that some don't have, {order:?}"
        );
    }
    Ok(())
}

pub(crate) async fn equal_values_come_in_the_order_of_creation(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_sorting()?;
    for (minutes, id) in [(1, "z"), (2, "m"), (2, "b"), (3, "a")] {
        let step = Step::create(Group, id).named(if id == "m" { "SAME" } else { "same" });
        acme.apply(&[step.at(minutes)]).await?;
    }
    for order in ORDERS {
        let query = Query::first(usize::MAX).with_sort(by("displayName", order)?);
        ensure_eq!(
            acme.ids_of(Group, &query).await?,
            ["z", "b", "m", "a"],
            "groups of one name, {order:?}"
        );
    }
    Ok(())
}

pub(crate) async fn a_sorted_page_is_cut_out_of_what_a_filter_matches(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme, User).await?;
    acme.apply(&[Step::create(User, "other").with("externalId", "0")])
        .await?;
    let order = ["c", "f", "a", "e", "b", "d"];
    for filter in [r#"not (id eq "other")"#, r#"userName sw "name""#] {
        for offset in 0..7 {
            for count in [0, 1, 4, 9] {
                let query = Query::first(count)
                    .with_filter(acme.compile(User, filter)?)
                    .with_sort(by("externalId", SortOrder::Ascending)?)
                    .with_paging(Paging::Offset { offset, count });
                let page = acme.query(User, &query).await?;
                let expected: Vec<&str> = order.iter().copied().skip(offset).take(count).collect();
                ensure_eq!(
                    page_ids(&page)?,
                    expected,
                    "a sorted page of {count} after {offset} of `{filter}`"
                );
                ensure_eq!(page.total, Some(order.len()), "how many match `{filter}`");
            }
        }
    }
    Ok(())
}

pub(crate) async fn sorting_follows_changes(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme, User).await?;
    acme.apply(&[
        Step::update(User, "a").named("name a"),
        Step::update(User, "b").named("name b").with("externalId", "1"),
        Step::update(User, "c").named("name c").with("externalId", "9"),
        Step::delete(User, "f"),
    ])
    .await?;
    let query = Query::first(usize::MAX).with_sort(by("externalId", SortOrder::Ascending)?);
    ensure_eq!(
        acme.ids_of(User, &query).await?,
        ["b", "e", "c", "a", "d"],
        "the users after changes"
    );
    Ok(())
}

pub(crate) async fn hidden_resources_are_sorted_too(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_hiding()?;
    stage(acme, User).await?;
    acme.apply(&[
        Step::hide(User, "b"),
        Step::hide(User, "f"),
        Step::hide(User, "a"),
    ])
    .await?;
    for (visibility, expected) in [
        (Visibility::Live, ["c", "e", "d"]),
        (Visibility::Hidden, ["f", "a", "b"]),
    ] {
        let query = Query::first(usize::MAX)
            .with_visibility(visibility)
            .with_sort(by("externalId", SortOrder::Ascending)?);
        ensure_eq!(
            acme.ids_of(User, &query).await?,
            expected,
            "the {visibility:?} users, sorted"
        );
    }
    Ok(())
}

pub(crate) async fn a_query_sorted_by_what_has_no_order_is_refused_or_right(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_sorting()?;
    for (id, title) in [("b", "x"), ("a", "Y"), ("c", "Z")] {
        acme.apply(&[Step::create(User, id).with("title", title)]).await?;
    }
    let query = Query::first(usize::MAX).with_sort(by("title", SortOrder::Descending)?);
    if let Ok(page) = acme.try_query(User, &query).await? {
        ensure_eq!(
            page_ids(&page)?,
            ["c", "a", "b"],
            "the users by an attribute without index"
        );
    }
    let query = Query::first(usize::MAX).with_sort(by("nothing", SortOrder::Ascending)?);
    let answer = acme.try_query(User, &query).await?;
    ensure!(
        answer.is_err(),
        "a query sorted by an attribute that doesn't exist is answered"
    );
    Ok(())
}

/// Creates resources of which four have an `externalId`, two of them the same, each a minute later than the one before.
pub(crate) async fn stage(acme: &Tenancy<'_, impl Tested>, kind: Kind) -> Verdict {
    acme.needs_sorting()?;
    for (minutes, (id, external)) in (1..).zip([
        ("f", Some("2")),
        ("c", Some("1")),
        ("b", None),
        ("a", Some("3")),
        ("d", None),
        ("e", Some("3")),
    ]) {
        let mut step = Step::create(kind, id).named(&format!("name {id}")).at(minutes);
        if let Some(external) = external {
            step = step.with("externalId", external);
        }
        acme.apply(&[step]).await?;
    }
    Ok(())
}
