//! What was committed is there when a durable store is opened again.

use keyfob_store::{Store, Visibility};

use crate::{
    cases::events::are_dense,
    effect::{Effect, Refusal},
    failure::{Failure, Verdict},
    fixture::{Device, Group, User},
    harness::Harness,
    step::{Step, delta},
    tenancy::{Tenancy, Tested, new_commit_id},
};

pub(crate) fn a_store_that_is_opened_again_holds_what_it_held<H: Harness>(harness: &H) -> Verdict {
    harness.run(async {
        let store = harness.open().await?;
        needs_durability(&store)?;
        fill(&Tenancy::new(harness, &store, "acme")).await?;
        fill(&Tenancy::new(harness, &store, "globex")).await?;
        Tenancy::new(harness, &store, "globex")
            .apply(&[Step::delete(Group, "g")])
            .await?;
        let mut states = Vec::new();
        for tenant in ["acme", "globex", "initech"] {
            states.push((tenant, Tenancy::new(harness, &store, tenant).state().await?));
        }
        let store = harness.reopen(store).await?;
        for (tenant, before) in &states {
            let after = Tenancy::new(harness, &store, tenant).state().await?;
            after.check_equal(
                before,
                &format!("what {tenant} has after the store was opened again"),
            )?;
        }
        // And once more, since what is written when a store is opened may be what is missing the next time.
        let store = harness.reopen(store).await?;
        for (tenant, before) in &states {
            let after = Tenancy::new(harness, &store, tenant).state().await?;
            after.check_equal(
                before,
                &format!("what {tenant} has after the store was opened for the third time"),
            )?;
        }
        Ok(())
    })
}

pub(crate) fn a_store_that_is_opened_again_goes_on_where_it_stopped<H: Harness>(harness: &H) -> Verdict {
    harness.run(async {
        let store = harness.open().await?;
        needs_durability(&store)?;
        fill(&Tenancy::new(harness, &store, "acme")).await?;
        let store = harness.reopen(store).await?;
        let acme = Tenancy::new(harness, &store, "acme");
        for (steps, expected) in [
            ([Step::create(User, "g")], Refusal::IdTaken { change: 0 }),
            (
                [Step::create(User, "x").named("RENAMED")],
                Refusal::Uniqueness {
                    change: 0,
                    attribute: "userName".to_owned(),
                },
            ),
            (
                [Step::update(User, "b").named("b").precondition(1)],
                Refusal::VersionMismatch {
                    change: 0,
                    current: 2,
                },
            ),
        ] {
            ensure_eq!(
                acme.refuse(&steps).await?,
                expected,
                "a commit to a store that was opened again"
            );
        }
        acme.apply(&[
            Step::create(User, "0").named("b").at(9),
            Step::update(Group, "g").add(&["0"]),
        ])
        .await?;
        ensure_eq!(
            acme.apply(&[Step::create(User, "gone").at(10)]).await?,
            [Effect::Changed(2)],
            "the version under an id that was deleted before the store was opened again"
        );
        ensure_eq!(
            acme.ids(User).await?,
            ["b", "a", "0", "gone"],
            "the order, with one that came after"
        );
        ensure_eq!(
            acme.find(User, r#"userName eq "renamed""#).await?,
            ["b"],
            "a user that was there before"
        );
        ensure_eq!(
            acme.find(User, r#"externalId eq "7""#).await?,
            ["a"],
            "a user that was there before"
        );
        ensure_eq!(
            acme.member_ids(Group, "g", "members").await?,
            ["0", "a", "b"],
            "the members, old and new"
        );
        ensure_eq!(
            acme.version(Group, "g").await?,
            4,
            "the version of a group that went on changing"
        );
        Ok(())
    })
}

pub(crate) fn positions_go_on_in_a_store_that_is_opened_again<H: Harness>(harness: &H) -> Verdict {
    harness.run(async {
        let mut store = harness.open().await?;
        needs_durability(&store)?;
        for round in 1..4 {
            let acme = Tenancy::new(harness, &store, "acme");
            acme.apply(&[Step::publish("a", User, "u"), Step::publish("b", User, "u")])
                .await?;
            acme.other("globex")
                .apply(&[Step::publish("c", User, "u")])
                .await?;
            let events = acme.events().await?;
            ensure_eq!(events.len(), 2 * round, "how many events there are");
            are_dense(&events)?;
            store = harness.reopen(store).await?;
        }
        Ok(())
    })
}

pub(crate) fn a_store_that_is_opened_again_knows_its_commits_and_its_consumers<H: Harness>(
    harness: &H,
) -> Verdict {
    harness.run(async {
        let store = harness.open().await?;
        needs_durability(&store)?;
        let acme = Tenancy::new(harness, &store, "acme");
        let commit = acme.to_commit(&[Step::create(User, "u"), Step::publish("created", User, "u").of(0)])?;
        let id = commit.id.clone();
        acme.commit_all(vec![commit]).await?;
        acme.acknowledge("billing", 1).await?;
        let store = harness.reopen(store).await?;
        let acme = Tenancy::new(harness, &store, "acme");
        ensure!(
            acme.committed(&id).await?,
            "a commit is not known in a store that was opened again"
        );
        ensure!(
            !acme.committed(&new_commit_id()).await?,
            "a commit that never was is known in a store that was opened again"
        );
        ensure_eq!(
            acme.acknowledged("billing").await?,
            1,
            "what a consumer has acknowledged in a store that was opened again"
        );
        Ok(())
    })
}

/// Ends the case unless what is committed outlives the process.
fn needs_durability(store: &impl Store) -> Verdict {
    if store.capabilities().durable {
        Ok(())
    } else {
        Err(Failure::inapplicable(
            "the store keeps nothing beyond the process",
        ))
    }
}

async fn fill(tenant: &Tenancy<'_, impl Tested>) -> Verdict {
    tenant.apply(&[Step::create(User, "b").at(1)]).await?;
    tenant
        .apply(&[
            Step::create(User, "a")
                .with("externalId", "7")
                .state("origin", "import")
                .at(2),
            Step::create(User, "gone"),
        ])
        .await?;
    tenant
        .apply(&[
            Step::create(Group, "g").add(&["a", "b", "gone"]).at(3),
            Step::publish("filled", Group, "g"),
        ])
        .await?;
    if tenant.kinds().contains(&Device) {
        tenant
            .apply(&[Step::create(Device, "d")
                .add(&["a", "g"])
                .delta(delta("components", &["b"], &[]))
                .at(4)])
            .await?;
    }
    tenant
        .apply(&[
            Step::update(User, "b").named("renamed"),
            Step::publish("changed", User, "b").of(0),
            Step::update(Group, "g").add(&["a"]),
            Step::publish("lost", Group, "g").of(2),
            Step::delete(User, "gone"),
            Step::update(Group, "g").named("Guides").at(7),
        ])
        .await?;
    if tenant.capabilities().hiding {
        tenant
            .apply(&[
                Step::create(User, "hidden"),
                Step::create(Group, "h").add(&["hidden"]),
                Step::update(User, "hidden").seen(Visibility::Hidden).at(8),
            ])
            .await?;
    }
    Ok(())
}
