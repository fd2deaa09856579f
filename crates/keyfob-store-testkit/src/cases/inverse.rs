//! Inverse relations follow from the owned ones.

use keyfob_core::{MemberSet, schema::Relation};

use crate::{
    cases::relations::{members_of, users},
    failure::Verdict,
    fixture::{Device, Group, User},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn a_member_is_given_its_groups(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["u1", "u2"]).await?;
    ensure!(
        acme.members(User, "u1", "groups").await?.is_empty(),
        "a user in no group has groups"
    );
    acme.apply(&[
        Step::create(Group, "g1").named("Tour Guides").add(&["u1", "u2"]),
        Step::create(Group, "g2").named("Employees").add(&["u1"]),
        Step::create(Group, "g3").named("Nobody"),
    ])
    .await?;
    let both = members_of(&[
        ("g1", "direct", Some("Tour Guides")),
        ("g2", "direct", Some("Employees")),
    ]);
    ensure_eq!(
        acme.members(User, "u1", "groups").await?,
        both,
        "the groups of a user in two"
    );
    acme.apply(&[
        Step::update(Group, "g2").remove(&["u1"]),
        Step::update(Group, "g1").members(&["u1"]),
    ])
    .await?;
    let one = members_of(&[("g1", "direct", Some("Tour Guides"))]);
    ensure_eq!(
        acme.members(User, "u1", "groups").await?,
        one,
        "the groups of a user that was taken out of one"
    );
    ensure!(
        acme.members(User, "u2", "groups").await?.is_empty(),
        "a user that a replacement left out has groups"
    );
    Ok(())
}

pub(crate) async fn the_groups_of_a_member_bear_their_present_names(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u1"]).await?;
    acme.apply(&[Step::create(Group, "g1").named("Before").add(&["u1"])])
        .await?;
    let before = members_of(&[("g1", "direct", Some("Before"))]);
    ensure_eq!(
        acme.members(User, "u1", "groups").await?,
        before,
        "the groups before one is renamed"
    );
    acme.apply(&[Step::update(Group, "g1").named("After")]).await?;
    let expected = members_of(&[("g1", "direct", Some("After"))]);
    ensure_eq!(
        acme.members(User, "u1", "groups").await?,
        expected,
        "the groups after one was renamed"
    );
    let selection = acme.everything(User)?;
    let page = acme
        .query(User, &keyfob_store::Query::first(10).with_selection(selection))
        .await?;
    let listed = page
        .resources
        .first()
        .and_then(|stored| stored.resource.relation("groups"));
    ensure_eq!(
        listed,
        Some(&expected),
        "the groups in a page after one was renamed"
    );
    Ok(())
}

pub(crate) async fn a_change_of_members_does_not_change_the_members(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u1"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["u1"])]).await?;
    acme.apply(&[Step::update(Group, "g1").named("renamed")]).await?;
    acme.apply(&[Step::update(Group, "g1").remove(&["u1"])]).await?;
    acme.apply(&[Step::update(Group, "g1").add(&["u1"])]).await?;
    acme.apply(&[Step::delete(Group, "g1")]).await?;
    ensure_eq!(acme.version(User, "u1").await?, 1, "the version of the member");
    Ok(())
}

pub(crate) async fn an_inverse_relation_follows_from_its_own_relation_alone(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u1"]).await?;
    acme.apply(&[
        Step::create(Device, "part"),
        Step::create(Device, "d1").add(&["u1", "part"]),
        Step::create(Device, "d2").delta(delta("components", &["part", "u1"], &[])),
    ])
    .await?;
    ensure!(
        acme.members(User, "u1", "groups").await?.is_empty(),
        "edges of devices show among a user's groups"
    );
    let expected = members_of(&[("d2", "direct", None)]);
    ensure_eq!(
        acme.members(Device, "part", "partOf").await?,
        expected,
        "`partOf`"
    );
    Ok(())
}

pub(crate) async fn a_group_in_a_group_is_an_indirect_group_of_its_members(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1", "u2", "u3"]).await?;
    acme.apply(&[
        Step::create(Group, "inner").named("Guides").add(&["u1"]),
        Step::create(Group, "outer").named("Staff").add(&["inner", "u2"]),
        Step::create(Group, "all").named("Everybody").add(&["outer"]),
    ])
    .await?;
    let of_first = members_of(&[
        ("inner", "direct", Some("Guides")),
        ("outer", "indirect", Some("Staff")),
        ("all", "indirect", Some("Everybody")),
    ]);
    let of_second = members_of(&[
        ("outer", "direct", Some("Staff")),
        ("all", "indirect", Some("Everybody")),
    ]);
    check_groups(
        acme,
        &[("u1", &of_first), ("u2", &of_second), ("u3", &members_of(&[]))],
    )
    .await?;
    acme.apply(&[Step::update(Group, "all").remove(&["outer"])])
        .await?;
    acme.apply(&[Step::update(Group, "outer").named("Employees")])
        .await?;
    let of_first = members_of(&[
        ("inner", "direct", Some("Guides")),
        ("outer", "indirect", Some("Employees")),
    ]);
    let of_second = members_of(&[("outer", "direct", Some("Employees"))]);
    check_groups(acme, &[("u1", &of_first), ("u2", &of_second)]).await?;
    ensure_eq!(acme.version(User, "u1").await?, 1, "the version of the member");
    acme.apply(&[Step::delete(Group, "inner")]).await?;
    check_groups(acme, &[("u1", &members_of(&[])), ("u2", &of_second)]).await
}

pub(crate) async fn a_group_that_is_reached_in_several_ways_shows_once_and_direct_before_indirect(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1"]).await?;
    // Two ways lead to the top, and the user stands in it too by the time of the second look.
    acme.apply(&[
        Step::create(Group, "left").add(&["u1"]),
        Step::create(Group, "right").add(&["u1"]),
        Step::create(Group, "top").add(&["left", "right"]),
    ])
    .await?;
    let mut expected = vec![
        ("left", "direct", Some("left")),
        ("right", "direct", Some("right")),
        ("top", "indirect", Some("top")),
    ];
    check_groups(acme, &[("u1", &members_of(&expected))]).await?;
    acme.apply(&[Step::update(Group, "top").add(&["u1"])]).await?;
    if let Some((_, kind, _)) = expected.last_mut() {
        *kind = "direct";
    }
    check_groups(acme, &[("u1", &members_of(&expected))]).await
}

pub(crate) async fn a_circle_of_groups_shows_each_of_them_once(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1"]).await?;
    acme.apply(&[
        Step::create(Group, "a").add(&["u1"]),
        Step::create(Group, "b").add(&["a"]),
        Step::create(Group, "c").add(&["b"]),
    ])
    .await?;
    acme.apply(&[
        Step::update(Group, "a").add(&["c", "a"]),
        Step::update(Group, "c").add(&["c"]),
    ])
    .await?;
    let expected = members_of(&[
        ("a", "direct", Some("a")),
        ("b", "indirect", Some("b")),
        ("c", "indirect", Some("c")),
    ]);
    check_groups(acme, &[("u1", &expected)]).await?;
    for group in ["a", "b", "c"] {
        let filter = format!(r#"groups.value eq "{group}""#);
        ensure_eq!(acme.find(User, &filter).await?, ["u1"], "who matches `{filter}`");
    }
    Ok(())
}

pub(crate) async fn groups_show_through_thirty_two_levels(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1"]).await?;
    let ids: Vec<String> = (1..=Relation::MAX_LEVELS + 2)
        .map(|level| format!("g{level:02}"))
        .collect();
    let mut within = "u1";
    for id in &ids {
        acme.apply(&[Step::create(Group, id).add(&[within])]).await?;
        within = id;
    }
    let shown = ids.get(..Relation::MAX_LEVELS).unwrap_or_default();
    ensure_eq!(
        acme.member_ids(User, "u1", "groups").await?,
        shown,
        "the groups of a user deep in groups"
    );
    for (place, id) in ids.iter().enumerate() {
        let filter = format!(r#"groups.value eq "{id}""#);
        let found: &[&str] = if place < Relation::MAX_LEVELS {
            &["u1"]
        } else {
            &[]
        };
        ensure_eq!(acme.find(User, &filter).await?, found, "who matches `{filter}`");
    }
    Ok(())
}

pub(crate) async fn a_hidden_group_ends_the_way_through_groups(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_hiding()?;
    acme.needs_nested_groups()?;
    users(acme, &["u1"]).await?;
    acme.apply(&[
        Step::create(Group, "inner").add(&["u1"]),
        Step::create(Group, "middle").add(&["inner"]),
        Step::create(Group, "outer").add(&["middle"]),
    ])
    .await?;
    acme.apply(&[Step::hide(Group, "middle")]).await?;
    let inner = members_of(&[("inner", "direct", Some("inner"))]);
    check_groups(acme, &[("u1", &inner)]).await?;
    let filter = r#"groups.value eq "outer""#;
    ensure_eq!(acme.find(User, filter).await?, [""; 0], "who matches `{filter}`");
    acme.apply(&[Step::reveal(Group, "middle")]).await?;
    let all = members_of(&[
        ("inner", "direct", Some("inner")),
        ("middle", "indirect", Some("middle")),
        ("outer", "indirect", Some("outer")),
    ]);
    check_groups(acme, &[("u1", &all)]).await?;
    ensure_eq!(
        acme.find(User, filter).await?,
        ["u1"],
        "who matches `{filter}` by then"
    );
    // Whoever is hidden shows the groups that they come back to.
    acme.apply(&[Step::hide(User, "u1")]).await?;
    check_groups(acme, &[("u1", &all)]).await
}

pub(crate) async fn indirect_groups_count_to_the_limit_of_a_relation(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1", "u2"]).await?;
    acme.apply(&[
        Step::create(Group, "inner").add(&["u1"]),
        Step::create(Group, "outer").add(&["inner", "u2"]),
    ])
    .await?;
    for (limit, shown) in [(0, [false, false]), (1, [false, true]), (2, [true, true])] {
        let selection = acme.selection(User, &["groups"])?.with_relation_limit(limit);
        let query = keyfob_store::Query::first(10).with_selection(selection.clone());
        let page = acme.query(User, &query).await?.resources;
        for ((id, shown), listed) in ["u1", "u2"].into_iter().zip(shown).zip(page) {
            let read = acme.get_selected(User, id, &selection).await?;
            for stored in [read, Some(listed)] {
                let groups = stored
                    .as_ref()
                    .and_then(|stored| stored.resource.relation("groups"));
                ensure_eq!(
                    groups.is_some(),
                    shown,
                    "whether `{id}` shows groups up to {limit}"
                );
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_filter_sees_indirect_groups(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1", "u2", "u3"]).await?;
    acme.apply(&[
        Step::create(Group, "inner").named("Guides").add(&["u1"]),
        Step::create(Group, "outer").named("Staff").add(&["inner", "u2"]),
        Step::create(Group, "other").named("Other").add(&["u1"]),
    ])
    .await?;
    for (filter, expected) in [
        (r#"groups.value eq "outer""#, &["u1", "u2"][..]),
        (r#"groups eq "outer""#, &["u1", "u2"]),
        (r#"groups.value eq "inner""#, &["u1"]),
        (r#"groups[type eq "indirect"]"#, &["u1"]),
        (r#"groups.type eq "indirect""#, &["u1"]),
        (r#"groups[type eq "direct" and value eq "outer"]"#, &["u2"]),
        (r#"groups[type eq "indirect" and value eq "outer"]"#, &["u1"]),
        (r#"groups[type eq "indirect" and value eq "inner"]"#, &[]),
        (r#"groups.display eq "staff""#, &["u1", "u2"]),
        (r#"groups.value eq "outer" and groups.value eq "other""#, &["u1"]),
        (r#"groups.value eq "outer" and userName eq "u2""#, &["u2"]),
        (
            r#"groups.value eq "outer" and not (groups.value eq "inner")"#,
            &["u2"],
        ),
        (r#"not (groups.value eq "outer")"#, &["u3"]),
    ] {
        ensure_eq!(acme.find(User, filter).await?, expected, "who matches `{filter}`");
    }
    ensure_eq!(
        acme.find(Group, r#"members.value eq "u1""#).await?,
        ["inner", "other"],
        "the groups that name a user"
    );
    Ok(())
}

/// Checks what users show of their groups, each by itself, all by their ids, and on a page.
async fn check_groups(acme: &Tenancy<'_, impl Tested>, expected: &[(&str, &MemberSet)]) -> Verdict {
    let selection = acme.selection(User, &["groups"])?;
    let page = acme
        .query(
            User,
            &keyfob_store::Query::first(100).with_selection(selection.clone()),
        )
        .await?;
    let ids: Vec<&str> = expected.iter().map(|(id, _)| *id).collect();
    let together = acme.get_many(User, &ids, &selection).await?;
    for ((id, groups), read) in expected.iter().zip(together) {
        let own = acme.members(User, id, "groups").await?;
        ensure_eq!(&own, *groups, "the groups of `{id}`");
        let read = read
            .as_ref()
            .and_then(|stored| stored.resource.relation("groups"));
        ensure_eq!(read, Some(*groups), "the groups of `{id}` among other users");
        let mut listed = page.resources.iter();
        let listed = listed.find(|stored| stored.resource.id().is_some_and(|found| found.as_str() == *id));
        if let Some(listed) = listed {
            let listed = listed.resource.relation("groups");
            ensure_eq!(listed, Some(*groups), "the groups of `{id}` on a page");
        }
    }
    Ok(())
}
