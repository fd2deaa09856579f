//! Events are read forwards by consumers and backwards by auditors, and trimmed.

use keyfob_core::ResourceId;
use keyfob_store::{Actor, FeedError, LookBack, Position};

use crate::{
    cases::events::{are_dense, names},
    failure::{Failure, Verdict},
    fixture::{User, minute},
    step::Step,
    tenancy::{Tenancy, Tested},
};

pub(crate) async fn what_is_acknowledged_is_kept_for_each_consumer_and_tenant(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    let globex = acme.other("globex");
    publish(acme, 5).await?;
    publish(&globex, 5).await?;
    ensure_eq!(
        acme.acknowledged("billing").await?,
        0,
        "what a consumer has acknowledged that never did"
    );
    acme.acknowledge("billing", 3).await?;
    acme.acknowledge("audit", 1).await?;
    globex.acknowledge("billing", 2).await?;
    for (tenant, consumer, expected) in [
        (acme, "billing", 3),
        (acme, "audit", 1),
        (acme, "Billing", 0),
        (&globex, "billing", 2),
        (&globex, "audit", 0),
    ] {
        ensure_eq!(
            tenant.acknowledged(consumer).await?,
            expected,
            "what {consumer} has acknowledged"
        );
    }
    Ok(())
}

pub(crate) async fn an_acknowledgement_does_not_go_back(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    publish(acme, 5).await?;
    for (position, expected) in [(3, 3), (2, 3), (3, 3), (0, 3), (4, 4)] {
        acme.acknowledge("billing", position).await?;
        ensure_eq!(
            acme.acknowledged("billing").await?,
            expected,
            "what is acknowledged after {position}"
        );
    }
    Ok(())
}

pub(crate) async fn a_tenant_has_news_until_a_consumer_acknowledges_them(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    ensure_eq!(
        acme.with_news("billing", None, 9).await?,
        [""; 0],
        "the tenants with news of an empty store"
    );
    acme.apply(&[Step::create(User, "silent")]).await?;
    let order = ["a", "b", "c", "d", "e"];
    for tenant in ["d", "b", "e", "a", "c"] {
        publish(&acme.other(tenant), 2).await?;
    }
    ensure_eq!(
        acme.with_news("billing", None, 9).await?,
        order,
        "the tenants with news"
    );
    for (after, limit, expected) in [
        (None, 2, &["a", "b"][..]),
        (Some("b"), 2, &["c", "d"]),
        (Some("bb"), 9, &["c", "d", "e"]),
        (Some("e"), 2, &[]),
        (None, 0, &[]),
    ] {
        ensure_eq!(
            acme.with_news("billing", after, limit).await?,
            expected,
            "{limit} tenants with news after {after:?}"
        );
    }
    acme.other("a").acknowledge("billing", 2).await?;
    acme.other("b").acknowledge("billing", 1).await?;
    acme.other("c").acknowledge("audit", 2).await?;
    ensure_eq!(
        acme.with_news("billing", None, 9).await?,
        ["b", "c", "d", "e"],
        "the tenants with news after one is read and another in part"
    );
    publish(&acme.other("a"), 1).await?;
    ensure_eq!(
        acme.with_news("billing", None, 9).await?,
        order,
        "the tenants with news after one has some again"
    );
    Ok(())
}

pub(crate) async fn events_are_looked_back_at_from_the_newest(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    for (limit, expected) in [
        (0, &[][..]),
        (1, &["6"]),
        (4, &["6", "5", "4", "3"]),
        (6, &["6", "5", "4", "3", "2", "1"]),
        (usize::MAX, &["6", "5", "4", "3", "2", "1"]),
    ] {
        let query = LookBack {
            limit,
            ..LookBack::default()
        };
        ensure_eq!(
            names(&acme.look_back(&query).await?),
            expected,
            "looking back at {limit} events"
        );
    }
    let all = acme.look_back(&all()).await?;
    let mut events = acme.events().await?;
    events.reverse();
    ensure_eq!(all, events, "the events from both ends");
    Ok(())
}

pub(crate) async fn events_are_looked_back_at_by_resource_actor_time_and_position(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    let of = |id: &str| LookBack {
        resource: Some(ResourceId::new(id)),
        ..all()
    };
    let by = |identity: &str| LookBack {
        identity: Some(identity.into()),
        ..all()
    };
    let between = |since: Option<i64>, until: Option<i64>| LookBack {
        since: since.map(minute),
        until: until.map(minute),
        ..all()
    };
    let before = |position| LookBack {
        before: Some(Position::new(position)),
        ..all()
    };
    for (query, expected) in [
        (of("u"), &["5", "3", "1"][..]),
        (of("v"), &["6", "4", "2"]),
        (of("nobody"), &[]),
        (by("ada"), &["4", "3", "2", "1"]),
        (by("grace"), &["6", "5"]),
        (by("Ada"), &[]),
        (between(Some(2), None), &["6", "5", "4", "3"]),
        (between(None, Some(2)), &["2", "1"]),
        (between(Some(2), Some(3)), &["4", "3"]),
        (between(Some(4), None), &[]),
        (before(4), &["3", "2", "1"]),
        (before(1), &[]),
        (before(99), &["6", "5", "4", "3", "2", "1"]),
        (
            LookBack {
                identity: Some("ada".into()),
                since: Some(minute(2)),
                ..of("u")
            },
            &["3"],
        ),
        (
            LookBack {
                before: Some(Position::new(5)),
                limit: 1,
                ..of("u")
            },
            &["3"],
        ),
    ] {
        ensure_eq!(
            names(&acme.look_back(&query).await?),
            expected,
            "looking back with {query:?}"
        );
    }
    Ok(())
}

pub(crate) async fn trimming_removes_what_every_consumer_has_read(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    acme.acknowledge("billing", 4).await?;
    acme.acknowledge("audit", 2).await?;
    ensure_eq!(acme.trim(1, 0, 99).await?, 0, "how many are old enough");
    // The commits are of the minutes 1, 2 and 3, with two events each.
    ensure_eq!(
        acme.trim(3, 0, 99).await?,
        2,
        "how many are old enough and read by all"
    );
    acme.acknowledge("audit", 6).await?;
    ensure_eq!(
        acme.trim(3, 0, 99).await?,
        2,
        "how many are old enough and read by all, after one has read on"
    );
    ensure_eq!(
        names(&acme.look_back(&all()).await?),
        ["6", "5"],
        "the events that are left"
    );
    ensure_eq!(names(&acme.events().await?), ["5", "6"], "the feed that is left");
    Ok(())
}

pub(crate) async fn trimming_removes_what_is_too_old_although_nobody_has_read_it(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    publish(&acme.other("globex"), 3).await?;
    // The first of two events of one commit.
    acme.acknowledge("billing", 1).await?;
    ensure_eq!(acme.trim(99, 0, 99).await?, 0, "how many a consumer has read");
    ensure_eq!(acme.trim(99, 3, 99).await?, 4, "how many are too old");
    ensure_eq!(
        acme.other("globex").events().await?.len(),
        3,
        "how many events another tenant has"
    );
    Ok(())
}

pub(crate) async fn trimming_removes_a_bounded_number_and_splits_no_commit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    ensure_eq!(acme.trim(99, 99, 0).await?, 0, "how many of none");
    for (limit, expected, left) in [(3, 2, 4), (2, 2, 2), (99, 2, 0), (99, 0, 0)] {
        ensure_eq!(
            acme.trim(99, 99, limit).await?,
            expected,
            "how many were trimmed of {limit}"
        );
        ensure_eq!(acme.events().await?.len(), left, "how many are left");
    }
    Ok(())
}

pub(crate) async fn trimming_removes_a_first_commit_that_is_larger_than_the_limit(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    stage(acme).await?;
    ensure_eq!(acme.trim(99, 99, 1).await?, 2, "how many were trimmed of 1");
    ensure_eq!(acme.events().await?.len(), 4, "how many are left");
    Ok(())
}

pub(crate) async fn a_reader_behind_the_trim_is_told(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    acme.trim(0, 2, 99).await?;
    for after in [0, 1] {
        is_gone(acme, after, 3).await?;
    }
    ensure_eq!(
        names(&acme.feed(2, 99).await?),
        ["3", "4", "5", "6"],
        "the events after the last that was trimmed"
    );
    acme.trim(99, 99, 99).await?;
    for after in [0, 5] {
        is_gone(acme, after, 7).await?;
    }
    ensure_eq!(acme.feed(6, 99).await?, [], "the events after all were trimmed");
    Ok(())
}

pub(crate) async fn positions_go_on_after_a_trim(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    stage(acme).await?;
    acme.trim(99, 99, 99).await?;
    publish(acme, 2).await?;
    let positions: Vec<u64> = acme
        .feed(6, 99)
        .await?
        .iter()
        .map(|event| event.position.number())
        .collect();
    ensure_eq!(positions, [7, 8], "the positions after everything was trimmed");
    is_gone(acme, 0, 7).await?;
    acme.acknowledge("billing", 8).await?;
    ensure_eq!(
        acme.with_news("billing", None, 9).await?,
        [""; 0],
        "the tenants with news"
    );
    Ok(())
}

async fn is_gone(acme: &Tenancy<'_, impl Tested>, after: u64, oldest: u64) -> Verdict {
    let read = acme.store.read_feed(&acme.tenant, Position::new(after), 9).await;
    match read {
        Err(FeedError::Gone { oldest: found }) => {
            ensure_eq!(
                found.number(),
                oldest,
                "the oldest position that is left, behind {after}"
            );
            Ok(())
        }
        other => Err(Failure::new(format!(
            "reading after {after}, behind what was trimmed, gives {other:?}"
        ))),
    }
}

/// Publishes events in one commit each.
async fn publish(acme: &Tenancy<'_, impl Tested>, count: usize) -> Verdict {
    for _ in 0..count {
        acme.apply(&[Step::publish("news", User, "u")]).await?;
    }
    Ok(())
}

/// Publishes the events `1` to `6`: two in each commit, of the resources `u` and `v`, in the minutes 1, 2 and 3, of which
/// `ada` makes the first two.
async fn stage(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.events().await?;
    for (number, identity) in [(1, "ada"), (2, "ada"), (3, "grace")] {
        let name = |of: i64| (2 * number + of - 2).to_string();
        let mut commit = acme.to_commit(&[
            Step::publish(&name(1), User, "u").at(number),
            Step::publish(&name(2), User, "v"),
        ])?;
        commit.actor = Actor::new("admin").with_identity(identity);
        acme.commit_all(vec![commit]).await?;
    }
    are_dense(&acme.events().await?)
}

fn all() -> LookBack {
    LookBack {
        limit: 99,
        ..LookBack::default()
    }
}
