//! What a commit says of its changes comes from the transaction.

use keyfob_core::ResourceId;
use keyfob_store::{Listed, Outcome};

use crate::{
    cases::{events::crowd, relations::users},
    failure::{Failure, Verdict},
    fixture::{Group, Kind, User, minute},
    step::{Step, delta},
    tenancy::{Tenancy, Tested},
    upkeep::texts,
};

pub(crate) async fn an_outcome_has_the_revision_of_its_resource(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let created = acme.outcomes(&[Step::create(User, "a").at(1)]).await?;
    is_of(acme, &created, User, "a").await?;
    let changed = acme.outcomes(&[Step::update(User, "a").named("b").at(2)]).await?;
    is_of(acme, &changed, User, "a").await?;
    let unchanged = acme.outcomes(&[Step::update(User, "a").at(3)]).await?;
    is_of(acme, &unchanged, User, "a").await?;
    acme.outcomes(&[Step::create(Group, "g").add(&["a"]).at(4)])
        .await?;
    let related = acme
        .outcomes(&[Step::update(Group, "g").remove(&["a"]).at(5)])
        .await?;
    is_of(acme, &related, Group, "g").await?;
    let gone = acme.outcomes(&[Step::delete(User, "a").at(6)]).await?;
    ensure_eq!(
        gone.first().and_then(Outcome::revision),
        None,
        "the revision of a deleted user"
    );
    Ok(())
}

pub(crate) async fn an_outcome_names_those_who_effectively_joined_and_left(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    users(acme, &["a", "b", "c", "d"]).await?;
    for (step, joined, left) in [
        (
            Step::create(Group, "g").add(&["b", "a"]),
            &["b", "a"][..],
            &[][..],
        ),
        (Step::update(Group, "g").add(&["a", "d", "c"]), &["d", "c"], &[]),
        (
            Step::update(Group, "g").remove(&["nobody", "c", "a"]),
            &[],
            &["c", "a"],
        ),
        (
            Step::update(Group, "g").delta(delta("members", &["a", "b"], &["d", "c"])),
            &["a"],
            &["d"],
        ),
        (Step::update(Group, "g").members(&["c", "b"]), &["c"], &["a"]),
        (Step::update(Group, "g").named("renamed"), &[], &[]),
        (Step::update(Group, "g").members(&[]), &[], &["b", "c"]),
    ] {
        let (mut found_joined, mut found_left) = related(acme, &step).await?;
        if step.relations.iter().any(|delta| delta.clear) {
            // Whom a delta clears is named by nobody, so any order is right.
            found_joined.ids.sort();
            found_left.ids.sort();
        }
        ensure_eq!(
            (texts(&found_joined.ids), texts(&found_left.ids)),
            (joined.to_vec(), left.to_vec()),
            "who joined and left by {:?}",
            step.relations
        );
        ensure_eq!(
            (found_joined.count, found_left.count),
            (joined.len(), left.len()),
            "how many joined and left by {:?}",
            step.relations
        );
    }
    Ok(())
}

pub(crate) async fn an_outcome_lists_a_hundred_members_and_counts_all(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let ids = crowd(acme).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (first, _) = ids.split_at(Listed::MAX);
    for (step, joins) in [
        (Step::create(Group, "g").add(&ids), true),
        (Step::update(Group, "g").remove(&ids), false),
    ] {
        let (joined, left) = related(acme, &step).await?;
        let (all, none) = if joins { (joined, left) } else { (left, joined) };
        ensure_eq!(
            texts(&all.ids),
            first,
            "the first hundred, in the order in which they were named"
        );
        ensure_eq!(all.count, ids.len(), "how many they are");
        ensure!(none.is_empty(), "a change in one direction has members in both");
    }
    acme.apply(&[Step::update(Group, "g").add(&ids)]).await?;
    let (_, left) = related(acme, &Step::update(Group, "g").members(&[])).await?;
    ensure_eq!(
        (left.ids.len(), left.count),
        (Listed::MAX, ids.len()),
        "how many are listed and counted when all are cleared"
    );
    Ok(())
}

/// Makes one change and gives who joined and left.
async fn related(acme: &Tenancy<'_, impl Tested>, step: &Step) -> Result<(Listed, Listed), Failure> {
    match acme
        .outcomes(std::slice::from_ref(step))
        .await?
        .into_iter()
        .next()
    {
        Some(Outcome::Changed {
            joined,
            left,
            unknown,
            ..
        }) => {
            ensure_eq!(unknown, [] as [ResourceId; 0], "the unknown members");
            Ok((joined, left))
        }
        other => Err(Failure::new(format!("a change has the outcome {other:?}"))),
    }
}

/// Checks that the revision of an outcome is what is read.
async fn is_of(acme: &Tenancy<'_, impl Tested>, outcomes: &[Outcome], kind: Kind, id: &str) -> Verdict {
    let revision = outcomes.first().and_then(Outcome::revision);
    let revision = revision.ok_or_else(|| Failure::new("a change has no revision"))?;
    let stored = acme.read(kind, id).await?;
    let meta = stored.resource.meta().unwrap_or_default();
    ensure_eq!(revision.id.as_str(), id, "the id of the revision");
    ensure_eq!(revision.version, stored.version, "the version of the revision");
    ensure_eq!(Some(revision.created), meta.created, "when it was created");
    ensure_eq!(
        Some(revision.last_modified),
        meta.last_modified,
        "when it last changed"
    );
    ensure!(
        revision.last_modified > minute(0),
        "a revision has the time {}",
        revision.last_modified
    );
    Ok(())
}
