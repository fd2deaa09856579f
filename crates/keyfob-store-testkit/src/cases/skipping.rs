//! Changes that a commit goes on without.

use keyfob_store::Cause;

use crate::{
    cases::{events::names, relations::users},
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Group, User},
    step::Step,
    tenancy::{Tenancy, Tested},
};

/// Changes of the [`stage`] that are refused, with the causes.
fn refused() -> Vec<(Step, Cause)> {
    vec![
        (Step::update(User, "nobody").named("x"), Cause::Missing),
        (Step::update(User, "g").named("x"), Cause::Missing),
        (Step::delete(User, "nobody"), Cause::Missing),
        (Step::create(User, "a").named("x"), Cause::IdTaken),
        (Step::create(Group, "a"), Cause::IdTaken),
        (Step::create(User, "x").named("B"), Cause::ValueTaken),
        (
            Step::update(User, "a").named("B").with("externalId", "lost"),
            Cause::ValueTaken,
        ),
        (Step::update(User, "a").named("x").precondition(7), Cause::Version),
        (Step::delete(User, "a").precondition(7), Cause::Version),
        (
            Step::update(Group, "g").named("x").add(&["b", "nobody"]),
            Cause::UnknownMembers,
        ),
        (
            Step::create(Group, "x").add(&["b", "nobody"]),
            Cause::UnknownMembers,
        ),
    ]
}

const CAUSES: [(Cause, &[Cause]); 5] = [
    (Cause::Missing, &[Cause::Missing]),
    (Cause::IdTaken, &[Cause::IdTaken]),
    (Cause::ValueTaken, &[Cause::ValueTaken]),
    (Cause::Version, &[Cause::Version]),
    (Cause::UnknownMembers, &[Cause::UnknownMembers]),
];
const ALL: &[Cause] = &[
    Cause::Missing,
    Cause::IdTaken,
    Cause::ValueTaken,
    Cause::Version,
    Cause::UnknownMembers,
];

async fn stage(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    Ok(())
}

pub(crate) async fn a_change_is_skipped_for_the_causes_that_it_names(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    let before = acme.state().await?;
    for (step, cause) in refused() {
        let own = CAUSES.iter().find(|(of, _)| *of == cause);
        for causes in own.map(|(_, own)| *own).into_iter().chain([ALL]) {
            let outcomes = acme.apply(&[step.clone().or_skip(causes)]).await?;
            ensure_eq!(
                outcomes,
                [Effect::Skipped(cause)],
                "the outcome of {:?} of `{}`",
                step.action,
                step.id
            );
            acme.state()
                .await?
                .check_equal(&before, "a skipped change left something")?;
        }
    }
    Ok(())
}

pub(crate) async fn a_commit_fails_for_the_causes_that_a_change_does_not_name(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    for (step, cause) in refused() {
        for (other, causes) in CAUSES {
            if other != cause {
                let refusal = acme.refuse(&[step.clone().or_skip(causes)]).await?;
                ensure_eq!(
                    refusal.cause(),
                    cause,
                    "why a commit failed that skips {causes:?}"
                );
            }
        }
        let refusal = acme.refuse(&[step.or_skip(&[])]).await?;
        ensure_eq!(refusal.cause(), cause, "why a commit failed that skips nothing");
    }
    Ok(())
}

pub(crate) async fn later_changes_see_nothing_of_a_skipped_one(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    // What a skipped change would have reserved, put in, taken out or created is as it was.
    let skipped = Step::create(Group, "x")
        .keys(&[("displayName", "x")])
        .add(&["b", "nobody"])
        .or_skip(ALL);
    let outcomes = acme
        .apply(&[
            skipped.clone(),
            Step::create(User, "x"),
            Step::create(Group, "y").keys(&[("displayName", "x")]),
            Step::update(User, "a").named("B").or_skip(ALL),
            Step::update(User, "a").named("second").precondition(1),
            Step::update(Group, "g")
                .remove(&["a"])
                .add(&["nobody"])
                .or_skip(ALL),
            Step::update(Group, "g").add(&["a"]),
            Step::delete(User, "b").precondition(9).or_skip(ALL),
            Step::update(Group, "g").add(&["b"]).precondition(1),
        ])
        .await?;
    let expected = [
        Effect::Skipped(Cause::UnknownMembers),
        Effect::Changed(1),
        Effect::Changed(1),
        Effect::Skipped(Cause::ValueTaken),
        Effect::Changed(2),
        Effect::Skipped(Cause::UnknownMembers),
        Effect::Unchanged(1),
        Effect::Skipped(Cause::Version),
        Effect::Changed(2),
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    let refusal = acme
        .refuse(&[
            Step::create(User, "z").named("B").or_skip(ALL),
            Step::update(Group, "g").add(&["z"]),
        ])
        .await?;
    let unknown = Refusal::UnknownMembers {
        change: 1,
        members: vec!["z".to_owned()],
    };
    ensure_eq!(refusal, unknown, "putting in whose creation was skipped");
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "b"],
        "the members"
    );
    Ok(())
}

pub(crate) async fn the_changes_around_a_skipped_one_are_made(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    for (place, (step, cause)) in refused().into_iter().enumerate() {
        let (first, last) = (format!("first {place}"), format!("last {place}"));
        let outcomes = acme
            .apply(&[
                Step::create(User, &first),
                step.or_skip(ALL),
                Step::create(User, &last),
            ])
            .await?;
        ensure_eq!(
            outcomes,
            [Effect::Changed(1), Effect::Skipped(cause), Effect::Changed(1)],
            "the outcomes around a skipped change"
        );
        acme.read(User, &first).await?;
        acme.read(User, &last).await?;
    }
    Ok(())
}

pub(crate) async fn an_event_is_published_instead_of_a_skipped_change(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.events().await?;
    stage(acme).await?;
    let outcomes = acme
        .apply(&[
            Step::create(User, "x").named("B").or_skip(ALL),
            Step::publish("created", User, "x").of(0),
            Step::publish("name conflict", User, "x").unless(0),
            Step::create(User, "y").or_skip(ALL),
            Step::publish("created", User, "y").of(3),
            Step::publish("name conflict", User, "y").unless(3),
            Step::update(User, "y").or_skip(ALL),
            Step::publish("unchanged is not skipped", User, "y").unless(6),
        ])
        .await?;
    let expected = [
        Effect::Skipped(Cause::ValueTaken),
        Effect::Suppressed,
        Effect::Published,
        Effect::Changed(1),
        Effect::Published,
        Effect::Suppressed,
        Effect::Unchanged(1),
        Effect::Suppressed,
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    let events = acme.events().await?;
    ensure_eq!(names(&events), ["name conflict", "created"], "the events");
    ensure_eq!(
        events.first().map(|event| event.version),
        Some(None),
        "the version of an event about a skipped change"
    );
    Ok(())
}
