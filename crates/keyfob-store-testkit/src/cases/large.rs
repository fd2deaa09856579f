//! Relations of so many members that a store removes them later, which nobody may see.

use keyfob_core::{Member, ResourceId};
use keyfob_store::{Listed, Outcome, Query, RelationDelta};

use crate::{
    cases::{
        relations::{members_of, users},
        versions::was_changed,
    },
    effect::Effect,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User, minute},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

/// More than a store removes at once.
const MANY: usize = 1_500;

/// Creates resources of a type, and one that has all of them in a relation. Returns their ids.
async fn crowd(acme: &Tenancy<'_, impl Tested>, kind: Kind, owner: &str) -> Result<Vec<String>, Failure> {
    let (of, relation) = match kind {
        Device => (Device, "components"),
        _ => (Group, "members"),
    };
    let ids: Vec<String> = (0..MANY).map(|number| format!("m{number:04}")).collect();
    let creations: Vec<Step> = ids.iter().map(|id| Step::create(kind, id)).collect();
    acme.apply(&creations).await?;
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    acme.apply(&[Step::create(of, owner).delta(delta(relation, &members, &[]))])
        .await?;
    Ok(ids)
}

/// A delta that leaves exactly these members.
fn exactly(relation: &str, ids: &[&str]) -> RelationDelta {
    let mut delta = delta(relation, ids, &[]);
    delta.clear = true;
    delta
}

/// Changes the members of a resource, and returns those that joined and those that left.
async fn change(acme: &Tenancy<'_, impl Tested>, step: Step) -> Result<(Listed, Listed), Failure> {
    match acme.outcomes(&[step]).await?.into_iter().next() {
        Some(Outcome::Changed { joined, left, .. }) => Ok((joined, left)),
        other => Err(Failure::new(format!("the outcome is {other:?}"))),
    }
}

/// Checks who left: the number of all, and the first of them, each once and none of these.
fn check_left(left: &Listed, count: usize, not: &[&str]) -> Verdict {
    ensure_eq!(left.count, count, "how many left");
    let mut listed: Vec<&str> = left.ids.iter().map(ResourceId::as_str).collect();
    listed.sort_unstable();
    listed.dedup();
    ensure_eq!(
        listed.len(),
        count.min(Listed::MAX),
        "how many of them are listed"
    );
    ensure!(
        listed.iter().all(|id| id.starts_with('m') && !not.contains(id)),
        "who is listed: {listed:?}"
    );
    Ok(())
}

pub(crate) async fn a_large_group_that_is_deleted_is_gone_at_once(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let ids = crowd(acme, User, "big").await?;
    acme.apply(&[Step::create(Group, "other").add(&["m0001"])])
        .await?;
    let outcomes = acme.apply(&[Step::delete(Group, "big").at(5)]).await?;
    ensure_eq!(outcomes, [Effect::Deleted], "the outcome");
    ensure_eq!(acme.get(Group, "big").await?, None, "reading it");
    let page = acme.query(Group, &Query::first(9)).await?;
    ensure_eq!(page.total, Some(1), "how many groups there are");
    ensure_eq!(acme.ids(Group).await?, ["other"], "the groups");
    for (id, groups) in [("m0000", &[][..]), ("m0001", &["other"]), ("m1499", &[])] {
        ensure_eq!(
            acme.member_ids(User, id, "groups").await?,
            groups,
            "the groups of `{id}`"
        );
        let filter = format!(r#"members.value eq "{id}""#);
        ensure_eq!(
            acme.find(Group, &filter).await?,
            groups,
            "the groups that `{filter}` finds"
        );
        ensure_eq!(acme.version(User, id).await?, 1, "the version of `{id}`");
    }
    for filter in [
        r#"groups.value eq "big""#,
        r#"groups.value eq "big" and userName sw "m""#,
    ] {
        ensure_eq!(
            acme.find(User, filter).await?,
            [""; 0],
            "the users that `{filter}` finds"
        );
    }
    acme.apply(&[Step::create(Group, "big").add(&["m0002"])]).await?;
    ensure_eq!(
        acme.version(Group, "big").await?,
        2,
        "the version of the next group of the id"
    );
    ensure_eq!(
        acme.member_ids(Group, "big", "members").await?,
        ["m0002"],
        "the members of the next group of the id"
    );
    ensure_eq!(
        acme.find(User, r#"groups.value eq "big""#).await?,
        ["m0002"],
        "the users in the next group of the id"
    );
    acme.apply(&[Step::hide(User, "m0003"), Step::delete(User, "m0004")])
        .await?;
    acme.apply(&[Step::reveal(User, "m0003")]).await?;
    ensure_eq!(
        acme.member_ids(User, "m0003", "groups").await?,
        [""; 0],
        "the groups of a member that was hidden and came back"
    );
    let rest: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| *id != "m0004")
        .collect();
    let (joined, _) = change(acme, Step::update(Group, "big").add(&rest)).await?;
    ensure_eq!(joined.count, MANY - 2, "how many join the next group of the id");
    ensure_eq!(
        acme.member_ids(Group, "big", "members").await?,
        rest,
        "the members, once all have joined again"
    );
    Ok(())
}

pub(crate) async fn a_large_group_is_emptied_at_once(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_hiding()?;
    crowd(acme, User, "big").await?;
    acme.apply(&[Step::hide(User, "m0007")]).await?;
    let (joined, left) = change(acme, Step::update(Group, "big").members(&[]).at(5)).await?;
    ensure_eq!(joined.count, 0, "how many joined");
    check_left(&left, MANY - 1, &["m0007"])?;
    was_changed(acme, Group, "big", 3, minute(5)).await?;
    ensure_eq!(
        acme.member_ids(Group, "big", "members").await?,
        [""; 0],
        "the members"
    );
    ensure_eq!(
        acme.find(Group, r#"displayName eq "big""#).await?,
        ["big"],
        "the groups of its name"
    );
    for id in ["m0000", "m1499"] {
        ensure_eq!(
            acme.member_ids(User, id, "groups").await?,
            [""; 0],
            "the groups of `{id}`"
        );
    }
    ensure_eq!(
        acme.find(User, r#"groups.value eq "big""#).await?,
        [""; 0],
        "the users in it"
    );
    let selection = acme.everything(Group)?.with_hidden_members();
    let read = acme.get_selected(Group, "big", &selection).await?;
    let hidden = read.and_then(|stored| stored.resource.relation("members").cloned());
    ensure_eq!(
        hidden,
        Some(members_of(&[("m0007", "User", None)])),
        "the hidden members, which stay"
    );
    acme.apply(&[Step::hide(User, "m0008")]).await?;
    acme.apply(&[
        Step::reveal(User, "m0007").at(6),
        Step::reveal(User, "m0008").at(6),
    ])
    .await?;
    ensure_eq!(
        acme.member_ids(Group, "big", "members").await?,
        ["m0007"],
        "the members, once the one that was hidden meanwhile and one that had left came back"
    );
    was_changed(acme, Group, "big", 4, minute(6)).await?;
    let (joined, _) = change(acme, Step::update(Group, "big").add(&["m0007", "m0009"])).await?;
    ensure_eq!(joined.count, 1, "how many join it again");
    let (_, left) = change(acme, Step::update(Group, "big").members(&[])).await?;
    ensure_eq!(left.count, 2, "how many leave it the second time");
    let outcomes = acme.apply(&[Step::update(Group, "big").members(&[])]).await?;
    ensure_eq!(
        outcomes,
        [Effect::Unchanged(6)],
        "the outcome of emptying what is empty"
    );
    Ok(())
}

pub(crate) async fn who_stays_in_a_large_group_keeps_its_display_when_the_others_leave(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["ada", "bob", "cleo"]).await?;
    crowd(acme, User, "big").await?;
    let mut named = RelationDelta::new("members".into());
    named.add = vec![(ResourceId::new("ada"), Member::new().with_display("Ada"))];
    acme.apply(&[Step::update(Group, "big").delta(named)]).await?;
    let step = Step::update(Group, "big").members(&["ada", "bob", "m0003"]);
    let (joined, left) = change(acme, step).await?;
    let joined: Vec<&str> = joined.ids.iter().map(ResourceId::as_str).collect();
    ensure_eq!(joined, ["bob"], "who joined");
    check_left(&left, MANY - 1, &["m0003"])?;
    ensure_eq!(
        acme.members(Group, "big", "members").await?,
        members_of(&[
            ("ada", "User", Some("Ada")),
            ("bob", "User", None),
            ("m0003", "User", None),
        ]),
        "the members"
    );
    // In one change after another of the same commit.
    acme.apply(&[
        Step::update(Group, "big").members(&["cleo"]),
        Step::update(Group, "big").add(&["bob"]),
        Step::update(Group, "big").remove(&["cleo"]),
    ])
    .await?;
    ensure_eq!(
        acme.member_ids(Group, "big", "members").await?,
        ["bob"],
        "the members in the end"
    );
    Ok(())
}

pub(crate) async fn what_is_emptied_keeps_its_other_relations_and_its_owners(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["ada", "bob"]).await?;
    crowd(acme, Device, "big").await?;
    acme.apply(&[
        Step::create(Device, "holder").delta(delta("components", &["big"], &[])),
        Step::update(Device, "big").delta(delta("users", &["ada", "bob"], &[])),
        Step::update(Device, "big").delta(delta("components", &["big"], &[])),
    ])
    .await?;
    ensure_eq!(
        acme.member_ids(Device, "big", "partOf").await?,
        ["big", "holder"],
        "the owners before"
    );
    let step = Step::update(Device, "big").delta(exactly("components", &["big"]));
    let (joined, left) = change(acme, step).await?;
    ensure_eq!(joined.count, 0, "how many joined");
    check_left(&left, MANY, &[])?;
    for (id, relation, expected) in [
        ("big", "components", &["big"][..]),
        ("big", "users", &["ada", "bob"]),
        ("big", "partOf", &["big", "holder"]),
        ("holder", "components", &["big"]),
        ("m0000", "partOf", &[]),
    ] {
        ensure_eq!(
            acme.member_ids(Device, id, relation).await?,
            expected,
            "`{relation}` of `{id}`"
        );
    }
    ensure_eq!(
        acme.find(Device, r#"components.value eq "big""#).await?,
        ["big", "holder"],
        "who has it"
    );
    ensure_eq!(
        acme.version(Device, "holder").await?,
        1,
        "the version of its owner"
    );
    acme.apply(&[Step::delete(Device, "big").at(7)]).await?;
    was_changed(acme, Device, "holder", 2, minute(7)).await?;
    ensure_eq!(
        acme.member_ids(Device, "holder", "components").await?,
        [""; 0],
        "the components of its owner, once it is deleted"
    );
    Ok(())
}
