//! Pages of resources, in the order in which they were created.

use keyfob_core::CompareKey;
use keyfob_store::{Paging, Query, Total, UniqueKey, Visibility};

use crate::{
    cases::relations::users,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User},
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

pub(crate) async fn resources_come_in_the_order_of_their_creation(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let order = ["m", "z", "a", "10", "9", "B", "b2", "ä", "M"];
    for (minutes, id) in (1..).zip(order) {
        // Neither ids nor names give the order.
        acme.apply(&[Step::create(User, id)
            .named(&format!("{}{id}", 20 - minutes))
            .at(minutes)])
            .await?;
    }
    ensure_eq!(acme.ids(User).await?, order, "the order of all");
    ensure_eq!(
        acme.find(User, "userName pr").await?,
        order,
        "the order of all that a filter matches"
    );
    acme.apply(&[
        Step::update(User, "a").named("zzz").at(500),
        Step::update(User, "M").named("0"),
    ])
    .await?;
    ensure_eq!(acme.ids(User).await?, order, "the order after updates");
    acme.apply(&[Step::delete(User, "z").at(501)]).await?;
    acme.apply(&[Step::create(User, "z").at(502)]).await?;
    // By a clock that is behind.
    acme.apply(&[Step::create(User, "late").at(3)]).await?;
    let order = ["m", "a", "late", "10", "9", "B", "b2", "ä", "M", "z"];
    ensure_eq!(
        acme.ids(User).await?,
        order,
        "the order after one was deleted and created again and one was created by another clock"
    );
    Ok(())
}

pub(crate) async fn resources_of_one_instant_come_in_the_order_of_their_ids(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[
        Step::create(Group, "g2"),
        Step::create(User, "c"),
        Step::create(User, "é"),
        Step::create(User, "a"),
        Step::create(Group, "g1"),
        Step::create(User, "B").named("large b"),
        Step::create(User, "~"),
        Step::create(User, "aa"),
    ])
    .await?;
    acme.apply(&[Step::create(User, "b")]).await?;
    ensure_eq!(
        acme.ids(User).await?,
        ["B", "a", "aa", "b", "c", "~", "é"],
        "the users, by the bytes of their ids"
    );
    ensure_eq!(acme.ids(Group).await?, ["g1", "g2"], "the groups");
    Ok(())
}

pub(crate) async fn a_page_is_cut_out_of_all_and_counts_all(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let ids = ["a", "b", "c", "d", "e", "f", "g"];
    users(acme, &ids).await?;
    for offset in 0..9 {
        for count in [0, 1, 2, 3, 6, 7, 8, usize::MAX] {
            let page = acme
                .query(
                    User,
                    &Query::first(count).with_paging(Paging::Offset { offset, count }),
                )
                .await?;
            let expected: Vec<&str> = ids.iter().copied().skip(offset).take(count).collect();
            ensure_eq!(
                page.total,
                Some(ids.len()),
                "how many there are, on a page of {count} after {offset}"
            );
            ensure_eq!(page_ids(&page)?, expected, "a page of {count} after {offset}");
        }
    }
    let far = Paging::Offset {
        offset: usize::MAX,
        count: 10,
    };
    let page = acme.query(User, &Query::first(10).with_paging(far)).await?;
    ensure_eq!(
        (page.total, page.resources.len()),
        (Some(7), 0),
        "a page far beyond the end"
    );
    Ok(())
}

pub(crate) async fn a_page_of_a_filter_is_cut_out_of_its_matches(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for number in 0..20 {
        let title = if number % 3 == 0 { "Guide" } else { "Driver" };
        let step = Step::create(User, &format!("u{number}"))
            .with("title", title)
            .with("externalId", title)
            .at(number);
        acme.apply(&[step]).await?;
    }
    // One that may be answered by an index and one that may not.
    for filter in [r#"externalId eq "Guide""#, r#"title eq "guide""#] {
        let matches = ["u0", "u3", "u6", "u9", "u12", "u15", "u18"];
        let predicate = acme.compile(User, filter)?;
        for offset in 0..8 {
            for count in [0, 1, 3, 7, 9] {
                let query = Query::first(count)
                    .with_filter(predicate.clone())
                    .with_paging(Paging::Offset { offset, count });
                let page = acme.query(User, &query).await?;
                let expected: Vec<&str> = matches.iter().copied().skip(offset).take(count).collect();
                ensure_eq!(
                    page.total,
                    Some(matches.len()),
                    "how many match {filter}, on a page of {count} after {offset}"
                );
                ensure_eq!(
                    page_ids(&page)?,
                    expected,
                    "a page of {count} after {offset} of {filter}"
                );
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_query_finds_one_type_of_one_tenant(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let globex = acme.other("globex");
    for kind in acme.kinds() {
        let name = kind.name().to_ascii_lowercase();
        acme.apply(&[Step::create(kind, &name).with("externalId", "same")])
            .await?;
        globex
            .apply(&[Step::create(kind, &format!("their-{name}")).with("externalId", "same")])
            .await?;
    }
    for (kind, id) in [(User, "user"), (Group, "group"), (Device, "device")] {
        if !acme.kinds().contains(&kind) {
            continue;
        }
        ensure_eq!(acme.ids(kind).await?, [id], "all of a type");
        ensure_eq!(
            acme.find(kind, r#"externalId eq "same""#).await?,
            [id],
            "all of a type with one externalId"
        );
        ensure_eq!(
            acme.find(kind, r#"id eq "their-user""#).await?,
            [""; 0],
            "another tenant's id"
        );
    }
    for kind in acme.kinds() {
        ensure_eq!(
            acme.other("initech").ids(kind).await?,
            [""; 0],
            "all of a tenant that has nothing"
        );
    }
    Ok(())
}

pub(crate) async fn a_page_holds_what_get_gives(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "g1").add(&["a", "b"]),
        Step::create(Group, "g2").add(&["g1"]),
    ])
    .await?;
    acme.apply(&[
        Step::update(Group, "g1").named("renamed"),
        Step::update(Group, "g2").add(&["b"]),
    ])
    .await?;
    for kind in [User, Group] {
        let selection = acme.everything(kind)?;
        let query = Query::first(10).with_selection(selection);
        for stored in acme.query(kind, &query).await?.resources {
            let id = stored.resource.id().map(|id| id.to_string()).unwrap_or_default();
            ensure_eq!(
                Some(stored),
                acme.get(kind, &id).await?,
                "`{id}` on a page and by itself"
            );
        }
    }
    Ok(())
}

pub(crate) async fn a_query_may_do_without_the_total(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c", "d"]).await?;
    let filter = acme.compile(User, r#"not (userName eq "a")"#)?;
    for (query, all) in [
        (Query::all(), vec!["a", "b", "c", "d"]),
        (Query::all().with_filter(filter), vec!["b", "c", "d"]),
    ] {
        for count in 0..6 {
            let query = query.clone().with_paging(Paging::Offset { offset: 1, count });
            let page = acme.query(User, &query).await?;
            let expected: Vec<&str> = all.iter().copied().skip(1).take(count).collect();
            ensure_eq!(page_ids(&page)?, expected, "a page of {count} without a total");
            ensure!(
                page.total.is_none_or(|total| total == all.len()),
                "the total of {} resources is {:?}, although nobody asked for it",
                all.len(),
                page.total
            );
            let counted = query.with_total(Total::Exact);
            let page = acme.query(User, &counted).await?;
            ensure_eq!(page.total, Some(all.len()), "the total of a page of {count}");
        }
    }
    Ok(())
}

pub(crate) async fn what_is_reserved_is_found_by_its_key(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "a").keys(&[("userName", "x"), ("card", "7"), ("card", "8")]),
        Step::create(User, "b").keys(&[("userName", "7"), ("card", "x")]),
        Step::create(User, "c").keys(&[]),
        Step::create(Group, "g").keys(&[("card", "9")]),
    ])
    .await?;
    let globex = acme.other("globex");
    globex
        .apply(&[Step::create(User, "a").keys(&[("card", "9")])])
        .await?;
    for (attribute, value, expected) in [
        ("userName", "x", Some("a")),
        ("card", "7", Some("a")),
        ("card", "8", Some("a")),
        ("userName", "7", Some("b")),
        ("card", "x", Some("b")),
        ("card", "X", None),
        ("Card", "7", None),
        ("userName", "8", None),
        ("userName", "c", None),
        ("card", "9", None),
    ] {
        let expected: Vec<&str> = expected.into_iter().collect();
        ensure_eq!(
            reserving(acme, User, attribute, value).await?,
            expected,
            "the user that reserves {attribute} `{value}`"
        );
    }
    ensure_eq!(
        reserving(acme, Group, "card", "9").await?,
        ["g"],
        "the group that reserves a key"
    );
    acme.apply(&[
        Step::update(User, "a")
            .named("a")
            .keys(&[("card", "8"), ("card", "10")]),
        Step::delete(User, "b"),
    ])
    .await?;
    for (value, expected) in [("7", &[][..]), ("8", &["a"]), ("10", &["a"]), ("x", &[])] {
        ensure_eq!(
            reserving(acme, User, "card", value).await?,
            expected,
            "the user that reserves card `{value}` after changes"
        );
    }
    let mut both =
        Query::reserving(UniqueKey::new("card", CompareKey::verbatim("8"))).with_total(Total::Exact);
    for (filter, expected) in [(r#"userName eq "a""#, &["a"][..]), (r#"userName eq "c""#, &[])] {
        both.filter = Some(acme.compile(User, filter)?.into());
        ensure_eq!(
            acme.ids_of(User, &both).await?,
            expected,
            "the user that reserves a key and matches `{filter}`"
        );
    }
    Ok(())
}

pub(crate) async fn a_hidden_resource_is_found_by_no_key(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    ensure_eq!(
        reserving(acme, User, "userName", "a").await?,
        [""; 0],
        "the live user that reserves a hidden one's name"
    );
    let mut query = Query::reserving(UniqueKey::new("userName", CompareKey::verbatim("a")));
    query.visibility = Visibility::Hidden;
    ensure_eq!(
        page_ids(&acme.query(User, &query).await?)?,
        [""; 0],
        "the hidden user that reserves its name"
    );
    acme.apply(&[Step::reveal(User, "a")]).await?;
    ensure_eq!(
        reserving(acme, User, "userName", "a").await?,
        ["a"],
        "the user that reserves its name again"
    );
    Ok(())
}

async fn reserving(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    attribute: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let key = UniqueKey::new(attribute, CompareKey::verbatim(value));
    page_ids(&acme.query(kind, &Query::reserving(key)).await?)
}
