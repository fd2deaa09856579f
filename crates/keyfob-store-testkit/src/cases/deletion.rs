//! What is deleted leaves nothing behind.

use crate::{
    cases::{
        relations::users,
        versions::{created, was_changed},
    },
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Device, Group, User, minute},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn what_is_deleted_is_gone_from_every_answer(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    ensure_eq!(acme.ids(User).await?, ["a", "b", "c"], "listing all before");
    let outcomes = acme.apply(&[Step::delete(User, "b")]).await?;
    ensure_eq!(outcomes, [Effect::Deleted], "the outcome");
    ensure_eq!(acme.get(User, "b").await?, None, "reading it");
    ensure_eq!(acme.ids(User).await?, ["a", "c"], "listing all");
    ensure_eq!(
        acme.find(User, r#"userName eq "b""#).await?,
        [""; 0],
        "finding it by its name"
    );
    ensure_eq!(
        acme.find(User, r#"id eq "b""#).await?,
        [""; 0],
        "finding it by its id"
    );
    ensure_eq!(
        acme.find(User, "userName pr").await?,
        ["a", "c"],
        "finding all that have a name"
    );
    let again = acme.refuse(&[Step::delete(User, "b")]).await?;
    ensure_eq!(again, Refusal::NotFound { change: 0 }, "deleting it again");
    Ok(())
}

pub(crate) async fn a_deletion_takes_the_edges_to_the_resource(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "g1").add(&["a", "b"]),
        Step::create(Group, "g2").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::delete(User, "a")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["b"],
        "the members of the first group"
    );
    ensure!(
        acme.members(Group, "g2", "members").await?.is_empty(),
        "the second group still has a member"
    );
    ensure_eq!(
        acme.find(Group, r#"members.value eq "a""#).await?,
        [""; 0],
        "the groups of the deleted user"
    );
    acme.apply(&[Step::create(User, "a")]).await?;
    ensure!(
        acme.members(User, "a", "groups").await?.is_empty(),
        "a new user of that id is in a group"
    );
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["b"],
        "the members after the id came back"
    );
    Ok(())
}

pub(crate) async fn a_deletion_takes_the_edges_from_the_resource(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "g1").add(&["a", "b"]),
        Step::create(Group, "g2").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::delete(Group, "g1")]).await?;
    ensure_eq!(
        acme.member_ids(User, "a", "groups").await?,
        ["g2"],
        "the groups of a member of both"
    );
    ensure!(
        acme.members(User, "b", "groups").await?.is_empty(),
        "a member of a deleted group alone has groups"
    );
    acme.apply(&[Step::create(Group, "g1")]).await?;
    ensure!(
        acme.members(Group, "g1", "members").await?.is_empty(),
        "a new group of that id has members"
    );
    ensure_eq!(
        acme.version(User, "a").await?,
        1,
        "the version of a member of the deleted group"
    );
    Ok(())
}

pub(crate) async fn who_loses_a_member_by_its_deletion_changes(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "holder").add(&["a", "b"]).at(1),
        Step::create(Group, "bystander").add(&["b"]).at(1),
    ])
    .await?;
    acme.apply(&[Step::delete(User, "a").at(8)]).await?;
    was_changed(acme, Group, "holder", 2, minute(8)).await?;
    was_changed(acme, Group, "bystander", 1, minute(1)).await?;
    was_changed(acme, User, "b", 1, minute(0)).await
}

pub(crate) async fn who_loses_a_member_of_two_relations_changes_once(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Device, "twice")
        .add(&["a"])
        .delta(delta("components", &["a"], &[]))
        .at(1)])
        .await?;
    acme.apply(&[Step::delete(User, "a").at(8)]).await?;
    was_changed(acme, Device, "twice", 2, minute(8)).await
}

pub(crate) async fn a_deleted_id_can_be_given_again(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "x").with("externalId", "old")])
        .await?;
    acme.apply(&[Step::delete(User, "x")]).await?;
    acme.apply(&[Step::create(Group, "x").named("a group now").at(4)])
        .await?;
    let stored = acme.read(Group, "x").await?;
    ensure_eq!(
        stored.resource.core().get_str("displayName"),
        Some("a group now"),
        "the name of the new resource"
    );
    ensure_eq!(
        stored.resource.external_id(),
        None,
        "an attribute that the old resource had"
    );
    ensure_eq!(
        created(acme, Group, "x").await?,
        Some(minute(4)),
        "meta.created of the new resource"
    );
    ensure_eq!(acme.get(User, "x").await?, None, "the user of that id");
    Ok(())
}

pub(crate) async fn an_id_that_is_given_again_goes_on_after_the_last_version(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "x").at(1)]).await?;
    acme.apply(&[Step::update(User, "x").named("second").at(2)])
        .await?;
    acme.apply(&[Step::delete(User, "x").at(3)]).await?;
    ensure_eq!(
        acme.apply(&[Step::create(User, "x").at(4)]).await?,
        [Effect::Changed(3)],
        "the outcome of a creation under an id that had two versions"
    );
    was_changed(acme, User, "x", 3, minute(4)).await?;
    for version in [1, 2] {
        let stale = acme
            .refuse(&[Step::update(User, "x").named("lost").precondition(version)])
            .await?;
        let expected = Refusal::VersionMismatch {
            change: 0,
            current: 3,
        };
        ensure_eq!(stale, expected, "demanding a version of the resource before");
    }
    acme.apply(&[Step::delete(User, "x").at(5)]).await?;
    ensure_eq!(
        acme.apply(&[Step::create(Group, "x").at(6)]).await?,
        [Effect::Changed(4)],
        "the outcome of a creation of another type"
    );
    let twice = [
        Step::delete(Group, "x"),
        Step::create(Group, "x"),
        Step::update(Group, "x").named("again"),
        Step::delete(Group, "x"),
        Step::create(User, "x"),
    ];
    let expected = [
        Effect::Deleted,
        Effect::Changed(5),
        Effect::Changed(6),
        Effect::Deleted,
        Effect::Changed(7),
    ];
    ensure_eq!(acme.apply(&twice).await?, expected, "the outcomes of one commit");
    ensure_eq!(
        acme.other("globex").apply(&[Step::create(User, "x")]).await?,
        [Effect::Changed(1)],
        "the outcome of a creation in another tenant"
    );
    Ok(())
}

pub(crate) async fn a_deletion_frees_what_was_reserved(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "a").named("bjensen")]).await?;
    acme.apply(&[Step::delete(User, "a")]).await?;
    acme.apply(&[Step::create(User, "b").named("BJensen")]).await?;
    ensure_eq!(
        acme.find(User, r#"userName eq "bjensen""#).await?,
        ["b"],
        "who has the name now"
    );
    Ok(())
}

pub(crate) async fn an_id_can_be_given_again_in_the_commit_that_deletes_its_resource(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["same", "other"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["same", "other"]).at(1)])
        .await?;
    let outcomes = acme
        .apply(&[
            Step::delete(User, "same").at(2),
            Step::create(User, "same").with("externalId", "new").at(2),
            Step::delete(User, "other").at(3),
            Step::create(Group, "other").add(&["same"]).at(3),
        ])
        .await?;
    let expected = [
        Effect::Deleted,
        Effect::Changed(2),
        Effect::Deleted,
        Effect::Changed(2),
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    was_changed(acme, User, "same", 2, minute(3)).await?;
    was_changed(acme, Group, "other", 2, minute(3)).await?;
    was_changed(acme, Group, "g1", 3, minute(3)).await?;
    ensure!(
        acme.members(Group, "g1", "members").await?.is_empty(),
        "a group still has the members that were deleted"
    );
    ensure_eq!(
        acme.member_ids(User, "same", "groups").await?,
        ["other"],
        "the groups of the new user"
    );
    ensure_eq!(acme.ids(User).await?, ["same"], "listing all users");
    ensure_eq!(
        acme.find(User, r#"userName eq "same" and externalId eq "new""#)
            .await?,
        ["same"],
        "finding the new user by its name"
    );
    ensure_eq!(
        acme.get(User, "other").await?,
        None,
        "the user whose id a group has"
    );
    Ok(())
}
