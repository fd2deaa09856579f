//! What was committed is there when a durable store is opened again.

use keyfob_store::Store;

use crate::{
    cases::events::{ids, published},
    failure::Verdict,
    fixture::{Device, Group, User},
    harness::Harness,
    step::{Step, delta},
    tenancy::{Refusal, Tenancy},
};

pub(crate) fn a_store_that_is_opened_again_holds_what_it_held<H: Harness>(harness: &H) -> Verdict {
    harness.run(async {
        let store = harness.open().await?;
        if !store.capabilities().durable {
            return Ok(());
        }
        fill(&Tenancy::new(&store, "acme")).await?;
        fill(&Tenancy::new(&store, "globex")).await?;
        Tenancy::new(&store, "globex")
            .apply(&[Step::delete(Group, "g")])
            .await?;
        let mut states = Vec::new();
        for tenant in ["acme", "globex", "initech"] {
            states.push((tenant, Tenancy::new(&store, tenant).state().await?));
        }
        let store = harness.reopen(store).await?;
        for (tenant, before) in &states {
            let after = Tenancy::new(&store, tenant).state().await?;
            after.check_equal(
                before,
                &format!("what {tenant} has after the store was opened again"),
            )?;
        }
        // And once more, since what is written when a store is opened may be what is missing the next time.
        let store = harness.reopen(store).await?;
        for (tenant, before) in &states {
            let after = Tenancy::new(&store, tenant).state().await?;
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
        if !store.capabilities().durable {
            return Ok(());
        }
        fill(&Tenancy::new(&store, "acme")).await?;
        let store = harness.reopen(store).await?;
        let acme = Tenancy::new(&store, "acme");
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
            Step::create(User, "0").named("b"),
            Step::update(Group, "g").add(&["0"]),
        ])
        .await?;
        ensure_eq!(
            acme.ids(User).await?,
            ["b", "a", "0"],
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

pub(crate) fn event_ids_grow_on_in_a_store_that_is_opened_again<H: Harness>(harness: &H) -> Verdict {
    harness.run(async {
        let store = harness.open().await?;
        if !store.capabilities().durable {
            return Ok(());
        }
        let mut all = Vec::new();
        let mut store = store;
        for round in 0..3 {
            let acme = Tenancy::new(&store, "acme");
            all.extend(published(
                &acme
                    .apply(&[Step::publish("a", User, "u"), Step::publish("b", User, "u")])
                    .await?,
            )?);
            all.extend(published(
                &acme
                    .other("globex")
                    .apply(&[Step::publish("c", User, "u")])
                    .await?,
            )?);
            ensure!(
                all.is_sorted_by(|left, right| left < right),
                "event ids don't grow: {all:?}"
            );
            ensure_eq!(
                ids(&acme.events(None, 99).await?).len(),
                2 * (round + 1),
                "how many events there are"
            );
            store = harness.reopen(store).await?;
        }
        Ok(())
    })
}

async fn fill(tenant: &Tenancy<'_, impl Tested>) -> Verdict {
    tenant
        .apply(&[
            Step::create(User, "b").at(1),
            Step::create(User, "a").with("externalId", "7").at(2),
            Step::create(User, "gone"),
            Step::create(Group, "g").add(&["a", "b", "gone"]).at(3),
            Step::create(Device, "d")
                .add(&["a", "g"])
                .delta(delta("components", &["b"], &[])),
            Step::publish("filled", Group, "g").at(4),
        ])
        .await?;
    tenant
        .apply(&[
            Step::update(User, "b").named("renamed").at(5),
            Step::publish("changed", User, "b").of(0),
            Step::update(Group, "g").add(&["a"]),
            Step::publish("lost", Group, "g").of(2),
            Step::delete(User, "gone").at(6),
            Step::update(Group, "g").named("Guides").at(7),
        ])
        .await?;
    Ok(())
}
