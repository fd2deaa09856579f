//! What is read of a resource is what is asked for.

use keyfob_core::Resource;
use keyfob_store::{MemberPage, Query, Selection};

use crate::{
    cases::relations::users,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn a_relation_is_read_when_it_is_selected_be_it_empty(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (kind, id, names, expected) in [
        (Group, "g1", &["members"][..], &["members"][..]),
        (Group, "empty", &["displayName", "members"], &["members"]),
        (Group, "g1", &["displayName", "externalId"], &[]),
        (Group, "g1", &[], &[]),
        (User, "a", &["groups"], &["groups"]),
        (User, "alone", &["groups"], &["groups"]),
        (User, "a", &["userName"], &[]),
        (Device, "d1", &["users"], &["users"]),
        (Device, "d1", &["partOf", "components"], &["components", "partOf"]),
        (
            Device,
            "d1",
            &["users", "partOf", "components"],
            &["components", "partOf", "users"],
        ),
    ] {
        let selection = acme.selection(kind, names)?;
        for resource in each_way(acme, kind, id, &selection).await? {
            let found: Vec<&str> = resource
                .relations()
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            ensure_eq!(
                found,
                expected,
                "the relations of `{id}` when {names:?} are selected"
            );
        }
    }
    Ok(())
}

pub(crate) async fn a_relation_above_the_limit_is_left_out(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    for (kind, id, relation, size) in [
        (Group, "g1", "members", 3),
        (Group, "empty", "members", 0),
        (User, "a", "groups", 2),
        (User, "alone", "groups", 0),
        (Device, "part", "partOf", 1),
    ] {
        for limit in 0..5 {
            let selection = acme.everything(kind)?.with_relation_limit(limit);
            for resource in each_way(acme, kind, id, &selection).await? {
                let found = resource.relation(relation).map(keyfob_core::MemberSet::len);
                let expected = (size <= limit).then_some(size);
                ensure_eq!(found, expected, "`{relation}` of `{id}` with a limit of {limit}");
            }
        }
    }
    Ok(())
}

pub(crate) async fn each_relation_is_held_against_the_limit_by_itself(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    let selection = acme.everything(Device)?.with_relation_limit(1);
    for resource in each_way(acme, Device, "d1", &selection).await? {
        ensure!(
            resource.relation("users").is_none(),
            "`users` has two members and the limit is 1"
        );
        ensure_eq!(
            resource.relation("components").map(keyfob_core::MemberSet::len),
            Some(1),
            "`components`"
        );
        ensure_eq!(
            resource.relation("partOf").map(keyfob_core::MemberSet::len),
            Some(0),
            "`partOf`"
        );
    }
    Ok(())
}

pub(crate) async fn the_pages_of_a_relation_hold_every_member_once_and_in_its_order(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    if !acme.capabilities().member_pages {
        return Err(Failure::inapplicable("the store can't read members page by page"));
    }
    stage(acme).await?;
    // Names in another order than ids, and than the order in which they joined.
    let ids = ["m3", "m1", "m0", "m4", "m2", "hidden"];
    users(acme, &ids).await?;
    acme.apply(&[
        Step::create(Group, "g3").delta(delta("members", &["m1", "hidden"], &[])),
        Step::update(Group, "g3").delta(delta("members", &["m4", "m0", "m3"], &[])),
        Step::update(Group, "g3").delta(delta("members", &["m2"], &[])),
    ])
    .await?;
    if acme.capabilities().hiding {
        acme.apply(&[Step::hide(User, "hidden")]).await?;
    } else {
        acme.apply(&[Step::update(Group, "g3").remove(&["hidden"])])
            .await?;
    }
    for id in ["g3", "g1", "empty"] {
        let all = acme.members(Group, id, "members").await?;
        let expected: Vec<_> = all.into_iter().collect();
        for count in 1..=expected.len() + 1 {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                // The limit is not for pages.
                let selection = acme.everything(Group)?.with_relation_limit(0);
                let selection = selection.with_page(MemberPage { after, count });
                let [by_itself, ..] = each_way(acme, Group, id, &selection).await?;
                let page = by_itself.relation("members").cloned();
                let page = page.ok_or_else(|| Failure::new(format!("a page of `{id}` is left out")))?;
                ensure!(
                    page.len() <= count,
                    "a page of {count} has {} members",
                    page.len()
                );
                let is_last = page.len() < count;
                found.extend(page);
                if is_last {
                    break;
                }
                ensure!(found.len() <= expected.len(), "the pages of `{id}` don't end");
                after = found.last().map(|(id, _)| id.clone());
            }
            ensure_eq!(found, expected, "the members of `{id}` on pages of {count}");
        }
    }
    Ok(())
}

pub(crate) async fn a_page_of_members_leaves_inverse_relations_whole(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    if !acme.capabilities().member_pages {
        return Err(Failure::inapplicable("the store can't read members page by page"));
    }
    stage(acme).await?;
    let page = MemberPage {
        after: None,
        count: 1,
    };
    for resource in each_way(acme, User, "a", &acme.everything(User)?.with_page(page.clone())).await? {
        let groups = resource.relation("groups").map(keyfob_core::MemberSet::len);
        ensure_eq!(groups, Some(2), "the groups of a user beside a page of members");
    }
    // The limit still holds for them.
    let selection = acme.everything(User)?.with_page(page).with_relation_limit(1);
    for resource in each_way(acme, User, "a", &selection).await? {
        ensure!(
            resource.relation("groups").is_none(),
            "two groups are given back although the limit is 1"
        );
    }
    Ok(())
}

pub(crate) async fn a_filter_sees_relations_that_are_not_selected(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (kind, filter, expected) in [
        (Group, r#"members.value eq "a""#, &["g1", "g2"][..]),
        (Group, r#"members[value eq "b" and type eq "User"]"#, &["g1"]),
        (Group, "members pr", &["g1", "g2"]),
        (Group, "not (members pr)", &["empty"]),
        (User, r#"groups.display eq "G2""#, &["a"]),
        (User, "groups pr", &["a", "b", "c"]),
        (Device, r#"partOf.value eq "d1""#, &["part"]),
    ] {
        let predicate = acme.compile(kind, filter)?;
        for selection in [
            Selection::document(),
            Selection::document().with_relation_limit(0),
            acme.everything(kind)?,
        ] {
            let page = acme
                .query(
                    kind,
                    &Query::first(10)
                        .with_filter(predicate.clone())
                        .with_selection(selection.clone()),
                )
                .await?;
            let found = crate::tenancy::page_ids(&page)?;
            ensure_eq!(
                found,
                expected,
                "`{filter}` when {:?} is selected",
                selection.relation_limit
            );
            for stored in page.resources {
                let read = stored.resource.relations().len();
                let selected = selection.attributes != Selection::document().attributes;
                ensure_eq!(
                    read > 0,
                    selected,
                    "whether relations are given back that the filter alone looks at"
                );
            }
        }
    }
    Ok(())
}

async fn stage(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c", "alone"]).await?;
    acme.apply(&[
        Step::create(Group, "g1").add(&["a", "b", "c"]),
        Step::create(Group, "g2").add(&["a"]),
        Step::create(Group, "empty"),
        Step::create(Device, "part"),
        Step::create(Device, "d1")
            .add(&["a", "b"])
            .delta(delta("components", &["part"], &[])),
    ])
    .await?;
    Ok(())
}

/// The resource as it is read by itself, on a page, and on a page of a filter.
async fn each_way(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    id: &str,
    selection: &Selection,
) -> Result<[Resource; 3], Failure> {
    let missing = || Failure::new(format!("`{id}` is not found"));
    let by_itself = acme
        .get_selected(kind, id, selection)
        .await?
        .ok_or_else(missing)?;
    let all = acme
        .query(kind, &Query::first(10).with_selection(selection.clone()))
        .await?
        .resources;
    let on_a_page = all
        .into_iter()
        .find(|stored| stored.resource.id().is_some_and(|found| found.as_str() == id));
    let predicate = acme.compile(kind, &format!("id eq \"{id}\""))?;
    let found = acme
        .query(
            kind,
            &Query::first(10)
                .with_selection(selection.clone())
                .with_filter(predicate),
        )
        .await?
        .resources;
    let filtered = found.into_iter().next();
    Ok([
        by_itself.resource,
        on_a_page.ok_or_else(missing)?.resource,
        filtered.ok_or_else(missing)?.resource,
    ])
}
