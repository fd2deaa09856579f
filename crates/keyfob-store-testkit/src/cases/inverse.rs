//! Inverse relations follow from the owned ones.

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

pub(crate) async fn a_group_in_a_group_does_not_reach_its_members(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["u1"]).await?;
    acme.apply(&[
        Step::create(Group, "inner").add(&["u1"]),
        Step::create(Group, "outer").add(&["inner"]),
    ])
    .await?;
    let expected = members_of(&[("inner", "direct", Some("inner"))]);
    ensure_eq!(
        acme.members(User, "u1", "groups").await?,
        expected,
        "the groups of a user in a nested group"
    );
    Ok(())
}
