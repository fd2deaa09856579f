//! Versions grow by one with each change, and a change may demand the version that it finds.

use keyfob_core::{DateTime, EntityTag};

use keyfob_store::Outcome;

use crate::{
    effect::{Effect, Refusal},
    failure::Verdict,
    fixture::{Group, Kind, User, minute},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn an_update_replaces_the_document_and_makes_the_next_version(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "u1").with("title", "Guide").at(1)])
        .await?;
    let outcomes = acme
        .apply(&[Step::update(User, "u1").named("ada").with("nickName", "a").at(2)])
        .await?;
    ensure_eq!(outcomes, [Effect::Changed(2)], "the outcome of an update");
    let stored = acme.read(User, "u1").await?;
    let core = stored.resource.core();
    ensure_eq!(core.get_str("userName"), Some("ada"), "userName");
    ensure_eq!(core.get_str("nickName"), Some("a"), "nickName");
    ensure_eq!(
        core.get("title"),
        None,
        "an attribute that the new document doesn't have"
    );
    was_changed(acme, User, "u1", 2, minute(2)).await?;
    ensure_eq!(
        created(acme, User, "u1").await?,
        Some(minute(1)),
        "meta.created after an update"
    );
    Ok(())
}

pub(crate) async fn each_update_makes_one_version(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "u1"), Step::create(Group, "g1")])
        .await?;
    let both = acme
        .apply(&[Step::update(Group, "g1").named("renamed").add(&["u1"]).at(3)])
        .await?;
    ensure_eq!(
        both,
        [Effect::Changed(2)],
        "an update of the document and of a relation"
    );
    let twice = [
        Step::update(Group, "g1").named("a").at(4),
        Step::update(Group, "g1").named("b").at(5),
    ];
    let outcomes = acme.apply(&twice).await?;
    let expected = [3, 4].map(Effect::Changed);
    ensure_eq!(outcomes, expected, "two updates in one commit");
    was_changed(acme, Group, "g1", 4, minute(5)).await
}

pub(crate) async fn an_update_without_a_document_leaves_the_document(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[
        Step::create(User, "u1"),
        Step::create(Group, "g1").with("externalId", "e"),
    ])
    .await?;
    let outcomes = acme
        .apply(&[Step::update(Group, "g1").add(&["u1"]).at(9)])
        .await?;
    ensure_eq!(
        outcomes,
        [Effect::Changed(2)],
        "the outcome of a change of members"
    );
    let stored = acme.read(Group, "g1").await?;
    ensure_eq!(
        stored.resource.core().get_str("displayName"),
        Some("g1"),
        "displayName"
    );
    ensure_eq!(
        stored.resource.core().get_str("externalId"),
        Some("e"),
        "externalId"
    );
    was_changed(acme, Group, "g1", 2, minute(9)).await
}

pub(crate) async fn the_time_of_a_change_does_not_go_back(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "a").at(9), Step::create(User, "b")])
        .await?;
    acme.apply(&[Step::create(Group, "g").add(&["a", "b"]).at(9)])
        .await?;
    // By a clock that is behind.
    let outcomes = acme.outcomes(&[Step::update(User, "a").named("c").at(5)]).await?;
    let revision = outcomes.first().and_then(Outcome::revision);
    ensure_eq!(
        revision.map(|revision| revision.last_modified),
        Some(minute(9)),
        "the time of an outcome"
    );
    was_changed(acme, User, "a", 2, minute(9)).await?;
    acme.apply(&[Step::delete(User, "b").at(6)]).await?;
    was_changed(acme, Group, "g", 2, minute(9)).await?;
    acme.apply(&[Step::update(Group, "g").remove(&["a"]).at(7)])
        .await?;
    was_changed(acme, Group, "g", 3, minute(9)).await?;
    acme.apply(&[Step::update(User, "a").named("d").at(10)]).await?;
    was_changed(acme, User, "a", 3, minute(10)).await
}

pub(crate) async fn an_update_of_nothing_changes_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.apply(&[Step::create(User, "u1").at(1)]).await?;
    let outcomes = acme
        .apply(&[
            Step::update(User, "u1").at(2),
            Step::update(User, "u1").precondition(1).at(3),
        ])
        .await?;
    ensure_eq!(
        outcomes,
        [Effect::Unchanged(1); 2],
        "the outcome of updates of nothing"
    );
    was_changed(acme, User, "u1", 1, minute(1)).await
}

pub(crate) async fn an_update_that_finds_the_demanded_version_is_made(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "u1")]).await?;
    for version in 1..5 {
        let step = Step::update(User, "u1")
            .named("u1")
            .with("title", "t")
            .precondition(version);
        let outcomes = acme.apply(&[step]).await?;
        ensure_eq!(
            outcomes,
            [Effect::Changed(version + 1)],
            "an update that demands {version}"
        );
    }
    Ok(())
}

pub(crate) async fn a_change_that_finds_another_version_is_refused(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[Step::create(User, "m"), Step::create(Group, "g1").add(&["m"])])
        .await?;
    acme.apply(&[Step::update(Group, "g1").named("second")]).await?;
    for version in [0, 1, 3, u64::from(u32::MAX)] {
        for step in [
            Step::update(Group, "g1").named("lost"),
            Step::update(Group, "g1").remove(&["m"]),
            Step::update(Group, "g1"),
            Step::delete(Group, "g1"),
        ] {
            let refusal = acme.refuse(&[step.clone().precondition(version)]).await?;
            let expected = Refusal::VersionMismatch {
                change: 0,
                current: 2,
            };
            ensure_eq!(
                refusal,
                expected,
                "{:?} that demands version {version}",
                step.action
            );
        }
    }
    acme.apply(&[Step::delete(Group, "g1").precondition(2)]).await?;
    ensure_eq!(
        acme.get(Group, "g1").await?,
        None,
        "a group that was deleted at its version"
    );
    Ok(())
}

pub(crate) async fn existence_is_checked_first_then_the_version_then_the_rest(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    acme.apply(&[
        Step::create(User, "u1"),
        Step::create(User, "u2"),
        Step::create(Group, "g1"),
    ])
    .await?;
    let nowhere = acme
        .refuse(&[Step::update(User, "u3").named("u2").precondition(9)])
        .await?;
    ensure_eq!(
        nowhere,
        Refusal::NotFound { change: 0 },
        "no such user, wrong version, key taken"
    );
    let stale = acme
        .refuse(&[Step::update(User, "u1").named("u2").precondition(9)])
        .await?;
    ensure_eq!(
        stale,
        Refusal::VersionMismatch {
            change: 0,
            current: 1
        },
        "wrong version, key taken"
    );
    let stale = acme
        .refuse(&[Step::update(Group, "g1").add(&["nobody"]).precondition(9)])
        .await?;
    ensure_eq!(
        stale,
        Refusal::VersionMismatch {
            change: 0,
            current: 1
        },
        "wrong version, unknown member"
    );
    Ok(())
}

/// Checks a resource's version and the time of its last change.
pub(crate) async fn was_changed(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    id: &str,
    version: u64,
    last_modified: DateTime,
) -> Verdict {
    let stored = acme.read(kind, id).await?;
    let meta = stored.resource.meta().unwrap_or_default();
    ensure_eq!(stored.version.number(), version, "the version of `{id}`");
    ensure_eq!(
        meta.version.map(String::from),
        Some(EntityTag::from(stored.version).to_string()),
        "meta.version of `{id}`"
    );
    ensure_eq!(
        meta.last_modified,
        Some(last_modified),
        "meta.lastModified of `{id}`"
    );
    Ok(())
}

/// When a resource was created, by its metadata.
pub(crate) async fn created(
    acme: &Tenancy<'_, impl Tested>,
    kind: Kind,
    id: &str,
) -> Result<Option<DateTime>, crate::failure::Failure> {
    Ok(acme
        .read(kind, id)
        .await?
        .resource
        .meta()
        .and_then(|meta| meta.created))
}
