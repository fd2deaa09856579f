//! Owned relations: members are put in and taken out without a look at the others.

use keyfob_core::{Member, MemberSet, Object, ResourceId};
use keyfob_store::RelationDelta;

use crate::{
    cases::versions::was_changed,
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Device, Group, User, minute},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

const UNCHANGED: Effect = Effect::Unchanged(1);

pub(crate) async fn members_are_put_in_and_taken_out(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c", "d"]).await?;
    acme.apply(&[Step::create(Group, "g1").at(1)]).await?;
    for (version, step, expected) in [
        (2, Step::update(Group, "g1").add(&["a", "b"]), vec!["a", "b"]),
        (3, Step::update(Group, "g1").add(&["c"]), vec!["a", "b", "c"]),
        (4, Step::update(Group, "g1").remove(&["a"]), vec!["b", "c"]),
        (
            5,
            Step::update(Group, "g1").delta(delta("members", &["a", "d"], &["b", "c"])),
            vec!["a", "d"],
        ),
        (6, Step::update(Group, "g1").add(&["a", "b"]), vec!["a", "b", "d"]),
        (7, Step::update(Group, "g1").remove(&["c", "d", "a"]), vec!["b"]),
        (8, Step::update(Group, "g1").remove(&["b"]), vec![]),
    ] {
        let outcomes = acme.apply(&[step.at(10)]).await?;
        ensure_eq!(
            outcomes,
            [Effect::Changed(version)],
            "the outcome of change {version}"
        );
        ensure_eq!(
            acme.member_ids(Group, "g1", "members").await?,
            expected,
            "the members at version {version}"
        );
        was_changed(acme, Group, "g1", version, minute(10)).await?;
    }
    Ok(())
}

pub(crate) async fn a_delta_that_clears_leaves_exactly_those_it_puts_in(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c", "d"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["a", "b"])]).await?;
    for (members, expected) in [
        (&["b", "c"][..], vec!["b", "c"]),
        (&["d"], vec!["d"]),
        (&["a", "b", "c", "d"], vec!["a", "b", "c", "d"]),
    ] {
        acme.apply(&[Step::update(Group, "g1").members(members)]).await?;
        ensure_eq!(
            acme.member_ids(Group, "g1", "members").await?,
            expected,
            "the members after a replacement"
        );
    }
    let outcomes = acme.apply(&[Step::update(Group, "g1").members(&[])]).await?;
    ensure_eq!(outcomes, [Effect::Changed(5)], "the outcome of an emptying");
    ensure!(
        acme.members(Group, "g1", "members").await?.is_empty(),
        "a cleared group has members"
    );
    Ok(())
}

pub(crate) async fn a_delta_that_changes_nothing_leaves_version_and_time(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[
        Step::create(Group, "g1").add(&["a", "b"]).at(1),
        Step::create(Group, "empty").at(1),
    ])
    .await?;
    for step in [
        Step::update(Group, "g1").add(&["a"]),
        Step::update(Group, "g1").add(&["b", "a"]),
        Step::update(Group, "g1").remove(&["c"]),
        Step::update(Group, "g1").remove(&["nobody", "g1"]),
        Step::update(Group, "g1").delta(delta("members", &["a"], &["c"])),
        Step::update(Group, "g1").members(&["b", "a"]),
        Step::update(Group, "g1").add(&[]),
        Step::update(Group, "empty").members(&[]),
        Step::update(Group, "empty").remove(&["a"]),
    ] {
        let outcomes = acme.apply(&[step.clone().at(9)]).await?;
        ensure_eq!(outcomes, [UNCHANGED], "the outcome of {:?}", step.relations);
        was_changed(acme, Group, step.id.as_str(), 1, minute(1)).await?;
    }
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["a", "b"],
        "the members"
    );
    Ok(())
}

pub(crate) async fn a_delta_that_changes_something_in_part_changes_the_resource(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["a", "b"])]).await?;
    for (version, step) in [
        (2, Step::update(Group, "g1").add(&["a", "c"])),
        (3, Step::update(Group, "g1").remove(&["nobody", "c"])),
        (4, Step::update(Group, "g1").members(&["a"])),
        (5, Step::update(Group, "g1").members(&["a", "b"])),
        (6, Step::update(Group, "g1").members(&["a", "c"])),
    ] {
        let outcomes = acme.apply(&[step]).await?;
        ensure_eq!(
            outcomes,
            [Effect::Changed(version)],
            "the outcome of change {version}"
        );
    }
    Ok(())
}

pub(crate) async fn a_member_has_the_name_of_its_type(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "u"),
        Step::create(Group, "g"),
        Step::create(Device, "d"),
    ])
    .await?;
    let mut lying = delta("users", &["u", "g", "d"], &[]);
    for (_, member) in &mut lying.add {
        member.kind = Some("Elephant".into());
    }
    acme.apply(&[Step::create(Device, "all").delta(lying)]).await?;
    let members = acme.members(Device, "all", "users").await?;
    let expected = members_of(&[("u", "User", None), ("g", "Group", None), ("d", "Device", None)]);
    ensure_eq!(
        members,
        expected,
        "the members, whatever type they were put in with"
    );
    Ok(())
}

pub(crate) async fn a_member_keeps_the_display_with_which_it_was_put_in(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g1").delta(displayed(&[("a", Some("Ada")), ("b", None)]))])
        .await?;
    let expected = members_of(&[("a", "User", Some("Ada")), ("b", "User", None)]);
    for (what, step) in [
        (
            "when the member is renamed",
            Step::update(User, "a")
                .named("renamed")
                .with("displayName", "Renamed"),
        ),
        (
            "when it is put in again",
            Step::update(Group, "g1").delta(displayed(&[("a", Some("Zoe")), ("b", Some("B"))])),
        ),
        ("when all are replaced", {
            let mut replacing = displayed(&[("b", Some("B")), ("a", None)]);
            replacing.clear = true;
            Step::update(Group, "g1").delta(replacing)
        }),
    ] {
        acme.apply(&[step]).await?;
        ensure_eq!(
            acme.members(Group, "g1", "members").await?,
            expected,
            "the members {what}"
        );
    }
    ensure_eq!(
        acme.version(Group, "g1").await?,
        1,
        "the version of a group whose members all stayed"
    );
    acme.apply(&[Step::update(Group, "g1").remove(&["a"])]).await?;
    acme.apply(&[Step::update(Group, "g1").delta(displayed(&[("a", Some("Zoe"))]))])
        .await?;
    let expected = members_of(&[("a", "User", Some("Zoe")), ("b", "User", None)]);
    ensure_eq!(
        acme.members(Group, "g1", "members").await?,
        expected,
        "a member that was out and is in again"
    );
    Ok(())
}

pub(crate) async fn nothing_else_of_a_member_is_kept(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    let mut rich = displayed(&[("a", Some("Ada"))]);
    for (_, member) in &mut rich.add {
        member.reference = Some("https://example.com/Users/a".into());
        member.other = Some(Box::new([("since", "2026")].into_iter().collect::<Object>()));
    }
    acme.apply(&[Step::create(Group, "g1").delta(rich)]).await?;
    let expected = members_of(&[("a", "User", Some("Ada"))]);
    ensure_eq!(
        acme.members(Group, "g1", "members").await?,
        expected,
        "what is kept of a member"
    );
    Ok(())
}

pub(crate) async fn all_unknown_members_are_named_and_nothing_is_stored(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["a"])]).await?;
    let unknown = |members: &[&str]| Refusal::UnknownMembers {
        change: 0,
        members: members.iter().map(ToString::to_string).collect(),
    };
    for (step, expected) in [
        (Step::update(Group, "g1").add(&["x"]), unknown(&["x"])),
        (
            Step::update(Group, "g1").add(&["b", "y", "a", "x", "z"]),
            unknown(&["x", "y", "z"]),
        ),
        (Step::update(Group, "g1").members(&["b", "A"]), unknown(&["A"])),
        (
            Step::update(Group, "g1").delta(delta("members", &["x"], &["a", "y"])),
            unknown(&["x"]),
        ),
        (
            Step::update(Group, "g1").add(&["b"]).named("renamed").add(&["x"]),
            unknown(&["x"]),
        ),
        (
            Step::create(Group, "g2").add(&["a", "x", "y"]),
            unknown(&["x", "y"]),
        ),
        (
            Step::create(Device, "d1")
                .delta(delta("users", &["x"], &[]))
                .delta(delta("components", &["y"], &[])),
            unknown(&["x", "y"]),
        ),
    ] {
        ensure_eq!(
            acme.refuse(std::slice::from_ref(&step)).await?,
            expected,
            "putting in {:?}",
            step.relations
        );
    }
    acme.apply(&[Step::create(Group, "g2")]).await?;
    Ok(())
}

pub(crate) async fn another_tenants_resource_is_an_unknown_member(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.other("globex")
        .apply(&[Step::create(User, "theirs")])
        .await?;
    let refusal = acme.refuse(&[Step::create(Group, "g1").add(&["theirs"])]).await?;
    let expected = Refusal::UnknownMembers {
        change: 0,
        members: vec!["theirs".to_owned()],
    };
    ensure_eq!(refusal, expected, "putting in another tenant's user");
    Ok(())
}

pub(crate) async fn who_is_of_a_type_that_a_relation_does_not_take_is_an_unknown_member(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    users(acme, &["a", "b"]).await?;
    acme.apply(&[
        Step::create(Device, "d"),
        Step::create(Group, "inner"),
        Step::create(Group, "g1").add(&["a", "inner"]),
    ])
    .await?;
    let unknown = |members: &[&str]| Refusal::UnknownMembers {
        change: 0,
        members: members.iter().map(ToString::to_string).collect(),
    };
    let components = |ids: &[&str]| delta("components", ids, &[]);
    for (step, expected) in [
        (Step::update(Group, "g1").add(&["d"]), unknown(&["d"])),
        (
            Step::update(Group, "g1").add(&["nobody", "b", "d"]),
            unknown(&["d", "nobody"]),
        ),
        (Step::update(Group, "g1").members(&["a", "d"]), unknown(&["d"])),
        (Step::create(Group, "g2").add(&["d"]), unknown(&["d"])),
        (
            Step::create(Device, "e").delta(components(&["a", "inner", "d"])),
            unknown(&["inner"]),
        ),
        // What one relation takes another need not, on one and the same resource.
        (
            Step::create(Device, "e")
                .add(&["inner"])
                .delta(components(&["inner"])),
            unknown(&["inner"]),
        ),
    ] {
        ensure_eq!(
            acme.refuse(std::slice::from_ref(&step)).await?,
            expected,
            "putting in {:?}",
            step.relations
        );
    }
    let removal = acme.apply(&[Step::update(Group, "g1").remove(&["d"])]).await?;
    ensure_eq!(
        removal,
        [Effect::Unchanged(1)],
        "taking out who can't be a member"
    );
    Ok(())
}

pub(crate) async fn a_relation_that_states_no_types_takes_any_resource(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["u"]).await?;
    acme.apply(&[
        Step::create(Group, "g"),
        Step::create(Device, "d"),
        Step::create(Device, "all").add(&["u", "g", "d"]),
    ])
    .await?;
    ensure_eq!(
        acme.member_ids(Device, "all", "users").await?,
        ["d", "g", "u"],
        "the members"
    );
    Ok(())
}

pub(crate) async fn the_type_of_a_member_is_that_of_whoever_has_the_id_by_then(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Device, "d"), Step::create(Group, "g1")])
        .await?;
    let refusal = acme
        .refuse(&[
            Step::delete(User, "a"),
            Step::create(Device, "a"),
            Step::update(Group, "g1").add(&["a"]),
        ])
        .await?;
    let expected = Refusal::UnknownMembers {
        change: 2,
        members: vec!["a".to_owned()],
    };
    ensure_eq!(refusal, expected, "a device that has the id of a user");
    acme.apply(&[
        Step::delete(Device, "d"),
        Step::create(User, "d"),
        Step::update(Group, "g1").add(&["d"]),
    ])
    .await?;
    ensure_eq!(
        acme.members(Group, "g1", "members").await?,
        members_of(&[("d", "User", None)]),
        "a user that has the id of a device"
    );
    Ok(())
}

pub(crate) async fn a_resource_is_created_with_its_members(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    let outcomes = acme
        .apply(&[
            Step::create(Group, "g1").add(&["a"]),
            Step::create(Group, "g2").members(&["a", "b"]),
        ])
        .await?;
    ensure_eq!(outcomes, [Effect::Changed(1); 2], "the outcomes");
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["a"],
        "the members of the first"
    );
    ensure_eq!(
        acme.member_ids(Group, "g2", "members").await?,
        ["a", "b"],
        "the members of the second"
    );
    Ok(())
}

pub(crate) async fn a_resource_may_be_its_own_member(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    acme.apply(&[Step::create(Group, "g1")]).await?;
    acme.apply(&[Step::update(Group, "g1").add(&["g1"])]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["g1"],
        "the members"
    );
    acme.apply(&[Step::delete(Group, "g1")]).await?;
    ensure_eq!(
        acme.get(Group, "g1").await?,
        None,
        "a group that was its own member"
    );
    acme.apply(&[Step::create(Group, "g1")]).await?;
    ensure!(
        acme.members(Group, "g1", "members").await?.is_empty(),
        "a new group of that id has members"
    );
    Ok(())
}

pub(crate) async fn relations_of_one_resource_are_apart(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Device, "part")]).await?;
    let both = Step::create(Device, "d1")
        .add(&["a", "part"])
        .delta(delta("components", &["part"], &[]));
    acme.apply(&[both]).await?;
    acme.apply(&[Step::update(Device, "d1")
        .remove(&["part"])
        .delta(delta("components", &["b"], &["a"]))])
        .await?;
    ensure_eq!(acme.member_ids(Device, "d1", "users").await?, ["a"], "`users`");
    ensure_eq!(
        acme.member_ids(Device, "d1", "components").await?,
        ["b", "part"],
        "`components`"
    );
    ensure_eq!(
        acme.version(Device, "d1").await?,
        2,
        "the version after deltas of two relations"
    );
    Ok(())
}

pub(crate) async fn deltas_of_one_change_are_applied_in_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["a"])]).await?;
    acme.apply(&[Step::update(Group, "g1")
        .add(&["b"])
        .remove(&["a"])
        .add(&["c"])
        .remove(&["b"])])
        .await?;
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["c"],
        "the members"
    );
    ensure_eq!(acme.version(Group, "g1").await?, 2, "the version");
    Ok(())
}

pub(crate) async fn a_new_document_leaves_the_members(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g1").delta(displayed(&[("a", Some("Ada")), ("b", None)]))])
        .await?;
    acme.apply(&[Step::update(Group, "g1").named("renamed")]).await?;
    let expected = members_of(&[("a", "User", Some("Ada")), ("b", "User", None)]);
    ensure_eq!(
        acme.members(Group, "g1", "members").await?,
        expected,
        "the members of a renamed group"
    );
    Ok(())
}

pub(crate) async fn a_group_may_have_thousands_of_members(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let ids: Vec<String> = (0..5_000).map(|number| format!("u{number:04}")).collect();
    let creations: Vec<Step> = ids.iter().map(|id| Step::create(User, id)).collect();
    acme.apply(&creations).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    acme.apply(&[Step::create(Group, "g1").add(&ids)]).await?;
    ensure_eq!(acme.member_ids(Group, "g1", "members").await?, ids, "all members");
    acme.apply(&[Step::update(Group, "g1").remove(&["u0000", "u2500", "u4999"])])
        .await?;
    let limited = acme.everything(Group)?.with_relation_limit(4_996);
    let stored = acme.get_selected(Group, "g1", &limited).await?;
    ensure!(
        stored.is_some_and(|stored| stored.resource.relation("members").is_none()),
        "a relation of 4,997 members is given back although the limit is 4,996"
    );
    ensure_eq!(
        acme.members(Group, "g1", "members").await?.len(),
        4_997,
        "how many are left"
    );
    ensure_eq!(
        acme.find(Group, r#"members.value eq "u4998""#).await?,
        ["g1"],
        "the groups of a member"
    );
    acme.apply(&[Step::update(Group, "g1").members(&["u0001"])])
        .await?;
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["u0001"],
        "the members after a replacement"
    );
    Ok(())
}

/// Creates users.
pub(crate) async fn users(acme: &Tenancy<'_, impl Tested>, ids: &[&str]) -> Verdict {
    let steps: Vec<Step> = ids.iter().map(|id| Step::create(User, id)).collect();
    acme.apply(&steps).await?;
    Ok(())
}

/// Members as they are given back.
pub(crate) fn members_of(members: &[(&str, &str, Option<&str>)]) -> MemberSet {
    let members = members.iter().map(|(id, kind, display)| {
        let mut member = Member::new().with_kind(*kind);
        member.display = display.map(Into::into);
        (ResourceId::new(*id), member)
    });
    members.collect()
}

/// A delta that puts members into a group with what they are called.
fn displayed(members: &[(&str, Option<&str>)]) -> RelationDelta {
    let mut delta = RelationDelta::new("members".into());
    delta.add = members
        .iter()
        .map(|(id, display)| {
            let mut member = Member::new();
            member.display = display.map(Into::into);
            (ResourceId::new(*id), member)
        })
        .collect();
    delta
}
