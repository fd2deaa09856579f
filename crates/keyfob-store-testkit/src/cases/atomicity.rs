//! A commit is applied whole or not at all, and each of its changes sees those before it.

use keyfob_core::Version;
use keyfob_store::{Expected, When};

use crate::{
    cases::relations::users,
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Device, Group, User},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
};

/// Changes of every sort that can be applied to the [`stage`].
fn applicable(acme: &Tenancy<'_, impl Tested>) -> Vec<Step> {
    let mut steps = vec![
        Step::create(User, "new").with("externalId", "new"),
        Step::publish("created", User, "new").of(0),
        Step::update(User, "a")
            .named("renamed")
            .with("displayName", "Renamed"),
        Step::update(Group, "g1").members(&["b", "new"]),
        Step::update(Group, "g2").named("g2").add(&["a"]).remove(&["b"]),
        Step::delete(User, "c"),
        Step::create(User, "d").named("c"),
        Step::delete(Group, "g3"),
        Step::create(Group, "g3").named("again").add(&["a"]),
        Step::create(Device, "c").add(&["d"]),
        Step::publish("done", User, "a"),
    ];
    keep(acme, &mut steps);
    steps
}

/// Leaves out the steps of types that the store doesn't keep.
fn keep(acme: &Tenancy<'_, impl Tested>, steps: &mut Vec<Step>) {
    let kinds = acme.kinds();
    steps.retain(|step| kinds.contains(&step.kind));
}

/// Why a change is refused, by its place.
type RefusalAt = fn(usize) -> Refusal;

/// Changes that can't be applied wherever they stand among the [`applicable`], with why.
fn inapplicable(acme: &Tenancy<'_, impl Tested>) -> Vec<(Step, RefusalAt)> {
    let mut wrong: Vec<(Step, RefusalAt)> = vec![
        (Step::update(User, "nobody").named("x"), |change| {
            Refusal::NotFound { change }
        }),
        (Step::delete(User, "g1"), |change| Refusal::NotFound { change }),
        (Step::create(User, "b").named("x"), |change| Refusal::IdTaken {
            change,
        }),
        (Step::update(User, "b").named("x").precondition(7), |change| {
            Refusal::VersionMismatch { change, current: 1 }
        }),
        (Step::create(User, "x").named("B"), |change| Refusal::Uniqueness {
            change,
            attribute: "userName".to_owned(),
        }),
        (Step::create(Group, "x").add(&["b", "nobody"]), |change| {
            Refusal::UnknownMembers {
                change,
                members: vec!["nobody".to_owned()],
            }
        }),
        (
            Step::expect(User, "b", Expected::Version(Version::new(7))),
            |change| Refusal::VersionMismatch { change, current: 1 },
        ),
        (Step::expect(User, "b", Expected::Absent), |change| {
            Refusal::IdTaken { change }
        }),
    ];
    if acme.kinds().contains(&Device) {
        wrong.push((Step::create(Group, "x").add(&["b", "device"]), |change| {
            Refusal::UnknownMembers {
                change,
                members: vec!["device".to_owned()],
            }
        }));
    }
    wrong
}

async fn stage(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    let mut steps = vec![
        Step::create(Group, "g1").add(&["a", "b", "c"]),
        Step::create(Group, "g2").add(&["b"]),
        Step::create(Group, "g3").add(&["c"]),
        Step::create(Device, "device").add(&["a"]),
        Step::publish("staged", Group, "g1"),
    ];
    keep(acme, &mut steps);
    acme.apply(&steps).await?;
    Ok(())
}

pub(crate) async fn a_commit_that_fails_at_any_place_changes_nothing(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (wrong, refusal) in inapplicable(acme) {
        for place in 0..=applicable(acme).len() {
            let mut steps = applicable(acme);
            steps.insert(place, wrong.clone());
            // The creation stays at place 0 of the commit, so that the event is about it, or else it moves on by one.
            for step in &mut steps {
                if let When::Changed(change) = &mut step.when {
                    *change += usize::from(place == 0);
                }
            }
            ensure_eq!(
                acme.refuse(&steps).await?,
                refusal(place),
                "a wrong change at place {place}"
            );
        }
    }
    acme.apply(&applicable(acme)).await?;
    Ok(())
}

pub(crate) async fn a_failed_commit_frees_and_takes_no_value(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    let wrong = Step::delete(User, "nobody");
    acme.refuse(&[
        Step::update(User, "a").named("fresh"),
        Step::delete(User, "b"),
        wrong.clone(),
    ])
    .await?;
    acme.refuse(&[Step::create(User, "x").named("fresh"), wrong])
        .await?;
    for name in ["a", "b"] {
        let refusal = acme.refuse(&[Step::create(User, "x").named(name)]).await?;
        let expected = Refusal::Uniqueness {
            change: 0,
            attribute: "userName".to_owned(),
        };
        ensure_eq!(
            refusal,
            expected,
            "taking `{name}`, which a failed commit would have freed"
        );
    }
    acme.apply(&[Step::create(User, "x").named("fresh")]).await?;
    Ok(())
}

pub(crate) async fn a_failed_commit_leaves_the_edges_at_both_ends(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    let wrong = Step::delete(User, "nobody");
    for step in [
        Step::update(Group, "g1").members(&[]),
        Step::update(Group, "g2").members(&["a"]),
        Step::update(Group, "g1").remove(&["a", "c"]),
        Step::delete(Group, "g1"),
        Step::delete(User, "a"),
    ] {
        acme.refuse(&[step, wrong.clone()]).await?;
        ensure_eq!(
            acme.member_ids(Group, "g1", "members").await?,
            ["a", "b", "c"],
            "the members of g1"
        );
        ensure_eq!(
            acme.member_ids(User, "a", "groups").await?,
            ["g1"],
            "the groups of a"
        );
        ensure_eq!(
            acme.member_ids(User, "b", "groups").await?,
            ["g1", "g2"],
            "the groups of b"
        );
        ensure_eq!(
            acme.find(Group, r#"members.value eq "a""#).await?,
            ["g1"],
            "the groups found by a member"
        );
    }
    acme.apply(&[Step::delete(User, "a")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g1", "members").await?,
        ["b", "c"],
        "the members after a deletion"
    );
    Ok(())
}

pub(crate) async fn a_failed_commit_leaves_what_filters_find(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[
        Step::create(User, "a").with("externalId", "1"),
        Step::create(User, "b").with("externalId", "2"),
    ])
    .await?;
    let wrong = Step::delete(User, "nobody");
    acme.refuse(&[
        Step::update(User, "a").named("c").with("externalId", "3"),
        wrong.clone(),
    ])
    .await?;
    acme.refuse(&[Step::delete(User, "b"), wrong.clone()]).await?;
    acme.refuse(&[Step::create(User, "d").with("externalId", "4"), wrong])
        .await?;
    for (filter, expected) in [
        (r#"userName eq "a""#, &["a"][..]),
        (r#"userName eq "c""#, &[]),
        (r#"externalId eq "1""#, &["a"]),
        (r#"externalId eq "2""#, &["b"]),
        (r#"externalId eq "3""#, &[]),
        (r#"externalId eq "4""#, &[]),
        (r#"id eq "b""#, &["b"]),
        (r#"id eq "d""#, &[]),
        ("userName pr", &["a", "b"]),
    ] {
        ensure_eq!(
            acme.find(User, filter).await?,
            expected,
            "`{filter}` after failed commits"
        );
    }
    Ok(())
}

pub(crate) async fn a_failed_commit_publishes_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    let wrong = Step::delete(User, "nobody");
    acme.refuse(&[Step::publish("lost", User, "a"), wrong]).await?;
    ensure_eq!(acme.events().await?, [], "the events");
    Ok(())
}

pub(crate) async fn a_change_sees_the_changes_before_it(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let outcomes = acme
        .apply(&[
            Step::create(User, "a"),
            Step::update(User, "a").named("second").precondition(1),
            Step::update(User, "a").named("third").precondition(2),
            Step::create(Group, "g").add(&["a"]),
            Step::update(Group, "g").add(&["a"]),
            Step::update(Group, "g").remove(&["a"]).precondition(1),
            Step::delete(User, "a").precondition(3),
            Step::create(User, "a").named("again"),
        ])
        .await?;
    let expected = [
        Effect::Changed(1),
        Effect::Changed(2),
        Effect::Changed(3),
        Effect::Changed(1),
        Effect::Unchanged(1),
        Effect::Changed(2),
        Effect::Deleted,
        Effect::Changed(4),
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    let stored = acme.read(User, "a").await?;
    ensure_eq!(
        stored.resource.core().get_str("userName"),
        Some("again"),
        "what is there in the end"
    );
    let stale = [
        Step::update(User, "a").named("x"),
        Step::update(User, "a").named("y").precondition(4),
    ];
    let expected = Refusal::VersionMismatch {
        change: 1,
        current: 5,
    };
    ensure_eq!(
        acme.refuse(&stale).await?,
        expected,
        "demanding the version before the commit"
    );
    Ok(())
}

pub(crate) async fn a_member_may_be_created_earlier_in_the_commit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.needs_nested_groups()?;
    acme.apply(&[
        Step::create(User, "u"),
        Step::create(Device, "part"),
        Step::create(Group, "g").add(&["u"]),
        Step::create(Device, "d")
            .add(&["u", "g"])
            .delta(delta("components", &["part"], &[])),
        Step::create(Group, "h"),
        Step::update(Group, "g").add(&["h"]),
    ])
    .await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["h", "u"],
        "the members of the group"
    );
    ensure_eq!(
        acme.member_ids(Device, "d", "users").await?,
        ["g", "u"],
        "the users of the device"
    );
    let late = [
        Step::create(Group, "i").add(&["later"]),
        Step::create(User, "later"),
    ];
    let expected = Refusal::UnknownMembers {
        change: 0,
        members: vec!["later".to_owned()],
    };
    ensure_eq!(
        acme.refuse(&late).await?,
        expected,
        "a member that is created after it is put in"
    );
    Ok(())
}

pub(crate) async fn a_member_that_was_deleted_earlier_in_the_commit_is_unknown(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let refusal = acme
        .refuse(&[Step::delete(User, "a"), Step::update(Group, "g").add(&["a", "b"])])
        .await?;
    let expected = Refusal::UnknownMembers {
        change: 1,
        members: vec!["a".to_owned()],
    };
    ensure_eq!(refusal, expected, "putting in who was deleted just now");
    let outcomes = acme
        .apply(&[Step::delete(User, "a"), Step::update(Group, "g").remove(&["a"])])
        .await?;
    let expected = [Effect::Deleted, Effect::Unchanged(2)];
    ensure_eq!(outcomes, expected, "taking out who was deleted just now");
    Ok(())
}

pub(crate) async fn a_commit_of_nothing_does_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    ensure_eq!(acme.apply(&[]).await?, [], "the outcomes of an empty commit");
    users(acme, &["a"]).await?;
    ensure_eq!(acme.apply(&[]).await?, [], "the outcomes of an empty commit");
    let state = acme.state().await?;
    ensure!(
        state.events.is_none_or(|events| events.is_empty()),
        "a commit of nothing published events"
    );
    Ok(())
}
