//! A store as a whole is looked after.

use keyfob_core::{Collation, CompareKey, ResourceId};
use keyfob_store::{Finding, Stored, UniqueKey};

use crate::{
    cases::relations::users,
    failure::Verdict,
    fixture::{Group, User},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn tenants_are_listed_in_order(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    ensure_eq!(
        acme.tenants(None, 9).await?,
        [""; 0],
        "the tenants of an empty store"
    );
    for tenant in ["d", "b", "B", "c"] {
        users(&acme.other(tenant), &["u"]).await?;
    }
    let published = acme.other("a");
    published.apply(&[Step::publish("news", User, "u")]).await?;
    let published = published.state().await?.events.is_some();
    // Reading a tenant and committing nothing don't make one.
    acme.other("nothing").state().await?;
    acme.other("nothing").apply(&[]).await?;
    acme.other("nothing").refuse(&[Step::delete(User, "u")]).await?;
    let all: Vec<&str> = ["B", "a", "b", "c", "d"]
        .into_iter()
        .filter(|tenant| *tenant != "a" || published)
        .collect();
    ensure_eq!(acme.tenants(None, 9).await?, all, "the tenants");
    for (after, limit, expected) in [
        (Some("a"), 2, &["b", "c"][..]),
        (Some("bb"), 9, &["c", "d"]),
        (Some("d"), 9, &[]),
        (None, 0, &[]),
    ] {
        ensure_eq!(
            acme.tenants(after, limit).await?,
            expected,
            "{limit} tenants after {after:?}"
        );
    }
    acme.other("b").apply(&[Step::delete(User, "u")]).await?;
    ensure!(
        acme.tenants(None, 9).await?.contains(&"c".to_owned()),
        "a tenant is not listed any more because another deleted its users"
    );
    Ok(())
}

pub(crate) async fn a_tenant_that_is_erased_leaves_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    ensure!(!acme.erase().await?, "there was something in an empty store");
    fill(acme).await?;
    let has_events = acme.state().await?.events.is_some();
    if has_events {
        acme.acknowledge("billing", 1).await?;
    }
    ensure!(
        acme.erase().await?,
        "there was nothing in a tenant with resources"
    );
    let state = acme.state().await?;
    ensure_eq!(state.resources, [], "the resources of an erased tenant");
    if let Some(events) = state.events {
        ensure_eq!(events, [], "the events of an erased tenant");
        ensure_eq!(
            acme.acknowledged("billing").await?,
            0,
            "what a consumer has acknowledged of an erased tenant"
        );
        ensure_eq!(
            acme.with_news("billing", None, 9).await?,
            [""; 0],
            "the tenants with news"
        );
    }
    ensure_eq!(acme.tenants(None, 9).await?, [""; 0], "the tenants");
    ensure!(!acme.erase().await?, "there was something in an erased tenant");
    // Neither ids nor keys nor edges are left.
    fill(acme).await?;
    ensure_eq!(
        acme.member_ids(Group, "g", "members").await?,
        ["a", "b"],
        "the members of a group of a new tenant of that id"
    );
    Ok(())
}

pub(crate) async fn erasing_one_tenant_leaves_the_others(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let others = ["acm", "acme2", "globex"].map(|tenant| acme.other(tenant));
    fill(acme).await?;
    let mut before = Vec::new();
    for other in &others {
        fill(other).await?;
        before.push(other.state().await?);
    }
    acme.erase().await?;
    for (other, before) in others.iter().zip(&before) {
        other
            .state()
            .await?
            .check_equal(before, "erasing one tenant changed another")?;
    }
    ensure_eq!(
        acme.tenants(None, 9).await?,
        ["acm", "acme2", "globex"],
        "the tenants"
    );
    Ok(())
}

pub(crate) async fn a_check_of_a_sound_store_finds_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    fill(acme).await?;
    acme.apply(&[
        Step::update(User, "a").named("renamed").with("externalId", "7"),
        Step::delete(User, "b"),
    ])
    .await?;
    let before = acme.state().await?;
    ensure_eq!(acme.check(User, &by_name).await?, [], "the findings among users");
    ensure_eq!(
        acme.check(Group, &|_| Vec::new()).await?,
        [],
        "the findings among groups"
    );
    ensure_eq!(
        acme.other("globex").check(User, &by_name).await?,
        [],
        "the findings in a tenant that has nothing"
    );
    acme.state()
        .await?
        .check_equal(&before, "a check changed something")
}

pub(crate) async fn a_check_finds_keys_that_are_not_reserved(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let mut steps = vec![
        Step::create(User, "owner").named("ada"),
        Step::create(User, "idle").named("grace").keys(&[]),
    ];
    // Where names are unique without any key, nobody can take another's.
    if !acme.has_unique_names {
        steps.push(Step::create(User, "twin").named("ADA").keys(&[]));
    }
    acme.apply(&steps).await?;
    let before = acme.state().await?;
    let mut found = acme.check(User, &by_name).await?;
    found.sort_by_key(|finding| matches!(finding, Finding::Collision { .. }));
    let key = |name| UniqueKey::new("userName", CompareKey::new(Collation::UserName, name));
    let mut expected = vec![Finding::Unreserved {
        resource: ResourceId::new("idle"),
        key: key("grace"),
    }];
    if !acme.has_unique_names {
        expected.push(Finding::Collision {
            resource: ResourceId::new("twin"),
            key: key("ada"),
            owner: ResourceId::new("owner"),
        });
    }
    ensure_eq!(found, expected, "the findings");
    acme.state()
        .await?
        .check_equal(&before, "a check changed something")
}

pub(crate) async fn a_check_expects_no_keys_of_hidden_resources(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["a", "b"]).await?;
    acme.apply(&[Step::hide(User, "a")]).await?;
    acme.apply(&[Step::create(User, "c").named("a")]).await?;
    ensure_eq!(acme.check(User, &by_name).await?, [], "the findings");
    Ok(())
}

/// The keys that a stored user reserves.
fn by_name(stored: &Stored) -> Vec<UniqueKey> {
    User.keys(&stored.resource)
}

async fn fill(tenant: &Tenancy<'_, impl Tested>) -> Verdict {
    users(tenant, &["a", "b"]).await?;
    tenant
        .apply(&[
            Step::create(Group, "g").add(&["a", "b"]),
            Step::publish("created", Group, "g").of(0),
        ])
        .await?;
    Ok(())
}
