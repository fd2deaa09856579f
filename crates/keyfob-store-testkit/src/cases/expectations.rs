//! A commit may depend on what it doesn't write.

use keyfob_core::Version;
use keyfob_store::{Expected, When};

use crate::{
    cases::relations::users,
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Group, User},
    step::Step,
    tenancy::{Tenancy, Tested},
};

fn version(number: u64) -> Expected {
    Expected::Version(Version::new(number))
}

pub(crate) async fn a_commit_is_made_if_everything_is_as_expected(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::update(User, "a").named("b")]).await?;
    let outcomes = acme
        .apply(&[
            Step::expect(User, "a", version(2)),
            Step::expect(User, "a", Expected::Present),
            Step::expect(User, "nobody", Expected::Absent),
            // An id of another type is no resource of this one.
            Step::expect(Group, "a", Expected::Absent),
            Step::create(Group, "g"),
        ])
        .await?;
    let expected = [
        Effect::Expected,
        Effect::Expected,
        Effect::Expected,
        Effect::Expected,
        Effect::Changed(1),
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    Ok(())
}

pub(crate) async fn a_commit_is_refused_if_something_is_not_as_expected(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g")]).await?;
    users(&acme.other("globex"), &["theirs"]).await?;
    let missing = Refusal::NotFound { change: 1 };
    let taken = Refusal::IdTaken { change: 1 };
    let stale = Refusal::VersionMismatch {
        change: 1,
        current: 1,
    };
    for (step, expected) in [
        (Step::expect(User, "a", version(0)), &stale),
        (Step::expect(User, "a", version(2)), &stale),
        (Step::expect(User, "nobody", version(1)), &missing),
        (Step::expect(User, "nobody", Expected::Present), &missing),
        (Step::expect(User, "theirs", Expected::Present), &missing),
        (Step::expect(User, "g", Expected::Present), &missing),
        (Step::expect(User, "g", version(1)), &missing),
        (Step::expect(User, "a", Expected::Absent), &taken),
        (Step::expect(Group, "g", Expected::Absent), &taken),
    ] {
        let refusal = acme
            .refuse(&[Step::create(User, "new"), step.clone(), Step::delete(User, "a")])
            .await?;
        ensure_eq!(
            refusal,
            *expected,
            "expecting {:?} of `{}`",
            step.expected,
            step.id
        );
    }
    Ok(())
}

pub(crate) async fn an_expectation_writes_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let before = acme.state().await?;
    let outcomes = acme
        .apply(&[
            Step::expect(User, "a", version(1)).at(9),
            Step::publish("changed", User, "a").of(0),
            Step::expect(Group, "g", Expected::Present),
            Step::publish("skipped", User, "a").unless(2),
            Step::expect(User, "nobody", Expected::Absent),
        ])
        .await?;
    let expected = [
        Effect::Expected,
        Effect::Suppressed,
        Effect::Expected,
        Effect::Suppressed,
        Effect::Expected,
    ];
    ensure_eq!(outcomes, expected, "the outcomes");
    acme.state()
        .await?
        .check_equal(&before, "an expectation changed something")
}

pub(crate) async fn an_expectation_sees_the_changes_before_it(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[
        Step::expect(User, "b", Expected::Absent),
        Step::create(User, "b"),
        Step::expect(User, "b", version(1)),
        Step::update(User, "b").named("renamed"),
        Step::expect(User, "b", version(2)),
        Step::delete(User, "a"),
        Step::expect(User, "a", Expected::Absent),
        Step::create(Group, "g").add(&["b"]),
        Step::delete(User, "b"),
        // The group has lost a member.
        Step::expect(Group, "g", version(2)),
    ])
    .await?;
    let refusal = acme
        .refuse(&[
            Step::expect(Group, "g", version(2)),
            Step::update(Group, "g").named("renamed"),
            Step::expect(Group, "g", version(2)),
        ])
        .await?;
    let expected = Refusal::VersionMismatch {
        change: 2,
        current: 3,
    };
    ensure_eq!(refusal, expected, "expecting the version before the commit");
    Ok(())
}

pub(crate) async fn a_hidden_resource_is_expected_to_be_there(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[
        Step::expect(User, "a", Expected::Present),
        Step::expect(User, "a", version(2)),
    ])
    .await?;
    let refusal = acme.refuse(&[Step::expect(User, "a", Expected::Absent)]).await?;
    ensure_eq!(
        refusal,
        Refusal::IdTaken { change: 0 },
        "expecting a hidden user to be absent"
    );
    let mut always = Step::publish("always", User, "a");
    always.when = When::Always;
    acme.apply(&[Step::expect(User, "a", Expected::Present), always])
        .await?;
    Ok(())
}
