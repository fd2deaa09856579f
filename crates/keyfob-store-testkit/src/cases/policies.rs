//! What becomes of members that are not live resources.

use keyfob_store::Outcome;

use crate::{
    cases::relations::users,
    effect::Refusal,
    failure::{Failure, Verdict},
    fixture::{Device, Group, User},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
    upkeep::texts,
};

pub(crate) async fn unknown_members_are_left_out_and_named_where_the_policy_skips_them(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c"]).await?;
    users(&acme.other("globex"), &["theirs"]).await?;
    for (step, joined, unknown, members) in [
        (
            Step::create(Group, "g").add(&["x", "a", "y"]),
            &["a"][..],
            &["x", "y"][..],
            &["a"][..],
        ),
        (
            Step::update(Group, "g").add(&["theirs", "a", "b"]),
            &["b"],
            &["theirs"],
            &["a", "b"],
        ),
        (
            Step::update(Group, "g").members(&["b", "c", "x"]),
            &["c"],
            &["x"],
            &["b", "c"],
        ),
        (
            Step::update(Group, "g")
                .add(&["x", "a"])
                .remove(&["b"])
                .add(&["x"]),
            &["a"],
            &["x"],
            &["a", "c"],
        ),
        (Step::update(Group, "g").members(&["x"]), &[], &["x"], &[]),
    ] {
        let outcome = one(acme, step.skip_unknown()).await?;
        match outcome {
            Outcome::Changed {
                joined: found_joined,
                unknown: mut found_unknown,
                ..
            } => {
                found_unknown.sort();
                ensure_eq!(texts(&found_joined.ids), joined, "who joined");
                ensure_eq!(texts(&found_unknown), unknown, "who is unknown");
            }
            other => return Err(Failure::new(format!("the outcome of a change is {other:?}"))),
        }
        ensure_eq!(
            acme.member_ids(Group, "g", "members").await?,
            members,
            "the members"
        );
    }
    Ok(())
}

pub(crate) async fn a_change_of_unknown_members_alone_changes_nothing(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    let outcome = one(
        acme,
        Step::update(Group, "g").add(&["x", "a"]).skip_unknown().at(9),
    )
    .await?;
    match outcome {
        Outcome::Unchanged { revision, unknown } => {
            ensure_eq!(revision.version.number(), 1, "the version");
            ensure_eq!(texts(&unknown), ["x"], "who is unknown");
        }
        other => return Err(Failure::new(format!("the outcome is {other:?}"))),
    }
    Ok(())
}

pub(crate) async fn members_of_a_type_that_a_relation_does_not_take_are_unknown_to_the_policy(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a"]).await?;
    acme.apply(&[Step::create(Device, "d")]).await?;
    let outcome = one(
        acme,
        Step::create(Group, "g")
            .add(&["d", "a"])
            .skip_unknown()
            .accept_hidden(),
    )
    .await?;
    match outcome {
        Outcome::Changed { unknown, .. } => ensure_eq!(texts(&unknown), ["d"], "who is unknown"),
        other => return Err(Failure::new(format!("the outcome is {other:?}"))),
    }
    let outcome = one(
        acme,
        Step::create(Device, "e")
            .delta(delta("users", &["g"], &[]))
            .delta(delta("components", &["g", "d"], &[]))
            .skip_unknown(),
    )
    .await?;
    match outcome {
        Outcome::Changed { unknown, .. } => ensure_eq!(texts(&unknown), ["g"], "who is unknown"),
        other => return Err(Failure::new(format!("the outcome is {other:?}"))),
    }
    ensure_eq!(
        acme.member_ids(Device, "e", "users").await?,
        ["g"],
        "the members of the relation that takes any resource"
    );
    ensure_eq!(
        acme.member_ids(Device, "e", "components").await?,
        ["d"],
        "the members of the relation that doesn't"
    );
    Ok(())
}

pub(crate) async fn hidden_members_are_unknown_unless_they_are_accepted(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "hidden"]).await?;
    acme.apply(&[Step::create(Group, "g").add(&["a"])]).await?;
    acme.apply(&[Step::hide(User, "hidden")]).await?;
    for step in [
        Step::update(Group, "g").add(&["b", "hidden"]),
        Step::create(Group, "h").add(&["hidden"]),
    ] {
        let refusal = acme.refuse(&[step]).await?;
        ensure_eq!(refusal, Refusal::unknown(&["hidden"]), "putting in a hidden user");
    }
    let outcome = one(
        acme,
        Step::update(Group, "g").add(&["hidden", "b"]).skip_unknown(),
    )
    .await?;
    match outcome {
        Outcome::Changed { joined, unknown, .. } => {
            ensure_eq!(texts(&joined.ids), ["b"], "who joined");
            ensure_eq!(texts(&unknown), ["hidden"], "who is unknown");
        }
        other => return Err(Failure::new(format!("the outcome is {other:?}"))),
    }
    acme.apply(&[Step::reveal(User, "hidden")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "b"],
        "the members after the user was revealed"
    );
    Ok(())
}

pub(crate) async fn accepted_hidden_members_are_seen_when_they_are_revealed(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "hidden"]).await?;
    acme.apply(&[Step::create(Group, "g")]).await?;
    acme.apply(&[Step::hide(User, "hidden")]).await?;
    let outcome = one(
        acme,
        Step::update(Group, "g").add(&["hidden"]).accept_hidden().at(5),
    )
    .await?;
    match outcome {
        Outcome::Unchanged { revision, unknown } => {
            ensure_eq!(revision.version.number(), 1, "the version");
            ensure!(unknown.is_empty(), "an accepted member is unknown");
        }
        other => {
            return Err(Failure::new(format!(
                "putting a hidden member in has the outcome {other:?}"
            )));
        }
    }
    let outcome = one(
        acme,
        Step::update(Group, "g").add(&["a", "hidden"]).accept_hidden(),
    )
    .await?;
    match outcome {
        Outcome::Changed { joined, .. } => ensure_eq!(texts(&joined.ids), ["a"], "who joined"),
        other => return Err(Failure::new(format!("the outcome is {other:?}"))),
    }
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a"],
        "the members while one is hidden"
    );
    acme.apply(&[Step::create(Group, "h").add(&["hidden"]).accept_hidden()])
        .await?;
    acme.apply(&[Step::reveal(User, "hidden")]).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "hidden"],
        "the members after the user was revealed"
    );
    ensure_eq!(
        acme.member_ids(User, "hidden", "groups").await?,
        ["g", "h"],
        "the groups of the user"
    );
    let refusal = acme
        .refuse(&[Step::update(Group, "g").add(&["nobody"]).accept_hidden()])
        .await?;
    ensure_eq!(
        refusal,
        Refusal::unknown(&["nobody"]),
        "putting in nobody where hidden members are accepted"
    );
    Ok(())
}

/// Makes one change that the store has to accept.
async fn one(acme: &Tenancy<'_, impl Tested>, step: Step) -> Result<Outcome, Failure> {
    let outcomes = acme.outcomes(&[step]).await?;
    outcomes
        .into_iter()
        .next()
        .ok_or_else(|| Failure::new("a change has no outcome"))
}
