//! Pages of resources, in the order in which they were created.

use keyfob_store::{Query, Selection};

use crate::{
    cases::relations::users,
    failure::Verdict,
    fixture::{Device, Group, Kind, User},
    step::Step,
    tenancy::{Tenancy, Tested, page_ids},
};

pub(crate) async fn resources_come_in_the_order_of_their_creation(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let order = ["m", "z", "a", "10", "9", "B", "b2", "ä", "M"];
    for (place, id) in order.iter().enumerate() {
        // Neither ids nor names nor the times that the changes tell give the order.
        let at = if place % 2 == 0 { 100 } else { 1 };
        acme.apply(&[Step::create(User, id)
            .named(&format!("{}{id}", order.len() - place))
            .at(at)])
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
        Step::update(User, "M").named("0").at(0),
    ])
    .await?;
    ensure_eq!(acme.ids(User).await?, order, "the order after updates");
    acme.apply(&[Step::delete(User, "z")]).await?;
    acme.apply(&[Step::create(User, "z")]).await?;
    let order = ["m", "a", "10", "9", "B", "b2", "ä", "M", "z"];
    ensure_eq!(
        acme.ids(User).await?,
        order,
        "the order after one was deleted and created again"
    );
    Ok(())
}

pub(crate) async fn resources_of_one_commit_come_in_the_order_of_its_changes(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[
        Step::create(Group, "g2"),
        Step::create(User, "c"),
        Step::create(User, "a"),
        Step::create(Group, "g1"),
        Step::create(User, "b"),
    ])
    .await?;
    ensure_eq!(acme.ids(User).await?, ["c", "a", "b"], "the users");
    ensure_eq!(acme.ids(Group).await?, ["g2", "g1"], "the groups");
    Ok(())
}

pub(crate) async fn a_page_is_cut_out_of_all_and_counts_all(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let ids = ["a", "b", "c", "d", "e", "f", "g"];
    users(acme, &ids).await?;
    for offset in 0..9 {
        for count in [0, 1, 2, 3, 6, 7, 8, usize::MAX] {
            let selection = Selection::document();
            let page = acme
                .query(User, &Query::first(count).with_offset(offset))
                .await?;
            let expected: Vec<&str> = ids.iter().copied().skip(offset).take(count).collect();
            ensure_eq!(
                page.total,
                ids.len(),
                "how many there are, on a page of {count} after {offset}"
            );
            ensure_eq!(page_ids(&page)?, expected, "a page of {count} after {offset}");
        }
    }
    let selection = Selection::document();
    let page = acme
        .query(User, &Query::first(10).with_offset(usize::MAX))
        .await?;
    ensure_eq!(
        (page.total, page.resources.len()),
        (7, 0),
        "a page far beyond the end"
    );
    Ok(())
}

pub(crate) async fn a_page_of_a_filter_is_cut_out_of_its_matches(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for number in 0..20 {
        let title = if number % 3 == 0 { "Guide" } else { "Driver" };
        let step = Step::create(User, &format!("u{number}"))
            .with("title", title)
            .with("externalId", title);
        acme.apply(&[step]).await?;
    }
    // One that may be answered by an index and one that may not.
    for filter in [r#"externalId eq "Guide""#, r#"title eq "guide""#] {
        let matches = ["u0", "u3", "u6", "u9", "u12", "u15", "u18"];
        let predicate = acme.compile(User, filter)?;
        for offset in 0..8 {
            for count in [0, 1, 3, 7, 9] {
                let selection = Selection::document();
                let query = Query::first(count)
                    .with_filter(&predicate)
                    .with_offset(offset);
                let page = acme.query(User, &query).await?;
                let expected: Vec<&str> = matches.iter().copied().skip(offset).take(count).collect();
                ensure_eq!(
                    page.total,
                    matches.len(),
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
    for kind in Kind::ALL {
        let name = kind.name().to_ascii_lowercase();
        acme.apply(&[Step::create(kind, &name).with("externalId", "same")])
            .await?;
        globex
            .apply(&[Step::create(kind, &format!("their-{name}")).with("externalId", "same")])
            .await?;
    }
    for (kind, id) in [(User, "user"), (Group, "group"), (Device, "device")] {
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
    for kind in Kind::ALL {
        ensure_eq!(
            acme.other("initech").ids(kind).await?,
            [""; 0],
            "all of a tenant that has nothing"
        );
    }
    Ok(())
}

pub(crate) async fn a_page_holds_what_get_gives(acme: &Tenancy<'_, impl Tested>) -> Verdict {
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
        for stored in acme.query(kind, &Query::first(10)).await?.resources {
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
