//! Hidden resources are out of sight and come back with all that they had.

use keyfob_core::{Member, ResourceId};
use keyfob_store::{Query, RelationDelta, Visibility};

use crate::{
    cases::{
        relations::{members_of, users},
        versions::{created, was_changed},
    },
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Device, Group, User, minute},
    step::{Step, delta},
    tenancy::{Tenancy, Tested, page_ids},
};

pub(crate) async fn a_hidden_resource_is_found_by_no_query_but_one_for_hidden_ones(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[Step::update(User, "b").named("b").with("externalId", "7")])
        .await?;
    acme.apply(&[Step::hide(User, "b")]).await?;
    ensure_eq!(acme.ids(User).await?, ["a", "c"], "the live users");
    ensure_eq!(acme.hidden_ids(User).await?, ["b"], "the hidden users");
    for filter in [
        r#"userName eq "b""#,
        r#"id eq "b""#,
        r#"externalId eq "7""#,
        r#"id eq "b" or externalId eq "7""#,
        r#"not (userName eq "a") and not (userName eq "c")"#,
    ] {
        ensure_eq!(
            acme.find(User, filter).await?,
            [""; 0],
            "the live users that match `{filter}`"
        );
        let query = Query::first(9)
            .with_filter(acme.compile(User, filter)?)
            .with_visibility(Visibility::Hidden);
        ensure_eq!(
            acme.ids_of(User, &query).await?,
            ["b"],
            "the hidden users that match `{filter}`"
        );
    }
    let query = Query::first(9)
        .with_filter(acme.compile(User, r#"id eq "a""#)?)
        .with_visibility(Visibility::Hidden);
    ensure_eq!(
        acme.ids_of(User, &query).await?,
        [""; 0],
        "the hidden users of a live one's id"
    );
    let page = acme.query(User, &Query::first(1)).await?;
    ensure_eq!(page.total, Some(2), "how many live users there are");
    Ok(())
}

pub(crate) async fn hidden_resources_come_in_order_and_in_pages(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for (minutes, id) in [(1, "z"), (2, "b"), (3, "m"), (4, "a")] {
        acme.apply(&[Step::create(User, id).at(minutes)]).await?;
    }
    // Not in the order of their creation.
    for id in ["a", "z", "b"] {
        acme.apply(&[Step::hide(User, id).at(9)]).await?;
    }
    ensure_eq!(acme.hidden_ids(User).await?, ["z", "b", "a"], "the hidden users");
    let query = Query::first(1)
        .with_visibility(Visibility::Hidden)
        .with_paging(keyfob_store::Paging::Offset { offset: 1, count: 1 });
    let page = acme.query(User, &query).await?;
    ensure_eq!(page_ids(&page)?, ["b"], "the second hidden user");
    ensure_eq!(page.total, Some(3), "how many hidden users there are");
    acme.apply(&[Step::reveal(User, "b").at(10)]).await?;
    ensure_eq!(
        acme.ids(User).await?,
        ["b", "m"],
        "the live users, in the order of their creation"
    );
    Ok(())
}

pub(crate) async fn a_hidden_resource_is_read_by_its_id(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "a")
        .with("externalId", "7")
        .state("origin", "import")
        .at(1)])
        .await?;
    let before = acme.read(User, "a").await?;
    let outcomes = acme.apply(&[Step::hide(User, "a").at(2)]).await?;
    ensure_eq!(outcomes, [Effect::Changed(2)], "the outcome of hiding");
    let hidden = acme.read(User, "a").await?;
    ensure_eq!(hidden.visibility, Visibility::Hidden, "the visibility");
    was_changed(acme, User, "a", 2, minute(2)).await?;
    ensure_eq!(
        created(acme, User, "a").await?,
        Some(minute(1)),
        "meta.created of a hidden user"
    );
    ensure_eq!(hidden.state, before.state, "the state of a hidden user");
    ensure_eq!(
        hidden.resource.core().get_str("externalId"),
        Some("7"),
        "an attribute of a hidden user"
    );
    let query = Query::first(9)
        .with_visibility(Visibility::Hidden)
        .with_selection(acme.everything(User)?);
    let page = acme.query(User, &query).await?;
    ensure_eq!(page.resources, [hidden], "the hidden user on a page");
    let outcomes = acme.apply(&[Step::reveal(User, "a").at(3)]).await?;
    ensure_eq!(outcomes, [Effect::Changed(3)], "the outcome of revealing");
    let revealed = acme.read(User, "a").await?;
    ensure_eq!(revealed.visibility, Visibility::Live, "the visibility");
    ensure_eq!(revealed.state, before.state, "the state of a revealed user");
    was_changed(acme, User, "a", 3, minute(3)).await?;
    ensure_eq!(
        created(acme, User, "a").await?,
        Some(minute(1)),
        "meta.created of a revealed user"
    );
    ensure_eq!(acme.ids(User).await?, ["a"], "the live users");
    Ok(())
}

pub(crate) async fn hiding_what_is_hidden_changes_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"])]).await?;
    acme.apply(&[Step::hide(User, "a").at(1)]).await?;
    let before = acme.state().await?;
    let outcomes = acme
        .apply(&[Step::hide(User, "a").at(2), Step::reveal(User, "b")])
        .await?;
    ensure_eq!(
        outcomes,
        [Effect::Unchanged(2), Effect::Unchanged(1)],
        "the outcomes of hiding a hidden user and revealing a live one"
    );
    acme.state()
        .await?
        .check_equal(&before, "hiding a hidden user changed something")
}

pub(crate) async fn a_hidden_resource_reserves_no_key(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::hide(User, "a"),
        Step::create(User, "c").named("A"),
        Step::update(User, "b").named("free"),
    ])
    .await?;
    // Nor does it when its document changes, whatever keys come with it.
    acme.apply(&[Step::update(User, "a").named("free too")]).await?;
    acme.apply(&[Step::create(User, "d").named("free too")]).await?;
    let refusal = acme.refuse(&[Step::create(User, "e").named("a")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking the name from who took it meanwhile"
    );
    Ok(())
}

pub(crate) async fn revealing_is_refused_if_a_key_was_taken_meanwhile(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[Step::create(User, "c").named("A")]).await?;
    let refusal = acme.refuse(&[Step::reveal(User, "a")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "revealing a user whose name was taken"
    );
    acme.apply(&[Step::update(User, "a").seen(Visibility::Live).named("other")])
        .await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a"],
        "the members after the user was revealed under another name"
    );
    Ok(())
}

pub(crate) async fn a_revealed_resource_reserves_its_keys_again(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[Step::reveal(User, "a")]).await?;
    let refusal = acme.refuse(&[Step::create(User, "b").named("A")]).await?;
    ensure_eq!(
        refusal,
        Refusal::taken(0, "userName"),
        "taking the name of a revealed user"
    );
    ensure_eq!(
        acme.find(User, r#"userName eq "A""#).await?,
        ["a"],
        "the user by its name"
    );
    Ok(())
}

pub(crate) async fn a_hidden_resource_is_a_member_of_nothing_that_is_seen(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "both").add(&["a", "b"]),
        Step::create(Group, "one").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "both", "members").await?,
        ["b"],
        "the members of a group with a hidden one"
    );
    ensure!(
        acme.members(Group, "one", "members").await?.is_empty(),
        "a group shows a hidden member"
    );
    for (filter, expected) in [
        (r#"members.value eq "a""#, &[][..]),
        (r#"members[value eq "a" and type eq "User"]"#, &[]),
        (r#"members.value eq "a" or members.value eq "b""#, &["both"]),
        ("members pr", &["both"]),
        ("not (members pr)", &["one"]),
        (r#"not (members.value eq "a")"#, &["both", "one"]),
    ] {
        ensure_eq!(
            acme.find(Group, filter).await?,
            expected,
            "the groups that match `{filter}`"
        );
    }
    let limited = acme.everything(Group)?.with_relation_limit(1);
    let stored = acme.get_selected(Group, "both", &limited).await?;
    let size = stored
        .and_then(|stored| stored.resource.relation("members").cloned())
        .map(|members| members.len());
    ensure_eq!(
        size,
        Some(1),
        "how many members a group shows whose limit the hidden one would exceed"
    );
    Ok(())
}

pub(crate) async fn a_revealed_resource_comes_back_with_its_edges(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    let mut displayed = RelationDelta::new("members".into());
    displayed.add = vec![(ResourceId::new("a"), Member::new().with_display("Ada"))];
    acme.apply(&[
        Step::create(Group, "g").delta(displayed),
        Step::create(Group, "h").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[
        Step::update(Group, "g").add(&["b"]).named("renamed"),
        Step::delete(Group, "h"),
    ])
    .await?;
    acme.apply(&[Step::reveal(User, "a")]).await?;
    ensure_eq!(
        acme.members(Group, "g", "members").await?,
        members_of(&[("a", "User", Some("Ada")), ("b", "User", None)]),
        "the members"
    );
    ensure_eq!(
        acme.members(User, "a", "groups").await?,
        members_of(&[("g", "direct", Some("renamed"))]),
        "the groups, of which one was deleted meanwhile"
    );
    ensure_eq!(
        acme.find(Group, r#"members.value eq "a""#).await?,
        ["g"],
        "the groups by their member"
    );
    Ok(())
}

pub(crate) async fn owners_change_once_when_a_member_is_hidden_or_revealed(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "holder").add(&["a", "b"]).at(1),
        Step::create(Group, "bystander").add(&["b"]),
        Step::create(Group, "hidden").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(Group, "hidden").at(2)]).await?;
    acme.apply(&[Step::hide(User, "a").at(3)]).await?;
    was_changed(acme, Group, "holder", 2, minute(3)).await?;
    acme.apply(&[Step::reveal(User, "a").at(4)]).await?;
    was_changed(acme, Group, "holder", 3, minute(4)).await?;
    was_changed(acme, Group, "bystander", 1, minute(1)).await?;
    was_changed(acme, Group, "hidden", 2, minute(2)).await?;
    was_changed(acme, User, "b", 1, minute(0)).await?;
    // A change that leaves a hidden resource hidden changes no owner.
    acme.apply(&[Step::hide(User, "a").at(5)]).await?;
    acme.apply(&[Step::update(User, "a").named("renamed").at(6)])
        .await?;
    was_changed(acme, Group, "holder", 4, minute(5)).await
}

pub(crate) async fn an_owner_by_two_relations_changes_once_when_its_member_is_hidden(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Device, "twice")
        .add(&["a"])
        .delta(delta("components", &["a"], &[]))
        .at(1)])
        .await?;
    acme.apply(&[Step::hide(User, "a").at(2)]).await?;
    was_changed(acme, Device, "twice", 2, minute(2)).await?;
    acme.apply(&[Step::reveal(User, "a").at(3)]).await?;
    was_changed(acme, Device, "twice", 3, minute(3)).await?;
    for relation in ["users", "components"] {
        ensure_eq!(
            acme.member_ids(Device, "twice", relation).await?,
            ["a"],
            "the members of `{relation}`"
        );
    }
    Ok(())
}

pub(crate) async fn a_hidden_resource_can_be_updated(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["b"])]).await?;
    acme.apply(&[Step::hide(User, "a"), Step::hide(Group, "g")])
        .await?;
    let outcomes = acme
        .apply(&[
            Step::update(User, "a").named("renamed").at(5),
            Step::update(User, "a").state("origin", "import").precondition(3),
            Step::update(Group, "g").remove(&["b"]),
            Step::update(Group, "g").add(&["b"]),
            Step::update(Group, "g").add(&["b"]),
        ])
        .await?;
    let expected = [
        Effect::Changed(3),
        Effect::Changed(4),
        Effect::Changed(3),
        Effect::Changed(4),
        Effect::Unchanged(4),
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    let stored = acme.read(User, "a").await?;
    ensure_eq!(
        stored.resource.core().get_str("userName"),
        Some("renamed"),
        "the name of the hidden user"
    );
    ensure_eq!(stored.visibility, Visibility::Hidden, "the visibility");
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["b"],
        "the members of the hidden group"
    );
    for (step, expected) in [
        (
            Step::update(User, "a").named("x").precondition(2),
            Refusal::VersionMismatch {
                change: 0,
                current: 4,
            },
        ),
        (Step::create(User, "a").named("x"), Refusal::IdTaken { change: 0 }),
        (Step::create(Group, "a"), Refusal::IdTaken { change: 0 }),
    ] {
        ensure_eq!(acme.refuse(&[step]).await?, expected, "changing a hidden user");
    }
    Ok(())
}

pub(crate) async fn a_document_and_the_visibility_change_in_one_version(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let hidden = Step::update(User, "a")
        .named("gone")
        .state("since", 1)
        .seen(Visibility::Hidden);
    ensure_eq!(
        acme.apply(&[hidden]).await?,
        [Effect::Changed(2)],
        "the outcome of hiding with a document"
    );
    let revealed = Step::update(User, "a").named("back").seen(Visibility::Live);
    ensure_eq!(
        acme.apply(&[revealed]).await?,
        [Effect::Changed(3)],
        "the outcome of revealing with a document"
    );
    ensure_eq!(
        acme.version(Group, "g").await?,
        3,
        "the version of the group that lost the user and got it back"
    );
    ensure_eq!(
        acme.find(User, r#"userName eq "back""#).await?,
        ["a"],
        "the user by its new name"
    );
    let refusal = acme.refuse(&[Step::create(User, "b").named("back")]).await?;
    ensure_eq!(refusal, Refusal::taken(0, "userName"), "taking the new name");
    Ok(())
}

pub(crate) async fn taking_out_by_id_takes_a_hidden_edge(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Group, "g").add(&["a", "b"]).at(1),
        Step::create(Group, "h").add(&["a", "b"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a").at(2)]).await?;
    let mut clearing = delta("members", &["b"], &["a"]);
    clearing.clear = true;
    let outcomes = acme
        .apply(&[
            Step::update(Group, "g").remove(&["a"]).at(3),
            Step::update(Group, "h").delta(clearing),
        ])
        .await?;
    ensure_eq!(
        outcomes,
        [Effect::Unchanged(2), Effect::Unchanged(2)],
        "the outcomes of taking out a hidden member"
    );
    was_changed(acme, Group, "g", 2, minute(2)).await?;
    acme.apply(&[Step::reveal(User, "a").at(4)]).await?;
    for group in ["g", "h"] {
        ensure_eq!(
            acme.member_ids(Group, group, "members").await?,
            ["b"],
            "the members of {group} after the user was revealed"
        );
        was_changed(acme, Group, group, 2, minute(2)).await?;
    }
    Ok(())
}

pub(crate) async fn clearing_leaves_hidden_edges(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[
        Step::create(Group, "g").add(&["a", "b"]).at(1),
        Step::create(Group, "h").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a").at(2)]).await?;
    let outcomes = acme
        .apply(&[
            Step::update(Group, "g").members(&["c"]).at(3),
            Step::update(Group, "h").members(&[]),
        ])
        .await?;
    ensure_eq!(
        outcomes,
        [Effect::Changed(3), Effect::Unchanged(2)],
        "the outcomes of clearing groups with a hidden member"
    );
    acme.apply(&[Step::reveal(User, "a").at(4)]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "c"],
        "the members of a group that was replaced meanwhile"
    );
    ensure_eq!(
        acme.member_ids(Group, "h", "members").await?,
        ["a"],
        "the members of a group that was emptied meanwhile"
    );
    Ok(())
}

pub(crate) async fn a_hidden_resource_can_be_deleted(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"]).at(1)])
        .await?;
    acme.apply(&[Step::hide(User, "a").at(2)]).await?;
    let stale = acme.refuse(&[Step::delete(User, "a").precondition(1)]).await?;
    let expected = Refusal::VersionMismatch {
        change: 0,
        current: 2,
    };
    ensure_eq!(stale, expected, "deleting a hidden user of another version");
    acme.apply(&[Step::delete(User, "a").precondition(2).at(3)])
        .await?;
    ensure_eq!(acme.get(User, "a").await?, None, "the user");
    ensure_eq!(acme.hidden_ids(User).await?, [""; 0], "the hidden users");
    was_changed(acme, Group, "g", 2, minute(2)).await?;
    ensure_eq!(
        acme.apply(&[Step::create(User, "a").at(4)]).await?,
        [Effect::Changed(3)],
        "the outcome of a creation under the id"
    );
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["b"],
        "the members after the id came back"
    );
    Ok(())
}

pub(crate) async fn a_hidden_resource_reads_the_owners_to_which_it_comes_back(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[
        Step::create(Group, "g").named("Guides").add(&["a"]),
        Step::create(Group, "h").add(&["a"]),
        Step::create(Group, "i").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a"), Step::hide(Group, "h")])
        .await?;
    acme.apply(&[Step::update(Group, "i").remove(&["a"])]).await?;
    ensure_eq!(
        acme.members(User, "a", "groups").await?,
        members_of(&[("g", "direct", Some("Guides"))]),
        "the groups of a hidden user"
    );
    Ok(())
}

pub(crate) async fn a_hidden_owner_is_in_no_inverse_relation(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[
        Step::create(Group, "g").add(&["a"]),
        Step::create(Group, "h").add(&["a"]),
    ])
    .await?;
    acme.apply(&[Step::hide(Group, "g")]).await?;
    ensure_eq!(
        acme.member_ids(User, "a", "groups").await?,
        ["h"],
        "the groups of a user of whom one is hidden"
    );
    for (filter, expected) in [
        (r#"groups.value eq "g""#, &[][..]),
        (r#"groups.display eq "g""#, &[]),
        (r#"groups.value eq "h""#, &["a"]),
    ] {
        ensure_eq!(
            acme.find(User, filter).await?,
            expected,
            "the users that match `{filter}`"
        );
    }
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a"],
        "the members of the hidden group"
    );
    ensure_eq!(acme.version(User, "a").await?, 1, "the version of the member");
    acme.apply(&[Step::reveal(Group, "g")]).await?;
    ensure_eq!(
        acme.member_ids(User, "a", "groups").await?,
        ["g", "h"],
        "the groups after one was revealed"
    );
    Ok(())
}

pub(crate) async fn a_hidden_owner_that_loses_a_member_does_not_change(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"]).at(1)])
        .await?;
    acme.apply(&[Step::hide(Group, "g").at(2)]).await?;
    acme.apply(&[Step::delete(User, "a").at(3)]).await?;
    acme.apply(&[Step::hide(User, "b").at(4)]).await?;
    was_changed(acme, Group, "g", 2, minute(2)).await?;
    acme.apply(&[Step::reveal(Group, "g").at(5)]).await?;
    ensure!(
        acme.members(Group, "g", "members").await?.is_empty(),
        "a group shows members of which one was deleted and one is hidden"
    );
    acme.apply(&[Step::reveal(User, "b").at(6)]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["b"],
        "the members after both were revealed"
    );
    Ok(())
}

pub(crate) async fn hiding_happens_with_its_commit_or_not_at_all(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"])]).await?;
    acme.apply(&[Step::hide(User, "b")]).await?;
    let wrong = Step::delete(User, "nobody");
    for step in [
        Step::hide(User, "a"),
        Step::reveal(User, "b"),
        Step::delete(User, "b"),
        Step::update(Group, "g").remove(&["b"]),
        Step::update(User, "b").named("renamed"),
    ] {
        acme.refuse(&[step, wrong.clone()]).await?;
    }
    acme.apply(&[Step::reveal(User, "b")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "b"],
        "the members after commits that failed"
    );
    Ok(())
}

pub(crate) async fn a_selection_may_show_the_hidden_members(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    let mut displayed = RelationDelta::new("members".into());
    displayed.add = vec![
        (ResourceId::new("a"), Member::new().with_display("Ada")),
        (ResourceId::new("b"), Member::new()),
    ];
    acme.apply(&[
        Step::create(Group, "g").delta(displayed),
        Step::create(Group, "h").add(&["b"]),
    ])
    .await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[Step::update(Group, "h").add(&["a"]).accept_hidden()])
        .await?;
    let selection = acme.everything(Group)?.with_hidden_members();
    for (id, expected) in [
        ("g", members_of(&[("a", "User", Some("Ada"))])),
        ("h", members_of(&[("a", "User", None)])),
    ] {
        let read = acme.get_selected(Group, id, &selection).await?;
        let found = read.and_then(|stored| stored.resource.relation("members").cloned());
        ensure_eq!(found, Some(expected), "the hidden members of `{id}`");
    }
    let query = Query::first(9)
        .with_selection(selection.clone())
        .with_filter(acme.compile(Group, r#"members.value eq "b""#)?);
    let page = acme.query(Group, &query).await?;
    ensure_eq!(
        page_ids(&page)?,
        ["g", "h"],
        "the groups of a live member, when hidden ones are shown"
    );
    let shown = page.resources.first();
    let shown = shown.and_then(|stored| stored.resource.relation("members"));
    ensure_eq!(
        shown,
        Some(&members_of(&[("a", "User", Some("Ada"))])),
        "the hidden members on a page"
    );
    acme.apply(&[Step::reveal(User, "a")]).await?;
    let read = acme.get_selected(Group, "g", &selection).await?;
    let found = read.and_then(|stored| stored.resource.relation("members").cloned());
    ensure_eq!(
        found.map(|members| members.len()),
        Some(0),
        "how many hidden members a group has whose members are all live"
    );
    Ok(())
}

pub(crate) async fn a_resource_that_is_its_own_member_changes_once_when_it_is_hidden(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    acme.apply(&[Step::create(Group, "g")]).await?;
    acme.apply(&[Step::update(Group, "g").add(&["g"])]).await?;
    let outcomes = acme
        .apply(&[Step::hide(Group, "g"), Step::reveal(Group, "g")])
        .await?;
    ensure_eq!(outcomes, [Effect::Changed(3), Effect::Changed(4)], "the outcomes");
    ensure_eq!(acme.version(Group, "g").await?, 4, "the version in the end");
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["g"],
        "the members"
    );
    Ok(())
}
